"""Candidates of two- and four-track events: rows, columns and the cuts that decide about them."""

from itertools import combinations

import numpy as np
import pytest

from darkreach.config.ntuple_cuts import NtupleCuts
from darkreach.detector import BEAMS
from darkreach.detector.beams import boost
from darkreach.models.constants import MUON_MASS
from darkreach.simulation.candidates import candidate_columns
from darkreach.simulation.particles import Particles
from darkreach.simulation.response import reconstruct
from darkreach.simulation.triggers import TRIGGER_LINES, trigger_column

N, MASS = 3000, 0.8
DETECTORS = ["belle2", "belle"]
TRACKS = ("d0_d0", "d0_d1", "d1_d0", "d1_d1")
TRACK_COLUMNS = ("px", "py", "pz", "E", "p", "pt", "theta", "phi", "charge", "dr", "dz")
TRACK_COLUMNS += ("muonID", "electronID", "pionID", "mcPDG")
PAIR_COLUMNS = ("M", "x", "y", "z", "dr", "chiProb", "distance", "significanceOfDistance", "px", "py", "pz")
PAIR_COLUMNS += ("isSignal", "trueMass", "trueProperLength")
EVENT_COLUMNS = ("beamPx", "beamPy", "beamPz", "beamE", "Ecms", "nTracks", "nGoodGammas", "thrust")
EVENT_COLUMNS += ("roeEextra__bocleanMask__bc", "visibleEnergyOfEventCMS", "missingMass2OfEvent")
EVENT_COLUMNS += ("missingMomentumOfEventCMS", "missingMomentumOfEventCMS_theta")


def directions(n, rng):
    cosine, phi = rng.uniform(-0.6, 0.6, n), rng.uniform(-np.pi, np.pi, n)
    sine = np.sqrt(1 - cosine**2)
    return np.stack([sine * np.cos(phi), sine * np.sin(phi), cosine], axis=-1)


def particles(length_cm=0.0, detector="belle2", n=N, seed=1, **changes):
    """X of 0.8 GeV → μ⁺μ⁻ after a fixed length in the laboratory, and a μ⁻ and a π⁺ from the interaction."""
    rng = np.random.default_rng(seed)
    beams = BEAMS[detector]
    parent = np.column_stack([2.0 * directions(n, rng), np.full(n, np.hypot(2.0, MASS))])
    size = np.sqrt(MASS**2 / 4 - MUON_MASS**2)
    space = size * directions(n, rng)
    momentum = np.empty((n, 4, 4))
    for place, sign in enumerate((1, -1)):
        momentum[:, place] = boost(np.column_stack([sign * space, np.full(n, MASS / 2)]), parent)
    for place, mass in ((2, MUON_MASS), (3, 0.13957)):
        momentum[:, place] = np.column_stack([1.5 * directions(n, rng), np.full(n, np.hypot(1.5, mass))])
    lab = beams.to_lab(parent)
    vertex = np.zeros((n, 4, 3))
    vertex[:, :2] = (length_cm * lab[:, :3] / np.linalg.norm(lab[:, :3], axis=1, keepdims=True))[:, None]
    values = {
        "event": np.repeat(np.arange(n), 4),
        "pdg": np.tile([-13, 13, 13, 211], n),
        "momentum": momentum.reshape(-1, 4),
        "vertex": vertex.reshape(-1, 3),
        "from_signal": np.tile([True, True, False, False], n),
        "n_events": n,
        "proper_length": np.full(n, length_cm * MASS / 2.0),
    }
    return Particles(**values | changes)


def columns(cuts, detector="belle2", length_cm=0.0, seed=2, **changes):
    events = reconstruct(
        particles(length_cm, detector, **changes), detector, cuts, np.random.default_rng(seed)
    )
    return candidate_columns(events, detector, cuts, truth=True, signal_mass=MASS)


@pytest.fixture(scope="module", params=DETECTORS)
def every_candidate(request):
    return request.param, columns(NtupleCuts(), request.param)


