"""Manifests of simulated blocks."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import uproot

from darkreach.catalogue.build import build_manifest
from darkreach.config.cataloguing import ManifestSpec
from darkreach.errors import DarkreachError

Ntuple = Callable[..., str]


def simulated(ntuple: str, kind: str, **written: object) -> ManifestSpec:
    """A block beside whose ntuple the simulation wrote some values."""
    sidecar = Path(ntuple).with_suffix(".json")
    sidecar.write_text(json.dumps({"components": [], "seed": 4} | written))
    return ManifestSpec(
        kind=kind,
        model="zprime" if kind == "signal" else None,
        tree=None,
        ntuple=ntuple,
        sidecar=str(sidecar),
        luminosity_fb=None,
    )


def refusal(spec: ManifestSpec) -> str:
    with pytest.raises(DarkreachError) as caught:
        build_manifest("sample", "block", spec)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_block_of_data(ntuple: Ntuple) -> None:
    path = ntuple("a.root", [(8, 3), (7, 20)])
    block = build_manifest("exp7", "a", simulated(path, "data", luminosity_fb=2.0))
    assert (block.name, block.simulated, block.tree) == ("exp7/a", True, "variables")
    (file,) = block.files
    assert (file.path, file.entries, file.size_bytes) == (path, 6, Path(path).stat().st_size)
    with uproot.open(path) as opened:
        assert file.uuid == str(opened.file.uuid)
    assert block.runs == [(7, 20), (8, 3)] and block.experiments == [7, 8]
    assert (block.luminosity_fb, block.components) == (2.0, [])


def test_components_of_a_signal(ntuple: Ntuple) -> None:
    masses = [{"process": "zprime", "mass_GeV": m, "generated_events": 10} for m in (1.0, 2.0)]
    spec = simulated(ntuple("a.root", [(0, 1)]), "signal", components=masses, luminosity_fb=2.0)
    block = build_manifest("s", "a", spec)
    assert [component.mass_GeV for component in block.components] == [1.0, 2.0]
    assert (block.model, block.luminosity_fb) == ("zprime", None)


def test_luminosity_is_the_simulated_one(ntuple: Ntuple) -> None:
    path = ntuple("a.root", [(7, 1)])
    block = build_manifest("d", "a", simulated(path, "data", luminosity_fb=2.0))
    spec = simulated(path, "data", luminosity_fb=2.0).model_copy(update={"luminosity_fb": 2.0})
    assert build_manifest("d", "a", spec) == block
    other = spec.model_copy(update={"luminosity_fb": 3.0})
    assert "is 3, but the block was simulated with 2 fb⁻¹" in refusal(other)
    for written in (None, 0.0):
        assert "no luminosity" in refusal(simulated(path, "data", luminosity_fb=written))


def test_a_block_without_entries_is_allowed(ntuple: Ntuple) -> None:
    block = build_manifest("d", "a", simulated(ntuple("a.root", []), "data", luminosity_fb=1.0))
    assert (block.entries, block.runs, block.experiments) == (0, [], [])


def test_a_bad_ntuple_is_refused(ntuple: Ntuple) -> None:
    spec = simulated(ntuple("a.root", [(7, 1)]), "data", luminosity_fb=1.0)
    Path(spec.ntuple).write_bytes(Path(spec.ntuple).read_bytes()[:-100])
    assert spec.ntuple in (message := refusal(spec)) and "truncated" in message
    Path(spec.ntuple).unlink()
    assert spec.ntuple in refusal(spec)


def test_a_bad_sidecar_is_refused(ntuple: Ntuple) -> None:
    spec = simulated(ntuple("a.root", [(7, 1)]), "background")
    for content, complaint in (
        ("{}", "components"),
        ('{"components": [], "seed": 1}', "no components"),
        ('{"components": [{"process": "tautau", "generated_events": 0}]}', "generated_events"),
        ('{"components": [{"process": "tautau", "generated_events": 5}]}', "cross_section_fb"),
        ("{", "JSON"),
    ):
        Path(spec.sidecar).write_text(content)
        assert complaint in refusal(spec)
    Path(spec.sidecar).unlink()
    assert spec.sidecar in refusal(spec)
