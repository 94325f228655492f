"""The whole workflow: what it makes, what it does not make again, and what bad input gets."""

import csv
import json
import shutil
import zipfile
from collections import Counter

import pyhf
import pytest
import uproot

from darkreach.publish.table import COLUMNS

pytestmark = pytest.mark.slow

MODELS = ("zprime", "muonphilic_scalar")


def rows(project, model):
    with project.path(f"limits/mumu_resonance/{model}.csv").open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("model", MODELS)
def test_the_limit_table(tiny, model):
    table = rows(tiny, model)
    assert tuple(table[0]) == COLUMNS
    masses = [float(row["mass_GeV"]) for row in table]
    assert masses == sorted(set(masses))
    assert masses[0] == pytest.approx(0.5) and masses[-1] == pytest.approx(8.0)
    good = [row for row in table if row["status"].startswith(("ok", "retried"))]
    assert len(good) >= 0.8 * len(table)
    for row in good:
        bands = [float(row[f"sigma_limit_exp{band}_fb"]) for band in ("_m2", "_m1", "", "_p1", "_p2")]
        assert 0 < bands[0] < bands[1] < bands[2] < bands[3] < bands[4]
        assert float(row["sigma_limit_obs_fb"]) > 0
        assert 0 < float(row["efficiency"]) < 1
        assert 0 <= float(row["p0_local"]) <= 1
        assert row["search"] == "mumu_resonance" and row["model"] == model


