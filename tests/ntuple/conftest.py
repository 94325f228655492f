"""Small ROOT files made for the tests."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import uproot

Columns = dict[str, np.ndarray]


def _event_columns(multiplicities: list[int], experiment: int = 7, run: int = 11) -> dict[str, np.ndarray]:
    """The columns that basf2 writes by itself, for events with so many candidates each."""
    rows = sum(multiplicities)
    return {
        "__experiment__": np.full(rows, experiment, dtype=np.int32),
        "__run__": np.full(rows, run, dtype=np.int32),
        "__event__": np.repeat(np.arange(len(multiplicities), dtype=np.int32), multiplicities),
        "__candidate__": np.concatenate([np.arange(n, dtype=np.int32) for n in multiplicities]),
        "__ncandidates__": np.repeat(np.array(multiplicities, dtype=np.int32), multiplicities),
        "__weight__": np.ones(rows),
    }


def _write(path: Path, trees: dict[str, Any], kind: str = "TTree", compression: Any = None) -> Path:
    """Write trees of columns; a tree given as a list of columns gets one cluster for each."""
    with uproot.recreate(path, compression=compression or uproot.ZLIB(1)) as file:
        for name, columns in trees.items():
            clusters = columns if isinstance(columns, list) else [columns]
            make = file.mkrntuple if kind == "RNTuple" else file.mktree
            make(name, {key: _dtype(values) for key, values in clusters[0].items()})
            for cluster in clusters:
                if len(next(iter(cluster.values()))):
                    file[name].extend(cluster)
    return path


def _dtype(values: Any) -> Any:
    return values.dtype if isinstance(values, np.ndarray) else "string"


@pytest.fixture
def event_columns() -> Callable[..., Columns]:
    """event_columns(multiplicities, experiment, run): see _event_columns."""
    return _event_columns


@pytest.fixture
def write() -> Callable[..., Path]:
    """write(path, trees, kind, compression): see _write."""
    return _write


@pytest.fixture(params=["TTree", "RNTuple"])
def kind(request: pytest.FixtureRequest) -> str:
    """Both formats that ROOT has for ntuples."""
    return request.param


@pytest.fixture
def datastore_file(tmp_path: Path, write: Callable[..., Path]) -> Path:
    """The trees and objects of a basf2 DataStore file."""
    counts = {"EventMetaData": np.arange(3), "Tracks": np.arange(3), "MCParticles": np.arange(3)}
    return write(tmp_path / "mdst.root", {"tree": counts, "persistent": {"FileMetaData": np.arange(1)}})


@pytest.fixture
def file_with_repeated_branch(
    tmp_path: Path, write: Callable[..., Path], event_columns: Callable[..., Columns]
) -> Path:
    """An uncompressed file in which the branch `aab` has been renamed to `aaa`: now there are two."""
    columns = event_columns([1, 2]) | {"aaa": np.zeros(3), "aab": np.ones(3)}
    path = write(tmp_path / "twice.root", {"tree": columns}, compression=uproot.ZLIB(0))
    path.write_bytes(path.read_bytes().replace(b"aab", b"aaa"))
    return path


@pytest.fixture
def damaged(tmp_path: Path) -> Callable[[bytes], Path]:
    """Write bytes as a file."""

    def make(content: bytes) -> Path:
        path = tmp_path / "damaged.root"
        path.write_bytes(content)
        return path

    return make
