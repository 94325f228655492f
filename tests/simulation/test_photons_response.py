"""Photons: acceptance, resolution and the sum of extra energy."""

import numpy as np
import pytest

from darkreach.simulation.photons_response import cluster_energies, extra_energy, relative_resolution

N = 20_000


def photons(energy, theta_degrees, n=N):
    theta = np.radians(theta_degrees)
    return np.tile(energy * np.array([np.sin(theta), 0.0, np.cos(theta), 1.0]), (n, 1))


def test_resolution_at_one_gev_and_its_limit():
    assert relative_resolution(np.array([1.0]))[0] == pytest.approx(0.017, abs=0.002)  # measured at Belle
    assert relative_resolution(np.array([1e6]))[0] == pytest.approx(0.0134, rel=0.01)


def test_measured_energy():
    energy = cluster_energies(photons(1.0, 90), np.random.default_rng(1))
    found = energy > 0
    assert found.mean() == pytest.approx(0.96, abs=0.006)
    assert energy[found].mean() == pytest.approx(1.0, abs=0.001)
    assert energy[found].std() == pytest.approx(relative_resolution(np.array([1.0]))[0], rel=0.03)


@pytest.mark.parametrize("theta", [5, 31.8, 129.5, 170])
def test_nothing_is_seen_in_gaps_and_in_the_beam_pipe(theta):
    assert not cluster_energies(photons(2.0, theta), np.random.default_rng(2)).any()


def test_extra_energy_is_the_sum_of_the_good_photons():
    event = np.repeat(np.arange(N), 2)
    momentum = np.empty((2 * N, 4))
    momentum[::2], momentum[1::2] = photons(1.0, 90), photons(0.02, 90)  # the second is too soft to count
    with_photons, n_good = extra_energy(event, momentum, N, np.random.default_rng(3))
    background, n_background = extra_energy(event[:0], momentum[:0], N, np.random.default_rng(4))
    assert n_good.mean() - n_background.mean() == pytest.approx(0.96, abs=0.015)
    assert with_photons.mean() - background.mean() == pytest.approx(0.96, abs=0.02)
    assert 0 < (background > 0).mean() < 0.15  # beam background is mostly below the threshold
    assert background[background > 0].min() > 0.1
