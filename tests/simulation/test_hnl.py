"""Heavy neutral leptons against the closed form of their width, kinematic limits and the mass solutions."""

import numpy as np
import pytest
from scipy.stats import kstest

from darkreach.errors import DarkreachError
from darkreach.models.constants import ALPHA_0, FERMI_CONSTANT, MUON_MASS, PION_MASS, TAU_MASS
from darkreach.models.hnl import Hnl
from darkreach.searches.mass_solutions import mass_solutions
from darkreach.simulation.hnl import (
    LEFT,
    RIGHT,
    _signal_tau,
    generate_hnl,
    largest_weight,
    neutral_current_squared,
    pion_asymmetry,
    sample_mumunu,
)
from darkreach.simulation.spinors import (
    antiparticle_spinor,
    bar,
    current,
    dot,
    light_cone_dot,
    particle_spinor,
)
from darkreach.simulation.tau_library import make_tau_library

SQRT_S = 10.58


@pytest.fixture(scope="module")
def library():
    return make_tau_library(np.random.default_rng(1), 1000)


@pytest.fixture(scope="module")
def events(library):
    return generate_hnl(1.0, 4000, np.random.default_rng(2), SQRT_S, ALPHA_0, 0.25, library).particles


def sums(particles, select):
    event = particles.event[select]
    return np.stack(
        [np.bincount(event, particles.momentum[select, k], particles.n_events) for k in range(4)], -1
    )


def mass(momentum):
    return np.sqrt(momentum[..., 3] ** 2 - (momentum[..., :3] ** 2).sum(-1))


@pytest.mark.parametrize("m_n", [0.22, 0.3, 0.6, 1.0, 1.5])
def test_mean_weight_is_the_width_in_closed_form(m_n):
    helicity = np.repeat([-1, 0, 1], 40_000)
    _, weight = sample_mumunu(m_n, helicity, np.random.default_rng(3))
    expected = float(Hnl().partial_widths(m_n, 1.0)["mumunu"])
    error = weight.std() / np.sqrt(len(weight))
    assert error < 0.004 * expected
    for of_helicity in weight.reshape(3, -1):
        assert abs(of_helicity.mean() - expected) < 4 * np.sqrt(3) * error
    assert weight.max() < largest_weight(m_n)


