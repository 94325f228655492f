"""Preselection of one block: ntuples in, a small ROOT file with the columns of one search out."""

import json
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import uproot

from darkreach.catalogue.account import compare_read
from darkreach.catalogue.manifest import FileEntry, Manifest
from darkreach.config.stages import SkimSpec
from darkreach.errors import DarkreachError
from darkreach.files import write_whole
from darkreach.ntuple.chunks import iterate
from darkreach.ntuple.names import root_compatible
from darkreach.ntuple.reading import Ntuple, open_ntuple
from darkreach.searches.cutflow import Cutflow
from darkreach.searches.registry import search_named
from darkreach.searches.variables import branches_of, undefined, with_triggers

TREE = "skim"
CLUSTER_ROWS = 250_000  # coffea reads fastest what was written in clusters of this size
CHUNK_ROWS = 200_000
# benchmarks/skim_format.py: 30 % less CPU to fill the histograms than from zstd, for 18 % more disk
COMPRESSION = uproot.LZ4(4)
# columns that identify an event; a file without one of them has zeros there
IDENTITY = {
    "experiment": np.int32,
    "run": np.int32,
    "event": np.int64,
    "production": np.int64,
    "candidate": np.int32,
}
REQUIRED_IDENTITY = ("experiment", "run", "event")
PEAK_ROWS = 30  # candidates from which on their median says where a signal peaks
PEAK_TOLERANCE = 0.05  # of the mass: many times the resolution, less than the usual distance of masses


@dataclass
class SkimRecord:
    """What was read and what was kept; written beside the skim."""

    search: str
    sample: str
    block: str
    kind: str
    files: list[dict[str, Any]]
    rows: int
    cutflow: list[dict[str, Any]]

    @classmethod
    def read(cls, path: str | os.PathLike) -> "SkimRecord":
        """The record in `path`.

        Raises:
            DarkreachError: the file is missing or is no such record.
        """
        try:
            return cls(**json.loads(Path(path).read_text(encoding="utf-8")))
        except OSError as error:
            raise DarkreachError(f"{path}: cannot read this record of a skim ({error.strerror})") from None
        except (ValueError, TypeError):
            raise DarkreachError(f"{path}: not the record of a skim; run the skim stage again") from None

    def entries_read(self) -> list[FileEntry]:
        """The files as the catalogue's account wants them."""
        return [FileEntry(**file) for file in self.files]


def record_path(skim: str | os.PathLike) -> Path:
    """Where the record of a skim is: beside it, with the ending .json."""
    return Path(skim).with_suffix(".json")


def skim_block(spec: SkimSpec, manifest: Manifest, output: str | os.PathLike) -> SkimRecord:
    """Select the candidates of a block and write them, with a record beside them, in bounded memory.

    The skim is the tree `skim` with the identity of the event, `weight`, the columns of the search and
    `triggers`, the bit mask of its trigger lines. Signal blocks keep only candidates made of the right
    tracks, also where no line has fired, and have `true_mass` (GeV) and `true_proper_length` (cm) of X.

    Raises:
        DarkreachError: a file cannot be read, changed since it was catalogued, lacks a branch, or has
            NaN in a variable of the selection where the search does not reject it.
    """
    output, cutflow, read = Path(output), Cutflow(), []
    new = output.with_name(f".{output.name}.{os.getpid()}.new")
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with uproot.recreate(new, compression=COMPRESSION) as file:
            writer = ClusterWriter(file)
            for entry in manifest.files:
                print(f"darkreach skim: {manifest.name}: {entry.path}", file=sys.stderr, flush=True)
                read.append(_skim_file(spec, manifest, entry, cutflow, writer))
            writer.close()
        compare_read(manifest, read)
        new.replace(output)
    except OSError as error:
        raise DarkreachError(f"{output}: cannot write this skim ({error.strerror})") from None
    finally:
        with suppress(OSError):
            new.unlink()
    record = SkimRecord(
        search=spec.search,
        sample=manifest.sample,
        block=manifest.block,
        kind=manifest.kind,
        files=[file.model_dump() for file in read],
        rows=writer.rows,
        cutflow=cutflow.as_list(),
    )
    text = json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n"
    write_whole(record_path(output), text.encode())
    return record


