"""Photons in the electromagnetic calorimeter of Belle II, and what of them is extra energy."""

import numpy as np

ACCEPTANCE = np.radians([(12.4, 31.4), (32.2, 128.7), (130.7, 155.1)])  # the gaps lie between
TURN_ON_ENERGY, TURN_ON_WIDTH = 0.05, 0.01  # GeV, logistic (assumed)
CONVERSION = 0.04  # of the photons convert before the CDC and give no cluster of theirs (assumed: 3–5 %)
# σ(E)/E = 1.34 % ⊕ 0.066 %/E ⊕ 0.81 %/E^¼ (E in GeV): the calorimeter's crystals as measured at Belle.
CONSTANT, NOISE, LEAKAGE = 0.0134, 0.00066, 0.0081
GOOD_ENERGY = 0.1  # GeV, threshold of a good photon (assumed)
# Beam background: number and energy of clusters per event, mostly below the threshold (assumed).
BACKGROUND_CLUSTERS, BACKGROUND_ENERGY = 2.0, 0.03


def cluster_energies(momentum: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Measured energy of photons with (n, 4) laboratory momenta, GeV; 0 for those without a cluster."""
    energy = momentum[:, 3]
    theta = np.arctan2(np.hypot(momentum[:, 0], momentum[:, 1]), momentum[:, 2])
    inside = ((theta[:, None] > ACCEPTANCE[:, 0]) & (theta[:, None] < ACCEPTANCE[:, 1])).any(-1)
    # the exponent is clipped where it would overflow: far below threshold nothing is found anyway
    turn_on = 1 / (1 + np.exp(-np.clip((energy - TURN_ON_ENERGY) / TURN_ON_WIDTH, -50, 50)))
    found = inside & (rng.random(len(energy)) < (1 - CONVERSION) * turn_on)
    return np.where(found, energy * (1 + relative_resolution(energy) * rng.standard_normal(len(energy))), 0)


def relative_resolution(energy: np.ndarray) -> np.ndarray:
    """σ(E)/E of clusters with energy in GeV."""
    energy = np.maximum(energy, 1e-3)
    return np.sqrt(CONSTANT**2 + (NOISE / energy) ** 2 + LEAKAGE**2 / np.sqrt(energy))


def extra_energy(
    event: np.ndarray, momentum: np.ndarray, n_events: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Energy (GeV) and number of the good photons of every event, beam background included: (n_events,) each.

    event: (n,) event of each photon. momentum: (n, 4) laboratory, GeV. Clusters of the tracks do not count;
    energy that hadrons and K⁰_L leave is not simulated.
    """
    of_background = np.repeat(np.arange(n_events), rng.poisson(BACKGROUND_CLUSTERS, n_events))
    background = rng.exponential(BACKGROUND_ENERGY, len(of_background))
    energy = np.concatenate([cluster_energies(momentum, rng), background])
    good = energy > GOOD_ENERGY
    owner = np.concatenate([event, of_background])[good]
    return np.bincount(owner, energy[good], n_events).astype(float), np.bincount(owner, minlength=n_events)
