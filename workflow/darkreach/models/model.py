"""What every dark-sector model offers; a new model is one small subclass of `Boson` or of `Model`."""

from abc import ABC, abstractmethod

import numpy as np
from numpy.typing import ArrayLike

from darkreach.models.constants import HBAR_C_GEV_M


class Model(ABC):
    """A new particle X with one coupling. Masses are in GeV and may be arrays; so may the results.

    Attributes:
        name: the word used in configuration and files.
        label: how X is written in figures (matplotlib mathtext).
        coupling_symbol: how the coupling is written in figures.
        spin: spin of X.
    """

    name: str
    label: str
    coupling_symbol: str
    spin: float

    @abstractmethod
    def partial_widths(self, mass: ArrayLike, coupling: ArrayLike) -> dict[str, np.ndarray]:
        """Partial widths in GeV by decay channel; a closed channel has width 0."""

    @abstractmethod
    def delta_a_mu(self, mass: ArrayLike, coupling: ArrayLike) -> np.ndarray:
        """One-loop contribution of X to (g−2)μ/2; NaN where the model has none."""

    def width(self, mass: ArrayLike, coupling: ArrayLike) -> np.ndarray:
        """Total width in GeV."""
        return np.sum(list(self.partial_widths(mass, coupling).values()), axis=0)

    def branching_fractions(self, mass: ArrayLike) -> dict[str, np.ndarray]:
        """Branching fractions by decay channel; they do not depend on the coupling."""
        widths = self.partial_widths(mass, 1.0)
        total = sum(widths.values())
        return {channel: width / total for channel, width in widths.items()}

    def ctau_m(self, mass: ArrayLike, coupling: ArrayLike) -> np.ndarray:
        """Proper decay length cτ = ħc/Γ in m."""
        return HBAR_C_GEV_M / self.width(mass, coupling)


class Boson(Model):
    """An X that couples to lepton pairs, and so is radiated off the leptons of e⁺e⁻ → l⁺l⁻X.

    Cross-sections, widths and (g−2)μ go with the square of the coupling.

    Attributes:
        production_vertex: "vector", "scalar" or "pseudoscalar", the coupling of X to l⁺l⁻.
    """

    production_vertex: str

    @abstractmethod
    def coupling_to(self, lepton: str) -> float:
        """Size of the coupling at the l⁺l⁻X vertex ("e", "mu" or "tau") per unit of the model's coupling."""


def lepton_velocity(mass: ArrayLike, lepton_mass: float) -> np.ndarray:
    """Velocity √(1 − 4m²/M²) of a lepton in X → l⁺l⁻ at rest; 0 below threshold."""
    return np.sqrt(np.clip(1 - (2 * lepton_mass / np.asarray(mass, float)) ** 2, 0, None))
