"""One channel of a fit: a window of the spectrum, and the smooth background in it."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import nnls
from scipy.special import betainc

from darkreach.columnar.templates import ChannelTemplates
from darkreach.config.search import MassWindow, Scan
from darkreach.config.stages import ScanSpec
from darkreach.errors import DarkreachError

# A coefficient never reaches zero, so that every bin keeps a positive expectation, as its Poisson term needs.
SMALLEST_COEFFICIENT = 1e-6


class FitWindow(NamedTuple):
    """Bins of a fit made of whole fine bins: bin i is the sum of the fine bins starts[i]:stops[i]."""

    starts: np.ndarray
    stops: np.ndarray

    def rebin(self, values: np.ndarray) -> np.ndarray:
        """Sum fine bins (n,) into the bins of the window (k,), exactly."""
        return np.array([values[a:b].sum() for a, b in zip(self.starts, self.stops, strict=True)])


class FitChannel(NamedTuple):
    """A channel of one hypothesis without its signal.

    centre, sigma: where the peak is and how wide, GeV; counts: (k,) observed in the bins of the window;
    basis: (degree + 1, k) Bernstein polynomials, coefficients of one being a flat background as large as the
    counts; coefficients: (degree + 1,) that describe the counts best.
    """

    name: str
    centre: float
    sigma: float
    window: FitWindow
    counts: np.ndarray
    basis: np.ndarray
    coefficients: np.ndarray


def fit_channel(
    name: str,
    edges: np.ndarray,
    templates: ChannelTemplates,
    centre: float,
    sigma: float,
    forbidden: np.ndarray,
    spec: ScanSpec,
) -> FitChannel:
    """The window around a peak at `centre` of width `sigma`, in GeV of the observable.

    edges: (n + 1,) of the fine bins; forbidden: (v, 2) ranges of the observable in vetoes. The counts are the
    data's or, while the search is blind, the simulated background's (expected counts, not rounded).

    Raises:
        DarkreachError: there is nothing to fit; the sentence says why.
    """
    window = fit_window(edges, centre, sigma, forbidden, spec.scan)
    degree = spec.scan.background_degree
    if len(window.starts) <= degree + 1:
        raise DarkreachError(
            f"its fit window has {len(window.starts)} bins outside the vetoes, too few for a "
            f"background of degree {degree}; widen scan.half_window_sigma"
        )
    counts = window.rebin(_spectrum(templates, spec))
    if np.any(counts < 0):
        raise DarkreachError("the simulated background is negative in its fit window")
    low = edges[window.starts[0]]
    span = edges[window.stops[-1]] - low
    basis = bernstein_basis(degree, (edges[window.starts] - low) / span, (edges[window.stops] - low) / span)
    basis *= max(counts.sum(), 1.0)
    return FitChannel(name, centre, sigma, window, counts, basis, _fit_coefficients(basis, counts))


def fit_window(
    edges: np.ndarray, centre: float, sigma: float, forbidden: np.ndarray, scan: Scan
) -> FitWindow:
    """Bins of about bin_sigma·σ within ±half_window_sigma·σ around `centre`, all in GeV of the observable.

    Fine bins that touch a forbidden range are left out; the window ends where the fine bins `edges` (n + 1,)
    end.
    """
    half = scan.half_window_sigma * sigma
    first, last = np.searchsorted(edges, [centre - half, centre + half])
    first, last = max(0, first - 1), min(len(edges) - 1, last)
    allowed = outside(edges[first:last], edges[first + 1 : last + 1], forbidden)
    changes = np.flatnonzero(np.diff(np.concatenate([[0], allowed.astype(int), [0]])))
    fine_per_bin = scan.bin_sigma * sigma / (edges[1] - edges[0])
    starts, stops = [], []
    for start, stop in first + changes.reshape(-1, 2):
        bins = max(1, round((stop - start) / max(1.0, fine_per_bin)))
        cuts = np.linspace(start, stop, bins + 1).round().astype(int)
        starts.append(cuts[:-1])
        stops.append(cuts[1:])
    empty = [np.array([], int)]
    return FitWindow(np.concatenate(starts or empty), np.concatenate(stops or empty))


def outside(low: np.ndarray, high: np.ndarray, forbidden: np.ndarray) -> np.ndarray:
    """(n,) whether bins from low to high, (n,), touch none of the ranges `forbidden` (v, 2)."""
    return np.all((high[:, None] <= forbidden[:, 0]) | (low[:, None] >= forbidden[:, 1]), axis=1)


def forbidden_ranges(
    vetoes: Sequence[MassWindow], observable_of_mass: Callable[[ArrayLike], np.ndarray]
) -> np.ndarray:
    """(v, 2) the vetoes in GeV of the observable."""
    ranges = np.array([veto.range_GeV for veto in vetoes], float).reshape(-1, 2)
    return observable_of_mass(ranges)


def bernstein_basis(degree: int, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Integrals of the (degree + 1) Bernstein polynomials on [0, 1] over k bins [low, high], (degree + 1, k).

    Each polynomial integrates to 1/(degree + 1), as ∫₀ᵗ B_{i,d} = I_t(i + 1, d − i + 1)/(d + 1) with the
    regularised incomplete beta function I.
    """
    i = np.arange(degree + 1)[:, np.newaxis]
    return (betainc(i + 1, degree - i + 1, high) - betainc(i + 1, degree - i + 1, low)) / (degree + 1)


def _spectrum(templates: ChannelTemplates, spec: ScanSpec) -> np.ndarray:
    if spec.blind:
        if not templates.backgrounds:
            raise DarkreachError("the search is blind and the templates have no background")
        return np.sum([values for values, _ in templates.backgrounds.values()], axis=0)
    if templates.data is None:
        raise DarkreachError("the search is not blind but the templates have no data; merge again")
    return templates.data


def _fit_coefficients(basis: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Starting values: least squares with coefficients ≥ 0; variances from the counts, then from the fit."""
    variance = np.maximum(counts, 1.0)
    for _ in range(3):
        weight = 1 / np.sqrt(variance)
        coefficients, _ = nnls((basis * weight).T, counts * weight)
        coefficients = np.maximum(coefficients, SMALLEST_COEFFICIENT)
        variance = np.maximum(coefficients @ basis, 0.1)
    return coefficients
