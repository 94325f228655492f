"""Samples and their blocks: the user's own ntuples, or what the workflow simulates in their place."""

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import Field, model_validator

from darkreach.config.base import Name, NonNegative, Positive, Section

ModelName = Literal["zprime", "muonphilic_scalar", "leptophilic_scalar", "alp", "hnl", "hnl_majorana"]
# what X decays to, as a search looks for it
Decay = Literal["mumu", "ee", "tautau", "mumunu", "invisible"]
Process = Literal["fourmuon", "mumutautau", "tautau", "mumu", "qqbar", "bbbar"]
RunNumber = Annotated[int, Field(ge=0, lt=2**31)]  # a 32-bit integer in ntuples
LuminosityRow = tuple[int, RunNumber, RunNumber, NonNegative]  # experiment, first and last run, fb⁻¹
RunRange = tuple[int, RunNumber, RunNumber]  # experiment, first and last run


class Block(Section):
    """The unit that is added, processed and counted. Which keys it needs follows from its sample."""

    files: list[str] = Field([], description="the user's ntuples: folders, glob patterns, paths or URLs")
    closed: bool = Field(False, description="no more files are expected; a new one is refused")
    luminosity_fb: Positive | None = Field(
        None, description="of a data block; of a simulated background the luminosity it is worth, fb⁻¹"
    )
    runs: tuple[RunNumber, RunNumber] = Field(
        (1, 100), description="first and last run number of a simulated block"
    )
    generated_events: int | None = Field(
        None, gt=0, description="events generated: to be simulated (signals: per mass), or behind the files"
    )
    mass_GeV: Positive | None = Field(None, description="mass of X in the files of a signal block")
    masses_GeV: list[Positive] = Field([], description="masses of X to simulate in a signal block")
    lifetimes_m: list[NonNegative] = Field(
        [0.0], min_length=1, description="cτ of X in a signal block: each mass is simulated with each"
    )

    @model_validator(mode="after")
    def _runs_are_ordered(self) -> "Block":
        if self.runs[0] > self.runs[1]:
            raise ValueError(f"'runs' must be [first, last], found {list(self.runs)}")
        return self


