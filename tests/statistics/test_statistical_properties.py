"""What any honest limit must do: scale with the data, find what is there, and find nothing else."""

import numpy as np
import pytest
from scipy.stats import binomtest, kstest

from darkreach.statistics.engine.limits import upper_limits
from darkreach.statistics.grid import Hypothesis
from darkreach.statistics.scan import scan_hypotheses
from darkreach.statistics.workspace import build_workspace

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # from inside pyhf


def scan_hypothesis(templates, signal, mass, spec):
    (row,), _, _ = scan_hypotheses(templates, signal, [Hypothesis(mass)], spec)
    return row


def expected_limit(toy, luminosity, events_per_fb, mass=5.0):
    made = toy.templates(luminosity, events_per_fb=events_per_fb)
    spec = toy.spec(blind=True, systematics=False, **toy.small)
    row = scan_hypothesis(made, toy.signal_model(made), mass, spec)
    assert row["status"] == "ok"
    return row["sigma_limit_exp_fb"]


def test_with_many_events_limits_improve_with_the_square_root_of_the_luminosity(toy):
    few, many = (expected_limit(toy, luminosity, 1e4) for luminosity in (100.0, 1600.0))
    assert few / many == pytest.approx(4, rel=0.02)


def test_without_background_limits_improve_with_the_luminosity(toy):
    few, many = (expected_limit(toy, luminosity, 1e-6) for luminosity in (100.0, 1600.0))
    assert few / many == pytest.approx(16, rel=0.02)


def test_without_background_the_limit_is_a_number_of_events(toy):
    """1.353 expected events at 90 % CL, as in a counting experiment; ±10 σ hold nearly all."""
    events = expected_limit(toy, 100.0, 1e-6) * 100 * toy.efficiency(5.0)
    assert events == pytest.approx(1.353, rel=0.03)


@pytest.mark.parametrize("mass", [0.3, 3.3, 8.0])
def test_an_injected_signal_is_found_where_it_is_and_as_large(toy, mass):
    """The expected spectrum with a signal, so that nothing but the method can be off."""
    cross_section = 1.0
    events = cross_section * 178 * toy.efficiency(mass)
    made = toy.templates(injected=[(mass, events)])
    signal, spec = toy.signal_model(made), toy.spec(**toy.small)
    row = scan_hypothesis(made, signal, mass, spec)
    assert row["sigma_hat_fb"] == pytest.approx(cross_section, rel=0.02)
    assert row["p0_local"] < 1e-3
    assert row["sigma_limit_obs_fb"] > cross_section > row["sigma_limit_exp_fb"]
    away = scan_hypothesis(made, signal, mass + 12 * row["resolution_GeV"], spec)
    assert away["z_local"] < 0.5


def test_injected_signals_have_a_normal_pull_over_toys(toy):
    rng = np.random.default_rng(41)
    mass, cross_section = 4.5, 0.6
    spec = toy.spec(systematics=False, **(toy.small | {"bin_sigma": 2.0}))
    made = toy.templates(injected=[(mass, cross_section * 178 * toy.efficiency(mass))])
    signal, expected = toy.signal_model(made), made.channels["all"].data
    found, limits = [], []
    for _ in range(100):
        made.channels["all"].data = rng.poisson(expected).astype(float)
        row = scan_hypothesis(made, signal, mass, spec)
        found.append(row["sigma_hat_fb"])
        limits.append(row["sigma_limit_obs_fb"])
    error = np.std(found, ddof=1) / np.sqrt(len(found))
    assert abs(np.mean(found) - cross_section) < 3 * error
    assert error < 0.1 * cross_section
    # CLs covers at least as often as it says
    assert binomtest(int(np.sum(np.array(limits) > cross_section)), 100, 0.9, "less").pvalue > 0.01


def test_p_values_of_background_are_uniform(toy):
    """Half of them are exactly ½, as mu ≥ 0; the others are uniform below."""
    rng = np.random.default_rng(42)
    made = toy.templates(luminosity_fb=1000.0)
    signal = toy.signal_model(made)
    spec = toy.spec(systematics=False, half_window_sigma=8, bin_sigma=2.0, background_degree=1)
    workspaces = []
    for _ in range(600):
        made.channels["all"].data = rng.poisson(toy.background(1000.0)).astype(float)
        workspaces.append(build_workspace(made, signal, Hypothesis(2.0), spec))
    p_values = np.array([limit.p0 for limit in upper_limits(workspaces, 0.9)])
    below = p_values[p_values < 0.499]
    assert binomtest(len(below), len(p_values), 0.5).pvalue > 0.01
    assert kstest(below / 0.5, "uniform").pvalue > 0.01
