"""Counting events, candidates and runs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from darkreach.errors import UnreadableFile
from darkreach.ntuple.events import EventSummary, count_runs, run_numbers, summarise_events
from darkreach.ntuple.reading import open_ntuple


def summary_of(path: Path, step: int) -> EventSummary | None:
    with open_ntuple(path) as ntuple:
        return summarise_events(ntuple, step)


@pytest.mark.parametrize("step", [1, 2, 3, 5, 1000])
def test_the_summary_does_not_depend_on_the_chunks(
    tmp_path: Path, kind: str, step: int, write: Callable[..., Path], event_columns: Callable[..., dict]
) -> None:
    multiplicities = [1, 4, 2, 2, 7, 1, 1, 3]
    path = write(tmp_path / "a.root", {"tree": event_columns(multiplicities)}, kind)
    summary = summary_of(path, step)
    assert summary is not None
    assert summary.multiplicities.tolist() == [0, 3, 2, 1, 1, 0, 0, 1]
    assert (summary.events, summary.maximum, summary.incomplete_events) == (8, 7, 0)
    assert summary.mean == pytest.approx(np.mean(multiplicities))
    assert summary.quantile(0.5) == 2
    assert summary.quantile(1.0) == 7
    assert summary.runs == {(7, 11)}


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_repeated_event_numbers_are_other_events(
    tmp_path: Path, step: int, write: Callable[..., Path], event_columns: Callable[..., dict]
) -> None:
    # the same event number in another run, in another production, and right after itself
    parts = [event_columns([2], run=1), event_columns([2], run=2), event_columns([3], run=2)]
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    path = write(tmp_path / "a.root", {"tree": columns})
    summary = summary_of(path, step)
    assert summary is not None
    assert summary.multiplicities.tolist() == [0, 0, 2, 1]
    del columns["__candidate__"], columns["__ncandidates__"]
    columns["__production__"] = np.array([0, 0, 0, 0, 5, 5, 5], dtype=np.int32)
    summary = summary_of(write(tmp_path / "b.root", {"tree": columns}), step)
    assert summary is not None
    assert summary.multiplicities.tolist() == [0, 0, 2, 1]
    assert summary.incomplete_events is None


@pytest.mark.parametrize("step", [1, 2, 4, 1000])
def test_candidates_that_are_not_in_the_file_are_noticed(
    tmp_path: Path, step: int, write: Callable[..., Path], event_columns: Callable[..., dict]
) -> None:
    columns = event_columns([3, 1, 2, 4])
    keep = np.array([0, 2, 3, 4, 5, 6, 7, 8])  # a row of the first event and one of the last are gone
    path = write(tmp_path / "a.root", {"tree": {name: values[keep] for name, values in columns.items()}})
    summary = summary_of(path, step)
    assert summary is not None
    assert summary.multiplicities.tolist() == [0, 1, 2, 1]
    assert summary.incomplete_events == 2


def test_empty_trees_and_trees_without_events(
    tmp_path: Path, kind: str, write: Callable[..., Path], event_columns: Callable[..., dict]
) -> None:
    empty = summary_of(write(tmp_path / "a.root", {"tree": event_columns([0])}, kind), 10)
    assert empty is not None
    assert (empty.events, empty.maximum, empty.mean, empty.quantile(0.5)) == (0, 0, None, None)
    path = write(tmp_path / "b.root", {"tree": {"x": np.arange(3.0)}}, kind)
    with open_ntuple(path, "tree") as ntuple:
        assert summarise_events(ntuple) is None


def test_runs_are_counted_by_one_number_in_the_order_of_the_pairs() -> None:
    pairs = [(0, 0), (7, -1), (7, 0), (7, 2**31 - 1), (8, -(2**31)), (1003, 5)]
    columns = np.array(pairs, dtype=np.float64).T  # basf2 has integers, other tools doubles
    numbers = run_numbers(*columns, "a.root")
    assert numbers.dtype == np.int64 and np.all(np.diff(numbers) > 0)
    rows = np.arange(1, len(pairs) + 1)
    order = np.random.default_rng(1).permutation(np.repeat(np.arange(len(pairs)), rows))
    assert count_runs(numbers[order]) == dict(zip(pairs, rows.tolist(), strict=True))
    assert count_runs(numbers[:0]) == {}
    with pytest.raises(UnreadableFile, match=r"a\.root: branch '__run__' has rows without a number"):
        run_numbers(np.zeros(2), np.array([1.0, np.nan]), "a.root")
