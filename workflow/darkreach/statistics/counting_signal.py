"""Signal region and efficiency of a search that counts events in the plane of two mass solutions."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.special import ndtr

from darkreach.columnar.templates import SignalPoint, SignalTemplate, Templates
from darkreach.config.root import signal_model
from darkreach.config.search import Counting
from darkreach.config.stages import ScanSpec
from darkreach.errors import DarkreachError
from darkreach.statistics.resolution import effective_entries

# With fewer effective entries a template tells neither the efficiency nor the signal region.
MINIMUM_ENTRIES = 5


@dataclass(frozen=True)
class Window:
    """A rectangle of whole bins in the plane: bins first[i] to last[i] − 1 of axis i."""

    first: tuple[int, int]
    last: tuple[int, int]

    def count(self, values: np.ndarray) -> float:
        """Sum of a histogram (bins, bins) in the window."""
        return float(values[self.first[0] : self.last[0], self.first[1] : self.last[1]].sum())

    def smoothed_indicators(self, edges: tuple[np.ndarray, ...], bandwidth: float) -> list[np.ndarray]:
        """For each axis, (bins,): share of a Gaussian of width `bandwidth` (GeV) on a bin in the window."""
        centres = [(e[1:] + e[:-1]) / 2 for e in edges]
        return [
            ndtr((e[last] - x) / bandwidth) - ndtr((e[first] - x) / bandwidth)
            for e, x, first, last in zip(edges, centres, self.first, self.last, strict=True)
        ]


class CountingSignal:
    """Where a signal lies and how often it is selected, as functions of mass and lifetime.

    The window at a simulated mass leaves at most (1 − fraction)/4 of the signal beyond each of its four
    edges, so it holds at least `fraction` of the signal; edges are whole bins. Between simulated masses the
    distances of the edges from the mass are interpolated linearly, and so is the efficiency.
    """

    def __init__(
        self,
        edges: tuple[np.ndarray, np.ndarray],
        signals: Mapping[SignalPoint, SignalTemplate],
        fraction: float,
    ) -> None:
        """Take templates (bins, bins) on two axes with `edges` in GeV.

        Raises:
            DarkreachError: fewer than two masses are simulated with enough selected events.
        """
        self._edges = edges
        by_mass: dict[float, dict[float, SignalTemplate]] = {}
        for (mass, lifetime), template in signals.items():
            if lifetime > 0 and _entries(template) >= MINIMUM_ENTRIES:
                by_mass.setdefault(mass, {})[lifetime] = template
        self._masses = np.array(sorted(by_mass))
        if len(self._masses) < 2:
            raise DarkreachError(
                f"the templates have {len(self._masses)} masses of the signal with a lifetime and with at "
                f"least {MINIMUM_ENTRIES} selected events, but two are needed; simulate more"
            )
        self._offsets = np.array(
            [self._edges_of_signal(by_mass[mass], fraction) - mass for mass in self._masses]
        )
        self._efficiencies = [
            LifetimeCurve(
                {
                    lifetime: self.window(mass).count(template.values) / template.generated_events
                    for lifetime, template in by_mass[mass].items()
                }
            )
            for mass in self._masses
        ]

    @property
    def mass_range(self) -> tuple[float, float]:
        """Lowest and highest simulated mass in GeV: nothing is extrapolated beyond them."""
        return float(self._masses[0]), float(self._masses[-1])

    def window(self, mass: float) -> Window:
        """The signal region at a mass in GeV."""
        limits = [mass + np.interp(mass, self._masses, offset) for offset in self._offsets.T]
        first, last = [], []
        for edges, low, high in zip(self._edges, limits[:2], limits[2:], strict=True):
            first.append(int(np.clip(np.searchsorted(edges, low + 1e-9, "right") - 1, 0, len(edges) - 2)))
            last.append(int(np.clip(np.searchsorted(edges, high - 1e-9), first[-1] + 1, len(edges) - 1)))
        return Window((first[0], first[1]), (last[0], last[1]))

    def efficiency(self, mass: float, lifetime_m: float) -> float:
        """Selected events in the signal region per event generated with N of a mass in GeV and cτ in m."""
        found = [curve(lifetime_m) for curve in self._efficiencies]
        return float(np.interp(mass, self._masses, found))

    def _edges_of_signal(self, templates: Mapping[float, SignalTemplate], fraction: float) -> np.ndarray:
        """(4,) low edges of both axes, then high edges, in GeV, from the best known template of a mass."""
        values = max(templates.values(), key=_entries).values
        tails = (1 - fraction) / 4, 1 - (1 - fraction) / 4
        quantiles = []
        for axis, edges in enumerate(self._edges):
            below = np.concatenate([[0.0], np.cumsum(values.sum(1 - axis))])
            quantiles.append(np.interp(tails, below / below[-1], edges))
        return np.array(quantiles).T.ravel()


class LifetimeCurve:
    """Efficiency as a function of the lifetime, from values at some lifetimes.

    Between them ln ε is a cubic spline in ln τ. N that live longer than simulated decay evenly
    along their path: ε ∝ 1/τ. Those that live shorter have to reach the detector: ln ε is linear in 1/τ.
    """

    def __init__(self, efficiencies: Mapping[float, float]) -> None:
        """Take lifetime cτ in m → efficiency; lifetimes without any efficiency are left out."""
        self._lifetimes = np.array(sorted(t for t, e in efficiencies.items() if e > 0))
        self._logs = np.log([efficiencies[t] for t in self._lifetimes])
        self._slope = 0.0
        self._curve: CubicSpline | None = None
        if len(self._lifetimes) > 1:
            self._curve = CubicSpline(np.log(self._lifetimes), self._logs)
            # of two neighbours only: the shortest lifetimes are those that decide
            fall = np.diff(self._logs[:2]) / np.diff(-1 / self._lifetimes[:2])
            self._slope = max(float(fall[0]), 0.0)

    def __call__(self, lifetime_m: float) -> float:
        """The efficiency at a lifetime cτ in m."""
        if not len(self._lifetimes) or lifetime_m <= 0:
            return 0.0
        shortest, longest = self._lifetimes[0], self._lifetimes[-1]
        if lifetime_m >= longest:
            return float(np.exp(self._logs[-1]) * longest / lifetime_m)
        if self._curve is None or lifetime_m <= shortest:
            return float(np.exp(self._logs[0] - self._slope * (1 / lifetime_m - 1 / shortest)))
        return float(np.exp(self._curve(np.log(lifetime_m))))


def _entries(template: SignalTemplate) -> float:
    return effective_entries(template.values, template.variances)


@dataclass(frozen=True)
class Region:
    """Where events of a hypothesis are counted."""

    channel: str
    window: Window

    def count(self, planes: Mapping[str, np.ndarray]) -> float:
        """Sum of the plane (bins, bins) of the region's channel in its window."""
        return self.window.count(planes[self.channel])


