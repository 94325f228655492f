"""A real XRootD server on this machine."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

_CONFIGURATION = """\
all.export /data
oss.localroot {folder}
all.adminpath {folder}/admin
all.pidpath {folder}/run
xrd.port {port}
xrd.allow host 127.0.0.1
xrd.allow host localhost
xrd.network nodnr
"""


class XRootDServer:
    """Serves the files in `folder` as `url` + name; can be killed, paused and started again."""

    def __init__(self, home: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._home = home
        self.folder = home / "data"
        self.url = f"root://127.0.0.1:{self._port}//data/"
        for name in ("data", "admin", "run"):
            (home / name).mkdir(parents=True)
        (home / "xrootd.cfg").write_text(_CONFIGURATION.format(folder=home, port=self._port))
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = ["xrootd", "-I", "v4", "-c", str(self._home / "xrootd.cfg")]
        if os.getuid() == 0:  # it refuses to run as root
            command = ["unshare", "-U", "--map-user=1", "--map-group=1", *command]
        with open(self._home / "xrootd.log", "ab") as log:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        for _ in range(200):
            assert self._process.poll() is None, (self._home / "xrootd.log").read_text()[-2000:]
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError((self._home / "xrootd.log").read_text()[-2000:])

    def kill(self) -> None:
        """End it at once; connections break."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def pause(self) -> None:
        """Let it hang: connections stay, answers do not come."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)


@pytest.fixture
def xrootd_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[XRootDServer]:
    """A running server."""
    if shutil.which("xrootd") is None:
        pytest.skip("needs the program xrootd (Debian package xrootd-server)")
    server = XRootDServer(tmp_path_factory.mktemp("xrootd"))
    server.start()
    try:
        yield server
    finally:
        server.kill()
