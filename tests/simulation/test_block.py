"""Whole blocks: what the ntuple and the sidecar contain, and that both follow from the seed."""

import json

import numpy as np
import pytest
import uproot

from darkreach.cli import main
from darkreach.config.root import read_yaml
from darkreach.config.search import Search
from darkreach.config.stages import SimulateSpec, as_json
from darkreach.detector import BEAMS
from darkreach.errors import DarkreachError
from darkreach.models.cross_section import cross_section_fb
from darkreach.ntuple.names import root_compatible
from darkreach.simulation import block, block_data, samplers, tau_library_file
from darkreach.simulation.block import simulate_block
from darkreach.simulation.tau_library import make_tau_library

BASE = {
    "sample": "some",
    "block": "b01",
    "kind": "background",
    "search": "mumu_resonance",
    "detector": "belle2",
    "production": "mu",
    "processes": [],
    "model": None,
    "decay": None,
    "masses_GeV": [],
    "lifetimes_m": [0.0],
    "generated_events": None,
    "luminosity_fb": None,
    "runs": (11, 20),
    "injection": None,
    "ntuple": read_yaml("config/searches/mumu_resonance.yaml")["ntuple"],
    "alpha": 1 / 137.035999,
    "seed": 5,
}
FOURMUON = BASE | {"processes": ["fourmuon"], "generated_events": 400}
SIGNAL = BASE | {
    "kind": "signal",
    "model": "zprime",
    "decay": "mumu",
    "masses_GeV": [0.5, 6.0],
    "generated_events": 300,
}
PROCESSES = ["fourmuon", "tautau", "mumu", "qqbar"]
DATA = BASE | {"kind": "data", "processes": PROCESSES, "luminosity_fb": 1.0}
INJECTED = DATA | {
    "injection": {"model": "zprime", "mass_GeV": 4.0, "decay": "mumu", "cross_section_fb": 400.0}
}
SCALAR = BASE | {
    "search": "leptophilic_scalar",
    "detector": "belle",
    "production": "tau",
    "ntuple": {"pair_leptons": ["electron", "muon"], "minimum_pair_id": 0.8},
}
DISPLACED = SCALAR | {
    "kind": "signal",
    "model": "leptophilic_scalar",
    "decay": "ee",
    "masses_GeV": [0.1],
    "lifetimes_m": [0.0, 0.02],
    "generated_events": 500,
}


@pytest.fixture(scope="module")
def simulate(tmp_path_factory):
    """Simulate a block with small pools and few τ decays: (columns, sidecar)."""
    done = {}

    def simulated(values, again=False):
        key = json.dumps(values, sort_keys=True)
        if again or key not in done:
            path = tmp_path_factory.mktemp("block") / "ntuple.root"
            with pytest.MonkeyPatch.context() as patch:
                for sizes in ("POOL_EVENTS", "POOL_EVENTS_WHOLE_ENERGY"):
                    patch.setattr(samplers, sizes, {"mumu": 200, "qqbar": 4000, "bbbar": 1000})
                patch.setattr(tau_library_file, "make_tau_library", lambda rng: make_tau_library(rng, 1500))
                simulate_block(SimulateSpec(**values), path)
            assert sorted(p.name for p in path.parent.iterdir()) == ["ntuple.json", "ntuple.root"]
            with uproot.open(path) as file:
                columns = file["variables"].arrays(library="np")
            done[key] = columns, json.loads(path.with_suffix(".json").read_text())
        return done[key]

    return simulated


def event_keys(columns):
    names = ("__experiment__", "__run__", "__event__", "__production__")
    return np.stack([columns[name] for name in names], axis=-1)


@pytest.mark.parametrize("values", [FOURMUON, SIGNAL, INJECTED], ids=["background", "signal", "data"])
def test_four_candidates_for_every_event(simulate, values):
    columns, sidecar = simulate(values)
    keys, rows = np.unique(event_keys(columns), axis=0, return_counts=True)
    assert len(keys) == sidecar["events_written"] > 100
    assert (rows == 4).all() and len(columns["M"]) == sidecar["entries"] == 4 * len(keys)
    np.testing.assert_array_equal(
        columns["__candidate__"].reshape(-1, 4), np.tile([0, 1, 2, 3], (len(keys), 1))
    )
    assert (columns["__ncandidates__"] == 4).all()
    assert (np.diff(columns["__run__"]) >= 0).all()
    assert columns["__run__"].min() == 11 and columns["__run__"].max() == 20
    assert set(columns["__experiment__"]) == ({26} if values["kind"] == "data" else {1003})


