"""Templates of one search: what the scan reads instead of events. Light: needs only h5py and uhi."""

import os
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from darkreach.columnar.storage import read_histograms, write_histograms
from darkreach.errors import DarkreachError


@dataclass
class SignalTemplate:
    """One simulated signal: candidates made of the right pair, after all selection.

    values, variances: (n,) sum of weights and of squared weights per fine bin; one weight per candidate.
    generated_events: events generated; values.sum() / generated_events is the signal efficiency.
    """

    values: np.ndarray
    variances: np.ndarray
    generated_events: float


@dataclass
class Templates:
    """Histograms of the observable, far finer than its resolution.

    edges: (n + 1,) edges of the fine bins of the reduced mass √(m² − 4m_μ²), GeV; equally spaced.
    luminosity_fb: of the data, fb⁻¹.
    data: (n,) observed candidates, or None while the search is blind.
    backgrounds: sample → (values, variances), each (n,), scaled to luminosity_fb.
    signals: model → mass of X in GeV → template.
    controls: variable → sample → histogram to look at, in UHI's form, scaled as the templates are.
    """

    edges: np.ndarray
    luminosity_fb: float
    data: np.ndarray | None
    backgrounds: dict[str, tuple[np.ndarray, np.ndarray]] = field(default_factory=dict)
    signals: dict[str, dict[float, SignalTemplate]] = field(default_factory=dict)
    controls: dict[str, dict[str, Any]] = field(default_factory=dict)


def write_templates(path: str | os.PathLike, templates: Templates, observable: str = "reduced_mass") -> None:
    """Store templates: HDF5 with one histogram in UHI's form for each.

    They are `data`, `background/{sample}`, `signal/{model}/{mass}` and `control/{variable}/{sample}`; the
    luminosity and the numbers of generated events are in the metadata.

    Raises:
        ValueError: the edges are not equally spaced, or a template does not fit them.
        DarkreachError: the file cannot be written.
    """
    axis = _axis(templates.edges, observable)
    histograms: dict[str, Any] = {}
    if templates.data is not None:
        histograms["data"] = _histogram(axis, templates.data, templates.data)
    for sample, (values, variances) in templates.backgrounds.items():
        histograms[f"background/{sample}"] = _histogram(axis, values, variances)
    generated: dict[str, dict[str, float]] = {}
    for model, by_mass in templates.signals.items():
        generated[model] = {}
        for mass, signal in by_mass.items():
            name = repr(float(mass))
            generated[model][name] = signal.generated_events
            histograms[f"signal/{model}/{name}"] = _histogram(axis, signal.values, signal.variances)
    for variable, by_sample in templates.controls.items():
        for sample, histogram in by_sample.items():
            histograms[f"control/{variable}/{sample}"] = histogram
    metadata = {
        "luminosity_fb": templates.luminosity_fb,
        "axis": axis,
        "generated_events": generated,
    }
    write_histograms(path, histograms, metadata)


def read_templates(path: str | os.PathLike) -> Templates:
    """The templates in `path`.

    Raises:
        DarkreachError: the file is missing, damaged, or holds no templates.
    """
    histograms, metadata = read_histograms(path)
    try:
        axis, generated = metadata["axis"], metadata["generated_events"]
        storage = {name: histogram["storage"] for name, histogram in histograms.items()}
        data = storage["data"]["values"] if "data" in storage else None
        return Templates(
            edges=np.linspace(axis["lower"], axis["upper"], axis["bins"] + 1),
            luminosity_fb=metadata["luminosity_fb"],
            data=data,
            backgrounds={
                name.removeprefix("background/"): (entry["values"], entry["variances"])
                for name, entry in storage.items()
                if name.startswith("background/")
            },
            signals={
                model: {
                    float(mass): SignalTemplate(
                        storage[f"signal/{model}/{mass}"]["values"],
                        storage[f"signal/{model}/{mass}"]["variances"],
                        events,
                    )
                    for mass, events in sorted(by_mass.items(), key=lambda item: float(item[0]))
                }
                for model, by_mass in generated.items()
            },
            controls=_controls(histograms),
        )
    except KeyError as error:
        raise DarkreachError(
            f"{path}: holds no templates ({error} is missing); run the merge stage"
        ) from None


def _controls(histograms: dict[str, Any]) -> dict[str, dict[str, Any]]:
    controls: dict[str, dict[str, Any]] = {}
    for name, histogram in histograms.items():
        if name.startswith("control/"):
            _, variable, sample = name.split("/")
            controls.setdefault(variable, {})[sample] = histogram
    return controls


def _axis(edges: np.ndarray, observable: str) -> dict[str, Any]:
    bins = len(edges) - 1
    if not np.allclose(edges, np.linspace(edges[0], edges[-1], bins + 1), rtol=0, atol=1e-9):
        raise ValueError("the edges of templates are equally spaced")
    return {
        "type": "regular",
        "lower": float(edges[0]),
        "upper": float(edges[-1]),
        "bins": bins,
        "underflow": False,
        "overflow": False,
        "circular": False,
        "metadata": {"name": observable},
    }


def _histogram(axis: dict[str, Any], values: np.ndarray, variances: np.ndarray) -> dict[str, Any]:
    if len(values) != axis["bins"] or len(variances) != axis["bins"]:
        raise ValueError(f"a template of {len(values)} bins does not fit {axis['bins']} bins")
    return {
        "uhi_schema": 1,
        "axes": [axis],
        "storage": {
            "type": "weighted",
            "values": np.asarray(values, dtype=np.float64),
            "variances": np.asarray(variances, dtype=np.float64),
        },
    }
