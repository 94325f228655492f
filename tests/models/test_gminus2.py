"""One-loop (g−2)μ against limits that are known in closed form."""

import numpy as np
import pytest
from scipy.integrate import quad

from darkreach.models.constants import ALPHA_0, MUON_MASS
from darkreach.models.gminus2 import (
    GM2_BANDS,
    coupling_for_delta_a_mu,
    delta_a_mu_pseudoscalar,
    delta_a_mu_scalar,
    delta_a_mu_vector,
)
from darkreach.models.registry import MODELS


def test_massless_vector_with_charge_e_gives_schwinger():
    assert delta_a_mu_vector(1e-9, np.sqrt(4 * np.pi * ALPHA_0)) == pytest.approx(
        ALPHA_0 / (2 * np.pi), rel=1e-6
    )


def test_massless_scalar_gives_three_halves():
    assert delta_a_mu_scalar(1e-9, 1.0) == pytest.approx(1.5 / (8 * np.pi**2), rel=1e-6)


def test_heavy_vector_decouples():
    mass = 300.0
    assert delta_a_mu_vector(mass, 1.0) == pytest.approx((MUON_MASS / mass) ** 2 / (12 * np.pi**2), rel=1e-4)


def test_heavy_scalar_decouples_with_its_logarithm():
    mass = 300.0
    r2 = (mass / MUON_MASS) ** 2
    assert delta_a_mu_scalar(mass, 1.0) == pytest.approx((np.log(r2) - 7 / 6) / (8 * np.pi**2 * r2), rel=1e-4)


@pytest.mark.parametrize("mass", [0.01, 0.1, 0.25, 1.0, 4.0, 9.0])
def test_quadrature_agrees_with_an_adaptive_one(mass):
    r2 = (mass / MUON_MASS) ** 2
    vector = quad(lambda z: 2 * z**2 * (1 - z) / (z**2 + (1 - z) * r2), 0, 1, epsabs=0, epsrel=1e-11)[0]
    scalar = quad(lambda z: (1 - z) ** 2 * (1 + z) / ((1 - z) ** 2 + z * r2), 0, 1, epsabs=0, epsrel=1e-11)[0]
    assert delta_a_mu_vector(mass, 1.0) == pytest.approx(vector / (8 * np.pi**2), rel=1e-9)
    assert delta_a_mu_scalar(mass, 1.0) == pytest.approx(scalar / (8 * np.pi**2), rel=1e-9)


@pytest.mark.parametrize("name", ["zprime", "muonphilic_scalar", "leptophilic_scalar"])
def test_coupling_for_a_band_reproduces_it(name):
    masses, band = np.array([0.2, 1.0, 8.0]), GM2_BANDS["fnal23_wp20"]
    couplings = coupling_for_delta_a_mu(MODELS[name], masses, band.central)
    np.testing.assert_allclose(MODELS[name].delta_a_mu(masses, couplings), band.central)
    assert np.isnan(coupling_for_delta_a_mu(MODELS[name], masses, -band.central)).all()


def test_massless_pseudoscalar_gives_minus_one_half():
    assert delta_a_mu_pseudoscalar(1e-9, 1.0) == pytest.approx(-0.5 / (8 * np.pi**2), rel=1e-6)


def test_heavy_pseudoscalar_decouples_with_its_logarithm():
    r2 = (300.0 / MUON_MASS) ** 2
    expected = -(np.log(r2) - 11 / 6) / (8 * np.pi**2 * r2)
    assert delta_a_mu_pseudoscalar(300.0, 1.0) == pytest.approx(expected, rel=1e-4)


def test_leptophilic_scalar_shifts_by_its_muon_coupling_alone():
    assert MODELS["leptophilic_scalar"].delta_a_mu(1.0, 1.0) == pytest.approx(
        delta_a_mu_scalar(1.0, MUON_MASS / 246.22)
    )


@pytest.mark.parametrize("difference", [-1e-9, 0.0, 1e-9])
def test_alp_explains_only_a_negative_difference(difference):
    coupling = coupling_for_delta_a_mu(MODELS["alp"], np.array([0.3, 5.0]), difference)
    assert (np.isfinite(coupling) == (difference < 0)).all()
