"""What changed in the settings of a job since its results were made."""

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, cast

from darkreach.config import stages
from darkreach.config.root import Config
from darkreach.config.samples import ModelName
from darkreach.status.jobs import INTERRUPTED, MISSING, SETTINGS, UP_TO_DATE, Job, State

FOLLOWS = "an earlier stage runs again"
WHY = {
    MISSING: "not made yet",
    INTERRUPTED: "{rule} was interrupted",
    "updated input files": "an input of {rule} changed",
    "set of input files changed": "{rule} has other inputs than before",
    "rule implementation changed": "the rule {rule} changed",
    SETTINGS: "settings, code or environment of {rule} changed",
    UP_TO_DATE: FOLLOWS,
}
SHOWN = 3  # changed keys in one line


def why(job: Job, state: State, config: Config) -> str:
    """Why a job is pending, in words; of changed settings which."""
    if state.status == SETTINGS:
        new, old = _specification(job, config), recorded_specification(state.command)
        if new is not None and old is not None:
            return _in_words(job.rule, old, stages.as_json(new))
    return WHY.get(state.status, f"{state.status} ({{rule}})").format(rule=job.rule)


def recorded_specification(command: str) -> str | None:
    """The JSON that a recorded command line has behind `--spec`, None if there is none."""
    # the shell's way to have a quote within quotes
    text = command.partition("--spec ")[2].replace("""'"'"'""", "'").lstrip("'")
    try:
        _, end = json.JSONDecoder().raw_decode(text)
    except ValueError:
        return None
    return text[:end]


@lru_cache(maxsize=256)  # blocks of a sample have the same
def _in_words(rule: str, old: str, new: str) -> str:
    changes = list(_differences(json.loads(old), json.loads(new)))
    if not changes:
        return f"code or environment of {rule} changed"
    more = [f"{len(changes) - SHOWN} more"] if len(changes) > SHOWN else []
    return f"settings of {rule} changed: {', '.join(changes[:SHOWN] + more)}"


def _differences(old: Any, new: Any, key: str = "") -> Iterator[str]:
    """Keys whose values differ, with both values where they are short."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for name in sorted({*old, *new}):
            yield from _differences(old.get(name), new.get(name), f"{key}.{name}" if key else name)
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for i, (one, other) in enumerate(zip(old, new, strict=True)):
            yield from _differences(one, other, f"{key}[{i}]")
    else:
        both = f" {json.dumps(old)} → {json.dumps(new)}"
        yield key + (both if len(both) <= 40 else "")


def _specification(job: Job, config: Config) -> Any:
    """What the job would be told now, None for stages without specification."""
    match job:
        case Job("simulate", sample=str(sample), block=str(block)):
            return stages.simulate_spec(config, sample, block)
        case Job("skim", search=str(search), sample=str(sample)):
            return stages.skim_spec(config, search, sample)
        case Job("train", search=str(search), name=str(region)):
            return stages.train_spec(config, search, region)
        case Job("histogram", search=str(search), sample=str(sample)):
            return stages.histogram_spec(config, search, sample)
        case Job("merge", search=str(search), sample=None):
            return stages.merge_spec(config, search)
        case Job("scan", search=str(search), model=str(model), name=str(chunk)):
            return stages.scan_spec(config, search, cast(ModelName, model), chunk)
        case Job("limits", search=str(search), model=str(model)):
            return stages.limits_spec(config, search, cast(ModelName, model))
    return None