def counting_settings(spec: ScanSpec) -> Counting:
    """The section `counting` of the search.

    Raises:
        DarkreachError: the search has none.
    """
    if spec.counting is None:
        raise DarkreachError(f"searches.{spec.search}: it counts events and needs the section 'counting'")
    return spec.counting


class SignalRegions:
    """The signal of `spec.model` in the signal channels of a search: all channels but the last, the control.

    Each serves the masses up to its border in `counting.mass_borders_GeV`, the last one those above.
    """

    def __init__(self, templates: Templates, spec: ScanSpec) -> None:
        """Take the templates of the signal channels.

        Raises:
            DarkreachError: the section `counting` is missing or its borders do not fit, the templates lack
                the model in a channel, or it is simulated too thinly there.
        """
        settings = counting_settings(spec)
        self._borders = list(settings.mass_borders_GeV)
        self._channels = list(spec.channels)[:-1]
        if sorted(self._borders) != self._borders or len(self._channels) != len(self._borders) + 1:
            raise DarkreachError(
                f"searches.{spec.search}.counting.mass_borders_GeV: give ascending masses between the signal "
                f"channels {', '.join(self._channels) or '(none)'}, so {len(self._channels) - 1} of them"
            )
        first, second = templates.edges.values()
        self._signals = [
            CountingSignal(
                (first, second), _signals(templates, channel, spec.model), settings.signal_fraction
            )
            for channel in self._channels
        ]

    def check_masses(self, masses: np.ndarray) -> None:
        """Refuse masses in GeV beyond the simulated ones of the channel that serves them.

        Raises:
            DarkreachError: the scan has to be narrowed.
        """
        for mass in masses:
            index = self._index(float(mass))
            low, high = self._signals[index].mass_range
            if not low <= mass <= high:
                raise DarkreachError(
                    f"scan.range_GeV: {mass:g} GeV is beyond the masses of the signal in channel "
                    f"'{self._channels[index]}', {low:g} to {high:g} GeV; narrow it or simulate more"
                )

    def region(self, mass: float) -> Region:
        """The signal region at a mass in GeV."""
        index = self._index(mass)
        return Region(self._channels[index], self._signals[index].window(mass))

    def efficiency(self, mass: float, lifetime_m: float) -> float:
        """As `CountingSignal.efficiency`, in the signal region of the mass."""
        return self._signals[self._index(mass)].efficiency(mass, lifetime_m)

    def _index(self, mass: float) -> int:
        return int(np.searchsorted(self._borders, mass, side="right"))


def _signals(templates: Templates, channel: str, model: str) -> Mapping[SignalPoint, SignalTemplate]:
    if channel not in templates.channels:
        raise DarkreachError(f"the templates have no channel '{channel}'; merge again")
    signals = templates.channels[channel].signals
    name = signal_model(model)
    if name not in signals:
        known = ", ".join(sorted(signals)) or "none"
        raise DarkreachError(f"the templates have no signal '{name}' (they have: {known}); merge again")
    return signals[name]
