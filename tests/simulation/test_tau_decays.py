"""Decays of polarised τ leptons against measured branching fractions and closed forms."""

import numpy as np
import pytest
from scipy.stats import kstest

from darkreach.models.constants import PION_MASS, TAU_MASS
from darkreach.simulation.phase_space import isotropic_directions
from darkreach.simulation.tau_decays import TAU_DECAY_LENGTH, decay_taus
from darkreach.simulation.tau_library import make_tau_library
from darkreach.simulation.tracks_response import charge_of

ENERGY = 5.29
BETA = np.sqrt(1 - (TAU_MASS / ENERGY) ** 2)
N = 20_000


@pytest.fixture(scope="module")
def library():
    return make_tau_library(np.random.default_rng(1), 6000)


def taus(n, seed=2):
    unit = isotropic_directions(n, np.random.default_rng(seed))
    return np.concatenate([BETA * ENERGY * unit, np.full((1, n), ENERGY)]).T


def decay(library, pdg, helicity, n=N, **options):
    rng = np.random.default_rng(3)
    return decay_taus(taus(n), np.full(n, pdg), np.full(n, helicity), library, rng, **options)


def kinds(library):
    """Sorted PDG codes of each entry, without its neutrinos."""
    parts = np.split(library.pdg, library.offsets[1:-1])
    return [tuple(sorted(int(code) for code in part if abs(code) not in (12, 14, 16))) for part in parts]


@pytest.mark.parametrize(
    "products, fraction",
    [
        ((11,), 0.1782),
        ((13,), 0.1739),
        ((-211,), 0.1082),
        ((-211, 111), 0.2549),
        ((-211, 111, 111), 0.0926),
        ((-211, -211, 211), 0.0899),
        ((-321,), 0.0070),
    ],
)
def test_branching_fractions(library, products, fraction):
    """Particle Data Group 2024; three pions without those of K⁰_S."""
    error = np.sqrt(fraction / len(library))
    assert kinds(library).count(products) / len(library) == pytest.approx(fraction, abs=4 * error)


def test_prongs(library):
    """One charged particle in 85.2 %, three in 14.6 % (PDG, without those of K⁰_S: they are 1 % of τ)."""
    assert (library.charged == 1).mean() + 0.010 == pytest.approx(0.8524, abs=0.016)
    assert (library.charged == 3).mean() - 0.010 == pytest.approx(0.1455, abs=0.016)
    assert set(np.unique(library.charged)) <= {1, 3, 5, 7}


def test_entries_conserve_momentum_and_charge(library):
    entry = np.repeat(np.arange(len(library)), np.diff(library.offsets))
    total = np.stack([np.bincount(entry, library.momentum[:, k]) for k in range(4)], -1)
    np.testing.assert_allclose(total, np.tile([0, 0, 0, TAU_MASS], (len(library), 1)), atol=1e-5)
    assert (np.bincount(entry, charge_of(library.pdg)) == -1).all()


@pytest.mark.parametrize("pdg", [15, -15])
@pytest.mark.parametrize("helicity", [1, -1])
def test_decays_conserve_momentum_and_charge(library, pdg, helicity):
    products = decay(library, pdg, helicity, 3000)
    total = np.stack([np.bincount(products.parent, products.momentum[:, k]) for k in range(4)], -1)
    np.testing.assert_allclose(total, taus(3000), atol=1e-4)
    assert (np.bincount(products.parent, charge_of(products.pdg)) == -np.sign(pdg)).all()
    lepton_number = np.isin(np.abs(products.pdg), (15, 16)) * np.sign(products.pdg)
    assert (np.bincount(products.parent, lepton_number) == np.sign(pdg)).all()


def pion_fractions(library, pdg, helicity):
    """E_π/E_τ of τ → πν."""
    products = decay(library, pdg, helicity)
    pion = np.abs(products.pdg) == 211
    alone = np.bincount(products.parent, minlength=N) == 2
    return products.momentum[pion & alone[products.parent], 3] / ENERGY


@pytest.mark.parametrize("pdg, helicity", [(15, 1), (15, -1), (-15, 1), (-15, -1)])
def test_pion_energy_follows_the_polarisation(library, pdg, helicity):
    """dΓ ∝ 1 + P cos θ in the rest frame: ⟨E_π/E⟩ = (1 + r)/2 + Pβ(1 − r)/6, r = m_π²/m_τ², P = h of a τ⁻.

    The library has only some 1000 such decays, which sets the error.
    """
    fraction = pion_fractions(library, pdg, helicity)
    r, polarisation = (PION_MASS / TAU_MASS) ** 2, helicity * np.sign(pdg)
    expected = (1 + r) / 2 + polarisation * BETA * (1 - r) / 6
    assert fraction.mean() == pytest.approx(expected, abs=4 * 0.22 / np.sqrt(0.1082 * len(library)))


