"""Lorentz-invariant phase space: two- and three-body kinematics, random orientations and boosts.

Momenta are (4, n): px, py, pz, E in GeV, the last axis running over the events.
dΦ_n = (2π)⁴ δ⁴(Q − Σp) Π d³p/((2π)³ 2E).
"""

import numpy as np

from darkreach.models.constants import ELECTRON_MASS
from darkreach.models.dalitz import first_invariant_range, second_invariant_range


def beam_momenta(s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Electron (along +z) and positron in their centre-of-mass frame, each (4, n), for s in GeV²."""
    energy = np.sqrt(s) / 2
    momentum = np.sqrt(s / 4 - ELECTRON_MASS**2)
    zero = np.zeros_like(energy)
    return np.stack([zero, zero, momentum, energy]), np.stack([zero, zero, -momentum, energy])


def flux_and_spins(s: np.ndarray) -> np.ndarray:
    """Flux 2s√(1 − 4m_e²/s) times the four spin states of the beams, (n,) in GeV²; σ is ∫Σ|M|² dΦ over it."""
    return 8 * s * np.sqrt(1 - 4 * ELECTRON_MASS**2 / s)


def two_body_momentum(s: np.ndarray, mass_1: np.ndarray, mass_2: np.ndarray) -> np.ndarray:
    """Momentum in GeV of either particle in Q → 1 2 at rest, Q² = s, (n,); 0 below threshold."""
    root = np.sqrt(s)
    factor = (s - (mass_1 + mass_2) ** 2) * (root + mass_1 - mass_2) * (root - mass_1 + mass_2)
    return np.sqrt(np.clip(factor, 0, None)) / (2 * root)


def isotropic_directions(n: int, rng: np.random.Generator) -> np.ndarray:
    """Random unit vectors, (3, n)."""
    return direction(rng.uniform(-1, 1, n), rng.uniform(0, 2 * np.pi, n))


def direction(cos_theta: np.ndarray, phi: np.ndarray) -> np.ndarray:
    """Unit vectors of polar angle θ and azimuth φ, (3, n)."""
    sin_theta = np.sqrt(np.clip(1 - cos_theta**2, 0, None))
    return np.stack([sin_theta * np.cos(phi), sin_theta * np.sin(phi), cos_theta])


def boost(momentum: np.ndarray, frame: np.ndarray, frame_mass: np.ndarray) -> np.ndarray:
    """Boost `momentum` (..., 4, n) from the rest frame of `frame` (4, n), of mass `frame_mass` (n,)."""
    energy = momentum[..., 3, :]
    along = np.einsum("...in,in->...n", momentum[..., :3, :], frame[:3])
    boosted_energy = (energy * frame[3] + along) / frame_mass
    shift = (boosted_energy + energy) / (frame[3] + frame_mass)
    space = momentum[..., :3, :] + shift[..., np.newaxis, :] * frame[:3]
    return np.concatenate([space, boosted_energy[..., np.newaxis, :]], axis=-2)


def decay_to_pair(parent: np.ndarray, parent_mass: np.ndarray, mass: float, unit: np.ndarray) -> np.ndarray:
    """Decay of `parent` (4, n) to two particles of equal `mass`, (2, 4, n).

    unit: direction of the first one in the rest frame of the parent, (3, n).
    """
    momentum = np.sqrt(np.clip(parent_mass**2 / 4 - mass**2, 0, None)) * unit
    energy = parent_mass[np.newaxis] / 2
    at_rest = np.stack([np.concatenate([momentum, energy]), np.concatenate([-momentum, energy])])
    return boost(at_rest, parent, parent_mass)


def sample_dalitz(
    s: np.ndarray, mass: np.ndarray, lepton_mass: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Sample propagator denominators x, y (n,) of Q → l⁻l⁺X, both logarithmically; see `models.dalitz`.

    s: Q² in GeV², (n,); mass: that of X in GeV, (n,).
    """
    y_min, y_max = first_invariant_range(s, mass, lepton_mass)
    y = y_min * (y_max / y_min) ** rng.random(len(s))
    x_min, x_max = second_invariant_range(s, mass, lepton_mass, y)
    return x_min * (x_max / x_min) ** rng.random(len(s)), y


def dalitz_volume(
    s: np.ndarray, mass: np.ndarray, lepton_mass: float, x: np.ndarray, y: np.ndarray
) -> np.ndarray:
    """dΦ₃ per probability of `sample_dalitz` and a random orientation, (n,) in GeV²."""
    y_min, y_max = first_invariant_range(s, mass, lepton_mass)
    x_min, x_max = second_invariant_range(s, mass, lepton_mass, y)
    log_range = np.log(np.maximum(x_max / x_min, 1 + 1e-15))  # rounding may put an event on the border
    return y * np.log(y_max / y_min) * x * log_range / (128 * np.pi**3 * s)


def three_body_momenta(
    s: np.ndarray,
    mass: np.ndarray,
    lepton_mass: float,
    x: np.ndarray,
    y: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Momenta of l⁻, l⁺, X in the rest frame of Q, randomly oriented, (3, 4, n)."""
    root_s, m2 = np.sqrt(s), lepton_mass**2
    energy_minus = (s - x) / (2 * root_s)
    energy_plus = (s - y) / (2 * root_s)
    energy_x = root_s - energy_minus - energy_plus
    minus, plus = np.sqrt(energy_minus**2 - m2), np.sqrt(energy_plus**2 - m2)
    cosine = (energy_x**2 - mass**2 - minus**2 - plus**2) / (2 * minus * plus)
    cosine = np.clip(cosine, -1, 1)
    axis, perpendicular = _random_frame(len(s), rng)
    space_minus = minus * axis
    space_plus = plus * (cosine * axis + np.sqrt(1 - cosine**2) * perpendicular)
    space_x = -space_minus - space_plus
    # On the mass shell exactly, whatever the rounding of the angle.
    energy_x = np.sqrt((space_x**2).sum(0) + mass**2)
    return np.stack(
        [
            np.concatenate([space, energy[np.newaxis]])
            for space, energy in (
                (space_minus, energy_minus),
                (space_plus, energy_plus),
                (space_x, energy_x),
            )
        ]
    )


def polarisation_vectors(momentum: np.ndarray, mass: np.ndarray) -> np.ndarray:
    """Three real polarisation vectors of a massive vector, (3, 4, n): the axes of its rest frame, boosted."""
    axes = np.zeros((3, 4, momentum.shape[-1]))
    for i in range(3):
        axes[i, i] = 1
    return boost(axes, momentum, mass)


def boost_along_z(momenta: np.ndarray, velocity: np.ndarray) -> np.ndarray:
    """Boost (..., 4, n) by the velocity (n,) along +z."""
    gamma = 1 / np.sqrt(1 - velocity**2)
    result = momenta.copy()
    result[..., 2, :] = gamma * (momenta[..., 2, :] + velocity * momenta[..., 3, :])
    result[..., 3, :] = gamma * (momenta[..., 3, :] + velocity * momenta[..., 2, :])
    return result


def rest_velocity(momenta: np.ndarray) -> np.ndarray:
    """Velocity along +z, (n,), of the rest frame of all particles of (particles, 4, n)."""
    total = momenta.sum(0)
    return total[2] / total[3]


def _random_frame(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Two random orthogonal unit vectors, (3, n) each: the first two axes of a random rotation."""
    cos_theta, phi, psi = rng.uniform(-1, 1, n), rng.uniform(0, 2 * np.pi, n), rng.uniform(0, 2 * np.pi, n)
    axis = direction(cos_theta, phi)
    sin_theta = np.sqrt(1 - cos_theta**2)
    polar = np.stack([cos_theta * np.cos(phi), cos_theta * np.sin(phi), -sin_theta])
    azimuthal = np.stack([-np.sin(phi), np.cos(phi), np.zeros(n)])
    return axis, np.cos(psi) * polar + np.sin(psi) * azimuthal
