"""The root of the merge compares what was read with what is catalogued: nothing twice, nothing lost."""

import json
import math
import os
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

from darkreach.catalogue.manifest import Manifest
from darkreach.columnar.block_account import BlockAccount
from darkreach.columnar.sums import SampleSums
from darkreach.config.stages import MergeSpec
from darkreach.errors import DarkreachError


class Catalogued(NamedTuple):
    """What the catalogue says of a block."""

    entries: int
    luminosity_fb: float | None


def read_catalogue(spec: MergeSpec, folder: str | os.PathLike) -> dict[str, dict[str, Catalogued]]:
    """Sample → block → what is catalogued, from {sample}.json of the user's own files, and from manifests.

    Raises:
        DarkreachError: a file is missing or damaged.
    """
    folder = Path(folder)
    return {
        sample: _own_blocks(folder / f"{sample}.json")
        if blocks is None
        else {block: _simulated_block(folder / sample / f"{block}.json") for block in blocks}
        for sample, blocks in spec.samples.items()
    }


def _own_blocks(path: Path) -> dict[str, Catalogued]:
    try:
        blocks = json.loads(path.read_text(encoding="utf-8"))["blocks"]
        return {name: Catalogued(block["entries"], block["luminosity_fb"]) for name, block in blocks.items()}
    except OSError as error:
        raise DarkreachError(f"{path}: cannot read this list of blocks ({error.strerror})") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DarkreachError(f"{path}: not a list of blocks; run the catalogue stage again") from None


def _simulated_block(path: Path) -> Catalogued:
    manifest = Manifest.read(path)
    return Catalogued(manifest.entries, manifest.luminosity_fb)


def check_complete(
    spec: MergeSpec, samples: Mapping[str, SampleSums], catalogue: Mapping[str, Mapping[str, Catalogued]]
) -> None:
    """Check that every block is there as it is catalogued, and that no more is unread than is tolerated.

    Raises:
        DarkreachError: a block is missing or surplus, or differs from the catalogue; a file or a run of data
            is in two blocks; or files are missing, which are listed with their luminosity and the total.
    """
    accounts = {account.name: account for sums in samples.values() for account in sums.blocks}
    listed = {f"{sample}/{block}": c for sample, blocks in catalogue.items() for block, c in blocks.items()}
    missing, surplus = sorted(set(listed) - set(accounts)), sorted(set(accounts) - set(listed))
    if missing:
        raise DarkreachError(
            f"--histograms: none of block '{missing[0]}'{_and_more(missing)}; run its histogram stage"
        )
    if surplus:
        raise DarkreachError(
            f"--histograms: block '{surplus[0]}'{_and_more(surplus)} is not in the catalogue; leave it out"
        )
    for name, account in accounts.items():
        found, expected = Catalogued(account.entries, account.luminosity_fb), listed[name]
        if found != expected:
            raise DarkreachError(
                f"block '{name}': was filled with {_described(*found)}, but has {_described(*expected)} in "
                "the catalogue; process the block again"
            )
    _check_nothing_twice(accounts)
    _check_unread(spec, samples)


def _and_more(names: list[str]) -> str:
    return f" (and {len(names) - 1} more)" if len(names) > 1 else ""


def _described(entries: int, luminosity_fb: float | None) -> str:
    return f"{entries} entries" + ("" if luminosity_fb is None else f" of {luminosity_fb!r} fb⁻¹")


def _check_nothing_twice(accounts: Mapping[str, BlockAccount]) -> None:
    files: dict[str, str] = {}
    runs: dict[tuple[int, int], str] = {}
    for name, account in accounts.items():
        for uuid, _, _ in account.inputs:
            other = files.setdefault(uuid, name)
            if other != name:
                raise DarkreachError(
                    f"blocks '{other}' and '{name}' have the same file (uuid {uuid}); remove it from one"
                )
        for experiment, run in account.runs:
            other = runs.setdefault((experiment, run), name)
            if other != name:
                raise DarkreachError(
                    f"blocks '{other}' and '{name}' both have run {run} of experiment {experiment}; its "
                    "events would count twice, move them to one block"
                )


def _check_unread(spec: MergeSpec, samples: Mapping[str, SampleSums]) -> None:
    beyond = {name: sums for name, sums in samples.items() if _too_much_unread(sums, spec.tolerance)}
    if not beyond:
        return
    files = [file for sums in beyond.values() for account in sums.blocks for file in account.missing]
    listed = "; ".join(
        f"{file.path} ({_described(file.entries, file.luminosity_fb)}, {file.reason})" for file in files
    )
    luminosity = math.fsum(file.luminosity_fb or 0.0 for file in files)
    total = f"{luminosity:.6g} fb⁻¹ of data" if luminosity else "no luminosity"
    raise DarkreachError(
        f"samples {', '.join(beyond)}: {len(files)} files were not read, {total} and more than 'tolerance: "
        f"{spec.tolerance:g}' allows: {listed}; restore them, or raise 'tolerance' to go on without them"
    )


def _too_much_unread(sums: SampleSums, tolerance: float) -> bool:
    """Whether the share of luminosity, or of entries of simulation, that is missing exceeds the tolerance."""
    if not any(account.missing for account in sums.blocks):
        return False
    if sums.kind == "data":
        read, total = sums.luminosity_read, sums.luminosity_catalogued
    else:
        read, total = Fraction(sums.entries_read), Fraction(sums.entries)
    return tolerance == 0 or total - read > Fraction(tolerance) * total
