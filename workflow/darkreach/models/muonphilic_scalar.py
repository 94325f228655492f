"""A scalar that couples to the muon alone."""

import numpy as np
from numpy.typing import ArrayLike

from darkreach.models.constants import ALPHA_0, MUON_MASS
from darkreach.models.gminus2 import delta_a_mu_scalar
from darkreach.models.model import Boson, lepton_velocity
from darkreach.models.photon_loops import scalar_loop


class MuonphilicScalar(Boson):
    """L = −g_S S μ̄μ, with S → γγ through the muon loop."""

    name = "muonphilic_scalar"
    label = "$S$"
    coupling_symbol = "$g_S$"
    spin = 0
    production_vertex = "scalar"

    def coupling_to(self, lepton: str) -> float:
        """g_S couples to muons alone."""
        return {"e": 0.0, "mu": 1.0, "tau": 0.0}[lepton]

    def partial_widths(self, mass: ArrayLike, coupling: ArrayLike) -> dict[str, np.ndarray]:
        """Γ in GeV to μμ (tree level) and γγ (muon loop; real photons, hence α(0)).

        Both are the Higgs boson's, with the Yukawa coupling m_μ/v replaced by g_S:
        A. Djouadi, Phys. Rept. 457 (2008) 1, eqs. 2.6 and 2.48.
        """
        mass = np.asarray(mass, float)
        coupling_squared = np.asarray(coupling, float) ** 2
        mumu = coupling_squared * mass / (8 * np.pi) * lepton_velocity(mass, MUON_MASS) ** 3
        loop = np.abs(scalar_loop((2 * MUON_MASS / mass) ** 2)) ** 2
        gammagamma = coupling_squared * ALPHA_0**2 * mass**3 / (256 * np.pi**3 * MUON_MASS**2) * loop
        return {"mumu": mumu, "gammagamma": gammagamma}

    def delta_a_mu(self, mass: ArrayLike, coupling: ArrayLike) -> np.ndarray:
        """One-loop contribution of a scalar to (g−2)μ/2."""
        return delta_a_mu_scalar(mass, coupling)
