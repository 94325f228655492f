"""Training the networks of one region, choosing the cut, and checking both."""

import json
import sys
import warnings
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from darkreach.classifier.checks import sculpting, weighted_ks
from darkreach.classifier.cut import Cut, choose_cut
from darkreach.classifier.inference import METADATA
from darkreach.classifier.network import Network, constant_network, onnx_bytes
from darkreach.classifier.rows import Rows, SkimmedBlock, read_rows
from darkreach.classifier.weights import background_weights, covered, mass_cells, populated, signal_weights
from darkreach.config.search import Classifier
from darkreach.config.stages import TrainSpec
from darkreach.searches.registry import SEARCHES

MINIMUM_ROWS = 300  # of signal and of background: fewer teach nothing, and the region gets no cut
BATCH_ROWS = 500
WEIGHT_DECAY = 1e-3
PATIENCE = 8  # epochs without progress on the rows held back
SUSPICIOUS = 1e-3  # p-value below which a check warns
AUC_GAP = 0.02
LARGEST_PULL = 4.0


def train_region(spec: TrainSpec, blocks: Sequence[SkimmedBlock]) -> tuple[bytes, dict[str, Any]]:
    """Train k networks for one region; returns the ONNX model and the facts of the model card.

    The network of fold i learns from events of the other folds, so no event is judged by a network that
    has seen it. A region with too few candidates gets networks that pass everything, and its card says so.

    Raises:
        DarkreachError: a skim is missing or damaged.
    """
    search, folds = SEARCHES[spec.search], spec.classifier.folds
    signal, background = (read_rows(spec, blocks, kind) for kind in ("signal", "background"))
    signal, background = (rows.where(populated(rows)) for rows in (signal, background))
    low, high = spec.region.range_GeV
    cells = mass_cells(signal, high - low)
    taught = covered(background, cells)
    facts: dict[str, Any] = {
        "trained": min(len(signal), int(taught.sum())) >= MINIMUM_ROWS,
        "rows": {"signal": _counted(signal), "background": _counted(background)},
        "folds": [],
        "cut": None,
        "sculpting": None,
        "warnings": [],
    }
    networks, cut = [constant_network(len(search.FEATURES))] * folds, 0.0
    if facts["trained"]:
        weights = [signal_weights(signal, cells), background_weights(background, taught)]
        networks, scores, facts["folds"] = _train_folds(spec, [signal, background], weights)
        facts["warnings"] += _fold_warnings(facts["folds"])
        chosen = _choose(spec, signal, scores[0], background, scores[1])
        if chosen is not None:
            cut, facts["cut"] = chosen.value, asdict(chosen)
        facts["sculpting"] = _sculpting(spec, background, scores[1], cut, facts["warnings"])
    else:
        facts["warnings"].append(
            f"only {len(signal)} candidates of signal and {taught.sum()} of background at its "
            f"masses, {MINIMUM_ROWS} of each are needed: no network, everything passes"
        )
    metadata = {"region": spec.region.name, "features": search.FEATURES, "folds": folds, "cut": cut}
    return onnx_bytes(networks, len(search.FEATURES), {METADATA: json.dumps(metadata)}), facts


def _train_folds(
    spec: TrainSpec, classes: list[Rows], weights: list[np.ndarray]
) -> tuple[list[Network], list[np.ndarray], list[dict[str, Any]]]:
    """Networks, the scores of each class by the network of each event's own fold, and how it went."""
    features = np.concatenate([rows.features for rows in classes])
    labels = np.repeat([1, 0], [len(rows) for rows in classes])
    fold_of = np.concatenate([rows.fold for rows in classes])
    weight = np.concatenate(weights) * len(labels) / 2
    own = np.zeros(len(labels), dtype=np.float32)
    networks, facts = [], []
    for fold in range(spec.classifier.folds):
        training = fold_of != fold
        taught = training & (weight > 0)
        seed = np.random.SeedSequence([spec.seed, zlib.crc32(spec.region.name.encode()), fold])
        network, epochs = train_network(
            features[taught], labels[taught], weight[taught], spec.classifier, seed
        )
        scores = evaluate(network, features)
        own[~training] = scores[~training]
        facts.append({"epochs": epochs, **_judged(scores, labels, weight, training)})
        networks.append(network)
        print(
            f"darkreach train: {spec.region.name}, fold {fold + 1} of {spec.classifier.folds}: "
            f"{epochs} epochs, AUC {facts[-1]['auc_test']:.4f}",
            file=sys.stderr,
            flush=True,
        )
    return networks, np.split(own, [len(classes[0])]), facts


