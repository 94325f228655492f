"""Repeated events are spread, narrow states are not."""

import numpy as np
import pytest
from scipy.stats import rice

from darkreach.detector import BEAMS
from darkreach.detector.beams import boost
from darkreach.simulation.pairs import invariant_mass
from darkreach.simulation.particles import Particles
from darkreach.simulation.pool_smoothing import ANGLE, NARROW_MASSES, smoothed

PION_MASS = 0.13957039
BELLE = BEAMS["belle"]
TOTAL = np.array([0.0, 0.0, 0.0, BELLE.sqrt_s])


def repeated(pair_mass, n_events=4000):
    """The same event n times: a pair of pions of `pair_mass` with 2 GeV along x, and two pions elsewhere."""
    p = np.sqrt(pair_mass**2 / 4 - PION_MASS**2)
    at_rest = np.array([[0, p, 0, pair_mass / 2], [0, -p, 0, pair_mass / 2]])
    first = boost(at_rest, np.array([2.0, 0, 0, np.hypot(2.0, pair_mass)]))
    space = np.array([[-1.0, 0.4, 0.5], [-0.7, -0.9, -0.2]])
    second = np.column_stack([space, np.sqrt((space**2).sum(-1) + PION_MASS**2)])
    momentum = np.tile(np.concatenate([first, second]), (n_events, 1))
    n = len(momentum)
    particles = Particles(
        event=np.repeat(np.arange(n_events), 4),
        pdg=np.tile([211, -211, -211, 211], n_events),
        momentum=momentum,
        vertex=np.zeros((n, 3)),
        from_signal=np.zeros(n, bool),
        n_events=n_events,
    )
    return particles, np.arange(n).reshape(-1, 4)


def smoothed_tracks(pair_mass):
    particles, chosen = repeated(pair_mass)
    before = particles.momentum.copy()
    after = smoothed(particles, chosen, "belle", np.random.default_rng(1)).momentum
    np.testing.assert_allclose(invariant_mass(after), invariant_mass(before), atol=1e-7)
    return before.reshape(-1, 4, 4), after.reshape(-1, 4, 4)


def largest_share(values, width):
    """Largest part of the values that is in an interval of a width."""
    values = np.sort(values)
    return (np.searchsorted(values, values + width) - np.arange(len(values))).max() / len(values)


def test_masses_and_recoil_masses_spread_by_per_cent():
    """Far more than a resolution of some MeV; the mean stays."""
    before, after = smoothed_tracks(1.3)
    mass = invariant_mass(after[:, :2].sum(1))
    recoil = invariant_mass(TOTAL - after[:, :2].sum(1))
    assert invariant_mass(before[:, :2].sum(1))[0] == pytest.approx(1.3)
    assert mass.mean() == pytest.approx(1.3, rel=0.005)
    assert 0.02 < mass.std() / 1.3 < 0.06
    assert recoil.std() > 0.05
    assert largest_share(mass, 0.010) < 0.12
    assert largest_share(recoil, 0.020) < 0.15
    assert after.sum(1)[:, 3].std() > 0.03


@pytest.mark.parametrize("mass", NARROW_MASSES)
def test_narrow_states_keep_their_mass_and_direction(mass):
    """Momenta spread nevertheless; the flight, seen from the laboratory, still points to the vertex."""
    before, after = smoothed_tracks(mass)
    np.testing.assert_allclose(invariant_mass(after[:, :2].sum(1)), mass, rtol=1e-6)
    pairs = [BELLE.to_lab(momentum[:, :2].sum(1))[:, :3] for momentum in (before, after)]
    sizes = [np.linalg.norm(pair, axis=-1) for pair in pairs]
    assert 0.04 < (sizes[1] / sizes[0]).std() < 0.06
    np.testing.assert_allclose(pairs[1] / sizes[1][:, None], pairs[0] / sizes[0][:, None], atol=1e-7)
    # the other two tracks do not follow
    assert invariant_mass(after[:, 2:].sum(1)).std() > 0.005


@pytest.mark.parametrize("same_place", [True, False])
def test_electrons_of_two_hadrons_spread_widely_those_of_one_photon_do_not(same_place):
    """Side by side, of 0.04 GeV: m² = E₁E₂θ², so of two charmed hadrons it has the distribution of Rice."""
    particles, chosen = repeated(2 * PION_MASS + 1e-6)
    mass, energy = 0.04, 1.0
    angle = mass / energy / 2
    space = energy * np.array([[np.cos(angle), np.sin(angle), 0], [np.cos(angle), -np.sin(angle), 0]])
    particles.momentum.reshape(-1, 4, 4)[:, :2] = np.column_stack([space, [energy, energy]])
    particles.pdg = np.tile([-11, 11, -211, 211], particles.n_events)
    if not same_place:
        particles.vertex[0::4, 2] = 0.01
    before = particles.momentum.copy()
    after = smoothed(particles, chosen, "belle", np.random.default_rng(2)).momentum
    pair = invariant_mass(after.reshape(-1, 4, 4)[:, :2].sum(1))
    assert invariant_mass(before[:2].sum(0)) == pytest.approx(mass, rel=0.01)
    if same_place:
        assert pair.mean() == pytest.approx(mass, rel=0.01)
        assert pair.std() < 0.06 * mass
    else:
        laboratory = BELLE.to_lab(before[:2])[:, 3]
        scale = np.sqrt(2 * laboratory.prod()) * ANGLE
        expected = rice(mass / scale, scale=scale)
        assert pair.mean() == pytest.approx(expected.mean(), rel=0.03)
        assert pair.std() == pytest.approx(expected.std(), rel=0.05)
        assert largest_share(pair, 0.002) < 0.06
    # pions keep their direction
    pions = [BELLE.to_lab(p.reshape(-1, 4, 4)[:, 2]) for p in (before, after)]
    unit = [p[:, :3] / np.linalg.norm(p[:, :3], axis=-1, keepdims=True) for p in pions]
    np.testing.assert_allclose(unit[1], unit[0], atol=1e-7)


def test_events_with_the_whole_energy_stay_as_they_are():
    """Four tracks of 2.6 GeV each, next to an event with less."""
    muons = np.array([[2.6, 0, 0], [-2.6, 0, 0], [0, 2.6, 0], [0, -2.6, 0]])
    space = np.concatenate([muons, 0.5 * muons])
    momentum = np.column_stack([space, np.hypot(np.linalg.norm(space, axis=1), PION_MASS)])
    particles = Particles(
        np.repeat([0, 1], 4), np.tile([211, -211], 4), momentum.copy(), np.zeros((8, 3)), np.zeros(8, bool), 2
    )
    after = smoothed(particles, np.arange(8).reshape(2, 4), "belle", np.random.default_rng(3)).momentum
    np.testing.assert_array_equal(after[:4], momentum[:4])
    assert (np.abs(after[4:] - momentum[4:]).max(1) > 0.001).all()
