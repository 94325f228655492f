"""Vertices of two helices: exact where the tracks are exact, with unit pulls where they are measured."""

import numpy as np
import pytest
from scipy.stats import kstest

from darkreach.detector.beams import boost
from darkreach.simulation.tracks_response import measure_tracks
from darkreach.simulation.vertex_fit import fit_vertices

N = 8000
MASS, MUON = 1.0, 0.1056583755


def pairs(n, rng, mass=MASS, daughter=MUON):
    """(n, 2, 4) momenta of X → two particles, X with 1–5 GeV at large angles."""
    p = rng.uniform(1, 5, n)
    theta, phi = rng.uniform(0.6, 2.2, n), rng.uniform(-np.pi, np.pi, n)
    parent = p[:, None] * np.stack(
        [np.sin(theta) * np.cos(phi), np.sin(theta) * np.sin(phi), np.cos(theta)], -1
    )
    parent = np.column_stack([parent, np.hypot(p, mass)])
    cosine, phi = rng.uniform(-0.8, 0.8, n), rng.uniform(-np.pi, np.pi, n)
    sine, size = np.sqrt(1 - cosine**2), np.sqrt(mass**2 / 4 - daughter**2)
    space = size * np.stack([sine * np.cos(phi), sine * np.sin(phi), cosine], axis=-1)
    daughters = [np.column_stack([sign * space, np.full(n, mass / 2)]) for sign in (1, -1)]
    return np.stack([boost(d, parent) for d in daughters], axis=1), parent


def measured(momenta, vertex, detector, rng):
    n = len(momenta)
    charge = np.tile([1, -1], n)
    tracks = measure_tracks(momenta.reshape(-1, 4), np.repeat(vertex, 2, axis=0), charge, detector, rng)
    return tracks[np.arange(2 * n).reshape(n, 2)]


def along(parent, radius):
    """(n, 3) points at transverse distance `radius` in the direction of flight."""
    return parent[:, :3] / np.hypot(parent[:, 0], parent[:, 1])[:, None] * radius


@pytest.mark.parametrize("radius", [0.0, 5.0, 30.0, 60.0])
def test_exact_tracks_meet_where_they_were_made(radius, monkeypatch):
    rng = np.random.default_rng(1)
    momenta, parent = pairs(500, rng)
    vertex = along(parent, radius)
    monkeypatch.setattr(
        "darkreach.simulation.tracks_response.track_errors", lambda p, *_: np.full((len(p), 5), 1e-7)
    )
    found = fit_vertices(measured(momenta, vertex, "belle2", rng))
    np.testing.assert_allclose(found.position, vertex, atol=2e-4)
    np.testing.assert_allclose(found.momenta, momenta[..., :3], atol=1e-5)


@pytest.mark.parametrize("detector", ["belle2", "belle"])
@pytest.mark.parametrize("radius", [0.1, 5.0, 25.0])
def test_pulls_and_probability(detector, radius):
    rng = np.random.default_rng(2)
    momenta, parent = pairs(N, rng)
    vertex = along(parent, radius)
    found = fit_vertices(measured(momenta, vertex, detector, rng))
    pulls = (found.position - vertex) / np.sqrt(np.einsum("nii->ni", found.covariance))
    assert np.abs(pulls.mean(0)).max() < 4.5 / np.sqrt(N)
    np.testing.assert_allclose(np.std(np.clip(pulls, -5, 5), axis=0), 1, atol=0.04)
    assert (np.abs(pulls) < 2).mean() == pytest.approx(0.9545, abs=0.006)
    assert kstest(found.probability, "uniform").pvalue > 1e-3
    # the length of flight along the true direction
    direction = parent[:, :3] / np.linalg.norm(parent[:, :3], axis=1, keepdims=True)
    error = np.sqrt(np.einsum("ni,nij,nj->n", direction, found.covariance, direction))
    flight = ((found.position - vertex) * direction).sum(1) / error
    assert np.std(np.clip(flight, -5, 5)) == pytest.approx(1, abs=0.04)


def test_resolution_inside_and_outside_the_silicon():
    """30–100 µm over the sine of the opening angle with silicon; without it millimetres along z."""
    rng = np.random.default_rng(3)
    momenta, parent = pairs(N, rng)
    errors = {}
    for radius in (1.0, 30.0):
        vertex = along(parent, radius)
        found = fit_vertices(measured(momenta, vertex, "belle2", rng))
        errors[radius] = np.abs(found.position - vertex)
    phi = np.arctan2(momenta[..., 1], momenta[..., 0])
    opening = np.abs(np.sin(phi[:, 0] - phi[:, 1]))
    wide = opening > 0.5
    transverse = 1.48 * np.median(np.hypot(*errors[1.0][wide, :2].T) * opening[wide])
    assert 20e-4 < transverse < 100e-4
    assert 0.03 < 1.48 * np.median(errors[30.0][wide, 2]) < 0.15
    assert np.median(errors[1.0][wide, 2]) < 0.01


def test_tracks_that_never_meet_have_no_probability():
    rng = np.random.default_rng(4)
    momenta, _ = pairs(500, rng)
    n = len(momenta)
    vertex = np.zeros((n, 2, 3))
    vertex[:, 1, 2] = 3.0  # the second starts 3 cm further along z
    tracks = measure_tracks(momenta.reshape(-1, 4), vertex.reshape(-1, 3), np.tile([1, -1], n), "belle2", rng)
    found = fit_vertices(tracks[np.arange(2 * n).reshape(n, 2)])
    assert np.median(found.probability) < 1e-6
    assert np.isfinite(found.position).all() and np.isfinite(found.momenta).all()


def test_parallel_tracks_of_a_conversion_stay_finite_and_across_the_flight():
    """e⁺e⁻ of a photon leave side by side: the vertex is known across the flight, badly along it."""
    rng = np.random.default_rng(5)
    momenta, parent = pairs(2000, rng, mass=0.0011, daughter=0.000511)
    vertex = along(parent, 4.0)
    found = fit_vertices(measured(momenta, vertex, "belle2", rng))
    difference = found.position - vertex
    direction = parent[:, :3] / np.linalg.norm(parent[:, :3], axis=1, keepdims=True)
    flight = (difference * direction).sum(1)
    side = (
        np.stack([-direction[:, 1], direction[:, 0]], -1)
        / np.hypot(direction[:, 0], direction[:, 1])[:, None]
    )
    assert np.median(np.abs((difference[:, :2] * side).sum(1))) < 0.01
    assert 0.1 < np.median(np.abs(flight)) < 3.0