def test_rows_of_an_event_stay_together(simulate):
    """Where the pair has to be identified, events have different numbers of candidates."""
    columns, sidecar = simulate(SCALAR | {"processes": ["tautau"], "luminosity_fb": 0.3})
    _, first, rows = np.unique(event_keys(columns), axis=0, return_index=True, return_counts=True)
    assert len(rows) == sidecar["events_written"] > 1000 and len(set(rows)) > 1
    starts = np.sort(first)
    np.testing.assert_array_equal(columns["__ncandidates__"][first], rows)
    number = np.arange(len(columns["M"])) - np.repeat(starts, np.diff([*starts, len(columns["M"])]))
    np.testing.assert_array_equal(columns["__candidate__"], number)
    assert (np.diff(columns["__event__"]) >= 0).all() and (np.diff(columns["__run__"]) >= 0).all()


def test_branches_are_those_that_the_search_asks_for(simulate):
    search = Search(**read_yaml("config/searches/mumu_resonance.yaml"))
    columns, _ = simulate(SIGNAL)
    wanted = [
        f"{track}_{variable}"
        for track in search.columns.tracks.values()
        for variable in search.columns.track_variables.values()
    ]
    wanted += [*search.columns.event_variables.values(), *search.columns.truth.values()]
    wanted += search.trigger_lines
    assert {root_compatible(name) for name in wanted} <= set(columns)
    for name, values in columns.items():
        is_key = name.startswith("__") and name != "__weight__"
        assert values.dtype == (np.int32 if is_key else np.float64), name
        assert np.isfinite(values).all(), name


def test_data_have_no_truth(simulate):
    data, _ = simulate(INJECTED)
    signal, _ = simulate(SIGNAL)
    background, _ = simulate(FOURMUON)
    truth = {f"{track}_mcPDG" for track in ("d0_d0", "d0_d1", "d1_d0", "d1_d1")} | {"d0_isSignal"}
    assert set(background) - set(data) == truth
    assert "__source__" not in data
    assert set(signal) - set(background) == {"d0_trueMass", "d0_trueLifetime", "d0_trueProperLength"}


def test_columns_agree_with_each_other(simulate):
    columns, _ = simulate(SIGNAL)

    def momentum(name):
        return np.stack([columns[f"{name}_{axis}"] for axis in ("px", "py", "pz", "E")], axis=-1)

    def mass(p):
        return np.sqrt(p[:, 3] ** 2 - (p[:, :3] ** 2).sum(-1))

    x_plus, x_minus, recoil_plus, recoil_minus = map(momentum, ("d0_d0", "d0_d1", "d1_d0", "d1_d1"))
    np.testing.assert_allclose(mass(x_plus + x_minus), columns["d0_M"], rtol=1e-6)
    np.testing.assert_allclose(mass(recoil_plus + recoil_minus), columns["d1_M"], rtol=1e-6)
    np.testing.assert_allclose(mass(x_plus + x_minus + recoil_plus + recoil_minus), columns["M"], rtol=1e-9)
    np.testing.assert_allclose(mass(x_plus), 0.1056583755, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(x_plus[:, :3], axis=1), columns["d0_d0_p"])
    for name, charge in (("d0_d0", 1), ("d0_d1", -1), ("d1_d0", 1), ("d1_d1", -1)):
        assert (columns[f"{name}_charge"] == charge).all()
    # the four candidates of an event are the four ways to choose a positive and a negative track
    pairs = np.stack([columns["d0_d0_px"], columns["d0_d1_px"]], axis=-1).reshape(-1, 4, 2)
    assert all(len({tuple(pair) for pair in event}) == 4 for event in pairs)
    beam = [columns[name][0] for name in ("beamPx", "beamPy", "beamPz", "beamE")]
    np.testing.assert_allclose(beam, BEAMS["belle2"].total)
    assert columns["M"].min() > 9.2


def test_one_candidate_of_a_signal_event_is_x(simulate):
    columns, _ = simulate(SIGNAL)
    is_signal = columns["d0_isSignal"].reshape(-1, 4)
    assert set(is_signal.sum(1)) == {1}
    assert set(columns["d0_trueMass"]) == {0.5, 6.0}
    at_6 = (columns["d0_trueMass"] == 6.0) & (columns["d0_isSignal"] == 1)
    deviation = (columns["d0_M"] - 6.0)[at_6]
    assert abs(np.median(deviation)) < 0.005
    assert np.percentile(np.abs(deviation), 68) == pytest.approx(0.018, rel=0.3)
    # the order of candidates does not tell which one is X
    assert is_signal.mean(0).max() < 0.5
    background, _ = simulate(FOURMUON)
    assert not background["d0_isSignal"].any()


