"""A ROOT file appears only when it is complete."""

import errno

import numpy as np
import pytest
import uproot

from darkreach.errors import DarkreachError
from darkreach.simulation.ntuple_writer import NtupleWriter


def test_a_full_disk_gets_a_sentence_and_leaves_nothing(tmp_path):
    path = tmp_path / "a.root"
    with (
        pytest.raises(DarkreachError, match=r"a\.root: cannot be written \(No space left on device\)"),
        NtupleWriter(path, "identity") as writer,
    ):
        writer.extend({"x": np.arange(3)})
        assert not path.exists()
        raise OSError(errno.ENOSPC, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_two_processes_that_write_the_same_block_do_not_mix(tmp_path, monkeypatch):
    path = tmp_path / "a.root"
    with NtupleWriter(path, "identity") as first:
        first.extend({"x": np.arange(3)})
        # as after a workflow that was killed and started again while its job lived on
        monkeypatch.setattr("os.getpid", lambda: 1)
        with NtupleWriter(path, "identity") as second:
            second.extend({"x": np.arange(5)})
        assert uproot.open(path)["variables"].num_entries == 5
        first.extend({"x": np.arange(3)})
    assert uproot.open(path)["variables"].num_entries == 6
    assert [file.name for file in tmp_path.iterdir()] == ["a.root"]
