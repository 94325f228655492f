"""Toys: exact Poisson limits, stated uncertainties, distributions, and files that merge."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.stats import poisson
from varied_workspaces import counting, everything, scan_window

from darkreach.errors import DarkreachError
from darkreach.statistics.engine import toys
from darkreach.statistics.engine.limits import upper_limits
from darkreach.statistics.engine.model import Model
from darkreach.statistics.engine.toy_limits import ToyLimit, evaluate, limit_from_toys, scan_points, top_up
from darkreach.statistics.engine.workspace import read_workspace


def bare(background: float, observed: int) -> dict:
    spec = counting(np.random.default_rng(0), background, 1.0, observed)
    spec["channels"][0]["samples"][1]["modifiers"] = []
    return spec


def exact_cls_limit(background: float, observed: int, cl: float = 0.90) -> float:
    """P(n ≤ n_obs | s + b) = α P(n ≤ n_obs | b): the CLs limit of a counting experiment."""
    floor = poisson.cdf(observed, background)
    return brentq(lambda s: poisson.cdf(observed, s + background) - (1.0 - cl) * floor, 1e-9, 100.0)


@pytest.mark.parametrize(("background", "observed"), [(1.0, 0), (1.0, 1), (1.0, 4), (10.0, 8), (10.0, 15)])
def test_limits_from_toys_are_the_exact_ones_of_a_counting_experiment(background, observed):
    found = limit_from_toys(bare(background, observed), 3000, seed=1)
    exact = exact_cls_limit(background, observed)
    assert found.observed == pytest.approx(exact, abs=4.0 * found.observed_error)
    assert found.observed_error < 0.05 * exact
    assert found.lost == 0
    # the median toy of the background observes the median of a Poisson distribution
    median = exact_cls_limit(background, int(poisson.median(background)))
    assert found.expected[2] == pytest.approx(median, abs=4.0 * found.expected_error[2])


def test_p0_from_toys_is_the_poisson_tail():
    found = limit_from_toys(bare(3.0, 8), 3000, seed=2)
    assert found.p0 == pytest.approx(poisson.sf(7, 3.0), abs=4.0 * found.p0_error)


def test_stated_uncertainty_is_the_spread_over_seeds():
    spec = counting(np.random.default_rng(0), 3.0, 1.0, 5)
    points = scan_points(1.2, 12.0)
    found = [evaluate(toys.run_toys(spec, points, 500, seed), 0.90) for seed in range(20)]
    assert all(isinstance(f, ToyLimit) for f in found)
    spread = np.std([f.observed for f in found], ddof=1)
    stated = np.mean([f.observed_error for f in found])
    assert 0.6 < spread / stated < 1.6


def test_toy_limits_cover_with_one_background_event():
    """Exact coverage Σ P(n | s + b) [s ≤ limit(n)] of the toy limits, where asymptotic limits under-cover."""
    background, counts = 1.0, np.arange(0, 9)
    from_toys = np.array([limit_from_toys(bare(background, int(n)), 1500, seed=3).observed for n in counts])
    asymptotic = np.array([x.observed for x in upper_limits([bare(background, int(n)) for n in counts])])
    signals = np.linspace(0.1, 5.0, 50)
    weights = poisson.pmf(counts[:, None], signals + background)
    beyond = poisson.sf(counts[-1], signals + background)
    coverage = np.sum(weights * (signals <= 1.04 * from_toys[:, None]), axis=0) + beyond
    assert coverage.min() >= 0.90
    assert (np.sum(weights * (signals <= asymptotic[:, None]), axis=0) + beyond).min() < 0.90


def test_many_events_reproduce_the_asymptotic_limit():
    spec = scan_window(np.random.default_rng(1), 5000.0, bins=12)
    found = limit_from_toys(spec, 800, seed=4)
    asymptotic = upper_limits([spec])[0]
    assert found.observed == pytest.approx(asymptotic.observed, abs=4.0 * found.observed_error)
    assert found.expected[2] == pytest.approx(asymptotic.expected[2], abs=4.0 * found.expected_error[2])


def test_toys_fluctuate_counts_and_auxiliary_data_around_the_truth():
    """Means and variances of Poisson counts, Gaussian and Poisson auxiliary measurements."""
    model = Model.stack([read_workspace(everything(np.random.default_rng(3)))])
    number = 4000
    truth = np.repeat(model.init, number, axis=0)
    data = toys.generate(model, truth, np.random.default_rng(1))
    expected = model.expected_data(model.init)
    kind = np.array(model.shape.constraints)
    variance = np.where(kind == 1, model.width[0] ** 2, expected.aux[0])
    for values, mean, var in (
        (data.counts, expected.counts[0], expected.counts[0]),
        (data.aux[:, kind > 0], expected.aux[0][kind > 0], variance[kind > 0]),
    ):
        assert np.all(np.abs(values.mean(axis=0) - mean) < 5.0 * np.sqrt(var / number))
        np.testing.assert_allclose(values.var(axis=0), var, rtol=0.15)


def test_same_seed_same_toys_and_files_merge(tmp_path):
    spec = counting(np.random.default_rng(0), 3.0, 1.0, 5)
    points = scan_points(2.0, 9.0)
    first, again = (toys.run_toys(spec, points, 300, seed=1) for _ in range(2))
    np.testing.assert_array_equal(first.q_signal, again.q_signal)
    first.save(tmp_path / "first.h5")
    loaded = toys.ToySet.load(tmp_path / "first.h5")
    np.testing.assert_array_equal(loaded.q_background, first.q_background)
    both = top_up(spec, loaded, 200, seed=2)
    assert (both.toys, both.seeds) == (500, (1, 2))
    other_way = toys.merge([toys.run_toys(spec, points, 200, seed=2), first])
    np.testing.assert_array_equal(both.q0, other_way.q0)
    one, two = evaluate(first, 0.90), evaluate(both, 0.90)
    assert two.observed_error < one.observed_error


def test_toys_that_do_not_belong_together_are_refused(tmp_path):
    spec = counting(np.random.default_rng(0), 3.0, 1.0, 5)
    points = scan_points(2.0, 9.0)
    first = toys.run_toys(spec, points, 20, seed=1)
    with pytest.raises(DarkreachError, match="share a seed"):
        toys.merge([first, first])
    with pytest.raises(DarkreachError, match="different workspaces"):
        toys.merge([first, toys.run_toys(counting(np.random.default_rng(0), 4.0), points, 20, seed=2)])
    (tmp_path / "broken.h5").write_bytes(b"not HDF5")
    with pytest.raises(DarkreachError, match=r"broken\.h5"):
        toys.ToySet.load(tmp_path / "broken.h5")


def test_range_widens_until_it_brackets_the_limits():
    """Asymptotic limits with no background are far below the exact ones; the search has to go further up."""
    found = limit_from_toys(bare(0.05, 0), 1000, seed=5)
    assert found.observed == pytest.approx(np.log(10.0), abs=4.0 * found.observed_error)
