"""Generator of e⁺e⁻ → τ⁺τ⁻: one photon, collinear initial-state radiation, τ decays by helicity.

The helicities follow the Born amplitude: opposite ones ∝ 1 + cos²θ, equal ones ∝ (4m²/s) sin²θ. Correlations
of the spins across the flight direction, final-state radiation and the Z are left out.
"""

from dataclasses import dataclass

import numpy as np

from darkreach.models.constants import TAU_MASS
from darkreach.simulation.particles import Generated, Particles
from darkreach.simulation.phase_space import direction
from darkreach.simulation.phase_space_unweighting import Trials, unweight
from darkreach.simulation.pythia import published_cross_section_fb
from darkreach.simulation.radiator import sample_recoiling_system
from darkreach.simulation.tau_decays import decay_tau_pairs
from darkreach.simulation.tau_library import TauLibrary


@dataclass(frozen=True)
class TauPairs:
    """n pairs τ⁻τ⁺ in their own rest frame, with the electron along +z.

    momentum: (n, 2, 4) in GeV. helicity: (n, 2), 1 or −1. velocity: (n,) of that frame along +z.
    """

    momentum: np.ndarray
    helicity: np.ndarray
    velocity: np.ndarray

    def __len__(self) -> int:
        return len(self.velocity)


def generate_taupair(
    n_events: int, rng: np.random.Generator, sqrt_s: float, alpha: float, library: TauLibrary
) -> Generated:
    """`n_events` events of e⁺e⁻ → τ⁺τ⁻ with ISR at `sqrt_s` (GeV), with the published cross-section."""
    pairs = sample_taupair_kinematics(n_events, rng, sqrt_s, alpha)
    return Generated(decay_taupairs(pairs, library, rng), *published_cross_section_fb("tautau"))


def sample_taupair_kinematics(n: int, rng: np.random.Generator, sqrt_s: float, alpha: float) -> TauPairs:
    """Momenta and helicities of `n` unweighted pairs; sqrt_s in GeV, alpha that of the radiator."""

    def trials(n_trials: int) -> Trials:
        x_max = 1 - 4 * TAU_MASS**2 / sqrt_s**2
        system = sample_recoiling_system(n_trials, rng, sqrt_s, alpha, x_max, isr=True)
        return Trials(np.stack([system.s, system.velocity]), system.weight * _born(system.s))

    s, velocity = unweight(trials, n, rng).payload
    # ∫(1 + cos²θ) = 8/3 and ∫sin²θ = 4/3
    ratio = 4 * TAU_MASS**2 / s
    equal = rng.random(n) < ratio / (2 + ratio)
    cos_theta = np.where(equal, _sine_squared(n, rng), _one_plus_cosine_squared(n, rng))
    minus = rng.choice([-1, 1], n)
    energy = np.sqrt(s) / 2
    space = np.sqrt(energy**2 - TAU_MASS**2) * direction(cos_theta, rng.uniform(0, 2 * np.pi, n))
    momentum = np.stack([np.concatenate([sign * space, energy[np.newaxis]]).T for sign in (1, -1)], axis=1)
    return TauPairs(momentum, np.stack([minus, np.where(equal, minus, -minus)], axis=1), velocity)


def decay_taupairs(
    pairs: TauPairs,
    library: TauLibrary,
    rng: np.random.Generator,
    entries: np.ndarray | None = None,
    dalitz: np.ndarray | None = None,
) -> Particles:
    """Decay both τ; entries and dalitz, (n, 2) for τ⁻ and τ⁺, as in `decay_tau_pairs`."""
    products = decay_tau_pairs(pairs.momentum, pairs.helicity, library, rng, entries, dalitz)
    return products.boosted_along_z(pairs.velocity).particles(len(pairs))


def _born(s: np.ndarray) -> np.ndarray:
    """σ(e⁺e⁻ → τ⁺τ⁻) ∝ β (3 − β²)/(2s)."""
    velocity = np.sqrt(np.clip(1 - 4 * TAU_MASS**2 / s, 0, None))
    return velocity * (3 - velocity**2) / (2 * s)


def _one_plus_cosine_squared(n: int, rng: np.random.Generator) -> np.ndarray:
    """cos θ (n,) with density ∝ 1 + cos²θ: three parts of four flat, one ∝ cos²θ."""
    uniform = rng.uniform(-1, 1, n)
    return np.where(rng.random(n) < 0.75, uniform, np.cbrt(uniform))


def _sine_squared(n: int, rng: np.random.Generator) -> np.ndarray:
    """cos θ (n,) with density ∝ sin²θ."""
    return 2 * rng.beta(2, 2, n) - 1
