"""Widths, branching fractions and lifetimes of the models against closed forms."""

import numpy as np
import pytest

from darkreach.errors import DarkreachError
from darkreach.models.constants import ALPHA_0, HIGGS_VEV, LEPTON_MASSES, MUON_MASS, TAU_MASS
from darkreach.models.photon_loops import derivative_pseudoscalar_loop, scalar_loop
from darkreach.models.registry import MODELS, model_named


def test_light_zprime_decays_to_neutrinos_only():
    zprime = MODELS["zprime"]
    widths = zprime.partial_widths(0.2, 0.01)
    assert widths["mumu"] == widths["tautau"] == 0
    assert zprime.width(0.2, 0.01) == pytest.approx(2 * 0.01**2 * 0.2 / (24 * np.pi))


def test_heavy_zprime_decays_equally_to_mu_tau_and_neutrinos():
    fractions = MODELS["zprime"].branching_fractions(1e4)
    assert [fractions[channel] for channel in ("mumu", "tautau", "nunu")] == pytest.approx(
        [1 / 3] * 3, rel=1e-6
    )


def test_zprime_width_between_the_thresholds():
    mass, coupling = 2.0, 0.3
    ratio = (MUON_MASS / mass) ** 2
    expected = coupling**2 * mass / (12 * np.pi) * (1 + 2 * ratio) * np.sqrt(1 - 4 * ratio)
    widths = MODELS["zprime"].partial_widths(mass, coupling)
    assert widths["mumu"] == pytest.approx(expected)
    assert widths["tautau"] == 0
    assert MODELS["zprime"].partial_widths(2 * TAU_MASS * 1.01, coupling)["tautau"] > 0


def test_scalar_width_to_muons():
    mass, coupling = 3.0, 0.02
    expected = coupling**2 * mass / (8 * np.pi) * (1 - 4 * MUON_MASS**2 / mass**2) ** 1.5
    assert MODELS["muonphilic_scalar"].partial_widths(mass, coupling)["mumu"] == pytest.approx(expected)


@pytest.mark.parametrize("mass", [0.3, 1, 5, 10])
def test_scalar_above_threshold_decays_to_muons(mass):
    fractions = MODELS["muonphilic_scalar"].branching_fractions(mass)
    assert 0 < fractions["gammagamma"] < 1e-4
    assert sum(fractions.values()) == pytest.approx(1)


def test_light_scalar_decays_to_photons_as_through_a_heavy_loop():
    mass = 1e-3
    widths = MODELS["muonphilic_scalar"].partial_widths(mass, 1.0)
    heavy_loop = ALPHA_0**2 * mass**3 / (144 * np.pi**3 * MUON_MASS**2)  # low-energy theorem, |F| = 4/3
    assert widths["mumu"] == 0
    assert widths["gammagamma"] == pytest.approx(heavy_loop, rel=1e-4)


def test_loop_function_is_continuous_where_its_form_changes():
    for tau in (1.0, 1e4):
        assert scalar_loop(tau * (1 - 1e-9)) == pytest.approx(scalar_loop(tau * (1 + 1e-9)), rel=1e-3)
    assert scalar_loop(1.0) == pytest.approx(2)


def test_light_fermion_loop_vanishes_as_its_double_logarithm():
    tau = 1e-10
    assert scalar_loop(tau) == pytest.approx(
        2 * tau * (1 - (np.log(4 / tau) - 1j * np.pi) ** 2 / 4), rel=1e-6
    )


@pytest.mark.parametrize("name, power", [(name, 1 if "hnl" in name else 2) for name in MODELS])
def test_widths_scale_with_the_coupling_and_take_arrays(name, power):
    masses = np.array([0.05, 0.3, 4.0, 9.0])
    model = MODELS[name]
    np.testing.assert_allclose(model.width(masses, 0.1), 0.1**power * model.width(masses, 1.0))
    np.testing.assert_allclose(model.ctau_m(masses, 0.1) * model.width(masses, 0.1), 1.973269804e-16)
    assert [float(model.width(mass, 1.0)) for mass in masses] == pytest.approx(list(model.width(masses, 1.0)))


@pytest.mark.parametrize("name", MODELS)
def test_branching_fractions_are_fractions_of_one(name):
    fractions = np.array(list(MODELS[name].branching_fractions(np.geomspace(2e-3, 10, 50)).values()))
    assert (fractions >= 0).all()
    np.testing.assert_allclose(fractions.sum(0), 1)


