"""Stand-in data of processes too frequent to simulate: a pool of events, drawn from with replacement.

An event with N charged particles becomes a candidate only if exactly four clean tracks of zero charge are
found. For every choice of four, its probability follows from the tracking efficiencies. The pool keeps all
choices whose true mass is not below what the preselection can accept, with their probabilities; their sum per
generated event is the efficiency of the filter. A draw takes a choice in proportion to its probability, and
the detector response then does everything else afresh. Left out are events that smearing lifts by more than
0.2 GeV, five times the resolution, into the preselection.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from darkreach.detector import BEAMS
from darkreach.models.constants import MUON_MASS
from darkreach.simulation.pairs import invariant_mass
from darkreach.simulation.particles import Particles
from darkreach.simulation.tracks_response import charge_of, closest_approach, track_efficiency

MINIMUM_FOUR_TRACK_MASS, CLEAN_DR_CM, CLEAN_DZ_CM = 9.2, 2.0, 5.0
LOWEST_TRUE_MASS = MINIMUM_FOUR_TRACK_MASS - 0.2  # GeV, of four tracks with the muon mass


@dataclass
class Pool:
    """Choices of four tracks from generated events.

    particles: the events. quartet: (n, 4) indices of the chosen particles. probability: (n,) that exactly
    these are found. displaced: (particles,) tracks that come from elsewhere and do not count.
    """

    particles: Particles
    quartet: np.ndarray
    probability: np.ndarray
    displaced: np.ndarray

    @property
    def efficiency(self) -> float:
        """Candidates before preselection per generated event."""
        return float(self.probability.sum() / self.particles.n_events)

    @property
    def passed(self) -> int:
        """Generated events with at least one choice."""
        return len(np.unique(self.particles.event[self.quartet[:, 0]]))

    def draw(self, n_events: int, rng: np.random.Generator) -> tuple[Particles, np.ndarray]:
        """`n_events` events with replacement, and which of their particles are found as tracks."""
        p = self.particles
        choice = rng.choice(len(self.quartet), n_events, p=self.probability / self.probability.sum())
        event = p.event[self.quartet[choice, 0]]
        first, last = np.searchsorted(p.event, event), np.searchsorted(p.event, event, side="right")
        new_event = np.repeat(np.arange(n_events), last - first)
        offset = np.cumsum(last - first) - (last - first)
        index = np.arange(len(new_event)) + np.repeat(first - offset, last - first)
        found = (index[:, None] == self.quartet[choice][new_event]).any(-1)
        displaced = np.flatnonzero(self.displaced[index])
        efficiency = track_efficiency(
            BEAMS["belle2"].to_lab(p.momentum[index[displaced]]), p.vertex[index[displaced]]
        )
        found[displaced] = rng.random(len(displaced)) < efficiency
        drawn = Particles(
            event=new_event,
            pdg=p.pdg[index],
            momentum=p.momentum[index],
            vertex=p.vertex[index],
            from_signal=p.from_signal[index],
            n_events=n_events,
        )
        return drawn, found


def merge_pools(pools: Iterable[Pool]) -> Pool:
    """One pool of several; of events without a choice only the number is kept."""
    parts = [_without_useless_events(pool) for pool in pools]
    sizes = np.cumsum([0, *(len(part.displaced) for part in parts)])
    events = np.cumsum([0, *(part.particles.n_events for part in parts)])

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(part.particles, name) for part in parts])

    particles = Particles(
        event=np.concatenate([p.particles.event + e for p, e in zip(parts, events, strict=False)]),
        pdg=joined("pdg"),
        momentum=joined("momentum"),
        vertex=joined("vertex"),
        from_signal=joined("from_signal"),
        n_events=int(events[-1]),
    )
    return Pool(
        particles=particles,
        quartet=np.concatenate([p.quartet + n for p, n in zip(parts, sizes, strict=False)]),
        probability=np.concatenate([part.probability for part in parts]),
        displaced=np.concatenate([part.displaced for part in parts]),
    )


def _without_useless_events(pool: Pool) -> Pool:
    p = pool.particles
    keep = np.isin(p.event, p.event[pool.quartet[:, 0]])
    place = np.cumsum(keep) - 1
    kept = Particles(
        p.event[keep], p.pdg[keep], p.momentum[keep], p.vertex[keep], p.from_signal[keep], p.n_events
    )
    return Pool(kept, place[pool.quartet], pool.probability, pool.displaced[keep])


def fill_pool(particles: Particles) -> Pool:
    """All choices of four tracks from the events of a generator that can pass the preselection."""
    charge = charge_of(particles.pdg)
    lab = BEAMS["belle2"].to_lab(particles.momentum)
    efficiency = np.where(charge != 0, track_efficiency(lab, particles.vertex), 0.0)
    reachable = np.flatnonzero(efficiency > 0)
    _, d0, z0 = closest_approach(lab[reachable], particles.vertex[reachable], charge[reachable])
    displaced = np.zeros(len(lab), dtype=bool)
    displaced[reachable] = (np.abs(d0) >= CLEAN_DR_CM) | (np.abs(z0) >= CLEAN_DZ_CM)

    track = reachable[~displaced[reachable]]
    momentum = lab[track].copy()
    momentum[:, 3] = np.sqrt((momentum[:, :3] ** 2).sum(-1) + MUON_MASS**2)
    count = np.bincount(particles.event[track], minlength=particles.n_events)[particles.event[track]]
    quartets, probabilities = [np.empty((0, 4), dtype=int)], [np.empty(0)]
    for n_tracks in range(4, count.max(initial=0) + 1):
        group = np.flatnonzero(count == n_tracks).reshape(-1, n_tracks)
        group = group[invariant_mass(momentum[group].sum(1)) > LOWEST_TRUE_MASS]  # no choice is heavier
        quartet, probability = _choices(
            momentum[group], charge[track[group]], efficiency[track[group]], n_tracks
        )
        event, choice = np.nonzero(probability)
        quartets.append(track[group[event[:, None], quartet[choice]]])
        probabilities.append(probability[event, choice])
    return Pool(particles, np.concatenate(quartets), np.concatenate(probabilities), displaced)


def _choices(
    momentum: np.ndarray, charge: np.ndarray, efficiency: np.ndarray, n_tracks: int
) -> tuple[np.ndarray, np.ndarray]:
    """(c, 4) choices of four from n_tracks, and their (m, c) probabilities in m events (0 if impossible)."""
    quartet = np.array(list(combinations(range(n_tracks), 4)))
    heavy = np.stack([invariant_mass(momentum[:, q].sum(1)) for q in quartet], axis=-1) > LOWEST_TRUE_MASS
    neutral = charge[:, quartet].sum(-1) == 0
    others_lost = (1 - efficiency).prod(-1)[:, None]
    odds = (efficiency / (1 - efficiency))[:, quartet].prod(-1)
    return quartet, others_lost * odds * (heavy & neutral)
