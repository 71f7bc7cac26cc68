"""A bundle as the server takes it: graphs of ONNX, arrays, and what there is to say; made in a process of its own."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

GRAPH = "graph/"


@dataclass(frozen=True)
class About:
    """What is known of a model, as plain values.

    Parameters
    ----------
    estimator : str
        Its class.
    n_features, n_components : int
        Numbers of a row, and of a code.
    scale : str
        How rows are scaled.
    rows_at_once : int
        That can be computed together without filling the memory.
    feature_names : tuple of str or None, default=None
    image_shape : tuple of int or None, default=None
        Height, width and channels, where rows are images.
    classes : tuple or None, default=None
        Those that a head tells apart.
    predicts : {"probabilities", "prediction"} or None, default=None
        What a head gives: of classes, or numbers.
    value_range : tuple of float, default=(0.0, 1.0)
        Between which the numbers of rows lie, nearly: black and white, where they are images.
    training_error : float or None, default=None
        The mean error of rows when the model was made.
    threshold : float or None, default=None
        The error from which on a detector calls a row an outlier.
    measure : {"plain", "usual"}, default="plain"
        What a row's error is: its mean squared residual, or a detector's distance.
    versions : dict of str to str
        Of the libraries that made it.
    """

    estimator: str
    n_features: int
    n_components: int
    scale: str
    rows_at_once: int
    feature_names: tuple[str, ...] | None = None
    image_shape: tuple[int, ...] | None = None
    classes: tuple[Any, ...] | None = None
    predicts: str | None = None
    value_range: tuple[float, float] = (0.0, 1.0)
    training_error: float | None = None
    threshold: float | None = None
    measure: str = "plain"
    versions: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A model before it is given to ONNX Runtime.

    Parameters
    ----------
    about : About
    graphs : dict of str to bytes
        "encoder" from scaled rows to codes, "decoder" from codes to scaled rows, and "head" from codes to what it predicts.
    arrays : dict of str to ndarray
        Scaling, and what is usual to a detector.
    """

    about: About
    graphs: dict[str, bytes]
    arrays: dict[str, np.ndarray]

    def to_bytes(self) -> bytes:
        """Give it as one safetensors file."""
        graphs = {f"{GRAPH}{name}": np.frombuffer(content, np.uint8) for name, content in self.graphs.items()}
        return save_tensors({**graphs, **self.arrays}, {"about": json.dumps(asdict(self.about))})

    @classmethod
    def from_bytes(cls, content: bytes) -> Prepared:
        """Read what `to_bytes` gave."""
        header = json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
        said = json.loads(header["__metadata__"]["about"])
        said |= {name: tuple(said[name]) for name in ("feature_names", "image_shape", "classes", "value_range") if said[name] is not None}
        arrays = load_tensors(content)
        graphs = {name.removeprefix(GRAPH): arrays.pop(name).tobytes() for name in list(arrays) if name.startswith(GRAPH)}
        return cls(About(**said), graphs, arrays)
