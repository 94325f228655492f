"""Catalogued files that vanish or are damaged, and come back."""

import os
import shutil
from pathlib import Path

import pytest


@pytest.fixture
def three(catalogue):
    """Three files in one block: run 1 in two halves, and run 2."""
    catalogue.data()
    catalogue.write("data/a.root", {(7, 1): range(10)})
    catalogue.write("data/b.root", {(7, 1): range(10, 40)})
    catalogue.write("data/c.root", {(7, 2): range(10)})
    catalogue.update()
    return catalogue


def corrupted(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def test_without_tolerance_nothing_is_touched(three, tmp_path) -> None:
    before = three.content()
    safe = shutil.copytree(tmp_path / "data", tmp_path / "safe")
    (tmp_path / "data/a.root").unlink()
    corrupted(tmp_path / "data/c.root")
    three.write("data/new.root", {(7, 9): range(4)})
    message = three.refusal()
    # a quarter of run 1 and all of run 2
    assert "2 catalogued files, 0.625 fb⁻¹, cannot be read" in message
    assert f"{tmp_path}/data/a.root (it is gone)" in message
    assert f"{tmp_path}/data/c.root (truncated" in message
    assert "b.root" not in message and "'tolerance'" in message
    assert three.refusal() == message
    (tmp_path / "data/new.root").unlink()
    for name in ("a.root", "c.root"):
        shutil.copy(safe / name, tmp_path / "data")
    assert three.update() == [] and three.content() == before


def test_within_tolerance_files_are_marked(three, tmp_path) -> None:
    before = three.content()
    safe = shutil.copytree(tmp_path / "data", tmp_path / "safe")
    (tmp_path / "data/a.root").unlink()
    corrupted(tmp_path / "data/c.root")
    three.tolerance = 0.7
    assert three.update() == ["data.json", "data/b00001.json"]
    (block,) = three.manifests().values()
    marks = {Path(file.path).name: file.unreadable for file in block.files}
    assert marks["a.root"] == "it is gone" and marks["b.root"] is None
    assert marks["c.root"].startswith("truncated")
    # what was catalogued stays: the account takes the missing part off
    assert (block.entries, block.luminosity_fb) == (50, 1.0)
    assert f'"{tmp_path}/data/a.root"' in (three.output / "data.json").read_text()
    assert three.update() == []
    three.tolerance = 0.0
    assert "2 catalogued files" in three.refusal()
    for name in ("a.root", "c.root"):
        shutil.copy(safe / name, tmp_path / "data")
    assert three.update() == ["data.json", "data/b00001.json"]
    assert {name: content for name, (content, _) in three.content().items()} == {
        name: content for name, (content, _) in before.items()
    }


def test_a_file_that_comes_back_beside_its_replacement(three, tmp_path) -> None:
    three.tolerance = 0.7
    (tmp_path / "data/a.root").rename(tmp_path / "safe")
    three.update()
    three.write("data/again.root", {(7, 1): range(10)})
    three.update()
    (tmp_path / "safe").rename(tmp_path / "data/a.root")
    assert "data/again.root have the same events" in three.refusal()


def test_a_replacement_under_the_same_name(three, tmp_path) -> None:
    corrupted(tmp_path / "data/a.root")
    assert "under the same names" in three.refusal()
    three.write("data/a.root", {(7, 1): range(10)})
    assert three.update() == ["data/b00001.json"]  # as many entries, another file
    assert three.update() == []


def test_a_folder_that_vanishes(three, tmp_path) -> None:
    before = three.content()
    (tmp_path / "data").rename(tmp_path / "away")
    message = three.refusal()
    assert "3 catalogued files, 1 fb⁻¹" in message and "no file matches" not in message
    (tmp_path / "away").rename(tmp_path / "data")
    assert three.update() == [] and three.content() == before


def test_lost_simulation(catalogue, tmp_path) -> None:
    catalogue.simulation()
    for n in range(4):
        catalogue.write(f"mc/{n}.root", {(0, 0): range(n + 5)}, value=n)
    catalogue.update()
    os.unlink(tmp_path / "mc/2.root")
    message = catalogue.refusal()
    assert "samples.mc: 1 catalogued file, cannot be read" in message and "fb⁻¹" not in message
    catalogue.tolerance = 0.5
    assert catalogue.update() == ["mc.json", "mc/b00002.json"]


def test_files_taken_out_of_the_configuration(catalogue, tmp_path) -> None:
    catalogue.simulation(files=[str(tmp_path / f"mc/{n}.root") for n in range(4)])
    for n in range(4):
        catalogue.write(f"mc/{n}.root", {(0, 0): range(n + 5)}, value=n)
    catalogue.update()
    catalogue.samples["mc"]["files"].pop(1)
    assert catalogue.update() == ["mc.json", "mc/b00001.json"]
    assert catalogue.manifests("mc")["b00001"].components[0].generated_events == 1000


def test_luminosity_does_not_stay_when_data_are_taken_out(catalogue, tmp_path) -> None:
    for name, run in (("a", 1), ("b", 1), ("c", 2)):
        first = 100 if name == "b" else 0
        catalogue.write(f"{name}/1.root", {(7, run): range(first, first + 10)})
    folders = {name: str(tmp_path / name) for name in "abc"}
    catalogue.data(files=list(folders.values()))
    catalogue.update()
    # run 2 goes with its luminosity
    catalogue.data(files=[folders["a"], folders["b"]])
    catalogue.update()
    assert catalogue.manifests()["b00001"].luminosity_fb == 0.5
    # a half of run 1 cannot
    catalogue.data(files=[folders["a"]])
    assert "1 catalogued file, 0.25 fb⁻¹, cannot be read" in catalogue.refusal()
    # new files of the whole run, processed again, take the place of the old ones
    catalogue.write("again/1.root", {(7, 1): [*range(10), *range(100, 110)]})
    catalogue.data(files=[str(tmp_path / "again")])
    catalogue.update()
    assert list(catalogue.files().values()) == [["1.root"]]
    assert [block.luminosity_fb for block in catalogue.manifests().values()] == [0.5]
