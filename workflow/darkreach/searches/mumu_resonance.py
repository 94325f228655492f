"""e⁺e⁻ → μ⁺μ⁻X, X → μ⁺μ⁻: a narrow peak in the mass of one of the four muon pairs (arXiv:2403.02841).

One row is one choice of the pair that makes X; the other pair recoils. All four choices of an event are kept.
"""

import numpy as np
from pydantic import Field, model_validator

from darkreach.config.base import Fraction, Positive, Section
from darkreach.detector import BEAMS
from darkreach.detector import TRACKS as TRACK_RESOLUTIONS
from darkreach.models.constants import MUON_MASS
from darkreach.searches.cutflow import Cutflow
from darkreach.searches.kinematic_fit import fit_with_radiation
from darkreach.searches.kinematics import mass_squared, pair_mass_squared, track_momentum
from darkreach.searches.mumu_features import FEATURES, mumu_features

__all__ = ["FEATURES"]

METHOD = "peak"
REGION_VARIABLE = "mass"
CONTROLS = {
    "mass": (100, 0.0, 10.0),
    "four_track_mass": (100, 10.0, 11.0),
    "extra_energy": (50, 0.0, 0.5),
    "fit_chi2": (50, 0.0, 50.0),
}
TRACKS = ("x_plus", "x_minus", "recoil_plus", "recoil_minus")
TRACK_VARIABLES = ("px", "py", "pz", "charge", "dr", "dz", "muon_id")
EVENT_VARIABLES = ("beam_px", "beam_py", "beam_pz", "beam_e", "n_tracks", "extra_energy")
TRUTH = ("is_signal", "true_mass")

FIT_ROWS = 10_000  # rows fitted at a time: they stay in the processor's cache


class Selection(Section):
    """Four tracks that carry the whole energy."""

    maximum_abs_dr_cm: Positive
    maximum_abs_dz_cm: Positive
    minimum_muon_id: Fraction
    minimum_identified_muons: int = Field(ge=0, le=4)
    four_track_mass_GeV: tuple[Positive, Positive]
    maximum_extra_energy_GeV: Positive
    maximum_tracks: int = Field(ge=4, description="charged tracks in the event")

    @model_validator(mode="after")
    def _ordered(self) -> "Selection":
        low, high = self.four_track_mass_GeV
        if low >= high:
            raise ValueError(
                f"'four_track_mass_GeV' must be [low, high] with low < high, found {[low, high]}"
            )
        return self


def observable_of_mass(mass: np.ndarray) -> np.ndarray:
    """Reduced mass √(m² − 4m_μ²) of a resonance of mass m, GeV (arXiv:1606.03501)."""
    return np.sqrt(np.maximum(np.square(mass) - 4 * MUON_MASS**2, 0.0))


def mass_of_observable(observable: np.ndarray) -> np.ndarray:
    """Mass of a resonance whose reduced mass is `observable`, GeV."""
    return np.hypot(observable, 2 * MUON_MASS)


def candidates(
    variables: dict[str, np.ndarray], selection: Selection, detector: str, cutflow: Cutflow
) -> dict[str, np.ndarray]:
    """Select rows, fit them to the beams, and compute what the search needs of them.

    Returns columns of the rows that pass: `mass` and `reduced_mass` of the fitted pair, `fit_chi2`,
    `four_track_mass` and `extra_energy` as measured (GeV), the features, and what else the chunk carries
    without belonging to the selection (identity of the event, weight, truth).
    """
    variables = _select(variables, selection, cutflow)
    rows = len(variables["weight"])
    momenta = _momenta(variables)
    total = np.stack([variables[f"beam_{axis}"] for axis in ("px", "py", "pz", "e")], axis=-1)
    kept = {name: array for name, array in variables.items() if not _is_of_selection(name)}
    parts = [
        _fitted(momenta[start : start + FIT_ROWS], total[start : start + FIT_ROWS], detector)
        for start in range(0, max(rows, 1), FIT_ROWS)
    ]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    columns |= {
        "four_track_mass": np.sqrt(mass_squared(momenta.sum(1))),
        "extra_energy": variables["extra_energy"],
        **kept,
    }
    fitted = columns.pop("fit_converged")
    cutflow.count("kinematic fit", variables["weight"][fitted])
    return {name: array[fitted] for name, array in columns.items()}


def _fitted(momenta: np.ndarray, total: np.ndarray, detector: str) -> dict[str, np.ndarray]:
    """What the fit gives for some rows."""
    fit = fit_with_radiation(momenta, BEAMS[detector], total, TRACK_RESOLUTIONS[detector], MUON_MASS)
    square = pair_mass_squared(fit.momenta[:, 0], fit.momenta[:, 1], MUON_MASS)
    mass = np.sqrt(square)
    return {
        "mass": mass,
        "reduced_mass": np.sqrt(np.maximum(square - 4 * MUON_MASS**2, 0.0)),
        "fit_chi2": fit.chi2,
        "fit_converged": fit.converged,
        **mumu_features(fit.momenta, mass, BEAMS[detector]),
    }


def _select(
    variables: dict[str, np.ndarray], selection: Selection, cutflow: Cutflow
) -> dict[str, np.ndarray]:
    """Apply the cuts one after the other, counting what is left after each."""
    for cut, passes in (
        ("impact parameters", _near_interaction_point),
        ("muon identification", _identified),
        ("zero charge", lambda v, _: sum(v[f"{track}.charge"] for track in TRACKS) == 0),
        ("number of tracks", lambda v, s: v["n_tracks"] <= s.maximum_tracks),
        ("extra energy", lambda v, s: v["extra_energy"] <= s.maximum_extra_energy_GeV),
        ("four-track mass", _has_full_energy),
    ):
        passed = passes(variables, selection)
        variables = {name: array[passed] for name, array in variables.items()}
        cutflow.count(cut, variables["weight"])
    return variables


def _near_interaction_point(variables: dict[str, np.ndarray], selection: Selection) -> np.ndarray:
    return np.logical_and.reduce(
        [np.abs(variables[f"{track}.dr"]) < selection.maximum_abs_dr_cm for track in TRACKS]
        + [np.abs(variables[f"{track}.dz"]) < selection.maximum_abs_dz_cm for track in TRACKS]
    )


def _identified(variables: dict[str, np.ndarray], selection: Selection) -> np.ndarray:
    muons = [variables[f"{track}.muon_id"] > selection.minimum_muon_id for track in TRACKS]
    return np.sum(muons, axis=0) >= selection.minimum_identified_muons


def _has_full_energy(variables: dict[str, np.ndarray], selection: Selection) -> np.ndarray:
    low, high = selection.four_track_mass_GeV
    square = mass_squared(_momenta(variables).sum(1))
    return (square > low**2) & (square < high**2)


def _momenta(variables: dict[str, np.ndarray]) -> np.ndarray:
    """(n, 4, 4) measured momenta of the four tracks as muons, GeV."""
    return np.stack([track_momentum(variables, f"{track}.", MUON_MASS) for track in TRACKS], axis=1)


def _is_of_selection(name: str) -> bool:
    return "." in name or name in EVENT_VARIABLES
