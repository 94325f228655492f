import json
import math
import shutil
from copy import copy
from fractions import Fraction

import h5py
import hist
import numpy as np
import pytest
import uproot
from skims import background_block, classifier_files, data_block, histogram_spec, settings, signal_block

from darkreach.catalogue.manifest import Stretch
from darkreach.cli import main
from darkreach.columnar.block_account import accounts_of
from darkreach.columnar.histogram import histogram_block
from darkreach.columnar.merge import merge
from darkreach.columnar.storage import read_metadata, read_sums, write_sums
from darkreach.columnar.sums import merge_node
from darkreach.columnar.templates import (
    SignalPoint,
    read_spectra,
    read_templates,
    read_triggers,
    write_templates,
)
from darkreach.config.stages import MergeBlocksSpec, MergeSpec, as_json
from darkreach.errors import DarkreachError
from darkreach.searches.mumu_features import FEATURES
from darkreach.searches.skim import SkimRecord, record_path

CONTROLLED = ("four_track_mass", "extra_energy", "fit_chi2")  # beside the mass
SAMPLES = {"data": None, "fourmuon": None, "tautau": ["b01"], "zprime": ["b01", "b02"]}
SPEC = MergeSpec(search="mumu_resonance", channels={"all": "mumu"}, samples=SAMPLES, blind=False)


def catalogued(folder, manifests):
    """Write the catalogue of blocks: lists of the user's own blocks, manifests of simulated ones."""
    lists = {}
    folder.mkdir(parents=True, exist_ok=True)
    for manifest in manifests:
        if SAMPLES[manifest.sample] is not None:
            manifest.write(folder / manifest.sample / f"{manifest.block}.json")
            continue
        lists.setdefault(manifest.sample, {})[manifest.block] = {
            "entries": manifest.entries,
            "luminosity_fb": manifest.luminosity_fb,
            "files": len(manifest.files),
            "unreadable": [],
        }
    for sample, blocks in lists.items():
        text = json.dumps({"sample": sample, "kind": "any", "blocks": blocks})
        (folder / f"{sample}.json").write_text(text)
    return folder


class Filled:
    """Blocks with their histograms and catalogue."""

    def __init__(self, folder, root, blocks, blind=False):
        search = settings(root)
        classifiers = classifier_files(folder, search)
        self.folder, self.manifests, self.paths = folder, {}, {}
        for path, manifest in blocks:
            output = path.with_suffix(".h5")
            self.paths[manifest.name], self.manifests[manifest.name] = output, manifest
            hidden = blind and manifest.kind == "data"
            histogram_block(
                histogram_spec(search, hidden), manifest, path, classifiers, output, "iterative", 1
            )
        self.catalogue = catalogued(folder / "catalogue", self.manifests.values())

    def copied(self, folder):
        """The same in another folder."""
        shutil.copytree(self.folder, folder)
        other = copy(self)
        other.folder, other.catalogue = folder, folder / "catalogue"
        other.manifests = dict(self.manifests)
        other.paths = {name: folder / path.relative_to(self.folder) for name, path in self.paths.items()}
        return other

    def merged(self, spec=SPEC, paths=None):
        return merge(spec, self.catalogue, list(self.paths.values()) if paths is None else paths)

    def observable(self, block):
        return read_sums(self.paths[block])[0]["observable/all"]

    def values(self, block):
        return self.observable(block).dense()[0]

    def edit(self, block, change):
        """Change the account of a block."""
        histograms, metadata = read_sums(self.paths[block])
        change(metadata)
        write_sums(self.paths[block], histograms, metadata)


def blocks_in(folder):
    rng = np.random.default_rng(1)
    return [
        data_block(folder, rng, n=1000, name="b01", luminosity_fb=10.0, run=1),
        data_block(folder, rng, n=500, name="b02", luminosity_fb=5.0, run=2),
        background_block(folder, rng, n=2000, name="b01"),
        background_block(folder, rng, n=1000, name="b02"),
        background_block(folder, rng, n=100, sample="tautau", cross_section_fb=9e5),
        signal_block(folder, rng, masses=(1.4, 2.0), per_mass=300, name="b01"),
        signal_block(folder, rng, masses=(2.0, 2.7), per_mass=200, name="b02"),
    ]


@pytest.fixture(scope="module")
def all_filled(tmp_path_factory, root):
    """Open ones and blind ones."""
    folders = tmp_path_factory.mktemp("open"), tmp_path_factory.mktemp("blind")
    return [Filled(f, root, blocks_in(f), blind=b) for f, b in zip(folders, (False, True), strict=True)]


@pytest.fixture
def filled(all_filled, tmp_path):
    return all_filled[0].copied(tmp_path / "open")


