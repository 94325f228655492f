"""Manifests on disk."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import ValidationError

from darkreach.catalogue.manifest import Manifest
from darkreach.errors import DarkreachError


def test_comes_back_as_it_was_written(tmp_path: Path, manifest: Callable[..., Manifest]) -> None:
    components = [{"process": "zprime", "mass_GeV": 2.0, "generated_events": 100, "cross_section_fb": 3.5}]
    for number, block in enumerate(
        [manifest(), manifest(kind="signal", model="zprime", luminosity_fb=None, components=components)]
    ):
        path = tmp_path / "sample" / f"{number}.json"
        assert block.write(path)
        assert Manifest.read(path) == block
        assert [left.name for left in path.parent.iterdir() if left.name.startswith(".")] == []


def test_is_rewritten_only_if_it_changed(tmp_path: Path, manifest: Callable[..., Manifest]) -> None:
    path = tmp_path / "a.json"
    assert manifest().write(path)
    before, content = path.stat().st_mtime_ns, path.read_bytes()
    assert not manifest().write(path)
    assert path.stat().st_mtime_ns == before and path.read_bytes() == content
    assert manifest(luminosity_fb=0.6).write(path)
    assert Manifest.read(path).luminosity_fb == 0.6


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (lambda values: values.pop("runs"), "'runs'"),
        (lambda values: values.update(colour="red"), "'colour'"),
        (lambda values: values.update(entries=6), "'entries' is not the sum"),
        (lambda values: values.update(luminosity_fb=-1), "'luminosity_fb'"),
        (lambda values: values["files"][0].pop("uuid"), "'files.0.uuid'"),
        (lambda values: values.update(files=[]), "'files'"),
    ],
)
def test_a_wrong_manifest_is_refused(
    tmp_path: Path, manifest: Callable[..., Manifest], change: Callable[[dict], object], complaint: str
) -> None:
    path = tmp_path / "a.json"
    values = manifest().model_dump(mode="json")
    change(values)
    path.write_text(json.dumps(values))
    with pytest.raises(DarkreachError) as caught:
        Manifest.read(path)
    assert complaint in str(caught.value) and str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_broken_or_missing_file_is_named(tmp_path: Path, manifest: Callable[..., Manifest]) -> None:
    path = tmp_path / "a.json"
    with pytest.raises(DarkreachError, match=r"a\.json: cannot read this manifest"):
        Manifest.read(path)
    manifest().write(path)
    for content in (path.read_bytes()[:50], b"", b"\xff\xfe", b"[]"):
        path.write_bytes(content)
        with pytest.raises(DarkreachError, match=r"a\.json: not a manifest"):
            Manifest.read(path)
    (tmp_path / "file").write_text("")
    with pytest.raises(DarkreachError, match="cannot write this manifest"):
        manifest().write(tmp_path / "file" / "a.json")


def test_infinite_luminosity_is_refused(manifest: Callable[..., Manifest]) -> None:
    with pytest.raises(ValidationError, match="finite"):
        manifest(luminosity_fb=float("inf"))
