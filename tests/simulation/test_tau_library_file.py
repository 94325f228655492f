import numpy as np
import pytest

from darkreach.cli import main
from darkreach.errors import DarkreachError
from darkreach.simulation.tau_library import make_tau_library
from darkreach.simulation.tau_library_file import read_tau_library, seeded_tau_library, write_tau_library


def test_a_library_survives_the_disk(tmp_path):
    library = make_tau_library(np.random.default_rng(1), 300)
    write_tau_library(library, tmp_path / "a" / "tau.h5")
    found = read_tau_library(tmp_path / "a" / "tau.h5")
    for name in ("offsets", "pdg", "momentum", "position", "charged", "neutral_pions"):
        np.testing.assert_array_equal(getattr(found, name), getattr(library, name))


def test_something_else_is_refused(tmp_path):
    (tmp_path / "x.h5").write_bytes(b"nothing")
    for path in (tmp_path / "x.h5", tmp_path / "absent.h5"):
        with pytest.raises(DarkreachError, match=rf"{path.name}: not a library of τ decays"):
            read_tau_library(path)


def test_the_command_makes_what_blocks_would_make(tmp_path, monkeypatch):
    monkeypatch.setattr(
        "darkreach.simulation.tau_library_file.make_tau_library", lambda rng: make_tau_library(rng, 200)
    )
    for name, seed, kind in (("a", 3, "data"), ("b", 3, "simulation"), ("c", 4, "data")):
        output = str(tmp_path / f"{name}.h5")
        assert main(["tau-library", "--seed", str(seed), "--kind", kind, "--output", output]) == 0
    again = seeded_tau_library(3, "data")
    np.testing.assert_array_equal(read_tau_library(tmp_path / "a.h5").momentum, again.momentum)
    # backgrounds and signals share one library, data have another; each follows from the seed
    assert np.array_equal(
        seeded_tau_library(3, "background").momentum, read_tau_library(tmp_path / "b.h5").momentum
    )
    assert not np.array_equal(again.pdg[:50], seeded_tau_library(3, "signal").pdg[:50])
    assert not np.array_equal(again.pdg[:50], read_tau_library(tmp_path / "c.h5").pdg[:50])
