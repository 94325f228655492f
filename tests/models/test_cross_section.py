"""The cross-section of e⁺e⁻ → μ⁺μ⁻X against closed forms, limits and itself at other orders."""

import numpy as np
import pytest
from scipy.special import spence

from darkreach.errors import DarkreachError
from darkreach.models.constants import ALPHA_0, GEV2_TO_FB, MUON_MASS, TAU_MASS
from darkreach.models.cross_section import (
    born_cross_section_fb,
    cross_section_curve,
    cross_section_fb,
    current_trace,
)
from darkreach.models.dalitz import second_invariant_range
from darkreach.models.registry import MODELS

SQRT_S = 10.58

# Dirac matrices γ^α in the Dirac representation, (4, 4, 4), and the metric.
PAULI = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])
GAMMA = np.array([np.kron([[1, 0], [0, -1]], np.eye(2)), *(np.kron([[0, 1], [-1, 0]], p) for p in PAULI)])
GAMMA_5 = 1j * GAMMA[0] @ GAMMA[1] @ GAMMA[2] @ GAMMA[3]
METRIC = np.array([1.0, -1, -1, -1])


def dirac_trace(vertex: str, s: float, mass: float, x: float, y: float, m: float) -> float:
    """−Σ j·j* of γ*(s) → l⁻l⁺X per e²g² by multiplying matrices, in the plane of the three momenta."""
    root = np.sqrt(s)
    energies = (s - x) / (2 * root), (s - y) / (2 * root)  # of l⁻ and l⁺, for x = (p₂+k)² − m² and y
    p1, p2 = (np.sqrt(energy**2 - m**2) for energy in energies)
    k2 = (root - sum(energies)) ** 2 - mass**2
    cosine = (k2 - p1**2 - p2**2) / (2 * p1 * p2)
    minus = np.array([energies[0], 0, 0, p1])
    plus = np.array([energies[1], p2 * np.sqrt(1 - cosine**2), 0, p2 * cosine])
    emitted = np.array([root, 0, 0, 0]) - minus - plus

    def slash(momentum):
        return np.einsum("a,a,abc->bc", momentum, METRIC, GAMMA)

    unit = np.eye(4)
    vertices = {"vector": GAMMA, "scalar": [unit], "pseudoscalar": [1j * GAMMA_5]}[vertex]
    signs = -METRIC if vertex == "vector" else [1.0]
    total = 0
    for sign, gamma in zip(signs, vertices, strict=True):
        for metric, photon in zip(METRIC, GAMMA, strict=True):
            amplitude = gamma @ (slash(minus + emitted) + m * unit) @ photon / y
            amplitude = amplitude + photon @ (m * unit - slash(plus + emitted)) @ gamma / x
            conjugate = GAMMA[0] @ amplitude.conj().T @ GAMMA[0]
            trace = np.trace((slash(minus) + m * unit) @ amplitude @ (slash(plus) - m * unit) @ conjugate)
            total -= sign * metric * trace.real
    return total


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


def massless_spinless_cross_section_fb(mass: float, s: float) -> float:
    """σ(γ* → f f̄ S) for massless f and unit coupling, the same for scalar and pseudoscalar; own integral.

    J = −(1+r)² ln r − 2(1−r²) + 4r(1+r) ln r + 8r(1−r)
        + r²[ln²r − 2 ln r ln(1+r) − 2 Li₂(1/(1+r)) + 2 Li₂(r/(1+r))]
    with r = M²/s is ∫dx dy of the trace over 4s².
    """
    r = mass**2 / s
    log, dilogarithms = np.log(r), spence(r / (1 + r)) - spence(1 / (1 + r))
    j = -((1 + r) ** 2) * log - 2 * (1 - r**2) + 4 * r * (1 + r) * log + 8 * r * (1 - r)
    j += r**2 * (log**2 - 2 * log * np.log(1 + r) - 2 * dilogarithms)
    return GEV2_TO_FB * (4 * np.pi * ALPHA_0) ** 2 / (6 * s**2) * 4 * s**2 * j / (128 * np.pi**3 * s)


@pytest.mark.parametrize("vertex", ["scalar", "pseudoscalar"])
@pytest.mark.parametrize("mass", [2.0, 5.0, 9.0])
def test_massless_leptons_give_the_closed_form_of_a_spinless_boson(vertex, mass):
    value = born_cross_section_fb(vertex, mass, SQRT_S**2, ALPHA_0, lepton_mass=1e-4, order=64)
    assert value == pytest.approx(massless_spinless_cross_section_fb(mass, SQRT_S**2), rel=1e-6)


