"""From the centre-of-mass frame of nominal beams to the laboratory frame of beams with an energy spread."""

import numpy as np

from darkreach.detector.beams import Beams, boost, reversed_momentum
from darkreach.simulation.particles import Particles, sum_by_event


def laboratory_momenta(particles: Particles, beams: Beams, rng: np.random.Generator) -> np.ndarray:
    """(n, 4) momenta of the particles in the laboratory, GeV, each event with beam energies of its own."""
    totals = beams.spread_totals(particles.n_events, rng)
    sqrt_s = np.sqrt(totals[:, 3] ** 2 - (totals[:, :3] ** 2).sum(-1))
    momentum = at_other_energy(particles, beams.sqrt_s, sqrt_s)
    return beams.to_lab(momentum, totals[particles.event])


def at_other_energy(particles: Particles, sqrt_s: float, new_sqrt_s: np.ndarray) -> np.ndarray:
    """(n, 4) momenta after changing the centre-of-mass energy of every event slightly, GeV.

    new_sqrt_s: (n_events,). All momenta of an event, and what it is missing, are scaled by one factor, to
    first order in new_sqrt_s − sqrt_s (1 keV for the beam spread). Masses stay exact: those of the particles,
    and that of X, whose decay products (`Particles.from_resonance`) move along with it.
    """
    event, momentum, n_events = particles.event, particles.momentum, particles.n_events
    signal = particles.from_signal if particles.from_resonance is None else particles.from_resonance
    resonance = sum_by_event(event[signal], momentum[signal], n_events)
    missing = np.array([0.0, 0.0, 0.0, sqrt_s]) - sum_by_event(event, momentum, n_events)
    others = _momentum_squared_over_energy(momentum[~signal])
    slope = np.bincount(event[~signal], others, n_events)
    slope = slope + _momentum_squared_over_energy(resonance) + _momentum_squared_over_energy(missing)
    change = new_sqrt_s - sqrt_s
    factor = 1 + np.divide(change, slope, out=np.zeros_like(change), where=slope > 0)  # 0: nothing is seen

    scaled = scaled_momenta(momentum, factor[event])
    here = event[signal]
    at_rest = boost(momentum[signal], reversed_momentum(resonance[here]))
    scaled[signal] = boost(at_rest, scaled_momenta(resonance, factor)[here])
    return scaled


def scaled_momenta(momentum: np.ndarray, factor: np.ndarray) -> np.ndarray:
    """(..., 4) momenta with their space part times `factor` (...), and the same masses."""
    space = momentum[..., :3] * factor[..., None]
    # E'² = E² + p'² − p² keeps the mass without computing it from a difference of large numbers
    energy2 = momentum[..., 3] ** 2 + (factor**2 - 1) * (momentum[..., :3] ** 2).sum(-1)
    return np.concatenate([space, np.sqrt(np.maximum(energy2, 0.0))[..., None]], axis=-1)


def _momentum_squared_over_energy(momentum: np.ndarray) -> np.ndarray:
    squared, energy = (momentum[:, :3] ** 2).sum(-1), momentum[:, 3]
    return np.divide(squared, energy, out=np.zeros_like(squared), where=energy > 1e-9)  # nothing is missing
