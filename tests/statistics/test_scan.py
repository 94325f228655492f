"""The scan: rows, workspaces, what one bad hypothesis costs, and the command."""

import json
import re
import zipfile

import numpy as np
import pyhf
import pytest

from darkreach.cli import main
from darkreach.columnar.templates import SignalPoint, SignalTemplate, write_templates
from darkreach.config.stages import ScanSpec, as_json
from darkreach.errors import DarkreachError
from darkreach.statistics import scan
from darkreach.statistics.archive import WorkspaceArchive, merge_archives
from darkreach.statistics.grid import Hypothesis, hypotheses_of_scan
from darkreach.statistics.scan import scan_hypotheses
from darkreach.statistics.scan_command import is_checked
from darkreach.statistics.search_signal import signal_of
from darkreach.statistics.workspace import workspace_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # from inside pyhf


@pytest.fixture(scope="module")
def templates(toy):
    return toy.templates(rng=np.random.default_rng(8))


def small_spec(toy, **settings):
    scan = {"half_window_sigma": 8, "bin_sigma": 2.0, "background_degree": 1, "range_GeV": (2.95, 3.2)}
    return toy.spec(systematics=False, **(scan | {"step_sigma": 8} | settings))


def rows_of(templates, spec):
    signal = signal_of(templates, spec)
    return scan_hypotheses(templates, signal, hypotheses_of_scan(signal, spec), spec)[0]


def one(templates, signal, mass, spec):
    """Row and workspace of one hypothesis."""
    (row,), (workspace,), _ = scan_hypotheses(templates, signal, [Hypothesis(mass)], spec)
    return row, workspace


def test_a_row_does_not_depend_on_the_other_hypotheses(toy, templates):
    spec = small_spec(toy)
    signal = signal_of(templates, spec)
    together = rows_of(templates, spec)
    for row in together:
        (alone,), _, _ = scan_hypotheses(templates, signal, [Hypothesis(row["mass_GeV"])], spec)
        for name, value in alone.items():
            assert row[name] == (pytest.approx(value, rel=1e-6) if isinstance(value, float) else value)
    assert len(together) > 6


def test_vetoed_hypotheses_have_no_numbers(toy, templates):
    for row in rows_of(templates, small_spec(toy)):
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
    rows = rows_of(made, small_spec(toy, range_GeV=(2.6, 2.75), step_sigma=20))
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

    def run(name, **settings):
        arguments = {
            "--spec": as_json(small_spec(toy, **settings)),
            "--templates": tmp_path / "templates.h5",
            "--output": tmp_path / name / "rows.json",
            "--workspaces": tmp_path / name / "workspaces.zip",
        }
        status = main(["scan", *(str(word) for pair in arguments.items() for word in pair)])
        return status, arguments["--output"], arguments["--workspaces"]

    return run


def test_the_command_writes_rows_and_readable_workspaces(run_scan, toy, templates, capsys):
    status, rows_path, archive_path = run_scan("a")
    assert status == 0
    chunk = json.loads(rows_path.read_text())
    assert chunk["rows"] == rows_of(templates, small_spec(toy))
    assert ScanSpec.model_validate(chunk["spec"]) == small_spec(toy)
    assert chunk["luminosity_fb"] == 178.0
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


def test_pyhf_is_asked_of_a_share_of_the_hypotheses(run_scan, toy):
    """The same ones in whatever slice or order they come."""
    spec = toy.spec(referee_share=0.2)
    checked = [is_checked(h, spec) for h in toy.hypotheses(np.linspace(1, 9, 2000))]
    assert 0.17 < np.mean(checked) < 0.23
    _, rows, _ = run_scan("a", referee_share=1.0, range_GeV=(2.95, 2.98))
    content = json.loads(rows.read_text())
    assert [entry["mass_GeV"] for entry in content["referee"]] == [r["mass_GeV"] for r in content["rows"]]
    assert all(entry["verdict"] == "agree" for entry in content["referee"])
    _, rows, _ = run_scan("b", referee_share=0.0)
    assert json.loads(rows.read_text())["referee"] == []


def test_a_slice_may_have_no_hypothesis(run_scan):
    """All of a slice can be at masses for which a lifetime is not simulated."""
    status, rows, archive = run_scan("a", lifetimes_m=[0.01])
    assert status == 0
    assert json.loads(rows.read_text())["rows"] == []
    with zipfile.ZipFile(archive) as content:
        assert content.namelist() == []


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
