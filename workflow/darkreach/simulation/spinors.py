"""Spinors, slashed vectors and currents in the chiral representation, for whole batches of events.

The last axis of every array runs over the events, so that NumPy's inner loops are long.

* A momentum is (..., 4, n): px, py, pz, E in GeV, as in `Particles`.
* A spinor is (..., 4, n): the two left-handed components, then the two right-handed ones. A barred
  spinor ψ̄ = ψ†γ⁰ is stored so that ψ̄χ is the plain sum of the products of the components.
* A vector that enters spinor algebra is (..., 4, n) in light-cone components V⁰+V³, V⁰−V³, V¹+iV², V¹−iV²
  (the last two are not conjugate to each other if V is complex).

Conventions: H. Murayama, I. Watanabe and K. Hagiwara, HELAS, KEK-91-11 (1992).
"""

import numpy as np


def light_cone(momentum: np.ndarray) -> np.ndarray:
    """Light-cone components of a vector given as px, py, pz, E."""
    x, y, z, t = np.moveaxis(momentum, -2, 0)
    return np.stack([t + z, t - z, x + 1j * y, x - 1j * y], axis=-2)


def dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Minkowski product p·q of vectors given as px, py, pz, E; (..., 4, n) → (..., n)."""
    product = first * second
    return product[..., 3, :] - product[..., 0, :] - product[..., 1, :] - product[..., 2, :]


def light_cone_dot(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Minkowski product of vectors in light-cone components, without complex conjugation."""
    return 0.5 * (
        first[..., 0, :] * second[..., 1, :]
        + first[..., 1, :] * second[..., 0, :]
        - first[..., 2, :] * second[..., 3, :]
        - first[..., 3, :] * second[..., 2, :]
    )


def particle_spinor(momentum: np.ndarray, mass: float) -> np.ndarray:
    """u(p, h) for helicity +½ and −½: (4, n) → (2, 4, n)."""
    plus, minus, large, small = _helicity_basis(momentum, mass)
    return np.stack(
        [np.concatenate([small * plus, large * plus]), np.concatenate([large * minus, small * minus])]
    )


def antiparticle_spinor(momentum: np.ndarray, mass: float) -> np.ndarray:
    """v(p, h) for helicity +½ and −½: (4, n) → (2, 4, n)."""
    plus, minus, large, small = _helicity_basis(momentum, mass)
    return np.stack(
        [np.concatenate([-large * minus, small * minus]), np.concatenate([small * plus, -large * plus])]
    )


def bar(spinor: np.ndarray) -> np.ndarray:
    """ψ̄ = ψ†γ⁰."""
    return np.roll(spinor.conj(), 2, axis=-2)


def slash(vector: np.ndarray, spinor: np.ndarray) -> np.ndarray:
    """γ·V ψ, for V in light-cone components; leading axes broadcast."""
    plus, minus, perp, perp_bar = _components(vector)
    left0, left1, right0, right1 = _components(spinor)
    return _assemble(
        minus * right0 - perp_bar * right1,
        plus * right1 - perp * right0,
        plus * left0 + perp_bar * left1,
        perp * left0 + minus * left1,
    )


def slash_bar(barred: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """ψ̄ γ·V, for V in light-cone components; leading axes broadcast."""
    plus, minus, perp, perp_bar = _components(vector)
    left0, left1, right0, right1 = _components(barred)
    return _assemble(
        plus * right0 + perp * right1,
        perp_bar * right0 + minus * right1,
        minus * left0 - perp * left1,
        plus * left1 - perp_bar * left0,
    )


def current(barred: np.ndarray, spinor: np.ndarray) -> np.ndarray:
    """ψ̄ γ^μ χ in light-cone components; leading axes broadcast."""
    left0, left1, right0, right1 = _components(barred)
    chi_left0, chi_left1, chi_right0, chi_right1 = _components(spinor)
    return 2 * _assemble(
        right1 * chi_left1 + left0 * chi_right0,
        right0 * chi_left0 + left1 * chi_right1,
        left0 * chi_right1 - right0 * chi_left1,
        left1 * chi_right0 - right1 * chi_left0,
    )


def _components(array: np.ndarray) -> tuple[np.ndarray, ...]:
    return array[..., 0, :], array[..., 1, :], array[..., 2, :], array[..., 3, :]


def _assemble(*components: np.ndarray) -> np.ndarray:
    return np.stack(components, axis=-2)


def _helicity_basis(momentum: np.ndarray, mass: float) -> tuple[np.ndarray, ...]:
    """Two-component helicity eigenvectors of p, and √(E+|p|), √(E−|p|)."""
    x, y, z, energy = momentum
    transverse_squared = x**2 + y**2
    length = np.sqrt(transverse_squared + z**2)
    # |p| + pz without cancellation for a particle that flies backwards.
    forward = np.where(z > 0, length + z, transverse_squared / np.where(z > 0, 1, length - z))
    axis = forward > 0  # false for a momentum exactly along −z, where the azimuth is undefined
    norm = np.sqrt(2 * length * np.where(axis, forward, 1))
    up = np.where(axis, forward / norm, 0)
    down = np.where(axis, (x + 1j * y) / norm, 1)
    large = np.sqrt(energy + length)
    return np.stack([up, down]), np.stack([-down.conj(), up]), large, mass / large
