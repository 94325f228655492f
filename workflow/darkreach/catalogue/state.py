"""A sample as it is on disk now, beside what the catalogue remembers of it."""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from darkreach.catalogue.account import FileRead, compare_read
from darkreach.catalogue.listing import Listed, Source, list_sample
from darkreach.catalogue.luminosity import Row, RunAccount, good_runs, luminosity_table
from darkreach.catalogue.manifest import Manifest
from darkreach.catalogue.memory import KnownFile, Memory, runs_of
from darkreach.config.cataloguing import OwnSample
from darkreach.errors import DarkreachError

if TYPE_CHECKING:  # it imports uproot, which takes longer than all the rest where no file is opened
    from darkreach.catalogue.inspection import Inspected

SAVE_SECONDS = 10.0  # of looking into files that an interruption may cost


@dataclass
class State:
    """One sample of the user's own files."""

    name: str
    spec: OwnSample
    directory: Path
    memory: Memory
    listed: dict[str, Listed]
    account: RunAccount
    lost: dict[str, str] = field(default_factory=dict)
    """catalogued files that cannot be read any more, and why"""
    rows: dict[str, list[Row]] = field(default_factory=dict)
    """of the luminosity that each file of data has runs of"""
    blocks: dict[str, str] = field(default_factory=dict)
    """path -> block"""

    @classmethod
    def look(cls, name: str, spec: OwnSample, directory: Path) -> "State":
        """List a sample, and forget what the configuration no longer has. Opens and writes nothing.

        Raises:
            DarkreachError: a listing or a table fails, or nothing matches a pattern and never did.
        """
        sources = [Source(pattern, None) for pattern in spec.files]
        sources += [Source(pattern, b) for b, block in spec.blocks.items() for pattern in block.files]
        account = RunAccount(
            luminosity_table(spec.luminosity, f"samples.{name}.luminosity"),
            good_runs(spec.good_runs, f"samples.{name}.good_runs"),
        )
        memory, listed = Memory.load(directory, name, spec.tree), list_sample(name, sources)
        state = cls(name, spec, directory, memory, listed, account)
        state._forget(sources)
        state._refuse_empty(sources)
        return state

    @property
    def new(self) -> list[str]:
        """Files that were never catalogued."""
        known = self.memory.files
        return [path for path in self.listed if path not in known or known[path].block is None]

    @property
    def changed(self) -> list[str]:
        """Catalogued files with another size or time."""
        known = self.memory.files
        return [path for path in self._to_inspect() if path in known and known[path].block is not None]

    @property
    def gone(self) -> list[str]:
        """Catalogued files that are not there."""
        return [path for path, file in self.memory.files.items() if path not in self.listed]

    def inspect(self, cores: int) -> None:
        """Open what is new or changed, and remember it, also if this is interrupted.

        Raises:
            DarkreachError: a new file cannot be opened.
        """
        paths = self._to_inspect()
        problems: list[str] = []
        if paths:
            from darkreach.catalogue.inspection import ToInspect, inspect_files

            known, saved = self.memory.files, time.monotonic()
            jobs = [
                ToInspect(path, self.spec.tree, known[path].checksum if path in known else None)
                for path in paths
            ]
            try:
                for found in inspect_files(jobs, cores):
                    self._remember(found, problems)
                    if time.monotonic() > saved + SAVE_SECONDS:
                        self.memory.save(self.directory, self.name)
                        saved = time.monotonic()
            finally:
                self.memory.save(self.directory, self.name)
        if problems:
            others = [problem.split(": ")[0] for problem in problems[1:]]
            more = f" (nor can {', '.join(others)})" if others else ""
            raise DarkreachError(f"samples.{self.name}: {problems[0]}{more}")

    def settle(self, tolerance: float) -> None:
        """Decide about catalogued files that cannot be read any more: refuse, or mark them.

        Raises:
            DarkreachError: there are such files, and `tolerance` is 0; names all and the luminosity.
        """
        self._follow_moves()
        self.lost |= dict.fromkeys(self.gone, "it is gone")
        if self.lost and not tolerance:
            raise DarkreachError(self._loss())
        for path, file in self.memory.files.items():
            if file.unreadable and path not in self.lost:
                file.checked = False  # what came in the meantime was not compared with it
            file.unreadable = self.lost.get(path)
            if path in self.listed:
                file.pattern = self.listed[path].source.pattern

    def manifest_path(self, block: str) -> Path:
        """Where the manifest of a block is."""
        return self.directory / self.name / f"{block}.json"

    def _to_inspect(self) -> list[str]:
        known = self.memory.files
        return [
            path
            for path, file in self.listed.items()
            if path not in known or (known[path].size, known[path].mtime_ns) != (file.size, file.mtime_ns)
        ]

    def _remember(self, found: "Inspected", problems: list[str]) -> None:
        known, listed = self.memory.files.get(found.path), self.listed[found.path]
        if found.problem is not None:
            if known is None or known.block is None:
                problems.append(found.problem)
            else:
                self.lost[found.path] = found.problem.removeprefix(f"{found.path}: ").split("; ")[0]
            return
        if found.facts is not None:
            file = KnownFile(
                listed.source.pattern,
                listed.size,
                listed.mtime_ns,
                checksum=found.checksum,
                **found.facts._asdict(),
            )
            if known is not None:
                file.block = known.block
                if found.checksum is None and known.is_like(file):  # a remote file
                    file.checked, file.first_rows = known.checked, known.first_rows
            self.memory.files[found.path] = file
        known = self.memory.files[found.path]
        known.size, known.mtime_ns = listed.size, listed.mtime_ns

    def _forget(self, sources: Sequence[Source]) -> None:
        """Drop files that were taken out of the configuration; files that vanished without that stay."""
        configured = {(source.pattern, source.block) for source in sources}
        explicit = bool(self.spec.blocks)
        dropped = {}
        for path, file in list(self.memory.files.items()):
            if path in self.listed:
                continue
            key = (file.pattern, file.block if explicit else None)
            if file.block is None or (file.pattern and key not in configured):
                dropped[path] = self.memory.files.pop(path)
        if self.account.table is None:
            return
        # a row of luminosity that stays because of other files would count the dropped ones too
        kept = {row for path, file in self.memory.files.items() for row in self._rows_if_any(file)}
        for path, file in dropped.items():
            if file.block is not None and kept & self._rows_if_any(file):
                self.memory.files[path] = file

    def _rows_if_any(self, file: KnownFile) -> set[Row | None]:
        if self.account.table is None or file.block is None:
            return set()
        return {self.account.table.row_of(run) for run in runs_of(file) if self.account.is_good(run)} - {None}

    def _refuse_empty(self, sources: Sequence[Source]) -> None:
        found = Counter(file.source for file in self.listed.values())
        remembered = {file.pattern for file in self.memory.files.values()}
        for source in sources:
            if not found[source] and source.pattern not in remembered:
                raise DarkreachError(
                    f"{source.key(self.name)}: no file matches '{source.pattern}'; correct it or take it out"
                )

    def _follow_moves(self) -> None:
        """A new file that is one which is gone has only been moved."""
        gone = {self.memory.files[path].uuid: path for path in self.gone}
        for path in self.new:
            file = self.memory.files[path]
            if file.uuid in gone:
                file.block = self.memory.files.pop(gone.pop(file.uuid)).block

    def _missing_fb(self) -> dict[str, float | None]:
        """The `lost` files, with the luminosity behind each (fb⁻¹; None for simulation)."""
        missing: dict[str, float | None] = dict.fromkeys(sorted(self.lost))
        for block in sorted({self.memory.files[path].block or "" for path in self.lost}):
            if not self.manifest_path(block).exists():
                continue
            manifest = Manifest.read(self.manifest_path(block))
            read = [
                FileRead(path=file.path, uuid=file.uuid, entries=0, runs=[], unread=self.lost[file.path])
                if file.path in self.lost
                else FileRead(
                    path=file.path, uuid=file.uuid, entries=file.entries, runs=file.runs, unread=None
                )
                for file in manifest.files
            ]
            missing |= {file.path: file.luminosity_fb for file in compare_read(manifest, read)}
        return missing

    def _loss(self) -> str:
        missing = self._missing_fb()
        files = ", ".join(f"{path} ({self.lost[path]})" for path in missing)
        behind = sum(luminosity for luminosity in missing.values() if luminosity)
        worth = f", {behind:.4g} fb⁻¹" if self.spec.kind == "data" else ""
        count = "1 catalogued file" if len(missing) == 1 else f"{len(missing)} catalogued files"
        return (
            f"samples.{self.name}: {count}{worth}, cannot be read: {files}; restore or replace them "
            "under the same names, or set 'tolerance' to go on without them"
        )
