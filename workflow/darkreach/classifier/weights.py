"""Weights of training: the mass, within a region, tells nothing about signal or background."""

import numpy as np

from darkreach.classifier.rows import Rows

MINIMUM_GROUP_ROWS = 25  # a simulated mass or background of fewer candidates in the region is left out
MASS_BINS = 20
LARGEST_YIELD = 30.0  # in units of the median: a few heavy candidates are not to be learnt by heart


def populated(rows: Rows) -> np.ndarray:
    """(n,) mask of rows whose group is large enough to learn from."""
    return (rows.counts() >= MINIMUM_GROUP_ROWS)[rows.group]


def mass_cells(rows: Rows, region_width: float) -> np.ndarray:
    """(groups, 2) stretch of mass in GeV that each signal with rows stands for: halfway to its neighbours.

    The outermost ones reach as far out as in; a single one reaches as wide as the region. Groups without
    rows have zeros.
    """
    cells = np.zeros((len(rows.groups), 2))
    counts = rows.counts()
    for model in {model for model, _ in rows.groups}:
        indices = [i for i, (name, _) in enumerate(rows.groups) if name == model and counts[i]]
        masses = np.array([rows.groups[i][1] for i in indices])
        if len(masses) == 1:
            cells[indices[0]] = masses[0] - region_width / 2, masses[0] + region_width / 2
        elif len(masses):
            between = (masses[1:] + masses[:-1]) / 2
            edges = np.concatenate([[2 * masses[0] - between[0]], between, [2 * masses[-1] - between[-1]]])
            cells[indices] = np.stack([edges[:-1], edges[1:]], axis=-1)
    return cells


def covered(background: Rows, cells: np.ndarray) -> np.ndarray:
    """(n,) mask of background in the masses for which there is signal; elsewhere a network extrapolates.

    Taught that there is no signal beyond the last simulated mass, it would carve an edge there.
    """
    used = cells[cells[:, 1] > 0]
    if not len(used):
        return np.zeros(len(background), dtype=bool)
    return (background.mass > used[:, 0].min()) & (background.mass < used[:, 1].max())


def signal_weights(rows: Rows, cells: np.ndarray) -> np.ndarray:
    """(n,) weights that spread each model evenly over the masses of its `cells`; they add up to 1."""
    models = [model for model, _ in rows.groups]
    width = np.diff(cells, axis=1)[:, 0]
    whole = {
        model: sum(w for name, w in zip(models, width, strict=True) if name == model) for model in models
    }
    share = np.array([w / max(whole[name], 1e-300) for name, w in zip(models, width, strict=True)])
    weights = share[rows.group] / rows.counts()[rows.group]
    return weights / weights.sum()


def background_weights(rows: Rows, taught: np.ndarray) -> np.ndarray:
    """(n,) yields, rescaled in bins such that the mass is flat; 0 where not taught; they add up to 1."""
    yields, mass = rows.yields[taught], rows.mass[taught]
    yields = np.minimum(yields, LARGEST_YIELD * np.median(yields))
    edges = np.unique(np.quantile(mass, np.linspace(0, 1, MASS_BINS + 1)))
    bins = np.clip(np.searchsorted(edges, mass, side="right") - 1, 0, len(edges) - 2)
    contents = np.bincount(bins, weights=yields, minlength=len(edges) - 1)
    weights = np.zeros(len(rows))
    weights[taught] = yields * (np.diff(edges) / contents)[bins]
    return weights / weights.sum()
