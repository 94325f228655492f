"""The skim of files on a real XRootD server."""

import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
import uproot
from blocks import background_rows, manifest_of, search, skim_spec, write_ntuple

from darkreach.config.stages import as_json
from darkreach.ntuple import remote
from darkreach.searches import skim_variables
from darkreach.searches.skim import record_path, skim_block


def columns(path):
    with uproot.open(path) as file:
        return {
            branch.name: (branch.typename, branch.array(library="np").tobytes())
            for branch in file["skim"].branches
        }


def record_without_paths(path):
    record = json.loads(record_path(path).read_text())
    for file in record["files"]:
        file.pop("path")
    return record


@pytest.fixture
def blocks(xrootd_server, monkeypatch):
    """The same two files as a block of paths and as a block of URLs."""
    monkeypatch.setattr(remote, "FIRST_PAUSE_S", 0.05)
    monkeypatch.setattr(remote, "ATTEMPTS", 4)
    monkeypatch.setattr(skim_variables, "CHUNK_ROWS", 120)
    rng = np.random.default_rng(1)
    names = ("a.root", "b.root")
    for run, name in enumerate(names):
        write_ntuple(xrootd_server.folder / name, *(background_rows(40, rng, run=run) for _ in range(3)))

    def block(place):
        files = [f"{place}{name}" for name in names]
        return manifest_of(files, "fourmuon", cross_section_fb=351.2, generated_events=1000)

    return block(f"{xrootd_server.folder}/"), block(xrootd_server.url)


def test_remote_files_copies_of_them_and_local_files_give_the_same_skim(blocks, tmp_path, root):
    local, streamed = blocks
    spec, scratch = skim_spec(search(root)), tmp_path / "scratch"
    assert skim_block(spec, local, tmp_path / "local.root").rows > 0
    skim_block(spec, streamed, tmp_path / "streamed.root")
    skim_block(spec, streamed, tmp_path / "copied.root", scratch=str(scratch))
    assert scratch.is_dir() and not list(scratch.iterdir())
    for other in ("streamed", "copied"):
        assert columns(tmp_path / f"{other}.root") == columns(tmp_path / "local.root")
        assert record_without_paths(tmp_path / f"{other}.root") == record_without_paths(
            tmp_path / "local.root"
        )
    assert record_path(tmp_path / "copied.root").read_text() == record_path(
        tmp_path / "streamed.root"
    ).read_text().replace("streamed.root", "copied.root")


def test_a_dead_server_leaves_its_files_unread_and_the_next_attempt_reads_them(
    blocks, xrootd_server, tmp_path, root
):
    _, streamed = blocks
    spec, whole = skim_spec(search(root)), tmp_path / "whole.root"
    skim_block(spec, streamed, whole)
    xrootd_server.kill()
    start = time.monotonic()
    record = skim_block(spec, streamed, tmp_path / "out.root")
    assert time.monotonic() - start < 10
    assert record.rows == 0
    for file, entry in zip(record.files, streamed.files, strict=True):
        assert (file.path, file.entries) == (entry.path, 0)
        assert entry.path.startswith(xrootd_server.url)
        assert file.unread.startswith(f"{entry.path}: could not be read")
    time.sleep(1.1)
    xrootd_server.start()
    record = skim_block(spec, streamed, tmp_path / "out.root", attempt=1)
    assert (record.attempt, [file.unread for file in record.files]) == (1, [None, None])
    assert columns(tmp_path / "out.root") == columns(whole)


def test_a_server_that_dies_in_the_middle_of_the_block(blocks, xrootd_server, tmp_path, root, monkeypatch):
    local, streamed = blocks
    spec = skim_spec(search(root))
    first = local.model_copy(update={"files": local.files[:1]})
    skim_block(spec, first, tmp_path / "first.root", scratch=None)
    # the first file is on the local disk, the second is read halfway
    values = streamed.model_dump()
    values["files"][0]["path"] = local.files[0].path
    mixed = type(streamed).model_validate(values)
    read = skim_variables.iterate

    def dying(ntuple, *others):
        for number, chunk in enumerate(read(ntuple, *others)):
            if number == 1 and ntuple.path.startswith("root://"):
                xrootd_server.kill()
            yield chunk

    monkeypatch.setattr(skim_variables, "iterate", dying)
    record = skim_block(spec, mixed, tmp_path / "out.root")
    assert record.files[0].unread is None
    assert record.files[1].unread.startswith(f"{xrootd_server.url}b.root: could not be read")
    assert columns(tmp_path / "out.root") == columns(tmp_path / "first.root")


def test_a_job_that_is_ended_leaves_no_copy(blocks, xrootd_server, tmp_path, root):
    _, streamed = blocks
    streamed.write(tmp_path / "manifest.json")
    scratch, out = tmp_path / "scratch", tmp_path / "out" / "skim.root"
    command = [sys.executable, "-m", "darkreach", "skim", "--spec", as_json(skim_spec(search(root)))]
    command += ["--manifest", str(tmp_path / "manifest.json"), "--output", str(out)]
    xrootd_server.pause()  # the job waits in the middle of its copy
    with subprocess.Popen([*command, "--scratch", str(scratch)], stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not (scratch.is_dir() and list(scratch.iterdir())):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.05)
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(timeout=60) == 128 + signal.SIGTERM
    assert list(scratch.iterdir()) == []
    assert list(out.parent.iterdir()) == []
