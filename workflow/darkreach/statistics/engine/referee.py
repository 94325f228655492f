"""Pyhf as referee: re-compute a seeded sample of the hypotheses with pyhf's own fits and report the
differences.

Where the two disagree, the likelihood decides: both parameter vectors are put into pyhf's own ln L, and the
one that found the lower minimum is right.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.special import ndtri

from darkreach.statistics.engine.fit import fit
from darkreach.statistics.engine.limits import Limit, failed
from darkreach.statistics.engine.model import Model
from darkreach.statistics.engine.workspace import read_workspace

TOLERANCE = 0.005  # relative difference of a limit beyond which the run says so
FIT_TOLERANCE = 1e-9  # of SLSQP; pyhf's default stops with −2 ln L up to 2e-4 too high
ROOT_PRECISION = 1e-4
NEAR = 0.002  # pyhf's limits are first looked for so close to ours, in relative terms


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
    measurement: str | None = None,
) -> RefereeReport:
    """Compare up to `sample` hypotheses that have a limit, drawn with `seed`; half of them with few events.

    Few-event hypotheses are where fits go wrong, so they are drawn first.
    """
    rng = np.random.default_rng(seed)
    usable = [i for i, limit in enumerate(limits) if not limit.status.startswith("failed")]
    few = [i for i in usable if limits[i].needs_toys or limits[i].notes]
    chosen = _draw(rng, few, sample // 2)
    chosen += _draw(rng, [i for i in usable if i not in chosen], sample - len(chosen))
    comparisons = tuple(_compare(i, specs[i], limits[i], cl, tolerance, measurement) for i in sorted(chosen))
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


@contextmanager
def _pyhf_backend(tolerance: float | None) -> Iterator[None]:
    """Pyhf with numpy and SLSQP at this tolerance (its default if None); restores what was there."""
    import pyhf

    before = pyhf.get_backend()
    options = {} if tolerance is None else {"tolerance": tolerance}
    pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(**options))
    try:
        with np.errstate(all="ignore"):
            yield
    finally:
        pyhf.set_backend(*before)


def _pyhf_problem(spec: Mapping[str, Any], measurement: str | None, top: float) -> tuple[Any, Any, list]:
    """Model, data and bounds, with the parameter of interest from 0 to at least `top`.

    A wall in the parameter of interest would make pyhf refuse to test signal strengths beyond it.
    """
    import pyhf

    workspace = pyhf.Workspace(spec)
    model = workspace.model(measurement_name=measurement)
    bounds = model.config.suggested_bounds()
    bounds[model.config.poi_index] = (0.0, max(top, bounds[model.config.poi_index][1]))
    return model, workspace.data(model), bounds


def pyhf_limits(
    spec: Mapping[str, Any],
    cl: float,
    around: tuple[float, float] | None = None,
    tolerance: float | None = None,
    measurement: str | None = None,
) -> tuple[float, ...]:
    """Observed and five expected limits by pyhf alone (numpy backend, SLSQP, toms748 root search).

    `around` is where the search begins; pyhf widens it. `upper_limit(level=)` is not used: pyhf 0.7.6
    ignores `level` there. The lower end must be above 0, where CLs is undefined. Raises what pyhf raises.
    """
    from pyhf.infer.intervals.upper_limits import toms748_scan

    with _pyhf_backend(tolerance):
        model, data, bounds = _pyhf_problem(spec, measurement, 0.0)
        top = bounds[model.config.poi_index][1]
        low, high = around or (1e-3 * top, top)
        bounds[model.config.poi_index] = (0.0, 1e4 * high)
        observed, expected = toms748_scan(
            data, model, low, high, level=1.0 - cl, rtol=ROOT_PRECISION, par_bounds=bounds
        )
    return (float(observed), *(float(x) for x in expected))


def pyhf_limits_near(
    spec: Mapping[str, Any], cl: float, ours: Sequence[float], measurement: str | None = None
) -> tuple[float, ...] | None:
    """As `pyhf_limits`, if all six are within `NEAR` of `ours`; None otherwise. Needs a third of the fits.

    Two values of CLs around each limit, between which ln CLs is linear to better than 1e-5 in the limit.
    Raises what pyhf raises.
    """
    import pyhf

    found = []
    with _pyhf_backend(FIT_TOLERANCE):
        model, data, bounds = _pyhf_problem(spec, measurement, 1e4 * max(ours))
        for index, limit in enumerate(ours):
            ends = limit * (1 - NEAR), limit * (1 + NEAR)
            excess = []
            for mu in ends:
                observed, expected = pyhf.infer.hypotest(
                    mu, data, model, par_bounds=bounds, test_stat="qtilde", return_expected_set=True
                )
                excess.append(float(np.log((observed, *expected)[index]) - np.log(1.0 - cl)))
            if not excess[0] > 0.0 > excess[1]:
                return None
            found.append(float(np.interp(0.0, excess[::-1], ends[::-1])))
    return tuple(found)


def pyhf_result(spec: Mapping[str, Any], cl: float, measurement: str | None = None) -> dict[str, Any]:
    """Limit, best fit and p0 by pyhf alone, with the keys of `Limit`; a failure is a status."""
    import pyhf

    try:
        limits = pyhf_limits(spec, cl, None, FIT_TOLERANCE, measurement)
        with _pyhf_backend(FIT_TOLERANCE):
            model, data, bounds = _pyhf_problem(spec, measurement, limits[0])
            best = pyhf.infer.mle.fit(data, model, par_bounds=bounds)
            p0 = float(pyhf.infer.hypotest(0.0, data, model, par_bounds=bounds, test_stat="q0"))
    except Exception as error:  # pyhf's failures have many types; each costs this hypothesis only
        return {**failed(f"pyhf: {type(error).__name__}: {error}").as_dict()}
    return {
        "observed": limits[0],
        "expected": list(limits[1:]),
        "mu_hat": float(best[model.config.poi_index]),
        "p0": p0,
        "z": float(-ndtri(p0)),
        "status": "ok",
    }


def _compare(
    index: int, spec: Mapping, limit: Limit, cl: float, tolerance: float, measurement: str | None
) -> Comparison:
    ours = (limit.observed, *limit.expected)
    around = (0.5 * min(ours), 2.0 * max(ours))
    ways: list[Callable[[], tuple[float, ...] | None]] = [
        lambda: pyhf_limits_near(spec, cl, ours, measurement),
        lambda: pyhf_limits(spec, cl, around, FIT_TOLERANCE, measurement),
        # with hardly any event SLSQP may fail at the finer tolerance
        lambda: pyhf_limits(spec, cl, around, None, measurement),
    ]
    words = ""
    for way in ways:
        try:
            theirs = way()
            if theirs is not None:
                break
        except Exception as error:  # pyhf's failures have many types; any of them is a finding, not a crash
            message = str(error).splitlines()[0][:120] if str(error) else ""
            words = f"pyhf fails: {type(error).__name__}: {message}"
    else:
        return Comparison(index, ours, (float("nan"),) * 6, float("nan"), words)
    difference = float(np.max(np.abs(np.array(theirs) / np.array(ours) - 1.0)))
    verdict = "agree" if difference <= tolerance else _judge(spec, limit.observed, measurement)
    return Comparison(index, ours, theirs, difference, verdict)


def _judge(spec: Mapping, mu: float, measurement: str | None) -> str:
    """Whose minimum is lower, in pyhf's own −2 ln L: free fit, and fit at our limit."""
    import pyhf

    ours = Model.stack([read_workspace(spec, measurement)])
    words = []
    with _pyhf_backend(FIT_TOLERANCE):
        model, data, bounds = _pyhf_problem(spec, measurement, 1e3 * mu)
        for name, poi in (("free fit", None), ("fit at the limit", mu)):
            at = None if poi is None else np.array([poi])
            mine = fit(ours, ours.observed, ours.init, at, poi_lower=0.0).parameters[0]
            if poi is None:
                theirs = pyhf.infer.mle.fit(data, model, par_bounds=bounds)
            else:
                theirs = pyhf.infer.mle.fixed_poi_fit(poi, data, model, par_bounds=bounds)
            gap = 2.0 * float(model.logpdf(mine, data)[0] - model.logpdf(theirs, data)[0])
            lower = "engine" if gap > 0.0 else "pyhf"
            words.append(f"{name}: −2 ln L of the {lower} is lower by {abs(gap):.2g}")
    return "; ".join(words)
