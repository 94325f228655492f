"""What the catalogue refuses: anything that would count twice, or without luminosity."""

import os
import shutil

import pytest

from darkreach.catalogue import duplicates


def test_the_same_file_twice(catalogue, tmp_path) -> None:
    catalogue.data()
    path = catalogue.write("data/a.root", {(7, 1): range(10)})
    catalogue.update()
    shutil.copy(path, tmp_path / "data/copy.root")
    message = catalogue.refusal()
    assert f"{path} and {tmp_path}/data/copy.root of sample 'data' are the same file" in message
    os.unlink(tmp_path / "data/copy.root")
    catalogue.samples["data"]["files"].append(str(path))
    assert f"samples.data.files: {path} is there twice" in catalogue.refusal()
    catalogue.data()
    catalogue.simulation(files=[str(path)])
    assert "of 'data' and 'mc' are the same file" in catalogue.refusal()
    # another search may use it for something else
    catalogue.simulation(files=[str(path)], searches=["other"])
    catalogue.update()


def test_grid_jobs_that_were_sent_again(catalogue) -> None:
    catalogue.data()
    catalogue.simulation()
    catalogue.write("data/a.root", {(7, 1): range(0, 200, 2)})
    catalogue.write("data/b.root", {(7, 1): range(1, 200, 2)})  # the same run, interleaved
    catalogue.write("mc/a.root", {(1003, 0): range(100)}, value=1.0)
    catalogue.update()
    again = catalogue.write("data/a2.root", {(7, 1): range(100, 120), (7, 2): range(5)})
    message = catalogue.refusal()
    assert "data/a.root and" in message and "data/a2.root have the same events" in message
    assert "10 in run 1 of experiment 7 (the first is event 100)" in message
    assert "data/a2.root" in catalogue.refusal()  # also when it has been looked into before
    again.unlink()
    again = catalogue.write("mc/a2.root", {(1003, 0): range(100)}, value=1.0)
    message = catalogue.refusal()
    assert "mc/a.root and" in message and "mc/a2.root have the same events" in message
    again.unlink()
    catalogue.write("mc/b.root", {(1003, 0): range(100)}, value=2.0)
    catalogue.update()
    # a file whose content becomes that of another
    catalogue.write("mc/b.root", {(1003, 0): range(100)}, value=1.0)
    assert "mc/b.root have the same events" in catalogue.refusal()
    assert "mc/b.root have the same events" in catalogue.refusal()


def test_event_numbers_are_read_only_where_ranges_overlap(catalogue, monkeypatch) -> None:
    catalogue.data()
    catalogue.write("data/a.root", {(7, 1): range(100), (7, 2): range(50)})
    catalogue.write("data/b.root", {(7, 1): range(100, 200), (7, 3): range(50)})
    monkeypatch.setattr(duplicates, "_compare_events", lambda *_: pytest.fail("no ranges overlap"))
    catalogue.update()
    compared = []
    monkeypatch.setattr(duplicates, "_compare_events", lambda _, group, runs: compared.append((group, runs)))
    catalogue.write("data/c.root", {(7, 1): range(50, 250, 201), (7, 2): [49, 60], (7, 3): [60]})
    catalogue.update()
    assert [([path[-6:] for path in group], runs) for group, runs in compared] == [
        (["a.root", "c.root"], [(7, 1), (7, 2)])
    ]
    compared.clear()
    catalogue.write("data/d.root", {(7, 4): range(50)})
    catalogue.update()
    assert compared == []  # what was compared once is not compared again


def test_a_file_without_a_good_run(catalogue) -> None:
    catalogue.data(good_runs=[[7, 1, 1]])
    catalogue.write("data/a.root", {(7, 1): range(10)})
    catalogue.update()
    bad = catalogue.write("data/b.root", {(7, 2): range(10)})
    message = catalogue.refusal()
    assert f"{bad}: has no good run, only run 2 of experiment 7" in message and "good_runs" in message
    bad.unlink()
    bad = catalogue.write("data/c.root", {})
    assert f"{bad}: has no entries and so no good run" in catalogue.refusal()
    other = catalogue.write("data/d.root", {(7, 3): range(10)})
    assert f"{bad}: has no entries" in (message := catalogue.refusal()) and f"(likewise {other})" in message


