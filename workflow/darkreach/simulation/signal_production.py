"""e⁺e⁻ → l⁺l⁻X at leading order with collinear initial-state radiation, l the muon or the τ.

All functions take the coupling of X to l as 1.
"""

import numpy as np

from darkreach.models.constants import GEV2_TO_FB, gauge_coupling_squared
from darkreach.simulation.amplitudes import Line, annihilation_current, pair_x_amplitude, pair_x_squared
from darkreach.simulation.phase_space import (
    beam_momenta,
    dalitz_volume,
    flux_and_spins,
    polarisation_vectors,
    sample_dalitz,
    three_body_momenta,
)
from darkreach.simulation.phase_space_unweighting import Unweighted, unweight_with_radiation
from darkreach.simulation.spinors import dot, light_cone


def produce_signal(
    vertex: str,
    mass: float,
    lepton_mass: float,
    n_events: int,
    rng: np.random.Generator,
    sqrt_s: float,
    alpha: float,
    isr: bool,
) -> Unweighted:
    """Unweighted e⁺e⁻ → l⁻l⁺X in the frame of the nominal beams.

    The payload is the momenta of l⁻, l⁺ and X, (3, 4, n_events); the mean weight is the cross-section in fb
    at unit coupling.
    """
    return unweight_with_radiation(
        lambda s: sample_signal(vertex, mass, lepton_mass, s, rng, alpha),
        mass + 2 * lepton_mass,
        n_events,
        rng,
        sqrt_s,
        alpha,
        isr,
    )


def sample_signal(
    vertex: str, mass: float, lepton_mass: float, s: np.ndarray, rng: np.random.Generator, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted e⁺e⁻ → l⁻l⁺X in the frame of Q = (0, 0, 0, √s) with the electron along +z.

    s: (n,) in GeV². Returns the momenta of l⁻, l⁺, X, (3, 4, n), and weights in fb whose mean is the
    cross-section at unit coupling.
    """
    masses = np.full(len(s), float(mass))
    x, y = sample_dalitz(s, masses, lepton_mass, rng)
    momenta = three_body_momenta(s, masses, lepton_mass, x, y, rng)
    polarisations = polarisation_vectors(momenta[2], masses) if vertex == "vector" else None
    squared = pair_x_squared(*beam_momenta(s), momenta, vertex, polarisations, lepton_mass)
    volume = dalitz_volume(s, masses, lepton_mass, x, y)
    coupling = gauge_coupling_squared(alpha) ** 2
    return momenta, GEV2_TO_FB * coupling * squared * volume / flux_and_spins(s)


def production_amplitudes(vertex: str, mass: float, lepton_mass: float, momenta: np.ndarray) -> np.ndarray:
    """Amplitudes for all helicities, (4, 2, 2, j, n), of momenta (3, 4, n) in the rest frame of l⁻l⁺X.

    Axes: helicities of the beams; of l⁻; of l⁺ (0 for +½, 1 for −½); for a vector X, j its polarisation along
    the axes of its own rest frame.
    """
    total = momenta.sum(0)
    electron, positron = beam_momenta(dot(total, total))
    vectors = None
    if vertex == "vector":
        vectors = light_cone(polarisation_vectors(momenta[2], np.full(momenta.shape[-1], float(mass))))
    leptons = Line(momenta[0], momenta[1], lepton_mass)
    currents = [annihilation_current(electron, positron, helicity) for helicity in (0, 1)]
    return np.concatenate([pair_x_amplitude(j, leptons, vertex, momenta[2], vectors) for j in currents])
