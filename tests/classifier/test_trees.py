import json

import numpy as np
import pytest
from skims import settings

from darkreach.classifier import trees as trees_module
from darkreach.classifier.inference import read_classifier
from darkreach.classifier.onnx_graph import onnx_bytes
from darkreach.classifier.trees import Trees, train_trees

SEED = np.random.SeedSequence(1)


@pytest.fixture
def of_trees(root):
    return settings(root, kind="trees", iterations=40, leaves=8).classifier


def rows(rng, n=6000, classes=3):
    """Unit Gaussians around −1 (signal) and 0, 1, … (backgrounds) in the first of three features."""
    kinds = rng.integers(0, classes, n)
    features = rng.normal(size=(n, 3)).astype(np.float32)
    features[:, 0] += kinds - 1
    return features, kinds


def trained(kinds, features, weights, settings, monkeypatch):
    """The trees, and the classifier of scikit-learn that they were made from."""
    made = []

    def remember(boosting, offsets):
        made.append(boosting)
        return original(boosting, offsets)

    original = trees_module._fitted
    monkeypatch.setattr(trees_module, "_fitted", remember)
    return train_trees(features, kinds, weights, settings, SEED)[0], made[0]


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_stored_trees_give_the_scores_of_scikit_learn(tmp_path, of_trees, monkeypatch, classes):
    features, kinds = rows(np.random.default_rng(1), classes=classes)
    # backgrounds of yields 1, 2, …: the score weighs the probabilities of balanced classes with them
    share = np.array([1.0, *np.arange(1, classes)])
    weights = (share / np.bincount(kinds))[kinds]
    ensemble, boosting = trained(kinds, features, weights, of_trees, monkeypatch)
    path = tmp_path / "m1.onnx"
    facts = {"region": "m1", "features": ["a", "b", "c"], "folds": 2, "cut": 0.5}
    path.write_bytes(onnx_bytes([ensemble, ensemble], 3, {"darkreach": json.dumps(facts)}))
    # half of the rows lie exactly on a threshold, where rounding would show
    probe = np.random.default_rng(2).normal(size=(4000, 3)).astype(np.float32)
    for tree in ensemble.trees[:200]:
        for node in np.flatnonzero(~tree.is_leaf):
            column = tree.feature[node]
            probe[np.random.default_rng(node).integers(0, 2000, 5), column] = tree.threshold[node]
    balanced = boosting.predict_proba(probe)
    expected = balanced[:, 0] / (balanced * share / share[0]).sum(1)
    scores = read_classifier(path).scores(probe)
    assert scores.dtype == np.float32 and scores.shape == (4000, 2)
    np.testing.assert_allclose(scores, np.stack([expected, expected], axis=1), atol=1e-5)
    np.testing.assert_array_equal(ensemble.scores(probe), scores[:, 0])
    assert read_classifier(path).scores(probe[:0]).shape == (0, 2)


def test_score_is_the_ratio_of_likelihoods(of_trees):
    """Signal at −1 against backgrounds at 0 and 1, of which the second is nine times as frequent."""
    features, kinds = rows(np.random.default_rng(3), n=60_000)
    weights = (np.array([1.0, 0.1, 0.9]) / np.bincount(kinds))[kinds]
    ensemble, _ = train_trees(features, kinds, weights, of_trees, SEED)
    x = np.linspace(-2, 1, 31)
    probe = np.stack([x, 0 * x, 0 * x], axis=-1).astype(np.float32)
    densities = np.exp(-((x[:, None] - np.array([-1, 0, 1])) ** 2) / 2)
    expected = densities[:, 0] / (densities @ np.array([1.0, 0.1, 0.9]))
    assert np.abs(ensemble.scores(probe) - expected).max() < 0.06


def test_a_tree_that_is_only_a_leaf_can_be_stored():
    empty = np.zeros(1, dtype=np.int64)
    leaf = trees_module.Tree(
        1, empty, np.zeros(1), empty, empty, np.array([np.log(3.0)]), np.ones(1, dtype=bool)
    )
    scores = Trees(np.zeros(2), [leaf]).scores(np.zeros((4, 2), dtype=np.float32))
    np.testing.assert_allclose(scores, 0.25, rtol=1e-6)


def test_same_rows_give_the_same_trees(of_trees):
    features, kinds = rows(np.random.default_rng(4))
    weights = np.ones(len(kinds))
    first, second = (
        onnx_bytes([train_trees(features, kinds, weights, of_trees, SEED)[0]], 3, {}) for _ in range(2)
    )
    assert first == second


def test_thresholds_are_rounded_so_that_float32_features_stay_on_their_side():
    thresholds = np.random.default_rng(5).normal(size=1000)
    rounded = trees_module._rounded_down(thresholds)
    assert rounded.dtype == np.float32
    assert (rounded <= thresholds).all()
    assert (np.nextafter(rounded, np.float32(np.inf)) > thresholds).all()
