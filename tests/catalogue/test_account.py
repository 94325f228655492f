"""What was read, and the luminosity behind what was not."""

from collections.abc import Callable

import pytest
from pydantic import ValidationError

from darkreach.catalogue.account import (
    FileRead,
    MissingFile,
    compare_read,
    luminosity_read,
)
from darkreach.catalogue.manifest import FileEntry, Manifest, RunEntries, Stretch
from darkreach.errors import DarkreachError

Make = Callable[..., Manifest]


def entry(uuid: str, entries: int, runs: list[RunEntries] | None = None) -> FileEntry:
    return FileEntry(path=f"{uuid}.root", size_bytes=1, uuid=uuid, entries=entries, runs=runs or [])


def read(
    uuid: str, entries: int, runs: list[RunEntries] | None = None, unread: str | None = None
) -> FileRead:
    return FileRead(path=f"{uuid}.root", uuid=uuid, entries=entries, runs=runs or [], unread=unread)


def test_what_was_read_is_compared_with_the_manifest(manifest: Make) -> None:
    block = manifest(files=[entry("u1", 5), entry("u2", 7), entry("u3", 0)])
    assert compare_read(block, [read("u2", 7), read("u1", 5), read("u3", 0)]) == []
    with pytest.raises(DarkreachError) as caught:
        compare_read(block, [read("u1", 5), read("u2", 4), read("u3", 0)])
    message = str(caught.value)
    assert "u2.root (4 of 7 entries)" in message and "u1.root" not in message and "u3.root" not in message
    assert "exp7/a" in message and "0.5 fb⁻¹" in message
    with pytest.raises(DarkreachError, match=r"u1\.root \(0 of 5 entries\), u2\.root \(14 of 7 entries\)"):
        compare_read(block, [read("u2", 14), read("u3", 0)])
    with pytest.raises(DarkreachError, match=r"u2\.root \(twice\)"):
        compare_read(block, [read("u1", 5), read("u2", 7), read("u2", 7), read("u3", 0)])
    with pytest.raises(DarkreachError, match=r"does not list: u9\.root"):
        compare_read(block, [read("u1", 5), read("u2", 7), read("u3", 0), read("u9", 1)])


def test_runs_that_were_read_are_compared_too(manifest: Make) -> None:
    block = manifest(files=[entry("u1", 5, [(7, 1, 3), (7, 2, 2)])])
    assert compare_read(block, [read("u1", 5, [(7, 2, 2), (7, 1, 3)])]) == []
    with pytest.raises(DarkreachError, match=r"u1\.root \(2 of 3 entries in run 1 of experiment 7\)"):
        compare_read(block, [read("u1", 5, [(7, 1, 2), (7, 2, 3)])])
    with pytest.raises(DarkreachError, match="0 of 2 entries in run 2"):
        compare_read(block, [read("u1", 5, [(7, 1, 3), (7, 3, 2)])])


def test_a_file_is_read_or_unread() -> None:
    with pytest.raises(ValidationError, match="either read or 'unread'"):
        read("u1", 5, unread="damaged")


def test_unread_files_are_returned_with_the_luminosity_behind_them(manifest: Make) -> None:
    """Two stretches of 1 and 3 fb⁻¹: file u2 has all of run 3, half of run 1, and a dropped run."""
    files = [
        entry("u1", 40, [(7, 1, 10), (7, 2, 30)]),
        entry("u2", 110, [(7, 1, 10), (7, 3, 90), (7, 9, 10)]),
        entry("u3", 0),
    ]
    stretches = [
        Stretch(experiment=7, first_run=1, last_run=1, luminosity_fb=1.0),
        Stretch(experiment=7, first_run=2, last_run=5, luminosity_fb=3.0),
        Stretch(experiment=7, first_run=6, last_run=6, luminosity_fb=0.25),  # nobody was selected there
    ]
    block = manifest(
        files=files,
        runs=[(7, 1), (7, 2), (7, 3)],
        dropped_runs=[(7, 9)],
        stretches=stretches,
        luminosity_fb=4.25,
    )
    missing = compare_read(
        block, [read("u1", 40, files[0].runs), read("u2", 0, unread="gone"), read("u3", 0)]
    )
    assert missing == [MissingFile(path="u2.root", entries=110, luminosity_fb=0.5 + 2.25, reason="gone")]
    assert luminosity_read(block, ["u2"]) == 1.5
    # whatever is missing, read and missing add up to what was catalogued, and nothing read leaves at most
    # the stretches without entries
    assert luminosity_read(block, []) == 4.25 and luminosity_read(block, ["u1", "u2", "u3"]) == 0.25
    assert luminosity_read(block, ["u1"]) + luminosity_read(block, ["u2"]) == 4.25 + 0.25


def test_luminosity_of_a_block_without_stretches_goes_by_entries(manifest: Make) -> None:
    block = manifest(files=[entry("u1", 6), entry("u2", 2)])
    missing = compare_read(block, [read("u1", 6), read("u2", 0, unread="damaged")])
    assert [file.luminosity_fb for file in missing] == [0.125]
    assert luminosity_read(block, ["u2"]) == 0.375
    # entries of dropped runs have no luminosity
    files = [entry("u1", 6, [(7, 1, 1), (7, 8, 5)]), entry("u2", 3, [(7, 2, 3)])]
    block = manifest(files=files, runs=[(7, 1), (7, 2)], dropped_runs=[(7, 8)])
    assert luminosity_read(block, ["u1"]) == 0.375
    simulated = manifest(kind="background", luminosity_fb=None, files=[entry("u1", 6)])
    assert compare_read(simulated, [read("u1", 0, unread="damaged")])[0].luminosity_fb is None
