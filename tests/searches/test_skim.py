import json

import numpy as np
import pytest
import uproot
from blocks import EXTRA_ENERGY, background_rows, manifest_of, search, signal_rows, skim_spec, write_ntuple

from darkreach.catalogue.account import FileRead
from darkreach.cli import main
from darkreach.config.stages import as_json
from darkreach.errors import DarkreachError
from darkreach.searches import skim as skim_module
from darkreach.searches import skim_variables
from darkreach.searches.mumu_features import FEATURES
from darkreach.searches.skim import SkimRecord, record_path, skim_block


def background_block(tmp_path, rows, name="fourmuon.root"):
    path = write_ntuple(tmp_path / name, *rows)
    return manifest_of([path], "fourmuon", cross_section_fb=351.2, generated_events=1000)


def read(path):
    with uproot.open(path) as file:
        return file["skim"].arrays(library="np")


def test_skim_keeps_what_passes_and_says_what_it_read(tmp_path, root):
    rng = np.random.default_rng(1)
    parts = [background_rows(300, rng, run=run) for run in (1, 2)]
    manifest = background_block(tmp_path, parts)
    record = skim_block(skim_spec(search(root)), manifest, tmp_path / "out.root")
    columns = read(tmp_path / "out.root")

    (entry,) = manifest.files
    read_by_run = [
        (26, run, 4 * len(np.unique(rows["__event__"]))) for run, rows in zip((1, 2), parts, strict=True)
    ]
    assert record.files == [
        FileRead(path=entry.path, uuid=entry.uuid, entries=entry.entries, runs=read_by_run, unread=None)
    ]
    assert record.rows == len(columns["mass"]) > 0
    assert SkimRecord.read(record_path(tmp_path / "out.root")) == record
    rows = [step["rows"] for step in record.cutflow]
    assert rows[0] == manifest.entries
    assert rows == sorted(rows, reverse=True) and rows[-1] == record.rows
    assert {step["cut"] for step in record.cutflow} >= {"all", "trigger", "four-track mass", "kinematic fit"}
    assert set(columns) == {
        *("experiment", "run", "event", "production", "candidate", "source", "weight", "triggers"),
        *("mass", "reduced_mass", "fit_chi2", "four_track_mass", "extra_energy"),
        *FEATURES,
    }
    assert columns["mass"].dtype == np.float32 and columns["event"].dtype == np.int64
    assert all(np.isfinite(array).all() for array in columns.values())
    assert columns["extra_energy"].max() <= 0.4
    assert columns["four_track_mass"].min() > 10 and columns["four_track_mass"].max() < 11
    # the four pairs of an event share tracks and fate: zero or four rows each
    _, multiplicity = np.unique(np.stack([columns["run"], columns["event"]]), axis=1, return_counts=True)
    assert set(multiplicity) == {4}


