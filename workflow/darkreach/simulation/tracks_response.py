"""Charged tracks: whether they are found, and their measured helices."""

from dataclasses import dataclass, fields

import numpy as np

from darkreach.detector import CHAMBER_TRACKS, GEOMETRY, TRACKS, TrackResolution
from darkreach.models.constants import MUON_MASS

CHARGED = (11, 13, 211, 321, 2212)  # |PDG code| of what leaves a track
_IS_CHARGED = np.isin(np.arange(2214), CHARGED)

# CDC acceptance in polar angle: basf2's thetaInCDCAcceptance; the same at Belle.
CDC_ACCEPTANCE = (np.radians(17.0), np.radians(150.0))
PLATEAU = 0.99  # tracking efficiency above pT = 0.3 GeV, both detectors
TURN_ON_PT, TURN_ON_WIDTH = 0.12, 0.02  # GeV, logistic (assumed)
# Displaced tracks: production radius in cm and efficiency relative to a prompt track (assumed).
DISPLACED_RADIUS, DISPLACED_EFFICIENCY = (1.0, 60.0, 80.0), (1.0, 0.3, 0.0)
CURVATURE_PT = 0.00299792458 * 1.5  # pT in GeV of a track of 1 cm radius in the 1.5 T solenoid


@dataclass
class MeasuredTracks:
    """Measured helices of tracks; arrays over any shape (...) of tracks.

    charge: (...) ±1. point: (..., 3) measured point where the track was produced, cm. at_point: (..., 3)
    measured momentum there, GeV. errors: (..., 5) σ(pT)/pT, σ(φ), σ(tan λ), σ across the track in the
    transverse plane and σ along z (cm), all at that point and independent of each other.
    momentum: (..., 4) at the point of closest approach to the beam line, with the muon mass, GeV.
    dr, dz: (...) distance from the interaction point at closest approach, transverse (≥ 0) and along z, cm.
    """

    charge: np.ndarray
    point: np.ndarray
    at_point: np.ndarray
    errors: np.ndarray
    momentum: np.ndarray
    dr: np.ndarray
    dz: np.ndarray

    def __getitem__(self, index: object) -> "MeasuredTracks":
        return MeasuredTracks(*(getattr(self, field.name)[index] for field in fields(self)))


def charge_of(pdg: np.ndarray) -> np.ndarray:
    """Electric charge of e, μ, π, K, p by PDG code; 0 for everything else."""
    species = np.abs(pdg)
    charged = _IS_CHARGED[np.minimum(species, len(_IS_CHARGED) - 1)]
    return np.where(charged, np.where(species < 14, -np.sign(pdg), np.sign(pdg)), 0)


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


def track_errors(momentum: np.ndarray, radius: np.ndarray, detector: str) -> np.ndarray:
    """(n, 5) errors as in `MeasuredTracks` of tracks produced at `radius` (n,) cm with (n, 4) momenta in GeV.

    Further out than the silicon, the linear term of σ(pT)/pT grows as the inverse square of the length that
    is left of the track, the angles' errors as its inverse.
    """
    errors = _errors(TRACKS[detector], momentum, 1.0)
    outside = np.flatnonzero(radius > GEOMETRY[detector].silicon_radius)
    if len(outside):
        longer = GEOMETRY[detector].lever_arm(radius[outside])
        errors[outside] = _errors(CHAMBER_TRACKS[detector], momentum[outside], longer)
    return errors


def _errors(resolution: TrackResolution, momentum: np.ndarray, longer: np.ndarray | float) -> np.ndarray:
    pt, phi, tan_lambda = resolution.momentum_errors(momentum, longer)
    return np.stack([pt, phi, tan_lambda, *resolution.impact_errors_cm(momentum)], axis=-1)


def towards(
    momentum: np.ndarray, point: np.ndarray, charge: np.ndarray, target: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where helices are closest, in the transverse plane, to a line along z.

    momentum: (n, 3+) laboratory, GeV, at `point` (n, 3) cm. charge: (n,) ±1. target: (n, 2) or (2,) x and y
    of the line, cm. The field points along +z.

    Returns:
        φ of the momentum there (rad), the point there (n, 3), and the transverse length of the way from
        `point`, positive along the motion (cm); the shorter way round is taken.
    """
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    radius = pt / CURVATURE_PT
    to_centre = charge[:, None] * np.stack([momentum[:, 1], -momentum[:, 0]], axis=-1) / CURVATURE_PT
    outward = target - (point[:, :2] + to_centre)  # from the centre; a positive particle turns clockwise
    distance = np.maximum(np.hypot(outward[:, 0], outward[:, 1]), 1e-9)
    phi = np.arctan2(-charge * outward[:, 0], charge * outward[:, 1])
    turned = phi - np.arctan2(momentum[:, 1], momentum[:, 0])
    turned -= 2 * np.pi * np.round(turned / (2 * np.pi))
    length = -charge * radius * turned
    there = point[:, :2] + to_centre + outward * (radius / distance)[:, None]
    z = point[:, 2] + length * momentum[:, 2] / pt
    return phi, np.column_stack([there, z]), length


def closest_approach(
    momentum: np.ndarray, vertex: np.ndarray, charge: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """φ (rad), signed transverse distance and z (cm) where a helix is closest to the z axis.

    momentum: (n, 4) laboratory, GeV. vertex: (n, 3) cm. charge: (n,) ±1. The field points along +z. The sign
    is positive where the circle does not enclose the axis.
    """
    phi, there, _ = towards(momentum, vertex, charge, np.zeros(2))
    sign = np.sign(charge * (there[:, 0] * np.sin(phi) - there[:, 1] * np.cos(phi)))
    return phi, sign * np.hypot(there[:, 0], there[:, 1]), there[:, 2]


def measure_tracks(
    momentum: np.ndarray,
    vertex: np.ndarray,
    charge: np.ndarray,
    detector: str,
    rng: np.random.Generator,
) -> MeasuredTracks:
    """Smear 1/pT, φ, tan λ and the position at the production point as independent Gaussians.

    momentum: (n, 4) true laboratory momenta with the true masses (multiple scattering depends on β), GeV.
    vertex: (n, 3) production points relative to the nominal interaction point, cm. charge: (n,) ±1.
    """
    errors = track_errors(momentum, np.hypot(vertex[:, 0], vertex[:, 1]), detector)
    smeared = errors * rng.standard_normal((len(charge), 5))
    pt = np.hypot(momentum[:, 0], momentum[:, 1])
    pt_measured = pt / np.maximum(1 + smeared[:, 0], 0.1)
    phi = np.arctan2(momentum[:, 1], momentum[:, 0]) + smeared[:, 1]
    tan_lambda = momentum[:, 2] / pt + smeared[:, 2]
    at_point = pt_measured[:, None] * np.stack([np.cos(phi), np.sin(phi), tan_lambda], axis=-1)
    across = np.stack([-np.sin(phi), np.cos(phi)], axis=-1) * smeared[:, 3:4]
    point = vertex + np.column_stack([across, smeared[:, 4]])

    phi, there, _ = towards(at_point, point, charge, np.zeros(2))
    space = pt_measured[:, None] * np.stack([np.cos(phi), np.sin(phi), tan_lambda], axis=-1)
    energy = np.sqrt((space**2).sum(-1) + MUON_MASS**2)
    return MeasuredTracks(
        charge=charge,
        point=point,
        at_point=at_point,
        errors=errors,
        momentum=np.column_stack([space, energy]),
        dr=np.hypot(there[:, 0], there[:, 1]),
        dz=there[:, 2],
    )