def train_network(
    features: np.ndarray,
    labels: np.ndarray,
    weights: np.ndarray,
    settings: Classifier,
    seed: np.random.SeedSequence,
) -> tuple[Network, int]:
    """One perceptron for (n, features) rows with labels 0 and 1; returns it with its number of epochs.

    A tenth of the rows is held back to stop in time. One thread, so the same rows give the same network.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    mean, scale = features.mean(0, dtype=np.float64), features.std(0, dtype=np.float64)
    scale = np.where(scale > 0, scale, 1.0)
    perceptron = MLPClassifier(
        hidden_layer_sizes=settings.hidden_layers,
        max_iter=settings.maximum_epochs,
        batch_size=min(BATCH_ROWS, len(labels)),
        learning_rate_init=3e-3,
        early_stopping=True,
        n_iter_no_change=PATIENCE,
        alpha=WEIGHT_DECAY,
        random_state=int(seed.generate_state(1)[0]),
    )
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the card has the number of epochs
        perceptron.fit((features - mean) / scale, labels, sample_weight=weights)
    layers = list(zip(perceptron.coefs_, perceptron.intercepts_, strict=True))
    return Network(mean, scale, layers), int(perceptron.n_iter_)


def evaluate(network: Network, features: np.ndarray) -> np.ndarray:
    """(n,) float32 scores of a network, computed as the stored graph does."""
    value = (features.astype(np.float32) - network.mean.astype(np.float32)) / network.scale.astype(np.float32)
    for weights, biases in network.layers[:-1]:
        value = np.maximum(value @ weights.astype(np.float32) + biases.astype(np.float32), 0)
    weights, biases = network.layers[-1]
    return 1 / (1 + np.exp(-(value @ weights.astype(np.float32) + biases.astype(np.float32))[:, 0]))


def _judged(
    scores: np.ndarray, labels: np.ndarray, weights: np.ndarray, training: np.ndarray
) -> dict[str, float]:
    """Separation on the rows of training and on the others, and whether the scores agree."""
    from sklearn.metrics import roc_auc_score

    def auc(mask: np.ndarray) -> float:
        return float(roc_auc_score(labels[mask], scores[mask], sample_weight=weights[mask]))

    def agreement(label: int) -> float:
        first, second = (labels == label) & training, (labels == label) & ~training
        return weighted_ks(scores[first], weights[first], scores[second], weights[second])

    return {
        "auc_train": auc(training),
        "auc_test": auc(~training),
        "ks_p_signal": agreement(1),
        "ks_p_background": agreement(0),
    }


def _choose(
    spec: TrainSpec, signal: Rows, signal_scores: np.ndarray, background: Rows, background_scores: np.ndarray
) -> Cut | None:
    """The cut for candidates in the region proper; None if there is no signal or background in it."""
    inside = [_inside(rows, spec) for rows in (signal, background)]
    if not inside[0].any() or not inside[1].any():
        return None
    return choose_cut(
        signal.where(inside[0]),
        signal_scores[inside[0]],
        background.where(inside[1]),
        background_scores[inside[1]],
        spec.classifier,
        spec.luminosity_fb,
        spec.half_window_sigma,
        SEARCHES[spec.search].observable_of_mass,
    )


def _sculpting(
    spec: TrainSpec, background: Rows, scores: np.ndarray, cut: float, messages: list[str]
) -> dict[str, Any] | None:
    inside = _inside(background, spec)
    result = sculpting(background.mass[inside], background.yields[inside], scores[inside] >= cut)
    if result is None:
        messages.append("too few candidates of background to see whether the cut carves peaks")
        return None
    if result.p_value < SUSPICIOUS or result.largest_pull > LARGEST_PULL:
        messages.append(
            f"the cut may carve structure into the mass spectrum: χ²/ndf {result.chi2:.1f}/{result.ndf}, "
            f"largest pull {result.largest_pull:.1f}"
        )
    return asdict(result)


def _inside(rows: Rows, spec: TrainSpec) -> np.ndarray:
    low, high = spec.region.range_GeV
    return (rows.mass >= low) & (rows.mass < high)


def _counted(rows: Rows) -> list[dict[str, Any]]:
    return [
        {"name": name, "mass_GeV": mass or None, "rows": int(count)}
        for (name, mass), count in zip(rows.groups, rows.counts(), strict=True)
        if count
    ]


def _fold_warnings(folds: list[dict[str, Any]]) -> list[str]:
    return [
        f"fold {number}: overtrained, AUC {fold['auc_train']:.3f} on its own rows and "
        f"{fold['auc_test']:.3f} on others"
        for number, fold in enumerate(folds)
        if fold["auc_train"] - fold["auc_test"] > AUC_GAP
        and min(fold["ks_p_signal"], fold["ks_p_background"]) < SUSPICIOUS
    ]
