"""The heavy neutral lepton N that mixes with the τ neutrino, made in τ⁻ → π⁻N.

Its coupling is |V_τN|². Widths of a Dirac N, with which those of a Majorana N agree but for a factor 2 (it
decays to both lepton numbers): K. Bondarenko, A. Boyarsky, D. Gorbunov and O. Ruchayskiy, JHEP 11 (2018) 032
(arXiv:1805.08567). Isospin relates N → νρ⁰ to τ → ρν and gives half of that width (as in arXiv:2007.03701):
then cτ would be 15 % longer at 1 GeV; below the mass of the ρ nothing would change. Decays to a τ are closed,
as N is lighter. Decays to several mesons that are no ρ, ω or φ are left out: above 1 GeV the lifetime is too
long by up to some tens of percent.
"""

import numpy as np
from numpy.typing import ArrayLike

from darkreach.models.constants import (
    ELECTRON_MASS,
    ETA_MASS,
    FERMI_CONSTANT,
    HBAR_GEV_S,
    MUON_MASS,
    NEUTRAL_PION_MASS,
    PION_MASS,
    TAU_MASS,
)
from darkreach.models.model import Model

# Particle Data Group, Review of Particle Physics 2024; masses in GeV.
TAU_LIFETIME_S = 290.3e-15
V_UD = 0.97367
SIN2_THETA_W = 0.2312

# In GeV, between the lattice average for the pion, 130.2(8) MeV, and what its decay rate gives, 130.5 MeV.
PION_DECAY_CONSTANT = 0.1303
# Mass and decay constant f in GeV of the neutral pseudoscalars, arXiv:1805.08567.
_PSEUDOSCALARS = {
    "pi0nu": (NEUTRAL_PION_MASS, PION_DECAY_CONSTANT),
    "etanu": (ETA_MASS, 0.0817),
    "etaprimenu": (0.95778, 0.0947),
}
# Mass in GeV, g in GeV² and κ of the neutral vectors, arXiv:1805.08567.
_VECTORS = {
    "rhonu": (0.77526, 0.162, 1 - 2 * SIN2_THETA_W),
    "omeganu": (0.78266, 0.153, 4 / 3 * SIN2_THETA_W),
    "phinu": (1.019461, 0.234, 4 / 3 * SIN2_THETA_W - 1),
}


class Hnl(Model):
    """L = (g/√2) V N̄γ^αP_Lτ W_α + (g/2cosθ_W) V N̄γ^αP_Lν_τ Z_α + h.c., with a Dirac N."""

    name = "hnl"
    label = "$N$"
    coupling_symbol = r"$|V_{\tau N}|^2$"
    spin = 1 / 2
    lepton_numbers = 1  # how many of N → ν_τ… and N → ν̄_τ… there are

    def partial_widths(self, mass: ArrayLike, coupling: ArrayLike) -> dict[str, np.ndarray]:
        """Γ in GeV to ν_τ and a pair of neutrinos, a lepton pair, or a neutral meson.

        Γ(νV) = |V|²G_F²κ²g²M³/(32π m²) (1 + 2m²/M²)(1 − m²/M²)². Published expressions differ by factors 2
        (P. Coloma et al., arXiv:2007.03701); by this one ν_τρ⁰ is half of τ⁻ρ⁺ where isospin says so.
        """
        mass = np.asarray(mass, float)
        strength = self.lepton_numbers * np.asarray(coupling, float) * FERMI_CONSTANT**2
        leptonic = strength * mass**5 / (192 * np.pi**3)
        widths = {
            "nununu": leptonic,
            "eenu": leptonic * neutral_current_factor(ELECTRON_MASS / mass),
            "mumunu": leptonic * neutral_current_factor(MUON_MASS / mass),
        }
        for channel, (meson, f) in _PSEUDOSCALARS.items():
            open_ = np.clip(1 - (meson / mass) ** 2, 0, None)
            widths[channel] = strength * f**2 * mass**3 / (32 * np.pi) * open_**2
        for channel, (meson, g, kappa) in _VECTORS.items():
            open_, spins = np.clip(1 - (meson / mass) ** 2, 0, None), 1 + 2 * (meson / mass) ** 2
            widths[channel] = strength * (kappa * g / meson) ** 2 * mass**3 / (16 * np.pi) * spins * open_**2
        return widths

    def delta_a_mu(self, mass: ArrayLike, coupling: ArrayLike) -> np.ndarray:
        """NaN: N does not mix with the muon's neutrino."""
        return np.full(np.broadcast_shapes(np.shape(mass), np.shape(coupling)), np.nan)

    def tau_to_pi_n(self, mass: ArrayLike, coupling: ArrayLike) -> np.ndarray:
        """Branching fraction of τ⁻ → π⁻N; 0 for an N that is too heavy."""
        mass = np.asarray(mass, float)
        y, z = (mass / TAU_MASS) ** 2, (PION_MASS / TAU_MASS) ** 2
        momentum = np.sqrt(np.clip((1 - y - z) ** 2 - 4 * y * z, 0, None))
        unit = FERMI_CONSTANT**2 * TAU_MASS**3 * (PION_DECAY_CONSTANT * V_UD) ** 2 / (16 * np.pi)
        width = np.asarray(coupling, float) * unit * ((1 - y) ** 2 - z * (1 + y)) * momentum
        return np.where(mass < TAU_MASS - PION_MASS, width * TAU_LIFETIME_S / HBAR_GEV_S, 0.0)


class HnlMajorana(Hnl):
    """As `Hnl` with N its own antiparticle: twice the width, the same branching fractions."""

    name = "hnl_majorana"
    label = "$N$ (Majorana)"
    lepton_numbers = 2


def neutral_current_factor(x: ArrayLike) -> np.ndarray:
    """Γ(N → ν_τ l⁺l⁻) per |V|²G_F²M⁵/192π³ by Z exchange, x = m_l/M; 0 for x ≥ 1/2.

    arXiv:1805.08567, eq. 3.4, with L(x) rearranged so that nothing cancels for small x.
    """
    x = np.asarray(x, float)
    x2, is_open = np.minimum(x, 0.5) ** 2, x < 0.5
    root = np.sqrt(1 - 4 * x2)
    logarithm = np.log(4 * x2**2 / ((1 + root) * (1 - 3 * x2 + (1 - x2) * root)))
    like = (1 - 14 * x2 - 2 * x2**2 - 12 * x2**3) * root + 12 * x2**2 * (x2**2 - 1) * logarithm
    unlike = x2 * (2 + 10 * x2 - 12 * x2**2) * root + 6 * x2**2 * (1 - 2 * x2 + 2 * x2**2) * logarithm
    c1 = (1 - 4 * SIN2_THETA_W + 8 * SIN2_THETA_W**2) / 4
    c2 = SIN2_THETA_W * (2 * SIN2_THETA_W - 1) / 2
    return np.where(is_open, np.clip(c1 * like + 4 * c2 * unlike, 0, None), 0.0)
