"""What stands in the manifest of a block, from what is known of its files."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from darkreach.catalogue.luminosity import Row
from darkreach.catalogue.manifest import Component, first_problem
from darkreach.catalogue.memory import KnownFile, runs_of
from darkreach.errors import DarkreachError


def contents(
    sample: str,
    block: str,
    files: Mapping[str, KnownFile],
    *,
    kind: str,
    simulated: bool = False,
    model: str | None = None,
    luminosity_fb: float | None = None,
    rows: Mapping[str, Sequence[Row]] | None = None,
    is_good: Callable[[tuple[int, int]], bool] = lambda run: True,
    components: list[dict[str, Any]] | None = None,
) -> dict[str, Any]:
    """Values of a Manifest. The luminosity (fb⁻¹) of data is the given one, or the sum over `rows` of the
    luminosity table, which each file has runs of.

    Raises:
        DarkreachError: the files have different trees.
    """
    trees = {file.tree: path for path, file in files.items()}
    if len(trees) > 1:
        (tree, path), (other, other_path) = sorted(trees.items())[:2]
        raise DarkreachError(
            f"block '{sample}/{block}': {path} has tree '{tree}', {other_path} has '{other}'; "
            f"name the one to use with 'tree' of sample '{sample}'"
        )
    runs = sorted({run for file in files.values() for run in runs_of(file)})
    good = [run for run in runs if is_good(run)]
    stretches = sorted({row for path in files for row in rows[path]}) if rows is not None else []
    if stretches:
        luminosity_fb = math.fsum(row.luminosity_fb for row in stretches)
    return {
        "sample": sample,
        "block": block,
        "kind": kind,
        "simulated": simulated,
        "model": model,
        "tree": next(iter(trees)),
        "files": [_entry(path, file) for path, file in sorted(files.items())],
        "entries": sum(file.entries for file in files.values()),
        "experiments": sorted({experiment for experiment, _ in good}),
        "runs": good,
        "dropped_runs": [run for run in runs if not is_good(run)],
        "luminosity_fb": luminosity_fb,
        "stretches": [row._asdict() for row in stretches],
        "components": components or [],
    }


def own_component(
    name: str,
    *,
    kind: str,
    process: str,
    decay: str | None,
    cross_section_fb: float | None,
    generated_events: int | None,
    mass_GeV: float | None,
    lifetime_m: float,
) -> dict[str, Any]:
    """The user's own simulated files as one component of block `name`.

    Raises:
        DarkreachError: a number is missing or impossible.
    """
    signal = kind == "signal"
    try:
        component = Component(
            process=process,
            mass_GeV=mass_GeV,
            lifetime_m=lifetime_m if signal else None,
            decay=decay,
            generated_events=generated_events or 0,
            cross_section_fb=cross_section_fb,
        )
    except ValidationError as error:
        raise DarkreachError(f"block '{name}': {first_problem(error)}") from None
    check_component(component, kind, name)
    return component.model_dump(mode="json")


def check_component(component: Component, kind: str, name: str) -> None:
    """Check that a component has what its histograms are scaled with.

    Raises:
        DarkreachError: names what is missing.
    """
    if not component.generated_events:
        raise DarkreachError(
            f"block '{name}': {kind} '{component.process}' without 'generated_events'; set it in the block"
        )
    if kind == "background" and component.cross_section_fb is None:
        raise DarkreachError(
            f"block '{name}': background '{component.process}' without 'cross_section_fb'; "
            "set it in the sample"
        )
    if kind == "signal" and component.mass_GeV is None:
        raise DarkreachError(f"block '{name}': signal without 'mass_GeV'; set it in the block")


def _entry(path: str, file: KnownFile) -> dict[str, Any]:
    return {
        "path": path,
        "size_bytes": file.size,
        "uuid": file.uuid,
        "entries": file.entries,
        "checksum": file.checksum,
        "runs": [tuple(run[:3]) for run in file.runs],
        "unreadable": file.unreadable,
    }
