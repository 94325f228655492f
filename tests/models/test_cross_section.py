"""The cross-section of e⁺e⁻ → μ⁺μ⁻X against closed forms, limits and itself at other orders."""

import numpy as np
import pytest
from scipy.special import spence

from darkreach.errors import DarkreachError
from darkreach.models.constants import ALPHA_0, GEV2_TO_FB, MUON_MASS
from darkreach.models.cross_section import (
    born_cross_section_fb,
    cross_section_curve,
    cross_section_fb,
    current_trace,
)

SQRT_S = 10.58


def massless_vector_cross_section_fb(mass: float, s: float) -> float:
    """σ(γ* → f f̄ V) for massless f and unit coupling: the real emission of a massive vector boson.

    F = (1+r)²[3 ln r + ln²r] + 5(1−r²) − 2r ln r − 2(1+r)²[ln²(1+r) + 2 Li₂(1/(1+r)) − π²/6], r = M²/s.
    """
    r = mass**2 / s
    dilogarithm = spence(1 - 1 / (1 + r))
    f = (1 + r) ** 2 * (3 * np.log(r) + np.log(r) ** 2) + 5 * (1 - r**2) - 2 * r * np.log(r)
    f -= 2 * (1 + r) ** 2 * (np.log(1 + r) ** 2 + 2 * dilogarithm - np.pi**2 / 6)
    return 4 * np.pi * ALPHA_0**2 / (3 * s) * GEV2_TO_FB / (8 * np.pi**2) * f


@pytest.mark.parametrize("mass", [2.0, 5.0, 9.0])
def test_massless_leptons_give_the_closed_form_of_a_vector(mass):
    value = born_cross_section_fb("vector", mass, SQRT_S**2, ALPHA_0, lepton_mass=1e-4, order=64)
    assert value == pytest.approx(massless_vector_cross_section_fb(mass, SQRT_S**2), rel=1e-6)


def test_massless_closed_form_at_5_gev_is_2_pb():
    assert massless_vector_cross_section_fb(5.0, SQRT_S**2) == pytest.approx(2037, abs=1)


@pytest.mark.parametrize("vertex", ["vector", "scalar"])
def test_soft_x_is_radiated_with_the_eikonal_factor(vertex):
    # The vector couples to p₁/(p₁·k) − p₂/(p₂·k), the scalar to m/(p₁·k) + m/(p₂·k); x = 2p₁·k for M → 0.
    s, m2 = SQRT_S**2, MUON_MASS**2
    x, y = 2e-9 * s, 1e-9 * s
    eikonal = {
        "vector": 4 * (s - 2 * m2) / (x * y) - 4 * m2 * (1 / x**2 + 1 / y**2),
        "scalar": 4 * m2 * (1 / x + 1 / y) ** 2,
    }
    without_x = 4 * (s + 2 * m2)  # −Σ j·j* of γ* → μ⁺μ⁻
    trace = current_trace(vertex, s, 1e-9, x, y)
    assert trace == pytest.approx(without_x * eikonal[vertex], rel=1e-4)


@pytest.mark.parametrize("name", ["zprime", "muonphilic_scalar"])
@pytest.mark.parametrize("mass", [0.05, 0.25, 1, 4, 8, 9.5, 10.3])
@pytest.mark.parametrize("isr", [False, True])
def test_integration_error_is_far_below_half_a_percent(name, mass, isr):
    value, error = cross_section_fb(name, mass, 0.01, SQRT_S, ALPHA_0, isr)
    assert value > 0
    assert error < 1e-5 * value


def test_scaling_with_coupling_and_alpha():
    reference, _ = cross_section_fb("zprime", 2.0, 1.0, SQRT_S, ALPHA_0)
    value, _ = cross_section_fb("zprime", 2.0, 0.1, SQRT_S, 1 / 128)
    assert value == pytest.approx(reference * 0.01 * (137.035999 / 128) ** 2)


@pytest.mark.parametrize("name", ["zprime", "muonphilic_scalar"])
@pytest.mark.parametrize("isr", [False, True])
def test_curve_agrees_with_single_points(name, isr):
    masses = np.linspace(0.05, 10.3, 120)
    curve = cross_section_curve(name, masses, SQRT_S, ALPHA_0, isr)
    for index in (0, 1, 7, 60, 118, 119):
        single, _ = cross_section_fb(name, masses[index], 1.0, SQRT_S, ALPHA_0, isr)
        assert curve[index] == pytest.approx(single, rel=1e-5)


def test_cross_section_vanishes_at_threshold_and_below():
    threshold = SQRT_S - 2 * MUON_MASS
    masses = np.array([threshold - 1e-2, threshold - 1e-3, threshold + 1e-3])
    value = born_cross_section_fb("vector", masses, SQRT_S**2, ALPHA_0)
    assert value[2] == 0
    # Three-body phase space of slow muons: σ ~ (√s − threshold)² at least.
    assert value[1] / value[0] < 2e-2


@pytest.mark.parametrize(
    "arguments, message",
    [
        (("zprime", 10.4, 1.0), "below 10.36"),
        (("zprime", -1.0, 1.0), "mass is -1"),
        (("zprime", 1.0, 0.0), "coupling is 0"),
        (("zprime", 1.0, 1.0, float("nan")), "sqrt_s is nan"),
        (("photon", 1.0, 1.0), "no model 'photon'"),
    ],
)
def test_bad_input_is_answered_with_one_sentence(arguments, message):
    with pytest.raises(DarkreachError, match=message):
        cross_section_fb(*arguments)
