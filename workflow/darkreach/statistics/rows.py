"""A row of a scan: the numbers of one hypothesis, as they travel to table and figure."""

import math
from typing import Any

from darkreach.config.stages import ScanSpec
from darkreach.statistics.engine.limits import Limit
from darkreach.statistics.engine.toy_limits import ToyLimit
from darkreach.statistics.grid import Hypothesis

BANDS = ("exp_m2", "exp_m1", "exp", "exp_p1", "exp_p2")
LIMITS = ("sigma_limit_obs_fb", *(f"sigma_limit_{band}_fb" for band in BANDS))
COUPLINGS = ("coupling_limit_obs", "coupling_limit_exp", "coupling_upper_edge_obs", "coupling_upper_edge_exp")
OF_DATA = ("sigma_limit_obs_fb", "sigma_hat_fb", "p0_local", "z_local")

Row = dict[str, Any]
Workspace = dict[str, Any]


def empty_row(hypothesis: Hypothesis) -> Row:
    """A row without numbers. It holds, None where there is no such number:

    mass_GeV; lifetime_m: cτ, 0 if prompt, that at the limit if natural; lifetime_hypothesis: prompt, fixed
    or natural; status: `ok`, `retried`, `vetoed: NAME`, `no limit: reason` or `failed: reason`; notes:
    sentences on the fit;
    n_observed: candidates within ±2 σ outside the vetoes;
    efficiency: selected events per event in which X decays as the search looks for;
    resolution_GeV: σ of the peak in the observable, the best of the channels;
    reference_cross_section_fb: that of mu = 1 in the workspace;
    sigma_limit_obs_fb, sigma_limit_exp[_m2|_m1|_p1|_p2]_fb: upper limits on cross-section × branching
    fraction in fb; sigma_hat_fb: its best fit, not negative;
    coupling_limit_obs|exp, coupling_upper_edge_obs|exp: ends of the excluded couplings, where the limit was
    set on the coupling itself; the upper one is None where all larger couplings are excluded;
    p0_local, z_local: of the background-only hypothesis;
    background_events: effective background under the peak; few_events: whether that is too few for
    asymptotic formulas; both are None where the fit that tells them fails;
    method: `asymptotic`, `toys` or `counting`;
    limit_error_fb: Monte-Carlo error of the observed limit, from toys alone.
    """
    lifetime = None if hypothesis.kind == "natural" else hypothesis.lifetime
    known = {"mass_GeV": hypothesis.mass_GeV, "lifetime_m": lifetime, "lifetime_hypothesis": hypothesis.kind}
    first = ["n_observed", "efficiency", "resolution_GeV", "reference_cross_section_fb"]
    middle = ["sigma_hat_fb", *COUPLINGS, "p0_local", "z_local"]
    last = ["background_events", "few_events", "method", "limit_error_fb"]
    numbers = dict.fromkeys([*first, *LIMITS, *middle, *last])
    return {**known, "status": "", "notes": [], **numbers}


def hypothesis_of(row: Row) -> Hypothesis:
    """The hypothesis of a row."""
    natural = row["lifetime_hypothesis"] == "natural"
    return Hypothesis(row["mass_GeV"], "natural" if natural else row["lifetime_m"])


def limits_in_fb(limit: Limit, row: Row, spec: ScanSpec) -> Row:
    """The part of a row that comes from its fits; what needs the data of a blind search is None."""
    unit = row["reference_cross_section_fb"]
    numbers = {name: unit * x for name, x in zip(LIMITS, (limit.observed, *limit.expected), strict=True)}
    numbers |= {
        "sigma_hat_fb": unit * limit.mu_hat,
        "p0_local": limit.p0,
        "z_local": limit.z,
        "background_events": limit.background_events,
    }
    known = {
        name: x if math.isfinite(x) and not (spec.blind and name in OF_DATA) else None
        for name, x in numbers.items()
    }
    words = {"status": limit.status, "notes": [*row["notes"], *limit.notes], "method": "asymptotic"}
    return known | words | {"few_events": limit.needs_toys}


def toys_in_fb(toys: ToyLimit, row: Row, spec: ScanSpec) -> Row:
    """The part of a row that toys replace."""
    unit = row["reference_cross_section_fb"]
    numbers = {name: unit * x for name, x in zip(LIMITS, (toys.observed, *toys.expected), strict=True)}
    numbers |= {"p0_local": toys.p0, "z_local": toys.z, "limit_error_fb": unit * toys.observed_error}
    if spec.blind:
        numbers = {name: x for name, x in numbers.items() if name not in (*OF_DATA, "limit_error_fb")}
    return numbers | {"method": "toys"}
