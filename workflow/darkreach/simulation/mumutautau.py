"""Generator of e⁺e⁻ → μ⁺μ⁻τ⁺τ⁻: all six QED diagrams at leading order, collinear ISR, τ decays by helicity.

Correlations of the τ spins across the flight direction are left out.
"""

from functools import partial

import numpy as np

from darkreach.models.constants import MUON_MASS, TAU_MASS
from darkreach.simulation.amplitudes import second_pair_helicities, two_pair_squared
from darkreach.simulation.four_body import four_lepton_weights, sample_two_pairs, two_pair_density
from darkreach.simulation.particles import Generated
from darkreach.simulation.phase_space import beam_momenta, boost_along_z, rest_velocity
from darkreach.simulation.phase_space_unweighting import unweight_with_radiation
from darkreach.simulation.products import merged, pointlike
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
    events = unweight_with_radiation(
        lambda s: sample_mumutautau(s, rng, alpha), 2 * sum(_MASSES), n_events, rng, sqrt_s, alpha, isr
    )
    total = events.payload.sum(0)
    velocity = rest_velocity(events.payload)
    at_rest = boost_along_z(events.payload, -velocity)
    probability = second_pair_helicities(*beam_momenta(dot(total, total)), at_rest, _MASSES)
    helicities = draw_helicities(probability, rng)
    taus = decay_tau_pairs(at_rest[2:].transpose(2, 0, 1), helicities, library, rng)
    products, _ = merged([pointlike(events.payload[:2], (13, -13)), taus.boosted_along_z(velocity)])
    return Generated(
        particles=products.particles(n_events),
        cross_section_fb=events.mean_weight,
        cross_section_error_fb=events.mean_weight_error,
    )


def sample_mumutautau(s: np.ndarray, rng: np.random.Generator, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Weighted events in the frame of Q = (0, 0, 0, √s) with the electron along +z.

    s: (n,) in GeV². Returns the momenta of μ⁻μ⁺τ⁻τ⁺, (4, 4, n), and weights in fb whose mean is the
    cross-section; a weight of 0 marks a trial outside phase space, whose momenta mean nothing.
    """
    momenta, inside = sample_two_pairs(s, _MASSES, rng)
    squared, density = partial(two_pair_squared, masses=_MASSES), partial(two_pair_density, masses=_MASSES)
    return momenta, four_lepton_weights(s, momenta, inside, squared, density, alpha)
