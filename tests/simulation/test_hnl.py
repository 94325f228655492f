"""Heavy neutral leptons against the closed form of their width, kinematic limits and the mass solutions."""

import numpy as np
import pytest
from scipy.stats import kstest

from darkreach.errors import DarkreachError
from darkreach.models.constants import ALPHA_0, MUON_MASS, TAU_MASS
from darkreach.models.hnl import PION_MASS, Hnl
from darkreach.searches.mass_solutions import mass_solutions
from darkreach.simulation.hnl import _signal_tau, generate_hnl, largest_weight, pion_asymmetry, sample_mumunu
from darkreach.simulation.spinors import dot
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
    _, weight = sample_mumunu(m_n, 100_000, np.random.default_rng(3))
    expected = float(Hnl().partial_widths(m_n, 1.0)["mumunu"])
    error = weight.std() / np.sqrt(len(weight))
    assert error < 0.003 * expected
    assert abs(weight.mean() - expected) < 4 * error
    assert weight.max() < largest_weight(m_n)


def test_decay_of_n_conserves_momentum():
    momenta, _ = sample_mumunu(0.8, 1000, np.random.default_rng(4))
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
