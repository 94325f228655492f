"""The figure of one model: limits on the cross-section, and on the coupling beside those of others."""

import math
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from darkreach.config.figures import Figures
from darkreach.config.search import MassWindow
from darkreach.config.stages import FigureSpec
from darkreach.detector import BEAMS
from darkreach.errors import DarkreachError
from darkreach.models.gminus2 import GM2_BANDS, Gm2Band, coupling_for_delta_a_mu
from darkreach.models.registry import model_named
from darkreach.publish.labels import cross_section_label, lifetime_label, mass_label
from darkreach.publish.overlay_curves import overlays_of
from darkreach.publish.table import coupling_of, unit_signal_fb

_OVERLAY_COLOURS = ("#0b5394", "#b45f06", "#741b47", "#38761d", "#666666", "#1b9aaa", "#a64d79")
_MANY = 6  # entries of a legend that need two columns
_LIFETIME_COLOURS = ("#0b5394", "#b45f06", "#38761d", "#741b47", "#1b9aaa", "#666666")
_MASS_TICKS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.5, 2, 3, 4, 5, 6, 8, 10)


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
    table: Sequence[dict[str, Any]], spec: FigureSpec, luminosity_fb: float, pdf: Path, png: Path
) -> None:
    """Write the figure of a limit table as PDF and PNG; equal tables give equal bytes.

    Above, limits on the cross-section of an X that decays at once; in the middle, if there are any, those at
    fixed lifetimes; below, limits on the coupling with the lifetime that the model gives X. Where only one
    of prompt and natural lifetime was tested it is drawn in both.

    Raises:
        DarkreachError: no hypothesis has a limit, or the (g−2)μ band is unknown.
    """
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt
    import mplhep

    band = None if spec.g_minus_2_band is None else gm2_band(spec.g_minus_2_band)
    by_kind = {
        kind: [row for row in table if row["lifetime_hypothesis"] == kind]
        for kind in ("prompt", "fixed", "natural")
    }
    prompt, natural = (
        _as_columns(by_kind[kind] or by_kind[other] or table, spec.vetoes)
        for kind, other in (_KINDS, _KINDS[::-1])
    )
    if not any(np.isfinite(c["sigma_limit_exp_fb"]).any() for c in (prompt, natural)):
        raise DarkreachError(
            f"no hypothesis of '{spec.model}' has a limit, so there is nothing to draw; "
            f"the first status is '{table[0]['status']}'"
        )
    style = [mplhep.style.ROOT, {"font.size": 12, "axes.labelsize": 13, "legend.fontsize": 9.5}, _STYLE]
    panels = 2 + bool(by_kind["fixed"])
    with plt.style.context(style):
        figure, axes = plt.subplots(
            panels,
            1,
            figsize=(7.2, 8.6 if panels == 2 else 12),
            sharex=True,
            height_ratios=[1] * (panels - 1) + [1.15],
            layout="constrained",
        )
        _draw_cross_section(axes[0], prompt, spec)
        if by_kind["fixed"]:
            _draw_lifetimes(axes[1], by_kind["fixed"], spec)
        _draw_coupling(axes[-1], natural, spec, band)
        mass = np.array([row["mass_GeV"] for row in table])
        _finish(axes, (mass.min(), mass.max()), spec)
        _label(figure, axes[0], spec, luminosity_fb)
        figure.savefig(pdf, metadata={"CreationDate": None, "Creator": "darkreach", "Producer": None})
        figure.savefig(png, dpi=150, metadata={"Software": "darkreach"})
        plt.close(figure)


_KINDS = ("prompt", "natural")
_LIMITS = ("obs", "exp_m2", "exp_m1", "exp", "exp_p1", "exp_p2")
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
    """The limits by mass, NaN where there is none and inside each veto: there all curves have a gap.

    table: rows in order of mass, one for each.
    """
    names = [f"sigma_limit_{which}_fb" for which in _LIMITS]
    names += [f"coupling_{end}_{which}" for end in ("limit", "upper_edge") for which in ("obs", "exp")]
    mass = np.array([row["mass_GeV"] for row in table])
    inside = [sum(veto.range_GeV) / 2 for veto in vetoes]
    inside = [middle for middle in inside if mass[0] < middle < mass[-1]]
    order = np.argsort(np.concatenate([mass, inside]), kind="stable")
    columns = {"mass_GeV": np.concatenate([mass, inside])[order]}
    for name in names:
        values = [np.nan if row[name] is None else row[name] for row in table]
        columns[name] = np.concatenate([values, np.full(len(inside), np.nan)])[order]
    return columns


