"""The pool of stand-in data against the simulation that it replaces."""

from dataclasses import replace

import numpy as np
import pytest

from darkreach.detector import BEAMS
from darkreach.simulation import block_pool
from darkreach.simulation.block_pool import fill_pool, merge_pools
from darkreach.simulation.candidates import MINIMUM_FOUR_TRACK_MASS, invariant_mass
from darkreach.simulation.particles import Particles
from darkreach.simulation.pythia import generate_pythia
from darkreach.simulation.response import reconstruct

SQRT_S = BEAMS["belle2"].sqrt_s


@pytest.fixture(scope="module")
def qqbar():
    return generate_pythia("qqbar", 10_000, np.random.default_rng(1), SQRT_S).particles


def n_heavier(particles, rng, mass, found=None):
    return int((invariant_mass(reconstruct(particles, rng, found).momentum.sum(1)) > mass).sum())


def select_events(particles, events):
    """The given events of a batch, with their numbers unchanged."""
    keep = np.isin(particles.event, events)
    return Particles(
        particles.event[keep],
        particles.pdg[keep],
        particles.momentum[keep],
        particles.vertex[keep],
        particles.from_signal[keep],
        particles.n_events,
    )


def test_drawing_gives_as_many_candidates_as_simulating_everything(qqbar, monkeypatch):
    monkeypatch.setattr(block_pool, "LOWEST_TRUE_MASS", 4.0)  # so that there are many
    pool = fill_pool(qqbar)
    rng = np.random.default_rng(2)
    direct = sum(n_heavier(qqbar, rng, 4.5) for _ in range(3)) / 3
    n_drawn = 20_000
    accepted = n_heavier(*reversed_arguments(pool.draw(n_drawn, rng), rng, 4.5))
    drawn = accepted / n_drawn * pool.efficiency * qqbar.n_events
    # the same generated events: what fluctuates is which tracks are found, less than Poisson
    assert direct > 300
    assert drawn == pytest.approx(direct, abs=4 * np.sqrt(direct / 3 + drawn**2 / accepted))


def reversed_arguments(draw, rng, mass):
    particles, found = draw
    return particles, rng, mass, found


def test_nothing_outside_the_pool_becomes_a_candidate(qqbar):
    pool = fill_pool(qqbar)
    inside = np.unique(qqbar.event[pool.quartet[:, 0]])
    outside = select_events(qqbar, np.setdiff1d(np.arange(qqbar.n_events), inside))
    rng = np.random.default_rng(3)
    assert 0 < len(inside) == pool.passed < 0.01 * qqbar.n_events
    assert sum(n_heavier(outside, rng, MINIMUM_FOUR_TRACK_MASS) for _ in range(5)) == 0
    assert sum(n_heavier(select_events(qqbar, inside), rng, MINIMUM_FOUR_TRACK_MASS) for _ in range(5)) > 0


def test_four_plain_tracks_have_the_product_of_their_efficiencies():
    """Four muons at 90° and 3 GeV: 0.99⁴; they are always drawn together."""
    directions = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    momentum = np.concatenate([2.6 * directions, np.full((4, 1), np.hypot(2.6, 0.10566))], axis=1)
    particles = Particles(
        np.zeros(4, int), np.array([13, -13, 13, -13]), momentum, np.zeros((4, 3)), np.zeros(4, bool), 2
    )
    pool = fill_pool(particles)
    assert pool.efficiency == pytest.approx(0.99**4 / 2, rel=1e-6)
    drawn, found = pool.draw(10, np.random.default_rng(4))
    assert drawn.n_events == 10 and found.all()
    np.testing.assert_array_equal(drawn.event, np.repeat(np.arange(10), 4))
    np.testing.assert_array_equal(drawn.momentum, np.tile(momentum, (10, 1)))


def test_two_tracks_make_an_empty_pool():
    particles = generate_pythia("mumu", 500, np.random.default_rng(5), SQRT_S).particles
    pool = fill_pool(particles)
    assert pool.passed == 0 and pool.efficiency == 0


def test_a_pool_filled_in_parts_is_the_pool_of_all(qqbar):
    """Same choices with the same momenta and probabilities; only events that can be drawn are kept."""
    half = qqbar.n_events // 2
    parts = []
    for first, last in ((0, half), (half, qqbar.n_events)):
        part = select_events(qqbar, np.arange(first, last))
        parts.append(replace(part, event=part.event - first, n_events=last - first))
    whole, merged = fill_pool(qqbar), merge_pools(fill_pool(part) for part in parts)
    assert merged.passed == whole.passed == len(np.unique(merged.particles.event))
    assert merged.efficiency == pytest.approx(whole.efficiency, rel=1e-12)

    def choices(pool):
        order = np.argsort(pool.particles.event[pool.quartet[:, 0]], kind="stable")
        quartet = pool.quartet[order]
        return pool.particles.momentum[quartet], pool.probability[order], pool.displaced[quartet]

    for ours, theirs in zip(choices(merged), choices(whole), strict=True):
        np.testing.assert_array_equal(np.sort(ours, axis=0), np.sort(theirs, axis=0))
