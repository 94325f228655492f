"""Limits of a counting search: against pyhf, against Poisson, and in their coverage."""

import counting_toys as toy
import numpy as np
import pytest
from scipy.optimize import brentq

from darkreach.detector import BEAMS
from darkreach.errors import DarkreachError
from darkreach.models.registry import model_named
from darkreach.models.signal_rate import signal_cross_section_fb
from darkreach.statistics.counting import (
    counting_hypotheses,
    counting_workspace,
    scan_counting,
)
from darkreach.statistics.counting_background import CountingBackground
from darkreach.statistics.counting_limit import counting_limit
from darkreach.statistics.counting_signal import SignalRegions
from darkreach.statistics.counting_significance import significance_of_counting
from darkreach.statistics.engine.limits import upper_limits
from darkreach.statistics.engine.nonlinear import coupling_limit
from darkreach.statistics.engine.referee import referee
from darkreach.statistics.grid import Hypothesis
from darkreach.statistics.workspace import reference_cross_section

SYSTEMATICS = {"tau_pairs": 0.014, "displaced_vertex": 0.1}


def parts(templates, spec):
    return SignalRegions(templates, spec), CountingBackground(templates, spec)


def scanned(templates, spec, *hypotheses):
    return scan_counting(templates, hypotheses, spec)


def observed(background=1.0, n_at_one=0, **kwargs):
    """Templates with data: `n_at_one` events at 1 GeV, and the control channel as expected."""
    data = toy.plane(*[(1.001, 1.001)] * n_at_one)
    return toy.templates(background=background, data=data, control_data=toy.control_plane(100), **kwargs)


def test_the_workspace_agrees_with_pyhf():
    spec, templates = toy.spec(blind=False, rates=SYSTEMATICS), observed(background=200.0, n_at_one=2)
    workspace = counting_workspace(templates, *parts(templates, spec), 1.0, 3.0, spec)
    report = referee([workspace], upper_limits([workspace], 0.95), 1, 1, 0.95, 0.005)
    assert len(report.comparisons) == 1 and report.agrees, report.summary


def test_background_of_a_region_is_its_share_of_the_plane():
    templates = toy.templates(background=1000.0)
    signal, background = parts(templates, toy.spec())
    region = signal.region(1.0)
    area = region.window.count(np.ones((85, 85))) / 85**2
    density = background.densities()["heavy"]
    assert background.in_region(region).events == pytest.approx(1000 * area, rel=1e-3)
    assert density.sum() == pytest.approx(1000, rel=0.1)  # some is smeared beyond the plane
    assert region.window.count(density) == pytest.approx(1000 * area, rel=1e-3)


def test_the_control_channel_scales_the_background():
    templates = observed(background=1000.0)
    templates.channels["ks_control"].data = toy.control_plane(200)
    spec = toy.spec(blind=False)
    signal, background = parts(templates, spec)
    assert background.scale == pytest.approx(2.0)
    rows, _, _ = scanned(templates, spec, Hypothesis(1.0, "natural"))
    assert rows[0]["background_events"] == pytest.approx(2 * background.in_region(signal.region(1.0)).events)


def test_a_background_without_simulated_events_counts_as_one_event_of_average_weight():
    signal, background = parts(toy.templates(background=1e-9), toy.spec())
    expected = background.in_region(signal.region(1.0))
    area = 16 / 85**2
    assert expected.events == pytest.approx(area / 50, rel=1e-6)  # 50 simulated events are worth one
    assert expected.simulated == 1.0


def expected_events(model, mass, coupling):
    """Closed form: luminosity × rate × acceptance × share of the spot in the window."""
    rate = signal_cross_section_fb(
        model, mass, coupling, "tau_decay", ["mumunu"], BEAMS["belle"].sqrt_s, 1 / 137, True
    )
    window = SignalRegions(toy.templates(), toy.spec()).region(mass).window
    share = window.count(toy.signal(mass, 1.0).values) / toy.signal(mass, 1.0).values.sum()
    acceptance = toy.acceptance(float(model_named(model).ctau_m(mass, coupling)))
    return 915.0 * rate * toy.PEAK * acceptance * share


