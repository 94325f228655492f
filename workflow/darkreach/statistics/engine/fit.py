"""Batched minimisation of the profiled −ln L: Levenberg-Marquardt projected onto the bounds.

Each row goes its own way (damping, active bounds, convergence), so a result does not depend on its
neighbours.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from darkreach.statistics.engine.model import Data, Evaluation, Model

TOLERANCE, TIGHT = 1e-8, 1e-12  # on the predicted decrease of −ln L, which is about its error
MAX_ITERATIONS = 100
RIDGE = 1e-10  # keeps the scaled curvature regular when a direction is degenerate
NEAR_KINK, KINK_STEP, MAX_KINK_ROUNDS = 0.02, 1e-4, 12
DROP_FRACTION = 0.1  # converged rows leave the arrays when they are this part of them


@dataclass
class Fit:
    """Result per row. `curvature` is that of Model.evaluate, `parameters` the full vectors."""

    value: np.ndarray
    parameters: np.ndarray
    gradient: np.ndarray
    curvature: np.ndarray
    converged: np.ndarray
    retried: np.ndarray
    iterations: np.ndarray

    def adopt(self, rows: np.ndarray, again: "Fit") -> None:
        """Take over second attempts at some rows that converged or went lower."""
        better = (again.converged & ~self.converged[rows]) | (again.value < self.value[rows])
        for name in ("value", "parameters", "gradient", "curvature", "converged"):
            getattr(self, name)[rows[better]] = getattr(again, name)[better]
        self.retried[rows] = True
        self.iterations[rows] += again.iterations


def response(model: Model, curvature: np.ndarray, parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variance of the parameter of interest (rows,) and dθ̂/dμ (rows, dense), from the curvature at a fit."""
    plan = model.plan
    x = parameters[:, plan.dense]
    held = model.fixed[:, plan.dense] | (x <= model.lower[:, plan.dense]) | (x >= model.upper[:, plan.dense])
    held[:, plan.poi] = False
    unit = np.zeros_like(x)
    unit[:, plan.poi] = 1.0
    solution = _solve(curvature, unit, ~held, np.zeros(len(x)))
    variance = solution[:, plan.poi]
    with np.errstate(divide="ignore", invalid="ignore"):
        return variance, np.nan_to_num(solution / variance[:, None], posinf=0.0, neginf=0.0)


def _solve(curvature: np.ndarray, vector: np.ndarray, free: np.ndarray, damping: np.ndarray) -> np.ndarray:
    """(curvature + damping × its diagonal)⁻¹ vector within the free directions, zero in the others."""
    rank = np.arange(vector.shape[1])
    diagonal = curvature[:, rank, rank]
    usable = free & (diagonal > 0.0)
    scale = np.where(usable, 1.0 / np.sqrt(np.where(usable, diagonal, 1.0)), 0.0)
    matrix = curvature * scale[:, :, None] * scale[:, None, :]
    matrix[:, rank, rank] = 1.0 + RIDGE + damping[:, None]
    return np.linalg.solve(matrix, (vector * scale)[:, :, None])[:, :, 0] * scale


def fit(
    model: Model,
    data: Data,
    start: np.ndarray,
    poi: np.ndarray | None = None,
    poi_lower: float = -np.inf,
    tolerance: float = TOLERANCE,
) -> Fit:
    """Maximum-likelihood fits of all rows of `data`, from full parameter vectors `start` (rows, parameters).

    `poi` (rows,) fixes the parameter of interest; otherwise it is bounded below by its own bound and
    `poi_lower` and unbounded above: the upper bound of a signal strength is a help for optimisers, not
    physics.
    """
    lower, upper, fixed = _limits(model, data.rows, poi, poi_lower)
    x = np.clip(start[:, model.plan.dense], lower, upper)
    if poi is not None:
        x[:, model.plan.poi] = poi
    result = _levenberg_marquardt(model, data, x, lower, upper, fixed, tolerance)
    for retry in (_at_kinks, _from_initial_values, _with_scipy):
        rows = np.flatnonzero(~result.converged)
        if len(rows):
            retry(result, rows, model, data, lower, upper, fixed, poi)
    return result


