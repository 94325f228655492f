"""What `darkreach status` prints, and the configuration that it reads."""

import json

import pytest

from darkreach.cli import main
from darkreach.status.blocks import Block
from darkreach.status.command import read_config
from darkreach.status.duration import Records, cost_of
from darkreach.status.facts import Status, as_values, status_of
from darkreach.status.jobs import Job
from darkreach.status.known import BlockName
from darkreach.status.luminosity import Luminosity
from darkreach.status.searches import search_states
from darkreach.status.table import aligned, as_text, duration

SEARCH = "mumu_resonance"


@pytest.fixture
def many(config, recorded, tmp_path) -> Status:
    """Five thousand blocks of data, 57 of which are not done."""
    blocks = [Block(BlockName("mumu_data", f"b{i:05d}"), 1.0) for i in range(5000)]
    for block in blocks[100:156]:
        block.note("stale", "settings changed: selection.a 1 → 2")
    blocks[4000].note("broken", "mine/x.root: it is gone", ["mine/x.root"])
    folder = tmp_path / "benchmarks/skim" / SEARCH / "mumu_data"
    folder.mkdir(parents=True)
    (folder / "b1.tsv").write_text("s\tcpu_time\n90.0\t80.0\n")
    jobs = [Job("skim", SEARCH, "mumu_data", f"b{i:05d}") for i in range(100, 156)] + [Job("report")]
    plan = recorded("changed")
    return Status(
        config=config,
        blocks={block.name: block for block in blocks},
        luminosity={("mumu_data", SEARCH): Luminosity(5000.0, 4943.0, 4999.5)},
        searches=search_states(config, plan, [job for job, state in plan.items() if state.pending]),
        next_run=cost_of(jobs, Records(tmp_path / "benchmarks"), config, cores=2),
        refusals=["samples.mumu_data: 1 catalogued file cannot be read"],
        locked=True,
    )


def test_a_page_is_short_however_many_blocks_there_are(many):
    text = as_text(many)
    lines = text.splitlines()
    assert len(lines) < 70 and max(map(len, lines)) < 130
    assert lines[0].startswith("A run is going on")
    assert lines[1] == "The next run would stop: samples.mumu_data: 1 catalogued file cannot be read"
    row = next(line for line in lines if line.startswith("mumu_data "))
    assert row.split() == ["mumu_data", "data", "5000", "4943", "-", "56", "-", "1"]
    listed = [line for line in lines if line.startswith("mumu_data/")]
    assert len(listed) == 20 and listed[0].split()[:2] == ["mumu_data/b04000", "broken"]
    assert "... and 37 more" in lines
    assert "5000.000   4943.000  4999.500" in text
    # 56 jobs of 90 s on two cores, and half of the last one
    assert lines[-1] == "57 jobs, about 43 min on 2 cores; not counting 1 of report, which never ran"


def test_states_of_searches(many):
    resonance, recoil = many.searches[SEARCH], many.searches["dimuon_recoil"]
    assert (resonance.classifier, resonance.templates) == ("up to date", "up to date")
    # the recorded run went to 7.8 GeV
    assert resonance.limits.startswith("stale: 4 of 7 jobs, ")
    assert resonance.data.startswith("unblinded by the tests on 2026-01-01")
    assert (recoil.classifier, recoil.data) == ("none", "simulated, never blind")
    assert recoil.templates == "stale: 1 of 1 jobs, an earlier stage runs again"


def test_a_blind_search_is_called_blind(configured):
    config = configured({"searches": {SEARCH: {"unblind": None}}})
    states = search_states(config, {}, [])
    assert states[SEARCH].data == "blind" and states[SEARCH].limits == "not made yet"


def test_json_has_the_same_facts(many):
    values = json.loads(json.dumps(as_values(many)))
    sample = values["samples"]["mumu_data"]
    assert sample["count"] == {"done": 4943, "new": 0, "stale": 56, "incomplete": 0, "broken": 1}
    assert len(sample["blocks"]) == 5000 and sample["blocks"]["b04000"]["files"] == ["mine/x.root"]
    assert sample["luminosity_fb"] == {SEARCH: {"catalogued": 5000, "processed": 4943, "used": 4999.5}}
    run = values["next_run"]
    assert run["jobs"] == {"skim": 56, "report": 1} and run["jobs_of_unknown_time"] == {"report": 1}
    assert run["mean_seconds"] == {"skim": 90, "report": None}
    assert run["wall_seconds"] == 56 * 90 / 2 + 90 / 2
    assert (
        values["locked"] and values["refusals"] and values["searches"][SEARCH]["classifier"] == "up to date"
    )


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.44, "0.4 s"), (12.4, "12 s"), (180, "3 min"), (9000, "2.5 h"), (99.6, "2 min")]
)
def test_durations(seconds, said):
    assert duration(seconds) == said


def test_columns_are_aligned():
    assert list(aligned([["a", "bb"], ["ccc", "1"]], words=1)) == ["a    bb", "ccc   1"]


def test_the_configuration_is_read_as_snakemake_reads_it(config, tmp_path):
    (tmp_path / "one.yaml").write_text("results: first\nseed: 3\n")
    (tmp_path / "two.yaml").write_text(json.dumps(config.model_dump(mode="json")))
    read = read_config(["one.yaml", "two.yaml"], ["seed=5", "injection=null", "scratch=/a=b"])
    assert (read.results, read.seed, read.scratch) == ("results", 5, "/a=b")


@pytest.mark.parametrize("words", [["--config", "seed"], ["--config", "seed={"], ["--config", "seeed=3"], []])
def test_a_wrong_configuration_is_one_sentence(config, tmp_path, words, capsys):
    (tmp_path / "one.yaml").write_text(json.dumps(config.model_dump(mode="json")))
    assert main(["status", "--configfile", "one.yaml" if words else "two.yaml", *words]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("darkreach status: ") and printed.count("\n") == 1


def test_before_anything_ran(config, write_file, tmp_path):
    """On a real folder, with a workflow of one job in place of the real one."""
    write_file("a.root", [1, 2])
    (tmp_path / "Snakefile").write_text(
        "rule report:\n    output: 'results/report.html'\n    shell: 'touch {output}'\n"
    )
    status = status_of(config, [])
    assert not (tmp_path / "results").exists()
    assert {str(n): b.state for n, b in status.blocks.items() if n.sample == "mumu_data"} == {
        "mumu_data/b00001": "new"
    }
    assert {rule: cost.jobs for rule, cost in status.next_run.rules.items()} == {
        "skim": 1,
        "histogram": 1,
        "report": 1,
    }
    assert status.luminosity["mumu_data", SEARCH] == Luminosity(0, 0, 0)
    assert "how long they take is not known" in as_text(status)
