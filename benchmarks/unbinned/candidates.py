"""Data candidates one by one, as they come out of the classifiers' cuts."""

from pathlib import Path

import numpy as np

from darkreach.classifier.folds import EVENT
from darkreach.classifier.inference import read_classifier
from darkreach.config.root import Config
from darkreach.config.search import Search
from darkreach.ntuple.chunks import read_chunks
from darkreach.searches.registry import search_named
from darkreach.searches.skim import TREE


def data_candidates(config: Config, search_name: str, results: Path) -> np.ndarray:
    """(n,) observable in GeV of all data candidates that pass the classifiers, in ascending order.

    Raises:
        DarkreachError: a skim or a classifier is missing or damaged.
    """
    search = config.searches[search_name]
    classifiers = [
        read_classifier(results / "classifier" / search_name / f"{region.name}.onnx")
        for region in search.regions
    ]
    skims = [
        results / "skim" / search_name / name / f"{block}.root"
        for name, sample in config.samples.items()
        if sample.kind == "data"
        for block in sample.blocks
    ]
    return np.sort(np.concatenate([_passing(skim, search_name, search, classifiers) for skim in skims]))


def _passing(skim: Path, search_name: str, search: Search, classifiers: list) -> np.ndarray:
    module = search_named(search_name)
    observable = search.observables[0].name
    columns = sorted({*EVENT, *module.FEATURES, module.REGION_VARIABLE, observable})
    passing = []
    for chunk in read_chunks(skim, TREE, columns):
        for region, classifier in zip(search.regions, classifiers, strict=True):
            low, high = region.range_GeV
            mass = chunk[module.REGION_VARIABLE]
            rows = {name: array[(mass >= low) & (mass < high)] for name, array in chunk.items()}
            kept = classifier.own_scores(rows) >= classifier.cut
            passing.append(rows[observable][kept].astype(float))
    return np.concatenate(passing)
