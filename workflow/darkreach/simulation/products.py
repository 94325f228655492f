"""Stable products of many decays or collisions, with their places and times of production."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from darkreach.simulation.particles import Particles
from darkreach.simulation.phase_space import boost, boost_along_z


@dataclass(frozen=True)
class Products:
    """Stable products of n decays, neutrinos and K⁰_L included, as flat arrays of length k.

    parent: (k,) index of the decay, not decreasing. pdg: (k,). momentum: (k, 4) px, py, pz, E in GeV.
    position: (k, 4) x, y, z, ct of the production in cm.
    """

    parent: np.ndarray
    pdg: np.ndarray
    momentum: np.ndarray
    position: np.ndarray

    def boosted_along_z(self, velocity: np.ndarray) -> "Products":
        """As seen from a frame against which that of these products moves along +z; velocity: (n,)."""
        each = velocity[self.parent]
        momentum, position = (boost_along_z(v.T, each).T for v in (self.momentum, self.position))
        return Products(self.parent, self.pdg, momentum, position)

    def boosted(self, frame: np.ndarray, frame_mass: np.ndarray) -> "Products":
        """Boosted from the rest frames of particles of momenta `frame` (4, n) and masses (n,) in GeV."""
        each, mass = frame[:, self.parent], frame_mass[self.parent]
        momentum, position = (boost(v.T, each, mass).T for v in (self.momentum, self.position))
        return Products(self.parent, self.pdg, momentum, position)

    def particles(self, n_events: int, from_signal: np.ndarray | None = None) -> Particles:
        """As what is seen of `n_events` events, the parents; from_signal: (k,), None for none."""
        none = np.zeros(len(self.pdg), bool)
        return Particles(
            event=self.parent,
            pdg=self.pdg,
            momentum=self.momentum,
            vertex=self.position[:, :3],
            from_signal=none if from_signal is None else from_signal,
            n_events=n_events,
        )

    def moved(self, displacement: np.ndarray) -> "Products":
        """Displaced by (4, n) x, y, z, ct in cm."""
        return Products(self.parent, self.pdg, self.momentum, self.position + displacement.T[self.parent])


def pointlike(momenta: np.ndarray, pdg: Sequence[int]) -> Products:
    """n collisions with the same m products, made at the origin; momenta: (m, 4, n) in GeV."""
    n = momenta.shape[-1]
    return Products(
        parent=np.repeat(np.arange(n), len(pdg)),
        pdg=np.tile(pdg, n),
        momentum=momenta.transpose(2, 0, 1).reshape(-1, 4),
        position=np.zeros((len(pdg) * n, 4)),
    )


def merged(groups: Sequence[Products]) -> tuple[Products, np.ndarray]:
    """All products of the same collisions together; and the group of each, (k,)."""
    group = np.repeat(np.arange(len(groups)), [len(part.parent) for part in groups])
    columns = {
        name: np.concatenate([getattr(part, name) for part in groups])
        for name in ("parent", "pdg", "momentum", "position")
    }
    order = np.argsort(columns["parent"], kind="stable")
    return Products(**{name: column[order] for name, column in columns.items()}), group[order]
