"""A scalar that couples to all leptons in proportion to their masses."""

import numpy as np
from numpy.typing import ArrayLike

from darkreach.models.constants import ALPHA_0, HIGGS_VEV, LEPTON_MASSES
from darkreach.models.gminus2 import delta_a_mu_scalar
from darkreach.models.model import Boson, lepton_velocity
from darkreach.models.photon_loops import scalar_loop


class LeptophilicScalar(Boson):
    """L = −ξ Σ_l (m_l/v) φ_L l̄l, with φ_L → γγ through the loops of e, μ and τ.

    B. Batell, N. Lange, D. McKeen, M. Pospelov and A. Ritz, Phys. Rev. D 95 (2017) 075003.
    """

    name = "leptophilic_scalar"
    label = r"$\phi_L$"
    coupling_symbol = r"$\xi$"
    spin = 0
    production_vertex = "scalar"

    def coupling_to(self, lepton: str) -> float:
        """m_l/v."""
        return LEPTON_MASSES[lepton] / HIGGS_VEV

    def partial_widths(self, mass: ArrayLike, coupling: ArrayLike) -> dict[str, np.ndarray]:
        """Γ in GeV to ee, μμ, ττ (tree level) and γγ (real photons, hence α(0)).

        All are the Higgs boson's, times ξ²: A. Djouadi, Phys. Rept. 457 (2008) 1, sections 2.1 and 2.3.
        """
        mass = np.asarray(mass, float)
        xi_squared = np.asarray(coupling, float) ** 2
        widths = {
            2 * lepton: (xi_squared * self.coupling_to(lepton) ** 2 * mass / (8 * np.pi))
            * lepton_velocity(mass, lepton_mass) ** 3
            for lepton, lepton_mass in LEPTON_MASSES.items()
        }
        loops = sum(scalar_loop((2 * lepton_mass / mass) ** 2) for lepton_mass in LEPTON_MASSES.values())
        gammagamma = xi_squared * ALPHA_0**2 * mass**3 / (256 * np.pi**3 * HIGGS_VEV**2) * np.abs(loops) ** 2
        return {**widths, "gammagamma": gammagamma}

    def delta_a_mu(self, mass: ArrayLike, coupling: ArrayLike) -> np.ndarray:
        """One-loop contribution of the muon's own coupling to (g−2)μ/2."""
        return delta_a_mu_scalar(mass, np.asarray(coupling, float) * self.coupling_to("mu"))
