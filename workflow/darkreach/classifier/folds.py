"""Deterministic numbers from the identity of an event: its fold, and the order in which rows are thinned."""

from collections.abc import Mapping

import numpy as np

EVENT = ("experiment", "run", "event", "production")
CANDIDATE = (*EVENT, "candidate")
ORIGIN = (*EVENT, "source")


def event_folds(columns: Mapping[str, np.ndarray], folds: int) -> np.ndarray:
    """(n,) fold 0 … folds − 1 of each row; the same for all candidates of an event.

    columns: those of `ORIGIN`. Simulated events drawn from the same one, their source, are nearly alike, so
    that they share a fold.
    """
    drawn = columns["source"] > 0
    origin = {
        **columns,
        "run": np.where(drawn, 0, columns["run"]),
        "event": np.where(drawn, columns["source"], columns["event"]),
    }
    return (identity_hash(origin, EVENT) % np.uint64(folds)).astype(np.int64)


def identity_hash(columns: Mapping[str, np.ndarray], names: tuple[str, ...]) -> np.ndarray:
    """(n,) uint64, uniform and without correlation to the columns it is made of.

    SplitMix64's mixing function, chained over the columns: S. Vigna, https://prng.di.unimi.it/splitmix64.c
    """
    result = np.full(len(columns[names[0]]), len(names), dtype=np.uint64)
    for name in names:
        result = _mixed(result ^ np.asarray(columns[name]).astype(np.int64).view(np.uint64))
    return result


def _mixed(values: np.ndarray) -> np.ndarray:
    # unsigned arithmetic wraps around, as the algorithm wants
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
