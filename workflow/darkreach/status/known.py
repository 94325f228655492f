"""What is known of blocks without opening a ntuple: their manifests, and records of what was read of them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from darkreach.catalogue.account import FileRead
from darkreach.catalogue.manifest import Manifest
from darkreach.config.root import Config
from darkreach.errors import DarkreachError


class BlockName(NamedTuple):
    """A block of a sample."""

    sample: str
    block: str

    def __str__(self) -> str:
        return f"{self.sample}/{self.block}"


@dataclass(frozen=True)
class Catalogued:
    """A block that has a manifest."""

    luminosity_fb: float | None
    unreadable: dict[str, str] = field(default_factory=dict)  # path → reason


@dataclass(frozen=True)
class Uncatalogued:
    """New files that were not looked into, and about how many blocks they make."""

    files: list[str]
    blocks: int


@dataclass(frozen=True)
class Listing:
    """What the next catalogue would find among the user's own files on disk."""

    new: dict[BlockName, list[str]] = field(default_factory=dict)  # files that make a block, or join one
    changed: dict[BlockName, list[str]] = field(default_factory=dict)  # files with other content
    broken: dict[BlockName, dict[str, str]] = field(default_factory=dict)  # path → reason
    luminosity_fb: dict[BlockName, float] = field(default_factory=dict)  # of new blocks of data
    uncatalogued: dict[str, Uncatalogued] = field(default_factory=dict)  # by sample
    remade: set[BlockName] = field(default_factory=set)  # blocks whose manifest is written anew
    dropped: set[BlockName] = field(default_factory=set)  # blocks that the configuration has no more
    refusals: list[str] = field(default_factory=list)  # with which the next run would stop


def manifest_path(config: Config, name: BlockName) -> Path:
    """Where the manifest of a block is."""
    return Path(config.results, "catalogue", name.sample, f"{name.block}.json")


def catalogued_blocks(config: Config) -> dict[BlockName, Catalogued]:
    """The blocks that have a manifest.

    Raises:
        DarkreachError: one of them, or the list of a sample's blocks, is damaged.
    """
    found: dict[BlockName, Catalogued] = {}
    for sample, settings in config.samples.items():
        if settings.simulate is None:
            found |= _of_index(config, sample)
            continue
        for block in settings.blocks:
            name = BlockName(sample, block)
            if manifest_path(config, name).exists():
                found[name] = Catalogued(Manifest.read(manifest_path(config, name)).luminosity_fb)
    return found


def _of_index(config: Config, sample: str) -> dict[BlockName, Catalogued]:
    """The blocks of a sample of the user's own files, from the list that the catalogue keeps of them."""
    blocks = (_json(Path(config.results, "catalogue", f"{sample}.json")) or {"blocks": {}})["blocks"]
    found: dict[BlockName, Catalogued] = {}
    for block, entry in blocks.items():
        name = BlockName(sample, block)
        files = Manifest.read(manifest_path(config, name)).files if entry["unreadable"] else []
        unreadable = {file.path: file.unreadable for file in files if file.unreadable is not None}
        found[name] = Catalogued(entry["luminosity_fb"], unreadable)
    return found


def skim_records(config: Config, names: Iterable[BlockName]) -> dict[tuple[str, BlockName], list[FileRead]]:
    """What each search read of each block, where there is a record: by search and block."""
    found = {}
    for name in names:
        for search in searches_of(config, name.sample):
            path = Path(config.results, "skim", search, name.sample, f"{name.block}.json")
            record = _json(path)
            if record is not None:
                found[search, name] = [FileRead.model_construct(**file) for file in record["files"]]
    return found


def merged_blocks(config: Config, search: str) -> dict[BlockName, float]:
    """Luminosity (fb⁻¹) of each block of data in the templates of a search; none before they are made."""
    account = _json(Path(config.results, "template", f"{search}.json"))
    blocks = account["luminosity_fb"]["blocks"] if account else {}
    return {BlockName(*name.split("/", 1)): luminosity for name, luminosity in blocks.items()}


def searches_of(config: Config, sample: str) -> list[str]:
    """The searches that use a sample."""
    return [search for search in config.searches if sample in config.samples_of(search)]


def _json(path: Path) -> Any:
    """The content of a JSON file, None if there is none.

    Raises:
        DarkreachError: it is damaged.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except ValueError:
        raise DarkreachError(f"{path}: damaged; remove it, and the next run makes it again") from None
