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
from darkreach.statistics.counting_signal import Region, counting_settings
from darkreach.statistics.resolution import effective_entries


class Expected(NamedTuple):
    """An expected number of events and the number of simulated events that it is worth."""

    events: float
    simulated: float


class CountingBackground:
    """The background in any signal region, and in the control channel, the last one of the search.

    scale: what the control channel's data say the simulation is to be multiplied with; 1 while blind.
    extrapolation: relative uncertainty of the ratio of signal region to control channel, beyond counting.
    """

    def __init__(self, templates: Templates, spec: ScanSpec) -> None:
        """Take the templates of the signal channels and of the control channel.

        Raises:
            DarkreachError: a channel is missing, or the control channel is empty in simulation or in data.
        """
        settings = counting_settings(spec)
        self.extrapolation, self._smearing_GeV = settings.extrapolation, settings.background_smearing_GeV
        missing = [name for name in spec.channels if name not in templates.channels]
        if missing:
            raise DarkreachError(f"the templates have no channel '{missing[0]}'; merge again")
        *signal_channels, self.control_channel = spec.channels
        self._edges = tuple(templates.edges.values())
        summed = {name: _summed(templates.channels[name]) for name in spec.channels}
        values, variances = summed[self.control_channel]
        self.control = Expected(float(values.sum()), effective_entries(values, variances))
        if not self.control.events > 0:
            raise DarkreachError(
                f"the simulated background is empty in the control channel '{self.control_channel}'; "
                "simulate more of it"
            )
        self.control_observed = self.control.events
        if not spec.blind:
            self.control_observed = _observed_in_control(templates, self.control_channel)
        self.scale = self.control_observed / self.control.events
        self._planes = {name: summed[name] for name in signal_channels}
        total, squares = (float(np.sum([pair[k] for pair in summed.values()])) for k in (0, 1))
        self._one_event = squares / total

    def in_region(self, region: Region) -> Expected:
        """Simulated background in a signal region.

        Where no simulated event is near, one of average weight counts as spread evenly over the plane.
        """
        values, variances = self._planes[region.channel]
        along = region.window.smoothed_indicators(self._edges, self._smearing_GeV)
        events = float(along[0] @ values @ along[1])
        variance = float(along[0] ** 2 @ variances @ along[1] ** 2)
        least = self._one_event * region.window.count(np.ones(values.shape)) / values.size
        if events < least:
            return Expected(least, 1.0)
        return Expected(events, events**2 / variance)

    def densities(self) -> dict[str, np.ndarray]:
        """Signal channel → (bins, bins) smeared background, at least one event in all, times `scale`."""
        smearing = [_smearing(edges, self._smearing_GeV) for edges in self._edges]
        return {
            name: self.scale * np.maximum(smearing[0].T @ values @ smearing[1], self._one_event / values.size)
            for name, (values, _) in self._planes.items()
        }

    def relative_error(self, simulated: float) -> float:
        """Relative uncertainty of a background worth `simulated` events, with control and extrapolation."""
        counts = 1 / simulated + 1 / self.control.simulated + 1 / self.control_observed
        return float(np.sqrt(counts + self.extrapolation**2))


def _observed_in_control(templates: Templates, channel: str) -> float:
    data = {name: content.observed for name, content in templates.channels.items()}
    observed = float(data[channel].sum())
    if observed == 0:
        raise DarkreachError(
            f"no event is observed in the control channel '{channel}', so the background cannot be scaled; "
            "widen its selection"
        )
    return observed


def _summed(channel: ChannelTemplates) -> tuple[np.ndarray, np.ndarray]:
    """Sum of all backgrounds of a channel and of their variances."""
    if not channel.backgrounds:
        raise DarkreachError("the templates have no background; simulate one and merge again")
    values, variances = zip(*channel.backgrounds.values(), strict=True)
    return np.sum(values, axis=0), np.sum(variances, axis=0)


def _smearing(edges: np.ndarray, width: float) -> np.ndarray:
    """(bins, bins) share of an event in bin i that a Gaussian kernel puts into bin j."""
    centres = (edges[1:] + edges[:-1]) / 2
    below = ndtr((edges[None, :] - centres[:, None]) / width)
    return np.diff(below, axis=1)
