"""Reading named columns of an ntuple, piece by piece."""

import difflib
import os
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import count, pairwise

import numpy as np

from darkreach.errors import DarkreachError, UnreadableFile
from darkreach.ntuple.names import readable, root_compatible
from darkreach.ntuple.reading import MEND, Ntuple, damage_named, open_ntuple, require_unchanged
from darkreach.ntuple.remote import with_patience

STEP = 500_000
_FLOATS = {"double", "float", "Double32_t", "Float16_t"}
_INTEGERS = {"bool", "char"} | {f"{sign}int{bits}_t" for sign in ("", "u") for bits in (8, 16, 32, 64)}
_STRINGS = {"string", "char*", "TString"}


def require_columns(ntuple: Ntuple, names: Sequence[str]) -> dict[str, str]:
    """Check that every name stands for exactly one branch; returns name -> branch.

    A name is the branch itself or the basf2 variable, `useCMSFrame__bop__bc` or `useCMSFrame(p)`.

    Raises:
        DarkreachError: a branch is absent, is there twice, or does not hold one value per row.
    """
    counts = Counter(ntuple.names)
    branches = {name: name if name in counts else root_compatible(name) for name in names}
    absent = [name for name, branch in branches.items() if branch not in counts]
    if absent:
        more = f", nor {len(absent) - 1} others of {len(branches)} that are needed" if len(absent) > 1 else ""
        raise DarkreachError(
            f"{ntuple.path}: tree '{ntuple.tree_name}' has no branch '{absent[0]}'{more}"
            f"{_nearest(ntuple, absent[0])}"
        )
    for branch in branches.values():
        if counts[branch] > 1:
            raise DarkreachError(
                f"{ntuple.path}: tree '{ntuple.tree_name}' has {counts[branch]} branches named '{branch}'; "
                "write the ntuple again with each variable listed once"
            )
    for branch in branches.values():
        kind = column_type(ntuple, branch)
        if kind not in _FLOATS | _INTEGERS | _STRINGS:
            raise DarkreachError(
                f"{ntuple.path}: branch '{branch}' holds '{kind}', not one value per row; "
                "write the ntuple with VariablesToNtuple"
            )
    return branches


def read_chunks(
    path: str | os.PathLike, tree: str | None, columns: Sequence[str], step: int = STEP
) -> Iterator[dict[str, np.ndarray]]:
    """Iterate over the rows in order; only `columns` are read, and at most `step` rows are held at a time.

    Yields dicts from the names in `columns`, as given, to arrays of shape (rows,) with the type stored in
    the file. Chunks end where clusters of the file end, if `step` allows. An empty tree gives one chunk
    of no rows.

    Raises:
        DarkreachError: as open_ntuple and require_columns.
        UnreadableFile: as open_ntuple; or the file gives fewer rows than its tree announces.
    """
    with open_ntuple(path, tree) as ntuple:
        yield from iterate(ntuple, columns, step)


def iterate(ntuple: Ntuple, columns: Sequence[str], step: int = STEP) -> Iterator[dict[str, np.ndarray]]:
    """As read_chunks, for a file that is already open."""
    branches = require_columns(ntuple, columns)
    wanted = set(branches.values())
    with damage_named(ntuple.path):
        stored = _stored_rows(ntuple, wanted)
        clusters = with_patience(ntuple.opened, lambda: _clusters(ntuple, wanted))
        edges = _edges(clusters, ntuple.entries, step)
    for branch, rows in stored.items():
        _check_rows(ntuple, branch, rows, 0, ntuple.entries)
    for start, stop in pairwise(edges):
        with damage_named(ntuple.path):
            arrays = _arrays(ntuple, wanted, start, stop)
        for branch in sorted(wanted):
            _check_rows(ntuple, branch, len(arrays[branch]) if branch in arrays else 0, start, stop)
        yield {name: arrays[branch] for name, branch in branches.items()}


def _arrays(ntuple: Ntuple, wanted: set[str], start: int, stop: int) -> dict[str, np.ndarray]:
    attempts = count()

    def read() -> dict[str, np.ndarray]:
        if next(attempts):
            require_unchanged(ntuple)
        # wanted.__contains__: uproot would read a list of names as glob patterns
        return ntuple.tree.arrays(
            filter_name=wanted.__contains__, entry_start=start, entry_stop=stop, library="np"
        )

    return with_patience(ntuple.opened, read)


def column_type(ntuple: Ntuple, branch: str) -> str:
    """The C++ type of a branch without `std::`: `double`, `int32_t`, `string`, `double[]`, ..."""
    with damage_named(ntuple.path):
        return str(ntuple.tree[branch].typename).replace("std::", "")


def is_number(kind: str) -> bool:
    """Whether a column_type is one number per row."""
    return kind in _FLOATS | _INTEGERS


def is_float(kind: str) -> bool:
    """Whether a column_type is one floating-point number per row, which can be NaN."""
    return kind in _FLOATS


def _nearest(ntuple: Ntuple, name: str) -> str:
    spellings = {spelling: branch for branch in ntuple.names for spelling in (branch, readable(branch))}
    close = difflib.get_close_matches(name, spellings, n=1)
    return (
        f"; did you mean '{close[0]}'?" if close else "; list them with 'python -m darkreach inspect --json'"
    )


def _clusters(ntuple: Ntuple, branches: set[str]) -> list[int]:
    if ntuple.format == "RNTuple":
        firsts = [cluster.num_first_entry for cluster in ntuple.tree.cluster_summaries]
        offsets = [*firsts, ntuple.entries]
    else:
        offsets = ntuple.tree.common_entry_offsets(filter_name=branches.__contains__, recursive=False)
    return [int(offset) for offset in offsets]  # numpy's integers break the XRootD client


def _edges(clusters: Sequence[int], entries: int, step: int) -> list[int]:
    """Limits of chunks: whole clusters, as many as fit into `step` rows; a larger cluster is cut."""
    edges = [0]
    while edges[-1] < entries:
        furthest = edges[-1] + step
        cluster = clusters[bisect_right(clusters, furthest) - 1]
        edges.append(min(cluster if cluster > edges[-1] else furthest, entries))
    return edges if entries else [0, 0]


def _stored_rows(ntuple: Ntuple, branches: set[str]) -> dict[str, int]:
    """Branch -> rows. A TTree counts them in each branch as well, an RNTuple only as a whole."""
    if ntuple.format == "RNTuple":
        return {}
    return {branch: int(ntuple.tree[branch].num_entries) for branch in sorted(branches)}


def _check_rows(ntuple: Ntuple, branch: str, rows: int, start: int, stop: int) -> None:
    if rows != stop - start:
        raise UnreadableFile(
            f"{ntuple.path}: branch '{branch}' gave {rows} of {stop - start} rows from row {start} on "
            f"(the tree announces {ntuple.entries}); {MEND}"
        )
