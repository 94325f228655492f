"""The coffea processor: candidates of a skim → histograms."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import awkward as ak
import hist
import numpy as np
from coffea import processor

from darkreach.classifier.folds import EVENT
from darkreach.classifier.inference import RegionClassifier
from darkreach.config.stages import HistogramSpec
from darkreach.searches.registry import SEARCHES

PRESELECTED, CLASSIFIED = "preselected", "classified"
SCORE_BINS = 50


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
    """Fills the observable after the classifiers' cuts, and variables to look at.

    kind: data, background or signal; only signals need masses_GeV, those that the block has.
    The result is {"rows": int, "histograms": {name: hist.Hist}}; the spectrum of a signal has the true
    mass as its first axis. While the search is blind there is nothing of the mass or of the scores.
    """

    def __init__(
        self,
        spec: HistogramSpec,
        kind: str,
        masses_GeV: Sequence[float],
        classifiers: Sequence[RegionClassifier],
    ) -> None:
        self.spec, self.kind = spec, kind
        self.masses = sorted(masses_GeV)
        self.classifiers = {classifier.region: classifier for classifier in classifiers}
        search = SEARCHES[spec.search]
        hidden = {search.REGION_VARIABLE} if spec.blind else set()
        self.controls = {name: axis for name, axis in search.CONTROLS.items() if name not in hidden}

    def empty(self) -> dict[str, Any]:
        """The result for no rows."""
        search, spec = SEARCHES[self.spec.search], self.spec
        stage = hist.axis.StrCategory([PRESELECTED, CLASSIFIED], name="stage", overflow=False)
        histograms = {
            f"control/{name}": hist.Hist(stage, _axis(name, *binning), storage=hist.storage.Weight())
            for name, binning in self.controls.items()
        }
        if not spec.blind:
            bins = round(spec.observable_maximum_GeV / spec.observable_bin_GeV)
            axes: list[Any] = [_axis(search.OBSERVABLE, bins, 0.0, spec.observable_maximum_GeV)]
            if self.kind == "signal":
                names = [mass_name(mass) for mass in self.masses]
                axes.insert(0, hist.axis.StrCategory(names, name="true_mass", overflow=False))
            histograms["observable"] = hist.Hist(*axes, storage=hist.storage.Weight())
            regions = hist.axis.StrCategory(
                [region.name for region in spec.regions], name="region", overflow=False
            )
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
        passed = self._classify(columns, weight, histograms["control/score"])
        columns, weight = Columns(events, passed), weight[passed]
        self._fill_controls(histograms, columns, CLASSIFIED, weight)
        search = SEARCHES[self.spec.search]
        axes: dict[str, Any] = {search.OBSERVABLE: columns[search.OBSERVABLE], "weight": weight}
        if self.kind == "signal":
            nearest = np.abs(columns["true_mass"][:, None] - self.masses).argmin(1)
            axes["true_mass"] = [mass_name(self.masses[index]) for index in nearest]
        histograms["observable"].fill(**axes)
        return result

    def postprocess(self, accumulator: dict[str, Any]) -> dict[str, Any]:
        """Nothing is left to do."""
        return accumulator

    def _fill_controls(
        self, histograms: dict[str, hist.Hist], columns: Columns, stage: str, weight: np.ndarray
    ) -> None:
        for name in self.controls:
            axes: dict[str, Any] = {"stage": stage, name: columns[name], "weight": weight}
            histograms[f"control/{name}"].fill(**axes)

    def _classify(self, columns: Columns, weight: np.ndarray, scores: hist.Hist) -> np.ndarray:
        """(n,) whether a candidate passes the cut of its region; the score of each goes into `scores`."""
        mass = columns[SEARCHES[self.spec.search].REGION_VARIABLE]
        passed = np.zeros(len(mass), dtype=bool)
        for region in self.spec.regions:
            low, high = region.range_GeV
            rows = np.flatnonzero((mass >= low) & (mass < high))
            classifier = self.classifiers[region.name]
            needed = {name: columns[name][rows] for name in (*classifier.features, *EVENT)}
            own = classifier.own_scores(needed)
            scores.fill(region=region.name, score=np.minimum(own, 1 - 1e-6), weight=weight[rows])
            passed[rows] = own >= classifier.cut
        return passed


def mass_name(mass: float) -> str:
    """The mass as a category of an axis: the shortest text that gives the same number back."""
    return repr(float(mass))


def _axis(name: str, bins: int, low: float, high: float) -> hist.axis.Regular:
    return hist.axis.Regular(bins, low, high, name=name, flow=False)
