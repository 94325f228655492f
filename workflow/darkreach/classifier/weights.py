"""Weights of training: the mass, within a region, tells nothing about signal or background."""

import numpy as np

from darkreach.classifier.rows import Rows

MINIMUM_GROUP_ROWS = 25  # a simulated mass or background of fewer candidates in the region is left out
MASS_BINS = 20
LARGEST_YIELD = 30.0  # in units of the median: a few heavy candidates are not to be learnt by heart


def populated(rows: Rows) -> np.ndarray:
    """(n,) mask of rows whose group is large enough to learn from."""
    return (rows.counts() >= MINIMUM_GROUP_ROWS)[rows.group]


def signal_weights(rows: Rows, low: float, high: float) -> np.ndarray:
    """(n,) weights that spread each model evenly over masses from `low` to `high` GeV; they add up to 1.

    A simulated mass stands for the stretch halfway to its neighbours.
    """
    counts = rows.counts()
    group_weight = np.zeros(len(rows.groups))
    models = sorted({model for model, _ in rows.groups})
    for model in models:
        indices = [i for i, (name, _) in enumerate(rows.groups) if name == model and counts[i]]
        if not indices:
            continue
        masses = np.array([rows.groups[i][1] for i in indices])
        edges = np.clip(np.concatenate([[low], (masses[1:] + masses[:-1]) / 2, [high]]), low, high)
        # a mass outside the region still stands for something
        group_weight[indices] = np.maximum(np.diff(edges), 0.01 * (high - low))
    weights = group_weight[rows.group] / np.maximum(counts, 1)[rows.group]
    return weights / weights.sum()


def background_weights(rows: Rows) -> np.ndarray:
    """(n,) yields, rescaled in bins of the mass such that it is flat; they add up to 1."""
    yields = np.minimum(rows.yields, LARGEST_YIELD * np.median(rows.yields))
    edges = np.unique(np.quantile(rows.mass, np.linspace(0, 1, MASS_BINS + 1)))
    bins = np.clip(np.searchsorted(edges, rows.mass, side="right") - 1, 0, len(edges) - 2)
    contents = np.bincount(bins, weights=yields, minlength=len(edges) - 1)
    weights = yields * (np.diff(edges) / np.maximum(contents, 1e-300))[bins]
    return weights / weights.sum()
