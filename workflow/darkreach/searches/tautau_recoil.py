"""e⁺e⁻ → μ⁺μ⁻X, X → τ⁺τ⁻: a narrow peak in the mass that recoils against two muons (arXiv:2306.12294).

One row is one choice of the muon pair; the other two tracks are those of one-prong τ decays. Where τ → μνν
offers several pairs, all that pass are kept: no criterion finds the right one at all masses (of events with
three muons, the pair of more energy is right in 92 % at 3.6 GeV and in 15 % at 8.5 GeV), but the recoil
masses of the others are far away and have no peak. (Of the paper only the abstract is known; this choice is
assumed.)
"""

from collections.abc import Callable

import numpy as np
from pydantic import Field, model_validator

from darkreach.config.base import Fraction, NonNegative, Positive, Section
from darkreach.detector import BEAMS
from darkreach.models.constants import MUON_MASS
from darkreach.searches.cutflow import Cutflow
from darkreach.searches.kinematics import magnitude, mass_squared, rest_frame, track_momentum
from darkreach.searches.recoil_features import RECOIL_FEATURES, recoil_features

METHOD = "peak"
REGION_VARIABLE = "recoil_mass"
FEATURES = (*RECOIL_FEATURES, "lowest_muon_id")
CONTROLS = {
    "recoil_mass": (100, 3.0, 10.5),
    "dimuon_mass": (100, 0.0, 8.0),
    "four_track_mass": (95, 0.0, 9.5),
    "missing_momentum": (60, 0.0, 6.0),
    "extra_energy": (60, 0.0, 6.0),
}

TRACKS = ("muon_plus", "muon_minus", "tau_plus", "tau_minus")
TRACK_VARIABLES = ("px", "py", "pz", "charge", "dr", "dz", "muon_id", "electron_id")
EVENT_VARIABLES = ("beam_px", "beam_py", "beam_pz", "beam_e", "n_tracks", "extra_energy")
TRUTH = ("is_signal", "true_mass")

Variables = dict[str, np.ndarray]


class Selection(Section):
    """Selection of e⁺e⁻ → μ⁺μ⁻X, X → τ⁺τ⁻: two muons, two more tracks, and missing momentum."""

    maximum_abs_dr_cm: Positive
    maximum_abs_dz_cm: Positive
    maximum_tracks: int = Field(ge=4, description="charged tracks in the event")
    maximum_four_track_mass_GeV: Positive
    missing_theta_deg: tuple[NonNegative, Positive] = Field(
        description="polar angle, in the laboratory, of the momentum that the four tracks lack"
    )
    minimum_missing_momentum_GeV: NonNegative = Field(description="in the frame of the colliding beams")
    maximum_extra_energy_GeV: Positive
    minimum_muon_id: Fraction = Field(description="of both muons of the pair")
    minimum_recoil_mass_GeV: Positive

    @model_validator(mode="after")
    def _ordered(self) -> "Selection":
        low, high = self.missing_theta_deg
        if low >= high:
            raise ValueError(f"'missing_theta_deg' must be [low, high] with low < high, found {[low, high]}")
        return self


def observable_of_mass(mass: np.ndarray) -> np.ndarray:
    """The observable, `recoil_mass`, of X of mass m: the mass itself, GeV."""
    return np.asarray(mass, dtype=np.float64)


def mass_of_observable(observable: np.ndarray) -> np.ndarray:
    """The mass of X at a value of the observable: the value itself, GeV."""
    return np.asarray(observable, dtype=np.float64)


def recoil_mass(muons: np.ndarray, total: np.ndarray) -> np.ndarray:
    """(n,) mass that recoils against (n, 4) momenta of muon pairs in collisions of momentum total, GeV.

    0 where measurement errors make its square negative.
    """
    return np.sqrt(np.maximum(mass_squared(total - muons), 0.0))


