"""Conversions of photons in events that were kept for having photons that may convert."""

import numpy as np

from darkreach.detector import BEAMS, GEOMETRY
from darkreach.simulation.conversions import LOWEST_ENERGY, PAIR_FRACTION, in_place_of, pairs_of_photons
from darkreach.simulation.particles import Particles

# Photons closer to the beams than 27° are taken to convert as often as there.
STEEPEST_SINE = 0.45


def highest_probability(detector: str) -> float:
    """Bound of the probability that a photon converts: the chance with which photons are chosen."""
    thickness = sum(thickness for _, thickness in GEOMETRY[detector].layers)
    return float(-np.expm1(-PAIR_FRACTION * thickness / STEEPEST_SINE))


def convert_chosen(
    particles: Particles, number: np.ndarray, detector: str, rng: np.random.Generator
) -> Particles:
    """Let photons convert as by `conversions.convert_photons`, with what is known of the event.

    number: (n_events,) photons of each event that were chosen with `highest_probability`; the others do not
    convert. A chosen one does with its own probability over that. Whether the tracks are found is left open.
    """
    photon = _random_photons(particles, number, rng)
    lab = BEAMS[detector].to_lab(particles.momentum[photon])
    distance = _distance(lab, particles.vertex[photon], detector, rng)
    converts = np.isfinite(distance) & (lab[:, 3] > LOWEST_ENERGY)
    photon, lab, distance = photon[converts], lab[converts], distance[converts]
    pairs = pairs_of_photons(particles, photon, lab, distance, detector, rng)
    return in_place_of(particles, photon, pairs)


def _random_photons(particles: Particles, number: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Indices of `number` (n_events,) photons of each event."""
    photon = np.flatnonzero((particles.pdg == 22) & (number[particles.event] > 0))
    event = particles.event[photon]
    photon = photon[np.lexsort((rng.random(len(photon)), event))]
    rank = np.arange(len(photon)) - np.searchsorted(event, event)
    return photon[rank < number[event]]


def _distance(lab: np.ndarray, origin: np.ndarray, detector: str, rng: np.random.Generator) -> np.ndarray:
    """(n,) way of chosen photons to the layer where they convert, cm; infinite for those that do not.

    lab: (n, 4) GeV. origin: (n, 3) cm. The angle to a layer is that at its crossing.
    """
    radius, thickness = np.array(GEOMETRY[detector].layers).T
    direction = lab[:, :3] / lab[:, 3:]
    d2 = np.maximum((direction[:, :2] ** 2).sum(-1), 1e-12)
    along = (direction[:, :2] * origin[:, :2]).sum(-1)
    inside = radius**2 - (origin[:, :2] ** 2).sum(-1)[:, None]  # (n, layers), positive if it will be crossed
    normal = np.sqrt(np.maximum(along[:, None] ** 2 + d2[:, None] * inside, 0.0))
    depth = PAIR_FRACTION * thickness * radius / np.maximum(normal, 0.05 * radius)
    converted = -np.expm1(-np.cumsum(np.where(inside > 0, depth, 0.0), axis=1))
    layer = (converted < highest_probability(detector) * rng.random(len(lab))[:, None]).sum(1)
    path = (normal - along[:, None]) / d2[:, None]
    way = np.take_along_axis(path, np.minimum(layer, len(radius) - 1)[:, None], axis=1)[:, 0]
    return np.where(layer < len(radius), way, np.inf)
