"""What the selections of several searches share."""

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import numpy as np
from pydantic import AfterValidator

from darkreach.config.base import NonNegative, Positive
from darkreach.searches.cutflow import Cutflow

Columns = dict[str, np.ndarray]
# Rows and the selection of the search → (n,) which of them pass.
Cut = Callable[[Columns, Any], np.ndarray]


def _ordered(window: tuple[float, float]) -> tuple[float, float]:
    if window[0] >= window[1]:
        raise ValueError(f"must be [low, high] with low < high, found {list(window)}")
    return window


Window = Annotated[tuple[NonNegative, Positive], AfterValidator(_ordered)]


def apply_cuts(columns: Columns, selection: Any, cuts: Mapping[str, Cut], cutflow: Cutflow) -> Columns:
    """Rows that pass all cuts, which are applied one after the other, counting what is left after each."""
    for name, passes in cuts.items():
        columns = rows(columns, passes(columns, selection))
        cutflow.count(name, columns["weight"])
    return columns


def rows(columns: Columns, chosen: np.ndarray) -> Columns:
    """The rows of a mask or an index."""
    return {name: array[chosen] for name, array in columns.items()}


def handed_on(variables: Columns, event_variables: Sequence[str]) -> Columns:
    """What belongs to no selection: identity of the event, weight, triggers, truth."""
    return {
        name: array for name, array in variables.items() if "." not in name and name not in event_variables
    }


def between(values: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    """(n,) which values lie within the window."""
    return (values > window[0]) & (values < window[1])


def lowest(variables: Columns, tracks: Sequence[str], variable: str) -> np.ndarray:
    """(n,) the smallest value that one of the tracks has."""
    return np.min([variables[f"{track}.{variable}"] for track in tracks], axis=0)


def is_neutral(variables: Columns, tracks: Sequence[str]) -> np.ndarray:
    """(n,) whether the charges of the tracks add up to zero."""
    return np.sum([variables[f"{track}.charge"] for track in tracks], axis=0) == 0


def near_interaction_point(variables: Columns, tracks: Sequence[str], selection: Any) -> np.ndarray:
    """(n,) whether all tracks pass by within `maximum_abs_dr_cm` and `maximum_abs_dz_cm` of a selection."""
    return np.logical_and.reduce(
        [np.abs(variables[f"{track}.dr"]) < selection.maximum_abs_dr_cm for track in tracks]
        + [np.abs(variables[f"{track}.dz"]) < selection.maximum_abs_dz_cm for track in tracks]
    )
