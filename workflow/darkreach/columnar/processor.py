"""The coffea processor: candidates of a skim → histograms."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import awkward as ak
import hist
import numpy as np
from coffea import processor

from darkreach.catalogue.manifest import Component
from darkreach.classifier.folds import EVENT
from darkreach.classifier.inference import RegionClassifier
from darkreach.columnar.lifetimes import lifetime_weights, signal_points
from darkreach.columnar.templates import point_name
from darkreach.config.stages import HistogramSpec
from darkreach.searches.registry import search_named

PRESELECTED, CLASSIFIED = "preselected", "classified"
SCORE_BINS = 50
DISPLACED_LINE = "displaced_vertex"  # part of the name of the reported trigger line whose gain is drawn


class Columns(Mapping[str, np.ndarray]):
    """Columns of a chunk as NumPy arrays, read when they are first asked for; possibly of some rows only."""

    def __init__(self, events: Any, rows: np.ndarray | None = None) -> None:
        self._events, self._rows = events, rows

    def __getitem__(self, name: str) -> np.ndarray:
        array = ak.to_numpy(self._events[name])
        return array if self._rows is None else array[self._rows]

    def __iter__(self) -> Iterator[str]:
        return iter(self._events.fields)

    def __len__(self) -> int:
        return len(self._events.fields)


class SearchProcessor(processor.ProcessorABC):
    """Fills the observables after the classifiers' cuts, and variables to look at.

    kind: data, background or signal. components: what is simulated in the block; signals need it.
    The result is {"rows": int, "histograms": {name: hist.Hist}} with one spectrum per channel; those of a
    signal have the point (mass and lifetime) as their first axis. While the search is blind there is nothing
    of the region variable, the observables or the scores.
    """

    def __init__(
        self,
        spec: HistogramSpec,
        kind: str,
        components: Sequence[Component],
        classifiers: Sequence[RegionClassifier],
    ) -> None:
        self.spec, self.kind, self.components = spec, kind, list(components)
        self.points = signal_points(components, spec.lifetimes_m) if kind == "signal" else []
        self.classifiers = {classifier.region: classifier for classifier in classifiers}
        search = search_named(spec.search)
        self.region_variable = search.REGION_VARIABLE
        observables = {observable.name for observable in spec.observables}
        hidden = {search.REGION_VARIABLE, *observables} if spec.blind else set()
        self.controls = {name: axis for name, axis in search.CONTROLS.items() if name not in hidden}
        decays = {component.decay for component in components}
        self.channels = [name for name, decay in spec.channels.items() if kind != "signal" or decay in decays]

    def empty(self) -> dict[str, Any]:
        """The result for no rows."""
        spec = self.spec
        stage = hist.axis.StrCategory([PRESELECTED, CLASSIFIED], name="stage", overflow=False)
        histograms: dict[str, hist.Hist] = {
            f"control/{name}": hist.Hist(stage, _axis(name, *binning), storage=hist.storage.Weight())
            for name, binning in self.controls.items()
        }
        if spec.blind:
            return {"rows": 0, "histograms": histograms}
        axes: list[Any] = [
            _axis(o.name, round(o.maximum_GeV / o.bin_GeV), 0.0, o.maximum_GeV) for o in spec.observables
        ]
        if self.kind == "signal":
            points = _categories("point", [point_name(point) for point in self.points])
            axes.insert(0, points)
            lines = _categories("line", ["all", *self._line_masks()])
            histograms["trigger"] = hist.Hist(points, lines, storage=hist.storage.Double())
        for channel in self.channels:
            histograms[f"observable/{channel}"] = hist.Hist(*axes, storage=hist.storage.Weight())
        if self.classifiers:
            regions = _categories("region", [region.name for region in spec.regions])
            histograms["control/score"] = hist.Hist(
                regions, _axis("score", SCORE_BINS, 0.0, 1.0), storage=hist.storage.Weight()
            )
        return {"rows": 0, "histograms": histograms}

    def process(self, events: Any) -> dict[str, Any]:
        """Histograms of one chunk."""
        result = self.empty()
        result["rows"] = len(events)
        histograms = result["histograms"]
        columns = Columns(events)
        weight = np.ones(len(events)) if self.kind == "data" else columns["weight"].astype(np.float64)
        self._fill_controls(histograms, columns, PRESELECTED, weight)
        if self.spec.blind:
            return result
        passed = self._in_regions(columns, weight, histograms)
        if self.kind == "signal":
            self._fill_triggers(histograms["trigger"], Columns(events, passed), weight[passed])
        if self.spec.trigger_lines:
            passed &= (columns["triggers"] & self._line_masks()["any"]) != 0
        columns, weight = Columns(events, passed), weight[passed]
        self._fill_controls(histograms, columns, CLASSIFIED, weight)
        channel_of = self._channel(columns, len(weight))
        for index, channel in enumerate(self.spec.channels):
            if channel in self.channels:
                here = np.flatnonzero(channel_of == index)
                chosen = {o.name: columns[o.name][here] for o in self.spec.observables}
                self._fill_observables(
                    histograms[f"observable/{channel}"], chosen, columns, here, weight[here]
                )
        return result

    def postprocess(self, accumulator: dict[str, Any]) -> dict[str, Any]:
        """Nothing is left to do."""
        return accumulator

    def _channel(self, columns: Columns, rows: int) -> np.ndarray:
        """(n,) index of each row's channel."""
        return columns["channel"] if len(self.spec.channels) > 1 else np.zeros(rows, dtype=int)

    def _fill_observables(
        self,
        histogram: hist.Hist,
        observables: dict[str, np.ndarray],
        columns: Columns,
        rows: np.ndarray,
        weight: np.ndarray,
    ) -> None:
        """Fill some rows into the spectrum of their channel; for signals at every point."""
        axes: dict[str, Any] = {**observables, "weight": weight}
        if self.kind != "signal":
            histogram.fill(**axes)
            return
        mass, length = columns["true_mass"][rows], columns["true_proper_length"][rows]
        for point in self.points:
            factor = lifetime_weights(self.components, point, mass, length)
            used = factor > 0
            chosen: dict[str, Any] = {name: values[used] for name, values in observables.items()}
            histogram.fill(point=point_name(point), **chosen, weight=(weight * factor)[used])

    def _line_masks(self) -> dict[str, int]:
        """Names of trigger lines → bits of which one has to be set; `any` is what accepts an event."""
        lines = [*self.spec.trigger_lines, *self.spec.reported_lines]
        masks = {line: 1 << bit for bit, line in enumerate(lines)}
        masks["any"] = (1 << len(self.spec.trigger_lines)) - 1
        displaced = [masks[line] for line in self.spec.reported_lines if DISPLACED_LINE in line]
        return masks | {f"any or {DISPLACED_LINE}": masks["any"] | bit for bit in displaced}

    def _fill_triggers(self, histogram: hist.Hist, columns: Columns, weight: np.ndarray) -> None:
        """Candidates of every point that pass all else: all of them, and those of each line."""
        triggers, mass, length = (columns[n] for n in ("triggers", "true_mass", "true_proper_length"))
        for point in self.points:
            factor = weight * lifetime_weights(self.components, point, mass, length)
            histogram.fill(point=point_name(point), line="all", weight=factor.sum(keepdims=True))
            for line, mask in self._line_masks().items():
                fired = factor[(triggers & mask) != 0].sum(keepdims=True)
                histogram.fill(point=point_name(point), line=line, weight=fired)

    def _fill_controls(
        self, histograms: dict[str, hist.Hist], columns: Columns, stage: str, weight: np.ndarray
    ) -> None:
        for name in self.controls:
            axes: dict[str, Any] = {"stage": stage, name: columns[name], "weight": weight}
            histograms[f"control/{name}"].fill(**axes)

    def _in_regions(
        self, columns: Columns, weight: np.ndarray, histograms: dict[str, hist.Hist]
    ) -> np.ndarray:
        """(n,) whether a candidate is in a region and passes its classifier; fills the scores."""
        variable = columns[self.region_variable]
        channel_of = self._channel(columns, len(variable))
        channels = list(self.spec.channels)
        passed = np.zeros(len(variable), dtype=bool)
        for region in self.spec.regions:
            low, high = region.range_GeV
            mine = (variable >= low) & (variable < high) & (channel_of == channels.index(region.channel))
            rows = np.flatnonzero(mine)
            if not self.classifiers:
                passed[rows] = True
                continue
            classifier = self.classifiers[region.name]
            needed = {name: columns[name][rows] for name in (*classifier.features, *EVENT)}
            own = classifier.own_scores(needed)
            histograms["control/score"].fill(
                region=region.name, score=np.minimum(own, 1 - 1e-6), weight=weight[rows]
            )
            passed[rows] = own >= classifier.cut
        return passed


def _categories(name: str, values: Sequence[str]) -> hist.axis.StrCategory:
    return hist.axis.StrCategory(values, name=name, overflow=False)


def _axis(name: str, bins: int, low: float, high: float) -> hist.axis.Regular:
    return hist.axis.Regular(bins, low, high, name=name, flow=False)
