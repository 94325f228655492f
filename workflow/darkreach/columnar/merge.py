"""Histograms of all blocks → templates of one search, and the account of what went into them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from darkreach.catalogue.account import check_manifests, compare_read, luminosity_account
from darkreach.catalogue.manifest import FileEntry, Manifest
from darkreach.columnar.lifetimes import generated_events
from darkreach.columnar.storage import read_histograms, read_metadata
from darkreach.columnar.templates import (
    ChannelTemplates,
    SignalPoint,
    SignalTemplate,
    Templates,
    point_of,
)
from darkreach.config.stages import MergeSpec
from darkreach.errors import DarkreachError


@dataclass
class Sum:
    """Values and variances added over blocks, and the events generated behind them."""

    values: np.ndarray
    variances: np.ndarray
    generated_events: int = 0

    def scaled(self, factor: float) -> tuple[np.ndarray, np.ndarray]:
        """(values, variances) times a factor."""
        return self.values * factor, self.variances * factor**2


@dataclass
class SampleAccount:
    """What is known of one sample after all its blocks."""

    kind: str
    generated_events: int = 0
    cross_section_events: float = 0.0  # Σ σN over blocks, fb
    cutflow: dict[str, dict[str, Any]] = field(default_factory=dict)
    observables: dict[str, Sum] = field(default_factory=dict)  # per channel
    controls: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, manifest: Manifest, metadata: dict[str, Any]) -> None:
        """Add one block's counts."""
        for component in manifest.components:
            self.generated_events += component.generated_events
            self.cross_section_events += (component.cross_section_fb or 0.0) * component.generated_events
        for step in metadata["cutflow"]:
            total = self.cutflow.setdefault(step["cut"], {"rows": 0, "sum_of_weights": 0.0})
            total["rows"] += step["rows"]
            total["sum_of_weights"] += step["sum_of_weights"]

    def add_controls(self, histograms: dict[str, Any]) -> None:
        """Add the histograms to look at."""
        for name, histogram in histograms.items():
            if not name.startswith("control/"):
                continue
            if name not in self.controls:
                self.controls[name] = histogram
                continue
            for key in ("values", "variances"):
                total = self.controls[name]["storage"]
                total[key] = total[key] + histogram["storage"][key]

    def scale(self, luminosity_fb: float) -> float:
        """Expected candidates per simulated one: L σ / N of all blocks together; 1 for data and signals."""
        if self.kind != "background" or not self.generated_events:
            return 1.0
        return luminosity_fb * self.cross_section_events / self.generated_events**2


def merge_blocks(
    spec: MergeSpec, manifests: Sequence[Manifest], histograms: Sequence[str | os.PathLike]
) -> tuple[Templates, dict[str, Any]]:
    """Add the blocks of each sample, and scale the backgrounds to the luminosity of the data.

    Blocks of one background sample count as one production: the scale is L·σ/ΣN, with σ their mean
    weighted by generated events. Signals stay unscaled, per mass, with their generated events.

    Returns the templates and the account: luminosity (fb⁻¹) per block and in total, candidates per block,
    cutflow per sample with expected yields.

    Raises:
        DarkreachError: a block is missing, there twice, not read completely or of another search or
            binning; a file or a run is in two blocks; there are no data; a background is negative; or
            blinding does not fit.
    """
    check_manifests(manifests)
    luminosity = luminosity_account(manifests)
    if not luminosity["total_fb"]:
        raise DarkreachError("--manifests: no block of data with a luminosity; add one to 'samples'")
    samples = {m.sample: SampleAccount(m.kind) for m in sorted(manifests, key=lambda m: m.name)}
    signals = Signals()
    blocks: list[dict[str, Any]] = []
    axes: list[dict[str, Any]] = []
    for manifest, path in _paired(manifests, histograms):
        found, metadata = read_histograms(path)
        _check_block(spec, manifest, metadata, path)
        sample = samples[manifest.sample]
        sample.add(manifest, metadata)
        sample.add_controls(found)
        spectra = {
            name.removeprefix("observable/"): histogram
            for name, histogram in found.items()
            if name.startswith("observable/")
        }
        for channel, histogram in spectra.items():
            is_signal = manifest.kind == "signal"
            axes = _same_axes(axes, histogram["axes"][1 if is_signal else 0 :], path)
            if is_signal:
                signals.add(manifest, channel, histogram)
            else:
                sample.observables[channel] = _added(sample.observables.get(channel), histogram["storage"])
        if "trigger" in found:
            signals.add_triggers(manifest, found["trigger"])
        candidates = sum(float(h["storage"]["values"].sum()) for h in spectra.values()) if spectra else None
        blocks.append(_block_account(manifest, metadata, candidates))
    if not axes:
        raise DarkreachError("--histograms: no simulated sample is among the blocks; add one to 'samples'")
    templates = _templates(spec, axes, luminosity["total_fb"], samples, signals)
    for name, expected in _expected_candidates(templates).items():
        if expected < 0:
            raise DarkreachError(
                f"samples.{name}: {expected:.4g} candidates are expected, a negative number; "
                "correct '__weight__' in its ntuples"
            )
    return templates, _account(spec, luminosity, blocks, samples, templates)


