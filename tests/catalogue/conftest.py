"""Ntuples and manifests that several tests need."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

from darkreach.catalogue.manifest import FileEntry, Manifest
from darkreach.catalogue.update import update
from darkreach.config.cataloguing import CatalogueSpec
from darkreach.errors import DarkreachError


@pytest.fixture
def ntuple(tmp_path: Path) -> Callable[..., str]:
    """Write a small ntuple with some rows in each of the given runs; returns its path."""

    def make(name: str, runs: list[tuple[int, int]], rows_per_run: int = 3, tree: str = "variables") -> str:
        pairs = np.repeat(np.array(runs, dtype=np.int32).reshape(-1, 2), rows_per_run, axis=0)
        columns = {
            "__experiment__": pairs[:, 0],
            "__run__": pairs[:, 1],
            "__event__": np.arange(len(pairs), dtype=np.int32),
        }
        path = tmp_path / name
        with uproot.recreate(path) as file:
            file.mktree(tree, {key: values.dtype for key, values in columns.items()})
            if len(pairs):
                file[tree].extend(columns)
        return str(path)

    return make


@pytest.fixture
def manifest() -> Callable[..., Manifest]:
    """Make a manifest of a data block; any field can be given."""

    def make(**fields: object) -> Manifest:
        files = fields.pop("files", [FileEntry(path="a.root", size_bytes=10, uuid="u1", entries=5)])
        values = {
            "sample": "exp7",
            "block": "a",
            "kind": "data",
            "simulated": False,
            "model": None,
            "tree": "variables",
            "files": files,
            "entries": sum(file.entries for file in files),
            "experiments": [7],
            "runs": [(7, 1), (7, 2)],
            "luminosity_fb": 0.5,
            "components": [],
        }
        return Manifest.model_validate(values | fields)

    return make


Events = dict[tuple[int, int], Iterable[int]]


def write_ntuple(path: Path, events: Events, value: float = 0.0) -> Path:
    """An ntuple with the given event numbers of each (experiment, run); other values follow from `value`."""
    rows = [(e, r, event) for (e, r), numbers in events.items() for event in numbers]
    experiment, run, event = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    columns = {
        "__experiment__": experiment.astype(np.int32),
        "__run__": run.astype(np.int32),
        "__event__": event.astype(np.uint32),
        "M": np.linspace(value, value + 1, len(event)),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    with uproot.recreate(path) as file:
        file.mktree("variables", {key: values.dtype for key, values in columns.items()})
        if len(event):
            file["variables"].extend(columns)
    return path


class Catalogue:
    """Samples in a folder, and what the catalogue makes of them."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.output = folder, folder / "catalogue"
        self.samples: dict[str, dict[str, Any]] = {}
        self.tolerance = 0.0

    def data(self, name: str = "data", **keys: Any) -> None:
        """A sample of data; unless said otherwise of the files below a folder of its name, with runs 1 to 99
        of experiment 7 worth 0.5 fb⁻¹ each."""
        usual = {
            "kind": "data",
            "searches": ["search"],
            "files": [str(self.folder / name)],
            "luminosity": [[7, run, run, 0.5] for run in range(1, 100)],
        }
        self.samples[name] = usual | keys

    def simulation(self, name: str = "mc", **keys: Any) -> None:
        """A background of the files below a folder of its name, 1000 generated events in each."""
        usual = {
            "kind": "background",
            "searches": ["search"],
            "files": [str(self.folder / name)],
            "cross_section_fb": 100.0,
            "generated_events_per_file": 1000,
            "block_files": 2,
        }
        self.samples[name] = usual | keys

    def write(self, name: str, events: Events, value: float = 0.0) -> Path:
        """An ntuple below the folder."""
        return write_ntuple(self.folder / name, events, value)

    @property
    def spec(self) -> CatalogueSpec:
        """What the configuration says."""
        return CatalogueSpec.model_validate({"samples": self.samples, "tolerance": self.tolerance})

    def update(self, cores: int = 1) -> list[str]:
        """Bring it up to date; the names of what was written."""
        return sorted(str(path.relative_to(self.output)) for path in update(self.spec, self.output, cores))

    def refusal(self) -> str:
        """The one sentence with which it stops, having changed no manifest."""
        before = self.content()
        with pytest.raises(DarkreachError) as caught:
            self.update()
        assert self.content() == before and "\n" not in str(caught.value)
        return str(caught.value)

    def content(self) -> dict[str, tuple[bytes, int]]:
        """Bytes and time of all manifests and indices."""
        return {
            str(path.relative_to(self.output)): (path.read_bytes(), path.stat().st_mtime_ns)
            for path in self.output.glob("**/*.json")
            if not path.name.endswith(".files.json")
        }

    def manifests(self, sample: str = "data") -> dict[str, Manifest]:
        """All manifests of a sample by block, which are those of the index."""
        found = {path.stem: Manifest.read(path) for path in sorted((self.output / sample).glob("*.json"))}
        assert list(json.loads((self.output / f"{sample}.json").read_text())["blocks"]) == list(found)
        return found

    def files(self, sample: str = "data") -> dict[str, list[str]]:
        """Names of the files of each block."""
        return {
            name: [Path(file.path).name for file in manifest.files]
            for name, manifest in self.manifests(sample).items()
        }


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    """An empty one."""
    return Catalogue(tmp_path)
