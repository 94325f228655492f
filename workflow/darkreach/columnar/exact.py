"""Histograms whose sums have no rounding: chunks, blocks and files add up to the same bits in any order.

Sums of floating-point numbers depend on their order. Here a weight is rounded to 20 significant bits and cut
into parts that are multiples of 1, 2⁻²⁸ and 2⁻⁵⁶; sums of each part are exact, and are added only at the end.
Only bins with entries are kept: the axes are far finer than what a block fills.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

SIGNIFICANT_BITS = 20
QUANTA = (1.0, 2.0**-28, 2.0**-56)


def parts_of(weights: np.ndarray) -> np.ndarray:
    """(k, n) parts of (n,) weights, k ≤ 3, whose sum over parts is the weight to within 1e-6 of it or 7e-18.

    Sums over n are exact for integer weights up to 2⁵³, and for others up to 2²⁶ rows in a bin: the second
    part of a row is at most 1/2 and a multiple of 2⁻²⁸, and a float64 has 53 bits.
    """
    mantissa, exponent = np.frexp(np.asarray(weights, dtype=np.float64))
    rest = np.ldexp(np.rint(np.ldexp(mantissa, SIGNIFICANT_BITS)), exponent - SIGNIFICANT_BITS)
    parts = []
    for quantum in QUANTA:
        parts.append(np.rint(rest / quantum) * quantum)
        rest = rest - parts[-1]
        if not rest.any():
            break
    return np.stack(parts)


@dataclass(frozen=True)
class Weights:
    """Parts of the weights of some rows, (k, n), and of their squares."""

    values: np.ndarray
    squares: np.ndarray

    @classmethod
    def of(cls, weights: np.ndarray) -> "Weights":
        """Take (n,) weights."""
        if (weights == 1).all():
            values = np.ones((1, len(weights)))
            return cls(values, values)
        return cls(parts_of(weights), parts_of(np.asarray(weights, dtype=np.float64) ** 2))

    def __getitem__(self, rows: np.ndarray) -> "Weights":
        if self.squares is self.values:
            values = self.values[:, rows]
            return Weights(values, values)
        return Weights(self.values[:, rows], self.squares[:, rows])


class ExactHistogram:
    """Sums of weights and of squared weights in the bins of some axes.

    axes: in UHI's form, `regular_axis` or `category_axis`.
    bins: (n,) ascending flat indices, in C order, of the bins that are not empty.
    values, variances: (k, n) sums of the parts of weights and of squared weights there.
    """

    def __init__(
        self,
        axes: Sequence[dict[str, Any]],
        bins: np.ndarray | None = None,
        values: np.ndarray | None = None,
        variances: np.ndarray | None = None,
    ) -> None:
        self.axes = list(axes)
        self.bins = np.zeros(0, dtype=np.int64) if bins is None else bins
        self.values = np.zeros((1, 0)) if values is None else values
        self.variances = np.zeros((1, 0)) if variances is None else variances

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of bins of each axis."""
        return tuple(bins_of(axis) for axis in self.axes)

    def fill(self, coordinates: Sequence[np.ndarray | int], weights: Weights) -> None:
        """Add rows: a value for each regular axis, an index for each axis of categories; as in NumPy (n,).

        Rows outside an axis, or with NaN, are left out.
        """
        rows, flat = weights.values.shape[1], np.zeros(1, dtype=np.int64)
        inside = np.ones(rows, dtype=bool)
        for axis, coordinate in zip(self.axes, coordinates, strict=True):
            index = _indices(axis, coordinate)
            inside &= (index >= 0) & (index < bins_of(axis))
            flat = flat * bins_of(axis) + index
        flat = np.broadcast_to(flat, rows)
        if not inside.all():
            flat, weights = flat[inside], weights[inside]
        total = self + ExactHistogram(self.axes, *_grouped(flat, weights, int(np.prod(self.shape))))
        self.bins, self.values, self.variances = total.bins, total.values, total.variances

    def __add__(self, other: "ExactHistogram") -> "ExactHistogram":
        """The sum. The histograms have the same axes.

        Raises:
            ValueError: they have not.
        """
        if self.axes != other.axes:
            raise ValueError("histograms with different axes cannot be added")
        bins = np.union1d(self.bins, other.bins)
        values = _added(bins, (self.bins, self.values), (other.bins, other.values))
        variances = _added(bins, (self.bins, self.variances), (other.bins, other.variances))
        filled = values.any(axis=0) | variances.any(axis=0)
        if not filled.all():
            bins, values, variances = bins[filled], values[:, filled], variances[:, filled]
        return ExactHistogram(self.axes, bins, _without_empty_parts(values), _without_empty_parts(variances))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ExactHistogram):
            return NotImplemented
        return self.axes == other.axes and all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("bins", "values", "variances")
        )

    __hash__ = None  # type: ignore[assignment]

    def with_categories(self, categories: Sequence[str]) -> "ExactHistogram":
        """The same with more categories on the first axis, in the given order."""
        own = self.axes[0]["categories"]
        if own == list(categories):
            return self
        inner = int(np.prod(self.shape[1:]))
        place = np.array([categories.index(name) for name in own], dtype=np.int64)
        bins = place[self.bins // inner] * inner + self.bins % inner
        order = np.argsort(bins)
        axes = [{**self.axes[0], "categories": list(categories)}, *self.axes[1:]]
        return ExactHistogram(axes, bins[order], self.values[:, order], self.variances[:, order])

    def row(self, index: int) -> "ExactHistogram":
        """The histogram of one bin of the first axis."""
        inner = int(np.prod(self.shape[1:]))
        first, last = np.searchsorted(self.bins, [index * inner, (index + 1) * inner])
        chosen = slice(first, last)
        return ExactHistogram(
            self.axes[1:],
            self.bins[chosen] - index * inner,
            self.values[:, chosen],
            self.variances[:, chosen],
        )

    def dense(self, factor: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
        """Values and variances of all bins, each of the shape of the axes, times a factor and its square."""
        return self._dense(self.values, factor), self._dense(self.variances, factor**2)

    def total(self) -> float:
        """Sum of weights in all bins; of fractional ones it is rounded."""
        return float(_whole(self.values).sum())

    def uhi(self, factor: float = 1.0) -> dict[str, Any]:
        """In UHI's form, times a factor: `hist.Hist` takes it."""
        values, variances = self.dense(factor)
        storage = {"type": "weighted", "values": values, "variances": variances}
        return {"uhi_schema": 1, "axes": self.axes, "storage": storage}

    def _dense(self, parts: np.ndarray, factor: float) -> np.ndarray:
        array = np.zeros(self.shape)
        array.flat[self.bins] = _whole(parts) * factor
        return array


def regular_axis(name: str, bins: int, low: float, high: float) -> dict[str, Any]:
    """An axis of equal bins without overflow, in UHI's form."""
    return {
        "type": "regular",
        "lower": float(low),
        "upper": float(high),
        "bins": int(bins),
        "underflow": False,
        "overflow": False,
        "circular": False,
        "metadata": {"name": name},
    }


def category_axis(name: str, categories: Sequence[str]) -> dict[str, Any]:
    """An axis of words without overflow, in UHI's form."""
    return {
        "type": "category_str",
        "categories": list(categories),
        "flow": False,
        "metadata": {"name": name},
    }


def bins_of(axis: dict[str, Any]) -> int:
    """Number of bins of an axis in UHI's form."""
    return len(axis["categories"]) if "categories" in axis else int(axis["bins"])


def _indices(axis: dict[str, Any], coordinate: np.ndarray | int) -> np.ndarray:
    if "categories" in axis:
        return np.atleast_1d(np.asarray(coordinate, dtype=np.int64))
    place = np.asarray(coordinate, dtype=np.float64) - axis["lower"]
    place /= axis["upper"] - axis["lower"]
    place *= axis["bins"]
    np.floor(place, out=place)
    place[~((place >= 0) & (place < axis["bins"]))] = -1  # NaN too: what becomes of it as an integer varies
    return place.astype(np.int64)


def _grouped(flat: np.ndarray, weights: Weights, size: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The bins that occur, ascending, with the sums of weights and of squares of each part there."""
    if size > 4 * len(flat):
        bins, place = np.unique(flat, return_inverse=True)
    else:  # counting all bins is faster than sorting the rows
        bins, place = np.flatnonzero(np.bincount(flat, minlength=size)), flat

    def sums(parts: np.ndarray) -> np.ndarray:
        found = np.stack([np.bincount(place, weights=part, minlength=len(bins)) for part in parts])
        return found if place is not flat else found[:, bins]

    values = sums(weights.values)
    return bins, values, values if weights.squares is weights.values else sums(weights.squares)


def _added(bins: np.ndarray, *terms: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    total = np.zeros((max(len(parts) for _, parts in terms), len(bins)))
    for own, parts in terms:
        total[: len(parts), np.searchsorted(bins, own)] += parts
    return total


def _without_empty_parts(parts: np.ndarray) -> np.ndarray:
    last = max((index for index, part in enumerate(parts) if part.any()), default=0)
    return parts[: last + 1]


def _whole(parts: np.ndarray) -> np.ndarray:
    """(n,) the sum over parts, smallest first: the only rounding there is."""
    total = np.zeros(parts.shape[1])
    for part in parts[::-1]:
        total = total + part
    return total
