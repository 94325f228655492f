"""Conversions and bremsstrahlung against the material they happen in and the closed forms they follow."""

import numpy as np
import pytest

from darkreach.detector import BEAMS, GEOMETRY
from darkreach.models.constants import ELECTRON_MASS
from darkreach.simulation import conversions
from darkreach.simulation.conversions import (
    PAIR_FRACTION,
    conversion_distance,
    convert_photons,
    pair_momenta,
    radiate,
)
from darkreach.simulation.particles import Particles

N = 200_000


def photons(energy, theta, n=N):
    return np.tile(energy * np.array([np.sin(theta), 0.0, np.cos(theta), 1.0]), (n, 1))


@pytest.mark.parametrize("detector", ["belle2", "belle"])
@pytest.mark.parametrize("theta", [np.pi / 2, 0.6])
def test_conversions_follow_the_thickness_of_the_layers(detector, theta):
    geometry = GEOMETRY[detector]
    distance = conversion_distance(photons(1.0, theta), np.zeros((N, 3)), geometry, np.random.default_rng(1))
    radius = distance[np.isfinite(distance)] * np.sin(theta)
    left = 1.0
    for layer, thickness in geometry.layers:
        here = left * -np.expm1(-PAIR_FRACTION * thickness / np.sin(theta))
        number = np.isclose(radius, layer).sum()
        assert number == pytest.approx(N * here, abs=5 * np.sqrt(N * here))
        left -= here
    assert len(radius) == pytest.approx(N * (1 - left), rel=0.05)
    assert np.isin(np.round(radius, 6), [layer for layer, _ in geometry.layers]).all()
    assert (0.025 if theta == np.pi / 2 else 0.045) < 1 - left < (0.035 if theta == np.pi / 2 else 0.06)


def test_photons_from_outside_a_layer_do_not_cross_it():
    origin = np.tile([0.0, 9.0, 0.0], (N, 1))
    distance = conversion_distance(
        photons(1.0, np.pi / 2), origin, GEOMETRY["belle2"], np.random.default_rng(2)
    )
    far = np.isfinite(distance)
    place = origin[far] + distance[far, None] * np.array([1.0, 0.0, 0.0])
    assert set(np.round(np.hypot(place[:, 0], place[:, 1]), 6)) == {10.4, 13.5, 16.0}


def test_pairs_have_the_energy_of_the_photon_and_little_mass():
    photon = photons(2.0, 1.0)
    pair = pair_momenta(photon, np.random.default_rng(3))
    masses = pair[..., 3] ** 2 - (pair[..., :3] ** 2).sum(-1)
    np.testing.assert_allclose(masses, ELECTRON_MASS**2, atol=1e-12)
    np.testing.assert_allclose(pair[..., 3].sum(1), 2.0)
    total = pair.sum(1)
    across = np.cross(total[:, :3], photon[:, :3] / 2.0)
    np.testing.assert_allclose(across, 0, atol=1e-12)
    share = pair[:, 0, 3] / 2.0
    # density 1 − 4/3 x(1 − x): mean 1/2, mean of (2x − 1)² = (2/9 + 1/15)/(7/9)
    assert share.mean() == pytest.approx(0.5, abs=0.003)
    assert ((2 * share - 1) ** 2).mean() == pytest.approx((2 / 9 + 1 / 15) / (7 / 9), abs=0.003)
    angle = np.arccos((pair[:, 0, :3] @ photon[0, :3]) / 2.0 / np.linalg.norm(pair[:, 0, :3], axis=1))
    assert np.median(angle * pair[:, 0, 3]) == pytest.approx(
        ELECTRON_MASS, rel=0.03
    )  # u = 1 halves u/(1 + u²)²
    invariant = np.sqrt(total[:, 3] ** 2 - (total[:, :3] ** 2).sum(-1))
    assert np.median(invariant) < 5e-3 and invariant.min() > 2 * ELECTRON_MASS * 0.999


