"""τ pairs against the Born cross-section and its angular and helicity distributions."""

import numpy as np
import pytest

from darkreach.models.constants import ALPHA_0, TAU_MASS
from darkreach.simulation.amplitudes import Line, annihilation_current
from darkreach.simulation.phase_space import beam_momenta
from darkreach.simulation.pythia import generate_pythia
from darkreach.simulation.radiator import radiator_nodes
from darkreach.simulation.spinors import light_cone_dot
from darkreach.simulation.tau_library import make_tau_library
from darkreach.simulation.taupair import decay_taupairs, generate_taupair, sample_taupair_kinematics

SQRT_S = 10.58
N = 60_000


@pytest.fixture(scope="module")
def pairs():
    return sample_taupair_kinematics(N, np.random.default_rng(1), SQRT_S, ALPHA_0)


@pytest.fixture(scope="module")
def library():
    return make_tau_library(np.random.default_rng(2), 3000)


def helicity_squares(momentum):
    """Σ|M|² of e⁺e⁻ → τ⁺τ⁻ for each helicity of τ⁻, τ⁺, (2, 2, n), summed over those of the beams."""
    minus, plus = momentum[:, 0].T, momentum[:, 1].T
    line = Line(minus, plus, TAU_MASS)
    total = minus + plus
    electron, positron = beam_momenta(total[3] ** 2)
    photon = line.photon().reshape(2, 2, 4, -1)
    return sum(
        np.abs(light_cone_dot(annihilation_current(electron, positron, h)[:, None, None], photon)) ** 2
        for h in (0, 1)
    ).sum(0)


def test_helicities_and_angles_follow_the_amplitude(pairs):
    """|M(h)|² of the helicity amplitudes is proportional to the closed form that is sampled."""
    cosine = pairs.momentum[:, 0, 2] / np.linalg.norm(pairs.momentum[:, 0, :3], axis=1)
    s = 4 * pairs.momentum[:, 0, 3] ** 2
    ratio = 4 * TAU_MASS**2 / s
    equal = pairs.helicity[:, 0] == pairs.helicity[:, 1]
    squares = helicity_squares(pairs.momentum)
    index = (1 - pairs.helicity) // 2
    chosen = squares[index[:, 0], index[:, 1], np.arange(N)]
    closed = np.where(equal, ratio * (1 - cosine**2), 1 + cosine**2)
    # Apart from the propagator of the photon nothing else depends on s.
    constant = chosen * s**2 / closed
    np.testing.assert_allclose(constant, constant[0], rtol=1e-4)


def test_shares_of_helicities(pairs):
    """Equal in r/(2 + r) with r = 4m²/s, and all four combinations with their mirror image alike."""
    ratio = TAU_MASS**2 / pairs.momentum[:, 0, 3] ** 2
    equal = pairs.helicity.prod(1) == 1
    assert equal.mean() == pytest.approx((ratio / (2 + ratio)).mean(), abs=4 * 0.25 / np.sqrt(N))
    assert abs(pairs.helicity.mean()) < 4 / np.sqrt(N)


@pytest.mark.parametrize("product, expected", [(-1, 0.4), (1, 0.2)])
def test_angles(pairs, product, expected):
    """⟨cos²θ⟩ = 2/5 of 1 + cos²θ and 1/5 of sin²θ."""
    momentum = pairs.momentum[pairs.helicity.prod(1) == product, 0]
    squared = (momentum[:, 2] / np.linalg.norm(momentum[:, :3], axis=1)) ** 2
    assert squared.mean() == pytest.approx(expected, abs=4 * 0.3 / np.sqrt(len(squared)))


def test_radiation(pairs):
    """Share of s'/s < 0.9 from the radiator times β(3 − β²)/2s'."""
    s = SQRT_S**2

    def integral(x_max):
        x, weight = radiator_nodes(x_max, s, ALPHA_0, 64)
        beta = np.sqrt(1 - 4 * TAU_MASS**2 / (s * (1 - x)))
        return (weight * beta * (3 - beta**2) / (1 - x)).sum()

    expected = 1 - integral(0.1) / integral(1 - 4 * TAU_MASS**2 / s - 1e-12)
    reduced = 4 * pairs.momentum[:, 0, 3] ** 2 / s
    assert (reduced < 0.9).mean() == pytest.approx(expected, abs=4 * 0.45 / np.sqrt(N))


def test_events_are_complete(library):
    generated = generate_taupair(3000, np.random.default_rng(3), SQRT_S, ALPHA_0, library)
    particles = generated.particles
    total = np.stack([np.bincount(particles.event, particles.momentum[:, k], 3000) for k in range(4)], -1)
    np.testing.assert_allclose(total[:, :2], 0, atol=1e-5)
    np.testing.assert_allclose(total[:, 3] + np.abs(total[:, 2]), SQRT_S, rtol=1e-5)
    assert (np.diff(particles.event) >= 0).all()
    assert not particles.from_signal.any()
    assert generated.cross_section_fb == 0.919e6


def test_energies_of_two_pions_are_correlated(library):
    """Opposite helicities make both pions hard or both soft: correlation ⟨cos θ cos θ′⟩/⟨cos²θ⟩ = share/3.

    In τ⁻ → π⁻ν at rest ⟨cos θ⟩ = h/3, of τ⁺ −h/3, and ⟨h h′⟩ = −(1 − 2 × 5.3 %).
    """
    alone = np.flatnonzero((np.diff(library.offsets) == 2) & (library.neutral_pions == 0))
    alone = alone[np.isin(library.pdg[library.offsets[alone] + 1], (-211,))]
    n, rng = 40_000, np.random.default_rng(4)
    pairs = sample_taupair_kinematics(n, rng, SQRT_S, ALPHA_0)
    particles = decay_taupairs(pairs, library, rng, entries=rng.choice(alone, (n, 2)))
    beta = np.sqrt(1 - (TAU_MASS / pairs.momentum[:, 0, 3]) ** 2)
    boosted = np.abs(pairs.velocity) < 1e-3
    cosine = []
    for pdg in (-211, 211):
        energy = particles.momentum[particles.pdg == pdg, 3]
        fraction = energy / pairs.momentum[:, 0, 3]
        r = (0.13957 / TAU_MASS) ** 2
        cosine.append((2 * fraction - (1 + r)) / (beta * (1 - r)))
    product = (cosine[0] * cosine[1])[boosted]
    expected = (1 - 2 * 0.0534) / 9
    error = 4 / 3 / np.sqrt(boosted.sum()) + 0.15 * expected  # the library has only some 300 such decays
    assert product.mean() == pytest.approx(expected, abs=error)


def test_charged_energy_is_that_of_pythia(library):
    """Pythia's own e⁺e⁻ → τ⁺τ⁻ with its own radiation: mean energy of e, μ and hadrons, of all events."""

    def charged_energy(particles, pdg):
        chosen = np.isin(np.abs(particles.pdg), pdg)
        return np.bincount(particles.event[chosen], particles.momentum[chosen, 3], particles.n_events)

    rng = np.random.default_rng(5)
    own = generate_taupair(4000, rng, SQRT_S, ALPHA_0, library).particles
    pythia = generate_pythia("tautau", 2000, rng, SQRT_S).particles
    for pdg in ((13,), (211, 321)):
        first, second = charged_energy(own, pdg), charged_energy(pythia, pdg)
        error = np.hypot(first.std() / np.sqrt(len(first)), second.std() / np.sqrt(len(second)))
        # The library is a sample of 3000 decays itself.
        assert abs(first.mean() - second.mean()) < 4 * np.hypot(error, 0.02 * second.mean())
