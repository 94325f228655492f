"""Reweighting of decay lengths against exponentials and against a directly simulated lifetime."""

import numpy as np
import pytest

from darkreach.catalogue.manifest import Component
from darkreach.columnar.lifetimes import generated_events, lifetime_weights, signal_points
from darkreach.columnar.templates import SignalPoint

N = 200_000


def component(lifetime_m, mass=1.0, n=N):
    return Component(process="hnl", mass_GeV=mass, lifetime_m=lifetime_m, generated_events=n)


def lengths_cm(rng, lifetime_m, n=N):
    return rng.exponential(100 * lifetime_m, n) if lifetime_m else np.zeros(n)


def acceptance(lengths_cm):
    """Decays between 10 and 60 cm at βγ = 3."""
    return (3 * lengths_cm > 10) & (3 * lengths_cm < 60)


@pytest.mark.parametrize("wanted", [0.05, 0.1, 0.3, 1.0, 30.0])
@pytest.mark.parametrize("simulated", [(0.1,), (0.03, 0.3)])
def test_acceptance_at_other_lifetimes_is_that_of_the_exponential(simulated, wanted):
    rng = np.random.default_rng(1)
    components = [component(lifetime) for lifetime in simulated]
    lengths = np.concatenate([lengths_cm(rng, lifetime) for lifetime in simulated])
    weights = lifetime_weights(components, SignalPoint(1.0, wanted), np.ones(len(lengths)), lengths)
    passed = acceptance(lengths)
    expected = np.exp(-0.1 / (3 * wanted)) - np.exp(-0.6 / (3 * wanted))
    error = np.sqrt((weights[passed] ** 2).sum()) / len(lengths)
    assert abs(weights[passed].sum() / len(lengths) - expected) < 4 * error
    assert error < 0.02 * expected


def test_reweighted_events_agree_with_directly_simulated_ones():
    rng = np.random.default_rng(2)
    lengths = lengths_cm(rng, 0.2)
    weights = lifetime_weights([component(0.2)], SignalPoint(1.0, 0.08), np.ones(N), lengths)
    direct = lengths_cm(rng, 0.08)
    bins = np.linspace(0, 60, 13)
    reweighted, _ = np.histogram(lengths, bins, weights=weights)
    variances, _ = np.histogram(lengths, bins, weights=weights**2)
    counts, _ = np.histogram(direct, bins)
    chi2 = ((reweighted - counts) ** 2 / (variances + counts)).sum()
    assert chi2 < 34  # 99.9 % for 12 bins


def test_prompt_and_displaced_events_stand_for_their_own():
    components = [component(0.0), component(0.1)]
    assert signal_points(components, [0.0, 0.01, 1.0]) == [(1.0, 0.0), (1.0, 0.01), (1.0, 1.0)]
    assert signal_points(components[:1], [0.0, 0.01]) == [(1.0, 0.0)]
    assert generated_events(components, SignalPoint(1.0, 0.01)) == N
    lengths, mass = np.array([0.0, 5.0]), np.ones(2)
    assert lifetime_weights(components, SignalPoint(1.0, 0.0), mass, lengths).tolist() == [1.0, 0.0]
    assert lifetime_weights(components, SignalPoint(1.0, 0.1), mass, lengths).tolist() == [0.0, 1.0]
    assert lifetime_weights(components, SignalPoint(2.0, 0.1), mass, lengths).tolist() == [0.0, 0.0]


def test_very_short_lifetimes_do_not_overflow():
    weights = lifetime_weights([component(1.0)], SignalPoint(1.0, 1e-6), np.ones(2), np.array([1e-5, 500.0]))
    assert weights[0] == pytest.approx(1e6 * np.exp(-0.1), rel=1e-3) and weights[1] == 0
