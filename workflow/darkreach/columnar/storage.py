"""Histograms on disk: HDF5 in the layout of UHI, which hist, boost-histogram and others read."""

import contextlib
import io
import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

import h5py
import uhi.io.hdf5

from darkreach.errors import DarkreachError
from darkreach.files import write_whole


def write_histograms(
    path: str | os.PathLike, histograms: Mapping[str, Any], metadata: Mapping[str, Any]
) -> None:
    """Write histograms (hist objects, or dictionaries in UHI's form) and plain facts about them.

    A name may contain slashes. `metadata` is stored as JSON in the attribute `darkreach`.
    """
    content = io.BytesIO()
    # in memory first: HDF5 crashes the process when the disk is full
    with h5py.File(content, "w") as file:
        file.attrs["darkreach"] = json.dumps(metadata, ensure_ascii=False)
        for name, histogram in sorted(histograms.items()):
            uhi.io.hdf5.write(file.create_group(name), histogram)
    write_whole(path, content.getbuffer())


def read_metadata(path: str | os.PathLike) -> dict[str, Any]:
    """The facts stored beside the histograms.

    Raises:
        DarkreachError: the file is missing, damaged, or not of this workflow.
    """
    with _opened(path) as file:
        return dict(json.loads(file.attrs["darkreach"]))


def read_histograms(path: str | os.PathLike) -> tuple[dict[str, Any], dict[str, Any]]:
    """Histograms by name, as dictionaries in UHI's form that `hist.Hist` takes, and the metadata.

    Raises:
        DarkreachError: the file is missing, damaged, or not of this workflow.
    """
    with _opened(path) as file:
        names: list[str] = []
        file.visititems(lambda name, item: names.append(name) if "uhi_schema" in item.attrs else None)
        return {name: uhi.io.hdf5.read(file[name]) for name in names}, json.loads(file.attrs["darkreach"])


@contextlib.contextmanager
def _opened(path: str | os.PathLike) -> Iterator[h5py.File]:
    try:
        with h5py.File(path) as file:
            yield file
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:120]
        raise DarkreachError(
            f"{path}: not a file of histograms of this workflow ({reason}); make it again"
        ) from None
