"""Limits directly in a coupling, for signals whose yield and shape are any function of it.

A heavy neutral lepton is the case in point: its yield goes like |V|⁴ at long lifetimes, and at large |V|²
it decays before it reaches the fiducial volume, so the excluded couplings are a closed island. Each
coupling is a hypothesis of its own, tested at signal strength 1; the excluded set is where CLs < 1 − cl.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq

from darkreach.errors import DarkreachError
from darkreach.statistics.engine import diagnosis
from darkreach.statistics.engine.asymptotic import log_cls_at
from darkreach.statistics.engine.cls import BANDS
from darkreach.statistics.engine.limits import BATCH
from darkreach.statistics.engine.model import Model
from darkreach.statistics.engine.toy_limits import log_cls_curve
from darkreach.statistics.engine.toys import run_toys
from darkreach.statistics.engine.workspace import read_workspace

PRECISION = 1e-4  # of an edge, relative
BESIDE = 1e-3  # a coupling whose fits do not converge is replaced by one that is larger by this fraction
FAR_BEYOND = 5.0  # ln CLs so far below its level is an exclusion, converged to the last digit or not


@dataclass(frozen=True)
class Island:
    """One interval of excluded couplings, with the Monte-Carlo standard deviation of each edge (0 if
    asymptotic).

    An edge is open if the excluded set reaches the end of the couplings that were tested.
    """

    low: float
    high: float
    low_error: float
    high_error: float
    open_below: bool
    open_above: bool


@dataclass(frozen=True)
class CouplingLimit:
    """Excluded islands of the data and of the five expected bands (−2σ to +2σ), and ln CLs on the grid.

    `log_cls` has shape (couplings, 6): observed, then the bands.
    """

    observed: tuple[Island, ...]
    expected: tuple[tuple[Island, ...], ...]
    couplings: np.ndarray
    log_cls: np.ndarray


def coupling_limit(
    workspace_at: Callable[[float], Mapping[str, Any]],
    couplings: Sequence[float] | np.ndarray,
    cl: float = 0.90,
    toys: int = 0,
    seed: int = 1,
) -> CouplingLimit:
    """Excluded couplings at confidence level `cl`.

    `workspace_at(g)` is the workspace whose signal at strength 1 is that of coupling g. `couplings` is an
    increasing, positive grid, fine enough to see each island once. With `toys`, CLs comes from that many
    toys per grid point and the edges are interpolated; otherwise it is asymptotic and the edges are refined
    with further workspaces.
    """
    grid = np.asarray(couplings, dtype=float)
    if len(grid) < 2 or not (np.all(np.diff(grid) > 0.0) and grid[0] > 0.0):
        raise DarkreachError("the couplings to test must be at least two positive, increasing numbers")
    target = np.log(1.0 - cl)
    if toys:
        log, error = _toy_grid(workspace_at, grid, toys, seed)
        islands = [_islands(grid, log[:, k] - target, error[:, k]) for k in range(6)]
    else:
        log = _log_cls(workspace_at, grid, target)
        edges = _refine(workspace_at, grid, log - target, target)
        islands = [_islands(grid, log[:, k] - target, np.zeros(len(grid)), edges[k]) for k in range(6)]
    return CouplingLimit(islands[0], tuple(islands[1:]), grid, log)


def _log_cls(
    workspace_at: Callable[[float], Mapping[str, Any]], couplings: np.ndarray, target: float
) -> np.ndarray:
    """ln CLs at signal strength 1, (couplings, 6); 0 where the coupling gives no signal at all.

    Raises:
        DarkreachError: the fits of a coupling that is not far beyond exclusion do not converge.
    """
    log, converged = _fitted_log_cls(workspace_at, couplings)
    again = np.flatnonzero(~converged)
    if len(again):
        log[again], converged[again] = _fitted_log_cls(workspace_at, couplings[again] * (1.0 + BESIDE))
    unknown = ~converged & ~np.all(log < target - FAR_BEYOND, axis=1)
    if np.any(unknown):
        failed = couplings[np.flatnonzero(unknown)[0]]
        raise DarkreachError(f"the fits at coupling {failed:g} do not converge; look at it alone")
    return log


def _fitted_log_cls(
    workspace_at: Callable[[float], Mapping[str, Any]], couplings: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """ln CLs (couplings, 6), and whether its fits converge (couplings,)."""
    result, converged = np.zeros((len(couplings), 6)), np.ones(len(couplings), dtype=bool)
    workspaces = [read_workspace(workspace_at(float(g))) for g in couplings]
    by_shape: dict[Any, list[int]] = {}
    for i, workspace in enumerate(workspaces):
        by_shape.setdefault(workspace.shape, []).append(i)
    for members in by_shape.values():
        for begin in range(0, len(members), BATCH):
            index = np.array(members[begin : begin + BATCH])
            bad = diagnosis.unusable(Model.stack([workspaces[i] for i in index]))
            for row, reason in bad.items():
                if "is empty" not in reason:
                    raise DarkreachError(f"coupling {couplings[index[row]]:g}: {reason}")
            good = index[[row not in bad for row in range(len(index))]]
            if len(good):
                model = Model.stack([workspaces[i] for i in good])
                result[good], converged[good] = log_cls_at(model, np.ones(model.rows))
    return result, converged


def _refine(
    workspace_at: Callable[[float], Mapping[str, Any]], grid: np.ndarray, gap: np.ndarray, target: float
) -> list[dict[int, float]]:
    """For each curve: grid interval -> coupling at which CLs crosses its level, by Brent's method."""
    known = dict(zip(np.log(grid).tolist(), gap, strict=True))

    def gap_at(x: float, k: int) -> float:
        if x not in known:
            known[x] = _log_cls(workspace_at, np.exp([x]), target)[0] - target
        return known[x][k]

    edges: list[dict[int, float]] = [{} for _ in range(6)]
    for k, i in zip(*np.nonzero(((gap[:-1] < 0.0) != (gap[1:] < 0.0)).T), strict=True):
        low, high = np.log(grid[i : i + 2]).tolist()
        edges[k][int(i)] = float(np.exp(brentq(gap_at, low, high, args=(k,), xtol=PRECISION)))
    return edges


