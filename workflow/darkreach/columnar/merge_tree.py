"""The tree in which the blocks of a sample are merged: one more block changes one node of each level."""

from collections.abc import Sequence
from typing import TypeVar

FAN_IN = 32  # members of a node; no more than that the root reads itself

Member = TypeVar("Member")


def grouped(members: Sequence[Member]) -> list[Sequence[Member]]:
    """The members of each node of the next level."""
    return [members[first : first + FAN_IN] for first in range(0, len(members), FAN_IN)]
