"""Track resolution: the limits in which its formulas are simple."""

import numpy as np
import pytest

from darkreach.detector import TRACKS

RESOLUTION = TRACKS["belle2"]


def muon(p, theta):
    return np.array([p * np.sin(theta), 0.0, p * np.cos(theta), np.hypot(p, 0.10566)])


def test_transverse_momentum_resolution_of_the_design_report():
    relative, _, _ = RESOLUTION.momentum_errors(muon(1.0, np.pi / 2))
    assert relative == pytest.approx(np.hypot(0.0011, 0.0030 * np.hypot(1, 0.10566)), rel=1e-6)
    relative, _, _ = RESOLUTION.momentum_errors(muon(100.0, np.pi / 2))
    assert relative == pytest.approx(0.11, rel=0.01)  # the linear term alone


def test_scattering_grows_towards_low_momentum_and_shallow_angles():
    momenta = np.stack([muon(p, theta) for p in (4.0, 1.0, 0.3) for theta in (np.pi / 2, 0.5)])
    d0, z0 = (error.reshape(3, 2) for error in RESOLUTION.impact_errors_cm(momenta))
    assert (np.diff(d0, axis=0) > 0).all() and (np.diff(z0, axis=0) > 0).all()
    assert (d0[:, 1] > d0[:, 0]).all() and (z0[:, 1] > z0[:, 0]).all()
    assert 10e-4 < d0[0, 0] < 15e-4  # 10–15 µm at high momentum
