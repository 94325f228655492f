"""Several channels and lifetimes: efficiencies, shared yields, signals found, limits at natural lifetimes."""

import json

import numpy as np
import pyhf
import pytest
from scipy.optimize import brentq
from scipy.stats import norm

from darkreach.columnar.templates import ChannelTemplates, SignalPoint, SignalTemplate, Templates
from darkreach.config.search import Region
from darkreach.detector import BEAMS
from darkreach.errors import DarkreachError
from darkreach.models.registry import model_named
from darkreach.models.signal_rate import signal_cross_section_fb
from darkreach.statistics import natural
from darkreach.statistics.channel_signal import LONGEST_PROMPT_M
from darkreach.statistics.engine.limits import failed, upper_limits
from darkreach.statistics.engine.referee import pyhf_limits
from darkreach.statistics.grid import Hypothesis, hypotheses_of_scan
from darkreach.statistics.natural import is_prompt, rate_of
from darkreach.statistics.scan import scan_hypotheses
from darkreach.statistics.search_signal import signal_of
from darkreach.statistics.significance import significance_of_scan
from darkreach.statistics.workspace import build_workspace

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")  # from inside pyhf

# A scalar that decays to electrons: within 1 mm it is prompt, from there to 0.5 m it is displaced.
EDGES = np.arange(0, 0.5 + 1e-9, 0.00025)
MASSES = np.linspace(0.03, 0.2, 18)
LIFETIMES = (0.0, *np.geomspace(1e-5, 10, 31))
NEAR, FAR, BOOST = 1e-3, 0.5, 20.0
SIGMA = 0.002
EFFICIENCY = {"ee": 0.2, "ee_displaced": 0.1}
LUMINOSITY = 600.0


def acceptance(channel, lifetime):
    """Selected fraction: exponential decay between two distances."""
    if lifetime == 0:
        return EFFICIENCY["ee"] if channel == "ee" else 0.0
    near, far = np.exp(-NEAR / (BOOST * lifetime)), np.exp(-FAR / (BOOST * lifetime))
    return EFFICIENCY[channel] * (1 - near if channel == "ee" else near - far)


def peak(mass):
    return np.diff(norm.cdf(EDGES, mass, SIGMA))


def templates_with(background, injected=0.0, mass=0.1, lifetime=0.0, lifetimes=LIFETIMES, rng=None):
    """Flat backgrounds in events per fine bin by channel; injected: produced events that decay to ee."""
    channels = {}
    for channel, level in background.items():
        expected = np.full(len(EDGES) - 1, level)
        data = expected + injected * acceptance(channel, lifetime) * peak(mass)
        signals = {}
        for m in MASSES:
            for cτ in lifetimes:
                values = 1e6 * acceptance(channel, cτ) * peak(m)
                signals[SignalPoint(m, cτ)] = SignalTemplate(values, values, 1e6)
        channels[channel] = ChannelTemplates(
            data if rng is None else rng.poisson(data).astype(float),
            {"tautau": (expected, expected)},
            {"leptophilic_scalar": signals},
        )
    return Templates({"mass": EDGES}, LUMINOSITY, channels)


@pytest.fixture
def spec_of(toy):
    """Specification of the toy search, with changes."""

    def make(scan=None, **changes):
        settings = {"range_GeV": (0.04, 0.19), "half_window_sigma": 10, "bin_sigma": 1.0}
        settings |= {"background_degree": 1} | (scan or {})
        own = {
            "search": "leptophilic_scalar",
            "model": "leptophilic_scalar",
            "detector": "belle",
            "production": "tau",
            "channels": {"ee": "ee", "ee_displaced": "ee"},
            "regions": [
                Region(name=name, channel=name, range_GeV=(0.01, 0.5)) for name in ("ee", "ee_displaced")
            ],
        }
        return toy.spec(vetoes=False, systematics=False, **settings).model_copy(update=own | changes)

    return make


BACKGROUND = {"ee": 4.0, "ee_displaced": 1.0}


def scan_one(made, hypothesis, spec):
    (row,), (workspace,), (limit,) = scan_hypotheses(made, signal_of(made, spec), [hypothesis], spec)
    return row, workspace, limit