@pytest.mark.parametrize("polarisation", [1, -1])
def test_electron_energy_follows_the_polarisation(library, polarisation):
    """V−A: ⟨E_e/E⟩ = 7/20 − βP/20 (R. Alemany et al., Nucl. Phys. B 379 (1992) 3, for β = 1)."""
    products = decay(library, 15, polarisation)
    electron = products.pdg == 11
    leptonic = (np.bincount(products.parent, minlength=N) == 3)[products.parent]
    fraction = products.momentum[electron & leptonic, 3] / ENERGY
    error = 0.2 / np.sqrt(0.178 * len(library))
    assert fraction.mean() == pytest.approx(7 / 20 - BETA * polarisation / 20, abs=4 * error)


def test_electron_spectrum_at_rest_is_that_of_michel(library):
    """dΓ/dx ∝ x²(3 − 2x), x = 2E/m: ⟨x⟩ = 7/10, ⟨x²⟩ = 8/15."""
    entry = np.repeat(np.arange(len(library)), np.diff(library.offsets))
    electron = (library.pdg == 11) & (np.diff(library.offsets) == 3)[entry]
    x = 2 * library.momentum[electron, 3] / TAU_MASS
    assert x.mean() == pytest.approx(0.7, abs=4 * x.std() / np.sqrt(len(x)))
    assert (x**2).mean() == pytest.approx(8 / 15, abs=4 * (x**2).std() / np.sqrt(len(x)))


def test_decay_points_are_exponential_along_the_flight(library):
    products = decay(library, 15, 1)
    neutrino = products.pdg == 16
    length = np.linalg.norm(products.position[neutrino, :3], axis=1) / (BETA * ENERGY / TAU_MASS)
    assert kstest(length, "expon", args=(0, TAU_DECAY_LENGTH)).pvalue > 1e-3
    assert length.mean() == pytest.approx(87.03e-4, rel=4 / np.sqrt(N))
    across = np.cross(products.position[neutrino, :3], taus(N)[:, :3])
    np.testing.assert_allclose(across, 0, atol=1e-9)


def test_kaons_decay_away_from_the_tau(library):
    """K⁰_S → π⁺π⁻ have their own vertex: cτ = 2.684 cm (PDG)."""
    at_rest = np.linalg.norm(library.position[:, :3], axis=1)
    displaced = (np.abs(library.pdg) == 211) & (at_rest > 1e-5)  # η and ω fly less
    first, second = np.flatnonzero(displaced)[::2], np.flatnonzero(displaced)[1::2]
    pairs = library.momentum[first] + library.momentum[second]
    momentum = np.linalg.norm(pairs[:, :3], axis=1)
    np.testing.assert_allclose(pairs[:, 3] ** 2 - momentum**2, 0.497611**2, rtol=1e-3)
    proper = at_rest[first] * 0.497611 / momentum
    assert len(first) > 50
    assert proper.mean() == pytest.approx(2.684, rel=4 / np.sqrt(len(first)))


def test_entries_and_dalitz_decays_can_be_chosen(library):
    entries = np.flatnonzero(library.neutral_pions == 2)[np.arange(500) % 300]
    for dalitz in (0, 1, 2):
        products = decay(library, -15, 1, 500, entries=entries, dalitz=np.full(500, dalitz))
        charged = np.bincount(products.parent, charge_of(products.pdg) != 0)
        np.testing.assert_array_equal(charged, library.charged[entries] + 2 * dalitz)


def test_tracks_of_the_decay_come_before_those_of_neutral_pions(library):
    """Whoever chooses entries knows where their tracks are."""
    entries = np.flatnonzero((library.neutral_pions == 1) & (library.charged == 1))[:200]
    products = decay(library, 15, 1, 200, entries=entries, dalitz=np.ones(200, int))
    charged = charge_of(products.pdg) != 0
    tracks = products.pdg[charged].reshape(200, 3)
    np.testing.assert_array_equal(tracks[:, 1:], np.tile([11, -11], (200, 1)))


def test_same_seed_same_library():
    first, second = (make_tau_library(np.random.default_rng(7), 100) for _ in range(2))
    np.testing.assert_array_equal(first.momentum, second.momentum)
    assert len(make_tau_library(np.random.default_rng(8), 100).pdg) > 0
