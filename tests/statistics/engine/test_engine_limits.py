"""Limits, best fit and significance: against pyhf, closed forms, symmetries, and what a bad row costs."""

import copy
from dataclasses import replace

import numpy as np
import pyhf
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri
from varied_workspaces import counting, everything, quick, scan_window, varied

from darkreach.statistics.engine import toys
from darkreach.statistics.engine.asymptotic import asymptotic_limits
from darkreach.statistics.engine.limits import upper_limits
from darkreach.statistics.engine.model import Model
from darkreach.statistics.engine.referee import FIT_TOLERANCE, pyhf_limits, referee
from darkreach.statistics.engine.workspace import read_workspace

SEED = 11


def bare(background: float, observed: float, signal: float = 1.0) -> dict:
    """A counting experiment without any uncertainty: everything about it is known in closed form."""
    spec = counting(np.random.default_rng(0), background, signal, observed)
    spec["channels"][0]["samples"][1]["modifiers"] = []
    return spec


def all_numbers(limit) -> np.ndarray:
    return np.array([limit.observed, *limit.expected, limit.mu_hat, limit.mu_error, limit.p0, limit.z])


@pytest.mark.parametrize("index", range(32))
def test_limits_agree_with_pyhf(index):
    _, spec = quick(SEED, index)
    limit = upper_limits([spec])[0]
    found = referee([spec], [limit], sample=1, seed=0).comparisons[0]
    assert found.difference < 0.005, found.verdict


def test_confidence_level_is_the_one_asked_for():
    """pyhf 0.7.6's upper_limit(level=…) gives 95 % whatever the level; our calls do not."""
    spec = counting(np.random.default_rng(0), 10.0, observed=12)
    ours = {cl: upper_limits([spec], cl=cl)[0].observed for cl in (0.90, 0.95)}
    theirs = {cl: pyhf_limits(spec, cl, (1.0, 30.0), FIT_TOLERANCE)[0] for cl in (0.90, 0.95)}
    assert ours[0.95] > 1.1 * ours[0.90]
    for cl in (0.90, 0.95):
        assert ours[cl] == pytest.approx(theirs[cl], rel=1e-3)


@pytest.mark.parametrize("index", [1, 2])
def test_limits_agree_with_pyhf_for_interpolation_with_kinks(index):
    """Codes 0 and 1 have a kink at the nominal value, on which minima come to lie."""
    settings = {"normsys": {"interpcode": "code1"}, "histosys": {"interpcode": "code0"}}
    _, spec = quick(SEED, index)
    limit = upper_limits([spec], modifier_settings=settings)[0]
    assert not limit.status.startswith("failed")
    workspace = pyhf.Workspace(spec)
    model = workspace.model(modifier_settings=settings)
    observed, _ = pyhf.infer.intervals.upper_limits.toms748_scan(
        workspace.data(model), model, 0.7 * limit.expected[0], 1.3 * limit.expected[4], level=0.1, rtol=1e-3
    )
    assert limit.observed == pytest.approx(float(observed), rel=0.005)


def test_minima_on_kinks_are_found_whatever_the_batch():
    settings = {"normsys": {"interpcode": "code1"}, "histosys": {"interpcode": "code0"}}
    specs = [varied(3, index)[1] for index in range(90)]
    together = upper_limits(specs, modifier_settings=settings)
    assert all(limit.status in ("ok", "retried") for limit in together)
    alone = [upper_limits([spec], modifier_settings=settings)[0] for spec in specs[::5]]
    np.testing.assert_allclose([x.observed for x in alone], [x.observed for x in together[::5]], rtol=1e-6)


def test_best_fit_and_significance_agree_with_pyhf():
    for index in (0, 4, 7):
        _, spec = varied(SEED, index)
        limit = upper_limits([spec])[0]
        workspace = pyhf.Workspace(spec)
        model = workspace.model()
        data = workspace.data(model)
        pyhf.set_backend("numpy", pyhf.optimize.scipy_optimizer(tolerance=1e-10))
        best = pyhf.infer.mle.fit(data, model)[model.config.poi_index]
        p0 = float(pyhf.infer.hypotest(0.0, data, model, test_stat="q0"))
        pyhf.set_backend("numpy")
        assert limit.mu_hat == pytest.approx(best, abs=2e-3 * limit.mu_error)
        assert limit.p0 == pytest.approx(p0, rel=2e-3)


