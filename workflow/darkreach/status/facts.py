"""All that `status` says, gathered in one place, and as plain values for `--json`."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from darkreach.config.root import Config
from darkreach.status.blocks import STATES, Block, all_blocks
from darkreach.status.duration import Cost, Records, cost_of
from darkreach.status.jobs import is_locked, plan_of
from darkreach.status.known import (
    BlockName,
    catalogued_blocks,
    merged_blocks,
    searches_of,
    skim_records,
)
from darkreach.status.listing import list_files
from darkreach.status.luminosity import Luminosity, luminosities
from darkreach.status.next_run import next_jobs
from darkreach.status.searches import SearchState, search_states


@dataclass(frozen=True)
class Status:
    """What there is, what is missing, and what the next run would do."""

    config: Config
    blocks: dict[BlockName, Block]
    luminosity: dict[tuple[str, str], Luminosity]  # by sample and search
    searches: dict[str, SearchState]
    next_run: Cost
    refusals: list[str]  # with which the next run would stop
    locked: bool  # a run is going on, or was killed

    def counts(self, sample: str) -> Counter[str]:
        """Number of blocks of a sample by state."""
        number: Counter[str] = Counter()
        for name, block in self.blocks.items():
            if name.sample == sample:
                number[block.state] += block.number
        return number


def status_of(config: Config, options: Sequence[str]) -> Status:
    """Gather everything; `options` say to Snakemake what the configuration is. Writes nothing.

    Raises:
        DarkreachError: Snakemake cannot plan, or a file of the workflow's own is damaged.
    """
    plan = plan_of(config, options)
    catalogued = catalogued_blocks(config)
    listing = list_files(config)
    read = skim_records(config, catalogued)
    used = {search: merged_blocks(config, search) for search in config.searches}
    jobs = next_jobs(config, plan, listing)
    return Status(
        config=config,
        blocks=all_blocks(config, plan, catalogued, listing, read),
        luminosity=luminosities(config, plan, catalogued, read, used),
        searches=search_states(config, plan, jobs),
        next_run=cost_of(jobs, Records(Path(config.results, "benchmarks")), config),
        refusals=listing.refusals,
        locked=is_locked(config),
    )


def as_values(status: Status) -> dict[str, Any]:
    """Everything as plain values, as `--json` prints them. Luminosities are in fb⁻¹, times in s."""
    return {
        "results": status.config.results,
        "refusals": status.refusals,
        "locked": status.locked,
        "samples": {sample: _sample_values(status, sample) for sample in status.config.samples},
        "searches": {search: asdict(state) for search, state in status.searches.items()},
        "next_run": {
            "jobs": {rule: cost.jobs for rule, cost in status.next_run.rules.items()},
            "total_jobs": status.next_run.jobs,
            "mean_seconds": {rule: cost.mean_seconds for rule, cost in status.next_run.rules.items()},
            "cores": status.next_run.cores,
            "wall_seconds": status.next_run.wall_seconds,
            "jobs_of_unknown_time": status.next_run.unknown,
        },
    }


def _sample_values(status: Status, sample: str) -> dict[str, Any]:
    settings, counts = status.config.samples[sample], status.counts(sample)
    searches = searches_of(status.config, sample)
    blocks = {name.block: block for name, block in status.blocks.items() if name.sample == sample}
    luminosity = {s: status.luminosity[sample, s] for s in searches if (sample, s) in status.luminosity}
    return {
        "kind": settings.kind,
        "simulated": settings.simulate is not None,
        "searches": searches,
        "count": {state: counts[state] for state in STATES},
        "luminosity_fb": {
            search: {"catalogued": fb.catalogued_fb, "processed": fb.processed_fb, "used": fb.used_fb}
            for search, fb in luminosity.items()
        },
        "blocks": {
            name: {
                "state": block.state,
                "why": block.why,
                "files": block.files,
                "luminosity_fb": block.luminosity_fb,
            }
            for name, block in blocks.items()
        },
    }
