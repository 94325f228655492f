"""Generator of e⁺e⁻ → τ⁺τ⁻ with one τ⁻ → π⁻N, N → μ⁺μ⁻ν_τ (or the charge conjugate), the other τ generic.

N is emitted by the polarised τ as in `pion_asymmetry`, nearly always with negative helicity, and decays by Z
exchange as a Dirac particle of that helicity. N̄ from a τ⁺ does so as the mirror image with all charges
reversed. A Majorana N decays like this half of the time, and like an N̄ of negative helicity otherwise.
"""

from dataclasses import replace

import numpy as np

from darkreach.errors import DarkreachError
from darkreach.models.constants import FERMI_CONSTANT, MUON_MASS, PION_MASS, TAU_MASS
from darkreach.models.hnl import SIN2_THETA_W
from darkreach.simulation.neutral_pions import rotate_to
from darkreach.simulation.particles import Generated
from darkreach.simulation.phase_space import boost, decay_to_pair, direction, isotropic_directions
from darkreach.simulation.products import Products, merged, pointlike
from darkreach.simulation.pythia import published_cross_section_fb
from darkreach.simulation.spinors import dot
from darkreach.simulation.tau_decays import TAU_DECAY_LENGTH, decay_taus
from darkreach.simulation.tau_library import TauLibrary, make_tau_library
from darkreach.simulation.taupair import sample_taupair_kinematics

LEFT, RIGHT = SIN2_THETA_W - 0.5, SIN2_THETA_W  # couplings of the Z to charged leptons


def generate_hnl(
    mass: float,
    n_events: int,
    rng: np.random.Generator,
    sqrt_s: float,
    alpha: float,
    lifetime_m: float,
    library: TauLibrary | None = None,
) -> Generated:
    """Unweighted events with ISR, in the frame of the nominal beams.

    Args:
        mass: mass of N in GeV.
        n_events: number of events to make.
        rng: source of all random numbers.
        sqrt_s: nominal centre-of-mass energy in GeV.
        alpha: fine-structure constant of the radiator.
        lifetime_m: mean proper decay length cτ of N in m.
        library: decays of the other τ to draw from; None makes one (some seconds).

    `from_signal` marks the muons of N. `cross_section_fb` is the published one of e⁺e⁻ → τ⁺τ⁻: multiply it by
    2 B(τ → πN) B(N → μμν).

    Raises:
        DarkreachError: a mass outside 2 m_μ to m_τ − m_π.
    """
    if not 2 * MUON_MASS < mass < TAU_MASS - PION_MASS:
        raise DarkreachError(
            f"mass is {mass:g} GeV: τ → πN, N → μμν needs one between {2 * MUON_MASS:.6g} and "
            f"{TAU_MASS - PION_MASS:.6g} GeV."
        )
    library = make_tau_library(rng) if library is None else library
    pairs = sample_taupair_kinematics(n_events, rng, sqrt_s, alpha)
    # The τ that decays to πN; 0 is the τ⁻.
    which, event = rng.integers(0, 2, n_events), np.arange(n_events)
    charge = np.where(which == 0, -1, 1)
    proper_length = rng.exponential(100 * lifetime_m, n_events)
    pion, resonance = _signal_tau(
        mass, pairs.momentum[event, which].T, charge, pairs.helicity[event, which], proper_length, rng
    )
    other = decay_taus(
        pairs.momentum[event, 1 - which], 15 * charge, pairs.helicity[event, 1 - which], library, rng
    )
    products, group = merged([pion, resonance, other])
    products = products.boosted_along_z(pairs.velocity)
    from_n = group == 1
    from_signal = from_n & (np.abs(products.pdg) == 13)
    particles = replace(
        products.particles(n_events, from_signal), from_resonance=from_n, proper_length=proper_length
    )
    return Generated(particles, *published_cross_section_fb("tautau"))


