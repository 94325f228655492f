"""Events, candidates and runs of an ntuple, counted in chunks."""

import os
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from darkreach.errors import UnreadableFile
from darkreach.ntuple.chunks import STEP, column_type, is_number, iterate
from darkreach.ntuple.names import EVENT_COLUMNS
from darkreach.ntuple.reading import MEND, Ntuple

Run = tuple[int, int]  # experiment, run
_RUN_RANGE = 1 << 32  # basf2 writes both as 32-bit integers


def run_numbers(experiment: np.ndarray, run: np.ndarray, path: str | os.PathLike) -> np.ndarray:
    """(rows,) one integer for each pair of experiment and run, in the order of the pairs.

    Raises:
        UnreadableFile: a row of `path` has no number there.
    """
    for name, values in (("__experiment__", experiment), ("__run__", run)):
        if not np.isfinite(values).all():
            raise UnreadableFile(f"{path}: branch '{name}' has rows without a number; {MEND}")
    return experiment.astype(np.int64) * _RUN_RANGE + run.astype(np.int64)


def count_runs(numbers: np.ndarray) -> Counter[Run]:
    """Rows of each (experiment, run) among (rows,) run_numbers."""
    found, rows = np.unique(numbers, return_counts=True)
    experiments = (found + _RUN_RANGE // 2) // _RUN_RANGE
    runs = found - experiments * _RUN_RANGE
    return Counter(
        dict(zip(zip(experiments.tolist(), runs.tolist(), strict=True), rows.tolist(), strict=True))
    )


@dataclass
class EventSummary:
    """What the event columns of an ntuple say; events are stretches of rows with the same numbers."""

    multiplicities: np.ndarray = field(default_factory=lambda: np.zeros(1, dtype=np.int64))
    """multiplicities[n] is the number of events with n rows"""
    runs: set[Run] = field(default_factory=set)
    incomplete_events: int | None = None
    """events with fewer rows than `__ncandidates__` says; None unless there is one row per candidate"""

    @property
    def events(self) -> int:
        """Number of events."""
        return int(self.multiplicities.sum())

    @property
    def maximum(self) -> int:
        """Rows of the event that has most."""
        return int(np.flatnonzero(self.multiplicities).max(initial=0))

    @property
    def mean(self) -> float | None:
        """Rows per event; None without events."""
        rows = self.multiplicities @ np.arange(len(self.multiplicities))
        return float(rows / self.events) if self.events else None

    def quantile(self, fraction: float) -> int | None:
        """The smallest n such that at least `fraction` of the events has up to n rows."""
        if not self.events:
            return None
        return int(np.searchsorted(np.cumsum(self.multiplicities), fraction * self.events))


def summarise_events(ntuple: Ntuple, step: int = STEP) -> EventSummary | None:
    """Count events, candidates per event and runs; None if the tree has no `__event__`.

    Raises:
        DarkreachError: the file is damaged.
    """
    usable = {name for name in (*EVENT_COLUMNS, "__candidate__", "__ncandidates__") if _usable(ntuple, name)}
    if "__event__" not in usable:
        return None
    identity = [name for name in EVENT_COLUMNS if name in usable]
    announces = {"__candidate__", "__ncandidates__"} <= usable
    summary = EventSummary(incomplete_events=0 if announces else None)
    last: dict[str, np.ndarray] | None = None  # the last event of a chunk can go on in the next
    rows_of_last = 0
    for chunk in iterate(ntuple, sorted(usable), step):
        if not len(chunk["__event__"]):
            continue
        if {"__experiment__", "__run__"} <= usable:
            numbers = run_numbers(chunk["__experiment__"], chunk["__run__"], ntuple.path)
            summary.runs |= set(count_runs(numbers))
        starts = np.flatnonzero(_is_new_event(chunk, last, identity))
        limits = np.concatenate([[0], starts, [len(chunk["__event__"])]])
        rows = np.diff(limits)
        rows[0] += rows_of_last
        announced = _announced(chunk, last, starts)
        _count(summary, rows[:-1], announced[:-1])
        last, rows_of_last = {name: array[-1:] for name, array in chunk.items()}, int(rows[-1])
    if last is not None:
        _count(summary, np.array([rows_of_last]), last.get("__ncandidates__", np.zeros(1)))
    return summary


def _usable(ntuple: Ntuple, name: str) -> bool:
    return ntuple.names.count(name) == 1 and is_number(column_type(ntuple, name))


def _is_new_event(
    chunk: dict[str, np.ndarray], last: dict[str, np.ndarray] | None, identity: list[str]
) -> np.ndarray:
    """Whether each row begins an event. The first row of all does not: it continues the empty start."""
    before = {name: np.concatenate([last[name] if last else a[:1], a[:-1]]) for name, a in chunk.items()}
    new = np.zeros(len(chunk["__event__"]), dtype=bool)
    for name in identity:
        new |= chunk[name] != before[name]
    if "__candidate__" in chunk:
        # merged productions can repeat an event number in the next row: then the count starts again
        new |= chunk["__candidate__"] <= before["__candidate__"]
    if last is None:
        new[0] = False
    return new


def _announced(
    chunk: dict[str, np.ndarray], last: dict[str, np.ndarray] | None, starts: np.ndarray
) -> np.ndarray:
    """`__ncandidates__` of the events that limits of a chunk separate; zeros without that column."""
    if "__ncandidates__" not in chunk:
        return np.zeros(len(starts) + 1)
    values = chunk["__ncandidates__"]
    first = last["__ncandidates__"] if last is not None else values[:1]
    return np.concatenate([first, values[starts]])


def _count(summary: EventSummary, rows: np.ndarray, announced: np.ndarray) -> None:
    counts = np.bincount(rows, minlength=len(summary.multiplicities))
    counts[: len(summary.multiplicities)] += summary.multiplicities
    summary.multiplicities = counts
    if summary.incomplete_events is not None:
        summary.incomplete_events += int(np.count_nonzero(rows < announced))
