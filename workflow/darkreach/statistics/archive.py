"""Zip archives of workspaces whose bytes depend on their content alone."""

import json
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from darkreach.errors import DarkreachError
from darkreach.statistics.grid import Hypothesis


class WorkspaceArchive:
    """Write workspaces one by one, each a JSON file readable by pyhf. A context manager."""

    def __init__(self, path: Path) -> None:
        self._zip = zipfile.ZipFile(path, "w")

    def __enter__(self) -> "WorkspaceArchive":
        return self

    def __exit__(self, *_: object) -> None:
        self._zip.close()

    def add(self, hypothesis: Hypothesis, workspace: dict[str, Any]) -> None:
        """Append the workspace of a hypothesis as `{its name}.json`."""
        _write(self._zip, f"{hypothesis.name}.json", json.dumps(workspace).encode())


def merge_archives(paths: Sequence[Path], output: Path) -> None:
    """Copy all workspaces of several archives into one, in order of mass and lifetime.

    Raises:
        DarkreachError: an archive is missing or broken, or two hold the same hypothesis.
    """
    origin: dict[str, Path] = {}
    for path in paths:
        for name in _names(path):
            if name in origin:
                raise DarkreachError(f"{path} and {origin[name]} both hold {name}; give each chunk once")
            origin[name] = path
    with zipfile.ZipFile(output, "w") as merged:
        for name in sorted(origin, key=_mass_and_lifetime):
            with zipfile.ZipFile(origin[name]) as source:
                _write(merged, name, source.read(name))


def _mass_and_lifetime(name: str) -> tuple[float, str]:
    mass, _, lifetime = name.removesuffix(".json").partition("_")
    return float(mass), lifetime


def _names(path: Path) -> list[str]:
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.namelist()
    except (OSError, zipfile.BadZipFile) as error:
        raise DarkreachError(
            f"{path}: cannot read this archive of workspaces ({error}); scan again"
        ) from None


def _write(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # a fixed time stamp and fixed permissions: same workspaces, same bytes
    info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    info.compress_type = zipfile.ZIP_DEFLATED
    info.external_attr = 0o644 << 16
    archive.writestr(info, content)
