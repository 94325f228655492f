"""The cut on the score that makes a search most sensitive."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from darkreach.classifier.rows import Rows
from darkreach.classifier.weights import MINIMUM_GROUP_ROWS
from darkreach.config.search import Classifier

CANDIDATE_CUTS = 100
MINIMUM_PASSING = 20.0  # effective simulated background that says what a cut leaves; of fewer it is luck


@dataclass(frozen=True)
class Cut:
    """A cut, and what it does.

    value: candidates with this score or more pass. gain: figure of merit relative to no cut.
    background_before, background_after: mean over masses of the candidates expected in a fit window.
    signal_efficiency: (model, mass in GeV, efficiency of the cut) for each simulated signal.
    """

    value: float
    gain: float
    background_before: float
    background_after: float
    background_efficiency: float
    signal_efficiency: list[tuple[str, float, float]]


def choose_cut(
    signal: Rows,
    signal_scores: np.ndarray,
    background: Rows,
    background_scores: np.ndarray,
    settings: Classifier,
    luminosity_fb: float,
    half_window_sigma: float,
    observable_of_mass: Callable[[float], np.ndarray],
) -> Cut:
    """The cut with the largest ε/(a/2 + √B), averaged over simulated signals relative to no cut.

    G. Punzi, physics/0308063. B is the background of a fit window at `luminosity_fb`; its efficiency is
    that of all background in the region, because a single window has few simulated candidates. On
    average over the signals, a window keeps `minimum_background`, and the region MINIMUM_PASSING simulated
    candidates; if there are less from the start, there is no cut. Signals of which only few candidates
    reach into the region have no say.
    """
    windows = _windows(signal, background, luminosity_fb, half_window_sigma, observable_of_mass)
    cuts = np.unique(np.quantile(signal_scores, np.linspace(0, 0.9, CANDIDATE_CUTS)))
    cuts = np.concatenate([[0.0], cuts])
    background_passing = _passing(background_scores, background.yields, cuts)
    counts = signal.counts()
    used = np.flatnonzero(counts >= min(MINIMUM_GROUP_ROWS, counts.max()))
    efficiencies = np.stack(
        [_passing(signal_scores[signal.group == g], np.ones(counts[g]), cuts) for g in used]
    )
    left = windows[used][:, None] * background_passing
    merit = efficiencies / (settings.punzi_sigma / 2 + np.sqrt(left))
    gain = (merit / merit[:, :1]).mean(0)
    allowed = left.mean(0) >= settings.minimum_background
    allowed &= _effective(background_scores, background.yields, cuts) >= MINIMUM_PASSING
    allowed[0] = True
    best = int(np.argmax(np.where(allowed, gain, -np.inf)))
    return Cut(
        value=float(cuts[best]),
        gain=float(gain[best]),
        background_before=float(left[:, 0].mean()),
        background_after=float(left[:, best].mean()),
        background_efficiency=float(background_passing[best]),
        signal_efficiency=[
            (*signal.groups[group], float(efficiencies[row, best])) for row, group in enumerate(used)
        ],
    )


def _windows(
    signal: Rows,
    background: Rows,
    luminosity_fb: float,
    half_window_sigma: float,
    observable_of_mass: Callable[[float], np.ndarray],
) -> np.ndarray:
    """(groups,) background before the cut in the fit window of each simulated signal."""
    windows = np.zeros(len(signal.groups))
    for group in np.flatnonzero(signal.counts()):
        observed = signal.observable[signal.group == group]
        low, high = np.quantile(observed, [0.15866, 0.84134])
        half = half_window_sigma * (high - low) / 2
        centre = float(observable_of_mass(signal.groups[group][1]))
        windows[group] = luminosity_fb * background.yields[abs(background.observable - centre) < half].sum()
    return windows


def _passing(scores: np.ndarray, weights: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """(cuts,) weighted fraction of scores of at least each cut."""
    return _above(scores, weights, cuts) / weights.sum()


def _effective(scores: np.ndarray, weights: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """(cuts,) effective number (Σw)²/Σw² of scores of at least each cut."""
    squares = _above(scores, weights**2, cuts)
    total = _above(scores, weights, cuts)
    return np.divide(total**2, squares, out=np.zeros_like(total), where=squares > 0)


def _above(scores: np.ndarray, weights: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """(cuts,) sum of the weights of scores of at least each cut."""
    order = np.argsort(scores, kind="stable")
    above = np.concatenate([np.cumsum(weights[order][::-1])[::-1], [0.0]])
    return above[np.searchsorted(scores[order], cuts, side="left")]
