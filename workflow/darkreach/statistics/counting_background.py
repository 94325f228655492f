"""What a search that counts events expects without signal: simulation, scaled to a control channel.

Few simulated events are left after the selection, so in the plane of the two mass solutions each of them is
smeared by a Gaussian kernel. All backgrounds share one scale factor, which the control channel measures: they
are pairs of misidentified pions from strange hadrons, in the control channel as in the signal region.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import ndtr

from darkreach.columnar.templates import ChannelTemplates, Templates
from darkreach.config.stages import ScanSpec
from darkreach.errors import DarkreachError
from darkreach.statistics.counting_signal import SIGNAL_CHANNEL, Window
from darkreach.statistics.resolution import effective_entries

# Width of the kernel in GeV: assumed, as wide as structures of the background that have been seen.
BANDWIDTH = 0.1
# Relative uncertainty of the ratio of signal region to control channel, beyond that of counting: assumed.
EXTRAPOLATION = 0.3


class Expected(NamedTuple):
    """An expected number of events and the number of simulated events that it is worth."""

    events: float
    simulated: float


class CountingBackground:
    """The background in any window of the signal channel, and in the control channel.

    scale: what the control channel's data say the simulation is to be multiplied with; 1 while blind.
    """

    def __init__(self, templates: Templates, spec: ScanSpec) -> None:
        """Take the templates of a search with a signal channel and one control channel.

        Raises:
            DarkreachError: there is no control channel, or it is empty in simulation or in data.
        """
        others = [name for name in spec.channels if name != SIGNAL_CHANNEL]
        if len(others) != 1 or others[0] not in templates.channels:
            raise DarkreachError(
                f"searches.{spec.search}.channels: a search that counts events needs '{SIGNAL_CHANNEL}' and "
                f"one control channel, found {', '.join(spec.channels)}"
            )
        self.control_channel = others[0]
        self._edges = tuple(templates.edges.values())
        control, signal = templates.channels[self.control_channel], templates.channels[SIGNAL_CHANNEL]
        values, variances = _summed(control)
        self.control = Expected(float(values.sum()), effective_entries(values, variances))
        if not self.control.events > 0:
            raise DarkreachError(
                f"the simulated background is empty in the control channel '{self.control_channel}'; "
                "simulate more of it"
            )
        self.control_observed = self.control.events
        if not spec.blind:
            if control.data is None or signal.data is None:
                raise DarkreachError("the search is not blind but the templates have no data; merge again")
            self.control_observed = float(control.data.sum())
            if self.control_observed == 0:
                raise DarkreachError(
                    f"no event is observed in the control channel '{self.control_channel}', so the "
                    "background cannot be scaled; widen its selection"
                )
        self.scale = self.control_observed / self.control.events
        self._values, self._variances = _summed(signal)
        total, squares = self.control.events + self._values.sum(), variances.sum() + self._variances.sum()
        self._one_event = float(squares / total)

    def in_window(self, window: Window) -> Expected:
        """Simulated background in a signal region.

        Where no simulated event is near, one of average weight counts as spread evenly over the plane.
        """
        along = window.smoothed_indicators(self._edges, BANDWIDTH)
        events = float(along[0] @ self._values @ along[1])
        variance = float(along[0] ** 2 @ self._variances @ along[1] ** 2)
        least = self._one_event * window.count(np.ones(self._values.shape)) / self._values.size
        if events < least:
            return Expected(least, 1.0)
        return Expected(events, events**2 / variance)

    def density(self) -> np.ndarray:
        """(bins, bins) smeared background of the signal channel, at least one event in all, times `scale`."""
        smearing = [_smearing(edges, BANDWIDTH) for edges in self._edges]
        density = smearing[0].T @ self._values @ smearing[1]
        return self.scale * np.maximum(density, self._one_event / self._values.size)

    def relative_error(self, simulated: float) -> float:
        """Relative uncertainty of a background worth `simulated` events, with control and extrapolation."""
        counts = 1 / simulated + 1 / self.control.simulated + 1 / self.control_observed
        return float(np.sqrt(counts + EXTRAPOLATION**2))


def _summed(channel: ChannelTemplates) -> tuple[np.ndarray, np.ndarray]:
    """Sum of all backgrounds of a channel and of their variances."""
    if not channel.backgrounds:
        raise DarkreachError("the templates have no background; simulate one and merge again")
    values, variances = zip(*channel.backgrounds.values(), strict=True)
    return np.sum(values, axis=0), np.sum(variances, axis=0)


def _smearing(edges: np.ndarray, bandwidth: float) -> np.ndarray:
    """(bins, bins) share of an event in bin i that a Gaussian kernel puts into bin j."""
    centres = (edges[1:] + edges[:-1]) / 2
    below = ndtr((edges[None, :] - centres[:, None]) / bandwidth)
    return np.diff(below, axis=1)
