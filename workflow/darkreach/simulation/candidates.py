"""Candidates: the columns of an ntuple with one row per choice of the pair d0 in an event."""

import numpy as np

from darkreach.config.ntuple_cuts import NtupleCuts
from darkreach.detector import BEAMS, GEOMETRY
from darkreach.simulation.event_shape import event_shape
from darkreach.simulation.identification import pion_id
from darkreach.simulation.pairs import invariant_mass
from darkreach.simulation.response import TrackEvents
from darkreach.simulation.triggers import trigger_column
from darkreach.simulation.vertex_fit import Vertices

TRACK_NAMES = ("d0_d0", "d0_d1", "d1_d0", "d1_d1")  # the pair d0, positive track first, then the others


def candidate_columns(
    events: TrackEvents, detector: str, cuts: NtupleCuts, truth: bool, signal_mass: float | None = None
) -> dict[str, np.ndarray]:
    """Columns over the candidates of the events, event by event, named as by basf2.

    `__event__` is the index in the generator's batch, to be replaced by an event number. Events have
    different numbers of candidates, `__ncandidates__`. truth: add what only simulation knows.
    signal_mass: true mass of X in GeV, for a signal sample.
    """
    beam = BEAMS[detector].total
    row, choice = events.pairs.event, events.pairs.tracks
    number = np.bincount(row, minlength=len(events.event))
    first = np.cumsum(number) - number
    columns = {
        "__event__": events.event[row],
        "__candidate__": (np.arange(len(row)) - first[row]).astype(np.int32),
        "__ncandidates__": number[row].astype(np.int32),
        "__weight__": np.ones(len(row)),
    }
    momentum = events.tracks.momentum
    _add_four_momentum(columns, momentum.sum(1)[row])
    tracks = row[:, None], choice
    columns["d0_M"] = invariant_mass(momentum[tracks][:, :2].sum(1))
    if cuts.tracks == 4:
        columns["d1_M"] = invariant_mass(momentum[tracks][:, 2:].sum(1))
    _add_vertex(columns, events.pairs.vertices, np.array(GEOMETRY[detector].beam_spot))
    for position, name in enumerate(TRACK_NAMES[: cuts.tracks]):
        track = row, choice[:, position]
        _add_track(columns, name, momentum[track])
        muon, electron = events.muon_id[track], events.electron_id[track]
        columns |= {
            f"{name}_charge": events.tracks.charge[track].astype(float),
            f"{name}_dr": events.tracks.dr[track],
            f"{name}_dz": events.tracks.dz[track],
            f"{name}_muonID": muon,
            f"{name}_electronID": electron,
            f"{name}_pionID": pion_id(muon, electron),
        }
        if truth:
            columns[f"{name}_mcPDG"] = events.pdg[track].astype(float)
    for name, value in zip(("beamPx", "beamPy", "beamPz", "beamE"), beam, strict=True):
        columns[name] = np.full(len(row), value)
    columns["Ecms"] = np.full(len(row), invariant_mass(beam))
    for name, values in _of_events(events, detector).items():
        columns[name] = values[row].astype(float)
    if truth:
        columns["d0_isSignal"] = events.from_signal[tracks][:, :2].all(-1).astype(float)
    if truth and signal_mass is not None:
        columns["d0_trueMass"] = np.full(len(row), signal_mass)
        columns["d0_trueProperLength"] = events.proper_length[row]
    return columns


def _of_events(events: TrackEvents, detector: str) -> dict[str, np.ndarray]:
    n_events = len(events.event)
    return {
        "nTracks": events.n_tracks,
        "nGoodGammas": events.photons.number(n_events),
        "roeEextra__bocleanMask__bc": events.photons.energy(n_events),
        **event_shape(events.tracks.momentum, events.photons, BEAMS[detector]),
        **{trigger_column(line): fired for line, fired in events.triggers.items()},
    }


def _add_four_momentum(columns: dict[str, np.ndarray], momentum: np.ndarray) -> None:
    for axis, name in enumerate(("px", "py", "pz", "E")):
        columns[name] = momentum[:, axis]
    columns["M"] = invariant_mass(momentum)


def _add_vertex(columns: dict[str, np.ndarray], vertices: Vertices, beam_spot: np.ndarray) -> None:
    """Vertex of the pair; its distance from the interaction point has the width of the beam spot as well."""
    position = vertices.position
    distance = np.linalg.norm(position, axis=-1)
    direction = position / np.maximum(distance, 1e-9)[:, None]
    covariance = vertices.covariance + np.diag(beam_spot**2)
    error = np.sqrt(np.einsum("ni,nij,nj->n", direction, covariance, direction))
    columns |= {
        "d0_x": position[:, 0],
        "d0_y": position[:, 1],
        "d0_z": position[:, 2],
        "d0_dr": vertices.radius,
        "d0_chiProb": vertices.probability,
        "d0_distance": distance,
        "d0_significanceOfDistance": distance / error,
    }
    for axis, name in enumerate(("px", "py", "pz")):
        columns[f"d0_{name}"] = vertices.momenta[:, :, axis].sum(1)
        columns[f"d0_d0_vtx_{name}"] = vertices.momenta[:, 0, axis]
        columns[f"d0_d1_vtx_{name}"] = vertices.momenta[:, 1, axis]


def _add_track(columns: dict[str, np.ndarray], name: str, momentum: np.ndarray) -> None:
    px, py, pz, energy = momentum.T
    pt = np.hypot(px, py)
    columns |= {
        f"{name}_px": px,
        f"{name}_py": py,
        f"{name}_pz": pz,
        f"{name}_E": energy,
        f"{name}_p": np.hypot(pt, pz),
        f"{name}_pt": pt,
        f"{name}_theta": np.arctan2(pt, pz),
        f"{name}_phi": np.arctan2(py, px),
    }
