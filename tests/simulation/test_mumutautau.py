"""e⁺e⁻ → μ⁺μ⁻τ⁺τ⁻ against the published cross-section, symmetries and conservation laws."""

import numpy as np
import pytest

from darkreach.models.constants import ALPHA_0, MUON_MASS, TAU_MASS
from darkreach.simulation.amplitudes import second_pair_helicities, two_pair_squared
from darkreach.simulation.four_body import sample_two_pairs, two_pair_density
from darkreach.simulation.mumutautau import generate_mumutautau, sample_mumutautau
from darkreach.simulation.phase_space import beam_momenta, two_body_momentum
from darkreach.simulation.spinors import dot
from darkreach.simulation.tau_library import make_tau_library

SQRT_S = 10.58
MASSES = (MUON_MASS, TAU_MASS)


@pytest.fixture(scope="module")
def weighted():
    return sample_mumutautau(np.full(60_000, SQRT_S**2), np.random.default_rng(1), ALPHA_0)


@pytest.fixture(scope="module")
def events():
    library = make_tau_library(np.random.default_rng(2), 500)
    return generate_mumutautau(1500, np.random.default_rng(3), SQRT_S, ALPHA_0, library=library)


def test_cross_section_is_the_published_one(weighted):
    """144.1 fb without radiation: AAFH as used by Belle II (basf2, low-multiplicity generators)."""
    weight = weighted[1]
    error = weight.std() / np.sqrt(len(weight))
    assert error < 1.2
    assert abs(weight.mean() - 144.1) < 4 * error


@pytest.mark.parametrize("masses", [MASSES, MASSES[::-1], (TAU_MASS, TAU_MASS)])
def test_phase_space_has_the_right_volume(masses):
    """Φ₄ as the integral over both pair masses of products of two-body volumes |p|/(4π√s)."""
    n = 60_000
    s = np.full(n, SQRT_S**2)
    momenta, inside = sample_two_pairs(s, masses, np.random.default_rng(4))
    weight = np.zeros(n)
    weight[inside] = 1 / two_pair_density(s[inside], momenta[..., inside], masses)

    node, node_weight = np.polynomial.legendre.leggauss(200)
    fraction = (node + 1) / 2
    limits = [(2 * mass, SQRT_S - 2 * other) for mass, other in (masses, masses[::-1])]
    first, second = (low + (high - low) * fraction for low, high in limits)
    first, second = first[:, None], second[None, :]
    volume = two_body_momentum(SQRT_S**2, first, second) / (4 * np.pi * SQRT_S)
    volume = np.where(first + second < SQRT_S, volume, 0)
    for pair, mass in ((first, masses[0]), (second, masses[1])):
        volume = volume * np.sqrt(1 - (2 * mass / pair) ** 2) / (8 * np.pi) * pair / np.pi  # dm²/2π = m dm/π
    widths = np.prod([high - low for low, high in limits]) / 4
    expected = np.einsum("i,j,ij->", node_weight, node_weight, volume) * widths
    # Weights of a sampling along the poles spread widely.
    assert weight.mean() == pytest.approx(expected, abs=4 * weight.std() / np.sqrt(n) + 1e-3 * expected)


def test_helicities_sum_up_to_the_whole(weighted):
    momenta = weighted[0][..., weighted[1] > 0][..., :500]
    beams = beam_momenta(np.full(500, SQRT_S**2))
    by_helicity = second_pair_helicities(*beams, momenta, MASSES)
    np.testing.assert_allclose(by_helicity.sum((0, 1)), two_pair_squared(*beams, momenta, MASSES), rtol=1e-10)
    # Parity turns both round.
    np.testing.assert_allclose(by_helicity, by_helicity[::-1, ::-1], rtol=1e-9)


def test_equal_helicities_are_as_frequent_as_found_before(weighted):
    """P(h₋ = h₊) = 0.21 by an independent calculation."""
    momenta, weight = weighted
    select = np.flatnonzero(weight)[:15_000]
    beams = beam_momenta(np.full(len(select), SQRT_S**2))
    squares = second_pair_helicities(*beams, momenta[..., select], MASSES)
    equal = (squares[0, 0] + squares[1, 1]) / squares.sum((0, 1))
    assert (equal * weight[select]).sum() / weight[select].sum() == pytest.approx(0.21, abs=0.02)


def test_events_are_complete(events):
    particles = events.particles
    n = particles.n_events
    total = np.stack([np.bincount(particles.event, particles.momentum[:, k], n) for k in range(4)], -1)
    np.testing.assert_allclose(total[:, :2], 0, atol=1e-4)
    np.testing.assert_allclose(total[:, 3] + np.abs(total[:, 2]), SQRT_S, rtol=1e-5)
    first = np.searchsorted(particles.event, np.arange(n))
    assert (particles.pdg[first] == 13).all() and (particles.pdg[first + 1] == -13).all()
    minus, plus = particles.momentum[first].T, particles.momentum[first + 1].T
    np.testing.assert_allclose(dot(minus, minus), MUON_MASS**2, atol=1e-9)
    recoil = total.T - minus - plus
    assert (np.sqrt(dot(recoil, recoil)) > 2 * TAU_MASS - 1e-3).all()


def test_radiation_moves_events_below_the_nominal_energy(events):
    particles = events.particles
    total = np.stack([np.bincount(particles.event, particles.momentum[:, k]) for k in range(4)], -1)
    reduced = (total[:, 3] ** 2 - total[:, 2] ** 2) / SQRT_S**2
    assert 0.1 < (reduced < 0.9).mean() < 0.4
    assert events.cross_section_error_fb < 0.02 * events.cross_section_fb
