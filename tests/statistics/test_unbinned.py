"""The unbinned likelihood of benchmarks/unbinned against closed forms, iminuit's own cost, and the engine."""

import sys
from pathlib import Path

import numpy as np
import pytest
from iminuit import Minuit
from iminuit.cost import ExtendedUnbinnedNLL
from scipy.integrate import quad
from scipy.stats import kstest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks" / "unbinned"))

from likelihood import SmoothPeak, UnbinnedLikelihood, Window, best_fit, limits

from darkreach.searches.mumu_resonance import observable_of_mass as reduced_mass
from darkreach.statistics.engine.limits import upper_limits

MASS = 2.0
CL = 0.90


@pytest.fixture(scope="module")
def peak(toy):
    signal = toy.signal_model(toy.templates()).channels["all"]
    sigma, centre = float(signal.resolution(MASS)), float(reduced_mass(MASS))
    low, high = toy.EDGES[np.searchsorted(toy.EDGES, [centre - 25 * sigma, centre + 25 * sigma])]
    return SmoothPeak(signal, MASS, toy.EDGES, low, high)


def candidates(peak, background, signal, seed):
    rng = np.random.default_rng(seed)
    flat = rng.uniform(peak.low, peak.high, rng.poisson(background))
    return np.concatenate([flat, peak.sample(rng.poisson(signal), rng)])


def test_density_integrates_to_the_fractions(peak):
    ends = np.linspace(peak.low, peak.high, 8)
    for low, high, fraction in zip(ends[:-1], ends[1:], peak.fraction(ends), strict=True):
        assert quad(lambda x: peak.density(np.array([x]))[0], low, high, limit=200)[0] == pytest.approx(
            fraction, abs=1e-8
        )
    assert peak.fraction(np.array([peak.low, peak.high]))[0] == pytest.approx(1, abs=0.01)


def test_samples_follow_the_densities(peak):
    rng = np.random.default_rng(3)
    inside = peak.fraction(np.array([peak.low, peak.high]))[0]

    def signal_cdf(x):
        return np.array([peak.fraction(np.array([peak.low, y]))[0] for y in np.atleast_1d(x)]) / inside

    assert kstest(peak.sample(1500, rng), signal_cdf).pvalue > 0.01
    # coefficients 0, 0, 1: the density rises as t²
    window = Window(peak, 2, 4500.0)
    x = window.sample_background(np.array([0.0, 0, 0, 1]), rng)
    assert len(x) == pytest.approx(1500, abs=4 * np.sqrt(1500))
    assert kstest((x - peak.low) / (peak.high - peak.low), lambda t: t**3).pvalue > 0.01


def test_gradient_is_the_derivative(peak):
    likelihood = UnbinnedLikelihood(Window(peak, 2, 100.0), candidates(peak, 100, 10, 1))
    at = np.array([8.0, 0.7, 1.2, 1.1])
    for k, derivative in enumerate(likelihood.gradient(at)):
        step = 1e-5 * np.eye(4)[k]
        numeric = (likelihood.value(at + step) - likelihood.value(at - step)) / 2e-5
        assert derivative == pytest.approx(numeric, abs=1e-5)


@pytest.mark.parametrize("background, signal", [(8, 3), (80, 0), (80, 15), (600, 40)])
def test_best_fit_is_that_of_iminuits_own_cost(peak, background, signal):
    x = candidates(peak, background, signal, background)
    window = Window(peak, 2, float(len(x)))
    best, lowest, without, value = best_fit(UnbinnedLikelihood(window, x), window.scale)

    def model(x, *parameters):
        return window.integrals @ parameters, window.densities(x) @ parameters

    names = ["signal", "c0", "c1", "c2"]
    minuit = Minuit(ExtendedUnbinnedNLL(x, model), *[1.0, 1, 1, 1], name=names)
    minuit.limits = (0, None)
    minuit.migrad()
    assert best[0] == pytest.approx(minuit.values[0], abs=0.02 * max(1, minuit.errors[0]))
    assert lowest <= value
    assert best[1:] @ window.integrals[1:] + best[0] * window.integrals[0] == pytest.approx(len(x), rel=1e-3)
    assert without[0] == 0


