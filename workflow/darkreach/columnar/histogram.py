"""Histograms of one block: skim and classifiers in, HDF5 out."""

import os
from collections.abc import Sequence

from darkreach.catalogue.account import compare_read
from darkreach.catalogue.manifest import Manifest
from darkreach.classifier.inference import RegionClassifier, read_classifier
from darkreach.columnar.block_account import block_account
from darkreach.columnar.processor import SearchProcessor
from darkreach.columnar.run import Executor, run_processor
from darkreach.columnar.storage import write_sums
from darkreach.config.stages import HistogramSpec
from darkreach.errors import DarkreachError
from darkreach.searches.skim import SkimRecord, record_path


def histogram_block(
    spec: HistogramSpec,
    manifest: Manifest,
    skim: str | os.PathLike,
    classifiers: Sequence[str | os.PathLike],
    output: str | os.PathLike,
    executor: Executor,
    workers: int,
) -> int:
    """Fill and store the histograms of a block, with its account; returns the number of rows.

    Raises:
        DarkreachError: a file is missing or damaged, belongs to another block or search, or was not read
            completely; or a region has no classifier, or two.
    """
    record = SkimRecord.read(record_path(skim))
    if (record.sample, record.block, record.search) != (manifest.sample, manifest.block, spec.search):
        raise DarkreachError(
            f"{skim}: is of block '{record.sample}/{record.block}' and search '{record.search}', not of "
            f"'{manifest.name}' and '{spec.search}'; give the skim of the manifest's block"
        )
    compare_read(manifest, record.files)  # before the work of filling
    processor = SearchProcessor(spec, manifest.kind, manifest.components, _classifiers(spec, classifiers))
    result = run_processor(processor, skim, record.rows, executor, workers)
    histograms = result["histograms"]
    candidates = {channel: histograms[f"observable/{channel}"].total() for channel in processor.channels}
    account = block_account(manifest, record.files, record.rows, record.cutflow, candidates)
    metadata = {"search": spec.search, "blocks": [account.model_dump(mode="json")]}
    write_sums(output, histograms, metadata)
    return int(result["rows"])


def _classifiers(spec: HistogramSpec, paths: Sequence[str | os.PathLike]) -> list[RegionClassifier]:
    """One classifier for each region, in the order of the regions; none for a search without any."""
    if spec.folds is None and not paths:
        return []
    found: dict[str, RegionClassifier] = {}
    for path in paths:
        classifier = read_classifier(path)
        if classifier.region in found:
            raise DarkreachError(f"{path}: a second classifier of region '{classifier.region}'; give one")
        if classifier.folds != spec.folds:
            raise DarkreachError(
                f"{path}: has {classifier.folds} folds, the configuration has {spec.folds}; train it again"
            )
        found[classifier.region] = classifier
    names = [region.name for region in spec.regions]
    missing = sorted(set(names) - set(found))
    if missing:
        raise DarkreachError(f"--classifiers: region '{missing[0]}' has no classifier; run its train stage")
    return [found[name] for name in names]
