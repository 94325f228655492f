"""The place and width of a peak in a histogram."""

from typing import NamedTuple

import numpy as np

# A normal distribution has 68.27 % within ±1σ.
_ONE_SIGMA = 0.682689492


class Peak(NamedTuple):
    """A peak: its median and half of its shortest 68.27 % interval, in the units of its histogram."""

    median: float
    sigma: float


def effective_entries(values: np.ndarray, variances: np.ndarray) -> float:
    """The number of unweighted entries with the same relative uncertainty, (Σw)²/Σw²."""
    total = variances.sum()
    return float(values.sum() ** 2 / total) if total > 0 else 0.0


def peak_of(edges: np.ndarray, values: np.ndarray) -> Peak:
    """Median and half of the shortest 68.27 % interval of a histogram, interpolated inside its bins.

    The shortest interval, unlike the central one, does not notice a tail to one side, as radiation makes it.
    edges: (n + 1,); values: (n,) not negative, with a positive sum.
    """
    cumulative = np.concatenate([[0.0], np.cumsum(values)]) / values.sum()
    # one end of the shortest interval is an edge of a bin, as the density is constant inside
    starts, stops = cumulative[cumulative <= 1 - _ONE_SIGMA], cumulative[cumulative >= _ONE_SIGMA]
    from_edge = _position(edges, cumulative, starts + _ONE_SIGMA) - edges[: len(starts)]
    to_edge = edges[-len(stops) :] - _position(edges, cumulative, stops - _ONE_SIGMA)
    length = min(from_edge.min(), to_edge.min())
    return Peak(float(_position(edges, cumulative, np.array([0.5]))[0]), float(length) / 2)


def _position(edges: np.ndarray, cumulative: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where the cumulative distribution (n + 1,) reaches values (k,) between 0 and 1."""
    bins = np.clip(np.searchsorted(cumulative, wanted) - 1, 0, len(edges) - 2)
    height = cumulative[bins + 1] - cumulative[bins]
    inside = (wanted - cumulative[bins]) / np.where(height > 0, height, 1.0)
    return edges[bins] + np.clip(inside, 0.0, 1.0) * (edges[bins + 1] - edges[bins])
