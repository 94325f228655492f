"""Production points in the laboratory, from those in the centre-of-mass frame that generators give."""

from dataclasses import replace

import numpy as np

from darkreach.detector.beams import Beams
from darkreach.simulation.particles import Particles, sum_by_event

# Nearer points move by less than the length of the beam spot.
_NEAR_CM = 0.02


def with_laboratory_vertices(particles: Particles, beams: Beams) -> Particles:
    """The same particles with vertices as seen in the laboratory; momenta stay in the centre-of-mass frame.

    To be applied once to what a generator returns, before photons convert. The time of a decay, which the
    boost needs, follows from its place x and the momentum P of the decaying particle, the sum over all that
    was made in that place: ct = E (x·P)/P². That is exact for a particle that comes from the interaction
    point and whose products are all listed (neutrinos included), as those of X, N and K⁰_S → π⁺π⁻.
    """
    far = np.flatnonzero((particles.vertex**2).sum(-1) > _NEAR_CM**2)
    if not len(far):
        return particles
    vertex = particles.vertex[far]
    # no two places have the same x; to sort one column is much faster than to sort all
    _, first, place = np.unique(vertex[:, 0], return_index=True, return_inverse=True)
    parent = sum_by_event(place, particles.momentum[far], len(first))
    position, momentum = vertex[first], parent[:, :3]
    time = parent[:, 3] * (position * momentum).sum(-1) / (momentum**2).sum(-1)
    laboratory = particles.vertex.copy()
    laboratory[far] = beams.to_lab(np.column_stack([position, time]))[place, :3]
    return replace(particles, vertex=laboratory)