@pytest.mark.parametrize("helicity", [1, -1])
def test_squared_matrix_element_is_that_of_the_spinors(helicity):
    """2√2 G_F [ū_ν γ^α P_L u_N] [ū_μ γ_α (g_L P_L + g_R P_R) v_μ] in components, for N of either helicity."""
    m_n, n = 0.7, 200
    momenta, _ = sample_mumunu(m_n, np.full(n, helicity), np.random.default_rng(8))
    # At rest but for a tiny momentum that tells the helicity; a massless neutrino.
    along_z = np.tile([[0.0], [0.0], [1e-9], [m_n]], n)
    u_n = particle_spinor(along_z, m_n)[(1 - helicity) // 2]
    u_n[2:] = 0  # P_L
    neutrino = current(bar(particle_spinor(momenta[2], 1e-12)), u_n[np.newaxis])
    left, right = antiparticle_spinor(momenta[1], MUON_MASS), antiparticle_spinor(momenta[1], MUON_MASS)
    left[:, 2:], right[:, :2] = 0, 0
    bar_minus = bar(particle_spinor(momenta[0], MUON_MASS))[:, np.newaxis]
    muons = LEFT * current(bar_minus, left[np.newaxis]) + RIGHT * current(bar_minus, right[np.newaxis])
    amplitude = light_cone_dot(neutrino[:, np.newaxis, np.newaxis], muons[np.newaxis])
    expected = 8 * FERMI_CONSTANT**2 * (np.abs(amplitude) ** 2).sum((0, 1, 2))
    left_handed = np.tile([[0.0], [0.0], [-m_n * helicity], [m_n]], n)
    squared = neutral_current_squared(left_handed, momenta[0], momenta[1], momenta[2])
    np.testing.assert_allclose(squared, expected, rtol=1e-6)


@pytest.mark.parametrize("charge", [-1, 1])
def test_n_is_left_handed(charge):
    """The mean cosine of μ⁺ of N (μ⁻ of N̄) to the flight is that of weighted decays of helicity −1."""
    m_n, n = 0.9, 30_000
    rng = np.random.default_rng(9)
    momenta, weight = sample_mumunu(m_n, np.full(n, -1), rng)
    cosine = momenta[1, 2] / np.sqrt((momenta[1, :3] ** 2).sum(0))
    expected = (weight * cosine).sum() / weight.sum()
    assert expected < -0.1
    at_rest = np.tile([[0.0], [0.0], [1e-7], [TAU_MASS]], n)
    helicity = rng.choice([-1, 1], n)
    _, decayed = _signal_tau(m_n, at_rest, np.full(n, charge), helicity, np.zeros(n), rng)
    kinds = decayed.pdg.reshape(n, 3)
    p = decayed.momentum.reshape(n, 3, 4)
    total = p.sum(1)
    same_as_plus = p[kinds == 13 * charge]
    # cos θ at rest from the energy in the frame of the τ: E = γ(E* + β p* cos θ).
    energy = (same_as_plus[:, 3] * total[:, 3] - (same_as_plus[:, :3] * total[:, :3]).sum(1)) / m_n
    gamma_beta = np.linalg.norm(total[:, :3], axis=1) / m_n
    observed = (same_as_plus[:, 3] - total[:, 3] / m_n * energy) / (
        gamma_beta * np.sqrt(energy**2 - MUON_MASS**2)
    )
    assert observed.mean() == pytest.approx(expected, abs=4 * 2 * 0.58 / np.sqrt(n))


def test_decay_of_n_conserves_momentum():
    momenta, _ = sample_mumunu(0.8, np.ones(1000), np.random.default_rng(4))
    np.testing.assert_allclose(momenta.sum(0).T, np.tile([0, 0, 0, 0.8], (1000, 1)), atol=1e-12)
    np.testing.assert_allclose(dot(momenta[:2], momenta[:2]), MUON_MASS**2, atol=1e-12)
    np.testing.assert_allclose(dot(momenta[2], momenta[2]), 0, atol=1e-12)


def test_asymmetry_is_complete_for_a_massless_n_and_vanishes_at_threshold():
    assert pion_asymmetry(0.0) == pytest.approx(1, abs=1e-12)
    assert pion_asymmetry(TAU_MASS - PION_MASS - 1e-9) == pytest.approx(0, abs=1e-3)


@pytest.mark.parametrize("charge", [-1, 1])
@pytest.mark.parametrize("helicity", [-1, 1])
def test_pion_energy_follows_the_polarisation(charge, helicity):
    """E_π = γ(E* + βp* cos θ) with ⟨cos θ⟩ = aP/3; P = helicity of a τ⁻, its opposite for a τ⁺."""
    m_n, n, energy = 1.2, 40_000, 5.29
    momentum = np.tile([[0.0], [0.0], [np.sqrt(energy**2 - TAU_MASS**2)], [energy]], n)
    pion, _ = _signal_tau(
        m_n, momentum, np.full(n, charge), np.full(n, helicity), np.zeros(n), np.random.default_rng(5)
    )
    at_rest = (TAU_MASS**2 + PION_MASS**2 - m_n**2) / (2 * TAU_MASS)
    cosine = (pion.momentum[:, 3] * TAU_MASS / energy - at_rest) / (
        np.sqrt(at_rest**2 - PION_MASS**2) * np.sqrt(1 - (TAU_MASS / energy) ** 2)
    )
    assert cosine.mean() == pytest.approx(
        -charge * helicity * pion_asymmetry(m_n) / 3, abs=4 * 0.6 / np.sqrt(n)
    )
    assert (pion.pdg == 211 * charge).all()


def test_events_are_complete(events):
    total = sums(events, slice(None))
    np.testing.assert_allclose(total[:, :2], 0, atol=1e-4)
    np.testing.assert_allclose(total[:, 3] + np.abs(total[:, 2]), SQRT_S, rtol=1e-5)
    assert (np.bincount(events.event, events.from_signal) == 2).all()
    assert set(np.unique(np.abs(events.pdg[events.from_signal]))) == {13}
    np.testing.assert_allclose(mass(sums(events, events.from_resonance)), 1.0, rtol=1e-9)


def test_one_tau_decays_to_the_pion_and_n(events):
    n = sums(events, events.from_resonance)
    # The pion of the signal follows in the list before the products of N.
    first = np.searchsorted(events.event, np.arange(events.n_events))
    assert (np.abs(events.pdg[first]) == 211).all()
    np.testing.assert_allclose(mass(n + events.momentum[first]), TAU_MASS, rtol=1e-9)
    assert abs(np.sign(events.pdg[first]).mean()) < 4 / np.sqrt(events.n_events)
    neutrino = (np.abs(events.pdg) == 16) & events.from_resonance
    np.testing.assert_array_equal(np.sign(events.pdg[neutrino]), -np.sign(events.pdg[first]))


def test_decay_lengths(events):
    assert kstest(events.proper_length, "expon", args=(0, 25.0)).pvalue > 1e-3
    n = sums(events, events.from_resonance)
    flight = n[:, :3] * events.proper_length[:, None]  # M = 1 GeV
    muon = np.flatnonzero(events.from_signal)[::2]
    # The τ flies before: some 100 µm.
    np.testing.assert_allclose(events.vertex[muon], flight, atol=0.3)


@pytest.mark.parametrize("m_n", [0.4, 1.0, 1.5])
def test_true_mass_is_one_of_the_solutions_in_every_event(library, m_n):
    """With initial-state radiation and unsmeared momenta (arXiv:1908.09719)."""
    particles = generate_hnl(m_n, 2000, np.random.default_rng(6), SQRT_S, ALPHA_0, 0.2, library).particles
    n = sums(particles, particles.from_resonance)
    pair = sums(particles, particles.from_signal)
    first = np.searchsorted(particles.event, np.arange(2000))
    direction = n[:, :3] / np.linalg.norm(n[:, :3], axis=1, keepdims=True)
    solutions = mass_solutions(pair, particles.momentum[first], direction)
    nearest = np.minimum(np.abs(solutions.m_plus - m_n), np.abs(solutions.m_minus - m_n))
    assert nearest.max() < 1e-3
    assert (np.abs(solutions.m_plus - m_n) > 0.01).mean() > 0.1  # and the other one differs


def test_same_seed_same_events(library):
    first, second = (
        generate_hnl(0.6, 50, np.random.default_rng(7), SQRT_S, ALPHA_0, 0.1, library).particles
        for _ in range(2)
    )
    np.testing.assert_array_equal(first.momentum, second.momentum)
    np.testing.assert_array_equal(first.vertex, second.vertex)


@pytest.mark.parametrize("m_n", [0.2, 1.65])
def test_mass_out_of_range(library, m_n):
    with pytest.raises(DarkreachError, match="between"):
        generate_hnl(m_n, 10, np.random.default_rng(1), SQRT_S, ALPHA_0, 0.1, library)
