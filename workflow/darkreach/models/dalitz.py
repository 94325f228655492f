"""Kinematic limits of the Dalitz plane of Q → l⁻ l⁺ X, with two leptons of equal mass m.

The variables are the propagator denominators y = (p₁+k)² − m² and x = (p₂+k)² − m², k being the momentum
of X. See the Particle Data Group's review of kinematics, section "three-body decays".
"""

import numpy as np
from numpy.typing import ArrayLike


def first_invariant_range(s: ArrayLike, mass: ArrayLike, lepton_mass: float) -> tuple[np.ndarray, np.ndarray]:
    """Limits of y in GeV² over the whole plane; s = Q² in GeV², `mass` that of X in GeV."""
    s, mass = np.asarray(s, float), np.asarray(mass, float)
    return mass * (mass + 2 * lepton_mass), np.sqrt(s) * (np.sqrt(s) - 2 * lepton_mass)


def second_invariant_range(
    s: ArrayLike, mass: ArrayLike, lepton_mass: float, y: ArrayLike
) -> tuple[np.ndarray, np.ndarray]:
    """Limits of x in GeV² at given y."""
    m2, mass2 = lepton_mass**2, np.asarray(mass, float) ** 2
    s, y = np.asarray(s, float), np.asarray(y, float)
    pair = y + m2
    # Energies of X and of the other lepton in the rest frame of the pair (1, X), times 2√pair.
    energy_x = y + mass2
    energy_2 = s - pair - m2
    momentum_2 = np.clip(energy_2**2 - 4 * pair * m2, 0, None)  # squared
    momenta = np.sqrt(np.clip(energy_x**2 - 4 * pair * mass2, 0, None) * momentum_2)
    products = energy_x * energy_2 + momenta
    # energy_x·energy_2 − momenta, over 2·pair, written so that nothing cancels for a light X.
    difference = 2 * (m2 * energy_x**2 + mass2 * momentum_2) / products
    return mass2 + difference, mass2 + products / (2 * pair)
