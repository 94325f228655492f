"""Figure of the trigger efficiencies of a signal, and of what a displaced-vertex line adds."""

from pathlib import Path
from typing import Any

import numpy as np

from darkreach.columnar.templates import SignalPoint
from darkreach.config.stages import FigureSpec
from darkreach.models.registry import model_named
from darkreach.publish.labels import mass_label
from darkreach.publish.triggers import ANY, Efficiencies, lines_of

WITH_DISPLACED = "any or displaced_vertex"
_COLOURS = ("#0b5394", "#b45f06", "#38761d", "#741b47", "#1b9aaa", "#666666")
_MASSES = 4  # masses in a figure against the lifetime


def draw_triggers(efficiencies: Efficiencies, spec: FigureSpec, path: Path) -> None:
    """Draw the efficiencies as PNG: against the lifetime where there are several, else against the mass.

    Against the lifetime a mass has two curves, with and without the line for displaced vertices.
    """
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7.2, 4.6), layout="constrained")
    lifetimes = {point.lifetime_m for point in efficiencies if point.lifetime_m > 0}
    if len(lifetimes) > 1:
        _draw_by_lifetime(axes, efficiencies)
    elif efficiencies:
        _draw_by_mass(axes, efficiencies, spec)
    else:
        axes.text(0.5, 0.5, "no trigger information", transform=axes.transAxes, ha="center")
    axes.set_ylabel("trigger efficiency of selected signal")
    axes.set_ylim(0, 1.05)
    axes.set_title(f"{spec.search}: {model_named(spec.model).label}", fontsize=11)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(frameon=False, fontsize=9)
    figure.savefig(path, dpi=150, metadata={"Software": "darkreach"})
    plt.close(figure)


def _draw_by_lifetime(axes: Any, efficiencies: Efficiencies) -> None:
    masses = sorted({point.mass_GeV for point in efficiencies if point.lifetime_m > 0})
    chosen = np.unique(np.linspace(0, len(masses) - 1, min(_MASSES, len(masses))).round().astype(int))
    for index, colour in zip(chosen, _COLOURS, strict=False):
        points = [p for p in sorted(efficiencies) if p.mass_GeV == masses[index] and p.lifetime_m > 0]
        lifetimes = [point.lifetime_m for point in points]
        label = f"{masses[index]:g} GeV"
        axes.plot(lifetimes, _values(efficiencies, points, ANY), color=colour, marker=".", label=label)
        displaced = _values(efficiencies, points, WITH_DISPLACED)
        axes.plot(lifetimes, displaced, color=colour, marker=".", ls="--")
    if np.isfinite(displaced).any():
        axes.plot([], [], color="#444444", label="lines of the selection")
        axes.plot([], [], color="#444444", ls="--", label="with the displaced-vertex line")
    axes.set_xscale("log")
    axes.set_xlabel(r"$c\tau$ [m]")


def _draw_by_mass(axes: Any, efficiencies: Efficiencies, spec: FigureSpec) -> None:
    points = sorted(efficiencies)
    masses = [point.mass_GeV for point in points]
    for line in lines_of(efficiencies):
        style = {"color": "black", "lw": 1.6} if line == ANY else {"lw": 1.0}
        axes.plot(masses, _values(efficiencies, points, line), label=line, **style)
    axes.set_xlabel(mass_label(spec))


def _values(efficiencies: Efficiencies, points: list[SignalPoint], line: str) -> np.ndarray:
    return np.array([efficiencies[point].get(line, np.nan) for point in points])
