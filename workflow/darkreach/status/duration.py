"""How long the next run takes, from the benchmark records of earlier ones."""

import csv
import os
from collections import Counter, defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import fmean

from darkreach.config.root import Config
from darkreach.status.jobs import Job, rank

# records of these rules lie in folders of another name
_FOLDERS = {"tau_library": "generate"}


@dataclass(frozen=True)
class RuleCost:
    """What the next run spends on one rule."""

    jobs: int
    seconds: float  # of all jobs whose time is known, one after the other
    unknown: int  # jobs without any record

    @property
    def mean_seconds(self) -> float | None:
        """Time of one job, None if no record says it."""
        known = self.jobs - self.unknown
        return self.seconds / known if known else None


@dataclass(frozen=True)
class Cost:
    """What the next run does and takes."""

    rules: dict[str, RuleCost]
    cores: int
    wall_seconds: float  # of what is known

    @property
    def jobs(self) -> int:
        """Number of all jobs."""
        return sum(rule.jobs for rule in self.rules.values())

    @property
    def unknown(self) -> dict[str, int]:
        """Jobs whose time no record says, by rule."""
        return {name: rule.unknown for name, rule in self.rules.items() if rule.unknown}


class Records:
    """Benchmark records below a folder: `{rule}/{wildcards}.tsv`, as Snakemake writes them."""

    def __init__(self, folder: str | os.PathLike) -> None:
        self._folder = Path(folder)
        self._mean = cache(self._mean_of)

    def seconds(self, job: Job) -> float | None:
        """Mean time of the nearest kin: of the same search and sample, of the search, of the rule."""
        rule = self._folder / _FOLDERS.get(job.rule, job.rule)
        parts = job.parts
        for depth in range(len(parts) - 1, -1, -1):
            mean = self._mean(rule.joinpath(*parts[:depth]))
            if mean is not None:
                return mean
        return self._mean(rule.with_suffix(".tsv"))

    def _mean_of(self, place: Path) -> float | None:
        files = place.rglob("*.tsv") if place.is_dir() else [place]
        times = [seconds for file in files for seconds in _seconds_in(file)]
        return fmean(times) if times else None


def _seconds_in(file: Path) -> list[float]:
    """Wall time in s of every run in a record; none if it is missing or half written."""
    try:
        with open(file, encoding="utf-8", newline="") as table:
            return [float(row["s"]) for row in csv.DictReader(table, delimiter="\t")]
    except (OSError, KeyError, TypeError, ValueError):
        return []


def cost_of(jobs: Collection[Job], records: Records, config: Config, cores: int | None = None) -> Cost:
    """What `jobs` take on so many cores; without a number on those of this machine."""
    cores = cores or len(os.sched_getaffinity(0))
    count, unknown = Counter(job.rule for job in jobs), Counter[str]()
    total, work = defaultdict[str, float](float), 0.0
    # the longest job of each rule and search: stages of one search follow each other
    longest: dict[str, dict[str, float]] = {search: defaultdict(float) for search in config.searches}
    for job in jobs:
        seconds = records.seconds(job)
        if seconds is None:
            unknown[job.rule] += 1
            continue
        total[job.rule] += seconds
        work += seconds * (min(config.workers, cores) if job.rule == "histogram" else 1)
        for search in _searches(job, config):
            longest[search][job.rule] = max(longest[search][job.rule], seconds)
    chain = max((sum(stages.values()) for stages in longest.values()), default=0.0)
    # a scheduler that leaves no core idle while a job is ready never needs more (Graham 1969)
    wall = work / cores + chain * (1 - 1 / cores)
    order = sorted(count, key=lambda rule: rank(Job(rule)))
    rules = {rule: RuleCost(count[rule], total[rule], unknown[rule]) for rule in order}
    return Cost(rules, cores, wall)


def _searches(job: Job, config: Config) -> list[str]:
    """The searches whose results wait for a job."""
    if job.search is not None:
        return [job.search]
    return [name for name in config.searches if job.sample is None or job.sample in config.samples_of(name)]
