"""The engine's likelihood is pyhf's: same parameters, same rates, same ln L."""

import json

import numpy as np
import pyhf
import pytest
from varied_workspaces import KINDS, counting, everything, varied

from darkreach.errors import DarkreachError
from darkreach.statistics.engine.model import Data, Model
from darkreach.statistics.engine.workspace import read_workspace

SETTINGS = {"normsys": {"interpcode": "code1"}, "histosys": {"interpcode": "code0"}}


def random_parameters(model: pyhf.Model, rng: np.random.Generator) -> np.ndarray:
    """A point well inside the bounds, beyond ±1 σ for some nuisance parameters."""
    point = np.array(model.config.suggested_init())
    low, high = np.array(model.config.suggested_bounds()).T
    spread = np.where(high - low > 9.0, 1.5, 0.3)
    return np.clip(point + rng.normal(0.0, 1.0, len(point)) * spread, low + 0.05, high - 0.05)


def compare_with_pyhf(spec: dict, rng: np.random.Generator, settings: dict | None) -> None:
    workspace = pyhf.Workspace(spec)
    options = {} if settings is None else {"modifier_settings": settings}
    reference = workspace.model(**options)
    ours = Model.stack([read_workspace(spec, modifier_settings=settings)])
    config = reference.config
    assert list(ours.shape.names) == config.par_names
    assert ours.shape.poi == config.poi_index
    np.testing.assert_array_equal(ours.init[0], config.suggested_init())
    np.testing.assert_array_equal(np.stack([ours.lower[0], ours.upper[0]], 1), config.suggested_bounds())
    np.testing.assert_array_equal(ours.fixed[0], config.suggested_fixed())
    data = workspace.data(reference)
    constrained = np.array(ours.shape.constraints) > 0
    np.testing.assert_allclose(ours.observed.aux[0][constrained], config.auxdata, rtol=1e-12)
    for _ in range(5):
        point = random_parameters(reference, rng)
        expected = ours.expected_data(point[None, :])
        both = np.concatenate([expected.counts[0], expected.aux[0][constrained]])
        np.testing.assert_allclose(both, reference.expected_data(point), rtol=1e-9)
        assert ours.logpdf(point[None, :], ours.observed)[0] == pytest.approx(
            float(reference.logpdf(point, data)[0]), rel=1e-9
        )


@pytest.mark.parametrize("index", range(len(KINDS)), ids=KINDS)
@pytest.mark.parametrize("settings", [None, SETTINGS], ids=["default codes", "codes 0 and 1"])
def test_likelihood_and_rates_are_those_of_pyhf(index, settings):
    _, spec = varied(seed=1, index=index)
    compare_with_pyhf(spec, np.random.default_rng(index), settings)


def test_likelihood_with_every_modifier_at_once():
    compare_with_pyhf(everything(np.random.default_rng(5), channels=3), np.random.default_rng(6), None)


def test_likelihood_with_template_uncertainty_on_every_sample():
    """Then one γ per bin multiplies the whole expectation, signal included."""
    spec = everything(np.random.default_rng(4), channels=1, kinds={"normsys", "histosys", "staterror"})
    signal = spec["channels"][0]["samples"][0]
    error = (0.1 * np.array(signal["data"])).tolist()
    signal["modifiers"].append({"name": "stat_0", "type": "staterror", "data": error})
    compare_with_pyhf(spec, np.random.default_rng(4), None)


def test_settings_that_leave_a_type_out_mean_what_they_mean_in_pyhf():
    spec = everything(np.random.default_rng(8), kinds={"normsys", "histosys"})
    compare_with_pyhf(spec, np.random.default_rng(9), {"normsys": {"interpcode": "code4"}})


def test_fixed_and_configured_parameters_follow_the_measurement():
    spec = everything(np.random.default_rng(7), kinds={"normsys", "staterror", "shapesys"})
    spec["measurements"][0]["config"]["parameters"] += [
        {"name": "shared", "fixed": True, "inits": [0.3]},
        {"name": "norm_1", "bounds": [[-2.0, 2.0]], "auxdata": [0.1]},
    ]
    compare_with_pyhf(spec, np.random.default_rng(1), None)


@pytest.mark.parametrize("index", range(len(KINDS)), ids=KINDS)
def test_gradient_is_the_derivative_of_the_profiled_value(index):
    """Central differences; also holds that the γ are at their minimum (envelope theorem)."""
    _, spec = varied(seed=2, index=index)
    model = Model.stack([read_workspace(spec)])
    rng = np.random.default_rng(index)
    init = model.init[:, model.plan.dense]
    point = np.clip(init + rng.normal(0.0, 0.1, init.shape), 0.02 + model.lower[:, model.plan.dense], None)
    analytic = model.evaluate(point, model.observed).gradient[0]
    for j in range(point.shape[1]):
        step = np.zeros_like(point)
        step[0, j] = 1e-5
        up, down = (model.evaluate(point + s * step, model.observed).value[0] for s in (1.0, -1.0))
        assert analytic[j] == pytest.approx((up - down) / 2e-5, rel=1e-5, abs=1e-5)


def test_profiled_gammas_minimise_the_full_likelihood():
    """No γ can be moved to a higher ln L, for Gaussian, Poisson and absent constraints."""
    for index in range(len(KINDS)):
        _, spec = varied(seed=3, index=index)
        model = Model.stack([read_workspace(spec)])
        at = model.evaluate(model.init[:, model.plan.dense], model.observed)
        best = model.logpdf(at.parameters, model.observed)[0]
        for channel in model.plan.channels:
            for i in channel.gamma if channel.gamma is not None else []:
                for step in (-1e-3, 1e-3):
                    moved = at.parameters.copy()
                    moved[0, i] = np.clip(moved[0, i] + step, model.lower[0, i], model.upper[0, i])
                    if not model.fixed[0, i]:
                        assert model.logpdf(moved, model.observed)[0] <= best + 1e-9


def test_one_row_serves_many_data_sets():
    model = Model.stack([read_workspace(everything(np.random.default_rng(0)))])
    rng = np.random.default_rng(1)
    counts = rng.poisson(20.0, (4, model.shape.bins)).astype(float)
    data = Data(counts, np.repeat(model.observed.aux, 4, axis=0))
    points = np.repeat(model.init[:, model.plan.dense], 4, axis=0)
    together = model.evaluate(points, data)
    for row in range(4):
        alone = model.evaluate(points[[row]], data.take(np.array([row])))
        np.testing.assert_allclose(together.value[row], alone.value[0], rtol=1e-12)
        np.testing.assert_allclose(together.curvature[row], alone.curvature[0], rtol=1e-10)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s["channels"][0]["samples"][0]["modifiers"][0].update(type="normgamma"), "normgamma"),
        (lambda s: s["channels"][0]["samples"][1]["modifiers"][0]["data"].update(lo=-0.1), "'bkg'"),
        (lambda s: s["observations"][0].update(data=[1.0, 2.0]), "observation of channel 'bin'"),
        (lambda s: s["measurements"][0]["config"].update(poi="nu"), "'nu'"),
        (lambda s: s["measurements"].clear(), "no measurement"),
        (lambda s: s["channels"][0]["samples"][0].pop("data"), "not valid HistFactory"),
    ],
)
def test_what_the_engine_does_not_know_is_refused_by_name(change, words):
    spec = json.loads(json.dumps(counting(np.random.default_rng(0), 5.0)))
    change(spec)
    with pytest.raises(DarkreachError, match=words):
        read_workspace(spec)
