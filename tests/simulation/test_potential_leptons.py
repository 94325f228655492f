"""The probability that tracks can pass as leptons, against quantiles drawn without any thinning."""

import numpy as np
import pytest

from darkreach.config.ntuple_cuts import NtupleCuts
from darkreach.simulation.identification import electron_id, muon_id
from darkreach.simulation.potential_leptons import PotentialLeptons

BOTH = NtupleCuts(pair_leptons=["muon", "electron"], minimum_pair_id=0.9)
MUONS = NtupleCuts(pair_leptons=["muon"], minimum_pair_id=0.9)
THREE = NtupleCuts(minimum_identified_muons=3, minimum_muon_id=0.5)
CHARGE = np.array([1, -1, 1, -1])
# bounds of four tracks: a muon, two pions of different momenta, an electron
BOUNDS = {"muon": np.array([0.9, 0.05, 0.2, 0.01]), "electron": np.array([0.01, 0.02, 0.1, 0.95])}


def passes(below, pair, number=2):
    """(n,) whether tracks (n, 4) below their bounds are enough."""
    if pair:
        return below[:, [0, 2]].any(1) & below[:, [1, 3]].any(1)
    return below.sum(1) >= number


@pytest.mark.parametrize("cuts", [BOTH, MUONS, THREE])
def test_probability_and_quantiles_are_those_of_plain_drawing(cuts):
    """The distributions of quantiles given that the event passes, by rejection and as drawn."""
    demand = PotentialLeptons.of_cuts(cuts, "belle2")
    n = 200_000
    rng = np.random.default_rng(1)
    plain = {lepton: rng.random((n, 4)) for lepton in demand.leptons}
    enough = np.zeros(n, bool)
    for lepton, u in plain.items():
        enough |= passes(u < BOUNDS[lepton], demand.pair, demand.number)
    bounds = [np.tile(BOUNDS[lepton], (n, 1)) for lepton in demand.leptons]
    charge = np.tile(CHARGE, (n, 1))
    probability = demand.probability(charge[:2], [bound[:2] for bound in bounds])[0]
    assert probability == pytest.approx(enough.mean(), abs=4 * np.sqrt(probability / n))

    drawn = demand.draw(charge, bounds, rng)
    met = np.zeros(n, bool)
    for lepton, u in drawn.items():
        assert ((u >= 0) & (u < 1)).all()
        met |= passes(u < BOUNDS[lepton], demand.pair, demand.number)
        expected = (plain[lepton][enough] < BOUNDS[lepton]).mean(0)
        error = np.sqrt(expected * (1 - expected) / enough.sum()) + 1e-4
        np.testing.assert_array_less(np.abs((u < BOUNDS[lepton]).mean(0) - expected), 4.5 * error)
        # inside and outside of the bound they are uniform
        inside = u[:, 1][u[:, 1] < BOUNDS[lepton][1]] / BOUNDS[lepton][1]
        assert inside.mean() == pytest.approx(0.5, abs=4.5 * np.sqrt(1 / 12 / len(inside)))
    assert met.all()


def test_joint_passing_as_muons_and_as_electrons():
    """How often an event passes both ways is kept, too: P(μ)P(e) over P(μ or e)."""
    demand = PotentialLeptons.of_cuts(BOTH, "belle2")
    n = 100_000
    bounds = [np.full((n, 4), 0.4), np.full((n, 4), 0.3)]
    drawn = demand.draw(np.tile(CHARGE, (n, 1)), bounds, np.random.default_rng(2))
    as_muons, as_electrons = (
        passes(u < bound, True) for u, bound in zip(drawn.values(), bounds, strict=True)
    )
    p_muon, p_electron = (1 - 0.6**2) ** 2, (1 - 0.7**2) ** 2
    either = 1 - (1 - p_muon) * (1 - p_electron)
    assert (as_muons & as_electrons).mean() == pytest.approx(p_muon * p_electron / either, abs=0.007)
    assert as_muons.mean() == pytest.approx(p_muon / either, abs=0.007)


@pytest.mark.parametrize("detector", ["belle", "belle2"])
@pytest.mark.parametrize("pdg", [11, 13, 211, 321])
def test_no_quantile_beyond_the_bound_passes(detector, pdg):
    """Also when the momentum changes by ten per cent; the largest bound holds at any momentum."""
    rng = np.random.default_rng(3)
    n = 20_000
    p, cosine, phi = rng.uniform(0.3, 5.0, n), rng.uniform(-0.8, 0.9, n), rng.uniform(0, 2 * np.pi, n)
    sine = np.sqrt(1 - cosine**2)
    space = p[:, None] * np.stack([sine * np.cos(phi), sine * np.sin(phi), cosine], axis=-1)
    momentum = np.concatenate([space, p[:, None]], axis=-1)
    species = np.full(n, pdg)
    demand = PotentialLeptons.of_cuts(BOTH, detector)
    u = rng.random(n)
    changed = momentum * rng.uniform(0.9, 1.1, n)[:, None]
    identifiers = (muon_id(changed, species, u, detector), electron_id(changed, species, u, detector))
    wide = demand.bounds(momentum, species, change=0.1)
    for identifier, bound, largest in zip(identifiers, wide, demand.largest_bounds(pdg), strict=True):
        assert not (identifier[u > 1.001 * bound] > 0.9).any()
        assert (bound <= largest + 1e-9).all()


def test_without_leptons_everything_passes():
    demand = PotentialLeptons.of_cuts(NtupleCuts(), "belle2")
    assert demand.leptons == () and demand.draw(np.array([CHARGE]), [], np.random.default_rng(4)) == {}
    np.testing.assert_array_equal(demand.probability(np.array([CHARGE, CHARGE]), []), [1.0, 1.0])
