"""Which block each file of a sample goes to: old blocks keep their files, new files make new blocks."""

import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from darkreach.catalogue.luminosity import Row

_FORMED = re.compile(r"b(\d+)")


def blocks_of_data(
    blocks: Mapping[str, str | None], rows: Mapping[str, Sequence[Row]], size_fb: float
) -> dict[str, str]:
    """Path -> block for files of data, given the block that each has so far and its rows of luminosity.

    Files with a row in common are in one block, since a luminosity is counted as a whole. New files join
    the block that has one of their rows; others make new blocks, in the order of runs, of up to `size_fb`
    (fb⁻¹) where the rows allow.
    """
    assigned: dict[str, str] = {}
    fresh: list[list[str]] = []
    for paths in _connected(rows):
        names = {name for path in paths if (name := blocks[path]) is not None}
        if names:
            assigned |= dict.fromkeys(paths, min(names, key=_order))
        else:
            fresh.append(paths)
    fresh.sort(key=lambda paths: min((rows[path][0][:2], path) for path in paths))
    sizes = [
        math.fsum(row.luminosity_fb for row in {row for p in paths for row in rows[p]}) for paths in fresh
    ]
    groups = _cut(fresh, sizes, size_fb)
    return assigned | _named(groups, blocks.values())


def blocks_of_simulation(
    blocks: Mapping[str, str | None], first_runs: Mapping[str, tuple[int, int]], files_per_block: int
) -> dict[str, str]:
    """Path -> block for simulated files, given the block that each has so far: new ones in the order of
    runs, `files_per_block` in each new block."""
    assigned = {path: name for path, name in blocks.items() if name is not None}
    fresh = sorted((path for path in blocks if path not in assigned), key=lambda p: (first_runs[p], p))
    groups = [fresh[i : i + files_per_block] for i in range(0, len(fresh), files_per_block)]
    return assigned | _named(groups, blocks.values())


def _connected(rows: Mapping[str, Sequence[Row]]) -> list[list[str]]:
    """Groups of files that are linked by common rows."""
    files_of: dict[Row, list[str]] = defaultdict(list)
    for path, own in rows.items():
        for row in own:
            files_of[row].append(path)
    groups, seen = [], set()
    for start in sorted(rows):
        if start in seen:
            continue
        group, waiting = [], [start]
        seen.add(start)
        while waiting:
            group.append(path := waiting.pop())
            linked = {other for row in rows[path] for other in files_of.pop(row, ())} - seen
            seen |= linked
            waiting += linked
        groups.append(sorted(group))
    return groups


def _cut(groups: Iterable[list[str]], sizes: Iterable[float], limit: float) -> list[list[str]]:
    """Put successive groups together as long as their sizes stay within the limit."""
    parts: list[list[str]] = []
    filled = math.inf
    for group, size in zip(groups, sizes, strict=True):
        # a little more, so that ten tenths make one
        if filled + size > limit * (1 + 1e-9):
            parts.append([])
            filled = 0.0
        parts[-1] += group
        filled += size
    return parts


def _named(groups: Sequence[list[str]], taken: Iterable[str | None]) -> dict[str, str]:
    numbers = (match for name in taken if name and (match := _FORMED.fullmatch(name)))
    last = max((int(match[1]) for match in numbers), default=0)
    return {path: f"b{last + i:05d}" for i, group in enumerate(groups, 1) for path in group}


def _order(name: str) -> tuple[int, str]:
    return len(name), name
