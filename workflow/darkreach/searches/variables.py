"""The variables of a search: which branches of an ntuple they are, and which rows have them all."""

import numpy as np

from darkreach.config.stages import SkimSpec


def branches_of(spec: SkimSpec, kind: str) -> dict[str, str]:
    """Own names of the variables → branches of the ntuple.

    Own names are `{track}.{variable}`, `{event variable}`, `trigger.{line}` and, in signal blocks, those of
    the truth and of the reported trigger lines. kind is data, background or signal.
    """
    columns = spec.columns
    names = {
        f"{track}.{variable}": f"{prefix}_{branch}"
        for track, prefix in columns.tracks.items()
        for variable, branch in columns.track_variables.items()
    }
    names |= {f"trigger.{line}": line for line in spec.trigger_lines}
    names |= columns.event_variables
    if kind == "signal":
        names |= columns.truth | {f"trigger.{line}": line for line in spec.reported_lines}
    return names


def undefined(variables: dict[str, np.ndarray], spec: SkimSpec) -> dict[str, np.ndarray]:
    """Variables of the selection that are not finite somewhere → (n,) mask of the rows.

    basf2 gives NaN for a trigger line that a run did not have, so only rows without any line are undefined.
    """
    masks = {
        name: ~np.isfinite(array)
        for name, array in variables.items()
        if ("." in name or name in spec.columns.event_variables) and not name.startswith("trigger.")
    }
    lines = [f"trigger.{line}" for line in spec.trigger_lines]
    if lines:
        masks[lines[0]] = np.logical_and.reduce([~np.isfinite(variables[line]) for line in lines])
    return {name: mask for name, mask in masks.items() if mask.any()}


def with_triggers(variables: dict[str, np.ndarray], lines: list[str]) -> dict[str, np.ndarray]:
    """The variables with one bit mask `triggers` in place of the columns of the lines: bit i is line i.

    The bits of lines that are not among the variables are zero.
    """
    triggers = np.zeros(len(variables["weight"]), dtype=np.int32)
    for bit, line in enumerate(lines):
        if f"trigger.{line}" in variables:
            # > 0, because basf2 gives NaN for a line that a run did not have
            triggers |= (variables[f"trigger.{line}"] > 0).astype(np.int32) << bit
    others = {name: array for name, array in variables.items() if not name.startswith("trigger.")}
    return others | {"triggers": triggers}
