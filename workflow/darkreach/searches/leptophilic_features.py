"""What tells e⁺e⁻ → τ⁺τ⁻φ from τ pairs, quark pairs and B mesons: inputs of the trees of leptophilic_scalar.

Momenta and angles are in the centre-of-mass frame. None is the mass of the pair, from which trees could pick
out a mass. The near τ is the track of smaller angle to the pair: if that is of a τ⁻ → π⁻π⁺π⁻ν or a ρ⁻ → π⁻π⁰,
the near track comes from the same τ, and the mass of the three is below that of the τ.
"""

from dataclasses import dataclass

import numpy as np

from darkreach.detector import Beams
from darkreach.models.constants import TAU_MASS
from darkreach.searches.cuts import Columns, lowest
from darkreach.searches.kinematics import (
    cos_angle,
    cos_helicity,
    invariant_mass,
    magnitude,
    momentum_fraction,
    rest_frame,
)

COMMON_FEATURES = (
    "thrust",
    "missing_mass2",
    "missing_momentum",
    "missing_cos_theta",
    "visible_energy",
    "extra_energy",
    "n_photons",
    "pair_momentum",
    "pair_cos_theta",
    "pair_helicity",
    "pair_lepton_id",
    "vertex_probability",
    "tau_angle",
    "near_angle",
    "near_momentum",
    "near_excess_mass",
    "near_electron_id",
    "near_muon_id",
    "far_angle",
    "far_momentum",
    "far_excess_mass",
    "far_electron_id",
    "far_muon_id",
)
# how far a displaced vertex is tells of the lifetime of φ, which nobody knows
PROMPT_FEATURES = (*COMMON_FEATURES, "vertex_significance")
DISPLACED_FEATURES = (*COMMON_FEATURES, "pointing")

LARGEST_LOG_RATIO = 20.0


@dataclass(frozen=True)
class Candidate:
    """Momenta of n rows in the laboratory, GeV.

    pair: (n, 2, 4) of the leptons of φ, positive first. lepton_mass: (n,) of each of them. taus: (n, 2, 4) of
    the τ tracks, positive first. beams: (n, 4) of the collision.
    """

    pair: np.ndarray
    lepton_mass: np.ndarray
    taus: np.ndarray
    beams: np.ndarray


def leptophilic_features(
    candidate: Candidate, mass: np.ndarray, variables: Columns, beams: Beams
) -> dict[str, np.ndarray]:
    """The features, each (n,).

    mass: (n,) of the pair, GeV. variables: what the selection read, for the variables of the event, of the
    vertex and of the identification. Identifiers L are given as log(L/(1 − L)), because most are close to 1.
    """
    electron = rest_frame(beams.electron, candidate.beams)
    pair = rest_frame(candidate.pair, candidate.beams[:, None])
    taus = rest_frame(candidate.taus, candidate.beams[:, None])
    phi = pair.sum(1)
    angles = np.stack([cos_angle(phi, taus[:, tau]) for tau in (0, 1)], axis=-1)
    first_is_near = angles[:, 0] >= angles[:, 1]
    near, far = np.where(first_is_near, 0, 1), np.where(first_is_near, 1, 0)
    rows = np.arange(len(mass))
    sqrt_s = invariant_mass(candidate.beams)
    features = {
        **{name: variables[name] for name in PROMPT_FEATURES if name in variables},
        "missing_cos_theta": np.cos(variables["missing_theta"]),
        "pair_momentum": momentum_fraction(magnitude(phi), sqrt_s, mass, 2 * TAU_MASS),
        "pair_cos_theta": np.abs(cos_angle(phi, electron)),
        "pair_helicity": np.abs(cos_helicity(pair[:, 0], phi)),
        "pair_lepton_id": _pair_lepton_id(candidate, variables),
        "tau_angle": cos_angle(taus[:, 0], taus[:, 1]),
        "pointing": pointing(variables),
    }
    ids = {
        lepton: np.stack(
            [_log_ratio(variables[f"{track}.{lepton}_id"]) for track in ("tau_plus", "tau_minus")], axis=-1
        )
        for lepton in ("electron", "muon")
    }
    for name, index in (("near", near), ("far", far)):
        tau = taus[rows, index]
        features |= {
            f"{name}_angle": angles[rows, index],
            f"{name}_momentum": magnitude(tau),
            f"{name}_excess_mass": invariant_mass(phi + tau) - mass,
            **{f"{name}_{lepton}_id": values[rows, index] for lepton, values in ids.items()},
        }
    return features


def pointing(variables: Columns) -> np.ndarray:
    """(n,) cosine between the path from the beams to the vertex and the momentum of the pair, across z.

    Along z the size of the interaction region, millimetres, is as large as the path.
    """
    path = np.stack([variables["vertex_x"], variables["vertex_y"]], axis=-1)
    momentum = np.stack(
        [sum(variables[f"phi_{charge}_vertex_p{axis}"] for charge in ("plus", "minus")) for axis in "xy"],
        axis=-1,
    )
    product = np.hypot(*path.T) * np.hypot(*momentum.T)
    dot = (path * momentum).sum(-1)
    return np.divide(dot, product, out=np.zeros_like(dot), where=product > 0)


def _pair_lepton_id(candidate: Candidate, variables: Columns) -> np.ndarray:
    """The smaller identifier of the pair, as the lepton that it is taken for."""
    electron, muon = (
        lowest(variables, ("phi_plus", "phi_minus"), f"{lepton}_id") for lepton in ("electron", "muon")
    )
    return _log_ratio(np.where(candidate.lepton_mass < 0.01, electron, muon))


def _log_ratio(identifier: np.ndarray) -> np.ndarray:
    """log(L/(1 − L)) within ±LARGEST_LOG_RATIO."""
    with np.errstate(divide="ignore"):
        return np.clip(np.log(identifier) - np.log1p(-identifier), -LARGEST_LOG_RATIO, LARGEST_LOG_RATIO)
