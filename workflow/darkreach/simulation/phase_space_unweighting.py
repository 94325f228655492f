"""From weighted trials to events of weight one."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from darkreach.simulation.phase_space import boost_along_z
from darkreach.simulation.radiator import sample_recoiling_system

# Trials made to find the maximum weight, and the most that are in memory at once.
_WARM_UP = 40_000
_MOST_AT_ONCE = 50_000
# The maximum weight leaves this share of the cross-section above it. Such events are accepted like those at
# the maximum, so this share is missing where they lie: far below the error of any distribution of them.
_EXCESS_SHARE = 1e-3


class Trials(NamedTuple):
    """Weighted events: payload (..., n) and weight (n,); the mean weight is the cross-section."""

    payload: np.ndarray
    weight: np.ndarray


class Unweighted(NamedTuple):
    """Events of weight one.

    payload: (..., n_events).
    mean_weight, mean_weight_error: mean of the weights of all trials and its statistical error.
    efficiency: share of the trials that is accepted.
    excess: share of the summed weights of these events that lay above the maximum weight.
    """

    payload: np.ndarray
    mean_weight: float
    mean_weight_error: float
    efficiency: float
    excess: float


def unweight(make_trials: Callable[[int], Trials], n_events: int, rng: np.random.Generator) -> Unweighted:
    """Accept trials with probability weight/maximum until there are `n_events`.

    The maximum comes from a warm-up, whose trials count for the cross-section but not as events.
    """
    payload, warm_up = make_trials(_WARM_UP)
    maximum = maximum_weight(warm_up, _EXCESS_SHARE)
    sums = np.array([len(warm_up), warm_up.sum(), (warm_up**2).sum()])
    excess, tried, accepted, missing = 0.0, 0.0, [payload[..., :0]], n_events
    while missing > 0:
        n_trials = 1.05 * missing * maximum / warm_up.mean() + 1000
        payload, weight = make_trials(int(min(n_trials, _MOST_AT_ONCE)))
        accepted.append(payload[..., rng.random(len(weight)) * maximum < weight])
        missing -= accepted[-1].shape[-1]
        sums += len(weight), weight.sum(), (weight**2).sum()
        tried += weight.sum()
        excess += np.clip(weight - maximum, 0, None).sum()
    n_trials, total, total_squares = sums
    mean = total / n_trials
    return Unweighted(
        payload=np.concatenate(accepted, axis=-1)[..., :n_events],
        mean_weight=float(mean),
        mean_weight_error=float(np.sqrt((total_squares / n_trials - mean**2) / n_trials)),
        efficiency=float(mean / maximum),
        excess=float(excess / tried) if tried else 0.0,
    )


def unweight_with_radiation(
    sample: Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]],
    lowest_mass: float,
    n_events: int,
    rng: np.random.Generator,
    sqrt_s: float,
    alpha: float,
    isr: bool,
) -> Unweighted:
    """Unweighted events of a leading-order process after initial-state radiation, for the nominal beams.

    sample: from s (n,) in GeV² momenta (particles, 4, n) in the rest frame of what collides, with the
    electron along +z, and weights (n,) whose mean is the cross-section. lowest_mass: of what collides, GeV.
    sqrt_s, alpha, isr: as of `sample_recoiling_system`.
    """
    x_max = 1 - (lowest_mass / sqrt_s) ** 2

    def trials(n: int) -> Trials:
        system = sample_recoiling_system(n, rng, sqrt_s, alpha, x_max, isr)
        momenta, weight = sample(system.s)
        return Trials(boost_along_z(momenta, system.velocity), system.weight * weight)

    return unweight(trials, n_events, rng)


def maximum_weight(weight: np.ndarray, excess_share: float) -> float:
    """The W for which Σ max(0, w − W) is `excess_share` of Σ w."""
    descending = np.sort(weight)[::-1]
    # Excess above each weight in turn; it falls to 0 at the largest one.
    excess = np.cumsum(descending) - np.arange(1, len(descending) + 1) * descending
    return float(np.interp(excess_share * descending.sum(), excess, descending))
