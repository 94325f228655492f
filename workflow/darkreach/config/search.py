"""The settings of a search. Values that no paper states are marked `assumed` in the YAML files."""

import re
from collections.abc import Sequence
from datetime import date
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from darkreach.config.base import Fraction, Name, NonNegative, Positive, Section
from darkreach.config.ntuple_cuts import NtupleCuts
from darkreach.config.samples import Decay, ModelName

# names of parameters that every likelihood has of its own
_RESERVED = re.compile(r"mu|peak_position|peak_width|background_\w+")


GMinus2Band = Literal["BaBar_2020", "FNAL21+WP20", "FNAL23+WP20", "FNAL25+WP25"]


class MassWindow(Section):
    """A range of the dimuon mass, in GeV."""

    name: Name
    range_GeV: tuple[NonNegative, Positive]

    @model_validator(mode="after")
    def _ordered(self) -> "MassWindow":
        if self.range_GeV[0] >= self.range_GeV[1]:
            raise ValueError(f"'range_GeV' must be [low, high] with low < high, found {list(self.range_GeV)}")
        return self


def _check_names(key: str, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"'{key}' has '{twice[0]}' twice; remove or rename one")


class Region(MassWindow):
    """A slice of a search with a classifier of its own: a range of the region variable in one channel."""

    channel: Name


class Observable(Section):
    """An axis of the templates, from zero: far finer than the resolution."""

    name: Name
    bin_GeV: Positive
    maximum_GeV: Positive

    @model_validator(mode="after")
    def _has_bins(self) -> "Observable":
        if self.bin_GeV >= self.maximum_GeV:
            raise ValueError("'bin_GeV' must be smaller than 'maximum_GeV'")
        return self


class Columns(Section):
    """Where the search finds its variables: own names → names of branches, as basf2 writes them.

    A track variable is looked up as the track's prefix, an underscore, and the variable's name.
    """

    tracks: dict[Name, str] = Field(description="prefixes of the tracks")
    track_variables: dict[Name, str]
    event_variables: dict[Name, str]
    truth: dict[Name, str] = Field(description="only read in signal samples")


class Classifier(Section):
    """A neural network or boosted trees per region, k of them by folds of events."""

    kind: Literal["network", "trees"] = "network"
    folds: int = Field(ge=2)
    hidden_layers: list[Annotated[int, Field(ge=1)]] = Field([24, 12], description="of a network")
    maximum_epochs: int = Field(60, ge=1, description="of a network")
    iterations: int = Field(150, ge=1, description="of boosting, at most")
    leaves: int = Field(15, ge=2, description="of a tree, at most")
    learning_rate: Positive = Field(0.1, description="of boosting")
    maximum_events: int = Field(ge=100, description="rows of signal and of background used per region")
    punzi_sigma: Positive = Field(description="a in ε/(a/2 + √B), which chooses the cut on the score")
    reference_luminosity_fb: Positive = Field(description="luminosity for which the cut is chosen, fb⁻¹")
    minimum_background: NonNegative = Field(
        description="smallest background per fit window that the cut may leave"
    )


class Unblind(Section):
    """The decision to look at collision data in the signal region."""

    who: str = Field(min_length=1)
    when: date
    why: str = Field(min_length=1)

    def __str__(self) -> str:
        return f"unblinded by {self.who} on {self.when}: {self.why}"


Lifetime = NonNegative | Literal["natural"]


class Scan(Section):
    """Which hypotheses are tested and how each is fitted."""

    range_GeV: tuple[Positive, Positive]
    step_sigma: Positive | None = Field(None, description="distance of hypotheses in mass resolutions")
    step_GeV: Positive | None = Field(None, description="distance of hypotheses, instead of 'step_sigma'")
    lifetimes_m: list[Lifetime] = Field(
        [0.0], min_length=1, description="cτ in m of the hypotheses, or natural: that of the model"
    )
    chunks: int = Field(1, ge=1, description="jobs per lifetime and per interval between borders of regions")
    half_window_sigma: Positive = Field(
        25, description="half width of the fit window in units of the resolution"
    )
    bin_sigma: Positive = Field(0.5, description="bin width of the fit in units of the resolution")
    background_degree: int = Field(2, ge=0, le=4, description="degree of the Bernstein polynomial")
    confidence_level: float = Field(gt=0.5, lt=1)
    toys: int = Field(ge=0, description="toys per hypothesis with few events; 0: asymptotic limits for all")
    toys_below_events: NonNegative = Field(10, description="effective background below which events are few")
    global_toys: int = Field(ge=1, description="toys of the whole spectrum for the global p-value")
    referee_share: Fraction = Field(description="of the hypotheses, which pyhf computes again")
    referee_tolerance: Positive = Field(0.005, description="relative difference of limits that disagrees")

    @model_validator(mode="after")
    def _ordered(self) -> "Scan":
        if self.range_GeV[0] > self.range_GeV[1]:  # they may be equal: one mass
            raise ValueError(f"'range_GeV' must be [low, high] with low < high, found {list(self.range_GeV)}")
        if (self.step_sigma is None) == (self.step_GeV is None):
            raise ValueError("give one of 'step_sigma' and 'step_GeV'")
        if len(set(self.lifetimes_m)) < len(self.lifetimes_m):
            raise ValueError("'lifetimes_m' has a lifetime twice; give each once")
        return self


