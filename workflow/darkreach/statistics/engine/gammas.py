"""Bin-wise parameters γ (staterror, shapesys, shapefactor) profiled in closed form.

In a bin the expected rate is ν = γ β + s. The stationarity condition of the likelihood in γ is a quadratic
for a Gaussian constraint, for a Poisson one and for none (Barlow and Beeston, Comput. Phys. Commun. 77
(1993) 219; J. Conway, arXiv:1103.0354).
"""

import numpy as np

FREE, NORMAL, POISSON = 0, 1, 2


def best_gamma(
    counts: np.ndarray,
    beta: np.ndarray,
    rest: np.ndarray,
    kind: int,
    aux: np.ndarray,
    width: np.ndarray,
) -> np.ndarray:
    """The γ that minimises −ln L in each bin, before bounds; all arrays broadcast to (rows, bins).

    `width` is σ of the Gaussian, or the factor f of the Poisson constraint Pois(aux | f γ).
    A bin in which γ has no effect stays at the maximum of its constraint (at 1 without one).
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        if kind == FREE:
            gamma = (counts - rest) / beta
            centre = np.ones_like(gamma)
        elif kind == NORMAL:
            variance = width * width
            linear = beta * beta * variance + rest - aux * beta
            constant = beta * variance * (rest - counts) - aux * rest
            gamma = _root(beta, linear, constant)
            # without events the rate enters linearly, and the quadratic has a spurious root at ν = 0
            gamma = np.where(counts > 0.0, gamma, aux - beta * variance)
            centre = np.broadcast_to(aux, gamma.shape)
        else:
            slope = beta + width
            linear = slope * rest - (counts + aux) * beta
            gamma = _root(slope * beta, linear, -aux * rest)
            gamma = np.where(counts > 0.0, gamma, aux / slope)
            centre = np.broadcast_to(aux / width, gamma.shape)
    return np.where(np.isfinite(gamma) & (beta != 0.0), gamma, centre)


def _root(square: np.ndarray, linear: np.ndarray, constant: np.ndarray) -> np.ndarray:
    """The root of square γ² + linear γ + constant = 0 on which the rate is positive, without cancellation."""
    root = np.sqrt(np.maximum(linear * linear - 4.0 * square * constant, 0.0))
    return np.where(linear > 0.0, -2.0 * constant / (linear + root), (root - linear) / (2.0 * square))


def constraint_terms(
    gamma: np.ndarray, kind: int, aux: np.ndarray, width: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """−ln of the constraint (zero at its maximum) with first and second derivative, same shape as γ."""
    if kind == FREE:
        zero = np.zeros_like(gamma)
        return zero, zero, zero
    if kind == NORMAL:
        pull = (gamma - aux) / width
        return 0.5 * pull * pull, pull / width, np.broadcast_to(1.0 / (width * width), gamma.shape)
    rate = gamma * width
    with np.errstate(divide="ignore", invalid="ignore"):
        value = np.where(aux > 0.0, rate - aux - aux * np.log(rate / aux), rate)
        value = np.where(rate < 0.0, np.inf, value)
        return value, width - aux / gamma, aux / (gamma * gamma)