@pytest.mark.parametrize("lifetime", [3e-6, 2.3e-4, 1.7e-3, 0.04, 0.6, 30.0])
def test_efficiency_between_lifetimes_is_that_of_the_geometry(spec_of, lifetime):
    made = templates_with(BACKGROUND)
    signal = signal_of(made, spec_of())
    for name, channel in signal.channels.items():
        # of the largest efficiency 1e-3: below the shortest lifetime, and where nearly nothing is selected
        expected = pytest.approx(acceptance(name, lifetime), rel=0.03, abs=2e-4)
        assert channel.efficiency(0.113, lifetime) == expected


def test_a_lifetime_that_was_simulated_comes_back_exactly(spec_of):
    signal = signal_of(templates_with(BACKGROUND), spec_of())
    assert signal.channels["ee"].efficiency(MASSES[4], LIFETIMES[7]) == pytest.approx(
        acceptance("ee", LIFETIMES[7]), rel=1e-9
    )
    assert signal.channels["ee"].resolution(0.1, 0.02) == pytest.approx(SIGMA, rel=0.01)


def test_channels_share_the_yield_by_branching_fractions_and_efficiencies(spec_of):
    """X → μμ is open above 2m_μ: only its part of σB goes to the electrons."""
    channels = {"ee": "ee", "ee_displaced": "ee", "mumu": "mumu"}
    made = templates_with(BACKGROUND)
    signal = signal_of(made, spec_of(channels=channels))
    assert set(signal.channels) == {"ee", "ee_displaced"}  # there are no templates of mumu
    below, above = (model_named("leptophilic_scalar").branching_fractions(m) for m in (0.1, 0.2))
    assert above["mumu"] == 0 < below["ee"]
    found = signal.efficiencies(0.1, 0.01)
    assert found == pytest.approx({c: acceptance(c, 0.01) for c in EFFICIENCY}, rel=0.02)


def test_two_channel_workspaces_agree_with_pyhf(spec_of):
    made = templates_with(BACKGROUND, rng=np.random.default_rng(4), injected=3000, lifetime=0.003)
    spec = spec_of()
    spec = spec.model_copy(update={"systematics": spec.systematics.model_copy(update={"rates": {"a": 0.05}})})
    workspace = build_workspace(made, signal_of(made, spec), Hypothesis(0.1, 0.003), spec)
    assert [c["name"] for c in workspace["channels"]] == ["ee", "ee_displaced"]
    assert pyhf.Workspace(workspace).model().config.poi_name == "mu"
    names = {p["name"] for p in workspace["measurements"][0]["config"]["parameters"]}
    assert {"mu", "background_ee_0", "background_ee_displaced_1"} <= names
    (ours,) = upper_limits([workspace], 0.90)
    around = (0.5 * min(ours.expected), 2.0 * max(ours.observed, *ours.expected))
    np.testing.assert_allclose(
        (ours.observed, *ours.expected), pyhf_limits(workspace, 0.9, around), rtol=0.005
    )


@pytest.mark.parametrize("lifetime", [0.0, 0.001, 0.05])
def test_an_injected_signal_is_found_at_its_lifetime(spec_of, lifetime):
    cross_section = 10.0
    made = templates_with(BACKGROUND, injected=cross_section * LUMINOSITY, lifetime=lifetime)
    row, _, _ = scan_one(made, Hypothesis(0.1, lifetime), spec_of())
    assert row["status"] == "ok"
    assert row["sigma_hat_fb"] == pytest.approx(cross_section, rel=0.02)
    assert row["sigma_limit_obs_fb"] > cross_section > row["sigma_limit_exp_fb"]
    assert row["efficiency"] == pytest.approx(sum(acceptance(c, lifetime) for c in BACKGROUND), rel=0.01)