class Counting(Section):
    """Signal regions of a search that counts events, their background, and the couplings that it tests."""

    couplings: tuple[Positive, Positive] = Field(description="lowest and highest coupling to test")
    couplings_per_decade: int = Field(ge=2, description="couplings to test before edges are refined")
    signal_fraction: float = Field(gt=0, lt=1, description="of the signal that a signal region holds")
    mass_borders_GeV: list[Positive] = Field([], description="masses at which the signal region changes")
    background_smearing_GeV: Positive = Field(
        description="Gaussian kernel of each simulated background event"
    )
    extrapolation: Positive = Field(
        description="relative uncertainty of the ratio of signal region to control channel, beyond counting"
    )


class Systematics(Section):
    """Relative uncertainties of the signal yield, and of the place and width of its peak."""

    rates: dict[Name, Fraction]
    peak_position: Fraction = Field(0.0, description="shift of the peak, as a fraction of the resolution")
    peak_width: Fraction = Field(0.0, description="relative uncertainty of the resolution")

    @model_validator(mode="after")
    def _names_are_free(self) -> "Systematics":
        taken = sorted(filter(_RESERVED.fullmatch, self.rates))
        if taken:
            raise ValueError(f"'rates' cannot have '{taken[0]}', a parameter of every fit; rename it")
        return self


class Search(Section):
    """One analysis: its selection, regions, observables, scan and systematics."""

    detector: Literal["belle2", "belle"]
    models: list[ModelName] = Field(min_length=1)
    production: Literal["mu", "tau", "tau_decay"] = Field(
        description="X is radiated by a muon or tau pair, or is a decay product of a tau"
    )
    channels: dict[Name, Decay] = Field(min_length=1, description="channel → decay of X that it looks for")
    unblind: Unblind | None = Field(None, description="none: collision data stay out of the signal region")
    isr: bool = Field(description="cross-sections for coupling limits include initial-state radiation")
    alpha: Positive = Field(description="fine-structure constant of the production cross-section")
    ntuple: NtupleCuts = Field(description="cuts of the simulated ntuples")
    columns: Columns
    on_nan: Literal["error", "reject"] = Field(description="a row with NaN in a variable of the selection")
    trigger_lines: list[str] = Field(description="an event passes if any of these trigger columns is set")
    reported_lines: list[str] = Field(
        [], description="further trigger columns: their efficiencies are reported, but they accept nothing"
    )
    selection: dict[str, Any] = Field(description="cuts; which there are says the search's module")
    regions: list[Region] = Field(min_length=1)
    vetoes: list[MassWindow] = Field([], description="masses that are neither fitted nor tested")
    observables: list[Observable] = Field(min_length=1, max_length=2)
    lifetimes_m: list[NonNegative] = Field(
        [0.0], description="cτ in m for which there are signal templates, by reweighting"
    )
    classifier: Classifier | None = Field(None, description="none: every row of a region passes")
    scan: Scan
    counting: Counting | None = None
    systematics: Systematics
    g_minus_2_band: GMinus2Band | None = None
    overlays: bool = Field(description="draw the limits of other experiments")
    assumed: list[str] = Field([], description="keys whose values are assumed, not published")

    @model_validator(mode="before")
    @classmethod
    def _regions_of_the_first_channel(cls, values: Any) -> Any:
        """Regions that name no channel belong to the first."""
        try:
            first = next(iter(values["channels"]))
            regions = [{"channel": first, **region} for region in values["regions"]]
        except (KeyError, TypeError, StopIteration):
            return values
        return {**values, "regions": regions}

    @model_validator(mode="after")
    def _names_are_unique(self) -> "Search":
        _check_names("models", self.models)
        _check_names("regions", [region.name for region in self.regions])
        _check_names("vetoes", [veto.name for veto in self.vetoes])
        _check_names("observables", [observable.name for observable in self.observables])
        return self

    @model_validator(mode="after")
    def _regions_do_not_overlap(self) -> "Search":
        for channel in self.channels:
            edges = [region.range_GeV for region in self.regions if region.channel == channel]
            if any(a[1] > b[0] for a, b in pairwise(edges)):
                raise ValueError("'regions' must be in order of mass and must not overlap")
        unknown = sorted({region.channel for region in self.regions} - set(self.channels))
        if unknown:
            raise ValueError(f"'regions' name channel '{unknown[0]}', which 'channels' lacks")
        return self

    @model_validator(mode="after")
    def _scan_is_covered(self) -> "Search":
        low, high = self.scan.range_GeV
        for observable in self.observables:
            if high > observable.maximum_GeV:
                raise ValueError(
                    f"'scan.range_GeV' ends at {high:g} GeV, beyond 'maximum_GeV' of '{observable.name}', "
                    f"{observable.maximum_GeV:g} GeV; narrow the scan or raise the maximum"
                )
        covered = low
        for region in sorted(self.regions, key=lambda region: region.range_GeV):
            if region.range_GeV[0] <= covered:
                covered = max(covered, region.range_GeV[1])
        if covered < high:
            raise ValueError(
                f"no region covers {covered:g} GeV, but 'scan.range_GeV' is [{low:g}, {high:g}]; "
                "extend 'regions' or narrow the scan"
            )
        return self
