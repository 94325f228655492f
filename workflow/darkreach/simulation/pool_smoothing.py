"""Events drawn repeatedly from a pool are changed a little, so that one event makes no peak.

The momentum of every chosen track is scaled by a factor of its own, in the laboratory: the mass of a pair,
and the mass it recoils against, then spread by some per cent, far more than their resolution. Of n copies
of an event a resolution holds some n/10, which is to be small against the root of the background there; that
n is not too large is the task of `lepton_enriched`, as pairs of true leptons need no misidentification.
Tracks that come from a narrow state share a factor and keep their mass, so that K⁰_S, Λ, J/ψ and ψ(2S) stay
where they are. Events in which the tracks carry nearly the whole energy of the collision stay unchanged:
otherwise they would get more than there is, or seem to lack some. This is no physics, but what stands in for
a sample a thousand times as large.
"""

import numpy as np

from darkreach.detector import BEAMS
from darkreach.detector.beams import boost, reversed_momentum
from darkreach.simulation.pairs import PAIRINGS, invariant_mass
from darkreach.simulation.particles import Particles
from darkreach.simulation.response_beams import scaled_momenta
from darkreach.simulation.tracks_response import charge_of

SPREAD = 0.05
LARGEST_CHANGE = 0.15
NARROW_MASSES = (0.497611, 1.115683, 3.0969, 3.6861)  # GeV: K⁰_S, Λ, J/ψ, ψ(2S), Particle Data Group 2024
NARROW = 0.002  # GeV
WHOLE_ENERGY = 0.85  # of the energy of the collision


def smoothed(particles: Particles, chosen: np.ndarray, detector: str, rng: np.random.Generator) -> Particles:
    """Change the momenta of the `chosen` tracks (n, k), two of each charge or one; in place."""
    beams = BEAMS[detector]
    # positive tracks first, as PAIRINGS have it
    chosen = np.take_along_axis(chosen, np.argsort(-charge_of(particles.pdg[chosen]), axis=1), axis=1)
    momentum = beams.to_lab(particles.momentum[chosen])
    scaled = scaled_momenta(momentum, _factors(chosen.shape, rng))
    for first, second in np.unique(PAIRINGS[chosen.shape[1]][:, :2], axis=0):
        pair = momentum[:, [first, second]]
        total = pair.sum(1)
        distance = np.abs(invariant_mass(total)[:, None] - np.array(NARROW_MASSES))
        narrow = np.flatnonzero((distance < NARROW).any(1))
        new_total = scaled_momenta(total[narrow], _factors(narrow.shape, rng))
        at_rest = boost(pair[narrow], reversed_momentum(total[narrow])[:, None])
        scaled[narrow[:, None], [first, second]] = boost(at_rest, new_total[:, None])
    partial = particles.momentum[chosen, 3].sum(1) < WHOLE_ENERGY * beams.sqrt_s
    particles.momentum[chosen[partial]] = beams.to_cm(scaled[partial])
    return particles


def _factors(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return 1 + np.clip(SPREAD * rng.standard_normal(shape), -LARGEST_CHANGE, LARGEST_CHANGE)
