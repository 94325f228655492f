"""Which files a sample has, from folders, glob patterns, paths and URLs; nothing is opened."""

import glob
import os
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from darkreach.errors import DarkreachError


class Source(NamedTuple):
    """One item of a list `files:` of the configuration."""

    pattern: str
    block: str | None  # that names it; None for the files of a whole sample

    def key(self, sample: str) -> str:
        """The key of the configuration where it stands."""
        within = f".blocks.{self.block}" if self.block is not None else ""
        return f"samples.{sample}{within}.files"


class Listed(NamedTuple):
    """A file as the file system or the server knows it."""

    path: str
    size: int  # bytes
    mtime_ns: int
    source: Source


def list_sample(sample: str, sources: Iterable[Source]) -> dict[str, Listed]:
    """All files of a sample by path, sorted.

    Raises:
        DarkreachError: two sources have the same path, or a folder or server cannot be listed.
    """
    found: dict[str, Listed] = {}
    for source in sources:
        for path, size, mtime_ns in _files(source.pattern):
            other = found.setdefault(path, Listed(path, size, mtime_ns, source))
            if other.source is not source:
                raise DarkreachError(
                    f"{source.key(sample)}: {path} is there twice, through '{other.source.pattern}' of "
                    f"{other.source.key(sample)} and through '{source.pattern}'; remove one of them"
                )
    return dict(sorted(found.items()))


def _files(pattern: str) -> Iterator[tuple[str, int, int]]:
    """Path, size and time of what a pattern stands for: a folder stands for all `*.root` below it."""
    if "://" in pattern:
        from darkreach.ntuple.remote import list_remote

        for file in list_remote(pattern):
            yield file.url, file.size, file.mtime * 10**9
    elif os.path.exists(pattern) or not glob.has_magic(pattern):
        yield from _local(pattern)
    else:
        for match in glob.iglob(pattern, recursive=True):
            yield from _local(match)


def _local(path: str) -> Iterator[tuple[str, int, int]]:
    if os.path.isdir(path):
        yield from _below(path, set())
        return
    try:
        stat = os.stat(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise _unlistable(path, error) from None
    yield path, stat.st_size, stat.st_mtime_ns


def _below(folder: str, entered: set[tuple[int, int]]) -> Iterator[tuple[str, int, int]]:
    """All `*.root` below a folder; links are followed, and hidden files (copies under way) left out."""
    try:
        stat = os.stat(folder)
        if (stat.st_dev, stat.st_ino) in entered:  # a link back up
            return
        entered.add((stat.st_dev, stat.st_ino))
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if entry.is_dir():
                    yield from _below(entry.path, entered)
                elif entry.name.endswith(".root") and entry.is_file():
                    file = entry.stat()
                    yield entry.path, file.st_size, file.st_mtime_ns
    except OSError as error:
        raise _unlistable(folder, error) from None


def _unlistable(path: str, error: OSError) -> DarkreachError:
    return DarkreachError(f"{path}: cannot be listed ({error.strerror}); make it readable or correct 'files'")
