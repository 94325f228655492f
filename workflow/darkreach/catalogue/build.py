"""Building the manifest of one block from its files."""

import glob
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ValidationError

from darkreach.catalogue.manifest import Component, FileEntry, Manifest, first_problem
from darkreach.errors import DarkreachError
from darkreach.ntuple.events import Run, runs_of
from darkreach.ntuple.reading import is_remote, open_ntuple


class Sidecar(BaseModel):
    """The part of the JSON beside a simulated ntuple that the manifest takes over."""

    components: list[Component]
    luminosity_fb: float | None = None


def build_manifest(
    sample_name: str,
    block_name: str,
    *,
    kind: Literal["data", "background", "signal"],
    files: Sequence[str],
    model: str | None = None,
    tree: str | None = None,
    luminosity_fb: float | None = None,
    cross_section_fb: float | None = None,
    generated_events: int | None = None,
    mass_GeV: float | None = None,
    lifetime_m: float = 0.0,
    decay: str | None = None,
    sidecar: str | None = None,
) -> Manifest:
    """Open every file of a block once and write down what is there.

    `files` are paths, URLs or glob patterns of local paths; luminosity in fb⁻¹, cross-section in fb, mass in
    GeV, lifetime cτ in m, `decay` that of X in a signal. `sidecar` is the JSON beside a
    simulated ntuple; it replaces the numbers that a user has to give.

    Raises:
        DarkreachError: no files; a file missing, damaged, an mDST, or there twice; data without luminosity,
            background without cross-section, simulation without generated events, signal without a mass.
    """
    name = f"{sample_name}/{block_name}"
    beside = _read_sidecar(sidecar) if sidecar else None
    if kind == "data":
        components = []
        luminosity = _luminosity(luminosity_fb, beside, name)
    elif beside is not None:
        components, luminosity = beside.components, None
    else:
        own = {
            "process": model or sample_name,
            "mass_GeV": mass_GeV,
            "lifetime_m": lifetime_m if kind == "signal" else None,
            "decay": decay,
            "generated_events": generated_events or 0,
            "cross_section_fb": cross_section_fb,
        }
        components, luminosity = [_own_component(own, name)], None
    if kind != "data":
        _check_components(components, kind, name)
    entries, tree_name, runs = _list_files(_expand(files, name), tree, name)
    return Manifest(
        sample=sample_name,
        block=block_name,
        kind=kind,
        simulated=beside is not None,
        model=model,
        tree=tree_name,
        files=entries,
        entries=sum(entry.entries for entry in entries),
        experiments=sorted({experiment for experiment, _ in runs}),
        runs=sorted(runs),
        luminosity_fb=luminosity,
        components=components,
    )


def _read_sidecar(path: str) -> Sidecar:
    try:
        return Sidecar.model_validate_json(Path(path).read_bytes())
    except OSError as error:
        raise DarkreachError(
            f"{path}: cannot read what the simulation wrote ({error.strerror}); simulate the block again"
        ) from None
    except ValidationError as error:
        raise DarkreachError(f"{path}: {first_problem(error)}; simulate the block again") from None


def _luminosity(given: float | None, sidecar: Sidecar | None, name: str) -> float:
    simulated = sidecar.luminosity_fb if sidecar else None
    if given is not None and simulated is not None and not math.isclose(given, simulated):
        raise DarkreachError(
            f"block '{name}': 'luminosity_fb' is {given:g}, but the block was simulated with "
            f"{simulated:g} fb⁻¹; simulate it again"
        )
    luminosity = given if given is not None else simulated
    if luminosity is None or not luminosity > 0:
        raise DarkreachError(f"block '{name}': data without luminosity; set 'luminosity_fb' of the block")
    return luminosity


def _own_component(values: dict[str, Any], name: str) -> Component:
    """The user's own simulated files are one component."""
    try:
        return Component(**values)
    except ValidationError as error:
        raise DarkreachError(f"block '{name}': {first_problem(error)}") from None


def _check_components(components: list[Component], kind: str, name: str) -> None:
    if not components:
        raise DarkreachError(f"block '{name}': the simulation wrote no components; simulate the block again")
    for component in components:
        if not component.generated_events:
            raise DarkreachError(
                f"block '{name}': {kind} '{component.process}' without 'generated_events'; "
                "set it in the block"
            )
        if kind == "background" and component.cross_section_fb is None:
            raise DarkreachError(
                f"block '{name}': background '{component.process}' without 'cross_section_fb'; "
                "set it in the sample"
            )
        if kind == "signal" and component.mass_GeV is None:
            raise DarkreachError(f"block '{name}': signal without 'mass_GeV'; set it in the block")


def _expand(files: Sequence[str], name: str) -> list[str]:
    paths: list[str] = []
    for file in files:
        if is_remote(file) or os.path.exists(file) or not glob.has_magic(file):
            paths.append(file)
            continue
        matches = sorted(glob.glob(file, recursive=True))
        if not matches:
            raise DarkreachError(f"block '{name}': no file matches '{file}'; correct the pattern in 'files'")
        paths += matches
    if not paths:
        raise DarkreachError(f"block '{name}': no files; list them in 'files'")
    return paths


def _list_files(paths: list[str], tree: str | None, name: str) -> tuple[list[FileEntry], str, set[Run]]:
    entries: dict[str, FileEntry] = {}
    runs: set[Run] = set()
    for path in paths:
        with open_ntuple(path, tree) as ntuple:
            entry = FileEntry(
                path=path, size_bytes=ntuple.size_bytes, uuid=ntuple.uuid, entries=ntuple.entries
            )
            tree = ntuple.tree_name  # all files of a block have the same tree
        if entry.uuid in entries:
            raise DarkreachError(
                f"block '{name}': {path} and {entries[entry.uuid].path} are the same file "
                f"(uuid {entry.uuid}); remove one of them"
            )
        entries[entry.uuid] = entry
        runs.update(runs_of(path, tree))
    assert tree is not None
    return list(entries.values()), tree, runs
