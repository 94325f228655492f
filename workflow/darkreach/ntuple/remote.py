"""Files on XRootD servers: patience with the network, listings, and copies on a local disk."""

import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple, TypeVar
from urllib.parse import urlsplit

from darkreach.errors import DarkreachError

ATTEMPTS = 7
FIRST_PAUSE_S = 1.0  # and each time twice as long: 63 s in all
# The client's own defaults let a dead server hang a job for 30 minutes, and after a failed connection
# refuse the server for as long. Variables of the user's environment, XRD_CONNECTIONWINDOW..., go first.
CLIENT_LIMITS_S = {"ConnectionWindow": 10, "StreamErrorWindow": 1, "StreamTimeout": 30, "RequestTimeout": 300}
CLIENT_CONNECTION_ATTEMPTS = 1  # our own follow, with longer pauses
COPY_BYTES = 16 << 20  # asked for at a time
# XProtocol.hh: not authorised, not found, is a directory, authentication failed
_FINAL_ANSWERS = re.compile(r"\[30(10|11|16|30)\]")
_CLIENT_MESSAGE = re.compile(r"\[(ERROR|FATAL)\] .*")
_ABSENT = re.compile(r"\[3011\]")

_Result = TypeVar("_Result")
_given_up: set[str] = set()  # servers that failed to the last attempt: the next file gets only one


class RemoteFile(NamedTuple):
    """A file on a server."""

    url: str
    size: int  # bytes
    mtime: int  # seconds since 1970


def is_remote(path: str) -> bool:
    """Whether `path` is a URL."""
    return "://" in path


def is_network_error(error: BaseException) -> bool:
    """Whether `error`, raised while reading a remote file, can be gone at the next attempt."""
    return isinstance(error, OSError) and not _FINAL_ANSWERS.search(str(error))


def reason_of(error: BaseException) -> str:
    """What went wrong, in one line."""
    answer = _CLIENT_MESSAGE.search(str(error))
    lines = (answer.group() if answer else str(error)).strip().splitlines()
    kind = type(error).__name__
    return f"{kind}: {lines[0][:160]}" if lines else kind


def with_patience(path: str, action: Callable[[], _Result]) -> _Result:
    """The result of `action`, which reads `path`; tried again, with longer and longer pauses, while the
    network or the server of a remote `path` fails. Whatever the last attempt raises is raised."""
    if not is_remote(path):
        return action()
    import tenacity

    limit_waiting()
    server = urlsplit(path).netloc
    attempts = tenacity.Retrying(
        retry=tenacity.retry_if_exception(is_network_error),
        stop=tenacity.stop_after_attempt(1 if server in _given_up else ATTEMPTS),
        wait=tenacity.wait_exponential(multiplier=FIRST_PAUSE_S, max=60 * FIRST_PAUSE_S),
        before_sleep=lambda state: _announce(path, state),
        reraise=True,
    )
    try:
        result = attempts(_with_fresh_handle, path, action)
    except Exception as error:
        if is_network_error(error):
            _given_up.add(server)
        raise
    _given_up.discard(server)
    return result


def limit_waiting() -> None:
    """Bound the time that a dead server can hang the XRootD client, where the user has not done so."""
    from XRootD import client

    # the client ignores what is set here in favour of a variable of the environment
    client.EnvPutInt("ConnectionRetry", CLIENT_CONNECTION_ATTEMPTS)
    for name, seconds in CLIENT_LIMITS_S.items():
        client.EnvPutInt(name, seconds)


def close_remote(path: str) -> None:
    """Close what fsspec keeps open of `path`, good or broken."""
    filesystem, inner = _filesystem(path)
    with suppress(OSError):  # a broken connection cannot be closed properly
        filesystem.invalidate_cache(inner)


def list_remote(url: str) -> list[RemoteFile]:
    """The files that a URL `root://...` stands for, sorted: itself, all `*.root` below a directory, or
    those that a glob pattern (`*`, `?`, `[...]`, `**`) matches, without hidden ones (copies under way).
    None if there is nothing.

    Raises:
        DarkreachError: the server cannot be reached, or refuses to list; or it is no URL of XRootD.
    """
    if not url.startswith("root://"):
        raise DarkreachError(f"{url}: cannot be listed; of remote files only those of root://... are known")
    try:
        return with_patience(url, lambda: _listed(url))
    except OSError as error:
        if _ABSENT.search(str(error)):
            return []
        raise DarkreachError(
            f"{url}: cannot be listed ({reason_of(error)}); see whether the server is up"
        ) from None


@contextmanager
def local_copy(url: str, scratch: str) -> Iterator[str]:
    """A whole copy of a remote file in a folder of its own below `scratch`, removed afterwards.

    Raises:
        OSError: the server fails, or the copy has another size than the file.
        DarkreachError: `scratch` cannot be written to.
    """
    filesystem, inner = _filesystem(url)
    try:
        Path(scratch).mkdir(parents=True, exist_ok=True)
        folder = tempfile.TemporaryDirectory(prefix="darkreach-", dir=scratch)
    except OSError as error:
        raise DarkreachError(f"scratch: cannot write to '{scratch}' ({error.strerror})") from None
    with folder as name:
        copy = Path(name, PurePosixPath(inner).name)
        with_patience(url, lambda: _copy(filesystem, inner, copy))
        yield str(copy)


def _copy(filesystem: Any, inner: str, copy: Path) -> None:
    try:
        filesystem.get_file(inner, str(copy), chunk_size=COPY_BYTES)
    except OSError as error:
        if error.errno is None:  # from the client
            raise
        raise DarkreachError(
            f"scratch: cannot write to '{copy.parent.parent}' ({error.strerror}); make room there"
        ) from None
    size, there = copy.stat().st_size, filesystem.info(inner)["size"]
    if size != there:
        raise OSError(f"the copy has {size} of {there} bytes")


def _with_fresh_handle(path: str, action: Callable[[], _Result]) -> _Result:
    try:
        return action()
    except Exception:
        # fsspec would go on to use the handle that has just failed
        close_remote(path)
        raise


def _announce(path: str, state: Any) -> None:
    print(
        f"darkreach: {path}: {reason_of(state.outcome.exception())}; "
        f"attempt {state.attempt_number + 1} in {state.next_action.sleep:g} s",
        file=sys.stderr,
        flush=True,
    )


def _filesystem(url: str) -> tuple[Any, str]:
    import fsspec

    return fsspec.core.url_to_fs(url)


def _listed(url: str) -> list[RemoteFile]:
    from fsspec.core import has_magic

    filesystem, inner = _filesystem(url)
    filesystem.invalidate_cache()  # never an old listing
    if has_magic(inner):
        found = list(filesystem.glob(inner, detail=True).values())
    elif filesystem.info(inner)["type"] == "directory":
        below = filesystem.find(inner, detail=True).items()
        found = [file for name, file in below if name.endswith(".root")]
    else:
        found = [filesystem.info(inner)]
    filesystem.invalidate_cache()
    return sorted(
        RemoteFile(_url(filesystem, file["name"]), int(file["size"]), int(file["mtime"]))
        for file in found
        if file["type"] == "file" and ("/." in inner or "/." not in file["name"])
    )


def _url(filesystem: Any, inner: str) -> str:
    """One spelling for every file, however many slashes the user writes."""
    return filesystem.unstrip_protocol(f"/{inner.lstrip('/')}" if inner.startswith("/") else inner)
