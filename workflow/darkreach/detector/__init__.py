"""Detectors: beams, track resolution and geometry, shared by the simulation and the kinematic fit."""

from darkreach.detector.beams import Beams
from darkreach.detector.geometry import Geometry
from darkreach.detector.tracks import TrackResolution

# Belle II: nominal optics (83 mrad crossing). Belle: electrons at 22 mrad to z, positrons along −z; the
# energy spreads of KEKB, 6.7e-4 and 7.1e-4, are assumed.
BEAMS = {
    "belle2": Beams(7.004, 4.002, 41.5e-3, 41.5e-3, 5.13e-3, 2.375e-3),
    "belle": Beams(7.998, 3.499, 22e-3, 0.0, 5.4e-3, 2.5e-3),
}

# Tracks with silicon hits. pT of Belle II: 0.11 % pT ⊕ 0.30 %/β (TDR, arXiv:1011.0352); of Belle: 0.19 % pT ⊕
# 0.30 %/β (NIM A 479 (2002) 117). Angles: linear least squares on the layer geometry gives 0.4–1.3 mrad (φ)
# and 0.5–1.6e-3 (tan λ) between 4 and 1 GeV. Impact parameters of Belle II: 10 ⊕ 22/(pβ sin^{3/2}θ) µm and
# 15 ⊕ 27/(pβ sin^{5/2}θ) µm (class of arXiv:1808.10567; assumed); of Belle: the second silicon detector.
TRACKS = {
    "belle2": TrackResolution(
        pt_linear=0.0011,
        pt_constant=0.0030,
        phi=(0.2e-3, 1.25e-3),
        tan_lambda=(0.4e-3, 1.5e-3),
        d0_cm=(10e-4, 22e-4),
        z0_cm=(15e-4, 27e-4),
    ),
    "belle": TrackResolution(
        pt_linear=0.0019,
        pt_constant=0.0030,
        phi=(0.3e-3, 1.25e-3),
        tan_lambda=(0.5e-3, 1.5e-3),
        d0_cm=(21.9e-4, 35.5e-4),
        z0_cm=(27.8e-4, 31.9e-4),
    ),
}

# Tracks with hits in the drift chamber only, at its inner wall. pT of Belle: 0.28 % pT ⊕ 0.35 %/β (NIM A 479
# (2002) 117). All else: least squares on the layer geometry, 40–60 µm across the track and 0.8 mm along z
# (assumed).
CHAMBER_TRACKS = {
    "belle2": TrackResolution(
        pt_linear=0.0018,
        pt_constant=0.0035,
        phi=(0.4e-3, 1.25e-3),
        tan_lambda=(2.0e-3, 1.5e-3),
        d0_cm=(45e-4, 15e-4),
        z0_cm=(800e-4, 50e-4),
    ),
    "belle": TrackResolution(
        pt_linear=0.0028,
        pt_constant=0.0035,
        phi=(0.5e-3, 1.25e-3),
        tan_lambda=(2.5e-3, 1.5e-3),
        d0_cm=(60e-4, 20e-4),
        z0_cm=(760e-4, 50e-4),
    ),
}

# Radii of beam pipe, silicon layers and chamber: arXiv:1011.0352; NIM A 479 (2002) 117, NIM A 560 (2006) 1.
# The thicknesses are assumed: together they convert 3–5 % of the photons. So are the beam spot of Belle
# and the radius beyond which a track counts as one without silicon hits.
GEOMETRY = {
    "belle2": Geometry(
        beam_spot=(14e-4, 0.5e-4, 0.035),
        silicon_radius=14.0,
        chamber=(16.0, 113.0),
        layers=(
            (1.0, 0.008),
            (1.4, 0.0022),
            (2.2, 0.0022),
            (3.9, 0.006),
            (8.0, 0.006),
            (10.4, 0.006),
            (13.5, 0.006),
            (16.0, 0.003),
        ),
    ),
    "belle": Geometry(
        beam_spot=(100e-4, 5e-4, 0.4),
        silicon_radius=9.0,
        chamber=(10.0, 88.0),
        layers=((1.5, 0.009), (2.0, 0.006), (4.35, 0.006), (7.0, 0.006), (8.8, 0.006), (10.0, 0.003)),
    ),
}
