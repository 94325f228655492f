"""HistFactory interpolation codes with their derivatives.

Formulas: HistFactory manual CERN-OPEN-2012-016, section 4.1; names of the codes as in pyhf.
"""

import numpy as np

NORMSYS_CODES = ("code1", "code4")
HISTOSYS_CODES = ("code0", "code4p")


def shape_weights(alpha: np.ndarray, code: str) -> tuple[np.ndarray, ...]:
    """Weights a, b with shift(α) = a S + b A, and their derivatives.

    S = (up − down)/2 and A = (up + down − 2 nominal)/16 are fixed templates, so a histosys is linear in two
    of them. Any shape in, four arrays of that shape out: a, b, da/dα, db/dα.
    """
    size = np.abs(alpha)
    b, db = 8.0 * size, 8.0 * np.sign(alpha)
    if code == "code4p":
        square = np.minimum(alpha * alpha, 1.0)
        inside = size < 1.0
        b = np.where(inside, square * (15.0 + square * (3.0 * square - 10.0)), b)
        db = np.where(inside, alpha * (30.0 + square * (18.0 * square - 40.0)), db)
    return alpha, b, np.ones_like(alpha), db


def shape_templates(nominal: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The fixed templates S and A of `shape_weights`, any common shape."""
    return 0.5 * (high - low), 0.0625 * (high + low - 2.0 * nominal)


def _polynomial_matrix() -> np.ndarray:
    """Inverse of the six matching conditions (value, slope, curvature at α = ±1) of code 4."""
    power = np.arange(1, 7)
    slope, curvature = power, power * (power - 1)
    sign = (-1.0) ** power
    rows = [power**0, sign, slope, -sign * slope, curvature, sign * curvature]
    return np.linalg.inv(np.array(rows, dtype=float))


_POLYNOMIAL = _polynomial_matrix()


def factor_coefficients(low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Coefficients a1..a6 of code 4 between α = −1 and 1; shape (..., 6) for factors of shape (...)."""
    log_low, log_high = np.log(low), np.log(high)
    conditions = [
        high - 1.0,
        low - 1.0,
        log_high * high,
        -log_low * low,
        log_high**2 * high,
        log_low**2 * low,
    ]
    return np.einsum("ij,j...->...i", _POLYNOMIAL, np.array(conditions))


def scale_factors(
    alpha: np.ndarray, log_low: np.ndarray, log_high: np.ndarray, coefficients: np.ndarray, code: str
) -> tuple[np.ndarray, np.ndarray]:
    """Normsys factor f(α) and df/dα; α of shape (...), coefficients (..., 6)."""
    exponential = np.where(alpha > 0.0, log_high, -log_low)
    outside = np.exp(exponential * alpha)
    if code == "code1":
        return outside, exponential * outside
    value, slope = np.zeros_like(alpha), np.zeros_like(alpha)
    near = np.clip(alpha, -1.0, 1.0)
    for i in range(5, -1, -1):
        slope = slope * near + (i + 1) * coefficients[..., i]
        value = value * near + coefficients[..., i]
    inside = np.abs(alpha) < 1.0
    return np.where(inside, 1.0 + value * near, outside), np.where(inside, slope, exponential * outside)
