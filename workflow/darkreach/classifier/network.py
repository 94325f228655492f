"""Neural networks: training, scores, and their operators in an ONNX graph."""

import warnings
from dataclasses import dataclass

import numpy as np

from darkreach.classifier.onnx_graph import Graph
from darkreach.config.search import Classifier

BATCH_ROWS = 500
WEIGHT_DECAY = 1e-3
PATIENCE = 8  # epochs without progress on the rows held back


@dataclass(frozen=True)
class Network:
    """One perceptron: (x − mean)/scale, hidden layers with max(0, ·), a logistic output.

    layers: pairs of (inputs, outputs) weights and (outputs,) biases.
    """

    mean: np.ndarray
    scale: np.ndarray
    layers: list[tuple[np.ndarray, np.ndarray]]

    def scores(self, features: np.ndarray) -> np.ndarray:
        """(n,) float32 scores of (n, inputs) rows, computed as the stored graph does."""
        value = (features.astype(np.float32) - self.mean.astype(np.float32)) / self.scale.astype(np.float32)
        for weights, biases in self.layers[:-1]:
            value = np.maximum(value @ weights.astype(np.float32) + biases.astype(np.float32), 0)
        weights, biases = self.layers[-1]
        return 1 / (1 + np.exp(-(value @ weights.astype(np.float32) + biases.astype(np.float32))[:, 0]))

    def add_to(self, graph: Graph, fold: int) -> str:
        """Standardise, then layer after layer."""
        mean, scale = (
            graph.constant(f"{name}{fold}", values)
            for name, values in (("mean", self.mean), ("scale", self.scale))
        )
        graph.node("Sub", ["features", mean], f"c{fold}")
        value = graph.node("Div", [f"c{fold}", scale], f"standard{fold}")
        for depth, (weights, biases) in enumerate(self.layers):
            tag = f"{fold}_{depth}"
            constants = graph.constant(f"weights{tag}", weights), graph.constant(f"biases{tag}", biases)
            total = graph.node("Gemm", [value, *constants], f"sum{tag}")
            last = depth == len(self.layers) - 1
            value = graph.node("Sigmoid" if last else "Relu", [total], f"layer{tag}")
        return value


def constant_network(inputs: int) -> Network:
    """A network that gives every row the score 1, for a region in which nothing could be trained."""
    # the logistic function of 50 is 1 in float32
    return Network(np.zeros(inputs), np.ones(inputs), [(np.zeros((inputs, 1)), np.full(1, 50.0))])


def train_network(
    features: np.ndarray,
    classes: np.ndarray,
    weights: np.ndarray,
    settings: Classifier,
    seed: np.random.SeedSequence,
) -> tuple[Network, int]:
    """One perceptron for (n, features) rows; returns it with its number of epochs.

    classes: (n,) 0 for signal, other numbers for backgrounds. A tenth of the rows is held back to stop in
    time. One thread, so the same rows give the same network.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    mean, scale = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64)
    scale = np.where(scale > 0, scale, 1.0)
    perceptron = MLPClassifier(
        hidden_layer_sizes=settings.hidden_layers,
        max_iter=settings.maximum_epochs,
        batch_size=min(BATCH_ROWS, len(classes)),
        learning_rate_init=3e-3,
        early_stopping=True,
        n_iter_no_change=PATIENCE,
        alpha=WEIGHT_DECAY,
        random_state=int(seed.generate_state(1)[0]),
    )
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the card has the number of epochs
        perceptron.fit((features - mean) / scale, (classes == 0).astype(int), sample_weight=weights)
    layers = list(zip(perceptron.coefs_, perceptron.intercepts_, strict=True))
    return Network(mean, scale, layers), int(perceptron.n_iter_)
