"""Listing folders, patterns and files."""

import os
from pathlib import Path

import pytest

from darkreach.catalogue.listing import Source, list_sample
from darkreach.errors import DarkreachError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Some files and links."""
    for name in ("b.root", "a.root", "sub/deep/c.root", "sub/.hidden.root", "notes.txt", "run[7].root"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "sub/up").symlink_to(tmp_path)
    return tmp_path


def names(folder: Path, *patterns: str) -> list[str]:
    listed = list_sample("data", [Source(str(folder / pattern), None) for pattern in patterns])
    assert list(listed) == sorted(listed) and all(path == file.path for path, file in listed.items())
    return [os.path.relpath(path, folder) for path in listed]


def test_what_a_pattern_stands_for(folder) -> None:
    assert names(folder, ".") == ["a.root", "b.root", "run[7].root", "sub/deep/c.root"]
    assert names(folder, "sub/") == [
        "sub/deep/c.root",
        "sub/up/a.root",
        "sub/up/b.root",
        "sub/up/run[7].root",
    ]
    assert names(folder, "[ab].root") == ["a.root", "b.root"]
    assert names(folder, "run[7].root") == ["run[7].root"]
    assert names(folder, "sub/d*") == ["sub/deep/c.root"]
    assert names(folder, "absent.root", "none*") == []
    found = list_sample("data", [Source(str(folder / "a.root"), "x")])[str(folder / "a.root")]
    stat = (folder / "a.root").stat()
    assert (found.size, found.mtime_ns, found.source.block) == (6, stat.st_mtime_ns, "x")


def test_a_path_is_listed_once(folder) -> None:
    with pytest.raises(DarkreachError, match=r"samples\.data\.files: .*a\.root is there twice"):
        names(folder, "a.root", "*.root")
    sources = [Source(str(folder / "a.root"), block) for block in "xy"]
    with pytest.raises(
        DarkreachError, match=r"samples\.data\.blocks\.y\.files: .* of samples\.data\.blocks\.x"
    ):
        list_sample("data", sources)
