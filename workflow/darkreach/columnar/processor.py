"""The coffea processor: candidates of a skim → histograms."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import awkward as ak
import numpy as np
from coffea import processor

from darkreach.catalogue.manifest import Component
from darkreach.classifier.folds import ORIGIN
from darkreach.classifier.inference import RegionClassifier
from darkreach.columnar.exact import ExactHistogram, Weights, category_axis, regular_axis
from darkreach.columnar.lifetimes import lifetime_weights, signal_points
from darkreach.columnar.templates import point_name
from darkreach.config.stages import HistogramSpec
from darkreach.searches.registry import search_named

# stages of the control histograms; the sideband has what is in a region but fails its classifier
STAGES = PRESELECTED, CLASSIFIED, SIDEBAND = "preselected", "classified", "sideband"
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
    """Fills the observables after the classifiers' cuts and below them, and variables to look at.

    kind: data, background or signal. components: what is simulated in the block; signals need it.
    The result is {"rows": int, "histograms": {name: ExactHistogram}} with one spectrum per channel; those of
    a signal have the point (mass and lifetime) as their first axis. While the search is blind there is
    nothing of the region variable, the observables or the scores in the signal region: only the sidebands
    and the control channel have spectra.
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
        self.controls: dict[str, tuple[int, float, float]] = search.CONTROLS
        observables = {observable.name for observable in spec.observables}
        self.hidden = {search.REGION_VARIABLE, *observables} if spec.blind else set()
        decays = {component.decay for component in components}
        channels = [name for name, decay in spec.channels.items() if kind != "signal" or decay in decays]
        self.channels = [name for name in channels if not spec.blind or name == spec.control_channel]
        self.sidebands = channels if self.classifiers and kind != "signal" else []
        self.lines = _line_masks(spec)

    def empty(self) -> dict[str, Any]:
        """The result for no rows."""
        spec = self.spec
        stage = category_axis("stage", STAGES if self.classifiers else STAGES[:2])
        histograms = {
            f"control/{name}": ExactHistogram([stage, regular_axis(name, *binning)])
            for name, binning in self.controls.items()
            if name not in self.hidden or self.classifiers
        }
        axes = [
            regular_axis(o.name, round(o.maximum_GeV / o.bin_GeV), 0.0, o.maximum_GeV)
            for o in spec.observables
        ]
        histograms |= {f"sideband/{channel}": ExactHistogram(axes) for channel in self.sidebands}
        if self.kind == "signal":
            points = category_axis("point", [point_name(point) for point in self.points])
            axes.insert(0, points)
            histograms["trigger"] = ExactHistogram([points, category_axis("line", ["all", *self.lines])])
        histograms |= {f"observable/{channel}": ExactHistogram(axes) for channel in self.channels}
        if self.classifiers and not spec.blind:
            regions = category_axis("region", [region.name for region in spec.regions])
            histograms["control/score"] = ExactHistogram([regions, regular_axis("score", SCORE_BINS, 0, 1)])
        return {"rows": 0, "histograms": histograms}

    def process(self, events: Any) -> dict[str, Any]:
        """Histograms of one chunk."""
        result = self.empty()
        result["rows"] = len(events)
        histograms = result["histograms"]
        columns = Columns(events)
        weight = np.ones(len(events)) if self.kind == "data" else columns["weight"].astype(np.float64)
        weights = Weights.of(weight)
        self._fill_controls(
            histograms, columns, PRESELECTED, weights, [c for c in self.controls if c not in self.hidden]
        )
        if not self.channels and not self.sidebands:
            return result
        in_region, passed = self._in_regions(columns, weights, histograms)
        if self.kind == "signal":
            self._fill_triggers(histograms["trigger"], Columns(events, passed), weight[passed])
        if self.spec.trigger_lines:
            in_region &= (columns["triggers"] & self.lines["any"]) != 0
        # of the signal region a blind search shows nothing, and of its control channel only the observables
        controls = () if self.spec.blind else tuple(self.controls)
        self._fill_stage(histograms, events, weight, in_region & passed, (CLASSIFIED, "observable"), controls)
        if self.classifiers:
            below = in_region & ~passed
            self._fill_stage(histograms, events, weight, below, (SIDEBAND, "sideband"), tuple(self.controls))
        return result

    def postprocess(self, accumulator: dict[str, Any]) -> dict[str, Any]:
        """Nothing is left to do."""
        return accumulator

    def _channel(self, columns: Columns, rows: int) -> np.ndarray:
        """(n,) index of each row's channel."""
        return columns["channel"] if len(self.spec.channels) > 1 else np.zeros(rows, dtype=int)

    def _fill_stage(
        self,
        histograms: dict[str, ExactHistogram],
        events: Any,
        weight: np.ndarray,
        chosen: np.ndarray,
        names: tuple[str, str],
        controls: Sequence[str],
    ) -> None:
        """Fill controls and observables of chosen rows; names: of the stage, and of its observables."""
        stage, place = names
        rows = np.flatnonzero(chosen)
        columns = Columns(events, rows)
        self._fill_controls(histograms, columns, stage, Weights.of(weight[rows]), controls)
        channel_of = self._channel(columns, len(rows))
        for index, channel in enumerate(self.spec.channels):
            if f"{place}/{channel}" in histograms:
                here = rows[channel_of == index]
                self._fill_observables(histograms[f"{place}/{channel}"], Columns(events, here), weight[here])

    def _fill_observables(self, histogram: ExactHistogram, columns: Columns, weight: np.ndarray) -> None:
        """Fill rows into the spectrum of their channel; for signals at every point."""
        observables = [columns[o.name] for o in self.spec.observables]
        if self.kind != "signal":
            histogram.fill(observables, Weights.of(weight))
            return
        mass, length = columns["true_mass"], columns["true_proper_length"]
        factors = [lifetime_weights(self.components, point, mass, length) for point in self.points]
        used = [np.flatnonzero(factor) for factor in factors]
        points = np.repeat(np.arange(len(used)), [len(rows) for rows in used])
        rows = np.concatenate(used)
        weights = np.concatenate(
            [(weight * factor)[rows] for factor, rows in zip(factors, used, strict=True)]
        )
        histogram.fill([points, *(values[rows] for values in observables)], Weights.of(weights))

    def _fill_triggers(self, histogram: ExactHistogram, columns: Columns, weight: np.ndarray) -> None:
        """Candidates of every point that pass all else: all of them, and those of each line."""
        triggers, mass, length = (columns[n] for n in ("triggers", "true_mass", "true_proper_length"))
        for index, point in enumerate(self.points):
            weights = Weights.of(weight * lifetime_weights(self.components, point, mass, length))
            histogram.fill([index, 0], weights)
            for line, mask in enumerate(self.lines.values(), start=1):
                histogram.fill([index, line], weights[(triggers & mask) != 0])

    def _fill_controls(
        self,
        histograms: dict[str, ExactHistogram],
        columns: Columns,
        stage: str,
        weights: Weights,
        controls: Sequence[str],
    ) -> None:
        for name in controls:
            histograms[f"control/{name}"].fill([STAGES.index(stage), columns[name]], weights)

    def _in_regions(
        self, columns: Columns, weights: Weights, histograms: dict[str, ExactHistogram]
    ) -> tuple[np.ndarray, np.ndarray]:
        """(n,) whether a candidate is in a region, and whether in one whose classifier it passes.

        Fills the scores of a search that is not blind.
        """
        variable = columns[self.region_variable]
        channel_of = self._channel(columns, len(variable))
        channels = list(self.spec.channels)
        in_region, passed = np.zeros((2, len(variable)), dtype=bool)
        for index, region in enumerate(self.spec.regions):
            low, high = region.range_GeV
            mine = (variable >= low) & (variable < high) & (channel_of == channels.index(region.channel))
            rows = np.flatnonzero(mine)
            in_region[rows] = True
            if not self.classifiers:
                passed[rows] = True
                continue
            classifier = self.classifiers[region.name]
            needed = {name: columns[name][rows] for name in (*classifier.features, *ORIGIN)}
            own = classifier.own_scores(needed)
            if not self.spec.blind:
                scores = np.minimum(own, 1 - 1e-6)
                histograms["control/score"].fill([index, scores], weights[rows])
            passed[rows] = own >= classifier.cut
        return in_region, passed


def _line_masks(spec: HistogramSpec) -> dict[str, int]:
    """Names of trigger lines → bits of which one has to be set; `any` is what accepts an event."""
    lines = [*spec.trigger_lines, *spec.reported_lines]
    masks = {line: 1 << bit for bit, line in enumerate(lines)}
    masks["any"] = (1 << len(spec.trigger_lines)) - 1
    displaced = [masks[line] for line in spec.reported_lines if DISPLACED_LINE in line]
    return masks | {f"any or {DISPLACED_LINE}": masks["any"] | bit for bit in displaced}
