"""Photons: acceptance, resolution and the sum of extra energy."""

import numpy as np
import pytest

from darkreach.simulation.photons_response import cluster_energies, good_photons, relative_resolution

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
    assert found.mean() == pytest.approx(1 / (1 + np.exp(-95)), abs=1e-9)
    assert energy[found].mean() == pytest.approx(1.0, abs=0.001)
    assert energy[found].std() == pytest.approx(relative_resolution(np.array([1.0]))[0], rel=0.03)


@pytest.mark.parametrize("theta", [5, 31.8, 129.5, 170])
def test_nothing_is_seen_in_gaps_and_in_the_beam_pipe(theta):
    assert not cluster_energies(photons(2.0, theta), np.random.default_rng(2)).any()


def test_extra_energy_is_the_sum_of_the_good_photons():
    event = np.repeat(np.arange(N), 2)
    momentum = np.empty((2 * N, 4))
    momentum[::2], momentum[1::2] = photons(1.0, 90), photons(0.02, 90)  # the second is too soft to count
    good = good_photons(event, momentum, N, np.random.default_rng(3))
    of_background = good_photons(event[:0], momentum[:0], N, np.random.default_rng(4))
    with_photons, background = good.energy(N), of_background.energy(N)
    n_background = of_background.number(N)
    assert good.number(N).mean() - n_background.mean() == pytest.approx(1, abs=0.015)
    assert with_photons.mean() - background.mean() == pytest.approx(1, abs=0.02)
    np.testing.assert_allclose(np.bincount(n_background)[:1] / N, (background == 0).mean())
    assert 0 < (background > 0).mean() < 0.15  # beam background is mostly below the threshold
    assert background[background > 0].min() > 0.1


def test_directions_are_those_of_the_photons_within_the_size_of_a_cluster():
    good = good_photons(np.arange(N), photons(4.0, 60), N, np.random.default_rng(5))
    hard = good.momentum[good.momentum[:, 3] > 3]
    assert len(hard) == N
    cosine = hard[:, :3] @ photons(1.0, 60, 1)[0, :3] / hard[:, 3]
    angle = np.arccos(np.clip(cosine, -1, 1))
    assert np.sqrt((angle**2).mean() / 2) == pytest.approx(2e-3, rel=0.03)  # 5 mm/sqrt(E) at 1.25 m
    np.testing.assert_allclose((hard[:, :3] ** 2).sum(-1), hard[:, 3] ** 2)
