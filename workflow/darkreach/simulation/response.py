"""Detector response: from the particles of a generator to events with two or four measured tracks.

Frequent processes push 10⁷ to 10⁸ events through it of which few are wanted. So what is cheap and kills
comes first: the number of tracks and their charges, then lepton identification, then measured tracks, the
vertex, and the photons last.
"""

from dataclasses import dataclass, replace

import numpy as np

from darkreach.config.ntuple_cuts import NtupleCuts
from darkreach.detector import BEAMS, GEOMETRY
from darkreach.simulation.conversions import convert_photons, radiate
from darkreach.simulation.identification import electron_id, muon_id
from darkreach.simulation.pairs import Pairs, invariant_mass, kept_pairs
from darkreach.simulation.particle_lists import take
from darkreach.simulation.particles import Particles, decided
from darkreach.simulation.photons_response import GoodPhotons, good_photons
from darkreach.simulation.response_beams import laboratory_momenta
from darkreach.simulation.tracks_response import MeasuredTracks, charge_of, measure_tracks, track_efficiency
from darkreach.simulation.triggers import TRIGGER_LINES, trigger_view


@dataclass
class TrackEvents:
    """The n events that have exactly k = 2 or 4 tracks of zero total charge and a candidate.

    Tracks are ordered by charge (the positive ones first), then by falling pT. Arrays over tracks are (n, k);
    pdg and from_signal are truth.

    event: (n,) index in the generator's batch. n_tracks: (n,) all tracks, clean or not.
    photons: good photons; their `event` is the position in 0…n − 1.
    triggers: line -> (n,) fired or not. proper_length: (n,) true proper decay length of X, cm.
    pairs: the candidates; their `event` is the position in 0…n − 1.
    """

    event: np.ndarray
    tracks: MeasuredTracks
    muon_id: np.ndarray
    electron_id: np.ndarray
    pdg: np.ndarray
    from_signal: np.ndarray
    n_tracks: np.ndarray
    photons: GoodPhotons
    triggers: dict[str, np.ndarray]
    proper_length: np.ndarray
    pairs: Pairs


def reconstruct(
    particles: Particles, detector: str, cuts: NtupleCuts, rng: np.random.Generator
) -> TrackEvents:
    """Put a batch of events through the detector and keep those with a candidate that passes `cuts`.

    Photons convert here unless `particles.found` says which particles are found; then the caller has seen to
    it (`conversions.convert_photons`).
    """
    particles, number = _with_enough_tracks(_with_tracks_found(particles, detector, rng), cuts)
    lab = laboratory_momenta(particles, BEAMS[detector], rng)
    particles = _with_quantiles(particles, rng)
    charge = charge_of(particles.pdg)
    muon, electron = _identifiers(particles, lab, detector)
    passing = _can_be_identified(particles, muon, electron, charge, cuts)
    particles, kept = select_events(particles, passing)
    number, lab, muon, electron, charge = number[passing], lab[kept], muon[kept], electron[kept], charge[kept]

    geometry = GEOMETRY[detector]
    spot = rng.standard_normal((particles.n_events, 3)) * geometry.beam_spot
    track = np.flatnonzero(decided(particles.found))
    event = particles.event[track]
    vertex = particles.vertex[track] + spot[event]
    seen = radiate(lab[track], particles.pdg[track], vertex, geometry, rng)
    tracks = measure_tracks(seen, vertex, charge[track], detector, rng)
    chosen = _neutral_groups(event, tracks, cuts)
    chosen = chosen[_event_passes(tracks[chosen], muon[track[chosen]], cuts)]
    pairs = kept_pairs(tracks[chosen], muon[track[chosen]], electron[track[chosen]], cuts)

    with_pair = np.unique(pairs.event)
    chosen = chosen[with_pair]
    pairs = replace(pairs, event=np.searchsorted(with_pair, pairs.event))
    index, event = track[chosen], event[chosen[:, 0]]
    photons = _photons(particles, lab, event, rng)
    hardest = np.zeros(len(event))
    np.maximum.at(hardest, photons.event, photons.momentum[:, 3])
    view = trigger_view(tracks[chosen], particles.pdg[index], hardest, detector, rng)
    length = np.zeros(particles.n_events) if particles.proper_length is None else particles.proper_length
    return TrackEvents(
        event=number[event],
        tracks=tracks[chosen],
        muon_id=muon[index],
        electron_id=electron[index],
        pdg=particles.pdg[index],
        from_signal=particles.from_signal[index],
        n_tracks=np.bincount(particles.event[track], minlength=particles.n_events)[event],
        photons=photons,
        triggers={line: condition(view) for line, condition in TRIGGER_LINES[detector].items()},
        proper_length=length[event],
        pairs=pairs,
    )


def select_events(particles: Particles, keep: np.ndarray) -> tuple[Particles, np.ndarray]:
    """The events of a mask (n_events,), numbered anew, and the mask of the particles that belong to them."""
    kept = keep[particles.event]
    number = np.cumsum(keep) - 1

    length, source = particles.proper_length, particles.source
    selected = replace(
        take(particles, kept),
        event=number[particles.event[kept]],
        n_events=int(keep.sum()),
        proper_length=None if length is None else length[keep],
        source=None if source is None else source[keep],
    )
    return selected, kept


