"""Global significance of the largest local excess of a scan, from toys of the whole correlated spectrum.

One fine-binned spectrum is thrown per toy and every hypothesis rebins its own window from it, so that
overlapping windows share their fluctuations. Two estimates: the distribution of the largest local Z in the
toys, and the number of up-crossings of a low threshold (E. Gross and O. Vitells, Eur. Phys. J. C 70 (2010)
525).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.sparse import csr_array
from scipy.special import ndtr, ndtri

from darkreach.errors import DarkreachError
from darkreach.statistics.engine import diagnosis
from darkreach.statistics.engine.fit import fit, response
from darkreach.statistics.engine.gammas import NORMAL
from darkreach.statistics.engine.model import Data, Model
from darkreach.statistics.engine.workspace import Workspace, read_workspace

CHUNK = 32  # toys thrown together
FIT_ROWS = 256  # fits done together
MARGIN = 0.4  # hypotheses whose score Z is this close to the largest are fitted in full
THRESHOLD = 1.0  # local Z whose up-crossings are counted


@dataclass
class _Group:
    """Hypotheses of one shape: their place in the scan, model, bins and background-only parameters."""

    index: np.ndarray
    model: Model
    start: np.ndarray  # (rows, bins), first fine bin of each window bin
    stop: np.ndarray
    parameters: np.ndarray
    shared: np.ndarray  # (constrained parameters of the shape,), position of the name in the scan


@dataclass(frozen=True)
class ScanToys:
    """Per toy: largest Z of the score test, largest Z after full fits, and number of up-crossings.

    `seeds` and `hypotheses` identify the toys, which merge if the seeds differ.
    """

    seeds: tuple[int, ...]
    hypotheses: int
    score: np.ndarray
    fitted: np.ndarray
    crossings: np.ndarray

    def save(self, path: Path) -> None:
        """Write an HDF5 file."""
        import h5py

        with h5py.File(path, "w") as file:
            for name in ("score", "fitted", "crossings"):
                file.create_dataset(name, data=getattr(self, name))
            file.attrs.update(seeds=list(self.seeds), hypotheses=self.hypotheses)

    @classmethod
    def load(cls, path: Path) -> "ScanToys":
        """Read a file of `save`; raises DarkreachError for anything else."""
        import h5py

        try:
            with h5py.File(path) as file:
                arrays = {name: file[name][()] for name in ("score", "fitted", "crossings")}
                seeds = tuple(int(s) for s in file.attrs["seeds"])
                return cls(seeds=seeds, hypotheses=int(file.attrs["hypotheses"]), **arrays)
        except (OSError, KeyError) as error:
            raise DarkreachError(f"{path} is not a file of scan toys: {error}; delete and rerun") from error


def merge_scans(parts: Sequence[ScanToys]) -> ScanToys:
    """All toys of several files of one scan; refuses a seed twice or scans of different size."""
    seeds = [seed for part in parts for seed in part.seeds]
    if len(set(seeds)) != len(seeds):
        raise DarkreachError(f"the scan toys to merge share a seed ({sorted(seeds)}); use another one")
    if len({part.hypotheses for part in parts}) != 1:
        raise DarkreachError("the scan toys to merge are of scans with different numbers of hypotheses")
    ordered = sorted(parts, key=lambda part: part.seeds)
    arrays = {
        name: np.concatenate([getattr(part, name) for part in ordered])
        for name in ("score", "fitted", "crossings")
    }
    return ScanToys(tuple(sorted(seeds)), parts[0].hypotheses, **arrays)


@dataclass(frozen=True)
class GlobalSignificance:
    """Global p-values of a local Z, with Monte-Carlo standard deviations and the number of toys.

    `p` counts toys with a larger fitted excess, itself included ((k + 1)/(n + 1)); `p_crossings` is
    Gross-Vitells'.
    """

    local_z: float
    p: float
    p_error: float
    z: float
    p_crossings: float
    p_crossings_error: float
    crossings: float
    threshold: float
    toys: int


def global_significance(local_z: float, toys: ScanToys) -> GlobalSignificance:
    """How often the background alone gives an excess of `local_z` somewhere in the scan."""
    number = len(toys.fitted)
    p = (np.sum(toys.fitted >= local_z) + 1.0) / (number + 1.0)
    crossings = float(np.mean(toys.crossings))
    fall = np.exp(-0.5 * (local_z**2 - THRESHOLD**2))
    spread = float(np.std(toys.crossings, ddof=1) / np.sqrt(number)) if number > 1 else np.inf
    return GlobalSignificance(
        local_z=local_z,
        p=float(p),
        p_error=float(np.sqrt(p * (1.0 - p) / number)),
        z=float(-ndtri(min(p, number / (number + 1.0)))),  # finite, too, if every toy exceeds it
        p_crossings=float(min(ndtr(-local_z) + crossings * fall, 1.0)),
        p_crossings_error=float(spread * fall),
        crossings=crossings,
        threshold=THRESHOLD,
        toys=number,
    )


class CorrelatedScan:
    """All hypotheses of a scan on one fine-binned spectrum.

    `windows[i]` (bins, 2) holds first and one-past-last fine bin of each bin of workspace i, in the
    engine's channel order; `expected` (fine bins,) is the background of the whole spectrum. Scalar
    parameters with a Gaussian constraint fluctuate with the toys, the same name together in all windows.
    Bin-wise template uncertainties do not: overlapping windows share them.
    """

    def __init__(
        self,
        specs: Sequence[Mapping[str, Any]],
        windows: Sequence[np.ndarray],
        expected: np.ndarray,
        measurement: str | None = None,
    ) -> None:
        self.expected = np.asarray(expected, dtype=float)
        self.size = len(specs)
        self.names: dict[str, int] = {}
        workspaces = [read_workspace(spec, measurement) for spec in specs]
        by_shape: dict[Any, list[int]] = {}
        for i, workspace in enumerate(workspaces):
            by_shape.setdefault(workspace.shape, []).append(i)
            if np.shape(windows[i]) != (workspace.shape.bins, 2):
                raise DarkreachError(
                    f"hypothesis {i} has {workspace.shape.bins} bins, its window {np.shape(windows[i])}"
                )
        self.groups = [self._group(index, workspaces, windows) for index in by_shape.values()]
        self._linearise()

    def _group(self, index: list[int], workspaces: list[Workspace], windows: Sequence[np.ndarray]) -> _Group:
        model = Model.stack([workspaces[i] for i in index])
        bad = diagnosis.unusable(model)
        if bad:
            row, reason = next(iter(bad.items()))
            raise DarkreachError(f"hypothesis {index[row]} cannot be part of the scan: {reason}")
        bounds = np.array([windows[i] for i in index], dtype=int)
        start, stop = bounds[..., 0], bounds[..., 1]
        asimov = Data(_rebin(self.expected[None, :], start, stop)[0], model.observed.aux)
        background = fit(model, asimov, model.init, poi=np.zeros(model.rows))
        constrained = [i for i in model.plan.dense if model.shape.constraints[i] == NORMAL]
        shared = [self.names.setdefault(model.shape.names[i], len(self.names)) for i in constrained]
        return _Group(np.array(index), model, start, stop, background.parameters, np.array(shared, dtype=int))

    def _linearise(self) -> None:
        """Score test: each Z is linear in the fine counts (through their running sum) and in the pulls."""
        rows, columns, values = [], [], []
        self.offset = np.zeros(self.size)
        self.pulls = np.zeros((self.size, len(self.names)))
        for group in self.groups:
            model = group.model
            rates, weights = model.score_weights(group.parameters)
            dense = group.parameters[:, model.plan.dense]
            curvature = model.evaluate(dense, model.expected_data(group.parameters)).curvature
            variance, direction = response(model, curvature, group.parameters)
            by_bin = (direction[:, None, :] @ weights)[:, 0] * np.sqrt(variance)[:, None]
            self.offset[group.index] = np.sum(by_bin * rates, axis=1)
            i = _constrained(model)
            pull = direction[:, np.isin(model.plan.dense, i)] * np.sqrt(variance)[:, None] / model.width[:, i]
            np.add.at(self.pulls, (group.index[:, None], group.shared[None, :]), pull)
            for edge, sign in ((group.stop, 1.0), (group.start, -1.0)):
                rows.append(np.repeat(group.index, by_bin.shape[1]))
                columns.append(edge.ravel())
                values.append(sign * by_bin.ravel())
        shape = (self.size, len(self.expected) + 1)
        entries = (np.concatenate(rows), np.concatenate(columns))
        self.weights = csr_array((np.concatenate(values), entries), shape=shape)

    def score(self, spectra: np.ndarray, pulls: np.ndarray) -> np.ndarray:
        """Signed local Z of the score test, (toys, hypotheses), for fine spectra (toys, fine bins)."""
        running = np.concatenate([np.zeros((len(spectra), 1)), np.cumsum(spectra, axis=1)], axis=1)
        return (self.weights @ running.T).T - self.offset + pulls @ self.pulls.T

    def fitted(
        self, spectra: np.ndarray, pulls: np.ndarray, toy: np.ndarray, hypothesis: np.ndarray
    ) -> np.ndarray:
        """Local Z = √q_0 by full fits, for pairs of toy and hypothesis, (pairs,)."""
        z = np.zeros(len(toy))
        for group in self.groups:
            place = np.full(self.size, -1)
            place[group.index] = np.arange(len(group.index))
            mine = np.flatnonzero(place[hypothesis] >= 0)
            for begin in range(0, len(mine), FIT_ROWS):
                pairs = mine[begin : begin + FIT_ROWS]
                z[pairs] = _fit_rows(group, place[hypothesis[pairs]], spectra, pulls, toy[pairs])
        return z

    def throw(self, toys: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Background-only spectra (toys, fine bins) and pulls of the auxiliary data (toys, names)."""
        spectra = rng.poisson(self.expected, (toys, len(self.expected))).astype(float)
        return spectra, rng.normal(size=(toys, len(self.names)))

    def run(self, toys: int, seed: int, refits: int = 8) -> ScanToys:
        """Throw toys; in each, fit the (at most `refits`) hypotheses with the largest score Z in full.

        `refits` at least as large as the scan fits all hypotheses of every toy.
        """
        largest, fitted, crossings = [], [], []
        for chunk, begin in enumerate(range(0, toys, CHUNK)):
            rng = np.random.default_rng(np.random.SeedSequence([seed, chunk]))
            spectra, pulls = self.throw(min(CHUNK, toys - begin), rng)
            score = self.score(spectra, pulls)
            crossings.append(np.sum((score[:, :-1] < THRESHOLD) & (score[:, 1:] >= THRESHOLD), axis=1))
            toy, hypothesis = _candidates(score, refits)
            z = np.zeros(len(spectra))
            np.maximum.at(z, toy, self.fitted(spectra, pulls, toy, hypothesis))
            largest.append(score.max(axis=1))
            fitted.append(z)
        return ScanToys(
            seeds=(seed,),
            hypotheses=self.size,
            score=np.concatenate(largest),
            fitted=np.concatenate(fitted),
            crossings=np.concatenate(crossings),
        )


