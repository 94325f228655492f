"""Common vertex of two helices: a least-squares fit in three dimensions, linearised and iterated.

Each track gives two residuals at its point closest to the vertex: across the track in the transverse plane,
and along z. Their errors are those of the helix, transported to that point (P. Billoir, S. Qian, NIM A 311
(1992) 139, for independent errors). Four residuals, three coordinates: one degree of freedom.
"""

from dataclasses import dataclass, fields

import numpy as np
from scipy.special import erfc

from darkreach.simulation.tracks_response import CURVATURE_PT, MeasuredTracks, towards

ITERATIONS = 5
# Longest step of an iteration, cm, softly: tracks that run side by side do not say where along them they met.
STEP_CM = 3.0
# Of two crossings that is better where the tracks are closer in z and to where they begin, as a track has no
# hits before its vertex: 1 cm of way counts as much as 1 mm along z.
BEGIN_WEIGHT = 0.1


@dataclass
class Vertices:
    """Vertices of n pairs. position: (n, 3) cm. covariance: (n, 3, 3) cm². probability: (n,) of the χ².

    momenta: (n, 2, 3) of the two tracks at the vertex, GeV.
    """

    position: np.ndarray
    covariance: np.ndarray
    probability: np.ndarray
    momenta: np.ndarray

    @property
    def radius(self) -> np.ndarray:
        """(n,) distance from the z axis, cm."""
        return np.hypot(self.position[:, 0], self.position[:, 1])

    def __getitem__(self, index: object) -> "Vertices":
        return Vertices(*(getattr(self, field.name)[index] for field in fields(self)))


def fit_vertices(tracks: MeasuredTracks) -> Vertices:
    """Fit the vertices of n pairs of tracks, given as (n, 2) tracks."""
    pair = [tracks[:, 0], tracks[:, 1]]
    position = _crossing(*pair)
    for _ in range(ITERATIONS):
        linear = [_Linearised(track, position) for track in pair]
        weight = linear[0].weight + linear[1].weight
        pull = linear[0].pull + linear[1].pull
        position = position + np.linalg.solve(weight + np.eye(3) / STEP_CM**2, pull[..., None])[..., 0]
    linear = [_Linearised(track, position) for track in pair]
    weight = linear[0].weight + linear[1].weight
    chi2 = linear[0].chi2 + linear[1].chi2
    return Vertices(
        position=position,
        covariance=np.linalg.inv(weight + 1e-6 * np.eye(3)),  # 10 m along tracks that are parallel
        probability=erfc(np.sqrt(chi2 / 2)),  # of χ² with one degree of freedom
        momenta=np.stack([linear[0].momentum, linear[1].momentum], axis=1),
    )


class _Linearised:
    """Residuals of n tracks at (n, 3) points: their weight matrix, the pull towards the track, and χ²."""

    def __init__(self, track: MeasuredTracks, position: np.ndarray) -> None:
        phi, there, length = towards(track.at_point, track.point, track.charge, position[:, :2])
        pt = np.hypot(track.at_point[:, 0], track.at_point[:, 1])
        tan_lambda = track.at_point[:, 2] / pt
        sine, cosine = np.sin(phi), np.cos(phi)
        self.momentum = pt[:, None] * np.stack([cosine, sine, tan_lambda], axis=-1)

        pt_error, phi_error, tan_error, across_error, z_error = track.errors.T
        bend = 0.5 * length**2 * CURVATURE_PT / pt * pt_error
        across_variance = across_error**2 + (length * phi_error) ** 2 + bend**2
        z_variance = z_error**2 + (length * tan_error) ** 2
        zero = np.zeros_like(pt)
        across = np.stack([-sine, cosine, zero], axis=-1)
        along_z = np.stack([-tan_lambda * cosine, -tan_lambda * sine, zero + 1], axis=-1)

        missing = there - position
        residuals = (across * missing).sum(-1), (along_z * missing).sum(-1)
        self.weight = np.zeros((len(pt), 3, 3))
        self.pull = np.zeros((len(pt), 3))
        self.chi2 = zero
        for direction, residual, variance in zip(
            (across, along_z), residuals, (across_variance, z_variance), strict=True
        ):
            self.weight += direction[:, :, None] * direction[:, None, :] / variance[:, None, None]
            self.pull += direction * (residual / variance)[:, None]
            self.chi2 = self.chi2 + residual**2 / variance


def _crossing(first: MeasuredTracks, second: MeasuredTracks) -> np.ndarray:
    """(n, 3) where the circles of two tracks cross: where they are closer in z and to where they begin.

    Circles that do not reach each other, or lie in each other, have one such point between them.
    """
    centres, radii = zip(*(_circle(track) for track in (first, second)), strict=True)
    between = centres[1] - centres[0]
    distance = np.maximum(np.hypot(between[:, 0], between[:, 1]), 1e-6)
    unit = between / distance[:, None]
    # along the line of the centres, from the first; within both circles where they do not cross
    along = (distance**2 + radii[0] ** 2 - radii[1] ** 2) / (2 * distance)
    apart = np.abs(along) > radii[0]
    inner_side = np.sign(radii[0] - radii[1]) * (radii[0] + radii[1])
    reach = np.where(distance > radii[0] + radii[1], radii[0] - radii[1], inner_side)
    along = np.where(apart, 0.5 * (distance + reach), along)
    height = np.sqrt(np.maximum(radii[0] ** 2 - along**2, 0.0)) * ~apart
    normal = np.stack([-unit[:, 1], unit[:, 0]], axis=-1)
    choices, badness = [], []
    for sign in (1, -1):
        target = centres[0] + along[:, None] * unit + sign * height[:, None] * normal
        ways = [towards(track.at_point, track.point, track.charge, target) for track in (first, second)]
        (_, here, first_length), (_, there, second_length) = ways
        choices.append(0.5 * (here + there))
        lengths = np.abs(first_length) + np.abs(second_length)
        badness.append(np.abs(here[:, 2] - there[:, 2]) + BEGIN_WEIGHT * lengths)
    return np.where((badness[0] <= badness[1])[:, None], *choices)


def _circle(track: MeasuredTracks) -> tuple[np.ndarray, np.ndarray]:
    px, py = track.at_point[:, 0], track.at_point[:, 1]
    to_centre = track.charge[:, None] * np.stack([py, -px], axis=-1) / CURVATURE_PT
    return track.point[:, :2] + to_centre, np.hypot(px, py) / CURVATURE_PT
