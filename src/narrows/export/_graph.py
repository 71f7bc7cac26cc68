"""A graph of ONNX as it grows: nodes, and the numbers that they take."""

from __future__ import annotations

from typing import Any

import numpy as np

from narrows.errors import MissingExtra

OPSET = 18
IR = 8  # the format that came with this opset: newer ones tell the same, and older runtimes refuse them
BATCH = "n"  # the name of the free number of rows
LARGEST = 2**31 - 2**20  # bytes of a file of protobuf, with room for all but the weights


class Graph:
    """Nodes and constants, under names that tell the layer which they belong to.

    Attributes
    ----------
    scope : str
        Before the names of the nodes to come.
    """

    def __init__(self) -> None:
        self.scope = ""
        self._onnx = package()
        self._nodes: list[Any] = []
        self._constants: dict[str, Any] = {}

    def constant(self, name: str, array: np.ndarray) -> str:
        """Hold an array of any shape under a name, once however often it is asked for; give the name."""
        if name not in self._constants:
            self._constants[name] = self._onnx.numpy_helper.from_array(np.ascontiguousarray(array), name)
        return name

    def number(self, value: float) -> str:
        """Hold a float32 number; give its name."""
        return self.constant(f"number/{value!r}", np.array(value, np.float32))

    def integers(self, *values: int) -> str:
        """Hold a list of whole numbers, such as a shape; give its name."""
        return self.constant(f"integers/{','.join(map(str, values))}", np.array(values, np.int64))

    def add(self, operation: str, *inputs: str, **attributes: Any) -> str:
        """Add a node of one output; give the output's name."""
        return self.add_all(operation, *inputs, **attributes)[0]

    def add_all(self, operation: str, *inputs: str, n_outputs: int = 1, **attributes: Any) -> list[str]:
        """Add a node of several outputs; give their names."""
        name = f"{self.scope}/{operation}/{len(self._nodes)}"
        outputs = [name, *(f"{name}/{place}" for place in range(1, n_outputs))]
        self._nodes.append(self._onnx.helper.make_node(operation, list(inputs), outputs, name=name, **attributes))
        return outputs

    def name(self, tensor: str, name: str) -> str:
        """Give a tensor another name, for those outside the graph."""
        self._nodes.append(self._onnx.helper.make_node("Identity", [tensor], [name], name=f"{name}/Identity"))
        return name

    def model(self, inputs: dict[str, int], outputs: dict[str, int], about: dict[str, str], version: str) -> bytes:
        """Give the whole as a file's content.

        Parameters
        ----------
        inputs, outputs : dict of str to int
            Names of tensors, each with the numbers that a row has in it.
        about : dict of str to str
            What to keep with the graph; "description" is shown by viewers.
        version : str
            Of narrows.

        Returns
        -------
        bytes

        Raises
        ------
        ValueError
            If it is larger than a file of ONNX can be.
        """
        if sum(len(constant.raw_data) for constant in self._constants.values()) > LARGEST:
            raise ValueError("the weights take more than 2 GB, which one .onnx file cannot hold: write .keras, or fit narrower layers")
        helper, floats = self._onnx.helper, self._onnx.TensorProto.FLOAT
        ends = [[helper.make_tensor_value_info(name, floats, [BATCH, width]) for name, width in side.items()] for side in (inputs, outputs)]
        graph = helper.make_graph(self._nodes, "narrows", *ends, list(self._constants.values()))
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR)
        model.producer_name, model.producer_version, model.doc_string = "narrows", version, about["description"]
        helper.set_model_props(model, about)
        self._onnx.checker.check_model(model, full_check=True)
        return model.SerializeToString(deterministic=True)  # type: ignore[no-any-return]


def package() -> Any:
    """Import onnx.

    Raises
    ------
    MissingExtra
        If it is not installed.
    """
    try:
        import onnx
    except ImportError:
        raise MissingExtra("an .onnx file", "onnx", "onnx") from None
    return onnx
