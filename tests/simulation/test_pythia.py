"""Pythia events against conservation laws and published numbers."""

import numpy as np
import pytest

from darkreach.simulation.pythia import (
    PROCESSES,
    _initialised,
    generate_light_quarks,
    generate_pythia,
    published_cross_section_fb,
)
from darkreach.simulation.tracks_response import charge_of

SQRT_S = 10.58


def totals(particles, select=slice(None)):
    event, momentum = particles.event[select], particles.momentum[select]
    return np.stack([np.bincount(event, momentum[:, k], particles.n_events) for k in range(4)], axis=-1)


def mass(momentum):
    return np.sqrt(np.maximum(momentum[..., 3] ** 2 - (momentum[..., :3] ** 2).sum(-1), 0))


def per_event(particles, select):
    return np.bincount(particles.event[select], minlength=particles.n_events)


@pytest.fixture(scope="module")
def mumu():
    return generate_pythia("mumu", 10_000, np.random.default_rng(1), SQRT_S).particles


@pytest.fixture(scope="module")
def tautau():
    return generate_pythia("tautau", 1500, np.random.default_rng(2), SQRT_S).particles


@pytest.fixture(scope="module")
def bbbar():
    return generate_pythia("bbbar", 4000, np.random.default_rng(5), SQRT_S).particles


@pytest.fixture(scope="module")
def qqbar():
    return generate_pythia("qqbar", 6000, np.random.default_rng(3), SQRT_S).particles


def test_mumu_conserves_four_momentum(mumu):
    np.testing.assert_allclose(totals(mumu), np.tile([0, 0, 0, SQRT_S], (10_000, 1)), atol=1e-8)


def test_mumu_has_hard_initial_state_radiation():
    """s'/s < 0.9 in 28–30 % of the events (Kuraev–Fadin radiator); Pythia's default 23:mMin leaves 0.5 %."""
    pythia = _initialised("mumu", PROCESSES["mumu"][0], SQRT_S, 1)
    reduced = np.concatenate([np.asarray(pythia.nextBatch(5000).info.sHat) for _ in range(2)]) / SQRT_S**2
    assert (reduced < 0.9).mean() == pytest.approx(0.29, abs=0.02)


def test_photons_of_mumu_do_not_split(mumu):
    assert (per_event(mumu, charge_of(mumu.pdg) != 0) == 2).all()
    assert set(np.unique(mumu.pdg)) == {-13, 13, 22}


def test_photons_of_quarks_do_not_split():
    """No leptons start where the quarks do; one event in 20 000 had them, this one with this seed."""
    particles = generate_light_quarks(20_000, np.random.default_rng(1), SQRT_S)
    leptons = np.isin(np.abs(particles.pdg), (11, 13))
    at_start = (particles.vertex == 0).all(1)
    assert leptons.sum() > 1000 and at_start.sum() > 1000
    assert not (leptons & at_start).any()


def test_muons_go_forward_and_backward_alike(mumu):
    """One-photon exchange: 1 + cos²θ, so ⟨cos²θ⟩ = 2/5 for events with little radiation, and no asymmetry."""
    minus = mumu.momentum[mumu.pdg == 13]
    pair = totals(mumu, np.abs(mumu.pdg) == 13)
    cos_theta = (minus[:, 2] / np.linalg.norm(minus[:, :3], axis=1))[mass(pair) > 10.3]
    n = len(cos_theta)
    assert (cos_theta**2).mean() == pytest.approx(0.4, abs=5 * 0.3 / np.sqrt(n))
    assert abs(cos_theta.mean()) < 5 * 0.63 / np.sqrt(n)


def test_tau_one_prong_fraction(tautau):
    """0.852 (PDG). Tracks of K⁰_S do not count; the e⁺e⁻ pairs of π⁰ decays do, about 0.5 %."""
    radius = np.linalg.norm(tautau.vertex, axis=-1)
    prong = (charge_of(tautau.pdg) != 0) & (radius < 0.5)
    two_prongs = (per_event(tautau, prong) == 2).mean()
    assert np.sqrt(two_prongs) == pytest.approx(0.852, abs=0.02)


