"""Writing files in one step."""

import pytest

from darkreach.errors import DarkreachError
from darkreach.files import write_whole


def test_folder_is_made_and_nothing_else_is_left(tmp_path):
    write_whole(tmp_path / "a" / "b.json", b"1")
    write_whole(tmp_path / "a" / "b.json", b"2")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "a").iterdir()] == [("b.json", b"2")]


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "b.json"
    path.write_bytes(b"old")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.replace", full)
    with pytest.raises(DarkreachError, match=r"b\.json: cannot be written \(No space left on device\); make"):
        write_whole(path, b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("b.json", b"old")]


def test_a_file_in_the_place_of_the_folder(tmp_path):
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(DarkreachError, match=r"a/b\.json: cannot be written"):
        write_whole(tmp_path / "a" / "b.json", b"1")
