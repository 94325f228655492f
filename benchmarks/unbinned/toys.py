"""Toys: the same candidates fitted without and with bins."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from likelihood import UnbinnedLikelihood, Window, best_fit

from darkreach.errors import DarkreachError
from darkreach.statistics.engine.limits import upper_limits

BinnedFit = tuple[dict[str, Any], float, np.ndarray]  # workspace, signal candidates for mu = 1, edges in GeV


@dataclass(frozen=True)
class ToyStudy:
    """Fitted numbers of signal candidates (toys,) at one mass (GeV) with `true` candidates put in.

    `background` candidates are expected in the window; `binned` is by the width of the bins in σ_R.
    """

    mass: float
    background: float
    true: float
    unbinned: np.ndarray
    binned: dict[float, np.ndarray]


def toy_study(
    mass: float,
    window: Window,
    x: np.ndarray,
    true: float,
    fits: dict[float, BinnedFit],
    toys: int,
    rng: np.random.Generator,
) -> ToyStudy:
    """Fits of `toys` toys: the background fitted to data x (GeV), and `true` signal, both Poisson."""
    _, _, background, _ = best_fit(UnbinnedLikelihood(window, x), window.scale)
    samples = [
        np.concatenate(
            [window.sample_background(background, rng), window.peak.sample(rng.poisson(true), rng)]
        )
        for _ in range(toys)
    ]
    return ToyStudy(
        mass,
        float(window.integrals[1:] @ background[1:]),
        true,
        np.array([best_fit(UnbinnedLikelihood(window, s), window.scale)[0][0] for s in samples]),
        {width: _binned_yields(fit, samples) for width, fit in fits.items()},
    )


def _binned_yields(fit: BinnedFit, samples: Sequence[np.ndarray]) -> np.ndarray:
    workspace, unit, edges = fit
    limits = upper_limits(_with_counts(workspace, np.histogram(sample, edges)[0]) for sample in samples)
    failed = [limit.status for limit in limits if limit.status.startswith("failed")]
    if failed:
        raise DarkreachError(f"{len(failed)} of {len(samples)} toys: {failed[0]}")
    return unit * np.array([limit.mu_hat for limit in limits])


def _with_counts(workspace: dict[str, Any], counts: np.ndarray) -> dict[str, Any]:
    observation = copy.copy(workspace["observations"][0]) | {"data": counts.astype(float).tolist()}
    return workspace | {"observations": [observation]}


def print_toys(studies: Sequence[ToyStudy]) -> None:
    """Bias (mean minus truth), spread, and the difference to the unbinned fit toy by toy."""
    for study in studies:
        toys = len(study.unbinned)
        print(
            f"\n{study.mass:.4f} GeV, {study.background:.1f} background and {study.true:.2f} signal, "
            f"{toys} toys"
        )
        print(
            f"  unbinned        bias {_mean(study.unbinned - study.true)}, spread {study.unbinned.std():.3f}"
        )
        for width, yields in study.binned.items():
            difference = yields - study.unbinned
            print(
                f"  bins of {width:4g} σ  bias {_mean(yields - study.true)}, spread {yields.std():.3f}, "
                f"minus unbinned: mean {_mean(difference)}, rms {np.sqrt(np.mean(difference**2)):.3f}"
            )


def _mean(values: np.ndarray) -> str:
    return f"{values.mean():+.3f} ± {values.std() / np.sqrt(len(values)):.3f}"
