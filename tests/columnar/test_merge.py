import json
import math

import hist
import numpy as np
import pytest
import uproot
from filled_blocks import CONTROLLED, SPEC, Filled, same_channel
from skims import background_block, data_block

from darkreach.catalogue.manifest import Stretch
from darkreach.cli import main
from darkreach.columnar.block_account import accounts_of
from darkreach.columnar.storage import read_metadata, read_sums, write_sums
from darkreach.columnar.sums import merge_node
from darkreach.columnar.templates import (
    SignalPoint,
    read_spectra,
    read_templates,
    read_triggers,
    write_templates,
)
from darkreach.config.stages import MergeBlocksSpec, as_json
from darkreach.errors import DarkreachError
from darkreach.searches.mumu_features import FEATURES


def bytes_of(folder, spec, filled, paths):
    """The templates and the account as files."""
    templates, account = filled.merged(spec, paths)
    write_templates(folder / "t.h5", templates)
    return (folder / "t.h5").read_bytes(), json.dumps(account)


def test_data_add_up_and_backgrounds_are_scaled_to_their_luminosity(filled):
    templates, account = filled.merged()
    assert templates.luminosity_fb == 15.0
    data = filled.values("data/b01") + filled.values("data/b02")
    np.testing.assert_array_equal(templates.channels["all"].data, data)
    for sample, blocks, scale in (
        # L σ / ΣN: both blocks of one sample count as one production
        ("fourmuon", ("b01", "b02"), 15 * 350 / 30_000),
        ("tautau", ("b01",), 15 * 9e5 / 1_000),
    ):
        values = sum(filled.values(f"{sample}/{block}") for block in blocks)
        np.testing.assert_allclose(templates.channels["all"].backgrounds[sample][0], values * scale)
        np.testing.assert_allclose(templates.channels["all"].backgrounds[sample][1], values * scale**2)
    assert account["luminosity_fb"] == {
        "blocks": {"data/b01": 10.0, "data/b02": 5.0},
        "catalogued_fb": 15.0,
        "total_fb": 15.0,
    }
    assert account["missing"] == [] and account["observed_candidates"] == data.sum()
    expected = sum(values.sum() for values, _ in templates.channels["all"].backgrounds.values())
    assert account["expected_candidates"] == pytest.approx(expected)
    cutflow = account["samples"]["fourmuon"]["cutflow"]
    assert cutflow[0] == {"cut": "all", "rows": 3000, "expected": pytest.approx(3000 * 15 * 350 / 30_000)}
    assert [block["candidates"] for block in account["blocks"] if block["sample"] == "data"] == [
        filled.values("data/b01").sum(),
        filled.values("data/b02").sum(),
    ]
    assert account["samples"]["data"]["inputs"] == [("data/b01", 1000, None), ("data/b02", 500, None)]


def rewritten(path, **columns):
    """Change columns of a skim."""
    with uproot.open(path) as file:
        values = file["skim"].arrays(library="np")
    values |= {name: column.astype(values[name].dtype) for name, column in columns.items()}
    with uproot.recreate(path) as file:
        file.mktree("skim", {name: array.dtype for name, array in values.items()})
        file["skim"].extend(values)


def test_any_grouping_and_any_tree_give_the_same_bytes(tmp_path, root):
    """Data in 12 files of one run each, background with weights over many orders: as 1, 4 and 6 blocks."""
    luminosities = [0.1 * (i + 1) / 3 for i in range(12)]
    results = set()
    for attempt, blocks in enumerate((1, 4, 6)):
        folder = tmp_path / str(attempt)
        rng = np.random.default_rng(5)
        mass, weight = rng.uniform(0.8, 4.0, 1200), rng.lognormal(0, 3, 1200).astype(np.float32)
        made = []
        for block in range(blocks):
            mine = [i for i in range(12) if i % blocks == block]
            rows = np.isin(np.arange(1200) % 12, mine)
            name, rng = f"b{block:02}", np.random.default_rng(6)
            stretches = [
                Stretch(experiment=26, first_run=i, last_run=i, luminosity_fb=luminosities[i]) for i in mine
            ]
            for make, sample in ((data_block, "data"), (background_block, "fourmuon")):
                path, manifest = make(folder, rng, n=int(rows.sum()), name=name)
                reduced = np.sqrt(mass[rows] ** 2 - 0.2113**2)
                # a row is the same whatever block it is in
                columns = {"weight": weight[rows], "mass": mass[rows], "reduced_mass": reduced}
                columns |= {FEATURES[0]: np.cos(1000 * mass[rows])} | dict.fromkeys(CONTROLLED, reduced)
                rewritten(path, **columns)
                if sample == "data":
                    manifest = manifest.model_copy(
                        update={
                            "stretches": stretches,
                            "luminosity_fb": math.fsum(s.luminosity_fb for s in stretches),
                            "runs": [(26, i) for i in mine],
                        }
                    )
                made.append((path, manifest))
        filled = Filled(folder, root, made)
        spec = SPEC.model_copy(update={"samples": {"data": None, "fourmuon": None}})
        paths = list(filled.paths.values())
        rng = np.random.default_rng(attempt)
        rng.shuffle(paths)
        if attempt == 2:  # through nodes of a tree
            nodes = []
            for sample in ("data", "fourmuon"):
                own = [path for path in paths if path.parent.name == sample]
                for number, some in enumerate((own[:3], own[3:4], own[4:])):
                    nodes.append(folder / f"{sample}-{number}.h5")
                    node = MergeBlocksSpec(search="mumu_resonance", sample=sample)
                    assert merge_node(node, some, nodes[-1]) == len(some)
            paths = nodes
        templates, account = bytes_of(folder, spec, filled, paths)
        results.add(templates)
        account = json.loads(account)
        assert account["luminosity_fb"]["total_fb"] == math.fsum(luminosities)
        assert account["luminosity_fb"]["catalogued_fb"] == math.fsum(luminosities)
    assert len(results) == 1


