"""Tracks: the helix against the Lorentz force, pulls against the normal distribution."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from darkreach.detector import TRACKS
from darkreach.simulation.tracks_response import (
    charge_of,
    closest_approach,
    measure_tracks,
    track_efficiency,
    track_errors,
)

SPEED_OF_LIGHT = 299792458.0  # m/s: p [GeV] = 0.2998 B [T] R [m]


def four_momentum(pt, phi, tan_lambda, mass=0.10566):
    space = np.stack([pt * np.cos(phi), pt * np.sin(phi), pt * tan_lambda], axis=-1)
    return np.concatenate([space, np.sqrt((space**2).sum(-1) + mass**2)[..., None]], axis=-1)


@pytest.mark.parametrize("charge", [1, -1])
def test_closest_approach_undoes_motion_in_the_field(charge):
    """Follow dp/ds = q p̂ × B from the point of closest approach, then find that point again."""
    phi, d0, z0, pt, tan_lambda = 0.7, 1.5, 2.0, 0.4, 0.6
    # the point lies across the direction of flight, on the side where the circle does not enclose the axis
    start = np.array([-charge * d0 * np.sin(phi), charge * d0 * np.cos(phi), z0])
    momentum = four_momentum(np.array(pt), np.array(phi), np.array(tan_lambda))[:3]
    field = np.array([0.0, 0.0, 1.5]) * SPEED_OF_LIGHT * 1e-9 * 1e-2  # GeV/cm

    def motion(_, state):
        direction = state[3:] / np.linalg.norm(state[3:])
        return np.concatenate([direction, charge * np.cross(direction, field)])

    end = solve_ivp(motion, (0, 30.0), np.concatenate([start, momentum]), rtol=1e-10, atol=1e-12).y[:, -1]
    moved = np.append(end[3:], np.hypot(np.linalg.norm(end[3:]), 0.10566))
    found = closest_approach(moved[None], end[None, :3], np.array([charge]))
    assert np.hypot(*end[:2]) > 20  # it really went somewhere
    assert found[0][0] == pytest.approx(phi, abs=1e-7)
    assert abs(found[1][0]) == pytest.approx(d0, abs=1e-6)
    assert found[2][0] == pytest.approx(z0, abs=1e-6)


def test_stiff_track_has_the_impact_parameter_of_a_straight_line():
    momentum = four_momentum(np.array([1e5]), np.array([0.0]), np.array([0.5]))
    phi, d0, z0 = closest_approach(momentum, np.array([[3.0, 0.2, 1.0]]), np.array([1]))
    assert (phi[0], abs(d0[0]), z0[0]) == pytest.approx((0.0, 0.2, 1.0 - 3.0 * 0.5), abs=1e-4)


def test_pulls_are_normal():
    n = 40_000
    rng = np.random.default_rng(5)
    true_phi = rng.uniform(-1, 1, n)
    momentum = four_momentum(rng.uniform(0.2, 5, n), true_phi, rng.uniform(-1, 2, n))
    charge = rng.choice([-1, 1], n)
    resolution = TRACKS["belle2"]
    measured = measure_tracks(momentum, np.zeros((n, 3)), charge, "belle2", rng)
    pt, true_pt = (np.hypot(p[:, 0], p[:, 1]) for p in (measured.momentum, momentum))
    sigma_pt, sigma_phi, sigma_tan_lambda = resolution.momentum_errors(momentum)
    sigma_d0, sigma_z0 = resolution.impact_errors_cm(momentum)
    pulls = [
        (true_pt / pt - 1) / sigma_pt,
        (np.arctan2(measured.momentum[:, 1], measured.momentum[:, 0]) - true_phi) / sigma_phi,
        (measured.momentum[:, 2] / pt - momentum[:, 2] / true_pt) / sigma_tan_lambda,
        measured.dz / sigma_z0,
    ]
    for pull in pulls:
        assert abs(pull.mean()) < 4 / np.sqrt(n)
        assert pull.std() == pytest.approx(1, abs=4 / np.sqrt(2 * n))
        assert (np.abs(pull) < 2).mean() == pytest.approx(0.9545, abs=0.005)
    correlations = np.corrcoef(pulls) - np.eye(4)
    assert np.abs(correlations).max() < 5 / np.sqrt(n)
    assert (measured.dr / sigma_d0).mean() == pytest.approx(np.sqrt(2 / np.pi), abs=0.02)  # |d0|
    squared_mass = measured.momentum[:, 3] ** 2 - (measured.momentum[:, :3] ** 2).sum(-1)
    assert np.sqrt(squared_mass) == pytest.approx(np.full(n, 0.1056583755), abs=1e-6)


def test_efficiency():
    def at(pt, theta_degrees, radius=0.0):
        momentum = four_momentum(np.array(pt), np.array(0.3), 1 / np.tan(np.radians(theta_degrees)))
        return float(track_efficiency(momentum, np.array([radius, 0.0, 0.0])))

    assert at(1.0, 90) == pytest.approx(0.99, abs=1e-6)
    assert at(0.12, 90) == pytest.approx(0.99 / 2)
    assert at(1.0, 16.9) == at(1.0, 150.1) == at(1.0, 90, radius=90.0) == 0
    assert at(1.0, 17.1) == at(1.0, 149.9) == at(1.0, 90, radius=0.5) == at(1.0, 90)
    assert at(1.0, 90) > at(1.0, 90, radius=20.0) > at(1.0, 90, radius=70.0) > 0


def test_charges():
    pdg = np.array([11, -13, 211, -321, 2212, 22, 130, 2112])
    assert charge_of(pdg).tolist() == [-1, 1, 1, -1, 1, 0, 0, 0]


def errors_at(radius, pt, detector="belle2"):
    momentum = four_momentum(np.array([pt]), np.array([0.3]), np.array([0.5]))
    return track_errors(momentum, np.array([radius]), detector)[0]


@pytest.mark.parametrize(("radius", "growth"), [(20.0, 0.47 / 0.27), (40.0, 0.86 / 0.27)])
def test_momentum_of_displaced_tracks(radius, growth):
    """σ(pT) of stiff tracks relative to prompt ones, against a least-squares fit to the layers."""
    assert errors_at(radius, 400.0)[0] / errors_at(0.0, 400.0)[0] == pytest.approx(growth, rel=0.12)


@pytest.mark.parametrize(
    ("detector", "radius", "pt", "across", "along_z"),
    [
        ("belle2", 20.0, 1.0, 49e-4, 0.08),
        ("belle2", 40.0, 4.0, 56e-4, 0.094),
        ("belle", 20.0, 1.0, 63e-4, 0.076),
    ],
)
def test_position_of_tracks_without_silicon(detector, radius, pt, across, along_z):
    """Against the same least-squares fit: tens of µm across, most of a millimetre along z."""
    assert errors_at(radius, pt, detector)[3] == pytest.approx(across, rel=0.2)
    assert errors_at(radius, pt, detector)[4] == pytest.approx(along_z, rel=0.2)


@pytest.mark.parametrize(("detector", "silicon"), [("belle2", 14.0), ("belle", 9.0)])
def test_errors_jump_where_the_silicon_ends(detector, silicon):
    inside, outside = errors_at(silicon - 0.1, 1.0, detector), errors_at(silicon + 0.1, 1.0, detector)
    np.testing.assert_array_equal(inside, errors_at(0.0, 1.0, detector))
    assert outside[4] > 10 * inside[4] and (outside > inside).all()
