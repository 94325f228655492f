"""Signals off τ leptons, to τ leptons, to nothing, and with lifetimes: spins, conservation laws, flight."""

import numpy as np
import pytest
from scipy.stats import kstest

from darkreach.errors import DarkreachError
from darkreach.models.constants import ALPHA_0, LEPTON_MASSES, TAU_MASS
from darkreach.models.cross_section import born_cross_section_fb, cross_section_fb
from darkreach.models.hnl import PION_MASS
from darkreach.simulation.amplitudes import pair_x_squared
from darkreach.simulation.phase_space import beam_momenta, polarisation_vectors
from darkreach.simulation.signal import generate_signal
from darkreach.simulation.signal_decay import decay_directions, decay_helicities, draw_helicities
from darkreach.simulation.signal_production import production_amplitudes, sample_signal
from darkreach.simulation.tau_library import TauLibrary, make_tau_library

SQRT_S = 10.58


@pytest.fixture(scope="module")
def library():
    return make_tau_library(np.random.default_rng(1), 1000)


@pytest.fixture(scope="module")
def pions_only():
    """τ⁻ → π⁻ν alone, isotropic but for 1 + cos θ to the spin: made here, so that there are many."""
    n, rng = 40_000, np.random.default_rng(2)
    cosine = rng.uniform(-1, 1, n)
    cosine = np.where(rng.random(n) < (1 + cosine) / 2, cosine, -cosine)
    phi, size = rng.uniform(0, 2 * np.pi, n), (TAU_MASS**2 - PION_MASS**2) / (2 * TAU_MASS)
    sine = np.sqrt(1 - cosine**2)
    space = size * np.stack([sine * np.cos(phi), sine * np.sin(phi), cosine], axis=1)
    momentum = np.empty((n, 2, 4))
    momentum[:, 0, :3], momentum[:, 1, :3] = -space, space
    momentum[:, 0, 3], momentum[:, 1, 3] = size, np.hypot(size, PION_MASS)
    return TauLibrary(
        offsets=2 * np.arange(n + 1),
        pdg=np.tile([16, -211], n),
        momentum=momentum.reshape(-1, 4),
        position=np.zeros((2 * n, 4)),
        charged=np.ones(n, int),
        neutral_pions=np.zeros(n, int),
    )


def generate(model, mass, n, library, seed=3, **options):
    rng = np.random.default_rng(seed)
    return generate_signal(model, mass, n, rng, SQRT_S, ALPHA_0, library=library, **options)


def sums(particles, select):
    event = particles.event[select]
    return np.stack(
        [np.bincount(event, particles.momentum[select, k], particles.n_events) for k in range(4)], -1
    )


def mass_of(momentum):
    return np.sqrt(momentum[..., 3] ** 2 - (momentum[..., :3] ** 2).sum(-1))


@pytest.mark.parametrize("vertex", ["vector", "scalar", "pseudoscalar"])
@pytest.mark.parametrize("mass", [0.05, 1, 5])
def test_mean_weight_off_taus_is_the_deterministic_cross_section(vertex, mass):
    s = np.full(40_000, SQRT_S**2)
    _, weight = sample_signal(vertex, mass, TAU_MASS, s, np.random.default_rng(4), ALPHA_0)
    error = weight.std() / np.sqrt(len(weight))
    expected = born_cross_section_fb(vertex, mass, SQRT_S**2, ALPHA_0, TAU_MASS)
    assert error < 0.01 * expected
    assert abs(weight.mean() - expected) < 4 * error


@pytest.mark.parametrize("production", ["mu", "tau"])
@pytest.mark.parametrize("vertex", ["vector", "scalar"])
def test_amplitudes_by_helicity_sum_up_to_the_whole(vertex, production):
    mass, lepton_mass = 2.0, LEPTON_MASSES[production]
    s = np.full(200, SQRT_S**2)
    momenta, _ = sample_signal(vertex, mass, lepton_mass, s, np.random.default_rng(5), ALPHA_0)
    squares = np.abs(production_amplitudes(vertex, mass, lepton_mass, momenta)) ** 2
    polarisations = polarisation_vectors(momenta[2], np.full(200, mass)) if vertex == "vector" else None
    whole = pair_x_squared(*beam_momenta(s), momenta, vertex, polarisations, lepton_mass)
    np.testing.assert_allclose(squares.sum((0, 1, 2, 3)), whole, rtol=1e-9)


