"""The catalogue of the user's own files: what is written, and what is left alone."""

import json
import os
import shutil
from pathlib import Path

import pytest

from darkreach.catalogue import inspection, state
from darkreach.catalogue.manifest import Stretch
from darkreach.catalogue.state import State


def five_runs(catalogue) -> None:
    catalogue.data()
    for run in range(1, 6):
        catalogue.write(f"data/run{run}.root", {(7, run): range(10 * run)})


def opened(monkeypatch) -> list[str]:
    """Names of the files that are opened from now on."""
    names = []
    real = inspection.facts_of

    def facts_of(path, tree):
        names.append(Path(path).name)
        return real(path, tree)

    monkeypatch.setattr(inspection, "facts_of", facts_of)
    return names


def test_blocks_of_data_are_formed_by_luminosity(catalogue) -> None:
    five_runs(catalogue)
    written = catalogue.update()
    assert written == ["data.json", "data/b00001.json", "data/b00002.json", "data/b00003.json"]
    assert catalogue.files() == {
        "b00001": ["run1.root", "run2.root"],
        "b00002": ["run3.root", "run4.root"],
        "b00003": ["run5.root"],
    }
    first = catalogue.manifests()["b00001"]
    assert (first.name, first.kind, first.simulated) == ("data/b00001", "data", False)
    assert first.luminosity_fb == 1.0 and first.runs == [(7, 1), (7, 2)] and first.experiments == [7]
    assert first.stretches == [
        Stretch(experiment=7, first_run=run, last_run=run, luminosity_fb=0.5) for run in (1, 2)
    ]
    assert [file.runs for file in first.files] == [[(7, 1, 10)], [(7, 2, 20)]] and first.entries == 30
    assert first.files[0].checksum == inspection.content_checksum(first.files[0].path)
    assert json.loads((catalogue.output / "data.json").read_text()) == {
        "sample": "data",
        "kind": "data",
        "blocks": {
            "b00001": {"entries": 30, "luminosity_fb": 1.0, "files": 2, "unreadable": []},
            "b00002": {"entries": 70, "luminosity_fb": 1.0, "files": 2, "unreadable": []},
            "b00003": {"entries": 50, "luminosity_fb": 0.5, "files": 1, "unreadable": []},
        },
    }


def test_nothing_new_writes_and_opens_nothing(catalogue, monkeypatch) -> None:
    five_runs(catalogue)
    catalogue.update()
    before, names = catalogue.content(), opened(monkeypatch)
    monkeypatch.setattr(inspection, "content_checksum", lambda path: pytest.fail("was read"))
    assert catalogue.update(cores=7) == [] and catalogue.content() == before and names == []


def test_new_files_make_new_blocks_and_leave_the_old_alone(catalogue, monkeypatch) -> None:
    five_runs(catalogue)
    catalogue.update()
    before, names = catalogue.content(), opened(monkeypatch)
    for run in (8, 6, 9, 7):
        catalogue.write(f"data/sub/run{run}.root", {(7, run): range(5)})
    assert catalogue.update() == ["data.json", "data/b00004.json", "data/b00005.json"]
    assert catalogue.files()["b00004"] == ["run6.root", "run7.root"]
    after = catalogue.content()
    assert all(after[name] == before[name] for name in before if name != "data.json")
    assert sorted(names) == [f"run{run}.root" for run in (6, 7, 8, 9)]


def test_a_new_file_of_an_old_run_joins_its_block(catalogue) -> None:
    five_runs(catalogue)
    catalogue.update()
    luminosity = catalogue.manifests()["b00002"].luminosity_fb
    catalogue.write("data/late.root", {(7, 3): range(1000, 1005)})
    assert catalogue.update() == ["data.json", "data/b00002.json"]
    block = catalogue.manifests()["b00002"]
    assert catalogue.files()["b00002"] == ["late.root", "run3.root", "run4.root"]
    assert block.luminosity_fb == luminosity and block.entries == 75


def test_a_file_with_runs_of_two_blocks_puts_them_together(catalogue) -> None:
    five_runs(catalogue)
    catalogue.update()
    catalogue.write("data/late.root", {(7, 1): range(1000, 1005), (7, 4): range(1000, 1005)})
    catalogue.update()
    blocks = catalogue.manifests()
    assert catalogue.files()["b00001"] == ["late.root", "run1.root", "run2.root", "run4.root"]
    assert sum(block.luminosity_fb for block in blocks.values()) == 2.5
    catalogue.write("data/later.root", {(7, run): range(2000, 2005) for run in range(1, 6)})
    assert catalogue.update() == ["data.json", "data/b00001.json"]
    assert list(catalogue.manifests()) == ["b00001"]  # the others are gone
    assert catalogue.manifests()["b00001"].luminosity_fb == 2.5


