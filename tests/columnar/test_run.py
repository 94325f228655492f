import json
import os
import signal
import sys

import awkward as ak
import cloudpickle
import hist
import numpy as np
import pytest
import uproot
import yaml
from skims import CUT, background_block, classifier_files, data_block, histogram_spec, settings, signal_block

from darkreach.catalogue.account import FileRead, MissingFile
from darkreach.catalogue.manifest import FileEntry
from darkreach.classifier.inference import read_classifier
from darkreach.cli import main
from darkreach.columnar import run as run_module
from darkreach.columnar.block_account import accounts_of
from darkreach.columnar.histogram import histogram_block
from darkreach.columnar.processor import SearchProcessor
from darkreach.columnar.run import run_processor
from darkreach.columnar.storage import (
    read_histograms,
    read_metadata,
    read_sums,
    write_histograms,
    write_sums,
)
from darkreach.config.search import Search
from darkreach.config.stages import as_json, control_channel
from darkreach.errors import DarkreachError
from darkreach.searches.mumu_features import FEATURES
from darkreach.searches.registry import search_named
from darkreach.searches.skim import SkimRecord, record_path


def processor_for(folder, search, manifest, blind=False):
    classifiers = [read_classifier(path) for path in classifier_files(folder, search)]
    return SearchProcessor(histogram_spec(search, blind), manifest.kind, manifest.components, classifiers)


def read(path):
    with uproot.open(path) as file:
        return file["skim"].arrays(library="np")


def in_region(values):
    return (values["mass"] >= 0.21) & (values["mass"] < 10)


def passing(values):
    score = 1 / (1 + np.exp(-values[FEATURES[0]]))
    return (score >= CUT) & in_region(values)


def filled(result, name):
    """A histogram of a result, as others read it."""
    return hist.Hist(result["histograms"][name].uhi())


def same(first, second):
    assert first["rows"] == second["rows"]
    assert first["histograms"].keys() == second["histograms"].keys()
    return all(first["histograms"][name] == second["histograms"][name] for name in first["histograms"])


def test_observable_holds_what_passes(tmp_path, root):
    search = settings(root)
    path, manifest = background_block(tmp_path, np.random.default_rng(1))
    result = run_processor(processor_for(tmp_path, search, manifest), path, 4000, "iterative", 1)
    values = read(path)
    expected = values["reduced_mass"][passing(values)]
    observable = filled(result, "observable/all")
    counts, _ = np.histogram(expected, observable.axes[0].edges)
    np.testing.assert_array_equal(observable.values(), counts)
    np.testing.assert_allclose(np.diff(observable.axes[0].edges), 0.00025)
    assert result["rows"] == 4000
    mass = filled(result, "control/mass")
    assert mass[{"stage": "preselected"}].sum().value == 4000
    assert mass[{"stage": "classified"}].sum().value == len(expected)
    scores = filled(result, "control/score")
    assert scores[{"region": "m1"}].sum().value == ((values["mass"] >= 1) & (values["mass"] < 3.75)).sum()
    assert (
        scores[{"region": "m1"}][hist.loc(CUT) :: sum].value
        == passing(values)[(values["mass"] >= 1) & (values["mass"] < 3.75)].sum()
    )
    # what fails the classifiers is the sideband
    below = in_region(values) & ~passing(values)
    counts, _ = np.histogram(values["reduced_mass"][below], observable.axes[0].edges)
    np.testing.assert_array_equal(filled(result, "sideband/all").values(), counts)
    assert mass[{"stage": "sideband"}].sum().value == below.sum() > 0


def test_weights_count_in_simulation_and_not_in_data(tmp_path, root):
    search, rng = settings(root), np.random.default_rng(2)
    for make, expected in ((background_block, 9.0), (data_block, 1.0)):
        path, manifest = make(tmp_path, rng, n=500)
        values = read(path)
        values["weight"][:] = 3.0
        rewrite(path, values)
        result = run_processor(processor_for(tmp_path, search, manifest), path, 500, "iterative", 1)
        variances = filled(result, "observable/all").variances()
        assert variances.sum() == expected * passing(values).sum()


