"""Opening an ntuple: flat ROOT files of basf2's `VariablesToNtuple`, as TTree or RNTuple."""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import uproot

from darkreach.errors import DarkreachError, UnreadableFile
from darkreach.ntuple.remote import (
    close_remote,
    is_network_error,
    is_remote,
    local_copy,
    reason_of,
    with_patience,
)

DEFAULT_TREES = ("variables", "tree")
MEND = "copy it again or remove it from its block"
_TREE_CLASSES = ("TTree", "TNtuple", "TNtupleD", "ROOT::RNTuple", "ROOT::Experimental::RNTuple")


@dataclass(frozen=True)
class Ntuple:
    """One tree of an open file."""

    path: str
    opened: str  # `path`, or its copy on the local disk
    tree_name: str
    tree: Any  # uproot's TTree or RNTuple
    names: tuple[str, ...]  # all branches in the order of the file; ROOT allows a name twice
    entries: int
    format: str  # "TTree" or "RNTuple"
    uuid: str
    size_bytes: int
    root_version: str
    compression: str  # e.g. "ZLIB(1)", or "none"
    other_trees: tuple[str, ...]


@contextmanager
def open_ntuple(
    path: str | os.PathLike, tree: str | None = None, scratch: str | None = None, uuid: str | None = None
) -> Iterator[Ntuple]:
    """Open the tree of candidates in `path`, a local path or a URL that uproot knows (root://...).

    Without `tree` it is `variables` or `tree`, or else the only tree that has `__event__`. A remote file is
    read in place or, with a folder `scratch`, copied there as long as it is open.

    Raises:
        UnreadableFile: the file is missing, no ROOT file, damaged, out of reach after several attempts, or
            has another UUID than `uuid`.
        DarkreachError: it is an mDST; or the tree is not there; or several trees could be meant.
    """
    path = os.fspath(path)
    _check_local(path)
    with ExitStack() as stack:
        with damage_named(path):
            opened = path
            if is_remote(path) and scratch is not None:
                opened = stack.enter_context(local_copy(path, scratch))
            if is_remote(opened):
                stack.callback(close_remote, opened)
            directory, ntuple = with_patience(opened, lambda: _opened(path, opened, tree, uuid))
            stack.enter_context(directory)
        yield ntuple


def require_unchanged(ntuple: Ntuple) -> None:
    """Check that the path still has the file that was opened, after its server was away.

    Raises:
        UnreadableFile: it has another one.
    """
    with uproot.open({ntuple.opened: None}) as directory:
        if (str(directory.file.uuid), directory.file.source.num_bytes) != (ntuple.uuid, ntuple.size_bytes):
            raise UnreadableFile(f"{ntuple.path}: changed while it was read; list it again")


@contextmanager
def damage_named(path: str) -> Iterator[None]:
    """Turn whatever uproot raises while it reads `path` into an UnreadableFile that names the file."""
    try:
        yield
    except DarkreachError:
        raise
    # A damaged file makes uproot raise a dozen unrelated types, from zlib.error to MemoryError.
    except Exception as error:
        out_of_reach = is_remote(path) and is_network_error(error)
        mend = "see whether its server is up, and run again" if out_of_reach else MEND
        raise UnreadableFile(f"{path}: could not be read ({reason_of(error)}); {mend}") from error


def _check_local(path: str) -> None:
    if is_remote(path):
        return
    try:
        with open(path, "rb") as file:
            magic = file.read(4)
    except OSError as error:
        raise UnreadableFile(f"{path}: cannot open the file ({error.strerror}); correct its path") from None
    if not magic:
        raise UnreadableFile(f"{path}: the file is empty (0 bytes); {MEND}")
    if magic != b"root":
        raise UnreadableFile(f"{path}: not a ROOT file; give a flat ntuple written by VariablesToNtuple")


def _opened(path: str, opened: str, tree: str | None, uuid: str | None) -> tuple[Any, Ntuple]:
    # a dict, because uproot would take "a:b" for tree b in file a
    directory = uproot.open({opened: None}, array_cache=None)
    try:
        # before anything else: in another file nothing that it lacks is a mistake of the configuration
        if uuid is not None and str(directory.file.uuid) != uuid:
            raise UnreadableFile(f"{path}: changed since it was catalogued; run the catalogue stage again")
        return directory, _ntuple(directory, path, opened, tree)
    except BaseException:
        directory.close()
        raise


def _ntuple(directory: Any, path: str, opened: str, tree: str | None) -> Ntuple:
    file = directory.file
    size = file.source.num_bytes
    if file.fEND > size:
        raise UnreadableFile(f"{path}: truncated, {size} of {file.fEND} bytes are there; {MEND}")
    classes = directory.classnames(cycle=False)
    trees = [name for name, kind in classes.items() if kind in _TREE_CLASSES]
    name = tree if tree is not None else _candidate_tree(directory, path, trees)
    if name not in trees:
        _refuse_datastore(directory, path, trees)
        raise DarkreachError(f"{path}: no tree '{name}'; {_listed(trees)}")
    handle = directory[name]
    if handle.num_entries < 0:
        raise UnreadableFile(f"{path}: damaged, tree '{name}' announces {handle.num_entries} rows; {MEND}")
    names = _branches(handle)
    if _is_datastore(names):
        _refuse_datastore(directory, path, [name])
    return Ntuple(
        path=path,
        opened=opened,
        tree_name=name,
        tree=handle,
        names=tuple(names),
        entries=int(handle.num_entries),
        format="RNTuple" if "RNTuple" in classes[name] else "TTree",
        uuid=str(file.uuid),
        size_bytes=int(size),
        root_version=str(file.root_version),
        compression=str(file.compression) if file.compression else "none",
        other_trees=tuple(other for other in trees if other != name),
    )


def _candidate_tree(directory: Any, path: str, trees: list[str]) -> str:
    flat = [name for name in trees if "__event__" in _branches(directory[name])]
    found = [name for name in flat if name in DEFAULT_TREES] or flat
    if len(found) == 1:
        return found[0]
    if found:
        raise DarkreachError(f"{path}: several trees of candidates; name one with 'tree': {', '.join(found)}")
    _refuse_datastore(directory, path, trees)
    raise DarkreachError(f"{path}: no tree with the column '__event__'; {_listed(trees)}")


def _branches(handle: Any) -> list[str]:
    return handle.keys(recursive=False)


def _is_datastore(names: list[str]) -> bool:
    # every DataStore file has this object; flat ntuples of newer basf2 share only the `persistent` tree
    return "EventMetaData" in names and "__event__" not in names


def _refuse_datastore(directory: Any, path: str, trees: list[str]) -> None:
    if any(_is_datastore(_branches(directory[name])) for name in trees):
        raise DarkreachError(
            f"{path}: an mDST or uDST of basf2, not a flat ntuple; "
            "make an ntuple from it with basf2's VariablesToNtuple"
        )


def _listed(trees: list[str]) -> str:
    return f"the file has: {', '.join(trees)}" if trees else "the file has no tree at all"
