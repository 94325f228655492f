"""Sentences about a hypothesis: what makes it unusable, and what a reader of its limit should know.

Each names the channel, the bin (counted from 0) and the sample or parameter.
"""

import numpy as np

from darkreach.statistics.engine.fit import Fit
from darkreach.statistics.engine.model import Model
from darkreach.statistics.engine.workspace import Workspace

DEGENERATE = 1e-8  # smallest eigenvalue of the correlation form of the curvature
MAX_NAMES = 3


@np.errstate(invalid="ignore")  # undefined templates are what it looks for
def unusable(model: Model) -> dict[int, str]:
    """Rows that cannot be fitted, with the reason; looked at before any fit."""
    reasons: dict[int, str] = {}
    without, with_signal = model.init.copy(), model.init.copy()
    without[:, model.shape.poi], with_signal[:, model.shape.poi] = 0.0, 1.0
    background = model.expected(without)
    signal = model.expected(with_signal) - background
    poi = model.shape.names[model.shape.poi]
    for row in np.flatnonzero(~(signal.sum(axis=1) > 0.0)):
        kind = "empty" if not np.any(signal[row]) else "negative or undefined"
        reasons[int(row)] = f"the signal template is {kind}: {_samples_of(model, poi)}"
    impossible = (model.observed.counts > 0.0) & ~(background > 0.0)
    for row in np.flatnonzero(impossible.any(axis=1)):
        index = int(np.flatnonzero(impossible[row])[0])
        reasons.setdefault(
            int(row),
            f"{model.shape.bin_name(index)} has {model.observed.counts[row, index]:g} events where the "
            f"background is {background[row, index]:g} ({_by_sample(model, row, without[row], index)})",
        )
    return reasons


def template_notes(workspace: Workspace) -> list[str]:
    """Negative bins of the nominal templates."""
    notes = []
    for (channel, sample), nominal in zip(workspace.shape.processes, workspace.nominal, strict=True):
        negative = np.flatnonzero(nominal < 0.0)
        if len(negative):
            name = workspace.shape.channels[channel][0]
            notes.append(
                f"sample '{sample}' is negative in channel '{name}', bin {negative[0]} "
                f"({nominal[negative[0]]:g}; {len(negative)} such bins)"
            )
    return notes


def fit_notes(model: Model, best: Fit, background: Fit) -> list[list[str]]:
    """Per row: parameters on a bound, negative rates and degenerate directions at the two fits."""
    notes: list[list[str]] = [[] for _ in range(model.rows)]
    for words, at in (("background-only fit", background), ("best fit", best)):
        on_bound = (at.parameters <= model.lower) | (at.parameters >= model.upper)
        on_bound &= ~model.fixed
        on_bound[:, model.shape.poi] = False
        for row in np.flatnonzero(on_bound.any(axis=1)):
            names = _names(model, np.flatnonzero(on_bound[row]))
            notes[row].append(f"on its bound in the {words}: {names}")
        rates = model.expected(at.parameters)
        for row in np.flatnonzero((rates < 0.0).any(axis=1)):
            index = int(np.argmin(rates[row]))
            notes[row].append(
                f"negative rate {rates[row, index]:.3g} in the {words}: {model.shape.bin_name(index)} "
                f"({_by_sample(model, row, at.parameters[row], index)})"
            )
    for i, alike in _degenerate(model, background).items():
        notes[i].append(f"the data do not tell these parameters apart: {alike}")
    return notes


def _degenerate(model: Model, at: Fit) -> dict[int, str]:
    dense = model.plan.dense
    x = at.parameters[:, dense]
    free = ~model.fixed[:, dense] & (x > model.lower[:, dense]) & (x < model.upper[:, dense])
    free[:, model.plan.poi] = False
    rank = np.arange(len(dense))
    diagonal = at.curvature[:, rank, rank]
    usable = free & (diagonal > 0.0)
    scale = np.where(usable, 1.0 / np.sqrt(np.where(usable, diagonal, 1.0)), 0.0)
    matrix = at.curvature * scale[:, :, None] * scale[:, None, :]
    matrix[:, rank, rank] = 1.0
    if not np.all(np.isfinite(matrix)):
        matrix = np.where(np.isfinite(matrix), matrix, 0.0)
    smallest = np.linalg.eigvalsh(matrix)[:, 0]
    found = {}
    for row in np.flatnonzero(smallest < DEGENERATE):
        vector = np.abs(np.linalg.eigh(matrix[row])[1][:, 0])
        found[int(row)] = _names(model, dense[np.flatnonzero(vector > 0.1 * vector.max())])
    for row in np.flatnonzero((free & (diagonal <= 0.0)).any(axis=1)):
        flat = dense[np.flatnonzero(free[row] & (diagonal[row] <= 0.0))]
        found.setdefault(int(row), _names(model, flat))
    return found


def _names(model: Model, parameters: np.ndarray) -> str:
    names = [f"'{model.shape.names[i]}'" for i in parameters[:MAX_NAMES]]
    more = len(parameters) - len(names)
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")


def _samples_of(model: Model, poi: str) -> str:
    shape = model.shape
    processes = [shape.processes[p] for p, i, _ in shape.factors if i == shape.poi]
    words = [f"sample '{sample}' in channel '{shape.channels[c][0]}'" for c, sample in processes]
    return ", ".join(words) or f"no sample has the parameter '{poi}'"


def _by_sample(model: Model, row: int | np.integer, parameters: np.ndarray, index: int) -> str:
    """What each sample contributes to a bin, as words."""
    plan, one = model.plan, model.take(np.array([row]))
    coefficient, _ = one.coefficients(parameters[None, plan.dense])
    for channel, templates in zip(plan.channels, one.templates, strict=True):
        if channel.bins.start <= index < channel.bins.stop:
            rates = coefficient[0, channel.templates] * templates[0, :, index - channel.bins.start]
            process = plan.template_process[channel.templates]
            total = {p: rates[process == p].sum() for p in dict.fromkeys(process.tolist())}
            return ", ".join(f"sample '{model.shape.processes[p][1]}': {total[p]:.3g}" for p in sorted(total))
    raise IndexError(index)