@pytest.mark.parametrize("model", ["hnl", "hnl_majorana"])
@pytest.mark.parametrize("mass", [1.0, 1.6])
def test_both_edges_are_where_the_closed_form_has_as_many_events_as_the_limit(model, mass):
    spec = toy.spec(model)
    (row,), _, _ = scanned(toy.templates(), spec, Hypothesis(mass, "natural"))
    limit = counting_limit(0, 0.002, 0.3, 0.014, 0.95)
    excess = lambda x: np.log(expected_events(model, mass, np.exp(x)) / limit)  # noqa: E731
    between = np.log(4e-3)
    lower = np.exp(brentq(excess, np.log(1e-7), between))
    assert row["coupling_limit_exp"] == pytest.approx(lower, rel=0.02)
    if mass == 1.6:
        upper = np.exp(brentq(excess, between, np.log(0.05)))
        assert row["coupling_upper_edge_exp"] == pytest.approx(upper, rel=0.02)


def test_edges_agree_with_a_scan_of_workspaces_over_the_coupling():
    """With many events and small uncertainties, where exact and asymptotic formulas are the same."""
    spec, mass = toy.spec(rates={"tau_pairs": 0.014}, extrapolation=0.01), 1.5
    templates = toy.templates(background=80_000.0, control=1e6, simulated=1e3)
    (row,), _, _ = scanned(templates, spec, Hypothesis(mass, "natural"))
    signal, background = parts(templates, spec)
    model = model_named("hnl")
    unit = row["sigma_limit_exp_fb"] / row["coupling_limit_exp"]

    def workspace_at(coupling):
        events = 915.0 * unit * coupling * signal.efficiency(mass, float(model.ctau_m(mass, coupling)))
        return counting_workspace(templates, signal, background, mass, events, spec)

    found = coupling_limit(workspace_at, np.geomspace(1e-5, 0.3, 40), 0.95)
    (island,) = found.expected[2]
    assert row["background_events"] > 100
    assert row["coupling_limit_exp"] == pytest.approx(island.low, rel=0.05)
    assert row["coupling_upper_edge_exp"] == pytest.approx(island.high, rel=0.05)


def test_a_majorana_neutrino_of_half_the_lifetime_is_excluded_to_smaller_couplings():
    """At long lifetimes events go like g²/cτ(1), so half the lifetime gives 1/√2 of the limit."""
    limits = [
        scanned(toy.templates(), toy.spec(model), Hypothesis(0.6, "natural"))[0][0]["coupling_limit_exp"]
        for model in ("hnl", "hnl_majorana")
    ]
    assert limits[1] / limits[0] == pytest.approx(1 / np.sqrt(2), rel=0.01)


def test_a_fixed_lifetime_gives_a_limit_on_the_cross_section():
    spec = toy.spec(lifetimes=[0.3])
    (row,), (workspace,), (limit,) = scanned(toy.templates(), spec, Hypothesis(1.0, 0.3))
    signal = SignalRegions(toy.templates(), spec)
    events = counting_limit(0, 0.002, 0.3, 0.014, 0.95)
    assert row["sigma_limit_exp_fb"] == pytest.approx(events / (915 * signal.efficiency(1.0, 0.3)), rel=1e-3)
    assert row["coupling_upper_edge_exp"] is None
    assert row["lifetime_hypothesis"] == "fixed" and row["lifetime_m"] == 0.3
    assert reference_cross_section(workspace) == pytest.approx(row["sigma_limit_exp_fb"], rel=1e-5)
    # asymptotic formulas exclude too much where less than an event is expected
    assert 0.5 < limit.expected[2] < 0.8


def test_no_limit_where_too_few_events_are_possible():
    spec = toy.spec(couplings=(1e-7, 1e-4))
    (row,), (workspace,), (limit,) = scanned(toy.templates(), spec, Hypothesis(1.0, "natural"))
    assert row["coupling_limit_exp"] is None and row["sigma_limit_exp_fb"] is None
    assert workspace is None and limit is None
    assert row["status"] == "no limit: all couplings give too few events"