def rewrite(path, values):
    with uproot.recreate(path) as file:
        file.mktree("skim", {name: array.dtype for name, array in values.items()})
        file["skim"].extend(values)


def test_signal_is_kept_by_mass(tmp_path, root):
    search = settings(root)
    path, manifest = signal_block(tmp_path, np.random.default_rng(3), masses=(0.212, 1.4, 2.7))
    result = run_processor(processor_for(tmp_path, search, manifest), path, 1200, "iterative", 1)
    observable, values = filled(result, "observable/all"), read(path)
    assert "sideband/all" not in result["histograms"]
    assert list(observable.axes[0]) == ["0.212@0.0", "1.4@0.0", "2.7@0.0"]
    for mass in (0.212, 1.4, 2.7):
        of_mass = values["true_mass"] == mass
        row = observable[{"point": f"{mass!r}@0.0"}].values()
        assert row.sum() == passing(values)[of_mass].sum() > 0
        assert abs(row @ observable.axes[1].centers / row.sum() - np.sqrt(max(mass**2 - 0.2113**2, 0))) < 0.02


def test_executors_agree(tmp_path, root, monkeypatch):
    monkeypatch.setattr(run_module, "CHUNK_ROWS", 800)  # five chunks
    rng = np.random.default_rng(4)
    path, manifest = background_block(tmp_path, rng)
    values = read(path)
    values["weight"] = rng.lognormal(0, 2, 4000).astype(np.float32)
    rewrite(path, values)
    processor = processor_for(tmp_path, settings(root), manifest)
    results = [
        run_processor(processor, path, 4000, executor, workers)
        for executor, workers in (("iterative", 1), ("futures", 2), ("dask", 1), ("dask", 2))
    ]
    assert results[0]["histograms"]["observable/all"].total() > 1000
    assert all(same(results[0], other) for other in results[1:])
    monkeypatch.setattr(run_module, "CHUNK_ROWS", 10**6)
    assert same(results[0], run_processor(processor, path, 4000, "iterative", 1))
    for number, result in enumerate(results):
        write_sums(tmp_path / f"{number}.h5", result["histograms"], {})
    assert len({(tmp_path / f"{number}.h5").read_bytes() for number in range(4)}) == 1


