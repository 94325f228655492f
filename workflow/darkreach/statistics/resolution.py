"""The place and width of a peak in a histogram."""

from typing import NamedTuple

import numpy as np

# Probabilities at −1σ, 0 and +1σ of a normal distribution: the central interval holds 68.27 %.
_ONE_SIGMA = (0.158655254, 0.5, 0.841344746)


class Peak(NamedTuple):
    """A peak: its median and half of its central 68.27 % interval, in the units of its histogram."""

    median: float
    sigma: float


def effective_entries(values: np.ndarray, variances: np.ndarray) -> float:
    """The number of unweighted entries with the same relative uncertainty, (Σw)²/Σw²."""
    total = variances.sum()
    return float(values.sum() ** 2 / total) if total > 0 else 0.0


def peak_of(edges: np.ndarray, values: np.ndarray) -> Peak:
    """Median and half of the central 68.27 % interval of a histogram, interpolated inside its bins.

    edges: (n + 1,); values: (n,) not negative, with a positive sum.
    """
    cumulative = np.concatenate([[0.0], np.cumsum(values)])
    wanted = np.array(_ONE_SIGMA) * cumulative[-1]
    bins = np.searchsorted(cumulative, wanted) - 1
    inside = (wanted - cumulative[bins]) / values[bins]
    low, median, high = edges[bins] + inside * (edges[bins + 1] - edges[bins])
    return Peak(float(median), float(high - low) / 2)