def pion_asymmetry(mass: float) -> float:
    """a in dΓ ∝ 1 + a cos θ of the π⁻ of a polarised τ⁻ → π⁻N, θ its angle to the spin, for N of `mass` GeV.

    From M ∝ ū_N (m_τ P_R − m_N P_L) u_τ: a = (1 − y)√λ / [(1 − y)² − z(1 + y)], with y = m_N²/m_τ²,
    z = m_π²/m_τ² and λ = λ(1, y, z); the denominator is that of the width. It is 1 for m_N = 0.
    """
    y, z = (mass / TAU_MASS) ** 2, (PION_MASS / TAU_MASS) ** 2
    return float((1 - y) * _root_lambda(y, z) / ((1 - y) ** 2 - z * (1 + y)))


def sample_mumunu(
    mass: float, helicity: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Weighted decays of n N at rest: momenta (3, 4, n) of μ⁻, μ⁺, ν_τ in GeV, and weights (n,).

    helicity: (n,) ±1, the spin along z; 0 for N that are not polarised. The mean weight is
    Γ(N → ν_τ μ⁺μ⁻) in GeV at |V| = 1. No weight exceeds `largest_weight`.
    """
    n = len(helicity)
    pair = rng.uniform(4 * MUON_MASS**2, mass**2, n)
    neutrino_energy = (mass**2 - pair) / (2 * mass)
    neutrino = np.concatenate([neutrino_energy * isotropic_directions(n, rng), neutrino_energy[np.newaxis]])
    frame = np.concatenate([-neutrino[:3], (mass - neutrino_energy)[np.newaxis]])
    minus, plus = decay_to_pair(frame, np.sqrt(pair), MUON_MASS, isotropic_directions(n, rng))
    zero = np.zeros(n)
    left_handed = np.stack([zero, zero, -mass * helicity, np.full(n, mass)])
    squared = neutral_current_squared(left_handed, minus, plus, neutrino)
    velocity = np.sqrt(1 - 4 * MUON_MASS**2 / pair)
    return np.stack([minus, plus, neutrino]), squared * _width_factor(mass, neutrino_energy * velocity)


def largest_weight(mass: float) -> float:
    """Bound of the weights of `sample_mumunu`.

    N·μ⁺ is at most 2ME₊ and ν·μ⁻ = M(M − 2E₊)/2, so their product is at most M⁴/8, and so is the one with
    μ⁺ and μ⁻ exchanged; the term with the product of the couplings is negative.
    """
    squared = 64 * FERMI_CONSTANT**2 * (LEFT**2 + RIGHT**2) * mass**4 / 8
    return squared * float(_width_factor(mass, (mass**2 - 4 * MUON_MASS**2) / (2 * mass)))


def neutral_current_squared(
    left_handed: np.ndarray, minus: np.ndarray, plus: np.ndarray, neutrino: np.ndarray
) -> np.ndarray:
    """Σ|M|² of N → μ⁻μ⁺ν_τ by Z exchange at |V| = 1 for momenta (4, n) in GeV and one spin s of N.

    left_handed: p_N − m_N s, on which alone the left-handed current depends; p_N for the mean of both spins.
    """
    return (
        64
        * FERMI_CONSTANT**2
        * (
            LEFT**2 * dot(left_handed, plus) * dot(neutrino, minus)
            + RIGHT**2 * dot(left_handed, minus) * dot(neutrino, plus)
            + LEFT * RIGHT * MUON_MASS**2 * dot(left_handed, neutrino)
        )
    )


def _width_factor(mass: float, product: np.ndarray | float) -> np.ndarray | float:
    """dΦ₃/(2M) per probability of a pair mass squared q² flat above threshold and of isotropic directions.

    product: E_ν times the velocity of the muons in their own rest frame. From
    dΦ₃ = dΦ₂(N → qν) dΦ₂(q → μμ) dq²/2π with dΦ₂ = |p|/(4π M).
    """
    range_of_squared_mass = mass**2 - 4 * MUON_MASS**2
    return product / (4 * np.pi * mass * 8 * np.pi * 2 * np.pi) * range_of_squared_mass / (2 * mass)


def _signal_tau(
    mass: float,
    momentum: np.ndarray,
    charge: np.ndarray,
    helicity: np.ndarray,
    proper_length: np.ndarray,
    rng: np.random.Generator,
) -> tuple[Products, Products]:
    """The pion, and the products of N, of τ with momentum (4, n), charge ±1 and helicity ±1."""
    n_events = len(charge)
    cosine = rng.uniform(-1, 1, n_events)
    # Right for density 1 + a P cos θ; P is the helicity, of a τ⁺ the opposite one.
    asymmetry = -pion_asymmetry(mass) * charge * helicity
    cosine = np.where(rng.random(n_events) < (1 + asymmetry * cosine) / 2, cosine, -cosine)
    axis = momentum[:3] / np.sqrt((momentum[:3] ** 2).sum(0))
    unit = rotate_to(direction(cosine, rng.uniform(0, 2 * np.pi, n_events)), axis)
    y, z = (mass / TAU_MASS) ** 2, (PION_MASS / TAU_MASS) ** 2
    size = TAU_MASS / 2 * _root_lambda(y, z)
    at_rest = np.stack(
        [
            np.concatenate([sign * size * unit, np.full((1, n_events), np.hypot(size, m))])
            for sign, m in ((1, PION_MASS), (-1, mass))
        ]
    )
    pion, n = boost(at_rest, momentum, np.full(n_events, TAU_MASS))
    flight = rng.exponential(TAU_DECAY_LENGTH, n_events) * momentum / TAU_MASS
    minus, plus, neutrino = _polarised_decay(mass, -unit, asymmetry, cosine, rng)
    # CP: of the mirror image, which looks the same at random azimuths, the charges change.
    muons = np.where(charge < 0, np.stack([minus, plus]), np.stack([plus, minus]))
    # N is at rest in a frame that moves against that of the τ along the flight of N.
    in_tau_frame = boost(np.concatenate([muons, neutrino[np.newaxis]]), at_rest[1], np.full(n_events, mass))
    decayed = pointlike(boost(in_tau_frame, momentum, np.full(n_events, TAU_MASS)), (13, -13, 16))
    sign = np.where((decayed.pdg == 16) & (charge[decayed.parent] > 0), -1, 1)
    decayed = Products(decayed.parent, sign * decayed.pdg, decayed.momentum, decayed.position)
    pions = pointlike(pion[np.newaxis], (211,))
    pions = Products(pions.parent, 211 * charge, pions.momentum, pions.position)
    return pions.moved(flight), decayed.moved(flight + proper_length * n / mass)


def _polarised_decay(
    mass: float, flight: np.ndarray, asymmetry: np.ndarray, cosine: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Momenta (3, 4, n) of μ⁻, μ⁺, ν_τ at rest of N that fly along the unit vectors `flight` (3, n) off a τ⁻.

    For |A₊|² : |A₋|² = 1 − a : 1 + a of the helicities of N and the polarisation P of the τ, helicity λ has
    the probability |A_λ|² (1 − λP cos θ), θ the angle of the pion. asymmetry: aP; cosine: cos θ, both (n,).
    """
    a = pion_asymmetry(mass)
    polarised = asymmetry / a * cosine
    positive = (1 - a) * (1 - polarised)
    negative = (1 + a) * (1 + polarised)
    helicity = np.where(rng.random(len(cosine)) * (positive + negative) < positive, 1, -1)
    momenta, pending = np.empty((3, 4, len(cosine))), np.arange(len(cosine))
    while len(pending):
        trial, weight = sample_mumunu(mass, helicity[pending], rng)
        momenta[..., pending] = trial
        pending = pending[rng.random(len(pending)) * largest_weight(mass) > weight]
    momenta[:, :3] = rotate_to(momenta[:, :3], flight)
    return momenta


def _root_lambda(y: float, z: float) -> float:
    return float(np.sqrt((1 - y - z) ** 2 - 4 * y * z))
