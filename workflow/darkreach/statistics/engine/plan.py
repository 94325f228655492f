"""Index tables of a shape: which parameter scales which template, worked out once per shape."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from darkreach.statistics.engine.workspace import Shape


@dataclass(frozen=True)
class Extra:
    """A bin-wise modifier of one channel whose parameters are fitted like any other."""

    templates: np.ndarray  # which templates of the channel it multiplies, bool
    dense: np.ndarray  # position of each bin's parameter among the dense parameters


@dataclass(frozen=True)
class ChannelPlan:
    """Templates of a channel, those that the profiled γ multiplies first.

    `templates` index into the plan's template list, `scaled` is the number of those γ multiplies.
    """

    bins: slice
    templates: np.ndarray
    scaled: int
    gamma: np.ndarray | None  # parameter of each bin's profiled γ
    gamma_kind: int
    extras: tuple[Extra, ...]


@dataclass(frozen=True)
class Plan:
    """A template is (process, histosys entry or −1, weight 0 = nominal, 1 = S, 2 = A)."""

    dense: np.ndarray  # parameters fitted by Newton steps
    channels: tuple[ChannelPlan, ...]
    template_process: np.ndarray
    template_entry: np.ndarray
    template_weight: np.ndarray
    factor_slot: np.ndarray  # (factors,): slot of a factor within its process
    factor_process: np.ndarray
    factor_dense: np.ndarray
    factor_is_normsys: np.ndarray
    slots: int
    entry_dense: np.ndarray  # (histosys entries,)
    poi: int  # position among the dense parameters
    kinked: np.ndarray  # dense parameters at whose 0 the interpolation has a kink


@lru_cache(maxsize=64)
def plan_of(shape: Shape) -> Plan:
    """The index tables of a shape."""
    profiled = {c: _profiled_group(shape, c) for c in range(len(shape.channels))}
    gamma_parameters = {parameter for group in profiled.values() if group for parameter in group[2]}
    dense = np.array([i for i in range(len(shape.names)) if i not in gamma_parameters], dtype=int)
    position = {int(parameter): j for j, parameter in enumerate(dense)}

    templates = []
    for p in range(len(shape.processes)):
        templates.append((p, -1, 0))
        for entry, (process, _) in enumerate(shape.histosys):
            if process == p:
                templates += [(p, entry, 1), (p, entry, 2)]
    table = np.array(templates, dtype=int).reshape(-1, 3)

    channels, begin = [], 0
    for c, (_, bins) in enumerate(shape.channels):
        channels.append(_channel_plan(shape, c, slice(begin, begin + bins), table, profiled[c], position))
        begin += bins

    of_factor = np.array([p for p, _, _ in shape.factors], dtype=int)
    slot = np.array([int(np.sum(of_factor[:i] == p)) for i, p in enumerate(of_factor)], dtype=int)
    return Plan(
        dense=dense,
        channels=tuple(channels),
        template_process=table[:, 0],
        template_entry=table[:, 1],
        template_weight=table[:, 2],
        factor_slot=slot,
        factor_process=of_factor,
        factor_dense=np.array([position[i] for _, i, _ in shape.factors], dtype=int),
        factor_is_normsys=np.array([kind == "normsys" for _, _, kind in shape.factors], dtype=bool),
        slots=int(slot.max(initial=-1)) + 1,
        entry_dense=np.array([position[i] for _, i in shape.histosys], dtype=int),
        poi=position[shape.poi],
        kinked=np.array([position[i] for i in _kinked(shape)], dtype=int),
    )


def _kinked(shape: Shape) -> list[int]:
    normsys = [i for _, i, kind in shape.factors if kind == "normsys" and shape.normsys_code == "code1"]
    histosys = [i for _, i in shape.histosys if shape.histosys_code == "code0"]
    return sorted({*normsys, *histosys})


def _groups(shape: Shape, channel: int) -> dict[tuple, list[int]]:
    """Bin-wise modifiers of a channel: (type, name, parameters) -> processes."""
    groups: dict[tuple, list[int]] = {}
    for process, kind, name, parameters in shape.bin_wise:
        if shape.processes[process][0] == channel:
            groups.setdefault((kind, name, parameters), []).append(process)
    return groups


def _profiled_group(shape: Shape, channel: int) -> tuple | None:
    """The bin-wise modifier that is profiled in closed form: the first whose parameters act nowhere else."""
    for group in _groups(shape, channel):
        elsewhere = any(
            group[2][0] in parameters and shape.processes[process][0] != channel
            for process, _, _, parameters in shape.bin_wise
        )
        if not elsewhere and shape.poi not in group[2]:
            return group
    return None


def _channel_plan(
    shape: Shape,
    channel: int,
    bins: slice,
    table: np.ndarray,
    profiled: tuple | None,
    position: dict[int, int],
) -> ChannelPlan:
    groups = _groups(shape, channel)
    mine = np.array([q for q in range(len(table)) if shape.processes[table[q, 0]][0] == channel], dtype=int)
    scaled = np.isin(table[mine, 0], groups[profiled]) if profiled else np.zeros(len(mine), dtype=bool)
    ordered = np.concatenate([mine[scaled], mine[~scaled]])
    extras = tuple(
        Extra(
            templates=np.isin(table[ordered, 0], members),
            dense=np.array([position[i] for i in group[2]], dtype=int),
        )
        for group, members in groups.items()
        if group != profiled
    )
    return ChannelPlan(
        bins=bins,
        templates=ordered,
        scaled=int(scaled.sum()),
        gamma=np.array(profiled[2], dtype=int) if profiled else None,
        gamma_kind=shape.constraints[profiled[2][0]] if profiled else 0,
        extras=extras,
    )