class KillsOneWorker(SearchProcessor):
    """Kills the process it runs in, the first time."""

    marker = ""

    def process(self, events):
        if not os.path.exists(self.marker):
            open(self.marker, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().process(events)


def test_killed_worker_loses_nothing(tmp_path, root, monkeypatch):
    monkeypatch.setattr(run_module, "CHUNK_ROWS", 800)
    path, manifest = background_block(tmp_path, np.random.default_rng(5))
    processor = processor_for(tmp_path, settings(root), manifest)
    expected = run_processor(processor, path, 4000, "iterative", 1)
    cloudpickle.register_pickle_by_value(sys.modules[__name__])  # workers do not know this file
    try:
        processor.__class__, processor.marker = KillsOneWorker, str(tmp_path / "killed")
        result = run_processor(processor, path, 4000, "dask", 2)
    finally:
        cloudpickle.unregister_pickle_by_value(sys.modules[__name__])
    assert (tmp_path / "killed").exists()
    assert same(expected, result)


def test_no_more_workers_than_chunks(tmp_path, root, monkeypatch):
    started = []
    original = run_module._executor
    monkeypatch.setattr(
        run_module, "_executor", lambda name, workers: (started.append(workers), original("iterative", 1))[1]
    )
    path, manifest = background_block(tmp_path, np.random.default_rng(6))
    processor = processor_for(tmp_path, settings(root), manifest)
    run_processor(processor, path, 4000, "dask", 8)
    monkeypatch.setattr(run_module, "CHUNK_ROWS", 1500)
    run_processor(processor, path, 4000, "dask", 8)
    assert started == [1, 3]


def test_blind_data_show_the_sidebands_only(tmp_path, root):
    path, manifest = data_block(tmp_path, np.random.default_rng(7))
    result = run_processor(
        processor_for(tmp_path, settings(root), manifest, True), path, 3000, "iterative", 1
    )
    assert set(result["histograms"]) == {
        "control/mass",
        "control/four_track_mass",
        "control/extra_energy",
        "control/fit_chi2",
        "sideband/all",
    }
    values = read(path)
    below = in_region(values) & ~passing(values)
    assert result["histograms"]["sideband/all"].total() == below.sum() > 100
    for name in ("mass", "four_track_mass", "extra_energy", "fit_chi2"):
        stages = filled(result, f"control/{name}")
        assert stages[{"stage": "classified"}].sum().value == 0
        assert 0.95 * below.sum() < stages[{"stage": "sideband"}].sum().value <= below.sum()
        assert (stages[{"stage": "preselected"}].sum().value > 2900) == (name != "mass")


def test_blind_data_of_a_counting_search_show_the_control_channel(root):
    """Two signal channels and the control: rows of the signal channels leave no trace in any spectrum."""
    rng, n = np.random.default_rng(12), 600
    text = (root / "config" / "searches" / "heavy_neutral_lepton.yaml").read_text()
    search = Search.model_validate(yaml.safe_load(text))
    values = {
        "channel": rng.integers(0, 3, n).astype(np.int32),
        "triggers": np.ones(n, dtype=np.int32),
        "weight": np.ones(n, dtype=np.float32),
        "m_plus": rng.uniform(0.3, 1.6, n),
        "m_minus": rng.uniform(0.3, 1.6, n),
    }
    module = search_named("heavy_neutral_lepton")
    values |= {
        name: rng.uniform(size=n) for name in (module.REGION_VARIABLE, *module.CONTROLS) if name not in values
    }
    for blind, shown in ((True, {"ks_control"}), (False, set(search.channels))):
        spec = histogram_spec(search, blind).model_copy(
            update={"search": "heavy_neutral_lepton", "control_channel": control_channel(search)}
        )
        result = SearchProcessor(spec, "data", [], []).process(ak.zip(values))["histograms"]
        spectra = {name for name in result if name.startswith(("observable/", "sideband/"))}
        assert spectra == {f"observable/{channel}" for channel in shown}
        for channel in shown:
            expected = np.count_nonzero(values["channel"] == list(search.channels).index(channel))
            assert result[f"observable/{channel}"].total() == expected > 0
        if blind:
            hidden = {module.REGION_VARIABLE, "m_plus", "m_minus"}
            assert not {f"control/{name}" for name in hidden} & set(result)


def test_empty_skim_gives_empty_histograms(tmp_path, root):
    path, manifest = background_block(tmp_path, np.random.default_rng(8), n=0)
    result = run_processor(processor_for(tmp_path, settings(root), manifest), path, 0, "dask", 2)
    assert result["histograms"]["observable/all"].total() == 0


def test_lost_rows_are_an_error(tmp_path, root):
    path, manifest = background_block(tmp_path, np.random.default_rng(9), n=500)
    processor = processor_for(tmp_path, settings(root), manifest)
    with pytest.raises(DarkreachError, match=r"b01\.root: 500 of 501 candidates were read"):
        run_processor(processor, path, 501, "iterative", 1)
    path.write_bytes(path.read_bytes()[:-500])
    with pytest.raises(DarkreachError, match=r"b01\.root: truncated"):
        run_processor(processor, path, 500, "iterative", 1)


def test_skim_of_another_block_and_absent_classifiers_are_refused(tmp_path, root):
    search, rng = settings(root), np.random.default_rng(10)
    path, manifest = background_block(tmp_path, rng)
    _, other = background_block(tmp_path, rng, name="b02")
    files = classifier_files(tmp_path, search)
    spec, output = histogram_spec(search), tmp_path / "h.h5"
    with pytest.raises(DarkreachError, match=r"is of block 'fourmuon/b01' .* not of 'fourmuon/b02'"):
        histogram_block(spec, other, path, files, output, "iterative", 1)
    with pytest.raises(DarkreachError, match="region 'm2' has no classifier"):
        histogram_block(spec, manifest, path, files[:2] + files[3:], output, "iterative", 1)
    with pytest.raises(DarkreachError, match="a second classifier of region 'm0'"):
        histogram_block(spec, manifest, path, [*files, files[0]], output, "iterative", 1)
    record = json.loads(record_path(path).read_text())
    record["files"][0] |= {"entries": 3999, "runs": [[26, 1, 3999]]}
    record_path(path).write_text(json.dumps(record))
    with pytest.raises(DarkreachError, match=r"3999 of 4000 entries"):
        histogram_block(spec, manifest, path, files, output, "iterative", 1)
    assert not output.exists()


def test_command_and_what_others_can_read(tmp_path, root):
    search = settings(root)
    path, manifest = background_block(tmp_path, np.random.default_rng(11))
    manifest.write(tmp_path / "m.json")
    arguments = [
        "histogram",
        "--spec",
        as_json(histogram_spec(search)),
        "--manifest",
        str(tmp_path / "m.json"),
    ]
    arguments += ["--skim", str(path), "--classifiers", *map(str, classifier_files(tmp_path, search))]
    for name in ("a.h5", "b.h5"):
        assert main([*arguments, "--output", str(tmp_path / name)]) == 0
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    histograms, metadata = read_sums(tmp_path / "a.h5")
    assert metadata["search"] == "mumu_resonance"
    (account,) = metadata["blocks"]
    assert (account["sample"], account["block"], account["preselected_rows"]) == ("fourmuon", "b01", 4000)
    assert account["entries"] == account["entries_read"] == 4000 and account["missing"] == []
    observable = hist.Hist(histograms["observable/all"].uhi())
    assert observable.axes[0].name == "reduced_mass"
    assert observable.sum().value == account["candidates"] == passing(read(path)).sum()


def test_files_that_were_not_read_are_in_the_account(tmp_path, root):
    search = settings(root)
    path, manifest = data_block(tmp_path, np.random.default_rng(13), n=300)
    lost = FileEntry(path="lost.root", size_bytes=1, uuid="lost", entries=200)
    manifest = manifest.model_copy(update={"files": [*manifest.files, lost], "entries": 500})
    record = SkimRecord.read(record_path(path))
    record.files.append(FileRead(path="lost.root", uuid="lost", entries=0, unread="no such file"))
    record.write(record_path(path))
    output = tmp_path / "h.h5"
    histogram_block(
        histogram_spec(search), manifest, path, classifier_files(tmp_path, search), output, "iterative", 1
    )
    (account,) = accounts_of(read_metadata(output), output)
    assert (account.files, account.entries, account.entries_read) == (2, 500, 300)
    # three fifths of 10 fb⁻¹
    assert account.luminosity_fb == 10 and account.luminosity_read == 6 and account.luminosity_read_fb == 6
    assert account.missing == [
        MissingFile(path="lost.root", entries=200, luminosity_fb=4.0, reason="no such file")
    ]
    assert [uuid for uuid, *_ in account.inputs] == ["data/b01"]


def test_facts_have_no_size_limit(tmp_path):
    facts = {"runs": list(range(100_000))}  # HDF5 has 64 KB for an attribute
    write_sums(tmp_path / "h.h5", {}, facts)
    assert read_sums(tmp_path / "h.h5") == ({}, facts)


def test_damaged_histograms_are_named(tmp_path):
    path = tmp_path / "h.h5"
    write_histograms(path, {}, {"a": 1})
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(DarkreachError, match=r"h\.h5: not a file of histograms"):
        read_histograms(path)
    with pytest.raises(DarkreachError, match=r"absent\.h5"):
        read_metadata(tmp_path / "absent.h5")
