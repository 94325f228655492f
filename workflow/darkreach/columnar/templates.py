"""Templates of one search: what the scan reads instead of events. Light: needs only h5py and uhi."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from darkreach.columnar.exact import regular_axis
from darkreach.columnar.storage import read_histograms, write_histograms
from darkreach.errors import DarkreachError


class SignalPoint(NamedTuple):
    """What a signal template is for: mass of X in GeV and proper lifetime cτ in m, 0 if X decays at once."""

    mass_GeV: float
    lifetime_m: float


@dataclass
class SignalTemplate:
    """One simulated signal: candidates made of the right pair, after all selection.

    values, variances: sum of weights and of squared weights per fine bin, of the shape of the axes.
    generated_events: events generated; values.sum() / generated_events is the signal efficiency.
    """

    values: np.ndarray
    variances: np.ndarray
    generated_events: float


@dataclass
class ChannelTemplates:
    """Histograms of the observable in one channel, each of the shape of the axes.

    data: observed candidates, or None of a signal channel while the search is blind.
    backgrounds: sample → (values, variances), scaled to the luminosity of the data.
    signals: model → point → template.
    """

    data: np.ndarray | None
    backgrounds: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    signals: dict[str, dict[SignalPoint, SignalTemplate]] = field(default_factory=dict)

    @property
    def observed(self) -> np.ndarray:
        """`data` of a search that is not blind.

        Raises:
            DarkreachError: there are none.
        """
        if self.data is None:
            raise DarkreachError("the search is not blind but the templates have no data; merge again")
        return self.data


@dataclass
class Templates:
    """Histograms of the observables of a search, far finer than their resolution.

    edges: observable → (n + 1,) edges of its fine bins in GeV, equally spaced; in the order of the axes.
    luminosity_fb: of the data that were read, fb⁻¹.
    channels: name → its histograms.
    controls: variable → sample → histogram to look at, in UHI's form, scaled as the templates are.
    triggers: model → point → trigger line → efficiency among the signal candidates that pass everything
        else; also `any` of those that accept events, and `any or displaced_vertex` where that is reported.
    sidebands: channel → sample → (values, variances) of what is in a region but fails its classifier's cut,
        scaled as the templates are; data are there also while the search is blind.
    missing: files that were catalogued and not read: block, path, entries, luminosity_fb and reason.
    """

    edges: dict[str, np.ndarray]
    luminosity_fb: float
    channels: dict[str, ChannelTemplates]
    controls: dict[str, dict[str, Any]] = field(default_factory=dict)
    triggers: dict[str, dict[SignalPoint, dict[str, float]]] = field(default_factory=dict)
    sidebands: dict[str, dict[str, tuple[np.ndarray, np.ndarray]]] = field(default_factory=dict)
    missing: list[dict[str, Any]] = field(default_factory=list)

    def expected_candidates(self) -> dict[str, float]:
        """Background sample → candidates expected at the luminosity of the data, in all channels."""
        expected: dict[str, float] = {}
        for channel in self.channels.values():
            for name, (values, _) in channel.backgrounds.items():
                expected[name] = expected.get(name, 0.0) + float(values.sum())
        return expected


def point_name(point: SignalPoint) -> str:
    """A point as a word of an axis or of a file: the shortest text that gives the same numbers back."""
    return f"{float(point.mass_GeV)!r}@{float(point.lifetime_m)!r}"


def point_of(name: str) -> SignalPoint:
    """The point that `point_name` wrote."""
    mass, _, lifetime = name.partition("@")
    return SignalPoint(float(mass), float(lifetime))


def write_templates(path: str | os.PathLike, templates: Templates) -> None:
    """Store templates: HDF5 with one histogram in UHI's form for each.

    They are `channel/{channel}/data`, `channel/{channel}/background/{sample}`,
    `channel/{channel}/signal/{model}/{point}`, `sideband/{channel}/{sample}` and
    `control/{variable}/{sample}`; luminosity, missing files, numbers of generated events and trigger
    efficiencies are in the metadata.

    Raises:
        ValueError: the edges are not equally spaced, or a template does not fit them.
        DarkreachError: the file cannot be written.
    """
    axes = [_axis(name, edges) for name, edges in templates.edges.items()]
    histograms: dict[str, Any] = {}
    generated: dict[str, dict[str, dict[str, float]]] = {}
    for channel, content in templates.channels.items():
        place = f"channel/{channel}"
        generated[channel] = {}
        if content.data is not None:
            histograms[f"{place}/data"] = _histogram(axes, content.data, content.data)
        for sample, (values, variances) in content.backgrounds.items():
            histograms[f"{place}/background/{sample}"] = _histogram(axes, values, variances)
        for model, by_point in content.signals.items():
            generated[channel][model] = {}
            for point, signal in by_point.items():
                name = point_name(point)
                generated[channel][model][name] = signal.generated_events
                histograms[f"{place}/signal/{model}/{name}"] = _histogram(
                    axes, signal.values, signal.variances
                )
    for variable, by_sample in templates.controls.items():
        for sample, histogram in by_sample.items():
            histograms[f"control/{variable}/{sample}"] = histogram
    for channel, of_samples in templates.sidebands.items():
        for sample, (values, variances) in of_samples.items():
            histograms[f"sideband/{channel}/{sample}"] = _histogram(axes, values, variances)
    metadata = {
        "luminosity_fb": templates.luminosity_fb,
        "missing": templates.missing,
        "axes": axes,
        "generated_events": generated,
        "triggers": {
            model: {point_name(point): lines for point, lines in by_point.items()}
            for model, by_point in templates.triggers.items()
        },
    }
    write_histograms(path, histograms, metadata)


def read_templates(path: str | os.PathLike) -> Templates:
    """The templates in `path`, all of them.

    Raises:
        DarkreachError: the file is missing, damaged, or holds no templates.
    """
    return _read(path, lambda name: True, None)


def read_spectra(path: str | os.PathLike, signal: str) -> Templates:
    """What the scan of a model needs: data and backgrounds of all channels, and one signal.

    signal: name of the signal's model. Controls, sidebands and other signals are left out.

    Raises:
        DarkreachError: the file is missing, damaged, or holds no templates.
    """

    def is_needed(name: str) -> bool:
        place, _, kind, *rest = [*name.split("/"), ""]
        return place == "channel" and (kind != "signal" or rest[0] == signal)

    return _read(path, is_needed, signal)


def read_triggers(path: str | os.PathLike, signal: str) -> dict[SignalPoint, dict[str, float]]:
    """Trigger efficiencies of one signal, as in `Templates.triggers`; empty if it has none.

    Raises:
        DarkreachError: the file is missing, damaged, or holds no templates.
    """
    return _read(path, lambda name: False, "").triggers.get(signal, {})


def _read(path: str | os.PathLike, wanted: Callable[[str], bool], signal: str | None) -> Templates:
    """Templates of histograms that are wanted by their name; signal: the only one, None for all."""
    histograms, metadata = read_histograms(path, wanted)
    try:
        return Templates(
            edges={
                axis["metadata"]["name"]: np.linspace(axis["lower"], axis["upper"], axis["bins"] + 1)
                for axis in metadata["axes"]
            },
            luminosity_fb=metadata["luminosity_fb"],
            channels={
                channel: _channel(
                    histograms,
                    f"channel/{channel}/",
                    {model: points for model, points in generated.items() if signal in (None, model)},
                )
                for channel, generated in metadata["generated_events"].items()
            },
            controls=_by_sample(histograms, "control"),
            triggers={
                model: {point_of(name): lines for name, lines in sorted(by_point.items())}
                for model, by_point in metadata["triggers"].items()
            },
            sidebands={
                channel: {
                    name: (h["storage"]["values"], h["storage"]["variances"]) for name, h in found.items()
                }
                for channel, found in _by_sample(histograms, "sideband").items()
            },
            missing=metadata["missing"],
        )
    except KeyError as error:
        raise DarkreachError(
            f"{path}: holds no templates ({error} is missing); run the merge stage"
        ) from None


def _channel(
    histograms: dict[str, Any], place: str, generated: dict[str, dict[str, float]]
) -> ChannelTemplates:
    storage = {
        name.removeprefix(place): histogram["storage"]
        for name, histogram in histograms.items()
        if name.startswith(place)
    }
    return ChannelTemplates(
        data=storage["data"]["values"] if "data" in storage else None,
        backgrounds={
            name.removeprefix("background/"): (entry["values"], entry["variances"])
            for name, entry in storage.items()
            if name.startswith("background/")
        },
        signals={
            model: {
                point_of(name): SignalTemplate(
                    storage[f"signal/{model}/{name}"]["values"],
                    storage[f"signal/{model}/{name}"]["variances"],
                    events,
                )
                for name, events in sorted(by_point.items(), key=lambda item: point_of(item[0]))
            }
            for model, by_point in generated.items()
        },
    )


def _by_sample(histograms: dict[str, Any], place: str) -> dict[str, dict[str, Any]]:
    """Variable or channel → sample → histogram of those at {place}/{variable or channel}/{sample}."""
    found: dict[str, dict[str, Any]] = {}
    for name, histogram in histograms.items():
        if name.startswith(f"{place}/"):
            _, first, sample = name.split("/")
            found.setdefault(first, {})[sample] = histogram
    return found


def _spectrum(histogram: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    return histogram["storage"]["values"], histogram["storage"]["variances"]


def _axis(name: str, edges: np.ndarray) -> dict[str, Any]:
    bins = len(edges) - 1
    if not np.allclose(edges, np.linspace(edges[0], edges[-1], bins + 1), rtol=0, atol=1e-9):
        raise ValueError("the edges of templates are equally spaced")
    return regular_axis(name, bins, edges[0], edges[-1])


def _histogram(axes: list[dict[str, Any]], values: np.ndarray, variances: np.ndarray) -> dict[str, Any]:
    shape = tuple(axis["bins"] for axis in axes)
    if values.shape != shape or variances.shape != shape:
        raise ValueError(f"a template of shape {values.shape} does not fit axes of shape {shape}")
    return {
        "uhi_schema": 1,
        "axes": axes,
        "storage": {
            "type": "weighted",
            "values": np.asarray(values, dtype=np.float64),
            "variances": np.asarray(variances, dtype=np.float64),
        },
    }
