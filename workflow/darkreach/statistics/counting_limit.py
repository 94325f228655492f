"""CLs limits on the mean of a Poisson signal over an uncertain background, from exact probabilities.

Uncertainties are averaged over (R. D. Cousins and V. L. Highland, Nucl. Instrum. Meth. A 320 (1992) 331); the
test statistic is the number of events, CLs = P(N ≤ n | s + b)/P(N ≤ n | b). The mean background has a gamma
distribution, so background events are negative binomial; the signal efficiency is log-normal.
"""

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr
from scipy.stats import nbinom, poisson

BANDS = (-2.0, -1.0, 0.0, 1.0, 2.0)
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(21)


def probability_of(observed: np.ndarray | int, background: float, relative_error: float) -> np.ndarray:
    """P(N ≥ observed) without signal; background: its mean, with a relative standard deviation."""
    return _background_events(background, relative_error).sf(np.asarray(observed) - 1)


def counting_limit(
    observed: int, background: float, relative_error: float, signal_error: float, cl: float
) -> float:
    """Upper limit on the mean number of signal events at confidence level `cl`.

    background: its mean, with a relative standard deviation; signal_error: relative error of the efficiency.
    """
    without = _background_events(background, relative_error).cdf(np.arange(observed, -1, -1))

    def excess(events: float) -> float:
        return float(_signal_probabilities(events, observed, signal_error) @ without) / without[0] - (1 - cl)

    highest = 10.0
    while excess(highest) > 0:
        highest *= 2
    return float(brentq(excess, 0.0, highest, xtol=1e-6))


def expected_limits(background: float, relative_error: float, signal_error: float, cl: float) -> list[float]:
    """Limits from −2σ to +2σ: those of the quantiles of the number of events without signal."""
    counts = _background_events(background, relative_error).ppf(ndtr(BANDS)).astype(int)
    limits = {
        n: counting_limit(n, background, relative_error, signal_error, cl) for n in set(counts.tolist())
    }
    return [limits[n] for n in counts.tolist()]


def _background_events(mean: float, relative_error: float) -> nbinom:
    shape = 1 / relative_error**2
    return nbinom(shape, shape / (shape + mean))


def _signal_probabilities(events: float, most: int, error: float) -> np.ndarray:
    """(most + 1,) probabilities of 0 to `most` signal events, averaged over the efficiency."""
    means = events * np.exp(np.log1p(error) * NODES)
    found = poisson.pmf(np.arange(most + 1)[:, None], means[None, :])
    return found @ WEIGHTS / WEIGHTS.sum()
