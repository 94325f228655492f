"""Sums without rounding, against np.histogram and the exact sums of math.fsum."""

import math

import hist
import numpy as np
import pytest

from darkreach.columnar.exact import ExactHistogram, Weights, category_axis, parts_of, regular_axis

MASS = regular_axis("mass", 200, 0.0, 10.0)


def awkward_weights(rng, n):
    """Over twelve orders of magnitude, of both signs."""
    return rng.lognormal(0, 3, n) * np.where(rng.uniform(size=n) < 0.1, -1, 1)


def filled(mass, weights, axes=(MASS,)):
    histogram = ExactHistogram(axes)
    histogram.fill([mass], Weights.of(weights))
    return histogram


def test_parts_are_the_weight_to_a_millionth():
    rng = np.random.default_rng(1)
    weights = np.concatenate(
        [awkward_weights(rng, 100_000), 10.0 ** rng.uniform(-8, 6, 1000), [0.0, 1.0, -2.5]]
    )
    parts = parts_of(weights)
    error = np.abs(parts.sum(axis=0) - weights)
    assert np.all(error <= np.maximum(1e-6 * np.abs(weights), 7e-18)) and len(parts) == 3
    # each is a multiple of its quantum, so that sums have no rounding
    for part, quantum in zip(parts, (1, 2**28, 2**56), strict=True):
        assert np.array_equal(part * quantum, np.rint(part * quantum))
    assert np.abs(parts[1]).max() <= 0.5 and np.abs(parts[2]).max() <= 2.0**-29


def test_unit_weights_are_one_part():
    weights = Weights.of(np.ones(5))
    assert weights.values is weights.squares and weights.values.shape == (1, 5)
    histogram = filled(np.array([1.0, 1.01, 9.0]), np.ones(3))
    assert histogram.values.tolist() == histogram.variances.tolist() == [[2.0, 1.0]]


@pytest.mark.parametrize(
    "weights", [awkward_weights, lambda rng, n: np.ones(n), lambda rng, n: rng.uniform(size=n)]
)
def test_any_partition_and_any_order_give_the_same_bytes(weights):
    rng = np.random.default_rng(2)
    mass, weight = rng.exponential(2.0, 20_000), weights(rng, 20_000)
    whole = filled(mass, weight)
    for seed in range(5):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(mass))
        cuts = np.sort(rng.integers(0, len(mass), 30))
        pieces = [filled(mass[rows], weight[rows]) for rows in np.split(order, cuts)]
        while len(pieces) > 1:  # any tree
            i, j = rng.choice(len(pieces), 2, replace=False)
            joined = pieces[i] + pieces[j]
            pieces = [piece for k, piece in enumerate(pieces) if k not in (i, j)] + [joined]
        assert pieces[0] == whole
        for name in ("bins", "values", "variances"):
            assert getattr(pieces[0], name).tobytes() == getattr(whole, name).tobytes()
        assert [a.tobytes() for a in pieces[0].dense(0.1)] == [a.tobytes() for a in whole.dense(0.1)]


def test_sums_are_those_of_numpy_and_fsum():
    rng = np.random.default_rng(3)
    mass, weight = rng.uniform(-1, 11, 50_000), awkward_weights(rng, 50_000)
    values, variances = filled(mass, weight).dense()
    for found, terms in ((values, weight), (variances, weight**2)):
        place = np.digitize(mass, np.linspace(0, 10, 201)) - 1
        scale = np.array([math.fsum(np.abs(terms[place == i])) for i in range(200)])
        expected = np.array([math.fsum(terms[place == i]) for i in range(200)])
        assert np.all(np.abs(found - expected) <= 1e-6 * scale)


def test_rows_outside_or_undefined_are_left_out():
    mass = np.array([-1e-9, 0.0, 9.999, 10.0, np.nan, np.inf, -np.inf, 1e300], dtype=np.float64)
    with np.errstate(all="raise"):
        values, _ = filled(mass, np.ones(8)).dense()
    assert values[0] == 1 and values[-1] == 1 and values.sum() == 2


def test_axes_of_categories_and_what_others_read():
    stage = category_axis("stage", ["a", "b"])
    histogram = ExactHistogram([stage, MASS])
    histogram.fill([1, np.array([1.0, 1.0, 5.0])], Weights.of(np.array([1.0, 2.0, 0.5])))
    histogram.fill([np.array([0, 1]), np.array([1.0, 7.0])], Weights.of(np.ones(2)))
    read = hist.Hist(histogram.uhi())
    assert read[{"stage": "b"}].sum() == hist.accumulators.WeightedSum(4.5, 6.25)
    assert read[{"stage": "a", "mass": hist.loc(1.0)}].value == 1
    assert histogram.total() == 5.5
    assert histogram.row(1).dense()[0].sum() == 4.5 and histogram.row(1).axes == [MASS]
    wider = histogram.with_categories(["b", "new", "a"])
    assert wider.shape == (3, 200) and list(wider.bins) == sorted(wider.bins)
    assert wider.row(0) == histogram.row(1) and wider.row(2) == histogram.row(0)
    assert wider.row(1).total() == 0


def test_histograms_with_other_axes_are_not_added():
    with pytest.raises(ValueError, match="different axes"):
        ExactHistogram([MASS]) + ExactHistogram([regular_axis("mass", 100, 0, 10)])
