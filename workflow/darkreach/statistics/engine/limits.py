"""Limits of any number of workspaces: read, group by shape, fit in batches, say what happened to each."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from darkreach.errors import DarkreachError
from darkreach.statistics.engine import diagnosis
from darkreach.statistics.engine.asymptotic import Limits, asymptotic_limits
from darkreach.statistics.engine.model import Model
from darkreach.statistics.engine.workspace import Workspace, read_workspace

BATCH = 256  # rows fitted together: their arrays stay in the cache
TOYS_BELOW = 10.0  # background events below which asymptotic limits are replaced by toys


@dataclass(frozen=True)
class Limit:
    """Result of one hypothesis, in units of the workspace's parameter of interest.

    `expected` runs from −2σ to +2σ. `status` is `ok`, `retried` or `failed: reason`; `notes` are sentences
    that a reader of the limit should know. `needs_toys` says that the background is too small for
    asymptotic formulas.
    """

    observed: float
    expected: tuple[float, ...]
    mu_hat: float
    mu_error: float
    p0: float
    z: float
    status: str
    notes: tuple[str, ...] = ()
    background_events: float = float("nan")
    needs_toys: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The fields, with lists for tuples and None for undefined numbers: ready for JSON."""
        return {key: _plain(value) for key, value in asdict(self).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not np.isfinite(value) else value


def failed(reason: str) -> Limit:
    """The result of a hypothesis that could not be fitted."""
    nan = float("nan")
    return Limit(nan, (nan,) * 5, nan, nan, nan, nan, f"failed: {reason}")


def upper_limits(
    specs: Iterable[Mapping[str, Any]],
    cl: float = 0.90,
    measurement: str | None = None,
    modifier_settings: Mapping | None = None,
    toys_below: float = TOYS_BELOW,
    batch: int = BATCH,
) -> list[Limit]:
    """CLs upper limits at confidence level `cl` of HistFactory workspaces (dicts in pyhf's JSON format).

    A workspace that cannot be read or fitted gives a result with status `failed: …` and costs the others
    nothing.
    """
    results: list[Limit] = []
    groups: dict[Any, list[tuple[int, Workspace]]] = {}

    def finish(shape: Any) -> None:
        members = groups.pop(shape)
        for (index, _), result in zip(members, _batch([w for _, w in members], cl, toys_below), strict=True):
            results[index] = result

    for index, spec in enumerate(specs):
        try:
            workspace = read_workspace(spec, measurement, modifier_settings)
        except DarkreachError as error:
            results.append(failed(str(error)))
            continue
        results.append(failed("not fitted"))
        members = groups.setdefault(workspace.shape, [])
        members.append((index, workspace))
        if len(members) >= batch:
            finish(workspace.shape)
    for shape in list(groups):
        finish(shape)
    return results


def _batch(workspaces: list[Workspace], cl: float, toys_below: float) -> list[Limit]:
    model = Model.stack(workspaces)
    reasons = diagnosis.unusable(model)
    results = [failed(reasons.get(row, "")) for row in range(model.rows)]
    good = np.array([row for row in range(model.rows) if row not in reasons], dtype=int)
    if not len(good):
        return results
    model = Model.stack([workspaces[row] for row in good]) if reasons else model
    limits = asymptotic_limits(model, cl)
    notes = diagnosis.fit_notes(model, limits.best, limits.background)
    for i, row in enumerate(good):
        if i in limits.failed:
            words = "; ".join([limits.failed[i], *notes[i]])
            results[row] = failed(words)
        else:
            results[row] = _one(limits, i, diagnosis.template_notes(workspaces[row]) + notes[i], toys_below)
    return results


def _one(limits: Limits, i: int, notes: list[str], toys_below: float) -> Limit:
    few = bool(limits.background_events[i] < toys_below)
    return Limit(
        observed=float(limits.observed[i]),
        expected=tuple(float(x) for x in limits.expected[i]),
        mu_hat=float(limits.mu_hat[i]),
        mu_error=float(limits.mu_error[i]),
        p0=float(limits.p0[i]),
        z=float(limits.z[i]),
        status="retried" if limits.retried[i] else "ok",
        notes=tuple(notes),
        background_events=float(limits.background_events[i]),
        needs_toys=few,
    )