class Sample(Section):
    """Ntuple files of one origin: collision data, one background, or one signal model."""

    kind: Literal["data", "background", "signal"]
    searches: list[Name] = Field([], description="searches that use the sample; none: all that there are")
    model: ModelName | None = Field(None, description="the model of a signal sample")
    decay: Decay | None = Field(None, description="of X in a signal sample, if its search has several")
    simulate: list[Process] | Literal["signal"] | None = Field(
        None, description="processes that the workflow simulates; without it the blocks name files"
    )
    cross_section_fb: Positive | None = Field(
        None, description="cross-section of the user's background files, fb"
    )
    tree: str | None = Field(None, description="name of the tree, when it cannot be guessed")
    columns: dict[str, str] = Field({}, description="branch names that differ from those of the search")
    blocks: dict[Name, Block] = Field({}, description="what is added, processed and counted, by name")
    files: list[str] = Field([], description="instead of blocks: files of which blocks are formed")
    luminosity: str | list[LuminosityRow] | None = Field(None, description="of data: CSV file, or its rows")
    good_runs: str | list[RunRange] | None = Field(None, description="of data: CSV file, or its rows")
    block_luminosity_fb: Positive = Field(1.0, description="about the size of a formed block of data, fb⁻¹")
    generated_events_per_file: int | None = Field(None, gt=0, description="behind each of 'files'")
    block_files: int = Field(20, ge=1, description="'files' of a formed block of simulation")
    closed: bool = Field(False, description="no more of 'files' are expected; a new one is refused")

    @model_validator(mode="after")
    def _either_files_or_blocks(self) -> "Sample":
        if self.files and self.blocks:
            raise ValueError("a sample has either 'files', of which blocks are formed, or 'blocks'")
        if not self.files and not self.blocks:
            raise ValueError("a sample needs 'files' or at least one block")
        if self.files and self.simulate is not None:
            raise ValueError("a simulated sample has 'blocks', not 'files'")
        if self.files and self.kind == "signal":
            raise ValueError("a signal sample needs 'blocks', as each has a mass; list its files there")
        if self.files and self.kind == "data" and self.luminosity is None:
            raise ValueError("a data sample with 'files' needs 'luminosity', fb⁻¹ by runs")
        if self.files and self.kind == "background" and self.generated_events_per_file is None:
            raise ValueError("a background sample with 'files' needs 'generated_events_per_file'")
        return self

    @model_validator(mode="after")
    def _keys_have_a_use(self) -> "Sample":
        own_data = self.kind == "data" and self.simulate is None
        uses = {
            "luminosity": (own_data, "data of your own files"),
            "good_runs": (own_data, "data of your own files"),
            "block_luminosity_fb": (self.kind == "data" and bool(self.files), "data with 'files'"),
            "generated_events_per_file": (
                self.kind == "background" and bool(self.files),
                "a background with 'files'",
            ),
            "block_files": (self.kind == "background" and bool(self.files), "a background with 'files'"),
            "closed": (bool(self.files), "a sample with 'files'; close each block where there are 'blocks'"),
        }
        for key, (used, where) in uses.items():
            if not used and getattr(self, key) != type(self).model_fields[key].default:
                raise ValueError(f"'{key}' is of use only for {where}")
        if self.good_runs is not None and self.luminosity is None:
            raise ValueError(
                "'good_runs' needs 'luminosity' by runs, as the luminosity of other runs is left out"
            )
        return self

    @model_validator(mode="after")
    def _blocks_have_what_they_need(self) -> "Sample":
        if (self.kind == "signal") != (self.model is not None):
            raise ValueError("'model' is needed by signal samples, and only by them")
        if self.decay is not None and self.kind != "signal":
            raise ValueError("only a signal sample can have 'decay'")
        if self.simulate is not None and (self.simulate == "signal") != (self.kind == "signal"):
            raise ValueError("a signal sample is simulated with 'simulate: signal', others with a list")
        if self.kind == "background" and self.simulate is not None and len(self.simulate) != 1:
            raise ValueError("a simulated background has exactly one process")
        if self.kind == "background" and self.simulate is None and self.cross_section_fb is None:
            raise ValueError("a background sample of your own files needs 'cross_section_fb'")
        for name, block in self.blocks.items():
            for key, needed in self._needed(block).items():
                if needed and not getattr(block, key):
                    raise ValueError(f"block '{name}' of a {self.kind} sample needs '{key}'")
                if not needed and getattr(block, key):
                    raise ValueError(f"block '{name}' of this {self.kind} sample cannot have '{key}'")
            if block.closed and self.simulate is not None:
                raise ValueError(f"block '{name}' of this simulated sample cannot have 'closed'")
            if self.kind != "signal" and block.lifetimes_m != [0.0]:
                raise ValueError(f"block '{name}' of this {self.kind} sample cannot have 'lifetimes_m'")
            if self.kind == "signal" and self.simulate is None and len(block.lifetimes_m) > 1:
                raise ValueError(f"block '{name}': your own files have one lifetime each, not several")
        return self

    @model_validator(mode="after")
    def _nothing_is_simulated_twice(self) -> "Sample":
        if self.simulate is None:
            return self
        for name, block in self.blocks.items():
            if len(set(block.masses_GeV)) < len(block.masses_GeV):
                raise ValueError(f"block '{name}' has a mass twice in 'masses_GeV'; give each once")
            if len(set(block.lifetimes_m)) < len(block.lifetimes_m):
                raise ValueError(f"block '{name}' has a lifetime twice in 'lifetimes_m'; give each once")
        if self.kind == "data":
            by_run = sorted(self.blocks.items(), key=lambda item: item[1].runs)
            for (name, block), (other, following) in pairwise(by_run):
                if following.runs[0] <= block.runs[1]:
                    raise ValueError(
                        f"blocks '{name}' and '{other}' both have run {following.runs[0]}; "
                        "give each block 'runs' of its own"
                    )
        return self

    def _needed(self, block: Block) -> dict[str, bool]:
        simulated, signal = self.simulate is not None, self.kind == "signal"
        # simulated background: as many events as a luminosity has, or a number of them
        by_luminosity = simulated and self.kind == "background" and block.luminosity_fb is not None
        return {
            "files": not simulated,
            "luminosity_fb": (self.kind == "data" and self.luminosity is None) or by_luminosity,
            "generated_events": self.kind != "data" and not by_luminosity,
            "mass_GeV": signal and not simulated,
            "masses_GeV": signal and simulated,
        }
