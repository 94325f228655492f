"""A scalar that couples to the muon alone."""

import numpy as np
from numpy.typing import ArrayLike

from darkreach.models.constants import ALPHA_0, MUON_MASS
from darkreach.models.gminus2 import delta_a_mu_scalar
from darkreach.models.model import Model, lepton_velocity


class MuonphilicScalar(Model):
    """L = −g_S S μ̄μ, with S → γγ through the muon loop."""

    name = "muonphilic_scalar"
    label = "$S$"
    coupling_symbol = "$g_S$"
    spin = 0
    production_vertex = "scalar"

    def partial_widths(self, mass: ArrayLike, coupling: ArrayLike) -> dict[str, np.ndarray]:
        """Γ in GeV to μμ (tree level) and γγ (muon loop; real photons, hence α(0)).

        Both are the Higgs boson's, with the Yukawa coupling m_μ/v replaced by g_S:
        A. Djouadi, Phys. Rept. 457 (2008) 1, eqs. 2.6 and 2.48.
        """
        mass = np.asarray(mass, float)
        coupling_squared = np.asarray(coupling, float) ** 2
        mumu = coupling_squared * mass / (8 * np.pi) * lepton_velocity(mass, MUON_MASS) ** 3
        loop = np.abs(loop_function(4 * (MUON_MASS / mass) ** 2)) ** 2
        gammagamma = coupling_squared * ALPHA_0**2 * mass**3 / (256 * np.pi**3 * MUON_MASS**2) * loop
        return {"mumu": mumu, "gammagamma": gammagamma}

    def delta_a_mu(self, mass: ArrayLike, coupling: ArrayLike) -> np.ndarray:
        """One-loop contribution of a scalar to (g−2)μ/2."""
        return delta_a_mu_scalar(mass, coupling)


def loop_function(tau: ArrayLike) -> np.ndarray:
    """Fermion loop F(τ) of S → γγ with τ = 4m²/M²; tends to 4/3 for a heavy fermion, τ → ∞.

    F = 2τ[1 + (1 − τ) f(τ)] with f = arcsin²(1/√τ) for τ ≥ 1, continued to τ < 1.
    """
    tau = np.asarray(tau, float)
    root = np.sqrt(np.clip(1 - tau, 0, None))
    below = -0.25 * (2 * np.arctanh(np.minimum(root, 1 - 1e-16)) - 1j * np.pi) ** 2
    above = np.arcsin(1 / np.sqrt(np.maximum(tau, 1))) ** 2
    exact = 2 * tau * (1 + (1 - tau) * np.where(tau >= 1, above, below))
    # The bracket cancels to 2/(3τ); beyond 10⁴ its expansion is the more accurate one.
    return np.where(tau > 1e4, 4 / 3 + 14 / (45 * np.maximum(tau, 1)), exact)
