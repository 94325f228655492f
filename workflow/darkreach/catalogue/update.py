"""The catalogue of all samples of the user's own files: looked through, checked, written where it changed."""

import hashlib
import json
import math
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from darkreach.catalogue.blocks import blocks_of_data, blocks_of_simulation
from darkreach.catalogue.contents import contents, own_component
from darkreach.catalogue.duplicates import (
    refuse_common_events,
    refuse_common_runs,
    refuse_common_simulation,
    refuse_rows_in_two_blocks,
    refuse_same_file,
)
from darkreach.catalogue.luminosity import Row
from darkreach.catalogue.manifest import Manifest
from darkreach.catalogue.memory import KnownFile, runs_of
from darkreach.catalogue.state import State
from darkreach.config.cataloguing import CatalogueSpec
from darkreach.errors import DarkreachError
from darkreach.files import write_whole


def update(spec: CatalogueSpec, directory: str | Path, cores: int = 1) -> list[Path]:
    """Bring the manifests and indices of all samples up to date; returns those that were written.

    Nothing is written before all samples are found to be in order, except for the memory of what was
    looked into.

    Raises:
        DarkreachError: a new file cannot be opened, a catalogued one cannot be read any more and there is no
            tolerance, something would count twice, or the luminosity of a run is not known.
    """
    states = [State.look(name, sample, Path(directory)) for name, sample in spec.samples.items()]
    for state in states:
        state.inspect(cores)
    for state in states:
        state.settle(spec.tolerance)
    _refuse_copies(states)
    for state in states:
        _assign(state)
    _refuse_duplicates(states)
    manifests = [dict(_contents(state)) for state in states]
    written = []
    for state, blocks in zip(states, manifests, strict=True):
        written += _write(state, blocks)
    return written


def _of_each_search(states: Sequence[State]) -> Iterator[list[State]]:
    searches = sorted({search for state in states for search in state.spec.searches})
    for search in searches:
        yield [state for state in states if search in state.spec.searches]


def _refuse_copies(states: Sequence[State]) -> None:
    for together in _of_each_search(states):
        refuse_same_file({state.name: state.memory.files for state in together})


def _refuse_duplicates(states: Sequence[State]) -> None:
    for together in _of_each_search(states):
        data = [state for state in together if state.spec.kind == "data"]
        refuse_common_runs({s.name: [row for rows in s.rows.values() for row in rows] for s in data})
    for state in states:
        if state.spec.kind == "data":
            refuse_common_events(state.memory.files)
        else:
            refuse_common_simulation(state.memory.files)


def _assign(state: State) -> None:
    """Find the block of each file."""
    files, spec = state.memory.files, state.spec
    before = {path: file.block for path, file in files.items()}
    if spec.kind == "data":
        state.rows = _rows(state)
    if spec.blocks:
        listed = {path: file.source.block or "" for path, file in state.listed.items()}
        state.blocks = {path: listed.get(path, file.block or "") for path, file in files.items()}
        refuse_rows_in_two_blocks(state.name, state.rows, state.blocks)
    elif spec.kind == "data":
        state.blocks = blocks_of_data(before, state.rows, spec.block_luminosity_fb)
    else:
        first_runs = {path: min(runs_of(file), default=(-1, -1)) for path, file in files.items()}
        state.blocks = blocks_of_simulation(before, first_runs, spec.block_files)
    _refuse_new_in_closed(state, before)


def _rows(state: State) -> dict[str, list[Row]]:
    """Rows of luminosity of each file; one sentence says of all files that have none or wrong ones."""
    rows, problems = {}, {}
    for path, file in state.memory.files.items():
        try:
            rows[path] = state.account.rows_of(path, runs_of(file))
        except DarkreachError as error:
            problems[path] = str(error)
    if problems:
        (_, first), *others = problems.items()
        more = f" (likewise {', '.join(path for path, _ in others)})" if others else ""
        raise DarkreachError(f"samples.{state.name}: {first}{more}")
    return rows