@dataclass
class Signals:
    """Sums over the blocks of all signals: channel → model → point, and candidates per trigger line."""

    channels: dict[str, dict[str, dict[SignalPoint, Sum]]] = field(default_factory=dict)
    triggers: dict[str, dict[SignalPoint, dict[str, float]]] = field(default_factory=dict)

    def add(self, manifest: Manifest, channel: str, histogram: dict[str, Any]) -> None:
        """Add the spectra of one block in one channel."""
        by_point = self.channels.setdefault(channel, {}).setdefault(str(manifest.model), {})
        storage = histogram["storage"]
        for row, name in enumerate(histogram["axes"][0]["categories"]):
            point = point_of(name)
            part = {key: storage[key][row] for key in ("values", "variances")}
            by_point[point] = _added(by_point.get(point), part)
            by_point[point].generated_events += generated_events(manifest.components, point)

    def add_triggers(self, manifest: Manifest, histogram: dict[str, Any]) -> None:
        """Add the candidates per trigger line of one block."""
        by_point = self.triggers.setdefault(str(manifest.model), {})
        points, lines = (axis["categories"] for axis in histogram["axes"])
        for row, name in enumerate(points):
            counts = by_point.setdefault(point_of(name), dict.fromkeys(lines, 0.0))
            for column, line in enumerate(lines):
                counts[line] += float(histogram["storage"]["values"][row, column])

    def trigger_efficiencies(self) -> dict[str, dict[SignalPoint, dict[str, float]]]:
        """Efficiency of each line among the candidates that pass all else; only of points that have some."""
        return {
            model: {
                point: {line: n / counts["all"] for line, n in counts.items() if line != "all"}
                for point, counts in sorted(by_point.items())
                if counts["all"] > 0
            }
            for model, by_point in self.triggers.items()
        }


def _paired(
    manifests: Sequence[Manifest], histograms: Sequence[str | os.PathLike]
) -> list[tuple[Manifest, str | os.PathLike]]:
    """Each manifest with the file of its block, in the order of the blocks' names."""
    paths: dict[str, str | os.PathLike] = {}
    for path in histograms:
        name = block_of(path)
        if name in paths:
            raise DarkreachError(f"{path}: block '{name}' is also in {paths[name]}; give one of them")
        paths[name] = path
    names = [manifest.name for manifest in manifests]
    twice = sorted({name for name in names if names.count(name) > 1})
    missing, unknown = sorted(set(names) - set(paths)), sorted(set(paths) - set(names))
    if twice:
        raise DarkreachError(f"--manifests: block '{twice[0]}' is there twice; give it once")
    if missing:
        raise DarkreachError(f"--histograms: none of block '{missing[0]}'; run its histogram stage")
    if unknown:
        raise DarkreachError(f"{paths[unknown[0]]}: block '{unknown[0]}' has no manifest; give it too")
    return [(manifest, paths[manifest.name]) for manifest in sorted(manifests, key=lambda m: m.name)]


def block_of(path: str | os.PathLike) -> str:
    """`sample/block` of a file of histograms.

    Raises:
        DarkreachError: the file is no result of the histogram stage.
    """
    metadata = read_metadata(path)
    try:
        return f"{metadata['sample']}/{metadata['block']}"
    except KeyError:
        raise DarkreachError(f"{path}: holds no histograms of a block; run its histogram stage") from None


def _check_block(
    spec: MergeSpec, manifest: Manifest, metadata: dict[str, Any], path: str | os.PathLike
) -> None:
    if metadata["search"] != spec.search:
        raise DarkreachError(f"{path}: is of search '{metadata['search']}', not of '{spec.search}'")
    if manifest.kind == "data" and metadata["blind"] and not spec.blind:
        raise DarkreachError(f"{path}: was filled while the search was blind; run its histogram stage again")
    compare_read(manifest, [FileEntry(**file) for file in metadata["files"]])


def _same_axes(
    expected: list[dict[str, Any]], found: list[dict[str, Any]], path: str | os.PathLike
) -> list[dict[str, Any]]:
    def binning(axes: list[dict[str, Any]]) -> list[tuple]:
        return [(axis["bins"], axis["lower"], axis["upper"]) for axis in axes]

    if expected and binning(expected) != binning(found):
        raise DarkreachError(
            f"{path}: has other bins than the blocks before it; run its histogram stage again"
        )
    return found


