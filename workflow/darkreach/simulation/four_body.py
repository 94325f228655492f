"""Phase space of e⁺e⁻ → l⁻l⁺l′⁻l′⁺, sampled along the poles of the QED diagrams.

* conversion: both pairs from photons off the beams, 1/s₁₂ · 1/s₃₄ · (1/t + 1/u);
* final-state radiation: one pair from a photon off the other pair's line, 1/s₃₄ and the poles in the Dalitz
  plane of Q → 1 2 (34); the pair that is radiated is either one.

Momenta are (4, 4, n) of l⁻, l⁺, l′⁻, l′⁺ in GeV, in the frame of Q = (0, 0, 0, √s), the electron along +z;
`masses` are those of l and l′ in GeV.
"""

from collections.abc import Callable

import numpy as np

from darkreach.models.constants import ELECTRON_MASS, GEV2_TO_FB, gauge_coupling_squared
from darkreach.simulation.phase_space import (
    beam_momenta,
    dalitz_volume,
    decay_to_pair,
    direction,
    flux_and_spins,
    isotropic_directions,
    sample_dalitz,
    three_body_momenta,
    two_body_momentum,
)
from darkreach.simulation.spinors import dot

Masses = tuple[float, float]
Squared = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]
Density = Callable[[np.ndarray, np.ndarray], np.ndarray]

# Share of the conversion channel; near the best unweighting efficiency, which is flat around it.
_CONVERSION_SHARE = 0.45


