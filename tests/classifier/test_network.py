import json
import pickle

import numpy as np
import pytest

from darkreach.classifier.inference import read_classifier
from darkreach.classifier.network import Network, constant_network
from darkreach.classifier.onnx_graph import onnx_bytes
from darkreach.errors import DarkreachError

FACTS = {"region": "m1", "features": ["a", "b"], "folds": 3, "cut": 0.25}


def networks(rng):
    return [
        Network(
            rng.normal(size=2),
            rng.uniform(0.5, 2, 2),
            [(rng.normal(size=(2, 5)), rng.normal(size=5)), (rng.normal(size=(5, 1)), rng.normal(size=1))],
        )
        for _ in range(3)
    ]


def stored(tmp_path, nets):
    path = tmp_path / "m1.onnx"
    path.write_bytes(onnx_bytes(nets, 2, {"darkreach": json.dumps(FACTS)}))
    return path


def test_stored_networks_give_the_scores_of_the_formula(tmp_path):
    rng = np.random.default_rng(1)
    nets, features = networks(rng), rng.normal(size=(500, 2)).astype(np.float32)
    classifier = read_classifier(stored(tmp_path, nets))
    scores = classifier.scores(features)
    assert scores.dtype == np.float32 and scores.shape == (500, 3)
    for fold, net in enumerate(nets):
        np.testing.assert_allclose(scores[:, fold], net.scores(features), atol=2e-6)
    assert (classifier.region, classifier.features, classifier.folds, classifier.cut) == (
        "m1",
        ("a", "b"),
        3,
        0.25,
    )
    assert classifier.scores(features[:0]).shape == (0, 3)


def test_each_event_gets_the_score_of_its_own_fold(tmp_path):
    rng = np.random.default_rng(2)
    classifier = read_classifier(stored(tmp_path, networks(rng)))
    columns = {
        name: rng.integers(0, 9, 300) for name in ("experiment", "run", "event", "production", "source")
    }
    columns |= {name: rng.normal(size=300).astype(np.float32) for name in ("a", "b")}
    from darkreach.classifier.folds import event_folds

    scores = classifier.scores(np.stack([columns["a"], columns["b"]], axis=-1))
    expected = scores[np.arange(300), event_folds(columns, 3)]
    np.testing.assert_array_equal(classifier.own_scores(columns), expected)
    # a classifier travels to worker processes after it was used
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(classifier)).own_scores(columns), expected)


def test_same_networks_give_the_same_bytes():
    first, second = (
        onnx_bytes(networks(np.random.default_rng(3)), 2, {"darkreach": json.dumps(FACTS)}) for _ in range(2)
    )
    assert first == second


def test_constant_network_passes_everything(tmp_path):
    classifier = read_classifier(stored(tmp_path, [constant_network(2)] * 3))
    np.testing.assert_array_equal(classifier.scores(np.array([[1e6, -1e6], [0, 0]])), 1.0)


def test_a_file_that_is_no_classifier_is_named(tmp_path):
    path = stored(tmp_path, [constant_network(2)] * 3)
    with pytest.raises(DarkreachError, match=r"absent\.onnx: cannot read"):
        read_classifier(tmp_path / "absent.onnx")
    path.write_bytes(path.read_bytes()[:60])
    with pytest.raises(DarkreachError, match=r"m1\.onnx: not a classifier"):
        read_classifier(path)
    path.write_bytes(onnx_bytes([constant_network(2)], 2, {"other": "x"}))
    with pytest.raises(DarkreachError, match=r"m1\.onnx: not a classifier"):
        read_classifier(path)
