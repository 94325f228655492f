"""What the catalogue needs of the configuration: the samples of own files, or one simulated block."""

from typing import Literal

from pydantic import Field

from darkreach.config.base import Fraction, NonNegative, Positive, Section
from darkreach.config.root import Config
from darkreach.config.samples import Decay, LuminosityRow, ModelName, RunRange, Sample


class OwnBlock(Section):
    """A block that the configuration names; data have their luminosity here or in the sample's table."""

    files: list[str]
    luminosity_fb: Positive | None = None
    generated_events: int | None = None
    mass_GeV: Positive | None = None
    lifetime_m: NonNegative = 0.0
    closed: bool = False


class OwnSample(Section):
    """A sample of the user's own files: `blocks`, or `files` of which blocks are formed."""

    kind: Literal["data", "background", "signal"]
    searches: list[str]
    model: ModelName | None = None
    decay: Decay | None = None
    tree: str | None = None
    cross_section_fb: Positive | None = None
    files: list[str] = Field([])
    luminosity: str | list[LuminosityRow] | None = None
    good_runs: str | list[RunRange] | None = None
    block_luminosity_fb: Positive = 1.0
    generated_events_per_file: int | None = None
    block_files: int = 20
    closed: bool = False
    blocks: dict[str, OwnBlock] = Field({})


class CatalogueSpec(Section):
    """All samples of the user's own files."""

    samples: dict[str, OwnSample]
    tolerance: Fraction = 0.0


class ManifestSpec(Section):
    """One simulated block; `sidecar` is what the simulation wrote beside its ntuple."""

    kind: Literal["data", "background", "signal"]
    model: ModelName | None
    tree: str | None
    ntuple: str
    sidecar: str
    luminosity_fb: Positive | None = Field(description="of data, as a check of what was simulated")


def catalogue_spec(config: Config) -> CatalogueSpec:
    """What `catalogue` needs: every sample that is not simulated, in the order of the configuration."""
    return CatalogueSpec(
        samples={
            name: _own_sample(config, name, sample)
            for name, sample in config.samples.items()
            if sample.simulate is None
        },
        tolerance=config.tolerance,
    )


def _own_sample(config: Config, name: str, sample: Sample) -> OwnSample:
    blocks = {
        block_name: OwnBlock(
            files=block.files,
            luminosity_fb=block.luminosity_fb,
            generated_events=block.generated_events,
            mass_GeV=block.mass_GeV,
            lifetime_m=block.lifetimes_m[0],
            closed=block.closed,
        )
        for block_name, block in sample.blocks.items()
    }
    return OwnSample(
        kind=sample.kind,
        searches=sample.searches or list(config.searches),
        model=sample.model,
        decay=config.decay_of(name),
        tree=sample.tree,
        cross_section_fb=sample.cross_section_fb,
        files=sample.files,
        luminosity=sample.luminosity,
        good_runs=sample.good_runs,
        block_luminosity_fb=sample.block_luminosity_fb,
        generated_events_per_file=sample.generated_events_per_file,
        block_files=sample.block_files,
        closed=sample.closed,
        blocks=blocks,
    )


def manifest_spec(
    config: Config, sample_name: str, block_name: str, ntuple: str, sidecar: str
) -> ManifestSpec:
    """What `manifest` needs for one simulated block."""
    sample = config.samples[sample_name]
    return ManifestSpec(
        kind=sample.kind,
        model=sample.model,
        tree=sample.tree,
        ntuple=ntuple,
        sidecar=sidecar,
        # a simulated background counts by what was generated, however that was said
        luminosity_fb=sample.blocks[block_name].luminosity_fb if sample.kind == "data" else None,
    )
