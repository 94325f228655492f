"""The figure of one model: limits on the cross-section, and on the coupling beside those of others."""

import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from darkreach.config.search import MassWindow
from darkreach.config.stages import LimitsSpec
from darkreach.detector import BEAMS
from darkreach.errors import DarkreachError
from darkreach.models.gminus2 import GM2_BANDS, Gm2Band, coupling_for_delta_a_mu
from darkreach.models.registry import model_named
from darkreach.publish.overlay_curves import overlays_of
from darkreach.publish.table import COLUMNS, unit_signal_fb

# The customary colours of expected bands, in tones that keep apart in grey.
_ONE_SIGMA, _TWO_SIGMA = "#7fc97f", "#ffe680"
_OVERLAY_COLOURS = ("#0b5394", "#b45f06", "#741b47", "#38761d", "#666666")
_MASS_TICKS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2, 3, 5, 8)


def gm2_band(name: str) -> Gm2Band:
    """The (g−2)μ band that the configuration names, in any case, `+` standing for `_`.

    Raises:
        DarkreachError: there is none.
    """
    key = name.lower().replace("+", "_")
    if key not in GM2_BANDS:
        raise DarkreachError(f"g_minus_2_band: there is no band '{name}'; there are {', '.join(GM2_BANDS)}")
    return GM2_BANDS[key]


def draw_limits(
    table: Sequence[dict[str, Any]], spec: LimitsSpec, luminosity_fb: float, pdf: Path, png: Path
) -> None:
    """Write the figure of a limit table as PDF and PNG; equal tables give equal bytes.

    Raises:
        DarkreachError: no hypothesis has a limit, or the (g−2)μ band is unknown.
    """
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    import mplhep

    band = gm2_band(spec.g_minus_2_band)
    columns = _as_columns(table, spec.vetoes)
    if not np.isfinite(columns["sigma_limit_exp_fb"]).any():
        raise DarkreachError(
            f"no hypothesis of '{spec.model}' has a limit, so there is nothing to draw; "
            f"the first status is '{table[0]['status']}'"
        )
    style = [mplhep.style.ROOT, {"font.size": 12, "axes.labelsize": 13, "legend.fontsize": 9.5}, _STYLE]
    with plt.style.context(style):
        figure, (upper, lower) = plt.subplots(
            2, 1, figsize=(7.2, 8.6), sharex=True, height_ratios=(1, 1.15), layout="constrained"
        )
        _draw_cross_section(upper, columns, spec)
        _draw_coupling(lower, columns, spec, band)
        _finish(upper, lower, columns["mass_GeV"], spec)
        blind = not np.isfinite(columns["sigma_limit_obs_fb"]).any()
        _label(figure, upper, spec, luminosity_fb, blind)
        figure.savefig(pdf, metadata={"CreationDate": None, "Creator": "darkreach", "Producer": None})
        figure.savefig(png, dpi=150, metadata={"Software": "darkreach"})
        plt.close(figure)


_STYLE = {
    "axes.linewidth": 1.0,
    "xtick.major.size": 7,
    "xtick.minor.size": 3.5,
    "ytick.major.size": 7,
    "ytick.minor.size": 3.5,
    "xtick.labelsize": 11.5,
    "ytick.labelsize": 11.5,
    "lines.linewidth": 1.1,
    "legend.frameon": False,
    "savefig.bbox": "standard",
}


def _as_columns(table: Sequence[dict[str, Any]], vetoes: Sequence[MassWindow]) -> dict[str, np.ndarray]:
    """The limits by mass, NaN where there is none and inside each veto: there all curves have a gap."""
    names = [name for name in COLUMNS if "_limit_" in name]
    mass = np.array([row["mass_GeV"] for row in table])
    inside = [sum(veto.range_GeV) / 2 for veto in vetoes]
    inside = [middle for middle in inside if mass[0] < middle < mass[-1]]
    order = np.argsort(np.concatenate([mass, inside]), kind="stable")
    columns = {"mass_GeV": np.concatenate([mass, inside])[order]}
    for name in names:
        values = [np.nan if row[name] is None else row[name] for row in table]
        columns[name] = np.concatenate([values, np.full(len(inside), np.nan)])[order]
    return columns


def _draw_limits(axes: Any, mass: np.ndarray, limits: dict[str, np.ndarray]) -> None:
    """Observed limit and expected bands; limits: obs, exp, exp_m2 and so on, (n,) each."""
    axes.fill_between(
        mass, limits["exp_m2"], limits["exp_p2"], color=_TWO_SIGMA, lw=0, label=r"expected $\pm2\sigma$"
    )
    axes.fill_between(
        mass, limits["exp_m1"], limits["exp_p1"], color=_ONE_SIGMA, lw=0, label=r"expected $\pm1\sigma$"
    )
    axes.plot(mass, limits["exp"], color="#c00000", lw=1.0, label="expected median")
    if np.isfinite(limits["obs"]).any():
        width = 0.9 if len(mass) < 400 else 0.35  # thousands of hypotheses would merge into a block
        axes.plot(mass, limits["obs"], color="black", lw=width, label="observed")


