"""Writing ntuples that look like those of basf2: a ROOT tree `variables`, batch after batch."""

import os
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import numpy as np
import uproot

from darkreach.errors import DarkreachError

TREE = "variables"


class NtupleWriter:
    """Appends candidates to a ROOT file, which gets its name only when it is complete.

    identity: a text from which the UUID of the file follows, so that equal content has an equal UUID.
    """

    def __init__(self, path: Path, identity: str) -> None:
        self.rows = 0
        self._path, self._partial = path, path.with_name(f".{path.name}.{os.getpid()}.new")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = uproot.recreate(
                self._partial,
                compression=uproot.ZSTD(5),
                uuid_function=lambda: uuid5(NAMESPACE_OID, identity),
            )
        except OSError as error:
            raise DarkreachError(f"--output {path}: cannot be written ({error.strerror})") from None
        self._tree: Any = None

    def extend(self, columns: dict[str, np.ndarray]) -> None:
        """Append rows, possibly none; the first call makes the branches."""
        if self._tree is None:
            self._tree = self._file.mktree(TREE, {name: values.dtype for name, values in columns.items()})
        rows = len(next(iter(columns.values())))
        if rows:
            self._tree.extend(columns)
        self.rows += rows

    def __enter__(self) -> "NtupleWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._file.close()
            if value is None:
                self._partial.replace(self._path)
        except OSError as error:
            value = value or error
        finally:
            with suppress(OSError):
                self._partial.unlink()
        if isinstance(value, OSError):
            raise DarkreachError(f"--output {self._path}: cannot be written ({value.strerror})") from None