def test_sidecar_of_background(simulate):
    _, sidecar = simulate(FOURMUON)
    component = sidecar["components"][0]
    assert (component["process"], component["mass_GeV"], component["generated_events"]) == (
        "fourmuon",
        None,
        400,
    )
    # below the published 351 fb without ISR; four-muon masses below 9 GeV are not in it
    assert 280 < component["cross_section_fb"] < 351
    assert 0 < component["cross_section_error_fb"] < 0.02 * component["cross_section_fb"]
    assert (sidecar["sample"], sidecar["block"], sidecar["seed"]) == ("some", "b01", 5)
    assert sidecar["luminosity_fb"] is None


def test_sidecar_of_signal_has_the_cross_section_at_unit_coupling(simulate):
    _, sidecar = simulate(SIGNAL)
    assert [c["mass_GeV"] for c in sidecar["components"]] == [0.5, 6.0]
    for component in sidecar["components"]:
        expected, _ = cross_section_fb(
            "zprime", component["mass_GeV"], 1.0, BEAMS["belle2"].sqrt_s, BASE["alpha"], True
        )
        assert component["cross_section_fb"] == pytest.approx(expected, rel=1e-3)
        assert (component["process"], component["generated_events"]) == ("zprime", 300)


def test_sidecar_of_data_adds_up(simulate):
    """Produced events are those of the luminosity, whichever part of them was simulated."""
    _, sidecar = simulate(INJECTED)
    assert sidecar["luminosity_fb"] == 1.0
    components = {c["process"]: c for c in sidecar["components"]}
    pools = {p["process"]: p for p in sidecar["pools"]}
    assert set(components) == {"fourmuon", "tautau", "mumu", "qqbar", "zprime"}
    assert set(pools) == {"mumu", "qqbar"}
    for process, component in components.items():
        expected = component["cross_section_fb"]
        assert abs(component["generated_events"] - expected) <= 5 * np.sqrt(expected), process
    for process, pool in pools.items():
        expected = components[process]["cross_section_fb"] * pool["filter_efficiency"]
        assert pool["expected_events"] == pytest.approx(expected)
    assert components["tautau"]["cross_section_fb"] == 0.919e6
    assert pools["qqbar"]["pool_passed"] > 0 and pools["qqbar"]["upper_limit_events"] is None


def test_background_of_a_luminosity(simulate):
    """Events of a luminosity, with truth; signals in it have their weight in fb⁻¹."""
    _, sidecar = simulate(SCALAR | {"processes": ["tautau"], "luminosity_fb": 0.3})
    (component,) = sidecar["components"]
    assert (component["process"], component["mass_GeV"], sidecar["luminosity_fb"]) == ("tautau", None, 0.3)
    assert abs(component["generated_events"] - 0.3 * 0.919e6) < 5 * np.sqrt(0.3 * 0.919e6)
    columns, _ = simulate(SCALAR | {"processes": ["tautau"], "luminosity_fb": 0.3})
    assert set(columns["__experiment__"]) == {1003} and not columns["d0_isSignal"].any()
    # the two leptons of a candidate are mostly e⁺e⁻ from photons of π⁰
    electrons = (np.abs(columns["d0_d0_mcPDG"]) == 11) & (np.abs(columns["d0_d1_mcPDG"]) == 11)
    assert electrons.mean() > 0.5


def test_events_of_a_pool_name_their_source(simulate):
    """Many candidates of few generated events; of τ pairs each is generated for itself."""
    columns, sidecar = simulate(SCALAR | {"processes": ["tautau", "qqbar"], "luminosity_fb": 0.3})
    source, event = columns["__source__"], columns["__event__"]
    (pool,) = sidecar["pools"]
    drawn = source > 0
    assert 0.05 < drawn.mean() < 0.95
    assert source.max() <= pool["pool_events"]
    sources = len(np.unique(source[drawn]))
    assert sources < 0.9 * len(np.unique(event[drawn])) and sources <= pool["pool_passed"]
    assert len(np.unique(event)) == len(np.unique(np.stack([event, source]), axis=1).T)


def test_displaced_signals(simulate):
    """Each mass with each lifetime; true decay lengths of the lifetime, in cm, and vertices there."""
    columns, sidecar = simulate(DISPLACED)
    assert [(c["mass_GeV"], c["lifetime_m"], c["decay"]) for c in sidecar["components"]] == [
        (0.1, 0.0, "ee"),
        (0.1, 0.02, "ee"),
    ]
    displaced = columns["d0_trueLifetime"] == 0.02
    assert displaced.any() and set(columns["d0_trueLifetime"]) == {0.0, 0.02}
    assert not columns["d0_trueProperLength"][~displaced].any()
    length = columns["d0_trueProperLength"][displaced & (columns["d0_isSignal"] == 1)]
    assert (length > 0).all() and 0.2 < length.mean() < 2.0  # far decays are found less
    own = (columns["d0_isSignal"] == 1) & (columns["d0_chiProb"] > 0.01)
    assert np.median(columns["d0_dr"][own & displaced]) > 10 * np.median(columns["d0_dr"][own & ~displaced])