@pytest.mark.parametrize("model", MODELS)
def test_figures_and_workspaces(tiny, model):
    folder = tiny.path("limits/mumu_resonance")
    assert (folder / f"{model}.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / f"{model}.pdf").read_bytes().startswith(b"%PDF")
    with zipfile.ZipFile(folder / f"{model}_workspaces.zip") as archive:
        fitted = [row for row in rows(tiny, model) if row["sigma_limit_obs_fb"]]
        assert len(archive.namelist()) >= len(fitted) > 0
        workspace = pyhf.Workspace(json.loads(archive.read(archive.namelist()[0])))
    assert workspace.model().config.poi_name == "mu"


@pytest.mark.parametrize("model", MODELS)
def test_efficiencies_by_trigger_line(tiny, model):
    with tiny.path(f"limits/mumu_resonance/{model}_triggers.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == 7
    for row in table:
        lines = [float(row[f"L1PSNM({line})"]) for line in ("fff", "ffo", "cdcklm1")]
        assert 0.5 < max(lines) <= float(row["any"]) <= min(1, sum(lines))
        # reported, but not among those that accept an event
        assert 0 <= float(row["L1PSNM(hie)"]) <= 1
        assert float(row["any"]) <= float(row["any or displaced_vertex"]) <= 1


@pytest.mark.parametrize("model", MODELS)
def test_pyhf_and_the_whole_spectrum_were_asked(tiny, model):
    checks = json.loads(tiny.path(f"limits/mumu_resonance/{model}_checks.json").read_text())
    assert checks["referee"]["agrees"]
    assert checks["referee"]["hypotheses"]
    excess = checks["largest_excess"]
    local = max(rows(tiny, model), key=lambda row: float(row["z_local"] or 0))
    assert float(local["z_local"]) == pytest.approx(excess["local_z"], abs=1e-3)
    assert 0 < excess["p"] <= 1 and excess["toys"] == 50


def test_the_report_shows_both_models(tiny):
    page = tiny.path("report.html").read_text()
    for model in MODELS:
        assert model in page
    assert page.count("data:image/png;base64,") >= 2
    assert "simulated by the workflow itself: this is not a measurement" in page


def test_every_simulated_ntuple_is_catalogued_and_counted(tiny):
    account = json.loads(tiny.path("template/mumu_resonance.json").read_text())
    assert account["luminosity_fb"]["total_fb"] == pytest.approx(5.0)
    entries = 0
    for manifest in tiny.path("catalogue").glob("*/*.json"):
        content = json.loads(manifest.read_text())
        for file in content["files"]:
            with uproot.open(tiny.folder / file["path"]) as root:
                assert root["variables"].num_entries == file["entries"]
            entries += file["entries"]
    assert entries > 10_000


def test_a_second_run_does_nothing(tiny):
    assert "Nothing to be done" in tiny.snakemake()


def test_a_changed_setting_runs_only_what_depends_on_it(tiny):
    jobs = tiny.planned("--config", "seed=5")
    assert jobs["simulate"] == 6
    jobs = tiny.planned("--config", "executor=iterative")
    assert not jobs


def test_tables_do_not_depend_on_cores_or_executor(tiny):
    before = {model: tiny.path(f"limits/mumu_resonance/{model}.csv").read_bytes() for model in MODELS}
    shutil.rmtree(tiny.path("histogram"))
    tiny.snakemake("--cores", "1", "--config", "executor=iterative", "--forcerun", "histogram")
    for model in MODELS:
        assert tiny.path(f"limits/mumu_resonance/{model}.csv").read_bytes() == before[model]


def test_an_injected_signal_shows_up_at_its_mass(tiny, copy_of_tiny):
    mass = float(next(row["mass_GeV"] for row in rows(tiny, "zprime") if float(row["mass_GeV"]) > 3.8))
    injection = {"model": "zprime", "mass_GeV": mass, "cross_section_fb": 12.0}
    copy_of_tiny.edit_config(lambda values: values.update(injection=injection))
    copy_of_tiny.snakemake("results/limits/mumu_resonance/zprime.csv")
    z = {
        float(row["mass_GeV"]): float(row["z_local"])
        for row in rows(copy_of_tiny, "zprime")
        if row["z_local"]
    }
    assert z[mass] > 5
    assert all(other < 4 for at, other in z.items() if abs(at - mass) > 0.1)
    at_mass = next(row for row in rows(copy_of_tiny, "zprime") if float(row["mass_GeV"]) == mass)
    assert float(at_mass["sigma_limit_obs_fb"]) > 12.0 > float(at_mass["sigma_limit_exp_p2_fb"])


@pytest.fixture(scope="session")
def own_files(tiny, new_copy, tmp_path_factory):
    """A project whose data are files of the user, unblinded; everything else as in the tiny run."""
    project = new_copy(tmp_path_factory.mktemp("own"))
    (project.folder / "mine").mkdir()
    for block in ("b01", "b02"):
        shutil.copy(tiny.path(f"ntuples/data/{block}.root"), project.folder / f"mine/{block}.root")

    def change(values):
        values["searches"]["mumu_resonance"]["unblind"] = {
            "who": "the tests",
            "when": "2026-01-01",
            "why": "the data are simulated",
        }
        values["samples"]["data"] = {
            "kind": "data",
            "blocks": {"b01": {"files": ["mine/b01*.root"], "luminosity_fb": 3}},
        }

    project.edit_config(change)
    project.snakemake()
    return project


def test_one_more_block_costs_only_that_block(own_files):
    def add(values):
        values["samples"]["data"]["blocks"]["b02"] = {"files": ["mine/b02.root"], "luminosity_fb": 2}

    own_files.edit_config(add)
    slices = 4
    expected = Counter(
        skim=1, histogram=1, merge=1, scan=2 * slices, significance=2, limits=2, figures=2, report=1, all=1
    )
    expected["total"] = sum(expected.values())
    assert own_files.planned() == expected
    own_files.snakemake()
    account = json.loads(own_files.path("template/mumu_resonance.json").read_text())
    assert account["luminosity_fb"]["total_fb"] == pytest.approx(5.0)
    assert "Nothing to be done" in own_files.snakemake()


@pytest.fixture
def with_data_block(new_project, tmp_path):
    """Makes a project that has one data block `b` in place of the data of the tiny configuration."""

    def make(block):
        project = new_project(tmp_path)
        project.edit_config(lambda values: values["samples"].update(data=data_sample(block)))
        return project

    def data_sample(block):
        return {"kind": "data", "blocks": {"b": block}}

    return make


def test_a_missing_file_is_named(with_data_block):
    project = with_data_block({"files": ["absent/*.root"], "luminosity_fb": 1})
    output = project.snakemake("--dry-run", check=False)
    assert "samples.data.blocks.b.files: no file matches 'absent/*.root'" in output


def test_a_sample_without_luminosity_is_refused(with_data_block):
    project = with_data_block({"files": ["a.root"]})
    output = project.snakemake("--dry-run", check=False)
    assert "block 'b' of a data sample needs 'luminosity_fb'" in output


def test_a_wrong_key_is_refused(new_project, tmp_path):
    output = new_project(tmp_path).snakemake("--dry-run", "--config", "sed=1", check=False)
    assert "unknown key 'sed'; did you mean 'seed'?" in output


def test_a_truncated_file_stops_its_job_with_its_name(tiny, with_data_block, tmp_path):
    project = with_data_block({"files": ["cut.root"], "luminosity_fb": 1})
    whole = tiny.path("ntuples/data/b01.root").read_bytes()
    (tmp_path / "cut.root").write_bytes(whole[: len(whole) // 2])
    output = project.snakemake("results/catalogue/data/b.json", check=False)
    assert "cut.root" in output and "darkreach catalogue:" in output
    assert not project.path("catalogue/data/b.json").exists()


def test_an_mdst_is_refused(with_data_block, tmp_path):
    project = with_data_block({"files": ["mdst.root"], "luminosity_fb": 1})
    with uproot.recreate(tmp_path / "mdst.root") as file:
        file.mktree("tree", {"EventMetaData": "int32", "Tracks": "int32", "MCParticles": "int32"})
        file.mktree("persistent", {"FileMetaData": "int32"})
    output = project.snakemake("results/catalogue/data/b.json", check=False)
    assert "mdst.root" in output and "mDST" in output