def test_tau_events_miss_neutrinos_and_nothing_is_faster_than_light(tautau):
    missing = np.array([0, 0, 0, SQRT_S]) - totals(tautau)
    squared = missing[:, 3] ** 2 - (missing[:, :3] ** 2).sum(-1)
    assert (missing[:, 3] > -1e-8).all() and (squared > -1e-6).all()
    assert np.median(np.sqrt(np.abs(squared))) > 1


def test_vertices_are_in_cm(tautau):
    """Mean flight of the τ: βγcτ with cτ = 87.03 µm (PDG), for those events that radiated little."""
    radiated = np.bincount(tautau.event[tautau.pdg == 22], tautau.momentum[tautau.pdg == 22, 3], 1500)
    track = (np.abs(tautau.pdg) == 13) & (radiated[tautau.event] < 5)
    length = np.linalg.norm(tautau.vertex[track], axis=-1)
    length = length[(length > 0) & (length < 0.5)]
    beta_gamma = np.sqrt((SQRT_S / 2 / 1.77693) ** 2 - 1)
    assert length.mean() == pytest.approx(beta_gamma * 87.03e-4, rel=0.15)


def test_hadrons_have_the_known_multiplicity(qqbar):
    """6.88 charged particles from light quarks and 7.92 from charm, in the published proportion."""
    light, charm = 2.39, 1.30
    expected = (light * 6.88 + charm * 7.92) / (light + charm)
    n_charged = per_event(qqbar, charge_of(qqbar.pdg) != 0)
    assert n_charged.mean() == pytest.approx(expected, abs=0.2)
    assert (n_charged % 2 == 0).all()
    total_charge = np.bincount(qqbar.event, charge_of(qqbar.pdg), qqbar.n_events)
    assert (total_charge == 0).all()


def test_b_mesons_decay_to_leptons_as_often_as_measured(bbbar):
    """B(B → lνX) = 10.86 % each for e, μ (PDG); assumed: 57 % of them above 1.4 GeV, few from charm there."""
    lepton = np.isin(np.abs(bbbar.pdg), (11, 13)) & (np.linalg.norm(bbbar.momentum[:, :3], axis=1) > 1.4)
    assert lepton.sum() / bbbar.n_events == pytest.approx(4 * 0.57 * 0.1086, rel=0.12)


def test_b_mesons_have_the_known_multiplicity_and_fly_little(bbbar):
    """About 10.7 charged particles, K⁰_S decayed (CLEO, Phys. Rev. D 61 (2000) 072002; number assumed)."""
    n_charged = per_event(bbbar, charge_of(bbbar.pdg) != 0)
    assert n_charged.mean() == pytest.approx(10.7, abs=0.4)
    assert (np.bincount(bbbar.event, charge_of(bbbar.pdg), bbbar.n_events) == 0).all()
    # The mesons are slow, βγ = 0.06, so particles of direct decays start within cτ βγ ≈ 30 µm.
    muon = (np.abs(bbbar.pdg) == 13) & (np.linalg.norm(bbbar.momentum[:, :3], axis=1) > 1.8)
    assert np.linalg.norm(bbbar.vertex[muon], axis=1).mean() == pytest.approx(29e-4, rel=0.35)


def test_no_energy_is_made_in_b_decays(bbbar):
    visible = totals(bbbar)
    assert (visible[:, 3] < SQRT_S + 1e-6).all()
    missing = np.array([0, 0, 0, SQRT_S]) - visible
    assert (missing[:, 3] ** 2 - (missing[:, :3] ** 2).sum(-1) > -1e-5).all()


def test_particles_are_ordered_and_complete(qqbar):
    assert (np.diff(qqbar.event) >= 0).all()
    assert qqbar.n_events == 6000 and qqbar.event[-1] == 5999
    assert not qqbar.from_signal.any()


def test_published_cross_sections():
    assert published_cross_section_fb("tautau") == (0.919e6, 0.003e6)
    assert published_cross_section_fb("mumu")[0] == 1.148e6
    assert published_cross_section_fb("qqbar")[0] == pytest.approx((1.61 + 0.40 + 0.38 + 1.30) * 1e6)


def test_same_seed_same_events():
    one, other, different = (
        generate_pythia("qqbar", 50, np.random.default_rng(seed), SQRT_S).particles for seed in (7, 7, 8)
    )
    np.testing.assert_array_equal(one.momentum, other.momentum)
    assert len(one.momentum) != len(different.momentum) or (one.momentum != different.momentum).any()
