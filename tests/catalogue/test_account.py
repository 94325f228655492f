"""The account across blocks."""

from collections.abc import Callable

import pytest

from darkreach.catalogue.account import check_manifests, compare_read, luminosity_account
from darkreach.catalogue.manifest import FileEntry, Manifest
from darkreach.errors import DarkreachError

Make = Callable[..., Manifest]


def entry(uuid: str, entries: int) -> FileEntry:
    return FileEntry(path=f"{uuid}.root", size_bytes=1, uuid=uuid, entries=entries)


def test_separate_blocks_pass(manifest: Make) -> None:
    check_manifests(
        [
            manifest(),
            manifest(block="b", files=[entry("u2", 1)], runs=[(7, 3), (8, 1)]),
            manifest(sample="exp8", files=[entry("u3", 1)], runs=[(8, 2)]),
            # simulation may have the same runs
            manifest(sample="mc", kind="background", files=[entry("u4", 1)]),
            manifest(sample="mc", block="b", kind="background", files=[entry("u5", 1)]),
        ]
    )


def test_the_same_file_in_two_blocks_is_refused(manifest: Make) -> None:
    with pytest.raises(DarkreachError, match="'exp7/a' and 'mc/b' have the same file") as caught:
        check_manifests([manifest(), manifest(sample="mc", block="b", kind="background")])
    assert "a.root" in str(caught.value)


def test_the_same_run_in_two_data_blocks_is_refused(manifest: Make) -> None:
    again = manifest(block="b", files=[entry("u2", 1)], runs=[(7, 2), (8, 1)])
    with pytest.raises(DarkreachError, match="'exp7/a' and 'exp7/b' both have run 2 of experiment 7"):
        check_manifests([manifest(), again])
    # their luminosity would count twice whatever the sample is called
    with pytest.raises(DarkreachError, match="'exp7/a' and 'reprocessed/a' both have run 1 of experiment 7"):
        check_manifests([manifest(), manifest(sample="reprocessed", files=[entry("u2", 1)])])


def test_what_was_read_is_compared_with_the_manifest(manifest: Make) -> None:
    block = manifest(files=[entry("u1", 5), entry("u2", 7), entry("u3", 0)])
    compare_read(block, [entry("u2", 7), entry("u1", 2), entry("u1", 3)])
    with pytest.raises(DarkreachError) as caught:
        compare_read(block, [entry("u1", 5), entry("u2", 4)])
    message = str(caught.value)
    assert "u2.root (4 of 7 entries)" in message and "u1.root" not in message and "u3.root" not in message
    assert "exp7/a" in message and "0.5 fb⁻¹" in message
    with pytest.raises(DarkreachError, match=r"u1\.root \(0 of 5 entries\), u2\.root \(14 of 7 entries\)"):
        compare_read(block, [entry("u2", 7), entry("u2", 7)])
    with pytest.raises(DarkreachError, match=r"does not list: u9\.root"):
        compare_read(block, [entry("u1", 5), entry("u2", 7), entry("u9", 1)])


def test_luminosity_is_that_of_the_data(manifest: Make) -> None:
    blocks = [manifest(block=str(n), luminosity_fb=0.1) for n in range(10)]
    simulation = manifest(sample="mc", kind="background", luminosity_fb=None)
    account = luminosity_account([simulation, *reversed(blocks)])
    assert account["total_fb"] == 1.0
    assert account["blocks"] == {f"exp7/{n}": 0.1 for n in range(10)}
    assert list(account["blocks"]) == sorted(account["blocks"])
    assert luminosity_account([]) == {"blocks": {}, "total_fb": 0.0}
