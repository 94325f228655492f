import numpy as np
import pytest
import yaml
from four_muons import two_body

from darkreach.config.search import Search
from darkreach.detector import BEAMS
from darkreach.detector.beams import boost
from darkreach.models.constants import ELECTRON_MASS, MUON_MASS, PION_MASS, TAU_MASS
from darkreach.searches import leptophilic_scalar as search
from darkreach.searches.cutflow import Cutflow

BEAM = BEAMS["belle"]
LEPTONS = {"electron": ELECTRON_MASS, "muon": MUON_MASS}
EE, DISPLACED, MUMU = range(3)


@pytest.fixture
def settings(root):
    values = yaml.safe_load((root / "config" / "searches" / "leptophilic_scalar.yaml").read_text())
    return Search.model_validate(values)


@pytest.fixture
def selection(settings):
    return search.Selection.model_validate(settings.selection)


def signal(mass, n, rng, lepton="electron", tau_pair_mass=None):
    """(n, 4, 4) laboratory momenta of φ's leptons and of the pions of τ⁺ → π⁺ν, τ⁻ → π⁻ν."""
    largest = BEAM.sqrt_s - mass
    pair_mass = rng.uniform(2 * TAU_MASS, largest, n) if tau_pair_mass is None else tau_pair_mass
    phi, pair = two_body(np.full(n, BEAM.sqrt_s), np.full(n, mass), pair_mass, rng)
    taus = [boost(p, pair) for p in two_body(pair_mass, np.full(n, TAU_MASS), np.full(n, TAU_MASS), rng)]
    leptons = two_body(np.full(n, mass), LEPTONS[lepton], LEPTONS[lepton], rng)
    pions = [boost(two_body(np.full(n, TAU_MASS), PION_MASS, 0.0, rng)[0], tau) for tau in taus]
    return BEAM.to_lab(np.stack([*(boost(p, phi) for p in leptons), *pions], axis=1))


def variables_of(momenta, lepton="electron"):
    """What the search reads of perfectly measured prompt events that pass its selection."""
    n, values = len(momenta), {}
    for index, track in enumerate(search.TRACKS):
        for axis, name in enumerate(("px", "py", "pz")):
            values[f"{track}.{name}"] = momenta[:, index, axis]
            if index < 2:
                values[f"{track}_vertex_{name}"] = momenta[:, index, axis]
        values[f"{track}.charge"] = np.full(n, 1.0 if index % 2 == 0 else -1.0)
        values |= {f"{track}.dr": np.full(n, 0.01), f"{track}.dz": np.full(n, -0.02)}
        for name in LEPTONS:
            values[f"{track}.{name}_id"] = np.full(n, 0.99 if index < 2 and name == lepton else 0.02)
    for name, value in zip(("px", "py", "pz", "e"), BEAM.total, strict=True):
        values[f"beam_{name}"] = np.full(n, value)
    defaults = {"n_tracks": 4, "n_photons": 1, "extra_energy": 0.3, "visible_energy": 7.0, "thrust": 0.9}
    defaults |= {"missing_momentum": 2.0, "missing_theta": 1.0, "missing_mass2": 9.0}
    defaults |= {"vertex_x": 0.002, "vertex_y": 0.001, "vertex_radius": 0.002}
    defaults |= {"vertex_probability": 0.4, "vertex_significance": 0.5}
    values |= {name: np.full(n, float(value)) for name, value in defaults.items()}
    assert set(values) == {
        *(f"{track}.{variable}" for track in search.TRACKS for variable in search.TRACK_VARIABLES),
        *search.EVENT_VARIABLES,
    }
    names = ("experiment", "run", "event", "production", "candidate", "source")
    identity = {name: np.arange(n) for name in names}
    return values | identity | {"weight": np.ones(n), "triggers": np.full(n, 5)}


def displaced(values, radius=4.0, angle=0.0):
    """The same pairs with a vertex at a radius (cm), in the direction of their momentum or turned from it."""
    px, py = (sum(values[f"{track}_vertex_p{axis}"] for track in ("phi_plus", "phi_minus")) for axis in "xy")
    phi = np.arctan2(py, px) + angle
    place = {"vertex_x": radius * np.cos(phi), "vertex_y": radius * np.sin(phi)}
    far = {"vertex_radius": np.full(len(phi), radius), "vertex_significance": np.full(len(phi), 40.0)}
    impact = {f"{track}.dr": np.full(len(phi), 1.5) for track in ("phi_plus", "phi_minus")}
    return values | place | far | impact


