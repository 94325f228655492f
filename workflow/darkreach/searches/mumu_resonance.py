"""e⁺e⁻ → μ⁺μ⁻X, X → μ⁺μ⁻: a narrow peak in the mass of one of the four muon pairs (arXiv:2403.02841).

One row is one choice of the pair that makes X; the other pair recoils. All four choices of an event are kept.
"""

import numpy as np
from pydantic import Field

from darkreach.config.base import Fraction, Positive, Section
from darkreach.detector import BEAMS
from darkreach.detector import TRACKS as TRACK_RESOLUTIONS
from darkreach.models.constants import MUON_MASS
from darkreach.searches.cutflow import Cutflow
from darkreach.searches.cuts import (
    Columns,
    Cut,
    Window,
    apply_cuts,
    between,
    handed_on,
    is_neutral,
    near_interaction_point,
    rows,
)
from darkreach.searches.kinematic_fit import fit_with_radiation
from darkreach.searches.kinematics import (
    BEAM,
    beam_momentum,
    invariant_mass,
    pair_mass_squared,
    track_momenta,
)
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
EVENT_VARIABLES = (*BEAM, "n_tracks", "extra_energy")
TRUTH = ("is_signal", "true_mass")

FIT_ROWS = 10_000  # rows fitted at a time: they stay in the processor's cache


class Selection(Section):
    """Four tracks that carry the whole energy."""

    maximum_abs_dr_cm: Positive
    maximum_abs_dz_cm: Positive
    minimum_muon_id: Fraction
    minimum_identified_muons: int = Field(ge=0, le=4)
    four_track_mass_GeV: Window
    maximum_extra_energy_GeV: Positive
    maximum_tracks: int = Field(ge=4, description="charged tracks in the event")


CUTS: dict[str, Cut] = {
    "impact parameters": lambda v, s: near_interaction_point(v, TRACKS, s),
    "muon identification": lambda v, s: _identified_muons(v, s) >= s.minimum_identified_muons,
    "zero charge": lambda v, s: is_neutral(v, TRACKS),
    "number of tracks": lambda v, s: v["n_tracks"] <= s.maximum_tracks,
    "extra energy": lambda v, s: v["extra_energy"] <= s.maximum_extra_energy_GeV,
    "four-track mass": lambda v, s: between(_four_track_mass(v), s.four_track_mass_GeV),
}


def observable_of_mass(mass: np.ndarray) -> np.ndarray:
    """Reduced mass √(m² − 4m_μ²) of a resonance of mass m, GeV (arXiv:1606.03501)."""
    return np.sqrt(np.maximum(np.square(mass) - 4 * MUON_MASS**2, 0.0))


def mass_of_observable(observable: np.ndarray) -> np.ndarray:
    """Mass of a resonance whose reduced mass is `observable`, GeV."""
    return np.hypot(observable, 2 * MUON_MASS)


def candidates(variables: Columns, selection: Selection, detector: str, cutflow: Cutflow) -> Columns:
    """Select rows, fit them to the beams, and compute what the search needs of them.

    Returns columns of the rows that pass: `mass` and `reduced_mass` of the fitted pair, `fit_chi2`,
    `four_track_mass` and `extra_energy` as measured (GeV), the features, and what else the chunk carries
    without belonging to the selection (identity of the event, weight, truth).
    """
    variables = apply_cuts(variables, selection, CUTS, cutflow)
    momenta = track_momenta(variables, TRACKS, MUON_MASS)
    total = beam_momentum(variables)
    parts = [
        _fitted(momenta[start : start + FIT_ROWS], total[start : start + FIT_ROWS], detector)
        for start in range(0, max(len(total), 1), FIT_ROWS)
    ]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    columns |= {
        "four_track_mass": invariant_mass(momenta.sum(1)),
        "extra_energy": variables["extra_energy"],
        **handed_on(variables, EVENT_VARIABLES),
    }
    columns = rows(columns, columns.pop("fit_converged"))
    cutflow.count("kinematic fit", columns["weight"])
    return columns


def _identified_muons(variables: Columns, selection: Selection) -> np.ndarray:
    return np.sum([variables[f"{track}.muon_id"] > selection.minimum_muon_id for track in TRACKS], axis=0)


def _four_track_mass(variables: Columns) -> np.ndarray:
    return invariant_mass(track_momenta(variables, TRACKS, MUON_MASS).sum(1))


def _fitted(momenta: np.ndarray, total: np.ndarray, detector: str) -> Columns:
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
