"""What one block contributed: it travels with the sums of its histograms to the templates."""

from collections.abc import Iterable, Mapping
from fractions import Fraction
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from darkreach.catalogue.account import FileRead, MissingFile, compare_read, luminosity_read
from darkreach.catalogue.manifest import Component, Manifest
from darkreach.columnar.lifetimes import generated_events
from darkreach.columnar.templates import SignalPoint
from darkreach.errors import DarkreachError


class Cut(BaseModel):
    """What survived a cut of the preselection."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    cut: str
    rows: int
    sum_of_weights: float


class BlockAccount(BaseModel):
    """What a block is and what was read of it."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    sample: str
    block: str
    kind: Literal["data", "background", "signal"]
    model: str | None
    inputs: list[tuple[str, int, str | None]] = Field(
        description="uuid, entries and checksum of the files that were read"
    )
    files: int = Field(description="catalogued ones")
    entries: int = Field(description="catalogued ones")
    entries_read: int
    runs: list[tuple[int, int]] = Field(description="experiment and run, of data")
    luminosity_fb: float | None = Field(description="catalogued, fb⁻¹; data only")
    luminosity_read_fb: float | None
    exact_luminosity: tuple[str, str] | None = Field(
        description="the same two, catalogued and read, as fractions without rounding"
    )
    missing: list[MissingFile]
    components: list[Component]
    channels: list[str] = Field(description="whose observables were filled")
    cutflow: list[Cut]
    preselected_rows: int
    candidates: float | None = Field(description="in the observables of all channels; None if there are none")

    @property
    def name(self) -> str:
        """`sample/block`."""
        return f"{self.sample}/{self.block}"

    @property
    def share_read(self) -> Fraction:
        """Entries that were read over entries; generated events count by it."""
        return Fraction(self.entries_read, self.entries) if self.entries else Fraction(1)

    @property
    def luminosity_read(self) -> Fraction:
        """Luminosity of what was read, fb⁻¹, without rounding; 0 for simulation."""
        return Fraction(self.exact_luminosity[1]) if self.exact_luminosity else Fraction(0)

    @property
    def luminosity_catalogued(self) -> Fraction:
        """Luminosity in the catalogue, fb⁻¹, without rounding; 0 for simulation."""
        return Fraction(self.exact_luminosity[0]) if self.exact_luminosity else Fraction(0)

    @property
    def generated(self) -> Fraction:
        """Generated events behind what was read."""
        return self.share_read * sum(component.generated_events for component in self.components)

    @property
    def cross_section_events(self) -> Fraction:
        """Σ σN over what was generated, in fb, for what was read."""
        total = sum(
            Fraction(c.cross_section_fb) * c.generated_events for c in self.components if c.cross_section_fb
        )
        return self.share_read * total

    def generated_at(self, point: SignalPoint, channel: str) -> Fraction:
        """Generated events behind what the block gave to the template of a point in a channel."""
        if channel not in self.channels:
            return Fraction(0)
        return self.share_read * generated_events(self.components, point)


def block_account(
    manifest: Manifest,
    files_read: Iterable[FileRead],
    rows: int,
    cutflow: Iterable[Mapping[str, Any]],
    candidates: Mapping[str, float],
) -> BlockAccount:
    """The account of a block, from its manifest and what its skim says it read.

    candidates: channel → sum of weights in its observables.

    Raises:
        DarkreachError: what was read does not fit the manifest.
    """
    files_read = list(files_read)
    missing = compare_read(manifest, files_read)
    unread = {file.uuid for file in files_read if file.unread is not None}
    read = [file for file in manifest.files if file.uuid not in unread]
    exact = None
    if manifest.kind == "data" and manifest.luminosity_fb is not None:
        exact = luminosity_read(manifest, []), luminosity_read(manifest, unread)
    return BlockAccount(
        sample=manifest.sample,
        block=manifest.block,
        kind=manifest.kind,
        model=manifest.model,
        inputs=sorted((file.uuid, file.entries, file.checksum) for file in read),
        files=len(manifest.files),
        entries=manifest.entries,
        entries_read=sum(file.entries for file in read),
        runs=manifest.runs if manifest.kind == "data" else [],
        luminosity_fb=manifest.luminosity_fb,
        luminosity_read_fb=None if exact is None else float(exact[1]),
        exact_luminosity=None if exact is None else (str(exact[0]), str(exact[1])),
        missing=missing,
        components=manifest.components,
        channels=sorted(candidates),
        cutflow=[Cut.model_validate(cut) for cut in cutflow],
        preselected_rows=rows,
        candidates=sum(candidates.values()) if candidates else None,
    )


def accounts_of(metadata: Mapping[str, Any], path: object) -> list[BlockAccount]:
    """The accounts in the metadata of a file of sums.

    Raises:
        DarkreachError: there are none.
    """
    try:
        return [BlockAccount.model_validate(block) for block in metadata["blocks"]]
    except (KeyError, TypeError, ValidationError):
        raise DarkreachError(
            f"{path}: holds no histograms of blocks; run the histogram stage of its blocks again"
        ) from None
