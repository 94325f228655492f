"""Phase-space volumes against closed forms, and kinematics."""

from math import factorial, pi

import numpy as np
import pytest
from scipy.integrate import quad

from darkreach.models.constants import MUON_MASS
from darkreach.simulation.four_body import sample_two_pairs, two_pair_density
from darkreach.simulation.fourmuon import four_body_density, sample_four_body
from darkreach.simulation.phase_space import (
    boost,
    boost_along_z,
    dalitz_volume,
    decay_to_pair,
    isotropic_directions,
    polarisation_vectors,
    sample_dalitz,
    three_body_momenta,
    two_body_momentum,
)
from darkreach.simulation.phase_space_unweighting import Trials, maximum_weight, unweight
from darkreach.simulation.spinors import dot

S = 10.58**2


def massless_volume(n: int, s: float) -> float:
    """∫dΦ_n for massless particles."""
    return (
        (2 * pi) ** (4 - 3 * n) * (pi / 2) ** (n - 1) * s ** (n - 2) / (factorial(n - 1) * factorial(n - 2))
    )


def two_body_volume(s, mass_1, mass_2):
    return two_body_momentum(s, mass_1, mass_2) / (4 * pi * np.sqrt(s))


def three_body_volume(s: float, mass: float, lepton_mass: float) -> float:
    """∫dΦ₃ of l l X by recursion over the mass of the pair."""

    def integrand(pair_mass):
        pair = pair_mass**2
        pair_volume = two_body_volume(pair, lepton_mass, lepton_mass)
        return 2 * pair_mass / (2 * pi) * pair_volume * two_body_volume(s, pair_mass, mass)

    return quad(integrand, 2 * lepton_mass, np.sqrt(s) - mass, epsrel=1e-9)[0]


def four_muon_volume(s: float) -> float:
    """∫dΦ₄ of four muons by recursion over the mass of one pair."""

    def integrand(pair_mass):
        pair_volume = two_body_volume(pair_mass**2, MUON_MASS, MUON_MASS)
        return 2 * pair_mass / (2 * pi) * pair_volume * three_body_volume(s, pair_mass, MUON_MASS)

    return quad(integrand, 2 * MUON_MASS, np.sqrt(s) - 2 * MUON_MASS, epsrel=1e-6)[0]


def assert_mean(values: np.ndarray, expected: float) -> None:
    error = values.std() / np.sqrt(len(values))
    assert error < 0.02 * expected
    assert abs(values.mean() - expected) < 4 * error


def sample_three_body(n, mass, lepton_mass, seed):
    rng = np.random.default_rng(seed)
    s, masses = np.full(n, S), np.full(n, mass)
    x, y = sample_dalitz(s, masses, lepton_mass, rng)
    return s, masses, x, y, three_body_momenta(s, masses, lepton_mass, x, y, rng)


def test_three_massless_particles():
    s, masses, x, y, _ = sample_three_body(200_000, 1e-3, 1e-3, seed=1)
    assert_mean(dalitz_volume(s, masses, 1e-3, x, y), massless_volume(3, S))


@pytest.mark.parametrize("mass", [0.25, 4.0, 10.0])
def test_three_massive_particles(mass):
    s, masses, x, y, _ = sample_three_body(100_000, mass, MUON_MASS, seed=2)
    assert_mean(dalitz_volume(s, masses, MUON_MASS, x, y), three_body_volume(S, mass, MUON_MASS))


def test_four_muons():
    s = np.full(100_000, S)
    momenta, inside = sample_four_body(s, np.random.default_rng(3))
    volume = np.zeros(len(s))
    volume[inside] = 1 / four_body_density(s[inside], momenta[..., inside])
    assert_mean(volume, four_muon_volume(S))


@pytest.mark.parametrize("masses", [(0.01, 0.01), (0.02, 0.01)])
def test_four_nearly_massless_leptons(masses):
    s = np.full(100_000, S)
    momenta, inside = sample_two_pairs(s, masses, np.random.default_rng(4))
    volume = np.zeros(len(s))
    volume[inside] = 1 / two_pair_density(s[inside], momenta[..., inside], masses)
    assert_mean(volume, massless_volume(4, S))


def test_four_body_momenta_are_on_shell_and_conserved():
    s = np.linspace(1, S, 5000)
    momenta, inside = sample_four_body(s, np.random.default_rng(5))
    momenta, s = momenta[..., inside], s[inside]
    np.testing.assert_allclose(dot(momenta, momenta), MUON_MASS**2, atol=1e-11)
    np.testing.assert_allclose(momenta.sum(0)[3], np.sqrt(s), rtol=1e-12)
    np.testing.assert_allclose(momenta.sum(0)[:3], 0, atol=1e-11)


