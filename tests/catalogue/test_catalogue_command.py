"""The stage `catalogue` on the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from darkreach.catalogue.manifest import Manifest
from darkreach.cli import main

SPEC = {
    "kind": "data",
    "model": None,
    "tree": None,
    "sidecar": None,
    "luminosity_fb": 0.4,
    "cross_section_fb": None,
    "generated_events": None,
    "mass_GeV": None,
    "lifetime_m": 0.0,
    "decay": None,
}


def catalogue(spec: str, output: Path) -> int:
    words = ["catalogue", "--sample", "exp7", "--block", "a", "--spec", spec, "--output", str(output)]
    return main(words)


def test_writes_the_manifest(ntuple: Callable[..., str], tmp_path: Path) -> None:
    files = [ntuple("a.root", [(7, 1), (7, 2)])]
    output = tmp_path / "catalogue" / "exp7" / "a.json"
    assert catalogue(json.dumps(SPEC | {"files": files}), output) == 0
    block = Manifest.read(output)
    assert (block.name, block.luminosity_fb, block.entries) == ("exp7/a", 0.4, 6)
    assert block.runs == [(7, 1), (7, 2)]
    spec_file = tmp_path / "spec.json"
    spec_file.write_text(json.dumps(SPEC | {"files": files}))
    again = tmp_path / "again.json"
    assert catalogue(f"@{spec_file}", again) == 0
    assert again.read_bytes() == output.read_bytes()


def test_an_empty_block_is_noted(
    ntuple: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    output = tmp_path / "a.json"
    assert catalogue(json.dumps(SPEC | {"files": [ntuple("a.root", [])]}), output) == 0
    assert "block 'exp7/a' has no entries" in capsys.readouterr().err
    assert Manifest.read(output).entries == 0


def test_bad_input_gets_one_sentence_and_no_manifest(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    output = tmp_path / "a.json"
    for spec in (json.dumps(SPEC | {"files": ["nowhere.root"]}), "{", json.dumps(SPEC)):
        assert catalogue(spec, output) == 2
        assert capsys.readouterr().err.count("\n") == 1
        assert not output.exists()
