"""A scan in slices of mass and lifetime, each fitted by a job of its own.

Where slices begin and end does not depend on the range of the scan, so that a change of the range or of the
lifetimes leaves the other slices as they are.
"""

from itertools import pairwise
from typing import NamedTuple

from darkreach.config.search import Lifetime, Scan, Search


class Slice(NamedTuple):
    """Hypotheses of one lifetime with masses from `low_GeV` up to, but not at, `high_GeV`.

    The highest slice of a search has the mass `high_GeV`, too.
    """

    low_GeV: float
    high_GeV: float
    lifetime: Lifetime

    @property
    def name(self) -> str:
        """As part of file names: `1.0000-3.7500_prompt`, `…_0.01m` or `…_natural`."""
        kind = self.lifetime if isinstance(self.lifetime, str) else f"{self.lifetime}m"
        return f"{self.low_GeV:.4f}-{self.high_GeV:.4f}_{'prompt' if self.lifetime == 0 else kind}"

    def part_of(self, scan: Scan) -> Scan:
        """The scan of this slice alone, without what does not concern its fits."""
        low, high = scan.range_GeV
        within = max(low, self.low_GeV), min(high, self.high_GeV)
        alone = {"range_GeV": within, "lifetimes_m": [self.lifetime], "chunks": 1, "global_toys": 1}
        return scan.model_copy(update=alone)


def slices_of(search: Search) -> dict[str, Slice]:
    """The slices in which the scan has hypotheses, by name; first by lifetime, then by mass.

    They end at the borders of the regions, and divide each interval between them into `scan.chunks`.
    """
    low, high = search.scan.range_GeV
    borders = _borders(search)
    found = [
        Slice(first, last, lifetime)
        for lifetime in search.scan.lifetimes_m
        for first, last in pairwise(borders)
        if first <= high and (low < last or last == borders[-1])
    ]
    return {one.name: one for one in found}


def _borders(search: Search) -> list[float]:
    """Borders of all slices in GeV, ascending."""
    edges = sorted({edge for region in search.regions for edge in region.range_GeV})
    parts = search.scan.chunks
    inner = {round(a + (b - a) * i / parts, 4) for a, b in pairwise(edges) for i in range(1, parts)}
    return sorted(inner | set(edges))
