"""The figure of docs/unbinned.md."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from likelihood import Result

matplotlib.use("agg")
import matplotlib.pyplot as plt

COLOURS = {0.25: "#56B4E9", 0.5: "#D55E00", 1.0: "#009E73", 2.0: "#666666"}  # Okabe and Ito, and grey
MARKERS = {0.25: "s", 0.5: "o", 1.0: "^", 2.0: "D"}
IN_CORRELATION = (0.5, 2.0)
MASS_TICKS = (0.2, 0.5, 1, 2, 5, 9)


def draw(
    path: Path, masses: np.ndarray, unbinned: Sequence[Result], binned: dict[float, list[Result]]
) -> None:
    """Ratios of limits against the mass (n,) in GeV, and fitted yields against each other, as PNG."""
    style = {"font.size": 10, "axes.grid": True, "grid.alpha": 0.25, "xtick.direction": "in"}
    with plt.rc_context(style | {"ytick.direction": "in"}):
        figure = plt.figure(figsize=(11, 5.6), layout="constrained")
        grid = figure.add_gridspec(2, 2, width_ratios=(1.25, 1))
        upper = figure.add_subplot(grid[0, 0])
        lower = figure.add_subplot(grid[1, 0], sharex=upper)
        _draw_ratios(upper, masses, unbinned, binned, "expected")
        _draw_ratios(lower, masses, unbinned, binned, "observed")
        upper.set_title("Limits at 90 % CL: binned / unbinned", fontsize=11)
        upper.tick_params(labelbottom=False)
        upper.set_ylim(0.99, 1.105)
        handles, labels = upper.get_legend_handles_labels()
        title = "width of the bins"
        upper.legend(
            handles[::-1], labels[::-1], title=title, ncols=4, loc="upper center", frameon=False, fontsize=9
        )
        lower.set_xscale("log")
        lower.set_xticks(MASS_TICKS, [f"{mass:g}" for mass in MASS_TICKS])
        lower.set_xticks([], minor=True)
        lower.set_xlabel("mass of the hypothesis (GeV)")
        _draw_yields(figure.add_subplot(grid[:, 1]), unbinned, binned)
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, dpi=130, metadata={"Software": None})
        plt.close(figure)


def _draw_ratios(
    axes: plt.Axes,
    masses: np.ndarray,
    unbinned: Sequence[Result],
    binned: dict[float, list[Result]],
    name: str,
) -> None:
    axes.axhline(1, color="black", lw=0.8)
    for width in sorted(binned, reverse=True):
        ratio = [getattr(b, name) / getattr(u, name) for b, u in zip(binned[width], unbinned, strict=True)]
        axes.plot(masses, ratio, MARKERS[width], ms=3.5, color=COLOURS[width], label=f"{width:g} σ")
    axes.set_ylabel(f"ratio of {name} limits")


def _draw_yields(axes: plt.Axes, unbinned: Sequence[Result], binned: dict[float, list[Result]]) -> None:
    error = np.array([u.error for u in unbinned])
    x = np.array([u.yield_ for u in unbinned]) / error
    highest = x.max()
    for width in sorted(IN_CORRELATION, reverse=True):
        y = np.array([b.yield_ for b in binned[width]]) / error
        highest = max(highest, y.max())
        correlation = np.corrcoef(x, y)[0, 1]
        label = f"bins of {width:g} σ: correlation {correlation:.3f}"
        axes.plot(x, y, MARKERS[width], ms=4.5, color=COLOURS[width], label=label)
    ends = np.array([-0.05, 1.08]) * highest
    axes.plot(ends, ends, color="black", lw=0.8)
    axes.set(xlim=ends, ylim=ends, aspect="equal", title="Fitted signal (not negative) / its unbinned error")
    axes.title.set_fontsize(11)
    axes.set_xlabel("unbinned fit")
    axes.set_ylabel("binned fit")
    axes.legend(loc="upper left", frameon=False, fontsize=9)