def sample_two_pairs(
    s: np.ndarray, masses: Masses, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Momenta (4, 4, n) sampled from all channels, and which of them (n,) lie inside phase space.

    s: (n,) in GeV². Momenta outside mean nothing.
    """
    n = len(s)
    order = rng.permutation(n)
    n_conversion = rng.binomial(n, _CONVERSION_SHARE)
    n_first = n_conversion + rng.binomial(n - n_conversion, 0.5)
    conversion, first, second = np.split(order, [n_conversion, n_first])
    momenta, inside = np.ones((4, 4, n)), np.ones(n, bool)
    momenta[..., conversion], inside[conversion] = _sample_conversion(s[conversion], masses, rng)
    momenta[..., first] = _sample_radiation(s[first], masses, rng)
    momenta[..., second] = _sample_radiation(s[second], masses[::-1], rng)[[2, 3, 0, 1]]
    return momenta, inside


def two_pair_density(s: np.ndarray, momenta: np.ndarray, masses: Masses) -> np.ndarray:
    """Probability of `sample_two_pairs` per dΦ₄, (n,) in GeV⁻⁴."""
    first, second = momenta[0] + momenta[1], momenta[2] + momenta[3]
    density = _CONVERSION_SHARE * _conversion_density(s, first, second, masses)
    radiated = _radiation_density(s, momenta[0], momenta[1], second, masses)
    radiated += _radiation_density(s, momenta[2], momenta[3], first, masses[::-1])
    return density + (1 - _CONVERSION_SHARE) / 2 * radiated


def four_lepton_weights(
    s: np.ndarray, momenta: np.ndarray, inside: np.ndarray, squared: Squared, density: Density, alpha: float
) -> np.ndarray:
    """Weights (n,) in fb, whose mean is the cross-section, of momenta of which some are `inside` phase space.

    squared: Σ|M|² per e⁸ from electron, positron and momenta. density: probability of the momenta per dΦ₄
    from s and momenta. A weight of 0 marks a trial outside phase space.
    """
    weight = np.zeros(len(s))
    s, momenta = s[inside], momenta[..., inside]
    numerator = GEV2_TO_FB * gauge_coupling_squared(alpha) ** 4 * squared(*beam_momenta(s), momenta)
    weight[inside] = numerator / (flux_and_spins(s) * density(s, momenta))
    return weight


def _sample_pair_mass(s: np.ndarray, mass: float, other: float, rng: np.random.Generator) -> np.ndarray:
    """Squared masses of a pair, logarithmic between its threshold and what the `other` pair leaves, (n,)."""
    lowest, highest = _pair_mass_range(s, mass, other)
    return lowest * (highest / lowest) ** rng.random(len(s))


def _pair_mass_density(s: np.ndarray, pair: np.ndarray, mass: float, other: float) -> np.ndarray:
    """Density of `_sample_pair_mass` and of an isotropic decay of the pair, per ds/(2π) dΦ₂."""
    lowest, highest = _pair_mass_range(s, mass, other)
    velocity = np.sqrt(1 - lowest / pair)
    return 2 * np.pi / (pair * np.log(highest / lowest)) * 8 * np.pi / velocity


def _pair_mass_range(s: np.ndarray, mass: float, other: float) -> tuple[float, np.ndarray]:
    return 4 * mass**2, (np.sqrt(s) - 2 * other) ** 2


def _sample_conversion(
    s: np.ndarray, masses: Masses, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    pairs = [_sample_pair_mass(s, mass, other, rng) for mass, other in (masses, masses[::-1])]
    inside = np.sqrt(pairs[0]) + np.sqrt(pairs[1]) < np.sqrt(s)
    momentum, pole, reach = _conversion_kinematics(s, *pairs)
    cos_theta = pole * np.tanh(reach * rng.uniform(-1, 1, len(s)))
    cos_theta = np.clip(cos_theta, -1, 1)
    unit = momentum * direction(cos_theta, rng.uniform(0, 2 * np.pi, len(s)))
    momenta: list[np.ndarray] = []
    for sign, pair, mass in zip((1, -1), pairs, masses, strict=True):
        parent = np.concatenate([sign * unit, np.sqrt(momentum**2 + pair)[np.newaxis]])
        momenta.extend(decay_to_pair(parent, np.sqrt(pair), mass, isotropic_directions(len(s), rng)))
    return np.stack(momenta), inside


def _conversion_kinematics(
    s: np.ndarray, pair_1: np.ndarray, pair_2: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Momentum of the pairs; cos θ > 1 of the electron propagator's pole; the artanh of its inverse."""
    momentum = two_body_momentum(s, np.sqrt(pair_1), np.sqrt(pair_2))
    half = (s - pair_1 - pair_2) / 2
    slope = np.sqrt(s - 4 * ELECTRON_MASS**2) * momentum
    # half² − slope², free of cancellation.
    gap = pair_1 * pair_2 + 4 * ELECTRON_MASS**2 * momentum**2
    slope = np.maximum(slope, 1e-9 * np.abs(half))  # a pair at rest
    return momentum, half / slope, 0.5 * np.log((half + slope) ** 2 / gap)


def _conversion_density(s: np.ndarray, first: np.ndarray, second: np.ndarray, masses: Masses) -> np.ndarray:
    pair_1, pair_2 = dot(first, first), dot(second, second)
    momentum, pole, reach = _conversion_kinematics(s, pair_1, pair_2)
    cos_theta = first[2] / np.sqrt((first[:3] ** 2).sum(0))
    angular = pole / (2 * reach * (pole**2 - cos_theta**2))
    two_body = 8 * np.pi * np.sqrt(s) / momentum
    pair_masses = _pair_mass_density(s, pair_1, *masses) * _pair_mass_density(s, pair_2, *masses[::-1])
    return angular * two_body * pair_masses


def _sample_radiation(s: np.ndarray, masses: Masses, rng: np.random.Generator) -> np.ndarray:
    """The second pair radiated off the first one."""
    mass = np.sqrt(_sample_pair_mass(s, masses[1], masses[0], rng))
    x, y = sample_dalitz(s, mass, masses[0], rng)
    minus, plus, photon = three_body_momenta(s, mass, masses[0], x, y, rng)
    pair = decay_to_pair(photon, mass, masses[1], isotropic_directions(len(s), rng))
    return np.stack([minus, plus, *pair])


def _radiation_density(
    s: np.ndarray, minus: np.ndarray, plus: np.ndarray, photon: np.ndarray, masses: Masses
) -> np.ndarray:
    pair = dot(photon, photon)
    x, y = 2 * dot(plus, photon) + pair, 2 * dot(minus, photon) + pair
    volume = dalitz_volume(s, np.sqrt(pair), masses[0], x, y)
    return _pair_mass_density(s, pair, masses[1], masses[0]) / volume
