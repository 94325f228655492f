"""Trigger lines on events made by hand."""

import numpy as np
import pytest

from darkreach.simulation.tracks_response import MeasuredTracks
from darkreach.simulation.triggers import TRIGGER_LINES, has_displaced_vertex, trigger_column, trigger_view
from darkreach.simulation.vertex_fit import Vertices

N = 20_000
FORWARD = (20, 0)
SAME_LINES = {
    "three_track": "fff",
    "two_track_opening": "ffo",
    "single_muon": "cdcklm1",
    "high_energy_cluster": "hie",
    "displaced_vertex": "displaced_vertex",
}


def fractions(directions, pdg=211, p=2.0, photon=0.0, detector="belle2", radius=0.0):
    """Fraction of events that fire each line; directions are two or four (θ, φ) in degrees."""
    theta, phi = np.radians(np.array(directions, float)).T
    k = len(theta)
    space = p * np.stack([np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], axis=-1)
    tracks = MeasuredTracks(
        charge=np.tile(np.repeat([1, -1], k // 2), (N, 1)),
        point=np.tile([radius, 0.0, 0.0], (N, k, 1)),
        at_point=np.tile(space, (N, 1, 1)),
        errors=np.full((N, k, 5), 1e-3),
        momentum=np.tile(np.column_stack([space, np.full(k, p)]), (N, 1, 1)),
        dr=np.zeros((N, k)),
        dz=np.zeros((N, k)),
    )
    rng = np.random.default_rng(1)
    view = trigger_view(tracks, np.full((N, k), pdg), np.full(N, photon), detector, rng)
    return {line: condition(view).mean() for line, condition in TRIGGER_LINES[detector].items()}


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
    assert fractions([(80, 0), (80, 100)])["ffo"] == pytest.approx(0.96**2, abs=0.01)
    assert fractions([(80, 0), (80, 80)])["ffo"] == 0


def test_single_muon_in_the_klm():
    one_muon = [(80, 0), FORWARD, FORWARD, FORWARD]
    assert fractions(one_muon, pdg=13)["cdcklm1"] == pytest.approx(0.96 * 0.9, abs=0.01)
    assert fractions(one_muon, pdg=211)["cdcklm1"] == 0
    assert fractions(one_muon, pdg=13, p=0.6)["cdcklm1"] == 0


def test_barrel_klm_of_each_detector():
    between = [(43, 0), FORWARD]  # in the barrel of Belle II, not in that of Belle
    assert fractions(between, pdg=13)["cdcklm1"] == pytest.approx(0.96 * 0.9, abs=0.01)
    assert fractions(between, pdg=13, detector="belle")["single_muon"] == 0


def test_cluster_of_an_electron_or_a_photon():
    assert fractions([(80, 0), FORWARD], pdg=11)["hie"] == pytest.approx(0.95, abs=0.01)
    assert fractions([(80, 0), FORWARD], pdg=11, p=0.9)["hie"] == 0
    assert fractions([(80, 0), FORWARD], photon=1.1)["hie"] == pytest.approx(0.95, abs=0.01)
    assert fractions([(80, 0), FORWARD], photon=0.9)["hie"] == 0


def test_forward_and_soft_tracks_fire_nothing():
    assert set(fractions([FORWARD] * 4, pdg=13).values()) == {0}
    assert set(fractions([(80, 0), (80, 90), (80, 180), (80, 270)], pdg=13, p=0.2).values()) == {0}


def test_tracks_from_far_outside_fire_only_the_displaced_vertex_line():
    directions = [(80, 10), (80, -10)]
    assert fractions(directions, pdg=13, radius=20.0) == {
        "fff": 0,
        "ffo": 0,
        "cdcklm1": 0,
        "hie": 0,
        "displaced_vertex": 1,
    }
    assert fractions(directions, pdg=13, radius=1.0)["displaced_vertex"] == 0


def test_lines_of_belle_have_the_same_conditions():
    directions = [(80, 0), (80, 100), (60, 200), (50, 300)]
    belle2, belle = (fractions(directions, pdg=13, detector=name) for name in ("belle2", "belle"))
    assert belle == {name: belle2[same] for name, same in SAME_LINES.items()}


def vertex(radius=20.0, theta=80.0, probability=0.5, thetas=(80.0, 85.0), phis=(0.0, 20.0)):
    theta, thetas, phis = np.radians(theta), np.radians(thetas), np.radians(phis)
    momenta = np.stack([np.sin(thetas) * np.cos(phis), np.sin(thetas) * np.sin(phis), np.cos(thetas)], -1)
    return Vertices(
        position=np.array([[radius, 0.0, radius / np.tan(theta)]]),
        covariance=np.eye(3)[None],
        probability=np.array([probability]),
        momenta=momenta[None],
    )


@pytest.mark.parametrize(
    ("change", "taken"),
    [
        ({}, True),
        ({"probability": 0.006}, True),
        ({"probability": 0.004}, False),
        ({"radius": 2.9}, False),
        ({"radius": 3.1}, True),
        ({"radius": 59.0}, True),
        ({"radius": 61.0}, False),
        ({"theta": 29.0}, False),
        ({"theta": 119.0}, True),
        ({"theta": 121.0}, False),
        ({"thetas": (80.0, 95.0), "phis": (0.0, 175.0)}, False),  # back to back, like a cosmic muon
        ({"thetas": (80.0, 111.0), "phis": (0.0, 175.0)}, True),
        ({"thetas": (80.0, 95.0), "phis": (0.0, 169.0)}, True),
        ({"thetas": (80.0, 95.0), "phis": (-175.0, 10.0)}, False),
    ],
)
def test_displaced_vertex_rule(change, taken):
    assert has_displaced_vertex(vertex(**change))[0] == taken


def test_columns_are_named_as_by_basf2():
    assert trigger_column("fff") == "L1PSNM__bofff__bc"
    assert trigger_column("displaced_vertex") == "HLT__bodisplaced_vertex__bc"
