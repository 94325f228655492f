"""The scan: rows, workspaces, what one bad hypothesis costs, and the command."""

import json
import re
import zipfile

import numpy as np
import pyhf
import pytest

from darkreach.cli import main
from darkreach.columnar.templates import SignalPoint, SignalTemplate, write_templates
from darkreach.config.stages import as_json
from darkreach.errors import DarkreachError
from darkreach.statistics import scan
from darkreach.statistics.archive import WorkspaceArchive, merge_archives
from darkreach.statistics.grid import Hypothesis, chunk_of, hypotheses_of_scan
from darkreach.statistics.scan import scan_hypotheses
from darkreach.statistics.search_signal import signal_of
from darkreach.statistics.workspace import workspace_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # from inside pyhf


@pytest.fixture(scope="module")
def templates(toy):
    return toy.templates(rng=np.random.default_rng(8))


def small_spec(toy, **settings):
    scan = {"half_window_sigma": 8, "bin_sigma": 2.0, "background_degree": 1, "range_GeV": (2.95, 3.2)}
    return toy.spec(systematics=False, **(scan | {"step_sigma": 8} | settings))


def rows_of(templates, spec, chunk=0):
    signal = signal_of(templates, spec)
    hypotheses = chunk_of(hypotheses_of_scan(signal, spec.scan), chunk, spec.scan.chunks)
    return scan_hypotheses(templates, signal, hypotheses, spec)[0]


def one(templates, signal, mass, spec):
    """Row and workspace of one hypothesis."""
    (row,), (workspace,), _ = scan_hypotheses(templates, signal, [Hypothesis(mass)], spec)
    return row, workspace


def test_rows_do_not_depend_on_the_number_of_chunks(toy, templates):
    spec = small_spec(toy, chunks=1)
    alone = rows_of(templates, spec)
    spec = small_spec(toy, chunks=3)
    together = [row for chunk in range(3) for row in rows_of(templates, spec, chunk)]
    for row, same in zip(sorted(together, key=lambda row: row["mass_GeV"]), alone, strict=True):
        for name, value in same.items():
            assert row[name] == (pytest.approx(value, rel=1e-6) if isinstance(value, float) else value)
    assert len(alone) > 6


def test_vetoed_hypotheses_have_no_numbers(toy, templates):
    for row in rows_of(templates, small_spec(toy, chunks=1)):
        inside = 3.05 <= row["mass_GeV"] <= 3.14
        assert row["status"] == ("vetoed: J-psi" if inside else "ok")
        assert (row["sigma_limit_obs_fb"] is None) == inside
        assert (row["n_observed"] is None) == inside


def test_observed_candidates_are_those_within_two_sigma(toy, templates):
    signal = toy.signal_model(templates)
    row, _ = one(templates, signal, 5.0, small_spec(toy))
    centres = (toy.EDGES[1:] + toy.EDGES[:-1]) / 2
    near = np.abs(centres - np.sqrt(25 - 4 * 0.1056583755**2)) < 2 * row["resolution_GeV"]
    assert row["n_observed"] == templates.channels["all"].data[near].sum() > 0


def test_limits_are_the_workspace_s_in_fb(toy, templates):
    row, workspace = one(templates, toy.signal_model(templates), 5.0, small_spec(toy))
    signal_events = sum(workspace["channels"][0]["samples"][0]["data"])
    per_fb = toy.efficiency(5.0) * templates.luminosity_fb
    assert signal_events / per_fb == pytest.approx(row["reference_cross_section_fb"], rel=0.02)
    # 1.645 standard deviations of a peak on a known background, or somewhat more
    assert 1 < row["sigma_limit_exp_fb"] / row["reference_cross_section_fb"] < 2


def test_a_bad_hypothesis_costs_one_row(toy):
    made = toy.templates(rng=np.random.default_rng(9))
    signals, point = made.channels["all"].signals["zprime"], SignalPoint(3.5, 0.0)
    values = signals[point].values.copy()
    values[14000] -= 1e9
    signals[point] = SignalTemplate(values, np.abs(values), 5e4)
    rows = rows_of(made, small_spec(toy, chunks=1, range_GeV=(2.6, 2.75), step_sigma=20))
    bad = [row for row in rows if row["mass_GeV"] > 2.7]
    assert bad
    for row in rows:
        if row in bad:
            assert re.match(r"failed: zprime at 2\.7\d+ GeV: .*negative", row["status"])
            assert row["sigma_limit_exp_fb"] is None
        else:
            assert row["status"] == "ok"


def test_a_failing_fit_is_a_row_too(toy, templates, monkeypatch):
    def broken(*args):
        workspace = workspace_of(*args)
        if args[2].mass_GeV == 5.0:
            workspace["channels"][0]["samples"][1]["data"][0] = float("nan")
        return workspace

    monkeypatch.setattr(scan, "workspace_of", broken)
    spec = small_spec(toy)
    (bad, good), _, _ = scan_hypotheses(
        templates, toy.signal_model(templates), toy.hypotheses([5.0, 5.1]), spec
    )
    assert bad["status"].startswith("failed: ")
    assert bad["sigma_limit_obs_fb"] is None
    assert good == one(templates, toy.signal_model(templates), 5.1, spec)[0]
    assert good["status"] == "ok"


