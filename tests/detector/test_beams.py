"""Beams of Belle II against published numbers, and the boost against relativity."""

import numpy as np
import pytest

from darkreach.detector import BEAMS
from darkreach.detector.beams import ELECTRON_MASS, boost, reversed_momentum

BELLE2 = BEAMS["belle2"]


def masses(momentum):
    return np.sqrt(momentum[..., 3] ** 2 - (momentum[..., :3] ** 2).sum(-1))


def test_centre_of_mass_is_the_published_one():
    assert BELLE2.sqrt_s == pytest.approx(10.5796, abs=1e-4)
    assert BELLE2.total[:3] == pytest.approx([0.457, 0.0, 2.999], abs=1e-3)
    assert np.linalg.norm(BELLE2.total[:3]) / BELLE2.sqrt_s == pytest.approx(0.2868, abs=1e-4)


def test_electron_goes_along_plus_z_in_the_centre_of_mass_frame():
    electron, positron = BELLE2.to_cm(BELLE2.electron), BELLE2.to_cm(BELLE2.positron)
    momentum = np.sqrt(BELLE2.sqrt_s**2 / 4 - ELECTRON_MASS**2)
    assert electron == pytest.approx([0, 0, momentum, BELLE2.sqrt_s / 2], abs=1e-9)
    assert positron == pytest.approx([0, 0, -momentum, BELLE2.sqrt_s / 2], abs=1e-9)


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


def test_energy_spread_is_that_of_the_covariance():
    totals = BELLE2.spread_totals(200_000, np.random.default_rng(2))
    np.testing.assert_allclose(totals.mean(0), BELLE2.total, atol=1e-4)
    covariance = np.cov(totals.T)
    np.testing.assert_allclose(covariance, BELLE2.covariance, atol=0.01 * BELLE2.covariance.max())
    assert masses(totals).std() == pytest.approx(0.005, rel=0.05)  # σ(√s) is about 5 MeV
