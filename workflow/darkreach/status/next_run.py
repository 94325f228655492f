"""The jobs of the next run: those that Snakemake has, and those that files on disk will add."""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from darkreach.columnar.merge_tree import FAN_IN, grouped
from darkreach.config.root import Config
from darkreach.status.jobs import INTERRUPTED, ORDER, Job, State, rank
from darkreach.status.known import Listing, searches_of


def next_jobs(config: Config, plan: Mapping[Job, State], listing: Listing) -> set[Job]:
    """Every job of the next run.

    Snakemake does not know of files that the catalogue will find then, nor, in its summary, of results that
    were half written: their jobs, and all that follow, are added here.
    """
    jobs = {job for job, state in plan.items() if state.pending}
    causes = [job for job in jobs if plan[job].status == INTERRUPTED]
    again = _blocks_again(listing)
    for sample in {*again, *(name.sample for name in listing.dropped)}:
        dropped = {name.block for name in listing.dropped if name.sample == sample}
        for search in searches_of(config, sample):
            blocks = again.get(sample, set())
            jobs |= {Job(rule, search, sample, block) for rule in ("skim", "histogram") for block in blocks}
            jobs |= _merges(plan, search, sample, blocks, dropped)
            causes.append(Job("skim", search, sample))
    return jobs | {job for job in plan if any(follows(job, cause, config) for cause in causes)}


def _blocks_again(listing: Listing) -> dict[str, set[str]]:
    """Sample → blocks that files on disk make, or make again; of some only the number is known."""
    again: dict[str, set[str]] = defaultdict(set)
    for name in listing.remade:
        again[name.sample].add(name.block)
    for sample, files in listing.uncatalogued.items():
        again[sample] |= {f"new {i}" for i in range(files.blocks)}
    return again


def follows(job: Job, cause: Job, config: Config) -> bool:
    """Whether a job has to run, at whatever distance, because another one did.

    Of the jobs of other blocks and of nodes of the merge only those that a new classifier makes run.
    """
    if job.rule == "report":
        return cause.rule != "report"
    if rank(job) <= rank(cause) or job.search not in _searches(cause, config):
        return False
    if job.search and cause.sample and config.searches[job.search].classifier is not None:
        before_training = rank(cause) < ORDER.index("train") <= rank(job)
        if before_training and config.samples[cause.sample].kind != "data":
            return True
    if cause.rule == "train":
        return True
    if job.rule == "train":
        return False
    if job.sample is not None:
        return (job.sample, job.block) == (cause.sample, cause.block)
    return cause.model is None or cause.model == job.model


def _searches(job: Job, config: Config) -> list[str]:
    """The searches that a job is for."""
    if job.search is not None:
        return [job.search]
    return searches_of(config, job.sample) if job.sample is not None else []


def _merges(plan: Iterable[Job], search: str, sample: str, again: set[str], dropped: set[str]) -> set[Job]:
    """Nodes of the merge of a sample that have another sum once the files on disk are catalogued."""
    histograms = (job for job in plan if job.rule == "histogram")
    old = {job.block for job in histograms if (job.search, job.sample) == (search, sample) and job.block}
    before, after = merge_nodes(old), merge_nodes((old | again) - dropped)
    changed = [n for n, blocks in after.items() if blocks != before.get(n) or not again.isdisjoint(blocks)]
    return {Job("merge_blocks", search, sample, name=node) for node in changed}


def merge_nodes(blocks: Iterable[str]) -> dict[str, frozenset[str]]:
    """Blocks below each node `{level}-{index}` of the tree in which a sample is merged."""
    level, groups = 0, [frozenset([block]) for block in sorted(blocks)]
    nodes: dict[str, frozenset[str]] = {}
    while len(groups) > FAN_IN:
        level += 1
        groups = [frozenset[str]().union(*group) for group in grouped(groups)]
        nodes |= {f"{level}-{index}": group for index, group in enumerate(groups)}
    return nodes
