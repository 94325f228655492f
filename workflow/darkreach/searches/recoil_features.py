"""What tells X → τ⁺τ⁻ radiated by a muon from other events: inputs of the classifiers of tautau_recoil.

All are ratios, cosines, asymmetries or identifiers in the frame of the colliding beams or of the system that
recoils against the muon pair. None is a mass, or scales with the recoil mass.
"""

from itertools import combinations

import numpy as np

from darkreach.models.constants import MUON_MASS
from darkreach.searches.kinematics import (
    breakup_momentum,
    by_energy,
    cos_angle,
    invariant_mass,
    magnitude,
    rest_frame,
    sine,
)

RECOIL_FEATURES = (
    "momentum_fraction",
    "recoil_cos_theta",
    "muon_asymmetry",
    "transverse_to_hard",
    "transverse_to_soft",
    "hard_fraction",
    "soft_fraction",
    "tau_cos_opening",
    "missing_cos_theta",
    "missing_mass_fraction",
    "neutral_fraction",
    "three_track_fraction",
    "thrust",
    "hard_lepton_id",
    "soft_lepton_id",
)
# In half of the sign choices the first momentum keeps its sign; the other half repeats them.
_SIGNS = np.array([[1, a, b, c] for a in (1, -1) for b in (1, -1) for c in (1, -1)], dtype=float)


def recoil_features(
    momenta: np.ndarray,
    total: np.ndarray,
    electron: np.ndarray,
    extra_energy: np.ndarray,
    lepton_id: np.ndarray,
) -> dict[str, np.ndarray]:
    """The features of candidates, each (n,).

    momenta: (n, 4, 4) laboratory momenta of the recoiling μ⁺ and μ⁻ and of X's positive and negative track,
    in GeV and with the muon mass. total: (n, 4) of the colliding beams; electron: (4,) of the electron beam.
    extra_energy: (n,) of photons, GeV. lepton_id: (n, 2) of X's tracks.

    X is what recoils against the muons. The momentum fraction is relative to the largest momentum that a
    system of X's mass can have. Hard and soft are, of the muons and of X's tracks, those of more and of less
    energy; the fractions of X's tracks are twice their energies in X's rest frame over its mass, as a τ has
    half of that mass. The missing momentum is what the four tracks lack of the beams, photons included.
    """
    cm = rest_frame(momenta, total[:, None])
    beam = rest_frame(electron, total)
    sqrt_s = invariant_mass(total)
    muons = cm[:, 0] + cm[:, 1]
    recoil = -muons
    recoil[:, 3] += sqrt_s
    mass = invariant_mass(recoil)
    hard_muon, soft_muon = by_energy(cm[:, 0], cm[:, 1])
    at_rest = rest_frame(cm[:, 2:], recoil[:, None])
    hard_track, soft_track = by_energy(at_rest[:, 0], at_rest[:, 1])
    positive_is_hard = at_rest[:, 0, 3] >= at_rest[:, 1, 3]
    missing = recoil - cm[:, 2] - cm[:, 3]
    largest = breakup_momentum(sqrt_s, mass, 2 * MUON_MASS)
    momentum_fraction = np.divide(magnitude(muons), largest, out=np.ones_like(mass), where=largest > 0)
    values = (
        momentum_fraction,
        np.abs(cos_angle(recoil, beam)),
        (hard_muon[:, 3] - soft_muon[:, 3]) / muons[:, 3],
        momentum_fraction * sine(cos_angle(recoil, hard_muon)),
        momentum_fraction * sine(cos_angle(recoil, soft_muon)),
        2 * hard_track[:, 3] / mass,
        2 * soft_track[:, 3] / mass,
        cos_angle(hard_track, soft_track),
        np.abs(cos_angle(missing, beam)),
        invariant_mass(missing) / mass,
        extra_energy / recoil[:, 3],
        _smallest_three_track_mass(cm) / sqrt_s,
        thrust(cm),
        np.where(positive_is_hard, lepton_id[:, 0], lepton_id[:, 1]),
        np.where(positive_is_hard, lepton_id[:, 1], lepton_id[:, 0]),
    )
    return dict(zip(RECOIL_FEATURES, values, strict=True))


def thrust(momenta: np.ndarray) -> np.ndarray:
    """(n,) thrust of (n, 4, 4) momenta, between 1/2 and 1.

    The axis of thrust is a sum of momenta with signs (Brandt et al., Phys. Lett. 12 (1964) 57), so the
    largest such sum is exact.
    """
    sums = np.einsum("st,ntj->snj", _SIGNS, momenta[..., :3])
    return np.sqrt((sums**2).sum(-1)).max(0) / magnitude(momenta).sum(1)


def _smallest_three_track_mass(momenta: np.ndarray) -> np.ndarray:
    """Smallest mass of three tracks, GeV: below m_τ where they come from one τ."""
    triples = np.stack([momenta[:, list(three)].sum(1) for three in combinations(range(4), 3)])
    return invariant_mass(triples).min(0)
