"""Histograms on disk: HDF5. Templates are in the layout of UHI; sums on their way to them are kept sparse."""

import contextlib
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import h5py
import numpy as np
import uhi.io.hdf5

from darkreach.columnar.exact import ExactHistogram
from darkreach.errors import DarkreachError
from darkreach.files import write_whole

METADATA = "darkreach"  # a dataset: attributes of HDF5 hold no more than 64 KB


def write_histograms(
    path: str | os.PathLike, histograms: Mapping[str, Any], metadata: Mapping[str, Any]
) -> None:
    """Write histograms in UHI's form, each a group in UHI's layout, and plain facts about them as JSON.

    A name may contain slashes.
    """
    with _written(path, {**metadata, "histograms": sorted(histograms)}) as file:
        for name, histogram in sorted(histograms.items()):
            # unpacking costs more than reading what is hardly packed
            uhi.io.hdf5.write(file.create_group(name), histogram, compression_opts=1)


def read_histograms(
    path: str | os.PathLike, wanted: Callable[[str], bool] = lambda name: True
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Histograms by name, as dictionaries in UHI's form that `hist.Hist` takes, and the metadata.

    wanted: by their name, the histograms to read.

    Raises:
        DarkreachError: the file is missing, damaged, or not of this workflow.
    """
    with _opened(path) as file:
        metadata = _metadata(file)
        names = filter(wanted, metadata.pop("histograms"))
        return {name: uhi.io.hdf5.read(file[name]) for name in names}, metadata


def write_sums(
    path: str | os.PathLike, histograms: Mapping[str, ExactHistogram], metadata: Mapping[str, Any]
) -> None:
    """Write exact sums: for each the bins that are not empty, and the parts of their values and variances.

    The datasets are {name}/bins, {name}/values and {name}/variances; the axes are in the metadata.
    """
    axes = {name: histogram.axes for name, histogram in sorted(histograms.items())}
    with _written(path, {**metadata, "axes": axes}) as file:
        for name, histogram in sorted(histograms.items()):
            _write_array(file, f"{name}/bins", histogram.bins)
            _write_array(file, f"{name}/values", histogram.values)
            if np.array_equal(histogram.values, histogram.variances):
                file[f"{name}/variances"] = file[f"{name}/values"]  # a second name for the same
            else:
                _write_array(file, f"{name}/variances", histogram.variances)


def _write_array(file: h5py.File, name: str, array: np.ndarray) -> None:
    """Large arrays are packed lightly: to unpack them costs less than to add them."""
    packed = {"compression": "gzip", "compression_opts": 1, "shuffle": True} if array.size > 1000 else {}
    file.create_dataset(name, data=array, **packed)


def read_sums(path: str | os.PathLike) -> tuple[dict[str, ExactHistogram], dict[str, Any]]:
    """Exact sums by name, and the metadata.

    Raises:
        DarkreachError: the file is missing, damaged, or not of this workflow.
    """
    with _opened(path) as file:
        metadata = _metadata(file)
        return {
            name: ExactHistogram(
                axes, *(file[f"{name}/{key}"][()] for key in ("bins", "values", "variances"))
            )
            for name, axes in metadata.pop("axes").items()
        }, metadata


def read_metadata(path: str | os.PathLike) -> dict[str, Any]:
    """The facts stored beside the histograms.

    Raises:
        DarkreachError: the file is missing, damaged, or not of this workflow.
    """
    with _opened(path) as file:
        return _metadata(file)


@contextlib.contextmanager
def _written(path: str | os.PathLike, metadata: Mapping[str, Any]) -> Iterator[h5py.File]:
    """A file to fill; it appears when it is complete."""
    content = io.BytesIO()
    # in memory first: HDF5 crashes the process when the disk is full
    with h5py.File(content, "w") as file:
        yield file
        text = json.dumps(metadata, ensure_ascii=False).encode()
        file.create_dataset(METADATA, data=np.frombuffer(text, dtype=np.uint8))
    write_whole(path, content.getbuffer())


def _metadata(file: h5py.File) -> dict[str, Any]:
    return dict(json.loads(file[METADATA][()].tobytes()))


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
