"""Quantities of whole events from tracks and photons, in the centre-of-mass frame."""

from itertools import product

import numpy as np

from darkreach.detector.beams import Beams
from darkreach.simulation.particles import sum_by_event
from darkreach.simulation.photons_response import GoodPhotons


def event_shape(tracks: np.ndarray, photons: GoodPhotons, beams: Beams) -> dict[str, np.ndarray]:
    """Columns of n events, named as by basf2, from (n, k, 4) laboratory momenta of the tracks, GeV.

    visibleEnergyOfEventCMS (GeV), missingMomentumOfEventCMS (GeV) and its polar angle, missingMass2OfEvent
    (GeV²) against the nominal beams, thrust.
    """
    n_events = len(tracks)
    tracks = beams.to_cm(tracks)
    neutral = beams.to_cm(photons.momentum)
    total = tracks.sum(1) + sum_by_event(photons.event, neutral, n_events)
    missing_p = np.sqrt((total[:, :3] ** 2).sum(-1))
    return {
        "visibleEnergyOfEventCMS": total[:, 3],
        "missingMomentumOfEventCMS": missing_p,
        "missingMomentumOfEventCMS_theta": np.arctan2(np.hypot(total[:, 0], total[:, 1]), -total[:, 2]),
        "missingMass2OfEvent": (beams.sqrt_s - total[:, 3]) ** 2 - missing_p**2,
        "thrust": thrust(tracks[..., :3], neutral[:, :3], photons.event),
    }


def thrust(tracks: np.ndarray, others: np.ndarray, event: np.ndarray) -> np.ndarray:
    """(n,) thrust of events with (n, k, 3) tracks and further momenta (m, 3) that belong to `event` (m,).

    Exact for tracks alone: the axis is that of the largest sum of ± momenta. With the others, it is moved to
    the sum in which every momentum has the sign of its hemisphere, until that no longer changes anything.
    """
    n_events, n_tracks = tracks.shape[:2]
    best = np.zeros(n_events)
    for signs in product((1, -1), repeat=n_tracks - 1):
        axis = tracks[:, 0] + (np.array(signs)[:, None] * tracks[:, 1:]).sum(1)
        for _ in range(4 if len(others) else 1):
            side = np.where((tracks * axis[:, None]).sum(-1) >= 0, 1.0, -1.0)
            other_side = np.where((others * axis[event]).sum(-1) >= 0, 1.0, -1.0)
            of_others = sum_by_event(event, others * other_side[:, None], n_events)
            axis = (tracks * side[..., None]).sum(1) + of_others
        best = np.maximum(best, np.linalg.norm(axis, axis=-1))
    size = np.linalg.norm(tracks, axis=-1).sum(-1)
    return best / (size + np.bincount(event, np.linalg.norm(others, axis=-1), n_events))
