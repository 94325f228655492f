"""Adding files of exact sums, one at a time: the nodes of the merge tree and its root."""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from darkreach.columnar.block_account import BlockAccount, accounts_of
from darkreach.columnar.exact import ExactHistogram
from darkreach.columnar.storage import read_sums, write_sums
from darkreach.columnar.templates import point_of
from darkreach.config.stages import MergeBlocksSpec
from darkreach.errors import DarkreachError


@dataclass
class SampleSums:
    """Histograms and accounts of the blocks of one sample."""

    kind: str
    model: str | None
    histograms: dict[str, ExactHistogram] = field(default_factory=dict)
    blocks: list[BlockAccount] = field(default_factory=list)

    def channel_histograms(self, place: str) -> dict[str, ExactHistogram]:
        """Channel → histogram of `place`, which is observable, sideband or control."""
        return {
            name.removeprefix(f"{place}/"): histogram
            for name, histogram in self.histograms.items()
            if name.startswith(f"{place}/")
        }

    @property
    def luminosity_read(self) -> Fraction:
        """Luminosity of what was read, fb⁻¹, without rounding; 0 for simulation."""
        return sum((account.luminosity_read for account in self.blocks), Fraction(0))

    @property
    def luminosity_catalogued(self) -> Fraction:
        """Luminosity in the catalogue, fb⁻¹, without rounding; 0 for simulation."""
        return sum((account.luminosity_catalogued for account in self.blocks), Fraction(0))

    @property
    def generated(self) -> Fraction:
        """Generated events behind what was read."""
        return sum((account.generated for account in self.blocks), Fraction(0))

    @property
    def cross_section_events(self) -> Fraction:
        """Σ σN over what was generated, in fb, for what was read."""
        return sum((account.cross_section_events for account in self.blocks), Fraction(0))

    @property
    def entries(self) -> int:
        """Entries of the catalogued files."""
        return sum(account.entries for account in self.blocks)

    @property
    def entries_read(self) -> int:
        """Entries of the files that were read."""
        return sum(account.entries_read for account in self.blocks)


def sum_files(search: str, paths: Iterable[str | os.PathLike]) -> dict[str, SampleSums]:
    """The sums in all files, by sample. Memory goes with the number of bins, not with that of files.

    Raises:
        DarkreachError: a file is of another search or has other bins, or a block is in two of them.
    """
    samples: dict[str, SampleSums] = {}
    places: dict[str, str | os.PathLike] = {}
    for path in paths:
        histograms, metadata = read_sums(path)
        accounts = accounts_of(metadata, path)
        if metadata["search"] != search:
            raise DarkreachError(f"{path}: is of search '{metadata['search']}', not of '{search}'")
        for account in accounts:
            if account.name in places:
                raise DarkreachError(
                    f"{path}: block '{account.name}' is also in {places[account.name]}; give one of them"
                )
            places[account.name] = path
        first = accounts[0]
        total = samples.setdefault(first.sample, SampleSums(first.kind, first.model))
        if any((a.sample, a.kind, a.model) != (first.sample, total.kind, total.model) for a in accounts):
            raise DarkreachError(
                f"{path}: its blocks are not of one sample and kind; run the histogram stage again"
            )
        total.blocks += accounts
        for name, histogram in histograms.items():
            total.histograms[name] = _added(total.histograms.get(name), histogram, path)
    for sample in samples.values():
        sample.blocks.sort(key=lambda account: account.block)
    return {name: samples[name] for name in sorted(samples)}


def merge_node(spec: MergeBlocksSpec, paths: Iterable[str | os.PathLike], output: str | os.PathLike) -> int:
    """Add some files of one sample into one of the same format; returns the number of blocks in it.

    Raises:
        DarkreachError: as `sum_files`, or a file is of another sample.
    """
    samples = sum_files(spec.search, paths)
    if list(samples) != [spec.sample]:
        raise DarkreachError(
            f"{output}: the files to add are of {', '.join(samples)}, not only of '{spec.sample}'; "
            "give those of one sample"
        )
    (sums,) = samples.values()
    blocks = [account.model_dump(mode="json") for account in sums.blocks]
    write_sums(output, sums.histograms, {"search": spec.search, "blocks": blocks})
    return len(blocks)


def _added(
    total: ExactHistogram | None, histogram: ExactHistogram, path: str | os.PathLike
) -> ExactHistogram:
    """The sum; blocks of a signal may have different points."""
    if total is None:
        return histogram
    if _is_by_point(total.axes) and _is_by_point(histogram.axes):
        names = {*total.axes[0]["categories"], *histogram.axes[0]["categories"]}
        points = sorted(names, key=point_of)
        total, histogram = total.with_categories(points), histogram.with_categories(points)
    check_axes(total.axes, histogram.axes, path)
    return total + histogram


def check_axes(expected: list[dict[str, Any]], found: list[dict[str, Any]], path: str | os.PathLike) -> None:
    """Refuse axes that differ.

    Raises:
        DarkreachError: they do.
    """
    if expected != found:
        raise DarkreachError(
            f"{path}: has other bins than the blocks before it; run its histogram stage again"
        )


def _is_by_point(axes: list[dict[str, Any]]) -> bool:
    return axes[0]["metadata"]["name"] == "point"
