"""Small ROOT files made for the tests."""

from pathlib import Path
from typing import Any

import numpy as np
import uproot


def event_columns(multiplicities: list[int], experiment: int = 7, run: int = 11) -> dict[str, np.ndarray]:
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


def write(path: Path, trees: dict[str, Any], kind: str = "TTree", compression: Any = None) -> Path:
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
