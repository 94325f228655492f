"""The jobs of the workflow, and which of them Snakemake would run, as its own summary says."""

import base64
import csv
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO

import darkreach
from darkreach.config.root import Config
from darkreach.errors import DarkreachError

# Snakemake's words for a result that there is
UP_TO_DATE, MISSING, SETTINGS = "ok", "missing", "params changed"
INTERRUPTED = "interrupted"  # Snakemake's summary has no word for it
# rules in the order of the flow
ORDER = (
    "tau_library",
    "simulate",
    "catalogue",
    "skim",
    "train",
    "histogram",
    "merge_blocks",
    "merge",
    "scan",
    "significance",
    "limits",
    "figures",
    "report",
)
# folders below results, in order of the wildcards in their paths
_FIELDS = {
    "ntuples": ("sample", "block"),
    "catalogue": ("sample", "block"),
    "skim": ("search", "sample", "block"),
    "histogram": ("search", "sample", "block"),
    "merge": ("search", "sample", "name"),
    "classifier": ("search", "name"),
    "template": ("search",),
    "scan": ("search", "model", "name"),
    "limits": ("search", "model"),
}


@dataclass(frozen=True)
class Job:
    """One job: its rule and what it is for; `name` is a region, a chunk or a node of the merge."""

    rule: str
    search: str | None = None
    sample: str | None = None
    block: str | None = None
    model: str | None = None
    name: str | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """Its wildcards in the order that they have in paths."""
        found = (self.search, self.sample, self.block, self.model, self.name)
        return tuple(part for part in found if part is not None)


def rank(job: Job) -> int:
    """Place of a job in the flow; -1 for a rule that is not in `ORDER`."""
    return ORDER.index(job.rule) if job.rule in ORDER else -1


@dataclass(frozen=True)
class State:
    """What Snakemake says of a job: whether the next run has it, and the state of its results."""

    pending: bool
    status: str
    command: str = ""  # the one that made the results


def plan_of(config: Config, options: Sequence[str]) -> dict[Job, State]:
    """Every job of the workflow with its state; `options` say to Snakemake what the configuration is.

    Raises:
        DarkreachError: the Snakefile is not found, or Snakemake refuses.
    """
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(_snakefile()), "--detailed-summary"]
    # the user's own files are listed by `status` itself, which writes nothing
    environment = {**os.environ, "DARKREACH_NO_CATALOGUE": "1"}
    with tempfile.TemporaryFile("w+", encoding="utf-8") as table:
        done = subprocess.run(
            [*command, *options], stdout=table, stderr=subprocess.PIPE, text=True, env=environment
        )
        if done.returncode:
            raise DarkreachError(f"Snakemake cannot plan the next run: {_complaint(done.stderr)}")
        table.seek(0)
        return read_summary(table, config, interrupted_files(Path(".snakemake/incomplete")))


def _snakefile() -> Path:
    beside_package = Path(darkreach.__file__).parents[2] / "Snakefile"
    for path in (Path("Snakefile"), beside_package):
        if path.is_file():
            return path
    raise DarkreachError(
        f"no Snakefile here nor at {beside_package}; go to the folder of the workflow, or clone it"
    )


def _complaint(printed: str, length: int = 300) -> str:
    """What Snakemake says is wrong, without its remarks and places in files of the workflow."""
    lines = [line.strip() for line in printed.splitlines()]
    wrong = [i for i, line in enumerate(lines) if re.match(r"\w+(Error|Exception)\b", line)]
    # of an error with a place the next lines say what it is
    told = lines[wrong[0] :] if wrong else lines[-3:]
    told = told[1:] if told[1:] and " in " in told[0] else told
    return (
        " ".join(line for line in told if line and not line.startswith("File "))[:length]
        or "it gave no reason"
    )


def read_summary(table: IO[str], config: Config, interrupted: Iterable[str] = ()) -> dict[Job, State]:
    """The states of all jobs from what `snakemake --detailed-summary` prints, one line per result.

    A job is pending if one of its results is; its status is that of the first result that is not ok.

    Raises:
        DarkreachError: the table has other columns.
    """
    csv.field_size_limit(sys.maxsize)  # a merge names thousands of files
    halves = set(interrupted)
    plan: dict[Job, State] = {}
    rows = csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
    absent = sorted({"output_file", "rule", "shellcmd", "status", "plan"} - set(rows.fieldnames or ()))
    if absent:
        raise DarkreachError(
            f"Snakemake's summary has no column '{absent[0]}'; use the version of envs/requirements.txt"
        )
    for row in rows:
        job = job_of(row["rule"], row["output_file"], config)
        waiting, status = row["plan"] == "update pending", row["status"]
        if row["output_file"] in halves and status != MISSING:
            waiting, status = True, INTERRUPTED
        before = plan.get(job)
        if before is None:
            plan[job] = State(waiting, status, row["shellcmd"])
        elif before.status == UP_TO_DATE:
            plan[job] = replace(before, pending=waiting or before.pending, status=status)
    return plan


def job_of(rule: str, output: str, config: Config) -> Job:
    """The job that makes a result, from its place below the folder of results."""
    relative = Path(os.path.relpath(output, config.results))
    folder, *parts = relative.with_suffix("").parts
    fields = _FIELDS.get(folder)
    if not parts:
        return Job(rule)
    if fields is None or len(fields) != len(parts):
        return Job(rule, name="/".join(parts))
    found = dict(zip(fields, parts, strict=True))
    if folder == "limits":
        search = config.searches.get(found["search"])
        found["model"] = _model_of(found["model"], search.models if search else [])
    if rule == "significance":
        del found["name"]
    return Job(rule, **found)


def _model_of(stem: str, models: Iterable[str]) -> str:
    """The model of `zprime`, `zprime_checks` and so on; `hnl_majorana_checks` is not of `hnl`."""
    meant = [model for model in models if stem == model or stem.startswith(f"{model}_")]
    return max(meant, key=len, default=stem)


def interrupted_files(folder: Path) -> list[str]:
    """Results of jobs that were started and neither ended nor failed, as Snakemake marks them.

    It names an empty file after the base64 of the path, cut into folders `@…` where that is too long.
    """
    marks = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    names = ("".join(part.removeprefix("@") for part in mark.parts) for mark in marks)
    return [base64.urlsafe_b64decode(name).decode() for name in names if len(name) % 4 == 0]


def is_locked(config: Config, folder: Path = Path(".snakemake/locks")) -> bool:
    """Whether a run that is going on, or was killed, has locked these results."""
    below = f"{os.path.normpath(config.results)}/"
    for lock in folder.glob("*.lock"):
        with open(lock, encoding="utf-8") as files:
            if any(os.path.normpath(file).startswith(below) for file in files):
                return True
    return False
