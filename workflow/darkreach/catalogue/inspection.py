"""Opening files: their content's checksum, identity, entries, runs and event numbers."""

import hashlib
import multiprocessing
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from darkreach.catalogue.memory import RunRecord
from darkreach.errors import DarkreachError
from darkreach.ntuple.chunks import column_type, is_number, iterate, read_chunks
from darkreach.ntuple.reading import MEND, open_ntuple

READ_BYTES = 8 << 20  # at a time, for the checksum
FIRST_ROWS = 100  # whose values tell apart simulated files with the same event numbers
IDENTITY = ("__experiment__", "__run__", "__event__")
PROGRESS_FILES, PROGRESS_SECONDS = 200, 10.0

Run = tuple[int, int]  # experiment, run


class ToInspect(NamedTuple):
    """A file that is new, or has another size or time than it had with `checksum`."""

    path: str
    tree: str | None
    checksum: str | None


class Facts(NamedTuple):
    """What a file is."""

    uuid: str
    tree: str
    entries: int
    runs: list[RunRecord]


class Inspected(NamedTuple):
    """A file that was looked into: has either `facts`, or the old checksum, or a `problem`."""

    path: str
    checksum: str | None = None
    facts: Facts | None = None
    problem: str | None = None


def inspect_files(files: Sequence[ToInspect], cores: int) -> Iterator[Inspected]:
    """Look into files in parallel processes; says on stderr how far it is.

    Raises:
        DarkreachError: a process was killed.
    """
    last = time.monotonic()
    with _mapping(min(cores, len(files))) as mapping:
        for done, result in enumerate(mapping(inspect_file, files), 1):
            yield result
            now = time.monotonic()
            if done % PROGRESS_FILES == 0 or now > last + PROGRESS_SECONDS or done == len(files) > 1:
                print(f"catalogued {done} of {len(files)} files", file=sys.stderr, flush=True)
                last = now


def inspect_file(file: ToInspect) -> Inspected:
    """Look into one file; local ones are opened only if their content is not that of the old checksum."""
    try:
        checksum = None if "://" in file.path else content_checksum(file.path)
        if checksum is not None and checksum == file.checksum:
            return Inspected(file.path, checksum)
        return Inspected(file.path, checksum, facts_of(file.path, file.tree))
    except DarkreachError as error:
        return Inspected(file.path, problem=str(error))


def content_checksum(path: str) -> str:
    """BLAKE2b of the content, 32 hexadecimal digits.

    Raises:
        DarkreachError: the file cannot be read.
    """
    checksum = hashlib.blake2b(digest_size=16)
    try:
        with open(path, "rb", buffering=0) as file:
            while block := file.read(READ_BYTES):
                checksum.update(block)
    except OSError as error:
        raise DarkreachError(f"{path}: cannot read the file ({error.strerror}); {MEND}") from None
    return checksum.hexdigest()


def facts_of(path: str, tree: str | None) -> Facts:
    """Open a file and read the columns that identify its events.

    Raises:
        DarkreachError: as open_ntuple and read_chunks.
    """
    found: dict[Run, tuple[int, int, int]] = {}
    with open_ntuple(path, tree) as ntuple:
        for chunk in iterate(ntuple, IDENTITY):
            for run, count, first, last in _runs(chunk, path):
                before = found.get(run, (0, first, last))
                found[run] = (before[0] + count, min(before[1], first), max(before[2], last))
        return Facts(
            uuid=ntuple.uuid,
            tree=ntuple.tree_name,
            entries=ntuple.entries,
            runs=[(*run, *numbers) for run, numbers in sorted(found.items())],
        )


def _runs(chunk: dict[str, np.ndarray], path: str) -> Iterator[tuple[Run, int, int, int]]:
    """Run, entries, first and last event of every stretch of rows that is of one run."""
    columns = []
    for name in IDENTITY:
        if not np.isfinite(chunk[name]).all():
            raise DarkreachError(f"{path}: branch '{name}' has rows without a number; {MEND}")
        columns.append(chunk[name].astype(np.int64))
    experiment, run, event = columns
    if not len(event):
        return
    changes = (np.diff(experiment) != 0) | (np.diff(run) != 0)
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    counts = np.diff([*starts, len(event)])
    first, last = np.minimum.reduceat(event, starts), np.maximum.reduceat(event, starts)
    per_run = (experiment[starts], run[starts], counts, first, last)
    for e, r, *numbers in zip(*(column.tolist() for column in per_run), strict=True):
        yield (e, r), *numbers


def events_of(path: str, tree: str, runs: Iterable[Run]) -> dict[Run, np.ndarray]:
    """The different event numbers, sorted, that a file has in each of some runs.

    Raises:
        DarkreachError: as read_chunks.
    """
    parts: dict[Run, list[np.ndarray]] = {run: [] for run in runs}
    for chunk in read_chunks(path, tree, IDENTITY):
        experiment, run, event = (chunk[name].astype(np.int64) for name in IDENTITY)
        for e, r in parts:
            parts[e, r].append(np.unique(event[(experiment == e) & (run == r)]))
    empty = np.zeros(0, dtype=np.int64)
    return {run: np.unique(np.concatenate([empty, *found])) for run, found in parts.items()}


def checksum_of_first_rows(path: str, tree: str) -> str:
    """Checksum of all numbers in the first rows of a file.

    Raises:
        DarkreachError: as read_chunks.
    """
    checksum = hashlib.blake2b(digest_size=16)
    with open_ntuple(path, tree) as ntuple:
        usable = {name for name in ntuple.names if ntuple.names.count(name) == 1}
        numbers = sorted(name for name in usable if is_number(column_type(ntuple, name)))
        chunk = next(iterate(ntuple, numbers, FIRST_ROWS))
        for name in numbers:
            checksum.update(name.encode() + chunk[name].tobytes())
    return checksum.hexdigest()


@contextmanager
def _mapping(processes: int) -> Iterator[Callable[..., Iterable[Any]]]:
    """A `map` over processes, or the plain one."""
    if processes <= 1:
        yield map
        return
    # not forked from here, where the client of XRootD may have threads
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    pool = ProcessPoolExecutor(processes, mp_context=context)
    try:
        yield pool.map
    except BrokenProcessPool:
        raise DarkreachError(
            "a process that looked into files was killed; give it more memory, or use fewer cores"
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
