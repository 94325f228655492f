"""What each stage needs to know: one specification per job, all of the configuration that matters to it.

A specification travels as JSON on the command line of its stage. Snakemake sees it as a parameter,
so a job runs again when, and only when, something changed that it depends on.
"""

from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from darkreach.config.base import Fraction, NonNegative, Positive, Section
from darkreach.config.cataloguing import CatalogueSpec as CatalogueSpec
from darkreach.config.cataloguing import ManifestSpec as ManifestSpec
from darkreach.config.cataloguing import catalogue_spec as catalogue_spec
from darkreach.config.cataloguing import manifest_spec as manifest_spec
from darkreach.config.fits import (  # noqa: F401  all specifications can be found here
    FigureSpec,
    LimitsSpec,
    ModelSpec,
    ScanSpec,
    SignificanceSpec,
    chunk_names,
    figure_spec,
    is_blind,
    of_model,
    scan_spec,
    significance_spec,
)
from darkreach.config.ntuple_cuts import NtupleCuts
from darkreach.config.root import Config, Injection
from darkreach.config.samples import Decay, ModelName, Process
from darkreach.config.search import (
    Classifier,
    Columns,
    Observable,
    Region,
    Search,
)
from darkreach.errors import DarkreachError


class SimulateSpec(Section):
    """One block to simulate, as an ntuple for one search.

    Stand-in data have `luminosity_fb`; backgrounds that or `generated_events`; signals `generated_events`
    for each combination of masses and lifetimes.
    """

    sample: str
    block: str
    kind: Literal["data", "background", "signal"]
    search: str
    detector: Literal["belle2", "belle"]
    production: Literal["mu", "tau", "tau_decay"]
    processes: list[Process]
    model: ModelName | None
    decay: Decay | None
    masses_GeV: list[Positive]
    lifetimes_m: list[NonNegative]
    generated_events: int | None
    luminosity_fb: Positive | None
    runs: tuple[int, int]
    injection: Injection | None
    ntuple: NtupleCuts
    alpha: Positive
    seed: int = Field(ge=0)


class SkimSpec(Section):
    """Preselection of one block for one search."""

    search: str
    detector: Literal["belle2", "belle"]
    columns: Columns
    renamed: dict[str, str]
    on_nan: Literal["error", "reject"]
    trigger_lines: list[str]
    reported_lines: list[str]
    selection: dict[str, Any]


class TrainSpec(Section):
    """Classifier of one region; `channel_index` is the number that rows of its channel have in a skim."""

    search: str
    region: Region
    channel_index: int
    decay: Decay
    classifier: Classifier
    half_window_sigma: Positive
    luminosity_fb: Positive
    seed: int = Field(ge=0)


class HistogramSpec(Section):
    """Histograms of one block; executor and number of workers are no part of it: they change no number."""

    search: str
    channels: dict[str, Decay]
    regions: list[Region]
    folds: int | None = Field(description="of the classifiers; None if there are none")
    observables: list[Observable]
    lifetimes_m: list[NonNegative]
    trigger_lines: list[str]
    reported_lines: list[str]
    blind: bool = Field(description="only sidebands and the control channel may be looked at")
    control_channel: str | None = None


class MergeSpec(Section):
    """Templates of one search."""

    search: str
    channels: dict[str, Decay]
    samples: dict[str, list[str] | None] = Field(
        description="sample → its simulated blocks; None: the user's own files, whose index has the blocks"
    )
    tolerance: Fraction = Field(
        0.0, description="of a sample's luminosity or entries: how much may be unread"
    )
    blind: bool
    control_channel: str | None = None


class MergeBlocksSpec(Section):
    """Sums over some blocks of one sample."""

    search: str
    sample: str


Spec = TypeVar("Spec", bound=Section)


def read_spec(kind: type[Spec], text: str) -> Spec:
    """The specification in `text`: JSON, or @FILE with JSON in it.

    Raises:
        DarkreachError: it cannot be read, or does not fit the stage.
    """
    try:
        return kind.model_validate_json(Path(text[1:]).read_text() if text.startswith("@") else text)
    except OSError as error:
        raise DarkreachError(f"--spec {text}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DarkreachError(f"--spec {text}: not a text file; give JSON") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"])) or "the whole"
        raise DarkreachError(f"--spec: '{key}': {first['msg']}") from None


def simulate_spec(config: Config, sample_name: str, block_name: str) -> SimulateSpec:
    """What `simulate` needs for one block; the seed is of the whole configuration, not of the block."""
    sample, search_name = config.samples[sample_name], config.search_of(sample_name)
    search, block = config.searches[search_name], sample.blocks[block_name]
    return SimulateSpec(
        sample=sample_name,
        block=block_name,
        kind=sample.kind,
        search=search_name,
        detector=search.detector,
        production=search.production,
        processes=sample.simulate if isinstance(sample.simulate, list) else [],
        model=sample.model,
        decay=config.decay_of(sample_name),
        masses_GeV=block.masses_GeV,
        lifetimes_m=block.lifetimes_m,
        generated_events=block.generated_events,
        luminosity_fb=block.luminosity_fb,
        runs=block.runs,
        injection=_injection(config, search_name) if sample.kind == "data" else None,
        ntuple=search.ntuple,
        alpha=search.alpha,
        seed=config.seed,
    )


