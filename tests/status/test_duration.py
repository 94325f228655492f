"""How long the next run takes."""

import pytest

from darkreach.status.duration import Records, cost_of
from darkreach.status.jobs import Job

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


@pytest.fixture
def record(tmp_path):
    """Write the benchmark record of a job as Snakemake does."""

    def write(name: str, *seconds: float) -> None:
        path = tmp_path / "benchmarks" / f"{name}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        rows = (f"{s}\t0:00:02\t105.59\t495.24\t55.16\t68.78\t0.01\t0.11\t23.49\t0.72\n" for s in seconds)
        path.write_text(HEADER + "".join(rows))

    return write


@pytest.fixture
def records(tmp_path):
    return Records(tmp_path / "benchmarks")


def skim(block, search="mumu_resonance", sample="mumu_data"):
    return Job("skim", search, sample, block)


def test_the_nearest_kin_say_how_long_a_job_takes(record, records):
    record("skim/mumu_resonance/mumu_data/b1", 2.0)
    record("skim/mumu_resonance/mumu_data/b2", 4.0)
    record("skim/mumu_resonance/fourmuon/b01", 12.0)
    record("skim/dimuon_recoil/mumu/b01", 22.0)
    assert records.seconds(skim("b3")) == 3.0
    assert records.seconds(skim("x", sample="qqbar")) == 6.0
    assert records.seconds(skim("x", "other", "y")) == 10.0
    assert records.seconds(Job("histogram", "mumu_resonance", "mumu_data", "b3")) is None


def test_rules_with_records_in_other_places(record, records):
    record("report", 5.0)
    record("generate/tau_data", 7.0)
    record("merge/mumu_resonance", 3.0)
    assert records.seconds(Job("report")) == 5.0
    assert records.seconds(Job("tau_library", name="generated/tau_simulation")) == 7.0
    assert records.seconds(Job("merge", "dimuon_recoil")) == 3.0


def test_half_written_records_do_not_count(record, records, tmp_path):
    record("skim/mumu_resonance/mumu_data/b1", 2.0)
    folder = tmp_path / "benchmarks/skim/mumu_resonance/mumu_data"
    (folder / "b2.tsv").write_text("")
    (folder / "b3.tsv").write_text(HEADER + "NA\t")
    assert records.seconds(skim("b4")) == 2.0


def test_one_core_takes_the_sum_and_many_the_longest_chain(config, record, records):
    record("skim/mumu_resonance/mumu_data/b1", 10.0)
    record("histogram/mumu_resonance/mumu_data/b1", 20.0)
    record("merge/mumu_resonance", 5.0)
    jobs = [Job(r, "mumu_resonance", "mumu_data", f"b{i}") for r in ("skim", "histogram") for i in range(8)]
    jobs.append(Job("merge", "mumu_resonance"))
    assert cost_of(jobs, records, config, cores=1).wall_seconds == pytest.approx(245)
    assert cost_of(jobs, records, config, cores=10**6).wall_seconds == pytest.approx(35, rel=1e-3)
    two = cost_of(jobs, records, config, cores=2)
    # the best there is on two cores: 4 skims and 4 histograms after each other, then the merge
    assert 125 <= two.wall_seconds <= 125 + 35 / 2
    assert two.rules["skim"].mean_seconds == 10 and two.jobs == 17 and not two.unknown


def test_searches_do_not_wait_for_each_other(config, record, records):
    record("scan/mumu_resonance/zprime/a", 30.0)
    record("scan/dimuon_recoil/zprime/a", 40.0)
    jobs = [Job("scan", s, model="zprime", name="a") for s in ("mumu_resonance", "dimuon_recoil")]
    assert cost_of(jobs, records, config, cores=10**6).wall_seconds == pytest.approx(40, rel=1e-3)


def test_what_has_no_record_is_said(config, record, records):
    record("skim/mumu_resonance/mumu_data/b1", 10.0)
    cost = cost_of([skim("b2"), Job("train", "mumu_resonance", name="low")], records, config, cores=1)
    assert cost.unknown == {"train": 1} and cost.wall_seconds == 10
    assert cost.rules["train"].mean_seconds is None
    assert list(cost.rules) == ["skim", "train"]  # in the order of the flow
