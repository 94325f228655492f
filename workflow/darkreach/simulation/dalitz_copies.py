"""Events of a pool with a Dalitz decay, π⁰ or η → γe⁺e⁻, with the decay made afresh many times.

Such a pair is true electrons from the beam spot: nothing but its mass tells it from a signal. One event that
is drawn thousands of times would make a peak at the mass of its pair; drawn with ever new decays it makes the
spectrum of all of them.
"""

import numpy as np

from darkreach.models.constants import ETA_MASS, NEUTRAL_PION_MASS
from darkreach.simulation.neutral_pions import dalitz_decays
from darkreach.simulation.particle_lists import rows_of_events, take
from darkreach.simulation.particles import Particles

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
    total = _meson(particles, photon)
    mass = np.sqrt(np.maximum(total[:, 3] ** 2 - (total[:, :3] ** 2).sum(-1), 0.0))
    distance = np.abs(mass[:, None] - MESONS)
    decays = distance.min(axis=1) < MASS_TOLERANCE
    return photon[decays], MESONS[distance[decays].argmin(axis=1)]


def with_fresh_decays(particles: Particles, events: np.ndarray, rng: np.random.Generator) -> Particles:
    """The `events` (m,), as often as they are named, numbered anew; each with Dalitz decays of its own."""
    rows, new_event = rows_of_events(particles.event, events)
    copies = take(particles, rows)
    copies.event, copies.n_events = new_event, len(events)
    photon, mass = dalitz_photons(copies)
    meson = _meson(copies, photon)
    meson[:, 3] = np.sqrt((meson[:, :3] ** 2).sum(-1) + mass**2)
    for k, momentum in enumerate(dalitz_decays(meson.T, rng, mass)):
        copies.momentum[photon + k] = momentum.T
    return copies


def _meson(particles: Particles, photon: np.ndarray) -> np.ndarray:
    return particles.momentum[photon[:, None] + np.arange(3)].sum(1)
