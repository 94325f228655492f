"""Final-state particles of a batch of events: what every generator hands to the detector response."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass
class Particles:
    """Stable particles of a batch of events, as flat arrays of equal length n.

    event: (n,) index of the event in the batch, not decreasing.
    pdg: (n,) PDG code.
    momentum: (n, 4) px, py, pz, E in GeV, in the centre-of-mass frame of the nominal beams,
        with +z along the electron beam.
    vertex: (n, 3) production point relative to the interaction point, in cm.
    from_signal: (n,) True for the two particles that a candidate of the signal is made of.
    n_events: number of events in the batch, including those without particles.
    from_resonance: (n,) True for the decay products of X, neutrinos included: the energy spread of the beams
        moves them together. None: those of `from_signal`.
    proper_length: (n_events,) true proper decay length of X in cm. None: X decays at once.
    source: (n_events,) numbers from 1 of the generated events that these were drawn from. None: each is one.
    found: (n,) whether a particle is found as a track, where that is decided already. None: it is not.
    muon_quantile, electron_quantile: (n,) uniform random numbers from which muonID and electronID follow,
        small ones giving large identifiers, where they are decided already. None: they are not.
    """

    event: np.ndarray
    pdg: np.ndarray
    momentum: np.ndarray
    vertex: np.ndarray
    from_signal: np.ndarray
    n_events: int
    from_resonance: np.ndarray | None = None
    proper_length: np.ndarray | None = None
    source: np.ndarray | None = None
    found: np.ndarray | None = None
    muon_quantile: np.ndarray | None = None
    electron_quantile: np.ndarray | None = None


def decided(column: np.ndarray | None) -> np.ndarray:
    """A column of `Particles` where it is no longer None."""
    assert column is not None
    return column


def sum_by_event(event: np.ndarray, vectors: np.ndarray, n_events: int) -> np.ndarray:
    """(n_events, k) sums of the (n, k) vectors that belong to each `event` (n,)."""
    return np.stack([np.bincount(event, column, n_events) for column in vectors.T], axis=-1).astype(float)


def batch_sizes(n_events: int, largest: int) -> Iterator[int]:
    """Numbers of events that add up to `n_events`, all `largest` but the last."""
    for first in range(0, n_events, largest):
        yield min(largest, n_events - first)


@dataclass
class Generated:
    """Unweighted events of one process.

    particles: what the detector can see (ISR photons down the beam pipe are not included).
    cross_section_fb: cross-section of what was generated, including ISR when it was on, in fb.
    cross_section_error_fb: its Monte-Carlo integration error, in fb.
    """

    particles: Particles
    cross_section_fb: float
    cross_section_error_fb: float
