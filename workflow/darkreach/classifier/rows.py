"""Candidates to train on: read from skims of simulated samples, thinned to a fixed number."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np

from darkreach.catalogue.manifest import Manifest
from darkreach.classifier.folds import CANDIDATE, ORIGIN, event_folds, identity_hash
from darkreach.config.stages import TrainSpec
from darkreach.errors import DarkreachError
from darkreach.ntuple.chunks import iterate
from darkreach.ntuple.reading import open_ntuple
from darkreach.searches.registry import search_named
from darkreach.searches.skim import TREE, SkimRecord, record_path

MARGIN = 0.1  # of the width of a region: the classifiers learn what lies just outside, too


@dataclass(frozen=True)
class SkimmedBlock:
    """A skim with its manifest and record."""

    path: Path
    manifest: Manifest
    record: SkimRecord


@dataclass(frozen=True)
class Rows:
    """Candidates of signal or of background in a region and its margin, each array (n, ...).

    mass: the variable that places a row in a region. observable: of a resonance of this mass, both in GeV.
    yields: expected candidates per fb⁻¹; for signals 1. fold: of the event. group: index into `groups`,
    the samples of a background, or (model, mass in GeV) of signals.
    """

    features: np.ndarray
    mass: np.ndarray
    observable: np.ndarray
    yields: np.ndarray
    fold: np.ndarray
    group: np.ndarray
    groups: list[tuple[str, float]]

    def __len__(self) -> int:
        return len(self.mass)

    def where(self, mask: np.ndarray) -> "Rows":
        """Only the rows of a mask."""
        arrays = ("features", "mass", "observable", "yields", "fold", "group")
        return replace(self, **{name: getattr(self, name)[mask] for name in arrays})

    def counts(self) -> np.ndarray:
        """(groups,) number of rows of each group."""
        return np.bincount(self.group, minlength=len(self.groups))


def features_of(spec: TrainSpec) -> tuple[str, ...]:
    """What the classifier of the region sees: the features of its channel."""
    features = search_named(spec.search).FEATURES
    return features[spec.region.channel] if isinstance(features, dict) else features


def pair_blocks(
    spec: TrainSpec, skims: Sequence[str | os.PathLike], manifests: Sequence[Manifest]
) -> list[SkimmedBlock]:
    """Skims with the manifests of their blocks, in the order of the blocks' names.

    Raises:
        DarkreachError: one is of collision data, of another search, or has no partner.
    """
    by_name = {manifest.name: manifest for manifest in manifests}
    blocks: dict[str, SkimmedBlock] = {}
    for skim in map(Path, skims):
        record = SkimRecord.read(record_path(skim))
        name = f"{record.sample}/{record.block}"
        if record.kind == "data":
            raise DarkreachError(f"{skim}: is of data; classifiers are trained on simulated samples only")
        if record.search != spec.search:
            raise DarkreachError(f"{skim}: is of search '{record.search}', not of '{spec.search}'")
        if name not in by_name:
            raise DarkreachError(f"{skim}: block '{name}' has no manifest; give it with --manifests")
        blocks[name] = SkimmedBlock(skim, by_name[name], record)
    for kind in ("background", "signal"):
        if not any(block.manifest.kind == kind for block in blocks.values()):
            raise DarkreachError(f"--skims: none is of a {kind} sample; training needs signal and background")
    return [blocks[name] for name in sorted(blocks)]


def read_rows(spec: TrainSpec, blocks: Sequence[SkimmedBlock], kind: str) -> Rows:
    """Candidates of all blocks of `kind` in the region and its margin.

    If there are more than `maximum_events`, those whose identity hashes to the smallest numbers are kept:
    a random choice that does not depend on the order of files. Their yields make up for the others.

    Raises:
        DarkreachError: a skim is missing or damaged.
    """
    search, features = search_named(spec.search), features_of(spec)
    chosen = [block for block in blocks if block.manifest.kind == kind]
    groups = _groups(chosen, spec, kind)
    pool = _Pool(spec.classifier.maximum_events)
    for block in chosen:
        scale = _events_per_fb(chosen, block) if kind == "background" else 1.0
        if kind == "signal" and not _groups([block], spec, kind):
            continue  # another decay of X
        columns = {*CANDIDATE, *ORIGIN, *features, "weight", search.REGION_VARIABLE}
        columns |= {"true_mass"} if kind == "signal" else set()
        with open_ntuple(block.path, TREE) as skim:
            # a search of one channel has no column that says which
            columns |= {"channel"} & set(skim.names)
            for chunk in iterate(skim, sorted(columns)):
                pool.add(_extracted(chunk, spec, search, block, scale, groups))
    arrays, thinning = pool.taken()
    if not arrays:
        empty = np.zeros(0)
        return Rows(np.zeros((0, len(features))), empty, empty, empty, empty, empty.astype(int), groups)
    yields = arrays["yields"] * (thinning if kind == "background" else 1.0)
    return Rows(
        arrays["features"],
        arrays["mass"],
        arrays["observable"],
        yields,
        arrays["fold"],
        arrays["group"],
        groups,
    )


def _groups(blocks: Sequence[SkimmedBlock], spec: TrainSpec, kind: str) -> list[tuple[str, float]]:
    """Backgrounds, or models and masses of X with the decay of the region."""
    if kind == "background":
        return sorted({(block.manifest.sample, 0.0) for block in blocks})
    return sorted(
        {
            (str(block.manifest.model), float(component.mass_GeV))
            for block in blocks
            for component in block.manifest.components
            if component.mass_GeV is not None and component.decay in (None, spec.decay)
        }
    )


def _events_per_fb(blocks: Sequence[SkimmedBlock], block: SkimmedBlock) -> float:
    """σ/ΣN of a background sample, with σ the mean over its blocks weighted by generated events."""
    components = [
        component
        for other in blocks
        if other.manifest.sample == block.manifest.sample
        for component in other.manifest.components
    ]
    generated = sum(component.generated_events for component in components)
    cross_section = sum((c.cross_section_fb or 0.0) * c.generated_events for c in components)
    return cross_section / generated**2 if generated else 0.0


def _extracted(
    chunk: dict[str, np.ndarray],
    spec: TrainSpec,
    search: ModuleType,
    block: SkimmedBlock,
    scale: float,
    groups: list[tuple[str, float]],
) -> dict[str, np.ndarray]:
    low, high = spec.region.range_GeV
    margin = MARGIN * (high - low)
    mass = chunk[search.REGION_VARIABLE]
    inside = (mass > low - margin) & (mass < high + margin)
    if "channel" in chunk:
        inside &= chunk["channel"] == spec.channel_index
    chunk = {name: array[inside] for name, array in chunk.items()}
    if block.manifest.kind == "signal":
        group = np.array(
            [groups.index((str(block.manifest.model), m)) for m in chunk["true_mass"]], dtype=int
        )
    else:
        group = np.full(int(inside.sum()), groups.index((block.manifest.sample, 0.0)))
    mass = chunk[search.REGION_VARIABLE].astype(np.float64)
    return {
        "features": np.stack([chunk[name] for name in features_of(spec)], axis=-1),
        "mass": mass,
        "observable": search.observable_of_mass(mass),
        "yields": chunk["weight"] * scale,
        "fold": event_folds(chunk, spec.classifier.folds),
        "group": group,
        "priority": identity_hash(chunk, CANDIDATE),
    }


class _Pool:
    """The rows of smallest priority among all that were added."""

    def __init__(self, size: int) -> None:
        self.size, self.seen = size, 0
        self.rows: dict[str, np.ndarray] = {}

    def add(self, rows: dict[str, np.ndarray]) -> None:
        self.seen += len(rows["priority"])
        if self.rows:
            rows = {name: np.concatenate([self.rows[name], rows[name]]) for name in rows}
        order = np.argsort(rows["priority"], kind="stable")[: self.size]
        self.rows = {name: array[order] for name, array in rows.items()}

    def taken(self) -> tuple[dict[str, np.ndarray], float]:
        """The rows, and how many were seen for each of them."""
        kept = len(self.rows["priority"]) if self.rows else 0
        return self.rows, self.seen / kept if kept else 1.0
