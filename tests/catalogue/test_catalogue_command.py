"""The stages `catalogue` and `manifest` on the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from darkreach.catalogue.manifest import Manifest
from darkreach.cli import main

SPEC = {"kind": "data", "model": None, "tree": None, "luminosity_fb": 0.4}


def manifest_of(ntuple: str, output: Path, spec: str | None = None) -> int:
    """Run `manifest` for an ntuple beside which the simulation wrote 0.4 fb⁻¹."""
    sidecar = output.with_name("sidecar.json")
    sidecar.write_text(json.dumps({"components": [], "luminosity_fb": 0.4}))
    spec = spec or json.dumps(SPEC | {"ntuple": ntuple, "sidecar": str(sidecar)})
    return main(["manifest", "--sample", "exp7", "--block", "a", "--spec", spec, "--output", str(output)])


def test_the_manifest_of_a_simulated_block(ntuple: Callable[..., str], tmp_path: Path) -> None:
    output = tmp_path / "a.json"
    assert manifest_of(ntuple("a.root", [(7, 1), (7, 2)]), output) == 0
    block = Manifest.read(output)
    assert (block.name, block.luminosity_fb, block.entries, block.simulated) == ("exp7/a", 0.4, 6, True)
    assert block.runs == [(7, 1), (7, 2)] and block.files[0].runs == [(7, 1, 3), (7, 2, 3)]


def test_an_empty_block_is_noted(
    ntuple: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    output = tmp_path / "a.json"
    assert manifest_of(ntuple("a.root", []), output) == 0
    assert "block 'exp7/a' has no entries" in capsys.readouterr().err
    assert Manifest.read(output).entries == 0


def test_bad_input_gets_one_sentence_and_no_manifest(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    output = tmp_path / "a.json"
    for spec in (None, "{", json.dumps(SPEC)):
        assert manifest_of("nowhere.root", output, spec) == 2
        assert capsys.readouterr().err.count("\n") == 1
        assert not output.exists()


def test_all_samples_at_once(catalogue, capsys: pytest.CaptureFixture) -> None:
    catalogue.data()
    catalogue.write("data/a.root", {(7, 1): range(10)})
    spec = catalogue.folder / "spec.json"
    spec.write_text(catalogue.spec.model_dump_json())
    words = ["catalogue", "--spec", f"@{spec}", "--output", str(catalogue.output), "--cores", "2"]
    assert main(words) == 0 and list(catalogue.manifests()) == ["b00001"]
    assert "wrote 2 files" in capsys.readouterr().err
    assert main(words) == 0 and capsys.readouterr().err == ""
    (catalogue.folder / "data/a.root").unlink()
    assert main(words) == 2
    assert "samples.data: 1 catalogued file, 0.5 fb⁻¹, cannot be read" in capsys.readouterr().err
    assert main(["catalogue", "--spec", "{", "--output", str(catalogue.output)]) == 2