def _added(total: Sum | None, storage: dict[str, np.ndarray]) -> Sum:
    if total is None:
        return Sum(storage["values"].copy(), storage["variances"].copy())
    total.values += storage["values"]
    total.variances += storage["variances"]
    return total


def _templates(
    spec: MergeSpec,
    axes: list[dict[str, Any]],
    luminosity_fb: float,
    samples: dict[str, SampleAccount],
    signals: Signals,
) -> Templates:
    controls: dict[str, dict[str, Any]] = {}
    for name, sample in samples.items():
        factor = sample.scale(luminosity_fb)
        for control, histogram in sample.controls.items():
            storage = histogram["storage"]
            values, variances = Sum(storage["values"], storage["variances"]).scaled(factor)
            scaled = histogram | {"storage": storage | {"values": values, "variances": variances}}
            controls.setdefault(control.removeprefix("control/"), {})[name] = scaled
    return Templates(
        edges={
            axis["metadata"]["name"]: np.linspace(axis["lower"], axis["upper"], axis["bins"] + 1)
            for axis in axes
        },
        luminosity_fb=luminosity_fb,
        channels={
            channel: _channel_templates(channel, luminosity_fb, samples, signals) for channel in spec.channels
        },
        controls=controls,
        triggers=signals.trigger_efficiencies(),
    )


def _channel_templates(
    channel: str, luminosity_fb: float, samples: dict[str, SampleAccount], signals: Signals
) -> ChannelTemplates:
    having = {name: sample for name, sample in samples.items() if channel in sample.observables}
    data = [s.observables[channel].values for s in having.values() if s.kind == "data"]
    return ChannelTemplates(
        data=np.sum(data, axis=0) if data else None,
        backgrounds={
            name: sample.observables[channel].scaled(sample.scale(luminosity_fb))
            for name, sample in having.items()
            if sample.kind == "background"
        },
        signals={
            model: {
                point: SignalTemplate(total.values, total.variances, total.generated_events)
                for point, total in sorted(by_point.items())
            }
            for model, by_point in signals.channels.get(channel, {}).items()
        },
    )


def _expected_candidates(templates: Templates) -> dict[str, float]:
    """Background sample → candidates expected at the luminosity of the data, in all channels."""
    expected: dict[str, float] = {}
    for channel in templates.channels.values():
        for name, (values, _) in channel.backgrounds.items():
            expected[name] = expected.get(name, 0.0) + float(values.sum())
    return expected


def _block_account(manifest: Manifest, metadata: dict[str, Any], candidates: float | None) -> dict[str, Any]:
    return {
        "sample": manifest.sample,
        "block": manifest.block,
        "kind": manifest.kind,
        "luminosity_fb": manifest.luminosity_fb,
        "files": len(manifest.files),
        "entries": manifest.entries,
        "preselected_rows": metadata["rows"],
        "candidates": candidates,
    }


def _account(
    spec: MergeSpec,
    luminosity: dict[str, Any],
    blocks: list[dict[str, Any]],
    samples: dict[str, SampleAccount],
    templates: Templates,
) -> dict[str, Any]:
    """The account as plain values; `expected` are yields at the luminosity of the data."""
    per_sample, expected = {}, _expected_candidates(templates)
    for name, sample in samples.items():
        scale = sample.scale(luminosity["total_fb"])
        per_sample[name] = {
            "kind": sample.kind,
            "generated_events": sample.generated_events if sample.kind != "data" else None,
            "scale": scale if sample.kind == "background" else None,
            "cutflow": [
                {
                    "cut": cut,
                    "rows": step["rows"],
                    "expected": step["sum_of_weights"] * scale if sample.kind == "background" else None,
                }
                for cut, step in sample.cutflow.items()
            ],
            "expected_candidates": expected.get(name),
        }
    observed = {
        name: None if channel.data is None else float(channel.data.sum())
        for name, channel in templates.channels.items()
    }
    return {
        "search": spec.search,
        "blind": spec.blind,
        "luminosity_fb": luminosity,
        "observed_candidates": None if None in observed.values() else sum(filter(None, observed.values())),
        "expected_candidates": sum(expected.values()),
        "channels": {
            name: {
                "observed_candidates": observed[name],
                "expected_candidates": {s: float(v.sum()) for s, (v, _) in channel.backgrounds.items()},
            }
            for name, channel in templates.channels.items()
        },
        "samples": per_sample,
        "blocks": blocks,
    }
