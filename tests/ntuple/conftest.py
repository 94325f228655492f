"""Files that several tests need."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import uproot
from rootfiles import event_columns, write


@pytest.fixture(params=["TTree", "RNTuple"])
def kind(request: pytest.FixtureRequest) -> str:
    """Both formats that ROOT has for ntuples."""
    return request.param


@pytest.fixture
def datastore_file(tmp_path: Path) -> Path:
    """The trees and objects of a basf2 DataStore file."""
    counts = {"EventMetaData": np.arange(3), "Tracks": np.arange(3), "MCParticles": np.arange(3)}
    return write(tmp_path / "mdst.root", {"tree": counts, "persistent": {"FileMetaData": np.arange(1)}})


@pytest.fixture
def file_with_repeated_branch(tmp_path: Path) -> Path:
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
