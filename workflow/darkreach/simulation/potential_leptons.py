"""Which events can have the leptons that an ntuple asks for: frequent backgrounds are thinned by it.

The identifiers of a track follow from quantiles u, uniform in (0, 1); it passes as a lepton only if u is
below a bound, small for hadrons. With the bounds of an event's tracks, the probability that enough of them
pass is a sum over the subsets of tracks that do. Quantiles are then drawn so that enough tracks pass.
"""

from dataclasses import dataclass

import numpy as np

from darkreach.config.ntuple_cuts import NtupleCuts
from darkreach.simulation.identification import (
    largest_passing_quantile,
    passing_electron_quantile,
    passing_muon_quantile,
)

STEP = 20_000  # events whose subsets are in memory at a time
PASSING = {"muon": passing_muon_quantile, "electron": passing_electron_quantile}


@dataclass(frozen=True)
class PotentialLeptons:
    """What the tracks of an event need for the cuts of an ntuple.

    leptons: one of these is enough. minimum_id: of its identifier. pair: two tracks of opposite charge need
    it, else `number` tracks. Bounds are arrays (..., T) over T tracks, one for each of `leptons`.
    """

    leptons: tuple[str, ...]
    minimum_id: float
    pair: bool
    number: int
    detector: str

    @classmethod
    def of_cuts(cls, cuts: NtupleCuts, detector: str) -> "PotentialLeptons":
        """The demand of an ntuple; `leptons` is empty if it asks for none."""
        if cuts.pair_leptons:
            return cls(tuple(cuts.pair_leptons), cuts.minimum_pair_id, True, 2, detector)
        if cuts.minimum_identified_muons:
            return cls(("muon",), cuts.minimum_muon_id, False, cuts.minimum_identified_muons, detector)
        return cls((), 0.0, False, 0, detector)

    def bounds(self, momentum: np.ndarray, pdg: np.ndarray, change: float = 0.0) -> list[np.ndarray]:
        """Bounds (n,) of particles with (n, 4) laboratory momenta in GeV.

        They also hold if a momentum changes by a factor up to 1 ± change.
        """
        factors = (1.0,) if change == 0 else (1 - change, 1.0, 1 + change)
        return [
            np.max(
                [PASSING[lepton](momentum * f, pdg, self.minimum_id, self.detector) for f in factors], axis=0
            )
            for lepton in self.leptons
        ]

    def largest_bounds(self, pdg: int) -> list[float]:
        """Bounds of a particle of any momentum in the acceptance."""
        return [largest_passing_quantile(name, pdg, self.minimum_id, self.detector) for name in self.leptons]

    def probability(self, charge: np.ndarray, bounds: list[np.ndarray]) -> np.ndarray:
        """(m,) probability that m events with T tracks of `charge` (m, T) have the leptons."""
        fails = np.ones(len(charge))
        if not bounds:
            return fails
        for first in range(0, len(charge), STEP):
            part = slice(first, first + STEP)
            for bound in bounds:
                fails[part] *= 1 - self._weights(charge[part], bound[part])[1].sum(-1)
        return 1 - fails

    def draw(
        self, charge: np.ndarray, bounds: list[np.ndarray], rng: np.random.Generator
    ) -> dict[str, np.ndarray]:
        """Quantiles (m, T) for each of `leptons`, of events that have them; all need a `probability` > 0."""
        if not bounds:
            return {}
        weights = [self._weights(charge, bound) for bound in bounds]
        passes = self._which_pass([passing.sum(-1) for _, passing in weights], rng)
        quantiles = {}
        for lepton, bound, wanted, (every, passing) in zip(
            self.leptons, bounds, passes, weights, strict=True
        ):
            cumulative = np.cumsum(np.where(wanted[:, None], passing, every - passing), axis=-1)
            drawn = (cumulative < rng.random(len(charge))[:, None] * cumulative[:, -1:]).sum(-1)
            u = rng.random(charge.shape)
            quantiles[lepton] = np.where(_subsets(charge.shape[1])[drawn], u * bound, bound + u * (1 - bound))
        return quantiles

    def _which_pass(self, probabilities: list[np.ndarray], rng: np.random.Generator) -> list[np.ndarray]:
        """(m,) for each lepton whether the demand is met by it, at least one of them."""
        passes: list[np.ndarray] = []
        none_so_far = np.ones(len(probabilities[0]), dtype=bool)
        for place, probability in enumerate(probabilities):
            later_fail = np.prod([1 - p for p in probabilities[place + 1 :]], axis=0)
            # if none before passes, this one or a later one has to
            needed = 1 - (1 - probability) * later_fail
            given = np.divide(probability, needed, out=np.zeros_like(needed), where=needed > 0)
            p = np.where(none_so_far, given, probability)
            passes.append(rng.random(len(p)) < p)
            none_so_far &= ~passes[-1]
        return passes

    def _weights(self, charge: np.ndarray, bound: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Probabilities (m, 2^T) of all subsets of tracks below their bounds; the same, 0 where it fails."""
        subsets = _subsets(charge.shape[1])
        probability = np.where(subsets, bound[:, None], 1 - bound[:, None]).prod(-1)
        if self.pair:
            positive = (subsets & (charge[:, None] > 0)).any(-1)
            passes = positive & (subsets & (charge[:, None] < 0)).any(-1)
        else:
            passes = subsets.sum(-1) >= self.number
        return probability, probability * passes


def _subsets(n_tracks: int) -> np.ndarray:
    """(2^T, T) which tracks are in each of the subsets of T."""
    return (np.arange(2**n_tracks)[:, None] >> np.arange(n_tracks) & 1).astype(bool)
