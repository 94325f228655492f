"""The limit table: all hypotheses of one model, with limits on the cross-section and on the coupling."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from darkreach.config.stages import LimitsSpec
from darkreach.detector import BEAMS
from darkreach.errors import DarkreachError
from darkreach.models.cross_section import cross_section_curve
from darkreach.models.registry import model_named
from darkreach.statistics.resolution import reduced_mass

# σ stands for σ(e⁺e⁻ → μ⁺μ⁻X) × B(X → μ⁺μ⁻). Empty cells: there is no such number.
COLUMNS = (
    "search",
    "model",
    "mass_GeV",
    "lifetime_m",
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
)
_FROM_SCAN = [name for name in COLUMNS if name.startswith("sigma_")]
_FORMATS = {"mass_GeV": ".6f", "lifetime_m": "g", "n_observed": "d", "p0_local": ".4e", "z_local": ".4f"}


def check_account(path: Path, luminosity_fb: float) -> None:
    """Check that the luminosity account is that of the templates which were scanned.

    Raises:
        DarkreachError: it is not, or cannot be read.
    """
    try:
        total = json.loads(path.read_text(encoding="utf-8"))["luminosity_fb"]["total_fb"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DarkreachError(
            f"{path}: not a luminosity account ({type(error).__name__}); merge again"
        ) from None
    if not np.isclose(total, luminosity_fb, rtol=1e-9):
        raise DarkreachError(
            f"{path}: accounts for {total:g} fb⁻¹, but {luminosity_fb:g} fb⁻¹ were scanned; scan again"
        )


def limit_table(rows: Sequence[dict[str, Any]], spec: LimitsSpec) -> list[dict[str, Any]]:
    """One row with `COLUMNS` per hypothesis; None where there is no such number.

    The coupling limit is √(σ limit / (σ at unit coupling × B)). It assumes a width below the resolution;
    where the model is broader at its own limit the status becomes `…: width exceeds resolution`.
    """
    per_coupling = unit_signal_fb([row["mass_GeV"] for row in rows], spec)
    return [_limit_row(row, unit, spec) for row, unit in zip(rows, per_coupling, strict=True)]


def unit_signal_fb(masses: ArrayLike, spec: LimitsSpec) -> np.ndarray:
    """σ(e⁺e⁻ → μ⁺μ⁻X) × B(X → μ⁺μ⁻) in fb at unit coupling for masses in GeV, (n,)."""
    sqrt_s = BEAMS[spec.detector].sqrt_s
    cross_sections = cross_section_curve(spec.model, masses, sqrt_s, spec.alpha, spec.isr)
    return cross_sections * model_named(spec.model).branching_fractions(np.asarray(masses))["mumu"]


def write_table(table: Sequence[dict[str, Any]], path: Path) -> None:
    """Write the table as CSV: fixed formats, empty cells for None, so that equal tables are equal bytes."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(COLUMNS)
        for row in table:
            writer.writerow([_cell(name, row[name]) for name in COLUMNS])


def _limit_row(row: dict[str, Any], unit: float, spec: LimitsSpec) -> dict[str, Any]:
    def coupling(name: str) -> float | None:
        return None if row[name] is None else float(np.sqrt(row[name] / unit))

    observed, expected = coupling("sigma_limit_obs_fb"), coupling("sigma_limit_exp_fb")
    limit = expected if observed is None else observed
    status = row["status"]
    if limit is not None and _is_broad(row, limit, spec):
        status += ": width exceeds resolution"
    return {
        "search": spec.search,
        "model": spec.model,
        "mass_GeV": row["mass_GeV"],
        "lifetime_m": 0.0,  # the signal is simulated to decay at once
        "status": status,
        "n_observed": row["n_observed"],
        "efficiency": row["efficiency"],
        **{name: row[name] for name in _FROM_SCAN},
        "coupling_limit_obs": observed,
        "coupling_limit_exp": expected,
        "p0_local": row["p0_local"],
        "z_local": row["z_local"],
    }


def _is_broad(row: dict[str, Any], coupling: float, spec: LimitsSpec) -> bool:
    """Whether X is broader than the mass resolution σ_m = σ_R dm/dm_R = σ_R m_R/m."""
    mass = row["mass_GeV"]
    resolution = row["resolution_GeV"] * float(reduced_mass(mass)) / mass
    return float(model_named(spec.model).width(mass, coupling)) > resolution


def _cell(name: str, value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return format(value, _FORMATS.get(name, ".6g"))
