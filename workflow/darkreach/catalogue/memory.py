"""What the catalogue remembers of a sample, so that it opens only files that are new or changed."""

import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from darkreach.files import write_whole

FORMAT = 1  # of the memory; another one is not read

RunRecord = tuple[int, int, int, int, int]  # experiment, run, entries, first and last event number


@dataclass(slots=True)
class KnownFile:
    """A file when it was last opened, and where it belongs."""

    pattern: str  # of the configuration that stands for it; "" if forgotten
    size: int
    mtime_ns: int
    uuid: str
    tree: str
    entries: int
    checksum: str | None  # of the content of a local file
    runs: list[RunRecord]
    block: str | None = None  # None until it is in a manifest
    checked: bool = False  # its events are not those of another file
    first_rows: str | None = None  # checksum of their values, once it was needed
    unreadable: str | None = None

    def is_like(self, other: "KnownFile") -> bool:
        """Whether both have the same identity, entries and runs."""
        mine, its = (
            (file.uuid, file.tree, file.entries, [tuple(run) for run in file.runs]) for file in (self, other)
        )
        return mine == its


def runs_of(file: KnownFile) -> list[tuple[int, int]]:
    """Experiment and run of everything in a file, sorted."""
    return [(run[0], run[1]) for run in file.runs]


@dataclass
class Memory:
    """All files of a sample by path, and what the manifests held when they were written."""

    tree: str | None
    files: dict[str, KnownFile] = field(default_factory=dict)
    blocks: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    """name -> checksum of the content, size and mtime_ns of the manifest"""
    _saved: str = ""

    @classmethod
    def load(cls, directory: Path, sample: str, tree: str | None) -> "Memory":
        """The memory of a sample; if it is lost, what the manifests say of the files, which are then opened
        again."""
        path = _path(directory, sample)
        try:
            text = path.read_text(encoding="utf-8")
            values = json.loads(text)
            if values["format"] != FORMAT:
                raise ValueError
            files = {name: KnownFile(**file) for name, file in values["files"].items()}
            blocks = {name: tuple(block) for name, block in values["blocks"].items()}
        except (OSError, ValueError, TypeError, KeyError):
            return cls(tree, _files_of_manifests(directory / sample))
        if values["tree"] != tree:
            files = {name: _to_open_again(file) for name, file in files.items()}
        return cls(tree, files, blocks, text)

    def save(self, directory: Path, sample: str) -> None:
        """Write it, if it changed.

        Raises:
            DarkreachError: the place cannot be written to.
        """
        values = {
            "format": FORMAT,
            "tree": self.tree,
            "files": {path: _values(file) for path, file in sorted(self.files.items())},
            "blocks": dict(sorted(self.blocks.items())),
        }
        text = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
        if text != self._saved:
            write_whole(_path(directory, sample), text.encode())
            self._saved = text


def _values(file: KnownFile) -> dict[str, Any]:
    """As dataclasses.asdict, which copies every list element by element."""
    return {name: getattr(file, name) for name in KnownFile.__slots__}


def _path(directory: Path, sample: str) -> Path:
    return directory / f"{sample}.files.json"


def _to_open_again(file: KnownFile) -> KnownFile:
    return replace(file, mtime_ns=-1, checksum=None, checked=False, first_rows=None)


def _files_of_manifests(folder: Path) -> dict[str, KnownFile]:
    files = {}
    for path in sorted(folder.glob("*.json")):
        try:
            manifest = json.loads(path.read_text(encoding="utf-8"))
            if manifest["simulated"]:
                continue
            for file in manifest["files"]:
                files[file["path"]] = KnownFile(
                    pattern="",
                    size=file["size_bytes"],
                    mtime_ns=-1,
                    uuid=file["uuid"],
                    tree=manifest["tree"],
                    entries=file["entries"],
                    checksum=None,
                    runs=[(*run, 0, 0) for run in file["runs"]],
                    block=manifest["block"],
                )
        except (OSError, ValueError, TypeError, KeyError):
            continue  # it is written again
    return files