def needs_tau_library(spec: SimulateSpec) -> bool:
    """Whether there are τ in a block to simulate."""
    decays = {spec.decay, spec.injection.decay if spec.injection else None}
    signal = spec.kind == "signal" or spec.injection is not None
    return (
        bool({"tautau", "mumutautau"} & set(spec.processes))
        or "tautau" in decays
        or (signal and spec.production != "mu")
    )


def _injection(config: Config, search_name: str) -> Injection | None:
    """The signal to add to the data of a search, if any, with its decay."""
    injection = config.injection
    if injection is None or injection.search not in (None, search_name):
        return None
    first = next(iter(config.searches[search_name].channels.values()))
    return injection.model_copy(update={"search": search_name, "decay": injection.decay or first})


def skim_spec(config: Config, search_name: str, sample_name: str) -> SkimSpec:
    """What `skim` needs for the blocks of one sample."""
    search = config.searches[search_name]
    return SkimSpec(
        search=search_name,
        detector=search.detector,
        columns=search.columns,
        renamed=config.samples[sample_name].columns,
        on_nan=search.on_nan,
        trigger_lines=search.trigger_lines,
        reported_lines=search.reported_lines,
        selection=search.selection,
    )


def train_spec(config: Config, search_name: str, region_name: str) -> TrainSpec:
    """What `train` needs for one region. The luminosity sets the background that the cut is chosen for."""
    search = config.searches[search_name]
    classifier = search.classifier
    if classifier is None:
        raise ValueError(f"search '{search_name}' has no classifier")
    region = next(region for region in search.regions if region.name == region_name)
    return TrainSpec(
        search=search_name,
        region=region,
        channel_index=list(search.channels).index(region.channel),
        decay=search.channels[region.channel],
        classifier=classifier,
        half_window_sigma=search.scan.half_window_sigma,
        luminosity_fb=classifier.reference_luminosity_fb,
        seed=config.seed,
    )


def control_channel(search: Search) -> str | None:
    """The channel that measures the background of a search that counts events: the last one."""
    return list(search.channels)[-1] if search.counting else None


def histogram_spec(config: Config, search_name: str, sample_name: str) -> HistogramSpec:
    """What `histogram` needs for the blocks of one sample; no data of a blind search are looked at."""
    search = config.searches[search_name]
    return HistogramSpec(
        search=search_name,
        channels=search.channels,
        regions=search.regions,
        folds=search.classifier.folds if search.classifier else None,
        observables=search.observables,
        lifetimes_m=search.lifetimes_m,
        trigger_lines=search.trigger_lines,
        reported_lines=search.reported_lines,
        blind=config.samples[sample_name].kind == "data" and is_blind(config, search_name),
        control_channel=control_channel(search),
    )


def merge_blocks_spec(config: Config, search_name: str, sample_name: str) -> MergeBlocksSpec:
    """What `merge-blocks` needs."""
    return MergeBlocksSpec(search=search_name, sample=sample_name)


def merge_spec(config: Config, search_name: str) -> MergeSpec:
    """What `merge` needs."""
    search = config.searches[search_name]
    return MergeSpec(
        search=search_name,
        channels=search.channels,
        samples={
            name: None if sample.simulate is None else sorted(sample.blocks)
            for name, sample in config.samples_of(search_name).items()
        },
        tolerance=config.tolerance,
        blind=is_blind(config, search_name),
        control_channel=control_channel(search),
    )


def limits_spec(config: Config, search_name: str, model: ModelName) -> LimitsSpec:
    """What `limits` needs for one model."""
    search = config.searches[search_name]
    return LimitsSpec(
        confidence_level=search.scan.confidence_level,
        chunks=chunk_names(config, search_name),
        blind=is_blind(config, search_name),
        unblind=search.unblind,
        made_with=specs_before_scan(config, search_name),
        **of_model(config, search_name, model),
    )


def specs_before_scan(config: Config, search_name: str) -> dict[str, list[dict[str, Any]]]:
    """Stage → what its jobs for a search were told; samples or regions that were told the same together."""
    search, samples = config.searches[search_name], config.samples_of(search_name)
    regions = [region.name for region in search.regions] if search.classifier else []
    merge = describe(merge_spec(config, search_name))
    del merge["samples"]  # how files are grouped into blocks changes no number
    return {
        "skim": _together({name: skim_spec(config, search_name, name) for name in samples}),
        "train": _together({name: train_spec(config, search_name, name) for name in regions}),
        "histogram": _together({name: histogram_spec(config, search_name, name) for name in samples}),
        "merge": [{"of": [search_name], "spec": merge}],
    }


def _together(specs: dict[str, Section]) -> list[dict[str, Any]]:
    found: dict[str, list[str]] = {}
    for name, spec in specs.items():
        found.setdefault(as_json(spec), []).append(name)
    return [{"of": names, "spec": describe(specs[names[0]])} for names in found.values()]


def as_json(spec: Section) -> str:
    """The specification as it travels on a command line: one line of JSON, keys in a fixed order."""
    return spec.model_dump_json()


def describe(spec: Section) -> dict[str, Any]:
    """The specification as plain values, to be stored beside a result."""
    return spec.model_dump(mode="json")
