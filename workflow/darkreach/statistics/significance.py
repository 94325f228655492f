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
from darkreach.statistics.grid import veto_of
from darkreach.statistics.resolution import reduced_mass
from darkreach.statistics.signal_model import SignalModel
from darkreach.statistics.workspace import FitWindow, build_workspace, fit_window


def significance_of_scan(
    templates: Templates, signal: SignalModel, masses: Sequence[float], local_z: float, spec: ScanSpec
) -> dict[str, Any]:
    """Global p-values of a local excess of `local_z` among hypotheses of `masses` in GeV.

    The toys come from one smooth spectrum, joined from the background-only fits of all windows to the data.
    Returns the fields of `GlobalSignificance`, and `hypotheses`, their number.

    Raises:
        DarkreachError: no hypothesis can be fitted.
    """
    specs, windows, centres = [], [], []
    for mass in masses:
        if veto_of(float(mass), spec.vetoes) is not None:
            continue
        try:
            specs.append(build_workspace(templates, signal, float(mass), spec))
        except DarkreachError:  # the row of the scan says why
            continue
        centre = float(reduced_mass(mass))
        sigma = float(signal.resolution(mass))
        windows.append(fit_window(templates.edges, centre, sigma, spec, spec.vetoes))
        centres.append(centre)
    if not specs:
        raise DarkreachError(f"no hypothesis of '{spec.model}' can be fitted; see the rows of its scan")
    expected = joined_background(templates.edges, np.array(centres), windows, background_fits(specs))
    scan = CorrelatedScan(specs, [np.column_stack([w.starts, w.stops]) for w in windows], expected)
    toys = scan.run(spec.scan.global_toys, spec.seed)
    return asdict(global_significance(local_z, toys)) | {"hypotheses": len(specs)}


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