def selected(values, selection):
    cutflow = Cutflow()
    return search.candidates(values, selection, "belle", cutflow), cutflow


@pytest.mark.parametrize(
    ("lepton", "mass", "channel"), [("electron", 0.04, EE), ("muon", 0.2115, MUMU), ("muon", 6.5, MUMU)]
)
def test_signal_has_the_mass_of_phi_in_its_channel(selection, lepton, mass, channel):
    values = variables_of(signal(mass, 500, np.random.default_rng(1), lepton), lepton)
    columns, cutflow = selected(values, selection)
    np.testing.assert_allclose(columns["mass"], mass, rtol=1e-6)
    assert len(columns["mass"]) == 500 and (columns["channel"] == channel).all()
    assert [step["rows"] for step in cutflow.as_list()] == [500] * 8
    names = {"mass", "channel", *search.CONTROLS}.union(*search.FEATURES.values())
    passed_on = {"experiment", "run", "event", "production", "candidate", "source", "weight", "triggers"}
    assert set(columns) == names | passed_on
    assert all(np.isfinite(array).all() for array in columns.values())
    np.testing.assert_array_equal(columns["triggers"], 5)


def test_channels_are_those_of_the_configuration(settings):
    assert tuple(settings.channels) == search.CHANNELS
    assert set(search.FEATURES) == {region.channel for region in settings.regions} == set(search.CHANNELS)


def test_displaced_pairs_are_measured_at_their_vertex(selection):
    values = displaced(variables_of(signal(0.1, 400, np.random.default_rng(2))))
    # near the beams the tracks have other directions than at the vertex
    values["phi_plus.px"] = values["phi_plus.px"] + 0.1
    columns, _ = selected(values, selection)
    assert (columns["channel"] == DISPLACED).all() and len(columns["mass"]) == 400
    np.testing.assert_allclose(columns["mass"], 0.1, rtol=1e-6)
    np.testing.assert_allclose(columns["pointing"], 1)


def test_every_pair_has_at_most_one_channel(selection):
    rng = np.random.default_rng(3)
    prompt = variables_of(signal(0.1, 50, rng))
    muons = variables_of(signal(0.5, 50, rng, "muon"), "muon")
    conversion = displaced(variables_of(signal(0.005, 50, rng)))
    both = prompt | {f"{track}.muon_id": np.full(50, 0.995) for track in search.PAIR}
    mixed = prompt | {"phi_minus.electron_id": np.full(50, 0.3), "phi_minus.muon_id": np.full(50, 0.99)}
    far = displaced(prompt)
    expected = [
        (prompt, EE),
        (far, DISPLACED),
        (muons, MUMU),
        (displaced(muons), None),
        (conversion, None),
        (displaced(prompt, angle=0.3), None),
        (displaced(prompt, radius=70.0), None),
        (far | {"vertex_probability": np.zeros(50)}, None),
        # not significant, but its tracks miss the beams
        (far | {"vertex_significance": np.full(50, 2.0)}, None),
        (mixed, None),
        # heavy pairs of electrons are not looked at, wherever they come from
        (variables_of(signal(0.5, 50, rng)), None),
        (displaced(variables_of(signal(0.5, 50, rng))), None),
        (both, MUMU),
        (both | {f"{track}.electron_id": np.full(50, 0.999) for track in search.PAIR}, EE),
    ]
    for values, channel in expected:
        columns, _ = selected(values, selection)
        if channel is None:
            assert len(columns["channel"]) == 0
        else:
            assert len(columns["channel"]) == 50 and (columns["channel"] == channel).all()


def test_every_cut_removes_what_it_should(selection):
    good = variables_of(signal(0.3, 20, np.random.default_rng(4), "muon"), "muon")
    spoilt = {
        "n_tracks": 5,
        "tau_plus.charge": -1,
        "tau_minus.dr": 0.6,
        "tau_plus.dz": -2.1,
        "visible_energy": 10.1,
        "missing_momentum": 0.1,
        "thrust": 0.995,
        "phi_plus.muon_id": 0.85,
        "phi_minus.dr": -0.6,
    }
    cuts = [step["cut"] for step in selected(good, selection)[1].as_list()]
    assert len(cuts) == 8
    for name, value in spoilt.items():
        columns, _ = selected(good | {name: np.where(np.arange(20) < 7, value, good[name])}, selection)
        np.testing.assert_array_equal(columns["event"], np.arange(7, 20)), name


