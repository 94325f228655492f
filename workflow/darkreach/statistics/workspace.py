"""One HistFactory workspace per hypothesis: in each channel a peak on a smooth background."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from darkreach.columnar.templates import Templates
from darkreach.config.stages import ScanSpec
from darkreach.errors import DarkreachError
from darkreach.statistics.grid import Hypothesis
from darkreach.statistics.search_signal import SearchSignal
from darkreach.statistics.window import (
    SMALLEST_COEFFICIENT,
    STEP_RANGE,
    FitChannel,
    Parts,
    allowed_parts,
    fit_channel,
)

# Candidates within this many σ of a hypothesis are its n_observed.
COUNTED_SIGMA = 2.0
_MEASUREMENT = "cross-section in fb for mu = 1: "


def build_workspace(
    templates: Templates, signal: SearchSignal, hypothesis: Hypothesis, spec: ScanSpec
) -> dict[str, Any]:
    """The HistFactory workspace (pyhf JSON) of `spec.model` with X of a mass and a lifetime.

    One channel for each channel of the search with signal at this mass and lifetime. mu, common to all, is
    the cross-section × branching fraction to all decays of the search, divided by a reference near the
    expected limit, which the measurement's name states (see `reference_cross_section`).

    Rate uncertainties are log-normal; position and width of the peak are interpolated between templates;
    all of them are common to the channels. The background of a channel is a Bernstein polynomial with one
    free coefficient ≥ 0 per sample, times a free factor in each region of another classifier.

    Raises:
        DarkreachError: nothing can be fitted; the sentence says why.
    """
    channels, _ = fit_channels(templates, signal, hypothesis, [hypothesis.lifetime_m], spec)
    return workspace_of(channels, signal, hypothesis, templates.luminosity_fb, spec)


def fit_channels(
    templates: Templates,
    signal: SearchSignal,
    hypothesis: Hypothesis,
    lifetimes_m: Sequence[float],
    spec: ScanSpec,
) -> tuple[list[FitChannel], list[str]]:
    """Channels with signal at one of the lifetimes, and sentences on those that cannot be fitted.

    Windows are as wide as the peak is at the first of the lifetimes at which a channel has signal.

    Raises:
        DarkreachError: no channel can be fitted; the sentence says why.
    """
    where, mass = f"{spec.model} at {hypothesis}", hypothesis.mass_GeV
    opened = {lifetime: signal.open_channels(mass, lifetime) for lifetime in lifetimes_m}
    channels, reasons = [], []
    for name, channel_signal in signal.channels.items():
        lifetime = next((lifetime for lifetime, names in opened.items() if name in names), None)
        try:
            if channel_signal.is_negative(mass, lifetimes_m[0] if lifetime is None else lifetime):
                raise DarkreachError("a simulated signal template next to it has a negative bin")
            if lifetime is None:
                continue
            channels.append(
                fit_channel(
                    name,
                    signal.edges,
                    templates.channels[name],
                    float(signal.observable.of_mass(mass)),
                    float(channel_signal.resolution(mass, lifetime)),
                    _allowed(name, signal, spec),
                    spec,
                )
            )
        except DarkreachError as error:
            reasons.append(str(error) if len(spec.channels) == 1 else f"channel '{name}': {error}")
    if not channels:
        reason = reasons[0] if reasons else "no simulated signal passes the selection"
        raise DarkreachError(f"{where}: {reason}")
    return channels, reasons


def workspace_of(
    channels: Sequence[FitChannel],
    signal: SearchSignal,
    hypothesis: Hypothesis,
    luminosity_fb: float,
    spec: ScanSpec,
    reference_fb: float | None = None,
) -> dict[str, Any]:
    """The workspace of prepared channels with the signal of a mass and a lifetime cτ in m.

    reference_fb: the cross-section of mu = 1; without it one near the expected limit is taken.

    Raises:
        DarkreachError: no signal is left in the windows.
    """
    efficiencies = signal.efficiencies(hypothesis.mass_GeV, hypothesis.lifetime_m)
    signals = [
        _signal_per_fb(signal, channel, hypothesis, efficiencies.get(channel.name, 0.0) * luminosity_fb, spec)
        for channel in channels
    ]
    if reference_fb is None:
        if not sum(yields["nominal"].sum() for yields in signals) > 0:
            raise DarkreachError(
                f"{spec.model} at {hypothesis}: no simulated signal is left in its fit window"
            )
        reference = _reference(channels, signals)
    else:
        reference = float(f"{reference_fb:.6g}")  # as the name of the measurement says it
    parts = [
        _channel(channel, {name: reference * x for name, x in yields.items()}, spec)
        for channel, yields in zip(channels, signals, strict=True)
    ]
    events = sum(_most_events(channel) for channel in channels)
    expected = sum(reference * yields["nominal"].sum() for yields in signals)
    # mu = 1 must be allowed even where it is far above what the counts say
    largest_mu = max(events / expected, 10.0 if reference_fb else 0.0) if expected > 0 else 10.0
    mu = {"name": "mu", "inits": [0.5], "bounds": [[0.0, float(largest_mu)]]}
    return {
        "channels": [part["channel"] for part in parts],
        "observations": [
            {"name": part["channel"]["name"], "data": channel.counts.tolist()}
            for part, channel in zip(parts, channels, strict=True)
        ],
        "measurements": [
            {
                "name": f"{_MEASUREMENT}{reference:g}",
                "config": {
                    "poi": "mu",
                    "parameters": [mu, *(parameter for part in parts for parameter in part["parameters"])],
                },
            }
        ],
        "version": "1.0.0",
    }


def reference_cross_section(workspace: dict[str, Any]) -> float:
    """Cross-section × branching fraction in fb for mu = 1 in a workspace made here."""
    return float(workspace["measurements"][0]["name"].removeprefix(_MEASUREMENT))


def count_observed(
    templates: Templates, signal: SearchSignal, channels: Sequence[FitChannel], spec: ScanSpec
) -> int:
    """Candidates within ±2 σ of the peak outside the vetoes, in all channels."""
    edges = signal.edges
    middle = (edges[1:] + edges[:-1]) / 2
    observed = 0.0
    for channel in channels:
        near = np.abs(middle - channel.centre) <= COUNTED_SIGMA * channel.sigma
        low, high = edges[:-1][near], edges[1:][near]
        counted = _allowed(channel.name, signal, spec).regions_of(low, high) >= 0
        observed += templates.channels[channel.name].observed[near][counted].sum()
    return round(observed)


def _allowed(channel: str, signal: SearchSignal, spec: ScanSpec) -> Parts:
    regions = [region for region in spec.regions if region.channel == channel]
    return allowed_parts(spec.vetoes, regions, signal.observable.of_mass)


def _signal_per_fb(
    signal: SearchSignal, channel: FitChannel, hypothesis: Hypothesis, events_per_fb: float, spec: ScanSpec
) -> dict[str, np.ndarray]:
    """Expected signal in the bins of the window: nominal, and with the peak moved and stretched."""
    edges, window = signal.edges, channel.window
    position, width = spec.systematics.peak_position, spec.systematics.peak_width
    variations = {
        "nominal": (0.0, 1.0),
        "position_up": (position, 1.0),
        "position_down": (-position, 1.0),
        "width_up": (0.0, 1 + width),
        "width_down": (0.0, 1 / (1 + width)),
    }
    shape = signal.channels[channel.name]
    low, high = edges[window.starts], edges[window.stops]
    return {
        name: events_per_fb
        * np.maximum(
            shape.expected_fractions(hypothesis.mass_GeV, hypothesis.lifetime_m, low, high, *variation), 0.0
        )
        for name, variation in variations.items()
    }


def _reference(channels: Sequence[FitChannel], signals: Sequence[dict[str, np.ndarray]]) -> float:
    """About the expected limit in fb, to two digits: 1.64σ plus the 2.3 events of no background."""
    nominal = np.concatenate([yields["nominal"] for yields in signals])
    background = np.concatenate([channel.background for channel in channels])
    fb = 2.3 / nominal.sum() + 1.64 / np.sqrt(np.sum(nominal**2 / background))
    return float(f"{fb:.1e}")


def _most_events(channel: FitChannel) -> float:
    """Far above anything the fit needs, and no wall for it: ten times as many events as observed."""
    return float(10 * (channel.counts.sum() + 10))


def _channel(channel: FitChannel, signal: dict[str, np.ndarray], spec: ScanSpec) -> dict[str, Any]:
    """The channel with signal and background, and the settings of the background's parameters."""
    alone = len(spec.channels) == 1
    modifiers: list[dict[str, Any]] = [{"name": "mu", "type": "normfactor", "data": None}]
    for name, relative in spec.systematics.rates.items():
        if relative > 0:
            factors = {"hi": 1 + relative, "lo": 1 / (1 + relative)}
            modifiers.append({"name": name, "type": "normsys", "data": factors})
    for name, size in (("position", spec.systematics.peak_position), ("width", spec.systematics.peak_width)):
        if size > 0:
            histograms = {
                "hi_data": signal[f"{name}_up"].tolist(),
                "lo_data": signal[f"{name}_down"].tolist(),
            }
            modifiers.append({"name": f"peak_{name}", "type": "histosys", "data": histograms})
    samples = [{"name": "signal", "data": signal["nominal"].tolist(), "modifiers": modifiers}]
    prefix = "background" if alone else f"background_{channel.name}"
    parameters = []
    for i, (shape, start) in enumerate(zip(channel.basis, channel.coefficients, strict=True)):
        name = f"{prefix}_{i}"
        for region, inside in channel.parts.items():
            scales = [name] if region not in channel.steps else [name, f"background_step_{region}"]
            samples.append(
                {
                    "name": name if len(channel.parts) == 1 else f"{name}_{region}",
                    "data": (shape * inside).tolist(),
                    "modifiers": [{"name": f, "type": "normfactor", "data": None} for f in scales],
                }
            )
        bounds = [SMALLEST_COEFFICIENT, _most_events(channel) / float(shape.sum())]
        parameters.append({"name": name, "inits": [float(start)], "bounds": [bounds]})
    for region, step in channel.steps.items():
        name = f"background_step_{region}"
        parameters.append({"name": name, "inits": [step], "bounds": [list(STEP_RANGE)]})
    name = spec.search if alone else channel.name
    return {"channel": {"name": name, "samples": samples}, "parameters": parameters}
