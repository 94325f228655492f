"""One channel of a fit: a window of the spectrum, and the smooth background in it."""

from collections.abc import Callable, Sequence
from itertools import pairwise
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
# Between backgrounds on the two sides of a region's border.
STEP_RANGE = (1e-3, 1e3)


# A region of a classifier that shares a window with others has at least so many bins and counts there.
SMALLEST_PART = (3, 10.0)


class Parts(NamedTuple):
    """What a window may consist of: ranges of the observable in GeV.

    forbidden: (v, 2) vetoes; names, regions: (r, 2) regions of the selection, one classifier each.
    """

    forbidden: np.ndarray
    names: list[str]
    regions: np.ndarray

    def regions_of(self, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        """(n,) index of the region that bins from low to high, (n,), lie in; −1 in none and in vetoes."""
        inside = (low[:, None] >= self.regions[:, 0]) & (high[:, None] <= self.regions[:, 1])
        allowed = np.all(
            (high[:, None] <= self.forbidden[:, 0]) | (low[:, None] >= self.forbidden[:, 1]), axis=1
        )
        return np.where(allowed & inside.any(axis=1), inside.argmax(axis=1), -1)


class FitWindow(NamedTuple):
    """Bins of a fit made of whole fine bins: bin i is the sum of the fine bins starts[i]:stops[i].

    regions: (k,) index of the region that each bin lies in.
    """

    starts: np.ndarray
    stops: np.ndarray
    regions: np.ndarray

    def rebin(self, values: np.ndarray) -> np.ndarray:
        """Sum fine bins (n,) into the bins of the window (k,), exactly."""
        return np.array([values[a:b].sum() for a, b in zip(self.starts, self.stops, strict=True)])


class FitChannel(NamedTuple):
    """A channel of one hypothesis without its signal.

    centre, sigma: where the peak is and how wide, GeV; counts: (k,) observed in the bins of the window;
    basis: (degree + 1, k) Bernstein polynomials, coefficients of one being a flat background as large as the
    counts; coefficients: (degree + 1,) that describe the counts best.
    steps: name of a region → factor by which the background differs there from the region of the peak: each
    region has a classifier of its own, so that the spectrum jumps at its borders.
    parts: name of each region in the window → (k,) whether a bin lies in it.
    """

    name: str
    centre: float
    sigma: float
    window: FitWindow
    counts: np.ndarray
    basis: np.ndarray
    coefficients: np.ndarray
    steps: dict[str, float]
    parts: dict[str, np.ndarray]

    @property
    def background(self) -> np.ndarray:
        """(k,) counts of the background with these coefficients and steps."""
        factors = sum(self.steps.get(name, 1.0) * inside for name, inside in self.parts.items())
        return self.coefficients @ self.basis * factors


def fit_channel(
    name: str,
    edges: np.ndarray,
    templates: ChannelTemplates,
    centre: float,
    sigma: float,
    allowed: Parts,
    spec: ScanSpec,
) -> FitChannel:
    """The window around a peak at `centre` of width `sigma`, in GeV of the observable.

    edges: (n + 1,) of the fine bins. The counts are the data's or, while the search is blind, the simulated
    background's (expected counts, not rounded).

    Raises:
        DarkreachError: there is nothing to fit; the sentence says why.
    """
    spectrum, degree = _spectrum(templates, spec), spec.scan.background_degree
    window = _with_known_steps(fit_window(edges, centre, sigma, allowed, spec.scan), spectrum, edges, centre)
    if len(window.starts) <= degree + 1:
        raise DarkreachError(
            f"its fit window has {len(window.starts)} bins outside the vetoes, too few for a "
            f"background of degree {degree}; widen scan.half_window_sigma"
        )
    counts = window.rebin(spectrum)
    if np.any(counts < 0):
        raise DarkreachError("the simulated background is negative in its fit window")
    low = edges[window.starts[0]]
    span = edges[window.stops[-1]] - low
    basis = bernstein_basis(degree, (edges[window.starts] - low) / span, (edges[window.stops] - low) / span)
    basis *= max(counts.sum(), 1.0)
    parts = {allowed.names[i]: window.regions == i for i in np.unique(window.regions)}
    home = allowed.names[window.regions[_nearest(window, edges, centre)]]
    coefficients, steps = _fit_background(basis, counts, parts, home)
    return FitChannel(name, centre, sigma, window, counts, basis, coefficients, steps, parts)


def fit_window(edges: np.ndarray, centre: float, sigma: float, allowed: Parts, scan: Scan) -> FitWindow:
    """Bins of about bin_sigma·σ within ±half_window_sigma·σ around `centre`, all in GeV of the observable.

    Fine bins that touch a veto or a border of a region are left out; the window ends where the fine bins
    `edges` (n + 1,) end.
    """
    half = scan.half_window_sigma * sigma
    first, last = np.searchsorted(edges, [centre - half, centre + half])
    first, last = max(0, first - 1), min(len(edges) - 1, last)
    region = allowed.regions_of(edges[first:last], edges[first + 1 : last + 1])
    ends = np.flatnonzero(np.diff(np.concatenate([[-1], region, [-1]])))
    runs = [(a, b) for a, b in pairwise(ends) if region[a] >= 0]
    fine_per_bin = scan.bin_sigma * sigma / (edges[1] - edges[0])
    starts, stops, regions = [], [], []
    for start, stop in first + np.array(runs, int).reshape(-1, 2):
        bins = max(1, round((stop - start) / max(1.0, fine_per_bin)))
        cuts = np.linspace(start, stop, bins + 1).round().astype(int)
        starts.append(cuts[:-1])
        stops.append(cuts[1:])
        regions.append(np.full(bins, region[start - first]))
    empty = [np.array([], int)]
    return FitWindow(*(np.concatenate(parts or empty) for parts in (starts, stops, regions)))


def allowed_parts(
    vetoes: Sequence[MassWindow],
    regions: Sequence[MassWindow],
    observable_of_mass: Callable[[ArrayLike], np.ndarray],
) -> Parts:
    """Vetoes and regions of one channel, both given by masses, in GeV of the observable."""
    vetoed, inside = (
        observable_of_mass(np.array([w.range_GeV for w in windows], float).reshape(-1, 2))
        for windows in (vetoes, regions)
    )
    return Parts(vetoed, [region.name for region in regions], inside)


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
    return templates.observed


def _with_known_steps(window: FitWindow, spectrum: np.ndarray, edges: np.ndarray, centre: float) -> FitWindow:
    """The window without regions of which it holds too little to know how high the background is there."""
    if len(np.unique(window.regions)) < 2:
        return window
    counts = window.rebin(spectrum)
    home = window.regions[_nearest(window, edges, centre)]
    kept = window.regions == home
    for region in np.unique(window.regions):
        part = window.regions == region
        if part.sum() >= SMALLEST_PART[0] and counts[part].sum() >= SMALLEST_PART[1]:
            kept |= part
    return FitWindow(window.starts[kept], window.stops[kept], window.regions[kept])


def _nearest(window: FitWindow, edges: np.ndarray, centre: float) -> int:
    """The bin nearest to the peak."""
    return int(np.argmin(np.abs(edges[window.starts] + edges[window.stops] - 2 * centre)))


def _fit_background(
    basis: np.ndarray, counts: np.ndarray, parts: dict[str, np.ndarray], home: str
) -> tuple[np.ndarray, dict[str, float]]:
    """Starting values: least squares with coefficients ≥ 0; variances from the counts, then from the fit."""
    variance, factors = np.maximum(counts, 1.0), np.ones(len(counts))
    steps = {name: 1.0 for name in parts if name != home}
    for _ in range(20 if steps else 3):  # slope and step approach their values in turns
        weight = factors / np.sqrt(variance)
        coefficients, _ = nnls((basis * weight).T, counts / np.sqrt(variance))
        coefficients = np.maximum(coefficients, SMALLEST_COEFFICIENT)
        smooth = coefficients @ basis
        for name in steps:
            inside = parts[name]
            steps[name] = float(np.clip(counts[inside].sum() / smooth[inside].sum(), *STEP_RANGE))
            factors[inside] = steps[name]
        variance = np.maximum(smooth * factors, 0.1)
    return coefficients, steps
