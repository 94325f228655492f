"""Rows and weights that survive each cut."""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class Cutflow:
    """Cuts in the order in which they were first applied, summed over chunks."""

    rows: dict[str, int] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)

    def count(self, cut: str, weights: np.ndarray) -> None:
        """Add the (n,) weights of the rows that survived `cut`."""
        self.rows[cut] = self.rows.get(cut, 0) + len(weights)
        self.weights[cut] = self.weights.get(cut, 0.0) + float(weights.sum(dtype=np.float64))

    def as_list(self) -> list[dict[str, str | int | float]]:
        """One record per cut: `cut`, `rows`, `sum_of_weights`."""
        return [
            {"cut": cut, "rows": rows, "sum_of_weights": self.weights[cut]} for cut, rows in self.rows.items()
        ]
