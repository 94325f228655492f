"""What each stage needs to know: one specification per job, all of the configuration that matters to it.

A specification travels as JSON on the command line of its stage. Snakemake sees it as a parameter,
so a job runs again when, and only when, something changed that it depends on.
"""

from pathlib import Path
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError

from darkreach.config.base import Positive, Section
from darkreach.config.root import Config, Injection
from darkreach.config.samples import ModelName, Process
from darkreach.config.search import Classifier, Columns, MassWindow, MumuSelection, Scan, Systematics
from darkreach.errors import DarkreachError

SearchName = Literal["mumu_resonance"]


class SimulateSpec(Section):
    """One block to simulate. `luminosity_fb` is set for stand-in data, `generated_events` for the rest."""

    sample: str
    block: str
    kind: Literal["data", "background", "signal"]
    detector: Literal["belle2"]
    processes: list[Process]
    model: ModelName | None
    masses_GeV: list[Positive]
    generated_events: int | None
    luminosity_fb: Positive | None
    runs: tuple[int, int]
    injection: Injection | None
    alpha: Positive
    seed: int = Field(ge=0)


class CatalogueSpec(Section):
    """One block of ntuples; `sidecar` is what the simulation wrote beside a block of its own."""

    kind: Literal["data", "background", "signal"]
    model: ModelName | None
    tree: str | None
    files: list[str]
    sidecar: str | None
    luminosity_fb: Positive | None
    cross_section_fb: Positive | None
    generated_events: int | None
    mass_GeV: Positive | None


class SkimSpec(Section):
    """Preselection of one block for one search."""

    search: SearchName
    detector: Literal["belle2"]
    columns: Columns
    renamed: dict[str, str]
    selection: MumuSelection
    regions: list[MassWindow]


class TrainSpec(Section):
    """Classifier of one region."""

    search: SearchName
    region: MassWindow
    classifier: Classifier
    half_window_sigma: Positive
    luminosity_fb: Positive
    seed: int = Field(ge=0)


class HistogramSpec(Section):
    """Histograms of one block; executor and number of workers are no part of it: they change no number."""

    search: SearchName
    regions: list[MassWindow]
    folds: int
    observable_bin_GeV: Positive
    observable_maximum_GeV: Positive
    blind: bool


class MergeSpec(Section):
    """Templates of one search."""

    search: SearchName
    blind: bool


class ScanSpec(Section):
    """Fits of one model; every chunk of its hypotheses has the same specification."""

    search: SearchName
    model: ModelName
    regions: list[MassWindow]
    scan: Scan
    vetoes: list[MassWindow]
    systematics: Systematics
    blind: bool
    seed: int = Field(ge=0)


class LimitsSpec(Section):
    """Limit table and figure of one model."""

    search: SearchName
    model: ModelName
    detector: Literal["belle2"]
    isr: bool
    alpha: Positive
    confidence_level: float
    chunks: int
    vetoes: list[MassWindow]
    g_minus_2_band: str
    overlays: bool
    stand_in: bool = Field(description="the data are simulated")
    assumed: list[str]


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
    sample, search = config.samples[sample_name], next(iter(config.searches.values()))
    block = sample.blocks[block_name]
    return SimulateSpec(
        sample=sample_name,
        block=block_name,
        kind=sample.kind,
        detector=search.detector,
        processes=sample.simulate if isinstance(sample.simulate, list) else [],
        model=sample.model,
        masses_GeV=block.masses_GeV,
        generated_events=block.generated_events,
        luminosity_fb=block.luminosity_fb,
        runs=block.runs,
        injection=config.injection if sample.kind == "data" else None,
        alpha=search.alpha,
        seed=config.seed,
    )


def catalogue_spec(
    config: Config, sample_name: str, block_name: str, files: list[str], sidecar: str | None
) -> CatalogueSpec:
    """What `catalogue` needs for one block of `files`."""
    sample = config.samples[sample_name]
    block = sample.blocks[block_name]
    return CatalogueSpec(
        kind=sample.kind,
        model=sample.model,
        tree=sample.tree,
        files=files,
        sidecar=sidecar,
        luminosity_fb=block.luminosity_fb,
        cross_section_fb=sample.cross_section_fb,
        generated_events=None if sidecar else block.generated_events,
        mass_GeV=block.mass_GeV,
    )


def skim_spec(config: Config, search_name: SearchName, sample_name: str) -> SkimSpec:
    """What `skim` needs for the blocks of one sample."""
    search = config.searches[search_name]
    return SkimSpec(
        search=search_name,
        detector=search.detector,
        columns=search.columns,
        renamed=config.samples[sample_name].columns,
        selection=search.selection,
        regions=search.regions,
    )


def train_spec(config: Config, search_name: SearchName, region_name: str) -> TrainSpec:
    """What `train` needs for one region. The luminosity sets the background that the cut is chosen for."""
    search = config.searches[search_name]
    return TrainSpec(
        search=search_name,
        region=next(region for region in search.regions if region.name == region_name),
        classifier=search.classifier,
        half_window_sigma=search.scan.half_window_sigma,
        luminosity_fb=search.classifier.reference_luminosity_fb,
        seed=config.seed,
    )


def is_blind(config: Config, search_name: SearchName) -> bool:
    """Collision data stay out of the signal region until the search is unblinded; simulated data do not."""
    collision_data = any(s.kind == "data" and s.simulate is None for s in config.samples.values())
    return collision_data and not config.searches[search_name].unblinded


def histogram_spec(config: Config, search_name: SearchName, sample_name: str) -> HistogramSpec:
    """What `histogram` needs for the blocks of one sample."""
    search, sample = config.searches[search_name], config.samples[sample_name]
    return HistogramSpec(
        search=search_name,
        regions=search.regions,
        folds=search.classifier.folds,
        observable_bin_GeV=search.observable_bin_GeV,
        observable_maximum_GeV=search.observable_maximum_GeV,
        blind=sample.kind == "data" and sample.simulate is None and not search.unblinded,
    )


def merge_spec(config: Config, search_name: SearchName) -> MergeSpec:
    """What `merge` needs."""
    return MergeSpec(search=search_name, blind=is_blind(config, search_name))


def scan_spec(config: Config, search_name: SearchName, model: ModelName) -> ScanSpec:
    """What `scan` needs for one model."""
    search = config.searches[search_name]
    return ScanSpec(
        search=search_name,
        model=model,
        regions=search.regions,
        scan=search.scan,
        vetoes=search.vetoes,
        systematics=search.systematics,
        blind=is_blind(config, search_name),
        seed=config.seed,
    )


def limits_spec(config: Config, search_name: SearchName, model: ModelName) -> LimitsSpec:
    """What `limits` needs for one model."""
    search = config.searches[search_name]
    return LimitsSpec(
        search=search_name,
        model=model,
        detector=search.detector,
        isr=search.isr,
        alpha=search.alpha,
        confidence_level=search.scan.confidence_level,
        chunks=search.scan.chunks,
        vetoes=search.vetoes,
        g_minus_2_band=search.g_minus_2_band,
        overlays=search.overlays,
        stand_in=all(s.simulate is not None for s in config.samples.values() if s.kind == "data"),
        assumed=search.assumed,
    )


def as_json(spec: Section) -> str:
    """The specification as it travels on a command line: one line of JSON, keys in a fixed order."""
    return spec.model_dump_json()


def describe(spec: Section) -> dict[str, Any]:
    """The specification as plain values, to be stored beside a result."""
    return spec.model_dump(mode="json")
