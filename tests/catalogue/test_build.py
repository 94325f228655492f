"""Manifests from files."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import uproot

from darkreach.catalogue.build import build_manifest
from darkreach.catalogue.manifest import Component
from darkreach.errors import DarkreachError

Ntuple = Callable[..., str]


def refusal(**spec: object) -> str:
    with pytest.raises(DarkreachError) as caught:
        build_manifest("sample", "block", **spec)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_data_block(ntuple: Ntuple) -> None:
    first, second = ntuple("a.root", [(8, 3), (7, 20)]), ntuple("b.root", [(7, 20), (7, 5)], rows_per_run=4)
    block = build_manifest("exp7", "a", kind="data", files=[first, second], luminosity_fb=0.7)
    assert block.name == "exp7/a"
    assert [file.path for file in block.files] == [first, second]
    assert [file.entries for file in block.files] == [6, 8] and block.entries == 14
    assert [file.size_bytes for file in block.files] == [
        Path(first).stat().st_size,
        Path(second).stat().st_size,
    ]
    with uproot.open(first) as file:
        assert block.files[0].uuid == str(file.file.uuid)
    assert block.runs == [(7, 5), (7, 20), (8, 3)] and block.experiments == [7, 8]
    assert (block.luminosity_fb, block.components, block.simulated) == (0.7, [], False)
    assert block.tree == "variables"


def test_blocks_of_the_users_own_simulation(ntuple: Ntuple) -> None:
    path = ntuple("a.root", [(1003, 0)])
    block = build_manifest(
        "tautau", "a", kind="background", files=[path], cross_section_fb=919e3, generated_events=1000
    )
    assert block.components == [Component(process="tautau", generated_events=1000, cross_section_fb=919e3)]
    assert block.luminosity_fb is None
    block = build_manifest(
        "signal", "a", kind="signal", model="zprime", files=[path], generated_events=50, mass_GeV=2.5
    )
    prompt = Component(process="zprime", mass_GeV=2.5, lifetime_m=0.0, generated_events=50)
    assert block.components == [prompt]
    assert (block.model, block.simulated) == ("zprime", False)
    displaced = build_manifest(
        "signal",
        "a",
        kind="signal",
        model="leptophilic_scalar",
        files=[path],
        generated_events=50,
        mass_GeV=0.1,
        lifetime_m=0.01,
        decay="ee",
    ).components[0]
    assert (displaced.lifetime_m, displaced.decay) == (0.01, "ee")
    spec = {"kind": "signal", "files": [path], "generated_events": 50, "mass_GeV": 0.1}
    assert "lifetime_m" in refusal(lifetime_m=-1.0, **spec)


def test_what_the_simulation_wrote_replaces_what_a_user_gives(ntuple: Ntuple, tmp_path: Path) -> None:
    path = ntuple("a.root", [(0, 1)])
    sidecar = tmp_path / "a.json"
    masses = [{"process": "zprime", "mass_GeV": m, "generated_events": 10} for m in (1.0, 2.0)]
    sidecar.write_text(json.dumps({"components": masses, "luminosity_fb": 2.0, "seed": 4}))
    block = build_manifest("s", "a", kind="signal", model="zprime", files=[path], sidecar=str(sidecar))
    assert [component.mass_GeV for component in block.components] == [1.0, 2.0]
    assert (block.simulated, block.luminosity_fb) == (True, None)
    data = build_manifest("d", "a", kind="data", files=[path], sidecar=str(sidecar))
    assert (data.simulated, data.luminosity_fb, data.components) == (True, 2.0, [])
    assert data == build_manifest("d", "a", kind="data", files=[path], luminosity_fb=2, sidecar=str(sidecar))
    spec = {"kind": "data", "files": [path], "sidecar": str(sidecar)}
    assert "is 3, but the block was simulated with 2 fb⁻¹" in refusal(luminosity_fb=3.0, **spec)


def test_patterns_are_expanded_in_order(ntuple: Ntuple, tmp_path: Path) -> None:
    paths = [ntuple(name, [(7, 1)]) for name in ("c.root", "a.root", "b.root")]
    block = build_manifest("d", "a", kind="data", files=[str(tmp_path / "*.root")], luminosity_fb=1)
    assert [file.path for file in block.files] == sorted(paths)
    assert "no file matches" in refusal(kind="data", files=[str(tmp_path / "*.toor")], luminosity_fb=1)
    odd = ntuple("run[7].root", [(7, 1)])
    assert build_manifest("d", "a", kind="data", files=[odd], luminosity_fb=1).files[0].path == odd


def test_a_block_without_entries_is_allowed(ntuple: Ntuple) -> None:
    block = build_manifest("d", "a", kind="data", files=[ntuple("a.root", [])], luminosity_fb=1)
    assert (block.entries, block.runs, block.experiments) == (0, [], [])


def test_bad_files_are_refused(ntuple: Ntuple, tmp_path: Path) -> None:
    good = ntuple("a.root", [(7, 1)])
    copy = shutil.copy(good, tmp_path / "copy.root")
    absent = str(tmp_path / "absent.root")
    cut = tmp_path / "cut.root"
    cut.write_bytes(Path(good).read_bytes()[:-100])
    mdst = tmp_path / "mdst.root"
    with uproot.recreate(mdst) as file:
        for tree, branches in {"tree": ["EventMetaData", "Tracks"], "persistent": ["FileMetaData"]}.items():
            file.mktree(tree, dict.fromkeys(branches, np.int32))
    spec = {"kind": "data", "luminosity_fb": 1.0}
    assert "no files" in refusal(files=[], **spec)
    for bad, complaint in ((absent, "no file matches"), (str(cut), "truncated"), (str(mdst), "mDST")):
        message = refusal(files=[good, bad], **spec)
        assert bad in message and complaint in message
    message = refusal(files=[good, str(copy)], **spec)
    assert good in message and str(copy) in message and "the same file" in message
    message = refusal(files=[good, str(Path(good).parent / "a.*")], **spec)
    assert f"{good} is there twice" in message and "a.*" in message
    other_tree = ntuple("other.root", [(7, 1)], tree="tree")
    assert "no tree 'variables'; the file has: tree" in refusal(files=[good, other_tree], **spec)


def test_missing_numbers_are_named(ntuple: Ntuple, tmp_path: Path) -> None:
    files = [ntuple("a.root", [(7, 1)])]
    assert "without luminosity" in refusal(kind="data", files=files)
    assert "without luminosity" in refusal(kind="data", files=files, luminosity_fb=0.0)
    assert "'cross_section_fb'" in refusal(kind="background", files=files, generated_events=5)
    assert "'generated_events'" in refusal(kind="background", files=files, cross_section_fb=5.0)
    assert "'cross_section_fb'" in refusal(
        kind="background", files=files, generated_events=5, cross_section_fb=-1.0
    )
    assert "'mass_GeV'" in refusal(kind="signal", model="zprime", files=files, generated_events=5)
    assert "'generated_events'" in refusal(kind="signal", model="zprime", files=files, mass_GeV=2.0)
    assert "'sample/block'" in refusal(kind="data", files=files)
    sidecar = tmp_path / "s.json"
    for content, complaint in (
        ("{}", "components"),
        ('{"components": [], "seed": 1}', "no components"),
        ('{"components": [{"process": "tautau", "generated_events": 0}]}', "generated_events"),
        ("{", "JSON"),
    ):
        sidecar.write_text(content)
        assert complaint in refusal(kind="background", files=files, sidecar=str(sidecar))
    sidecar.unlink()
    assert str(sidecar) in refusal(kind="background", files=files, sidecar=str(sidecar))
