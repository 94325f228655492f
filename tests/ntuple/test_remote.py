"""Reading from a real XRootD server, and what happens when it fails."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from darkreach.errors import DarkreachError, UnreadableFile
from darkreach.ntuple import remote
from darkreach.ntuple.chunks import read_chunks
from darkreach.ntuple.inspect_command import inspect
from darkreach.ntuple.reading import open_ntuple

COLUMNS = ["p", "__event__", "__weight__"]


@pytest.fixture(autouse=True)
def short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "FIRST_PAUSE_S", 0.05)


@pytest.fixture
def served(
    xrootd_server: Any, kind: str, write: Callable[..., Path], event_columns: Callable[..., dict]
) -> tuple[Any, str, Path]:
    """The server, and the URL and path of a file of 1000 rows in 4 clusters."""
    return _serve(xrootd_server, kind, write, event_columns)


def _serve(
    server: Any, kind: str, write: Callable[..., Path], event_columns: Callable[..., dict]
) -> tuple[Any, str, Path]:
    rng = np.random.default_rng(3)
    clusters = [event_columns([1] * 250, run=run) | {"p": rng.normal(size=250)} for run in range(4)]
    path = write(server.folder / "a.root", {"variables": clusters}, kind)
    return server, f"{server.url}a.root", path


def rows(source: str | Path, step: int = 300) -> dict[str, np.ndarray]:
    chunks = list(read_chunks(source, None, COLUMNS, step))
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in COLUMNS}


def assert_equal(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> None:
    for name in COLUMNS:
        assert one[name].dtype == other[name].dtype
        np.testing.assert_array_equal(one[name], other[name])


@pytest.fixture
def served_tree(
    xrootd_server: Any, write: Callable[..., Path], event_columns: Callable[..., dict]
) -> tuple[Any, str, Path]:
    """As served, in one format, where it does not matter which."""
    return _serve(xrootd_server, "TTree", write, event_columns)


@pytest.mark.parametrize("step", [90, 600, 10_000])
def test_a_remote_file_is_read_as_the_local_one(served: tuple[Any, str, Path], step: int) -> None:
    _, url, path = served
    assert_equal(rows(url, step), rows(path, step))
    assert len(rows(url, step)["p"]) == 1000


def test_inspect_says_the_same_of_a_remote_file(served: tuple[Any, str, Path]) -> None:
    _, url, path = served
    assert inspect(url) == inspect(str(path)) | {"file": url}


def test_lists_files_directories_and_patterns(xrootd_server: Any) -> None:
    server = xrootd_server
    contents = {"b.root": 5, "a.root": 7, "notes.txt": 3, "deep/er/c.root": 11, ".a.root.new.root": 17}
    for name, size in contents.items():
        path = server.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(bytes(size))
        os.utime(path, (1_700_000_000, 1_700_000_000 + size))

    def expected(*names: str) -> list[tuple[str, int, int]]:
        return [(server.url + name, contents[name], 1_700_000_000 + contents[name]) for name in names]

    assert remote.list_remote(server.url) == expected("a.root", "b.root", "deep/er/c.root")
    assert remote.list_remote(f"{server.url}deep") == expected("deep/er/c.root")
    assert remote.list_remote(f"{server.url}*.root") == expected("a.root", "b.root")
    assert remote.list_remote(f"{server.url}**/*.root") == expected("a.root", "b.root", "deep/er/c.root")
    assert remote.list_remote(f"{server.url}notes.txt") == expected("notes.txt")
    assert remote.list_remote(server.url.replace("//data", "///data")) == remote.list_remote(server.url)
    for nothing in ("none.root", "none", "none*", "none/*.root"):
        assert remote.list_remote(server.url + nothing) == []
    with pytest.raises(DarkreachError, match="ftp://a/b: cannot be listed"):
        remote.list_remote("ftp://a/b")
    # a listing is never an old one
    (server.folder / "b.root").unlink()
    contents["new.root"] = 13
    (server.folder / "new.root").write_bytes(bytes(13))
    os.utime(server.folder / "new.root", (1_700_000_000, 1_700_000_013))
    assert remote.list_remote(f"{server.url}*.root") == expected("a.root", "new.root")


def test_a_listing_needs_its_server(xrootd_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "ATTEMPTS", 3)
    xrootd_server.kill()
    with pytest.raises(DarkreachError, match=r"root://127.* cannot be listed .*Connection error") as caught:
        remote.list_remote(xrootd_server.url)
    assert "\n" not in str(caught.value)


def test_what_cannot_become_better_is_not_tried_again(
    served: tuple[Any, str, Path], capsys: pytest.CaptureFixture
) -> None:
    server, url, path = served
    content = path.read_bytes()
    with pytest.raises(UnreadableFile, match=r"none\.root: could not be read .*no such file"):
        rows(f"{server.url}none.root")
    (server.folder / "text.root").write_text("no ROOT\n" * 100)
    with pytest.raises(UnreadableFile, match=r"text\.root: could not be read"):
        rows(f"{server.url}text.root")
    (server.folder / "short.root").write_bytes(content[:-1])
    with pytest.raises(UnreadableFile, match=r"short\.root: truncated"):
        rows(f"{server.url}short.root")
    refused = 0
    for place in np.linspace(300, len(content) - 1, 12, dtype=int):
        (server.folder / "damaged.root").write_bytes(
            content[:place]
            + bytes(byte ^ 0xFF for byte in content[place : place + 64])
            + content[place + 64 :]
        )
        try:
            rows(f"{server.url}damaged.root")
        except UnreadableFile as error:
            refused += 1
            assert f"{server.url}damaged.root" in str(error)
    assert refused > 3
    assert "attempt" not in capsys.readouterr().err
    assert len(rows(url)["p"]) == 1000


def test_a_dead_server_is_given_up_soon_and_the_reason_names_the_file(
    served_tree: tuple[Any, str, Path], capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, url, _ = served_tree
    monkeypatch.setattr(remote, "ATTEMPTS", 5)
    server.kill()
    start = time.monotonic()
    with pytest.raises(UnreadableFile) as caught:
        rows(url)
    pauses = 0.05 * (2 ** (remote.ATTEMPTS - 1) - 1)
    assert pauses < time.monotonic() - start < pauses + 10
    assert str(caught.value).startswith(f"{url}: could not be read")
    assert "Connection error" in str(caught.value) and "server is up" in str(caught.value)
    assert capsys.readouterr().err.count(f"darkreach: {url}: ") == remote.ATTEMPTS - 1
    # the next file of this server does not wait as long, until the server is there again
    with pytest.raises(UnreadableFile):
        rows(f"{server.url}another.root")
    assert "attempt" not in capsys.readouterr().err
    time.sleep(1.1)
    server.start()
    assert len(rows(url)["p"]) == 1000
    server.kill()
    with pytest.raises(UnreadableFile):
        rows(url)
    assert capsys.readouterr().err.count(f"darkreach: {url}: ") == remote.ATTEMPTS - 1


def interrupted(served: tuple[Any, str, Path], meanwhile: Callable[[], None]) -> dict[str, np.ndarray]:
    """Rows of the file, whose server dies after the first chunk; `meanwhile` it comes back."""
    server, url, _ = served
    chunks = read_chunks(url, None, COLUMNS, 300)
    parts = [next(chunks)]
    server.kill()
    later = threading.Timer(0.5, meanwhile)
    later.start()
    try:
        parts += chunks
    finally:
        later.join()
    return {name: np.concatenate([part[name] for part in parts]) for name in COLUMNS}


def test_reading_goes_on_when_the_server_comes_back(
    served: tuple[Any, str, Path], capsys: pytest.CaptureFixture
) -> None:
    server, url, path = served
    assert_equal(interrupted(served, server.start), rows(path))
    assert f"darkreach: {url}: " in capsys.readouterr().err


def test_a_server_that_is_late_is_waited_for(served_tree: tuple[Any, str, Path]) -> None:
    server, url, path = served_tree
    server.kill()
    later = threading.Timer(0.5, server.start)
    later.start()
    assert_equal(rows(url), rows(path))
    later.join()


def test_a_server_that_comes_back_with_another_file_is_noticed(
    served: tuple[Any, str, Path], kind: str, write: Callable[..., Path], event_columns: Callable[..., dict]
) -> None:
    server, _, path = served

    def replace_and_start() -> None:
        path.unlink()
        write(path, {"variables": [event_columns([1] * 250) | {"p": np.zeros(250)}] * 4}, kind)
        server.start()

    with pytest.raises(UnreadableFile, match=r"a\.root: changed while it was read"):
        interrupted(served, replace_and_start)


def test_a_server_that_dies_while_a_file_is_read(
    served_tree: tuple[Any, str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "ATTEMPTS", 5)
    start = time.monotonic()
    with pytest.raises(UnreadableFile, match=r"a\.root: could not be read .*FATAL"):
        interrupted(served_tree, lambda: None)
    assert time.monotonic() - start < 15


def test_a_server_that_hangs_is_given_up_and_the_users_limits_go_first(
    served_tree: tuple[Any, str, Path],
) -> None:
    server, url, _ = served_tree
    program = (
        "from darkreach.ntuple import remote\n"
        "from darkreach.ntuple.chunks import read_chunks\n"
        "from XRootD import client\n"
        "remote.ATTEMPTS = 2\n"
        f"chunks = read_chunks({url!r}, None, ['p'], 300)\n"
        "next(chunks)\n"
        "assert client.EnvGetInt('StreamTimeout') == client.EnvGetInt('ConnectionWindow') == 2\n"
        "assert client.EnvGetInt('RequestTimeout') == remote.CLIENT_LIMITS_S['RequestTimeout'] == 300\n"
        "print('hang', flush=True)\n"
        "input()\n"
        "try:\n"
        "    list(chunks)\n"
        "except Exception as error:\n"
        "    print(type(error).__name__, error)\n"
    )
    limits = {"XRD_STREAMTIMEOUT": "2", "XRD_CONNECTIONWINDOW": "2", "XRD_TIMEOUTRESOLUTION": "1"}
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | limits,
    ) as process:
        assert process.stdout is not None and process.stdin is not None
        assert process.stdout.readline() == "hang\n"
        server.pause()
        start = time.monotonic()
        said, _ = process.communicate("\n", timeout=60)
    assert said.startswith(f"UnreadableFile {url}: could not be read")
    assert time.monotonic() - start < 40
    assert process.returncode == 0


def test_a_copy_is_read_in_place_of_the_file_and_removed(
    served: tuple[Any, str, Path], tmp_path: Path
) -> None:
    server, url, path = served
    scratch = tmp_path / "scratch" / "mine"
    with open_ntuple(url, scratch=str(scratch)) as ntuple, open_ntuple(path) as local:
        (copy,) = scratch.glob("*/*")
        assert copy.read_bytes() == path.read_bytes()
        assert (ntuple.path, ntuple.opened) == (url, str(copy))
        assert (ntuple.uuid, ntuple.size_bytes, ntuple.entries) == (
            *(local.uuid, local.size_bytes),
            local.entries,
        )
        server.kill()  # nobody needs it any more
        assert ntuple.tree["p"].array(library="np").tobytes() == local.tree["p"].array(library="np").tobytes()
    assert list(scratch.iterdir()) == []
    with pytest.raises(KeyError), open_ntuple(path, scratch=str(scratch)) as ntuple:
        assert ntuple.opened == str(path)  # local files are not copied
        raise KeyError


def test_a_copy_is_removed_after_an_error_and_of_a_wrong_size_refused(
    served_tree: tuple[Any, str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, url, _ = served_tree
    scratch = tmp_path / "scratch"
    with pytest.raises(KeyboardInterrupt), open_ntuple(url, scratch=str(scratch)):
        assert list(scratch.glob("*/a.root"))
        raise KeyboardInterrupt
    assert list(scratch.iterdir()) == []

    filesystem, _ = remote._filesystem(url)

    def short(inner: str, local: str, **options: Any) -> None:
        Path(local).write_bytes(bytes(9))

    monkeypatch.setattr(filesystem, "get_file", short)
    monkeypatch.setattr(remote, "FIRST_PAUSE_S", 0.001)
    with (
        pytest.raises(UnreadableFile, match=r"a\.root: .*the copy has 9 of \d+ bytes"),
        open_ntuple(url, scratch=str(scratch)),
    ):
        pass
    assert list(scratch.iterdir()) == []


def test_a_scratch_folder_that_cannot_be_used_is_a_mistake_of_the_configuration(
    served_tree: tuple[Any, str, Path], tmp_path: Path
) -> None:
    _, url, _ = served_tree
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(DarkreachError, match=r"^scratch: cannot write to '.*file'") as caught,
        open_ntuple(url, scratch=str(tmp_path / "file")),
    ):
        pass
    assert not isinstance(caught.value, UnreadableFile)
