"""Histograms of all blocks → templates of one search, and the account of what went into them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from darkreach.catalogue.account import check_manifests, compare_read, luminosity_account
from darkreach.catalogue.manifest import FileEntry, Manifest
from darkreach.columnar.storage import read_histograms, read_metadata
from darkreach.columnar.templates import SignalTemplate, Templates
from darkreach.config.stages import MergeSpec
from darkreach.errors import DarkreachError


@dataclass
class Sum:
    """Values and variances added over blocks, and the events generated behind them."""

    values: np.ndarray
    variances: np.ndarray
    generated_events: int = 0

    def scaled(self, factor: float) -> tuple[np.ndarray, np.ndarray]:
        """(values, variances) times a factor."""
        return self.values * factor, self.variances * factor**2


@dataclass
class SampleAccount:
    """What is known of one sample after all its blocks."""

    kind: str
    generated_events: int = 0
    cross_section_events: float = 0.0  # Σ σN over blocks, fb
    cutflow: dict[str, dict[str, Any]] = field(default_factory=dict)
    observable: Sum | None = None
    controls: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add(self, manifest: Manifest, metadata: dict[str, Any]) -> None:
        """Add one block's counts."""
        for component in manifest.components:
            self.generated_events += component.generated_events
            self.cross_section_events += (component.cross_section_fb or 0.0) * component.generated_events
        for step in metadata["cutflow"]:
            total = self.cutflow.setdefault(step["cut"], {"rows": 0, "sum_of_weights": 0.0})
            total["rows"] += step["rows"]
            total["sum_of_weights"] += step["sum_of_weights"]

    def add_controls(self, histograms: dict[str, Any]) -> None:
        """Add the histograms to look at."""
        for name, histogram in histograms.items():
            if not name.startswith("control/"):
                continue
            if name not in self.controls:
                self.controls[name] = histogram
                continue
            for key in ("values", "variances"):
                total = self.controls[name]["storage"]
                total[key] = total[key] + histogram["storage"][key]

    def scale(self, luminosity_fb: float) -> float:
        """Expected candidates per simulated one: L σ / N of all blocks together; 1 for data and signals."""
        if self.kind != "background" or not self.generated_events:
            return 1.0
        return luminosity_fb * self.cross_section_events / self.generated_events**2


def merge_blocks(
    spec: MergeSpec, manifests: Sequence[Manifest], histograms: Sequence[str | os.PathLike]
) -> tuple[Templates, dict[str, Any]]:
    """Add the blocks of each sample, and scale the backgrounds to the luminosity of the data.

    Blocks of one background sample count as one production: the scale is L·σ/ΣN, with σ their mean
    weighted by generated events. Signals stay unscaled, per mass, with their generated events.

    Returns the templates and the account: luminosity (fb⁻¹) per block and in total, candidates per block,
    cutflow per sample with expected yields.

    Raises:
        DarkreachError: a block is missing, there twice, not read completely or of another search or
            binning; a file or a run is in two blocks; there are no data; a background is negative; or
            blinding does not fit.
    """
    check_manifests(manifests)
    luminosity = luminosity_account(manifests)
    if not luminosity["total_fb"]:
        raise DarkreachError("--manifests: no block of data with a luminosity; add one to 'samples'")
    samples = {m.sample: SampleAccount(m.kind) for m in sorted(manifests, key=lambda m: m.name)}
    signals: dict[str, dict[float, Sum]] = {}
    blocks, axis = [], None
    for manifest, path in _paired(manifests, histograms):
        found, metadata = read_histograms(path)
        _check_block(spec, manifest, metadata, path)
        sample = samples[manifest.sample]
        sample.add(manifest, metadata)
        sample.add_controls(found)
        candidates = None
        if "observable" in found:
            axis = _same_axis(axis, found["observable"]["axes"][-1], path)
            candidates = float(found["observable"]["storage"]["values"].sum())
            if manifest.kind == "signal":
                _add_signal(signals.setdefault(str(manifest.model), {}), manifest, found["observable"])
            else:
                sample.observable = _added(sample.observable, found["observable"]["storage"])
        blocks.append(_block_account(manifest, metadata, candidates))
    if axis is None:
        raise DarkreachError("--histograms: no simulated sample is among the blocks; add one to 'samples'")
    templates = _templates(axis, luminosity["total_fb"], samples, signals)
    for name, (values, _) in templates.backgrounds.items():
        if values.sum() < 0:
            raise DarkreachError(
                f"samples.{name}: {values.sum():.4g} candidates are expected, a negative number; "
                "correct '__weight__' in its ntuples"
            )
    return templates, _account(spec, luminosity, blocks, samples, templates)


def _paired(
    manifests: Sequence[Manifest], histograms: Sequence[str | os.PathLike]
) -> list[tuple[Manifest, str | os.PathLike]]:
    """Each manifest with the file of its block, in the order of the blocks' names."""
    paths: dict[str, str | os.PathLike] = {}
    for path in histograms:
        name = block_of(path)
        if name in paths:
            raise DarkreachError(f"{path}: block '{name}' is also in {paths[name]}; give one of them")
        paths[name] = path
    names = [manifest.name for manifest in manifests]
    twice = sorted({name for name in names if names.count(name) > 1})
    missing, unknown = sorted(set(names) - set(paths)), sorted(set(paths) - set(names))
    if twice:
        raise DarkreachError(f"--manifests: block '{twice[0]}' is there twice; give it once")
    if missing:
        raise DarkreachError(f"--histograms: none of block '{missing[0]}'; run its histogram stage")
    if unknown:
        raise DarkreachError(f"{paths[unknown[0]]}: block '{unknown[0]}' has no manifest; give it too")
    return [(manifest, paths[manifest.name]) for manifest in sorted(manifests, key=lambda m: m.name)]


