"""The signal model against the shapes it was simulated from."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import exponnorm, norm

from darkreach.columnar.templates import SignalTemplate
from darkreach.errors import DarkreachError
from darkreach.searches.mumu_resonance import (
    mass_of_observable as dimuon_mass,
)
from darkreach.searches.mumu_resonance import (
    observable_of_mass as reduced_mass,
)
from darkreach.statistics.resolution import effective_entries, peak_of
from darkreach.statistics.signal_model import SignalModel


def prompt_signals(toy, **settings):
    """Mass in GeV → template."""
    signals = toy.templates(**settings).channels["all"].signals["zprime"]
    return {point.mass_GeV: template for point, template in signals.items()}


def model_of(signals, **settings):
    edges = np.arange(0, 10 + 1e-9, 0.00025)
    return SignalModel(edges, signals, "zprime", reduced_mass, **settings)


@pytest.fixture(scope="module")
def signal(toy):
    return model_of(prompt_signals(toy))


def true_sigma(toy, mass):
    """Half of the central 68.27 % interval, which is symmetric."""
    centre = reduced_mass(mass)
    return brentq(lambda d: toy.signal_cdf(centre + d, mass) - 0.841344746, 1e-4, 0.05)


def test_reduced_mass_is_the_muon_momentum_doubled():
    assert reduced_mass(0.212) == pytest.approx(2 * np.sqrt(0.106**2 - 0.1056583755**2))
    assert reduced_mass(0.2) == 0
    np.testing.assert_allclose(dimuon_mass(reduced_mass([0.212, 1.0, 9.0])), [0.212, 1.0, 9.0])


def test_peak_of_a_uniform_distribution_is_known():
    peak = peak_of(np.linspace(0, 4, 9), np.array([0, 0, 1, 1, 1, 1, 0, 0.0]))
    assert peak.median == pytest.approx(2.0)
    assert peak.sigma == pytest.approx(0.682689492 * 2 / 2)


def test_a_tail_to_one_side_hardly_widens_a_peak():
    """Three quarters Gaussian of σ = 1, one quarter radiates: convolved with an exponential of length 10."""
    edges = np.linspace(-10, 150, 16001)
    middle = (edges[1:] + edges[:-1]) / 2
    tail = exponnorm.pdf(middle, 10.0)
    density = 0.75 * norm.pdf(middle) + 0.25 * tail
    cumulative = np.cumsum(density) / density.sum()
    low, high = np.interp([0.158655, 0.841345], cumulative, edges[1:])
    found = peak_of(edges, density).sigma
    # nearly all of the core: 0.68/0.75 of it is within 1.7 σ
    assert 1.2 < found < norm.ppf(0.5 + 0.5 * 0.6827 / 0.75)
    assert (high - low) / 2 > 1.7 * found


def test_peak_ignores_gaps_between_sparse_entries():
    values = np.zeros(100)
    values[[10, 50, 90]] = 1
    peak = peak_of(np.arange(101.0), values)
    assert 50 <= peak.median <= 51
    assert 39.5 <= peak.sigma <= 40.5


def test_effective_entries_of_weighted_entries():
    assert effective_entries(np.array([4.0, 6.0]), np.array([4.0, 6.0])) == pytest.approx(10)
    assert effective_entries(np.array([8.0]), np.array([32.0])) == pytest.approx(2)  # two of weight 4


def test_efficiency_and_resolution_are_those_simulated(toy, signal):
    for mass in toy.MASSES:
        assert signal.efficiency(mass) == pytest.approx(toy.efficiency(mass), rel=1e-3)
        # the lowest are only four fine bins wide
        assert signal.resolution(mass) == pytest.approx(true_sigma(toy, mass), rel=0.01)
        assert abs(signal.peak_offset(mass)) < 0.02 * signal.resolution(mass)


def test_template_at_a_simulated_mass_is_the_simulated_one(toy):
    signals = prompt_signals(toy, signal_rng=np.random.default_rng(2))
    signal = model_of(signals)
    low, high = toy.EDGES[:-1], toy.EDGES[1:]
    for mass in (0.212, 2.0, 9.3):
        simulated = signals[mass]
        expected = (
            signal.efficiency(mass) * simulated.generated_events * signal.expected_fractions(mass, low, high)
        )
        np.testing.assert_allclose(expected, simulated.values, atol=1e-6)


@pytest.mark.parametrize("mass", [0.2125, 0.35, 3.1, 8.7])
@pytest.mark.parametrize("variation", [(0.0, 1.0), (0.3, 1.0), (-0.3, 1.0), (0.0, 1.2), (0.0, 0.8)])
def test_yield_is_conserved(toy, signal, mass, variation):
    fractions = signal.expected_fractions(mass, toy.EDGES[:-1], toy.EDGES[1:], *variation)
    assert fractions.sum() == pytest.approx(1, abs=1e-12)
    assert fractions.min() > -1e-15


@pytest.mark.parametrize("mass", [0.25, 0.8, 2.7, 5.0, 8.0])
def test_leave_one_out_closure(toy, mass):
    signals = prompt_signals(toy)
    without = {m: template for m, template in signals.items() if m != mass}
    signal = model_of(without)
    assert signal.efficiency(mass) == pytest.approx(toy.efficiency(mass), rel=0.01)
    assert signal.resolution(mass) == pytest.approx(true_sigma(toy, mass), rel=0.02)
    fractions = signal.expected_fractions(mass, toy.EDGES[:-1], toy.EDGES[1:])
    distance = np.abs(np.cumsum(fractions) - toy.signal_cdf(toy.EDGES[1:], mass)).max()
    assert distance < 0.01


def test_the_efficiency_jumps_where_the_selection_changes(toy):
    """Twice the efficiency above 4 GeV: known from simulated masses that lie 0.6 GeV from the border."""
    border = 4.0
    signals = {
        mass: SignalTemplate(
            template.values * (2 if mass > border else 1), template.variances, template.generated_events
        )
        for mass, template in prompt_signals(toy).items()
        if abs(mass - border) > 0.6
    }
    signal = model_of(signals, region_borders=[border])
    assert signal.efficiency(3.97) == pytest.approx(toy.efficiency(3.97), rel=0.03)
    assert signal.efficiency(4.03) == pytest.approx(2 * toy.efficiency(4.03), rel=0.03)
    assert signal.efficiency(4.0) == pytest.approx(1.5 * toy.efficiency(4.0), rel=0.03)


@pytest.mark.parametrize("mass", [1.2, 6.0])
def test_variations_move_and_stretch_the_peak_as_asked(toy, signal, mass):
    low, high = toy.EDGES[:-1], toy.EDGES[1:]
    nominal = peak_of(toy.EDGES, signal.expected_fractions(mass, low, high))
    shifted = peak_of(toy.EDGES, signal.expected_fractions(mass, low, high, shift_sigma=0.1))
    wider = peak_of(toy.EDGES, signal.expected_fractions(mass, low, high, width_factor=1.05))
    assert shifted.median - nominal.median == pytest.approx(0.1 * nominal.sigma, rel=0.02)
    assert shifted.sigma == pytest.approx(nominal.sigma, rel=5e-3)
    assert wider.sigma == pytest.approx(1.05 * nominal.sigma, rel=5e-3)
    assert wider.median == pytest.approx(nominal.median, abs=0.01 * nominal.sigma)


def test_an_asymmetric_peak_keeps_its_offset(toy):
    signals = {}
    for mass in toy.MASSES:  # reconstructed half a core resolution too high
        values = 1e4 * np.diff(toy.signal_cdf(toy.EDGES, mass, shift_sigma=0.5))
        signals[mass] = SignalTemplate(values, values, 1e4)
    signal = model_of(signals)
    for mass in (0.5, 2.3, 7.0):
        assert signal.peak_offset(mass) == pytest.approx(0.5 * toy.core_resolution(mass), rel=0.02)
        peak = peak_of(toy.EDGES, signal.expected_fractions(mass, toy.EDGES[:-1], toy.EDGES[1:]))
        assert peak.median - reduced_mass(mass) == pytest.approx(0.5 * toy.core_resolution(mass), rel=0.03)


def test_a_mass_with_few_entries_gives_efficiency_but_no_shape(toy):
    signals = prompt_signals(toy)
    few = np.zeros(len(toy.EDGES) - 1)
    few[[7000, 8000, 9000]] = 1
    signals[2.0] = SignalTemplate(few, few, 1000)
    signal = model_of(signals)
    assert signal.efficiency(2.0) == pytest.approx(0.003)
    assert signal.resolution(2.0) == pytest.approx(true_sigma(toy, 2.0), rel=0.03)


def test_without_shapes_the_model_is_named(toy):
    empty = np.zeros(len(toy.EDGES) - 1)
    signals = {mass: SignalTemplate(empty, empty, 100) for mass in (1.0, 2.0)}
    with pytest.raises(DarkreachError, match="'zprime': only 0 of 2"):
        model_of(signals)
