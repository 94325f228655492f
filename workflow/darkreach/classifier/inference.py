"""Applying a stored classifier. Needs onnxruntime, not the library that trained it."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from darkreach.classifier.folds import event_folds
from darkreach.errors import DarkreachError

METADATA = "darkreach"


@dataclass
class RegionClassifier:
    """The classifier of one region: a score per fold and the cut on it.

    Candidates with a score of at least `cut` pass.
    """

    region: str
    features: tuple[str, ...]
    folds: int
    cut: float
    model: bytes
    _session: Any = None

    def __getstate__(self) -> dict[str, Any]:
        # a session cannot travel to another process; each opens its own
        return self.__dict__ | {"_session": None}

    def scores(self, features: np.ndarray) -> np.ndarray:
        """(n, folds) float32 scores of (n, features) rows in the order of `self.features`."""
        if self._session is None:
            self._session = _session(self.model)
        (scores,) = self._session.run(["scores"], {"features": np.asarray(features, dtype=np.float32)})
        return np.asarray(scores)

    def own_scores(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
        """(n,) score of each row by the network that was not trained on its event.

        columns: the features and the identity of the event, each (n,).
        """
        scores = self.scores(np.stack([columns[name] for name in self.features], axis=-1))
        return np.take_along_axis(scores, event_folds(columns, self.folds)[:, None], axis=1)[:, 0]


def read_classifier(path: str | os.PathLike) -> RegionClassifier:
    """The classifier in an ONNX file written by the train stage.

    Raises:
        DarkreachError: the file is missing or is no such classifier.
    """
    try:
        model = Path(path).read_bytes()
        facts = json.loads(_session(model).get_modelmeta().custom_metadata_map[METADATA])
        return RegionClassifier(
            facts["region"], tuple(facts["features"]), facts["folds"], facts["cut"], model
        )
    except OSError as error:
        raise DarkreachError(f"{path}: cannot read this classifier ({error.strerror})") from None
    except Exception as error:  # onnxruntime has its own exceptions, and hides their base
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise DarkreachError(
            f"{path}: not a classifier of this workflow ({reason[0][:120]}); run the train stage again"
        ) from None


def _session(model: bytes) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
