"""Refusing what would count twice: files, events and runs."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from darkreach.catalogue.luminosity import Row
from darkreach.catalogue.memory import KnownFile
from darkreach.errors import DarkreachError

Run = tuple[int, int]  # experiment, run


def refuse_same_file(samples: Mapping[str, Mapping[str, KnownFile]]) -> None:
    """Refuse copies: files of samples of one search that have the same UUID.

    Raises:
        DarkreachError: names both files.
    """
    seen: dict[str, tuple[str, str]] = {}
    for sample, files in samples.items():
        for path, file in files.items():
            other_sample, other = seen.setdefault(file.uuid, (sample, path))
            if (other_sample, other) != (sample, path):
                where = f"sample '{sample}'" if other_sample == sample else f"'{other_sample}' and '{sample}'"
                raise DarkreachError(
                    f"{other} and {path} of {where} are the same file (uuid {file.uuid}); remove one of them"
                )


def refuse_common_runs(samples: Mapping[str, Iterable[Row]]) -> None:
    """Refuse runs, or rows of a luminosity table, that several samples of data of one search have.

    Raises:
        DarkreachError: names both samples and a run.
    """
    rows = sorted((row, sample) for sample, own in samples.items() for row in set(own))
    furthest: tuple[Row, str] | None = None
    for row, sample in rows:
        if furthest is not None:
            before, other = furthest
            if other != sample and before[0] == row.experiment and row.first_run <= before.last_run:
                shared = f"{row}" if row[:3] == before[:3] else f"{before} ('{other}') and {row} ('{sample}')"
                raise DarkreachError(
                    f"samples '{other}' and '{sample}' of data both have {shared}, whose luminosity would "
                    "count twice; take the files of these runs out of one of them"
                )
        if furthest is None or (row.experiment, row.last_run) >= (
            furthest[0].experiment,
            furthest[0].last_run,
        ):
            furthest = row, sample


def refuse_rows_in_two_blocks(
    sample: str, rows: Mapping[str, Sequence[Row]], blocks: Mapping[str, str]
) -> None:
    """Refuse a run, or a row of the luminosity table, that two blocks of data have.

    Raises:
        DarkreachError: names both blocks, a file of each and the runs.
    """
    seen: dict[Row, str] = {}
    for path in sorted(rows):
        for row in rows[path]:
            other = seen.setdefault(row, path)
            if blocks[other] != blocks[path]:
                raise DarkreachError(
                    f"blocks '{sample}/{blocks[other]}' and '{sample}/{blocks[path]}' both have {row}, in "
                    f"{other} and {path}; its luminosity would count twice, list these files in one block"
                )


def refuse_common_events(files: Mapping[str, KnownFile]) -> None:
    """Refuse files of data with an event in common. Only files whose ranges of events overlap in some run are
    opened, and only if one of them is not yet `checked`.

    Raises:
        DarkreachError: names two files, the run and an event.
    """
    runs_of_group: dict[tuple[str, ...], list[Run]] = defaultdict(list)
    for run, group in _overlapping(files):
        runs_of_group[group].append(run)
    for group, runs in runs_of_group.items():
        _compare_events(files, group, runs)


def _overlapping(files: Mapping[str, KnownFile]) -> Iterable[tuple[Run, tuple[str, ...]]]:
    """Runs, each with files whose ranges of events in it hang together, one of them not yet checked."""
    if all(file.checked for file in files.values()):
        return
    fresh = {(run[0], run[1]) for file in files.values() if not file.checked for run in file.runs}
    ranges: dict[Run, list[tuple[int, int, str]]] = defaultdict(list)
    for path, file in files.items():
        for experiment, run, _, first, last in file.runs:
            if (experiment, run) in fresh:
                ranges[experiment, run].append((first, last, path))
    for identity, found in sorted(ranges.items()):
        groups: list[list[str]] = []
        end = -1
        for first, last, path in sorted(found):
            if groups and first <= end:
                groups[-1].append(path)
            else:
                groups.append([path])
            end = max(end, last)
        for group in groups:
            if len(group) > 1 and not all(files[member].checked for member in group):
                yield identity, tuple(sorted(group))


def _compare_events(files: Mapping[str, KnownFile], group: Sequence[str], runs: Sequence[Run]) -> None:
    import numpy as np

    from darkreach.catalogue.inspection import events_of

    seen: dict[Run, list[tuple[np.ndarray, str]]] = {run: [] for run in runs}
    for path in group:
        if files[path].unreadable:  # it was compared when it could be read
            continue
        for run, events in events_of(path, files[path].tree, runs).items():
            for others, other in seen[run]:
                common = np.intersect1d(events, others, assume_unique=True)
                if len(common):
                    raise DarkreachError(
                        f"{other} and {path} have the same events, {len(common)} in run {run[1]} of "
                        f"experiment {run[0]} (the first is event {common[0]}); remove one of them"
                    )
            seen[run].append((events, path))


def refuse_common_simulation(files: dict[str, KnownFile]) -> None:
    """Refuse simulated files with the same runs, entries and ranges of events, and the same values in the
    first rows. Event numbers alone say nothing: every file may count from 1.

    Raises:
        DarkreachError: names two files.
    """
    if all(file.checked for file in files.values()):
        return
    alike: dict[tuple, list[str]] = defaultdict(list)
    for path, file in sorted(files.items()):
        if file.entries:
            alike[tuple(map(tuple, file.runs))].append(path)
    for paths in alike.values():
        if len(paths) > 1 and not all(files[path].checked for path in paths):
            _compare_first_rows(files, paths)


def _compare_first_rows(files: dict[str, KnownFile], paths: Sequence[str]) -> None:
    from darkreach.catalogue.inspection import checksum_of_first_rows

    seen: dict[str, str] = {}
    for path in paths:
        file = files[path]
        if file.first_rows is None:
            if file.unreadable:
                continue
            file.first_rows = checksum_of_first_rows(path, file.tree)
        other = seen.setdefault(file.first_rows, path)
        if other != path:
            raise DarkreachError(
                f"{other} and {path} have the same events (the same runs, entries, event numbers and first "
                "rows); remove one of them"
            )
