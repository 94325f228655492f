import numpy as np
from four_muons import BEAM, signal_events

from darkreach.detector.beams import boost
from darkreach.models.constants import MUON_MASS
from darkreach.searches.kinematics import pair_mass_squared
from darkreach.searches.mumu_features import FEATURES, mumu_features


def features(momenta):
    mass = np.sqrt(pair_mass_squared(momenta[:, 0], momenta[:, 1], MUON_MASS))
    return mumu_features(momenta, mass, BEAM)


def as_array(momenta):
    return np.stack(list(features(momenta).values()), axis=-1)


def events(n=2000, mass=2.0, seed=1):
    return signal_events(mass, n, np.random.default_rng(seed))[0]


def test_ranges():
    values = features(events())
    assert tuple(values) == FEATURES
    for name, value in values.items():
        low = -1 if name in ("cos_to_hard", "cos_to_soft") else 0
        assert value.min() >= low - 1e-9 and value.max() <= 1 + 1e-9, name
        assert value.std() > 0.05, name


def test_rotation_about_the_beam_and_exchange_of_charges_change_nothing():
    momenta = events()
    frame = BEAM.total
    cm = boost(momenta, frame * [-1, -1, -1, 1])
    axis = boost(BEAM.electron, frame * [-1, -1, -1, 1])[:3]
    axis = axis / np.linalg.norm(axis)
    space, angle = cm[..., :3], 1.1
    rotated = (
        space * np.cos(angle)
        + np.cross(axis, space) * np.sin(angle)
        + (space @ axis)[..., None] * axis * (1 - np.cos(angle))
    )
    turned = boost(np.concatenate([rotated, cm[..., 3:]], axis=-1), frame)
    # cos and sin of equal angles agree to a few digits less than the angles
    np.testing.assert_allclose(as_array(turned), as_array(momenta), atol=2e-5)
    np.testing.assert_allclose(as_array(momenta[:, [1, 0, 3, 2]]), as_array(momenta), atol=2e-5)


def test_momentum_fraction_is_one_when_the_other_pair_is_at_threshold():
    momenta = events(200)
    recoil = momenta[:, 2] + momenta[:, 3]
    # share the momentum of the recoiling pair equally, as at its threshold
    half = recoil / 2
    half[:, 3] = np.sqrt((half[:, :3] ** 2).sum(-1) + MUON_MASS**2)
    fraction = features(np.stack([momenta[:, 0], momenta[:, 1], half, half], axis=1))["momentum_fraction"]
    np.testing.assert_allclose(fraction, 1.0, atol=1e-9)
