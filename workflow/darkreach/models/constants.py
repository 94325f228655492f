"""Physical constants of all models and generators, in GeV unless the name says otherwise."""

import math

# Lepton masses in GeV, Particle Data Group, Review of Particle Physics 2024.
ELECTRON_MASS = 0.51099895e-3
MUON_MASS = 0.1056583755
TAU_MASS = 1.77693
LEPTON_MASSES = {"e": ELECTRON_MASS, "mu": MUON_MASS, "tau": TAU_MASS}
# Of π±, π⁰ and η, same source.
PION_MASS = 0.13957039
NEUTRAL_PION_MASS = 0.1349768
ETA_MASS = 0.547862

# Fine-structure constant at zero momentum transfer (CODATA).
ALPHA_0 = 1 / 137.035999
# Fermi's constant in GeV⁻² and the vacuum expectation value of the Higgs field, (√2 G_F)^(−1/2), in GeV.
FERMI_CONSTANT = 1.1663788e-5
HIGGS_VEV = 246.22

# ħ in GeV s, ħc in GeV m and (ħc)² in fb GeV², from the exact SI values of h, c and e.
HBAR_GEV_S = 6.582119569e-25
HBAR_C_GEV_M = 1.973269804e-16
GEV2_TO_FB = 3.8937937e11

# The nominal centre-of-mass energy of Belle II, at the Υ(4S), in GeV.
SQRT_S_NOMINAL = 10.58


def gauge_coupling_squared(alpha: float) -> float:
    """e² = 4πα, Heaviside–Lorentz units."""
    return 4 * math.pi * alpha