class ClusterWriter:
    """Writes columns to the tree of a skim in clusters of CLUSTER_ROWS, so that it reads fast later."""

    def __init__(self, file: Any) -> None:
        self.file, self.rows, self._waiting = file, 0, 0
        self._parts: list[dict[str, np.ndarray]] = []
        self._tree: Any = None

    def add(self, columns: dict[str, np.ndarray]) -> None:
        """Append rows; every call has the same columns."""
        self._parts.append(columns)
        self._waiting += len(next(iter(columns.values())))
        if self._waiting >= CLUSTER_ROWS:
            self.flush()

    def close(self) -> None:
        """Write what is waiting."""
        if self._waiting or self._tree is None:
            self.flush()

    def flush(self) -> None:
        """Write all waiting rows as one cluster."""
        columns = {name: np.concatenate([part[name] for part in self._parts]) for name in self._parts[0]}
        if self._tree is None:
            self._tree = self.file.mktree(TREE, {name: array.dtype for name, array in columns.items()})
        if self._waiting:
            self._tree.extend(columns)
        self.rows += self._waiting
        self._parts, self._waiting = [], 0


def _skim_file(
    spec: SkimSpec, manifest: Manifest, entry: FileEntry, cutflow: Cutflow, writer: ClusterWriter
) -> FileEntry:
    """Select one file into `writer`; returns what was read."""
    search = search_named(spec.search)
    selection = search.Selection.model_validate(spec.selection)
    with open_ntuple(entry.path, manifest.tree) as ntuple:
        if ntuple.uuid != entry.uuid:
            raise DarkreachError(
                f"{entry.path}: changed since it was catalogued; run the catalogue stage again"
            )
        branches = _branches(spec, manifest, ntuple)
        entries = 0
        for variables in _variables(ntuple, branches):
            entries += len(variables["weight"])
            cutflow.count("all", variables["weight"])
            variables = _defined(variables, spec, entry.path, branches, cutflow)
            if manifest.kind == "signal":
                variables = _true_candidates(variables, manifest, entry.path, cutflow)
            variables = with_triggers(variables, [*spec.trigger_lines, *spec.reported_lines])
            columns = search.candidates(variables, selection, spec.detector, cutflow)
            if manifest.kind == "signal" and search.METHOD == "peak":
                _check_peaks(columns, search.REGION_VARIABLE, manifest, entry.path)
            if manifest.kind != "signal" and spec.trigger_lines:
                fired = columns["triggers"] != 0
                columns = {name: array[fired] for name, array in columns.items()}
                cutflow.count("trigger", columns["weight"])
            writer.add(_compact(columns))
    return entry.model_copy(update={"entries": entries})


def _branches(spec: SkimSpec, manifest: Manifest, ntuple: Ntuple) -> dict[str, str]:
    """Names of variables → branches of this file, as the user calls them."""
    branches = branches_of(spec, manifest.kind)
    unknown = [name for name in spec.renamed if not any(_is_meant(name, b) for b in branches.values())]
    if unknown:
        raise DarkreachError(
            f"samples.{manifest.sample}.columns: '{unknown[0]}' is no branch or variable that "
            f"'{spec.search}' reads; remove it or correct its name"
        )
    branches = {name: _own_branch(branch, spec.renamed) for name, branch in branches.items()}
    for name in ("true_mass", "true_proper_length", *(f"trigger.{line}" for line in spec.reported_lines)):
        if name in branches and not _has(ntuple, branches[name]):
            branches.pop(name)
    optional = (*(name for name in IDENTITY if name not in REQUIRED_IDENTITY), "weight")
    present = [name for name in optional if _has(ntuple, f"__{name}__")]
    return branches | {name: f"__{name}__" for name in (*REQUIRED_IDENTITY, *present)}


def _is_meant(name: str, branch: str) -> bool:
    """Whether `name` is the branch, or the variable at its end: `muonID` means it for all tracks."""
    return branch == name or branch.endswith(f"_{name}")


def _own_branch(branch: str, renamed: dict[str, str]) -> str:
    """The user's name of a branch; the longest name that means it counts."""
    usual = max((name for name in renamed if _is_meant(name, branch)), key=len, default=None)
    return branch if usual is None else branch.removesuffix(usual) + renamed[usual]


def _has(ntuple: Ntuple, branch: str) -> bool:
    return branch in ntuple.names or root_compatible(branch) in ntuple.names


