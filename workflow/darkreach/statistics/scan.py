"""Fit hypotheses: a row of numbers and a workspace for each."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from darkreach.columnar.templates import Templates
from darkreach.config.stages import ScanSpec
from darkreach.errors import DarkreachError
from darkreach.statistics.engine.limits import Limit, upper_limits
from darkreach.statistics.engine.toy_limits import limit_from_toys
from darkreach.statistics.grid import chunk_of, hypothesis_masses, veto_of
from darkreach.statistics.resolution import reduced_mass
from darkreach.statistics.signal_model import SignalModel
from darkreach.statistics.workspace import build_workspace, reference_cross_section

# Candidates within this many σ_R of a hypothesis are its n_observed.
COUNTED_SIGMA = 2.0
_BANDS = ("exp_m2", "exp_m1", "exp", "exp_p1", "exp_p2")
_LIMITS = ("sigma_limit_obs_fb", *(f"sigma_limit_{band}_fb" for band in _BANDS))
_OF_DATA = ("sigma_limit_obs_fb", "sigma_hat_fb", "p0_local", "z_local")

Row = dict[str, Any]
Workspace = dict[str, Any]


def signal_of(templates: Templates, spec: ScanSpec) -> SignalModel:
    """The signal of `spec.model`.

    Raises:
        DarkreachError: the templates lack the model, or it is simulated too thinly.
    """
    if spec.model not in templates.signals:
        known = ", ".join(sorted(templates.signals)) or "none"
        raise DarkreachError(f"the templates have no signal '{spec.model}' (they have: {known}); merge again")
    borders = sorted({edge for region in spec.regions for edge in region.range_GeV})[1:-1]
    return SignalModel(templates.edges, templates.signals[spec.model], spec.model, borders)


def masses_of_chunk(signal: SignalModel, spec: ScanSpec, chunk: int) -> np.ndarray:
    """The masses in GeV that chunk `chunk` (counted from 0) has to test.

    Raises:
        DarkreachError: the range of the scan exceeds the simulated masses, or there is no such chunk.
    """
    masses = hypothesis_masses(spec.scan.range_GeV, spec.scan.step_sigma, signal)
    return chunk_of(masses, chunk, spec.scan.chunks)


def scan_masses(
    templates: Templates, signal: SignalModel, masses: Sequence[float] | np.ndarray, spec: ScanSpec
) -> tuple[list[Row], list[Workspace | None], list[Limit | None]]:
    """Rows, workspaces and limits in units of mu (None where there is none) of hypotheses with masses in GeV.

    A row holds, None where there is no such number:
        mass_GeV; status: `ok`, `retried`, `vetoed: NAME` or `failed: reason`; notes: sentences on the fit;
        n_observed: candidates within ±2 σ_R outside the vetoes;
        efficiency; resolution_GeV: σ_R, in the reduced mass;
        reference_cross_section_fb: that of mu = 1 in the workspace;
        sigma_limit_obs_fb, sigma_limit_exp[_m2|_m1|_p1|_p2]_fb: upper limits on
        σ(e⁺e⁻ → μ⁺μ⁻X) × B(X → μ⁺μ⁻) in fb; sigma_hat_fb: its best fit, not negative;
        p0_local, z_local: of the background-only hypothesis;
        background_events: effective background under the peak; few_events: whether that is too few for
        asymptotic formulas; method: `asymptotic` or `toys`;
        limit_error_fb: Monte-Carlo error of the observed limit, from toys alone.
    While the search is blind whatever needs the data is None.
    A row does not depend on the other hypotheses.
    """
    prepared = [_prepare(templates, signal, float(mass), spec) for mass in masses]
    rows = [row for row, _ in prepared]
    workspaces = [workspace for _, workspace in prepared]
    fitted = {i: workspace for i, workspace in enumerate(workspaces) if workspace is not None}
    found = upper_limits(fitted.values(), spec.scan.confidence_level, toys_below=spec.scan.toys_below_events)
    limits: list[Limit | None] = [None] * len(rows)
    for (i, workspace), limit in zip(fitted.items(), found, strict=True):
        limits[i] = limit
        rows[i] |= _in_fb(limit, rows[i], spec)
        if spec.scan.toys and limit.needs_toys and not limit.status.startswith("failed"):
            rows[i] |= _from_toys(workspace, rows[i], spec)
    return rows, workspaces, limits


def _prepare(
    templates: Templates, signal: SignalModel, mass: float, spec: ScanSpec
) -> tuple[Row, Workspace | None]:
    """The part of a row that needs no fit, and the workspace."""
    row = _empty_row(mass)
    veto = veto_of(mass, spec.vetoes)
    if veto is not None:
        return row | {"status": f"vetoed: {veto}"}, None
    row["efficiency"] = signal.efficiency(mass)
    row["resolution_GeV"] = float(signal.resolution(mass))
    try:
        workspace = build_workspace(templates, signal, mass, spec)
    except DarkreachError as error:
        return row | {"status": f"failed: {error}"}, None
    row["reference_cross_section_fb"] = reference_cross_section(workspace)
    if not spec.blind and templates.data is not None:
        row["n_observed"] = _count_observed(
            templates.edges, templates.data, mass, row["resolution_GeV"], spec
        )
    return row, workspace


def _empty_row(mass: float) -> Row:
    first = ["n_observed", "efficiency", "resolution_GeV", "reference_cross_section_fb"]
    last = [
        "sigma_hat_fb",
        "p0_local",
        "z_local",
        "background_events",
        "few_events",
        "method",
        "limit_error_fb",
    ]
    return {"mass_GeV": mass, "status": "", "notes": []} | dict.fromkeys([*first, *_LIMITS, *last])


def _count_observed(edges: np.ndarray, data: np.ndarray, mass: float, sigma: float, spec: ScanSpec) -> int:
    centres = (edges[1:] + edges[:-1]) / 2
    counted = np.abs(centres - reduced_mass(mass)) <= COUNTED_SIGMA * sigma
    for veto in spec.vetoes:
        low, high = reduced_mass(veto.range_GeV)
        counted &= (edges[1:] <= low) | (edges[:-1] >= high)
    return round(data[counted].sum())


def _in_fb(limit: Limit, row: Row, spec: ScanSpec) -> Row:
    """The part of a row that comes from the fits."""
    unit = row["reference_cross_section_fb"]
    numbers = {name: unit * x for name, x in zip(_LIMITS, (limit.observed, *limit.expected), strict=True)}
    numbers |= {
        "sigma_hat_fb": unit * limit.mu_hat,
        "p0_local": limit.p0,
        "z_local": limit.z,
        "background_events": limit.background_events,
    }
    known = {
        name: x if math.isfinite(x) and not (spec.blind and name in _OF_DATA) else None
        for name, x in numbers.items()
    }
    words = {"status": limit.status, "notes": list(limit.notes), "method": "asymptotic"}
    return known | words | {"few_events": limit.needs_toys}


def _from_toys(workspace: Workspace, row: Row, spec: ScanSpec) -> Row:
    """The limits again, from toys; too few toys leave the asymptotic ones, with a note."""
    seed = [spec.seed, round(1e6 * row["mass_GeV"])]
    seed_of_mass = int(np.random.SeedSequence(seed).generate_state(1)[0])
    try:
        toys = limit_from_toys(workspace, spec.scan.toys, seed_of_mass, spec.scan.confidence_level)
    except DarkreachError as error:
        return {"notes": [*row["notes"], str(error)]}
    unit = row["reference_cross_section_fb"]
    numbers = {name: unit * x for name, x in zip(_LIMITS, (toys.observed, *toys.expected), strict=True)}
    numbers |= {"p0_local": toys.p0, "z_local": toys.z, "limit_error_fb": unit * toys.observed_error}
    if spec.blind:
        numbers = {name: x for name, x in numbers.items() if name not in (*_OF_DATA, "limit_error_fb")}
    return numbers | {"method": "toys"}
