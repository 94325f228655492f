import numpy as np
import pytest
from four_muons import BEAM, isotropic, two_body
from tau_recoils import tau_events

from darkreach.detector.beams import boost, reversed_momentum
from darkreach.models.constants import MUON_MASS, TAU_MASS
from darkreach.searches.recoil_features import RECOIL_FEATURES, recoil_features, thrust


def events(n=2000, mass=6.0, dimuon_mass=2.0, seed=1):
    return tau_events(mass, dimuon_mass, n, np.random.default_rng(seed))


def features(momenta, extra_energy=0.3, lepton_id=(0.8, 0.1)):
    n = len(momenta)
    return recoil_features(
        momenta,
        np.broadcast_to(BEAM.total, (n, 4)),
        BEAM.electron,
        np.full(n, extra_energy),
        np.broadcast_to(lepton_id, (n, 2)),
    )


def as_array(momenta, lepton_id=(0.8, 0.1)):
    return np.stack(list(features(momenta, lepton_id=lepton_id).values()), axis=-1)


def test_ranges():
    values = features(events())
    assert tuple(values) == RECOIL_FEATURES
    for name, value in values.items():
        low = -1 if name == "tau_cos_opening" else 0
        assert value.min() >= low - 1e-9 and value.max() <= 1 + 1e-9, name


def test_rotation_about_the_beam_and_exchange_of_charges_change_nothing():
    momenta = events()
    cm = boost(momenta, reversed_momentum(BEAM.total))
    axis = boost(BEAM.electron, reversed_momentum(BEAM.total))[:3]
    axis = axis / np.linalg.norm(axis)
    space, angle = cm[..., :3], 1.1
    rotated = (
        space * np.cos(angle)
        + np.cross(axis, space) * np.sin(angle)
        + (space @ axis)[..., None] * axis * (1 - np.cos(angle))
    )
    turned = boost(np.concatenate([rotated, cm[..., 3:]], axis=-1), BEAM.total)
    np.testing.assert_allclose(as_array(turned), as_array(momenta), atol=2e-5)
    exchanged = as_array(momenta[:, [1, 0, 3, 2]], lepton_id=(0.1, 0.8))
    np.testing.assert_allclose(exchanged, as_array(momenta), atol=2e-5)


@pytest.mark.parametrize("mass", [4.0, 6.0, 9.0])
def test_fractions_of_tau_decays_keep_to_their_kinematic_limits(mass):
    """A massless neutrino: E of the track in τ's rest frame is fixed, and X's boost to the τ is known."""
    values = features(events(mass=mass, dimuon_mass=0.5, n=5000))
    beta = np.sqrt(1 - 4 * TAU_MASS**2 / mass**2)
    energy = (TAU_MASS**2 + MUON_MASS**2) / (2 * TAU_MASS)
    momentum = (TAU_MASS**2 - MUON_MASS**2) / (2 * TAU_MASS)
    both = np.concatenate([values["hard_fraction"], values["soft_fraction"]])
    low, high = (energy - beta * momentum) / TAU_MASS, (energy + beta * momentum) / TAU_MASS
    assert both.min() >= low - 1e-9 and both.max() <= high + 1e-9
    # isotropic decays fill the range evenly
    assert both.mean() == pytest.approx((low + high) / 2, abs=4 * (high - low) / np.sqrt(12 * len(both)))
    assert (values["hard_fraction"] >= values["soft_fraction"]).all()


def test_momentum_fraction_is_one_when_the_muon_pair_is_at_threshold():
    at_threshold = features(events(dimuon_mass=2 * MUON_MASS * (1 + 1e-12), n=200))
    np.testing.assert_allclose(at_threshold["momentum_fraction"], 1.0, atol=1e-6)
    # and then both muons fly with the pair, against X
    np.testing.assert_allclose(at_threshold["transverse_to_hard"], 0.0, atol=1e-4)
    np.testing.assert_allclose(at_threshold["muon_asymmetry"], 0.0, atol=1e-5)


