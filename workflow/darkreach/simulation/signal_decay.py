"""Decay X → l⁺l⁻ of an X from e⁺e⁻ → l⁺l⁻X: directions and helicities.

A scalar or pseudoscalar decays isotropically, to leptons of equal helicities. For a vector with amplitudes
M_λ along the axes of its rest frame, Σ j_i j_j* ∝ δ_ij − β² n_i n_j for the decay current j: a lepton flies
along n with probability ∝ Σ|M|² − β²Σ|M·n|², of which (1 − β²)Σ|M·n|² is for equal helicities.
"""

import numpy as np

from darkreach.simulation.phase_space import isotropic_directions


def decay_directions(
    amplitudes: np.ndarray | None, velocity: float, n_events: int, rng: np.random.Generator
) -> np.ndarray:
    """Directions (3, n_events) of l⁻ in the rest frame of X.

    amplitudes: (h, 3, n_events) of a vector for all other helicities h, None for spin 0. velocity: β of l⁻.
    Accept–reject with an efficiency of 1 − β²/3.
    """
    unit = isotropic_directions(n_events, rng)
    if amplitudes is None:
        return unit
    total = (np.abs(amplitudes) ** 2).sum((0, 1))
    pending = np.arange(n_events)
    while len(pending):
        weight = 1 - velocity**2 * _along(amplitudes[..., pending], unit[:, pending]) / total[pending]
        pending = pending[rng.random(len(pending)) > weight]
        unit[:, pending] = isotropic_directions(len(pending), rng)
    return unit


def decay_helicities(
    amplitudes: np.ndarray | None, velocity: float, unit: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Helicities ±1 of l⁻ and l⁺ in the rest frame of X, (n, 2), for the directions (3, n) of l⁻."""
    n_events = unit.shape[-1]
    minus = rng.choice([-1, 1], n_events)
    if amplitudes is None:
        return np.stack([minus, minus], axis=1)
    along, total = _along(amplitudes, unit), (np.abs(amplitudes) ** 2).sum((0, 1))
    equal = rng.random(n_events) * (total - velocity**2 * along) < (1 - velocity**2) * along
    return np.stack([minus, np.where(equal, minus, -minus)], axis=1)


def draw_helicities(probability: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Helicities ±1 of l⁻ and l⁺, (n, 2), drawn with probabilities ∝ (2, 2, n), 0 for +½ and 1 for −½."""
    flat = probability.reshape(4, -1)
    upper = np.cumsum(flat / flat.sum(0), axis=0)
    chosen = (rng.random(flat.shape[1]) > upper[:3]).sum(0)
    return np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]])[chosen]


def _along(amplitudes: np.ndarray, unit: np.ndarray) -> np.ndarray:
    """Σ|M·n|², (n,)."""
    return (np.abs(np.einsum("hjn,jn->hn", amplitudes, unit)) ** 2).sum(0)
