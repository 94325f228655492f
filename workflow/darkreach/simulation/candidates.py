"""Candidates: the columns of an ntuple with one row per choice of the pair X → μ⁺μ⁻ in a four-track event."""

import numpy as np

from darkreach.simulation.response import FourTrackEvents

TRACK_NAMES = ("d0_d0", "d0_d1", "d1_d0", "d1_d1")  # X → μ⁺μ⁻, then the recoil pair μ⁺μ⁻
# Tracks of the four candidates in that order; in an event tracks 0, 1 are positive and 2, 3 negative.
PAIRINGS = np.array([(0, 2, 1, 3), (0, 3, 1, 2), (1, 2, 0, 3), (1, 3, 0, 2)])
N_CANDIDATES = len(PAIRINGS)

MINIMUM_FOUR_TRACK_MASS = 9.2  # GeV; e⁺e⁻ → 4μ is generated above 9 GeV, five times the resolution below
MINIMUM_MUON_ID, MINIMUM_MUONS = 0.1, 2


def invariant_mass(momentum: np.ndarray) -> np.ndarray:
    """Mass of (..., 4) momenta, GeV; 0 where rounding makes its square negative."""
    return np.sqrt(np.maximum(momentum[..., 3] ** 2 - (momentum[..., :3] ** 2).sum(-1), 0.0))


def is_preselected(events: FourTrackEvents) -> np.ndarray:
    """(n,) the loose preselection of the ntuple: M(4 tracks) > 9.2 GeV and muonID > 0.1 for two tracks."""
    heavy = invariant_mass(events.momentum.sum(1)) > MINIMUM_FOUR_TRACK_MASS
    return heavy & ((events.muon_id > MINIMUM_MUON_ID).sum(1) >= MINIMUM_MUONS)


def candidate_columns(
    events: FourTrackEvents, beam: np.ndarray, truth: bool, signal_mass: float | None = None
) -> dict[str, np.ndarray]:
    """Columns over the 4n candidates of the preselected events, event by event, named as by basf2.

    `__event__` is the index in the generator's batch, to be replaced by an event number.
    beam: (4,) nominal four-momentum of the collision in the laboratory, GeV. truth: add what only simulation
    knows. signal_mass: true mass of X in GeV, for a signal sample.
    """
    kept = np.flatnonzero(is_preselected(events))
    momentum = events.momentum[kept]
    columns = {
        "__event__": np.repeat(events.event[kept], N_CANDIDATES),
        "__candidate__": np.tile(np.arange(N_CANDIDATES, dtype=np.int32), len(kept)),
        "__ncandidates__": np.full(N_CANDIDATES * len(kept), N_CANDIDATES, dtype=np.int32),
        "__weight__": np.ones(N_CANDIDATES * len(kept)),
    }
    _add_four_momentum(columns, "", momentum.sum(1)[:, None].repeat(N_CANDIDATES, 1))
    pairs = momentum[:, PAIRINGS]  # (n, candidate, track, component)
    columns["d0_M"] = invariant_mass(pairs[:, :, :2].sum(2)).ravel()
    columns["d1_M"] = invariant_mass(pairs[:, :, 2:].sum(2)).ravel()
    for position, name in enumerate(TRACK_NAMES):
        track = PAIRINGS[:, position]
        _add_track(columns, name, momentum[:, track])
        for variable, values in (
            ("charge", events.charge),
            ("dr", events.dr),
            ("dz", events.dz),
            ("muonID", events.muon_id),
            ("electronID", events.electron_id),
        ):
            columns[f"{name}_{variable}"] = values[kept][:, track].ravel().astype(float)
        if truth:
            columns[f"{name}_mcPDG"] = events.pdg[kept][:, track].ravel().astype(float)
    for name, value in zip(("beamPx", "beamPy", "beamPz", "beamE"), beam, strict=True):
        columns[name] = np.full(N_CANDIDATES * len(kept), value)
    columns["Ecms"] = np.full(N_CANDIDATES * len(kept), invariant_mass(beam))
    columns["nTracks"] = _per_event(events.n_tracks[kept])
    columns["nGoodGammas"] = _per_event(events.n_good_gammas[kept])
    columns["roeEextra__bocleanMask__bc"] = _per_event(events.extra_energy[kept])
    for line, fired in events.triggers.items():
        columns[f"L1PSNM__bo{line}__bc"] = _per_event(fired[kept])
    if truth:
        columns["d0_isSignal"] = events.from_signal[kept][:, PAIRINGS[:, :2]].all(-1).ravel().astype(float)
    if truth and signal_mass is not None:
        columns["d0_trueMass"] = np.full(N_CANDIDATES * len(kept), signal_mass)
    return columns


def _per_event(values: np.ndarray) -> np.ndarray:
    return np.repeat(values, N_CANDIDATES).astype(float)


def _add_four_momentum(columns: dict[str, np.ndarray], prefix: str, momentum: np.ndarray) -> None:
    for axis, name in enumerate(("px", "py", "pz", "E")):
        columns[f"{prefix}{name}"] = momentum[..., axis].ravel()
    columns[f"{prefix}M"] = invariant_mass(momentum).ravel()


def _add_track(columns: dict[str, np.ndarray], name: str, momentum: np.ndarray) -> None:
    px, py, pz, energy = (momentum[..., axis].ravel() for axis in range(4))
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