@pytest.mark.parametrize(
    "model, mass, options",
    [
        ("zprime", 8.0, {"decay": "tautau"}),
        ("zprime", 2.0, {"decay": "invisible"}),
        ("alp", 5.0, {"decay": "tautau"}),
        ("leptophilic_scalar", 0.1, {"production": "tau", "decay": "ee", "lifetime_m": 0.01}),
        ("leptophilic_scalar", 3.0, {"production": "tau", "decay": "mumu"}),
        ("leptophilic_scalar", 5.0, {"production": "tau", "decay": "tautau"}),
    ],
)
def test_events_are_complete(model, mass, options, library):
    n = 300
    generated = generate(model, mass, n, library, **options)
    particles = generated.particles
    assert particles.n_events == n and (np.diff(particles.event) >= 0).all()
    total = sums(particles, slice(None))
    np.testing.assert_allclose(total[:, :2], 0, atol=1e-4)
    np.testing.assert_allclose(total[:, 3] + np.abs(total[:, 2]), SQRT_S, rtol=1e-5)
    np.testing.assert_allclose(mass_of(sums(particles, particles.from_resonance)), mass, rtol=1e-4)
    chosen = np.abs(particles.pdg[particles.from_signal])
    expected = {"ee": 11, "mumu": 13}.get(options["decay"], 13)
    n_chosen = 0 if options == {"production": "tau", "decay": "tautau"} else 2 * n
    assert len(chosen) == n_chosen and (chosen == expected).all()
    production = options.get("production", "mu")
    assert (
        generated.cross_section_fb == cross_section_fb(model, mass, 1.0, SQRT_S, ALPHA_0, True, production)[0]
    )


def test_invisible_x_leaves_neutrinos_alone(library):
    particles = generate("zprime", 1.0, 50, library, decay="invisible").particles
    assert set(np.unique(np.abs(particles.pdg[particles.from_resonance]))) == {14}


def cosines_in_rest_frame(particles, mass):
    """cos θ of π⁻ and π⁺ to their τ at rest, from their energies in the rest frame of X: (2, n)."""
    from_x = particles.from_resonance
    x = sums(particles, from_x)
    beta, r = np.sqrt(1 - (2 * TAU_MASS / mass) ** 2), (PION_MASS / TAU_MASS) ** 2
    result = []
    for pdg in (-211, 211):
        pion = particles.momentum[from_x & (particles.pdg == pdg)]
        energy = (pion[:, 3] * x[:, 3] - (pion[:, :3] * x[:, :3]).sum(1)) / mass
        result.append((4 * energy / mass - (1 + r)) / (beta * (1 - r)))
    return np.stack(result)


@pytest.mark.parametrize("model", ["alp", "leptophilic_scalar"])
def test_taus_of_spin_zero_have_equal_helicities(model, pions_only):
    """⟨cos θ₋⟩ = h₋/3 and ⟨cos θ₊⟩ = −h₊/3: one pion is hard when the other is soft, ⟨cos cos⟩ = −1/9."""
    n, mass = 15_000, 6.0
    minus, plus = cosines_in_rest_frame(generate(model, mass, n, pions_only, decay="tautau").particles, mass)
    assert (minus * plus).mean() == pytest.approx(-1 / 9, abs=4 / 3 / np.sqrt(n))
    assert abs(minus.mean()) < 4 * 0.58 / np.sqrt(n)


def test_taus_of_a_vector_have_mostly_opposite_helicities(pions_only):
    """Unpolarised: equal ones in r/(2 + r), r = 4m²/M², so ⟨cos cos⟩ = (2 − r)/(2 + r)/9."""
    n, mass = 15_000, 9.0
    particles = generate("zprime", mass, n, pions_only, decay="tautau").particles
    minus, plus = cosines_in_rest_frame(particles, mass)
    r = (2 * TAU_MASS / mass) ** 2
    assert (minus * plus).mean() == pytest.approx((2 - r) / (2 + r) / 9, abs=4 / 3 / np.sqrt(n))


