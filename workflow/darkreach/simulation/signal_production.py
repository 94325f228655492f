"""e⁺e⁻ → l⁺l⁻X at leading order with collinear initial-state radiation, l the muon or the τ.

All functions take the coupling of X to l as 1.
"""

import numpy as np

from darkreach.models.constants import ELECTRON_MASS, GEV2_TO_FB, gauge_coupling_squared
from darkreach.simulation.amplitudes import Line, annihilation_current, pair_x_amplitude, pair_x_squared
from darkreach.simulation.phase_space import (
    beam_momenta,
    boost_along_z,
    dalitz_volume,
    polarisation_vectors,
    sample_dalitz,
    three_body_momenta,
)
from darkreach.simulation.phase_space_unweighting import Trials, Unweighted, unweight
from darkreach.simulation.radiator import sample_recoiling_system
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
    x_max = 1 - ((mass + 2 * lepton_mass) / sqrt_s) ** 2

    def trials(n: int) -> Trials:
        system = sample_recoiling_system(n, rng, sqrt_s, alpha, x_max, isr)
        momenta, weight = sample_signal(vertex, mass, lepton_mass, system.s, rng, alpha)
        return Trials(boost_along_z(momenta, system.velocity), system.weight * weight)

    return unweight(trials, n_events, rng)


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
    flux = 2 * s * np.sqrt(1 - 4 * ELECTRON_MASS**2 / s)
    spins = 4
    volume = dalitz_volume(s, masses, lepton_mass, x, y)
    return momenta, GEV2_TO_FB * gauge_coupling_squared(alpha) ** 2 * squared * volume / (flux * spins)


def rest_velocity(momenta: np.ndarray) -> np.ndarray:
    """Velocity along +z, (n,), of the rest frame of l⁻l⁺X for the (3, 4, n) of `produce_signal`."""
    total = momenta.sum(0)
    return total[2] / total[3]


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
