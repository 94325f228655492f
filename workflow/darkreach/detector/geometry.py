"""Where the material and the tracking detectors are, as far as the simulation needs to know."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Geometry:
    """Cylinders around the z axis; lengths in cm.

    beam_spot: Gaussian width of the interaction region in x, y, z.
    silicon_radius: a track that starts further out has no hits in the silicon.
    chamber: inner and outer radius of the drift chamber.
    layers: (radius, thickness in radiation lengths at normal incidence), from the inside.
    """

    beam_spot: tuple[float, float, float]
    silicon_radius: float
    chamber: tuple[float, float]
    layers: tuple[tuple[float, float], ...]

    def material_beyond(self, radius: np.ndarray) -> np.ndarray:
        """(n,) radiation lengths at normal incidence between `radius` (n,) and the drift chamber."""
        radii, thickness = np.array(self.layers).T
        beyond = np.append(np.cumsum(thickness[::-1])[::-1], 0.0)
        return beyond[np.searchsorted(radii, radius, side="right")]

    def lever_arm(self, radius: np.ndarray) -> np.ndarray:
        """(n,) length of the drift chamber over what of it lies beyond `radius` (n,)."""
        inner, outer = self.chamber
        left = outer - np.clip(radius, inner, inner + 0.9 * (outer - inner))
        return (outer - inner) / left
