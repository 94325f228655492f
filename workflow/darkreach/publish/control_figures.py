"""Control plots of one search: data beside the expected backgrounds."""

import io
from collections.abc import Iterator
from typing import Any

import numpy as np

from darkreach.columnar.templates import Templates

_COLOURS = ("#3b6ea5", "#e0a458", "#7a9e7e", "#b56576", "#8d86c9", "#999999")
_LABELS = {
    "mass": "m(μμ) before the cut on the score [GeV]",
    "four_track_mass": "four-track mass [GeV]",
    "extra_energy": "extra energy [GeV]",
    "fit_chi2": "χ² of the kinematic fit",
}


def control_figures(templates: Templates) -> Iterator[tuple[str, bytes]]:
    """(title, PNG) of the observable after all selection, then of every control histogram."""
    edges, values = _rebinned(templates.edges, templates.data, 200)
    backgrounds = {
        name: _rebinned(templates.edges, expected, 200)[1]
        for name, (expected, _) in templates.backgrounds.items()
    }
    yield "Observable", _stack(edges, values, backgrounds, "reduced mass √(m² − 4m$_μ$²) [GeV]")
    for variable, by_sample in templates.controls.items():
        histogram = next(iter(by_sample.values()))
        axis = histogram["axes"][-1]
        data = [_values(h) for name, h in by_sample.items() if name not in _simulated(templates)]
        yield (
            variable,
            _stack(
                _edges(axis),
                np.sum(data, axis=0) if data else None,
                {name: _values(by_sample[name]) for name in templates.backgrounds if name in by_sample},
                _LABELS.get(variable, variable),
            ),
        )


def _simulated(templates: Templates) -> set[str]:
    return set(templates.backgrounds) | set(templates.signals)


def _rebinned(edges: np.ndarray, values: np.ndarray | None, bins: int) -> tuple[np.ndarray, Any]:
    step = max(1, len(edges) // bins)
    last = (len(edges) - 1) // step * step
    summed = None if values is None else values[:last].reshape(-1, step).sum(axis=1)
    return edges[: last + 1 : step], summed


def _edges(axis: dict[str, Any]) -> np.ndarray:
    return np.linspace(axis["lower"], axis["upper"], axis["bins"] + 1)


def _values(histogram: dict[str, Any]) -> np.ndarray:
    return np.asarray(histogram["storage"]["values"])


def _stack(
    edges: np.ndarray, data: np.ndarray | None, backgrounds: dict[str, np.ndarray], label: str
) -> bytes:
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 3.9), layout="constrained")
    ordered = sorted(backgrounds.items(), key=lambda item: item[1].sum())
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
    axes.legend(frameon=False, fontsize=8)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110, metadata={"Software": None})
    plt.close(figure)
    return picture.getvalue()
