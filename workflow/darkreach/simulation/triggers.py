"""Level-1 trigger lines of Belle II that four-track events can fire.

Published are the conditions of the lines and the efficiency per track; the acceptance of the track trigger
and the plateau of the KLM line are assumed.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

TRACK_TRIGGER_PT = 0.3  # GeV
TRACK_TRIGGER_ACCEPTANCE = np.radians([37.0, 120.0])  # polar angle (assumed)
TRACK_TRIGGER_EFFICIENCY = 0.96  # per track
KLM_MOMENTUM = 0.7  # GeV, reach of the barrel KLM
BARREL_KLM = np.radians([40.0, 129.0])
KLM_EFFICIENCY = 0.9  # of a muon that reaches it (assumed)


@dataclass
class TriggerTracks:
    """What the trigger sees of n events with four tracks each, all arrays (n, 4).

    found: seen by the track trigger. muon: seen by the track trigger and by the barrel KLM. phi: rad.
    """

    found: np.ndarray
    muon: np.ndarray
    phi: np.ndarray


def trigger_tracks(momentum: np.ndarray, pdg: np.ndarray, rng: np.random.Generator) -> TriggerTracks:
    """Tracks of the trigger from (n, 4, 4) laboratory momenta in GeV and (n, 4) true PDG codes."""
    pt = np.hypot(momentum[..., 0], momentum[..., 1])
    theta = np.arctan2(pt, momentum[..., 2])
    found = (pt > TRACK_TRIGGER_PT) & _between(theta, TRACK_TRIGGER_ACCEPTANCE)
    found &= rng.random(pt.shape) < TRACK_TRIGGER_EFFICIENCY
    reaches = (np.hypot(pt, momentum[..., 2]) > KLM_MOMENTUM) & _between(theta, BARREL_KLM)
    muon = found & (np.abs(pdg) == 13) & reaches & (rng.random(pt.shape) < KLM_EFFICIENCY)
    return TriggerTracks(found, muon, np.arctan2(momentum[..., 1], momentum[..., 0]))


def three_tracks(tracks: TriggerTracks) -> np.ndarray:
    """At least three tracks."""
    return tracks.found.sum(-1) >= 3


def opening_angle(tracks: TriggerTracks) -> np.ndarray:
    """At least two tracks more than 90° apart in φ."""
    apart = np.cos(tracks.phi[:, :, None] - tracks.phi[:, None, :]) < 0
    return (apart & tracks.found[:, :, None] & tracks.found[:, None, :]).any((-2, -1))


def single_klm_muon(tracks: TriggerTracks) -> np.ndarray:
    """At least one track with hits in the barrel KLM."""
    return tracks.muon.sum(-1) >= 1


# name of the line -> its condition; a new line is a function and an entry here
TRIGGER_LINES: dict[str, Callable[[TriggerTracks], np.ndarray]] = {
    "fff": three_tracks,
    "ffo": opening_angle,
    "cdcklm1": single_klm_muon,
}


def _between(theta: np.ndarray, limits: np.ndarray) -> np.ndarray:
    return (theta > limits[0]) & (theta < limits[1])
