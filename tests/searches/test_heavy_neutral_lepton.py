"""Selection of displaced dimuons and the choice of the pion, on constructed decays in Belle's laboratory."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from displaced_decays import decays, two_body

from darkreach.config.search import Search
from darkreach.detector import BEAMS
from darkreach.models.constants import PION_MASS
from darkreach.searches import heavy_neutral_lepton as search
from darkreach.searches.cutflow import Cutflow
from darkreach.searches.kinematics import beam_momentum, vertex_momenta

CONFIG = Path(__file__).parents[2] / "config/searches/heavy_neutral_lepton.yaml"
BEAM = BEAMS["belle"]
RADIUS = 30.0  # cm, of all vertices


@pytest.fixture(scope="module")
def selection():
    return search.Selection(**yaml.safe_load(CONFIG.read_text())["selection"])


def signal(mass, n, seed=1):
    """Rows as an ideal detector sees them: N decays at RADIUS, the pion has either charge."""
    rng = np.random.default_rng(seed)
    true = decays(mass, n, rng, BEAM.sqrt_s / 2)
    lab = {name: BEAM.to_lab(getattr(true, name)) for name in ("pion", "plus", "minus", "other")}
    return rows(lab, BEAM.to_lab(true.heavy_neutrino), rng)


def neutral_kaons(n, seed=2):
    """K_S → ππ in place of N, both pions taken for muons: they point back and have no neutrino."""
    rng = np.random.default_rng(seed)
    true = decays(search.KS_MASS, n, rng, BEAM.sqrt_s / 2)
    plus, minus = two_body(true.heavy_neutrino, search.KS_MASS, PION_MASS, PION_MASS, rng)
    lab = {"pion": true.pion, "plus": plus, "minus": minus, "other": true.other}
    lab = {name: BEAM.to_lab(momentum) for name, momentum in lab.items()}
    return rows(lab, BEAM.to_lab(true.heavy_neutrino), rng)


def rows(lab, flying, rng):
    n = len(flying)
    pion_is_plus = rng.random(n) < 0.5
    momenta = {
        "plus": lab["plus"],
        "minus": lab["minus"],
        "other_plus": np.where(pion_is_plus[:, None], lab["pion"], lab["other"]),
        "other_minus": np.where(pion_is_plus[:, None], lab["other"], lab["pion"]),
    }
    vertex = RADIUS * flying[:, :3] / np.hypot(flying[:, 0], flying[:, 1])[:, None]
    variables = {f"beam_{axis}": np.full(n, BEAM.total[i]) for i, axis in enumerate(("px", "py", "pz", "e"))}
    variables |= {f"vertex_{axis}": vertex[:, i] for i, axis in enumerate("xyz")}
    for track, momentum in momenta.items():
        charge = 1.0 if "plus" in track else -1.0
        displaced = track in ("plus", "minus")
        variables |= {f"{track}.p{axis}": momentum[:, i] for i, axis in enumerate("xyz")}
        variables |= {
            f"{track}.charge": np.full(n, charge),
            f"{track}.dr": np.full(n, 5.0 if displaced else 0.01),
            f"{track}.dz": np.full(n, 5.0 if displaced else 0.01),
            f"{track}.muon_id": np.full(n, 0.99 if displaced else 0.05),
            f"{track}.electron_id": np.full(n, 0.02),
        }
        if displaced:
            variables |= {f"{track}_vertex_p{axis}": momentum[:, i] for i, axis in enumerate("xyz")}
    visible = sum(BEAM.to_cm(momentum)[:, 3] for momentum in momenta.values())
    return variables | {
        "vertex_probability": np.full(n, 0.5),
        "n_tracks": np.full(n, 4.0),
        "visible_energy": visible,
        "weight": np.ones(n),
        "experiment": np.zeros(n),
        "run": np.zeros(n),
        "event": np.arange(n),
        "production": np.zeros(n),
        "pion_is_plus": pion_is_plus,
        "row": np.arange(n),
    }


def selected(variables, selection):
    cutflow = Cutflow()
    return search.candidates(variables, selection, "belle", cutflow), cutflow


def test_the_configuration_is_valid_and_names_every_variable():
    values = Search.model_validate(yaml.safe_load(CONFIG.read_text()))
    assert tuple(values.channels) == search.CHANNELS
    assert set(values.columns.tracks) == set(search.TRACKS)
    assert set(values.columns.track_variables) == set(search.TRACK_VARIABLES)
    assert set(values.columns.event_variables) == set(search.EVENT_VARIABLES)
    assert set(values.columns.truth) == set(search.TRUTH)


@pytest.mark.parametrize("mass", [0.4, 0.8, 1.5])
def test_selected_signal_has_the_true_mass_as_one_solution(selection, mass):
    columns, _ = selected(signal(mass, 4_000), selection)
    columns = {name: array[columns["channel"] < 2] for name, array in columns.items()}
    assert len(columns["m_plus"]) > 1_000
    right = np.minimum(np.abs(columns["m_plus"] - mass), np.abs(columns["m_minus"] - mass)) < 1e-6
    assert right.mean() > 0.99  # the others have taken the wrong track for the pion
    assert np.quantile(np.abs(columns["tau_energy_excess"][right]), 0.99) < 1e-6


@pytest.mark.parametrize("mass", [0.4, 1.0, 1.6])
def test_the_pion_is_the_track_nearer_to_the_displaced_pair(mass):
    variables = signal(mass, 4_000)
    pair = vertex_momenta(variables, search.PAIR, search.MUON_MASS).sum(1)
    pion, is_plus = search.nearer_pion(variables, pair, beam_momentum(variables))
    assert np.mean(is_plus == variables["pion_is_plus"]) > 0.99
    chosen = np.where(is_plus, variables["other_plus.px"], variables["other_minus.px"])
    np.testing.assert_array_equal(pion[:, 0], chosen)


def test_kaons_are_all_in_the_control_channel(selection):
    columns, _ = selected(neutral_kaons(2_000), selection)
    assert len(columns["channel"]) > 1_000
    assert np.all(columns["channel"] == search.CHANNELS.index("ks_control"))
    np.testing.assert_allclose(columns["dipion_mass"], search.KS_MASS, atol=1e-9)


def test_kaons_outside_their_window_are_rejected_because_they_point_back(selection):
    none = selection.model_copy(update={"ks_window_GeV": 0.0})
    _, cutflow = selected(neutral_kaons(2_000), none)
    assert cutflow.rows["missing energy"] > 1_000
    assert cutflow.rows["neutrino in the decay"] == 0


def test_the_kaon_window_divides_the_channels(selection):
    half = selection.ks_window_GeV
    masses = search.KS_MASS + np.array([-0.1, -1.01 * half, -0.99 * half, 0.0, 0.99 * half, 1.01 * half, 0.5])
    found = [search.CHANNELS[i] for i in search.channel_of(masses, selection)]
    assert found == ["light", "light", *["ks_control"] * 3, "heavy", "heavy"]


@pytest.mark.parametrize(
    ("cut", "change"),
    [
        ("displaced vertex", lambda v: {"vertex_x": v["vertex_x"] / 3, "vertex_y": v["vertex_y"] / 3}),
        ("displaced vertex", lambda v: {"vertex_x": 3 * v["vertex_x"], "vertex_y": 3 * v["vertex_y"]}),
        ("displaced vertex", lambda v: {"vertex_probability": 0 * v["weight"]}),
        ("muon identification", lambda v: {"plus.muon_id": 0 * v["weight"]}),
        ("muon identification", lambda v: {"other_minus.charge": 1 + 0 * v["weight"]}),
        ("number of tracks", lambda v: {"n_tracks": 5 + 0 * v["weight"]}),
        ("other tracks prompt", lambda v: {"other_plus.dr": 3 + 0 * v["weight"]}),
        (
            "pion identification",
            lambda v: {f"{t}.electron_id": 1 + 0 * v["weight"] for t in ("other_plus", "other_minus")},
        ),
        ("missing energy", lambda v: {"visible_energy": 11 + 0 * v["weight"]}),
    ],
)
def test_each_cut_removes_what_it_is_for(selection, cut, change):
    variables = signal(0.8, 500)
    _, cutflow = selected(variables | change(variables), selection)
    assert cutflow.rows[cut] == 0
    before = list(cutflow.rows)[: list(cutflow.rows).index(cut)]
    assert all(cutflow.rows[name] > 0 for name in before)


def test_one_row_of_an_event_is_kept_the_one_with_the_best_vertex(selection):
    variables = signal(0.8, 600)
    variables["event"] = np.arange(600) // 3
    variables["vertex_probability"] = np.random.default_rng(5).uniform(0.1, 1.0, 600)
    columns, _ = selected(variables, selection)
    assert len(set(columns["event"])) == len(columns["event"])
    alone, _ = selected(variables | {"event": np.arange(600)}, selection)
    quality = variables["vertex_probability"]
    best = {}
    for row in alone["row"]:
        event = row // 3
        best[event] = max(best.get(event, row), row, key=lambda r: quality[r])
    assert sorted(best.values()) == sorted(columns["row"])


def test_an_empty_chunk_gives_empty_columns(selection):
    empty = {name: array[:0] for name, array in signal(0.8, 10).items()}
    columns, cutflow = selected(empty, selection)
    assert all(len(array) == 0 for array in columns.values())
    assert {"m_plus", "m_minus", "channel", *search.CONTROLS} <= set(columns)
    assert set(cutflow.rows.values()) == {0}
