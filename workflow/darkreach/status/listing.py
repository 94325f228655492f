"""What the next catalogue would find among the user's own files. Nothing below results is written."""

import math
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from darkreach.catalogue.manifest import FileEntry, Manifest
from darkreach.catalogue.state import State
from darkreach.catalogue.update import update
from darkreach.config.cataloguing import CatalogueSpec, OwnSample, catalogue_spec
from darkreach.config.root import Config
from darkreach.errors import DarkreachError
from darkreach.status.known import BlockName, Listing, Uncatalogued, catalogued_blocks, manifest_path

# more than this in new or changed files takes minutes to look into: left to the next run
LOOK_BYTES = 20_000_000_000


def list_files(config: Config, look_bytes: int = LOOK_BYTES) -> Listing:
    """Compare the user's own files with the catalogue, on a copy of it.

    Up to `look_bytes` new and changed files are opened, as the next run would; of more only their number is
    told, and about how many blocks they make.
    """
    spec = catalogue_spec(config)
    if not spec.samples:
        return Listing()
    with tempfile.TemporaryDirectory(prefix="darkreach-status-") as folder:
        place = Path(folder, "catalogue")
        _copy(Path(config.results, "catalogue"), place, spec.samples)
        try:
            states = [State.look(name, sample, place) for name, sample in spec.samples.items()]
            if sum(map(_bytes_to_look_into, states)) > look_bytes:
                return _from_names(states, spec)
        except DarkreachError as error:
            return Listing(refusals=[str(error)])
        return _from_contents(config, spec, place)


def _copy(catalogue: Path, place: Path, samples: Iterable[str]) -> None:
    place.mkdir()
    for sample in samples:
        for name in (f"{sample}.json", f"{sample}.files.json"):
            if (catalogue / name).exists():
                shutil.copy2(catalogue / name, place / name)
        if (catalogue / sample).is_dir():
            shutil.copytree(catalogue / sample, place / sample)


def _bytes_to_look_into(state: State) -> int:
    return sum(state.listed[path].size for path in (*state.new, *state.changed))


def _from_contents(config: Config, spec: CatalogueSpec, place: Path) -> Listing:
    """What a catalogue of now has that the old one has not."""
    refusals, cores = [], len(os.sched_getaffinity(0))
    try:
        written = update(spec, place, cores)
    except DarkreachError as error:
        refusals.append(str(error))
        try:  # to learn of new and broken files too if it is about files that are gone
            written = update(spec.model_copy(update={"tolerance": 1.0}), place, cores)
        except DarkreachError:
            states = [State.look(name, sample, place) for name, sample in spec.samples.items()]
            return _from_names(states, spec, refusals)
    found = Listing(refusals=refusals)
    for name in catalogued_blocks(config):
        if name.sample in spec.samples and not (place / name.sample / f"{name.block}.json").exists():
            found.dropped.add(name)
    for path in written:
        if path.parent == place:  # an index
            continue
        name = BlockName(path.parent.name, path.stem)
        _compare(manifest_path(config, name), Manifest.read(path), name, found)
    return found


def _compare(old_path: Path, new: Manifest, name: BlockName, found: Listing) -> None:
    """Note how the files of a block differ from those in its manifest."""
    old = Manifest.read(old_path).files if old_path.exists() else []
    before, marked = {_identity(file) for file in old}, {file.path for file in old if file.unreadable}
    known = {word for file in old for word in (file.path, file.uuid)}
    broken = {f.path: f.unreadable for f in new.files if f.unreadable and f.path not in marked}
    fresh = [file.path for file in new.files if known.isdisjoint((file.path, file.uuid))]
    # with other content, moved, or restored
    changed = [
        file.path
        for file in new.files
        if _identity(file) not in before and file.path not in broken and file.path not in fresh
    ]
    if fresh:
        found.new[name] = fresh
    if changed:
        found.changed[name] = changed
    if broken:
        found.broken[name] = broken
    if not old and new.luminosity_fb is not None:
        found.luminosity_fb[name] = new.luminosity_fb
    if not (found.refusals and broken):
        found.remade.add(name)


def _identity(file: FileEntry) -> tuple:
    return file.path, file.uuid, file.entries, file.checksum, file.unreadable


def _from_names(states: list[State], spec: CatalogueSpec, refusals: Iterable[str] = ()) -> Listing:
    """What can be said without opening a file."""
    found = Listing(refusals=list(refusals))
    for state in states:
        known = state.memory.files
        for path in state.gone:
            found.broken.setdefault(_block(state, path), {})[path] = "it is gone"
        for path in state.changed:
            found.changed.setdefault(_block(state, path), []).append(path)
        formed = []
        for path in state.new:
            block = state.listed[path].source.block
            if block is None:
                formed.append(path)
            else:
                found.new.setdefault(BlockName(state.name, block), []).append(path)
        if formed:
            catalogued = [path for path in known if path not in formed]
            blocks = _expected_blocks(spec.samples[state.name], len(formed), state, len(catalogued))
            found.uncatalogued[state.name] = Uncatalogued(formed, blocks)
    found.remade.update(found.new, found.changed)
    return found


def _block(state: State, path: str) -> BlockName:
    return BlockName(state.name, state.memory.files[path].block or "")


def _expected_blocks(sample: OwnSample, files: int, state: State, catalogued: int) -> int:
    """About how many blocks some new files make: as many files in each as in those before."""
    before = len(state.memory.blocks)
    if sample.kind != "data":
        return math.ceil(files / sample.block_files)
    if before and catalogued:
        return math.ceil(files * before / catalogued)
    rows = state.account.table.rows if state.account.table else []
    luminosity = math.fsum(row.luminosity_fb for row in rows)
    return min(files, max(1, math.ceil(luminosity / sample.block_luminosity_fb)))