def test_unknown_model_is_answered_with_the_nearest_name():
    with pytest.raises(DarkreachError, match="did you mean 'muonphilic_scalar'"):
        model_named("muonphillic_scalar")


# ---- leptophilic scalar


@pytest.mark.parametrize("mass, ctau_mm", [(0.04, 28.6), (0.1, 11.0), (0.2, 4.6)])
def test_light_leptophilic_scalar_flies_for_centimetres(mass, ctau_mm):
    assert 1e3 * MODELS["leptophilic_scalar"].ctau_m(mass, 1.0) == pytest.approx(ctau_mm, rel=0.01)


def test_leptophilic_scalar_that_decays_to_muons_is_prompt():
    masses = np.array([0.22, 0.3, 1.0, 6.5])
    assert (MODELS["leptophilic_scalar"].ctau_m(masses, 1.0) < 1e-5).all()
    assert (MODELS["leptophilic_scalar"].ctau_m(masses[1:], 1.0) < 1e-6).all()


def test_widths_at_the_ends_of_the_searches():
    assert MODELS["leptophilic_scalar"].width(6.5, 1.0) == pytest.approx(8e-6, rel=0.01)
    assert MODELS["zprime"].width(8.0, 1.0) == pytest.approx(0.63, rel=0.01)


def test_leptophilic_scalar_decays_as_the_muonphilic_one_with_the_yukawa_coupling():
    leptophilic, muonphilic = MODELS["leptophilic_scalar"], MODELS["muonphilic_scalar"]
    expected = muonphilic.partial_widths(1.0, MUON_MASS / HIGGS_VEV)["mumu"]
    assert leptophilic.partial_widths(1.0, 1.0)["mumu"] == pytest.approx(expected)


def test_three_heavy_leptons_add_up_in_the_photon_width():
    # Below all thresholds each loop is 4/3: nine times the width of one.
    mass = 1e-6
    one = ALPHA_0**2 * mass**3 / (144 * np.pi**3 * HIGGS_VEV**2)
    widths = MODELS["leptophilic_scalar"].partial_widths(mass, 1.0)
    assert widths["gammagamma"] == pytest.approx(9 * one, rel=1e-5)
    assert MODELS["leptophilic_scalar"].branching_fractions(mass)["gammagamma"] == 1


@pytest.mark.parametrize("name", ["leptophilic_scalar", "alp"])
def test_far_above_threshold_leptons_are_shared_by_their_masses_squared(name):
    fractions = MODELS[name].branching_fractions(1e3)
    for lepton, mass in LEPTON_MASSES.items():
        assert fractions[2 * lepton] / fractions["tautau"] == pytest.approx((mass / TAU_MASS) ** 2, rel=1e-4)


# ---- axion-like particle


def test_alp_width_to_leptons():
    # C/Λ = 2/TeV: pseudoscalar coupling 2 m_τ/TeV, s-wave phase space.
    expected = (2e-3 * TAU_MASS) ** 2 * 5 / (8 * np.pi) * np.sqrt(1 - 4 * TAU_MASS**2 / 25)
    assert MODELS["alp"].partial_widths(5.0, 2.0)["tautau"] == pytest.approx(expected)
    assert MODELS["alp"].branching_fractions(5.0)["tautau"] > 0.99


def test_heavy_leptons_decouple_from_the_photon_width_of_an_alp():
    tau = np.array([1e3, 9.99e3, 1.001e4, 1e6])
    np.testing.assert_allclose(derivative_pseudoscalar_loop(tau), -1 / (3 * tau), rtol=1e-3)
    assert derivative_pseudoscalar_loop(1.0) == pytest.approx(1 - np.pi**2 / 4)


def test_massless_leptons_give_an_alp_the_photon_width_of_the_anomaly():
    # Each contributes C α/(4πΛ) a F F̃: Γ = (α C/Λ)² M³/(64π³) per lepton squared.
    assert derivative_pseudoscalar_loop(1e-12) == pytest.approx(1, abs=1e-8)
    mass = 1e4
    width = MODELS["alp"].partial_widths(mass, 1.0)["gammagamma"]
    assert width == pytest.approx((3 * 1e-3 * ALPHA_0) ** 2 * mass**3 / (64 * np.pi**3), rel=1e-4)
