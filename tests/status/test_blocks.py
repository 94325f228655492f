"""The state of blocks, and the luminosity behind it."""

from fractions import Fraction

import pytest

from darkreach.catalogue.account import FileRead
from darkreach.catalogue.manifest import FileEntry, Manifest, Stretch
from darkreach.status.blocks import all_blocks
from darkreach.status.jobs import Job, State
from darkreach.status.known import BlockName, Catalogued, Listing, Uncatalogued, manifest_path
from darkreach.status.luminosity import Luminosity, luminosities

SEARCH = "mumu_resonance"
SIX = [BlockName("mumu_data", f"b{i:05d}") for i in range(1, 7)]
FIRST = SIX[0]


@pytest.fixture
def catalogued():
    """Six blocks of data of 1, 2, ... fb⁻¹, and the simulated ones."""
    simulated = {
        "recoil_data": "b01",
        "fourmuon": "b01",
        "mumu": "b01",
        "zprime": "all",
        "recoil_zprime": "all",
    }
    found = {name: Catalogued(float(i)) for i, name in enumerate(SIX, 1)}
    return found | {BlockName(*item): Catalogued(None) for item in simulated.items()}


@pytest.fixture
def manifest(config):
    """The first block of data: 1 fb⁻¹ in two files, of 30 and 10 of its 40 entries."""
    files = [
        FileEntry(path=f"mine/{name}.root", size_bytes=9, uuid=name, entries=n, runs=[(26, 1, n)])
        for name, n in (("a", 30), ("b", 10))
    ]
    values = {"sample": FIRST.sample, "block": FIRST.block, "kind": "data", "simulated": False, "model": None}
    values |= {"tree": "variables", "files": files, "entries": 40, "experiments": [26], "runs": [(26, 1)]}
    stretch = Stretch(experiment=26, first_run=1, last_run=10, luminosity_fb=1.0)
    manifest = Manifest(**values, luminosity_fb=1.0, stretches=[stretch], components=[])
    manifest.write(manifest_path(config, FIRST))
    return manifest


def reading(unread: str | None = None) -> list[FileRead]:
    """What a skim of the first block read, but for the file b if there is a reason."""
    a = FileRead(path="mine/a.root", uuid="a", entries=30, runs=[(26, 1, 30)])
    if unread:
        return [a, FileRead(path="mine/b.root", uuid="b", entries=0, unread=unread)]
    return [a, FileRead(path="mine/b.root", uuid="b", entries=10, runs=[(26, 1, 10)])]


def test_after_a_run_all_is_done(config, recorded, catalogued):
    blocks = all_blocks(config, recorded("finished"), catalogued, Listing(), {})
    assert len(blocks) == 11 and {block.state for block in blocks.values()} == {"done"}


def test_a_changed_selection_makes_its_blocks_stale(configured, recorded, catalogued):
    config = configured({"searches": {"dimuon_recoil": {"selection": {"maximum_extra_energy_GeV": 0.35}}}})
    blocks = all_blocks(config, recorded("changed"), catalogued, Listing(), {})
    stale = {str(name) for name, block in blocks.items() if block.state == "stale"}
    assert stale == {"recoil_data/b01", "mumu/b01", "recoil_zprime/all"}
    (reason,) = blocks[BlockName("mumu", "b01")].why
    assert reason.endswith("maximum_extra_energy_GeV 0.4 → 0.35")
    assert all(block.state == "done" for name, block in blocks.items() if str(name) not in stale)


def test_a_catalogued_block_is_new_until_it_has_histograms(config, recorded, catalogued):
    plan = recorded("finished")
    later = BlockName("mumu_data", "b00007")
    blocks = all_blocks(config, plan, catalogued | {later: Catalogued(1.0)}, Listing(), {})
    assert (blocks[later].state, blocks[later].why) == ("new", ["catalogued, not processed"])
    plan[Job("histogram", SEARCH, *FIRST)] = State(True, "missing")
    block = all_blocks(config, plan, catalogued, Listing(), {})[FIRST]
    assert (block.state, block.why) == ("new", ["not processed beyond skim"])


def test_a_trained_classifier_and_a_removed_skim_make_blocks_stale(config, recorded, catalogued):
    plan = recorded("finished")
    plan[Job("histogram", SEARCH, *FIRST)] = State(True, "ok")
    assert all_blocks(config, plan, catalogued, Listing(), {})[FIRST].why == [
        "the classifier is trained again"
    ]
    plan[Job("skim", SEARCH, *FIRST)] = State(True, "missing")
    block = all_blocks(config, plan, catalogued, Listing(), {})[FIRST]
    assert (block.state, block.why) == ("stale", ["the result of skim is gone"])


