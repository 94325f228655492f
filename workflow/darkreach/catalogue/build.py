"""Building the manifest of one simulated block."""

import math
import os
from pathlib import Path

from pydantic import BaseModel, ValidationError

from darkreach.catalogue.contents import check_component, contents
from darkreach.catalogue.inspection import facts_of
from darkreach.catalogue.manifest import Component, Manifest, first_problem
from darkreach.catalogue.memory import KnownFile
from darkreach.config.cataloguing import ManifestSpec
from darkreach.errors import DarkreachError


class Sidecar(BaseModel):
    """The part of the JSON beside a simulated ntuple that the manifest takes over."""

    components: list[Component]
    luminosity_fb: float | None = None


def build_manifest(sample: str, block: str, spec: ManifestSpec) -> Manifest:
    """Open the ntuple of a simulated block and write down what is there, with the numbers of its sidecar.

    Raises:
        DarkreachError: the ntuple or the sidecar is missing or damaged; data without luminosity, or with
            another one than the configuration says; a component without what its histograms are scaled with.
    """
    name = f"{sample}/{block}"
    sidecar = _read_sidecar(spec.sidecar)
    is_data = spec.kind == "data"
    return Manifest.model_validate(
        contents(
            sample,
            block,
            {spec.ntuple: _look_into(spec.ntuple, spec.tree)},
            kind=spec.kind,
            simulated=True,
            model=spec.model,
            luminosity_fb=_luminosity(spec.luminosity_fb, sidecar, name) if is_data else None,
            components=[] if is_data else _components(sidecar, spec.kind, name),
        )
    )


def _look_into(ntuple: str, tree: str | None) -> KnownFile:
    # no checksum: a simulated file has the time of writing in it; its UUID is of what was simulated
    facts = facts_of(ntuple, tree)
    stat = os.stat(ntuple)
    return KnownFile(ntuple, stat.st_size, stat.st_mtime_ns, checksum=None, **facts._asdict())


def _read_sidecar(path: str) -> Sidecar:
    try:
        return Sidecar.model_validate_json(Path(path).read_bytes())
    except OSError as error:
        raise DarkreachError(
            f"{path}: cannot read what the simulation wrote ({error.strerror}); simulate the block again"
        ) from None
    except ValidationError as error:
        raise DarkreachError(f"{path}: {first_problem(error)}; simulate the block again") from None


def _luminosity(given: float | None, sidecar: Sidecar, name: str) -> float:
    simulated = sidecar.luminosity_fb
    if simulated is None or not simulated > 0:
        raise DarkreachError(f"block '{name}': the simulation wrote no luminosity; simulate it again")
    if given is not None and not math.isclose(given, simulated):
        raise DarkreachError(
            f"block '{name}': 'luminosity_fb' is {given:g}, but the block was simulated with "
            f"{simulated:g} fb⁻¹; simulate it again"
        )
    return simulated


def _components(sidecar: Sidecar, kind: str, name: str) -> list[dict]:
    if not sidecar.components:
        raise DarkreachError(f"block '{name}': the simulation wrote no components; simulate the block again")
    for component in sidecar.components:
        check_component(component, kind, name)
    return [component.model_dump(mode="json") for component in sidecar.components]
