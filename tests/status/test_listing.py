"""What status says of the user's own files, compared with what the catalogue then does."""

import os
import shutil
from pathlib import Path

import pytest

from darkreach.status.known import BlockName, catalogued_blocks
from darkreach.status.listing import list_files

FIRST, SECOND, THIRD = (BlockName("mumu_data", f"b{i:05d}") for i in (1, 2, 3))


def content(folder: Path) -> dict[Path, tuple[bytes, int]]:
    """Every file below a folder, and when it was written."""
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*.*")}


@pytest.fixture
def two(write_file, catalogue):
    """Two catalogued blocks of one file each."""
    files = [write_file("a.root", [1, 2]), write_file("b.root", [11, 12])]
    catalogue()
    return files


def test_before_anything_ran_all_files_are_new(config, write_file, tmp_path):
    a, b = write_file("a.root", [1, 2]), write_file("b.root", [11, 12])
    found = list_files(config)
    assert found.new == {FIRST: [a], SECOND: [b]} and found.remade == {FIRST, SECOND}
    assert found.luminosity_fb == {FIRST: 1.0, SECOND: 1.5}
    assert not (found.refusals or found.broken or found.changed)
    assert not (tmp_path / "results").exists()


def test_nothing_new_is_nothing(config, two, tmp_path):
    before = content(tmp_path)
    found = list_files(config)
    assert not (found.new or found.remade or found.broken or found.refusals or found.dropped)
    assert content(tmp_path) == before


def test_touched_and_copied_files_are_the_same(config, two):
    os.utime(two[0])
    text = Path(two[1]).read_bytes()
    Path(two[1]).unlink()
    Path(two[1]).write_bytes(text)
    assert not list_files(config).remade


def test_new_files_make_a_block_or_join_one(config, two, write_file, tmp_path):
    joins, new = write_file("c.root", [3]), write_file("d.root", [21])
    before = content(tmp_path)
    found = list_files(config)
    assert found.new == {FIRST: [joins], THIRD: [new]} and found.remade == {FIRST, THIRD}
    assert found.luminosity_fb == {THIRD: 1.0}
    assert content(tmp_path) == before


def test_a_file_with_other_events_makes_its_block_again(config, two, write_file):
    write_file("b.root", [11, 13], events=7)
    found = list_files(config)
    assert found.changed == {SECOND: [two[1]]} and found.remade == {SECOND} and not found.new


def test_gone_and_damaged_files_are_named_with_their_blocks(config, two, write_file):
    Path(two[0]).unlink()
    Path(two[1]).write_bytes(Path(two[1]).read_bytes()[:-50])
    new = write_file("c.root", [21])
    found = list_files(config)
    assert found.broken[FIRST] == {two[0]: "it is gone"}
    assert list(found.broken[SECOND]) == [two[1]] and "truncated" in found.broken[SECOND][two[1]]
    # the run would stop; what is new is said nevertheless
    (refusal,) = found.refusals
    assert "2 catalogued files, 2.5 fb⁻¹" in refusal
    assert found.new == {THIRD: [new]} and found.remade == {THIRD}


def test_within_tolerance_a_broken_file_makes_its_block_again(configured, two):
    Path(two[0]).unlink()
    found = list_files(configured({"tolerance": 0.6}))
    assert found.broken == {FIRST: {two[0]: "it is gone"}} and found.remade == {FIRST}
    assert not found.refusals


def test_a_known_loss_is_not_news_and_a_restored_file_is_a_change(configured, two, catalogue, tmp_path):
    tolerant = configured({"tolerance": 0.6})
    shutil.move(two[0], tmp_path / "away.root")
    catalogue(tolerant)
    assert catalogued_blocks(tolerant)[FIRST].unreadable == {two[0]: "it is gone"}
    assert not list_files(tolerant).remade
    shutil.move(tmp_path / "away.root", two[0])
    found = list_files(tolerant)
    assert found.changed == {FIRST: [two[0]]} and found.remade == {FIRST}


def test_a_damaged_new_file_and_a_copy_are_refused(config, two, tmp_path):
    bad = tmp_path / "mine/bad.root"
    bad.write_bytes(Path(two[0]).read_bytes()[:300])
    found = list_files(config)
    assert "mine/bad.root: " in found.refusals[0]
    assert found.uncatalogued["mumu_data"].files == [str(bad)]
    bad.unlink()
    shutil.copy(two[0], tmp_path / "mine/twin.root")
    assert "are the same file" in list_files(config).refusals[0]


def test_an_empty_folder_is_a_refusal_and_no_failure(config, tmp_path):
    (tmp_path / "mine").mkdir()
    assert "no file matches" in list_files(config).refusals[0]


def test_many_bytes_are_not_looked_into(config, two, write_file):
    more = [write_file(f"c{i}.root", [21 + i]) for i in range(3)]
    found = list_files(config, look_bytes=10)
    # one file a block until now
    assert found.uncatalogued["mumu_data"].files == more and found.uncatalogued["mumu_data"].blocks == 3
    assert not found.new and not found.remade
    Path(two[0]).unlink()
    os.utime(two[1])
    found = list_files(config, look_bytes=10)
    assert found.broken == {FIRST: {two[0]: "it is gone"}} and found.changed == {SECOND: [two[1]]}


def test_files_of_named_blocks_stay_with_them(configured, write_file, catalogue):
    a, b = write_file("a.root", [1]), write_file("b.root", [11])
    blocks = {"jan": {"files": [a], "luminosity_fb": 0.7}, "feb": {"files": [b], "luminosity_fb": 0.4}}
    named = {"files": [], "luminosity": None, "block_luminosity_fb": 1.0, "blocks": blocks}
    config = configured({"samples": {"mumu_data": named}})
    january, february = BlockName("mumu_data", "jan"), BlockName("mumu_data", "feb")
    for look_bytes in (10, 10**9):
        found = list_files(config, look_bytes)
        assert found.new == {january: [a], february: [b]} and found.remade == {january, february}
    catalogue(config)
    del config.samples["mumu_data"].blocks["feb"]
    assert list_files(config).dropped == {february}
