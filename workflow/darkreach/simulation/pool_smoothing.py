"""Events drawn repeatedly from a pool are changed a little, so that one event makes no peak.

The momentum of every chosen track is scaled by a factor of its own, in the laboratory: the mass of a pair,
and the mass it recoils against, then spread by some per cent, far more than their resolution. Of n copies
of an event a resolution holds some n/10, which is to be small against the root of the background there; that
n is not too large is the task of `lepton_enriched`, as pairs of true leptons need no misidentification.
A light pair is two electrons side by side, and its mass is their angle: true leptons change their direction
as well, but where two of them are made at one place, as in conversions, Dalitz decays and decays of J/ψ.
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
ANGLE = 0.04  # rad
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
    turns = _is_lepton_by_itself(particles.pdg[chosen], particles.vertex[chosen])
    turned = np.where(turns[..., None], _turned(momentum, rng), momentum)
    scaled = scaled_momenta(turned, _factors(chosen.shape, rng))
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


def _is_lepton_by_itself(pdg: np.ndarray, vertex: np.ndarray) -> np.ndarray:
    """(n, k) whether a track is an electron or muon, and the only one of its event's k at its vertex."""
    lepton = np.isin(np.abs(pdg), (11, 13))
    same_place = (vertex[:, :, None] == vertex[:, None, :]).all(-1)
    return lepton & ((same_place & lepton[:, None, :]).sum(-1) == 1)


def _turned(momentum: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(n, k, 4) momenta with another direction, by about `ANGLE` in each of the two transverse directions."""
    size = np.linalg.norm(momentum[..., :3], axis=-1, keepdims=True)
    space = momentum[..., :3] + ANGLE * size * rng.standard_normal(momentum[..., :3].shape)
    space *= size / np.linalg.norm(space, axis=-1, keepdims=True)
    return np.concatenate([space, momentum[..., 3:]], axis=-1)


def _factors(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    return 1 + np.clip(SPREAD * rng.standard_normal(shape), -LARGEST_CHANGE, LARGEST_CHANGE)
