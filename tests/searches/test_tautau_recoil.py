from pathlib import Path

import numpy as np
import pytest
import yaml
from four_muons import BEAM, smeared
from pydantic import ValidationError
from tau_recoils import tau_events, variables_of

from darkreach.config.search import Search
from darkreach.detector.beams import boost, reversed_momentum
from darkreach.models.constants import MUON_MASS
from darkreach.searches import tautau_recoil
from darkreach.searches.cutflow import Cutflow
from darkreach.searches.tautau_recoil import Selection, candidates, recoil_mass

LOOSE = Selection(
    maximum_abs_dr_cm=0.5,
    maximum_abs_dz_cm=2.0,
    maximum_tracks=4,
    maximum_four_track_mass_GeV=11.0,
    missing_theta_deg=(0.0, 180.0),
    minimum_missing_momentum_GeV=0.0,
    maximum_extra_energy_GeV=4.0,
    minimum_muon_id=0.5,
    minimum_recoil_mass_GeV=3.0,
)


def select(variables, cutflow=None, **changes):
    selection = LOOSE.model_copy(update=changes)
    return candidates(variables, selection, "belle2", Cutflow() if cutflow is None else cutflow)


def events(n=500, mass=6.0, dimuon_mass=2.0, seed=2):
    return tau_events(mass, dimuon_mass, n, np.random.default_rng(seed))


@pytest.mark.parametrize("mass", [3.6, 6.0, 8.0, 10.0])
def test_recoil_mass_is_that_of_x(mass):
    momenta = events(mass=mass, dimuon_mass=np.linspace(0.22, 10.57 - mass, 500))
    np.testing.assert_allclose(recoil_mass(momenta[:, :2].sum(1), BEAM.total), mass, rtol=1e-9)


def test_recoil_mass_of_the_beams_frame_is_a_function_of_energy_and_pair_mass():
    momenta = events()
    cm = boost(momenta[:, 0] + momenta[:, 1], reversed_momentum(BEAM.total))
    s, energy = BEAM.sqrt_s**2, cm[:, 3]
    expected = np.sqrt(s + 2.0**2 - 2 * BEAM.sqrt_s * energy)
    np.testing.assert_allclose(recoil_mass(momenta[:, :2].sum(1), BEAM.total), expected, rtol=1e-9)


def test_radiation_of_a_beam_only_adds_to_the_recoil_mass():
    """A lost photon k recoils as well: M² = m² + 2 p_X·k."""
    rng = np.random.default_rng(7)
    photon = 0.05 * BEAM.electron
    total = BEAM.total - photon
    momenta = tau_events(6.0, 2.0, 500, rng, total=total)
    x = total - momenta[:, 0] - momenta[:, 1]
    product = x[:, 3] * photon[3] - (x[:, :3] * photon[:3]).sum(-1)
    found = recoil_mass(momenta[:, :2].sum(1), BEAM.total)
    np.testing.assert_allclose(found, np.sqrt(36 + 2 * product + 0.05**2 * 0.511e-3**2), rtol=1e-8)
    assert (found > 6.0).all()


def test_spread_of_the_beams_limits_the_resolution_as_their_covariance_says():
    """δM = p_X·δP/m at fixed muons; with P = p_X + q, the events of P + δP carry m exactly."""
    rng = np.random.default_rng(8)
    n = 4000
    totals = BEAM.spread_totals(n, rng)
    momenta = tau_events(9.5, 0.5, n, rng, total=totals)
    found = recoil_mass(momenta[:, :2].sum(1), BEAM.total) - 9.5
    x = BEAM.total - momenta[:, 0] - momenta[:, 1]
    slope = x * [-1, -1, -1, 1] / 9.5
    expected = np.sqrt(np.einsum("ni,ij,nj->n", slope, BEAM.covariance, slope).mean())
    assert found.std() == pytest.approx(expected, rel=0.05)
    assert found.mean() == pytest.approx(0.0, abs=5 * expected / np.sqrt(n))
    # E_X/m · σ(√s) of PHYSICS with σ(√s) of 5 MeV, X nearly at rest
    assert expected == pytest.approx(5.0e-3, rel=0.05)


def test_track_resolution_matters_less_the_heavier_x():
    rng = np.random.default_rng(9)
    widths = []
    for mass, pair in ((4.0, 5.0), (7.0, 2.5), (9.5, 0.5)):
        momenta = smeared(tau_events(mass, pair, 3000, rng), rng)
        low, high = np.quantile(recoil_mass(momenta[:, :2].sum(1), BEAM.total), [0.1587, 0.8413])
        widths.append((high - low) / 2)
    assert widths[0] > 2 * widths[1] > 4 * widths[2]


def test_columns():
    momenta = events()
    columns = select(variables_of(momenta))
    assert {*tautau_recoil.FEATURES, *tautau_recoil.CONTROLS, "recoil_mass"} <= set(columns)
    assert {"weight", "event", "triggers", "true_mass"} <= set(columns)
    assert not any("." in name or name.startswith("beam") or name == "n_tracks" for name in columns)
    assert {len(array) for array in columns.values()} == {500}
    np.testing.assert_allclose(columns["recoil_mass"], 6.0, rtol=1e-9)
    np.testing.assert_allclose(columns["dimuon_mass"], 2.0, rtol=1e-9)
    assert all(np.isfinite(columns[name]).all() for name in tautau_recoil.FEATURES)