def test_no_rows_are_no_candidates(selection):
    columns, _ = selected(variables_of(signal(0.3, 0, np.random.default_rng(4))), selection)
    assert columns and all(len(array) == 0 for array in columns.values())


def features(momenta, selection, lepton="muon", **changes):
    columns, _ = selected(variables_of(momenta, lepton) | changes, selection)
    return columns


def test_features_do_not_depend_on_the_frame_around_the_electron_beam(selection):
    momenta = signal(1.0, 300, np.random.default_rng(5), "muon")
    cm = BEAM.to_cm(momenta)
    angle = 1.1
    turn = np.array([[np.cos(angle), -np.sin(angle), 0], [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    turned = BEAM.to_lab(np.concatenate([cm[..., :3] @ turn.T, cm[..., 3:]], axis=-1))
    first, second = (features(p, selection) for p in (momenta, turned))
    for name in search.FEATURES["mumu"]:
        np.testing.assert_allclose(first[name], second[name], rtol=1e-6, atol=1e-7)


def test_features_do_not_depend_on_charge(selection):
    momenta = signal(1.0, 300, np.random.default_rng(6), "muon")
    muon_id = np.random.default_rng(7).uniform(0, 1, 300)
    first = features(momenta, selection, **{"tau_plus.muon_id": muon_id})
    second = features(momenta[:, [1, 0, 3, 2]], selection, **{"tau_minus.muon_id": muon_id})
    for name in search.FEATURES["mumu"]:
        np.testing.assert_allclose(first[name], second[name], rtol=1e-6, atol=1e-7)
    assert (first["near_angle"] >= first["far_angle"]).all()


def test_features_of_phi_are_those_of_a_scalar(selection):
    # a φ against a τ pair at rest has the largest momentum there is
    hard = features(
        signal(2.0, 200, np.random.default_rng(8), "muon", np.full(200, 2.0001 * TAU_MASS)), selection
    )
    np.testing.assert_allclose(hard["pair_momentum"], 1, rtol=1e-3)
    # |cos| of an isotropic decay is uniform: mean 1/2, variance 1/12; so is the polar angle of phase space
    columns = features(signal(2.0, 20_000, np.random.default_rng(9), "muon"), selection)
    for name in ("pair_helicity", "pair_cos_theta"):
        assert abs(columns[name].mean() - 0.5) < 5 / np.sqrt(12 * 20_000)
    assert columns["pair_momentum"].max() <= 1 + 1e-9


def test_three_pions_of_a_tau_stay_below_its_mass(selection):
    """τ → 3πν: the near track belongs to the pair; that of a φ does not."""
    rng, n = np.random.default_rng(10), 2000
    mass = np.full(n, TAU_MASS)
    taus = two_body(np.full(n, BEAM.sqrt_s), mass, mass, rng)
    axial = rng.uniform(1.0, 1.6, n)
    three = boost(two_body(mass, axial, 0.0, rng)[0], taus[0])
    rho_mass = rng.uniform(0.35, axial - PION_MASS - 0.01)
    rho, pion = two_body(axial, rho_mass, PION_MASS, rng)
    pair = [boost(p, boost(rho, three)) for p in two_body(rho_mass, PION_MASS, PION_MASS, rng)]
    other = boost(two_body(mass, PION_MASS, 0.0, rng)[0], taus[1])
    momenta = BEAM.to_lab(np.stack([*pair, boost(pion, three), other], axis=1))
    background = features(momenta, selection)
    assert np.mean(background["near_excess_mass"] + background["mass"] < TAU_MASS) > 0.95
    wanted = features(signal(0.5, n, rng, "muon"), selection)
    assert np.mean(wanted["near_excess_mass"] + wanted["mass"] < TAU_MASS) < 0.4


def test_mass_and_observable_are_the_same():
    masses = np.array([0.04, 0.2, 6.5])
    np.testing.assert_array_equal(search.mass_of_observable(search.observable_of_mass(masses)), masses)