def _sigma_limits(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    names = ("obs", "exp_m2", "exp_m1", "exp", "exp_p1", "exp_p2")
    return {name: columns[f"sigma_limit_{name}_fb"] for name in names}


def _draw_cross_section(axes: Any, columns: dict[str, np.ndarray], spec: LimitsSpec) -> None:
    limits = _sigma_limits(columns)
    _draw_limits(axes, columns["mass_GeV"], limits)
    particle = model_named(spec.model).label.strip("$")
    process = rf"\sigma(e^+e^-\to\mu^+\mu^-{particle})"
    axes.set_ylabel(rf"${process}\times\mathcal{{B}}({particle}\to\mu^+\mu^-)$ [fb]")
    axes.set_yscale("log")
    low, high = _range_of(limits.values())
    axes.set_ylim(low / 1.6, high * 3.5)  # the legend goes above the curves


def _draw_coupling(axes: Any, columns: dict[str, np.ndarray], spec: LimitsSpec, band: Gm2Band) -> None:
    model, mass = model_named(spec.model), columns["mass_GeV"]
    unit = unit_signal_fb(mass, spec)
    limits = {name: np.sqrt(limit / unit) for name, limit in _sigma_limits(columns).items()}
    _draw_limits(axes, mass, limits)
    axes.set_ylabel(f"{model.coupling_symbol} upper limit")
    axes.set_yscale("log")
    low, high = _range_of(limits.values())
    favoured = [
        coupling_for_delta_a_mu(model, mass, max(band.central + k * band.sigma, 0.0)) for k in (-2, 2)
    ]
    axes.fill_between(mass, *favoured, color="#d9534f", alpha=0.3, lw=0, label=rf"{band.label}, $\pm2\sigma$")
    if spec.overlays:
        for overlay, colour in zip(overlays_of(model.name), _OVERLAY_COLOURS, strict=False):
            label = f"{overlay.label} ({overlay.confidence_level:.0%} CL)"
            axes.plot(overlay.masses, overlay.limits, color=colour, lw=1.4, label=label)
    axes.set_ylim(low / 2, high * 2)


def _range_of(curves: Iterable[np.ndarray]) -> tuple[float, float]:
    values = np.concatenate(list(curves))
    values = values[np.isfinite(values) & (values > 0)]
    return float(values.min()), float(values.max())


def _finish(upper: Any, lower: Any, mass: np.ndarray, spec: LimitsSpec) -> None:
    """The mass axis, the vetoes and the legends."""
    lower.set_xscale("log")
    lower.set_xlim(mass[0] * 0.95, mass[-1] * 1.05)
    ticks = [tick for tick in _MASS_TICKS if mass[0] * 0.95 <= tick <= mass[-1] * 1.05]
    lower.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    lower.tick_params(axis="x", which="minor", labelbottom=False)
    lower.set_xlabel(rf"$m({model_named(spec.model).label.strip('$')})$ [GeV]")
    for axes in (upper, lower):
        for i, veto in enumerate(spec.vetoes):
            axes.axvspan(
                *veto.range_GeV, color="#cccccc", lw=0, zorder=0.5, label="vetoed" if i == 0 else None
            )
    shared = len(upper.get_legend_handles_labels()[0]) - bool(spec.vetoes)
    upper.legend(loc="upper left", ncols=3)
    handles, labels = lower.get_legend_handles_labels()
    own = [i for i, label in enumerate(labels) if i >= shared and label != "vetoed"]
    lower.legend([handles[i] for i in own], [labels[i] for i in own], loc="upper left")


def _label(figure: Any, upper: Any, spec: LimitsSpec, luminosity_fb: float, blind: bool) -> None:
    sqrt_s = BEAMS[spec.detector].sqrt_s
    data = "expected (blind)" if blind else "simulated data" if spec.stand_in else "data"
    upper.text(0, 1.02, "darkreach", transform=upper.transAxes, weight="bold", fontsize=14)
    upper.text(0.165, 1.02, data, transform=upper.transAxes, style="italic", fontsize=12)
    details = (
        rf"$\int L\,dt$ = {luminosity_fb:.4g} fb$^{{-1}}$, √$s$ = {sqrt_s:.2f} GeV, "
        f"{spec.confidence_level:.0%} CL (CL$_s$)"
    )
    upper.text(1, 1.02, details, transform=upper.transAxes, ha="right", fontsize=12)
    if spec.assumed:
        note = "Assumed, not published: " + ", ".join(spec.assumed) + "."
        figure.supxlabel(textwrap.fill(note, 120), fontsize=7.5, color="#555555", x=0.02, ha="left")
