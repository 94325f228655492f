"""Track resolution: the limits in which its formulas are simple."""

import numpy as np
import pytest

from darkreach.detector import CHAMBER_TRACKS, GEOMETRY, TRACKS

RESOLUTION, BELLE = TRACKS["belle2"], TRACKS["belle"]


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


def test_belle():
    """0.19 % pT ⊕ 0.30 %/β with silicon, 0.28 % pT ⊕ 0.35 %/β without; 22 and 28 µm at high momentum."""
    for resolution, linear, constant in (
        (BELLE, 0.0019, 0.0030),
        (CHAMBER_TRACKS["belle"], 0.0028, 0.0035),
    ):
        relative, _, _ = resolution.momentum_errors(muon(2.0, np.pi / 2))
        assert relative == pytest.approx(np.hypot(2 * linear, constant), rel=2e-3)
    d0, z0 = BELLE.impact_errors_cm(muon(1e3, np.pi / 2))
    assert (d0, z0) == (pytest.approx(21.9e-4, rel=1e-3), pytest.approx(27.8e-4, rel=1e-3))


def test_shorter_tracks_are_measured_worse():
    relative, phi, tan_lambda = RESOLUTION.momentum_errors(muon(1e4, np.pi / 2), longer=2.0)
    once = RESOLUTION.momentum_errors(muon(1e4, np.pi / 2))
    assert relative / once[0] == pytest.approx(4, rel=1e-4)
    assert (phi / once[1], tan_lambda / once[2]) == (pytest.approx(2, rel=1e-4), pytest.approx(2, rel=1e-4))


@pytest.mark.parametrize(("detector", "silicon"), [("belle2", 14.0), ("belle", 9.0)])
def test_geometry(detector, silicon):
    geometry = GEOMETRY[detector]
    assert geometry.silicon_radius == silicon
    inner, outer = geometry.chamber
    arms = geometry.lever_arm(np.array([0.0, inner, (inner + outer) / 2]))
    np.testing.assert_allclose(arms, [1, 1, 2])
    radii, thickness = np.array(geometry.layers).T
    assert geometry.material_beyond(np.array([0.0]))[0] == pytest.approx(thickness.sum())
    np.testing.assert_allclose(
        geometry.material_beyond(radii), np.append(np.cumsum(thickness[:0:-1])[::-1], 0)
    )
    assert silicon < inner and (radii <= inner).all() and (np.diff(radii) > 0).all()