def test_both_channels_together_are_better_than_each(spec_of):
    both = templates_with(BACKGROUND)
    limits = []
    for names in (["ee", "ee_displaced"], ["ee"], ["ee_displaced"]):
        made = Templates(both.edges, LUMINOSITY, {name: both.channels[name] for name in names})
        limits.append(scan_one(made, Hypothesis(0.1, 0.0005), spec_of())[0]["sigma_limit_exp_fb"])
    together, *alone = limits
    assert together < min(alone)
    # many events: information adds, 1/σ² = Σ 1/σ_c²
    assert together**-2 == pytest.approx(sum(limit**-2 for limit in alone), rel=0.1)


def test_hypotheses_have_lifetimes_where_they_are_simulated(spec_of):
    made = templates_with(BACKGROUND)
    for content in made.channels.values():  # above 0.1 GeV only prompt signals
        content.signals["leptophilic_scalar"] = {
            p: t
            for p, t in content.signals["leptophilic_scalar"].items()
            if p.lifetime_m == 0 or p.mass_GeV < 0.1
        }
    spec = spec_of({"step_sigma": 2, "lifetimes_m": [0, 0.001, "natural"]})
    hypotheses = hypotheses_of_scan(signal_of(made, spec), spec)
    masses = {
        kind: [h.mass_GeV for h in hypotheses if h.kind == kind] for kind in ("prompt", "fixed", "natural")
    }
    assert masses["prompt"] == masses["natural"]
    assert max(masses["fixed"]) < 0.1 < max(masses["prompt"]) == 0.19
    assert len(hypotheses) == len(set(hypotheses))


def limit_in_events(made, spec):
    """The limit on signal events without background: the same at every lifetime, as the shape is."""
    row, _, _ = scan_one(made, Hypothesis(0.1, 0.001), spec)
    return row["sigma_limit_exp_fb"] * LUMINOSITY * row["efficiency"]


def test_without_background_the_natural_limit_solves_the_yield(spec_of):
    """ξ²σ₁B ε(cτ(ξ)) L = N: from below, as long as the decay is beyond the detector at small ξ."""
    made = templates_with({"ee": 1e-9, "ee_displaced": 1e-9})
    spec = spec_of()
    mass = 0.1
    row, workspace, limit = scan_one(made, Hypothesis(mass, "natural"), spec)
    assert row["status"] == "ok"
    events = limit_in_events(made, spec)
    unit = signal_cross_section_fb(
        "leptophilic_scalar", mass, 1.0, "tau", ("ee",), BEAMS["belle"].sqrt_s, spec.alpha, True
    )
    model = model_named("leptophilic_scalar")

    def surplus(coupling):
        accepted = sum(acceptance(c, float(model.ctau_m(mass, coupling))) for c in EFFICIENCY)
        return coupling**2 * unit * accepted * LUMINOSITY - events

    assert row["coupling_limit_exp"] == pytest.approx(brentq(surplus, 1e-4, 10.0), rel=0.01)
    assert row["coupling_upper_edge_exp"] is None  # large couplings decay at once and are seen
    assert row["lifetime_m"] == pytest.approx(float(model.ctau_m(mass, row["coupling_limit_obs"])))
    assert row["sigma_limit_exp_fb"] == pytest.approx(unit * row["coupling_limit_exp"] ** 2, rel=1e-6)
    # the stored workspace is that of the limit: mu = 1 is just excluded
    assert limit.observed == pytest.approx(1.0, rel=0.01)
    assert workspace is not None
    assert row["p0_local"] is None


def test_a_limit_on_the_coupling_stays_if_the_fit_of_its_workspace_fails(spec_of, monkeypatch):
    """What that fit would have said is unknown, the row says why, and can be written."""
    made = templates_with(BACKGROUND)
    expected, _, _ = scan_one(made, Hypothesis(0.1, "natural"), spec_of())
    monkeypatch.setattr(natural, "upper_limits", lambda *_, **__: [failed("a fit does not converge")])
    row, workspace, limit = scan_one(made, Hypothesis(0.1, "natural"), spec_of())
    assert row["status"] == "ok" and row["coupling_limit_obs"] == expected["coupling_limit_obs"]
    assert row["background_events"] is None and row["few_events"] is None
    assert "background under the peak unknown: failed: a fit does not converge" in row["notes"]
    json.dumps(row, allow_nan=False)
    assert workspace is not None and limit.status.startswith("failed")


