"""Decays of π⁰ and η: to two photons, or the Dalitz decay to γe⁺e⁻."""

import numpy as np

from darkreach.models.constants import ELECTRON_MASS, NEUTRAL_PION_MASS
from darkreach.simulation.phase_space import boost, decay_to_pair, direction, isotropic_directions

DALITZ_FRACTION = 0.01174  # B(π⁰ → γe⁺e⁻), Particle Data Group 2024


def photons_of_pions(momentum: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Momenta (2, 4, n) in GeV of the photons of π⁰ → γγ, for π⁰ of `momentum` (4, n)."""
    n = momentum.shape[-1]
    return decay_to_pair(momentum, np.full(n, NEUTRAL_PION_MASS), 0.0, isotropic_directions(n, rng))


def dalitz_decays(
    momentum: np.ndarray, rng: np.random.Generator, mass: np.ndarray | float = NEUTRAL_PION_MASS
) -> np.ndarray:
    """Momenta (3, 4, n) in GeV of the γ, e⁻ and e⁺ of π⁰ → γe⁺e⁻, for π⁰ of `momentum` (4, n), or for η.

    mass: (n,) of the meson, GeV.
    The pair's mass follows N. M. Kroll and W. Wada, Phys. Rev. 98 (1955) 1355, with a form factor of 1, and
    the electron its angular distribution 1 + cos²θ + (4m²/q²) sin²θ in the rest frame of the pair.
    """
    n = momentum.shape[-1]
    mass = np.broadcast_to(mass, n)
    q2 = sample_pair_mass_squared(n, rng, mass)
    unit = isotropic_directions(n, rng)
    photon_energy = (mass**2 - q2) / (2 * mass)
    photon = np.concatenate([photon_energy * unit, photon_energy[np.newaxis]])
    pair_energy = mass - photon_energy
    pair = np.concatenate([-photon_energy * unit, pair_energy[np.newaxis]])
    electron_unit = _around(-unit, _electron_cosine(4 * ELECTRON_MASS**2 / q2, rng), rng)
    leptons = decay_to_pair(pair, np.sqrt(q2), ELECTRON_MASS, electron_unit)
    return boost(np.concatenate([photon[np.newaxis], leptons]), momentum, mass)


def sample_pair_mass_squared(
    n: int, rng: np.random.Generator, mass: np.ndarray | float = NEUTRAL_PION_MASS
) -> np.ndarray:
    """q² (n,) in GeV² of the e⁺e⁻ pair: dΓ/dq² ∝ (1 − q²/M²)³ (1 + 2m²/q²) √(1 − 4m²/q²) / q².

    mass: M of the meson, (n,) or one for all, GeV.
    """
    threshold, largest = 4 * ELECTRON_MASS**2, np.broadcast_to(mass, n) ** 2
    q2, pending = np.empty(n), np.arange(n)
    while len(pending):
        trial = threshold * (largest[pending] / threshold) ** rng.random(len(pending))
        q2[pending] = trial
        ratio = threshold / trial
        weight = (1 - trial / largest[pending]) ** 3 * (1 + ratio / 2) * np.sqrt(1 - ratio)
        pending = pending[rng.random(len(pending)) > weight]
    return q2


def _electron_cosine(ratio: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """cos θ (n,) of the electron against the flight of the pair; ratio = 4m²/q²."""
    cosine, pending = np.empty(len(ratio)), np.arange(len(ratio))
    while len(pending):
        trial = rng.uniform(-1, 1, len(pending))
        cosine[pending] = trial
        weight = (1 + trial**2 + ratio[pending] * (1 - trial**2)) / 2
        pending = pending[rng.random(len(pending)) > weight]
    return cosine


def _around(axis: np.ndarray, cosine: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Unit vectors (3, n) at the angle arccos(cosine) to `axis` (3, n), at a random azimuth."""
    return rotate_to(direction(cosine, rng.uniform(0, 2 * np.pi, len(cosine))), axis)


def rotate_to(vector: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Rotate `vector` (..., 3, n) as the rotation that takes +z to the unit vectors `axis` (3, n)."""
    x, y, z = axis
    sin_theta = np.hypot(x, y)
    along = sin_theta > 1e-12
    safe = np.where(along, sin_theta, 1)
    cos_phi, sin_phi = np.where(along, x / safe, 1), np.where(along, y / safe, 0)
    v0, v1, v2 = np.moveaxis(vector, -2, 0)
    outward = z * v0 + sin_theta * v2
    first, second = cos_phi * outward - sin_phi * v1, sin_phi * outward + cos_phi * v1
    return np.stack([first, second, z * v2 - sin_theta * v0], axis=-2)
