"""Luminosity by runs, and which runs are good: tables from CSV files or from the configuration."""

import csv
import math
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from darkreach.errors import DarkreachError

Run = tuple[int, int]  # experiment, run


class Row(NamedTuple):
    """The runs from first to last of an experiment, and the luminosity of all of them together."""

    experiment: int
    first_run: int
    last_run: int
    luminosity_fb: float = 0.0

    def __str__(self) -> str:
        runs = (
            f"run {self.first_run}"
            if self.first_run == self.last_run
            else f"runs {self.first_run} to {self.last_run}"
        )
        return f"{runs} of experiment {self.experiment}"


class LuminosityTable:
    """Rows that do not overlap."""

    def __init__(self, rows: Iterable[Row], source: str) -> None:
        self.source, self.rows = source, sorted(rows)
        self._rows: dict[int, list[Row]] = defaultdict(list)
        for row in self.rows:
            self._rows[row.experiment].append(row)
        for rows_of_one in self._rows.values():
            for before, row in pairwise(rows_of_one):
                if row.first_run <= before.last_run:
                    raise DarkreachError(
                        f"{source}: {before} and {row} are two rows with run {row.first_run}; its luminosity "
                        "would count twice, correct one of them"
                    )
        self._firsts = {e: [row.first_run for row in found] for e, found in self._rows.items()}

    def row_of(self, run: Run) -> Row | None:
        """The row that a run is in, if it has luminosity."""
        rows = self._rows.get(run[0], [])
        index = bisect_right(self._firsts.get(run[0], []), run[1]) - 1
        if index < 0 or run[1] > rows[index].last_run or not rows[index].luminosity_fb > 0:
            return None
        return rows[index]


class GoodRuns:
    """Ranges of runs, put together where they touch."""

    def __init__(self, rows: Iterable[Row], source: str) -> None:
        self.source = source
        self._ranges: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for experiment, first, last, _ in sorted(rows):
            ranges = self._ranges[experiment]
            if ranges and first <= ranges[-1][1] + 1:
                ranges[-1] = (ranges[-1][0], max(last, ranges[-1][1]))
            else:
                ranges.append((first, last))

    def __contains__(self, run: Run) -> bool:
        return self.covers(Row(run[0], run[1], run[1]))

    def covers(self, row: Row) -> bool:
        """Whether all runs from the first to the last are good."""
        ranges = self._ranges.get(row.experiment, [])
        index = bisect_right(ranges, (row.first_run, math.inf)) - 1
        return index >= 0 and ranges[index][0] <= row.first_run and row.last_run <= ranges[index][1]


class RunAccount:
    """Which runs of a sample of data count, and with which luminosity."""

    def __init__(self, table: LuminosityTable | None, good: GoodRuns | None) -> None:
        self.table, self.good = table, good

    def is_good(self, run: Run) -> bool:
        """Whether a run is used; without a good-run list all are."""
        return self.good is None or run in self.good

    def rows_of(self, path: str, runs: Sequence[Run]) -> list[Row]:
        """Rows of the table with good runs of a file, sorted; without a table each run is its own row.

        Raises:
            DarkreachError: no run is good, a good run has no luminosity, or a row has good and bad runs.
        """
        used = [run for run in runs if self.is_good(run)]
        if runs and not used:
            shown = ", ".join(str(Row(run[0], run[1], run[1])) for run in runs[:3])
            raise DarkreachError(
                f"{path}: has no good run, only {shown}{' ...' if len(runs) > 3 else ''}; remove it from "
                f"'files' or correct {self.good.source if self.good else 'the good-run list'}"
            )
        if self.table is None:
            return [Row(experiment, run, run) for experiment, run in used]
        if not runs:
            raise DarkreachError(
                f"{path}: has no entries and so no good run; remove it, and see that the rows of "
                f"{self.table.source} are wide enough to have its runs"
            )
        return sorted({self._row(path, run, self.table) for run in used})

    def uncounted(self, used: Iterable[Row]) -> list[Row]:
        """Good rows of the table between the first and the last `used` one of an experiment, of whose runs no
        file has an entry: such runs may have no candidate, or their files are missing."""
        ends: dict[int, tuple[int, int]] = {}
        counted = set(used)
        for row in counted:
            first, last = ends.get(row.experiment, (row.first_run, row.last_run))
            ends[row.experiment] = min(first, row.first_run), max(last, row.last_run)
        return [
            row
            for row in (self.table.rows if self.table else [])
            if row not in counted
            and row.luminosity_fb > 0
            and row.experiment in ends
            and ends[row.experiment][0] <= row.first_run <= ends[row.experiment][1]
            and (self.good is None or self.good.covers(row))
        ]

    def _row(self, path: str, run: Run, table: LuminosityTable) -> Row:
        row = table.row_of(run)
        if row is None:
            raise DarkreachError(
                f"{path}: run {run[1]} of experiment {run[0]} has no luminosity; add it to {table.source}, "
                "or leave it out of 'good_runs'"
            )
        if self.good is not None and not self.good.covers(row):
            raise DarkreachError(
                f"{table.source}: {row} have one luminosity ({row.luminosity_fb:g} fb⁻¹) together, but only "
                f"some of them are in {self.good.source}; divide the row where the good runs end"
            )
        return row


