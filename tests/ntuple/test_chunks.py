"""Reading columns in pieces."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from darkreach.errors import DarkreachError
from darkreach.ntuple.chunks import iterate, read_chunks, require_columns
from darkreach.ntuple.reading import open_ntuple


def numbered(first: int, rows: int) -> dict[str, np.ndarray]:
    """Rows whose columns all follow from the row number."""
    number = np.arange(first, first + rows)
    return {"__event__": number.astype(np.int32), "x": number * 0.5, "useCMSFrame__bop__bc": number * 2.0}


@pytest.mark.parametrize("step", [1, 7, 100, 1000])
def test_chunks_keep_order_alignment_and_bound(
    tmp_path: Path, kind: str, step: int, write: Callable[..., Path]
) -> None:
    path = write(tmp_path / "a.root", {"tree": [numbered(0, 30), numbered(30, 20), numbered(50, 45)]}, kind)
    chunks = list(read_chunks(path, None, ["x", "__event__"], step))
    assert max(len(chunk["x"]) for chunk in chunks) <= step
    event = np.concatenate([chunk["__event__"] for chunk in chunks])
    assert event.tolist() == list(range(95))
    assert event.dtype == np.int32
    for chunk in chunks:
        assert chunk["x"].dtype == np.float64
        assert np.array_equal(chunk["x"], chunk["__event__"] * 0.5)


def test_chunks_end_with_clusters(tmp_path: Path, kind: str, write: Callable[..., Path]) -> None:
    path = write(tmp_path / "a.root", {"tree": [numbered(0, 30), numbered(30, 20), numbered(50, 45)]}, kind)
    lengths = [len(chunk["x"]) for chunk in read_chunks(path, None, ["x"], step=60)]
    assert lengths == [50, 45]
    lengths = [len(chunk["x"]) for chunk in read_chunks(path, None, ["x"], step=25)]
    assert lengths == [25, 25, 25, 20]


def test_an_empty_tree_gives_one_chunk_without_rows(
    tmp_path: Path, kind: str, write: Callable[..., Path]
) -> None:
    path = write(tmp_path / "a.root", {"tree": numbered(0, 0)}, kind)
    (chunk,) = read_chunks(path, None, ["x", "__event__"])
    assert chunk["x"].shape == chunk["__event__"].shape == (0,)
    assert chunk["x"].dtype == np.float64 and chunk["__event__"].dtype == np.int32


def test_names_may_be_those_of_basf2(tmp_path: Path, kind: str, write: Callable[..., Path]) -> None:
    path = write(tmp_path / "a.root", {"tree": numbered(0, 5)}, kind)
    for name in ("useCMSFrame(p)", "useCMSFrame__bop__bc"):
        (chunk,) = read_chunks(path, None, [name])
        assert chunk[name].tolist() == [0, 2, 4, 6, 8]
        assert list(chunk) == [name]


def test_names_are_no_patterns(tmp_path: Path, write: Callable[..., Path]) -> None:
    path = write(tmp_path / "a.root", {"tree": numbered(0, 5)})
    for pattern in ("*", "/.*/", "x*"):
        with pytest.raises(DarkreachError, match="has no branch"):
            list(read_chunks(path, None, [pattern]))


@pytest.mark.parametrize(
    ("asked", "nearest"),
    [
        ("useCMSFrame(q)", "useCMSFrame(p)"),
        ("useCMSframe__bop__bc", "useCMSFrame__bop__bc"),
        ("__events__", "__event__"),
    ],
)
def test_an_absent_branch_is_answered_with_the_nearest(
    tmp_path: Path, asked: str, nearest: str, write: Callable[..., Path]
) -> None:
    path = write(tmp_path / "a.root", {"tree": numbered(0, 5)})
    with pytest.raises(DarkreachError) as caught:
        list(read_chunks(path, None, ["x", asked]))
    assert f"no branch '{asked}'; did you mean '{nearest}'?" in str(caught.value)
    assert str(path) in str(caught.value)
    with pytest.raises(DarkreachError, match=r"no branch '.*', nor 2 others of 4 that are needed; did you"):
        list(read_chunks(path, None, [asked, "x", "absent", "missing"]))


def test_a_repeated_branch_is_refused_but_others_are_read(file_with_repeated_branch: Path) -> None:
    (chunk,) = read_chunks(file_with_repeated_branch, None, ["__event__"])
    assert chunk["__event__"].tolist() == [0, 1, 1]
    with pytest.raises(DarkreachError, match="2 branches named 'aaa'") as caught:
        list(read_chunks(file_with_repeated_branch, None, ["__event__", "aaa"]))
    assert str(file_with_repeated_branch) in str(caught.value)


def test_strings_are_read_and_lists_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        file.mktree("tree", {"__event__": "i4", "__eventType__": "string", "px": "var * float64"})
        rows = {"__eventType__": ["bhabha", "", "x"], "px": [[1.0, 2.0], [], [3.0]]}
        file["tree"].extend({"__event__": np.arange(3, dtype=np.int32)} | rows)
    (chunk,) = read_chunks(path, None, ["__eventType__"])
    assert chunk["__eventType__"].tolist() == ["bhabha", "", "x"]
    with pytest.raises(DarkreachError, match=r"'px' holds .* not one value per row"):
        list(read_chunks(path, None, ["px"]))


def test_a_tree_that_announces_a_wrong_number_of_rows_is_refused(
    tmp_path: Path, write: Callable[..., Path]
) -> None:
    rows = 12345
    columns = {"__event__": np.arange(rows, dtype=np.int32), "x": np.zeros(rows)}
    content = write(tmp_path / "a.root", {"tree": columns}, compression=uproot.ZLIB(0)).read_bytes()
    announced = rows.to_bytes(8, "big")
    place = content.index(announced)  # the first is the tree's, the others are its branches'
    path = tmp_path / "short.root"
    for change in (55, -55, -20000):
        path.write_bytes(
            content[:place] + (rows + change).to_bytes(8, "big", signed=True) + content[place + 8 :]
        )
        with pytest.raises(DarkreachError, match=f"{rows} of {rows + change} rows|announces -") as caught:
            list(read_chunks(path, None, ["x"]))
        assert str(path) in str(caught.value)


def test_fewer_rows_than_the_tree_has_are_refused(
    tmp_path: Path, kind: str, monkeypatch: Any, write: Callable[..., Path]
) -> None:
    path = write(tmp_path / "a.root", {"tree": numbered(0, 40)}, kind)
    with open_ntuple(path) as ntuple:
        whole = ntuple.tree.arrays

        def short(entry_stop: int, **others: Any) -> Any:
            return whole(entry_stop=entry_stop - 1, **others)

        monkeypatch.setattr(type(ntuple.tree), "arrays", lambda self, **options: short(**options))
        with pytest.raises(DarkreachError, match="branch 'x' gave 19 of 20 rows from row 0 on"):
            list(iterate(ntuple, ["x"], step=20))


def test_only_named_columns_of_a_wide_file_are_read(
    tmp_path: Path, kind: str, write: Callable[..., Path], event_columns: Callable[..., dict]
) -> None:
    wide = event_columns([1] * 50) | {f"v{i:03d}": np.full(50, float(i)) for i in range(700)}
    path = write(tmp_path / "wide.root", {"variables": wide}, kind)
    (chunk,) = read_chunks(path, None, ["v512", "v003"])
    assert list(chunk) == ["v512", "v003"]
    assert np.all(chunk["v512"] == 512) and np.all(chunk["v003"] == 3)
    with open_ntuple(path) as ntuple:
        assert require_columns(ntuple, ["v001"]) == {"v001": "v001"}
