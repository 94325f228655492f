"""Control plots of one search: data beside the expected backgrounds."""

import io
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from darkreach.columnar.templates import Templates

_COLOURS = ("#3b6ea5", "#e0a458", "#7a9e7e", "#b56576", "#8d86c9", "#999999")
_LABELS = {
    "mass": "mass of the pair [GeV]",
    "reduced_mass": "reduced mass √(m² − 4m$_μ$²) [GeV]",
    "recoil_mass": "recoil mass [GeV]",
    "m_plus": "m$_+$ [GeV]",
    "m_minus": "m$_−$ [GeV]",
    "four_track_mass": "four-track mass [GeV]",
    "extra_energy": "extra energy [GeV]",
    "fit_chi2": "χ² of the kinematic fit",
    "score": "score of the classifier",
}
_BINS = 200  # of the observable in a figure


def control_figures(
    templates: Templates, data_samples: Collection[str], blind: bool
) -> Iterator[tuple[str, bytes]]:
    """(title, PNG) of the observables after all selection and in the sidebands, then of all controls.

    data_samples: names of the samples that are data. blind: data that are not there are not drawn as zero.
    """
    for channel, content in templates.channels.items():
        simulated = {name: values for name, (values, _) in content.backgrounds.items()}
        yield from _spectra(templates, channel, content.data, simulated, "after all selection")
    for channel, samples in templates.sidebands.items():
        data = [values for name, (values, _) in samples.items() if name in data_samples]
        simulated = {name: values for name, (values, _) in samples.items() if name not in data_samples}
        total = np.sum(data, axis=0) if data else None
        yield from _spectra(templates, channel, total, simulated, "sideband: below the classifier's cut")
    backgrounds = {name for channel in templates.channels.values() for name in channel.backgrounds}
    for variable, by_sample in templates.controls.items():
        category_axis, axis = next(iter(by_sample.values()))["axes"]
        edges = np.linspace(axis["lower"], axis["upper"], axis["bins"] + 1)
        for category in category_axis["categories"]:
            values = {name: _of_category(histogram, category) for name, histogram in by_sample.items()}
            observed = [found for name, found in values.items() if name in data_samples]
            expected = {name: found for name, found in values.items() if name in backgrounds}
            title = f"{_words(variable)}, {_words(category)}"
            total = np.sum(observed, axis=0) if observed else None
            if blind and total is not None and not total.any():
                total = None
            yield title, _stack(edges, total, expected, _LABELS.get(variable, _words(variable)), title)


def _spectra(
    templates: Templates,
    channel: str,
    data: np.ndarray | None,
    backgrounds: dict[str, np.ndarray],
    stage: str,
) -> Iterator[tuple[str, bytes]]:
    """The spectrum of each observable in a channel, summed over the other observable if there is one."""
    for axis, (name, edges) in enumerate(templates.edges.items()):
        others = tuple(i for i in range(len(templates.edges)) if i != axis)

        wide, observed = _rebinned(edges, None if data is None else data.sum(axis=others), _BINS)
        expected = {
            sample: _rebinned(edges, values.sum(axis=others), _BINS)[1]
            for sample, values in backgrounds.items()
        }
        title = f"{_words(name)}, {stage}"
        if len(templates.channels) > 1:
            title += f", channel {_words(channel)}"
        yield title, _stack(wide, observed, expected, _LABELS.get(name, f"{_words(name)} [GeV]"), title)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _of_category(histogram: dict[str, Any], category: str) -> np.ndarray:
    categories = histogram["axes"][0]["categories"]
    return np.asarray(histogram["storage"]["values"])[categories.index(category)]


def _rebinned(edges: np.ndarray, values: np.ndarray | None, bins: int) -> tuple[np.ndarray, Any]:
    step = max(1, len(edges) // bins)
    last = (len(edges) - 1) // step * step
    summed = None if values is None else values[:last].reshape(-1, step).sum(axis=1)
    return edges[: last + 1 : step], summed


def _stack(
    edges: np.ndarray, data: np.ndarray | None, backgrounds: dict[str, np.ndarray], label: str, title: str
) -> bytes:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 3.9), layout="constrained")
    shown = {name: height for name, height in backgrounds.items() if height.any()}
    ordered = sorted(shown.items(), key=lambda item: item[1].sum())
    if ordered:
        names, heights = zip(*ordered, strict=True)
        axes.stackplot(
            edges,
            [np.append(height, height[-1]) for height in heights],
            step="post",
            labels=names,
            colors=_COLOURS[: len(names)],
            linewidth=0,
        )
    if data is not None:
        centres = (edges[1:] + edges[:-1]) / 2
        axes.errorbar(centres, data, np.sqrt(data), fmt="k.", markersize=3, linewidth=0.8, label="data")
    axes.set(xlabel=label, ylabel="candidates per bin", xlim=(edges[0], edges[-1]))
    axes.set_ylim(bottom=0)
    axes.set_title(title, fontsize=10)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=8)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110, metadata={"Software": None})
    plt.close(figure)
    return picture.getvalue()
