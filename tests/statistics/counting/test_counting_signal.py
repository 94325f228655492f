"""Signal region and efficiency against the closed-form acceptance of a toy search."""

import counting_toys as toy
import numpy as np
import pytest
from scipy.special import ndtr

from darkreach.errors import DarkreachError
from darkreach.statistics.counting_signal import CountingSignal, LifetimeCurve, SignalRegions


@pytest.fixture(scope="module")
def signal():
    return CountingSignal((toy.EDGES, toy.EDGES), signals(), 0.9)


def signals():
    return toy.templates().channels["light"].signals["hnl"]


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
    thin = {point: toy.signal(*point, events=2) for point in signals()}
    with pytest.raises(DarkreachError, match="0 masses of the signal"):
        CountingSignal((toy.EDGES, toy.EDGES), thin, 0.9)


def test_light_and_heavy_masses_have_channels_of_their_own():
    templates = toy.templates()
    heavy = templates.channels["heavy"].signals["hnl"]
    for template in heavy.values():
        template.generated_events *= 2
    regions = SignalRegions(templates, toy.spec())
    assert [regions.region(m).channel for m in (0.3, 0.74, 0.75, 1.6)] == ["light", "light", "heavy", "heavy"]
    ratio = regions.efficiency(0.7499, 0.3) / regions.efficiency(0.7501, 0.3)
    assert ratio == pytest.approx(2, rel=0.01)


def test_a_scan_beyond_the_simulated_masses_of_a_channel_is_refused():
    templates = toy.templates()
    heavy = templates.channels["heavy"].signals["hnl"]
    templates.channels["heavy"].signals["hnl"] = {p: t for p, t in heavy.items() if p.mass_GeV >= 1.0}
    with pytest.raises(DarkreachError, match=r"0.8 GeV is beyond .* channel 'heavy', 1 to 1.6 GeV"):
        SignalRegions(templates, toy.spec()).check_masses(np.array([0.3, 0.8, 1.6]))
    SignalRegions(templates, toy.spec()).check_masses(np.array([0.3, 0.7, 1.0, 1.6]))


@pytest.mark.parametrize("borders", [(), (0.5, 0.75)])
def test_borders_that_do_not_fit_the_channels_are_refused(borders):
    with pytest.raises(DarkreachError, match="light, heavy, so 1 of them"):
        SignalRegions(toy.templates(), toy.spec(borders=borders))


def test_missing_signal_is_named():
    with pytest.raises(DarkreachError, match=r"no signal 'zprime' \(they have: hnl\)"):
        SignalRegions(toy.templates(), toy.spec().model_copy(update={"model": "zprime"}))
