"""Opening ntuples, good and bad."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import uproot

from darkreach.errors import DarkreachError
from darkreach.ntuple.chunks import read_chunks
from darkreach.ntuple.reading import open_ntuple


def refusal(path: Path, tree: str | None = None) -> str:
    """The one sentence that opening the file gives."""
    with pytest.raises(DarkreachError) as caught, open_ntuple(path, tree):
        pass
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    return message


def test_says_what_the_file_is(
    tmp_path: Path, kind: str, write: Callable[..., Path], event_columns: Callable[..., dict]
) -> None:
    path = write(tmp_path / "a.root", {"variables": event_columns([2, 1])}, kind)
    with open_ntuple(path) as ntuple:
        assert (ntuple.tree_name, ntuple.format, ntuple.entries) == ("variables", kind, 3)
        assert ntuple.names == tuple(event_columns([1]))
        assert ntuple.size_bytes == path.stat().st_size
        assert ntuple.compression == "ZLIB(1)"
        with uproot.open(path) as file:
            assert ntuple.uuid == str(file.file.uuid)


@pytest.mark.parametrize(
    ("trees", "expected"),
    [
        (["tree"], "tree"),
        (["photons"], "photons"),
        (["photons", "variables"], "variables"),
        (["photons", "tree"], "tree"),
    ],
)
def test_finds_the_tree(
    tmp_path: Path,
    kind: str,
    trees: list[str],
    expected: str,
    write: Callable[..., Path],
    event_columns: Callable[..., dict],
) -> None:
    path = write(tmp_path / "a.root", {name: event_columns([1]) for name in trees}, kind)
    with open_ntuple(path) as ntuple:
        assert ntuple.tree_name == expected
        assert set(ntuple.other_trees) == set(trees) - {expected}


def test_a_tree_without_events_is_no_candidate_unless_named(
    tmp_path: Path, write: Callable[..., Path], event_columns: Callable[..., dict]
) -> None:
    plain = {"x": np.arange(4.0)}
    path = write(tmp_path / "a.root", {"variables": plain, "photons": event_columns([1])})
    with open_ntuple(path) as ntuple:
        assert ntuple.tree_name == "photons"
    with open_ntuple(path, "variables") as ntuple:
        assert ntuple.entries == 4
    alone = write(tmp_path / "b.root", {"variables": plain})
    assert "the file has: variables" in refusal(alone)


@pytest.mark.parametrize("trees", [["variables", "tree"], ["muons", "photons"]])
def test_asks_to_name_one_of_several_trees(
    tmp_path: Path, trees: list[str], write: Callable[..., Path], event_columns: Callable[..., dict]
) -> None:
    path = write(tmp_path / "a.root", {name: event_columns([1]) for name in trees})
    message = refusal(path)
    assert all(name in message for name in trees)
    with open_ntuple(path, trees[1]) as ntuple:
        assert ntuple.tree_name == trees[1]


def test_the_last_cycle_of_a_tree_is_one_tree(
    tmp_path: Path, write: Callable[..., Path], event_columns: Callable[..., dict]
) -> None:
    path = write(tmp_path / "a.root", {"tree": event_columns([1])})
    with uproot.update(path) as file:
        file.mktree("tree", {"__event__": np.int32})
        file["tree"].extend({"__event__": np.arange(5, dtype=np.int32)})
    with open_ntuple(path) as ntuple:
        assert ntuple.entries == 5
        assert ntuple.other_trees == ()


def test_a_wrong_tree_name_is_answered_with_the_right_ones(
    tmp_path: Path, kind: str, write: Callable[..., Path], event_columns: Callable[..., dict]
) -> None:
    path = write(tmp_path / "a.root", {"muons": event_columns([1])}, kind)
    assert "no tree 'muon'; the file has: muons" in refusal(path, "muon")
    empty = write(tmp_path / "b.root", {})
    assert "no tree at all" in refusal(empty)


def test_refuses_what_is_no_root_file(tmp_path: Path) -> None:
    assert "No such file" in refusal(tmp_path / "absent.root")
    assert "directory" in refusal(tmp_path)
    text = tmp_path / "notes.root"
    text.write_text("not ROOT\n" * 100)
    assert "not a ROOT file" in refusal(text)
    text.write_bytes(b"")
    assert "empty" in refusal(text)


@pytest.mark.parametrize("tree", [None, "tree", "variables", "persistent"])
def test_refuses_an_mdst(datastore_file: Path, tree: str | None) -> None:
    if tree == "persistent":
        with open_ntuple(datastore_file, tree) as ntuple:
            assert ntuple.names == ("FileMetaData",)
        return
    message = refusal(datastore_file, tree)
    assert "mDST" in message and "VariablesToNtuple" in message


def test_a_flat_ntuple_with_file_metadata_is_no_mdst(
    tmp_path: Path, write: Callable[..., Path], event_columns: Callable[..., dict]
) -> None:
    trees = {"tree": event_columns([1, 1]), "persistent": {"FileMetaData": np.arange(1)}}
    with open_ntuple(write(tmp_path / "a.root", trees)) as ntuple:
        assert (ntuple.tree_name, ntuple.entries) == ("tree", 2)


def test_an_error_of_the_caller_stays_what_it_is(
    tmp_path: Path, write: Callable[..., Path], event_columns: Callable[..., dict]
) -> None:
    path = write(tmp_path / "a.root", {"tree": event_columns([1])})
    with pytest.raises(ZeroDivisionError), open_ntuple(path):
        raise ZeroDivisionError


def read_all(path: Path, columns: list[str]) -> dict[str, np.ndarray]:
    chunks = list(read_chunks(path, "variables", columns))
    return {name: np.concatenate([chunk[name] for chunk in chunks]) for name in columns}


@pytest.fixture
def sound_file(
    tmp_path: Path, kind: str, write: Callable[..., Path], event_columns: Callable[..., dict]
) -> tuple[bytes, list[str]]:
    rng = np.random.default_rng(5)
    clusters = [event_columns([1] * 300) | {"p": rng.normal(size=300)} for _ in range(3)]
    path = write(tmp_path / "sound.root", {"variables": clusters}, kind)
    return path.read_bytes(), list(clusters[0])


def test_a_file_cut_anywhere_is_refused(
    sound_file: tuple[bytes, list[str]], damaged: Callable[[bytes], Path]
) -> None:
    content, columns = sound_file
    assert len(read_all(damaged(content), columns)["p"]) == 900
    cuts = [*np.linspace(1, len(content), 40, endpoint=False, dtype=int), len(content) - 1]
    for cut in cuts:
        path = damaged(content[:cut])
        with pytest.raises(DarkreachError, match=r"truncated|not a ROOT file|could not be read") as caught:
            read_all(path, columns)
        assert str(path) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("length", [1, 64, 1024])
@pytest.mark.parametrize("change", ["zeroed", "flipped"])
def test_a_damaged_file_is_refused_or_read_whole(
    sound_file: tuple[bytes, list[str]], damaged: Callable[[bytes], Path], change: str, length: int
) -> None:
    content, columns = sound_file
    refused = 0
    places = np.unique(
        np.concatenate([np.arange(0, 300, 12), np.linspace(300, len(content) - 1, 50, dtype=int)])
    )
    for place in places:
        piece = content[place : place + length]
        broken = bytes(len(piece)) if change == "zeroed" else bytes(byte ^ 0xFF for byte in piece)
        path = damaged(content[:place] + broken + content[place + length :])
        try:
            assert all(len(values) == 900 for values in read_all(path, columns).values())
        except DarkreachError as error:
            refused += 1
            assert str(path) in str(error) and "\n" not in str(error)
    assert refused > 10
