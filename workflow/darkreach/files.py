"""Writing files so that an interruption leaves no half of one."""

import os
from contextlib import suppress
from pathlib import Path

from darkreach.errors import DarkreachError


def write_whole(path: str | os.PathLike, content: bytes | memoryview) -> None:
    """Write a file in one step: it has all of the content, or is what it was before. Makes its folder.

    Raises:
        DarkreachError: the place cannot be written to.
    """
    path = Path(path)
    new = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(content)
        new.replace(path)
    except OSError as error:
        raise DarkreachError(
            f"{path}: cannot be written ({error.strerror}); make room or correct the path"
        ) from None
    finally:
        with suppress(OSError):
            new.unlink()
