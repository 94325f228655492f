"""The classifiers of one region as one ONNX graph, one score per fold."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET, TREE_OPSET = 17, 3
TREES = "ai.onnx.ml"  # the domain of operators for trees
IR_VERSION = 8


class Graph:
    """Operators and constants in the making."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, values: np.ndarray) -> str:
        """Add float32 values; returns their name."""
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype=np.float32), name))
        return name

    def node(self, operator: str, inputs: Sequence[str], output: str, **attributes: Any) -> str:
        """Add an operator with one output; returns the name of the output."""
        self.nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output


class Member(Protocol):
    """The classifier of one fold."""

    def add_to(self, graph: Graph, fold: int) -> str:
        """Add the operators from `features` (n, inputs) to a score (n, 1); returns the name of the score."""
        ...


def onnx_bytes(members: Sequence[Member], inputs: int, metadata: Mapping[str, str]) -> bytes:
    """The graph `features` (n, inputs) → `scores` (n, k), float32, one column per member.

    The same members give the same bytes.
    """
    graph = Graph()
    graph.node(
        "Concat", [member.add_to(graph, fold) for fold, member in enumerate(members)], "scores", axis=1
    )
    domains = {node.domain for node in graph.nodes}
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "darkreach",
            [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", inputs])],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", len(members)])],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)]
        + ([helper.make_opsetid(TREES, TREE_OPSET)] if TREES in domains else []),
        ir_version=IR_VERSION,
        producer_name="darkreach",
    )
    helper.set_model_props(model, dict(sorted(metadata.items())))
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)