def _variables(ntuple: Ntuple, branches: dict[str, str]) -> Iterator[dict[str, np.ndarray]]:
    """Chunks of the file by the search's own names, with zeros and unit weights for what it has not."""
    for chunk in iterate(ntuple, sorted(set(branches.values())), CHUNK_ROWS):
        variables = {name: chunk[branch] for name, branch in branches.items()}
        rows = len(variables["event"])
        for name in IDENTITY:
            variables.setdefault(name, np.zeros(rows, dtype=np.int64))
        variables.setdefault("weight", np.ones(rows))
        yield variables


def _defined(
    variables: dict[str, np.ndarray],
    spec: SkimSpec,
    path: str,
    branches: dict[str, str],
    cutflow: Cutflow,
) -> dict[str, np.ndarray]:
    """Rows whose variables of the selection are all finite; refuses others if the search says so."""
    lost = np.count_nonzero(~np.isfinite(variables["weight"]))
    if lost:
        raise DarkreachError(
            f"{path}: branch '__weight__' is NaN or infinite in {lost} of {len(variables['weight'])} rows; "
            "correct the ntuple"
        )
    masks = undefined(variables, spec)
    if masks and spec.on_nan == "error":
        name, mask = next(iter(masks.items()))
        raise DarkreachError(
            f"{path}: branch '{branches[name]}' is NaN or infinite in {np.count_nonzero(mask)} of "
            f"{len(mask)} rows; correct the ntuple, or set 'on_nan: reject' to drop such rows"
        )
    if masks:
        good = ~np.logical_or.reduce(list(masks.values()))
        variables = {name: array[good] for name, array in variables.items()}
    cutflow.count("defined", variables["weight"])
    return variables


def _true_candidates(
    variables: dict[str, np.ndarray], manifest: Manifest, path: str, cutflow: Cutflow
) -> dict[str, np.ndarray]:
    """Candidates of a signal block made of the right tracks, with the true mass and decay length of X."""
    # basf2's isSignal is NaN where a candidate has no match
    true = variables["is_signal"] == 1
    variables = {name: array[true] for name, array in variables.items() if name != "is_signal"}
    cutflow.count("true candidate", variables["weight"])
    variables |= {"true_proper_length": _true_lengths(variables, manifest, path)}
    masses = sorted({component.mass_GeV for component in manifest.components if component.mass_GeV})
    if len(masses) == 1:
        return variables | {"true_mass": np.full(len(variables["weight"]), masses[0])}
    if "true_mass" not in variables:
        raise DarkreachError(
            f"{path}: has no branch of the true mass, and block '{manifest.name}' has "
            f"{len(masses)} masses; give each mass a block of its own"
        )
    distance = np.abs(variables["true_mass"][:, None] - masses)
    strange = ~(distance.min(1, initial=np.inf) < 1e-5)
    if strange.any():
        raise DarkreachError(
            f"{path}: has a true mass of {variables['true_mass'][strange][0]} GeV, which block "
            f"'{manifest.name}' does not list; correct the block's masses"
        )
    return variables | {"true_mass": np.array(masses)[distance.argmin(1)]}


def _true_lengths(variables: dict[str, np.ndarray], manifest: Manifest, path: str) -> np.ndarray:
    """(n,) proper decay lengths of X, cm; 0 in a block where X decays at once."""
    if not any(component.lifetime_m for component in manifest.components):
        return np.zeros(len(variables["weight"]))
    if "true_proper_length" not in variables:
        raise DarkreachError(
            f"{path}: block '{manifest.name}' has a lifetime, but its files have no branch of the true "
            "proper decay length; add it, and name it in 'columns.truth'"
        )
    return variables["true_proper_length"]


def _check_peaks(columns: dict[str, np.ndarray], variable: str, manifest: Manifest, path: str) -> None:
    """Refuse a signal whose candidates lie elsewhere than at the mass that the configuration gives it."""
    for mass in np.unique(columns["true_mass"]):
        found = columns[variable][columns["true_mass"] == mass]
        if len(found) >= PEAK_ROWS and abs(np.median(found) / mass - 1) > PEAK_TOLERANCE:
            raise DarkreachError(
                f"{path}: the signal of block '{manifest.name}' should have a mass of {mass:g} GeV, but its "
                f"candidates peak at {np.median(found):.4g} GeV; correct the mass or the files of the block"
            )


def _compact(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Columns in the types of the skim: float32, finer than any resolution, except for identities."""
    types: dict[str, type] = {**IDENTITY, "true_mass": np.float64, "triggers": np.int32, "channel": np.int32}
    return {name: np.asarray(array, dtype=types.get(name, np.float32)) for name, array in columns.items()}
