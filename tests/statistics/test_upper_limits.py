"""Limits against pyhf's own, against closed forms, and where fits are hard."""

import copy
import math
import re
from types import SimpleNamespace

import numpy as np
import pyhf
import pytest
from pyhf.infer.intervals.upper_limits import toms748_scan
from scipy.optimize import brentq
from scipy.stats import norm

from darkreach.statistics import limit
from darkreach.statistics.limit import upper_limits
from darkreach.statistics.workspace import build_workspace

# from inside pyhf
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

# luminosity in fb⁻¹, mass in GeV, injected events
WINDOWS = {
    "at threshold": (178, 0.212, 0),
    "typical": (178, 1.0, 0),
    "excess": (178, 5.0, 40),
    "strong deficit": (178, 2.0, -60),
    "few events": (5, 3.2, 0),
    "two events": (5, 8.9, 0),
    "no event": (0.3, 7.0, 0),
    "many events": (20000, 1.0, 0),
    "edge of a veto": (178, 3.141, 0),
    "excess over few events": (20, 9.0, 6),
}


def window_of(toy, name, **scan):
    luminosity, mass, injected = WINDOWS[name]
    rng = np.random.default_rng(list(WINDOWS).index(name))
    templates = toy.templates(luminosity, rng=rng)
    peak = np.diff(toy.signal_cdf(toy.EDGES, mass))
    if injected > 0:
        templates.data += rng.poisson(injected * peak)
    templates.data = np.maximum(templates.data + np.minimum(injected, 0) * peak, 0).round()
    spec = toy.spec(rates={"tracking": 0.036}, **(toy.small | scan))
    return build_workspace(templates, toy.signal_model(templates), mass, spec)


def pyhf_limits(workspace, confidence_level):
    described = pyhf.Workspace(workspace)
    model = described.model()
    with np.errstate(all="ignore"):
        observed, expected = toms748_scan(
            described.data(model), model, 0.02, 10, level=1 - confidence_level, rtol=1e-3, atol=1e-3
        )
    return np.array([observed, *expected], float)


def numbers(result):
    return np.array([result.observed, *result.expected])


@pytest.mark.parametrize("name", WINDOWS)
def test_agrees_with_pyhf(toy, name):
    workspace = window_of(toy, name)
    result = upper_limits(workspace, 0.90)
    assert result.status == "ok"
    np.testing.assert_allclose(numbers(result), pyhf_limits(workspace, 0.90), rtol=0.005)
    assert result.n_fits < 45


def test_the_confidence_level_is_the_one_asked_for(toy):
    """pyhf 0.7.6's upper_limit(level=…) silently gives 95 %; ours must not."""
    workspace = window_of(toy, "typical", bin_sigma=2.0)
    at90, at95 = (numbers(upper_limits(workspace, level)) for level in (0.90, 0.95))
    assert np.all(at95 / at90 > 1.1)
    np.testing.assert_allclose(at95, pyhf_limits(workspace, 0.95), rtol=0.005)


def counting(observed, background, signal):
    """One bin, no uncertainty; mu is the only parameter."""
    return {
        "channels": [
            {
                "name": "counts",
                "samples": [
                    {
                        "name": "signal",
                        "data": [signal],
                        "modifiers": [{"name": "mu", "type": "normfactor", "data": None}],
                    },
                    {"name": "background", "data": [background], "modifiers": []},
                ],
            }
        ],
        "observations": [{"name": "counts", "data": [observed]}],
        "measurements": [
            {
                "name": "counting",
                "config": {
                    "poi": "mu",
                    "parameters": [{"name": "mu", "inits": [1.0], "bounds": [[0.0, 1e4]]}],
                },
            }
        ],
        "version": "1.0.0",
    }


def closed_form(observed, background, confidence_level):
    """Observed and median limit on the signal count, arXiv:1007.1727 eqs. 59 and 66 to 69 by hand."""

    def q(signal, n):
        best = max(n - background, 0.0)
        if best > signal:
            return 0.0
        log_ratio = n * math.log((background + signal) / (background + best)) if n > 0 else 0.0
        return 2 * (signal - best - log_ratio)

    def cls(signal):
        q_mu, q_asimov = q(signal, observed), q(signal, background)
        if q_mu <= q_asimov:
            sb, b = math.sqrt(q_mu), math.sqrt(q_mu) - math.sqrt(q_asimov)
        else:
            sb = (q_mu + q_asimov) / (2 * math.sqrt(q_asimov))
            b = (q_mu - q_asimov) / (2 * math.sqrt(q_asimov))
        return norm.sf(sb) / norm.sf(b)

    alpha = 1 - confidence_level
    low, high = 1e-3 * (1 + background), 20 + 20 * math.sqrt(background) + observed
    median = brentq(lambda s: math.sqrt(q(s, background)) - norm.isf(alpha / 2), low, high)
    return brentq(lambda s: cls(s) - alpha, low, high), median


