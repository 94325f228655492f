"""All chunks of one model's scan together."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darkreach.errors import DarkreachError


@dataclass(frozen=True)
class ScanResult:
    """rows: of all hypotheses, by mass, then lifetime (see `empty_row`). luminosity_fb: of the data, fb⁻¹.

    referee: hypotheses that pyhf computed again: mass_GeV, lifetime_m, lifetime_hypothesis, difference (the
    largest relative one of the six limits, None where pyhf failed) and verdict. referee_tolerance:
    difference that is a disagreement.
    """

    rows: list[dict[str, Any]]
    luminosity_fb: float
    referee: list[dict[str, Any]]
    referee_tolerance: float

    @property
    def disagreements(self) -> list[dict[str, Any]]:
        """The hypotheses for which pyhf differs beyond the tolerance."""
        known = [entry for entry in self.referee if entry["difference"] is not None]
        return [entry for entry in known if entry["difference"] > self.referee_tolerance]

    @property
    def without_opinion(self) -> list[dict[str, Any]]:
        """The hypotheses for which pyhf failed."""
        return [entry for entry in self.referee if entry["difference"] is None]


def read_scan(
    paths: Sequence[Path], search: str, model: str, chunks: int, confidence_level: float
) -> ScanResult:
    """Read all chunks of the scan of `model`.

    Raises:
        DarkreachError: a chunk is missing, broken, given twice, or of another scan.
    """
    seen: dict[int, Path] = {}
    rows, referee, luminosities, tolerances = [], [], set(), set()
    wanted = {"search": search, "model": model, "chunks": chunks, "confidence_level": confidence_level}
    for path in paths:
        try:
            chunk = json.loads(path.read_text(encoding="utf-8"))
            found = {key: chunk[key] for key in wanted}
            index = chunk["chunk"]
            rows += chunk["rows"]
            referee += chunk["referee"]
            luminosities.add(chunk["luminosity_fb"])
            tolerances.add(chunk["referee_tolerance"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DarkreachError(
                f"{path}: not a chunk of a scan ({type(error).__name__}); scan again"
            ) from None
        for key, value in wanted.items():
            if found[key] != value:
                raise DarkreachError(
                    f"{path}: its '{key}' is {found[key]!r}, not {value!r}; it is of another scan"
                )
        if index in seen:
            raise DarkreachError(f"{path} and {seen[index]} are both chunk {index}; give each chunk once")
        seen[index] = path
    missing = sorted(set(range(chunks)) - set(seen))
    if missing:
        raise DarkreachError(f"--chunks: chunk {missing[0]} of {chunks} is missing; scan it first")
    if len(luminosities) > 1:
        raise DarkreachError(
            f"--chunks: they are of different luminosities, {sorted(luminosities)} fb⁻¹; scan again"
        )
    return ScanResult(
        rows=sorted(rows, key=_order),
        luminosity_fb=luminosities.pop(),
        referee=sorted(referee, key=_order),
        referee_tolerance=max(tolerances),
    )


def _order(row: dict[str, Any]) -> tuple[float, bool, float]:
    """By mass; prompt, then lifetimes in order, then the model's own."""
    natural = row["lifetime_hypothesis"] == "natural"
    return row["mass_GeV"], natural, 0.0 if natural else row["lifetime_m"]
