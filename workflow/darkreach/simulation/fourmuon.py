"""Generator of e⁺e⁻ → μ⁺μ⁻μ⁺μ⁻: all QED diagrams at leading order, with collinear initial-state radiation.

Phase space is sampled as in `four_body`, summed over the ways to pair the muons.
"""

import numpy as np

from darkreach.errors import DarkreachError
from darkreach.models.constants import MUON_MASS
from darkreach.simulation.amplitudes import four_muon_squared
from darkreach.simulation.four_body import four_lepton_weights, sample_two_pairs, two_pair_density
from darkreach.simulation.particles import Generated
from darkreach.simulation.phase_space_unweighting import unweight_with_radiation
from darkreach.simulation.products import pointlike

_MASSES = (MUON_MASS, MUON_MASS)


def generate_fourmuon(
    n_events: int,
    rng: np.random.Generator,
    sqrt_s: float,
    alpha: float,
    isr: bool = True,
    minimum_mass: float = 9.0,
) -> Generated:
    """Unweighted events of e⁺e⁻ → μ⁺μ⁻μ⁺μ⁻, without cuts on the muons, in the frame of the nominal beams.

    Args:
        n_events: number of events to make.
        rng: source of all random numbers.
        sqrt_s: nominal centre-of-mass energy in GeV.
        alpha: fine-structure constant of the four vertices and of the radiator.
        isr: whether the beams radiate; the photon leaves along the beam pipe and is not stored.
        minimum_mass: with `isr`, only events with a four-muon mass above this (GeV) are generated, and
            the cross-section is that of those events. Without `isr` every event has the mass sqrt_s.

    The cross-section goes with α⁴, apart from the radiator. Vacuum polarisation of the photons is not
    included; with a running α in every propagator the cross-section is estimated to be 8 % larger.

    Raises:
        DarkreachError: minimum_mass or sqrt_s leave no room.
    """
    lowest = max(minimum_mass, 4 * MUON_MASS) if isr else 4 * MUON_MASS
    if sqrt_s <= lowest:
        raise DarkreachError(
            f"sqrt_s is {sqrt_s:g} GeV: generating four muons needs more than {lowest:.4g} GeV, the larger "
            "of minimum_mass and four muon masses."
        )

    events = unweight_with_radiation(
        lambda s: sample_fourmuon(s, rng, alpha), lowest, n_events, rng, sqrt_s, alpha, isr
    )
    return Generated(
        particles=pointlike(events.payload, (13, -13, 13, -13)).particles(n_events),
        cross_section_fb=events.mean_weight,
        cross_section_error_fb=events.mean_weight_error,
    )


def sample_fourmuon(s: np.ndarray, rng: np.random.Generator, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Weighted events in the frame of Q = (0, 0, 0, √s) with the electron along +z.

    s: (n,) in GeV². Returns the momenta of μ⁻μ⁺μ⁻μ⁺, (4, 4, n), and weights in fb whose mean is the
    cross-section; a weight of 0 marks a trial outside phase space, whose momenta mean nothing.
    """
    momenta, inside = sample_four_body(s, rng)
    weight = four_lepton_weights(s, momenta, inside, four_muon_squared, four_body_density, alpha)
    return momenta, weight / 4  # two pairs of identical particles


def sample_four_body(s: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Momenta (4, 4, n) sampled from all channels, and which of them (n,) lie inside phase space."""
    momenta, inside = sample_two_pairs(s, _MASSES, rng)
    # All pairings alike: exchange the two μ⁻, and the two μ⁺, of half of the events.
    for one, other in ((0, 2), (1, 3)):
        swap = np.flatnonzero(rng.random(len(s)) < 0.5)
        momenta[one][:, swap], momenta[other][:, swap] = momenta[other][:, swap], momenta[one][:, swap]
    return momenta, inside


def four_body_density(s: np.ndarray, momenta: np.ndarray) -> np.ndarray:
    """Probability of `sample_four_body` per dΦ₄, (n,) in GeV⁻⁴."""
    pairings = (momenta, momenta[[0, 3, 2, 1]])
    return np.sum([two_pair_density(s, paired, _MASSES) for paired in pairings], axis=0) / 2
