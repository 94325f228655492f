"""Upper limits, best fit and significance of one workspace, with pyhf's likelihood and fits.

Asymptotic formulae: G. Cowan, K. Cranmer, E. Gross, O. Vitells, arXiv:1007.1727, for q̃_μ and q_0; CLs after
A. L. Read, J. Phys. G28 (2002) 2693. The numbers are those of `pyhf.infer` with five to ten times fewer fits:
of the five fits per tested mu three do not depend on mu, and are done once.
"""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyhf
from scipy.interpolate import PchipInterpolator
from scipy.special import log_ndtr, ndtr, ndtri

# Deviations of the background, in σ, for which expected limits are given.
BANDS = (-2, -1, 0, 1, 2)
# Of scipy's minimisers; None is their own default.
_TOLERANCES = {"SLSQP": None, "L-BFGS-B": 1e-10}
# A fit with mu fixed may come out this much below the free one before that counts as a failure (2 ln L).
_FIT_NOISE = 2e-3
# pyhf logs every failed minimisation at length; here the status of the result says it in a sentence
logging.getLogger("pyhf.optimize.mixins").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class LimitResult:
    """Limits on mu at one confidence level, and the best fit with mu ≥ 0.

    observed: the observed CLs upper limit.
    expected: the five expected without signal, for a background −2, −1, 0, 1, 2 σ off.
    mu_hat: best fit; p0, z: local p-value and significance √q_0 of the background-only hypothesis.
    status: "ok", "retried" (a second optimiser was needed) or "failed: reason" (then all numbers are NaN).
    n_fits: fits done.
    """

    observed: float
    expected: tuple[float, ...]
    mu_hat: float
    p0: float
    z: float
    status: str
    n_fits: int


class FitError(Exception):
    """A fit did not converge, or its result contradicts another fit."""


def upper_limits(workspace: dict[str, Any], confidence_level: float) -> LimitResult:
    """Observed and expected CLs limits on the parameter of interest of a HistFactory workspace (pyhf JSON).

    Its first measurement is used. Bad workspaces and failing fits do not raise: the status says why.
    """
    reason, n_fits = "", 0
    for status, method in (("ok", "SLSQP"), ("retried", "L-BFGS-B")):
        fits = None
        try:
            with np.errstate(all="ignore"):
                fits = _Fits(workspace, method)
                numbers = _limits(fits, 1 - confidence_level)
            return LimitResult(*numbers, status=status, n_fits=n_fits + fits.count)
        except Exception as error:  # whatever pyhf or its minimisers raise costs this hypothesis alone
            reason = " ".join(str(error).split())[:300] or type(error).__name__
            n_fits += fits.count if fits else 0
    nan = math.nan
    return LimitResult(nan, (nan,) * 5, nan, nan, nan, f"failed: {reason}", n_fits)


def _limits(fits: "_Fits", alpha: float) -> tuple[float, tuple[float, ...], float, float, float]:
    """Observed and expected limits, mu_hat, p0 and z; alpha is 1 − confidence level."""
    mu_hat, best = fits.free()
    without_signal = fits.at_data(0.0)
    q0 = _not_negative(without_signal - best) if mu_hat > 0 else 0.0
    asimov_best = fits.at_asimov(0.0)

    def sqrt_q_asimov(mu: float) -> float:
        return math.sqrt(_not_negative(fits.at_asimov(mu) - asimov_best))

    def minus_log_cls(mu: float) -> float:
        q = _not_negative(fits.at_data(mu) - best) if mu >= mu_hat else 0.0
        root_a = sqrt_q_asimov(mu)
        if root_a == 0:
            return 0.0
        root = math.sqrt(q)
        t = root - root_a if root <= root_a else (q - root_a**2) / (2 * root_a)
        return float(log_ndtr(-t) - log_ndtr(-t - root_a))

    # The expected CLs of a background b σ off is Φ(b − √q_A)/Φ(b).
    targets = {b: b - float(ndtri(alpha * ndtr(b))) for b in BANDS}
    known = {0.0: 0.0}
    found = {b: _solve(sqrt_q_asimov, targets[b], known) for b in sorted(BANDS, key=abs)}
    observed = _solve(minus_log_cls, -math.log(alpha), {0.0: 0.0}, start=found[0] + mu_hat)
    z = math.sqrt(q0)
    return observed, tuple(found[b] for b in BANDS), mu_hat, float(ndtr(-z)), z


def _not_negative(difference: float) -> float:
    """A likelihood ratio, which only the minimiser's noise can make negative."""
    if not difference > -_FIT_NOISE:
        raise FitError("a fit ended above one that is nested in it; its minimum was missed")
    return max(difference, 0.0)


def _solve(
    function: Callable[[float], float], target: float, known: dict[float, float], start: float = 1.0
) -> float:
    """Where an increasing function reaches `target`, from `known` values (mu → value), which it extends.

    Inverse interpolation inside a bracket that widens by itself until it holds the target.
    """
    tolerance = 1e-4 * target
    for _ in range(40):
        points = np.array(sorted(known.items()))
        if np.any(np.diff(points[:, 1]) < -_FIT_NOISE):
            raise FitError("the test statistic does not increase with mu; a minimum was missed")
        mu = _guess(points, target, start)
        known[mu] = function(mu)
        if abs(known[mu] - target) < tolerance:
            return mu
    raise FitError("no upper limit was found in 40 steps")