def block_of(path: str | os.PathLike) -> str:
    """`sample/block` of a file of histograms.

    Raises:
        DarkreachError: the file is no result of the histogram stage.
    """
    metadata = read_metadata(path)
    try:
        return f"{metadata['sample']}/{metadata['block']}"
    except KeyError:
        raise DarkreachError(f"{path}: holds no histograms of a block; run its histogram stage") from None


def _check_block(
    spec: MergeSpec, manifest: Manifest, metadata: dict[str, Any], path: str | os.PathLike
) -> None:
    if metadata["search"] != spec.search:
        raise DarkreachError(f"{path}: is of search '{metadata['search']}', not of '{spec.search}'")
    if manifest.kind == "data" and metadata["blind"] and not spec.blind:
        raise DarkreachError(f"{path}: was filled while the search was blind; run its histogram stage again")
    compare_read(manifest, [FileEntry(**file) for file in metadata["files"]])


def _same_axis(
    expected: dict[str, Any] | None, found: dict[str, Any], path: str | os.PathLike
) -> dict[str, Any]:
    if expected is not None and any(expected[key] != found[key] for key in ("bins", "lower", "upper")):
        raise DarkreachError(
            f"{path}: has other bins than the blocks before it; run its histogram stage again"
        )
    return found


def _added(total: Sum | None, storage: dict[str, np.ndarray]) -> Sum:
    if total is None:
        return Sum(storage["values"].copy(), storage["variances"].copy())
    total.values += storage["values"]
    total.variances += storage["variances"]
    return total


def _add_signal(by_mass: dict[float, Sum], manifest: Manifest, histogram: dict[str, Any]) -> None:
    storage = histogram["storage"]
    for row, name in enumerate(histogram["axes"][0]["categories"]):
        mass = float(name)
        part = {key: storage[key][row] for key in ("values", "variances")}
        by_mass[mass] = _added(by_mass.get(mass), part)
        by_mass[mass].generated_events += sum(
            component.generated_events for component in manifest.components if component.mass_GeV == mass
        )


def _templates(
    axis: dict[str, Any],
    luminosity_fb: float,
    samples: dict[str, SampleAccount],
    signals: dict[str, dict[float, Sum]],
) -> Templates:
    data = [s.observable.values for s in samples.values() if s.kind == "data" and s.observable is not None]
    controls: dict[str, dict[str, Any]] = {}
    for name, sample in samples.items():
        factor = sample.scale(luminosity_fb)
        for control, histogram in sample.controls.items():
            storage = histogram["storage"]
            values, variances = Sum(storage["values"], storage["variances"]).scaled(factor)
            scaled = histogram | {"storage": storage | {"values": values, "variances": variances}}
            controls.setdefault(control.removeprefix("control/"), {})[name] = scaled
    return Templates(
        edges=np.linspace(axis["lower"], axis["upper"], axis["bins"] + 1),
        luminosity_fb=luminosity_fb,
        data=np.sum(data, axis=0) if data else None,
        backgrounds={
            name: sample.observable.scaled(sample.scale(luminosity_fb))
            for name, sample in samples.items()
            if sample.kind == "background" and sample.observable is not None
        },
        signals={
            model: {
                mass: SignalTemplate(total.values, total.variances, total.generated_events)
                for mass, total in sorted(by_mass.items())
            }
            for model, by_mass in signals.items()
        },
        controls=controls,
    )


def _block_account(manifest: Manifest, metadata: dict[str, Any], candidates: float | None) -> dict[str, Any]:
    return {
        "sample": manifest.sample,
        "block": manifest.block,
        "kind": manifest.kind,
        "luminosity_fb": manifest.luminosity_fb,
        "files": len(manifest.files),
        "entries": manifest.entries,
        "preselected_rows": metadata["rows"],
        "candidates": candidates,
    }


def _account(
    spec: MergeSpec,
    luminosity: dict[str, Any],
    blocks: list[dict[str, Any]],
    samples: dict[str, SampleAccount],
    templates: Templates,
) -> dict[str, Any]:
    """The account as plain values; `expected` are yields at the luminosity of the data."""
    per_sample = {}
    for name, sample in samples.items():
        scale = sample.scale(luminosity["total_fb"])
        per_sample[name] = {
            "kind": sample.kind,
            "generated_events": sample.generated_events if sample.kind != "data" else None,
            "scale": scale if sample.kind == "background" else None,
            "cutflow": [
                {
                    "cut": cut,
                    "rows": step["rows"],
                    "expected": step["sum_of_weights"] * scale if sample.kind == "background" else None,
                }
                for cut, step in sample.cutflow.items()
            ],
            "expected_candidates": (
                float(templates.backgrounds[name][0].sum()) if name in templates.backgrounds else None
            ),
        }
    return {
        "search": spec.search,
        "blind": spec.blind,
        "luminosity_fb": luminosity,
        "observed_candidates": None if templates.data is None else float(templates.data.sum()),
        "expected_candidates": float(sum(values.sum() for values, _ in templates.backgrounds.values())),
        "samples": per_sample,
        "blocks": blocks,
    }
