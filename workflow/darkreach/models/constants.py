"""Physical constants of all models and generators, in GeV unless the name says otherwise."""

import math

# Lepton masses in GeV, Particle Data Group, Review of Particle Physics 2024.
ELECTRON_MASS = 0.51099895e-3
MUON_MASS = 0.1056583755
TAU_MASS = 1.77693

# Fine-structure constant at zero momentum transfer (CODATA).
ALPHA_0 = 1 / 137.035999

# ħc in GeV m and (ħc)² in fb GeV², from the exact SI values of h, c and e.
HBAR_C_GEV_M = 1.973269804e-16
GEV2_TO_FB = 3.8937937e11

# The nominal centre-of-mass energy of Belle II, at the Υ(4S), in GeV.
SQRT_S_NOMINAL = 10.58


def gauge_coupling_squared(alpha: float) -> float:
    """e² = 4πα, Heaviside–Lorentz units."""
    return 4 * math.pi * alpha
