"""Extended unbinned likelihood of a peak on a Bernstein polynomial, its fits with iminuit, and CLs limits.

Asymptotic formulae for q̃_μ and q_0: arXiv:1007.1727. The Asimov data set is a cloud of weighted points.
"""

import math
from dataclasses import dataclass

import numpy as np
from iminuit import Minuit
from scipy.optimize import brentq
from scipy.special import comb, ndtr

from darkreach.statistics.channel_signal import ChannelSignal
from darkreach.statistics.engine import cls
from darkreach.statistics.workspace import SMALLEST_COEFFICIENT

KERNEL_SIGMA = 0.2  # a template of 2000 entries has a 4 % rough density then, and is 2 % wider
ASIMOV_POINTS_PER_SIGMA = 20
PRECISION = 1e-5  # relative, of a limit


class SmoothPeak:
    """A signal template made smooth: its fine bins, each replaced by a Gaussian of `KERNEL_SIGMA` σ_R."""

    def __init__(
        self, signal: ChannelSignal, mass: float, edges: np.ndarray, low: float, high: float
    ) -> None:
        """Take the fine bins with `edges` (n + 1,) of the signal of `mass`; window [low, high]; GeV."""
        self.low, self.high = low, high
        self.sigma = float(signal.resolution(mass))
        self.kernel = KERNEL_SIGMA * self.sigma
        near = (edges[1:] > low - 6 * self.kernel) & (edges[:-1] < high + 6 * self.kernel)
        fractions = signal.expected_fractions(mass, 0.0, edges[:-1][near], edges[1:][near])
        self.fractions = fractions[fractions > 0]
        self.centres = ((edges[1:] + edges[:-1]) / 2)[near][fractions > 0]

    def density(self, x: np.ndarray) -> np.ndarray:
        """(n,) density at x in 1/GeV; its integral over all x is one, as of the whole template."""
        pull = (x[:, np.newaxis] - self.centres) / self.kernel
        return np.exp(-0.5 * pull**2) @ self.fractions / (self.kernel * math.sqrt(2 * math.pi))

    def fraction(self, edges: np.ndarray) -> np.ndarray:
        """(k,) integrals of the density between neighbouring `edges` (k + 1,) in GeV."""
        return np.diff(ndtr((edges[:, np.newaxis] - self.centres) / self.kernel) @ self.fractions)

    def sample(self, events: int, rng: np.random.Generator) -> np.ndarray:
        """Positions in GeV of `events` signal candidates; those outside the window are left out."""
        missing = rng.random(events) > self.fractions.sum()
        share = self.fractions / self.fractions.sum()
        x = rng.choice(self.centres, events, p=share) + self.kernel * rng.standard_normal(events)
        return x[~missing & (x >= self.low) & (x < self.high)]


