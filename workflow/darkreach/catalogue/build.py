"""Building the manifest of one block from its files."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ValidationError

from darkreach.catalogue.contents import check_component, contents, own_component
from darkreach.catalogue.duplicates import refuse_same_file
from darkreach.catalogue.inspection import ToInspect, inspect_file
from darkreach.catalogue.listing import Source, list_sample
from darkreach.catalogue.manifest import Component, Manifest, first_problem
from darkreach.catalogue.memory import KnownFile
from darkreach.errors import DarkreachError


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
    """Open every file of one block and write down what is there.

    `files` are folders, glob patterns, paths or URLs; luminosity in fb⁻¹, cross-section in fb, mass in
    GeV, lifetime cτ in m, `decay` that of X in a signal. `sidecar` is the JSON beside a
    simulated ntuple; it replaces the numbers that a user has to give.

    Raises:
        DarkreachError: no files; a file missing, damaged, an mDST, or there twice; data without luminosity,
            background without cross-section, simulation without generated events, signal without a mass.
    """
    name = f"{sample_name}/{block_name}"
    beside = _read_sidecar(sidecar) if sidecar else None
    components = []
    if kind != "data" and beside is not None:
        components = _simulated_components(beside, kind, name)
    elif kind != "data":
        components = [
            own_component(
                name,
                kind=kind,
                process=model or sample_name,
                decay=decay,
                cross_section_fb=cross_section_fb,
                generated_events=generated_events,
                mass_GeV=mass_GeV,
                lifetime_m=lifetime_m,
            )
        ]
    values = contents(
        sample_name,
        block_name,
        _look_into(sample_name, block_name, files, tree),
        kind=kind,
        simulated=beside is not None,
        model=model,
        luminosity_fb=_luminosity(luminosity_fb, beside, name) if kind == "data" else None,
        components=components,
    )
    return Manifest.model_validate(values)


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


def _simulated_components(sidecar: Sidecar, kind: str, name: str) -> list[dict]:
    if not sidecar.components:
        raise DarkreachError(f"block '{name}': the simulation wrote no components; simulate the block again")
    for component in sidecar.components:
        check_component(component, kind, name)
    return [component.model_dump(mode="json") for component in sidecar.components]


def _look_into(sample: str, block: str, patterns: Sequence[str], tree: str | None) -> dict[str, KnownFile]:
    listed = list_sample(sample, [Source(pattern, block) for pattern in patterns])
    for pattern in patterns:
        if not any(file.source.pattern == pattern for file in listed.values()):
            raise DarkreachError(
                f"block '{sample}/{block}': no file matches '{pattern}'; correct it in 'files'"
            )
    if not listed:
        raise DarkreachError(f"block '{sample}/{block}': no files; list them in 'files'")
    files = {}
    for file in listed.values():
        found = inspect_file(ToInspect(file.path, tree, None))
        if found.facts is None:
            raise DarkreachError(found.problem)
        # no checksum: a simulated file has the time of writing in it; its UUID is of what was simulated
        files[file.path] = KnownFile(
            file.source.pattern, file.size, file.mtime_ns, checksum=None, **found.facts._asdict()
        )
        refuse_same_file({sample: files})
        tree = found.facts.tree  # all files of a block have the same tree
    return files
