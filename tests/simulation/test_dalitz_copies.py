"""Dalitz decays made afresh, against the decays that the generator itself makes and conservation laws."""

import numpy as np
import pytest

from darkreach.config.ntuple_cuts import NtupleCuts
from darkreach.models.constants import ETA_MASS, NEUTRAL_PION_MASS
from darkreach.simulation.block_pool import fill_pool
from darkreach.simulation.dalitz_copies import dalitz_photons, with_fresh_decays
from darkreach.simulation.particles import Particles, sum_by_event
from darkreach.simulation.pythia import generate_light_quarks

SQRT_S = 10.58
CUTS = NtupleCuts(tracks=4, pair_leptons=["electron"], minimum_pair_id=0.8)


@pytest.fixture(scope="module")
def events() -> Particles:
    return generate_light_quarks(20_000, np.random.default_rng(1), SQRT_S)


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


def test_copies_keep_momentum_and_everything_else(events):
    photon, _ = dalitz_photons(events)
    chosen = np.repeat(np.unique(events.event[photon])[:50], 3)
    copies = with_fresh_decays(events, chosen, np.random.default_rng(2))
    assert copies.n_events == 150
    before = sum_by_event(events.event, events.momentum, events.n_events)[chosen]
    after = sum_by_event(copies.event, copies.momentum, 150)
    np.testing.assert_allclose(after, before, atol=1e-4)  # the generator's mesons have slightly other masses
    at = np.searchsorted(events.event, chosen)
    first = np.searchsorted(copies.event, np.arange(150))
    np.testing.assert_array_equal(copies.pdg[first], events.pdg[at])
    masses = pair_masses(copies)
    assert len(np.unique(masses)) == len(masses) >= 150


def test_masses_are_spread_as_by_the_generator(events):
    """Of one event, drawn often, the pairs have the masses that those of all events have."""
    photon, mass = dalitz_photons(events)
    of_pions = photon[mass == NEUTRAL_PION_MASS]
    number = np.bincount(events.event[photon], minlength=events.n_events)
    alone = events.event[of_pions][number[events.event[of_pions]] == 1]
    copies = with_fresh_decays(events, np.repeat(alone[0], 20_000), np.random.default_rng(3))
    all_masses = pair_masses(events)[mass == NEUTRAL_PION_MASS]
    for lowest in (0.002, 0.01, 0.025):
        fraction, expected = (pair_masses(copies) > lowest).mean(), (all_masses > lowest).mean()
        error = np.hypot(*np.sqrt([expected / len(all_masses), expected / 20_000]))
        assert abs(fraction - expected) < 4 * error


def test_a_pool_of_copies_is_as_efficient(events):
    """Candidates with a Dalitz pair per generated event, with the generator's decays and with new ones."""
    of_decays = np.unique(events.event[dalitz_photons(events)[0]])
    rng = np.random.default_rng(4)
    weight = np.zeros(events.n_events)
    weight[of_decays] = 1.0
    as_generated = fill_pool(events, CUTS, "belle", rng, weight)
    number = 40
    copies = with_fresh_decays(events, np.repeat(of_decays, number), rng)
    each = np.full(copies.n_events, 1 / number)
    afresh = fill_pool(copies, CUTS, "belle", rng, each, generated=events.n_events)
    of_event = np.bincount(as_generated.particles.event[as_generated.choice[:, 0]], as_generated.probability)
    error = np.sqrt((of_event**2).sum()) / events.n_events
    assert abs(afresh.efficiency - as_generated.efficiency) < 4 * error
    assert error < 0.25 * afresh.efficiency
