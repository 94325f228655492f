"""Electrons of photons made afresh, against those that are made once and conservation laws."""

from dataclasses import replace

import numpy as np
import pytest

from darkreach.config.ntuple_cuts import NtupleCuts
from darkreach.detector import BEAMS
from darkreach.models.constants import ETA_MASS, NEUTRAL_PION_MASS
from darkreach.simulation.block_pool import fill_pool
from darkreach.simulation.conversions import way_to_conversion, with_conversions
from darkreach.simulation.particles import Particles, sum_by_event
from darkreach.simulation.photon_copies import chance_of_few_others, dalitz_photons, fresh_copies
from darkreach.simulation.pythia import generate_light_quarks
from darkreach.simulation.tracks_response import charge_of, track_efficiency

SQRT_S = 10.58
CUTS = NtupleCuts(tracks=4, pair_leptons=["electron"], minimum_pair_id=0.8)


@pytest.fixture(scope="module")
def events() -> Particles:
    particles = generate_light_quarks(20_000, np.random.default_rng(1), SQRT_S)
    return replace(particles, source=np.arange(1, 20_001))


@pytest.fixture(scope="module")
def nowhere(events) -> np.ndarray:
    """No photon converts."""
    return np.full(len(events.pdg), np.inf)


def pair_masses(particles: Particles) -> np.ndarray:
    """GeV, of e⁺e⁻ of all Dalitz decays."""
    photon, _ = dalitz_photons(particles)
    pair = particles.momentum[photon + 1] + particles.momentum[photon + 2]
    return np.sqrt(pair[:, 3] ** 2 - (pair[:, :3] ** 2).sum(-1))


def test_the_generators_decays_are_found(events):
    _, mass = dalitz_photons(events)
    photons = events.pdg == 22
    pions = 0.5 * photons.sum() / events.n_events  # nearly all photons are of π⁰
    per_event = (mass == NEUTRAL_PION_MASS).sum() / events.n_events
    assert 0.7 * pions < per_event / 0.01174 < 1.0 * pions
    assert 0.02 < (mass == ETA_MASS).sum() / (mass == NEUTRAL_PION_MASS).sum() < 0.2


def test_copies_keep_momentum_and_everything_else(events, nowhere):
    photon, _ = dalitz_photons(events)
    chosen = np.repeat(np.unique(events.event[photon])[:50], 3)
    copies = fresh_copies(events, nowhere, chosen, "belle", np.random.default_rng(2))
    assert copies.n_events == 150
    before = sum_by_event(events.event, events.momentum, events.n_events)[chosen]
    after = sum_by_event(copies.event, copies.momentum, 150)
    np.testing.assert_allclose(after, before, atol=1e-4)  # the generator's mesons have slightly other masses
    at = np.searchsorted(events.event, chosen)
    first = np.searchsorted(copies.event, np.arange(150))
    np.testing.assert_array_equal(copies.pdg[first], events.pdg[at])
    np.testing.assert_array_equal(copies.source, events.source[chosen])
    masses = pair_masses(copies)
    assert len(np.unique(masses)) == len(masses) >= 150


def test_masses_are_spread_as_by_the_generator(events, nowhere):
    """Of one event, drawn often, the pairs have the masses that those of all events have."""
    photon, mass = dalitz_photons(events)
    of_pions = photon[mass == NEUTRAL_PION_MASS]
    number = np.bincount(events.event[photon], minlength=events.n_events)
    alone = events.event[of_pions][number[events.event[of_pions]] == 1]
    many = np.repeat(alone[0], 20_000)
    copies = fresh_copies(events, nowhere, many, "belle", np.random.default_rng(3))
    all_masses = pair_masses(events)[mass == NEUTRAL_PION_MASS]
    for lowest in (0.002, 0.01, 0.025):
        fraction, expected = (pair_masses(copies) > lowest).mean(), (all_masses > lowest).mean()
        error = np.hypot(*np.sqrt([expected / len(all_masses), expected / 20_000]))
        assert abs(fraction - expected) < 4 * error


def test_the_chance_of_few_tracks_is_how_often_they_are_found(events):
    """Against drawing which tracks are found."""
    rng = np.random.default_rng(5)
    photon, _ = dalitz_photons(events)
    efficiency = track_efficiency(BEAMS["belle"].to_lab(events.momentum), events.vertex)
    efficiency[charge_of(events.pdg) == 0] = 0.0
    efficiency[photon + 1] = efficiency[photon + 2] = 0.0
    number = np.bincount(events.event, rng.random(len(efficiency)) < efficiency, events.n_events)
    chance = chance_of_few_others(events, 3, "belle")
    few = (number <= 3).sum()
    assert few == pytest.approx(chance.sum(), abs=4 * np.sqrt((chance * (1 - chance)).sum()))
    assert few > 500


def test_a_pool_of_copies_is_as_efficient(events):
    """Candidates per generated event, of those with electrons from photons, made once and afresh."""
    rng = np.random.default_rng(4)
    way = way_to_conversion(events, "belle", rng)
    photons = np.concatenate([np.flatnonzero(np.isfinite(way)), dalitz_photons(events)[0]])
    chosen = np.unique(events.event[photons])
    weight = np.zeros(events.n_events)
    weight[chosen] = 1.0
    once = fill_pool(with_conversions(events, way, "belle", rng), CUTS, "belle", weight)
    number = 10
    copies = fresh_copies(events, way, np.repeat(chosen, number), "belle", rng)
    each = np.full(copies.n_events, 1 / number)
    afresh = fill_pool(copies, CUTS, "belle", each, generated=events.n_events)
    of_event = np.bincount(once.particles.event[once.choice[:, 0]], once.probability)
    error = np.sqrt((of_event**2).sum()) / events.n_events
    assert abs(afresh.efficiency - once.efficiency) < 4 * error
    assert error < 0.15 * afresh.efficiency
    assert afresh.passed <= len(chosen)  # copies are no more events
