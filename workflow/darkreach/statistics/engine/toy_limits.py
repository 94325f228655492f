"""CLs limits and p0 from toys, with their Monte-Carlo uncertainty."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

from darkreach.errors import DarkreachError
from darkreach.statistics.engine.cls import BANDS
from darkreach.statistics.engine.limits import upper_limits
from darkreach.statistics.engine.toys import ToySet, merge, run_toys

POINTS = 10  # signal strengths at which toys are thrown
TIE = 1e-5  # toys with the data's own counts have the data's q, up to the precision of the fits
NEAR = 2.0  # |ln CLs − ln α| of the points that decide where the crossing is


@dataclass(frozen=True)
class ToyLimit:
    """Limits and p0 from toys; every number with its Monte-Carlo standard deviation (`…_error`)."""

    observed: float
    observed_error: float
    expected: tuple[float, ...]
    expected_error: tuple[float, ...]
    p0: float
    p0_error: float
    z: float
    toys: int
    lost: int
    seeds: tuple[int, ...]

    def as_dict(self) -> dict[str, Any]:
        """For the output of `darkreach limit`: the limits, and the rest below `toys`."""
        return {
            "observed": self.observed,
            "expected": list(self.expected),
            "p0": self.p0,
            "z": self.z,
            "toys": {
                "number": self.toys,
                "lost": self.lost,
                "seeds": list(self.seeds),
                "observed_error": self.observed_error,
                "expected_error": list(self.expected_error),
                "p0_error": self.p0_error,
            },
        }


def scan_points(low: float, high: float) -> np.ndarray:
    """Signal strengths around limits between `low` and `high`, evenly in the logarithm."""
    return np.geomspace(0.5 * low, 2.0 * high, POINTS)


def limit_from_toys(
    spec: Mapping[str, Any], toys: int, seed: int, cl: float = 0.90, measurement: str | None = None
) -> ToyLimit:
    """Limits from new toys; raises what `bracketing_toys` raises."""
    result = evaluate(bracketing_toys(spec, toys, seed, cl, measurement), cl)
    assert isinstance(result, ToyLimit)
    return result


def bracketing_toys(
    spec: Mapping[str, Any], toys: int, seed: int, cl: float = 0.90, measurement: str | None = None
) -> ToySet:
    """Throw toys around the asymptotic limits, widening the range until it brackets all limits.

    Raises DarkreachError if there is no asymptotic limit to start from or the toys are too few to bracket
    one.
    """
    first = upper_limits([spec], cl, measurement)[0]
    if first.status.startswith("failed"):
        raise DarkreachError(f"no toys without an asymptotic limit to start from: {first.status}")
    low, high = min(first.observed, *first.expected), max(first.observed, *first.expected)
    for _ in range(6):
        found = run_toys(spec, scan_points(low, high), toys, seed, measurement)
        side = evaluate(found, cl)
        if isinstance(side, ToyLimit):
            return found
        low, high = (0.4 * low, high) if side == "low" else (low, 2.5 * high)
    raise DarkreachError(f"{toys} toys do not bracket the limits; ask for more of them")


def top_up(
    spec: Mapping[str, Any], before: ToySet, toys: int, seed: int, measurement: str | None = None
) -> ToySet:
    """More toys at the same points, merged with those that exist."""
    return merge([before, run_toys(spec, before.mu, toys, seed, measurement)])


def evaluate(toys: ToySet, cl: float) -> "ToyLimit | str":
    """Limits of a set of toys, or on which side (`low`, `high`) its points do not bracket them."""
    target = np.log(1.0 - cl)
    found = []
    for band in (None, *BANDS):
        log, signal_variance, common_variance = log_cls_curve(toys, band)
        side = _side(log, target)
        if side:
            return side
        found.append(_crossing(toys.mu, log, signal_variance, common_variance, target))
    above = int(np.sum(toys.q0 >= toys.q0_observed - TIE)) if toys.q0_observed > 0.0 else toys.toys
    p0 = (above + 1.0) / (toys.toys + 1.0)
    return ToyLimit(
        observed=found[0][0],
        observed_error=found[0][1],
        expected=tuple(f[0] for f in found[1:]),
        expected_error=tuple(f[1] for f in found[1:]),
        p0=p0,
        p0_error=float(np.sqrt(p0 * (1.0 - p0) / toys.toys)),
        z=float(max(-ndtri(p0), 0.0)),
        toys=toys.toys,
        lost=toys.lost,
        seeds=toys.seeds,
    )


def log_cls_curve(toys: ToySet, band: int | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ln CLs at each point, for the data (None) or an expected band, with two variances.

    The first is the binomial one of the s+b toys. The second comes from the background toys, which are
    common to all points: binomial for the data, from the uncertain quantile of q̃ for a band. A large q̃ is
    a downward fluctuation and gives a strong limit, so band −2σ is the quantile Φ(+2).
    """
    if band is None:
        return _log_cls(toys, toys.observed)
    level = ndtr(-band)
    spread = np.sqrt(level * (1.0 - level) / toys.toys)
    levels = np.clip([level, level - spread, level + spread], 0.0, 1.0)
    middle, low, high = np.quantile(toys.q_background, levels, axis=1, method="inverted_cdf")
    log, variance, _ = _log_cls(toys, middle)
    return log, variance, (0.5 * np.log(_beyond(toys.q_signal, low) / _beyond(toys.q_signal, high))) ** 2


