"""One HistFactory workspace per hypothesis: a window of the spectrum, a peak, and a smooth background."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import nnls
from scipy.special import betainc

from darkreach.columnar.templates import Templates
from darkreach.config.search import MassWindow
from darkreach.config.stages import ScanSpec
from darkreach.errors import DarkreachError
from darkreach.statistics.resolution import reduced_mass
from darkreach.statistics.signal_model import SignalModel

# A coefficient never reaches zero, so that every bin keeps a positive expectation, as its Poisson term needs.
SMALLEST_COEFFICIENT = 1e-6
_MEASUREMENT = "cross-section in fb for mu = 1: "


class FitWindow(NamedTuple):
    """Bins of a fit made of whole fine bins: bin i is the sum of the fine bins starts[i]:stops[i]."""

    starts: np.ndarray
    stops: np.ndarray

    def rebin(self, values: np.ndarray) -> np.ndarray:
        """Sum fine bins (n,) into the bins of the window (k,), exactly."""
        return np.array([values[a:b].sum() for a, b in zip(self.starts, self.stops, strict=True)])


def fit_window(
    edges: np.ndarray, centre: float, sigma: float, spec: ScanSpec, vetoes: Sequence[MassWindow]
) -> FitWindow:
    """Bins of about bin_sigma·σ within ±half_window_sigma·σ around `centre`, all in GeV of the reduced mass.

    Fine bins that touch a veto are left out; the window ends where the fine bins `edges` (n + 1,) end.
    """
    half = spec.scan.half_window_sigma * sigma
    first, last = np.searchsorted(edges, [centre - half, centre + half])
    first, last = max(0, first - 1), min(len(edges) - 1, last)
    allowed = np.ones(last - first, bool)
    for veto in vetoes:
        low, high = reduced_mass(veto.range_GeV)
        allowed &= (edges[first + 1 : last + 1] <= low) | (edges[first:last] >= high)
    changes = np.flatnonzero(np.diff(np.concatenate([[0], allowed.astype(int), [0]])))
    fine_per_bin = spec.scan.bin_sigma * sigma / (edges[1] - edges[0])
    starts, stops = [], []
    for start, stop in first + changes.reshape(-1, 2):
        bins = max(1, round((stop - start) / max(1.0, fine_per_bin)))
        cuts = np.linspace(start, stop, bins + 1).round().astype(int)
        starts.append(cuts[:-1])
        stops.append(cuts[1:])
    empty = [np.array([], int)]
    return FitWindow(np.concatenate(starts or empty), np.concatenate(stops or empty))


def bernstein_basis(degree: int, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """Integrals of the (degree + 1) Bernstein polynomials on [0, 1] over k bins [low, high], (degree + 1, k).

    Each polynomial integrates to 1/(degree + 1), as ∫₀ᵗ B_{i,d} = I_t(i + 1, d − i + 1)/(d + 1) with the
    regularised incomplete beta function I.
    """
    i = np.arange(degree + 1)[:, np.newaxis]
    return (betainc(i + 1, degree - i + 1, high) - betainc(i + 1, degree - i + 1, low)) / (degree + 1)


def build_workspace(templates: Templates, signal: SignalModel, mass: float, spec: ScanSpec) -> dict[str, Any]:
    """The HistFactory workspace (pyhf JSON) of `spec.model` with X of `mass` in GeV.

    One channel. The observed counts are the data's or, while the search is blind, the simulated background's
    (the expected counts, not rounded). mu is the cross-section σ(e⁺e⁻ → μ⁺μ⁻X) × B(X → μ⁺μ⁻) divided by a
    reference near the expected limit, which the measurement's name states (see `reference_cross_section`).

    Rate uncertainties are log-normal; position and width of the peak are interpolated between
    templates; the background is a Bernstein polynomial with one free coefficient ≥ 0 per sample.

    Raises:
        DarkreachError: nothing can be fitted at this mass; the sentence says why.
    """
    hypothesis = f"{spec.model} at {mass:.6f} GeV"
    edges, centre, sigma = templates.edges, float(reduced_mass(mass)), float(signal.resolution(mass))
    window = fit_window(edges, centre, sigma, spec, spec.vetoes)
    if len(window.starts) <= spec.scan.background_degree + 1:
        raise DarkreachError(
            f"{hypothesis}: its fit window has {len(window.starts)} bins outside the vetoes, too few for a "
            f"background of degree {spec.scan.background_degree}; widen scan.half_window_sigma"
        )
    counts = window.rebin(_spectrum(templates, spec, hypothesis))
    if np.any(counts < 0):
        raise DarkreachError(f"{hypothesis}: the simulated background is negative in its fit window")
    shapes = _signal_shapes(signal, mass, window, edges, spec, hypothesis)
    low = edges[window.starts[0]]
    span = edges[window.stops[-1]] - low
    basis = bernstein_basis(
        spec.scan.background_degree, (edges[window.starts] - low) / span, (edges[window.stops] - low) / span
    )
    # coefficients of one are a flat background with as many events as were observed
    basis *= max(counts.sum(), 1.0)
    coefficients = _fit_coefficients(basis, counts)
    signal_per_fb = signal.efficiency(mass) * templates.luminosity_fb
    reference = _reference(shapes["nominal"], coefficients @ basis, signal_per_fb)
    return _as_histfactory(
        spec,
        counts,
        {name: reference * signal_per_fb * s for name, s in shapes.items()},
        basis,
        coefficients,
        reference,
    )


def reference_cross_section(workspace: dict[str, Any]) -> float:
    """σ(e⁺e⁻ → μ⁺μ⁻X) × B(X → μ⁺μ⁻) in fb for mu = 1 in a workspace made by `build_workspace`."""
    return float(workspace["measurements"][0]["name"].removeprefix(_MEASUREMENT))


def _spectrum(templates: Templates, spec: ScanSpec, hypothesis: str) -> np.ndarray:
    if spec.blind:
        if not templates.backgrounds:
            raise DarkreachError(f"{hypothesis}: the search is blind and the templates have no background")
        return np.sum([values for values, _ in templates.backgrounds.values()], axis=0)
    if templates.data is None:
        raise DarkreachError(
            f"{hypothesis}: the search is not blind but the templates have no data; merge again"
        )
    return templates.data


def _signal_shapes(
    signal: SignalModel, mass: float, window: FitWindow, edges: np.ndarray, spec: ScanSpec, hypothesis: str
) -> dict[str, np.ndarray]:
    """Fractions of the selected signal per bin: nominal, and with the peak moved and stretched."""
    if signal.is_negative(mass):
        raise DarkreachError(f"{hypothesis}: a simulated signal template next to it has a negative bin")
    position, width = spec.systematics.peak_position, spec.systematics.peak_width
    variations = {
        "nominal": (0.0, 1.0),
        "position_up": (position, 1.0),
        "position_down": (-position, 1.0),
        "width_up": (0.0, 1 + width),
        "width_down": (0.0, 1 / (1 + width)),
    }
    shapes = {
        name: np.maximum(
            signal.expected_fractions(mass, edges[window.starts], edges[window.stops], *variation), 0.0
        )
        for name, variation in variations.items()
    }
    if not signal.efficiency(mass) * shapes["nominal"].sum() > 0:
        raise DarkreachError(f"{hypothesis}: no simulated signal is left in its fit window")
    return shapes


def _fit_coefficients(basis: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Starting values: least squares with coefficients ≥ 0; variances from the counts, then from the fit."""
    variance = np.maximum(counts, 1.0)
    for _ in range(3):
        weight = 1 / np.sqrt(variance)
        coefficients, _ = nnls((basis * weight).T, counts * weight)
        coefficients = np.maximum(coefficients, SMALLEST_COEFFICIENT)
        variance = np.maximum(coefficients @ basis, 0.1)
    return coefficients


