"""Events and blocks are those of the tests of searches."""

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "searches")]


@pytest.fixture(scope="session")
def root() -> Path:
    """The top of the repository."""
    return Path(__file__).parents[2]


@pytest.fixture(scope="session")
def all_filled(tmp_path_factory, root):
    """Open ones and blind ones."""
    folders = tmp_path_factory.mktemp("open"), tmp_path_factory.mktemp("blind")
    from filled_blocks import Filled, blocks_in

    return [Filled(f, root, blocks_in(f), blind=b) for f, b in zip(folders, (False, True), strict=True)]


@pytest.fixture
def filled(all_filled, tmp_path):
    return all_filled[0].copied(tmp_path / "open")


@pytest.fixture
def blind(all_filled, tmp_path):
    return all_filled[1].copied(tmp_path / "blind")