def test_missing_momentum_is_that_of_the_neutrinos():
    momenta = events()
    neutrinos = boost(BEAM.total - momenta.sum(1), reversed_momentum(BEAM.total))
    expected = np.sqrt((neutrinos[:, :3] ** 2).sum(-1))
    np.testing.assert_allclose(select(variables_of(momenta))["missing_momentum"], expected, rtol=1e-9)


@pytest.mark.parametrize(
    ("cut", "variable", "value"),
    [
        ("impact parameters", "muon_plus.dr", 0.51),
        ("impact parameters", "tau_minus.dz", -2.01),
        ("zero charge", "tau_plus.charge", -1.0),
        ("number of tracks", "n_tracks", 5.0),
        ("muon identification", "muon_minus.muon_id", 0.5),
        ("extra energy", "extra_energy", 4.01),
    ],
)
def test_each_cut_rejects_what_it_should_and_nothing_else(cut, variable, value):
    variables = variables_of(events(n=10))
    variables[variable][3] = value
    cutflow = Cutflow()
    columns = select(variables, cutflow)
    assert columns["event"].tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    names = list(cutflow.rows)
    assert [cutflow.rows[name] for name in names] == [10] * names.index(cut) + [9] * (
        len(names) - names.index(cut)
    )


def test_tracks_of_taus_need_no_identification():
    variables = variables_of(events(n=10))
    for name in ("muon_id", "electron_id"):
        variables[f"tau_plus.{name}"][:] = 0.0
    assert len(select(variables)["event"]) == 10


def test_events_with_the_whole_energy_are_rejected():
    momenta = events(n=300, mass=9.0, dimuon_mass=1.0)
    mass = select(variables_of(momenta))["four_track_mass"]
    middle = float(np.median(mass))
    columns = select(variables_of(momenta), maximum_four_track_mass_GeV=middle)
    assert columns["four_track_mass"].max() < middle
    assert len(columns["four_track_mass"]) == np.count_nonzero(mass < middle)


def test_missing_momentum_has_to_point_into_the_detector():
    momenta = events(n=300)
    missing = BEAM.total - momenta.sum(1)
    theta = np.degrees(np.arccos(missing[:, 2] / np.linalg.norm(missing[:, :3], axis=1)))
    columns = select(variables_of(momenta), missing_theta_deg=(17.0, 150.0))
    np.testing.assert_array_equal(columns["event"], np.flatnonzero((theta > 17) & (theta < 150)))
    assert 0 < len(columns["event"]) < 300


def test_light_recoils_and_little_missing_momentum_are_rejected():
    momenta = events(n=300)
    assert len(select(variables_of(momenta), minimum_recoil_mass_GeV=6.01)["event"]) == 0
    values = select(variables_of(momenta))["missing_momentum"]
    columns = select(variables_of(momenta), minimum_missing_momentum_GeV=1.0)
    np.testing.assert_array_equal(columns["event"], np.flatnonzero(values > 1.0))


def test_all_pairs_of_muons_are_kept():
    """Three muons make two pairs: with the μ⁺ of τ⁺ taken for the recoiling one the mass is another."""
    momenta = events(n=100)
    right, wrong = variables_of(momenta), variables_of(momenta[:, [2, 1, 0, 3]])
    both = {name: np.concatenate([right[name], wrong[name]]) for name in right}
    columns = select(both)
    for event in range(100):
        masses = columns["recoil_mass"][columns["event"] == event]
        assert masses[0] == pytest.approx(6.0)
        assert len(masses) < 2 or abs(masses[1] - 6.0) > 1e-3
    assert np.bincount(columns["event"]).max() == 2


def test_no_rows_give_empty_columns():
    columns = select({name: array[:0] for name, array in variables_of(events(n=2)).items()})
    assert all(len(array) == 0 for array in columns.values())
    assert set(tautau_recoil.FEATURES) <= set(columns)


def test_selection_is_checked():
    with pytest.raises(ValidationError, match=r"(?s)missing_theta_deg.*low < high"):
        Selection(**{**LOOSE.model_dump(), "missing_theta_deg": (150.0, 17.0)})
    with pytest.raises(ValidationError, match="minimum_muon_id"):
        Selection(**{**LOOSE.model_dump(), "minimum_muon_id": 1.5})


def test_observable_is_the_mass():
    masses = np.array([3.6, 2 * MUON_MASS, 10.0])
    np.testing.assert_array_equal(tautau_recoil.observable_of_mass(masses), masses)
    np.testing.assert_array_equal(tautau_recoil.mass_of_observable(masses), masses)


def test_shipped_configuration_serves_the_search():
    path = Path(__file__).parents[2] / "config" / "searches" / "tautau_recoil.yaml"
    search = Search(**yaml.safe_load(path.read_text(encoding="utf-8")))
    selection = Selection(**search.selection)
    assert selection.maximum_four_track_mass_GeV == 9.5
    for own, mapped in (
        (tautau_recoil.TRACKS, search.columns.tracks),
        (tautau_recoil.TRACK_VARIABLES, search.columns.track_variables),
        (tautau_recoil.EVENT_VARIABLES, search.columns.event_variables),
        (tautau_recoil.TRUTH, search.columns.truth),
    ):
        assert set(own) == set(mapped)
    # eight networks (arXiv:2306.12294), over more than the scan: peaks at its ends need side bands
    assert len(search.regions) == 8
    assert search.regions[0].range_GeV[0] < search.scan.range_GeV[0]
    assert search.regions[-1].range_GeV[1] > search.scan.range_GeV[1]
