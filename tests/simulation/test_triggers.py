"""Trigger lines on events made by hand."""

import numpy as np
import pytest

from darkreach.simulation.triggers import TRIGGER_LINES, trigger_tracks

N = 20_000
FORWARD = (20, 0)


def fractions(directions, pdg=211, p=2.0):
    """Fraction of events that fire each line; directions are four (θ, φ) in degrees."""
    theta, phi = np.radians(np.array(directions, float)).T
    space = p * np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1)
    momentum = np.concatenate([space, np.full((4, 1), p)], axis=-1)
    tracks = trigger_tracks(np.tile(momentum, (N, 1, 1)), np.full((N, 4), pdg), np.random.default_rng(1))
    return {line: condition(tracks).mean() for line, condition in TRIGGER_LINES.items()}


def test_three_tracks():
    fired = fractions([(80, 0), (80, 20), (80, 40), FORWARD])
    assert fired["fff"] == pytest.approx(0.96**3, abs=0.01)
    assert fired["ffo"] == 0
    fired = fractions([(80, 0), (80, 20), (80, 40), (80, 60)])
    assert fired["fff"] == pytest.approx(0.96**4 + 4 * 0.96**3 * 0.04, abs=0.01)


def test_two_tracks_far_apart():
    fired = fractions([(80, 0), (80, 100), FORWARD, FORWARD])
    assert fired["ffo"] == pytest.approx(0.96**2, abs=0.01)
    assert fired["fff"] == 0


def test_single_muon_in_the_klm():
    one_muon = [(80, 0), FORWARD, FORWARD, FORWARD]
    assert fractions(one_muon, pdg=13)["cdcklm1"] == pytest.approx(0.96 * 0.9, abs=0.01)
    assert fractions(one_muon, pdg=211)["cdcklm1"] == 0
    assert fractions(one_muon, pdg=13, p=0.6)["cdcklm1"] == 0


def test_forward_and_soft_tracks_fire_nothing():
    assert set(fractions([FORWARD] * 4, pdg=13).values()) == {0}
    assert set(fractions([(80, 0), (80, 90), (80, 180), (80, 270)], pdg=13, p=0.2).values()) == {0}
