"""Sums of all blocks → templates of one search: the root of the merge tree."""

import os
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from darkreach.columnar.completeness import check_complete, read_catalogue
from darkreach.columnar.exact import ExactHistogram
from darkreach.columnar.merge_account import merge_account
from darkreach.columnar.sums import SampleSums, check_axes, sum_files
from darkreach.columnar.templates import (
    ChannelTemplates,
    SignalPoint,
    SignalTemplate,
    Templates,
    point_of,
)
from darkreach.config.stages import MergeSpec
from darkreach.errors import DarkreachError


def merge(
    spec: MergeSpec, catalogue: str | os.PathLike, histograms: Sequence[str | os.PathLike]
) -> tuple[Templates, dict[str, Any]]:
    """Add the sums of all samples, and scale the backgrounds to the luminosity of the data that were read.

    catalogue: folder with {sample}.json of the user's own files and {sample}/{block}.json of simulated ones.
    histograms: files of blocks, or of nodes of the merge tree, in any order.

    Blocks of one background sample count as one production: the scale is L·σ/ΣN, with σ their mean
    weighted by generated events. Signals stay unscaled, per point, with their generated events. Generated
    events of a block of which some files were not read count by the share of its entries that was.

    Returns the templates and the account: luminosity (fb⁻¹) catalogued and read, what is missing, candidates
    per block, cutflow per sample with expected yields.

    Raises:
        DarkreachError: a block is missing, there twice, or of another search or binning; more is unread than
            `tolerance` allows; a file or a run is in two blocks; there are no data; a background is
            negative; or blinding does not fit.
    """
    samples = sum_files(spec.search, histograms)
    check_complete(spec, samples, read_catalogue(spec, catalogue))
    _check_blinding(spec, samples)
    luminosity = sum((sums.luminosity_read for sums in samples.values()), Fraction(0))
    if not luminosity:
        raise DarkreachError("--histograms: no block of data with a luminosity; add one to 'samples'")
    scales = {name: scale_of(sums, luminosity) for name, sums in samples.items()}
    templates = _templates(spec, float(luminosity), samples, scales)
    for name, expected in templates.expected_candidates().items():
        if expected < 0:
            raise DarkreachError(
                f"samples.{name}: {expected:.4g} candidates are expected, a negative number; "
                "correct '__weight__' in its ntuples"
            )
    return templates, merge_account(spec, samples, scales, templates)


def scale_of(sums: SampleSums, luminosity_fb: Fraction) -> float:
    """Expected candidates per simulated one: L σ / N of all blocks together; 1 for data and signals."""
    generated = sums.generated
    if sums.kind != "background" or not generated:
        return 1.0
    return float(luminosity_fb * sums.cross_section_events / generated**2)


def _check_blinding(spec: MergeSpec, samples: Mapping[str, SampleSums]) -> None:
    for name, sums in samples.items():
        channels = set(sums.channel_histograms("observable"))
        if sums.kind != "data":
            continue
        if spec.blind and channels - {spec.control_channel}:
            raise DarkreachError(
                f"samples.{name}: its histograms show the signal region of a blind search; run its histogram "
                "stage again"
            )
        if not spec.blind and channels != set(spec.channels):
            raise DarkreachError(
                f"samples.{name}: was filled while the search was blind; run its histogram stage again"
            )


def _templates(
    spec: MergeSpec, luminosity_fb: float, samples: Mapping[str, SampleSums], scales: Mapping[str, float]
) -> Templates:
    controls: dict[str, dict[str, Any]] = {}
    sidebands: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = {}
    for name, sums in samples.items():
        for control, histogram in sums.channel_histograms("control").items():
            controls.setdefault(control, {})[name] = histogram.uhi(scales[name])
        for channel, histogram in sums.channel_histograms("sideband").items():
            sidebands.setdefault(channel, {})[name] = histogram.dense(scales[name])
    return Templates(
        edges={
            axis["metadata"]["name"]: np.linspace(axis["lower"], axis["upper"], axis["bins"] + 1)
            for axis in _axes(samples)
        },
        luminosity_fb=luminosity_fb,
        channels={channel: _channel_templates(channel, samples, scales) for channel in spec.channels},
        controls=controls,
        triggers=_trigger_efficiencies(samples),
        sidebands=sidebands,
        missing=[
            {"block": account.name, **file.model_dump()}
            for sums in samples.values()
            for account in sums.blocks
            for file in account.missing
        ],
    )