@pytest.mark.parametrize(
    ("observed", "background"), [(5, 5.0), (0, 3.0), (14, 5.0), (100, 120.0), (1300, 1200.0)]
)
@pytest.mark.parametrize("confidence_level", [0.90, 0.95])
def test_counting_experiment_has_a_closed_form(observed, background, confidence_level):
    result = upper_limits(counting(observed, background, 1.0), confidence_level)
    np.testing.assert_allclose(
        (result.observed, result.expected[2]), closed_form(observed, background, confidence_level), rtol=1e-3
    )
    assert result.mu_hat == pytest.approx(max(observed - background, 0), abs=2e-2 * math.sqrt(background))
    if observed > background:
        q0 = 2 * (observed * math.log(observed / background) - observed + background)
        assert result.z == pytest.approx(math.sqrt(q0), rel=1e-3)
        assert result.p0 == pytest.approx(norm.sf(math.sqrt(q0)), rel=0.01)
    else:
        assert (result.p0, result.z) == (0.5, 0.0)


def test_expected_bands_are_those_of_a_gaussian():
    """With many events the band b is σ·(Φ⁻¹(1 − αΦ(b)) + b), arXiv:1007.1727 eq. 89 for CLs."""
    result = upper_limits(counting(10**6, 1e6, 1e3), 0.90)
    bands = np.arange(-2, 3)
    np.testing.assert_allclose(result.expected, norm.isf(0.1 * norm.cdf(bands)) + bands, rtol=2e-3)


def test_without_any_event_the_limit_has_a_closed_form():
    """q = q_A = 2s makes CLs = 2Φ(−√(2s)), so s = Φ⁻¹(1 − α/2)²/2."""
    result = upper_limits(counting(0, 1e-9, 1.0), 0.90)
    assert result.status == "ok"
    assert result.observed == pytest.approx(norm.isf(0.05) ** 2 / 2, rel=1e-3)


@pytest.mark.parametrize("scale", [1e-3, 1e3])
def test_brackets_widen_by_themselves(scale):
    reference, scaled = upper_limits(counting(8, 5.0, 1.0), 0.9), upper_limits(counting(8, 5.0, scale), 0.9)
    assert scaled.status == "ok"
    np.testing.assert_allclose(numbers(scaled) * scale, numbers(reference), rtol=2e-3)


def test_broken_workspaces_fail_with_a_reason(toy):
    good = window_of(toy, "typical", bin_sigma=2.0)
    not_histfactory = copy.deepcopy(good)
    del not_histfactory["observations"]
    not_a_number = copy.deepcopy(good)
    not_a_number["channels"][0]["samples"][1]["data"][3] = float("nan")
    wrong_bins = copy.deepcopy(good)
    wrong_bins["observations"][0]["data"].append(1.0)
    for broken, reason in (
        (not_histfactory, "observations"),
        (not_a_number, "not a finite number"),
        (wrong_bins, "len 14 but 13"),
    ):
        result = upper_limits(broken, 0.90)
        assert re.match(f"failed: .*({reason})", result.status)
        assert np.isnan(result.observed)


def _refuse_slsqp(self, *args, **kwargs):
    if kwargs["method"] == "SLSQP":
        raise pyhf.exceptions.FailedMinimization(SimpleNamespace(message="no"))
    return _MINIMIZE(self, *args, **kwargs)


_MINIMIZE = pyhf.optimize.scipy_optimizer.minimize


@pytest.mark.parametrize("name", WINDOWS)
def test_a_second_minimiser_takes_over_and_agrees(toy, monkeypatch, name):
    workspace = window_of(toy, name)
    first = upper_limits(workspace, 0.90)
    monkeypatch.setattr(pyhf.optimize.scipy_optimizer, "minimize", _refuse_slsqp)
    second = upper_limits(workspace, 0.90)
    assert (first.status, second.status) == ("ok", "retried")
    np.testing.assert_allclose(numbers(first), numbers(second), rtol=1e-3)
    assert first.z == pytest.approx(second.z, abs=2e-3)


def test_a_wall_is_reported(toy):
    workspace = counting(50, 5.0, 1.0)
    workspace["measurements"][0]["config"]["parameters"][0]["bounds"] = [[0.0, 10.0]]
    assert "upper bound" in upper_limits(workspace, 0.90).status


def test_a_missed_minimum_is_noticed():
    with pytest.raises(limit.FitError, match="nested"):
        limit._not_negative(-0.1)
    assert limit._not_negative(-1e-6) == 0
    with pytest.raises(limit.FitError):
        limit._not_negative(float("nan"))