def luminosity_table(given: str | Sequence[tuple] | None, key: str) -> LuminosityTable | None:
    """The table of a sample: the path of a CSV file, or rows [experiment, first run, last run, fb⁻¹].

    Raises:
        DarkreachError: the file cannot be read, or the rows make no sense.
    """
    if given is None:
        return None
    source = given if isinstance(given, str) else key
    return LuminosityTable(_rows(given, key, with_luminosity=True), source)


def good_runs(given: str | Sequence[tuple] | None, key: str) -> GoodRuns | None:
    """The good-run list of a sample: the path of a CSV file, or rows [experiment, first run, last run].

    Raises:
        DarkreachError: the file cannot be read, or the rows make no sense.
    """
    if given is None:
        return None
    return GoodRuns(_rows(given, key, with_luminosity=False), given if isinstance(given, str) else key)


def _rows(given: str | Sequence[tuple], key: str, with_luminosity: bool) -> list[Row]:
    if isinstance(given, str):
        return _read_csv(given, key, with_luminosity)
    rows = [Row(*values) for values in given]
    for row in rows:
        if row.last_run < row.first_run:
            raise DarkreachError(f"{key}: the last run of {list(row)} is before the first; correct the row")
    return rows


def _read_csv(path: str, key: str, with_luminosity: bool) -> list[Row]:
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            lines = [line if not line.lstrip().startswith("#") else "\n" for line in file]
    except OSError as error:
        raise DarkreachError(f"{path}: cannot read this table ({error.strerror}); correct '{key}'") from None
    except UnicodeDecodeError:
        raise DarkreachError(f"{path}: not a text file; give a CSV file to '{key}'") from None
    reader = csv.DictReader(lines, skipinitialspace=True)
    names = [name.strip() for name in reader.fieldnames or []]
    reader.fieldnames = names
    runs = ["run", "run"] if "run" in names else ["first_run", "last_run"]
    needed = ["experiment", *runs, *(["luminosity_fb"] if with_luminosity else [])]
    missing = [name for name in needed if name not in names]
    if missing:
        more = ",luminosity_fb" if with_luminosity else ""
        raise DarkreachError(
            f"{path}: has no column '{missing[0]}'; its first line must be experiment,run{more} or "
            f"experiment,first_run,last_run{more}"
        )
    return [_csv_row(path, reader.line_num, line, runs, with_luminosity) for line in reader]


def _csv_row(path: str, number: int, line: dict, runs: list[str], with_luminosity: bool) -> Row:
    try:
        experiment, first, last = (int(line[name]) for name in ("experiment", *runs))
        luminosity = float(line["luminosity_fb"]) if with_luminosity else 0.0
        if not (0 <= first <= last and 0 <= luminosity < math.inf):
            raise ValueError
    except (ValueError, TypeError):
        found = ",".join(str(value) for value in line.values() if value is not None)
        raise DarkreachError(
            f"{path}, line {number}: '{found}' is not whole numbers of experiment and runs"
            f"{' and a luminosity in fb⁻¹' if with_luminosity else ''}; correct the line"
        ) from None
    return Row(experiment, first, last, luminosity)