def _toy_grid(
    workspace_at: Callable[[float], Mapping[str, Any]], grid: np.ndarray, toys: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """ln CLs and its standard deviation from toys, (couplings, 6) each."""
    log, variance = np.zeros((len(grid), 6)), np.zeros((len(grid), 6))
    for i, g in enumerate(grid):
        spec = workspace_at(float(g))
        bad = diagnosis.unusable(Model.stack([read_workspace(spec)]))
        if bad:
            if "is empty" not in bad[0]:
                raise DarkreachError(f"coupling {g:g}: {bad[0]}")
            continue
        found = run_toys(spec, np.ones(1), toys, seed + i)
        for k, band in enumerate((None, *BANDS)):
            value, own, common = log_cls_curve(found, band)
            log[i, k], variance[i, k] = value[0], own[0] + common[0]
    return log, np.sqrt(variance)


def _islands(
    grid: np.ndarray, gap: np.ndarray, error: np.ndarray, edges: dict[int, float] | None = None
) -> tuple[Island, ...]:
    """Runs of excluded grid points (gap < 0), with their edges between the grid points."""
    excluded = gap < 0.0
    starts = np.flatnonzero(excluded & ~np.concatenate([[False], excluded[:-1]]))
    ends = np.flatnonzero(excluded & ~np.concatenate([excluded[1:], [False]]))
    islands = []
    for first, last in zip(starts, ends, strict=True):
        open_below, open_above = first == 0, last == len(grid) - 1
        low, low_error = (grid[0], 0.0) if open_below else _edge(grid, gap, error, int(first) - 1, edges)
        high, high_error = (grid[-1], 0.0) if open_above else _edge(grid, gap, error, int(last), edges)
        islands.append(
            Island(float(low), float(high), low_error, high_error, bool(open_below), bool(open_above))
        )
    return tuple(islands)


def _edge(
    grid: np.ndarray, gap: np.ndarray, error: np.ndarray, i: int, edges: dict[int, float] | None
) -> tuple[float, float]:
    """The edge between grid points i and i + 1: refined, or interpolated in ln g with its error."""
    if edges is not None:
        return edges[i], 0.0
    x = np.log(grid[i : i + 2])
    part = gap[i] / (gap[i] - gap[i + 1])
    slope = (gap[i + 1] - gap[i]) / (x[1] - x[0])
    edge = float(np.exp(x[0] + part * (x[1] - x[0])))
    return edge, float(edge * np.hypot((1.0 - part) * error[i], part * error[i + 1]) / abs(slope))
