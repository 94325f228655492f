"""Widths, branching fractions and lifetimes of the models against closed forms."""

import numpy as np
import pytest

from darkreach.errors import DarkreachError
from darkreach.models.constants import ALPHA_0, MUON_MASS, TAU_MASS
from darkreach.models.photon_loops import scalar_loop
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


@pytest.mark.parametrize("name", MODELS)
def test_widths_scale_with_the_coupling_squared_and_take_arrays(name):
    masses = np.array([0.05, 0.3, 4.0, 9.0])
    model = MODELS[name]
    np.testing.assert_allclose(model.width(masses, 0.1), 0.01 * model.width(masses, 1.0))
    np.testing.assert_allclose(model.ctau_m(masses, 0.1) * model.width(masses, 0.1), 1.973269804e-16)
    assert [float(model.width(mass, 1.0)) for mass in masses] == pytest.approx(list(model.width(masses, 1.0)))


def test_unknown_model_is_answered_with_the_nearest_name():
    with pytest.raises(DarkreachError, match="did you mean 'muonphilic_scalar'"):
        model_named("muonphillic_scalar")
