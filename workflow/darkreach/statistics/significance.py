"""Global significance of the largest local excess of one model's scan."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from darkreach.columnar.templates import Templates
from darkreach.config.stages import ScanSpec
from darkreach.errors import DarkreachError
from darkreach.statistics.engine.fit import fit
from darkreach.statistics.engine.look_elsewhere import CorrelatedScan, global_significance
from darkreach.statistics.engine.model import Model
from darkreach.statistics.engine.workspace import read_workspace
from darkreach.statistics.grid import Hypothesis, veto_of
from darkreach.statistics.search_signal import SearchSignal
from darkreach.statistics.window import FitChannel, FitWindow
from darkreach.statistics.workspace import fit_channels, workspace_of


def significance_of_scan(
    templates: Templates,
    signal: SearchSignal,
    hypotheses: Sequence[Hypothesis],
    local_z: float,
    spec: ScanSpec,
) -> dict[str, Any]:
    """Global p-values of a local excess of `local_z` among hypotheses, none of them of natural lifetime.

    The toys come from one smooth spectrum per channel, joined from the background-only fits of all windows
    to the data; the spectra of the channels stand one behind the other.
    Returns the fields of `GlobalSignificance`, and `hypotheses`, their number.

    Raises:
        DarkreachError: no hypothesis can be fitted.
    """
    specs, fitted = [], []
    for hypothesis in hypotheses:
        if veto_of(hypothesis.mass_GeV, spec.vetoes) is not None:
            continue
        try:
            channels, _ = fit_channels(templates, signal, hypothesis, [hypothesis.lifetime_m], spec)
            specs.append(workspace_of(channels, signal, hypothesis, templates.luminosity_fb, spec))
        except DarkreachError:  # the row of the scan says why
            continue
        # the engine's order of channels is that of their names
        fitted.append(sorted(channels, key=lambda channel: channel.name))
    if not specs:
        raise DarkreachError(f"no hypothesis of '{spec.model}' can be fitted; see the rows of its scan")
    bins = len(signal.edges) - 1
    first_bin = {name: bins * i for i, name in enumerate(sorted(signal.channels))}
    spectrum = expected_spectrum(signal, fitted, background_fits(specs))
    windows = [
        np.concatenate(
            [first_bin[c.name] + np.column_stack([c.window.starts, c.window.stops]) for c in channels]
        )
        for channels in fitted
    ]
    toys = CorrelatedScan(specs, windows, spectrum).run(spec.scan.global_toys, spec.seed)
    return asdict(global_significance(local_z, toys)) | {"hypotheses": len(specs)}


def expected_spectrum(
    signal: SearchSignal, fitted: Sequence[Sequence[FitChannel]], rates: Sequence[np.ndarray]
) -> np.ndarray:
    """Smooth spectra of all channels, in order of their names, one behind the other.

    fitted: channels of each hypothesis, in order of their names; rates: their expected counts, likewise.
    """
    windows: dict[str, dict[float, tuple[FitWindow, np.ndarray]]] = {name: {} for name in signal.channels}
    for channels, counts in zip(fitted, rates, strict=True):
        ends = np.cumsum([len(channel.counts) for channel in channels])
        for channel, own in zip(channels, np.split(counts, ends[:-1]), strict=True):
            windows[channel.name].setdefault(channel.centre, (channel.window, own))
    return np.concatenate(
        [
            joined_background(
                signal.edges,
                np.array(centres := sorted(windows[name])),
                [windows[name][centre][0] for centre in centres],
                [windows[name][centre][1] for centre in centres],
            )
            for name in sorted(windows)
        ]
    )


def background_fits(specs: Sequence[dict[str, Any]]) -> list[np.ndarray]:
    """Expected counts in the bins of each workspace after a fit without signal."""
    workspaces = [read_workspace(spec) for spec in specs]
    by_shape = defaultdict(list)
    for index, workspace in enumerate(workspaces):
        by_shape[workspace.shape].append(index)
    rates: list[np.ndarray] = [np.empty(0)] * len(specs)
    for indices in by_shape.values():
        model = Model.stack([workspaces[i] for i in indices])
        without = fit(model, model.observed, model.init, poi=np.zeros(model.rows))
        for index, counts in zip(indices, model.expected(without.parameters), strict=True):
            rates[index] = counts
    return rates


def joined_background(
    edges: np.ndarray, centres: np.ndarray, windows: Sequence[FitWindow], rates: Sequence[np.ndarray]
) -> np.ndarray:
    """One spectrum on the fine bins (n,): each takes the rate of the window whose centre is nearest.

    centres: (k,) in order, GeV. Fine bins that are in no window, as those in vetoes, are empty.
    """
    middle = (edges[1:] + edges[:-1]) / 2
    borders = np.searchsorted(middle, np.concatenate([[-np.inf], (centres[1:] + centres[:-1]) / 2, [np.inf]]))
    spectrum = np.zeros(len(middle))
    for window, counts, first, last in zip(windows, rates, borders[:-1], borders[1:], strict=True):
        for start, stop, count in zip(window.starts, window.stops, counts, strict=True):
            begin, end = max(start, first), min(stop, last)
            if begin < end:
                spectrum[begin:end] = count / (stop - start)
    return spectrum
