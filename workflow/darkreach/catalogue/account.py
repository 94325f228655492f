"""The account across blocks: nothing twice, nothing lost."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, Protocol

from darkreach.catalogue.manifest import Manifest
from darkreach.errors import DarkreachError


class ReadFile(Protocol):
    """What a stage says it read of one file."""

    path: str
    uuid: str
    entries: int


def check_manifests(manifests: Sequence[Manifest]) -> None:
    """Check that no file is in two blocks and no run in two blocks of data.

    Raises:
        DarkreachError: names both blocks.
    """
    seen_files: dict[str, tuple[Manifest, str]] = {}
    seen_runs: dict[tuple[int, int], Manifest] = {}
    for manifest in manifests:
        for file in manifest.files:
            if file.uuid in seen_files:
                other, path = seen_files[file.uuid]
                raise DarkreachError(
                    f"blocks '{other.name}' and '{manifest.name}' have the same file ({path} and "
                    f"{file.path}, uuid {file.uuid}); remove it from one of them"
                )
            seen_files[file.uuid] = (manifest, file.path)
        if manifest.kind != "data":
            continue
        for experiment, run in manifest.runs:
            other_block = seen_runs.setdefault((experiment, run), manifest)
            if other_block is not manifest:
                raise DarkreachError(
                    f"blocks '{other_block.name}' and '{manifest.name}' both have run {run} of experiment "
                    f"{experiment}; its events would count twice, move them to one block"
                )


def compare_read(manifest: Manifest, files_read: Iterable[ReadFile]) -> None:
    """Check that a stage read exactly the entries that the manifest lists. A file may come in pieces.

    Raises:
        DarkreachError: names the files with missing or surplus entries, and files of no block.
    """
    read: Counter[str] = Counter()
    paths: dict[str, str] = {}
    for file in files_read:
        read[file.uuid] += file.entries
        paths[file.uuid] = file.path
    unknown = sorted(paths[uuid] for uuid in set(read) - {file.uuid for file in manifest.files})
    if unknown:
        raise DarkreachError(
            f"block '{manifest.name}': read files that its manifest does not list: {', '.join(unknown)}; "
            "run the catalogue stage again"
        )
    wrong = [file for file in manifest.files if read[file.uuid] != file.entries]
    if wrong:
        listed = ", ".join(f"{file.path} ({read[file.uuid]} of {file.entries} entries)" for file in wrong)
        luminosity = "" if manifest.luminosity_fb is None else f" of {manifest.luminosity_fb:g} fb⁻¹"
        raise DarkreachError(
            f"block '{manifest.name}'{luminosity}: not read as listed: {listed}; process the block again"
        )


def luminosity_account(manifests: Iterable[Manifest]) -> dict[str, Any]:
    """Integrated luminosity of the data, fb⁻¹: `{"blocks": {"sample/block": L}, "total_fb": sum}`."""
    blocks = {m.name: m.luminosity_fb for m in sorted(manifests, key=lambda m: m.name) if m.kind == "data"}
    known = [luminosity for luminosity in blocks.values() if luminosity is not None]
    return {"blocks": blocks, "total_fb": math.fsum(known)}
