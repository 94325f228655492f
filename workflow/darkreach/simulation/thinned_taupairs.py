"""τ⁺τ⁻ events that can become candidates, chosen by their decays before anything else of them is made.

Pairs are too frequent to simulate each: 9·10⁸ in a thousand fb⁻¹. Which decays, Dalitz decays and
conversions of photons they have is drawn in bulk, as numbers of pairs, and so is whether hadrons can pass as
the leptons that the ntuple asks for. Only pairs with enough tracks and enough possible leptons get
kinematics. The result is the same as simulating all pairs, but for three conversions or Dalitz decays in one
event (the third is left out), for more than six charged particles of the two τ, and for electrons from
photons that are taken for muons.
"""

from collections.abc import Iterator
from itertools import product
from math import comb

import numpy as np

from darkreach.config.ntuple_cuts import NtupleCuts
from darkreach.detector import BEAMS
from darkreach.simulation.laboratory_vertices import with_laboratory_vertices
from darkreach.simulation.neutral_pions import DALITZ_FRACTION
from darkreach.simulation.particle_lists import take
from darkreach.simulation.particles import Particles, decided
from darkreach.simulation.potential_leptons import PotentialLeptons
from darkreach.simulation.response import found_tracks, select_events
from darkreach.simulation.tau_library import TauLibrary
from darkreach.simulation.taupair import decay_taupairs, sample_taupair_kinematics
from darkreach.simulation.thinned_conversions import convert_chosen, highest_probability
from darkreach.simulation.tracks_response import charge_of

MOST_PRIMARY = 6  # charged particles of both τ
NEAR_CM = 0.5  # closer to the beams, tracks are found as prompt ones are
MOST_EXTRA = 2  # pairs from photons in one event


