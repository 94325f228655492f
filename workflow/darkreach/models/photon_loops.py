"""Lepton loops of X → γγ, as functions of τ = 4m²/M²."""

import numpy as np
from numpy.typing import ArrayLike

# Beyond, the closed forms cancel and their expansions are the more accurate ones.
_HEAVY = 1e4


def scalar_loop(tau: ArrayLike) -> np.ndarray:
    """F(τ) of a scalar; tends to 4/3 for a heavy lepton, τ → ∞, and to 0 for a massless one.

    F = 2τ[1 + (1 − τ) f(τ)]: A. Djouadi, Phys. Rept. 457 (2008) 1, section 2.3.
    """
    tau = np.asarray(tau, float)
    exact = 2 * tau * (1 + (1 - tau) * _triangle(tau))
    return np.where(tau > _HEAVY, 4 / 3 + 14 / (45 * np.maximum(tau, 1)), exact)


def derivative_pseudoscalar_loop(tau: ArrayLike) -> np.ndarray:
    """B₁(τ) of a derivatively coupled pseudoscalar: −1/(3τ) for a heavy lepton, 1 for a massless one.

    B₁ = 1 − τ f(τ): M. Bauer, M. Neubert and A. Thamm, JHEP 12 (2017) 044 (arXiv:1708.00443).
    """
    tau = np.asarray(tau, float)
    inverse = 1 / np.maximum(tau, 1)
    return np.where(tau > _HEAVY, -inverse / 3 - 8 * inverse**2 / 45, 1 - tau * _triangle(tau))


def _triangle(tau: np.ndarray) -> np.ndarray:
    """f(τ) = arcsin²(1/√τ) for τ ≥ 1, continued to τ < 1."""
    root = np.sqrt(np.clip(1 - tau, 0, None))
    below = -0.25 * (2 * np.arctanh(np.minimum(root, 1 - 1e-16)) - 1j * np.pi) ** 2
    above = np.arcsin(1 / np.sqrt(np.maximum(tau, 1))) ** 2
    return np.where(tau >= 1, above, below)
