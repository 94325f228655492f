"""Lepton identification: its working points, and the meaning of a likelihood ratio."""

import numpy as np
import pytest

from darkreach.simulation.identification import (
    decay_in_flight_probability,
    electron_id,
    largest_passing_quantile,
    muon_id,
    passing_electron_quantile,
    passing_muon_quantile,
    pion_id,
)

N = 100_000
CUT_95 = 1 / (1 + np.exp(-0.76))  # muonID where the efficiency is 95 % and the misidentification 2 %


def tracks(p, theta=np.pi / 2):
    momentum = np.array([p * np.sin(theta), 0.0, p * np.cos(theta), np.hypot(p, 0.1)])
    return np.tile(momentum, (N, 1))


def muon_ids(pdg, p, theta=np.pi / 2, seed=1, detector="belle2"):
    quantile = np.random.default_rng(seed).random(N)
    return muon_id(tracks(p, theta), np.full(N, pdg), quantile, detector)


def electron_ids(pdg, p, detector):
    return electron_id(tracks(p), np.full(N, pdg), np.random.default_rng(4).random(N), detector)


def test_working_point_of_muons():
    assert (muon_ids(13, 2.0) > CUT_95).mean() == pytest.approx(0.95, abs=0.003)
    assert (muon_ids(2212, 2.0) > CUT_95).mean() == pytest.approx(0.02, abs=0.002)


@pytest.mark.parametrize("p", [1.0, 2.0, 4.0])
def test_muon_id_of_one_half_has_the_published_range(p):
    assert 0.93 < (muon_ids(-13, p) > 0.5).mean() < 0.99
    assert 0.02 < (muon_ids(211, p) > 0.5).mean() < 0.065
    assert (muon_ids(11, p) > 0.5).mean() < 0.005


@pytest.mark.parametrize("p", [1.5, 2.5])
def test_working_points_of_belle(p):
    """Above 0.9: 90 % of the muons, 1.4–2 % of the pions; 92–95 % of the electrons, 0.3–1 % of the pions."""
    assert (muon_ids(13, p, detector="belle") > 0.9).mean() == pytest.approx(0.90, abs=0.01)
    assert 0.012 < (muon_ids(-211, p, detector="belle") > 0.9).mean() < 0.022
    assert 0.92 < (electron_ids(11, p, "belle") > 0.9).mean() < 0.95
    assert 0.003 < (electron_ids(211, p, "belle") > 0.9).mean() < 0.01


def test_pions_add_decays_in_flight_to_the_misidentification():
    decays = decay_in_flight_probability(tracks(1.0)[:1])[0]
    assert 0.02 < decays < 0.03
    assert decay_in_flight_probability(tracks(4.0)[:1])[0] == pytest.approx(decays / 4, rel=0.02)
    expected = decays * 0.95 + (1 - decays) * 0.02
    assert (muon_ids(211, 1.0) > CUT_95).mean() == pytest.approx(expected, abs=0.003)


def test_muons_are_lost_below_the_reach_and_outside_the_klm():
    inside = (muon_ids(13, 2.0) > CUT_95).mean()
    assert (muon_ids(13, 0.4) > CUT_95).mean() < 0.5 * inside
    assert (muon_ids(13, 2.0, theta=np.radians(20)) > CUT_95).mean() < 0.5 * inside


@pytest.mark.parametrize("detector", ["belle2", "belle"])
@pytest.mark.parametrize("p", [0.6, 0.7, 2.0])
def test_identifier_is_the_probability_it_claims(p, detector):
    """Of equally many muons and protons, a share x of the tracks with muonID ≈ x are muons."""
    muons, others = muon_ids(13, p, seed=2, detector=detector), muon_ids(2212, p, seed=3, detector=detector)
    edges = np.linspace(0, 1, 6)
    n_muons, n_others = np.histogram(muons, edges)[0], np.histogram(others, edges)[0]
    sums = np.histogram(np.concatenate([muons, others]), edges, weights=np.concatenate([muons, others]))[0]
    total = n_muons + n_others
    error = np.sqrt(n_muons * n_others / total) / total
    assert (np.abs(n_muons / total - sums / total) < 4 * error + 1e-3).all()


def test_electrons():
    assert (electron_ids(11, 2.0, "belle2") > 0.9).mean() > 0.86
    assert (electron_ids(-211, 2.0, "belle2") > 0.9).mean() < 0.02


def test_a_small_quantile_is_a_large_identifier():
    quantile = np.linspace(1e-4, 1 - 1e-4, N)
    for pdg in (11, 13, 2212):
        for identifier in (muon_id, electron_id):
            values = identifier(tracks(1.5), np.full(N, pdg), quantile, "belle2")
            assert (np.diff(values) < 0).all()
    # of a pion's, the smallest ones are decays in flight, and the order holds within both parts
    values = muon_id(tracks(1.5), np.full(N, 211), quantile, "belle2")
    decays = quantile < decay_in_flight_probability(tracks(1.5)[:1])[0]
    assert (np.diff(values[decays]) < 0).all() and (np.diff(values[~decays]) < 0).all()
    assert np.median(values[decays]) > 0.9


@pytest.mark.parametrize("cut", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("pdg", [11, 13, 211, 2212])
def test_what_exceeds_the_bound_does_not_pass(cut, pdg):
    rng = np.random.default_rng(6)
    p, theta = rng.uniform(0.3, 5, N), rng.uniform(0.4, 2.5, N)
    momentum = p[:, None] * np.stack([np.sin(theta), 0 * p, np.cos(theta), np.ones(N)], axis=-1)
    codes, quantile = np.full(N, pdg), rng.random(N)
    for lepton, identifier, bound in (
        ("muon", muon_id, passing_muon_quantile),
        ("electron", electron_id, passing_electron_quantile),
    ):
        passes = identifier(momentum, codes, quantile, "belle") > cut
        bounds = bound(momentum, codes, cut, "belle")
        assert not (passes & (quantile > bounds)).any()
        if pdg != 211:  # decays in flight may fail below their bound
            np.testing.assert_array_equal(passes, quantile < bounds)
        assert bounds.max() <= largest_passing_quantile(lepton, pdg, cut, "belle") + 1e-3


def test_a_pion_is_what_is_no_lepton():
    np.testing.assert_allclose(pion_id(np.array([0.9, 0.1, 0.0]), np.array([0.2, 0.3, 0.0])), [0.1, 0.7, 1.0])