@pytest.mark.parametrize(("background", "observed"), [(100.0, 130.0), (4.0, 9.0), (0.3, 3.0)])
def test_counting_experiment_without_uncertainty_is_in_closed_form(background, observed):
    """μ̂ = n − b; Z of eq. 46 and the interval of eq. 8 of arXiv:1007.1727 for a Poisson count."""
    limit = upper_limits([bare(background, observed)])[0]
    excess = observed - background
    assert limit.mu_hat == pytest.approx(excess, rel=1e-4)
    z = np.sqrt(2.0 * (observed * np.log(observed / background) - excess))
    assert limit.z == pytest.approx(z, rel=1e-6)
    assert limit.p0 == pytest.approx(ndtr(-z), rel=1e-5)

    def rise(error: float) -> float:
        return 2.0 * (error - observed * np.log1p(error / observed)) - 1.0

    error = brentq(rise, 1e-6, 10.0 * np.sqrt(observed))
    assert limit.mu_error == pytest.approx(error, rel=1e-3)


def test_limit_of_many_events_is_the_gaussian_one():
    """μ_up = μ̂ + σ Φ⁻¹(1 − α Φ(μ̂/σ)) for CLs with known background, up to corrections of order 1/√b."""
    background, observed = 1e6, 1e6 + 500.0
    limit = upper_limits([bare(background, observed)], cl=0.95)[0]
    sigma = np.sqrt(background)
    expected = 500.0 + sigma * ndtri(1.0 - 0.05 * ndtr(500.0 / sigma))
    assert limit.observed == pytest.approx(expected, rel=2e-3)
    bands = sigma * (ndtri(1.0 - 0.05 * ndtr(np.arange(-2.0, 3.0))) + np.arange(-2.0, 3.0))
    np.testing.assert_allclose(limit.expected, bands, rtol=2e-3)


def test_limit_without_background_and_events():
    """q̃_μ = q_A = 2s there, so CLs = 2 Φ(−√(2s))."""
    limit = upper_limits([bare(0.0, 0.0)])[0]
    assert limit.observed == pytest.approx(0.5 * ndtri(0.05) ** 2, rel=1e-4)


@pytest.mark.parametrize("scale", [1e-6, 1e-2, 1e3, 1e7])
def test_brackets_widen_to_any_unit_of_the_signal(scale):
    """A signal k times larger gives limits k times smaller, far outside the workspace's bounds."""
    reference = upper_limits([counting(np.random.default_rng(0), 5.0, 1.0, 7)])[0]
    limit = upper_limits([counting(np.random.default_rng(0), 5.0, scale, 7)])[0]
    assert limit.status == "ok"
    np.testing.assert_allclose(np.array(limit.expected) * scale, reference.expected, rtol=1e-6)
    assert limit.observed * scale == pytest.approx(reference.observed, rel=1e-6)
    assert limit.mu_error * scale == pytest.approx(reference.mu_error, rel=1e-6)


def test_bins_with_the_same_signal_to_background_can_be_merged():
    """Splitting a bin in two halves adds no information."""
    merged = bare(20.0, 26.0, 3.0)
    split = copy.deepcopy(merged)
    for sample in split["channels"][0]["samples"]:
        sample["data"] = [0.25 * sample["data"][0], 0.75 * sample["data"][0]]
    split["observations"][0]["data"] = [6.5, 19.5]
    np.testing.assert_allclose(
        all_numbers(upper_limits([split])[0]), all_numbers(upper_limits([merged])[0]), rtol=1e-5
    )


def test_more_uncertainty_means_a_weaker_limit():
    limits = []
    for error in (0.01, 0.1, 0.3):
        spec = counting(np.random.default_rng(0), 50.0, observed=50)
        spec["channels"][0]["samples"][1]["modifiers"][0]["data"] = {"lo": 1 - error, "hi": 1 + error}
        limits.append(upper_limits([spec])[0].expected[2])
    assert limits[0] < limits[1] < limits[2]


def test_results_do_not_depend_on_batch_size_or_order():
    specs = [varied(SEED, index)[1] for index in range(27)]
    specs += [scan_window(np.random.default_rng(i), 20.0) for i in range(20)]
    reference = np.array([all_numbers(limit) for limit in upper_limits(specs)])
    for order, batch in (
        (np.arange(47), 1),
        (np.arange(47), 5),
        (np.random.default_rng(0).permutation(47), 16),
    ):
        limits = upper_limits([specs[i] for i in order], batch=batch)
        np.testing.assert_allclose([all_numbers(x) for x in limits], reference[order], rtol=1e-6, atol=1e-9)


def test_few_events_converge_everywhere():
    """Five events in thirty bins is where a first version of this method failed silently."""
    specs = [scan_window(np.random.default_rng([1, i]), 5.0 + i % 20, bins=30) for i in range(200)]
    limits = upper_limits(specs)
    assert all(limit.status == "ok" for limit in limits)
    assert all(limit.needs_toys for limit in limits if limit.background_events < 10.0)
    assert all(np.all(np.diff(limit.expected) > 0.0) for limit in limits)


