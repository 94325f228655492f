"""Pyhf as referee: re-compute a seeded sample of the hypotheses with pyhf's own fits and report the differences.

Where the two disagree, the likelihood decides: both parameter vectors are put into pyhf's own ln L, and the one that
found the lower minimum is right.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from darkreach.statistics.engine.limits import Limit
from darkreach.statistics.engine.model import Model
from darkreach.statistics.engine.workspace import read_workspace

TOLERANCE = 0.005  # relative difference of a limit beyond which the run says so
FIT_TOLERANCE = 1e-9  # of SLSQP; pyhf's default stops with −2 ln L up to 2e-4 too high
ROOT_PRECISION = 1e-4


@dataclass(frozen=True)
class Comparison:
    """One hypothesis, ours against pyhf's; `difference` is the largest of the six relative differences."""

    index: int
    ours: tuple[float, ...]  # observed, then the five expected limits
    pyhf: tuple[float, ...]
    difference: float
    verdict: str


@dataclass(frozen=True)
class RefereeReport:
    """What the referee found. `agrees` is False if any difference is beyond the tolerance or pyhf failed."""

    comparisons: tuple[Comparison, ...]
    tolerance: float
    agrees: bool
    summary: str

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def referee(
    specs: Sequence[Mapping[str, Any]],
    limits: Sequence[Limit],
    sample: int,
    seed: int,
    cl: float = 0.90,
    tolerance: float = TOLERANCE,
) -> RefereeReport:
    """Compare up to `sample` hypotheses that have a limit, drawn with `seed`; half of them with few events.

    Few-event hypotheses are where fits go wrong, so they are drawn first.
    """
    rng = np.random.default_rng(seed)
    usable = [i for i, limit in enumerate(limits) if not limit.status.startswith("failed")]
    few = [i for i in usable if limits[i].needs_toys or limits[i].notes]
    chosen = _draw(rng, few, sample // 2)
    chosen += _draw(rng, [i for i in usable if i not in chosen], sample - len(chosen))
    comparisons = tuple(_compare(i, specs[i], limits[i], cl, tolerance) for i in sorted(chosen))
    bad = [c for c in comparisons if not c.difference <= tolerance]
    if not comparisons:
        summary = "no hypothesis to compare"
    elif bad:
        worst = max(bad, key=lambda c: np.nan_to_num(c.difference, nan=np.inf))
        summary = (
            f"DISAGREEMENT with pyhf beyond {tolerance:.2%} for {len(bad)} of {len(comparisons)} hypotheses; "
            f"worst: number {worst.index}, {worst.difference:.2%}, {worst.verdict}"
        )
    else:
        largest = max(c.difference for c in comparisons)
        summary = f"{len(comparisons)} hypotheses agree with pyhf within {largest:.1e}"
    return RefereeReport(comparisons, tolerance, not bad, summary)


def _draw(rng: np.random.Generator, candidates: list[int], size: int) -> list[int]:
    size = min(size, len(candidates))
    return [int(i) for i in rng.choice(candidates, size, replace=False)] if size else []


def pyhf_limits(
    spec: Mapping[str, Any], cl: float, around: tuple[float, float] | None = None, fit_tolerance: float | None = None
) -> tuple[float, ...]:
    """Observed and five expected limits by pyhf alone (numpy backend, SLSQP, toms748 root search).

    `around` is where the search begins; pyhf widens it. `upper_limit(level=)` is not used: pyhf 0.7.6 ignores `level`
    there. The lower end must be above 0, where CLs is undefined. Raises what pyhf raises.
    """
    import pyhf
    from pyhf.infer.intervals.upper_limits import toms748_scan

    before = pyhf.get_backend()
    options = {} if fit_tolerance is None else {"tolerance": fit_tolerance}
    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(**options))
    try:
        workspace = pyhf.Workspace(spec)
        model = workspace.model()
        bounds = model.config.suggested_bounds()
        low, high = around or (1e-3 * bounds[model.config.poi_index][1], bounds[model.config.poi_index][1])
        # a wall in the parameter of interest would make pyhf refuse to test beyond it
        bounds[model.config.poi_index] = (0.0, 1e4 * high)
        with np.errstate(all="ignore"):
            observed, expected = toms748_scan(
                workspace.data(model), model, low, high, level=1.0 - cl, rtol=ROOT_PRECISION, par_bounds=bounds
            )
    finally:
        pyhf.set_backend(*before)
    return (float(observed), *(float(x) for x in expected))


def _compare(index: int, spec: Mapping, limit: Limit, cl: float, tolerance: float) -> Comparison:
    ours = (limit.observed, *limit.expected)
    try:
        theirs = pyhf_limits(spec, cl, (0.5 * min(ours), 2.0 * max(ours)), FIT_TOLERANCE)
    except Exception as error:  # pyhf's failures have many types; any of them is a finding, not a crash
        words = f"pyhf fails: {type(error).__name__}: {str(error).splitlines()[0][:120] if str(error) else ''}"
        return Comparison(index, ours, (float("nan"),) * 6, float("nan"), words)
    difference = float(np.max(np.abs(np.array(theirs) / np.array(ours) - 1.0)))
    verdict = "agree" if difference <= tolerance else _judge(spec, limit.observed)
    return Comparison(index, ours, theirs, difference, verdict)


def _judge(spec: Mapping, mu: float) -> str:
    """Whose minimum is lower, in pyhf's own −2 ln L: free fit, and fit at our limit."""
    import pyhf

    from darkreach.statistics.engine.fit import fit

    workspace = pyhf.Workspace(spec)
    reference = workspace.model()
    data = workspace.data(reference)
    bounds = reference.config.suggested_bounds()
    bounds[reference.config.poi_index] = (0.0, max(1e3 * mu, bounds[reference.config.poi_index][1]))
    model = Model.stack([read_workspace(spec)])
    words = []
    for name, poi in (("free fit", None), ("fit at the limit", mu)):
        mine = fit(model, model.observed, model.init, None if poi is None else np.array([poi]), poi_lower=0.0)
        at = mine.parameters[0]
        if poi is None:
            theirs = pyhf.infer.mle.fit(data, reference, par_bounds=bounds)
        else:
            theirs = pyhf.infer.mle.fixed_poi_fit(poi, data, reference, par_bounds=bounds)
        gap = 2.0 * float(reference.logpdf(at, data)[0] - reference.logpdf(theirs, data)[0])
        lower = "engine" if gap > 0.0 else "pyhf"
        words.append(f"{name}: −2 ln L of the {lower} is lower by {abs(gap):.2g}")
    return "; ".join(words)
