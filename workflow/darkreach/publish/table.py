"""The limit table: all hypotheses of one model, with limits on the cross-section and on the coupling."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from darkreach.config.stages import LimitsSpec, ModelSpec
from darkreach.detector import BEAMS
from darkreach.errors import DarkreachError
from darkreach.models.registry import model_named
from darkreach.models.signal_rate import signal_cross_section_curve
from darkreach.searches.registry import search_named

# σ stands for the cross-section of the signal × branching fraction to all decays that the search looks for
# (`darkreach.models.signal_rate`). Empty cells: there is no such number.
COLUMNS = (
    "search",
    "model",
    "mass_GeV",
    "lifetime_m",
    "lifetime_hypothesis",
    "status",
    "n_observed",
    "efficiency",
    "sigma_limit_obs_fb",
    "sigma_limit_exp_m2_fb",
    "sigma_limit_exp_m1_fb",
    "sigma_limit_exp_fb",
    "sigma_limit_exp_p1_fb",
    "sigma_limit_exp_p2_fb",
    "coupling_limit_obs",
    "coupling_limit_exp",
    "p0_local",
    "z_local",
    "coupling_upper_edge_obs",
    "coupling_upper_edge_exp",
    "luminosity_fb",  # of the data that were read
    "provenance",  # name of a record in `{model}_provenance.json`
)
_WORDS = ("search", "model", "lifetime_hypothesis", "status", "provenance")
_FORMATS = {"mass_GeV": ".6f", "lifetime_m": "g", "n_observed": "d", "p0_local": ".4e", "z_local": ".4f"}


def limit_table(
    rows: Sequence[dict[str, Any]],
    spec: LimitsSpec,
    luminosity_fb: float,
    provenance: Mapping[str, str],
) -> list[dict[str, Any]]:
    """One row with `COLUMNS` per hypothesis; None where there is no such number.

    luminosity_fb: of the data that were read, fb⁻¹. provenance: chunk of the scan → name of its record.

    A coupling limit is the coupling with which the model predicts the limit on the cross-section, unless the
    limit was set on the coupling itself. It assumes a width below the resolution; where the model is broader
    at its own limit the status becomes `…: width exceeds resolution`.
    """
    per_coupling = unit_signal_fb([row["mass_GeV"] for row in rows], spec)
    return [
        _limit_row(row | {"luminosity_fb": luminosity_fb, "provenance": provenance[row["chunk"]]}, unit, spec)
        for row, unit in zip(rows, per_coupling, strict=True)
    ]


def unit_signal_fb(masses: ArrayLike, spec: ModelSpec) -> np.ndarray:
    """Cross-section × branching fraction in fb at unit coupling for masses in GeV, (n,)."""
    decays = tuple(dict.fromkeys(spec.channels.values()))
    sqrt_s = BEAMS[spec.detector].sqrt_s
    return signal_cross_section_curve(
        spec.model, masses, spec.production, decays, sqrt_s, spec.alpha, spec.isr
    )


def coupling_of(cross_section_fb: ArrayLike, unit_fb: ArrayLike, spec: ModelSpec) -> np.ndarray:
    """Coupling at a cross-section: it goes with g², or with |V|² for an N from decays of the τ."""
    ratio = np.asarray(cross_section_fb, float) / unit_fb
    return ratio if spec.production == "tau_decay" else np.sqrt(ratio)


def write_table(table: Sequence[dict[str, Any]], path: Path) -> None:
    """Write the table as CSV: fixed formats, empty cells for None, so that equal tables are equal bytes."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in table:
            writer.writerow([_cell(name, row[name]) for name in COLUMNS])


def read_table(path: Path) -> list[dict[str, Any]]:
    """The rows of a table, numbers as numbers, None for empty cells.

    Raises:
        DarkreachError: it is no limit table, or has no rows.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [
                {name: row[name] if name in _WORDS else _number(row[name]) for name in COLUMNS}
                for row in csv.DictReader(file)
            ]
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise DarkreachError(
            f"{path}: not a limit table ({type(error).__name__}); make the limits again"
        ) from None
    if not rows:
        raise DarkreachError(f"{path}: a limit table without hypotheses; scan again")
    return rows


def _number(cell: str) -> float | None:
    return float(cell) if cell else None


def _limit_row(row: dict[str, Any], unit: float, spec: LimitsSpec) -> dict[str, Any]:
    def coupling(which: str) -> float | None:
        own, limit = row[f"coupling_limit_{which}"], row[f"sigma_limit_{which}_fb"]
        if own is not None or limit is None or row["lifetime_hypothesis"] == "natural":
            return own
        return float(coupling_of(limit, unit, spec))

    observed, expected = coupling("obs"), coupling("exp")
    limit = expected if observed is None else observed
    status = row["status"]
    if limit is not None and _is_broad(row, limit, spec):
        status += ": width exceeds resolution"
    own = {"search": spec.search, "model": spec.model, "status": status}
    own |= {"coupling_limit_obs": observed, "coupling_limit_exp": expected}
    return {name: own[name] if name in own else row[name] for name in COLUMNS}


def _is_broad(row: dict[str, Any], coupling: float, spec: LimitsSpec) -> bool:
    """Whether X is broader than the resolution of the mass, σ_m = σ_x dm/dx with the observable x."""
    if row["resolution_GeV"] is None:
        return False
    search, mass = search_named(spec.search), row["mass_GeV"]
    x, half = search.observable_of_mass(mass), row["resolution_GeV"] / 2
    resolution = float(search.mass_of_observable(x + half) - search.mass_of_observable(max(x - half, 0.0)))
    return float(model_named(spec.model).width(mass, coupling)) > resolution


def _cell(name: str, value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return format(value, _FORMATS.get(name, ".6g"))
