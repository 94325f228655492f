"""New data cost only the new data: which jobs run after each kind of change, and that nothing is lost."""

import csv
import json
import os
import shutil
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager

import h5py
import pytest

pytestmark = pytest.mark.slow

CONFIG = "config/test/incremental.yaml"
BLOCKS = 7
TABLES = ("mumu_resonance/zprime.csv", "dimuon_recoil/zprime.csv")
SLICES = 4  # mumu_resonance: two regions of two slices each
# what follows the templates of one search with one model
AFTER_MERGE = Counter(scan=SLICES, significance=1, limits=1, figures=1, report=1, all=1)


def jobs(**counts) -> Counter:
    """Jobs per rule as Snakemake counts them."""
    found = Counter(counts)
    found["total"] = sum(found.values())
    return found


def with_total(counts: Counter) -> Counter:
    return jobs(**counts)


def total_fb(project) -> float:
    account = json.loads(project.path("template/mumu_resonance.json").read_text())
    return account["luminosity_fb"]["total_fb"]


def tables(project) -> dict[str, bytes]:
    return {name: project.path(f"limits/{name}").read_bytes() for name in TABLES}


def status(project) -> dict:
    """What `darkreach status --json` says."""
    command = [sys.executable, "-m", "darkreach", "status", "--configfile", CONFIG, "--json"]
    done = subprocess.run(command, cwd=project.folder, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def jobs_to_come(found: dict) -> Counter:
    return Counter(found["next_run"]["jobs"])


@contextmanager
def changed(project, change):
    """The configuration with a change that is taken back afterwards, whatever happens."""
    text = (project.folder / CONFIG).read_text()
    project.edit_config(change)
    try:
        yield
    finally:
        (project.folder / CONFIG).write_text(text)


@contextmanager
def cut_short(file):
    """A file of which only half is there for a while."""
    content = file.read_bytes()
    file.write_bytes(content[: len(content) // 2])
    try:
        yield
    finally:
        file.write_bytes(content)


@pytest.fixture(scope="module")
def month(new_project, tmp_path_factory):
    """Seven ntuples of stand-in data, one per stretch of runs."""
    project = new_project(tmp_path_factory.mktemp("months"), CONFIG)

    def simulate(values):
        stretches = values["samples"]["mumu_data"]["luminosity"]
        values["samples"]["mumu_data"] = {
            "kind": "data",
            "searches": ["mumu_resonance"],
            "simulate": ["fourmuon"],
            "blocks": {
                f"b{i}": {"luminosity_fb": fb, "runs": [first, last]}
                for i, (_, first, last, fb) in enumerate(stretches)
            },
        }

    project.edit_config(simulate)
    project.snakemake(*(f"results/ntuples/mumu_data/b{i}.root" for i in range(BLOCKS)))
    return [project.path(f"ntuples/mumu_data/b{i}.root") for i in range(BLOCKS)]


@pytest.fixture(scope="module")
def clean(month, new_project, tmp_path_factory):
    """One run over all seven files at once."""
    project = new_project(tmp_path_factory.mktemp("clean"), CONFIG)
    (project.folder / "mine").mkdir()
    for i, file in enumerate(month):
        shutil.copy(file, project.folder / f"mine/month{i}.root")
    project.snakemake()
    return project


@pytest.fixture(scope="module")
def grown(month, clean, new_project, tmp_path_factory):
    """A run that knows six files. Tests follow each other, and leave it finished."""
    project = new_project(tmp_path_factory.mktemp("grown"), CONFIG)
    (project.folder / "mine").mkdir()
    for i, file in enumerate(month[:-1]):
        shutil.copy(file, project.folder / f"mine/month{i}.root")
    project.snakemake()
    return project


def test_six_blocks_know_their_luminosity(grown):
    assert total_fb(grown) == pytest.approx(6.5)
    assert len(list(grown.path("catalogue/mumu_data").glob("*.json"))) == 6
    assert "Nothing to be done" in grown.snakemake()


def test_a_seventh_file_costs_one_block(grown, month, clean):
    before = {path: path.read_bytes() for path in grown.path("catalogue/mumu_data").glob("*.json")}
    shutil.copy(month[-1], grown.folder / "mine/month6.root")
    assert grown.planned() == with_total(Counter(skim=1, histogram=1, merge=1) + AFTER_MERGE)
    grown.snakemake()
    assert {path: path.read_bytes() for path in before} == before
    assert total_fb(grown) == pytest.approx(7.6)
    assert "Nothing to be done" in grown.snakemake()
    assert tables(grown) == tables(clean)


def test_touching_and_other_cores_cost_nothing(grown):
    for file in (grown.folder / "mine").iterdir():
        os.utime(file)
    assert not grown.planned()
    assert not grown.planned("--cores", "1")


def test_files_that_were_copied_again_cost_nothing(grown):
    file = grown.folder / "mine/month2.root"
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content)
    assert not grown.planned()


def test_a_selection_costs_its_search(grown):
    expected = Counter(skim=3, histogram=3, merge=1) + Counter(
        scan=chunks_of(grown, "dimuon_recoil"), significance=1, limits=1, figures=1, report=1, all=1
    )
    cut = {"selection": {"maximum_extra_energy_GeV": 0.35}}
    with changed(grown, lambda values: values["searches"]["dimuon_recoil"].update(cut)):
        assert grown.planned() == with_total(expected)
    assert not grown.planned()


def chunks_of(project, search) -> int:
    return len(list(project.path(f"scan/{search}/zprime").glob("*_*.json")))


def test_a_longer_scan_costs_the_new_hypotheses(grown):
    slices = list(grown.path("scan/mumu_resonance/zprime").glob("*_*.json"))
    before = {path: path.stat().st_mtime_ns for path in slices}
    longer = {"range_GeV": [1.0, 7.8]}
    with changed(grown, lambda values: values["searches"]["mumu_resonance"]["scan"].update(longer)):
        expected = Counter(scan=1, significance=1, limits=1, figures=1, report=1, all=1)
        assert grown.planned() == with_total(expected)
        grown.snakemake()
        after = {path: path.stat().st_mtime_ns for path in before}
        assert sum(after[path] != before[path] for path in before) == 1
    grown.snakemake()


def test_a_colour_costs_the_figures(grown):
    with changed(grown, lambda values: values.update(figures={"observed": "#cc0000"})):
        assert grown.planned() == with_total(Counter(figures=2, report=1, all=1))
    assert not grown.planned()


def test_a_damaged_file_stops_the_run_and_restoring_it_costs_nothing(grown, clean):
    with cut_short(grown.folder / "mine/month3.root"):
        output = grown.snakemake(check=False)
    assert "month3.root" in output and "1.25 fb⁻¹" in output
    assert tables(grown) == tables(clean)
    assert "Nothing to be done" in grown.snakemake()


def test_within_the_tolerance_the_luminosity_is_corrected(grown, clean):
    with cut_short(grown.folder / "mine/month3.root"):
        with changed(grown, lambda values: values.update(tolerance=0.1)):
            assert "month3.root" in grown.snakemake(check=False)  # 1.25 of 7.6 fb⁻¹ are more than a tenth
        with changed(grown, lambda values: values.update(tolerance=0.2)):
            grown.snakemake()
            assert total_fb(grown) == pytest.approx(7.6 - 1.25)
            with grown.path("limits/mumu_resonance/zprime.csv").open(newline="") as table:
                luminosities = [float(row["luminosity_fb"]) for row in csv.DictReader(table)]
            assert luminosities == pytest.approx([6.35] * len(luminosities))
            for name in ("limits/mumu_resonance/zprime_provenance.json", "report.html"):
                assert "month3.root" in grown.path(name).read_text()
    grown.snakemake()
    assert tables(grown) == tables(clean)


def test_one_changed_file_costs_one_block(grown, month, clean):
    # the same events in another file: what a reprocessing leaves
    import uproot

    file = grown.folder / "mine/month1.root"
    content = file.read_bytes()
    with uproot.open(month[1]) as old, uproot.recreate(file, compression=uproot.ZLIB(1)) as new:
        arrays = old["variables"].arrays(library="np")
        tree = new.mktree("variables", {name: array.dtype for name, array in arrays.items()})
        tree.extend(arrays)
    assert grown.planned() == with_total(Counter(skim=1, histogram=1, merge=1) + AFTER_MERGE)
    file.write_bytes(content)
    assert not grown.planned()


def test_a_blind_search_makes_no_signal_region(grown):
    with changed(grown, lambda values: values["searches"]["mumu_resonance"].update(unblind=None)):
        grown.snakemake()
    with grown.path("limits/mumu_resonance/zprime.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    assert all(row["sigma_limit_obs_fb"] == row["z_local"] == row["n_observed"] == "" for row in rows)
    assert any(float(row["sigma_limit_exp_fb"] or 0) > 0 for row in rows)
    with h5py.File(grown.path("template/mumu_resonance.h5")) as templates:
        assert "data" not in templates["channel/all"]
        assert "mumu_data" in templates["sideband/all"]
    assert "blind" in grown.path("report.html").read_text()


def test_status_before_anything_was_run(month, new_project, tmp_path):
    project = new_project(tmp_path, CONFIG)
    (project.folder / "mine").mkdir()
    for file in month:
        shutil.copy(file, project.folder / f"mine/{file.name}")
    found = status(project)
    assert found["samples"]["mumu_data"]["count"]["new"] == BLOCKS
    assert jobs_to_come(found)["skim"] == BLOCKS + 2 + 3
    assert not project.path("").exists()


def test_status_of_a_finished_run_and_of_a_damaged_file(clean):
    found = status(clean)
    assert found["samples"]["mumu_data"]["count"]["done"] == BLOCKS
    assert found["samples"]["mumu_data"]["luminosity_fb"]["mumu_resonance"] == {
        "catalogued": pytest.approx(7.6),
        "processed": pytest.approx(7.6),
        "used": pytest.approx(7.6),
    }
    assert not jobs_to_come(found)
    with cut_short(clean.folder / "mine/month2.root"):
        found = status(clean)
    assert found["samples"]["mumu_data"]["count"]["broken"] == 1
    assert "month2.root" in str(found["refusals"])


def test_the_same_file_twice_is_refused(clean):
    copy = clean.folder / "mine/again.root"
    shutil.copy(clean.folder / "mine/month0.root", copy)
    output = clean.snakemake("--dry-run", check=False)
    assert "again.root" in output and "month0.root" in output
    copy.unlink()
    assert not clean.planned()


def test_every_row_knows_where_it_comes_from(clean):
    record = json.loads(clean.path("limits/mumu_resonance/zprime_provenance.json").read_text())
    assert '"who": "the tests"' in json.dumps(record)
    with clean.path("limits/mumu_resonance/zprime.csv").open(newline="") as table:
        digests = {row["provenance"] for row in csv.DictReader(table)}
    assert all(len(digest) == 12 and digest in str(record) for digest in digests)