def test_converted_photons_become_two_tracks_of_their_event():
    n = 20_000
    direction = np.array([0.6, 0.0, 0.8])
    momentum = np.tile(np.append(direction, 1.0), (2 * n, 1))
    momentum[1::2] = [-0.9, 0.0, 0.3, np.hypot(np.hypot(0.9, 0.3), 0.13957)]
    particles = Particles(
        event=np.repeat(np.arange(n), 2),
        pdg=np.tile([22, 211], n),
        momentum=momentum,
        vertex=np.zeros((2 * n, 3)),
        from_signal=np.zeros(2 * n, bool),
        n_events=n,
        from_resonance=np.tile([True, False], n),
    )
    after = convert_photons(particles, "belle", np.random.default_rng(4))
    assert (np.diff(after.event) >= 0).all() and after.n_events == n
    electrons = np.abs(after.pdg) == 11
    assert electrons.sum() == 2 * (n - (after.pdg == 22).sum()) > 1000
    assert (after.pdg == 211).sum() == n
    assert (after.pdg[electrons].reshape(-1, 2).sum(1) == 0).all()
    assert after.from_resonance[electrons].all() and not after.from_resonance[after.pdg == 211].any()
    beams = BEAMS["belle"]
    np.testing.assert_allclose(
        beams.to_lab(after.momentum[electrons]).reshape(-1, 2, 4)[..., 3].sum(1),
        beams.to_lab(momentum[:1])[0, 3],
    )
    radius = np.hypot(*after.vertex[electrons, :2].T)
    assert set(np.round(radius, 6)) == {layer for layer, _ in GEOMETRY["belle"].layers}
    for name in ("event", "pdg", "momentum", "vertex"):
        np.testing.assert_array_equal(
            getattr(after, name)[after.pdg == 211], getattr(particles, name)[particles.pdg == 211]
        )


def test_soft_photons_stay():
    n = 5000
    particles = Particles(
        np.arange(n), np.full(n, 22), photons(0.05, 1.2, n), np.zeros((n, 3)), np.zeros(n, bool), n
    )
    after = convert_photons(particles, "belle2", np.random.default_rng(5))
    assert (after.pdg == 22).all() and len(after.pdg) == n


def radiated(theta=1.0, pdg=11, radius=0.0):
    """2 GeV tracks after the material of Belle II, and before."""
    momentum = photons(2.0, theta)
    momentum[:, 3] = np.sqrt(4.0 + ELECTRON_MASS**2)
    vertex = np.tile([radius, 0.0, 0.0], (N, 1))
    after = radiate(momentum, np.full(N, pdg), vertex, GEOMETRY["belle2"], np.random.default_rng(6))
    return after, momentum


def test_bremsstrahlung_leaves_exp_minus_t_on_average(monkeypatch):
    """⟨E'/E⟩ = e^−t (Bethe and Heitler) for t radiation lengths."""
    monkeypatch.setattr(conversions, "RECOVERY", 0.0)
    after, before = radiated(theta=1.0)
    t = sum(thickness for _, thickness in GEOMETRY["belle2"].layers) / np.sin(1.0)
    left = after[:, 3] / before[:, 3]
    assert left.mean() == pytest.approx(np.exp(-t), abs=0.001)
    assert (left > 0.99).mean() > 0.5  # a tail, most radiate little
    masses = after[:, 3] ** 2 - (after[:, :3] ** 2).sum(-1)
    np.testing.assert_allclose(masses, ELECTRON_MASS**2, atol=1e-9)
    np.testing.assert_allclose(np.arctan2(after[:, 0], after[:, 2]), 1.0)


def test_hard_photons_are_mostly_recovered(monkeypatch):
    with_recovery, before = radiated()
    monkeypatch.setattr(conversions, "RECOVERY", 0.0)
    without, _ = radiated()
    hard = without[:, 3] < before[:, 3] - 0.05
    recovered = with_recovery[:, 3] > without[:, 3] + 0.02
    assert recovered[hard].mean() == pytest.approx(0.8, abs=0.01) and not recovered[~hard].any()
    back = with_recovery[hard & recovered, 3] / before[hard & recovered, 3]
    assert back.mean() == pytest.approx(1, abs=0.001) and back.std() < 0.02


def test_only_electrons_in_material_radiate():
    for after, before in (radiated(pdg=13), radiated(radius=20.0)):
        np.testing.assert_allclose(after, before)
