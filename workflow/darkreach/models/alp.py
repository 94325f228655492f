"""An axion-like particle with one coupling to all charged leptons."""

import numpy as np
from numpy.typing import ArrayLike

from darkreach.models.constants import ALPHA_0, LEPTON_MASSES
from darkreach.models.gminus2 import delta_a_mu_pseudoscalar
from darkreach.models.model import Boson, lepton_velocity
from darkreach.models.photon_loops import derivative_pseudoscalar_loop

_PER_TEV = 1e-3  # 1 TeV⁻¹ in GeV⁻¹


class Alp(Boson):
    """L = Σ_l (C/2Λ) ∂_α a l̄γ^αγ₅l, with the same C for e, μ and τ and no tree-level coupling to photons.

    The coupling is |C|/Λ in TeV⁻¹. For leptons on their mass shell L equals −i (C m_l/Λ) a l̄γ₅l, which is
    the convention of M. Bauer, M. Neubert and A. Thamm, JHEP 12 (2017) 044 (arXiv:1708.00443). Assumed to be
    that of the published limits; with C/Λ instead of C/2Λ in L, a limit on C/Λ is half as large.
    """

    name = "alp"
    label = "$a$"
    coupling_symbol = r"$|C_{\ell\ell}|/\Lambda$ [TeV$^{-1}$]"
    spin = 0
    production_vertex = "pseudoscalar"

    def coupling_to(self, lepton: str) -> float:
        """m_l in TeV: the pseudoscalar coupling C m_l/Λ per C/Λ in TeV⁻¹."""
        return LEPTON_MASSES[lepton] * _PER_TEV

    def partial_widths(self, mass: ArrayLike, coupling: ArrayLike) -> dict[str, np.ndarray]:
        """Γ in GeV to ee, μμ, ττ (tree level) and γγ (loops of the three leptons).

        Γ(ll) = (C m_l/Λ)² M β/8π and Γ(γγ) = (C/Λ)² α² M³/64π³ |Σ B₁|² (arXiv:1708.00443).
        """
        mass = np.asarray(mass, float)
        coupling_squared = np.asarray(coupling, float) ** 2
        widths = {
            2 * lepton: (coupling_squared * self.coupling_to(lepton) ** 2 * mass / (8 * np.pi))
            * lepton_velocity(mass, lepton_mass)
            for lepton, lepton_mass in LEPTON_MASSES.items()
        }
        loops = sum(
            derivative_pseudoscalar_loop((2 * lepton_mass / mass) ** 2)
            for lepton_mass in LEPTON_MASSES.values()
        )
        rate = coupling_squared * _PER_TEV**2 * ALPHA_0**2 * mass**3 / (64 * np.pi**3)
        return {**widths, "gammagamma": rate * np.abs(loops) ** 2}

    def delta_a_mu(self, mass: ArrayLike, coupling: ArrayLike) -> np.ndarray:
        """One-loop contribution of the muon's own coupling to (g−2)μ/2, negative."""
        return delta_a_mu_pseudoscalar(mass, np.asarray(coupling, float) * self.coupling_to("mu"))
