"""Beams against published numbers, and the boost against relativity."""

import numpy as np
import pytest

from darkreach.detector import BEAMS
from darkreach.detector.beams import ELECTRON_MASS, boost, reversed_momentum

BELLE2, BELLE = BEAMS["belle2"], BEAMS["belle"]


def masses(momentum):
    return np.sqrt(momentum[..., 3] ** 2 - (momentum[..., :3] ** 2).sum(-1))


def test_centre_of_mass_is_the_published_one():
    assert BELLE2.sqrt_s == pytest.approx(10.5796, abs=1e-4)
    assert BELLE2.total[:3] == pytest.approx([0.457, 0.0, 2.999], abs=1e-3)
    assert np.linalg.norm(BELLE2.total[:3]) / BELLE2.sqrt_s == pytest.approx(0.2868, abs=1e-4)


def test_belle_has_one_tilted_beam():
    assert BELLE.sqrt_s == pytest.approx(10.580, abs=1e-3)
    assert np.linalg.norm(BELLE.total[:3]) / BELLE.sqrt_s == pytest.approx(0.4254, abs=1e-3)
    assert BELLE.positron[:3] == pytest.approx([0, 0, -np.sqrt(3.499**2 - ELECTRON_MASS**2)])
    assert np.arctan2(BELLE.electron[0], BELLE.electron[2]) == pytest.approx(22e-3)


@pytest.mark.parametrize("beams", [BELLE2, BELLE])
def test_electron_goes_along_plus_z_in_the_centre_of_mass_frame(beams):
    electron, positron = beams.to_cm(beams.electron), beams.to_cm(beams.positron)
    momentum = np.sqrt(beams.sqrt_s**2 / 4 - ELECTRON_MASS**2)
    assert electron == pytest.approx([0, 0, momentum, beams.sqrt_s / 2], abs=1e-9)
    assert positron == pytest.approx([0, 0, -momentum, beams.sqrt_s / 2], abs=1e-9)


def test_boost_and_its_inverse():
    rng = np.random.default_rng(1)
    space = rng.normal(size=(1000, 3))
    momentum = np.concatenate([space, np.sqrt((space**2).sum(-1) + 0.1**2)[:, None]], axis=-1)
    lab = BELLE2.to_lab(momentum)
    assert masses(lab) == pytest.approx(np.full(1000, 0.1), rel=1e-6)
    np.testing.assert_allclose(BELLE2.to_cm(lab), momentum, atol=1e-12)
    np.testing.assert_allclose(boost(boost(momentum, lab), reversed_momentum(lab)), momentum, atol=1e-8)
    at_rest = boost(lab, reversed_momentum(lab))
    np.testing.assert_allclose(at_rest[:, :3], 0, atol=1e-6)


@pytest.mark.parametrize("beams", [BELLE2, BELLE])
def test_energy_spread_is_that_of_the_covariance(beams):
    totals = beams.spread_totals(200_000, np.random.default_rng(2))
    np.testing.assert_allclose(totals.mean(0), beams.total, atol=1e-4)
    covariance = np.cov(totals.T)
    np.testing.assert_allclose(covariance, beams.covariance, atol=0.01 * beams.covariance.max())
    assert masses(totals).std() == pytest.approx(0.005, rel=0.05)  # σ(√s) is about 5 MeV
