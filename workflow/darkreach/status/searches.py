"""How far the classifiers, templates and limits of each search are, and whether its data are blind."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from darkreach.config import stages
from darkreach.config.root import Config
from darkreach.status.changes import FOLLOWS, why
from darkreach.status.jobs import MISSING, Job, State, rank

# what a line is about → the rules behind it
STAGES = {
    "classifier": ("train",),
    "templates": ("merge",),
    "limits": ("scan", "significance", "limits", "figures"),
}


@dataclass(frozen=True)
class SearchState:
    """One search, in words."""

    classifier: str
    templates: str
    limits: str
    data: str


def search_states(
    config: Config, plan: Mapping[Job, State], next_run: Collection[Job]
) -> dict[str, SearchState]:
    """The state of every search, given the jobs of the next run."""
    found = {}
    for search in config.searches:
        words = {}
        for stage, rules in STAGES.items():
            jobs = [job for job in plan if job.search == search and job.rule in rules]
            words[stage] = _in_words(config, plan, next_run, jobs)
        if config.searches[search].classifier is None:
            words["classifier"] = "none"
        found[search] = SearchState(**words, data=_blinding(config, search))
    return found


def _in_words(config: Config, plan: Mapping[Job, State], next_run: Collection[Job], jobs: list[Job]) -> str:
    again = [job for job in jobs if job in next_run]
    if not jobs or all(plan[job].status == MISSING for job in jobs):
        return "not made yet"
    if not again:
        return "up to date"
    first = min(map(rank, again))
    reasons = [why(job, plan[job], config) for job in again if rank(job) == first and plan[job].pending]
    reason = next((r for r in reasons if r != FOLLOWS), FOLLOWS)
    return f"stale: {len(again)} of {len(jobs)} jobs, {reason}"


def _blinding(config: Config, search: str) -> str:
    if all(s.simulate is not None for s in config.samples_of(search).values() if s.kind == "data"):
        return "simulated, never blind"
    if stages.is_blind(config, search):
        return "blind"
    return str(config.searches[search].unblind)