def _draw_limits(axes: Any, mass: np.ndarray, limits: dict[str, np.ndarray], colours: Figures) -> None:
    """Observed limit and expected bands; limits: obs, exp, exp_m2 and so on, (n,) each."""
    axes.fill_between(
        mass,
        limits["exp_m2"],
        limits["exp_p2"],
        color=colours.two_sigma,
        lw=0,
        label=r"expected $\pm2\sigma$",
    )
    axes.fill_between(
        mass,
        limits["exp_m1"],
        limits["exp_p1"],
        color=colours.one_sigma,
        lw=0,
        label=r"expected $\pm1\sigma$",
    )
    axes.plot(mass, limits["exp"], color=colours.expected, lw=1.0, label="expected median")
    if np.isfinite(limits["obs"]).any():
        width = 0.9 if len(mass) < 400 else 0.35  # thousands of hypotheses would merge into a block
        axes.plot(mass, limits["obs"], color=colours.observed, lw=width, label="observed")


def _sigma_limits(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {which: columns[f"sigma_limit_{which}_fb"] for which in _LIMITS}


def _draw_cross_section(axes: Any, columns: dict[str, np.ndarray], spec: FigureSpec) -> None:
    limits = _sigma_limits(columns)
    _draw_limits(axes, columns["mass_GeV"], limits, spec.colours)
    axes.set_ylabel(cross_section_label(spec))
    axes.set_yscale("log")
    low, high = _range_of(limits.values())
    axes.set_ylim(low / 1.6, high * 3.5)  # the legend goes above the curves


def _draw_lifetimes(axes: Any, rows: Sequence[dict[str, Any]], spec: FigureSpec) -> None:
    """Limits on the cross-section at fixed lifetimes: dashed expected, solid observed."""
    drawn = []
    lifetimes = sorted({row["lifetime_m"] for row in rows})
    for lifetime, colour in zip(lifetimes, _LIFETIME_COLOURS, strict=False):
        columns = _as_columns([row for row in rows if row["lifetime_m"] == lifetime], spec.vetoes)
        mass, observed, expected = (columns[n] for n in ("mass_GeV", *_SIGMA))
        axes.plot(mass, expected, color=colour, lw=1.0, ls="--")
        axes.plot(mass, observed, color=colour, lw=0.9)
        axes.plot([], [], color=colour, label=lifetime_label(lifetime))
        drawn += [observed, expected]
    axes.plot([], [], color="#666666", ls="--", label="dashed: expected median")
    axes.set_ylabel("the same at fixed lifetimes [fb]")
    axes.set_yscale("log")
    if any(np.isfinite(values).any() for values in drawn):
        low, high = _range_of(drawn)
        axes.set_ylim(low / 1.6, high * 3.5)


_SIGMA = ("sigma_limit_obs_fb", "sigma_limit_exp_fb")


def _draw_coupling(axes: Any, columns: dict[str, np.ndarray], spec: FigureSpec, band: Gm2Band | None) -> None:
    model, mass = model_named(spec.model), columns["mass_GeV"]
    unit = unit_signal_fb(mass, spec)
    limits = {name: coupling_of(limit, unit, spec) for name, limit in _sigma_limits(columns).items()}
    _draw_limits(axes, mass, limits, spec.colours)
    axes.set_ylabel(f"{model.coupling_symbol} upper limit")
    axes.set_yscale("log")
    drawn = list(limits.values()) + _draw_upper_edges(axes, columns, limits, spec.colours)
    low, high = _range_of(drawn)
    if band is not None:
        favoured = [
            coupling_for_delta_a_mu(model, mass, max(band.central + k * band.sigma, 0.0)) for k in (-2, 2)
        ]
        if np.isfinite(favoured[1]).any():
            words = rf"{band.label}, $\pm2\sigma$"
            axes.fill_between(mass, *favoured, color="#d9534f", alpha=0.3, lw=0, label=words)
    if spec.overlays:
        for overlay, colour in zip(overlays_of(model.name), _OVERLAY_COLOURS, strict=False):
            label = f"{overlay.label} ({overlay.confidence_level:.0%} CL)"
            axes.plot(overlay.masses, overlay.limits, color=colour, lw=1.4, label=label)
            seen = overlay.limits[(overlay.masses >= mass.min()) & (overlay.masses <= mass.max())]
            # in view as far as they are not far from ours
            low, high = min([low, *seen[seen > low / 30]]), max([high, *seen[seen < high * 10]])
    axes.set_ylim(low / 2, high * 2)


def _draw_upper_edges(
    axes: Any, columns: dict[str, np.ndarray], limits: dict[str, np.ndarray], colours: Figures
) -> list[np.ndarray]:
    """Where larger couplings are allowed again, the excluded ones between; returns what is drawn."""
    mass, observed, expected = (columns[n] for n in ("mass_GeV", *_UPPER))
    if np.isfinite(expected).any():
        axes.plot(mass, expected, color=colours.expected, lw=1.0, ls="--", label="expected median, upper end")
    if np.isfinite(observed).any():
        axes.plot(mass, observed, color=colours.observed, lw=0.9, ls="--", label="observed, upper end")
        without_end = np.where(np.isfinite(limits["obs"]), _BEYOND, np.nan)
        end = np.where(np.isfinite(observed), observed, without_end)
        axes.fill_between(mass, limits["obs"], end, color=colours.observed, alpha=0.08, lw=0)
    return [expected, observed]


_BEYOND = 1e9  # a coupling above every axis
_UPPER = ("coupling_upper_edge_obs", "coupling_upper_edge_exp")


def _range_of(curves: Iterable[np.ndarray]) -> tuple[float, float]:
    values = np.concatenate(list(curves))
    values = values[np.isfinite(values) & (values > 0)]
    if not len(values):
        return 0.1, 10.0
    return float(values.min()), float(values.max())


def _finish(axes: Sequence[Any], masses: tuple[float, float], spec: FigureSpec) -> None:
    """The mass axis, the vetoes and the legends; masses: the lowest and the highest in GeV."""
    upper, lower = axes[0], axes[-1]
    low, high = masses[0] * 0.95, masses[1] * 1.05
    lower.set_xscale("log")
    lower.set_xlim(low, high)
    ticks = [tick for tick in _MASS_TICKS if low <= tick <= high]
    lower.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    lower.tick_params(axis="x", which="minor", labelbottom=False)
    lower.set_xlabel(mass_label(spec))
    vetoes = [veto for veto in spec.vetoes if veto.range_GeV[0] < high and veto.range_GeV[1] > low]
    for panel in axes:
        for i, veto in enumerate(vetoes):
            label = "vetoed" if i == 0 else None
            panel.axvspan(*veto.range_GeV, color="#cccccc", lw=0, zorder=0.5, label=label)
    upper.legend(loc="upper left", ncols=3)
    explained = set(upper.get_legend_handles_labels()[1])
    for panel in axes[1:]:
        own = [
            pair for pair in zip(*panel.get_legend_handles_labels(), strict=True) if pair[1] not in explained
        ]
        if own:
            columns = 3 if panel is not lower else 1 if len(own) < _MANY else 2
            panel.legend(*zip(*own, strict=True), loc="upper left", ncols=columns)
            if panel is lower and len(own) >= _MANY:
                _make_room(panel, math.ceil(len(own) / columns))


def _make_room(axes: Any, lines: int) -> None:
    """Raise the upper end of a logarithmic axis so that a legend of so many lines is above the curves."""
    low, high = axes.get_ylim()
    share = 0.055 * lines
    axes.set_ylim(low, high * (high / low) ** (share / (1 - share)))


def _label(figure: Any, upper: Any, spec: FigureSpec, luminosity_fb: float) -> None:
    sqrt_s = BEAMS[spec.detector].sqrt_s
    data = "blind: expected limits only" if spec.blind else "simulated data" if spec.stand_in else "data"
    upper.text(0, 1.02, "darkreach", transform=upper.transAxes, weight="bold", fontsize=14)
    size = 10.5 if spec.blind else 12  # the longer words
    upper.text(0.165, 1.02, data, transform=upper.transAxes, style="italic", fontsize=size)
    details = (
        rf"$\int L\,dt$ = {luminosity_fb:.4g} fb$^{{-1}}$, √$s$ = {sqrt_s:.2f} GeV, "
        f"{spec.confidence_level:.0%} CL (CL$_s$)"
    )
    upper.text(1, 1.02, details, transform=upper.transAxes, ha="right", fontsize=size)
    if spec.assumed:
        note = "Assumed, not published: " + ", ".join(spec.assumed) + "."
        figure.supxlabel(textwrap.fill(note, 120), fontsize=7.5, color="#555555", x=0.02, ha="left")
