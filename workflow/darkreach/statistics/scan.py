"""Fit hypotheses: a row of numbers and a workspace for each."""

import math
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

from darkreach.columnar.templates import Templates
from darkreach.config.stages import ScanSpec
from darkreach.errors import DarkreachError
from darkreach.statistics.grid import chunk_of, hypothesis_masses, veto_of
from darkreach.statistics.limit import LimitResult, upper_limits
from darkreach.statistics.resolution import reduced_mass
from darkreach.statistics.signal_model import SignalModel
from darkreach.statistics.workspace import build_workspace, reference_cross_section

# Candidates within this many σ_R of a hypothesis are its n_observed.
COUNTED_SIGMA = 2.0

Engine = Callable[[dict[str, Any], float], LimitResult]


def hypotheses_of_chunk(templates: Templates, spec: ScanSpec, chunk: int) -> tuple[SignalModel, np.ndarray]:
    """The signal of `spec.model`, and the masses in GeV that chunk `chunk` (counted from 0) has to test.

    Raises:
        DarkreachError: the templates lack the model, the range of the scan exceeds them, or there is no such
            chunk.
    """
    if spec.model not in templates.signals:
        known = ", ".join(sorted(templates.signals)) or "none"
        raise DarkreachError(f"the templates have no signal '{spec.model}' (they have: {known}); merge again")
    borders = sorted({edge for region in spec.regions for edge in region.range_GeV})[1:-1]
    signal = SignalModel(templates.edges, templates.signals[spec.model], spec.model, borders)
    masses = hypothesis_masses(spec.scan.range_GeV, spec.scan.step_sigma, signal)
    return signal, chunk_of(masses, chunk, spec.scan.chunks)


def scan_hypothesis(
    templates: Templates, signal: SignalModel, mass: float, spec: ScanSpec, engine: Engine = upper_limits
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """Row and workspace (None if there is none) of one hypothesis of `mass` in GeV.

    A row holds, None where there is no such number:
        mass_GeV; status: `ok`, `retried`, `vetoed: NAME` or `failed: reason`;
        n_observed: candidates within ±2 σ_R outside the vetoes;
        efficiency; resolution_GeV: σ_R, in the reduced mass;
        reference_cross_section_fb: that of mu = 1 in the workspace;
        sigma_limit_obs_fb, sigma_limit_exp[_m2|_m1|_p1|_p2]_fb: upper limits on
        σ(e⁺e⁻ → μ⁺μ⁻X) × B(X → μ⁺μ⁻) in fb; sigma_hat_fb: its best fit, not negative;
        p0_local, z_local: of the background-only hypothesis; n_fits.
    While the search is blind whatever needs the data is None.
    A row does not depend on the other hypotheses.
    """
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
    return row | _in_fb(engine(workspace, spec.scan.confidence_level), row, spec.blind), workspace


def _empty_row(mass: float) -> dict[str, Any]:
    limits = [f"sigma_limit_{name}_fb" for name in ("obs", "exp_m2", "exp_m1", "exp", "exp_p1", "exp_p2")]
    first = ["n_observed", "efficiency", "resolution_GeV", "reference_cross_section_fb"]
    last = ["sigma_hat_fb", "p0_local", "z_local"]
    return {"mass_GeV": mass, "status": ""} | dict.fromkeys(first + limits + last) | {"n_fits": 0}


def _count_observed(edges: np.ndarray, data: np.ndarray, mass: float, sigma: float, spec: ScanSpec) -> int:
    centres = (edges[1:] + edges[:-1]) / 2
    counted = np.abs(centres - reduced_mass(mass)) <= COUNTED_SIGMA * sigma
    for veto in spec.vetoes:
        low, high = reduced_mass(veto.range_GeV)
        counted &= (edges[1:] <= low) | (edges[:-1] >= high)
    return round(data[counted].sum())


def _in_fb(result: LimitResult, row: dict[str, Any], blind: bool) -> dict[str, Any]:
    """The part of a row that comes from the fits."""
    unit = row["reference_cross_section_fb"]
    names = ("exp_m2", "exp_m1", "exp", "exp_p1", "exp_p2")
    numbers = {f"sigma_limit_{name}_fb": unit * x for name, x in zip(names, result.expected, strict=True)}
    if not blind:
        numbers |= {
            "sigma_limit_obs_fb": unit * result.observed,
            "sigma_hat_fb": unit * result.mu_hat,
            "p0_local": result.p0,
            "z_local": result.z,
        }
    known = {name: x if math.isfinite(x) else None for name, x in numbers.items()}
    return known | {"status": result.status, "n_fits": result.n_fits}


def report_progress(done: int, total: int, model: str) -> None:
    """One line on stderr whenever another tenth of the hypotheses is done."""
    if done == total or done * 10 // total > (done - 1) * 10 // total:
        print(f"{model}: {done} of {total} hypotheses", file=sys.stderr, flush=True)
