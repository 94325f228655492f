"""Preselection of one block: ntuples in, a small ROOT file with the columns of one search out."""

import json
import os
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import uproot

from darkreach.catalogue.account import FileRead, compare_read
from darkreach.catalogue.manifest import FileEntry, Manifest
from darkreach.config.stages import SkimSpec
from darkreach.errors import DarkreachError, UnreadableFile
from darkreach.files import write_whole
from darkreach.ntuple.events import Run, count_runs, run_numbers
from darkreach.ntuple.reading import MEND, open_ntuple
from darkreach.searches.cutflow import Cutflow
from darkreach.searches.registry import search_named
from darkreach.searches.skim_truth import check_peaks, true_candidates
from darkreach.searches.skim_variables import (
    IDENTITY,
    branches_in,
    defined_rows,
    no_variables,
    variables_in,
)
from darkreach.searches.variables import with_triggers

TREE = "skim"
CLUSTER_ROWS = 250_000  # coffea reads fastest what was written in clusters of this size
# benchmarks/skim_format.py: 30 % less CPU to fill the histograms than from zstd, for 18 % more disk
COMPRESSION = uproot.LZ4(4)


@dataclass
class SkimRecord:
    """What was read and what was kept; written beside the skim."""

    search: str
    sample: str
    block: str
    kind: str
    files: list[FileRead]
    rows: int
    cutflow: list[dict[str, Any]]
    attempt: int = 0

    @classmethod
    def read(cls, path: str | os.PathLike) -> "SkimRecord":
        """The record in `path`.

        Raises:
            DarkreachError: the file is missing or is no such record.
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
            return cls(**values | {"files": [FileRead(**file) for file in values["files"]]})
        except OSError as error:
            raise DarkreachError(f"{path}: cannot read this record of a skim ({error.strerror})") from None
        except (ValueError, TypeError, KeyError):
            raise DarkreachError(f"{path}: not the record of a skim; run the skim stage again") from None

    def write(self, path: str | os.PathLike) -> None:
        """Write the record in one step.

        Raises:
            DarkreachError: the place cannot be written to.
        """
        values = asdict(self) | {"files": [file.model_dump() for file in self.files]}
        write_whole(path, (json.dumps(values, indent=1, ensure_ascii=False) + "\n").encode())


def record_path(skim: str | os.PathLike) -> Path:
    """Where the record of a skim is: beside it, with the ending .json."""
    return Path(skim).with_suffix(".json")


def skim_block(
    spec: SkimSpec,
    manifest: Manifest,
    output: str | os.PathLike,
    *,
    attempt: int = 0,
    scratch: str | None = None,
) -> SkimRecord:
    """Select the candidates of a block and write them, with a record beside them, in bounded memory.

    The skim is the tree `skim` with the identity of the event, `weight`, the columns of the search and
    `triggers`, the bit mask of its trigger lines. Signal blocks keep only candidates made of the right
    tracks, also where no line has fired, and have `true_mass` (GeV) and `true_proper_length` (cm) of X.

    A file that is missing, damaged, out of reach or not the one that was catalogued is no error: nothing of
    it is used, and the record says why. Remote files are read through a copy in the folder `scratch`, if
    given; `attempt` only goes into the record.

    Raises:
        DarkreachError: a file lacks a branch, or has NaN in a variable of the selection where the search
            does not reject it; or the output or `scratch` cannot be written to.
    """
    output = Path(output)
    new = output.with_name(f".{output.name}.{os.getpid()}.new")
    unread = {entry.uuid: entry.unreadable for entry in manifest.files if entry.unreadable is not None}
    for reason in unread.values():
        _warn(reason)
    done = None
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        while done is None:
            with uproot.recreate(new, compression=COMPRESSION) as file:
                done = _skim_files(spec, manifest, scratch, ClusterWriter(file), unread)
        compare_read(manifest, done.files)
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
        files=done.files,
        rows=done.rows,
        cutflow=done.cutflow.as_list(),
        attempt=attempt,
    )
    record.write(record_path(output))
    return record


class ClusterWriter:
    """Writes columns to the tree of a skim in clusters of CLUSTER_ROWS, so that it reads fast later."""

    def __init__(self, file: Any) -> None:
        self.file, self.rows, self._waiting = file, 0, 0
        self._parts: list[dict[str, np.ndarray]] = []
        self._tree: Any = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was added, not even columns without rows."""
        return self._tree is None and not self._parts

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


@dataclass
class _Done:
    """What one pass over the files of a block has read and kept."""

    files: list[FileRead] = field(default_factory=list)
    cutflow: Cutflow = field(default_factory=Cutflow)
    rows: int = 0


