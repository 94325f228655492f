"""The signal generator against the deterministic cross-section and the full matrix element of the decay."""

import numpy as np
import pytest

from darkreach.errors import DarkreachError
from darkreach.models.constants import ALPHA_0, MUON_MASS
from darkreach.models.cross_section import born_cross_section_fb, cross_section_fb
from darkreach.simulation.amplitudes import Line, annihilation_current, pair_x_amplitude
from darkreach.simulation.phase_space import beam_momenta, decay_to_pair, isotropic_directions
from darkreach.simulation.signal import generate_signal
from darkreach.simulation.signal_decay import decay_directions
from darkreach.simulation.signal_production import produce_signal, production_amplitudes, sample_signal
from darkreach.simulation.spinors import dot

SQRT_S = 10.58
VERTEX = {"zprime": "vector", "muonphilic_scalar": "scalar"}


@pytest.mark.parametrize("vertex", ["vector", "scalar", "pseudoscalar"])
@pytest.mark.parametrize("mass", [0.25, 1, 4, 8, 9.5])
def test_mean_weight_is_the_deterministic_cross_section(vertex, mass):
    s = np.full(100_000, SQRT_S**2)
    _, weight = sample_signal(vertex, mass, MUON_MASS, s, np.random.default_rng(31), ALPHA_0)
    error = weight.std() / np.sqrt(len(weight))
    expected = born_cross_section_fb(vertex, mass, SQRT_S**2, ALPHA_0)
    assert error < 0.006 * expected
    assert abs(weight.mean() - expected) < 4 * error


@pytest.mark.parametrize("model", VERTEX)
@pytest.mark.parametrize("mass", [0.25, 4, 9.5])
def test_with_radiation_it_still_is(model, mass):
    rng = np.random.default_rng(32)
    produced = produce_signal(VERTEX[model], mass, MUON_MASS, 2000, rng, SQRT_S, ALPHA_0, isr=True)
    expected, _ = cross_section_fb(model, mass, 1.0, SQRT_S, ALPHA_0, isr=True)
    assert produced.mean_weight_error < 0.01 * expected
    assert abs(produced.mean_weight - expected) < 4 * produced.mean_weight_error
    assert produced.efficiency > 0.05
    assert produced.excess < 3e-3


def test_unweighted_events_follow_the_weighted_distribution():
    mass, n = 1.0, 20_000
    rng = np.random.default_rng(33)
    momenta, weight = sample_signal("vector", mass, MUON_MASS, np.full(200_000, SQRT_S**2), rng, ALPHA_0)
    events = produce_signal("vector", mass, MUON_MASS, n, rng, SQRT_S, ALPHA_0, isr=False).payload

    def pair_mass(momenta):
        pair = momenta[0] + momenta[1]
        return np.sqrt(dot(pair, pair))

    def cos_theta(momenta):
        return momenta[0, 2] / np.sqrt((momenta[0, :3] ** 2).sum(0))

    for observable, bins in (
        (pair_mass, np.linspace(0.2, SQRT_S - mass, 21)),
        (cos_theta, np.linspace(-1, 1, 21)),
    ):
        observed, _ = np.histogram(observable(events), bins)
        values = observable(momenta)
        expected, _ = np.histogram(values, bins, weights=weight)
        variance, _ = np.histogram(values, bins, weights=weight**2)
        scale = n / weight.sum()
        chi2 = np.sum((observed - scale * expected) ** 2 / (scale * expected + scale**2 * variance))
        assert chi2 < 45  # 20 bins: 0.1 % probability


def matrix_element_with_decay(produced: np.ndarray, pair: np.ndarray) -> np.ndarray:
    """Σ|M|² of e⁺e⁻ → μ⁺μ⁻X → 4μ with the decay current in the place of X, (n,)."""
    beams = beam_momenta(np.full(produced.shape[-1], SQRT_S**2))
    muons, decay_current = Line(produced[0], produced[1], MUON_MASS), Line(*pair, MUON_MASS).photon()
    return sum(
        (np.abs(amplitude) ** 2).reshape(-1, produced.shape[-1]).sum(0)
        for amplitude in (
            pair_x_amplitude(annihilation_current(*beams, h), muons, "vector", produced[2], decay_current)
            for h in (0, 1)
        )
    )


