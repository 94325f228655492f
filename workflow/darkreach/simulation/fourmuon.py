"""Generator of e⁺e⁻ → μ⁺μ⁻μ⁺μ⁻: all QED diagrams at leading order, with collinear initial-state radiation.

Phase space is sampled in two classes of channels, each summed over the ways to pair the muons:
* conversion: both pairs from photons, 1/s₁₂ · 1/s₃₄ · (1/t + 1/u);
* final-state radiation: one pair from a photon off the other pair's line, 1/s₃₄ and the poles in the Dalitz
  plane of Q → 1 2 (34).
"""

import numpy as np

from darkreach.errors import DarkreachError
from darkreach.models.constants import ELECTRON_MASS, GEV2_TO_FB, MUON_MASS, gauge_coupling_squared
from darkreach.simulation.amplitudes import four_muon_squared
from darkreach.simulation.particles import Generated, Particles
from darkreach.simulation.phase_space import (
    beam_momenta,
    boost_along_z,
    dalitz_volume,
    decay_to_pair,
    direction,
    isotropic_directions,
    sample_dalitz,
    three_body_momenta,
    two_body_momentum,
)
from darkreach.simulation.phase_space_unweighting import Trials, unweight
from darkreach.simulation.radiator import sample_recoiling_system
from darkreach.simulation.spinors import dot

# Share of the conversion channels; near the best unweighting efficiency, which is flat around it.
_CONVERSION_SHARE = 0.45
# (l⁻, l⁺) of either pair, for the two ways to pair μ⁻μ⁺μ⁻μ⁺.
_PAIRINGS = (((0, 1), (2, 3)), ((0, 3), (2, 1)))
_PDG = np.array([13, -13, 13, -13])


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

    def trials(n: int) -> Trials:
        system = sample_recoiling_system(n, rng, sqrt_s, alpha, 1 - (lowest / sqrt_s) ** 2, isr)
        momenta, weight = sample_fourmuon(system.s, rng, alpha)
        return Trials(boost_along_z(momenta, system.velocity), system.weight * weight)

    events = unweight(trials, n_events, rng)
    momentum = events.payload.transpose(2, 0, 1).reshape(-1, 4)
    return Generated(
        particles=Particles(
            event=np.repeat(np.arange(n_events), 4),
            pdg=np.tile(_PDG, n_events),
            momentum=momentum,
            vertex=np.zeros((len(momentum), 3)),
            from_signal=np.zeros(len(momentum), bool),
            n_events=n_events,
        ),
        cross_section_fb=events.mean_weight,
        cross_section_error_fb=events.mean_weight_error,
    )