@pytest.fixture
def blind(all_filled, tmp_path):
    return all_filled[1].copied(tmp_path / "blind")


def bytes_of(folder, spec, filled, paths):
    """The templates and the account as files."""
    templates, account = filled.merged(spec, paths)
    write_templates(folder / "t.h5", templates)
    return (folder / "t.h5").read_bytes(), json.dumps(account)


def with_loss(filled, root, block, entries):
    """Fill a block again with one more file, of some entries, that was not read."""
    manifest, path = filled.manifests[block], filled.paths[block].with_suffix(".root")
    lost = manifest.files[0].model_copy(
        update={"path": f"{block}/lost.root", "uuid": f"{block}/lost", "entries": entries}
    )
    whole = manifest.model_copy(
        update={"files": [*manifest.files, lost], "entries": manifest.entries + entries}
    )
    record = SkimRecord.read(record_path(path))
    unread = record.files[0].model_copy(
        update={"path": lost.path, "uuid": lost.uuid, "entries": 0, "runs": [], "unread": "truncated"}
    )
    record.files.append(unread)
    record.write(record_path(path))
    search = settings(root)
    histogram_block(
        histogram_spec(search),
        whole,
        path,
        classifier_files(filled.folder, search),
        filled.paths[block],
        "iterative",
        1,
    )
    filled.manifests[block] = whole
    catalogued(filled.catalogue, filled.manifests.values())


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


def same_channel(found, expected):
    np.testing.assert_array_equal(found.data, expected.data)
    assert found.backgrounds.keys() == expected.backgrounds.keys()
    for sample, spectrum in expected.backgrounds.items():
        np.testing.assert_array_equal(found.backgrounds[sample], spectrum)
    assert found.signals.keys() == expected.signals.keys()
    for model, points in expected.signals.items():
        assert found.signals[model].keys() == points.keys()
        for point, signal in points.items():
            other = found.signals[model][point]
            np.testing.assert_array_equal(other.values, signal.values)
            np.testing.assert_array_equal(other.variances, signal.variances)
            assert other.generated_events == signal.generated_events


def test_incomplete_or_double_input_is_refused(filled):
    paths = list(filled.paths.values())
    with pytest.raises(DarkreachError, match="--histograms: none of block 'data/b01'; run its"):
        filled.merged(paths=paths[1:])
    with pytest.raises(DarkreachError, match="block 'data/b01' is also in"):
        filled.merged(paths=[*paths, paths[0]])
    with pytest.raises(DarkreachError, match="block 'zprime/b02' is not in the catalogue"):
        filled.merged(SPEC.model_copy(update={"samples": SAMPLES | {"zprime": ["b01"]}}))
    simulation = {name: blocks for name, blocks in SAMPLES.items() if name != "data"}
    with pytest.raises(DarkreachError, match="no block of data with a luminosity"):
        filled.merged(SPEC.model_copy(update={"samples": simulation}), paths[2:])
    with pytest.raises(DarkreachError, match=r"data/b01\.h5: is of search 'mumu_resonance', not of 'other'"):
        filled.merged(SPEC.model_copy(update={"search": "other"}))


def test_blocks_that_the_catalogue_knows_otherwise_are_refused(filled):
    def catalogue(**changes):
        changed = filled.manifests | {"data/b02": filled.manifests["data/b02"].model_copy(update=changes)}
        catalogued(filled.catalogue, changed.values())

    catalogue(entries=501)
    with pytest.raises(DarkreachError, match=r"'data/b02': was filled with 500 .* has 501 entries"):
        filled.merged()
    catalogue(luminosity_fb=6.0)
    with pytest.raises(DarkreachError, match=r"entries of 5\.0 fb⁻¹, but has 500 entries of 6\.0 fb⁻¹"):
        filled.merged()


def test_a_file_or_a_run_in_two_blocks_is_refused(filled):
    filled.edit("data/b02", lambda facts: facts["blocks"][0].update(runs=[[26, 1]]))
    with pytest.raises(DarkreachError, match="'data/b01' and 'data/b02' both have run 1 of experiment 26"):
        filled.merged()
    filled.edit("data/b02", lambda facts: facts["blocks"][0].update(inputs=[["data/b01", 500, None]]))
    with pytest.raises(DarkreachError, match="'data/b01' and 'data/b02' have the same file"):
        filled.merged()


