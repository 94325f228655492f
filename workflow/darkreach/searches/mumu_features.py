"""What tells X radiated by a muon from two virtual photons: inputs of the classifiers of mumu_resonance.

All are ratios, cosines or asymmetries in the rest frame of the four muons. None is a mass or scales with
one, so that a classifier cannot pick out a mass.
"""

import numpy as np

from darkreach.detector import Beams
from darkreach.models.constants import MUON_MASS
from darkreach.searches.kinematics import (
    by_energy,
    cos_angle,
    cos_helicity,
    invariant_mass,
    magnitude,
    momentum_fraction,
    pair_mass_squared,
    rest_frame,
    sine,
)

FEATURES = (
    "momentum_fraction",
    "x_cos_theta",
    "x_helicity",
    "x_asymmetry",
    "recoil_helicity",
    "recoil_asymmetry",
    "transverse_to_hard",
    "transverse_to_soft",
    "cos_to_hard",
    "cos_to_soft",
    "hard_cos_theta",
    "soft_cos_theta",
    "heavy_cross_fraction",
    "light_cross_fraction",
    "plane_angle",
)


def mumu_features(momenta: np.ndarray, mass: np.ndarray, beams: Beams) -> dict[str, np.ndarray]:
    """The features of candidates, each (n,).

    momenta: (n, 4, 4) laboratory momenta of X's μ⁺ and μ⁻ and the recoiling μ⁺ and μ⁻, GeV. mass: (n,) of X.

    Hard and soft are the recoiling muons of more and of less energy. A momentum fraction is relative to
    the largest momentum p₀ that a pair of its mass can have. Cross pairs are a muon of X with the
    recoiling muon of opposite charge: light and fast ones come from double photon conversion.
    """
    total = momenta.sum(1)
    cm = rest_frame(momenta, total[:, None])
    electron = rest_frame(beams.electron, total)
    x, recoil = cm[:, 0] + cm[:, 1], cm[:, 2] + cm[:, 3]
    hard, soft = by_energy(cm[:, 2], cm[:, 3])
    sqrt_s = invariant_mass(total)
    fraction = momentum_fraction(magnitude(x), sqrt_s, mass, 2 * MUON_MASS)
    crosses = np.sqrt([pair_mass_squared(cm[:, i], cm[:, j], MUON_MASS) for i, j in ((0, 3), (2, 1))])
    cross_momentum = magnitude(cm[:, 0] + cm[:, 3])
    values = (
        fraction,
        np.abs(cos_angle(x, electron)),
        np.abs(cos_helicity(cm[:, 0], x)),
        _asymmetry(cm[:, 0, 3], cm[:, 1, 3]),
        np.abs(cos_helicity(cm[:, 2], recoil)),
        _asymmetry(cm[:, 2, 3], cm[:, 3, 3]),
        fraction * sine(cos_angle(x, hard)),
        fraction * sine(cos_angle(x, soft)),
        cos_angle(x, hard),
        cos_angle(x, soft),
        np.abs(cos_angle(hard, electron)),
        np.abs(cos_angle(soft, electron)),
        momentum_fraction(cross_momentum, sqrt_s, crosses.max(0), 2 * MUON_MASS),
        momentum_fraction(cross_momentum, sqrt_s, crosses.min(0), 2 * MUON_MASS),
        np.abs(cos_angle(_normal(cm[:, 0], cm[:, 1]), _normal(cm[:, 2], cm[:, 3]))),
    )
    return dict(zip(FEATURES, values, strict=True))


def _asymmetry(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return np.abs(first - second) / (first + second)


def _normal(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Normal of the plane of two momenta."""
    return np.cross(first[:, :3], second[:, :3])
