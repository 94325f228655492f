"""Boosted trees for signal and several backgrounds: training, scores, and their operators in ONNX."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from darkreach.classifier.onnx_graph import TREES, Graph, onnx_bytes
from darkreach.config.search import Classifier

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

PATIENCE = 10  # iterations without progress on the rows held back
LEAF_ROWS = 100  # at least in a leaf: fewer are learnt by heart
RIDGE = 1.0


@dataclass(frozen=True)
class Tree:
    """One tree; entries of the arrays are its nodes, the first is the root.

    target: the class to whose sum the leaves add. feature, threshold: rows with feature ≤ threshold go to
    the node `left`, others to `right`. value: of a leaf. is_leaf: whether it is one.
    """

    target: int
    feature: np.ndarray
    threshold: np.ndarray
    left: np.ndarray
    right: np.ndarray
    value: np.ndarray
    is_leaf: np.ndarray


@dataclass(frozen=True)
class Trees:
    """Boosted trees of k classes, the first of which is signal. The score is P(signal).

    The probability of class c is proportional to exp(offsets[c] + sum of the leaves of its trees).
    """

    offsets: np.ndarray
    trees: list[Tree]

    def scores(self, features: np.ndarray) -> np.ndarray:
        """(n,) float32 scores of (n, inputs) rows, by the graph that is stored."""
        from darkreach.classifier.inference import RegionClassifier

        model = onnx_bytes([self], features.shape[1], {})
        return RegionClassifier("", (), 1, 0.0, model).scores(features)[:, 0]

    def add_to(self, graph: Graph, fold: int) -> str:
        """The sums of the leaves, their probabilities, and of those the first."""
        nodes = [len(tree.feature) for tree in self.trees]
        joined = {
            name: np.concatenate([getattr(tree, name) for tree in self.trees])
            for name in ("feature", "left", "right", "value", "is_leaf")
        }
        tree_ids = np.repeat(np.arange(len(self.trees)), nodes)
        node_ids = np.concatenate([np.arange(n) for n in nodes])
        leaf = joined["is_leaf"]
        sums = graph.node(
            "TreeEnsembleRegressor",
            ["features"],
            f"sums{fold}",
            domain=TREES,
            n_targets=len(self.offsets),
            base_values=self.offsets.astype(np.float32).tolist(),
            nodes_treeids=tree_ids.tolist(),
            nodes_nodeids=node_ids.tolist(),
            nodes_modes=["LEAF" if is_leaf else "BRANCH_LEQ" for is_leaf in leaf],
            nodes_featureids=joined["feature"].tolist(),
            nodes_values=np.concatenate([_rounded_down(tree.threshold) for tree in self.trees]).tolist(),
            nodes_truenodeids=joined["left"].tolist(),
            nodes_falsenodeids=joined["right"].tolist(),
            target_treeids=tree_ids[leaf].tolist(),
            target_nodeids=node_ids[leaf].tolist(),
            target_ids=np.repeat([tree.target for tree in self.trees], nodes)[leaf].tolist(),
            target_weights=joined["value"][leaf].astype(np.float32).tolist(),
        )
        probabilities = graph.node("Softmax", [sums], f"probabilities{fold}", axis=1)
        first = np.zeros((len(self.offsets), 1))
        first[0] = 1
        return graph.node("MatMul", [probabilities, graph.constant(f"first{fold}", first)], f"score{fold}")


def train_trees(
    features: np.ndarray,
    classes: np.ndarray,
    weights: np.ndarray,
    settings: Classifier,
    seed: np.random.SeedSequence,
) -> tuple[Trees, int]:
    """Boosted trees for (n, features) rows; returns them with their number of iterations.

    classes: (n,) 0 for signal, other numbers for backgrounds. In learning all classes weigh the same, so that
    a rare background is not overlooked; the score weighs them as `weights` says. A tenth of the rows is
    held back to stop in time. One thread, so the same rows give the same trees.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits

    classes = np.unique(classes, return_inverse=True)[1]  # without gaps
    totals = np.bincount(classes, weights=weights)
    boosting = HistGradientBoostingClassifier(
        max_iter=settings.iterations,
        max_leaf_nodes=settings.leaves,
        learning_rate=settings.learning_rate,
        min_samples_leaf=LEAF_ROWS,
        l2_regularization=RIDGE,
        early_stopping=True,
        validation_fraction=0.1,
        n_iter_no_change=PATIENCE,
        random_state=int(seed.generate_state(1)[0]),
    )
    even = weights / totals[classes]
    with threadpool_limits(limits=1):
        boosting.fit(features, classes, sample_weight=even * len(even) / even.sum())
    return _fitted(boosting, np.log(totals / totals[0])), int(boosting.n_iter_)


def _fitted(boosting: "HistGradientBoostingClassifier", offsets: np.ndarray) -> Trees:
    """The trees that scikit-learn has fitted; `offsets` are added to its sums."""
    baseline, binary = boosting._baseline_prediction[0], len(offsets) == 2
    # of two classes scikit-learn has one sum, that of the second
    baseline = np.array([0.0, baseline[0]]) if binary else baseline
    trees = [
        Tree(
            target=1 if binary else target,
            feature=predictor.nodes["feature_idx"].astype(np.int64),
            threshold=predictor.nodes["num_threshold"],
            left=predictor.nodes["left"].astype(np.int64),
            right=predictor.nodes["right"].astype(np.int64),
            value=predictor.nodes["value"],
            is_leaf=predictor.nodes["is_leaf"].astype(bool),
        )
        for iteration in boosting._predictors
        for target, predictor in enumerate(iteration)
    ]
    return Trees(baseline + offsets, trees)


def _rounded_down(threshold: np.ndarray) -> np.ndarray:
    """The largest float32 below or at a threshold: the same float32 features are below or at it."""
    rounded = threshold.astype(np.float32)
    return np.where(rounded > threshold, np.nextafter(rounded, np.float32(-np.inf)), rounded)
