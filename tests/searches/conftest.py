"""Events and small blocks that the tests of searches, classifiers and histograms share."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def root() -> Path:
    """The top of the repository."""
    return Path(__file__).parents[2]