class ThinnedTauPairs:
    """Makes the pairs of `library` that can pass the cuts of an ntuple."""

    def __init__(
        self, library: TauLibrary, cuts: NtupleCuts, detector: str, sqrt_s: float, alpha: float
    ) -> None:
        self._library, self._cuts, self._detector = library, cuts, detector
        self._sqrt_s, self._alpha = sqrt_s, alpha
        self._leptons = PotentialLeptons.of_cuts(cuts, detector)
        self._class_of_decays()
        species = np.unique(np.abs(library.pdg[charge_of(library.pdg) != 0])).tolist()
        self._largest_bounds = {pdg: self._leptons.largest_bounds(pdg) for pdg in species}
        self._conversion = highest_probability(detector)
        self._groups, share, passes = self._possible_groups()
        self._probabilities = np.append(share * passes, 0.0)
        self._probabilities[-1] = 1 - self._probabilities.sum()

    @property
    def efficiency(self) -> float:
        """Share of the pairs that are made."""
        return float(self._probabilities[:-1].sum())

    def draw(self, n_produced: int, batch: int, rng: np.random.Generator) -> Iterator[Particles]:
        """Those of `n_produced` pairs that can pass, `batch` at a time; `found` is set."""
        numbers = rng.multinomial(n_produced, self._probabilities)[:-1]
        group = rng.permutation(np.repeat(np.arange(len(numbers)), numbers))
        for first in range(0, len(group), batch):
            yield self._events(self._groups[group[first : first + batch]], rng)

    def _class_of_decays(self) -> None:
        """Group the library's entries by (charged particles, number of π⁰, number of other photons)."""
        library = self._library
        entry = np.repeat(np.arange(len(library)), np.diff(library.offsets))
        charged = charge_of(library.pdg) != 0
        photons = np.bincount(entry[library.pdg == 22], minlength=len(library))
        tracks = np.split(library.pdg[charged], np.cumsum(library.charged)[:-1])
        keys = [
            (tuple(pdg.tolist()), int(pions), int(other))
            for pdg, pions, other in zip(tracks, library.neutral_pions, photons, strict=True)
        ]
        self._decays = sorted(set(keys))
        self._track_lists = sorted({tracks for tracks, _, _ in self._decays})
        self._tracks_of = np.array([self._track_lists.index(tracks) for tracks, _, _ in self._decays])
        place = {key: number for number, key in enumerate(self._decays)}
        of_entry = np.array([place[key] for key in keys])
        self._members = np.argsort(of_entry, kind="stable")
        self._sizes = np.bincount(of_entry, minlength=len(self._decays))
        self._firsts = np.cumsum(self._sizes) - self._sizes

    def _possible_groups(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Rows (decay of τ⁻, of τ⁺, Dalitz decays, conversions), their shares of all pairs, possible part.

        Conversions are photons that may convert: they are chosen with the highest probability there is.
        """
        fraction = self._sizes / self._sizes.sum()
        probability_of_tracks: dict[tuple, float] = {}
        rows, shares, passes = [], [], []
        for minus, plus in product(range(len(self._decays)), repeat=2):
            tracks, pions, photons = self._pair(minus, plus)
            if len(tracks) > MOST_PRIMARY:
                continue
            if tracks not in probability_of_tracks:
                probability_of_tracks[tracks] = self._passing(tracks)
            for dalitz, converted in product(range(MOST_EXTRA + 1), repeat=2):
                n_extra = dalitz + converted
                if n_extra > MOST_EXTRA or len(tracks) + 2 * n_extra < self._cuts.tracks:
                    continue
                share = _binomial(dalitz, pions, DALITZ_FRACTION, dalitz == MOST_EXTRA)
                left = max(photons + 2 * pions - dalitz, 0)
                share *= _binomial(converted, left, self._conversion, n_extra == MOST_EXTRA)
                rows.append((minus, plus, dalitz, converted))
                shares.append(fraction[minus] * fraction[plus] * share)
                pair_passes = n_extra and self._leptons.pair and "electron" in self._leptons.leptons
                passes.append(1.0 if pair_passes else probability_of_tracks[tracks])
        return np.array(rows), np.array(shares), np.array(passes)

    def _pair(self, minus: int, plus: int) -> tuple[tuple[int, ...], int, int]:
        """PDG codes of the charged particles of both τ, and the numbers of π⁰ and of other photons."""
        first, second = self._decays[minus], self._decays[plus]
        conjugate = tuple(-pdg for pdg in second[0])
        return first[0] + conjugate, first[1] + second[1], first[2] + second[2]

    def _passing(self, tracks: tuple[int, ...]) -> float:
        return float(self._leptons.probability(charge_of(np.array([tracks])), self._bounds(tracks))[0])

    def _bounds(self, tracks: tuple[int, ...]) -> list[np.ndarray]:
        """For each lepton the bounds (1, T) of the tracks."""
        bounds = np.array([self._largest_bounds[abs(pdg)] for pdg in tracks])  # (T, leptons)
        return [bound[None] for bound in bounds.T]

    def _events(self, groups: np.ndarray, rng: np.random.Generator) -> Particles:
        """Full events of the given rows of groups (n, 4)."""
        n = len(groups)
        decays, dalitz, converted = groups[:, :2], groups[:, 2], groups[:, 3]
        entries = self._members[self._firsts[decays] + rng.integers(0, self._sizes[decays])]
        pions = self._library.neutral_pions[entries]
        dalitz_of_tau = np.stack([rng.hypergeometric(pions[:, 0], pions[:, 1], dalitz), dalitz], axis=1)
        dalitz_of_tau[:, 1] -= dalitz_of_tau[:, 0]
        pairs = sample_taupair_kinematics(n, rng, self._sqrt_s, self._alpha)
        particles = decay_taupairs(pairs, self._library, rng, entries, dalitz_of_tau)
        particles.found = found_tracks(particles, self._detector, rng)
        keep = self._has_tracks(particles, particles.found | _is_far(particles), converted)
        particles, _ = select_events(particles, keep)
        entries, dalitz_of_tau, groups = entries[keep], dalitz_of_tau[keep], groups[keep]

        particles = with_laboratory_vertices(particles, BEAMS[self._detector])
        particles = convert_chosen(particles, converted[keep], self._detector, rng)
        far = _is_far(particles)
        found = decided(particles.found)
        found[far] = found_tracks(take(particles, far), self._detector, rng)
        keep = self._has_tracks(particles, found, np.zeros(particles.n_events, int))
        particles, _ = select_events(particles, keep)
        self._set_quantiles(particles, entries[keep], dalitz_of_tau[keep], groups[keep], rng)
        return particles

    def _has_tracks(self, particles: Particles, tracks: np.ndarray, extra: np.ndarray) -> np.ndarray:
        """(n_events,) whether the mask `tracks` and `extra` pairs are as many tracks as are wanted."""
        event, charge = particles.event[tracks], charge_of(particles.pdg[tracks])
        numbers = [np.bincount(event[charge == sign], minlength=particles.n_events) for sign in (-1, 1)]
        return np.minimum(*numbers) + extra >= self._cuts.tracks // 2

    def _set_quantiles(
        self,
        particles: Particles,
        entries: np.ndarray,
        dalitz: np.ndarray,
        groups: np.ndarray,
        rng: np.random.Generator,
    ) -> None:
        """Quantiles of all particles, those of the primary tracks such that they have the leptons."""
        quantiles = {lepton: rng.random(len(particles.pdg)) for lepton in ("muon", "electron")}
        primary = self._primary_tracks(particles, entries, dalitz)
        n_tracks = self._library.charged[entries].sum(1)
        first = np.cumsum(n_tracks) - n_tracks
        free = np.zeros(len(groups), bool)
        if self._leptons.pair and "electron" in self._leptons.leptons:
            free = groups[:, 2:].sum(1) > 0  # an e⁺e⁻ pair is there anyway
        kinds, kind = np.unique(self._tracks_of[groups[:, :2]], axis=0, return_inverse=True)
        for number, (minus, plus) in enumerate(kinds):
            events = np.flatnonzero(~free & (kind.ravel() == number))
            tracks = self._track_lists[minus] + tuple(-pdg for pdg in self._track_lists[plus])
            shape = len(events), len(tracks)
            charge = np.broadcast_to(charge_of(np.array(tracks)), shape)
            bounds = [np.broadcast_to(bound, shape) for bound in self._bounds(tracks)]
            rows = primary[first[events][:, None] + np.arange(len(tracks))]
            for lepton, drawn in self._leptons.draw(charge, bounds, rng).items():
                quantiles[lepton][rows] = drawn
        particles.muon_quantile, particles.electron_quantile = quantiles["muon"], quantiles["electron"]

    def _primary_tracks(self, particles: Particles, entries: np.ndarray, dalitz: np.ndarray) -> np.ndarray:
        """Indices of the charged particles of the library's entries, event by event, in their order.

        Of either τ they come before those of its π⁰, and conversions last; entries and dalitz: (n, 2).
        """
        charged = np.flatnonzero(charge_of(particles.pdg) != 0)
        event = particles.event[charged]
        rank = np.arange(len(charged)) - np.searchsorted(event, np.arange(particles.n_events))[event]
        of_minus, of_plus = self._library.charged[entries].T
        second = (of_minus + 2 * dalitz[:, 0])[event]
        return charged[(rank < of_minus[event]) | ((rank >= second) & (rank < second + of_plus[event]))]


def _is_far(particles: Particles) -> np.ndarray:
    """(n,) particles from where the place of production matters to whether they are found."""
    return np.hypot(particles.vertex[:, 0], particles.vertex[:, 1]) > NEAR_CM


def _binomial(k: int, n: int, p: float, or_more: bool) -> float:
    """Probability of k, or of k or more, of n."""
    values = range(k, n + 1) if or_more else range(k, min(k, n) + 1)
    return sum(comb(n, i) * p**i * (1 - p) ** (n - i) for i in values)
