"""Upper limits, best-fit signal and significance by asymptotic formulas, for a batch of hypotheses at once.

Test statistics q̃_μ and q_0 of arXiv:1007.1727; the Asimov data set is that of pyhf: μ = 0 with the
nuisance parameters fitted to the data.
"""

from dataclasses import dataclass, field

import numpy as np
from scipy.special import ndtr, ndtri

from darkreach.statistics.engine import cls
from darkreach.statistics.engine.fit import TIGHT, Fit, fit, response
from darkreach.statistics.engine.model import Data, Model

PRECISION = 1e-4  # the last Newton step in μ, relative; the error after it is of the order of its square
MAX_STEPS = 60
EXPECTED, OBSERVED, ERROR = range(3)  # kinds of root that are searched


@dataclass
class Limits:
    """Results per hypothesis: arrays of (rows,), `expected` (rows, 5) from −2σ to +2σ.

    `mu_error` is the distance from μ̂ to where −2 ln L has risen by 1, upwards. `background_events` is the
    background of the counting experiment with the same signal and the same information on μ: where it is
    small, asymptotic formulas do not hold. `failed` holds a sentence for rows without result.
    """

    observed: np.ndarray
    expected: np.ndarray
    mu_hat: np.ndarray
    mu_error: np.ndarray
    q0: np.ndarray
    p0: np.ndarray
    z: np.ndarray
    background_events: np.ndarray
    best: Fit
    background: Fit
    retried: np.ndarray
    failed: dict[int, str] = field(default_factory=dict)


@dataclass
class _Roots:
    """The searches: for each the row it belongs to, its kind, what it aims at, and its bracket in μ."""

    row: np.ndarray
    kind: np.ndarray
    target: np.ndarray
    mu: np.ndarray
    origin: np.ndarray
    low: np.ndarray
    high: np.ndarray
    done: np.ndarray


def asymptotic_limits(model: Model, cl: float) -> Limits:
    """Limits at confidence level `cl` for every row of the model on its observed data."""
    rows, alpha = model.rows, 1.0 - cl
    data = model.observed
    background = fit(model, data, model.init, poi=np.zeros(rows))
    best = fit(model, data, model.init, tolerance=TIGHT)
    _restart_if_worse(best, background, model, data)
    mu_hat = best.parameters[:, model.shape.poi]
    q0 = np.where(mu_hat > 0.0, 2.0 * np.maximum(background.value - best.value, 0.0), 0.0)

    asimov = model.expected_data(background.parameters)
    asimov = Data(np.maximum(asimov.counts, 0.0), asimov.aux)
    flat = model.evaluate(background.parameters[:, model.plan.dense], asimov)
    variance, direction = response(model, flat.curvature, background.parameters)
    signal, events = effective_background(model, background, variance)
    roots = _starting_values(model, best, background, signal, events, alpha)
    # q̃: for a negative best fit the reference is μ = 0
    reference = np.where(mu_hat < 0.0, background.value, best.value)
    search = _Search(model, data, asimov, reference, flat.value, best)
    search.start(roots, background.parameters, direction)
    for _ in range(MAX_STEPS):
        if not search.step(roots, alpha):
            break
    return _collect(model, roots, search, best, background, q0, events)


