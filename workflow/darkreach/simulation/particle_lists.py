"""Rows of particle lists: taking some, joining several."""

from collections.abc import Sequence
from dataclasses import fields, replace
from typing import Any

import numpy as np

from darkreach.simulation.particles import Particles

PER_EVENT = ("n_events", "proper_length", "source")
PER_PARTICLE = tuple(field.name for field in fields(Particles) if field.name not in PER_EVENT)


def take(particles: Particles, rows: np.ndarray) -> Particles:
    """The particles of an index or a mask; events keep their numbers."""
    columns: dict[str, Any] = {name: getattr(particles, name) for name in PER_PARTICLE}
    for name, column in columns.items():
        columns[name] = None if column is None else column[rows]
    return replace(particles, **columns)


def joined(lists: Sequence[Particles], n_events: int) -> Particles:
    """Particles of several lists with the same numbering of events, ordered by event, and of a list as there.

    What is decided already (`found` and the like) stays only where all lists have it.
    """
    event = np.concatenate([particles.event for particles in lists])
    order = np.argsort(event, kind="stable")
    columns: dict[str, Any] = {}
    for name in PER_PARTICLE:
        parts = [getattr(particles, name) for particles in lists]
        known = all(part is not None for part in parts)
        columns[name] = np.concatenate(parts)[order] if known else None
    return replace(lists[0], n_events=n_events, **columns)


def rows_of_events(event_of_row: np.ndarray, events: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of some events, one after the other and as often as they are named, and their new event numbers.

    event_of_row: (n,) not decreasing. events: (m,), which become 0 to m − 1.
    """
    first, last = (np.searchsorted(event_of_row, events, side=side) for side in ("left", "right"))
    new_event = np.repeat(np.arange(len(events)), last - first)
    new_first = np.cumsum(last - first) - (last - first)
    return np.arange(len(new_event)) + np.repeat(first - new_first, last - first), new_event
