"""The summary page: everything a reader wants to see of a run, in one file without references to others."""

import base64
import csv
import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import jinja2

from darkreach import __version__
from darkreach.columnar.templates import Templates, read_templates
from darkreach.errors import DarkreachError
from darkreach.files import write_whole
from darkreach.publish.account import read_account
from darkreach.publish.control_figures import control_figures


def write_report(
    limits: Sequence[Path],
    accounts: Sequence[Path],
    cards: Sequence[Path],
    templates: Sequence[Path],
    assumed: Sequence[str],
    stand_in: bool,
    output: Path,
) -> None:
    """Write the page from the results of all searches.

    Figures, checks and provenance of a limit table lie beside it.

    Raises:
        DarkreachError: an input is missing or is not what its option says.
    """
    if len(accounts) != len(templates):
        raise DarkreachError("--accounts and --templates must name one file each per search")
    read = [read_templates(path) for path in templates]
    models = [_model_summary(path) for path in limits]
    unblinding = {model["search"]: model["unblind"] for model in models}
    page = (
        _environment()
        .get_template("report.html.j2")
        .render(
            version=__version__,
            models=models,
            searches=[
                _search_summary(read_account(path), search_templates, unblinding)
                for path, search_templates in zip(accounts, read, strict=True)
            ],
            cards=[_card_summary(_json(path), path) for path in cards],
            assumed=assumed,
            stand_in=stand_in,
        )
    )
    write_whole(output, page.encode())


def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _json(path: Path) -> dict[str, Any]:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DarkreachError(f"{path}: cannot read this JSON file ({type(error).__name__})") from None


def _picture(path: Path) -> str:
    try:
        return base64.b64encode(path.read_bytes()).decode()
    except OSError as error:
        raise DarkreachError(f"{path}: cannot read this figure ({error.strerror})") from None


def _model_summary(path: Path) -> dict[str, Any]:
    """What to say of one limit table: hypotheses by status, best limits, largest local excess."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        fitted = [row for row in rows if row["sigma_limit_exp_fb"]]
        # one lifetime for the summary: at once if tested, and the model's own for the coupling
        prompt, natural = _of_kind(fitted, "prompt", "natural"), _of_kind(fitted, "natural", "prompt")
        return {
            "search": rows[0]["search"],
            "model": rows[0]["model"],
            "statuses": Counter(map(_status_in_short, rows)).most_common(),
            "hypotheses": len(rows),
            "lifetimes": Counter(row["lifetime_hypothesis"] for row in rows).most_common(),
            "range_GeV": _range(rows, "mass_GeV"),
            "observed": _range(prompt, "sigma_limit_obs_fb"),
            "expected": _range(prompt, "sigma_limit_exp_fb"),
            "coupling": _range(natural, "coupling_limit_obs") or _range(natural, "coupling_limit_exp"),
            "upper_edge": _range(natural, "coupling_upper_edge_obs")
            or _range(natural, "coupling_upper_edge_exp"),
            "excess": max(
                (row for row in fitted if row["z_local"]), key=lambda r: float(r["z_local"]), default=None
            ),
            "checks": _json(path.with_name(f"{path.stem}_checks.json")),
            "unblind": _json(path.with_name(f"{path.stem}_provenance.json"))["common"]["unblind"],
            "provenance": f"{path.stem}_provenance.json",
            "figure": _picture(path.with_suffix(".png")),
            "triggers": _picture(path.with_name(f"{path.stem}_triggers.png")),
            "table": path.name,
        }
    except (OSError, KeyError, IndexError, ValueError) as error:
        raise DarkreachError(
            f"{path}: not a limit table ({type(error).__name__}); make the limits again"
        ) from None


def _status_in_short(row: dict[str, str]) -> str:
    """The status; of a failure that it is one, as the table has its sentence."""
    return "failed" if row["status"].startswith("failed") else row["status"]


def _of_kind(rows: Sequence[dict[str, str]], first: str, otherwise: str) -> list[dict[str, str]]:
    """Rows of the first kind of lifetime, or where there are none, of the other."""
    by_kind = {kind: [r for r in rows if r["lifetime_hypothesis"] == kind] for kind in (first, otherwise)}
    return by_kind[first] or by_kind[otherwise]


def _card_summary(card: dict[str, Any], path: Path) -> dict[str, Any]:
    """What to say of one classifier."""
    try:
        folds = card["folds"]
        p_values = [fold[key] for fold in folds for key in ("ks_p_signal", "ks_p_background")]
        return {
            "region": card["region"],
            "search": card["specification"]["search"],
            "trained": card["trained"],
            "auc_train": [fold["auc_train"] for fold in folds],
            "auc_test": [fold["auc_test"] for fold in folds],
            "overtraining_p": min(p_values, default=None),
            "cut": card["cut"] and card["cut"]["value"],
            "warnings": card["warnings"],
        }
    except (KeyError, TypeError) as error:
        raise DarkreachError(f"{path}: not a model card ({type(error).__name__}); train again") from None


def _range(rows: Sequence[dict[str, str]], column: str) -> tuple[float, float] | None:
    values = [float(row[column]) for row in rows if row[column]]
    return (min(values), max(values)) if values else None


def _search_summary(
    account: dict[str, Any], templates: Templates, unblinding: dict[str, dict[str, str] | None]
) -> dict[str, Any]:
    data = {name for name, sample in account["samples"].items() if sample["kind"] == "data"}
    pictures = [
        {"title": title, "png": base64.b64encode(png).decode()}
        for title, png in control_figures(templates, data, account["blind"])
    ]
    return account | {"figures": pictures, "unblind": unblinding.get(account["search"])}
