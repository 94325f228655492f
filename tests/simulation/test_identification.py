"""Lepton identification: its working points, and the meaning of a likelihood ratio."""

import numpy as np
import pytest

from darkreach.simulation.identification import decay_in_flight_probability, electron_id, muon_id

N = 100_000
CUT_95 = 1 / (1 + np.exp(-0.76))  # muonID where the efficiency is 95 % and the misidentification 2 %


def tracks(p, theta=np.pi / 2):
    momentum = np.array([p * np.sin(theta), 0.0, p * np.cos(theta), np.hypot(p, 0.1)])
    return np.tile(momentum, (N, 1))


def muon_ids(pdg, p, theta=np.pi / 2, seed=1):
    return muon_id(tracks(p, theta), np.full(N, pdg), np.random.default_rng(seed))


def test_working_point_of_muons():
    assert (muon_ids(13, 2.0) > CUT_95).mean() == pytest.approx(0.95, abs=0.003)
    assert (muon_ids(2212, 2.0) > CUT_95).mean() == pytest.approx(0.02, abs=0.002)


@pytest.mark.parametrize("p", [1.0, 2.0, 4.0])
def test_muon_id_of_one_half_has_the_published_range(p):
    assert 0.93 < (muon_ids(-13, p) > 0.5).mean() < 0.99
    assert 0.02 < (muon_ids(211, p) > 0.5).mean() < 0.065
    assert (muon_ids(11, p) > 0.5).mean() < 0.005


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


@pytest.mark.parametrize("p", [0.6, 0.7, 2.0])
def test_identifier_is_the_probability_it_claims(p):
    """Of equally many muons and protons, a share x of the tracks with muonID ≈ x are muons."""
    muons, others = muon_ids(13, p, seed=2), muon_ids(2212, p, seed=3)
    edges = np.linspace(0, 1, 6)
    n_muons, n_others = np.histogram(muons, edges)[0], np.histogram(others, edges)[0]
    sums = np.histogram(np.concatenate([muons, others]), edges, weights=np.concatenate([muons, others]))[0]
    total = n_muons + n_others
    error = np.sqrt(n_muons * n_others / total) / total
    assert (np.abs(n_muons / total - sums / total) < 4 * error + 1e-3).all()


def test_electrons():
    rng = np.random.default_rng(4)
    electrons = electron_id(tracks(2.0), np.full(N, 11), rng)
    pions = electron_id(tracks(2.0), np.full(N, -211), rng)
    assert (electrons > 0.9).mean() > 0.86 and (pions > 0.9).mean() < 0.02
