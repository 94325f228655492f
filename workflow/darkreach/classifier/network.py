"""The networks of one region as one ONNX graph: standardise, layers, one score per fold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
IR_VERSION = 8


@dataclass(frozen=True)
class Network:
    """One perceptron: (x − mean)/scale, hidden layers with max(0, ·), a logistic output.

    layers: pairs of (inputs, outputs) weights and (outputs,) biases.
    """

    mean: np.ndarray
    scale: np.ndarray
    layers: list[tuple[np.ndarray, np.ndarray]]


def onnx_bytes(networks: Sequence[Network], inputs: int, metadata: Mapping[str, str]) -> bytes:
    """The graph `features` (n, inputs) → `scores` (n, k), float32, one column per network.

    The same networks give the same bytes.
    """
    nodes, constants, outputs = [], [], []

    def constant(name: str, values: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(np.asarray(values, dtype=np.float32), name))
        return name

    for fold, network in enumerate(networks):
        value = f"standard{fold}"
        nodes.append(
            helper.make_node("Sub", ["features", constant(f"mean{fold}", network.mean)], [f"c{fold}"])
        )
        nodes.append(helper.make_node("Div", [f"c{fold}", constant(f"scale{fold}", network.scale)], [value]))
        for depth, (weights, biases) in enumerate(network.layers):
            tag = f"{fold}_{depth}"
            last = depth == len(network.layers) - 1
            nodes.append(
                helper.make_node(
                    "Gemm",
                    [value, constant(f"weights{tag}", weights), constant(f"biases{tag}", biases)],
                    [f"sum{tag}"],
                )
            )
            value = f"layer{tag}"
            nodes.append(helper.make_node("Sigmoid" if last else "Relu", [f"sum{tag}"], [value]))
        outputs.append(value)
    nodes.append(helper.make_node("Concat", outputs, ["scores"], axis=1))
    graph = helper.make_graph(
        nodes,
        "darkreach",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["rows", inputs])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["rows", len(networks)])],
        constants,
    )
    model = helper.make_model(
        graph,
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="darkreach",
    )
    helper.set_model_props(model, dict(sorted(metadata.items())))
    onnx.checker.check_model(model)
    return model.SerializeToString(deterministic=True)


def constant_network(inputs: int) -> Network:
    """A network that gives every row the score 1, for a region in which nothing could be trained."""
    # the logistic function of 50 is 1 in float32
    return Network(np.zeros(inputs), np.ones(inputs), [(np.zeros((inputs, 1)), np.full(1, 50.0))])