def test_every_cut_removes_what_it_should(tmp_path, root):
    rng = np.random.default_rng(2)
    good = background_rows(200, rng)
    baseline = skim_block(
        skim_spec(search(root)), background_block(tmp_path, [good]), tmp_path / "all.root"
    ).rows
    spoilt = {
        "d1_d1_dr": 0.6,
        "d0_d0_dz": -2.1,
        "d1_d0_charge": -1.0,
        "nTracks": 5.0,
        EXTRA_ENERGY: 0.41,
        "L1PSNM__bofff__bc": 0.0,
        "d0_d1_px": 30.0,
    }
    for name, value in spoilt.items():
        half = {key: array.copy() for key, array in good.items()}
        half[name][: len(half[name]) // 2] = value
        manifest = background_block(tmp_path, [half], f"{name}.root")
        kept = read_events(
            skim_block(skim_spec(search(root)), manifest, tmp_path / "cut.root"), tmp_path / "cut.root"
        )
        assert kept.min() >= good["__event__"][len(half[name]) // 2], name
        assert 0 < len(kept) < baseline


def read_events(record, path):
    events = read(path)["event"]
    assert len(events) == record.rows
    return events


def test_three_of_four_muons_are_enough_and_two_are_not(tmp_path, root):
    good = background_rows(100, np.random.default_rng(3))
    counts = []
    for unidentified in ([], ["d0_d0"], ["d0_d0", "d1_d1"]):
        rows = good | {f"{track}_muonID": np.full(len(good["nTracks"]), 0.1) for track in unidentified}
        manifest = background_block(tmp_path, [rows], f"{len(unidentified)}.root")
        counts.append(skim_block(skim_spec(search(root)), manifest, tmp_path / "out.root").rows)
    assert counts[0] == counts[1] > 0 == counts[2]


def test_result_does_not_depend_on_chunks(tmp_path, root, monkeypatch):
    manifest = background_block(tmp_path, [background_rows(300, np.random.default_rng(4))])
    skim_block(skim_spec(search(root)), manifest, tmp_path / "one.root")
    monkeypatch.setattr(skim_variables, "CHUNK_ROWS", 101)
    monkeypatch.setattr(skim_module, "CLUSTER_ROWS", 150)
    many = skim_block(skim_spec(search(root)), manifest, tmp_path / "many.root")
    one, split = read(tmp_path / "one.root"), read(tmp_path / "many.root")
    for name in one:
        np.testing.assert_array_equal(one[name], split[name], err_msg=name)
    with uproot.open(tmp_path / "many.root") as file:
        assert (
            file["skim"]["mass"].num_baskets == -(-many.rows // 150) or file["skim"]["mass"].num_baskets > 1
        )


def test_nan_in_selection_is_an_error_or_is_counted(tmp_path, root):
    rows = background_rows(100, np.random.default_rng(5))
    rows[EXTRA_ENERGY][:8] = np.nan
    manifest = background_block(tmp_path, [rows])
    with pytest.raises(
        DarkreachError, match=r"fourmuon\.root: branch 'roeEextra\(cleanMask\)' is NaN .* in 8 of"
    ):
        skim_block(skim_spec(search(root)), manifest, tmp_path / "out.root")
    assert not (tmp_path / "out.root").exists()
    record = skim_block(skim_spec(search(root, on_nan="reject")), manifest, tmp_path / "out.root")
    assert record.cutflow[1] == {
        "cut": "defined",
        "rows": manifest.entries - 8,
        "sum_of_weights": manifest.entries - 8,
    }


def test_trigger_line_absent_from_some_runs_is_no_error(tmp_path, root):
    rows = background_rows(100, np.random.default_rng(6))
    rows["L1PSNM__bocdcklm1__bc"] = np.full(len(rows["nTracks"]), np.nan)
    settings = search(root, trigger_lines=["L1PSNM(cdcklm1)", "L1PSNM(fff)"])
    record = skim_block(skim_spec(settings), background_block(tmp_path, [rows]), tmp_path / "out.root")
    assert record.rows > 0
    rows["L1PSNM__bofff__bc"][:4] = np.nan
    with pytest.raises(DarkreachError, match=r"cdcklm1.* in 4 of"):
        skim_block(skim_spec(settings), background_block(tmp_path, [rows], "2.root"), tmp_path / "out.root")


def test_renamed_branch(tmp_path, root):
    rows = background_rows(50, np.random.default_rng(7))
    rows["nCleanTracks"] = rows.pop("nTracks")
    manifest = background_block(tmp_path, [rows])
    with pytest.raises(DarkreachError, match="no branch 'nTracks'; did you mean 'nCleanTracks'"):
        skim_block(skim_spec(search(root)), manifest, tmp_path / "out.root")
    assert skim_block(
        skim_spec(search(root), {"nTracks": "nCleanTracks"}), manifest, tmp_path / "out.root"
    ).rows
    with pytest.raises(DarkreachError, match="'nTrack' is no branch or variable that"):
        skim_block(skim_spec(search(root), {"nTrack": "nCleanTracks"}), manifest, tmp_path / "out.root")


def test_renamed_variable_of_all_tracks_but_one(tmp_path, root):
    rows = background_rows(50, np.random.default_rng(7))
    usual = skim_block(skim_spec(search(root)), background_block(tmp_path, [rows]), tmp_path / "out.root")
    for track, name in (("d0_d0", "pidMu"), ("d0_d1", "muonID_noSVD"), ("d1_d0", "muonID_noSVD")):
        rows[f"{track}_{name}"] = rows.pop(f"{track}_muonID")
    rows["d1_d1_muonID_noSVD"] = rows.pop("d1_d1_muonID")
    manifest = background_block(tmp_path, [rows], "renamed.root")
    renamed = {"muonID": "muonID_noSVD", "d0_d0_muonID": "d0_d0_pidMu"}
    record = skim_block(skim_spec(search(root), renamed), manifest, tmp_path / "out.root")
    assert record.cutflow == usual.cutflow


def test_weight_that_is_no_number_is_refused(tmp_path, root):
    rows = background_rows(50, np.random.default_rng(13))
    rows["__weight__"][:3] = np.nan
    with pytest.raises(DarkreachError, match=r"fourmuon\.root: branch '__weight__' is NaN .* in 3 of"):
        skim_block(skim_spec(search(root)), background_block(tmp_path, [rows]), tmp_path / "out.root")


def signal_manifest(files, mass_GeV=2.0):
    return manifest_of(
        files, "zprime", kind="signal", model="zprime", generated_events=200, mass_GeV=mass_GeV
    )


def test_signal_keeps_its_own_pair_with_true_mass(tmp_path, root):
    path = write_ntuple(tmp_path / "s.root", signal_rows(2.0, 400, np.random.default_rng(8)))
    manifest = signal_manifest([path])
    record = skim_block(skim_spec(search(root)), manifest, tmp_path / "out.root")
    columns, entries = read(tmp_path / "out.root"), manifest.entries / 4
    assert record.rows == len(np.unique(columns["event"])) > 0
    assert set(columns["true_mass"]) == {2.0}
    assert np.abs(np.median(columns["mass"]) - 2.0) < 1e-3
    assert record.cutflow[2] == {"cut": "true candidate", "rows": entries, "sum_of_weights": entries}


def test_signal_without_truth_or_with_foreign_mass_is_refused(tmp_path, root):
    rows = signal_rows(2.0, 50, np.random.default_rng(9))
    rows.pop("d0_isSignal")
    manifest = signal_manifest([write_ntuple(tmp_path / "s.root", rows)])
    with pytest.raises(DarkreachError, match="no branch 'd0_isSignal'"):
        skim_block(skim_spec(search(root)), manifest, tmp_path / "out.root")


def test_signal_at_another_mass_than_the_configuration_says_is_refused(tmp_path, root):
    rows = signal_rows(2.0, 200, np.random.default_rng(14))
    rows.pop("d0_trueMass")
    manifest = signal_manifest([write_ntuple(tmp_path / "s.root", rows)], mass_GeV=2.2)
    with pytest.raises(
        DarkreachError, match=r"s\.root: .* 'zprime/b01' .* 2\.2 GeV, .* peak at (1\.99|2|2\.00)"
    ):
        skim_block(skim_spec(search(root)), manifest, tmp_path / "out.root")


def test_empty_block_gives_an_empty_skim(tmp_path, root):
    rows = background_rows(50, np.random.default_rng(11))
    manifest = background_block(tmp_path, [{name: array[:0] for name, array in rows.items()}])
    assert skim_block(skim_spec(search(root)), manifest, tmp_path / "out.root").rows == 0
    assert len(read(tmp_path / "out.root")["mass"]) == 0


def test_command(tmp_path, root, capsys):
    manifest = background_block(tmp_path, [background_rows(50, np.random.default_rng(12))])
    manifest.write(tmp_path / "m.json")
    spec = as_json(skim_spec(search(root)))
    arguments = ["skim", "--spec", spec, "--manifest", str(tmp_path / "m.json")]
    assert main([*arguments, "--output", str(tmp_path / "a" / "out.root")]) == 0
    assert json.loads((tmp_path / "a" / "out.json").read_text())["rows"] > 0
    assert "four-track mass" in capsys.readouterr().err
    # a file stands where the folder should be
    assert main([*arguments, "--output", str(tmp_path / "m.json" / "out.root")]) == 2
    assert "m.json/out.root: cannot write this skim (File exists)" in capsys.readouterr().err
