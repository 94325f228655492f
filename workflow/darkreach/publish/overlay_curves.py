"""Limits of other experiments to draw beside ours: `overlays/{model}.yaml`."""

from importlib.resources import files
from typing import NamedTuple

import numpy as np
import yaml


class Overlay(NamedTuple):
    """Upper limits on a model's coupling as an experiment published them.

    masses (n,) in GeV; limits (n,) on the coupling, at `confidence_level`.
    """

    label: str
    source: str
    arxiv: str
    confidence_level: float
    masses: np.ndarray
    limits: np.ndarray


def overlays_of(model: str) -> list[Overlay]:
    """The curves known for a model; none for a model without a file."""
    path = files("darkreach.publish").joinpath("overlays", f"{model}.yaml")
    if not path.is_file():
        return []
    curves = yaml.safe_load(path.read_text(encoding="utf-8"))["curves"]
    return [
        Overlay(
            curve["label"],
            curve["source"],
            curve["arxiv"],
            curve["confidence_level"],
            *np.array(curve["points"], float).T,
        )
        for curve in curves
    ]
