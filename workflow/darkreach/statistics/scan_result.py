"""All chunks of one model's scan together."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from darkreach.config.stages import LimitsSpec, ScanSpec, SignificanceSpec
from darkreach.errors import DarkreachError


@dataclass(frozen=True)
class ScanResult:
    """rows: of all hypotheses, by mass, then lifetime (see `empty_row`), each with the name of its chunk.

    luminosity_fb: of the data that were read, fb⁻¹. specs: chunk → what it was made with.

    referee: hypotheses that pyhf computed again: mass_GeV, lifetime_m, lifetime_hypothesis, difference (the
    largest relative one of the six limits, None where pyhf failed) and verdict. referee_tolerance:
    difference that is a disagreement.
    """

    rows: list[dict[str, Any]]
    luminosity_fb: float
    referee: list[dict[str, Any]]
    referee_tolerance: float
    specs: dict[str, ScanSpec]

    @property
    def disagreements(self) -> list[dict[str, Any]]:
        """The hypotheses for which pyhf differs beyond the tolerance."""
        known = [entry for entry in self.referee if entry["difference"] is not None]
        return [entry for entry in known if entry["difference"] > self.referee_tolerance]

    @property
    def without_opinion(self) -> list[dict[str, Any]]:
        """The hypotheses for which pyhf failed."""
        return [entry for entry in self.referee if entry["difference"] is None]


def read_scan(paths: Sequence[Path], wanted: SignificanceSpec | LimitsSpec) -> ScanResult:
    """Read all chunks of the scan of a model.

    Raises:
        DarkreachError: a chunk is missing, broken, given twice, or of another scan.
    """
    seen: dict[str, Path] = {}
    rows, referee, luminosities, tolerances, specs = [], [], set(), set(), {}
    for path in paths:
        try:
            chunk = json.loads(path.read_text(encoding="utf-8"))
            spec = ScanSpec.model_validate_json(json.dumps(chunk["spec"]))
            luminosities.add(chunk["luminosity_fb"])
            rows += [row | {"chunk": spec.chunk} for row in chunk["rows"]]
            referee += chunk["referee"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DarkreachError(
                f"{path}: not a chunk of a scan ({type(error).__name__}); scan again"
            ) from None
        for key, expected in _common(wanted).items():
            if (found := _common(spec)[key]) != expected:
                raise DarkreachError(
                    f"{path}: its '{key}' is {found!r}, not {expected!r}; it is of another scan"
                )
        if spec.chunk in seen:
            raise DarkreachError(
                f"{path} and {seen[spec.chunk]} are both chunk {spec.chunk}; give each chunk once"
            )
        seen[spec.chunk] = path
        specs[spec.chunk] = spec
        tolerances.add(spec.scan.referee_tolerance)
    missing = [name for name in wanted.chunks if name not in seen]
    unknown = [name for name in seen if name not in wanted.chunks]
    if missing:
        raise DarkreachError(f"--chunks: chunk {missing[0]} is missing; scan it first")
    if unknown:
        raise DarkreachError(f"{seen[unknown[0]]}: chunk {unknown[0]} is not of this scan; remove it")
    if len(luminosities) > 1:
        raise DarkreachError(
            f"--chunks: they are of different luminosities, {sorted(luminosities)} fb⁻¹; scan again"
        )
    return ScanResult(
        rows=sorted(rows, key=_order),
        luminosity_fb=luminosities.pop(),
        referee=sorted(referee, key=_order),
        referee_tolerance=max(tolerances),
        specs={name: specs[name] for name in wanted.chunks},
    )


def _common(spec: ScanSpec | LimitsSpec) -> dict[str, Any]:
    """What all chunks of a scan and its table have in common."""
    level = spec.confidence_level if isinstance(spec, LimitsSpec) else spec.scan.confidence_level
    return {"search": spec.search, "model": spec.model, "confidence_level": level}


def _order(row: dict[str, Any]) -> tuple[float, bool, float]:
    """By mass; prompt, then lifetimes in order, then the model's own."""
    natural = row["lifetime_hypothesis"] == "natural"
    return row["mass_GeV"], natural, 0.0 if natural else row["lifetime_m"]