@dataclass(frozen=True)
class Window:
    """A peak and a Bernstein polynomial of `degree` in a window.

    Parameters: number of signal candidates, then degree + 1 coefficients. Coefficients of one are a flat
    background of `scale` candidates, as in the workflow's workspaces.
    """

    peak: SmoothPeak
    degree: int
    scale: float

    def densities(self, x: np.ndarray) -> np.ndarray:
        """(n, degree + 2) derivative of the density of candidates at x by each parameter, 1/GeV."""
        span = self.peak.high - self.peak.low
        t = ((x - self.peak.low) / span)[:, np.newaxis]
        i = np.arange(self.degree + 1)
        bernstein = comb(self.degree, i) * t**i * (1 - t) ** (self.degree - i)
        return np.column_stack([self.peak.density(x), self.scale / span * bernstein])

    @property
    def integrals(self) -> np.ndarray:
        """(degree + 2,) candidates in the window per unit of each parameter."""
        background = np.full(self.degree + 1, self.scale / (self.degree + 1))
        inside = self.peak.fraction(np.array([self.peak.low, self.peak.high]))
        return np.concatenate([inside, background])

    def asimov_points(self) -> tuple[np.ndarray, float]:
        """Midpoints of equal steps through the window, and the step, in GeV."""
        span = self.peak.high - self.peak.low
        steps = math.ceil(ASIMOV_POINTS_PER_SIGMA * span / self.peak.sigma)
        return self.peak.low + (np.arange(steps) + 0.5) * span / steps, span / steps

    def sample_background(self, parameters: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Positions in GeV of a Poisson number of background candidates: Bernstein terms are Betas."""
        expected = parameters[1:] * self.integrals[1:]
        i = np.repeat(np.arange(self.degree + 1), rng.poisson(expected))
        return self.peak.low + (self.peak.high - self.peak.low) * rng.beta(i + 1, self.degree - i + 1)


class UnbinnedLikelihood:
    """−ln L of points with weights: Σ_k θ_k I_k − Σ_i w_i ln Σ_k θ_k f_k(x_i), θ₀ ≥ 0 the signal.

    Convex, because the density is linear in the parameters: it has one minimum.
    """

    def __init__(self, window: Window, x: np.ndarray, weights: np.ndarray | None = None) -> None:
        """Take points x (n,) in GeV and their weights (n,), one by default."""
        self.densities = window.densities(x)
        self.integrals = window.integrals
        self.weights = np.ones(len(x)) if weights is None else weights

    def value(self, parameters: np.ndarray) -> float:
        """−ln L."""
        density = self.densities @ parameters
        if np.any(density <= 0):
            return math.inf
        return float(self.integrals @ parameters - self.weights @ np.log(density))

    def gradient(self, parameters: np.ndarray) -> np.ndarray:
        """Derivatives of −ln L by the parameters."""
        return self.integrals - (self.weights / (self.densities @ parameters)) @ self.densities

    def fit(self, start: np.ndarray, signal: float | None = None) -> tuple[np.ndarray, float]:
        """Parameters and −ln L of the minimum, with the signal fixed if it is given.

        Raises:
            RuntimeError: iminuit does not converge.
        """
        minuit = Minuit(self.value, np.maximum(start, 2 * SMALLEST_COEFFICIENT), grad=self.gradient)
        minuit.errordef = Minuit.LIKELIHOOD
        minuit.tol = 1e-4
        minuit.limits = [(0, None)] + [(SMALLEST_COEFFICIENT, None)] * (len(start) - 1)
        minuit.errors = np.maximum(0.1 * start, 0.05)
        if signal is not None:
            minuit.values[0], minuit.fixed[0] = signal, True
        minuit.migrad(ncall=5000)
        if not minuit.valid:
            raise RuntimeError(f"iminuit does not converge: {minuit.fmin}")
        return np.array(minuit.values), float(minuit.fval)


@dataclass(frozen=True)
class Result:
    """Numbers of one fit, in signal candidates; `error`: upwards, to where −2 ln L has risen by one."""

    yield_: float
    error: float
    z: float
    observed: float
    expected: float


def best_fit(likelihood: UnbinnedLikelihood, scale: float) -> tuple[np.ndarray, float, np.ndarray, float]:
    """Parameters and −ln L of the fit with free signal ≥ 0, and of the fit without signal."""
    size = likelihood.densities.shape[1]
    without, value = likelihood.fit(np.ones(size), signal=0.0)
    if likelihood.gradient(without)[0] >= 0:  # convex: then no signal is the minimum
        return without, value, without, value
    start = without.copy()
    start[0] = math.sqrt(scale)
    best, lowest = likelihood.fit(start)
    return (best, lowest, without, value) if lowest < value else (without, value, without, value)


def limits(window: Window, x: np.ndarray, confidence_level: float) -> Result:
    """Best fit, √q_0, and observed and median expected CLs limits of candidates at x (n,) in GeV.

    The Asimov data set is the background fitted without signal, as weights on a fine grid of points.
    """
    data = UnbinnedLikelihood(window, x)
    best, lowest, without, value = best_fit(data, window.scale)
    points, step = window.asimov_points()
    asimov = UnbinnedLikelihood(window, points, step * (window.densities(points) @ without))
    asimov_value = asimov.value(without)

    def root_asimov(signal: float) -> float:
        return math.sqrt(max(2 * (asimov.fit(without, signal)[1] - asimov_value), 0.0))

    def root_data(signal: float) -> float:
        return math.sqrt(max(2 * (data.fit(best, signal)[1] - lowest), 0.0))

    def minus_log_cls(signal: float) -> float:
        root = root_data(signal) if signal > best[0] else 0.0
        return -float(cls.log_cls(np.array(root), np.array(root_asimov(signal))))

    alpha = 1 - confidence_level
    error = _root(root_data, 1.0, best[0])
    return Result(
        yield_=float(best[0]),
        error=error - best[0],
        z=math.sqrt(max(2 * (value - lowest), 0.0)),
        observed=_root(minus_log_cls, -math.log(alpha), 0.0),
        expected=_root(root_asimov, float(cls.expected_root_asimov(alpha, np.array(0.0))), 0.0),
    )


def _root(function, target: float, low: float) -> float:
    """Where an increasing function, below `target` at `low`, reaches it."""
    high = low + 4.0
    while function(high) < target:
        low, high = high, 2 * high
    return float(brentq(lambda s: function(s) - target, low, high, rtol=PRECISION, xtol=1e-6))