def test_a_run_without_luminosity(catalogue) -> None:
    catalogue.data(luminosity=[[7, 1, 1, 0.5], [7, 3, 3, 0.0]])
    catalogue.write("data/a.root", {(7, 1): range(10)})
    path = catalogue.write("data/b.root", {(7, 1): range(20, 30), (7, 2): range(10)})
    message = catalogue.refusal()
    assert f"{path}: run 2 of experiment 7 has no luminosity; add it to samples.data.luminosity" in message
    path = catalogue.write("data/b.root", {(7, 3): range(10)})
    assert f"{path}: run 3 of experiment 7 has no luminosity" in catalogue.refusal()


def test_good_runs_filter_runs_and_luminosity(catalogue) -> None:
    catalogue.data(
        good_runs=[[7, 1, 2], [7, 5, 9]], luminosity=[[7, 1, 2, 0.5], [7, 3, 4, 0.4], [7, 6, 7, 0.3]]
    )
    catalogue.write("data/a.root", {(7, run): range(10) for run in (1, 2, 3)})
    catalogue.write("data/b.root", {(7, run): range(10) for run in (4, 7, 20)})
    catalogue.update()
    (block,) = catalogue.manifests().values()
    assert block.runs == [(7, 1), (7, 2), (7, 7)] and block.dropped_runs == [(7, 3), (7, 4), (7, 20)]
    assert block.luminosity_fb == 0.8 and len(block.stretches) == 2 and block.entries == 60
    catalogue.samples["data"]["good_runs"] = [[7, 2, 2], [7, 5, 9]]
    message = catalogue.refusal()
    assert "runs 1 to 2 of experiment 7 have one luminosity (0.5 fb⁻¹) together" in message
    assert "divide the row" in message


def test_a_run_in_two_samples_or_blocks(catalogue, tmp_path) -> None:
    catalogue.data("old")
    catalogue.data("new", searches=["search", "other"])
    catalogue.write("old/a.root", {(7, 1): range(10), (7, 2): range(10)})
    catalogue.write("new/a.root", {(7, 2): range(100, 110), (7, 3): range(10)})
    assert "samples 'new' and 'old' of data both have run 2 of experiment 7" in catalogue.refusal()
    catalogue.data("new", searches=["other"])
    catalogue.update()
    # different runs, whose luminosity is known only together
    catalogue.data("new", files=[str(catalogue.write("new/b.root", {(7, 3): range(10)}))])
    shutil.rmtree(catalogue.output)
    catalogue.update()
    catalogue.data("old", luminosity=[[7, 1, 1, 0.5], [7, 2, 3, 1.0]])
    assert "both have runs 2 to 3" in catalogue.refusal()
    del catalogue.samples["new"], catalogue.samples["old"]
    blocks = {
        "a": {"files": [str(tmp_path / "old")], "luminosity_fb": 1.0},
        "b": {"files": [str(tmp_path / "new/a.root")], "luminosity_fb": 1.0},
    }
    catalogue.data("both", files=[], luminosity=None, blocks=blocks)
    message = catalogue.refusal()
    assert "blocks 'both/b' and 'both/a' both have run 2 of experiment 7" in message
    assert "old/a.root" in message and "new/a.root" in message


def test_new_files_that_cannot_be_opened(catalogue, tmp_path) -> None:
    catalogue.data()
    path = catalogue.write("data/a.root", {(7, 1): range(10)})
    catalogue.update()
    catalogue.tolerance = 0.9  # of no effect on new files
    (tmp_path / "data/b.root").write_bytes(path.read_bytes()[:-50])
    assert "samples.data: " in (message := catalogue.refusal())
    assert "data/b.root: truncated" in message
    (tmp_path / "data/c.root").write_bytes(b"")
    assert "(nor can" in (message := catalogue.refusal()) and "data/c.root)" in message
    catalogue.data(files=[str(tmp_path / "nothing/*.root"), str(path)])
    assert f"samples.data.files: no file matches '{tmp_path}/nothing/*.root'" in catalogue.refusal()
    catalogue.data(files=[], blocks={"a": {"files": ["absent.root"]}})
    assert "samples.data.blocks.a.files: no file matches 'absent.root'" in catalogue.refusal()


def test_files_of_a_block_have_the_same_tree(catalogue, tmp_path, ntuple) -> None:
    (tmp_path / "data").mkdir()
    ntuple("data/a.root", [(7, 1)])
    ntuple("data/b.root", [(7, 2)], tree="tree")
    catalogue.data()
    message = catalogue.refusal()
    assert "a.root has tree 'variables'" in message or "b.root has tree 'tree'" in message
    assert "'tree' of sample 'data'" in message
    catalogue.data(tree="variables")
    assert "b.root: no tree 'variables'" in catalogue.refusal()