@pytest.mark.parametrize("mass", [0.215, 1.0, 4.0])
def test_vector_decays_as_in_the_full_matrix_element(mass):
    # One produced event decayed many times, against isotropic decays with the full matrix element as weight.
    rng = np.random.default_rng(34)
    produced, _ = sample_signal("vector", mass, MUON_MASS, np.full(1, SQRT_S**2), rng, ALPHA_0)
    n = 20_000
    amplitudes = production_amplitudes("vector", mass, MUON_MASS, np.repeat(produced, n, axis=2))
    velocity = np.sqrt(1 - 4 * MUON_MASS**2 / mass**2)
    unit = decay_directions(amplitudes.reshape(-1, 3, n), velocity, n, rng)
    sampled = decay_to_pair(np.repeat(produced[2], n, axis=1), np.full(n, mass), MUON_MASS, unit)
    repeated = np.repeat(produced, 2 * n, axis=2)
    pair = decay_to_pair(repeated[2], np.full(2 * n, mass), MUON_MASS, isotropic_directions(2 * n, rng))
    weight = matrix_element_with_decay(repeated, pair)
    scale = n / weight.sum()
    for other in (produced[0], produced[1], beam_momenta(np.full(1, SQRT_S**2))[0]):
        bins = np.quantile(dot(pair[0], other), np.linspace(0, 1, 11))
        bins[0], bins[-1] = -np.inf, np.inf
        observed, _ = np.histogram(dot(sampled[0], other), bins)
        expected, _ = np.histogram(dot(pair[0], other), bins, weights=weight)
        variance, _ = np.histogram(dot(pair[0], other), bins, weights=weight**2)
        chi2 = np.sum((observed - scale * expected) ** 2 / (scale * expected + scale**2 * variance))
        assert chi2 < 30  # 10 bins: 0.1 % probability


def test_scalar_decays_isotropically():
    n = 20_000
    unit = decay_directions(None, 0.9, n, np.random.default_rng(36))
    np.testing.assert_allclose((unit[:, np.newaxis] * unit).mean(2), np.eye(3) / 3, atol=4 / np.sqrt(n))


@pytest.mark.parametrize("model", VERTEX)
@pytest.mark.parametrize("isr", [False, True])
def test_events_are_complete(model, isr):
    n, mass = 500, 3.0
    generated = generate_signal(model, mass, n, np.random.default_rng(37), SQRT_S, ALPHA_0, isr)
    particles = generated.particles
    assert particles.n_events == n
    assert (particles.event == np.repeat(np.arange(n), 4)).all()
    assert (particles.pdg.reshape(n, 4) == [13, -13, 13, -13]).all()
    assert (particles.vertex == 0).all()
    p = particles.momentum.reshape(n, 4, 4)
    np.testing.assert_allclose(p[..., 3] ** 2 - (p[..., :3] ** 2).sum(-1), MUON_MASS**2, atol=1e-10)
    x = p[particles.from_signal.reshape(n, 4)].reshape(n, 2, 4).sum(1)
    np.testing.assert_allclose(x[:, 3] ** 2 - (x[:, :3] ** 2).sum(1), mass**2, rtol=1e-9)
    total = p.sum(1)
    np.testing.assert_allclose(total[:, :2], 0, atol=1e-10)
    # A photon along the beam takes the rest: E + |pz| = √s.
    np.testing.assert_allclose(total[:, 3] + np.abs(total[:, 2]), SQRT_S, rtol=1e-10)
    if not isr:
        np.testing.assert_allclose(total[:, 2], 0, atol=1e-10)
    assert generated.cross_section_fb == cross_section_fb(model, mass, 1.0, SQRT_S, ALPHA_0, isr)[0]


def test_same_seed_same_events():
    first, second, other = (
        generate_signal("zprime", 1.0, 100, np.random.default_rng(seed), SQRT_S, ALPHA_0).particles.momentum
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize("mass, message", [(0.2, "heavier X"), (10.5, "below 10.36")])
def test_mass_out_of_range(mass, message):
    with pytest.raises(DarkreachError, match=message):
        generate_signal("zprime", mass, 10, np.random.default_rng(1), SQRT_S, ALPHA_0)
