"""The signal of one model in all channels of a search."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from darkreach.columnar.templates import Templates
from darkreach.config.stages import ScanSpec
from darkreach.errors import DarkreachError
from darkreach.models.signal_rate import decay_fraction
from darkreach.statistics.channel_signal import ChannelSignal

# A channel with a smaller share of the selected signal has no part in a fit.
SMALLEST_SHARE = 1e-3


class Observable(NamedTuple):
    """Where a peak of a mass lies in the observable, and back; both ascending, GeV."""

    of_mass: Callable[[ArrayLike], np.ndarray]
    to_mass: Callable[[ArrayLike], np.ndarray]


class SearchSignal:
    """Channels by name, and how the cross-section × branching fractions is shared among their decays."""

    def __init__(
        self,
        edges: np.ndarray,
        channels: Mapping[str, ChannelSignal],
        decays: Mapping[str, str],
        model: str,
        observable: Observable,
    ) -> None:
        """Take the signals of the channels that have one, and the decay of X of every channel.

        edges: (n + 1,) of the fine bins of the observable in GeV, the same in all channels.
        """
        self.edges = edges
        self.channels = dict(channels)
        self.observable = observable
        self._decays = dict(decays)
        self._model = model

    @property
    def mass_range(self) -> tuple[float, float]:
        """Lowest and highest simulated mass of X in GeV: nothing is extrapolated beyond them."""
        ranges = np.array([signal.mass_range for signal in self.channels.values()])
        return float(ranges[:, 0].min()), float(ranges[:, 1].max())

    def resolution(self, masses: np.ndarray) -> np.ndarray:
        """The best σ of the observable in GeV among the channels that reach masses (n,) in GeV."""
        found = self._best_resolution(masses)
        # between two channels: from the end of one to that of the next
        ends = np.unique([signal.mass_range for signal in self.channels.values()])
        return np.where(np.isfinite(found), found, np.interp(masses, ends, self._best_resolution(ends)))

    def _best_resolution(self, masses: np.ndarray) -> np.ndarray:
        """Infinite where no channel reaches."""
        found = np.full(np.shape(masses), np.inf)
        for signal in self.channels.values():
            low, high = signal.mass_range
            inside = (masses >= low) & (masses <= high)
            found[inside] = np.minimum(found, signal.resolution(masses))[inside]
        return found

    def lifetimes(self, mass: float) -> list[float]:
        """Lifetimes cτ in m, ascending, that are simulated in some channel at a mass in GeV."""
        return sorted({t for signal in self.channels.values() for t in signal.lifetimes(mass)})

    def efficiencies(self, mass: float, lifetime_m: float) -> dict[str, float]:
        """Per channel with any signal: selected events per event in which X decays as the search looks for.

        That is B(decay of the channel)/B(all decays of the search) × efficiency.
        """
        shares = self._shares(mass)
        found = {
            name: shares[self._decays[name]] * signal.efficiency(mass, lifetime_m)
            for name, signal in self.channels.items()
        }
        return {name: efficiency for name, efficiency in found.items() if efficiency > 0}

    def simulated_share(self, mass: float, lifetime_m: float) -> float:
        """Share of the decays that the search looks for which are simulated with that lifetime, or longer."""
        reached = {
            self._decays[name]
            for name, signal in self.channels.items()
            if max(signal.lifetimes(mass), default=-1.0) >= lifetime_m
        }
        return sum(share for decay, share in self._shares(mass).items() if decay in reached)

    def _shares(self, mass: float) -> dict[str, float]:
        """Decay → B(decay)/B(all decays of the search); zeros where none is open."""
        fractions = {
            d: float(decay_fraction(self._model, mass, d)) for d in sorted(set(self._decays.values()))
        }
        total = sum(fractions.values())
        return {decay: fraction / total if total > 0 else 0.0 for decay, fraction in fractions.items()}

    def open_channels(self, mass: float, lifetime_m: float) -> list[str]:
        """Channels with a part in the fit, in the order of the search."""
        found = self.efficiencies(mass, lifetime_m)
        least = SMALLEST_SHARE * sum(found.values())
        return [name for name, efficiency in found.items() if efficiency > least]


def signal_of(templates: Templates, spec: ScanSpec) -> SearchSignal:
    """The signal of `spec.model`.

    Raises:
        DarkreachError: the templates lack the model, or it is simulated too thinly in every channel.
    """
    from darkreach.searches.registry import search_named

    search = search_named(spec.search)
    edges = next(iter(templates.edges.values()))
    channels, reason = {}, None
    for name in spec.channels:
        if name not in templates.channels:
            continue
        signals = templates.channels[name].signals
        if spec.model not in signals:
            known = ", ".join(sorted(signals)) or "none"
            reason = f"the templates have no signal '{spec.model}' (they have: {known}); merge again"
            continue
        borders = sorted({edge for r in spec.regions if r.channel == name for edge in r.range_GeV})[1:-1]
        try:
            channels[name] = ChannelSignal(
                edges, signals[spec.model], spec.model, search.observable_of_mass, borders
            )
        except DarkreachError as error:
            reason = str(error)
    if not channels:
        raise DarkreachError(reason or f"the templates have no channel of '{spec.search}'; merge again")
    observable = Observable(search.observable_of_mass, search.mass_of_observable)
    return SearchSignal(edges, channels, spec.channels, spec.model, observable)