def test_few_events_get_toys_if_asked(toy):
    """One background event under the peak: asymptotic limits are too strong, toys say by how much."""
    made = toy.templates(luminosity_fb=5.0, rng=np.random.default_rng(3))
    signal = toy.signal_model(made)
    asymptotic, _ = one(made, signal, 6.0, small_spec(toy))
    spec = small_spec(toy, toys=400)
    (few,), _, _ = scan_hypotheses(made, signal, toy.hypotheses([6.0]), spec)
    assert asymptotic["background_events"] < 10
    assert (asymptotic["method"], few["method"]) == ("asymptotic", "toys")
    assert few["limit_error_fb"] > 0
    # without any background 2.30 events instead of 1.35
    assert 1 < few["sigma_limit_obs_fb"] / asymptotic["sigma_limit_obs_fb"] < 2
    assert scan_hypotheses(made, signal, toy.hypotheses([6.0]), spec)[0] == [few]
    enough = small_spec(toy, toys=400, toys_below_events=0)
    assert one(made, signal, 6.0, enough)[0]["method"] == "asymptotic"


def test_a_blind_search_shows_expected_limits_only(toy):
    made = toy.templates()
    made.channels["all"].data = None
    row, _ = one(made, toy.signal_model(made), 5.0, small_spec(toy, blind=True))
    assert row["status"] == "ok"
    assert row["sigma_limit_exp_fb"] > 0
    for name in ("n_observed", "sigma_limit_obs_fb", "sigma_hat_fb", "p0_local", "z_local"):
        assert row[name] is None


def test_templates_without_the_model_are_refused(toy, templates):
    spec = small_spec(toy).model_copy(update={"model": "muonphilic_scalar"})
    with pytest.raises(DarkreachError, match=r"no signal 'muonphilic_scalar' \(they have: zprime\)"):
        signal_of(templates, spec)


@pytest.fixture
def run_scan(toy, templates, tmp_path):
    write_templates(tmp_path / "templates.h5", templates)

    def run(name, chunk=0):
        arguments = {
            "--spec": as_json(small_spec(toy)),
            "--templates": tmp_path / "templates.h5",
            "--chunk": chunk,
            "--output": tmp_path / name / f"{chunk}.json",
            "--workspaces": tmp_path / name / f"{chunk}.zip",
        }
        status = main(["scan", *(str(word) for pair in arguments.items() for word in pair)])
        return status, arguments["--output"], arguments["--workspaces"]

    return run


def test_the_command_writes_rows_and_readable_workspaces(run_scan, toy, templates, capsys):
    status, rows_path, archive_path = run_scan("a")
    assert status == 0
    chunk = json.loads(rows_path.read_text())
    assert chunk["rows"] == rows_of(templates, small_spec(toy))
    assert (chunk["model"], chunk["chunk"], chunk["chunks"]) == ("zprime", 0, 2)
    assert (chunk["luminosity_fb"], chunk["confidence_level"]) == (178.0, 0.90)
    fitted = [row for row in chunk["rows"] if row["status"] == "ok"]
    with zipfile.ZipFile(archive_path) as archive:
        assert archive.namelist() == [f"{row['mass_GeV']:.6f}.json" for row in fitted]
        workspace = pyhf.Workspace(json.loads(archive.read(archive.namelist()[0])))
    assert workspace.model().config.poi_name == "mu"
    assert f"zprime: {len(chunk['rows'])} of {len(chunk['rows'])} hypotheses" in capsys.readouterr().err


def test_the_same_templates_give_the_same_bytes(run_scan):
    _, *first = run_scan("a")
    _, *second = run_scan("b")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_wrong_chunk_is_an_error_of_the_user(run_scan, capsys):
    assert run_scan("a", chunk=2)[0] == 2
    assert "--chunk 2" in capsys.readouterr().err


def test_archives_merge_in_order_of_mass(tmp_path):
    for name, masses in (("a", (0.5, 10.25)), ("b", (2.0,))):
        with WorkspaceArchive(tmp_path / name) as archive:
            for mass in masses:
                archive.add(Hypothesis(mass), {"mass": mass})
    merge_archives([tmp_path / "a", tmp_path / "b"], tmp_path / "merged")
    with zipfile.ZipFile(tmp_path / "merged") as archive:
        assert archive.namelist() == ["0.500000.json", "2.000000.json", "10.250000.json"]
        assert json.loads(archive.read("2.000000.json")) == {"mass": 2.0}
    with pytest.raises(DarkreachError, match=r"both hold 0.500000.json"):
        merge_archives([tmp_path / "a", tmp_path / "a"], tmp_path / "again")
    (tmp_path / "c").write_text("no zip")
    with pytest.raises(DarkreachError, match="c: cannot read this archive"):
        merge_archives([tmp_path / "c"], tmp_path / "again")
