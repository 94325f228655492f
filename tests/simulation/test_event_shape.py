"""Event shape: balance of energy and momentum, and thrust of events whose thrust is known."""

from itertools import product

import numpy as np
import pytest

from darkreach.detector import BEAMS
from darkreach.simulation.event_shape import event_shape, thrust
from darkreach.simulation.photons_response import GoodPhotons


def massless(space):
    return np.concatenate([space, np.linalg.norm(space, axis=-1, keepdims=True)], axis=-1)


def scan_of_directions(momenta):
    """Thrust of one event by the sums of ± momenta over all signs."""
    signs = np.array(list(product((1, -1), repeat=len(momenta))))
    return np.linalg.norm(signs @ momenta, axis=-1).max() / np.linalg.norm(momenta, axis=-1).sum()


def test_thrust_of_tracks_is_exact():
    tracks = np.random.default_rng(1).normal(size=(200, 4, 3))
    found = thrust(tracks, np.empty((0, 3)), np.empty(0, int))
    np.testing.assert_allclose(found, [scan_of_directions(event) for event in tracks])


def test_thrust_with_photons():
    rng = np.random.default_rng(2)
    tracks, photons = rng.normal(size=(300, 4, 3)), rng.normal(scale=0.7, size=(300, 3, 3))
    found = thrust(tracks, photons.reshape(-1, 3), np.repeat(np.arange(300), 3))
    exact = [scan_of_directions(np.concatenate(event)) for event in zip(tracks, photons, strict=True)]
    assert (found <= np.array(exact) + 1e-12).all()
    assert np.isclose(found, exact).mean() > 0.9
    assert (found > 0.96 * np.array(exact)).all()


def test_known_events():
    back_to_back = np.array([[[1.0, 2, 3], [-1, -2, -3]]])
    assert thrust(back_to_back, np.empty((0, 3)), np.empty(0, int))[0] == pytest.approx(1)
    cross = np.array([[[1.0, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]]])
    assert thrust(cross, np.empty((0, 3)), np.empty(0, int))[0] == pytest.approx(1 / np.sqrt(2))


@pytest.mark.parametrize("detector", ["belle2", "belle"])
def test_missing_particle_is_found_in_what_is_missing(detector):
    """Three massless particles and a missing one of 2 GeV mass share the energy of the beams."""
    beams, rng, n = BEAMS[detector], np.random.default_rng(3), 100
    seen = massless(rng.normal(scale=0.9, size=(n, 3, 3)))
    missing_space = -seen[..., :3].sum(1)
    missing_energy = beams.sqrt_s - seen[..., 3].sum(1)
    lab = beams.to_lab(seen)
    photons = GoodPhotons(np.arange(n), lab[:, 2])
    shape = event_shape(lab[:, :2], photons, beams)
    np.testing.assert_allclose(shape["visibleEnergyOfEventCMS"], seen[..., 3].sum(1))
    np.testing.assert_allclose(shape["missingMomentumOfEventCMS"], np.linalg.norm(missing_space, axis=1))
    theta = np.arctan2(np.hypot(missing_space[:, 0], missing_space[:, 1]), missing_space[:, 2])
    np.testing.assert_allclose(shape["missingMomentumOfEventCMS_theta"], theta)
    squared = missing_energy**2 - (missing_space**2).sum(1)
    np.testing.assert_allclose(shape["missingMass2OfEvent"], squared, atol=1e-9)
    assert ((shape["thrust"] > 0.5) & (shape["thrust"] <= 1)).all()
