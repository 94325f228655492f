"""Decays of π⁰ against the integrated Kroll–Wada spectrum and conservation laws."""

import numpy as np
import pytest
from scipy.integrate import quad

from darkreach.models.constants import ELECTRON_MASS
from darkreach.models.constants import NEUTRAL_PION_MASS as PION_MASS
from darkreach.simulation.neutral_pions import (
    dalitz_decays,
    photons_of_pions,
    rotate_to,
    sample_pair_mass_squared,
)
from darkreach.simulation.phase_space import isotropic_directions
from darkreach.simulation.spinors import dot


def pions(n):
    momentum = 1.3 * isotropic_directions(n, np.random.default_rng(1))
    return np.concatenate([momentum, np.full((1, n), np.hypot(1.3, PION_MASS))])


def kroll_wada(q):
    """dΓ/dq of π⁰ → γe⁺e⁻ per Γ(π⁰ → γγ) and α."""
    ratio = (2 * ELECTRON_MASS / q) ** 2
    return 4 / (3 * np.pi) / q * (1 - (q / PION_MASS) ** 2) ** 3 * (1 + ratio / 2) * np.sqrt(1 - ratio)


def test_pair_mass_follows_kroll_and_wada():
    n = 50_000
    q = np.sqrt(sample_pair_mass_squared(n, np.random.default_rng(2)))
    total = quad(lambda t: kroll_wada(np.exp(t)) * np.exp(t), np.log(2 * ELECTRON_MASS), np.log(PION_MASS))[0]
    assert total / 137.036 == pytest.approx(0.0118, abs=1e-4)  # 1.174 % of all π⁰ are 1.188 % of π⁰ → γγ
    for lowest in (0.002, 0.01, 0.04, 0.08):
        above = quad(kroll_wada, lowest, PION_MASS)[0] / total
        assert (q > lowest).mean() == pytest.approx(above, abs=4 * np.sqrt(above / n))


def test_momentum_is_conserved_and_masses_are_right():
    n, rng = 2000, np.random.default_rng(3)
    photon, electron, positron = dalitz_decays(pions(n), rng)
    np.testing.assert_allclose(photon + electron + positron, pions(n), atol=1e-9)
    for particle, mass in ((photon, 0), (electron, ELECTRON_MASS), (positron, ELECTRON_MASS)):
        np.testing.assert_allclose(dot(particle, particle), mass**2, atol=1e-9)
    photons = photons_of_pions(pions(n), rng)
    np.testing.assert_allclose(photons.sum(0), pions(n), atol=1e-9)
    np.testing.assert_allclose(dot(photons, photons), 0, atol=1e-9)


def test_photons_are_isotropic_in_the_rest_frame():
    at_rest = np.tile([[0.0], [0.0], [0.0], [PION_MASS]], 20_000)
    first, _ = photons_of_pions(at_rest, np.random.default_rng(4))
    unit = first[:3] / first[3]
    np.testing.assert_allclose((unit[:, None] * unit).mean(2), np.eye(3) / 3, atol=4 / np.sqrt(20_000))


def test_electron_angle():
    """⟨cos²θ⟩ = 2/5 of 1 + cos²θ for pairs far above threshold; θ to the photon in the pair's rest frame."""
    at_rest = np.tile([[0.0], [0.0], [0.0], [PION_MASS]], 60_000)
    _, electron, positron = dalitz_decays(at_rest, np.random.default_rng(5))
    pair = electron + positron
    heavy = dot(pair, pair) > 0.02**2
    # E₁ − E₂ = β |p_pair| cos θ in the rest frame of the π⁰.
    momentum = np.sqrt((pair[:3] ** 2).sum(0))
    cosine = ((electron - positron)[3] / momentum)[heavy]
    assert (cosine**2).mean() == pytest.approx(0.4, abs=4 * 0.3 / np.sqrt(heavy.sum()) + 0.001)


def test_rotation_keeps_lengths_and_takes_z_to_the_axis():
    rng = np.random.default_rng(6)
    axis = isotropic_directions(100, rng)
    axis[:, 0], axis[:, 1] = (0, 0, 1), (0, 0, -1)
    z = np.tile([[0.0], [0.0], [1.0]], 100)
    np.testing.assert_allclose(rotate_to(z, axis), axis, atol=1e-12)
    first, second = rng.standard_normal((2, 3, 100))
    turned = rotate_to(first, axis), rotate_to(second, axis)
    np.testing.assert_allclose((turned[0] * turned[1]).sum(0), (first * second).sum(0), atol=1e-9)
    # A rotation, not a reflection.
    np.testing.assert_allclose(
        np.cross(*turned, axis=0), rotate_to(np.cross(first, second, axis=0), axis), atol=1e-9
    )
