"""Limits on the coupling of an X whose lifetime follows from the coupling."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from darkreach.columnar.templates import Templates
from darkreach.config.stages import ScanSpec
from darkreach.detector import BEAMS
from darkreach.errors import DarkreachError
from darkreach.models.registry import model_named
from darkreach.models.signal_rate import signal_cross_section_fb
from darkreach.statistics.channel_signal import LONGEST_PROMPT_M
from darkreach.statistics.engine.limits import Limit, upper_limits
from darkreach.statistics.engine.nonlinear import CouplingLimit, Island, coupling_limit
from darkreach.statistics.grid import Hypothesis
from darkreach.statistics.rows import LIMITS, Row, Workspace, empty_row
from darkreach.statistics.search_signal import SearchSignal
from darkreach.statistics.workspace import (
    count_observed,
    fit_channels,
    reference_cross_section,
    workspace_of,
)

# X counts as prompt while its lifetime changes the efficiencies by less than this fraction of their sum.
PROMPT_CHANGE = 0.01
COUPLINGS_PER_DECADE = 12


class Rate(NamedTuple):
    """Cross-section × branching fraction in fb at coupling 1, and proper lifetime cτ in m at a coupling."""

    unit_fb: float
    lifetime_m: Callable[[float], float]


def limit_at_natural_lifetime(
    templates: Templates,
    signal: SearchSignal,
    hypothesis: Hypothesis,
    prompt: tuple[Row, Workspace | None, Limit | None],
    spec: ScanSpec,
) -> tuple[Row, Workspace | None, Limit | None]:
    """Row, workspace at the limit and its limit in units of mu; `prompt` are those of an X without lifetime.

    The prompt limit is taken where it is exact: where cτ at all six prompt limits changes the efficiencies by
    less than 1 %. Otherwise each coupling is a hypothesis of its own (asymptotic formulas).
    """
    rate = rate_of(hypothesis.mass_GeV, spec)
    row = prompt[0]
    if row["sigma_limit_exp_fb"] is not None:
        lifetimes = [rate.lifetime_m(g) for g in _couplings(row, rate) if g is not None]
        if all(is_prompt(signal, hypothesis.mass_GeV, lifetime) for lifetime in lifetimes):
            return _as_natural(row, rate), prompt[1], prompt[2]
    try:
        return _limit_on_coupling(templates, signal, hypothesis, row, rate, spec)
    except DarkreachError as error:
        return empty_row(hypothesis) | {"status": f"failed: {error}"}, None, None


def rate_of(mass: float, spec: ScanSpec) -> Rate:
    """The rate of `spec.model` at a mass in GeV; X is radiated by a lepton, so the rate goes with g²."""
    decays = tuple(dict.fromkeys(spec.channels.values()))
    unit = signal_cross_section_fb(
        spec.model, mass, 1.0, spec.production, decays, BEAMS[spec.detector].sqrt_s, spec.alpha, spec.isr
    )
    model = model_named(spec.model)
    return Rate(float(unit), lambda coupling: float(model.ctau_m(mass, coupling)))


def is_prompt(signal: SearchSignal, mass: float, lifetime_m: float) -> bool:
    """Whether a lifetime changes the efficiencies of the channels by less than 1 % of their sum."""
    return _change(signal, mass, lifetime_m) <= PROMPT_CHANGE


def _change(signal: SearchSignal, mass: float, lifetime_m: float) -> float:
    prompt, found = signal.efficiencies(mass, 0.0), signal.efficiencies(mass, lifetime_m)
    total = sum(prompt.values())
    change = sum(abs(found.get(name, 0.0) - prompt.get(name, 0.0)) for name in {*prompt, *found})
    return change / total if total > 0 else np.inf


def _couplings(row: Row, rate: Rate) -> list[float | None]:
    """Couplings of the six limits of a row."""
    return [None if row[name] is None else float(np.sqrt(row[name] / rate.unit_fb)) for name in LIMITS]


def _as_natural(row: Row, rate: Rate) -> Row:
    """The row of a prompt X as that of an X with the model's lifetime."""
    observed, _, _, expected, *_ = _couplings(row, rate)
    lifetime = rate.lifetime_m(next(g for g in (observed, expected) if g is not None))
    own = {"lifetime_m": lifetime, "lifetime_hypothesis": "natural"}
    own |= {"coupling_limit_obs": observed, "coupling_limit_exp": expected}
    # an excess counts once, where the lifetime is prompt or fixed
    return row | own | {"sigma_hat_fb": None, "p0_local": None, "z_local": None}