def test_helicities_of_a_polarised_vector():
    """M along z alone: equal helicities ∝ (1 − β²) cos²θ, opposite ones ∝ sin²θ."""
    n, beta = 60_000, 0.8
    rng = np.random.default_rng(6)
    amplitudes = np.zeros((1, 3, n))
    amplitudes[0, 2] = 1
    unit = decay_directions(amplitudes, beta, n, rng)
    helicity = decay_helicities(amplitudes, beta, unit, rng)
    equal = helicity.prod(1) == 1
    ratio = 1 - beta**2
    assert equal.mean() == pytest.approx(ratio / (2 + ratio), abs=4 * 0.5 / np.sqrt(n))
    # ⟨cos²θ⟩ = 3/5 of cos²θ and 1/5 of sin²θ
    assert (unit[2, equal] ** 2).mean() == pytest.approx(0.6, abs=4 * 0.3 / np.sqrt(equal.sum()))
    assert (unit[2, ~equal] ** 2).mean() == pytest.approx(0.2, abs=4 * 0.3 / np.sqrt((~equal).sum()))


def test_helicities_are_drawn_in_proportion():
    n = 40_000
    probability = np.tile(np.array([[1.0, 2.0], [3.0, 4.0]])[..., np.newaxis], n)
    drawn = draw_helicities(probability, np.random.default_rng(7))
    for expected, (minus, plus) in zip(
        (0.1, 0.2, 0.3, 0.4), ((1, 1), (1, -1), (-1, 1), (-1, -1)), strict=True
    ):
        assert (drawn == (minus, plus)).all(1).mean() == pytest.approx(expected, abs=4 * 0.5 / np.sqrt(n))


def test_a_soft_scalar_leaves_the_produced_taus_as_they_are_without_it(pions_only):
    """Then ⟨cos cos⟩ = (1 − 2 × 5.34 %)/9, as in e⁺e⁻ → τ⁺τ⁻; a hard scalar turns one helicity round."""
    n = 30_000
    options = {"production": "tau", "decay": "ee", "isr": False}
    particles = generate("leptophilic_scalar", 0.02, n, pions_only, **options).particles
    r = (PION_MASS / TAU_MASS) ** 2
    cosine = []
    for pdg, neutrino in ((-211, 16), (211, -16)):
        pion = particles.momentum[particles.pdg == pdg]
        tau = pion + particles.momentum[particles.pdg == neutrino]
        beta = np.linalg.norm(tau[:, :3], axis=1) / tau[:, 3]
        cosine.append((2 * pion[:, 3] / tau[:, 3] - (1 + r)) / (beta * (1 - r)))
    product, energy = cosine[0] * cosine[1], sums(particles, particles.from_resonance)[:, 3]
    soft, hard = product[energy < 0.1], product[energy > 3.5]
    assert len(soft) > 4000
    assert soft.mean() == pytest.approx((1 - 2 * 0.0534) / 9, abs=4 / 3 / np.sqrt(len(soft)))
    assert hard.mean() < 0.03


def test_long_lived_x_decays_where_it_should(library):
    lifetime_m, mass, n = 0.1, 0.1, 3000
    particles = generate(
        "leptophilic_scalar", mass, n, library, production="tau", decay="ee", lifetime_m=lifetime_m
    ).particles
    assert kstest(particles.proper_length, "expon", args=(0, 100 * lifetime_m)).pvalue > 1e-3
    from_x = particles.from_resonance
    flight = sums(particles, from_x)[:, :3] / mass * particles.proper_length[:, np.newaxis]
    np.testing.assert_allclose(particles.vertex[from_x], np.repeat(flight, 2, axis=0), rtol=1e-6)
    assert generate("zprime", 1.0, 10, library).particles.proper_length is None


@pytest.mark.parametrize("decay, mass", [("tautau", 3.5), ("mumu", 0.2)])
def test_mass_below_the_threshold_of_the_decay(decay, mass, library):
    with pytest.raises(DarkreachError, match=f"X → {decay} needs more"):
        generate("zprime", mass, 10, library, decay=decay)


def test_a_scalar_of_muons_is_not_made_with_taus(library):
    with pytest.raises(DarkreachError, match="does not couple"):
        generate("muonphilic_scalar", 1.0, 10, library, production="tau")