def test_every_choice_of_the_pair_is_a_row(every_candidate):
    _, found = every_candidate
    _, rows = np.unique(found["__event__"], return_counts=True)
    assert (rows == 4).all() and len(rows) > 0.5 * N
    np.testing.assert_array_equal(
        found["__candidate__"].reshape(-1, 4), np.tile([0, 1, 2, 3], (len(rows), 1))
    )
    assert (found["__ncandidates__"] == 4).all()
    assert (found["d0_d0_charge"] == 1).all() and (found["d0_d1_charge"] == -1).all()
    assert (found["d1_d0_charge"] == 1).all() and (found["d1_d1_charge"] == -1).all()
    # every track has each role once with each of the other charge
    px = np.stack([found[f"{name}_px"] for name in TRACKS]).reshape(4, -1, 4)
    choices = np.sort(px, axis=0)
    np.testing.assert_allclose(choices, np.broadcast_to(choices[:, :, :1], choices.shape))
    for first, second in combinations(range(4), 2):
        assert not np.isclose(px[:2, :, first], px[:2, :, second]).all(axis=0).any()
    assert found["d0_isSignal"].reshape(-1, 4).sum(1).tolist() == [1] * len(rows)


def test_columns_are_complete_and_finite(every_candidate):
    detector, found = every_candidate
    expected = {f"{track}_{variable}" for track in TRACKS for variable in TRACK_COLUMNS}
    expected |= {f"d0_{variable}" for variable in PAIR_COLUMNS} | set(EVENT_COLUMNS)
    expected |= {f"d0_{t}_vtx_{axis}" for t in ("d0", "d1") for axis in ("px", "py", "pz")}
    expected |= {trigger_column(line) for line in TRIGGER_LINES[detector]}
    assert expected <= set(found)
    assert all(np.isfinite(values).all() for values in found.values())
    assert len({len(values) for values in found.values()}) == 1
    assert found["Ecms"][0] == pytest.approx(BEAMS[detector].sqrt_s)
    assert (found["d0_trueMass"] == MASS).all() and (found["d0_trueProperLength"] == 0).all()


def test_mass_and_vertex_of_the_true_pair(every_candidate):
    _, found = every_candidate
    signal = found["d0_isSignal"] == 1
    assert np.median(found["d0_M"][signal]) == pytest.approx(MASS, abs=1e-3)
    assert 1e-3 < np.std(found["d0_M"][signal]) < 0.01
    assert np.median(found["d0_dr"][signal]) < 0.03
    assert np.median(found["d0_significanceOfDistance"][signal]) < 1.2
    assert found["d0_chiProb"][signal].mean() == pytest.approx(0.5, abs=0.03)
    assert set(np.abs(found["d0_d0_mcPDG"][signal])) == {13}


@pytest.mark.parametrize("detector", DETECTORS)
def test_displaced_pair(detector):
    """20 cm of flight: mass and vertex hold, the momenta at the vertex are not those at closest approach."""
    found = columns(NtupleCuts(), detector, length_cm=20.0)
    signal = (found["d0_isSignal"] == 1) & (found["d0_chiProb"] > 1e-3)
    assert np.median(found["d0_distance"][signal]) == pytest.approx(20, abs=0.2)
    assert found["d0_significanceOfDistance"][signal].min() > 3
    assert found["d0_trueProperLength"] == pytest.approx(20 * MASS / 2.0)
    momenta = [
        np.stack([found[f"d0_{t}_vtx_{axis}"][signal] for axis in ("px", "py", "pz")], axis=-1)
        for t in ("d0", "d1")
    ]
    energy = sum(np.sqrt((p**2).sum(-1) + MUON_MASS**2) for p in momenta)
    total = momenta[0] + momenta[1]
    mass = np.sqrt(energy**2 - (total**2).sum(-1))
    assert np.median(mass) == pytest.approx(MASS, abs=2e-3)
    np.testing.assert_allclose(total[:, 0], found["d0_px"][signal])
    # X flies along its momentum
    position = np.stack([found[f"d0_{axis}"][signal] for axis in "xyz"], axis=-1)
    cosine = (position * total).sum(-1) / np.linalg.norm(position, axis=1) / np.linalg.norm(total, axis=1)
    assert np.median(cosine) > 0.9995
    assert np.std(found["d0_M"][signal]) > 3 * np.std(mass)  # momenta at closest approach give a wrong mass