@pytest.mark.parametrize("mass", [0.01, 0.25, 9.5])
def test_three_body_momenta_have_the_sampled_invariants(mass):
    s, _, x, y, momenta = sample_three_body(5000, mass, MUON_MASS, seed=6)
    np.testing.assert_allclose(momenta.sum(0)[3], np.sqrt(s), rtol=1e-12)
    np.testing.assert_allclose(momenta.sum(0)[:3], 0, atol=1e-11)
    np.testing.assert_allclose(dot(momenta[2], momenta[2]), mass**2, atol=1e-11)
    np.testing.assert_allclose(2 * dot(momenta[0], momenta[2]) + mass**2, y, atol=1e-10)
    np.testing.assert_allclose(2 * dot(momenta[1], momenta[2]) + mass**2, x, atol=1e-10)


def test_orientations_are_isotropic():
    *_, momenta = sample_three_body(50_000, 4.0, MUON_MASS, seed=7)
    for particle in momenta:
        unit = particle[:3] / np.sqrt((particle[:3] ** 2).sum(0))
        error = 1 / np.sqrt(unit.shape[1])
        np.testing.assert_allclose(unit.mean(1), 0, atol=4 * error)
        np.testing.assert_allclose((unit[:, np.newaxis] * unit).mean(2), np.eye(3) / 3, atol=4 * error)


def test_boosts_keep_products_and_agree_with_each_other():
    rng = np.random.default_rng(8)
    first, second = rng.normal(size=(2, 4, 100))
    velocity = rng.uniform(-0.9, 0.9, 100)
    boosted = boost_along_z(np.stack([first, second]), velocity)
    np.testing.assert_allclose(dot(*boosted), dot(first, second), rtol=1e-9)
    gamma = 1 / np.sqrt(1 - velocity**2)
    zero = np.zeros(100)
    frame = np.stack([zero, zero, gamma * velocity, gamma])
    np.testing.assert_allclose(boost(first, frame, np.ones(100)), boosted[0], rtol=1e-9, atol=1e-12)


def test_decay_conserves_momentum():
    rng = np.random.default_rng(9)
    space = rng.normal(size=(3, 100))
    parent = np.concatenate([space, np.sqrt(4 + (space**2).sum(0))[np.newaxis]])
    pair = decay_to_pair(parent, np.full(100, 2.0), MUON_MASS, isotropic_directions(100, rng))
    np.testing.assert_allclose(pair.sum(0), parent, atol=1e-12)
    np.testing.assert_allclose(dot(pair, pair), MUON_MASS**2, atol=1e-12)


def test_polarisation_vectors_are_orthonormal_and_transverse():
    rng = np.random.default_rng(10)
    space = rng.normal(size=(3, 50))
    momentum = np.concatenate([space, np.sqrt(1 + (space**2).sum(0))[np.newaxis]])
    vectors = polarisation_vectors(momentum, np.ones(50))
    np.testing.assert_allclose(dot(vectors, momentum[np.newaxis]), 0, atol=1e-12)
    products = dot(vectors[:, np.newaxis], vectors[np.newaxis])
    np.testing.assert_allclose(products, -np.eye(3)[..., np.newaxis] + np.zeros(50), atol=1e-12)


def test_maximum_weight_leaves_the_stated_share_above_it():
    weight = np.random.default_rng(11).exponential(size=100_000)
    maximum = maximum_weight(weight, 1e-3)
    assert np.clip(weight - maximum, 0, None).sum() == pytest.approx(1e-3 * weight.sum(), rel=1e-2)
    assert maximum == pytest.approx(np.log(1000), rel=0.05)  # e^(−W) = 10⁻³ for exponential weights


def test_unweighting_reproduces_a_known_density():
    rng = np.random.default_rng(12)

    def trials(n):
        z = rng.random(n)
        return Trials(z, 3 * z**2)

    events = unweight(trials, 50_000, rng)
    assert events.payload.shape == (50_000,)
    assert events.mean_weight == pytest.approx(1, abs=4 * events.mean_weight_error)
    counts, edges = np.histogram(events.payload, bins=20, range=(0, 1))
    expected = 50_000 * np.diff(edges**3)
    assert np.sum((counts - expected) ** 2 / expected) < 45  # 20 bins: 0.1 % probability


def test_no_events_are_an_empty_batch():
    rng = np.random.default_rng(13)
    events = unweight(lambda n: Trials(rng.random((3, 4, n)), rng.random(n)), 0, rng)
    assert events.payload.shape == (3, 4, 0)
    assert events.mean_weight == pytest.approx(0.5, abs=0.01)
