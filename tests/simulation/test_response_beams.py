"""The spread of the beam energies moves events without changing any mass."""

from dataclasses import replace

import numpy as np
import pytest

from darkreach.detector import BEAMS
from darkreach.simulation.response_beams import at_other_energy, laboratory_momenta
from darkreach.simulation.signal import generate_signal

BELLE2 = BEAMS["belle2"]
MASS, N = 9.0, 500


@pytest.fixture(scope="module")
def signal():
    generated = generate_signal(
        "zprime", MASS, N, np.random.default_rng(1), BELLE2.sqrt_s, 1 / 137, isr=False
    )
    return generated.particles


def squared_mass(momentum):
    return momentum[..., 3] ** 2 - (momentum[..., :3] ** 2).sum(-1)


def event_sums(particles, momentum):
    return np.stack([np.bincount(particles.event, momentum[:, k], particles.n_events) for k in range(4)], -1)


def test_energy_is_the_new_one_and_momentum_stays_balanced(signal):
    energy = BELLE2.sqrt_s + np.random.default_rng(2).normal(0, 5e-3, N)
    totals = event_sums(signal, at_other_energy(signal, BELLE2.sqrt_s, energy))
    np.testing.assert_allclose(totals[:, :3], 0, atol=1e-9)
    np.testing.assert_allclose(totals[:, 3], energy, atol=2e-5)


def test_masses_of_the_particles_and_of_x_are_unchanged(signal):
    energy = np.full(N, BELLE2.sqrt_s + 0.01)
    momentum = at_other_energy(signal, BELLE2.sqrt_s, energy)
    np.testing.assert_allclose(squared_mass(momentum), squared_mass(signal.momentum), atol=1e-9)
    pairs = momentum[signal.from_signal].reshape(N, 2, 4).sum(1)
    np.testing.assert_allclose(np.sqrt(squared_mass(pairs)), MASS, atol=1e-7)


def test_a_photon_in_the_beam_pipe_stays_massless():
    generated = generate_signal("zprime", 4.0, N, np.random.default_rng(3), BELLE2.sqrt_s, 1 / 137)
    particles, energy = generated.particles, np.full(N, BELLE2.sqrt_s - 0.01)
    totals = event_sums(particles, at_other_energy(particles, BELLE2.sqrt_s, energy))
    missing_energy, missing_pz = energy - totals[:, 3], -totals[:, 2]
    hard = missing_energy > 0.1
    assert hard.sum() > 20
    np.testing.assert_allclose(missing_energy[hard], np.abs(missing_pz[hard]), atol=2e-5)


def test_events_in_the_laboratory_have_the_momentum_of_their_beams(signal):
    totals = event_sums(signal, laboratory_momenta(signal, BELLE2, np.random.default_rng(4)))
    expected = BELLE2.spread_totals(N, np.random.default_rng(4))
    np.testing.assert_allclose(totals, expected, atol=3e-5)


def test_what_x_decays_to_moves_together_neutrinos_included(signal):
    """X → four particles, of which two are said to be the signal: the mass of all four is kept."""
    n = 200
    rng = np.random.default_rng(5)
    space = rng.normal(scale=0.5, size=(n, 4, 3))
    decay = np.concatenate([space, np.sqrt((space**2).sum(-1) + 0.02)[..., None]], axis=-1)
    rest = np.zeros((n, 1, 4))
    rest[:, 0, :3], rest[:, 0, 3] = -space.sum(1), np.sqrt((space.sum(1) ** 2).sum(-1) + 9.0)
    particles = replace(
        signal,
        event=np.repeat(np.arange(n), 5),
        pdg=np.tile([11, -11, 16, -16, 13], n),
        momentum=np.concatenate([decay, rest], axis=1).reshape(-1, 4),
        vertex=np.zeros((5 * n, 3)),
        from_signal=np.tile([True, True, False, False, False], n),
        from_resonance=np.tile([True, True, True, True, False], n),
        n_events=n,
    )
    old = decay.sum(1)
    moved = at_other_energy(particles, BELLE2.sqrt_s, np.full(n, BELLE2.sqrt_s + 0.01)).reshape(n, 5, 4)
    np.testing.assert_allclose(squared_mass(moved[:, :4].sum(1)), squared_mass(old), rtol=1e-9)
    np.testing.assert_allclose(
        squared_mass(moved[:, :2].sum(1)), squared_mass(decay[:, :2].sum(1)), rtol=1e-9
    )
    assert (moved[:, :4].sum(1)[:, 3] > old[:, 3]).all()
