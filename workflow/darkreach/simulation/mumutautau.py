"""Generator of e⁺e⁻ → μ⁺μ⁻τ⁺τ⁻: all six QED diagrams at leading order, collinear ISR, τ decays by helicity.

Correlations of the τ spins across the flight direction are left out.
"""

import numpy as np

from darkreach.models.constants import ELECTRON_MASS, GEV2_TO_FB, MUON_MASS, TAU_MASS, gauge_coupling_squared
from darkreach.simulation.amplitudes import second_pair_helicities, two_pair_squared
from darkreach.simulation.four_body import sample_two_pairs, two_pair_density
from darkreach.simulation.particles import Generated, Particles
from darkreach.simulation.phase_space import beam_momenta, boost_along_z
from darkreach.simulation.phase_space_unweighting import Trials, unweight
from darkreach.simulation.products import merged, pointlike
from darkreach.simulation.radiator import sample_recoiling_system
from darkreach.simulation.signal_decay import draw_helicities
from darkreach.simulation.spinors import dot
from darkreach.simulation.tau_decays import decay_tau_pairs
from darkreach.simulation.tau_library import TauLibrary, make_tau_library

_MASSES = (MUON_MASS, TAU_MASS)


def generate_mumutautau(
    n_events: int,
    rng: np.random.Generator,
    sqrt_s: float,
    alpha: float,
    isr: bool = True,
    library: TauLibrary | None = None,
) -> Generated:
    """Unweighted events, without cuts on the muons, in the frame of the nominal beams.

    Args:
        n_events: number of events to make.
        rng: source of all random numbers.
        sqrt_s: nominal centre-of-mass energy in GeV.
        alpha: fine-structure constant of the four vertices and of the radiator.
        isr: whether the beams radiate; the photon leaves along the beam pipe and is not stored.
        library: τ decays to draw from; None makes one (some seconds).

    The cross-section goes with α⁴, apart from the radiator; vacuum polarisation is not included.
    """
    library = make_tau_library(rng) if library is None else library
    x_max = 1 - (2 * sum(_MASSES) / sqrt_s) ** 2

    def trials(n: int) -> Trials:
        system = sample_recoiling_system(n, rng, sqrt_s, alpha, x_max, isr)
        momenta, weight = sample_mumutautau(system.s, rng, alpha)
        return Trials(boost_along_z(momenta, system.velocity), system.weight * weight)

    events = unweight(trials, n_events, rng)
    total = events.payload.sum(0)
    velocity = total[2] / total[3]
    at_rest = boost_along_z(events.payload, -velocity)
    probability = second_pair_helicities(*beam_momenta(dot(total, total)), at_rest, _MASSES)
    helicities = draw_helicities(probability, rng)
    taus = decay_tau_pairs(at_rest[2:].transpose(2, 0, 1), helicities, library, rng)
    products, _ = merged([pointlike(events.payload[:2], (13, -13)), taus.boosted_along_z(velocity)])
    return Generated(
        particles=Particles(
            event=products.parent,
            pdg=products.pdg,
            momentum=products.momentum,
            vertex=products.position[:, :3],
            from_signal=np.zeros(len(products.pdg), bool),
            n_events=n_events,
        ),
        cross_section_fb=events.mean_weight,
        cross_section_error_fb=events.mean_weight_error,
    )


def sample_mumutautau(s: np.ndarray, rng: np.random.Generator, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Weighted events in the frame of Q = (0, 0, 0, √s) with the electron along +z.

    s: (n,) in GeV². Returns the momenta of μ⁻μ⁺τ⁻τ⁺, (4, 4, n), and weights in fb whose mean is the
    cross-section; a weight of 0 marks a trial outside phase space, whose momenta mean nothing.
    """
    momenta, inside = sample_two_pairs(s, _MASSES, rng)
    s_in, momenta_in = s[inside], momenta[..., inside]
    squared = two_pair_squared(*beam_momenta(s_in), momenta_in, _MASSES)
    flux = 2 * s_in * np.sqrt(1 - 4 * ELECTRON_MASS**2 / s_in)
    spins = 4
    density = two_pair_density(s_in, momenta_in, _MASSES)
    weight = np.zeros(len(s))
    weight[inside] = GEV2_TO_FB * gauge_coupling_squared(alpha) ** 4 * squared / (flux * spins * density)
    return momenta, weight