def test_an_event_in_the_region_weakens_the_observed_limit_there_only():
    spec = toy.spec(blind=False)
    masses = [Hypothesis(m, "natural") for m in (0.6, 1.0)]
    without, _, _ = scanned(observed(), spec, *masses)
    with_one, _, _ = scanned(observed(n_at_one=1), spec, *masses)
    assert [row["n_observed"] for row in without + with_one] == [0, 0, 0, 1]
    assert with_one[1]["coupling_limit_obs"] > 1.1 * without[1]["coupling_limit_obs"]
    assert with_one[0] == without[0]
    assert with_one[1]["z_local"] > 2 and without[1]["z_local"] == 0


def test_blind_rows_have_nothing_of_the_data():
    rows, _, _ = scanned(observed(n_at_one=3), toy.spec(), *counting_hypotheses(toy.templates(), toy.spec()))
    hidden = ["n_observed", "coupling_limit_obs", "coupling_upper_edge_obs", "sigma_limit_obs_fb", "p0_local"]
    assert len(rows) == 14
    assert all(row[name] is None for row in rows for name in hidden)
    assert all(row["coupling_limit_exp"] > 0 for row in rows)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"range_GeV": (0.2, 1.0)}, "0.2 GeV is beyond the masses of the signal in channel 'light'"),
        ({"step_GeV": None, "step_sigma": 1.0}, "give 'step_GeV'"),
        ({"lifetimes": (0,)}, "0 is no lifetime"),
    ],
)
def test_scans_that_make_no_sense_are_refused(change, words):
    with pytest.raises(DarkreachError, match=words):
        counting_hypotheses(toy.templates(), toy.spec(**change))


def test_an_empty_control_channel_is_refused():
    with pytest.raises(DarkreachError, match="empty in the control channel"):
        CountingBackground(toy.templates(control=0.0), toy.spec())
    templates = observed()
    templates.channels["ks_control"].data = toy.control_plane(0)
    with pytest.raises(DarkreachError, match="no event is observed in the control channel"):
        CountingBackground(templates, toy.spec(blind=False))


MASSES = np.linspace(0.3, 1.6, 27)


def test_global_probability_lies_between_the_local_one_and_that_of_independent_regions():
    spec = toy.spec(blind=False)
    found = significance_of_counting(observed(background=100.0, n_at_one=3), MASSES, spec)
    (row,), _, _ = scanned(observed(background=100.0, n_at_one=3), spec, Hypothesis(1.0, "natural"))
    assert found["mass_GeV"] == pytest.approx(1.0, abs=0.05)
    assert found["local_z"] >= row["z_local"]
    assert row["p0_local"] < found["p"] < 27 * row["p0_local"] + 0.01
    assert found["hypotheses"] == 27 and found["toys"] == 2000
    nothing = significance_of_counting(observed(background=100.0), MASSES, spec)
    assert nothing["p"] == 1.0 and nothing["z"] == 0.0


def test_global_probability_of_one_event_is_that_of_any_event_in_regions_as_small():
    """With little background the largest excess is one event somewhere, with 1 − exp(−expected events)."""
    templates, spec = observed(background=10.0, n_at_one=1), toy.spec(blind=False)
    found = significance_of_counting(templates, MASSES, spec)
    signal, background = parts(templates, spec)
    regions = [signal.region(mass) for mass in MASSES]
    means = np.array([background.in_region(region).events for region in regions])
    planes = {name: templates.channels[name].data for name in ("light", "heavy")}
    hit = np.array([region.count(planes) > 0 for region in regions])
    union = {name: np.zeros((85, 85)) for name in planes}
    for region, mean in zip(regions, means, strict=True):
        window = region.window
        if mean <= means[hit].min() * (1 + 1e-9):
            union[region.channel][window.first[0] : window.last[0], window.first[1] : window.last[1]] = 1
    expected = sum((union[name] * density).sum() for name, density in background.densities().items())
    assert expected > 0.1
    assert found["p"] == pytest.approx(1 - np.exp(-expected), abs=0.04)


def test_the_same_seed_gives_the_same_numbers():
    spec, templates = toy.spec(blind=False), observed(background=200.0, n_at_one=1)
    first, second = (significance_of_counting(templates, MASSES, spec) for _ in range(2))
    assert first == second