def test_injected_signal_is_a_peak_of_the_right_size(simulate):
    columns, sidecar = simulate(INJECTED | {"processes": []})  # nothing but the signal
    injected = next(c for c in sidecar["components"] if c["process"] == "zprime")["generated_events"]
    assert abs(injected - 400) < 5 * np.sqrt(400)
    assert 0.5 < sidecar["events_written"] / injected < 0.8  # acceptance and preselection
    near = np.abs(columns["d0_M"].reshape(-1, 4) - 4.0) < 0.04
    assert near.any(1).mean() > 0.95


def test_same_seed_same_columns_and_another_seed_others(simulate):
    data = SCALAR | {"kind": "data", "processes": ["tautau", "bbbar"], "luminosity_fb": 0.1}
    for values in (data, DISPLACED):
        first, first_sidecar = simulate(values)
        second, second_sidecar = simulate(values, again=True)
        assert first.keys() == second.keys() and first_sidecar == second_sidecar
        for name in first:
            np.testing.assert_array_equal(first[name], second[name])
    columns, _ = simulate(SIGNAL)
    other_seed, _ = simulate(SIGNAL | {"seed": 6})
    other_block, _ = simulate(SIGNAL | {"block": "b02"})
    assert not set(columns["M"]) & set(other_seed["M"])
    assert not set(columns["M"]) & set(other_block["M"])
    assert not set(columns["__production__"]) & set(other_block["__production__"])


def test_slices_of_luminosity_share_the_runs(simulate, monkeypatch):
    monkeypatch.setattr(block_data, "SLICE_FB", 0.5)
    columns, sidecar = simulate(DATA | {"processes": ["qqbar"], "luminosity_fb": 1.2})
    assert len(np.unique(columns["__event__"])) == sidecar["events_written"] > 10
    assert (np.diff(columns["__run__"]) >= 0).all() and set(columns["__run__"]) == set(range(11, 21))
    expected = 1.2 * sidecar["components"][0]["cross_section_fb"]
    assert abs(sidecar["components"][0]["generated_events"] - expected) < 5 * np.sqrt(expected)
    expected = sidecar["pools"][0]["expected_events"]
    assert sidecar["events_written"] < expected + 5 * np.sqrt(expected)


def test_batches_do_not_change_the_count(simulate, monkeypatch):
    for module in (block, block_data, samplers):
        monkeypatch.setattr(module, "BATCH", 150)
    columns, sidecar = simulate(SIGNAL | {"block": "batches", "generated_events": 400})
    assert [component["generated_events"] for component in sidecar["components"]] == [400, 400]
    assert 400 < columns["__event__"].max() <= 800
    assert len(np.unique(columns["__event__"])) == sidecar["events_written"]


def test_a_block_without_candidates_is_readable(simulate):
    columns, sidecar = simulate(DATA | {"processes": ["mumu"], "luminosity_fb": 1e-5})
    assert sidecar["entries"] == 0 and len(columns["M"]) == 0 and "d0_d0_px" in columns


def test_bad_input_names_the_key_and_leaves_nothing(tmp_path, monkeypatch):
    with pytest.raises(DarkreachError, match="runs"):
        simulate_block(SimulateSpec(**FOURMUON | {"runs": (5, 2)}), tmp_path / "a.root")
    (tmp_path / "file").write_text("")
    with pytest.raises(DarkreachError, match="cannot be written"):
        simulate_block(SimulateSpec(**FOURMUON), tmp_path / "file" / "a.root")
    with pytest.raises(DarkreachError, match="luminosity_fb"):
        simulate_block(SimulateSpec(**DATA | {"luminosity_fb": None}), tmp_path / "a.root")
    with pytest.raises(DarkreachError, match="mass"):
        simulate_block(SimulateSpec(**SIGNAL | {"masses_GeV": [0.5, 10.5]}), tmp_path / "a.root")
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_command(tmp_path, capsys):
    output = tmp_path / "new" / "b01.root"
    spec = SimulateSpec(**BASE | {"processes": ["mumu"], "generated_events": 50})
    assert main(["simulate", "--spec", as_json(spec), "--output", str(output)]) == 0
    assert "simulate some/b01: mumu: 50 of 50 events" in capsys.readouterr().err
    assert output.exists() and output.with_suffix(".json").exists()
    assert main(["simulate", "--spec", "{}", "--output", str(output)]) == 2
    assert "--spec" in capsys.readouterr().err
