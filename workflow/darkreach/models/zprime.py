"""The Z′ of gauged Lμ − Lτ."""

import numpy as np
from numpy.typing import ArrayLike

from darkreach.models.constants import MUON_MASS, TAU_MASS
from darkreach.models.gminus2 import delta_a_mu_vector
from darkreach.models.model import Boson, lepton_velocity


class ZPrime(Boson):
    """L = −g′ Z′_α (μ̄γ^αμ − τ̄γ^ατ + ν̄_μγ^αP_Lν_μ − ν̄_τγ^αP_Lν_τ); kinetic mixing neglected.

    Widths: Belle II's UFO model Lmu_minus_Ltau_UFO by B. Shuve, after arXiv:1412.0018 eq. 2.12.
    """

    name = "zprime"
    label = "$Z'$"
    coupling_symbol = "$g'$"
    spin = 1
    production_vertex = "vector"

    def coupling_to(self, lepton: str) -> float:
        """Charges of Lμ − Lτ, without sign."""
        return {"e": 0.0, "mu": 1.0, "tau": 1.0}[lepton]

    def partial_widths(self, mass: ArrayLike, coupling: ArrayLike) -> dict[str, np.ndarray]:
        """Γ in GeV to μμ, ττ, and νν (the sum of ν_μ and ν_τ)."""
        mass = np.asarray(mass, float)
        dirac_massless = np.asarray(coupling, float) ** 2 * mass / (12 * np.pi)
        return {
            "mumu": dirac_massless * _phase_space(mass, MUON_MASS),
            "tautau": dirac_massless * _phase_space(mass, TAU_MASS),
            "nunu": dirac_massless,  # two chiral neutrinos count as one Dirac fermion
        }

    def delta_a_mu(self, mass: ArrayLike, coupling: ArrayLike) -> np.ndarray:
        """One-loop contribution of a vector to (g−2)μ/2."""
        return delta_a_mu_vector(mass, coupling)


def _phase_space(mass: np.ndarray, lepton_mass: float) -> np.ndarray:
    return (1 + 2 * (lepton_mass / mass) ** 2) * lepton_velocity(mass, lepton_mass)