def _skim_files(
    spec: SkimSpec, manifest: Manifest, scratch: str | None, writer: ClusterWriter, unread: dict[str, str]
) -> _Done | None:
    """One pass over the files of a block, without those in `unread`, uuid → reason, which may become more.

    None if one of them failed when some of its rows were already used: then the block has to start again.
    """
    done = _Done()
    for entry in manifest.files:
        if entry.uuid not in unread:
            print(f"darkreach skim: {manifest.name}: {entry.path}", file=sys.stderr, flush=True)
            begun = done.cutflow.rows.get("all")
            try:
                done.files.append(_skim_file(spec, manifest, entry, scratch, done.cutflow, writer))
            except UnreadableFile as error:
                unread[entry.uuid] = str(error)
                _warn(str(error))
                if done.cutflow.rows.get("all") != begun:
                    return None
        if entry.uuid in unread:
            reason = unread[entry.uuid]
            done.files.append(FileRead(path=entry.path, uuid=entry.uuid, entries=0, runs=[], unread=reason))
    if writer.is_empty:
        writer.add(_selected(spec, manifest, manifest.name, no_variables(spec, manifest.kind), done.cutflow))
    writer.close()
    done.rows = writer.rows
    return done


def _warn(reason: str) -> None:
    print(f"darkreach skim: WARNING: FILE NOT READ: {reason}", file=sys.stderr, flush=True)


def _skim_file(
    spec: SkimSpec,
    manifest: Manifest,
    entry: FileEntry,
    scratch: str | None,
    cutflow: Cutflow,
    writer: ClusterWriter,
) -> FileRead:
    """Select one file into `writer`; returns what was read.

    Raises:
        UnreadableFile: it cannot be read, or is not what the manifest says.
    """
    runs: Counter[Run] = Counter()
    dropped = _dropped_numbers(manifest)
    with open_ntuple(entry.path, manifest.tree, scratch=scratch, uuid=entry.uuid) as ntuple:
        if ntuple.entries != entry.entries:
            raise UnreadableFile(
                f"{entry.path}: has {ntuple.entries} entries, when it was catalogued {entry.entries}; {MEND}"
            )
        branches = branches_in(spec, manifest, ntuple)
        for variables in variables_in(ntuple, branches):
            numbers = run_numbers(variables["experiment"], variables["run"], entry.path)
            runs += count_runs(numbers)
            cutflow.count("all", variables["weight"])
            if len(dropped):
                good = ~np.isin(numbers, dropped)
                variables = {name: array[good] for name, array in variables.items()}
                cutflow.count("good runs", variables["weight"])
            variables = defined_rows(variables, spec, entry.path, branches, cutflow)
            writer.add(_selected(spec, manifest, entry.path, variables, cutflow))
    listed = sorted((*run, entries) for run, entries in runs.items())
    if entry.runs and listed != sorted(entry.runs):
        raise UnreadableFile(f"{entry.path}: has other runs than when it was catalogued; {MEND}")
    return FileRead(path=entry.path, uuid=entry.uuid, entries=runs.total(), runs=listed, unread=None)


def _dropped_numbers(manifest: Manifest) -> np.ndarray:
    runs = np.array(manifest.dropped_runs, dtype=np.int64).reshape(-1, 2)
    return run_numbers(runs[:, 0], runs[:, 1], manifest.name)


def _selected(
    spec: SkimSpec, manifest: Manifest, path: str, variables: dict[str, np.ndarray], cutflow: Cutflow
) -> dict[str, np.ndarray]:
    """Columns of the skim for the rows of one chunk that pass the preselection."""
    search = search_named(spec.search)
    selection = search.Selection.model_validate(spec.selection)
    if manifest.kind == "signal":
        variables = true_candidates(variables, manifest, path, cutflow)
    variables = with_triggers(variables, [*spec.trigger_lines, *spec.reported_lines])
    columns = search.candidates(variables, selection, spec.detector, cutflow)
    if manifest.kind == "signal" and search.METHOD == "peak":
        check_peaks(columns, search.REGION_VARIABLE, manifest, path)
    if manifest.kind != "signal" and spec.trigger_lines:
        fired = columns["triggers"] != 0
        columns = {name: array[fired] for name, array in columns.items()}
        cutflow.count("trigger", columns["weight"])
    return _compact(columns)


def _compact(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Columns in the types of the skim: float32, finer than any resolution, except for identities."""
    types: dict[str, type] = {**IDENTITY, "true_mass": np.float64, "triggers": np.int32, "channel": np.int32}
    return {name: np.asarray(array, dtype=types.get(name, np.float32)) for name, array in columns.items()}