def test_cuts_on_the_pair_keep_rows_not_events():
    found = columns(NtupleCuts(pair_leptons=["muon"], minimum_pair_id=0.9))
    assert (found["d0_d0_muonID"] > 0.9).all() and (found["d0_d1_muonID"] > 0.9).all()
    _, first, rows = np.unique(found["__event__"], return_index=True, return_counts=True)
    assert set(rows) >= {1, 2}
    np.testing.assert_array_equal(found["__ncandidates__"], np.repeat(rows, rows))
    np.testing.assert_array_equal(found["__candidate__"], np.arange(len(found["M"])) - np.repeat(first, rows))
    either = columns(NtupleCuts(pair_leptons=["muon", "electron"], minimum_pair_id=0.9))
    muons = (either["d0_d0_muonID"] > 0.9) & (either["d0_d1_muonID"] > 0.9)
    electrons = (either["d0_d0_electronID"] > 0.9) & (either["d0_d1_electronID"] > 0.9)
    assert (muons | electrons).all() and muons.sum() == len(found["M"])


def test_other_cuts():
    mass = columns(NtupleCuts(pair_mass_GeV=(0.7, 0.9)))
    assert ((mass["d0_M"] > 0.7) & (mass["d0_M"] < 0.9)).all() and mass["d0_isSignal"].mean() > 0.5
    assert len(columns(NtupleCuts(track_mass_GeV=(9.0, 12.0)))["M"]) == 0
    outside = columns(NtupleCuts(minimum_pair_radius_cm=10.0), length_cm=20.0)
    assert (outside["d0_dr"] > 10).all() and len(outside["M"]) > 100
    assert len(columns(NtupleCuts(minimum_pair_radius_cm=10.0, pair_mass_GeV=(0.75, 0.85)))["M"]) < 20
    clean = NtupleCuts(maximum_dr_cm=2.0, maximum_dz_cm=5.0)
    assert len(columns(clean, length_cm=20.0)["M"]) < 0.2 * len(columns(NtupleCuts(), length_cm=20.0)["M"])


def test_mass_of_electron_pairs():
    """Measured at the vertex with the electron mass; pairs that pass as muons are kept whatever it is."""
    electrons = {"pdg": np.tile([-11, 11, 13, 211], N), "length_cm": 5.0}
    loose = NtupleCuts(pair_leptons=["electron", "muon"], minimum_pair_id=0.5)
    every = columns(loose, **electrons)
    kept = columns(loose.model_copy(update={"electron_pair_mass_GeV": (0.765, 1.0)}), **electrons)
    momenta = [
        np.stack([every[f"d0_{t}_vtx_{axis}"] for axis in ("px", "py", "pz")], axis=-1) for t in ("d0", "d1")
    ]
    energy = sum(np.sqrt((p**2).sum(-1) + 0.000511**2) for p in momenta)
    mass = np.sqrt(energy**2 - ((momenta[0] + momenta[1]) ** 2).sum(-1))
    as_muons = (every["d0_d0_muonID"] > 0.5) & (every["d0_d1_muonID"] > 0.5)
    expected = as_muons | ((mass > 0.765) & (mass < 1.0))
    np.testing.assert_array_equal(kept["d0_M"], every["d0_M"][expected])
    assert as_muons.sum() > 0 and 100 < expected.sum() < len(mass) - 100