def test_unread_files_stop_the_merge_with_their_luminosity(filled, root):
    """A third of the events of data/b01 (10 fb⁻¹) and a fifth of those of data/b02 (5 fb⁻¹)."""
    with_loss(filled, root, "data/b01", 500)
    with_loss(filled, root, "data/b02", 125)
    with pytest.raises(DarkreachError) as caught:
        filled.merged()
    message = str(caught.value)
    assert "samples data: 2 files were not read, 4.33333 fb⁻¹ of data" in message
    assert (
        "data/b01/lost.root (500 entries of 3.33" in message and "data/b02/lost.root (125 entries" in message
    )
    assert message.count("truncated") == 2
    with pytest.raises(DarkreachError, match=r"more than 'tolerance: 0\.28' allows"):
        filled.merged(SPEC.model_copy(update={"tolerance": 0.28}))  # 4.33 of 15 are 0.289


def test_within_the_tolerance_the_luminosity_is_that_of_what_was_read(filled, root):
    complete, _ = filled.merged()
    with_loss(filled, root, "data/b01", 500)
    with_loss(filled, root, "data/b02", 125)
    templates, account = filled.merged(SPEC.model_copy(update={"tolerance": 0.29}))
    read = float(Fraction(10) * Fraction(2, 3) + Fraction(5) * Fraction(4, 5))
    assert templates.luminosity_fb == account["luminosity_fb"]["total_fb"] == read
    assert account["luminosity_fb"]["catalogued_fb"] == 15.0
    assert [(file["path"], file["block"], file["reason"]) for file in account["missing"]] == [
        ("data/b01/lost.root", "data/b01", "truncated"),
        ("data/b02/lost.root", "data/b02", "truncated"),
    ]
    missing = math.fsum(file["luminosity_fb"] for file in account["missing"])
    assert missing + read == pytest.approx(15.0, rel=1e-15)
    assert templates.missing == account["missing"]
    for sample, (values, _) in templates.channels["all"].backgrounds.items():
        whole = complete.channels["all"].backgrounds[sample][0]
        np.testing.assert_allclose(values, whole * read / 15, rtol=1e-13)


def test_generated_events_count_by_what_was_read(filled, root):
    """Half of a block of each kind of simulation is lost: expected yields per generated event stay."""
    complete, _ = filled.merged()
    for block in ("tautau/b01", "zprime/b01", "zprime/b02"):
        manifest = filled.manifests[block]
        with_loss(filled, root, block, manifest.entries)
        doubled = [
            component.model_copy(update={"generated_events": 2 * component.generated_events})
            for component in filled.manifests[block].components
        ]
        filled.edit(
            block,
            lambda facts, doubled=doubled: facts["blocks"][0].update(
                components=[component.model_dump() for component in doubled]
            ),
        )
    with pytest.raises(DarkreachError, match=r"samples tautau, zprime: 3 files .* no luminosity"):
        filled.merged()
    templates, account = filled.merged(SPEC.model_copy(update={"tolerance": 0.5}))
    same_channel(templates.channels["all"], complete.channels["all"])
    assert account["samples"]["tautau"]["generated_events"] == 1000
    assert templates.luminosity_fb == 15.0 and len(account["missing"]) == 3


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


BLIND = SPEC.model_copy(update={"blind": True})


def test_blind_data_leave_no_trace_in_the_signal_region(tmp_path, filled, blind):
    templates, account = blind.merged(BLIND)
    assert templates.channels["all"].data is None and account["observed_candidates"] is None
    assert templates.luminosity_fb == 15.0 and templates.channels["all"].backgrounds["fourmuon"][0].sum() > 0
    write_templates(tmp_path / "blind.h5", templates)
    groups = []
    with h5py.File(tmp_path / "blind.h5") as file:
        file.visit(groups.append)
        of_data = {name for name in groups if name.endswith("/data")}
        assert of_data == {f"control/{name}/data" for name in CONTROLLED} | {
            "sideband/all/data",
            "control/mass/data",
        }
        for name in of_data - {"sideband/all/data"}:
            preselected, classified, _ = file[f"{name}/storage/values"][()]
            assert not classified.any()
            assert preselected.any() == (name != "control/mass/data")
    # it is what the open search has there, and nothing of the rest
    sideband = templates.sidebands["all"]["data"][0]
    opened, _ = filled.merged()
    np.testing.assert_array_equal(sideband, opened.sidebands["all"]["data"][0])
    assert opened.channels["all"].data.sum() > 0


def test_histograms_must_fit_the_blinding(filled, blind):
    with pytest.raises(DarkreachError, match="show the signal region of a blind search"):
        filled.merged(BLIND)
    with pytest.raises(DarkreachError, match="was filled while the search was blind"):
        blind.merged()


def test_facts_of_no_block_are_refused(filled, tmp_path):
    write_sums(tmp_path / "h.h5", {}, {"search": "mumu_resonance"})
    with pytest.raises(DarkreachError, match=r"h\.h5: holds no histograms of blocks"):
        filled.merged(paths=[tmp_path / "h.h5"])
    assert read_metadata(filled.paths["data/b01"])["search"] == "mumu_resonance"
