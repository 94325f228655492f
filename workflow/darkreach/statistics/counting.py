"""Limits of a search that counts events in a signal region which follows the mass.

The signal region is one bin, so a limit on the number of signal events holds for every coupling. The
coupling sets rate and lifetime: couplings are excluded where L·σB(g)·ε(m, cτ(g)) exceeds that limit, from
where N is made often enough and does not leave the detector, up to where it decays too early.
"""

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from scipy.optimize import brentq
from scipy.stats import norm

from darkreach.columnar.templates import Templates
from darkreach.config.stages import ScanSpec
from darkreach.detector import BEAMS
from darkreach.errors import DarkreachError
from darkreach.models.registry import model_named
from darkreach.models.signal_rate import signal_cross_section_fb
from darkreach.statistics.counting_background import CountingBackground, Expected
from darkreach.statistics.counting_limit import counting_limit, expected_limits, probability_of
from darkreach.statistics.counting_signal import Region, SignalRegions, counting_settings
from darkreach.statistics.engine.limits import Limit, upper_limits
from darkreach.statistics.grid import Hypothesis, evenly_spaced_masses
from darkreach.statistics.rows import LIMITS, OF_DATA, Row, Workspace, empty_row

MOST_EVENTS = 1000.0  # of signal, far above any limit


class EventLimits(NamedTuple):
    """Counts in a signal region, and what they mean.

    events: upper limits on signal events, observed (the median expected while the search is blind), then the
    bands from −2σ to +2σ. background: expected events; observed, p0, z: None while blind.
    """

    events: tuple[float, ...]
    background: float
    observed: int | None
    p0: float | None
    z: float | None


def counting_hypotheses(templates: Templates, spec: ScanSpec) -> list[Hypothesis]:
    """All masses with the first lifetime of `scan.lifetimes_m`, then with the next.

    Raises:
        DarkreachError: the scan has a prompt lifetime or no `step_GeV`, or exceeds the simulated masses.
    """
    if spec.scan.step_GeV is None:
        raise DarkreachError(
            "scan.step_sigma: a search that counts events has no resolution; give 'step_GeV'"
        )
    if 0 in spec.scan.lifetimes_m:
        raise DarkreachError("scan.lifetimes_m: 0 is no lifetime of a displaced decay; remove it")
    masses = evenly_spaced_masses(spec)
    SignalRegions(templates, spec).check_masses(masses)
    return [Hypothesis(float(m), lifetime) for lifetime in spec.scan.lifetimes_m for m in masses]


def scan_counting(
    templates: Templates, hypotheses: Sequence[Hypothesis], spec: ScanSpec
) -> tuple[list[Row], list[Workspace | None], list[Limit | None]]:
    """Rows (see `empty_row`), workspaces, and asymptotic limits in units of mu (None where there is none).

    The limits of the rows are from exact probabilities (`counting_limit`); those of the workspaces, which
    pyhf computes too, tell how far asymptotic formulas are from them. n_observed and background_events are
    of the signal region. mu = 1 in a workspace is the row's observed limit or, while the search is blind, the
    expected one. While it is blind whatever needs the data is None. A row can have the status `no limit: …`.
    """
    signal, background = SignalRegions(templates, spec), CountingBackground(templates, spec)
    limits_at = cache(lambda mass: _event_limits(templates, signal, background, mass, spec))
    found = []
    for hypothesis in hypotheses:
        try:
            found.append(_test(templates, signal, background, limits_at, hypothesis, spec))
        except DarkreachError as error:
            found.append((empty_row(hypothesis) | {"status": f"failed: {error}"}, None, None))
    rows, workspaces, limits = (list(column) for column in zip(*found, strict=True))
    return rows, workspaces, limits


