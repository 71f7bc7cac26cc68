"""Whether a file computes what the model does: both are run on the same rows before it is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np

from narrows.errors import ExportError, MissingExtra
from narrows.networks.network import Network
from narrows.networks.scale import Scale

LIMIT = 1e-5  # of an output's spread
SIZES = (1, 7)  # rows that are run at a time
ROWS = 32  # that are drawn; as many more are decoded
WIDER = 5.0  # how much further from their mean the codes lie that are decoded


class Model(Protocol):
    """What a file is held against: rows in their own units, codes, reconstructions and predictions."""

    def encode(self, rows: Any) -> np.ndarray:
        """Give codes (n, n_components) of rows (n, n_features)."""

    def decode(self, codes: np.ndarray) -> np.ndarray:
        """Give rows (n, n_features) of codes (n, n_components)."""

    def reconstruct(self, rows: Any) -> np.ndarray:
        """Give reconstructions (n, n_features) of rows."""

    def predict(self, rows: Any) -> np.ndarray:
        """Give predictions (n, n_outputs) of rows."""


def runtime() -> Any:
    """Import ONNX Runtime.

    Raises
    ------
    MissingExtra
        If it is not installed.
    """
    try:
        import onnxruntime
    except ImportError:
        raise MissingExtra("the check of an .onnx file", "onnxruntime", "onnx") from None
    return onnxruntime


def differences(content: bytes, network: Network, model: Model, outputs: Mapping[str, int]) -> dict[str, float]:
    """Run a file and the model it was made from on the same rows.

    Rows are drawn as the scaling describes the training rows, which a model does not keep. They are independent from feature to feature
    and so give codes that lie close together; hence codes further apart are decoded, and these rows are run as well.

    Parameters
    ----------
    content : bytes
        Of the file.
    network : Network
        Whose scaling says how rows lie.
    model : Model
        The network itself, or its plain twin.
    outputs : mapping of str to int
        Of the file.

    Returns
    -------
    dict of str to float
        The largest difference in each output, as a share of its spread: from the smallest to the largest value of its widest number,
        in scaled units.

    Raises
    ------
    ExportError
        If the file does not run, or a difference is above 1e-5, and more than rounding to float32 makes of numbers of that size.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        name, given, wanted = _wanted(network, model, outputs)
    finite = np.logical_and.reduce([np.isfinite(values).all(1) for values in wanted.values()])
    if finite.sum() < max(SIZES):
        raise ExportError("the model gives infinities for rows such as it was trained on: nothing can be checked, and no file was written")
    given, wanted = given[finite], {output: values[finite] for output, values in wanted.items()}
    session = _session(content)
    shares = {output: 0.0 for output in outputs}
    for size in SIZES:
        found = _run(session, name, given, list(outputs), size)
        for output in outputs:
            factor = _factor(network, output)
            shares[output] = max(shares[output], _share(output, found[output], wanted[output], factor))
    return shares


def drawn(scale: Scale, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw n rows (n, n_features), float32, each feature by itself, with the mean and the range or the deviation of the training rows."""
    size = (n, len(scale.shift))
    if scale.bounded:
        mean = np.clip(scale.mean, 0.001, 0.999)
        scaled = rng.beta(mean, 1 - mean, size)
    else:
        # Of rows that are not scaled the deviation is unknown: around their mean they are taken to lie about as far as it is from 0.
        scaled = scale.mean + rng.normal(size=size) * (np.maximum(1, np.abs(scale.mean)) if scale.kind == "none" else 1)
    return scale.undo(scaled).astype(np.float32)


def _wanted(network: Network, model: Model, outputs: Mapping[str, int]) -> tuple[str, np.ndarray, dict[str, np.ndarray]]:
    """Give the input's name, what goes in, and what the model makes of it."""
    rows = drawn(network.scale, ROWS, np.random.default_rng(0))
    codes = model.encode(rows)
    wide = (codes.mean(0) + WIDER * (codes - codes.mean(0))).astype(np.float32)
    decoded = model.decode(wide).astype(np.float32)
    rows = np.concatenate([rows, decoded[np.isfinite(decoded).all(1)]])
    if list(outputs) == ["reconstruction"]:
        codes = np.concatenate([codes.astype(np.float32), wide])
        return "codes", codes, {"reconstruction": model.decode(codes)}
    ways = {"codes": model.encode, "reconstruction": model.reconstruct, "probabilities": model.predict, "prediction": model.predict}
    return "rows", rows, {output: ways[output](rows) for output in outputs}


def _session(content: bytes) -> Any:
    ort = runtime()
    options = ort.SessionOptions()
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as problem:  # its exceptions share no parent but this
        raise ExportError(f"ONNX Runtime {ort.__version__} does not take the graph, and no file was written: {problem}") from problem


def _run(session: Any, name: str, given: np.ndarray, outputs: list[str], size: int) -> dict[str, np.ndarray]:
    parts = [session.run(outputs, {name: given[start : start + size]}) for start in range(0, len(given), size)]
    return {output: np.concatenate(values) for output, values in zip(outputs, zip(*parts, strict=True), strict=True)}


def _factor(network: Network, output: str) -> np.ndarray:
    """Give what takes an output out of its own units, in which its numbers do not compare."""
    scale = {"reconstruction": network.scale, "prediction": network.label_scale}.get(output)
    return np.ones(1) if scale is None else scale.factor


def _share(output: str, found: np.ndarray, wanted: np.ndarray, factor: np.ndarray) -> float:
    exact = np.asarray(wanted, np.float64)
    spread = float((np.ptp(exact, 0) * factor).max())
    missed = np.abs(found - exact).max(0) * factor
    # Numbers such as dates in seconds have steps in float32 that are wide beside their spread; a sum of two is off by two.
    steps = 2 * np.spacing(np.abs(exact).max(0).astype(np.float32)) * factor
    worst = float(missed.max())
    if not (missed <= LIMIT * spread + steps).all():
        raise ExportError(
            f"the file's {output!r} differ from the model's by up to {worst:.2g}, with a spread of {spread:.2g} (in scaled units), of "
            f"which {LIMIT:g} is allowed: no file was written. Where the spread is tiny, the model makes the same of all: see diagnostics_"
        )
    return worst / spread if spread > 0 else 0.0
