"""Thinned τ pairs against the simulation of every pair, of which they are a part."""

import numpy as np
import pytest
from scipy.stats import ks_2samp

from darkreach.config.ntuple_cuts import NtupleCuts
from darkreach.detector import BEAMS
from darkreach.simulation.candidates import candidate_columns
from darkreach.simulation.laboratory_vertices import with_laboratory_vertices
from darkreach.simulation.response import reconstruct
from darkreach.simulation.tau_library import make_tau_library
from darkreach.simulation.taupair import generate_taupair
from darkreach.simulation.thinned_taupairs import ThinnedTauPairs
from darkreach.simulation.tracks_response import charge_of

ALPHA = 1 / 137.035999
BELLE = NtupleCuts(pair_leptons=["electron", "muon"], minimum_pair_id=0.5)
BELLE2 = NtupleCuts(pair_leptons=["muon"], minimum_pair_id=0.5, maximum_dr_cm=2.0, maximum_dz_cm=5.0)
N_PAIRS = 60_000


@pytest.fixture(scope="module")
def library():
    return make_tau_library(np.random.default_rng(1), 2500)


@pytest.fixture(scope="module", params=[("belle", BELLE), ("belle2", BELLE2)], ids=["belle", "belle2"])
def both(request, library):
    """Columns of the candidates of every pair and of the thinned ones; the sampler."""
    detector, cuts = request.param
    rng = np.random.default_rng(2)
    beams = BEAMS[detector]

    def columns(batches):
        parts = [
            candidate_columns(reconstruct(batch, detector, cuts, rng), detector, cuts, truth=True)
            for batch in batches
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def every():
        for _ in range(N_PAIRS // 20_000):
            generated = generate_taupair(20_000, rng, beams.sqrt_s, ALPHA, library)
            yield with_laboratory_vertices(generated.particles, beams)

    sampler = ThinnedTauPairs(library, cuts, detector, beams.sqrt_s, ALPHA)
    return columns(every()), columns(sampler.draw(N_PAIRS, 20_000, rng)), sampler


def test_as_many_candidates_of_every_kind(both):
    every, thinned, _ = both
    assert len(thinned["M"]) > 1000

    def kinds(columns):
        pdg = np.abs([columns[f"{track}_mcPDG"] for track in ("d0_d0", "d0_d1", "d1_d0", "d1_d1")])
        pair, electrons = np.sort(pdg[:2], axis=0), (pdg == 11).sum(0)
        far = columns["d0_dr"] > 1.0
        yield "all", np.ones(pdg.shape[1], bool)
        for first, second in ((11, 11), (13, 13), (13, 211), (211, 211), (11, 211)):
            yield (first, second), (pair[0] == first) & (pair[1] == second)
        yield "far electrons", far & (pair == 11).all(0)
        for number in range(4):
            yield f"{number} electrons", electrons == number
        yield "slow", np.minimum(columns["d0_d0_p"], columns["d0_d1_p"]) < 0.4
        yield "heavy", columns["M"] > 4.0
        yield "four candidates", columns["__ncandidates__"] == 4

    for (name, ours), (_, theirs) in zip(kinds(thinned), kinds(every), strict=True):
        n, expected = int(ours.sum()), int(theirs.sum())
        # several rows of an event fluctuate together
        assert abs(n - expected) < 4.5 * np.sqrt(2 * (n + expected) + 2), (name, n, expected)


def test_shapes_agree(both):
    for name in ("d0_M", "M", "missingMomentumOfEventCMS", "d0_d0_p", "thrust", "roeEextra__bocleanMask__bc"):
        first = [columns[name][columns["__candidate__"] == 0] for columns in both[:2]]
        assert ks_2samp(*first).pvalue > 1e-3, name


def test_only_a_part_is_made(both):
    _, _, sampler = both
    assert sampler.efficiency < 0.35
    sizes = [batch.n_events for batch in sampler.draw(10_000, 700, np.random.default_rng(3))]
    assert max(sizes) <= 700 and sum(sizes) < 10_000 * sampler.efficiency + 5 * 60


def test_quantiles_and_tracks_are_set(both):
    _, _, sampler = both
    batch = next(sampler.draw(20_000, 5_000, np.random.default_rng(4)))
    assert (charge_of(batch.pdg[batch.found]) != 0).all()
    assert (np.diff(batch.event) >= 0).all() and batch.event.max() < batch.n_events
    for quantile in (batch.muon_quantile, batch.electron_quantile):
        assert quantile.shape == batch.pdg.shape and ((quantile >= 0) & (quantile < 1)).all()


def test_tighter_leptons_are_thinned_more(library):
    shares = []
    for minimum in (0.0, 0.5, 0.9):
        cuts = NtupleCuts(pair_leptons=["muon"], minimum_pair_id=minimum)
        shares.append(ThinnedTauPairs(library, cuts, "belle", BEAMS["belle"].sqrt_s, ALPHA).efficiency)
    assert shares[0] > 1.3 * shares[1] > 3 * shares[2] > 0