def _limits(
    model: Model, rows: int, poi: np.ndarray | None, poi_lower: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bounds and fixed flags of the dense parameters, (rows, dense) each."""
    j, shape = model.plan.poi, (rows, len(model.plan.dense))
    lower = np.broadcast_to(model.lower[:, model.plan.dense], shape).copy()
    upper = np.broadcast_to(model.upper[:, model.plan.dense], shape).copy()
    fixed = np.broadcast_to(model.fixed[:, model.plan.dense], shape).copy()
    init = np.broadcast_to(model.init[:, model.plan.dense], shape)
    lower[fixed], upper[fixed] = init[fixed], init[fixed]
    if poi is None:
        lower[:, j], upper[:, j] = np.maximum(lower[:, j], poi_lower), np.inf
        fixed[:, j] = False
    else:
        lower[:, j], upper[:, j], fixed[:, j] = poi, poi, True
    return lower, upper, fixed


def _levenberg_marquardt(
    model: Model,
    data: Data,
    x: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    fixed: np.ndarray,
    tolerance: float = TOLERANCE,
) -> Fit:
    now = model.evaluate(x, data)
    rows = len(x)
    result = Fit(
        now.value.copy(),
        now.parameters.copy(),
        now.gradient.copy(),
        now.curvature.copy(),
        np.zeros(rows, dtype=bool),
        np.zeros(rows, dtype=bool),
        np.zeros(rows, dtype=int),
    )
    alive = np.arange(rows)
    damping = np.zeros(rows)
    done = np.zeros(rows, dtype=bool)
    for _ in range(MAX_ITERATIONS):
        step, decrease = _step(x, now, damping, lower, upper, fixed)
        newly = (decrease < tolerance) & (damping <= 0.1) & np.isfinite(now.value) & ~done
        done |= newly
        result.converged[alive[newly]] = True
        if np.mean(done) > DROP_FRACTION:
            _store(result, alive, x, now, done)
            keep = np.flatnonzero(~done)
            if not len(keep):
                return result
            alive, damping, step, decrease = alive[keep], damping[keep], step[keep], decrease[keep]
            x, lower, upper, fixed = x[keep], lower[keep], upper[keep], fixed[keep]
            now, model, data = _take(now, keep), model.take(keep), data.take(keep)
            done = np.zeros(len(keep), dtype=bool)
        trial = np.clip(x + step, lower, upper)
        then = model.evaluate(trial, data)
        better = _judge(now, then, decrease, damping) & ~done
        result.iterations[alive] += 1
        x = np.where(better[:, None], trial, x)
        _update(now, then, better)
    _store(result, alive, x, now, np.ones(len(alive), dtype=bool))
    return result


def _step(
    x: np.ndarray,
    now: Evaluation,
    damping: np.ndarray,
    lower: np.ndarray,
    upper: np.ndarray,
    fixed: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Damped Newton step of the parameters that are not held by a bound, and the decrease it promises."""
    held = fixed | ((x <= lower) & (now.gradient >= 0.0)) | ((x >= upper) & (now.gradient <= 0.0))
    gradient = np.where(held, 0.0, now.gradient)
    step = -_solve(now.curvature, gradient, ~held, damping)
    return step, -0.5 * np.sum(gradient * step, axis=1)


def _judge(now: Evaluation, then: Evaluation, promised: np.ndarray, damping: np.ndarray) -> np.ndarray:
    """Which rows accept their step; adapts the damping in place."""
    with np.errstate(invalid="ignore"):
        gain = (now.value - then.value) / np.maximum(promised, 1e-300)
        rounding = 1e-13 * (1.0 + np.abs(now.value))
        better = (then.value < now.value) | (np.abs(then.value - now.value) <= rounding)
        better &= np.isfinite(then.value) | ~np.isfinite(now.value)
    good, poor = better & (gain > 0.5), ~better | (gain < 0.1)
    damping[good] = np.where(damping[good] < 1e-3, 0.0, damping[good] * 0.1)
    damping[poor] = np.maximum(damping[poor] * 5.0, 1e-2)
    return better


def _at_kinks(
    result: Fit,
    rows: np.ndarray,
    model: Model,
    data: Data,
    lower: np.ndarray,
    upper: np.ndarray,
    fixed: np.ndarray,
    poi: np.ndarray | None,
) -> None:
    """Minima on the kink that interpolation codes 0 and 1 have at α = 0, where no Newton step converges.

    Parameters near their kink are held on it; one that wants to leave, to either side, is let go.
    """
    kinked = model.plan.kinked
    if not len(kinked):
        return
    hold = np.zeros((len(result.value), len(model.plan.dense)), dtype=bool)
    stuck = np.ones(len(rows), dtype=bool)
    for _ in range(MAX_KINK_ROUNDS):
        x = result.parameters[rows][:, model.plan.dense]
        near = np.zeros(x.shape, dtype=bool)
        near[:, kinked] = stuck[:, None] & (np.abs(x[:, kinked]) < NEAR_KINK)
        hold[rows] |= near
        x[hold[rows]] = 0.0
        part, numbers = model.take(rows), data.take(rows)
        again = _levenberg_marquardt(part, numbers, x, lower[rows], upper[rows], fixed[rows] | hold[rows])
        leaving = _release(part, numbers, again, hold, rows)
        result.adopt(rows, again)
        result.converged[rows] = again.converged & ~leaving
        unsettled = leaving | ~again.converged
        rows, stuck = rows[unsettled], ~again.converged[unsettled]
        if not len(rows):
            return


def _release(model: Model, data: Data, at: Fit, hold: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Which rows hold a parameter with lower −ln L beside its kink; it is let go and moved to that side."""
    leaving = np.zeros(len(rows), dtype=bool)
    x = at.parameters[:, model.plan.dense]
    for j in model.plan.kinked:
        for side in (-KINK_STEP, KINK_STEP):
            moved = x.copy()
            moved[:, j] += side
            leaves = hold[rows, j] & (model.evaluate(moved, data).value < at.value - 1e-12)
            hold[rows[leaves], j] = False
            at.parameters[leaves, model.plan.dense[j]] = side
            leaving |= leaves
    return leaving


def _from_initial_values(
    result: Fit,
    rows: np.ndarray,
    model: Model,
    data: Data,
    lower: np.ndarray,
    upper: np.ndarray,
    fixed: np.ndarray,
    poi: np.ndarray | None,
) -> None:
    """Second start: the workspace's own initial values."""
    model, data = model.take(rows), data.take(rows)
    start = np.broadcast_to(model.init[:, model.plan.dense], (len(rows), lower.shape[1]))
    start = np.clip(start, lower[rows], upper[rows])
    again = _levenberg_marquardt(model, data, start, lower[rows], upper[rows], fixed[rows])
    result.adopt(rows, again)


def _with_scipy(
    result: Fit,
    rows: np.ndarray,
    model: Model,
    data: Data,
    lower: np.ndarray,
    upper: np.ndarray,
    fixed: np.ndarray,
    poi: np.ndarray | None,
) -> None:
    """Last resort, row by row: L-BFGS-B on the same function, then Levenberg-Marquardt from where it ends."""
    for row in rows:
        one = np.array([row])
        single, numbers = model.take(one), data.take(one)
        scale = np.sqrt(np.maximum(np.diagonal(result.curvature[row]), 1e-12))

        def objective(
            y: np.ndarray, single: Model = single, numbers: Data = numbers, scale: np.ndarray = scale
        ) -> tuple[float, np.ndarray]:
            at = single.evaluate((y / scale)[None, :], numbers)
            return float(np.minimum(at.value[0], 1e300)), np.nan_to_num(at.gradient[0] / scale)

        low, high = lower[row] * scale, upper[row] * scale
        start = np.clip(result.parameters[row, model.plan.dense] * scale, low, high)
        found = minimize(
            objective, start, jac=True, method="L-BFGS-B", bounds=np.stack([low, high], axis=1),
            options={"maxiter": 500, "ftol": 1e-14, "gtol": 1e-9},
        )  # fmt: skip
        start = np.clip(found.x / scale, lower[row], upper[row])[None, :]
        again = _levenberg_marquardt(single, numbers, start, lower[one], upper[one], fixed[one])
        if not again.converged[0] and found.success and abs(again.value[0] - found.fun) < 1e-7:
            again.converged[0] = True  # a kink (interpolation code 0 or 1): no step from here goes down
        result.adopt(one, again)


def _take(at: Evaluation, rows: np.ndarray) -> Evaluation:
    return Evaluation(at.value[rows], at.gradient[rows], at.curvature[rows], at.parameters[rows])


def _update(now: Evaluation, then: Evaluation, rows: np.ndarray) -> None:
    for name in ("value", "gradient", "curvature", "parameters"):
        getattr(now, name)[rows] = getattr(then, name)[rows]


def _store(result: Fit, alive: np.ndarray, x: np.ndarray, now: Evaluation, rows: np.ndarray) -> None:
    for name in ("value", "gradient", "curvature", "parameters"):
        getattr(result, name)[alive[rows]] = getattr(now, name)[rows]
