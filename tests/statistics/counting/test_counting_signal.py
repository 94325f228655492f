"""Signal region and efficiency against the closed-form acceptance of a toy search."""

import counting_toys as toy
import numpy as np
import pytest
from scipy.special import ndtr

from darkreach.errors import DarkreachError
from darkreach.statistics.counting_signal import CountingSignal, LifetimeCurve, counting_signal


@pytest.fixture(scope="module")
def signal():
    return counting_signal(toy.templates(), toy.spec())


def share_in_window(signal, mass):
    """Of a round spot at the mass."""
    window = signal.window(mass)
    axis = [
        ndtr((toy.EDGES[b] - mass) / toy.WIDTH) - ndtr((toy.EDGES[a] - mass) / toy.WIDTH)
        for a, b in zip(window.first, window.last, strict=True)
    ]
    return axis[0] * axis[1]


@pytest.mark.parametrize("mass", toy.MASSES)
def test_the_signal_region_holds_at_least_the_wanted_fraction_and_hardly_more_than_it_needs(signal, mass):
    assert 0.9 <= share_in_window(signal, mass) < 0.97


@pytest.mark.parametrize("mass", [0.45, 0.8, 1.3])
def test_the_signal_region_follows_the_mass_between_simulated_ones(signal, mass):
    assert 0.88 < share_in_window(signal, mass) < 0.98


@pytest.mark.parametrize("lifetime", np.geomspace(0.01, 200, 23))
def test_efficiency_is_the_closed_form_acceptance(signal, lifetime):
    expected = toy.PEAK * toy.acceptance(lifetime) * share_in_window(signal, 1.0)
    assert signal.efficiency(1.0, lifetime) == pytest.approx(expected, rel=0.025)


def test_shorter_lifetimes_than_simulated_fall_exponentially(signal):
    for lifetime in (0.007, 0.005, 0.003):
        expected = toy.PEAK * toy.acceptance(lifetime) * share_in_window(signal, 1.0)
        assert signal.efficiency(1.0, lifetime) == pytest.approx(expected, rel=0.02)
    assert signal.efficiency(1.0, 0.0) == 0.0
    assert signal.efficiency(1.0, 1e-5) < 1e-100


def test_longer_lifetimes_than_simulated_fall_like_one_over_the_lifetime(signal):
    assert signal.efficiency(1.0, 1e4) == pytest.approx(signal.efficiency(1.0, 1e3) / 10)


def test_efficiency_is_linear_between_masses(signal):
    low, high = (signal.efficiency(mass, 0.3) for mass in (0.6, 1.0))
    assert signal.efficiency(0.7, 0.3) == pytest.approx(0.75 * low + 0.25 * high)


def test_a_curve_with_one_lifetime_is_constant_below_and_falls_above():
    curve = LifetimeCurve({0.1: 0.2})
    assert [curve(0.05), curve(0.1), curve(1.0)] == pytest.approx([0.2, 0.2, 0.02])
    assert LifetimeCurve({0.1: 0.0})(0.1) == 0.0


def test_thin_templates_are_left_out_and_too_few_are_refused():
    signals = {
        point: toy.signal(*point, events=10) for point in toy.templates().channels["signal"].signals["hnl"]
    }
    with pytest.raises(DarkreachError, match="0 masses of the signal"):
        CountingSignal((toy.EDGES, toy.EDGES), signals, 0.9)


def test_missing_signal_is_named():
    with pytest.raises(DarkreachError, match=r"no signal 'zprime' \(they have: hnl\)"):
        counting_signal(toy.templates(), toy.spec().model_copy(update={"model": "zprime"}))
