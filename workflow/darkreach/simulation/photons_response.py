"""Photons in the electromagnetic calorimeter: good photons, and what of them is extra energy.

The calorimeter of Belle II is that of Belle, so both detectors have the same response. Photons that convert
are electrons by then (`conversions`).
"""

from dataclasses import dataclass

import numpy as np

from darkreach.simulation.phase_space import isotropic_directions

ACCEPTANCE = np.radians([(12.4, 31.4), (32.2, 128.7), (130.7, 155.1)])  # the gaps lie between
TURN_ON_ENERGY, TURN_ON_WIDTH = 0.05, 0.01  # GeV, logistic (assumed)
# σ(E)/E = 1.34 % ⊕ 0.066 %/E ⊕ 0.81 %/E^¼ (E in GeV): the calorimeter's crystals as measured at Belle.
CONSTANT, NOISE, LEAKAGE = 0.0134, 0.00066, 0.0081
ANGLE = 4e-3  # rad at 1 GeV: 5 mm/√E at 1.25 m
GOOD_ENERGY = 0.1  # GeV, threshold of a good photon (assumed)
# Beam background: number and energy of clusters per event, mostly below the threshold (assumed).
BACKGROUND_CLUSTERS, BACKGROUND_ENERGY = 2.0, 0.03


@dataclass
class GoodPhotons:
    """Good photons of n events, as flat arrays. event: (m,). momentum: (m, 4) measured, laboratory, GeV."""

    event: np.ndarray
    momentum: np.ndarray

    def number(self, n_events: int) -> np.ndarray:
        return np.bincount(self.event, minlength=n_events)

    def energy(self, n_events: int) -> np.ndarray:
        """(n_events,) sum of the energies of each event, GeV."""
        return np.bincount(self.event, self.momentum[:, 3], n_events).astype(float)


def cluster_energies(momentum: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Measured energy of photons with (n, 4) laboratory momenta, GeV; 0 for those without a cluster."""
    energy = momentum[:, 3]
    theta = np.arctan2(np.hypot(momentum[:, 0], momentum[:, 1]), momentum[:, 2])
    inside = ((theta[:, None] > ACCEPTANCE[:, 0]) & (theta[:, None] < ACCEPTANCE[:, 1])).any(-1)
    # the exponent is clipped where it would overflow: far below threshold nothing is found anyway
    turn_on = 1 / (1 + np.exp(-np.clip((energy - TURN_ON_ENERGY) / TURN_ON_WIDTH, -50, 50)))
    found = inside & (rng.random(len(energy)) < turn_on)
    return np.where(found, energy * (1 + relative_resolution(energy) * rng.standard_normal(len(energy))), 0)


def relative_resolution(energy: np.ndarray) -> np.ndarray:
    """σ(E)/E of clusters with energy in GeV."""
    energy = np.maximum(energy, 1e-3)
    return np.sqrt(CONSTANT**2 + (NOISE / energy) ** 2 + LEAKAGE**2 / np.sqrt(energy))


def good_photons(
    event: np.ndarray, momentum: np.ndarray, n_events: int, rng: np.random.Generator
) -> GoodPhotons:
    """Good photons of every event, beam background included.

    event: (n,) event of each photon. momentum: (n, 4) laboratory, GeV. Clusters of the tracks do not count;
    energy that hadrons and K⁰_L leave is not simulated.
    """
    of_background = np.repeat(np.arange(n_events), rng.poisson(BACKGROUND_CLUSTERS, n_events))
    background = isotropic_directions(len(of_background), rng).T
    energy = np.concatenate(
        [cluster_energies(momentum, rng), rng.exponential(BACKGROUND_ENERGY, len(background))]
    )
    direction = np.concatenate([_smeared_direction(momentum, rng), background])
    good = energy > GOOD_ENERGY
    measured = energy[good, None] * np.column_stack([direction[good], np.ones(good.sum())])
    return GoodPhotons(np.concatenate([event, of_background])[good], measured)


def _smeared_direction(momentum: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    sigma = ANGLE / np.sqrt(np.maximum(momentum[:, 3:], TURN_ON_ENERGY))
    moved = momentum[:, :3] / np.maximum(momentum[:, 3:], 1e-9) + sigma * rng.standard_normal(
        (len(momentum), 3)
    )
    return moved / np.linalg.norm(moved, axis=1, keepdims=True)
