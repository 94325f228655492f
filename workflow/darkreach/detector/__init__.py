"""Detectors: their beams and their track resolution, shared by the simulation and the kinematic fit."""

from darkreach.detector.beams import Beams
from darkreach.detector.tracks import TrackResolution

# Beams: electron and positron energies, half crossing angle and spread, PHYSICS: Belle II nominal optics.
BEAMS = {"belle2": Beams(7.004, 4.002, 41.5e-3, 5.13e-3, 2.375e-3)}

# pT: 0.11 % pT ⊕ 0.30 %/β (Belle II TDR, arXiv:1011.0352). Angles: linear least squares on the layer
# geometry gives 0.4–1.3 mrad (φ) and 0.5–1.6e-3 (tan λ) between 4 and 1 GeV. Impact parameters:
# 10 ⊕ 22/(pβ sin^{3/2}θ) µm and 15 ⊕ 27/(pβ sin^{5/2}θ) µm (class of arXiv:1808.10567; assumed).
TRACKS = {
    "belle2": TrackResolution(
        pt_linear=0.0011,
        pt_constant=0.0030,
        phi=(0.2e-3, 1.25e-3),
        tan_lambda=(0.4e-3, 1.5e-3),
        d0_cm=(10e-4, 22e-4),
        z0_cm=(15e-4, 27e-4),
    )
}
