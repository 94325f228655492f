"""CLs from asymptotic formulas (Cowan, Cranmer, Gross, Vitells, arXiv:1007.1727), with pyhf's conventions.

√q is the observed test statistic, √q_A that of the background-only Asimov data set, both at the same μ.
Arrays of any common shape.
"""

import numpy as np
from scipy.special import log_ndtr, ndtr, ndtri, ndtri_exp

BANDS = np.array([-2, -1, 0, 1, 2])  # order of the five expected limits, in σ of the background fluctuation


def log_cls(root_q: np.ndarray, root_asimov: np.ndarray) -> np.ndarray:
    """ln CLs of q̃ (eqs. 65, 66): pyhf's AsymptoticCalculator with test statistic 'qtilde'."""
    upper, lower = _arguments(root_q, root_asimov)
    return log_ndtr(upper) - log_ndtr(lower)


def _arguments(root_q: np.ndarray, root_asimov: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Φ⁻¹ of CLs+b and of CLb."""
    with np.errstate(divide="ignore", invalid="ignore"):
        far = (root_q**2 - root_asimov**2) / (2.0 * root_asimov)
    # a signal too small to be seen at all: what is left of √q is rounding
    far = np.where(root_asimov > 0.0, far, 0.0)
    shift = np.where(root_q <= root_asimov, root_q - root_asimov, far)
    return -shift - root_asimov, -shift


def expected_log_cls(root_asimov: np.ndarray, band: np.ndarray) -> np.ndarray:
    """ln CLs if the background fluctuates by `band` σ (eq. 89)."""
    return log_ndtr(band - root_asimov) - log_ndtr(band)


def expected_root_asimov(alpha: float, band: np.ndarray) -> np.ndarray:
    """The √q_A at which the expected CLs equals α, for a background fluctuation of `band` σ."""
    return band - ndtri(alpha * ndtr(band))


def normal_cls(
    root_q: np.ndarray, slope_q: np.ndarray, root_asimov: np.ndarray, slope_asimov: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Φ⁻¹(CLs) and its derivative in μ, from √q, √q_A and their derivatives: nearly linear in μ."""
    upper, lower = _arguments(root_q, root_asimov)
    near = root_q <= root_asimov
    with np.errstate(divide="ignore", invalid="ignore", over="ignore", under="ignore"):
        ratio = root_q / root_asimov
        far_slope = ratio * slope_q - 0.5 * (1.0 + ratio**2) * slope_asimov
        shift_slope = np.where(near, slope_q - slope_asimov, far_slope)
        log = log_ndtr(upper) - log_ndtr(lower)
        slope = -_mills(upper) * (shift_slope + slope_asimov) + _mills(lower) * shift_slope
        value = ndtri_exp(np.minimum(log, -1e-300))
        density = -0.5 * value**2 - 0.5 * np.log(2.0 * np.pi)
        return value, slope * np.exp(log - density)


def _mills(z: np.ndarray) -> np.ndarray:
    """φ(z)/Φ(z), the derivative of ln Φ."""
    return np.exp(-0.5 * z * z - 0.5 * np.log(2.0 * np.pi) - log_ndtr(z))


def gaussian_limit(mu_hat: np.ndarray, sigma: np.ndarray, alpha: float) -> np.ndarray:
    """CLs upper limit of a Gaussian measurement, a starting value (CLs+b of eq. 57 over CLb)."""
    return mu_hat + sigma * ndtri(1.0 - alpha * ndtr(mu_hat / sigma))
