"""Trigger lines that events with two or four tracks can fire.

Published are the conditions of the lines of Belle II, the efficiency per track and the displaced-vertex
rule of the high-level trigger. The acceptance of the track trigger and the plateaus of the KLM and of the
calorimeter are assumed; so is that Belle's lines were like those of Belle II. Belle had no displaced-vertex
line: it shows what one would have added.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from darkreach.simulation.tracks_response import MeasuredTracks
from darkreach.simulation.vertex_fit import Vertices, fit_vertices

TRACK_TRIGGER_PT = 0.3  # GeV
TRACK_TRIGGER_ACCEPTANCE = np.radians([37.0, 120.0])  # polar angle (assumed)
TRACK_TRIGGER_EFFICIENCY = 0.96  # per track
# The track trigger wants a track from the interaction point (assumed: within 10 cm of the beam line).
TRACK_TRIGGER_RADIUS_CM = 10.0
KLM_MOMENTUM = 0.7  # GeV, reach of the barrel KLM
BARREL_KLM = {"belle2": np.radians([40.0, 129.0]), "belle": np.radians([45.0, 125.0])}
KLM_EFFICIENCY = 0.9  # of a muon that reaches it (assumed)
CLUSTER_ENERGY = 1.0  # GeV
CLUSTER_EFFICIENCY = 0.95  # of an event with such a cluster (assumed)
BARREL_CALORIMETER = np.radians([32.2, 128.7])

# The displaced-vertex rule of the high-level trigger of Belle II, in the laboratory.
VERTEX_PROBABILITY = 0.005
VERTEX_RADIUS_CM = (3.0, 60.0)
VERTEX_THETA = np.radians([30.0, 120.0])
BACK_TO_BACK = np.radians(10.0)


@dataclass
class TriggerView:
    """What the trigger sees of n events.

    found: (n, tracks) seen by the track trigger. muon: (n, tracks) seen by it and by the barrel KLM.
    phi: (n, tracks) rad. cluster: (n,) a cluster above 1 GeV. displaced: (n,) a displaced vertex.
    """

    found: np.ndarray
    muon: np.ndarray
    phi: np.ndarray
    cluster: np.ndarray
    displaced: np.ndarray


def trigger_view(
    tracks: MeasuredTracks,
    pdg: np.ndarray,
    photon_energy: np.ndarray,
    detector: str,
    rng: np.random.Generator,
) -> TriggerView:
    """View of n events with (n, 2 or 4) tracks, first the positive ones, each charge by falling pT.

    pdg: true codes of the tracks. photon_energy: (n,) largest energy of a photon, GeV.
    """
    momentum = tracks.momentum
    pt = np.hypot(momentum[..., 0], momentum[..., 1])
    p, theta = np.hypot(pt, momentum[..., 2]), np.arctan2(pt, momentum[..., 2])
    from_inside = np.hypot(tracks.point[..., 0], tracks.point[..., 1]) < TRACK_TRIGGER_RADIUS_CM
    found = (pt > TRACK_TRIGGER_PT) & _between(theta, TRACK_TRIGGER_ACCEPTANCE) & from_inside
    found &= rng.random(pt.shape) < TRACK_TRIGGER_EFFICIENCY
    reaches = (p > KLM_MOMENTUM) & _between(theta, BARREL_KLM[detector])
    muon = found & (np.abs(pdg) == 13) & reaches & (rng.random(pt.shape) < KLM_EFFICIENCY)
    electron = (np.abs(pdg) == 11) & _between(theta, BARREL_CALORIMETER) & (p > CLUSTER_ENERGY)
    cluster = electron.any(-1) | (photon_energy > CLUSTER_ENERGY)
    cluster &= rng.random(len(cluster)) < CLUSTER_EFFICIENCY
    leading = tracks[:, [0, momentum.shape[1] // 2]]
    displaced = has_displaced_vertex(fit_vertices(leading))
    return TriggerView(found, muon, np.arctan2(momentum[..., 1], momentum[..., 0]), cluster, displaced)


def three_tracks(view: TriggerView) -> np.ndarray:
    """At least three tracks."""
    return view.found.sum(-1) >= 3


def opening_angle(view: TriggerView) -> np.ndarray:
    """At least two tracks more than 90° apart in φ."""
    apart = np.cos(view.phi[:, :, None] - view.phi[:, None, :]) < 0
    return (apart & view.found[:, :, None] & view.found[:, None, :]).any((-2, -1))


def single_klm_muon(view: TriggerView) -> np.ndarray:
    """At least one track with hits in the barrel KLM."""
    return view.muon.sum(-1) >= 1


def high_energy_cluster(view: TriggerView) -> np.ndarray:
    """At least one cluster above 1 GeV."""
    return view.cluster


def displaced_vertex(view: TriggerView) -> np.ndarray:
    """The two tracks of opposite charge and highest pT have a displaced vertex."""
    return view.displaced


def has_displaced_vertex(vertices: Vertices) -> np.ndarray:
    """(n,) which vertices of two tracks the displaced-vertex rule takes."""
    theta_vertex = np.arctan2(vertices.radius, vertices.position[:, 2])
    px, py, pz = np.moveaxis(vertices.momenta, -1, 0)
    theta, phi = np.arctan2(np.hypot(px, py), pz), np.arctan2(py, px)
    apart = np.abs(np.pi - np.abs(phi[:, 0] - phi[:, 1]))
    back_to_back = (np.abs(theta.sum(-1) - np.pi) < BACK_TO_BACK) & (apart < BACK_TO_BACK)
    return (
        (vertices.probability > VERTEX_PROBABILITY)
        & _between(vertices.radius, VERTEX_RADIUS_CM)
        & _between(theta_vertex, VERTEX_THETA)
        & ~back_to_back
    )


# detector -> name of the line -> its condition; a new line is a function and an entry here
TRIGGER_LINES: dict[str, dict[str, Callable[[TriggerView], np.ndarray]]] = {
    "belle2": {
        "fff": three_tracks,
        "ffo": opening_angle,
        "cdcklm1": single_klm_muon,
        "hie": high_energy_cluster,
        "displaced_vertex": displaced_vertex,
    },
    "belle": {
        "three_track": three_tracks,
        "two_track_opening": opening_angle,
        "single_muon": single_klm_muon,
        "high_energy_cluster": high_energy_cluster,
        "displaced_vertex": displaced_vertex,
    },
}


def trigger_column(line: str) -> str:
    """Name of the column of a line, as a branch of basf2: level 1, or the high-level trigger."""
    return f"HLT__bo{line}__bc" if line == "displaced_vertex" else f"L1PSNM__bo{line}__bc"


def _between(values: np.ndarray, limits: np.ndarray | tuple[float, float]) -> np.ndarray:
    return (values > limits[0]) & (values < limits[1])