def test_a_region_closes_where_larger_couplings_decay_too_early(spec_of):
    """Displaced decays alone: an interval of couplings is excluded."""
    made = templates_with({"ee_displaced": 1e-9})
    row, _, _ = scan_one(made, Hypothesis(0.1, "natural"), spec_of())
    rate = rate_of(0.1, spec_of())
    low, high = row["coupling_limit_exp"], row["coupling_upper_edge_exp"]
    assert low < high
    events = [g**2 * rate.unit_fb * acceptance("ee_displaced", rate.lifetime_m(g)) for g in (low, high)]
    assert events[0] == pytest.approx(events[1], rel=0.15)  # ε is steep at the upper end


def test_what_is_simulated_as_prompt_is_lost_at_long_lifetimes(spec_of):
    """A light scalar with cτ of centimetres at the couplings of the prompt limit: only where it is short."""
    made = templates_with({"ee": 1e-9}, lifetimes=(0.0,))
    spec = spec_of()
    signal = signal_of(made, spec)
    assert signal.efficiencies(0.1, LONGEST_PROMPT_M) == signal.efficiencies(0.1, 0.0)
    assert signal.efficiencies(0.1, 2 * LONGEST_PROMPT_M) == {}
    prompt, follows = scan_hypotheses(made, signal, [Hypothesis(0.1), Hypothesis(0.1, "natural")], spec)[0]
    assert follows["coupling_limit_obs"] > np.sqrt(prompt["sigma_limit_obs_fb"] / rate_of(0.1, spec).unit_fb)
    assert follows["lifetime_m"] == pytest.approx(LONGEST_PROMPT_M, rel=0.01)


def test_where_the_lifetime_is_short_the_prompt_limit_is_taken(spec_of):
    """A background so large that the limit is at couplings for which cτ is far below a millimetre."""
    made = templates_with({"ee": 1e8, "ee_displaced": 1.0}, lifetimes=(0.0, 0.1, 1.0))
    spec = spec_of()
    signal = signal_of(made, spec)
    assert is_prompt(signal, 0.1, 1e-4)
    assert not is_prompt(signal, 0.1, 0.01)
    prompt, follows = scan_hypotheses(made, signal, [Hypothesis(0.1), Hypothesis(0.1, "natural")], spec)[0]
    assert follows["sigma_limit_obs_fb"] == prompt["sigma_limit_obs_fb"]
    assert follows["coupling_limit_obs"] == pytest.approx(
        np.sqrt(prompt["sigma_limit_obs_fb"] / rate_of(0.1, spec).unit_fb)
    )
    assert 0 < follows["lifetime_m"] < 1e-3
    assert follows["z_local"] is None


def test_a_background_only_excess_is_ordinary_in_all_channels_and_lifetimes(spec_of):
    made = templates_with(BACKGROUND, rng=np.random.default_rng(0))
    spec = spec_of({"step_sigma": 2, "lifetimes_m": [0, 0.001, 0.1], "global_toys": 100})
    signal = signal_of(made, spec)
    hypotheses = hypotheses_of_scan(signal, spec)
    rows, _, _ = scan_hypotheses(made, signal, hypotheses, spec)
    largest = max(row["z_local"] for row in rows)
    found = significance_of_scan(made, signal, hypotheses, largest, spec)
    assert found["hypotheses"] == len(hypotheses) > 80
    assert 0.02 < found["p"] < 1
    assert significance_of_scan(made, signal, hypotheses, 6.0, spec)["p"] < 0.02


def test_a_channel_that_cannot_be_fitted_is_noted(spec_of):
    made = templates_with(BACKGROUND)
    made.channels["ee"].data = None
    row, workspace, _ = scan_one(made, Hypothesis(0.1, 0.001), spec_of())
    assert row["status"] == "ok"
    assert "channel 'ee': the search is not blind but the templates have no data" in row["notes"][0]
    assert [channel["name"] for channel in workspace["channels"]] == ["ee_displaced"]
    with pytest.raises(DarkreachError, match="channel 'ee': the search is not blind"):
        build_workspace(made, signal_of(made, spec_of()), Hypothesis(0.1), spec_of())