def _refuse_new_in_closed(state: State, before: dict[str, str | None]) -> None:
    catalogued = {block for block in before.values() if block is not None}
    closed: dict[str, str | None] = (
        {f"samples.{state.name}": None} if state.spec.closed and catalogued else {}
    )
    closed |= {
        f"samples.{state.name}.blocks.{name}": name
        for name, block in state.spec.blocks.items()
        if block.closed and name in catalogued
    }
    for key, name in closed.items():
        new = [p for p, block in state.blocks.items() if before[p] is None and name in (None, block)]
        if new:
            raise DarkreachError(
                f"{key}: is closed, but has the new files {', '.join(sorted(new))}; remove them or set "
                "'closed: false'"
            )


def _contents(state: State) -> Iterator[tuple[str, dict[str, Any]]]:
    """The values of all manifests of a sample, by block."""
    spec = state.spec
    by_block: dict[str, dict[str, KnownFile]] = defaultdict(dict)
    for path, block in state.blocks.items():
        by_block[block][path] = state.memory.files[path]
    for name, files in sorted(by_block.items()):
        own = spec.blocks.get(name)
        components = []
        if spec.kind != "data":
            each = spec.generated_events_per_file or 0
            components = [
                own_component(
                    f"{state.name}/{name}",
                    kind=spec.kind,
                    process=spec.model or state.name,
                    decay=spec.decay,
                    cross_section_fb=spec.cross_section_fb,
                    generated_events=own.generated_events if own else each * len(files),
                    mass_GeV=own.mass_GeV if own else None,
                    lifetime_m=own.lifetime_m if own else 0.0,
                )
            ]
        yield (
            name,
            contents(
                state.name,
                name,
                files,
                kind=spec.kind,
                model=spec.model,
                luminosity_fb=own.luminosity_fb if own and spec.kind == "data" else None,
                rows=state.rows if state.account.table else None,
                is_good=state.account.is_good,
                components=components,
            ),
        )


def _write(state: State, manifests: dict[str, dict[str, Any]]) -> list[Path]:
    """Write the manifests and the index that changed; returns those."""
    for name, file in state.memory.files.items():
        file.block, file.checked = state.blocks[name], True
    state.memory.save(state.directory, state.name)
    written: list[Path] = []
    for name, values in manifests.items():
        path = state.manifest_path(name)
        checksum = hashlib.blake2b(json.dumps(values).encode(), digest_size=16).hexdigest()
        if state.memory.blocks.get(name) == (checksum, *_stamp(path)):
            continue
        if Manifest.model_validate(values).write(path):
            written.append(path)
        state.memory.blocks[name] = (checksum, *_stamp(path))
    for name in set(state.memory.blocks) - set(manifests):
        state.manifest_path(name).unlink(missing_ok=True)
        del state.memory.blocks[name]
    written += _write_index(state, manifests)
    state.memory.save(state.directory, state.name)
    if written:
        _note_uncounted(state)
    return written


def _note_uncounted(state: State) -> None:
    """Say which luminosity is left out for want of entries: a run without a candidate is not seen."""
    rows = state.account.uncounted(row for own in state.rows.values() for row in own)
    if rows:
        shown = ", ".join(map(str, rows[:3])) + (", ..." if len(rows) > 3 else "")
        source = state.account.table.source if state.account.table else ""
        print(
            f"darkreach catalogue: note: samples.{state.name}: {len(rows)} rows of {source} "
            f"with {math.fsum(row.luminosity_fb for row in rows):.4g} fb⁻¹ have no entry in any file and are "
            f"not counted ({shown}); make the rows wider if their files are there",
            file=sys.stderr,
        )


def _write_index(state: State, manifests: dict[str, dict[str, Any]]) -> list[Path]:
    blocks = {
        name: {
            "entries": values["entries"],
            "luminosity_fb": values["luminosity_fb"],
            "files": len(values["files"]),
            "unreadable": [file["path"] for file in values["files"] if file["unreadable"]],
        }
        for name, values in manifests.items()
    }
    index = {"sample": state.name, "kind": state.spec.kind, "blocks": blocks}
    text = json.dumps(index, indent=1, ensure_ascii=False) + "\n"
    path = state.directory / f"{state.name}.json"
    if path.is_file() and path.read_text(encoding="utf-8", errors="replace") == text:
        return []
    write_whole(path, text.encode())
    return [path]


def _stamp(path: Path) -> tuple[int, int]:
    try:
        stat = path.stat()
    except OSError:
        return -1, -1
    return stat.st_size, stat.st_mtime_ns
