"""Processes too frequent to simulate each event: a pool of generated events, drawn from with replacement.

An event with N charged particles becomes a candidate only if exactly as many clean tracks are found as are
wanted, of zero charge, and enough of them pass as leptons. For every choice of tracks, its probability
follows from the tracking efficiencies and the bounds of the identifiers. The pool keeps the choices whose
true mass is not outside what the ntuple accepts, with their probabilities; their sum per generated event is
the efficiency of the filter. A draw takes a choice in proportion to its probability, and the detector
response then does everything else afresh. Left out are events that smearing lifts by more than 0.2 GeV into
the range of the mass, and choices with a tracking probability below 1e-5.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from darkreach.config.ntuple_cuts import NtupleCuts
from darkreach.detector import BEAMS
from darkreach.models.constants import MUON_MASS
from darkreach.simulation.pairs import invariant_mass
from darkreach.simulation.particle_lists import PER_PARTICLE, rows_of_events, take
from darkreach.simulation.particles import Particles, decided
from darkreach.simulation.pool_smoothing import LARGEST_CHANGE, WHOLE_ENERGY, smoothed
from darkreach.simulation.potential_leptons import PotentialLeptons
from darkreach.simulation.tracks_response import charge_of, closest_approach, track_efficiency

MASS_MARGIN = 0.2  # GeV: five times the resolution of the mass of four tracks
LEAST_PROBABILITY = 1e-5


@dataclass
class Pool:
    """Choices of tracks from generated events, for the cuts of an ntuple.

    particles: the events, photons converted, with their `source`. choice: (n, k) indices of the chosen
    particles. probability: (n,) that exactly these are found and that they have the leptons, times the weight
    of the event. displaced: (particles,) tracks that come from elsewhere and do not count. bounds: for each
    lepton (n, k), as of `PotentialLeptons`. generated: events that those in the pool stand for.
    """

    particles: Particles
    choice: np.ndarray
    probability: np.ndarray
    displaced: np.ndarray
    bounds: list[np.ndarray]
    leptons: PotentialLeptons
    smooth: bool
    generated: int

    @property
    def efficiency(self) -> float:
        """Possible candidates per generated event."""
        return float(self.probability.sum() / self.generated)

    @property
    def passed(self) -> int:
        """Generated events with at least one choice."""
        return len(np.unique(decided(self.particles.source)[self.particles.event[self.choice[:, 0]]]))

    def draw(self, n_events: int, rng: np.random.Generator) -> Particles:
        """`n_events` events with replacement; set is which particles are found, and the quantiles."""
        p = self.particles
        drawn = rng.choice(len(self.choice), n_events, p=self.probability / self.probability.sum())
        event = p.event[self.choice[drawn, 0]]
        index, new_event = rows_of_events(p.event, event)
        moved = np.searchsorted(new_event, np.arange(n_events)) - np.searchsorted(p.event, event)
        chosen = self.choice[drawn] + moved[:, None]
        particles = take(p, index)
        particles.event, particles.n_events = new_event, n_events
        particles.source = decided(p.source)[event]

        particles.found = np.zeros(len(index), bool)
        particles.found[chosen] = True
        displaced = np.flatnonzero(self.displaced[index])
        lab = BEAMS[self.leptons.detector].to_lab(particles.momentum[displaced])
        efficiency = track_efficiency(lab, particles.vertex[displaced])
        particles.found[displaced] = rng.random(len(displaced)) < efficiency

        quantiles = {lepton: rng.random(len(index)) for lepton in ("muon", "electron")}
        charge = charge_of(particles.pdg[chosen])
        bounds = [bound[drawn] for bound in self.bounds]
        for lepton, values in self.leptons.draw(charge, bounds, rng).items():
            quantiles[lepton][chosen] = values
        particles.muon_quantile, particles.electron_quantile = quantiles["muon"], quantiles["electron"]
        return smoothed(particles, chosen, self.leptons.detector, rng) if self.smooth else particles


def merge_pools(pools: Iterable[Pool]) -> Pool:
    """One pool of several of the same kind; of events without a choice only the number is kept."""
    parts = [_without_useless_events(pool) for pool in pools]
    sizes = np.cumsum([0, *(len(part.displaced) for part in parts)])
    events = np.cumsum([0, *(part.particles.n_events for part in parts)])
    columns: dict[str, Any] = {}
    for name in PER_PARTICLE:
        values = [getattr(part.particles, name) for part in parts]
        columns[name] = None if values[0] is None else np.concatenate(values)
    columns["event"] = np.concatenate(
        [p.particles.event + e for p, e in zip(parts, events[:-1], strict=True)]
    )
    columns["source"] = np.concatenate([decided(part.particles.source) for part in parts])
    return Pool(
        particles=Particles(n_events=int(events[-1]), **columns),
        choice=np.concatenate([p.choice + n for p, n in zip(parts, sizes[:-1], strict=True)]),
        probability=np.concatenate([part.probability for part in parts]),
        displaced=np.concatenate([part.displaced for part in parts]),
        bounds=[np.concatenate(bounds) for bounds in zip(*(part.bounds for part in parts), strict=True)],
        leptons=parts[0].leptons,
        smooth=parts[0].smooth,
        generated=sum(part.generated for part in parts),
    )


def _without_useless_events(pool: Pool) -> Pool:
    p = pool.particles
    keep = np.isin(p.event, p.event[pool.choice[:, 0]])
    place = np.cumsum(keep) - 1
    return Pool(
        take(p, keep),
        place[pool.choice],
        pool.probability,
        pool.displaced[keep],
        pool.bounds,
        pool.leptons,
        pool.smooth,
        pool.generated,
    )


def fill_pool(
    particles: Particles,
    cuts: NtupleCuts,
    detector: str,
    weight: np.ndarray | None = None,
    generated: int | None = None,
) -> Pool:
    """All choices of tracks from events, photons converted, that can pass the cuts of an ntuple.

    The events need a `source`.

    weight: (n_events,) how many events of the process each of them stands for; None: one. generated: how
    many all of them stand for; None: their number.
    """
    leptons = PotentialLeptons.of_cuts(cuts, detector)
    smooth = is_smoothed(cuts, detector)
    charge = charge_of(particles.pdg)
    lab = BEAMS[detector].to_lab(particles.momentum)
    efficiency = np.where(charge != 0, track_efficiency(lab, particles.vertex), 0.0)
    reachable = np.flatnonzero(efficiency > 0)
    displaced = np.zeros(len(lab), dtype=bool)
    displaced[reachable] = _is_displaced(lab[reachable], particles.vertex[reachable], charge[reachable], cuts)

    track = reachable[~displaced[reachable]]
    bounds = np.zeros((len(leptons.leptons), len(lab)))
    for lepton, bound in enumerate(leptons.bounds(lab[track], particles.pdg[track], smooth * LARGEST_CHANGE)):
        bounds[lepton, track] = bound
    momentum = lab.copy()
    momentum[:, 3] = np.sqrt((momentum[:, :3] ** 2).sum(-1) + MUON_MASS**2)
    count = np.bincount(particles.event[track], minlength=particles.n_events)[particles.event[track]]
    choices, probabilities = [np.empty((0, cuts.tracks), dtype=int)], [np.empty(0)]
    for n_tracks in range(cuts.tracks, count.max(initial=0) + 1):
        group = track[np.flatnonzero(count == n_tracks).reshape(-1, n_tracks)]
        chosen, probability = _choices(group, charge, efficiency, cuts.tracks)
        inside = _has_mass(momentum[chosen].sum(1), cuts, smooth)
        chosen, probability = chosen[inside], probability[inside]
        probability *= leptons.probability(charge[chosen], [bound[chosen] for bound in bounds])
        choices.append(chosen[probability > 0])
        probabilities.append(probability[probability > 0])
    choice = np.concatenate(choices)
    probability = np.concatenate(probabilities)
    if weight is not None:
        probability = probability * weight[particles.event[choice[:, 0]]]
        choice, probability = choice[probability > 0], probability[probability > 0]
    return Pool(
        particles,
        choice,
        probability,
        displaced,
        [bound[choice] for bound in bounds],
        leptons,
        smooth,
        particles.n_events if generated is None else generated,
    )


def is_smoothed(cuts: NtupleCuts, detector: str) -> bool:
    """Whether drawn events are changed a little: not those whose tracks carry the energy of the collision."""
    window = cuts.track_mass_GeV
    return window is None or window[0] < WHOLE_ENERGY * BEAMS[detector].sqrt_s


def _is_displaced(
    momentum: np.ndarray, vertex: np.ndarray, charge: np.ndarray, cuts: NtupleCuts
) -> np.ndarray:
    _, d0, z0 = closest_approach(momentum, vertex, charge)
    displaced = np.zeros(len(d0), bool)
    if cuts.maximum_dr_cm is not None:
        displaced |= np.abs(d0) >= cuts.maximum_dr_cm
    if cuts.maximum_dz_cm is not None:
        displaced |= np.abs(z0) >= cuts.maximum_dz_cm
    return displaced


def _has_mass(momentum: np.ndarray, cuts: NtupleCuts, smooth: bool) -> np.ndarray:
    if cuts.track_mass_GeV is None:
        return np.ones(len(momentum), bool)
    low, high = cuts.track_mass_GeV
    change = smooth * LARGEST_CHANGE
    mass = invariant_mass(momentum)
    return (mass > (1 - change) * low - MASS_MARGIN) & (mass < (1 + change) * high + MASS_MARGIN)


def _choices(
    group: np.ndarray, charge: np.ndarray, efficiency: np.ndarray, n_wanted: int
) -> tuple[np.ndarray, np.ndarray]:
    """Neutral choices of n_wanted from the n_tracks of m events, (m, n_tracks); and their probabilities."""
    subset = np.array(list(combinations(range(group.shape[1]), n_wanted)))
    neutral = charge[group][:, subset].sum(-1) == 0
    others_lost = (1 - efficiency[group]).prod(-1)[:, None]
    odds = (efficiency[group] / (1 - efficiency[group]))[:, subset].prod(-1)
    probability = others_lost * odds * neutral
    event, choice = np.nonzero(probability > LEAST_PROBABILITY)
    return group[event[:, None], subset[choice]], probability[event, choice]
