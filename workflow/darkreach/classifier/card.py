"""The model card: what a classifier is, what it was made of, and how well it does."""

import hashlib
import importlib.metadata
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from darkreach.classifier.rows import SkimmedBlock, features_of
from darkreach.config.stages import TrainSpec, describe
from darkreach.files import write_whole

LIBRARIES = ("scikit-learn", "numpy", "onnx")


def write_classifier(
    spec: TrainSpec,
    blocks: Sequence[SkimmedBlock],
    model: bytes,
    facts: dict[str, Any],
    output: str | os.PathLike,
    card: str | os.PathLike,
) -> None:
    """Write the ONNX model and its card.

    Raises:
        DarkreachError: a place cannot be written to.
    """
    contents = {
        "region": spec.region.name,
        "trained": facts["trained"],
        "inputs": list(features_of(spec)),
        "output": "scores (rows, folds); an event is judged by the classifier of its own fold",
        "model_sha256": hashlib.sha256(model).hexdigest(),
        "specification": describe(spec),
        "libraries": {name: importlib.metadata.version(name) for name in LIBRARIES},
        "samples": [
            {
                "sample": block.manifest.sample,
                "block": block.manifest.block,
                "kind": block.manifest.kind,
                "rows": block.record.rows,
                "skim_sha256": _sha256(block.path),
            }
            for block in blocks
        ],
        **{key: value for key, value in facts.items() if key != "trained"},
    }
    text = json.dumps(contents, indent=1, ensure_ascii=False) + "\n"
    write_whole(card, text.encode())
    write_whole(output, model)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
