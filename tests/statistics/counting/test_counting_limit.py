"""Exact limits on a Poisson signal: known values, averaged uncertainties, toys, coverage."""

import counting_toys as toy
import numpy as np
import pytest
from scipy.stats import gamma, poisson

from darkreach.statistics.counting import counting_workspace
from darkreach.statistics.counting_background import CountingBackground
from darkreach.statistics.counting_limit import counting_limit, expected_limits, probability_of
from darkreach.statistics.counting_signal import SignalRegions
from darkreach.statistics.engine.toy_limits import limit_from_toys

SURE = 1e-4  # a relative error that is none


@pytest.mark.parametrize(("n", "limit"), [(0, 2.996), (1, 4.744), (2, 6.296), (3, 7.754)])
def test_without_background_the_limits_are_those_of_poisson(n, limit):
    """95 % CL limits of the Review of Particle Physics, table of Poisson limits."""
    assert counting_limit(n, 1e-9, SURE, SURE, 0.95) == pytest.approx(limit, abs=0.002)
    assert poisson.cdf(n, counting_limit(n, 1e-9, SURE, SURE, 0.90)) == pytest.approx(0.10, abs=1e-5)


def test_without_events_the_limit_does_not_depend_on_the_background():
    for background, error in ((0.1, SURE), (3.0, SURE), (1.0, 0.7)):
        assert counting_limit(0, background, error, SURE, 0.95) == pytest.approx(-np.log(0.05), abs=1e-3)


def test_limits_solve_cls_by_direct_summation():
    n, background, cl = 4, 2.3, 0.95
    limit = counting_limit(n, background, SURE, SURE, cl)
    cls = poisson.cdf(n, limit + background) / poisson.cdf(n, background)
    assert cls == pytest.approx(1 - cl, rel=1e-3)


def test_uncertainties_are_averaged_over():
    rng = np.random.default_rng(1)
    n, background, error, signal_error = 3, 2.0, 0.5, 0.2
    limit = counting_limit(n, background, error, signal_error, 0.95)
    backgrounds = rng.gamma(1 / error**2, background * error**2, 400_000)
    signals = limit * np.exp(np.log1p(signal_error) * rng.standard_normal(400_000))
    with_signal = poisson.cdf(n, signals + backgrounds).mean()
    assert with_signal / poisson.cdf(n, backgrounds).mean() == pytest.approx(0.05, rel=0.02)
    assert limit > counting_limit(n, background, SURE, SURE, 0.95)


def test_expected_limits_are_those_of_the_likely_counts():
    bands = expected_limits(0.5, SURE, SURE, 0.95)
    # 0 events in 61 % of experiments, 1 up to 91 %, 2 up to 98.6 %
    counts = [0, 0, 0, 1, 2]
    assert bands == [counting_limit(n, 0.5, SURE, SURE, 0.95) for n in counts]


def test_the_tail_probability_is_that_of_a_poisson_mean_with_gamma_errors():
    draws = gamma.rvs(1 / 0.5**2, scale=2.0 * 0.5**2, size=400_000, random_state=1)
    for n in range(6):
        expected = poisson.sf(n - 1, draws).mean()
        assert float(probability_of(n, 2.0, 0.5)) == pytest.approx(expected, abs=0.003)
    assert float(probability_of(3, 0.7, SURE)) == pytest.approx(poisson.sf(2, 0.7), rel=1e-3)


@pytest.mark.parametrize(("signal", "background"), [(3.2, 0.3), (4.5, 0.5), (5.5, 2.0), (9.0, 4.0)])
def test_limits_cover(signal, background):
    """The true signal is excluded in at most 5 % of experiments, the uncertainties included."""
    error, signal_error = 0.4, 0.1
    rng = np.random.default_rng(2)
    backgrounds = rng.gamma(1 / error**2, background * error**2, 200_000)
    signals = signal * np.exp(np.log1p(signal_error) * rng.standard_normal(200_000))
    counts = rng.poisson(signals + backgrounds)
    limits = np.array([counting_limit(n, background, error, signal_error, 0.95) for n in range(16)])
    assert np.all(np.diff(limits) > 0)
    assert np.mean(limits[np.minimum(counts, 15)] < signal) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 200_000)


@pytest.mark.parametrize(("n", "background"), [(0, 0.3), (2, 0.3), (3, 1.5)])
def test_limits_agree_with_toys_of_the_profile_likelihood(n, background):
    plane = background * 1e3 / 2.2145  # events in the whole plane for `background` in the window at 1 GeV
    data, control = toy.plane(*[(1.001, 1.001)] * n), toy.control_plane(100)
    templates = toy.templates(background=plane, data=data, control_data=control)
    spec = toy.spec(blind=False, rates={"tau_pairs": 0.1})
    signal, scaled = SignalRegions(templates, spec), CountingBackground(templates, spec)
    expected = scaled.in_region(signal.region(1.0))
    workspace = counting_workspace(templates, signal, scaled, 1.0, 1.0, spec)
    toys = limit_from_toys(workspace, 600, 5, 0.95)
    exact = counting_limit(n, expected.events, scaled.relative_error(expected.simulated), 0.1, 0.95)
    assert exact == pytest.approx(toys.observed, abs=4 * toys.observed_error + 0.1 * exact)