def _candidates(score: np.ndarray, refits: int) -> tuple[np.ndarray, np.ndarray]:
    """(toy, hypothesis) pairs whose score Z is among the largest of their toy."""
    if refits >= score.shape[1]:
        toy, hypothesis = np.indices(score.shape)
        return toy.ravel(), hypothesis.ravel()
    order = np.argpartition(-score, refits - 1, axis=1)[:, :refits]
    values = np.take_along_axis(score, order, axis=1)
    near = values >= values.max(axis=1, keepdims=True) - MARGIN
    return np.nonzero(near)[0], order[near]


def _fit_rows(
    group: _Group, rows: np.ndarray, spectra: np.ndarray, pulls: np.ndarray, toy: np.ndarray
) -> np.ndarray:
    """√q_0 of some rows of a group, each on its own toy."""
    running = np.concatenate([np.zeros((len(spectra), 1)), np.cumsum(spectra, axis=1)], axis=1)
    counts = running[toy[:, None], group.stop[rows]] - running[toy[:, None], group.start[rows]]
    start = group.parameters[rows]
    model = group.model.take(rows)
    aux = group.model.expected_data(group.parameters).aux[rows]
    i = _constrained(model)
    aux[:, i] += pulls[toy][:, group.shared] * model.width[:, i]
    data = Data(counts, aux)
    without = fit(model, data, start, poi=np.zeros(len(rows)))
    free = fit(model, data, without.parameters, poi_lower=0.0)
    usable = without.converged & free.converged
    return np.where(usable, np.sqrt(np.maximum(2.0 * (without.value - free.value), 0.0)), 0.0)


def _constrained(model: Model) -> np.ndarray:
    """Parameters with a Gaussian constraint that are not profiled bin by bin."""
    return np.array([i for i in model.plan.dense if model.shape.constraints[i] == NORMAL], dtype=int)


def _rebin(spectra: np.ndarray, start: np.ndarray, stop: np.ndarray) -> np.ndarray:
    """Window counts (spectra, rows, bins) of fine spectra (spectra, fine bins)."""
    running = np.concatenate([np.zeros((len(spectra), 1)), np.cumsum(spectra, axis=1)], axis=1)
    return running[:, stop] - running[:, start]
