"""The pool of stand-in data against the simulation that it replaces."""

from dataclasses import replace

import numpy as np
import pytest

from darkreach.config.ntuple_cuts import NtupleCuts
from darkreach.detector import BEAMS
from darkreach.simulation import block_pool
from darkreach.simulation.block_pool import fill_pool, is_smoothed, merge_pools
from darkreach.simulation.conversions import convert_photons
from darkreach.simulation.particle_lists import take
from darkreach.simulation.particles import Particles
from darkreach.simulation.pythia import generate_pythia
from darkreach.simulation.response import reconstruct, select_events
from darkreach.simulation.tracks_response import charge_of

SQRT_S = BEAMS["belle2"].sqrt_s
# any four tracks with two that pass as muons, and enough mass that smoothing does not apply
CUTS = NtupleCuts(
    maximum_dr_cm=2.0,
    maximum_dz_cm=5.0,
    minimum_identified_muons=2,
    minimum_muon_id=0.1,
    track_mass_GeV=(4.5, 12.0),
)
WHOLE = CUTS.model_copy(update={"track_mass_GeV": (9.2, 12.0)})
PAIRS = NtupleCuts(pair_leptons=["electron", "muon"], minimum_pair_id=0.5)
PLAIN = NtupleCuts()


@pytest.fixture(scope="module")
def qqbar():
    particles = generate_pythia("qqbar", 10_000, np.random.default_rng(1), SQRT_S).particles
    return replace(particles, source=np.arange(1, 10_001))


@pytest.fixture(scope="module")
def converted(qqbar):
    """Photons of the events have converted once and for all; nothing else converts later."""
    return convert_photons(qqbar, "belle2", np.random.default_rng(2))


def every_event(particles, cuts, rng):
    """Simulated without a pool, tracks found afresh."""
    charged = charge_of(particles.pdg) != 0
    lab = BEAMS["belle2"].to_lab(particles.momentum)
    efficiency = block_pool.track_efficiency(lab, particles.vertex)
    found = charged & (rng.random(len(lab)) < efficiency)
    return reconstruct(replace(particles, found=found), "belle2", cuts, rng)


@pytest.mark.parametrize("cuts", [CUTS, PAIRS], ids=["four tracks", "identified pair"])
def test_drawing_gives_as_many_candidates_as_simulating_everything(converted, cuts, monkeypatch):
    monkeypatch.setattr(block_pool, "is_smoothed", lambda cuts, detector: False)
    rng = np.random.default_rng(3)
    pool = fill_pool(converted, cuts, "belle2")
    n_times, n_drawn = 6, 15_000
    direct = [every_event(converted, cuts, rng) for _ in range(n_times)]
    events = sum(len(events.event) for events in direct) / n_times
    drawn = reconstruct(pool.draw(n_drawn, rng), "belle2", cuts, rng)
    share = pool.efficiency * converted.n_events / n_drawn
    # the same generated events: what fluctuates is which tracks are found and pass, at most as Poisson
    error = np.hypot(np.sqrt(events / n_times), np.sqrt(len(drawn.event)) * share)
    assert events > 100
    assert len(drawn.event) * share == pytest.approx(events, abs=4 * error)
    rows = sum(len(events.pairs.event) for events in direct) / n_times
    assert len(drawn.pairs.event) * share == pytest.approx(rows, abs=8 * error)


def test_nothing_outside_the_pool_becomes_a_candidate(converted):
    rng = np.random.default_rng(4)
    pool = fill_pool(converted, WHOLE, "belle2")
    inside = np.zeros(converted.n_events, bool)
    inside[converted.event[pool.choice[:, 0]]] = True
    assert 0 < inside.sum() == pool.passed < 0.01 * converted.n_events
    outside, _ = select_events(converted, ~inside)
    assert sum(len(every_event(outside, WHOLE, rng).event) for _ in range(4)) == 0
    within, _ = select_events(converted, inside)
    assert sum(len(every_event(within, WHOLE, rng).event) for _ in range(40)) > 0


def four_muons():
    """Four muons at 90° and 2.6 GeV, in the first of two events."""
    directions = np.array([[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0]])
    momentum = np.concatenate([2.6 * directions, np.full((4, 1), np.hypot(2.6, 0.10566))], axis=1)
    pdg = np.array([13, -13, 13, -13])
    events = Particles(np.zeros(4, int), pdg, momentum, np.zeros((4, 3)), np.zeros(4, bool), 2)
    return replace(events, source=np.array([7, 8]))


def test_four_plain_tracks_have_the_product_of_their_efficiencies():
    """0.99⁴; they are always drawn together, and without demands are found and unchanged."""
    rng = np.random.default_rng(5)
    whole = PLAIN.model_copy(update={"track_mass_GeV": (9.2, 12.0)})
    pool = fill_pool(four_muons(), whole, "belle2")
    assert pool.efficiency == pytest.approx(0.99**4 / 2, rel=1e-6)
    drawn = pool.draw(10, rng)
    assert drawn.n_events == 10 and drawn.found.all()
    np.testing.assert_array_equal(drawn.source, np.full(10, 7))
    np.testing.assert_array_equal(drawn.event, np.repeat(np.arange(10), 4))
    np.testing.assert_array_equal(drawn.momentum, np.tile(four_muons().momentum, (10, 1)))


def test_two_tracks_make_an_empty_pool():
    """An event with two muons and no photon that converts."""
    particles = four_muons()
    pool = fill_pool(take(particles, particles.momentum[:, 1] == 0), WHOLE, "belle2")
    assert pool.passed == 0 and pool.efficiency == 0


def test_what_carries_the_whole_energy_is_not_smoothed():
    assert not is_smoothed(WHOLE, "belle2") and is_smoothed(CUTS, "belle2") and is_smoothed(PAIRS, "belle")


def test_a_pool_filled_in_parts_is_the_pool_of_all(converted):
    """Same choices with the same momenta and probabilities; only events that can be drawn are kept."""
    half = np.arange(converted.n_events) < converted.n_events // 2
    parts = [select_events(converted, mask)[0] for mask in (half, ~half)]
    whole = fill_pool(converted, CUTS, "belle2")
    merged = merge_pools(fill_pool(part, CUTS, "belle2") for part in parts)
    assert merged.passed == whole.passed == len(np.unique(merged.particles.event))
    drawn = merged.draw(100, np.random.default_rng(8))
    first = np.flatnonzero(np.diff(drawn.event, prepend=-1))
    same = np.searchsorted(converted.event, drawn.source - 1)
    np.testing.assert_array_equal(drawn.pdg[first], converted.pdg[same])
    np.testing.assert_array_equal(drawn.vertex[first], converted.vertex[same])
    assert merged.efficiency == pytest.approx(whole.efficiency, rel=1e-12)

    def choices(pool):
        order = np.argsort(pool.particles.event[pool.choice[:, 0]], kind="stable")
        choice = pool.choice[order]
        values = pool.particles.momentum[choice], pool.probability[order], pool.bounds[0][order]
        return (*values, pool.displaced[choice])

    for ours, theirs in zip(choices(merged), choices(whole), strict=True):
        np.testing.assert_array_equal(np.sort(ours, axis=0), np.sort(theirs, axis=0))