def sample_fourmuon(s: np.ndarray, rng: np.random.Generator, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """Weighted events in the frame of Q = (0, 0, 0, √s) with the electron along +z.

    s: (n,) in GeV². Returns the momenta of μ⁻μ⁺μ⁻μ⁺, (4, 4, n), and weights in fb whose mean is the
    cross-section; a weight of 0 marks a trial outside phase space, whose momenta mean nothing.
    """
    momenta, inside = sample_four_body(s, rng)
    electron, positron = beam_momenta(s)
    weight = np.zeros(len(s))
    s, momenta_in = s[inside], momenta[..., inside]
    electron, positron = electron[..., inside], positron[..., inside]
    squared = four_muon_squared(electron, positron, momenta_in)
    flux = 2 * s * np.sqrt(1 - 4 * ELECTRON_MASS**2 / s)
    identical, spins = 4, 4
    coupling = gauge_coupling_squared(alpha) ** 4
    weight[inside] = (
        GEV2_TO_FB * coupling * squared / (flux * spins * identical * four_body_density(s, momenta_in))
    )
    return momenta, weight


def sample_four_body(s: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Momenta (4, 4, n) sampled from all channels, and which of them (n,) lie inside phase space."""
    n = len(s)
    n_conversion = rng.binomial(n, _CONVERSION_SHARE)
    order = rng.permutation(n)
    momenta, inside = np.ones((4, 4, n)), np.ones(n, bool)
    conversion, radiation = order[:n_conversion], order[n_conversion:]
    momenta[..., conversion], inside[conversion] = _sample_conversion(s[conversion], rng)
    momenta[..., radiation] = _sample_radiation(s[radiation], rng)
    # All pairings alike: exchange the two μ⁻, and the two μ⁺, of half of the events.
    for one, other in ((0, 2), (1, 3)):
        swap = np.flatnonzero(rng.random(n) < 0.5)
        momenta[one][:, swap], momenta[other][:, swap] = momenta[other][:, swap], momenta[one][:, swap]
    return momenta, inside


def four_body_density(s: np.ndarray, momenta: np.ndarray) -> np.ndarray:
    """Probability of `sample_four_body` per dΦ₄, (n,) in GeV⁻⁴."""
    density = np.zeros(len(s))
    for first, second in _PAIRINGS:
        pairs = [momenta[i] + momenta[j] for i, j in (first, second)]
        density += _CONVERSION_SHARE / 2 * _conversion_density(s, *pairs)
        for (minus, plus), photon in ((first, pairs[1]), (second, pairs[0])):
            radiated = _radiation_density(s, momenta[minus], momenta[plus], photon)
            density += (1 - _CONVERSION_SHARE) / 4 * radiated
    return density


def _sample_pair_mass(s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Squared masses of a pair, logarithmic between its threshold and what the other muons leave, (n,)."""
    lowest, highest = _pair_mass_range(s)
    return lowest * (highest / lowest) ** rng.random(len(s))


def _pair_mass_density(s: np.ndarray, pair: np.ndarray) -> np.ndarray:
    """Density of `_sample_pair_mass` and of an isotropic decay of the pair, per ds/(2π) dΦ₂."""
    lowest, highest = _pair_mass_range(s)
    velocity = np.sqrt(1 - lowest / pair)
    return 2 * np.pi / (pair * np.log(highest / lowest)) * 8 * np.pi / velocity


def _pair_mass_range(s: np.ndarray) -> tuple[float, np.ndarray]:
    return 4 * MUON_MASS**2, (np.sqrt(s) - 2 * MUON_MASS) ** 2


def _sample_conversion(s: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    pair_1, pair_2 = _sample_pair_mass(s, rng), _sample_pair_mass(s, rng)
    mass_1, mass_2 = np.sqrt(pair_1), np.sqrt(pair_2)
    inside = mass_1 + mass_2 < np.sqrt(s)
    momentum, pole, reach = _conversion_kinematics(s, pair_1, pair_2)
    cos_theta = pole * np.tanh(reach * rng.uniform(-1, 1, len(s)))
    cos_theta = np.clip(cos_theta, -1, 1)
    unit = momentum * direction(cos_theta, rng.uniform(0, 2 * np.pi, len(s)))
    momenta: list[np.ndarray] = []
    for sign, mass in ((1, mass_1), (-1, mass_2)):
        energy = np.sqrt(momentum**2 + mass**2)
        parent = np.concatenate([sign * unit, energy[np.newaxis]])
        momenta.extend(decay_to_pair(parent, mass, MUON_MASS, isotropic_directions(len(s), rng)))
    return np.stack(momenta), inside


def _conversion_kinematics(
    s: np.ndarray, pair_1: np.ndarray, pair_2: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Momentum of the pairs; cos θ > 1 of the electron propagator's pole; the artanh of its inverse."""
    momentum = two_body_momentum(s, np.sqrt(pair_1), np.sqrt(pair_2))
    half = (s - pair_1 - pair_2) / 2
    slope = np.sqrt(s - 4 * ELECTRON_MASS**2) * momentum
    # half² − slope², free of cancellation.
    gap = pair_1 * pair_2 + 4 * ELECTRON_MASS**2 * momentum**2
    slope = np.maximum(slope, 1e-9 * np.abs(half))  # a pair at rest
    return momentum, half / slope, 0.5 * np.log((half + slope) ** 2 / gap)


def _conversion_density(s: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    pair_1, pair_2 = dot(first, first), dot(second, second)
    momentum, pole, reach = _conversion_kinematics(s, pair_1, pair_2)
    cos_theta = first[2] / np.sqrt((first[:3] ** 2).sum(0))
    angular = pole / (2 * reach * (pole**2 - cos_theta**2))
    two_body = 8 * np.pi * np.sqrt(s) / momentum
    return angular * two_body * _pair_mass_density(s, pair_1) * _pair_mass_density(s, pair_2)


def _sample_radiation(s: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    mass = np.sqrt(_sample_pair_mass(s, rng))
    x, y = sample_dalitz(s, mass, MUON_MASS, rng)
    minus, plus, photon = three_body_momenta(s, mass, MUON_MASS, x, y, rng)
    pair = decay_to_pair(photon, mass, MUON_MASS, isotropic_directions(len(s), rng))
    return np.stack([minus, plus, *pair])


def _radiation_density(s: np.ndarray, minus: np.ndarray, plus: np.ndarray, photon: np.ndarray) -> np.ndarray:
    pair = dot(photon, photon)
    x, y = 2 * dot(plus, photon) + pair, 2 * dot(minus, photon) + pair
    return _pair_mass_density(s, pair) / dalitz_volume(s, np.sqrt(pair), MUON_MASS, x, y)