def test_nothing_is_missing_when_the_taus_decay_to_their_muons_alone():
    rng = np.random.default_rng(3)
    n = 500
    mass, pair = np.full(n, 5.0), np.full(n, 1.0)
    x, recoil = two_body(np.full(n, BEAM.sqrt_s), mass, pair, rng)
    tracks = [
        *(boost(p, recoil) for p in two_body(pair, MUON_MASS, MUON_MASS, rng)),
        *(boost(p, x) for p in two_body(mass, MUON_MASS, MUON_MASS, rng)),
    ]
    values = features(boost(np.stack(tracks, axis=1), BEAM.total))
    np.testing.assert_allclose(values["missing_mass_fraction"], 0.0, atol=1e-3)
    np.testing.assert_allclose(values["hard_fraction"], 1.0, atol=1e-9)
    np.testing.assert_allclose(values["tau_cos_opening"], -1.0, atol=1e-9)


def test_three_tracks_of_one_tau_have_less_than_its_mass():
    """e⁺e⁻ → τ⁺τ⁻ with three tracks of one τ: the lightest three tracks are they."""
    rng = np.random.default_rng(4)
    n = 500
    first, second = two_body(np.full(n, BEAM.sqrt_s), TAU_MASS, TAU_MASS, rng)
    rest = np.full(n, TAU_MASS)
    lone = boost(two_body(rest, MUON_MASS, 0.0, rng)[0], first)
    a1, _ = two_body(rest, 1.2, 0.0, rng)
    rho, pion = two_body(np.full(n, 1.2), 0.7, MUON_MASS, rng)
    pair = [boost(p, rho) for p in two_body(np.full(n, 0.7), MUON_MASS, MUON_MASS, rng)]
    three = [boost(boost(p, a1), second) for p in (pion, *pair)]
    momenta = boost(np.stack([lone, *three], axis=1), BEAM.total)
    fraction = features(momenta)["three_track_fraction"]
    assert (fraction * BEAM.sqrt_s <= 1.2 + 1e-6).all()
    assert np.isclose(fraction * BEAM.sqrt_s, 1.2, atol=1e-6).mean() > 0.95
    assert features(events())["three_track_fraction"].mean() * BEAM.sqrt_s > TAU_MASS


def test_thrust_of_known_shapes():
    back_to_back = np.array([[0, 0, 1], [0, 0, -1], [0, 0, 2], [0, 0, -2]], dtype=float)
    cross = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]], dtype=float)
    tetrahedron = np.array([[1, 1, 1], [1, -1, -1], [-1, 1, -1], [-1, -1, 1]], dtype=float)
    momenta = np.stack([back_to_back, cross, tetrahedron])
    momenta = np.concatenate([momenta, np.ones((3, 4, 1))], axis=-1)
    # the cross: along a diagonal; the tetrahedron: along the bisector of two of its corners
    np.testing.assert_allclose(thrust(momenta), [1, 1 / np.sqrt(2), 1 / np.sqrt(3)])


def test_thrust_is_the_largest_over_all_axes():
    momenta = events(n=50)
    axes = isotropic(20_000, np.random.default_rng(5))
    projections = np.abs(momenta[..., :3] @ axes.T).sum(1) / np.linalg.norm(momenta[..., :3], axis=-1).sum(
        1, keepdims=True
    )
    found = thrust(momenta)
    assert (projections.max(1) <= found + 1e-12).all()
    np.testing.assert_allclose(projections.max(1), found, rtol=1e-3)


def test_identifiers_follow_the_harder_track():
    momenta = events(n=300)
    values = features(momenta)
    assert set(np.unique(values["hard_lepton_id"])) == {0.1, 0.8}
    np.testing.assert_allclose(values["hard_lepton_id"] + values["soft_lepton_id"], 0.9)
    x = BEAM.total - momenta[:, 0] - momenta[:, 1]
    energies = (momenta[:, 2:, 3] * x[:, None, 3]) - (momenta[:, 2:, :3] * x[:, None, :3]).sum(-1)
    np.testing.assert_array_equal(values["hard_lepton_id"] == 0.8, energies[:, 0] > energies[:, 1])
