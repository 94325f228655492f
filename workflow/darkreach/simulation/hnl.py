"""Generator of e⁺e⁻ → τ⁺τ⁻ with one τ⁻ → π⁻N, N → μ⁺μ⁻ν_τ (or the charge conjugate), the other τ generic.

N is emitted by the polarised τ as in `pion_asymmetry` and decays by Z exchange, as if it were unpolarised.
N̄ from a τ⁺ decays as the mirror image with all charges reversed, so events of a Majorana N differ from these
only in the exchange of μ⁺ and μ⁻ in half of the decays.
"""

import numpy as np

from darkreach.errors import DarkreachError
from darkreach.models.constants import FERMI_CONSTANT, MUON_MASS, TAU_MASS
from darkreach.models.hnl import PION_MASS, SIN2_THETA_W
from darkreach.simulation.neutral_pions import rotate_to
from darkreach.simulation.particles import Generated, Particles
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
    return Generated(
        Particles(
            event=products.parent,
            pdg=products.pdg,
            momentum=products.momentum,
            vertex=products.position[:, :3],
            from_signal=from_n & (np.abs(products.pdg) == 13),
            n_events=n_events,
            from_resonance=from_n,
            proper_length=proper_length,
        ),
        *published_cross_section_fb("tautau"),
    )


def pion_asymmetry(mass: float) -> float:
    """a in dΓ ∝ 1 + a cos θ of the π⁻ of a polarised τ⁻ → π⁻N, θ its angle to the spin, for N of `mass` GeV.

    From M ∝ ū_N (m_τ P_R − m_N P_L) u_τ: a = (1 − y)√λ / [(1 − y)² − z(1 + y)], with y = m_N²/m_τ²,
    z = m_π²/m_τ² and λ = λ(1, y, z); the denominator is that of the width. It is 1 for m_N = 0.
    """
    y, z = (mass / TAU_MASS) ** 2, (PION_MASS / TAU_MASS) ** 2
    return float((1 - y) * _root_lambda(y, z) / ((1 - y) ** 2 - z * (1 + y)))


def sample_mumunu(mass: float, n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Weighted decays of N at rest: momenta (3, 4, n) of μ⁻, μ⁺, ν_τ in GeV, and weights (n,).

    The mean weight is Γ(N → ν_τ μ⁺μ⁻) in GeV at |V| = 1, a Dirac N. It never exceeds `largest_weight`.
    """
    threshold = 4 * MUON_MASS**2
    pair = rng.uniform(threshold, mass**2, n)
    neutrino_energy = (mass**2 - pair) / (2 * mass)
    neutrino = np.concatenate([neutrino_energy * isotropic_directions(n, rng), neutrino_energy[np.newaxis]])
    frame = np.concatenate([-neutrino[:3], (mass - neutrino_energy)[np.newaxis]])
    minus, plus = decay_to_pair(frame, np.sqrt(pair), MUON_MASS, isotropic_directions(n, rng))
    squared = neutral_current_squared(frame + neutrino, minus, plus, neutrino)
    return np.stack([minus, plus, neutrino]), squared * _phase_space(mass, pair) / (2 * 2 * mass)


def largest_weight(mass: float) -> float:
    """Bound of the weights of `sample_mumunu`.

    ν·μ⁻ = M(M − 2E₊)/2, so (N·μ⁺)(ν·μ⁻) is at most M⁴/16, and so is the term with μ⁺ and μ⁻ exchanged; that
    with the product of the couplings is negative.
    """
    squared = 128 * FERMI_CONSTANT**2 * (LEFT**2 + RIGHT**2) * mass**4 / 16
    return float(squared * _phase_space(mass, np.array(4 * MUON_MASS**2), velocity=1.0) / (2 * 2 * mass))


def neutral_current_squared(
    n: np.ndarray, minus: np.ndarray, plus: np.ndarray, neutrino: np.ndarray
) -> np.ndarray:
    """Σ|M|² of N → μ⁻μ⁺ν_τ by Z exchange at |V| = 1, summed over all spins, for momenta (4, n) in GeV."""
    return (
        128
        * FERMI_CONSTANT**2
        * (
            LEFT**2 * dot(n, plus) * dot(neutrino, minus)
            + RIGHT**2 * dot(n, minus) * dot(neutrino, plus)
            + LEFT * RIGHT * MUON_MASS**2 * dot(n, neutrino)
        )
    )


def _phase_space(mass: float, pair: np.ndarray, velocity: np.ndarray | float | None = None) -> np.ndarray:
    """dΦ₃ per probability of squared masses `pair` flat above threshold; velocity: that of the muons."""
    threshold = 4 * MUON_MASS**2
    velocity = np.sqrt(1 - threshold / pair) if velocity is None else velocity
    neutrino_energy = (mass**2 - pair) / (2 * mass)
    # dΦ₃ = dΦ₂(N → pair ν) dΦ₂(pair → μμ) dq²/2π with dΦ₂ = |p| / (4π M)
    two_body = neutrino_energy / (4 * np.pi * mass) * velocity / (8 * np.pi)
    return two_body * (mass**2 - threshold) / (2 * np.pi)


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
    minus, plus, neutrino = _unweighted_mumunu(mass, n_events, rng)
    # CP: the mirror image of an unpolarised decay is one, too, so the charges alone change.
    muons = np.where(charge < 0, np.stack([minus, plus]), np.stack([plus, minus]))
    muons_and_neutrino = np.concatenate([muons, neutrino[np.newaxis]])
    decayed = pointlike(boost(muons_and_neutrino, n, np.full(n_events, mass)), (13, -13, 16))
    sign = np.where((decayed.pdg == 16) & (charge[decayed.parent] > 0), -1, 1)
    decayed = Products(decayed.parent, sign * decayed.pdg, decayed.momentum, decayed.position)
    pions = pointlike(pion[np.newaxis], (211,))
    pions = Products(pions.parent, 211 * charge, pions.momentum, pions.position)
    return pions.moved(flight), decayed.moved(flight + proper_length * n / mass)


def _unweighted_mumunu(mass: float, n: int, rng: np.random.Generator) -> np.ndarray:
    momenta, pending = np.empty((3, 4, n)), np.arange(n)
    while len(pending):
        trial, weight = sample_mumunu(mass, len(pending), rng)
        momenta[..., pending] = trial
        pending = pending[rng.random(len(pending)) * largest_weight(mass) > weight]
    return momenta


def _root_lambda(y: float, z: float) -> float:
    return float(np.sqrt((1 - y - z) ** 2 - 4 * y * z))