def _axes(samples: Mapping[str, SampleSums]) -> list[dict[str, Any]]:
    """The axes of the observables, which all samples have."""
    axes: list[dict[str, Any]] = []
    for name, sums in samples.items():
        for place in ("observable", "sideband"):
            for histogram in sums.channel_histograms(place).values():
                by_point = sums.kind == "signal" and place == "observable"
                found = histogram.axes[1:] if by_point else histogram.axes
                axes = axes or found
                check_axes(axes, found, f"samples.{name}")
    if not axes:
        raise DarkreachError("--histograms: no simulated sample is among the blocks; add one to 'samples'")
    return axes


def _channel_templates(
    channel: str, samples: Mapping[str, SampleSums], scales: Mapping[str, float]
) -> ChannelTemplates:
    having = {name: sums for name, sums in samples.items() if f"observable/{channel}" in sums.histograms}
    data, backgrounds = None, {}
    for name, sums in having.items():
        if sums.kind == "signal":
            continue
        values, variances = sums.histograms[f"observable/{channel}"].dense(scales[name])
        if sums.kind == "data":
            data = values if data is None else data + values
        else:
            backgrounds[name] = (values, variances)
    signals = [sums for sums in having.values() if sums.kind == "signal"]
    return ChannelTemplates(
        data=data,
        backgrounds=backgrounds,
        signals={
            model: _signal_templates(channel, [sums for sums in signals if sums.model == model])
            for model in sorted({str(sums.model) for sums in signals})
        },
    )


def _signal_templates(channel: str, samples: Sequence[SampleSums]) -> dict[SignalPoint, SignalTemplate]:
    """Templates of one model in a channel, by point, from all samples of the model."""
    totals: dict[SignalPoint, ExactHistogram] = {}
    for sums in samples:
        for point, row in _rows(sums.histograms[f"observable/{channel}"]):
            totals[point] = totals[point] + row if point in totals else row
    blocks = [account for sums in samples for account in sums.blocks]
    return {
        point: SignalTemplate(
            *total.dense(),
            float(sum((account.generated_at(point, channel) for account in blocks), Fraction(0))),
        )
        for point, total in sorted(totals.items())
    }


def _trigger_efficiencies(
    samples: Mapping[str, SampleSums],
) -> dict[str, dict[SignalPoint, dict[str, float]]]:
    """Efficiency of each line among the candidates that pass all else; only of points that have some."""
    counts: dict[str, dict[SignalPoint, ExactHistogram]] = {}
    for sums in samples.values():
        if "trigger" in sums.histograms:
            by_point = counts.setdefault(str(sums.model), {})
            for point, row in _rows(sums.histograms["trigger"]):
                by_point[point] = by_point[point] + row if point in by_point else row
    return {
        model: {
            point: efficiencies for point, row in sorted(by_point.items()) if (efficiencies := _of_lines(row))
        }
        for model, by_point in counts.items()
    }


def _of_lines(row: ExactHistogram) -> dict[str, float]:
    """Line → efficiency, from candidates per line; empty if there are no candidates at all."""
    (everything, *fired), (_, *lines) = row.dense()[0], row.axes[0]["categories"]
    if not everything > 0:
        return {}
    return {line: float(n / everything) for line, n in zip(lines, fired, strict=True)}


def _rows(histogram: ExactHistogram) -> list[tuple[SignalPoint, ExactHistogram]]:
    names = histogram.axes[0]["categories"]
    return [(point_of(name), histogram.row(index)) for index, name in enumerate(names)]
