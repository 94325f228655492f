"""Detector response of Belle II: from the particles of a generator to events with four measured tracks."""

from dataclasses import dataclass

import numpy as np

from darkreach.detector import BEAMS, TRACKS
from darkreach.simulation.identification import electron_id, muon_id
from darkreach.simulation.particles import Particles
from darkreach.simulation.photons_response import extra_energy
from darkreach.simulation.response_beams import laboratory_momenta
from darkreach.simulation.tracks_response import charge_of, measure_tracks, track_efficiency
from darkreach.simulation.triggers import TRIGGER_LINES, trigger_tracks

BEAM_SPOT_CM = (14e-4, 0.5e-4, 0.035)  # Gaussian width of the interaction region in x, y, z
CLEAN_DR_CM, CLEAN_DZ_CM = 2.0, 5.0  # tracks from the interaction region, as basf2 counts nCleanedTracks


@dataclass
class FourTrackEvents:
    """The n events that have exactly four clean tracks of zero total charge.

    Tracks are ordered by charge (two positive, two negative), then by falling pT. Arrays over tracks are
    (n, 4), momentum is (n, 4, 4) in GeV with the muon mass; dr and dz are in cm; pdg and from_signal are
    truth.

    event: (n,) index in the generator's batch. n_tracks: (n,) all tracks, clean or not.
    extra_energy: (n,) energy of good photons, GeV. n_good_gammas: (n,) their number.
    triggers: line -> (n,) fired or not.
    """

    event: np.ndarray
    momentum: np.ndarray
    charge: np.ndarray
    dr: np.ndarray
    dz: np.ndarray
    muon_id: np.ndarray
    electron_id: np.ndarray
    pdg: np.ndarray
    from_signal: np.ndarray
    n_tracks: np.ndarray
    extra_energy: np.ndarray
    n_good_gammas: np.ndarray
    triggers: dict[str, np.ndarray]


def reconstruct(
    particles: Particles, rng: np.random.Generator, found: np.ndarray | None = None
) -> FourTrackEvents:
    """Put a batch of events through the detector.

    found: (n,) which particles were found as tracks; None draws it from the efficiencies.
    """
    beams, resolution = BEAMS["belle2"], TRACKS["belle2"]
    lab = laboratory_momenta(particles, beams, rng)
    spot = rng.standard_normal((particles.n_events, 3)) * BEAM_SPOT_CM
    vertex = particles.vertex + spot[particles.event]
    charge = charge_of(particles.pdg)
    if found is None:
        found = (charge != 0) & (rng.random(len(lab)) < track_efficiency(lab, vertex))

    track = np.flatnonzero(found)
    measured = measure_tracks(lab[track], vertex[track], charge[track], resolution, rng)
    clean = (measured.dr < CLEAN_DR_CM) & (np.abs(measured.dz) < CLEAN_DZ_CM)
    quartets = _neutral_quartets(particles.event[track], charge[track], measured.momentum, clean)
    track, event = track[quartets], particles.event[track[quartets[:, 0]]]

    true = lab[track].reshape(-1, 4)
    pdg = particles.pdg[track]
    extra, n_good = _extra_energy(particles, lab, event, rng)
    seen = trigger_tracks(measured.momentum[quartets], pdg, rng)
    return FourTrackEvents(
        event=event,
        momentum=measured.momentum[quartets],
        charge=charge[track],
        dr=measured.dr[quartets],
        dz=measured.dz[quartets],
        muon_id=muon_id(true, pdg.ravel(), rng).reshape(-1, 4),
        electron_id=electron_id(true, pdg.ravel(), rng).reshape(-1, 4),
        pdg=pdg,
        from_signal=particles.from_signal[track],
        n_tracks=np.bincount(particles.event[found], minlength=particles.n_events)[event],
        extra_energy=extra,
        n_good_gammas=n_good,
        triggers={line: condition(seen) for line, condition in TRIGGER_LINES.items()},
    )


def _neutral_quartets(
    event: np.ndarray, charge: np.ndarray, momentum: np.ndarray, clean: np.ndarray
) -> np.ndarray:
    """(m, 4) indices of the tracks of the events with four clean tracks of zero total charge."""
    n_events = int(event.max(initial=-1)) + 1
    count = np.bincount(event[clean], minlength=n_events)
    total = np.bincount(event[clean], charge[clean], n_events)
    chosen = np.flatnonzero(clean & ((count == 4) & (total == 0))[event])
    pt = np.hypot(momentum[chosen, 0], momentum[chosen, 1])
    return chosen[np.lexsort((-pt, -charge[chosen], event[chosen]))].reshape(-1, 4)


def _extra_energy(
    particles: Particles, lab: np.ndarray, event: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Energy and number of good photons of the chosen events (increasing indices)."""
    position = np.full(particles.n_events, -1)
    position[event] = np.arange(len(event))
    photon = (particles.pdg == 22) & (position[particles.event] >= 0)
    return extra_energy(position[particles.event[photon]], lab[photon], len(event), rng)