def test_stretches_of_runs_stay_together(catalogue) -> None:
    five_runs(catalogue)
    catalogue.data(luminosity=[[7, 1, 1, 0.9], [7, 2, 4, 1.7], [7, 5, 9, 0.2], [7, 10, 20, 0.3]])
    catalogue.write("data/run20.root", {(7, 20): range(3)})
    catalogue.update()
    assert list(catalogue.files().values()) == [
        ["run1.root"],
        ["run2.root", "run3.root", "run4.root"],  # larger than a block should be, but one row
        ["run20.root", "run5.root"],
    ]
    assert [block.luminosity_fb for block in catalogue.manifests().values()] == [0.9, 1.7, 0.5]
    assert [(s.first_run, s.last_run) for s in catalogue.manifests()["b00003"].stretches] == [
        (5, 9),
        (10, 20),
    ]


def test_changing_one_file_changes_one_manifest(catalogue, monkeypatch) -> None:
    five_runs(catalogue)
    catalogue.update()
    names = opened(monkeypatch)
    catalogue.write("data/run4.root", {(7, 4): range(100)})
    assert catalogue.update() == ["data.json", "data/b00002.json"]
    assert names == ["run4.root"] and catalogue.manifests()["b00002"].entries == 130


def test_touched_and_equal_files_change_nothing(catalogue, monkeypatch, tmp_path) -> None:
    five_runs(catalogue)
    catalogue.update()
    before, names = catalogue.content(), opened(monkeypatch)
    os.utime(tmp_path / "data/run1.root")
    copy = shutil.copy(tmp_path / "data/run2.root", tmp_path / "copy")
    (tmp_path / "data/run2.root").unlink()
    os.replace(copy, tmp_path / "data/run2.root")
    assert catalogue.update() == [] and catalogue.content() == before and names == []


def test_a_moved_file_stays_in_its_block(catalogue, tmp_path) -> None:
    five_runs(catalogue)
    catalogue.update()
    (tmp_path / "data/run5.root").rename(tmp_path / "data/other.root")
    assert catalogue.update() == ["data/b00003.json"]
    assert catalogue.files()["b00003"] == ["other.root"]


def test_blocks_of_simulation_are_formed_by_files(catalogue) -> None:
    catalogue.simulation(decay=None, model=None)
    for n in range(5):  # every one with the same run and event numbers
        catalogue.write(f"mc/{n}.root", {(1003, 0): range(1, 101)}, value=n)
    catalogue.update()
    blocks = catalogue.manifests("mc")
    assert [len(block.files) for block in blocks.values()] == [2, 2, 1]
    assert [block.components[0].generated_events for block in blocks.values()] == [2000, 2000, 1000]
    component = blocks["b00001"].components[0]
    assert (component.process, component.cross_section_fb) == ("mc", 100.0)
    assert blocks["b00001"].luminosity_fb is None and blocks["b00001"].stretches == []
    catalogue.write("mc/5.root", {}, value=5)  # no candidate, but generated events
    assert catalogue.update() == ["mc.json", "mc/b00004.json"]
    assert catalogue.manifests("mc")["b00004"].components[0].generated_events == 1000


def test_explicit_blocks_are_as_the_configuration_says(catalogue, tmp_path) -> None:
    for name, run in (("a", 1), ("b", 2)):
        catalogue.write(f"{name}/1.root", {(7, run): range(10)})
    blocks = {
        name: {"files": [str(tmp_path / name / "*.root")], "luminosity_fb": 0.7, "closed": True}
        for name in "ab"
    }
    catalogue.data(files=[], luminosity=None, blocks=blocks)
    signal = {"files": [str(catalogue.write("s/1.root", {(0, 0): range(5)}))], "generated_events": 50}
    catalogue.samples["zprime"] = {
        "kind": "signal",
        "model": "zprime",
        "searches": ["search"],
        "blocks": {"m2": signal | {"mass_GeV": 2.0, "lifetime_m": 0.1}},
    }
    assert catalogue.update() == ["data.json", "data/a.json", "data/b.json", "zprime.json", "zprime/m2.json"]
    assert [block.luminosity_fb for block in catalogue.manifests().values()] == [0.7, 0.7]
    assert catalogue.manifests()["a"].stretches == []
    component = catalogue.manifests("zprime")["m2"].components[0]
    assert (component.mass_GeV, component.lifetime_m, component.generated_events) == (2.0, 0.1, 50)
    blocks["b"]["luminosity_fb"] = 0.8
    assert catalogue.update() == ["data.json", "data/b.json"]
    catalogue.write("a/2.root", {(7, 1): range(100, 110)})
    message = catalogue.refusal()
    assert "samples.data.blocks.a: is closed, but has the new files" in message and "a/2.root" in message
    blocks["a"]["closed"] = False
    assert catalogue.update() == ["data.json", "data/a.json"]
    blocks["a"]["files"] = [str(tmp_path / "a/1.root")]  # taken out by the user
    assert catalogue.update() == ["data.json", "data/a.json"]
    assert catalogue.files()["a"] == ["1.root"]


