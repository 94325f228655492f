import json

import hist
import numpy as np
import pytest
from skims import background_block, classifier_files, data_block, histogram_spec, settings, signal_block

from darkreach.cli import main
from darkreach.columnar.histogram import histogram_block
from darkreach.columnar.merge import merge
from darkreach.columnar.storage import read_histograms, read_metadata, write_histograms
from darkreach.columnar.templates import SignalPoint, read_templates
from darkreach.config.stages import MergeSpec, as_json
from darkreach.errors import DarkreachError

SPEC = MergeSpec(search="mumu_resonance", channels={"all": "mumu"}, blind=False)


@pytest.fixture
def filled(tmp_path, root):
    """Write blocks and their histograms; returns manifests and paths of histograms by block."""
    rng, search = np.random.default_rng(1), settings(root)
    blocks = [
        data_block(tmp_path, rng, n=1000, name="b01", luminosity_fb=10.0, run=1),
        data_block(tmp_path, rng, n=500, name="b02", luminosity_fb=5.0, run=2),
        background_block(tmp_path, rng, n=2000, name="b01"),
        background_block(tmp_path, rng, n=1000, name="b02"),
        background_block(tmp_path, rng, n=100, sample="tautau", cross_section_fb=9e5),
        signal_block(tmp_path, rng, masses=(1.4, 2.0), per_mass=300, name="b01"),
        signal_block(tmp_path, rng, masses=(2.0, 2.7), per_mass=200, name="b02"),
    ]
    classifiers = classifier_files(tmp_path, search)
    manifests, paths = {}, {}
    for path, manifest in blocks:
        paths[manifest.name] = path.with_suffix(".h5")
        manifests[manifest.name] = manifest
        histogram_block(
            histogram_spec(search), manifest, path, classifiers, paths[manifest.name], "iterative", 1
        )
    return manifests, paths


def merged(filled, spec=SPEC):
    manifests, paths = filled
    return merge_blocks(spec, list(manifests.values()), list(paths.values()))


def observable(path):
    return read_histograms(path)[0]["observable/all"]["storage"]


def test_data_add_up_and_backgrounds_are_scaled_to_their_luminosity(filled):
    templates, account = merged(filled)
    _, paths = filled
    assert templates.luminosity_fb == 15.0
    data = observable(paths["data/b01"])["values"] + observable(paths["data/b02"])["values"]
    np.testing.assert_array_equal(templates.channels["all"].data, data)
    for sample, blocks, scale in (
        # L σ / ΣN: both blocks of one sample count as one production
        ("fourmuon", ("b01", "b02"), 15 * 350 / 30_000),
        ("tautau", ("b01",), 15 * 9e5 / 1_000),
    ):
        values = sum(observable(paths[f"{sample}/{block}"])["values"] for block in blocks)
        np.testing.assert_allclose(templates.channels["all"].backgrounds[sample][0], values * scale)
        np.testing.assert_allclose(templates.channels["all"].backgrounds[sample][1], values * scale**2)
    assert account["luminosity_fb"] == {"blocks": {"data/b01": 10.0, "data/b02": 5.0}, "total_fb": 15.0}
    assert account["observed_candidates"] == data.sum()
    expected = sum(values.sum() for values, _ in templates.channels["all"].backgrounds.values())
    assert account["expected_candidates"] == pytest.approx(expected)
    cutflow = account["samples"]["fourmuon"]["cutflow"]
    assert cutflow[0] == {"cut": "all", "rows": 3000, "expected": pytest.approx(3000 * 15 * 350 / 30_000)}
    assert [block["candidates"] for block in account["blocks"] if block["sample"] == "data"] == [
        observable(paths["data/b01"])["values"].sum(),
        observable(paths["data/b02"])["values"].sum(),
    ]


def test_result_does_not_depend_on_how_a_sample_is_cut_into_blocks(tmp_path, root, filled):
    manifests, paths = filled
    first, _ = merged(filled)
    order = sorted(manifests, reverse=True)
    second, _ = merge_blocks(SPEC, [manifests[name] for name in order], [paths[name] for name in order[::-1]])
    np.testing.assert_array_equal(first.channels["all"].data, second.channels["all"].data)
    np.testing.assert_array_equal(
        first.channels["all"].backgrounds["fourmuon"][0], second.channels["all"].backgrounds["fourmuon"][0]
    )


def test_signals_stay_unscaled_with_their_generated_events(filled):
    templates, _ = merged(filled)
    _, paths = filled
    signals = templates.channels["all"].signals["zprime"]
    assert {point.mass_GeV: signal.generated_events for point, signal in signals.items()} == {
        1.4: 600,
        2.0: 1000,
        2.7: 400,
    }
    both = observable(paths["zprime/b01"])["values"][1] + observable(paths["zprime/b02"])["values"][0]
    np.testing.assert_array_equal(signals[SignalPoint(2.0, 0.0)].values, both)
    np.testing.assert_array_equal(signals[SignalPoint(2.0, 0.0)].variances, both)


def test_controls_are_scaled_like_templates(filled):
    templates, _ = merged(filled)
    mass = templates.controls["mass"]
    scale = 15 * 350 / 30_000
    assert hist.Hist(mass["fourmuon"])[{"stage": "preselected"}].sum().value == pytest.approx(3000 * scale)
    assert hist.Hist(mass["data"])[{"stage": "preselected"}].sum().value == 1500