def test_cuts_that_are_made_early_remove_nothing_else():
    """Decided quantiles and tracks: the rows are those of no cuts that pass the cut afterwards."""
    rng = np.random.default_rng(3)
    decided = {
        "found": rng.random(4 * N) < 0.9,
        "muon_quantile": rng.random(4 * N),
        "electron_quantile": rng.random(4 * N),
    }
    everything = columns(NtupleCuts(), **decided)
    cut = columns(NtupleCuts(pair_leptons=["muon"], minimum_pair_id=0.5), **decided)
    expected = (everything["d0_d0_muonID"] > 0.5) & (everything["d0_d1_muonID"] > 0.5)
    # the spread of the beams is drawn for other events in the same order: IDs move by a little
    same = len(np.intersect1d(np.unique(everything["__event__"][expected]), np.unique(cut["__event__"])))
    assert same > 0.98 * len(np.unique(cut["__event__"]))
    assert len(cut["M"]) == pytest.approx(expected.sum(), rel=0.02)
    full = np.flatnonzero(decided["found"].reshape(N, 4).all(1))
    np.testing.assert_array_equal(np.unique(everything["__event__"]), full)


def test_small_quantiles_make_leptons_of_pions():
    lepton = columns(NtupleCuts(), muon_quantile=np.full(4 * N, 1e-4), electron_quantile=np.full(4 * N, 0.5))
    pion = lepton["d1_d0_mcPDG"] == 211
    assert (lepton["d1_d0_muonID"][pion] > 0.5).mean() > 0.99
    other = columns(NtupleCuts(), muon_quantile=np.full(4 * N, 0.5), electron_quantile=np.full(4 * N, 0.5))
    pion = other["d1_d0_mcPDG"] == 211
    assert (other["d1_d0_muonID"][pion] > 0.5).mean() < 0.2


def test_two_track_events():
    rng = np.random.default_rng(4)
    momentum = np.empty((N, 2, 4))
    momentum[:, 0] = np.column_stack([4.0 * directions(N, rng), np.full(N, np.hypot(4.0, MUON_MASS))])
    momentum[:, 1] = momentum[:, 0] * np.array([-1, -1, -1, 1])
    muons = Particles(
        np.repeat(np.arange(N), 2),
        np.tile([13, -13], N),
        momentum.reshape(-1, 4),
        np.zeros((2 * N, 3)),
        np.ones(2 * N, bool),
        N,
    )
    cuts = NtupleCuts(tracks=2)
    events = reconstruct(muons, "belle2", cuts, rng)
    found = candidate_columns(events, "belle2", cuts, truth=True)
    assert len(found["M"]) == pytest.approx(0.97 * N, rel=0.05)
    assert (found["__ncandidates__"] == 1).all() and (found["d0_isSignal"] == 1).all()
    assert not any(name.startswith("d1_") for name in found) and "d0_trueMass" not in found
    np.testing.assert_allclose(found["d0_M"], found["M"])
    assert np.median(found["d0_M"]) == pytest.approx(2 * np.hypot(4.0, MUON_MASS), rel=3e-3)
    assert np.median(found["thrust"]) > 0.99
    assert (found["L1PSNM__bofff__bc"] == 0).all() and found["L1PSNM__boffo__bc"].mean() > 0.4


def test_no_events_have_all_columns():
    rng = np.random.default_rng(5)
    nothing = Particles(
        np.empty(0, int), np.empty(0, int), np.empty((0, 4)), np.empty((0, 3)), np.empty(0, bool), 0
    )
    for cuts in (NtupleCuts(), NtupleCuts(tracks=2, pair_leptons=["electron"], minimum_pair_radius_cm=3.0)):
        events = reconstruct(nothing, "belle", cuts, rng)
        empty = candidate_columns(events, "belle", cuts, truth=False)
        assert {len(values) for values in empty.values()} == {0}
    some = columns(NtupleCuts())
    none = candidate_columns(
        reconstruct(nothing, "belle2", NtupleCuts(), rng), "belle2", NtupleCuts(), True, 1.0
    )
    assert list(none) == list(some)
    assert all(none[name].dtype == some[name].dtype for name in some)
