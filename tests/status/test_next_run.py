"""What files on disk will add to the jobs of the next run."""

from collections import Counter

import pytest

from darkreach.columnar.merge_tree import FAN_IN
from darkreach.status.jobs import INTERRUPTED, MISSING, UP_TO_DATE, Job, State
from darkreach.status.known import BlockName, Listing, Uncatalogued
from darkreach.status.next_run import merge_nodes, next_jobs

SEARCH = "mumu_resonance"
AFTER_MERGE = {"scan": 4, "significance": 1, "limits": 1, "figures": 1, "report": 1}


@pytest.fixture
def finished(recorded):
    return recorded("finished")


def counts(jobs) -> dict[str, int]:
    return dict(Counter(job.rule for job in jobs))


def test_a_finished_run_has_nothing_to_do(config, finished):
    assert next_jobs(config, finished, Listing()) == set()


@pytest.mark.parametrize("block", ["b00003", "b00007"])
def test_a_block_of_data_costs_one_skim_and_what_comes_after(config, finished, block):
    jobs = next_jobs(config, finished, Listing(remade={BlockName("mumu_data", block)}))
    assert counts(jobs) == {"skim": 1, "histogram": 1, "merge": 1, **AFTER_MERGE}
    assert Job("skim", SEARCH, "mumu_data", block) in jobs
    assert {job.search for job in jobs} == {SEARCH, None}


def test_files_that_were_not_looked_into_count_as_so_many_blocks(config, finished):
    jobs = next_jobs(config, finished, Listing(uncatalogued={"mumu_data": Uncatalogued(["a", "b", "c"], 3)}))
    assert counts(jobs) == {"skim": 3, "histogram": 3, "merge": 1, **AFTER_MERGE}


def test_a_block_that_was_taken_out_costs_the_merge(config, finished):
    jobs = next_jobs(config, finished, Listing(dropped={BlockName("mumu_data", "b00002")}))
    assert counts(jobs) == {"merge": 1, **AFTER_MERGE}


def test_new_simulation_trains_and_fills_everything_again(config, finished):
    config.samples["fourmuon"] = config.samples["fourmuon"].model_copy(update={"simulate": None})
    jobs = next_jobs(config, finished, Listing(remade={BlockName("fourmuon", "b02")}))
    # two regions; histograms of six blocks of data, of zprime and of both of fourmuon
    assert counts(jobs) == {"skim": 1, "train": 2, "histogram": 9, "merge": 1, **AFTER_MERGE}


def test_new_simulation_without_classifier_trains_nothing(config, finished):
    jobs = next_jobs(config, finished, Listing(remade={BlockName("mumu", "b02")}))
    found = counts(jobs)
    assert (found["skim"], found["histogram"], found["merge"]) == (1, 1, 1) and "train" not in found
    assert {job.search for job in jobs} == {"dimuon_recoil", None}


def test_an_interrupted_job_pulls_along_what_follows_it(config, finished):
    cause = next(job for job in finished if job.rule == "histogram" and job.block == "b00004")
    plan = finished | {cause: State(True, INTERRUPTED)}
    assert counts(next_jobs(config, plan, Listing())) == {"histogram": 1, "merge": 1, **AFTER_MERGE}
    cause = next(job for job in finished if job.rule == "limits" and job.search == SEARCH)
    plan = finished | {cause: State(True, INTERRUPTED)}
    assert counts(next_jobs(config, plan, Listing())) == {"limits": 1, "figures": 1, "report": 1}


def test_the_tree_of_the_merge_has_every_block_once_on_each_level():
    names = [f"b{i:05d}" for i in range(2000)]
    nodes = merge_nodes(names)
    for level, width in ((1, 63), (2, 2)):
        groups = [group for node, group in nodes.items() if node.startswith(f"{level}-")]
        assert len(groups) == width and sorted(block for group in groups for block in group) == names
    assert not merge_nodes(names[:FAN_IN]) and len(merge_nodes(names[: FAN_IN + 1])) == 2


def test_one_more_block_of_many_costs_a_node_of_each_level(config):
    blocks = [f"b{i:05d}" for i in range(1, 2001)]
    plan = {Job("histogram", SEARCH, "mumu_data", block): State(False, UP_TO_DATE) for block in blocks}
    plan |= {Job("merge", SEARCH): State(False, UP_TO_DATE), Job("report"): State(True, MISSING)}
    jobs = next_jobs(config, plan, Listing(remade={BlockName("mumu_data", "b02001")}))
    assert counts(jobs) == {"skim": 1, "histogram": 1, "merge_blocks": 2, "merge": 1, "report": 1}
    assert {job.name for job in jobs if job.rule == "merge_blocks"} == {"1-62", "2-1"}