def test_templates_survive_the_disk(tmp_path, filled):
    manifests, paths = filled
    arguments = ["merge", "--spec", as_json(SPEC), "--manifests"]
    for name, manifest in manifests.items():
        arguments.append(str(tmp_path / f"{name.replace('/', '_')}.json"))
        manifest.write(arguments[-1])
    arguments += ["--histograms", *map(str, paths.values())]
    arguments += ["--output", str(tmp_path / "t" / "T.h5"), "--account", str(tmp_path / "t" / "T.json")]
    assert main(arguments) == 0
    expected, account = merged(filled)
    assert json.loads((tmp_path / "t" / "T.json").read_text()) == account
    templates = read_templates(tmp_path / "t" / "T.h5")
    np.testing.assert_array_equal(templates.edges["reduced_mass"], expected.edges["reduced_mass"])
    np.testing.assert_array_equal(templates.channels["all"].data, expected.channels["all"].data)
    assert templates.luminosity_fb == 15.0
    assert templates.channels["all"].backgrounds.keys() == expected.channels["all"].backgrounds.keys()
    for sample, (values, variances) in expected.channels["all"].backgrounds.items():
        np.testing.assert_array_equal(templates.channels["all"].backgrounds[sample][0], values)
        np.testing.assert_array_equal(templates.channels["all"].backgrounds[sample][1], variances)
    assert list(templates.channels["all"].signals["zprime"]) == [(1.4, 0.0), (2.0, 0.0), (2.7, 0.0)]
    assert templates.channels["all"].signals["zprime"][SignalPoint(2.0, 0.0)].generated_events == 1000
    np.testing.assert_array_equal(
        templates.channels["all"].signals["zprime"][SignalPoint(2.7, 0.0)].values,
        expected.channels["all"].signals["zprime"][SignalPoint(2.7, 0.0)].values,
    )
    assert (
        hist.Hist(templates.controls["mass"]["data"]).sum()
        == hist.Hist(expected.controls["mass"]["data"]).sum()
    )


def test_incomplete_or_double_input_is_refused(tmp_path, filled):
    manifests, paths = filled
    every = list(manifests.values()), list(paths.values())
    with pytest.raises(DarkreachError, match="--histograms: none of block 'data/b01'"):
        merge_blocks(SPEC, every[0], every[1][1:])
    with pytest.raises(DarkreachError, match="block 'data/b01' has no manifest"):
        merge_blocks(SPEC, every[0][1:], every[1])
    with pytest.raises(DarkreachError, match="block 'data/b01' is also in"):
        merge_blocks(SPEC, every[0], [*every[1], every[1][0]])
    with pytest.raises(DarkreachError, match="no block of data with a luminosity"):
        merge_blocks(SPEC, every[0][2:], every[1][2:])
    twice = manifests["data/b02"].model_copy(update={"runs": [(26, 1)]})
    with pytest.raises(DarkreachError, match="both have run 1 of experiment 26"):
        merge_blocks(SPEC, [manifests["data/b01"], twice, *every[0][2:]], every[1])


def edited(paths, block, **changes):
    histograms, metadata = read_histograms(paths[block])
    write_histograms(paths[block], histograms, metadata | changes)


def test_blocks_not_read_completely_are_refused(filled):
    _, paths = filled
    files = read_metadata(paths["data/b01"])["files"]
    edited(paths, "data/b01", files=[files[0] | {"entries": 999}])
    with pytest.raises(DarkreachError, match=r"'data/b01' of 10 fb⁻¹: not read as listed.*999 of 1000"):
        merged(filled)


def test_negative_background_is_refused(filled):
    path = filled[1]["tautau/b01"]
    histograms, metadata = read_histograms(path)
    for key, sign in (("values", -1), ("variances", 1)):
        histograms["observable/all"]["storage"][key] = sign * histograms["observable/all"]["storage"][key]
    write_histograms(path, histograms, metadata)
    with pytest.raises(DarkreachError, match=r"samples\.tautau: -.* candidates are expected"):
        merged(filled)


def test_other_binning_is_refused(filled, tmp_path, root):
    _, paths = filled
    histograms, metadata = read_histograms(paths["tautau/b01"])
    coarse = hist.Hist(histograms["observable/all"])[:: hist.rebin(2)]
    write_histograms(paths["tautau/b01"], histograms | {"observable/all": coarse}, metadata)
    with pytest.raises(DarkreachError, match="other bins than the blocks before"):
        merged(filled)


def test_blind_data_give_no_observed_spectrum(filled, tmp_path, root):
    manifests, paths = filled
    search = settings(root)
    for block in ("b01", "b02"):
        histogram_block(
            histogram_spec(search, blind=True),
            manifests[f"data/{block}"],
            tmp_path / "data" / f"{block}.root",
            classifier_files(tmp_path, search),
            paths[f"data/{block}"],
            "iterative",
            1,
        )
    templates, account = merged(filled, SPEC.model_copy(update={"blind": True}))
    assert templates.channels["all"].data is None and account["observed_candidates"] is None
    assert templates.luminosity_fb == 15.0 and templates.channels["all"].backgrounds["fourmuon"][0].sum() > 0
    with pytest.raises(DarkreachError, match="was filled while the search was blind"):
        merged(filled)
