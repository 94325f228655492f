"""Charged tracks of Belle II: whether they are found, and their measured parameters."""

from dataclasses import dataclass

import numpy as np

from darkreach.detector.tracks import TrackResolution
from darkreach.models.constants import MUON_MASS

CHARGED = (11, 13, 211, 321, 2212)  # |PDG code| of what leaves a track

# CDC acceptance in polar angle: basf2's thetaInCDCAcceptance.
CDC_ACCEPTANCE = (np.radians(17.0), np.radians(150.0))
PLATEAU = 0.99  # tracking efficiency above pT = 0.3 GeV; Belle II
TURN_ON_PT, TURN_ON_WIDTH = 0.12, 0.02  # GeV, logistic (assumed)
# Displaced tracks: production radius in cm and efficiency relative to a prompt track (assumed).
DISPLACED_RADIUS, DISPLACED_EFFICIENCY = (1.0, 60.0, 80.0), (1.0, 0.3, 0.0)
CURVATURE_PT = 0.00299792458 * 1.5  # pT in GeV of a track of 1 cm radius in the 1.5 T solenoid


@dataclass
class MeasuredTracks:
    """Measured parameters of n tracks.

    momentum: (n, 4) at the point of closest approach to the beam line, with the muon mass, laboratory, GeV.
    dr, dz: (n,) distance from the interaction point at closest approach, transverse (≥ 0) and along z, cm.
    """

    momentum: np.ndarray
    dr: np.ndarray
    dz: np.ndarray


def charge_of(pdg: np.ndarray) -> np.ndarray:
    """Electric charge of e, μ, π, K, p by PDG code; 0 for everything else."""
    is_lepton = (np.abs(pdg) == 11) | (np.abs(pdg) == 13)
    return np.where(np.isin(np.abs(pdg), CHARGED), np.where(is_lepton, -np.sign(pdg), np.sign(pdg)), 0)


def track_efficiency(momentum: np.ndarray, vertex: np.ndarray) -> np.ndarray:
    """Probability that a charged particle is found as a track; 0 outside the acceptance.

    momentum: (..., 4) laboratory, GeV. vertex: (..., 3) production point, cm.
    """
    pt = np.hypot(momentum[..., 0], momentum[..., 1])
    theta = np.arctan2(pt, momentum[..., 2])
    inside = (theta > CDC_ACCEPTANCE[0]) & (theta < CDC_ACCEPTANCE[1])
    turn_on = 1 / (1 + np.exp(-(pt - TURN_ON_PT) / TURN_ON_WIDTH))
    radius = np.hypot(vertex[..., 0], vertex[..., 1])
    return inside * PLATEAU * turn_on * np.interp(radius, DISPLACED_RADIUS, DISPLACED_EFFICIENCY)


def closest_approach(
    momentum: np.ndarray, vertex: np.ndarray, charge: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """φ (rad), signed transverse distance and z (cm) where a helix is closest to the z axis.

    momentum: (n, 4) laboratory, GeV. vertex: (n, 3) cm. charge: (n,) ±1. The field points along +z.
    """
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    radius = pt / CURVATURE_PT
    to_centre = radius[:, None] * np.stack([momentum[:, 1], -momentum[:, 0]], axis=-1) / pt[:, None]
    centre = vertex[:, :2] + charge[:, None] * to_centre  # a positive particle turns clockwise
    distance = np.hypot(centre[:, 0], centre[:, 1])
    phi = np.arctan2(charge * centre[:, 0], -charge * centre[:, 1])
    turned = np.arctan2(momentum[:, 1], momentum[:, 0]) - phi
    turned = np.arctan2(np.sin(turned), np.cos(turned))
    z = vertex[:, 2] + charge * radius * turned * momentum[:, 2] / pt
    return phi, distance - radius, z


def measure_tracks(
    momentum: np.ndarray,
    vertex: np.ndarray,
    charge: np.ndarray,
    resolution: TrackResolution,
    rng: np.random.Generator,
) -> MeasuredTracks:
    """Smear 1/pT, φ, tan λ, d0 and z0 as independent Gaussians.

    momentum: (n, 4) true laboratory momenta with the true masses (multiple scattering depends on β), GeV.
    vertex: (n, 3) production points relative to the nominal interaction point, cm. charge: (n,) ±1.
    """
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    phi, d0, z0 = closest_approach(momentum, vertex, charge)
    sigma_pt, sigma_phi, sigma_tan_lambda = resolution.momentum_errors(momentum)
    sigma_d0, sigma_z0 = resolution.impact_errors_cm(momentum)
    normal = rng.standard_normal((5, len(pt)))
    pt_measured = pt / (1 + sigma_pt * normal[0])
    phi = phi + sigma_phi * normal[1]
    tan_lambda = momentum[:, 2] / pt + sigma_tan_lambda * normal[2]
    space = pt_measured[:, None] * np.stack([np.cos(phi), np.sin(phi), tan_lambda], axis=-1)
    energy = np.sqrt((space**2).sum(-1) + MUON_MASS**2)
    return MeasuredTracks(
        momentum=np.concatenate([space, energy[:, None]], axis=-1),
        dr=np.abs(d0 + sigma_d0 * normal[3]),
        dz=z0 + sigma_z0 * normal[4],
    )
