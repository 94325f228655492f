"""Candidates of an event: every choice of the pair d0 from its two or four tracks, with its vertex."""

from dataclasses import dataclass

import numpy as np

from darkreach.config.ntuple_cuts import NtupleCuts
from darkreach.models.constants import ELECTRON_MASS
from darkreach.simulation.tracks_response import MeasuredTracks
from darkreach.simulation.vertex_fit import Vertices, fit_vertices

# Tracks of the candidates: d0's positive and negative one, then the other two. Of four tracks, 0 and 1 are
# positive, 2 and 3 negative; of two tracks, 0 is positive.
PAIRINGS = {
    2: np.array([(0, 1)]),
    4: np.array([(0, 2, 1, 3), (0, 3, 1, 2), (1, 2, 0, 3), (1, 3, 0, 2)]),
}


@dataclass
class Pairs:
    """The m candidates that pass. event: (m,) not decreasing. tracks: (m, k) as in `PAIRINGS`."""

    event: np.ndarray
    tracks: np.ndarray
    vertices: Vertices


def invariant_mass(momentum: np.ndarray) -> np.ndarray:
    """Mass of (..., 4) momenta, GeV; 0 where rounding makes its square negative."""
    return np.sqrt(np.maximum(momentum[..., 3] ** 2 - (momentum[..., :3] ** 2).sum(-1), 0.0))


def kept_pairs(
    tracks: MeasuredTracks, muon_id: np.ndarray, electron_id: np.ndarray, cuts: NtupleCuts
) -> Pairs:
    """Candidates of n events with (n, k) tracks and identifiers that pass the cuts on the pair d0."""
    pairing = PAIRINGS[cuts.tracks]
    d0 = pairing[:, :2]
    passes = np.ones((len(muon_id), len(pairing)), dtype=bool)
    ids = {"muon": muon_id, "electron": electron_id}
    as_lepton: dict[str, np.ndarray] = {
        lepton: np.all(ids[lepton][:, d0] > cuts.minimum_pair_id, axis=-1) for lepton in cuts.pair_leptons
    }
    if as_lepton:
        passes = np.any(list(as_lepton.values()), axis=0)
    if cuts.pair_mass_GeV is not None:
        low, high = cuts.pair_mass_GeV
        mass = invariant_mass(tracks.momentum[:, d0].sum(2))
        passes &= (mass > low) & (mass < high)
    event, choice = np.nonzero(passes)
    vertices = fit_vertices(tracks[event[:, None], d0[choice]])
    kept = np.ones(len(event), dtype=bool)
    if cuts.minimum_pair_radius_cm is not None:
        kept &= vertices.radius > cuts.minimum_pair_radius_cm
    if cuts.electron_pair_mass_GeV is not None:
        low, high = cuts.electron_pair_mass_GeV
        mass = _electron_mass(vertices.momenta)
        kept &= ((mass > low) & (mass < high)) | as_lepton.get("muon", np.zeros_like(passes))[event, choice]
    return Pairs(event[kept], pairing[choice[kept]], vertices[kept])


def _electron_mass(momenta: np.ndarray) -> np.ndarray:
    """(n,) mass of pairs of electrons with (n, 2, 3) momenta, GeV."""
    energy = np.sqrt((momenta**2).sum(-1) + ELECTRON_MASS**2)
    return invariant_mass(np.concatenate([momenta, energy[..., None]], axis=-1).sum(1))