def _log_cls(toys: ToySet, q: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """ln CLs at each point with its binomial variances from the s+b and from the background toys."""
    signal, background = _beyond(toys.q_signal, q), _beyond(toys.q_background, q)
    total = toys.toys + 1.0
    return np.log(signal / background), 1.0 / signal - 1.0 / total, 1.0 / background - 1.0 / total


def _beyond(toys: np.ndarray, q: np.ndarray) -> np.ndarray:
    """Toys at or beyond q at each point, and half a toy: none beyond is a finite, very uncertain CLs."""
    return np.sum(toys >= (q - TIE * (1.0 + q))[:, None], axis=1) + 0.5


def _side(log: np.ndarray, target: float) -> str:
    if log[0] <= target:
        return "low"
    return "high" if log[-1] >= target else ""


def _crossing(
    mu: np.ndarray, log: np.ndarray, signal: np.ndarray, common: np.ndarray, target: float
) -> tuple[float, float]:
    """μ with ln CLs = ln α and its error, from a weighted fit to the points near the crossing.

    ln CLs is a straight line in μ for a Poisson count without events and nearly a parabola for a Gaussian.
    """
    below = int(np.argmax(log < target))
    near = np.abs(log - target) < NEAR
    near[below - 1 : below + 1] = True
    origin = 0.5 * (mu[below - 1] + mu[below])
    x, y, weight = mu[near] / origin - 1.0, log[near] - target, 1.0 / np.maximum(signal[near], 1e-12)
    for degree in (2, 1) if len(x) > 2 else (1,):
        design = np.vander(x, degree + 1, increasing=True)
        covariance = np.linalg.inv(design.T @ (weight[:, None] * design))
        coefficients = covariance @ (design.T @ (weight * y))
        step, slope = _root(coefficients)
        if x[0] <= step <= x[-1] and slope < 0.0:
            break
    powers = step ** np.arange(degree + 1)
    shift = float(np.interp(origin, mu, common))
    error = np.sqrt(powers @ covariance @ powers + shift) / abs(slope)
    return float(origin * (1.0 + step)), float(origin * error)


def _root(coefficients: np.ndarray) -> tuple[float, float]:
    """Where a parabola or line that falls at 0 crosses zero, and its slope there (nan if nowhere)."""
    c, b = coefficients[:2]
    a = coefficients[2] if len(coefficients) > 2 else 0.0
    with np.errstate(invalid="ignore"):
        slope = -np.sqrt(b * b - 4.0 * a * c)
    return float(-2.0 * c / (b + slope)), float(slope)
