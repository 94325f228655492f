"""The settings of a search. Values that no paper states are marked `assumed` in the YAML files."""

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal, get_args

from pydantic import Field, model_validator

from darkreach.config.base import Fraction, Name, NonNegative, Positive, Section
from darkreach.config.samples import ModelName

# names of parameters that every likelihood has of its own
_RESERVED = re.compile(r"mu|peak_position|peak_width|background_\d+")


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


class MumuSelection(Section):
    """Selection of e⁺e⁻ → μ⁺μ⁻X, X → μ⁺μ⁻: four tracks that carry the whole energy."""

    maximum_abs_dr_cm: Positive
    maximum_abs_dz_cm: Positive
    minimum_muon_id: Fraction
    minimum_identified_muons: int = Field(ge=0, le=4)
    four_track_mass_GeV: tuple[Positive, Positive]
    maximum_extra_energy_GeV: Positive
    maximum_tracks: int = Field(ge=4, description="charged tracks in the event")
    trigger_lines: list[str] = Field(description="an event passes if any of these trigger columns is set")
    on_nan: Literal["error", "reject"] = Field(description="a row with NaN in a selection variable")

    @model_validator(mode="after")
    def _ordered(self) -> "MumuSelection":
        low, high = self.four_track_mass_GeV
        if low >= high:
            raise ValueError(
                f"'four_track_mass_GeV' must be [low, high] with low < high, found {[low, high]}"
            )
        return self


class Columns(Section):
    """Where the search finds its variables: logical names → names of branches, as basf2 writes them.

    A track variable is looked up as the track's prefix, an underscore, and the variable's name.
    """

    tracks: dict[Literal["x_plus", "x_minus", "recoil_plus", "recoil_minus"], str] = Field(
        description="prefixes of the four tracks: the pair that makes X, then the other pair"
    )
    track_variables: dict[Literal["px", "py", "pz", "charge", "dr", "dz", "muon_id"], str]
    event_variables: dict[Literal["beam_px", "beam_py", "beam_pz", "beam_e", "n_tracks", "extra_energy"], str]
    truth: dict[Literal["is_signal", "true_mass"], str] = Field(description="only read in signal samples")

    @model_validator(mode="after")
    def _complete(self) -> "Columns":
        for key, field in type(self).model_fields.items():
            missing = set(get_args(get_args(field.annotation)[0])) - set(getattr(self, key))
            if missing:
                raise ValueError(f"'{key}' lacks '{min(missing)}'")
        return self


class Classifier(Section):
    """One neural network per region, k of them by folds of events."""

    folds: int = Field(ge=2)
    hidden_layers: list[Annotated[int, Field(ge=1)]]
    maximum_epochs: int = Field(ge=1)
    maximum_events: int = Field(ge=100, description="rows of signal and of background used per region")
    punzi_sigma: Positive = Field(description="a in ε/(a/2 + √B), which chooses the cut on the score")
    reference_luminosity_fb: Positive = Field(description="luminosity for which the cut is chosen, fb⁻¹")
    minimum_background: NonNegative = Field(
        description="smallest background per fit window that the cut may leave"
    )


class Scan(Section):
    """Which hypotheses are tested and how each is fitted."""

    range_GeV: tuple[Positive, Positive]
    step_sigma: Positive = Field(description="distance of hypotheses in units of the mass resolution")
    chunks: int = Field(ge=1, description="parallel jobs per model")
    half_window_sigma: Positive = Field(description="half width of the fit window in units of the resolution")
    bin_sigma: Positive = Field(description="bin width of the fit in units of the resolution")
    background_degree: int = Field(ge=0, le=4, description="degree of the Bernstein polynomial")
    confidence_level: float = Field(gt=0.5, lt=1)
    toys: int = Field(ge=0, description="toys per hypothesis with few events; 0: asymptotic limits for all")
    toys_below_events: NonNegative = Field(description="effective background below which events are few")
    global_toys: int = Field(ge=1, description="toys of the whole spectrum for the global p-value")
    referee_hypotheses: int = Field(ge=0, description="hypotheses per model that pyhf computes again")
    referee_tolerance: Positive = Field(description="relative difference of limits that is a disagreement")

    @model_validator(mode="after")
    def _ordered(self) -> "Scan":
        if self.range_GeV[0] >= self.range_GeV[1]:
            raise ValueError(f"'range_GeV' must be [low, high] with low < high, found {list(self.range_GeV)}")
        return self


class Systematics(Section):
    """Relative uncertainties of the signal yield, and of the place and width of its peak."""

    rates: dict[Name, Fraction]
    peak_position: Fraction = Field(description="shift of the peak, as a fraction of the resolution")
    peak_width: Fraction = Field(description="relative uncertainty of the resolution")

    @model_validator(mode="after")
    def _names_are_free(self) -> "Systematics":
        taken = sorted(filter(_RESERVED.fullmatch, self.rates))
        if taken:
            raise ValueError(f"'rates' cannot have '{taken[0]}', a parameter of every fit; rename it")
        return self


class Search(Section):
    """One analysis: its selection, regions, observable, scan and systematics."""

    detector: Literal["belle2"]
    models: list[ModelName] = Field(min_length=1)
    unblinded: bool = Field(description="look at collision data in the signal region")
    isr: bool = Field(description="cross-sections for coupling limits include initial-state radiation")
    alpha: Positive = Field(description="fine-structure constant of the production cross-section")
    columns: Columns
    selection: MumuSelection
    regions: list[MassWindow] = Field(min_length=1)
    vetoes: list[MassWindow]
    observable_bin_GeV: Positive
    observable_maximum_GeV: Positive
    classifier: Classifier
    scan: Scan
    systematics: Systematics
    g_minus_2_band: GMinus2Band
    overlays: bool = Field(description="draw the limits of other experiments")
    assumed: list[str] = Field([], description="keys whose values are assumed, not published")

    @model_validator(mode="after")
    def _regions_do_not_overlap(self) -> "Search":
        edges = [region.range_GeV for region in self.regions]
        if any(a[1] > b[0] for a, b in pairwise(edges)):
            raise ValueError("'regions' must be in order of mass and must not overlap")
        _check_names("models", self.models)
        _check_names("regions", [region.name for region in self.regions])
        _check_names("vetoes", [veto.name for veto in self.vetoes])
        return self

    @model_validator(mode="after")
    def _scan_is_covered(self) -> "Search":
        low, high = self.scan.range_GeV
        if high > self.observable_maximum_GeV:
            raise ValueError(
                f"'scan.range_GeV' ends at {high:g} GeV, beyond 'observable_maximum_GeV', "
                f"{self.observable_maximum_GeV:g} GeV; narrow the scan or raise the maximum"
            )
        if self.observable_bin_GeV >= self.observable_maximum_GeV:
            raise ValueError("'observable_bin_GeV' must be smaller than 'observable_maximum_GeV'")
        covered = low
        for region in self.regions:
            if region.range_GeV[0] <= covered:
                covered = max(covered, region.range_GeV[1])
        if covered < high:
            raise ValueError(
                f"no region covers {covered:g} GeV, but 'scan.range_GeV' is [{low:g}, {high:g}]; "
                "extend 'regions' or narrow the scan"
            )
        return self
