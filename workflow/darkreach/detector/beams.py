"""Colliding beams and the boost between the laboratory and the centre-of-mass frame."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

ELECTRON_MASS = 0.51099895e-3  # GeV, PDG


def boost(momentum: np.ndarray, frame: np.ndarray) -> np.ndarray:
    """Boost four-momenta from the rest frame of `frame` to the frame in which `frame` is given.

    momentum: (..., 4) px, py, pz, E in GeV. frame: (4,) or (..., 4), a time-like four-momentum.
    To go the other way, pass `frame` with its three-momentum reversed.
    """
    mass = np.sqrt(np.maximum(frame[..., 3] ** 2 - (frame[..., :3] ** 2).sum(-1), 0.0))
    along = (momentum[..., :3] * frame[..., :3]).sum(-1)
    energy = (frame[..., 3] * momentum[..., 3] + along) / mass
    factor = (energy + momentum[..., 3]) / (frame[..., 3] + mass)
    space = momentum[..., :3] + factor[..., None] * frame[..., :3]
    return np.concatenate([space, energy[..., None]], axis=-1)


def reversed_momentum(frame: np.ndarray) -> np.ndarray:
    """The four-momentum with its space part reversed."""
    return frame * np.array([-1.0, -1.0, -1.0, 1.0])


@dataclass(frozen=True)
class Beams:
    """Two beams that cross in the x–z plane; z is the axis of the detector.

    Energies and their Gaussian spreads in GeV. The electrons make the angle `electron_angle` (rad) with +z,
    the positrons `positron_angle` with −z, both towards +x.
    """

    electron_energy: float
    positron_energy: float
    electron_angle: float
    positron_angle: float
    electron_spread: float
    positron_spread: float

    @cached_property
    def electron(self) -> np.ndarray:
        """(4,) four-momentum of the electron beam in the laboratory, GeV."""
        return _beam(self.electron_energy, self.electron_angle, +1.0)

    @cached_property
    def positron(self) -> np.ndarray:
        """(4,) four-momentum of the positron beam in the laboratory, GeV."""
        return _beam(self.positron_energy, self.positron_angle, -1.0)

    @cached_property
    def total(self) -> np.ndarray:
        """(4,) four-momentum of the collision in the laboratory, GeV."""
        return self.electron + self.positron

    @cached_property
    def sqrt_s(self) -> float:
        """Centre-of-mass energy, GeV."""
        total = self.total
        return float(np.sqrt(total[3] ** 2 - (total[:3] ** 2).sum()))

    @cached_property
    def covariance(self) -> np.ndarray:
        """(4, 4) covariance of `total` from the energy spreads of the two beams, GeV²."""
        per_electron = self.electron / self.electron_energy * self.electron_spread
        per_positron = self.positron / self.positron_energy * self.positron_spread
        return np.outer(per_electron, per_electron) + np.outer(per_positron, per_positron)

    def spread_totals(self, n_events: int, rng: np.random.Generator) -> np.ndarray:
        """(n_events, 4) four-momenta of collisions whose beam energies spread as `covariance` says, GeV."""
        electron = 1 + self.electron_spread / self.electron_energy * rng.standard_normal((n_events, 1))
        positron = 1 + self.positron_spread / self.positron_energy * rng.standard_normal((n_events, 1))
        return electron * self.electron + positron * self.positron

    @cached_property
    def _axes(self) -> np.ndarray:
        """(3, 3) columns: laboratory directions of the centre-of-mass axes, z along the electron."""
        electron = boost(self.electron, reversed_momentum(self.total))[:3]
        z = electron / np.linalg.norm(electron)
        y = np.array([0.0, 1.0, 0.0])
        return np.stack([np.cross(y, z), y, z], axis=-1)

    def to_lab(self, momentum: np.ndarray, total: np.ndarray | None = None) -> np.ndarray:
        """(..., 4) momenta in the centre-of-mass frame (+z along the electron) → laboratory, GeV.

        `total`, (4,) or (..., 4), is the collision's own four-momentum where it is not the nominal one.
        """
        rotated = np.concatenate([momentum[..., :3] @ self._axes.T, momentum[..., 3:]], axis=-1)
        return boost(rotated, self.total if total is None else total)

    def to_cm(self, momentum: np.ndarray) -> np.ndarray:
        """(..., 4) momenta in the laboratory → centre-of-mass frame (+z along the electron), GeV."""
        boosted = boost(momentum, reversed_momentum(self.total))
        return np.concatenate([boosted[..., :3] @ self._axes, boosted[..., 3:]], axis=-1)


def _beam(energy: float, angle: float, direction: float) -> np.ndarray:
    p = np.sqrt(energy**2 - ELECTRON_MASS**2)
    return np.array([p * np.sin(angle), 0.0, direction * p * np.cos(angle), energy])