def candidates(
    variables: Variables, selection: Selection, detector: str, cutflow: Cutflow
) -> dict[str, np.ndarray]:
    """Select rows and compute what the search needs of them.

    Returns columns of the rows that pass: `recoil_mass`, `dimuon_mass`, `four_track_mass`,
    `missing_momentum` (in the beams' frame) and `extra_energy` in GeV, the features, and what else the chunk
    carries without belonging to the selection (identity of the event, weight, triggers, truth).
    """
    for cut, passes in _CUTS:
        passed = passes(variables, selection)
        variables = {name: array[passed] for name, array in variables.items()}
        cutflow.count(cut, variables["weight"])
    momenta, total = _momenta(variables), _total(variables)
    muons = momenta[:, :2].sum(1)
    kept = {name: array for name, array in variables.items() if not _is_of_selection(name)}
    return {
        "recoil_mass": recoil_mass(muons, total),
        "dimuon_mass": np.sqrt(mass_squared(muons)),
        "four_track_mass": np.sqrt(mass_squared(momenta.sum(1))),
        "missing_momentum": _missing_momentum(variables),
        "extra_energy": variables["extra_energy"],
        **recoil_features(
            momenta, total, BEAMS[detector].electron, variables["extra_energy"], _lepton_id(variables)
        ),
        "lowest_muon_id": np.minimum(*(variables[f"{track}.muon_id"] for track in TRACKS[:2])),
        **kept,
    }


def _near_interaction_point(variables: Variables, selection: Selection) -> np.ndarray:
    return np.logical_and.reduce(
        [np.abs(variables[f"{track}.dr"]) < selection.maximum_abs_dr_cm for track in TRACKS]
        + [np.abs(variables[f"{track}.dz"]) < selection.maximum_abs_dz_cm for track in TRACKS]
    )


def _is_neutral(variables: Variables, _: Selection) -> np.ndarray:
    return np.sum([variables[f"{track}.charge"] for track in TRACKS], axis=0) == 0


def _has_few_tracks(variables: Variables, selection: Selection) -> np.ndarray:
    return variables["n_tracks"] <= selection.maximum_tracks


def _lacks_mass(variables: Variables, selection: Selection) -> np.ndarray:
    return mass_squared(_momenta(variables).sum(1)) < selection.maximum_four_track_mass_GeV**2


def _lacks_momentum(variables: Variables, selection: Selection) -> np.ndarray:
    missing = _total(variables) - _momenta(variables).sum(1)
    theta = np.degrees(np.arctan2(np.hypot(missing[:, 0], missing[:, 1]), missing[:, 2]))
    low, high = selection.missing_theta_deg
    enough = _missing_momentum(variables) > selection.minimum_missing_momentum_GeV
    return (theta > low) & (theta < high) & enough


def _has_few_photons(variables: Variables, selection: Selection) -> np.ndarray:
    return variables["extra_energy"] <= selection.maximum_extra_energy_GeV


def _has_muons(variables: Variables, selection: Selection) -> np.ndarray:
    return np.logical_and.reduce(
        [variables[f"{track}.muon_id"] > selection.minimum_muon_id for track in TRACKS[:2]]
    )


def _recoils(variables: Variables, selection: Selection) -> np.ndarray:
    mass = recoil_mass(_momenta(variables)[:, :2].sum(1), _total(variables))
    return mass > selection.minimum_recoil_mass_GeV


_CUTS: tuple[tuple[str, Callable[[Variables, Selection], np.ndarray]], ...] = (
    ("impact parameters", _near_interaction_point),
    ("zero charge", _is_neutral),
    ("number of tracks", _has_few_tracks),
    ("muon identification", _has_muons),
    ("four-track mass", _lacks_mass),
    ("missing momentum", _lacks_momentum),
    ("extra energy", _has_few_photons),
    ("recoil mass", _recoils),
)


def _momenta(variables: Variables) -> np.ndarray:
    """(n, 4, 4) measured momenta of the four tracks as muons, GeV."""
    return np.stack([track_momentum(variables, f"{track}.", MUON_MASS) for track in TRACKS], axis=1)


def _total(variables: Variables) -> np.ndarray:
    """(n, 4) momenta of the colliding beams in the laboratory, GeV."""
    return np.stack([variables[f"beam_{axis}"] for axis in ("px", "py", "pz", "e")], axis=-1)


def _missing_momentum(variables: Variables) -> np.ndarray:
    """(n,) momentum that the four tracks lack in the frame of the beams, GeV: that of all together."""
    return magnitude(rest_frame(_momenta(variables).sum(1), _total(variables)))


def _lepton_id(variables: Variables) -> np.ndarray:
    """(n, 2) how much X's tracks are muons or electrons, from 0 to 1."""
    return np.stack(
        [np.maximum(variables[f"{t}.muon_id"], variables[f"{t}.electron_id"]) for t in TRACKS[2:]], axis=-1
    )


def _is_of_selection(name: str) -> bool:
    return "." in name or name in EVENT_VARIABLES
