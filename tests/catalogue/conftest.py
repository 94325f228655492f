"""Ntuples and manifests that several tests need."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import uproot

from darkreach.catalogue.manifest import FileEntry, Manifest


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
