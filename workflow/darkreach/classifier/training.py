"""Training the classifiers of one region, choosing the cut, and checking both."""

import json
import sys
import zlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np

from darkreach.classifier.checks import sculpting, weighted_ks
from darkreach.classifier.cut import Cut, choose_cut
from darkreach.classifier.inference import METADATA
from darkreach.classifier.network import Network, constant_network, train_network
from darkreach.classifier.onnx_graph import onnx_bytes
from darkreach.classifier.rows import Rows, SkimmedBlock, features_of, read_rows
from darkreach.classifier.trees import Trees, train_trees
from darkreach.classifier.weights import background_weights, covered, mass_cells, populated, signal_weights
from darkreach.config.stages import TrainSpec
from darkreach.searches.registry import search_named

MINIMUM_ROWS = 300  # of signal and of background: fewer teach nothing, and the region gets no cut
MINIMUM_CLASS_ROWS = 200  # of a background that trees tell from the others; those of fewer are one class
SUSPICIOUS = 1e-3  # p-value below which a check warns
AUC_GAP = 0.02
LARGEST_PULL = 4.0


def train_region(spec: TrainSpec, blocks: Sequence[SkimmedBlock]) -> tuple[bytes, dict[str, Any]]:
    """Train k classifiers for one region; returns the ONNX model and the facts of the model card.

    That of fold i learns from events of the other folds, so no event is judged by a classifier that has
    seen it. A region with too few candidates gets classifiers that pass everything, and its card says so.

    Raises:
        DarkreachError: a skim is missing or damaged.
    """
    features, folds = features_of(spec), spec.classifier.folds
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
    members: list[Network | Trees] = [constant_network(len(features))] * folds
    cut = 0.0
    if facts["trained"]:
        weights = [signal_weights(signal, cells), background_weights(background, taught)]
        members, scores, facts["folds"] = _train_folds(spec, [signal, background], weights)
        facts["warnings"] += _fold_warnings(facts["folds"])
        chosen = _choose(spec, signal, scores[0], background, scores[1])
        if chosen is not None:
            cut, facts["cut"] = chosen.value, asdict(chosen)
        facts["sculpting"] = _sculpting(spec, background, scores[1], cut, facts["warnings"])
    else:
        facts["warnings"].append(
            f"only {len(signal)} candidates of signal and {taught.sum()} of background at its "
            f"masses, {MINIMUM_ROWS} of each are needed: no classifier, everything passes"
        )
    metadata = {"region": spec.region.name, "features": features, "folds": folds, "cut": cut}
    return onnx_bytes(members, len(features), {METADATA: json.dumps(metadata)}), facts


def _train_folds(
    spec: TrainSpec, rows: list[Rows], weights: list[np.ndarray]
) -> tuple[list[Network | Trees], list[np.ndarray], list[dict[str, Any]]]:
    """Classifiers, the scores of signal and background by that of each event's own fold, and how it went."""
    features = np.concatenate([some.features for some in rows])
    labels = np.repeat([1, 0], [len(some) for some in rows])
    classes = np.concatenate([np.zeros(len(rows[0]), dtype=int), _background_classes(rows[1])])
    fold_of = np.concatenate([some.fold for some in rows])
    weight = np.concatenate(weights) * len(labels) / 2
    train, counted = _TRAINING[spec.classifier.kind]
    own = np.zeros(len(labels), dtype=np.float32)
    members, facts = [], []
    for fold in range(spec.classifier.folds):
        training = fold_of != fold
        taught = training & (weight > 0)
        seed = np.random.SeedSequence([spec.seed, zlib.crc32(spec.region.name.encode()), fold])
        member, steps = train(features[taught], classes[taught], weight[taught], spec.classifier, seed)
        scores = member.scores(features)
        own[~training] = scores[~training]
        facts.append({counted: steps, **_judged(scores, labels, weight, training)})
        members.append(member)
        print(
            f"darkreach train: {spec.region.name}, fold {fold + 1} of {spec.classifier.folds}: "
            f"{steps} {counted}, AUC {facts[-1]['auc_test']:.4f}",
            file=sys.stderr,
            flush=True,
        )
    return members, np.split(own, [len(rows[0])]), facts


# kind of classifier: how it is trained, and what its training is counted in
_TRAINING: dict[str, Any] = {"network": (train_network, "epochs"), "trees": (train_trees, "iterations")}


def _background_classes(background: Rows) -> np.ndarray:
    """(n,) 1, 2, … : a number for each sample of enough rows, and one for all others together."""
    large = background.counts() >= MINIMUM_CLASS_ROWS
    return np.where(large, np.arange(1, len(large) + 1), len(large) + 1)[background.group]


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
        search_named(spec.search).observable_of_mass,
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