def _reference(fractions: np.ndarray, background: np.ndarray, signal_per_fb: float) -> float:
    """About the expected limit in fb, to two digits: 1.64σ plus the 2.3 events of no background."""
    events = 2.3 + 1.64 / np.sqrt(np.sum(fractions**2 / background))
    return float(f"{events / (signal_per_fb * fractions.sum()):.1e}")


def _as_histfactory(
    spec: ScanSpec,
    counts: np.ndarray,
    signal: dict[str, np.ndarray],
    basis: np.ndarray,
    coefficients: np.ndarray,
    reference: float,
) -> dict[str, Any]:
    modifiers: list[dict[str, Any]] = [{"name": "mu", "type": "normfactor", "data": None}]
    for name, relative in spec.systematics.rates.items():
        if relative > 0:
            factors = {"hi": 1 + relative, "lo": 1 / (1 + relative)}
            modifiers.append({"name": name, "type": "normsys", "data": factors})
    for name, size in (("position", spec.systematics.peak_position), ("width", spec.systematics.peak_width)):
        if size > 0:
            histograms = {
                "hi_data": signal[f"{name}_up"].tolist(),
                "lo_data": signal[f"{name}_down"].tolist(),
            }
            modifiers.append({"name": f"peak_{name}", "type": "histosys", "data": histograms})
    samples = [{"name": "signal", "data": signal["nominal"].tolist(), "modifiers": modifiers}]
    # far above anything the fit needs, and no wall for it: ten times as many events as observed
    most_events = 10 * (counts.sum() + 10)
    parameters = [
        {"name": "mu", "inits": [0.5], "bounds": [[0.0, float(most_events / signal["nominal"].sum())]]}
    ]
    for i, (shape, start) in enumerate(zip(basis, coefficients, strict=True)):
        name = f"background_{i}"
        normalisation = {"name": name, "type": "normfactor", "data": None}
        samples.append({"name": name, "data": shape.tolist(), "modifiers": [normalisation]})
        bounds = [SMALLEST_COEFFICIENT, float(most_events / shape.sum())]
        parameters.append({"name": name, "inits": [float(start)], "bounds": [bounds]})
    return {
        "channels": [{"name": spec.search, "samples": samples}],
        "observations": [{"name": spec.search, "data": counts.tolist()}],
        "measurements": [
            {"name": f"{_MEASUREMENT}{reference:g}", "config": {"poi": "mu", "parameters": parameters}}
        ],
        "version": "1.0.0",
    }