def _limit_on_coupling(
    templates: Templates,
    signal: SearchSignal,
    hypothesis: Hypothesis,
    prompt: Row,
    rate: Rate,
    spec: ScanSpec,
) -> tuple[Row, Workspace | None, Limit | None]:
    mass = hypothesis.mass_GeV
    channels, notes = fit_channels(templates, signal, hypothesis, signal.lifetimes(mass), spec)

    def workspace_at(coupling: float) -> dict[str, Any]:
        decaying = Hypothesis(mass, rate.lifetime_m(coupling))
        reference = rate.unit_fb * coupling**2
        return workspace_of(channels, signal, decaying, templates.luminosity_fb, spec, reference)

    couplings = _couplings_to_test(signal, mass, prompt, rate, templates.luminosity_fb)
    found = coupling_limit(workspace_at, couplings, spec.scan.confidence_level)
    edges, words = _edges(found, spec.blind)
    row = empty_row(hypothesis) | {"status": "ok", "method": "asymptotic", "notes": notes + words}
    row |= {name: edge and rate.unit_fb * edge[0] ** 2 for name, edge in zip(LIMITS, edges, strict=True)}
    for which, edge in (("obs", edges[0]), ("exp", edges[3])):
        if edge:
            row |= {f"coupling_limit_{which}": edge[0], f"coupling_upper_edge_{which}": edge[1]}
    at = row["coupling_limit_obs"] or row["coupling_limit_exp"]
    if at is None:
        return row, None, None
    workspace = workspace_at(at)
    (limit,) = upper_limits([workspace], spec.scan.confidence_level, toys_below=spec.scan.toys_below_events)
    known = np.isfinite(limit.background_events)
    if not known:  # the limit on the coupling does not depend on this fit
        row["notes"] = [*row["notes"], f"background under the peak unknown: {limit.status}"]
    row |= {
        "lifetime_m": rate.lifetime_m(at),
        "n_observed": None if spec.blind else count_observed(templates, signal, channels, spec),
        "efficiency": sum(signal.efficiencies(mass, rate.lifetime_m(at)).values()),
        "resolution_GeV": min(channel.sigma for channel in channels),
        "reference_cross_section_fb": reference_cross_section(workspace),
        "background_events": limit.background_events if known else None,
        "few_events": limit.needs_toys if known else None,
    }
    return row, workspace, limit


def _couplings_to_test(
    signal: SearchSignal, mass: float, prompt: Row, rate: Rate, luminosity_fb: float
) -> np.ndarray:
    """A grid in ln g from where at most one event is expected to where X is prompt and excluded."""
    lifetimes = signal.lifetimes(mass)
    best = max(sum(signal.efficiencies(mass, lifetime).values()) for lifetime in lifetimes)
    lowest = np.sqrt(1 / (rate.unit_fb * best * luminosity_fb))
    shortest = next((lifetime for lifetime in lifetimes if lifetime > 0), LONGEST_PROMPT_M)
    # below the shortest lifetime all is linear in it; without prompt signal all dies out soon
    change = _change(signal, mass, shortest)
    fraction = 0.1 if change == np.inf else min(1.0, PROMPT_CHANGE / max(change, PROMPT_CHANGE))
    # cτ ∝ 1/g²
    highest = [10 * lowest, 2 * np.sqrt(rate.lifetime_m(1.0) / (fraction * shortest))]
    highest += [2 * g for g in _couplings(prompt, rate) if g is not None]
    number = int(np.ceil(COUPLINGS_PER_DECADE * np.log10(max(highest) / lowest))) + 1
    return np.geomspace(lowest, max(highest), number)


def _edges(found: CouplingLimit, blind: bool) -> tuple[list[tuple[float, float | None] | None], list[str]]:
    """Ends of the excluded couplings: observed and five bands, None where nothing is excluded; and notes.

    With several excluded ranges those of the lowest; the others are noted.
    """
    islands = [None if blind else found.observed, *found.expected]
    edges = [(excluded[0].low, _upper(excluded[0])) if excluded else None for excluded in islands]
    notes = []
    for words, excluded in (("excluded", islands[0]), ("expected to be excluded", islands[3])):
        if excluded is not None and not excluded:
            notes.append(f"no coupling is {words}")
        notes += [
            f"couplings from {i.low:.3g} to {i.high:.3g} are {words}, too" for i in (excluded or ())[1:]
        ]
    return edges, notes


def _upper(island: Island) -> float | None:
    return None if island.open_above else island.high
