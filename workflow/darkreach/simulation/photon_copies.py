"""Events of a pool with electrons from photons, many times, each with these electrons made afresh.

Electrons of Dalitz decays, π⁰ or η → γe⁺e⁻, and of converted photons look like those of a signal: one event
that is drawn thousands of times would make a peak at the mass of its pair. Drawn with ever new electrons it
makes the spectrum of all of them. Which photons convert, and in which layer, stays.
"""

import numpy as np

from darkreach.detector import BEAMS
from darkreach.models.constants import ETA_MASS, NEUTRAL_PION_MASS
from darkreach.simulation.conversions import with_conversions
from darkreach.simulation.neutral_pions import dalitz_decays
from darkreach.simulation.pairs import invariant_mass
from darkreach.simulation.particle_lists import rows_of_events, take
from darkreach.simulation.particles import Particles, decided
from darkreach.simulation.tracks_response import charge_of, track_efficiency

MESONS = np.array([NEUTRAL_PION_MASS, ETA_MASS])
MASS_TOLERANCE = 0.001  # GeV: a generator's mesons may have slightly other masses


def dalitz_photons(particles: Particles) -> tuple[np.ndarray, np.ndarray]:
    """Index of the photon of each Dalitz decay, (d,), and the mass of its meson, (d,) in GeV.

    Generators list γ, e⁻ and e⁺ of a decay one after the other.
    """
    pdg, event = particles.pdg, particles.event
    photon = np.flatnonzero(
        (pdg[:-2] == 22) & (pdg[1:-1] == 11) & (pdg[2:] == -11) & (event[:-2] == event[2:])
    )
    distance = np.abs(invariant_mass(_meson(particles, photon))[:, None] - MESONS)
    decays = distance.min(axis=1) < MASS_TOLERANCE
    return photon[decays], MESONS[distance[decays].argmin(axis=1)]


def chance_of_few_others(particles: Particles, most: int, detector: str) -> np.ndarray:
    """(n_events,) probability that at most so many tracks are found that are not of Dalitz decays."""
    photon, _ = dalitz_photons(particles)
    other = charge_of(particles.pdg) != 0
    other[photon + 1] = other[photon + 2] = False
    lab = BEAMS[detector].to_lab(particles.momentum[other])
    efficiency = track_efficiency(lab, particles.vertex[other])
    found = np.zeros((particles.n_events, most + 1))  # by number of tracks so far
    found[:, 0] = 1.0
    event = particles.event[other]
    place = np.arange(len(event)) - np.searchsorted(event, event)
    for number in range(place.max(initial=-1) + 1):
        at = place == number
        one = efficiency[at, None]
        before = found[event[at]]
        after = before * (1 - one)
        after[:, 1:] += before[:, :-1] * one
        found[event[at]] = after
    return found.sum(axis=1)


def fresh_copies(
    particles: Particles, way: np.ndarray, events: np.ndarray, detector: str, rng: np.random.Generator
) -> Particles:
    """The `events` (m,), as often as they are named, numbered anew; each with electrons of its own.

    way: (n,) of the photons to where they convert, cm; infinite for all that does not.
    """
    rows, new_event = rows_of_events(particles.event, events)
    copies = take(particles, rows)
    copies.event, copies.n_events = new_event, len(events)
    copies.source = decided(particles.source)[events]
    photon, mass = dalitz_photons(copies)
    meson = _meson(copies, photon)
    meson[:, 3] = np.sqrt((meson[:, :3] ** 2).sum(-1) + mass**2)
    for k, momentum in enumerate(dalitz_decays(meson.T, rng, mass)):
        copies.momentum[photon + k] = momentum.T
    return with_conversions(copies, way[rows], detector, rng)


def _meson(particles: Particles, photon: np.ndarray) -> np.ndarray:
    return particles.momentum[photon[:, None] + np.arange(3)].sum(1)