def counting_workspace(
    templates: Templates,
    signal: SignalRegions,
    background: CountingBackground,
    mass: float,
    events: float,
    spec: ScanSpec,
    reference_fb: float = 1.0,
) -> Workspace:
    """HistFactory workspace (pyhf JSON) with `events` signal events at mu = 1 in the signal region of a mass.

    reference_fb: cross-section × branching fraction at mu = 1 in fb, which the measurement's name states.

    Two channels of one bin. The background of both is simulated, with Poisson uncertainties, and has one free
    scale, `background_scale`; `extrapolation` is the log-normal uncertainty of the ratio of the channels.
    While the search is blind the counts are the expected ones. Signal in the control channel is neglected.
    """
    region = signal.region(mass)
    expected, control = background.in_region(region), background.control
    observed = expected.events if spec.blind else _observed(templates, region)
    rates = [
        {"name": name, "type": "normsys", "data": {"hi": 1 + x, "lo": 1 / (1 + x)}}
        for name, x in spec.systematics.rates.items()
        if x > 0
    ]
    scale = {"name": "background_scale", "type": "normfactor", "data": None}
    ratio = {"hi": 1 + background.extrapolation, "lo": 1 / (1 + background.extrapolation)}
    in_signal_region = {
        "name": "background",
        "data": [expected.events],
        "modifiers": [
            scale,
            {"name": "extrapolation", "type": "normsys", "data": ratio},
            _statistics("simulated_background", expected),
        ],
    }
    in_control = {
        "name": "background",
        "data": [control.events],
        "modifiers": [scale, _statistics("simulated_control", control)],
    }
    of_signal = {
        "name": "signal",
        "data": [events],
        "modifiers": [{"name": "mu", "type": "normfactor", "data": None}, *rates],
    }
    parameters = [
        {"name": "mu", "inits": [0.5], "bounds": [[0.0, MOST_EVENTS / events]]},
        {"name": "background_scale", "inits": [background.scale], "bounds": [[0.0, 10 * background.scale]]},
    ]
    name = f"cross-section in fb for mu = 1: {reference_fb:g}"
    return {
        "channels": [
            {"name": region.channel, "samples": [of_signal, in_signal_region]},
            {"name": background.control_channel, "samples": [in_control]},
        ],
        "observations": [
            {"name": region.channel, "data": [observed]},
            {"name": background.control_channel, "data": [background.control_observed]},
        ],
        "measurements": [{"name": name, "config": {"poi": "mu", "parameters": parameters}}],
        "version": "1.0.0",
    }


def _statistics(name: str, expected: Expected) -> dict[str, Any]:
    """The Poisson uncertainty of a simulated number of events."""
    return {"name": name, "type": "shapesys", "data": [expected.events / np.sqrt(expected.simulated)]}


def _observed(templates: Templates, region: Region) -> float:
    return region.window.count(templates.channels[region.channel].observed)


def _event_limits(
    templates: Templates, signal: SignalRegions, background: CountingBackground, mass: float, spec: ScanSpec
) -> EventLimits:
    """Limits on the events in the signal region of a mass in GeV."""
    region = signal.region(mass)
    simulated = background.in_region(region)
    expected = background.scale * simulated.events
    errors = background.relative_error(simulated.simulated), _relative_error(spec)
    cl = spec.scan.confidence_level
    bands = expected_limits(expected, *errors, cl)
    if spec.blind:
        return EventLimits((bands[2], *bands), expected, None, None, None)
    observed = round(_observed(templates, region))
    p0 = float(probability_of(observed, expected, errors[0]))
    limit = counting_limit(observed, expected, *errors, cl)
    return EventLimits((limit, *bands), expected, observed, p0, float(max(norm.isf(p0), 0.0)))


def _relative_error(spec: ScanSpec) -> float:
    """Of the signal yield: all rate uncertainties together."""
    return float(np.sqrt(sum(x**2 for x in spec.systematics.rates.values())))


