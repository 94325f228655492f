"""Is a classifier overtrained, and does its cut carve peaks into the mass spectrum?"""

from dataclasses import dataclass

import numpy as np
from scipy import special

CHECK_BINS = 15


def weighted_ks(
    first: np.ndarray, first_weights: np.ndarray, second: np.ndarray, second_weights: np.ndarray
) -> float:
    """p-value that two weighted samples come from one distribution (Kolmogorov–Smirnov, asymptotic).

    Samples count with their effective numbers (Σw)²/Σw².
    """
    points = np.sort(np.concatenate([first, second]))
    distance = np.abs(_cdf(first, first_weights, points) - _cdf(second, second_weights, points)).max()
    n, m = (w.sum() ** 2 / (w**2).sum() for w in (first_weights, second_weights))
    return float(special.kolmogorov(np.sqrt(n * m / (n + m)) * distance))


def _cdf(values: np.ndarray, weights: np.ndarray, points: np.ndarray) -> np.ndarray:
    order = np.argsort(values, kind="stable")
    cumulated = np.concatenate([[0.0], np.cumsum(weights[order])]) / weights.sum()
    return cumulated[np.searchsorted(values[order], points, side="right")]


@dataclass(frozen=True)
class Sculpting:
    """Efficiency of the cut on background as a function of the mass, against a parabola.

    edges: of the bins in mass, GeV. efficiency, error: per bin. largest_pull: of a single bin above the
    parabola. p_value: of χ² with ndf degrees of freedom.
    """

    edges: list[float]
    efficiency: list[float]
    error: list[float]
    chi2: float
    ndf: int
    p_value: float
    largest_pull: float


def sculpting(mass: np.ndarray, yields: np.ndarray, passed: np.ndarray) -> Sculpting | None:
    """Compare the mass spectrum of background before and after the cut; None with too few candidates.

    Bins hold equal numbers of candidates. Errors are binomial with effective numbers of candidates.
    """
    edges = np.unique(np.quantile(mass, np.linspace(0, 1, CHECK_BINS + 1))) if len(mass) else np.zeros(0)
    if len(edges) < 6:
        return None
    bins = np.clip(np.searchsorted(edges, mass, side="right") - 1, 0, len(edges) - 2)
    total, squares, kept = (
        np.bincount(bins, weights=w, minlength=len(edges) - 1) for w in (yields, yields**2, yields * passed)
    )
    effective = total**2 / squares
    efficiency = kept / total
    # one more success and one more failure: an efficiency of 0 or 1 has an error, too
    smooth = (efficiency * effective + 1) / (effective + 2)
    error = np.sqrt(smooth * (1 - smooth) / effective)
    centres = (edges[1:] + edges[:-1]) / 2
    centres = (centres - centres.mean()) / np.ptp(edges)
    powers = np.stack([np.ones_like(centres), centres, centres**2], axis=-1)
    coefficients, *_ = np.linalg.lstsq(powers / error[:, None], efficiency / error, rcond=None)
    pulls = (efficiency - powers @ coefficients) / error
    chi2, ndf = float((pulls**2).sum()), len(centres) - 3
    return Sculpting(
        edges=[float(edge) for edge in edges],
        efficiency=[float(value) for value in efficiency],
        error=[float(value) for value in error],
        chi2=chi2,
        ndf=ndf,
        p_value=float(special.gammaincc(ndf / 2, chi2 / 2)),
        largest_pull=float(pulls.max()),
    )
