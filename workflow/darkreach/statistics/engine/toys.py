"""Pseudo-experiments: generation, test statistics, and files that merge.

As in pyhf's ToyCalculator: counts and auxiliary measurements both fluctuate, around the nuisance parameters
fitted to the data at the tested signal strength (for s+b) and at μ = 0 (for background only).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from darkreach.errors import DarkreachError
from darkreach.statistics.engine.fit import fit
from darkreach.statistics.engine.gammas import NORMAL, POISSON
from darkreach.statistics.engine.model import Data, Model
from darkreach.statistics.engine.workspace import read_workspace

CHUNK = 256  # toys fitted together: their arrays stay in the cache


def generate(model: Model, parameters: np.ndarray, rng: np.random.Generator) -> Data:
    """One pseudo-experiment for each row of `parameters` (rows, parameters)."""
    kind = np.array(model.shape.constraints)
    counts = rng.poisson(np.maximum(model.expected(parameters), 0.0)).astype(float)
    aux = np.zeros_like(parameters)
    normal, poisson = np.flatnonzero(kind == NORMAL), np.flatnonzero(kind == POISSON)
    aux[:, normal] = rng.normal(parameters[:, normal], model.width[:, normal])
    aux[:, poisson] = rng.poisson(parameters[:, poisson] * model.width[:, poisson])
    return Data(counts, aux)


@dataclass
class FreeFits:
    """Fits with μ ≥ 0 free: −ln L, μ̂ and convergence, (rows,) each."""

    value: np.ndarray
    mu_hat: np.ndarray
    converged: np.ndarray


def fit_free(model: Model, data: Data, start: np.ndarray) -> FreeFits:
    """The reference of all test statistics, from `start` (rows, parameters)."""
    found = fit(model, data, start, poi_lower=0.0)
    return FreeFits(found.value, found.parameters[:, model.shape.poi], found.converged)


def q_tilde(
    model: Model, data: Data, mu: np.ndarray, start: np.ndarray, free: FreeFits
) -> tuple[np.ndarray, np.ndarray]:
    """q̃_μ (rows,) and whether both fits converged."""
    found = fit(model, data, start, poi=mu)
    q = np.where(free.mu_hat <= mu, np.maximum(2.0 * (found.value - free.value), 0.0), 0.0)
    return q, found.converged & free.converged


def q_zero(model: Model, data: Data, start: np.ndarray, free: FreeFits) -> tuple[np.ndarray, np.ndarray]:
    """q_0 (rows,) and whether both fits converged."""
    found = fit(model, data, start, poi=np.zeros(data.rows))
    q = np.where(free.mu_hat > 0.0, np.maximum(2.0 * (found.value - free.value), 0.0), 0.0)
    return q, found.converged & free.converged


@dataclass(frozen=True)
class ToySet:
    """Test statistics of toys of one hypothesis at the signal strengths `mu` (points,).

    `q_signal` and `q_background` have shape (points, toys); background toys are the same at all points.
    `q0` (toys,) is that of the background toys. `observed` (points,) and `q0_observed` are the data's.
    `lost` counts toys whose fit did not converge; they are not in the arrays.
    """

    digest: str
    seeds: tuple[int, ...]
    mu: np.ndarray
    observed: np.ndarray
    q0_observed: float
    q_signal: np.ndarray
    q_background: np.ndarray
    q0: np.ndarray
    lost: int

    @property
    def toys(self) -> int:
        return self.q_background.shape[1]

    def save(self, path: Path) -> None:
        """Write an HDF5 file."""
        import h5py

        with h5py.File(path, "w") as file:
            for name in ("mu", "observed", "q_signal", "q_background", "q0"):
                file.create_dataset(name, data=getattr(self, name), compression="gzip")
            file.attrs.update(
                digest=self.digest, seeds=list(self.seeds), q0_observed=self.q0_observed, lost=self.lost
            )

    @classmethod
    def load(cls, path: Path) -> "ToySet":
        """Read a file of `save`; raises DarkreachError for anything else."""
        import h5py

        try:
            with h5py.File(path) as file:
                arrays = {
                    name: file[name][()] for name in ("mu", "observed", "q_signal", "q_background", "q0")
                }
                return cls(
                    digest=str(file.attrs["digest"]),
                    seeds=tuple(int(s) for s in file.attrs["seeds"]),
                    q0_observed=float(file.attrs["q0_observed"]),
                    lost=int(file.attrs["lost"]),
                    **arrays,
                )
        except (OSError, KeyError) as error:
            raise DarkreachError(
                f"{path} is not a file of toys: {error}; delete it and run the toys"
            ) from error


def merge(sets: Sequence[ToySet]) -> ToySet:
    """All toys of several sets; refuses another hypothesis, other points, or a seed twice."""
    first = sets[0]
    seeds = [seed for s in sets for seed in s.seeds]
    if len(set(seeds)) != len(seeds):
        raise DarkreachError(f"the toys to merge share a seed ({sorted(seeds)}); run them with another one")
    for other in sets[1:]:
        if other.digest != first.digest or not np.array_equal(other.mu, first.mu):
            raise DarkreachError("the toys to merge are of different workspaces or signal strengths")
    order = sorted(range(len(sets)), key=lambda i: sets[i].seeds)
    parts = [sets[i] for i in order]
    return ToySet(
        digest=first.digest,
        seeds=tuple(sorted(seeds)),
        mu=first.mu,
        observed=first.observed,
        q0_observed=first.q0_observed,
        q_signal=np.concatenate([s.q_signal for s in parts], axis=1),
        q_background=np.concatenate([s.q_background for s in parts], axis=1),
        q0=np.concatenate([s.q0 for s in parts]),
        lost=sum(s.lost for s in sets),
    )


def digest_of(spec: Mapping[str, Any]) -> str:
    """What identifies a workspace in a file of toys."""
    return hashlib.sha256(json.dumps(spec, sort_keys=True).encode()).hexdigest()[:16]


def run_toys(
    spec: Mapping[str, Any], mu: np.ndarray, toys: int, seed: int, measurement: str | None = None
) -> ToySet:
    """`toys` background toys, and as many s+b toys at each signal strength of `mu` (points,)."""
    model = Model.stack([read_workspace(spec, measurement)])
    mu = np.asarray(mu, dtype=float)
    data = model.observed
    background = fit(model, data, model.init, poi=np.zeros(1)).parameters
    free = fit_free(model, data, background)
    at_points = [fit(model, data, background, poi=np.array([m])).parameters for m in mu]
    observed = [q_tilde(model, data, mu[[i]], at_points[i], free)[0][0] for i in range(len(mu))]
    q0_observed = q_zero(model, data, background, free)[0][0]

    parts: list[tuple[np.ndarray, ...]] = []
    lost = 0
    for chunk, begin in enumerate(range(0, toys, CHUNK)):
        rng = np.random.default_rng(np.random.SeedSequence([seed, chunk]))
        size = min(CHUNK, toys - begin)
        signal, background_q, q0, good = _chunk(model, mu, background, at_points, size, rng)
        parts.append((signal[:, good], background_q[:, good], q0[good]))
        lost += int(size - good.sum())
    empty = np.zeros((len(mu), 0))
    return ToySet(
        digest=digest_of(spec),
        seeds=(seed,),
        mu=mu,
        observed=np.array(observed),
        q0_observed=float(q0_observed),
        q_signal=np.concatenate([empty, *(p[0] for p in parts)], axis=1),
        q_background=np.concatenate([empty, *(p[1] for p in parts)], axis=1),
        q0=np.concatenate([np.zeros(0), *(p[2] for p in parts)]),
        lost=lost,
    )


def _chunk(
    model: Model,
    mu: np.ndarray,
    background: np.ndarray,
    at_points: list[np.ndarray],
    size: int,
    rng: np.random.Generator,
) -> tuple[np.ndarray, ...]:
    """q̃ of s+b and background toys at all points, q_0 of the latter, and which toys have all their fits."""
    truth = np.repeat(background, size, axis=0)
    data = generate(model, truth, rng)
    free = fit_free(model, data, truth)
    q0, good = q_zero(model, data, truth, free)
    signal, without = np.zeros((len(mu), size)), np.zeros((len(mu), size))
    for i, m in enumerate(mu):
        strength = np.full(size, m)
        without[i], converged = q_tilde(model, data, strength, truth, free)
        good &= converged
        truth_s = np.repeat(at_points[i], size, axis=0)
        data_s = generate(model, truth_s, rng)
        signal[i], converged = q_tilde(model, data_s, strength, truth_s, fit_free(model, data_s, truth_s))
        good &= converged
    return signal, without, q0, good
