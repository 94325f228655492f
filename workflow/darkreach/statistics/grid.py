"""The hypotheses of a scan: as dense as the mass resolution, whatever their number."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from darkreach.config.search import MassWindow
from darkreach.config.stages import ScanSpec
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


def hypotheses_of_scan(signal: SearchSignal, spec: ScanSpec) -> list[Hypothesis]:
    """All masses with the first of `scan.lifetimes_m`, then all masses with the next and so on.

    A lifetime is tested at those masses at which it, or a longer one, is simulated for most decays of X that
    the search looks for.

    Raises:
        DarkreachError: the range exceeds the simulated signals.
    """
    masses = [float(mass) for mass in hypothesis_masses(signal, spec)]
    return [
        Hypothesis(mass, lifetime)
        for lifetime in spec.scan.lifetimes_m
        for mass in masses
        if isinstance(lifetime, str) or lifetime == 0 or signal.simulated_share(mass, lifetime) > 0.5
    ]


def hypothesis_masses(signal: SearchSignal, spec: ScanSpec) -> np.ndarray:
    """Masses in GeV of the hypotheses in the slice, ascending, rounded to 1 keV.

    They are the positions on a fixed grid that lie in `scan.range_GeV`, and its ends. Neighbours on the grid
    are `step_sigma` resolutions apart in the observable, ∫dx/σ_x = step_sigma, counted from the lower end
    of the slice. With `step_GeV` the grid are its multiples. The upper end of a slice belongs to the next.

    Raises:
        DarkreachError: the range exceeds the simulated signals.
    """
    low, high = spec.scan.range_GeV
    simulated = signal.mass_range
    if low < simulated[0] or high > simulated[1]:
        raise DarkreachError(
            f"scan.range_GeV: [{low:g}, {high:g}] exceeds the simulated signal masses, {simulated[0]:g} to "
            f"{simulated[1]:g} GeV; narrow it or simulate signals beyond its ends"
        )
    if spec.scan.step_GeV is not None:
        return evenly_spaced_masses(spec)
    assert spec.scan.step_sigma is not None
    first, last = signal.observable.of_mass(spec.slice_GeV)
    x = np.linspace(first, last, 20001)
    density = 1 / signal.resolution(np.clip(signal.observable.to_mass(x), *simulated))
    resolutions = np.concatenate([[0], np.cumsum((density[1:] + density[:-1]) / 2 * np.diff(x))])
    steps = np.arange(0, resolutions[-1], spec.scan.step_sigma)
    return _within(signal.observable.to_mass(np.interp(steps, resolutions, x)), spec)


def evenly_spaced_masses(spec: ScanSpec) -> np.ndarray:
    """Multiples of `step_GeV` in the part of the scan that lies in the slice, and its ends, in GeV."""
    step = spec.scan.step_GeV
    assert step is not None
    first, last = (round(mass / step) for mass in spec.scan.range_GeV)
    return _within(step * np.arange(first, last + 1), spec)


def _within(grid: np.ndarray, spec: ScanSpec) -> np.ndarray:
    """The masses of a grid, in GeV, that lie between the ends of the scan, and these ends."""
    low, high = spec.scan.range_GeV
    grid = grid.round(6)
    masses = np.concatenate([[low], grid[(grid > low) & (grid < high)], [high] if high > low else []])
    highest = max(region.range_GeV[1] for region in spec.regions)
    belongs_to_next = high == spec.slice_GeV[1] < highest
    return masses[masses < high] if belongs_to_next else masses


def veto_of(mass: float, vetoes: Sequence[MassWindow]) -> str | None:
    """Name of the veto that contains `mass` (GeV), ends included, or None."""
    return next((v.name for v in vetoes if v.range_GeV[0] <= mass <= v.range_GeV[1]), None)