@pytest.mark.parametrize("lepton_mass", [MUON_MASS, TAU_MASS])
@pytest.mark.parametrize("vertex", ["vector", "scalar"])
def test_soft_x_is_radiated_with_the_eikonal_factor(vertex, lepton_mass):
    # The vector couples to p₁/(p₁·k) − p₂/(p₂·k), the scalar to m/(p₁·k) + m/(p₂·k); x = 2p₁·k for M → 0.
    s, m2 = SQRT_S**2, lepton_mass**2
    x, y = 2e-9 * s, 1e-9 * s
    eikonal = {
        "vector": 4 * (s - 2 * m2) / (x * y) - 4 * m2 * (1 / x**2 + 1 / y**2),
        "scalar": 4 * m2 * (1 / x + 1 / y) ** 2,
    }
    without_x = 4 * (s + 2 * m2)  # −Σ j·j* of γ* → l⁺l⁻
    trace = current_trace(vertex, s, 1e-9, x, y, lepton_mass)
    assert trace == pytest.approx(without_x * eikonal[vertex], rel=1e-4)


@pytest.mark.parametrize("lepton_mass", [MUON_MASS, TAU_MASS])
@pytest.mark.parametrize("vertex", ["vector", "scalar", "pseudoscalar"])
def test_trace_in_closed_form_is_that_of_the_dirac_matrices(vertex, lepton_mass):
    rng, s, mass = np.random.default_rng(41), SQRT_S**2, 3.0
    for y in lepton_mass * mass * 2 + mass**2 + rng.random(4) * 10:
        x_range = second_invariant_range(s, mass, lepton_mass, y)
        x = rng.uniform(*x_range)
        expected = dirac_trace(vertex, s, mass, x, y, lepton_mass)
        assert current_trace(vertex, s, mass, x, y, lepton_mass) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "name, lepton, highest",
    [
        ("zprime", "mu", 10.3),
        ("muonphilic_scalar", "mu", 10.3),
        ("zprime", "tau", 6.99),
        ("leptophilic_scalar", "tau", 6.99),
        ("alp", "mu", 10.3),
        ("alp", "tau", 6.99),
    ],
)
@pytest.mark.parametrize("isr", [False, True])
def test_integration_error_is_far_below_half_a_percent(name, lepton, highest, isr):
    for mass in (0.05, 0.25, 1, 4, 0.9 * highest, highest):
        value, error = cross_section_fb(name, mass, 0.01, SQRT_S, ALPHA_0, isr, lepton)
        assert value > 0
        assert error < 1e-5 * value


def test_couplings_to_leptons_are_those_of_the_models():
    xi, muon = MODELS["leptophilic_scalar"].coupling_to, MODELS["muonphilic_scalar"].coupling_to
    # g_e,μ,τ per ξ = (2.08e-6, 4.29e-4, 7.22e-3)
    assert [xi(lepton) for lepton in ("e", "mu", "tau")] == pytest.approx(
        [2.08e-6, 4.29e-4, 7.22e-3], rel=3e-3
    )
    assert [muon(lepton) for lepton in ("e", "mu", "tau")] == [0, 1, 0]
    same_vertex, _ = cross_section_fb("muonphilic_scalar", 1.0, xi("mu"))
    assert cross_section_fb("leptophilic_scalar", 1.0, 1.0)[0] == pytest.approx(same_vertex)


def test_a_muon_as_heavy_as_the_tau_radiates_as_the_tau():
    tau, _ = cross_section_fb("zprime", 4.0, 1.0, SQRT_S, ALPHA_0, lepton="tau")
    assert born_cross_section_fb("vector", 4.0, SQRT_S**2, ALPHA_0, TAU_MASS) == pytest.approx(tau)
    muon, _ = cross_section_fb("zprime", 4.0, 1.0, SQRT_S, ALPHA_0)
    assert tau < muon / 2


def test_scaling_with_coupling_and_alpha():
    reference, _ = cross_section_fb("zprime", 2.0, 1.0, SQRT_S, ALPHA_0)
    value, _ = cross_section_fb("zprime", 2.0, 0.1, SQRT_S, 1 / 128)
    assert value == pytest.approx(reference * 0.01 * (137.035999 / 128) ** 2)


@pytest.mark.parametrize(
    "name, lepton, highest",
    [
        ("zprime", "mu", 10.3),
        ("muonphilic_scalar", "mu", 10.3),
        ("leptophilic_scalar", "tau", 6.9),
        ("alp", "tau", 6.9),
    ],
)
@pytest.mark.parametrize("isr", [False, True])
def test_curve_agrees_with_single_points(name, lepton, highest, isr):
    masses = np.linspace(0.04, highest, 120)
    curve = cross_section_curve(name, masses, SQRT_S, ALPHA_0, isr, lepton)
    for index in (0, 1, 7, 60, 118, 119):
        single, _ = cross_section_fb(name, masses[index], 1.0, SQRT_S, ALPHA_0, isr, lepton)
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
        (("zprime", 7.1, 1.0, SQRT_S, ALPHA_0, False, "tau"), "below 7.026.* two τ leptons"),
        (("muonphilic_scalar", 1.0, 1.0, SQRT_S, ALPHA_0, False, "tau"), "does not couple to τ"),
        (("hnl", 1.0, 1e-3), "not made in e⁺e⁻ → l⁺l⁻X"),
    ],
)
def test_bad_input_is_answered_with_one_sentence(arguments, message):
    with pytest.raises(DarkreachError, match=message):
        cross_section_fb(*arguments)