def test_of_several_searches_the_concerned_ones_are_named(config, recorded, catalogued):
    shared = config.samples["mumu_data"].model_copy(update={"searches": []})
    config.samples["mumu_data"] = shared
    plan = recorded("finished")
    block = all_blocks(config, plan, catalogued, Listing(), {})[FIRST]
    assert (block.state, block.why) == ("new", ["dimuon_recoil: catalogued, not processed"])


def test_files_decide_before_results(config, recorded, catalogued):
    listing = Listing(
        new={SIX[1]: ["mine/n.root"], BlockName("mumu_data", "b00009"): ["mine/m.root"]},
        changed={SIX[2]: ["mine/c.root"]},
        broken={SIX[3]: {"mine/g.root": "it is gone"}},
        luminosity_fb={BlockName("mumu_data", "b00009"): 0.75},
        uncatalogued={"mumu_data": Uncatalogued(["mine/u.root"] * 2, 4)},
        dropped={SIX[4]},
    )
    known = catalogued | {SIX[5]: Catalogued(6.0, {"mine/x.root": "truncated"})}
    blocks = all_blocks(config, recorded("finished"), known, listing, {})
    found = {
        name.block: (block.state, block.why[0]) for name, block in blocks.items() if block.state != "done"
    }
    assert found == {
        "b00002": ("stale", "1 file on disk, not catalogued"),
        "b00003": ("stale", "1 file changed on disk"),
        "b00004": ("broken", "mine/g.root: it is gone"),
        "b00005": ("stale", "taken out of the configuration"),
        "b00006": ("broken", "mine/x.root: truncated"),
        "b00009": ("new", "1 file of 0.75 fb⁻¹ on disk, not catalogued"),
        "?": ("new", "2 files on disk, not catalogued, about 4 blocks"),
    }
    assert blocks[SIX[3]].files == ["mine/g.root"] and blocks[BlockName("mumu_data", "?")].number == 4


def test_an_unread_file_makes_a_block_incomplete(config, recorded, catalogued, manifest):
    plan = recorded("finished")
    plan[Job("skim", SEARCH, *FIRST)] = State(True, "params changed")  # the next try
    read = {(SEARCH, FIRST): reading("mine/b.root: timeout")}
    block = all_blocks(config, plan, catalogued, Listing(), read)[FIRST]
    assert block.state == "incomplete" and block.files == ["mine/b.root"]
    assert block.why == [f"mine/b.root: not read by {SEARCH}, timeout"]


def test_luminosity_of_a_finished_run(config, recorded, catalogued):
    read = {(SEARCH, name): reading() for name in SIX}
    used = {SEARCH: {name: float(i) for i, name in enumerate(SIX, 1)}}
    found = luminosities(config, recorded("finished"), catalogued, read, used)
    assert found["mumu_data", SEARCH] == Luminosity(21.0, 21.0, 21.0)
    assert set(found) == {("mumu_data", SEARCH), ("recoil_data", "dimuon_recoil")}


def test_an_unread_file_is_not_processed(config, recorded, catalogued, manifest):
    read = {(SEARCH, name): reading() for name in SIX} | {(SEARCH, FIRST): reading("timeout")}
    found = luminosities(config, recorded("finished"), catalogued, read, {})
    # a quarter of the entries of a block of 1 fb⁻¹
    assert found["mumu_data", SEARCH] == Luminosity(21.0, float(Fraction(83, 4)), 0.0)


def test_what_is_made_again_is_not_processed_but_used(config, recorded, catalogued):
    plan = recorded("finished")
    plan[Job("histogram", SEARCH, *SIX[5])] = State(True, "params changed")
    used = {SEARCH: dict.fromkeys(SIX, 1.0)}
    read = {(SEARCH, name): reading() for name in SIX}
    assert luminosities(config, plan, catalogued, read, used)["mumu_data", SEARCH] == Luminosity(21, 15, 6)


def test_without_the_record_of_a_skim_the_templates_say_what_was_read(config, recorded, catalogued):
    used = {SEARCH: {SIX[0]: 0.25}}
    found = luminosities(config, recorded("finished"), catalogued, {}, used)
    assert found["mumu_data", SEARCH].processed_fb == 0.25
