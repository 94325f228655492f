"""Snakemake's summary, as recorded in real runs, and what else it leaves in its folder."""

import base64
import io
import os
from collections import Counter

import pytest

from darkreach.errors import DarkreachError
from darkreach.status import jobs
from darkreach.status.jobs import Job, interrupted_files, is_locked, job_of, plan_of, read_summary

SEARCH = "mumu_resonance"


def rules(plan, pending):
    return dict(Counter(job.rule for job, state in plan.items() if state.pending == pending))


def test_a_finished_run_has_its_jobs_once_and_none_is_pending(recorded):
    plan = recorded("finished")
    expected = {"simulate": 5, "catalogue": 5, "skim": 11, "train": 2, "histogram": 11, "merge": 2}
    expected |= {"scan": 5, "significance": 2, "limits": 2, "figures": 2, "report": 1}
    assert rules(plan, pending=False) == expected and rules(plan, pending=True) == {}
    assert {state.status for state in plan.values()} == {"ok"}


def test_a_changed_selection_and_scan_are_pending_with_all_that_follows(recorded):
    plan = recorded("changed")
    recoil = {job: state for job, state in plan.items() if job.search == "dimuon_recoil"}
    fits = {"scan": 1, "significance": 1, "limits": 1, "figures": 1}
    assert rules(recoil, pending=True) == {"skim": 3, "histogram": 3, "merge": 1, **fits}
    resonance = {job: state for job, state in plan.items() if job.search == SEARCH}
    assert rules(resonance, pending=True) == fits
    skim = plan[Job("skim", "dimuon_recoil", "mumu", "b01")]
    assert skim.status == "params changed" and "darkreach skim" in skim.command
    assert plan[Job("histogram", "dimuon_recoil", "mumu", "b01")].status == "ok"
    # nothing needs them, so they are not made again
    for job in (Job("histogram", SEARCH, "mumu_data", "b00002"), Job("skim", SEARCH, "mumu_data", "b00003")):
        assert plan[job].status == "missing" and not plan[job].pending


@pytest.mark.parametrize(
    ("rule", "path", "job"),
    [
        ("tau_library", "generated/tau_data.h5", Job("tau_library", name="tau_data")),
        ("simulate", "ntuples/fourmuon/b01.root", Job("simulate", sample="fourmuon", block="b01")),
        ("catalogue", "catalogue/zprime/a.b.json", Job("catalogue", sample="zprime", block="a.b")),
        ("merge_blocks", "merge/s/data/1-7.h5", Job("merge_blocks", "s", "data", name="1-7")),
        (
            "scan",
            "scan/s/hnl/1.0000-3.7500_0.01m.zip",
            Job("scan", "s", model="hnl", name="1.0000-3.7500_0.01m"),
        ),
        ("significance", "scan/s/hnl/significance.json", Job("significance", "s", model="hnl")),
        ("report", "report.html", Job("report")),
        ("later", "new/a/b/c/d.txt", Job("later", name="a/b/c/d")),
    ],
)
def test_the_job_of_a_result(config, rule, path, job):
    assert job_of(rule, f"results/{path}", config) == job


def test_models_with_a_common_beginning_have_jobs_of_their_own(configured):
    config = configured({"searches": {SEARCH: {"models": ["zprime"]}}})
    search = config.searches[SEARCH].model_copy(update={"models": ["hnl", "hnl_majorana"]})
    config.searches[SEARCH] = search
    for model in search.models:
        for end in (".csv", "_checks.json", "_triggers.csv"):
            job = job_of("limits", f"results/limits/{SEARCH}/{model}{end}", config)
            assert job == Job("limits", SEARCH, model=model)


def test_half_written_results_are_made_again(config, recorded, tmp_path):
    folder = tmp_path / ".snakemake/incomplete"
    folder.mkdir(parents=True)
    path = f"results/histogram/{SEARCH}/mumu_data/b00001.h5"
    (folder / base64.urlsafe_b64encode(path.encode()).decode()).touch()
    long = f"results/{'x' * 300}.h5"
    mark = base64.urlsafe_b64encode(long.encode()).decode()
    (folder / f"@{mark[:254]}").mkdir()
    (folder / f"@{mark[:254]}" / mark[254:]).touch()
    (folder / "migration_underway").touch()
    assert sorted(interrupted_files(folder)) == sorted([path, long])
    header = "output_file\tdate\trule\tlog-file(s)\tinput-file(s)\tshellcmd\tstatus\tplan\n"
    for said, status in (("ok\tno update", "interrupted"), ("missing\tupdate pending", "missing")):
        row = f"{path}\t-\thistogram\t-\t-\t-\t{said}\n"
        ((_, state),) = read_summary(io.StringIO(header + row), config, [path]).items()
        assert state.pending and state.status == status


def test_a_summary_of_another_form_is_refused(config):
    with pytest.raises(DarkreachError, match="no column 'plan'"):
        read_summary(io.StringIO("output_file\trule\tshellcmd\tstatus\na\tb\tc\tok\n"), config)


def test_locks_of_other_results_do_not_count(config, tmp_path):
    locks = tmp_path / "locks"
    assert not is_locked(config, locks)
    locks.mkdir()
    (locks / "0.output.lock").write_text("results_b/a.root\nother/results/b.root\n")
    assert not is_locked(config, locks)
    (locks / "1.output.lock").write_text("other/a.root\nresults/ntuples/fourmuon/b01.root\n")
    assert is_locked(config, locks)


def test_without_a_snakefile_there_is_one_sentence(config, monkeypatch, tmp_path):
    monkeypatch.setattr(jobs.darkreach, "__file__", str(tmp_path / "a/b/c.py"))
    with pytest.raises(DarkreachError, match="no Snakefile here nor at"):
        plan_of(config, [])


def test_what_snakemake_refuses_is_told(config, tmp_path):
    (tmp_path / "Snakefile").write_text("raise WorkflowError('the moon is full')\n")
    with pytest.raises(DarkreachError, match=r"Snakemake cannot plan the next run: .*the moon is full"):
        plan_of(config, [])


def test_the_summary_of_a_workflow_of_any_name_of_rules(config, tmp_path):
    (tmp_path / "Snakefile").write_text(
        "import os\nassert os.environ['DARKREACH_NO_CATALOGUE'] == '1'\n"
        "rule report:\n    output: 'results/report.html'\n    shell: 'touch {output}'\n"
    )
    assert {job: state.pending for job, state in plan_of(config, []).items()} == {Job("report"): True}
    assert not os.path.exists("results")
