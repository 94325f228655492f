"""`darkreach inspect`, on real ntuples of basf2 where they are, and on files made here."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from darkreach.cli import main

REAL_FILES = Path(__file__).parents[3] / "shared" / "ntuples"
needs_real_files = pytest.mark.skipif(
    not REAL_FILES.is_dir(), reason="the real basf2 ntuples are not beside the repository (../shared/ntuples)"
)


def inspected(capsys: pytest.CaptureFixture, path: Path, *options: str) -> dict[str, Any]:
    assert main(["inspect", str(path), "--json", *options]) == 0
    return json.loads(capsys.readouterr().out)


def refused(capsys: pytest.CaptureFixture, path: Path, *options: str) -> str:
    assert main(["inspect", str(path), *options]) == 2
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.count("\n") == 1 and str(path) in output.err
    return output.err


@needs_real_files
@pytest.mark.parametrize(
    ("name", "tree", "entries", "branches", "level"),
    [
        ("vtn_B0_Kst0Jpsi_mumu", "tree", 30771, 23, "candidate"),
        ("vtn_Bd2JpsiKS", "tree", 695, 17, "candidate"),
        ("vtn_upsilon4S", "variables", 833, 13, "candidate"),
        ("vtn_event_level_mcgentopo", "MCGenTopo", 1000, 405, "event"),
        ("vtn_continuum_suppression", "tree", 5209, 13, "candidate"),
    ],
)
def test_real_ntuples(
    capsys: pytest.CaptureFixture, name: str, tree: str, entries: int, branches: int, level: str
) -> None:
    path = REAL_FILES / f"{name}.root"
    report = inspected(capsys, path)
    assert [report[key] for key in ("tree", "format", "entries", "branches", "level")] == [
        tree,
        "TTree",
        entries,
        branches,
        level,
    ]
    assert report["compression"] == "ZLIB(1)" and report["root_version"].startswith("6.")
    assert report["number_of_runs"] == 1
    # An independent count: every event has one first candidate. Distinct event numbers would be too few,
    # vtn_upsilon4S is merged from productions that share them.
    with uproot.open(path) as file:
        columns = file[tree].arrays(library="np")
    candidate = columns.get("__candidate__", np.zeros(entries))
    assert report["events"] == np.count_nonzero(candidate == 0)
    assert report["candidates_per_event"]["maximum"] == candidate.max() + 1
    assert report["candidates_per_event"]["mean"] == pytest.approx(entries / report["events"])
    nan = {name: np.isnan(values).sum() for name, values in columns.items()}
    assert report["all_nan"] == [name for name, rows in nan.items() if rows == entries]
    assert report["some_nan"] == {name: rows for name, rows in nan.items() if 0 < rows < entries}
    assert main(["inspect", str(path)]) == 0
    assert f"{entries} entries" in capsys.readouterr().out


@needs_real_files
def test_real_ntuple_with_nan(capsys: pytest.CaptureFixture) -> None:
    report = inspected(capsys, REAL_FILES / "vtn_B0_Kst0Jpsi_mumu.root")
    assert report["candidates_per_event"]["maximum"] == 66 and report["events"] == 6425
    assert report["incomplete_events"] == 0
    assert report["experiments"] == [1003] and report["first_run"] == [1003, 0]
    assert report["all_nan"] == [f"{k}ID" for k in ("kaon", "pion", "proton", "muon", "electron", "deuteron")]
    assert "Mbc" in report["some_nan"]


def test_everything_that_it_says(
    capsys: pytest.CaptureFixture,
    tmp_path: Path,
    kind: str,
    write: Callable[..., Path],
    event_columns: Callable[..., dict],
) -> None:
    columns = event_columns([1, 3, 2], experiment=12, run=40) | {
        "__production__": np.full(6, 3, dtype=np.int32),
        "useCMSFrame__bop__bc": np.array([1, np.nan, 2, np.nan, 3, 4]),
        "muonID": np.full(6, np.nan),
        "mass": np.arange(6.0, dtype=np.float32),
    }
    path = write(tmp_path / "a.root", {"variables": columns, "other": {"x": np.zeros(2)}}, kind)
    report = inspected(capsys, path)
    with uproot.open(path) as file:
        assert report["uuid"] == str(file.file.uuid)
    assert report["file"] == str(path) and report["size_bytes"] == path.stat().st_size
    assert (report["tree"], report["format"], report["other_trees"]) == ("variables", kind, ["other"])
    assert (report["entries"], report["branches"], report["level"]) == (6, 10, "candidate")
    assert report["candidates_per_event"] == {
        "mean": 2.0,
        "median": 2,
        "percentile_90": 3,
        "maximum": 3,
        "events_with_one": 1,
    }
    assert (report["experiments"], report["number_of_runs"]) == ([12], 1)
    assert report["first_run"] == report["last_run"] == [12, 40]
    assert [name for name, there in report["key_columns"].items() if not there] == ["__eventType__"]
    assert report["escaped_names"] == {"useCMSFrame__bop__bc": "useCMSFrame(p)"}
    assert (report["all_nan"], report["some_nan"]) == (["muonID"], {"useCMSFrame__bop__bc": 2})
    assert report["types"] == {"int32_t": 6, "double": 3, "float": 1}
    assert report["columns"]["mass"] == "float"
    assert report["duplicate_branches"] == {}
    assert main(["inspect", str(path)]) == 0
    text = capsys.readouterr().out
    for said in ("useCMSFrame(p)", "other trees other", "muonID", "mean 2.00", "run 40", kind):
        assert said in text


def test_event_types_and_event_level(
    capsys: pytest.CaptureFixture,
    tmp_path: Path,
    write: Callable[..., Path],
    event_columns: Callable[..., dict],
) -> None:
    columns = {name: event_columns([1, 1])[name] for name in ("__experiment__", "__run__", "__event__")}
    path = write(tmp_path / "a.root", {"tree": columns | {"__eventType__": ["bhabha", ""]}})
    report = inspected(capsys, path)
    assert (report["level"], report["events"], report["incomplete_events"]) == ("event", 2, None)
    assert report["key_columns"]["__eventType__"] and not report["key_columns"]["__candidate__"]
    assert report["all_nan"] == [] and report["some_nan"] == {}
    assert main(["inspect", str(path)]) == 0
    assert "event-level" in capsys.readouterr().out


def test_an_event_based_tree_of_lists(capsys: pytest.CaptureFixture, tmp_path: Path) -> None:
    path = tmp_path / "a.root"
    with uproot.recreate(path) as file:
        file.mktree("tree", {"__event__": "i4", "px": "var * float64"})
        file["tree"].extend({"__event__": np.arange(3, dtype=np.int32), "px": [[1.0, np.nan], [], [3.0]]})
    report = inspected(capsys, path)
    assert (report["level"], report["events"]) == ("event", 3)
    assert report["columns"]["px"] == "double[]"


def test_empty_tree(
    capsys: pytest.CaptureFixture,
    tmp_path: Path,
    kind: str,
    write: Callable[..., Path],
    event_columns: Callable[..., dict],
) -> None:
    path = write(tmp_path / "a.root", {"variables": event_columns([0]) | {"p": np.zeros(0)}}, kind)
    report = inspected(capsys, path)
    assert (report["entries"], report["events"], report["level"]) == (0, 0, "candidate")
    assert report["candidates_per_event"]["mean"] is None and report["first_run"] is None
    assert report["all_nan"] == [] and report["some_nan"] == {}
    assert main(["inspect", str(path)]) == 0
    assert "the tree is empty" in capsys.readouterr().out


def test_a_named_tree_without_events(
    capsys: pytest.CaptureFixture, tmp_path: Path, write: Callable[..., Path]
) -> None:
    path = write(tmp_path / "a.root", {"plain": {"x": np.array([np.nan, 1.0])}})
    report = inspected(capsys, path, "--tree", "plain")
    assert report["level"] is None and report["events"] is None and report["candidates_per_event"] is None
    assert report["some_nan"] == {"x": 1}
    assert main(["inspect", str(path), "--tree", "plain"]) == 0
    assert "no __event__" in capsys.readouterr().out


def test_repeated_branches_are_shown(capsys: pytest.CaptureFixture, file_with_repeated_branch: Path) -> None:
    report = inspected(capsys, file_with_repeated_branch)
    assert report["duplicate_branches"] == {"aaa": 2}
    assert report["branches"] == 8 and len(report["columns"]) == 7
    assert main(["inspect", str(file_with_repeated_branch)]) == 0
    assert "aaa (2 times)" in capsys.readouterr().out


def test_a_wide_file_takes_seconds(
    capsys: pytest.CaptureFixture,
    tmp_path: Path,
    write: Callable[..., Path],
    event_columns: Callable[..., dict],
) -> None:
    wide = event_columns([1, 2] * 400) | {
        f"v{i:03d}": np.full(1200, np.nan if i < 100 else 1.0) for i in range(700)
    }
    path = write(tmp_path / "wide.root", {"variables": wide})
    start = time.process_time()
    report = inspected(capsys, path)
    assert time.process_time() - start < 5
    assert report["branches"] == 706 and len(report["all_nan"]) == 100
    assert main(["inspect", str(path)]) == 0
    assert "and 60 more" in capsys.readouterr().out


def test_bad_files_get_one_sentence(
    capsys: pytest.CaptureFixture,
    tmp_path: Path,
    datastore_file: Path,
    write: Callable[..., Path],
    event_columns: Callable[..., dict],
) -> None:
    assert "mDST" in refused(capsys, datastore_file)
    assert "No such file" in refused(capsys, tmp_path / "absent.root")
    assert "not a ROOT file" in refused(capsys, Path(__file__))
    whole = write(tmp_path / "a.root", {"tree": event_columns([1, 2])})
    assert "no tree 'ntuple'; the file has: tree" in refused(capsys, whole, "--tree", "ntuple")
    content = whole.read_bytes()
    whole.write_bytes(content[: len(content) // 2])
    assert "truncated" in refused(capsys, whole)