def log_cls_at(model: Model, mu: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """ln CLs at strengths `mu` (rows,): (rows, 6), observed and bands −2σ to +2σ; and convergence."""
    data, flat = model.observed, np.zeros(model.rows)
    background = fit(model, data, model.init, poi=flat)
    best = fit(model, data, model.init, poi_lower=0.0)
    _restart_if_worse(best, background, model, data, poi_lower=0.0)
    tested = fit(model, data, background.parameters, poi=mu)
    asimov = model.expected_data(background.parameters)
    asimov = Data(np.maximum(asimov.counts, 0.0), asimov.aux)
    flat = model.evaluate(background.parameters[:, model.plan.dense], asimov).value
    on_asimov = fit(model, asimov, background.parameters, poi=mu)
    above = best.parameters[:, model.shape.poi] > mu
    root = np.where(above, 0.0, np.sqrt(2.0 * np.maximum(tested.value - best.value, 0.0)))
    root_asimov = np.sqrt(2.0 * np.maximum(on_asimov.value - flat, 0.0))
    observed = cls.log_cls(root, root_asimov)
    # pyhf's order of bands: −2σ is the strong limit, a downward fluctuation of the background
    expected = cls.expected_log_cls(root_asimov[:, None], cls.BANDS[None, :])
    converged = background.converged & best.converged & tested.converged & on_asimov.converged
    return np.column_stack([observed, expected]), converged


def _restart_if_worse(
    best: Fit, background: Fit, model: Model, data: Data, poi_lower: float = -np.inf
) -> None:
    """A free fit above the fit with μ = 0 sits in the wrong minimum: start it again from there."""
    rows = np.flatnonzero(best.value > background.value + 1e-7)
    if len(rows):
        again = fit(model.take(rows), data.take(rows), background.parameters[rows], poi_lower=poi_lower)
        best.adopt(rows, again)


def effective_background(
    model: Model, background: Fit, variance: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Signal events at μ = 1, and background b with S²/b the information on μ, both (rows,)."""
    unit = background.parameters.copy()
    unit[:, model.shape.poi] = 1.0
    signal = np.abs(model.expected(unit) - model.expected(background.parameters)).sum(axis=1)
    return signal, signal**2 * variance


def _starting_values(
    model: Model, best: Fit, background: Fit, signal: np.ndarray, events: np.ndarray, alpha: float
) -> _Roots:
    """Where to begin: a counting experiment with the same signal and the same information on μ."""
    rows = model.rows
    mu_hat = best.parameters[:, model.shape.poi]
    with np.errstate(divide="ignore", invalid="ignore"):
        targets = cls.expected_root_asimov(alpha, cls.BANDS)
        expected = counting_signal(targets[None, :], events[:, None]) / signal[:, None]
        sigma = expected[:, 2] / targets[2]
        slope = background.gradient[:, model.plan.poi]
        above = np.where(mu_hat > 0.0, mu_hat, np.clip(-slope * sigma**2, -4.0 * sigma, 0.0))
        observed = cls.gaussian_limit(above, sigma, alpha)
    mu = np.column_stack([expected, observed, mu_hat + sigma])
    low = np.zeros_like(mu)
    low[:, 6] = mu_hat
    return _Roots(
        row=np.repeat(np.arange(rows), 7),
        kind=np.tile([EXPECTED] * 5 + [OBSERVED, ERROR], rows),
        target=np.tile([*targets, ndtri(alpha), 1.0], rows),
        mu=mu.ravel(),
        origin=low.ravel().copy(),
        low=low.ravel(),
        high=np.full(mu.size, np.inf),
        done=~np.isfinite(mu.ravel()),
    )


def counting_signal(root_q: np.ndarray, background: np.ndarray) -> np.ndarray:
    """Signal events s with 2(s − b ln(1 + s/b)) = q: Asimov sensitivity of a counting experiment."""
    background = np.maximum(background, 1e-9)
    s = root_q * np.sqrt(background) + 0.5 * root_q**2
    for _ in range(4):
        value = 2.0 * (s - background * np.log1p(s / background)) - root_q**2
        s = s - value * (s + background) / (2.0 * s)
    return s


class _Search:
    """Root search in μ for all limits of all rows: one batched fit at fixed μ, then a Newton step."""

    def __init__(
        self,
        model: Model,
        data: Data,
        asimov: Data,
        reference: np.ndarray,
        flat: np.ndarray,
        best: Fit,
    ) -> None:
        self.model, self.data, self.asimov, self.best = model, data, asimov, best
        self.reference, self.flat = reference, flat
        self.mu_hat = best.parameters[:, model.shape.poi]
        self.converged = np.ones(model.rows, dtype=bool)
        self.retried = best.retried.copy()
        self.below = np.zeros(model.rows)  # how far a fit at fixed μ went below the free fit

    def start(self, roots: _Roots, parameters: np.ndarray, direction: np.ndarray) -> None:
        """Fits at fixed μ: on Asimov data for limits, on the data for the observed limit and the error."""
        asimov = np.flatnonzero(roots.kind != ERROR)
        data = np.flatnonzero(roots.kind != EXPECTED)
        self.root = np.concatenate([asimov, data])
        self.on_data = np.repeat([False, True], [len(asimov), len(data)])
        self.kind = roots.kind[self.root]
        row = roots.row[self.root]
        self.at = parameters[row]
        free = self.on_data & (self.mu_hat[row] > 0.0)
        self.at[free] = self.best.parameters[row[free]]
        self.direction = direction[row]
        self.previous = self.at[:, self.model.shape.poi].copy()
        self.root_value = np.zeros(len(self.root))
        self.root_slope = np.zeros(len(self.root))

    def step(self, roots: _Roots, alpha: float) -> bool:
        """One fit and one Newton step for every search that is not done; False when all are."""
        jobs = np.flatnonzero(~roots.done[self.root])
        if not len(jobs):
            return False
        row, mu = roots.row[self.root[jobs]], roots.mu[self.root[jobs]]
        model = self.model.take(row)
        counts = np.where(self.on_data[jobs, None], self.data.counts[row], self.asimov.counts[row])
        aux = np.where(self.on_data[jobs, None], self.data.aux[row], self.asimov.aux[row])
        start = self.at[jobs]
        start[:, model.plan.dense] += self.direction[jobs] * (mu - self.previous[jobs])[:, None]
        found = fit(model, Data(counts, aux), start, poi=mu)
        self._note(jobs, row, mu, found, model)
        self._move(roots)
        return True

    def _note(self, jobs: np.ndarray, row: np.ndarray, mu: np.ndarray, found: Fit, model: Model) -> None:
        """√q and its derivative from the fits at fixed μ (envelope theorem)."""
        self.at[jobs], self.previous[jobs] = found.parameters, mu
        _, self.direction[jobs] = response(model, found.curvature, found.parameters)
        on_data = self.on_data[jobs]
        error = self.kind[jobs] == ERROR
        reference = np.where(error, self.best.value[row], self.reference[row])
        q = 2.0 * (found.value - np.where(on_data, reference, self.flat[row]))
        np.minimum.at(self.below, row[on_data], q[on_data])
        above = ~on_data | (mu > self.mu_hat[row])
        root = np.sqrt(np.maximum(np.where(above, q, 0.0), 0.0))
        slope = found.gradient[:, self.model.plan.poi]
        with np.errstate(divide="ignore", invalid="ignore"):
            self.root_slope[jobs] = np.where(root > 0.0, slope / root, 0.0)
        self.root_value[jobs] = root
        np.logical_and.at(self.converged, row, found.converged)
        np.logical_or.at(self.retried, row, found.retried)

    def _move(self, roots: _Roots) -> None:
        """Newton step of every search, kept inside its bracket, which widens upwards while it is open."""
        size = len(roots.mu)
        values, slopes = np.zeros((2, size)), np.zeros((2, size))
        for i, on_data in enumerate((False, True)):
            mine = self.on_data == on_data
            values[i, self.root[mine]] = self.root_value[mine]
            slopes[i, self.root[mine]] = self.root_slope[mine]
        cls_value, cls_slope = cls.normal_cls(values[1], slopes[1], values[0], slopes[0])
        expected, observed = roots.kind == EXPECTED, roots.kind == OBSERVED
        # all rise with μ: √q_A, −Φ⁻¹(CLs), √q
        value = np.where(expected, values[0], np.where(observed, -cls_value, values[1]))
        slope = np.where(expected, slopes[0], np.where(observed, -cls_slope, slopes[1]))
        gap = np.where(observed, -roots.target, roots.target) - value
        go = ~roots.done
        roots.low = np.where(go & (gap > 0.0), roots.mu, roots.low)
        roots.high = np.where(go & (gap <= 0.0), roots.mu, roots.high)
        with np.errstate(divide="ignore", invalid="ignore"):
            newton = roots.mu + gap / slope
            middle = np.where(roots.low > 0.0, np.sqrt(np.abs(roots.low * roots.high)), 0.5 * roots.high)
        middle = np.where(roots.kind == ERROR, 0.5 * (roots.low + roots.high), middle)
        inside = np.isfinite(newton) & (newton > roots.low) & (newton < roots.high)
        widened = 2.0 * roots.mu - roots.origin
        proposal = np.where(inside, newton, np.where(np.isfinite(roots.high), middle, widened))
        close = np.abs(proposal - roots.mu) <= PRECISION * np.abs(proposal - roots.origin)
        roots.mu = np.where(go, proposal, roots.mu)
        roots.done |= close


def _collect(
    model: Model,
    roots: _Roots,
    search: _Search,
    best: Fit,
    background: Fit,
    q0: np.ndarray,
    events: np.ndarray,
) -> Limits:
    mu = np.where(roots.done, roots.mu, np.nan).reshape(-1, 7)
    result = Limits(
        observed=mu[:, 5],
        expected=mu[:, :5],
        mu_hat=best.parameters[:, model.shape.poi],
        mu_error=mu[:, 6] - best.parameters[:, model.shape.poi],
        q0=q0,
        p0=ndtr(-np.sqrt(q0)),
        z=np.sqrt(q0),
        background_events=events,
        best=best,
        background=background,
        retried=search.retried | best.retried | background.retried,
    )
    for row in range(model.rows):
        if not background.converged[row]:
            result.failed[row] = "the background-only fit does not converge"
        elif not best.converged[row]:
            result.failed[row] = "the free fit does not converge"
        elif not search.converged[row]:
            result.failed[row] = "a fit at fixed signal strength does not converge"
        elif search.below[row] < -1e-4:
            result.failed[row] = "the likelihood has a second minimum below the free fit"
        elif not np.all(np.isfinite(mu[row])):
            result.failed[row] = (
                "no signal strength is excluded: the likelihood does not depend on the signal"
            )
    return result
