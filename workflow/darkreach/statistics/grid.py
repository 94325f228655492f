"""The hypotheses of a scan: as dense as the mass resolution, whatever their number."""

import math
from collections.abc import Sequence

import numpy as np

from darkreach.config.search import MassWindow
from darkreach.errors import DarkreachError
from darkreach.statistics.resolution import dimuon_mass, reduced_mass
from darkreach.statistics.signal_model import SignalModel


def hypothesis_masses(range_GeV: tuple[float, float], step_sigma: float, signal: SignalModel) -> np.ndarray:
    """Masses in GeV from the low to the high end of `range_GeV`, both included, rounded to 1 keV.

    Neighbours are `step_sigma` resolutions apart in the reduced mass, or a little less so that the last
    one falls on the end: they divide ∫dm_R/σ_R(m_R) into equal parts.

    Raises:
        DarkreachError: the range is empty, or exceeds the simulated signals.
    """
    low, high = range_GeV
    simulated = signal.mass_range
    if not low < high:
        raise DarkreachError(f"scan.range_GeV: the low end {low:g} must be below the high end {high:g}")
    if low < simulated[0] or high > simulated[1]:
        raise DarkreachError(
            f"scan.range_GeV: [{low:g}, {high:g}] exceeds the simulated signal masses, {simulated[0]:g} to "
            f"{simulated[1]:g} GeV; narrow it or simulate signals beyond its ends"
        )
    ends = reduced_mass(range_GeV)
    x = np.linspace(ends[0], ends[1], 20001)
    density = 1 / signal.resolution(dimuon_mass(x))
    resolutions = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(x))])
    steps = max(1, math.ceil(resolutions[-1] / step_sigma))
    masses = dimuon_mass(np.interp(np.linspace(0, resolutions[-1], steps + 1), resolutions, x)).round(6)
    masses[0], masses[-1] = low, high
    return masses


def chunk_of(masses: np.ndarray, chunk: int, chunks: int) -> np.ndarray:
    """Every `chunks`-th mass from the `chunk`-th on (counted from 0), so that all chunks cost the same.

    Raises:
        DarkreachError: there is no such chunk.
    """
    if not 0 <= chunk < chunks:
        raise DarkreachError(
            f"--chunk {chunk}: with scan.chunks = {chunks} it must be from 0 to {chunks - 1}"
        )
    return masses[chunk::chunks]


def veto_of(mass: float, vetoes: Sequence[MassWindow]) -> str | None:
    """Name of the veto that contains `mass` (GeV), ends included, or None."""
    return next((v.name for v in vetoes if v.range_GeV[0] <= mass <= v.range_GeV[1]), None)
