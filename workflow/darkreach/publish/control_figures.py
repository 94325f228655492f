"""Control plots of one search: data beside the expected backgrounds."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np

from darkreach.columnar.templates import Templates

_COLOURS = ("#3b6ea5", "#e0a458", "#7a9e7e", "#b56576", "#8d86c9", "#999999")
_LABELS = {
    "mass": "m(μμ) [GeV]",
    "four_track_mass": "four-track mass [GeV]",
    "extra_energy": "extra energy [GeV]",
    "fit_chi2": "χ² of the kinematic fit",
    "score": "score of the classifier",
}


def control_figures(templates: Templates) -> Iterator[tuple[str, bytes]]:
    """(title, PNG) of the observable after all selection, then of every control histogram."""
    edges, data = _rebinned(templates.edges, templates.data, 200)
    backgrounds = {
        name: _rebinned(templates.edges, expected, 200)[1]
        for name, (expected, _) in templates.backgrounds.items()
    }
    title = "observable, after all selection"
    yield title, _stack(edges, data, backgrounds, "reduced mass √(m² − 4m$_μ$²) [GeV]", title)
    simulated = set(templates.backgrounds) | set(templates.signals)
    for variable, by_sample in templates.controls.items():
        category_axis, axis = next(iter(by_sample.values()))["axes"]
        edges = np.linspace(axis["lower"], axis["upper"], axis["bins"] + 1)
        for category in category_axis["categories"]:
            values = {name: _of_category(histogram, category) for name, histogram in by_sample.items()}
            observed = [found for name, found in values.items() if name not in simulated]
            expected = {name: found for name, found in values.items() if name in templates.backgrounds}
            title = f"{variable.replace('_', ' ')}, {category}"
            total = np.sum(observed, axis=0) if observed else None
            yield title, _stack(edges, total, expected, _LABELS.get(variable, variable), title)


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
    axes.legend(frameon=False, fontsize=8)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110, metadata={"Software": None})
    plt.close(figure)
    return picture.getvalue()
