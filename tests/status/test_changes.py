"""Why a job is pending, in words."""

import json
import shlex

from darkreach.config import stages
from darkreach.status.changes import WHY, recorded_specification, why
from darkreach.status.jobs import SETTINGS, Job, State


def state_of(spec) -> State:
    """A job that was made with another specification."""
    quoted = shlex.quote(spec if isinstance(spec, str) else stages.as_json(spec))
    return State(True, SETTINGS, f"python -m darkreach skim --spec {quoted} --manifest a.json > a.log 2>&1")


def test_a_recorded_command_has_the_changed_cut(recorded, config):
    job = Job("skim", "dimuon_recoil", "mumu", "b01")
    command = recorded("changed")[job].command
    old = json.loads(recorded_specification(command))
    assert old["selection"]["maximum_extra_energy_GeV"] == 0.4
    assert recorded_specification("python -m darkreach report --output a.html") is None


def test_changed_settings_are_named(configured):
    job = Job("skim", "dimuon_recoil", "mumu", "b01")
    old = configured()
    state = state_of(stages.skim_spec(old, "dimuon_recoil", "mumu"))
    new = configured({"searches": {"dimuon_recoil": {"selection": {"maximum_extra_energy_GeV": 0.35}}}})
    assert why(job, state, new) == "settings of skim changed: selection.maximum_extra_energy_GeV 0.4 → 0.35"
    assert why(job, state, old) == "code or environment of skim changed"


def test_many_changes_are_counted(config):
    job = Job("skim", "dimuon_recoil", "mumu", "b01")
    values = json.loads(stages.as_json(stages.skim_spec(config, "dimuon_recoil", "mumu")))
    values["trigger_lines"] = ["a'b", *values["trigger_lines"]]  # of another length, and with a quote
    values["selection"] = dict.fromkeys(values["selection"], -1)
    text = why(job, state_of(json.dumps(values)), config)
    assert text.startswith("settings of skim changed: selection.") and text.endswith(" more")
    more = int(text.split()[-2])
    assert more == len(values["selection"]) + 1 - 3


def test_jobs_of_all_stages_can_be_compared(config):
    """Every stage with a specification is known by the name of its rule."""
    search, sample, model = "mumu_resonance", "fourmuon", "zprime"
    chunk = stages.chunk_names(config, search)[0]
    specs = {
        Job("simulate", sample=sample, block="b01"): stages.simulate_spec(config, sample, "b01"),
        Job("train", search, name="low"): stages.train_spec(config, search, "low"),
        Job("histogram", search, sample, "b01"): stages.histogram_spec(config, search, sample),
        Job("merge", search): stages.merge_spec(config, search),
        Job("scan", search, model=model, name=chunk): stages.scan_spec(config, search, model, chunk),
        Job("limits", search, model=model): stages.limits_spec(config, search, model),
    }
    for job, spec in specs.items():
        assert why(job, state_of(spec), config) == f"code or environment of {job.rule} changed"
    assert why(Job("report"), state_of("{}"), config) == ("settings, code or environment of report changed")


def test_every_word_of_snakemake_is_told_with_its_rule(config):
    job = Job("skim", "dimuon_recoil", "mumu", "b01")
    said = {status: why(job, State(True, status), config) for status in (*WHY, "something new")}
    assert said["updated input files"] == "an input of skim changed"
    assert said["ok"] == "an earlier stage runs again" and said["something new"] == "something new (skim)"
    assert said["interrupted"] == "skim was interrupted"