def _test(
    templates: Templates,
    signal: SignalRegions,
    background: CountingBackground,
    limits_at: Callable[[float], EventLimits],
    hypothesis: Hypothesis,
    spec: ScanSpec,
) -> tuple[Row, Workspace | None, Limit | None]:
    mass = hypothesis.mass_GeV
    limits = limits_at(mass)
    row = empty_row(hypothesis) | {
        "status": "ok",
        "n_observed": limits.observed,
        "p0_local": limits.p0,
        "z_local": limits.z,
        "background_events": limits.background,
        "few_events": False,  # exact whatever their number
        "method": "counting",
    }
    expectation = _Expectation(signal, templates.luminosity_fb, mass, spec)
    if hypothesis.kind == "natural":
        edges = [expectation.excluded_couplings(events) for events in limits.events]
        if edges[0] is None and edges[3] is None:
            row["status"] = "no limit: all couplings give too few events"
        elif edges[0] is None:
            row["notes"].append("no coupling is excluded by the data")
        elif edges[3] is None:
            row["notes"].append("no coupling is expected to be excluded")
        couplings = [None if edge is None else edge[0] for edge in edges]
        row |= {
            "coupling_upper_edge_obs": edges[0] and edges[0][1],
            "coupling_upper_edge_exp": edges[3] and edges[3][1],
        }
    else:
        efficiency = signal.efficiency(mass, hypothesis.lifetime_m)
        if not efficiency > 0:
            raise DarkreachError(f"no N with cτ = {hypothesis.lifetime:g} m decays where it is looked for")
        couplings = [
            events / (templates.luminosity_fb * expectation.unit_fb * efficiency) for events in limits.events
        ]
    row |= {"coupling_limit_obs": couplings[0], "coupling_limit_exp": couplings[3]}
    row |= dict(zip(LIMITS, [g and g * expectation.unit_fb for g in couplings], strict=True))
    at = couplings[3] if spec.blind else couplings[0]
    if spec.blind:
        row |= dict.fromkeys([*OF_DATA, "coupling_limit_obs", "coupling_upper_edge_obs"])
    if at is None:
        return row, None, None
    lifetime = expectation.lifetime_m(at) if hypothesis.kind == "natural" else hypothesis.lifetime_m
    efficiency = signal.efficiency(mass, lifetime)
    reference = at * expectation.unit_fb
    per_fb = templates.luminosity_fb * efficiency
    row |= {"lifetime_m": lifetime, "efficiency": efficiency, "reference_cross_section_fb": reference}
    workspace = counting_workspace(templates, signal, background, mass, per_fb * reference, spec, reference)
    (limit,) = upper_limits([workspace], spec.scan.confidence_level, toys_below=spec.scan.toys_below_events)
    return row, workspace, limit


class _Expectation:
    """Signal events as a function of the coupling, which the cross-section is proportional to."""

    def __init__(self, signal: SignalRegions, luminosity_fb: float, mass: float, spec: ScanSpec) -> None:
        decays = tuple(dict.fromkeys(spec.channels.values()))
        beams = BEAMS[spec.detector]
        self.unit_fb = float(
            signal_cross_section_fb(
                spec.model, mass, 1.0, spec.production, decays, beams.sqrt_s, spec.alpha, spec.isr
            )
        )
        self._signal, self._luminosity, self._mass = signal, luminosity_fb, mass
        self._model = model_named(spec.model)
        settings = counting_settings(spec)
        low, high = settings.couplings
        number = round(np.log10(high / low) * settings.couplings_per_decade) + 1
        self._grid = np.log(np.geomspace(low, high, max(number, 2)))

    def lifetime_m(self, coupling: float) -> float:
        return float(self._model.ctau_m(self._mass, coupling))

    def events(self, coupling: float) -> float:
        efficiency = self._signal.efficiency(self._mass, self.lifetime_m(coupling))
        return self._luminosity * self.unit_fb * coupling * efficiency

    def excluded_couplings(self, limit: float) -> tuple[float, float | None] | None:
        """The lowest range of couplings that give more events than `limit`.

        Its upper end is None where it exceeds the couplings to test; None if there is no such coupling.
        """

        def excess(x: float) -> float:
            return self.events(float(np.exp(x))) / limit - 1

        above = np.array([excess(x) > 0 for x in self._grid])
        if not above.any():
            return None
        first = int(np.argmax(above))
        low = self._crossing(excess, first - 1) if first else float(np.exp(self._grid[0]))
        after = first + int(np.argmin(above[first:]))
        return low, None if above[first:].all() else self._crossing(excess, after - 1)

    def _crossing(self, excess: Callable[[float], float], i: int) -> float:
        return float(np.exp(brentq(excess, self._grid[i], self._grid[i + 1], xtol=1e-6)))
