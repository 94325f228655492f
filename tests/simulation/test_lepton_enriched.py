"""A pool with more leptons from heavy hadrons than in nature, undone by weights."""

import numpy as np
import pytest

from darkreach.detector import BEAMS
from darkreach.simulation.lepton_enriched import lepton_enriched
from darkreach.simulation.photon_copies import dalitz_photons
from darkreach.simulation.pythia import generate_pythia, generate_with_leptons

SQRT_S = BEAMS["belle2"].sqrt_s


def muons(particles, sign):
    return np.bincount(particles.event[particles.pdg == sign * 13], minlength=particles.n_events)


def generated(process, n_events, seed):
    """Muons of either charge per event, charged particles per event, and the weights."""
    parts = list(lepton_enriched(process, (13,), n_events, np.random.default_rng(seed), "belle2"))
    counts = [np.concatenate([muons(particles, sign) for particles, _ in parts]) for sign in (1, -1)]
    charged = np.concatenate([np.bincount(p.event[p.pdg != 22], minlength=p.n_events) for p, _ in parts])
    return *counts, charged, np.concatenate([weight for _, weight in parts])


@pytest.fixture(scope="module")
def enriched():
    return {"qqbar": generated("qqbar", 12_000, 1), "bbbar": generated("bbbar", 4000, 1)}


@pytest.mark.parametrize(("process", "n_ordinary"), [("qqbar", 40_000), ("bbbar", 5000)])
def test_enriched_events_have_the_rates_of_ordinary_ones(enriched, process, n_ordinary):
    """Events without muons, with one and with one of each charge, and the number of charged particles."""
    ordinary = generate_pythia(process, n_ordinary, np.random.default_rng(2), SQRT_S).particles
    minus, plus = (muons(ordinary, sign) for sign in (1, -1))
    charged = np.bincount(ordinary.event[ordinary.pdg != 22], minlength=ordinary.n_events)
    our_minus, our_plus, our_charged, weight = enriched[process]
    n = len(weight)
    assert weight.sum() == pytest.approx(n, rel=0.01)
    for few in (our_charged < 100, our_charged <= 8):
        few_too = charged < 100 if few.all() else charged <= 8
        for number in (0, 1, 2):
            ours = few & (our_minus + our_plus == number) & (number < 2 or (our_minus == 1))
            theirs = few_too & (minus + plus == number) & (number < 2 or (minus == 1))
            error = np.hypot(
                np.sqrt((weight[ours] ** 2).sum()) / n, np.sqrt(theirs.sum()) / ordinary.n_events
            )
            assert theirs.sum() > 10
            assert weight[ours].sum() / n == pytest.approx(theirs.mean(), abs=4 * error), number


def test_pairs_of_true_muons_are_many_more_events(enriched):
    """Twenty times as many as in an ordinary pool of the same size, by the effective number."""
    our_minus, our_plus, _, weight = enriched["qqbar"]
    pairs = (our_minus > 0) & (our_plus > 0)
    effective = weight[pairs].sum() ** 2 / (weight[pairs] ** 2).sum()
    assert effective > 20 * weight[pairs].sum()


@pytest.mark.parametrize("forced", [(True, False), (False, True), (True, True)])
def test_charm_decays_to_muons_where_told(forced):
    """c → μ⁺ and c̄ → μ⁻; the weight of D⁰D̄⁰ and the like is the product of branching fractions below 20 %."""
    particles, weight = generate_with_leptons("qqbar", forced, (13,), 400, np.random.default_rng(3), SQRT_S)
    counted = weight > 0
    assert counted.mean() > 0.99
    for wanted, sign in zip(forced, (-1, 1), strict=True):
        share = (muons(particles, sign)[counted] > 0).mean()
        assert share == 1 if wanted else share < 0.03
    assert weight.max() < 0.2 ** sum(forced)


def test_same_seed_same_events():
    for one, other in zip(generated("qqbar", 300, 5), generated("qqbar", 300, 5), strict=True):
        np.testing.assert_array_equal(one, other)


def directly(particles, code):
    """(n_events,) leptons of a code that are not of Dalitz decays, which nothing makes more frequent."""
    counts = particles.pdg == code
    photon, _ = dalitz_photons(particles)
    counts[photon + 1] = counts[photon + 2] = False
    return np.bincount(particles.event[counts], minlength=particles.n_events)


def test_electrons_count_like_muons_where_they_are_looked_for():
    """The weights still add up, muons are as frequent, and pairs of electron and muon are many events."""
    parts = list(lepton_enriched("qqbar", (11, 13), 12_000, np.random.default_rng(4), "belle2"))
    weight = np.concatenate([weight for _, weight in parts])
    number = {
        code: np.concatenate([directly(particles, code) for particles, _ in parts])
        for code in (11, -11, 13, -13)
    }
    assert weight.sum() == pytest.approx(len(weight), rel=0.01)
    ordinary = generate_pythia("qqbar", 40_000, np.random.default_rng(5), SQRT_S).particles
    theirs = (muons(ordinary, 1) + muons(ordinary, -1) > 0).mean()
    ours = number[13] + number[-13] > 0
    error = np.hypot(np.sqrt((weight[ours] ** 2).sum()) / len(weight), np.sqrt(theirs / 40_000))
    assert weight[ours].sum() / len(weight) == pytest.approx(theirs, abs=4 * error)
    for electron, muon in ((11, -13), (-11, 13)):
        pairs = (number[electron] > 0) & (number[muon] > 0)
        effective = weight[pairs].sum() ** 2 / (weight[pairs] ** 2).sum()
        assert effective > 5 * weight[pairs].sum()