def test_a_bad_hypothesis_costs_one_row_and_is_named():
    good = counting(np.random.default_rng(0), 5.0, observed=7)
    empty, negative, unknown, impossible = (copy.deepcopy(good) for _ in range(4))
    empty["channels"][0]["samples"][0]["data"] = [0.0]
    negative["channels"][0]["samples"][0]["data"] = [-1.0]
    unknown["channels"][0]["samples"][1]["modifiers"][0]["type"] = "normgamma"
    impossible["channels"][0]["samples"][1]["data"] = [0.0]
    limits = upper_limits([good, empty, negative, unknown, impossible, good])
    assert limits[0] == limits[5]
    assert limits[0].status == "ok"
    words = [
        ("empty", "'signal'", "'bin'"),
        ("negative", "'signal'", "'bin'"),
        ("'bkg'", "normgamma"),
        ("'bin', bin 0", "'background'"),
    ]
    for limit, expected in zip(limits[1:5], words, strict=True):
        assert limit.status.startswith("failed: ")
        assert all(word in limit.status for word in expected), limit.status
        assert np.isnan(limit.observed)
        assert limit.as_dict()["observed"] is None


def test_notes_name_what_a_reader_should_know():
    spec = everything(np.random.default_rng(2), channels=1, bins=4, kinds={"normsys"})
    samples = spec["channels"][0]["samples"]
    twin = copy.deepcopy(samples[1])
    twin["name"] = "twin"
    for sample, name in ((samples[1], "free_a"), (twin, "free_b")):
        sample["modifiers"] = [{"name": name, "type": "normfactor", "data": None}]
    samples.append(twin)
    samples[0]["data"][3] = -0.01
    limit = upper_limits([spec])[0]
    assert not limit.status.startswith("failed")
    assert any("'signal' is negative in channel 'channel_0', bin 3" in note for note in limit.notes)
    assert any("'free_a'" in note and "'free_b'" in note for note in limit.notes)


def test_a_parameter_on_its_bound_is_noted():
    spec = counting(np.random.default_rng(0), 10.0, observed=0)
    spec["channels"][0]["samples"][1]["modifiers"] = [{"name": "norm", "type": "normfactor", "data": None}]
    side = copy.deepcopy(spec["channels"][0])
    side["name"], side["samples"] = "side", [side["samples"][1]]
    spec["channels"].append(side)
    spec["observations"].append({"name": "side", "data": [0.0]})
    limit = upper_limits([spec])[0]
    assert any("on its bound" in note and "'norm'" in note for note in limit.notes)


def pseudo_limits(spec: dict, mu: float, number: int, rng: np.random.Generator):
    """Limits of pseudo-experiments with signal strength `mu`, auxiliary data fluctuated too."""
    model = Model.stack([read_workspace(spec)] * number)
    truth = model.init.copy()
    truth[:, model.shape.poi] = mu
    return asymptotic_limits(replace(model, observed=toys.generate(model, truth, rng)), 0.90)


@pytest.mark.parametrize(
    ("events", "bins"), [(3000.0, 20), (60.0, 20)], ids=["many", "about ten in the peak"]
)
@pytest.mark.parametrize("strength", [0.0, 1.0, 3.0], ids=["no signal", "median", "clear signal"])
def test_limits_cover(events, bins, strength):
    """90 % limits are above the truth in at least 90 % of pseudo-experiments; without signal always (CLs)."""
    spec = scan_window(np.random.default_rng(3), events, bins=bins)
    truth = strength * upper_limits([spec])[0].expected[2]
    number = 400
    limits = pseudo_limits(spec, truth, number, np.random.default_rng(4))
    assert not limits.failed
    coverage = np.mean(limits.observed >= truth)
    error = np.sqrt(0.9 * 0.1 / number)
    assert coverage > 0.9 - 3.0 * error
    if strength == 0.0:
        assert coverage == 1.0
    if strength == 3.0:  # far from zero CLs is CLs+b: no over-coverage
        assert coverage < 0.9 + 3.0 * error


def test_q0_follows_its_asymptotic_distribution():
    """Half a δ function at 0, half χ² with one degree of freedom (eq. 49); p-values uniform below 1/2."""
    spec = scan_window(np.random.default_rng(3), 20000.0, bins=20)
    number = 1000
    limits = pseudo_limits(spec, 0.0, number, np.random.default_rng(5))
    assert np.mean(limits.q0 <= 1e-9) == pytest.approx(0.5, abs=0.06)
    for p in (0.3, 0.16, 0.05, 0.02):
        error = np.sqrt(p * (1.0 - p) / number)
        assert np.mean(limits.p0 < p) == pytest.approx(p, abs=4.0 * error)


def test_best_fit_is_unbiased_and_its_error_is_the_spread():
    spec = scan_window(np.random.default_rng(3), 20000.0, bins=20)
    limits = pseudo_limits(spec, 2.0, 600, np.random.default_rng(6))
    pull = (limits.mu_hat - 2.0) / limits.mu_error
    assert np.mean(pull) == pytest.approx(0.0, abs=4.0 / np.sqrt(600.0))
    assert np.std(pull) == pytest.approx(1.0, abs=0.12)