def test_explicit_blocks_can_have_their_luminosity_from_a_table(catalogue, tmp_path) -> None:
    for run in (1, 2, 3):
        catalogue.write(f"data/{run}.root", {(7, run): range(10)})
    blocks = {
        "a": {"files": [str(tmp_path / f"data/{run}.root") for run in (1, 2)]},
        "b": {"files": [str(tmp_path / "data/3.root")]},
    }
    catalogue.data(files=[], blocks=blocks)
    catalogue.update()
    assert [block.luminosity_fb for block in catalogue.manifests().values()] == [1.0, 0.5]
    catalogue.data(files=[], blocks=blocks, luminosity=[[7, 1, 2, 1.1], [7, 3, 3, 0.5]])
    assert catalogue.update() == ["data.json", "data/a.json"]
    assert catalogue.manifests()["a"].luminosity_fb == 1.1


def test_a_closed_sample_takes_no_new_files(catalogue) -> None:
    five_runs(catalogue)
    catalogue.samples["data"]["closed"] = True
    catalogue.update()
    catalogue.write("data/run1.root", {(7, 1): range(11)})
    assert catalogue.update() == ["data.json", "data/b00001.json"]  # changed, not new
    catalogue.write("data/run6.root", {(7, 6): range(10)})
    assert "samples.data: is closed, but has the new files" in catalogue.refusal()


def test_a_lost_memory_is_made_again(catalogue, monkeypatch) -> None:
    five_runs(catalogue)
    catalogue.update()
    catalogue.write("data/late.root", {(7, 9): range(10), (7, 1): range(100, 110)})
    catalogue.update()
    before, names = catalogue.content(), opened(monkeypatch)
    for content in (None, "{", '{"format": 0}'):
        memory = catalogue.output / "data.files.json"
        memory.unlink() if content is None else memory.write_text(content)
        assert catalogue.update() == [] and catalogue.content() == before
    assert len(names) == 3 * 6
    (catalogue.output / "data/b00001.json").write_text("{}")
    assert catalogue.update() == ["data/b00001.json"]
    assert catalogue.content()["data/b00001.json"][0] == before["data/b00001.json"][0]


def test_what_was_looked_into_is_remembered_after_an_interruption(catalogue, monkeypatch) -> None:
    five_runs(catalogue)
    real, names = inspection.facts_of, []

    def stops(path, tree):
        if len(names) == 3:
            raise KeyboardInterrupt
        names.append(Path(path).name)
        return real(path, tree)

    monkeypatch.setattr(inspection, "facts_of", stops)
    monkeypatch.setattr(state, "SAVE_SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        catalogue.update()
    assert catalogue.content() == {}
    monkeypatch.setattr(inspection, "facts_of", real)
    again = opened(monkeypatch)
    catalogue.update()
    assert names == ["run1.root", "run2.root", "run3.root"] and again == ["run4.root", "run5.root"]


def test_parallel_processes_find_the_same(catalogue, capsys) -> None:
    five_runs(catalogue)
    catalogue.update()
    before = {name: content for name, (content, _) in catalogue.content().items()}
    shutil.rmtree(catalogue.output)
    catalogue.update(cores=2)
    assert {name: content for name, (content, _) in catalogue.content().items()} == before
    assert "catalogued 5 of 5 files" in capsys.readouterr().err


def test_looking_at_a_sample_writes_nothing(catalogue, tmp_path) -> None:
    def look() -> State:
        return State.look("data", catalogue.spec.samples["data"], catalogue.output)

    five_runs(catalogue)
    paths = [str(tmp_path / f"data/run{run}.root") for run in range(7)]
    assert look().new == paths[1:6] and not catalogue.output.exists()
    catalogue.update()
    before = catalogue.content()
    os.utime(paths[1])
    os.unlink(paths[3])
    catalogue.write("data/run6.root", {(7, 6): range(10)})
    found = look()
    assert (found.new, found.changed, found.gone) == ([paths[6]], [paths[1]], [paths[3]])
    assert catalogue.content() == before
    catalogue.tolerance = 0.5
    catalogue.update()
    found = look()
    assert (found.new, found.changed, found.gone) == ([], [], [paths[3]])


def test_luminosity_of_runs_without_entries_is_noted(catalogue, capsys) -> None:
    five_runs(catalogue)
    (catalogue.folder / "data/run3.root").unlink()
    catalogue.update()
    note = capsys.readouterr().err
    assert "1 rows of samples.data.luminosity with 0.5 fb⁻¹ have no entry" in note
    assert "run 3 of experiment 7" in note
    assert sum(block.luminosity_fb for block in catalogue.manifests().values()) == 2.0