def test_a_node_is_the_same_in_any_order(filled, tmp_path):
    spec = MergeBlocksSpec(search="mumu_resonance", sample="zprime")
    files = [filled.paths["zprime/b01"], filled.paths["zprime/b02"]]
    merge_node(spec, files, tmp_path / "a.h5")
    merge_node(spec, files[::-1], tmp_path / "b.h5")
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    found, metadata = read_sums(tmp_path / "a.h5")
    assert found["observable/all"].axes[0]["categories"] == ["1.4@0.0", "2.0@0.0", "2.7@0.0"]
    assert [account.block for account in accounts_of(metadata, "a")] == ["b01", "b02"]
    with pytest.raises(DarkreachError, match="the files to add are of data, zprime"):
        merge_node(spec, [*files, filled.paths["data/b01"]], tmp_path / "c.h5")


def test_signals_stay_unscaled_with_their_generated_events(filled):
    templates, _ = filled.merged()
    signals = templates.channels["all"].signals["zprime"]
    assert {point.mass_GeV: signal.generated_events for point, signal in signals.items()} == {
        1.4: 600,
        2.0: 1000,
        2.7: 400,
    }
    both = filled.values("zprime/b01")[1] + filled.values("zprime/b02")[0]
    np.testing.assert_array_equal(signals[SignalPoint(2.0, 0.0)].values, both)
    np.testing.assert_array_equal(signals[SignalPoint(2.0, 0.0)].variances, both)


def test_controls_and_sidebands_are_scaled_like_templates(filled):
    templates, _ = filled.merged()
    mass = templates.controls["mass"]
    scale = 15 * 350 / 30_000
    assert hist.Hist(mass["fourmuon"])[{"stage": "preselected"}].sum().value == pytest.approx(3000 * scale)
    assert hist.Hist(mass["data"])[{"stage": "preselected"}].sum().value == 1500
    sidebands = templates.sidebands["all"]
    assert set(sidebands) == {"data", "fourmuon", "tautau"}
    below = hist.Hist(mass["fourmuon"])[{"stage": "sideband"}].sum()
    assert sidebands["fourmuon"][0].sum() == pytest.approx(below.value) and below.value > 0
    assert sidebands["fourmuon"][1].sum() == pytest.approx(below.variance)


def test_templates_survive_the_disk(tmp_path, filled):
    arguments = ["merge", "--spec", as_json(SPEC), "--catalogue", str(filled.catalogue)]
    arguments += ["--histograms", *map(str, filled.paths.values())]
    arguments += ["--output", str(tmp_path / "t" / "T.h5"), "--account", str(tmp_path / "t" / "T.json")]
    assert main(arguments) == 0
    expected, account = filled.merged()
    assert (tmp_path / "t" / "T.json").read_text() == json.dumps(account, indent=1, ensure_ascii=False) + "\n"
    templates = read_templates(tmp_path / "t" / "T.h5")
    np.testing.assert_array_equal(templates.edges["reduced_mass"], expected.edges["reduced_mass"])
    assert templates.luminosity_fb == 15.0
    same_channel(templates.channels["all"], expected.channels["all"])
    assert list(templates.channels["all"].signals["zprime"]) == [(1.4, 0.0), (2.0, 0.0), (2.7, 0.0)]
    assert (
        hist.Hist(templates.controls["mass"]["data"]).sum()
        == hist.Hist(expected.controls["mass"]["data"]).sum()
    )
    for sample, spectrum in expected.sidebands["all"].items():
        np.testing.assert_array_equal(templates.sidebands["all"][sample], spectrum)
    # the scan of one model reads no more than it needs
    spectra = read_spectra(tmp_path / "t" / "T.h5", "zprime")
    same_channel(spectra.channels["all"], expected.channels["all"])
    assert spectra.controls == {} and spectra.sidebands == {} and spectra.luminosity_fb == 15.0
    assert read_spectra(tmp_path / "t" / "T.h5", "other").channels["all"].signals == {}
    assert read_triggers(tmp_path / "t" / "T.h5", "zprime") == expected.triggers["zprime"]


def test_negative_background_is_refused(filled):
    histograms, metadata = read_sums(filled.paths["tautau/b01"])
    histograms["observable/all"].values *= -1
    write_sums(filled.paths["tautau/b01"], histograms, metadata)
    with pytest.raises(DarkreachError, match=r"samples\.tautau: -.* candidates are expected"):
        filled.merged()


@pytest.mark.parametrize("block", ["tautau/b01", "fourmuon/b02"])
def test_other_binning_is_refused(filled, block):
    histograms, metadata = read_sums(filled.paths[block])
    histograms["observable/all"].axes[0]["upper"] /= 2
    write_sums(filled.paths[block], histograms, metadata)
    with pytest.raises(DarkreachError, match="other bins than the blocks before"):
        filled.merged()


def test_facts_of_no_block_are_refused(filled, tmp_path):
    write_sums(tmp_path / "h.h5", {}, {"search": "mumu_resonance"})
    with pytest.raises(DarkreachError, match=r"h\.h5: holds no histograms of blocks"):
        filled.merged(paths=[tmp_path / "h.h5"])
    assert read_metadata(filled.paths["data/b01"])["search"] == "mumu_resonance"