def _guess(points: np.ndarray, target: float, start: float) -> float:
    """Next mu to try, given points (n, 2) of mu and value in order of mu, the first of them at the origin."""
    above = int(np.searchsorted(points[:, 1], target))
    if above == 0:
        raise FitError("the test statistic is above its target even without signal")
    low_mu, low = points[above - 1]
    if above == len(points):
        if low <= 0:
            return start if low_mu == 0 else 4 * float(low_mu)
        return float(low_mu * np.clip(1.02 * target / low, 1.05, 4))
    high_mu, high = points[above]
    nodes = points[max(0, above - 2) : above + 2]
    mu = low_mu + (target - low) / (high - low) * (high_mu - low_mu)
    if len(nodes) > 2 and np.all(np.diff(nodes[:, 1]) > 0):
        mu = float(PchipInterpolator(nodes[:, 1], nodes[:, 0])(target))
    margin = 1e-3 * (high_mu - low_mu)
    return float(np.clip(mu, low_mu + margin, high_mu - margin))


class _Fits:
    """The fits of one workspace, each done once; values are −2 ln L."""

    def __init__(self, workspace: dict[str, Any], method: str) -> None:
        described = pyhf.Workspace(workspace)
        self._model = described.model()
        self._data = np.asarray(described.data(self._model))
        self._method = method
        self._optimizer = pyhf.optimize.scipy_optimizer(tolerance=_TOLERANCES[method])
        self._poi = self._model.config.poi_index
        self._asimov: np.ndarray | None = None
        # per data set: mu → (parameters, value)
        self._at_data: dict[float, tuple[np.ndarray, float]] = {}
        self._at_asimov: dict[float, tuple[np.ndarray, float]] = {}
        self.count = 0
        if not np.isfinite(self._model.expected_data(self._model.config.suggested_init())).all():
            raise FitError("the templates hold something that is not a finite number")

    def free(self) -> tuple[float, float]:
        """Best-fit mu, and the value there."""
        without_signal, value = self._fixed(self._data, 0.0, self._at_data)
        start = without_signal.copy()
        start[self._poi] = self._model.config.suggested_init()[self._poi]
        parameters, best = self._minimize(self._data, start, None)
        mu = float(parameters[self._poi])
        if best > value:  # then the boundary is the minimum, to the minimiser's precision
            return 0.0, value
        if mu > 0.999 * self._model.config.suggested_bounds()[self._poi][1]:
            raise FitError("the best-fit mu lies on its upper bound")
        self._at_data[mu] = (parameters, best)
        return mu, best

    def at_data(self, mu: float) -> float:
        """Minimum for a fixed mu."""
        return self._fixed(self._data, mu, self._at_data)[1]

    def at_asimov(self, mu: float) -> float:
        """Minimum for a fixed mu and the data expected without signal, all nuisances at their best."""
        if self._asimov is None:
            without_signal, _ = self._fixed(self._data, 0.0, self._at_data)
            self._asimov = np.asarray(self._model.expected_data(without_signal))
            # No fit is needed: parameters which reproduce data and auxiliary data are the best ones.
            value = -2 * float(self._model.logpdf(without_signal, self._asimov)[0])
            self._at_asimov[0.0] = (without_signal, value)
        return self._fixed(self._asimov, mu, self._at_asimov)[1]

    def _fixed(
        self, data: np.ndarray, mu: float, done: dict[float, tuple[np.ndarray, float]]
    ) -> tuple[np.ndarray, float]:
        if mu not in done:
            if done:
                start = done[min(done, key=lambda other: abs(other - mu))][0].copy()
            else:
                start = np.array(self._model.config.suggested_init(), float)
            done[mu] = self._minimize(data, start, mu)
        return done[mu]

    def _minimize(self, data: np.ndarray, start: np.ndarray, mu: float | None) -> tuple[np.ndarray, float]:
        self.count += 1
        fixed = [(i, start[i]) for i, is_fixed in enumerate(self._model.config.suggested_fixed()) if is_fixed]
        if mu is not None:
            start[self._poi] = mu
            fixed.append((self._poi, mu))
        if len(fixed) == len(start):  # nothing is left to fit
            return start, -2 * float(self._model.logpdf(start, data)[0])
        try:
            parameters, value = self._optimizer.minimize(
                pyhf.infer.mle.twice_nll,
                data,
                self._model,
                start.tolist(),
                self._model.config.suggested_bounds(),
                sorted(fixed),
                return_fitted_val=True,
                do_stitch=True,
                method=self._method,
            )
        except pyhf.exceptions.FailedMinimization as error:
            raise FitError(f"a fit did not converge ({error})") from None
        if not np.isfinite(value):
            raise FitError("the likelihood is not a number at its best fit")
        return np.asarray(parameters), float(value)