def test_minimum_meets_the_conditions_of_a_convex_problem(peak):
    for seed in range(20):
        x = candidates(peak, 12, 2, seed)
        likelihood = UnbinnedLikelihood(Window(peak, 2, float(len(x))), x)
        best, *_ = best_fit(likelihood, len(x))
        gradient = likelihood.gradient(best)
        free = best > 1e-3
        assert np.all(np.abs(gradient[free]) < 0.05)
        assert np.all(gradient[~free] > -0.05)


def test_expected_limit_over_much_flat_background_is_that_of_the_fisher_information(peak):
    """σ² = 1/(∫f²/b − (∫f)²/B) for a free flat background; the median CLs limit at 90 % is 1.645σ."""
    background = 40_000
    points = peak.low + (np.arange(40_000) + 0.5) * (peak.high - peak.low) / 40_000
    window = Window(peak, 0, float(background))
    step = points[1] - points[0]
    density = background / (peak.high - peak.low)
    f = peak.density(points)
    sigma = (np.sum(f**2) * step / density - (f.sum() * step) ** 2 / background) ** -0.5
    evenly = peak.low + (np.arange(background) + 0.5) * (peak.high - peak.low) / background
    result = limits(window, evenly, CL)
    # q̃ of an Asimov data set exceeds the parabola by a third of the relative signal, here 1 %
    assert result.expected == pytest.approx(1.6449 * sigma, rel=0.015)
    assert result.error == pytest.approx(sigma, rel=0.02)
    assert result.observed == pytest.approx(result.expected, rel=0.02)  # the data are the expected ones


def binned_limit(peak, x, bins):
    """The workflow's engine on the same likelihood with bins."""
    edges = np.linspace(peak.low, peak.high, bins + 1)
    window = Window(peak, 0, float(len(x)))
    flat = [len(x) / bins] * bins
    factor = {"type": "normfactor", "data": None}
    samples = [
        {
            "name": "signal",
            "data": peak.fraction(edges).tolist(),
            "modifiers": [factor | {"name": "mu"}],
        },
        {"name": "background", "data": flat, "modifiers": [factor | {"name": "flat"}]},
    ]
    parameters = [
        {"name": "mu", "inits": [1.0], "bounds": [[0, 1e6]]},
        {"name": "flat", "inits": [1.0], "bounds": [[1e-6, 100]]},
    ]
    workspace = {
        "channels": [{"name": "c", "samples": samples}],
        "observations": [{"name": "c", "data": np.histogram(x, edges)[0].astype(float).tolist()}],
        "measurements": [{"name": "m", "config": {"poi": "mu", "parameters": parameters}}],
        "version": "1.0.0",
    }
    return window, upper_limits([workspace], CL)[0]


@pytest.mark.parametrize("background, signal", [(10, 0), (100, 0), (100, 12)])
def test_very_fine_bins_give_the_unbinned_numbers(peak, background, signal):
    x = candidates(peak, background, signal, 7)
    window, binned = binned_limit(peak, x, 5000)
    unbinned = limits(window, x, CL)
    assert unbinned.observed == pytest.approx(binned.observed, rel=2e-3)
    assert unbinned.expected == pytest.approx(binned.expected[2], rel=2e-3)
    assert unbinned.yield_ == pytest.approx(binned.mu_hat, abs=0.01 * unbinned.error)
    assert unbinned.error == pytest.approx(binned.mu_error, rel=5e-3)
    assert unbinned.z == pytest.approx(binned.z, abs=5e-3)


@pytest.mark.parametrize("bins", [100, 50, 25])
def test_loss_over_much_background_is_that_of_the_information(peak, bins):
    """Of ∫f²/b a histogram with n equal bins keeps Σ F_i² n/B, F_i the signal in bin i."""
    background = 20_000
    x = peak.low + (np.arange(background) + 0.5) * (peak.high - peak.low) / background
    window, binned = binned_limit(peak, x, bins)
    fine = peak.fraction(np.linspace(peak.low, peak.high, 5001))
    coarse = fine.reshape(bins, -1).sum(1)
    inside = fine.sum()
    information = [np.sum(f**2) * len(f) - inside**2 for f in (fine, coarse)]
    loss = np.sqrt(information[0] / information[1])
    assert loss > 1.003
    assert binned.expected[2] / limits(window, x, CL).expected == pytest.approx(loss, rel=1e-3)