def found_tracks(particles: Particles, detector: str, rng: np.random.Generator) -> np.ndarray:
    """(n,) which particles are found as tracks."""
    found = np.zeros(len(particles.pdg), dtype=bool)
    charged = np.flatnonzero(charge_of(particles.pdg))
    lab = BEAMS[detector].to_lab(particles.momentum[charged])
    found[charged] = rng.random(len(charged)) < track_efficiency(lab, particles.vertex[charged])
    return found


def _with_tracks_found(particles: Particles, detector: str, rng: np.random.Generator) -> Particles:
    if particles.found is not None:
        return particles
    particles = convert_photons(particles, detector, rng)
    return replace(particles, found=found_tracks(particles, detector, rng))


def _with_enough_tracks(particles: Particles, cuts: NtupleCuts) -> tuple[Particles, np.ndarray]:
    """The events with as many tracks as are wanted, or more where some may not count; their numbers."""
    event, charge = particles.event[particles.found], charge_of(particles.pdg[particles.found])
    positive = np.bincount(event[charge > 0], minlength=particles.n_events)
    negative = np.bincount(event[charge < 0], minlength=particles.n_events)
    of_each = cuts.tracks // 2
    if cuts.maximum_dr_cm is None and cuts.maximum_dz_cm is None:
        keep = (positive == of_each) & (negative == of_each)
    else:
        keep = (positive >= of_each) & (negative >= of_each)
    return select_events(particles, keep)[0], np.flatnonzero(keep)


def _with_quantiles(particles: Particles, rng: np.random.Generator) -> Particles:
    n = len(particles.pdg)
    muon, electron = particles.muon_quantile, particles.electron_quantile
    return replace(
        particles,
        muon_quantile=rng.random(n) if muon is None else muon,
        electron_quantile=rng.random(n) if electron is None else electron,
    )


def _identifiers(particles: Particles, lab: np.ndarray, detector: str) -> tuple[np.ndarray, np.ndarray]:
    """muonID and electronID of the tracks; 0 for particles that are none."""
    track = np.flatnonzero(decided(particles.found))
    muon, electron = np.zeros((2, len(lab)))
    momentum, pdg = lab[track], particles.pdg[track]
    muon[track] = muon_id(momentum, pdg, decided(particles.muon_quantile)[track], detector)
    electron[track] = electron_id(momentum, pdg, decided(particles.electron_quantile)[track], detector)
    return muon, electron


def _can_be_identified(
    particles: Particles, muon: np.ndarray, electron: np.ndarray, charge: np.ndarray, cuts: NtupleCuts
) -> np.ndarray:
    """(n_events,) whether the tracks, clean or not, have the identifiers that are asked for."""

    def number(of: np.ndarray) -> np.ndarray:
        return np.bincount(particles.event[of & particles.found], minlength=particles.n_events)

    possible = number(muon > cuts.minimum_muon_id) >= cuts.minimum_identified_muons
    if cuts.pair_leptons:
        pair = np.zeros(particles.n_events, dtype=bool)
        for lepton in cuts.pair_leptons:
            identified = (muon if lepton == "muon" else electron) > cuts.minimum_pair_id
            pair |= (number(identified & (charge > 0)) > 0) & (number(identified & (charge < 0)) > 0)
        possible &= pair
    return possible


def _neutral_groups(event: np.ndarray, tracks: MeasuredTracks, cuts: NtupleCuts) -> np.ndarray:
    """(m, k) indices of the tracks of the events with exactly k clean tracks of zero total charge."""
    clean = np.ones(len(event), dtype=bool)
    if cuts.maximum_dr_cm is not None:
        clean &= tracks.dr < cuts.maximum_dr_cm
    if cuts.maximum_dz_cm is not None:
        clean &= np.abs(tracks.dz) < cuts.maximum_dz_cm
    n_events = int(event.max(initial=-1)) + 1
    count = np.bincount(event[clean], minlength=n_events)
    total = np.bincount(event[clean], tracks.charge[clean], n_events)
    chosen = np.flatnonzero(clean & ((count == cuts.tracks) & (total == 0))[event])
    pt = np.hypot(tracks.momentum[chosen, 0], tracks.momentum[chosen, 1])
    return chosen[np.lexsort((-pt, -tracks.charge[chosen], event[chosen]))].reshape(-1, cuts.tracks)


def _event_passes(tracks: MeasuredTracks, muon: np.ndarray, cuts: NtupleCuts) -> np.ndarray:
    passes = (muon > cuts.minimum_muon_id).sum(-1) >= cuts.minimum_identified_muons
    if cuts.track_mass_GeV is not None:
        low, high = cuts.track_mass_GeV
        mass = invariant_mass(tracks.momentum.sum(1))
        passes &= (mass > low) & (mass < high)
    return passes


def _photons(
    particles: Particles, lab: np.ndarray, event: np.ndarray, rng: np.random.Generator
) -> GoodPhotons:
    """Good photons of the chosen events (increasing indices)."""
    position = np.full(particles.n_events, -1)
    position[event] = np.arange(len(event))
    photon = (particles.pdg == 22) & (position[particles.event] >= 0)
    return good_photons(position[particles.event[photon]], lab[photon], len(event), rng)
