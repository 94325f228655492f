"""The hypotheses of a scan: as dense as the mass resolution, whatever their number."""

import math
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from darkreach.config.search import MassWindow, Scan
from darkreach.errors import DarkreachError
from darkreach.statistics.search_signal import SearchSignal


class Hypothesis(NamedTuple):
    """X of a mass in GeV with cτ in m, 0 if it decays at once, or that which the model gives it."""

    mass_GeV: float
    lifetime: float | Literal["natural"] = 0.0

    @property
    def lifetime_m(self) -> float:
        """cτ in m of a hypothesis that is not `natural`."""
        assert not isinstance(self.lifetime, str)
        return self.lifetime

    @property
    def kind(self) -> Literal["prompt", "fixed", "natural"]:
        """In a word, as in the limit table."""
        return "natural" if self.lifetime == "natural" else "fixed" if self.lifetime > 0 else "prompt"

    @property
    def name(self) -> str:
        """As a word of a file: `1.000000`, `1.000000_0.01m` or `1.000000_natural`."""
        suffix = {"prompt": "", "fixed": f"_{self.lifetime}m", "natural": "_natural"}[self.kind]
        return f"{self.mass_GeV:.6f}{suffix}"

    def __str__(self) -> str:
        words = {"prompt": "", "fixed": f" with cτ = {self.lifetime} m", "natural": " with its own lifetime"}
        return f"{self.mass_GeV:.6f} GeV{words[self.kind]}"


def hypotheses_of_scan(signal: SearchSignal, scan: Scan) -> list[Hypothesis]:
    """All masses prompt, then all masses with the next lifetime and so on, as `scan.lifetimes_m` has them.

    A lifetime is tested at those masses at which it, or a longer one, is simulated for most decays of X that
    the search looks for.

    Raises:
        DarkreachError: the range is empty, or exceeds the simulated signals.
    """
    masses = [float(mass) for mass in hypothesis_masses(scan, signal)]
    return [
        Hypothesis(mass, lifetime)
        for lifetime in scan.lifetimes_m
        for mass in masses
        if isinstance(lifetime, str) or lifetime == 0 or signal.simulated_share(mass, lifetime) > 0.5
    ]


def hypothesis_masses(scan: Scan, signal: SearchSignal) -> np.ndarray:
    """Masses in GeV from the low to the high end of `scan.range_GeV`, both included, rounded to 1 keV.

    Neighbours are `step_sigma` resolutions apart in the observable, or a little less so that the last
    one falls on the end: they divide ∫dx/σ_x(x) into equal parts. With `step_GeV` they are as far apart.

    Raises:
        DarkreachError: the range is empty, or exceeds the simulated signals.
    """
    low, high = scan.range_GeV
    simulated = signal.mass_range
    if low < simulated[0] or high > simulated[1]:
        raise DarkreachError(
            f"scan.range_GeV: [{low:g}, {high:g}] exceeds the simulated signal masses, {simulated[0]:g} to "
            f"{simulated[1]:g} GeV; narrow it or simulate signals beyond its ends"
        )
    if scan.step_GeV is not None:
        return evenly_spaced_masses(scan)
    first, last = signal.observable.of_mass(scan.range_GeV)
    x = np.linspace(first, last, 20001)
    density = 1 / signal.resolution(np.clip(signal.observable.to_mass(x), low, high))
    resolutions = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(x))])
    steps = max(1, math.ceil(resolutions[-1] / scan.step_sigma))
    positions = np.interp(np.linspace(0, resolutions[-1], steps + 1), resolutions, x)
    masses = signal.observable.to_mass(positions).round(6)
    masses[0], masses[-1] = low, high
    return masses


def evenly_spaced_masses(scan: Scan) -> np.ndarray:
    """Masses in GeV from the low to the high end of the scan, `step_GeV` apart or a little less."""
    low, high = scan.range_GeV
    assert scan.step_GeV is not None
    steps = max(1, math.ceil((high - low) / scan.step_GeV - 1e-9))
    return np.linspace(low, high, steps + 1).round(6)


def chunk_of(items: Sequence, chunk: int, chunks: int) -> Sequence:
    """Every `chunks`-th item from the `chunk`-th on (counted from 0), so that all chunks cost the same.

    Raises:
        DarkreachError: there is no such chunk.
    """
    if not 0 <= chunk < chunks:
        raise DarkreachError(
            f"--chunk {chunk}: with scan.chunks = {chunks} it must be from 0 to {chunks - 1}"
        )
    return items[chunk::chunks]


def veto_of(mass: float, vetoes: Sequence[MassWindow]) -> str | None:
    """Name of the veto that contains `mass` (GeV), ends included, or None."""
    return next((v.name for v in vetoes if v.range_GeV[0] <= mass <= v.range_GeV[1]), None)
