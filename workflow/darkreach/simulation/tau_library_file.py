"""The library of τ decays on disk, so that the blocks of a run need not make it again."""

import io
import os
import zlib
from dataclasses import fields

import h5py
import numpy as np

from darkreach.errors import DarkreachError
from darkreach.files import write_whole
from darkreach.simulation.tau_library import TauLibrary, make_tau_library


def seeded_tau_library(seed: int, kind: str) -> TauLibrary:
    """The library of all blocks of `data`, or of all others: stand-in data and simulation share no decay."""
    name = "tau library/data" if kind == "data" else "tau library/simulation"
    sequence = np.random.SeedSequence([seed, zlib.crc32(name.encode())])
    return make_tau_library(np.random.default_rng(sequence))


def write_tau_library(library: TauLibrary, path: str | os.PathLike) -> None:
    """Store a library as HDF5, one dataset for each of its arrays."""
    content = io.BytesIO()
    with h5py.File(content, "w") as file:
        for field in fields(TauLibrary):
            file.create_dataset(field.name, data=getattr(library, field.name))
    write_whole(path, content.getbuffer())


def read_tau_library(path: str | os.PathLike) -> TauLibrary:
    """The library in `path`.

    Raises:
        DarkreachError: the file is missing or is no such library.
    """
    try:
        with h5py.File(path) as file:
            return TauLibrary(**{field.name: file[field.name][()] for field in fields(TauLibrary)})
    except (OSError, KeyError) as error:
        reason = " ".join(str(error).split())[:100]
        raise DarkreachError(f"{path}: not a library of τ decays ({reason}); make it again") from None
