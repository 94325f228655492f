"""What the stages after the templates need to know: fits, limit tables and figures (see `stages`)."""

from typing import Any, Literal

from pydantic import Field

from darkreach.config.base import NonNegative, Positive, Section
from darkreach.config.figures import Figures
from darkreach.config.root import Config
from darkreach.config.samples import Decay, ModelName
from darkreach.config.search import Counting, MassWindow, Region, Scan, Systematics, Unblind
from darkreach.config.slices import slices_of


class ModelSpec(Section):
    """A model in a search: all that its rate depends on."""

    search: str
    model: ModelName
    detector: Literal["belle2", "belle"]
    production: Literal["mu", "tau", "tau_decay"]
    channels: dict[str, Decay]
    isr: bool
    alpha: Positive


class ScanSpec(ModelSpec):
    """Fits of one model in one slice of mass, `slice_GeV`; `scan` is the part of the scan that lies in it."""

    chunk: str
    slice_GeV: tuple[NonNegative, Positive]
    regions: list[Region]
    scan: Scan
    counting: Counting | None
    vetoes: list[MassWindow]
    systematics: Systematics
    blind: bool
    seed: int = Field(ge=0)


class SignificanceSpec(ScanSpec):
    """Global significance of the whole scan of one model."""

    chunks: list[str]


class LimitsSpec(ModelSpec):
    """Limit table of one model."""

    confidence_level: float
    chunks: list[str]
    blind: bool
    unblind: Unblind | None
    made_with: dict[str, list[dict[str, Any]]] = Field(
        description="stage → specifications of its jobs, each with the samples or regions that it is 'of'"
    )


class FigureSpec(ModelSpec):
    """Figures of one model."""

    confidence_level: float
    blind: bool
    vetoes: list[MassWindow]
    g_minus_2_band: str | None
    overlays: bool
    stand_in: bool = Field(description="the data are simulated")
    assumed: list[str]
    colours: Figures


def is_blind(config: Config, search_name: str) -> bool:
    """Collision data stay out of the signal region until the search is unblinded; simulated data do not."""
    samples = config.samples_of(search_name).values()
    collision_data = any(s.kind == "data" and s.simulate is None for s in samples)
    return collision_data and config.searches[search_name].unblind is None


def chunk_names(config: Config, search_name: str) -> list[str]:
    """Names of the slices in which each model of a search is scanned."""
    return list(slices_of(config.searches[search_name]))


def scan_spec(config: Config, search_name: str, model: ModelName, chunk: str) -> ScanSpec:
    """What `scan` needs for one model and one slice of its hypotheses."""
    search = config.searches[search_name]
    own = slices_of(search)[chunk]
    return ScanSpec(
        chunk=chunk,
        slice_GeV=(own.low_GeV, own.high_GeV),
        scan=own.part_of(search.scan),
        **_of_fits(config, search_name, model),
    )


def significance_spec(config: Config, search_name: str, model: ModelName) -> SignificanceSpec:
    """What `significance` needs for one model."""
    search = config.searches[search_name]
    slices = slices_of(search)
    borders = [border for one in slices.values() for border in (one.low_GeV, one.high_GeV)]
    return SignificanceSpec(
        chunk="all",
        slice_GeV=(min(borders), max(borders)),
        scan=search.scan,
        chunks=list(slices),
        **_of_fits(config, search_name, model),
    )


def _of_fits(config: Config, search_name: str, model: ModelName) -> dict[str, Any]:
    search = config.searches[search_name]
    return {
        "regions": search.regions,
        "counting": search.counting,
        "vetoes": search.vetoes,
        "systematics": search.systematics,
        "blind": is_blind(config, search_name),
        "seed": config.seed,
        **of_model(config, search_name, model),
    }


def of_model(config: Config, search_name: str, model: ModelName) -> dict[str, Any]:
    """The fields of `ModelSpec`."""
    search = config.searches[search_name]
    return {
        "search": search_name,
        "model": model,
        "detector": search.detector,
        "production": search.production,
        "channels": search.channels,
        "isr": search.isr,
        "alpha": search.alpha,
    }


def figure_spec(config: Config, search_name: str, model: ModelName) -> FigureSpec:
    """What `figures` needs for one model."""
    search = config.searches[search_name]
    data = [s for s in config.samples_of(search_name).values() if s.kind == "data"]
    return FigureSpec(
        confidence_level=search.scan.confidence_level,
        blind=is_blind(config, search_name),
        vetoes=search.vetoes,
        g_minus_2_band=search.g_minus_2_band,
        overlays=search.overlays,
        stand_in=all(sample.simulate is not None for sample in data),
        assumed=search.assumed,
        colours=config.figures,
        **of_model(config, search_name, model),
    )
