"""The initial-state radiator against closed forms and known cross-sections with radiation."""

import numpy as np
import pytest

from darkreach.models.constants import ALPHA_0, GEV2_TO_FB, MUON_MASS, TAU_MASS
from darkreach.simulation.radiator import (
    radiator_exponent,
    radiator_nodes,
    sample_radiated_fraction,
    sample_recoiling_system,
    soft_virtual_factor,
)

S = 10.58**2


def pair_cross_section_pb(s, mass):
    """Born cross-section of e⁺e⁻ → l⁺l⁻ by photon exchange."""
    velocity = np.sqrt(1 - 4 * mass**2 / s)
    return 4 * np.pi * ALPHA_0**2 / (3 * s) * velocity * (3 - velocity**2) / 2 * GEV2_TO_FB / 1e3


def test_exponent_at_the_upsilon_4s():
    assert radiator_exponent(S, ALPHA_0) == pytest.approx(0.0877, abs=1e-4)


@pytest.mark.parametrize("x_max", [1e-4, 0.1, 0.5, 0.9, 0.999])
def test_nodes_integrate_the_radiator(x_max):
    beta, delta = radiator_exponent(S, ALPHA_0), soft_virtual_factor(S, ALPHA_0)
    x, weight = radiator_nodes(x_max, S, ALPHA_0, 24)
    assert x.min() >= 0
    assert x.max() <= x_max
    assert weight.sum() == pytest.approx(delta * x_max**beta - beta * (x_max - x_max**2 / 4), rel=1e-8)


def test_soft_photons_give_the_first_order_logarithm():
    # To first order in α: σ(x < ε)/σ₀ = 1 + (2α/π)(L − 1) ln ε + (α/π)(3L/2 + π²/3 − 2).
    alpha, epsilon = 1e-6, 1e-3
    large_log = np.log(S / 0.51099895e-3**2)
    first_order = 2 * (large_log - 1) * np.log(epsilon) + 1.5 * large_log + np.pi**2 / 3 - 2
    _, weight = radiator_nodes(epsilon, S, alpha, 24)
    assert (weight.sum() - 1) / (alpha / np.pi) == pytest.approx(first_order, rel=1e-3)


@pytest.mark.parametrize("mass, minimum, expected", [(MUON_MASS, 1.0, 971), (TAU_MASS, 3.6, 914 / 1.073)])
def test_pair_production_with_radiation(mass, minimum, expected):
    # Independent calculations with the same radiator, in pb; 1.073 is their vacuum polarisation.
    x, weight = radiator_nodes(1 - minimum**2 / S, S, ALPHA_0, 32)
    assert np.sum(weight * pair_cross_section_pb(S * (1 - x), mass)) == pytest.approx(expected, rel=2e-3)


@pytest.mark.parametrize(
    "function", [np.ones_like, lambda x: 1 / (1 - x), lambda x: np.exp(-20 * x), lambda x: x**2]
)
def test_sampling_agrees_with_the_nodes(function):
    x_max = 1 - 4 / S
    x, ratio = sample_radiated_fraction(200_000, np.random.default_rng(11), S, ALPHA_0, x_max)
    nodes, weight = radiator_nodes(x_max, S, ALPHA_0, 32)
    trials = ratio * function(x)
    error = trials.std() / np.sqrt(len(trials))
    assert error < 0.01 * trials.mean()
    assert abs(trials.mean() - np.sum(weight * function(nodes))) < 4 * error
    assert ratio.min() > 0


def test_weights_are_flat_for_a_cross_section_that_falls_like_one_over_s():
    x, ratio = sample_radiated_fraction(100_000, np.random.default_rng(12), S, ALPHA_0, 1 - 1 / S)
    weight = ratio / (1 - x)
    assert weight.max() < 1.5 * weight.mean()


def test_recoiling_system_has_the_mass_and_momentum_the_photon_leaves():
    system = sample_recoiling_system(1000, np.random.default_rng(13), 10.58, ALPHA_0, 0.8, isr=True)
    x = 1 - system.s / S
    energy = 10.58 * (1 - x / 2)
    np.testing.assert_allclose(np.abs(system.velocity) * energy, 10.58 * x / 2, rtol=1e-9, atol=1e-12)
    assert 0.4 < np.mean(system.velocity > 0) < 0.6


def test_without_radiation_every_collision_is_the_full_one():
    system = sample_recoiling_system(5, np.random.default_rng(14), 10.58, ALPHA_0, 0.8, isr=False)
    assert (system.s == S).all()
    assert (system.velocity == 0).all()
    assert (system.weight == 1).all()
