"""A fitted model as a file for other programs: ONNX, which runs without Python, narrows, Keras and JAX; or Keras's own.

The graph of an .onnx file is built from the plan (`_parts`, `_layers`, `_activations`), so that neither Keras nor JAX is needed to write
it, and is run beside the model before it is kept (`_checking`). The graphs alone, which the server takes, need no estimators either:
these are imported by `write`.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from narrows._files import replacing
from narrows.data.tables import Columns
from narrows.data.writing import check_writable
from narrows.export._checking import Model, differences, runtime
from narrows.export._graph import package
from narrows.export._keras_file import keras_file
from narrows.export._parts import PARTS, Part, built, ends
from narrows.networks.network import Network

__all__ = ["FORMATS", "PARTS", "write"]

FORMATS = (".onnx", ".keras")


def write(path: str | os.PathLike[str], model: Any, *, part: Part = "autoencoder") -> dict[str, float]:
    """Write a fitted model as an .onnx or a .keras file.

    ======================  =======================  ====================================================================
    part                    takes                    gives
    ======================  =======================  ====================================================================
    ``"autoencoder"``       ``rows``                 ``codes``, ``reconstruction`` and what a head predicts
    ``"encoder"``           ``rows``                 ``codes``
    ``"decoder"``           ``codes``                ``reconstruction``
    ``"head"``              ``rows``                 ``codes`` and what the head predicts: ``probabilities``, or a
                                                     ``prediction`` of numbers
    ======================  =======================  ====================================================================

    All are float32 of shape (n, width) for any n; rows, reconstructions and predicted numbers are in their own units, with the scaling
    inside. A .keras file holds `autoencoder_`, `encoder_`, `decoder_` or `head_` as it is; the last takes codes.

    Parameters
    ----------
    path : path-like
        A file that ends in .onnx or .keras; written whole or not at all.
    model : Autoencoder or another of narrows, or path-like
        Fitted; or the path of a bundle, which is made an .onnx file without Keras and JAX.
    part : {"autoencoder", "encoder", "decoder", "head"}, default="autoencoder"
        What to write.

    Returns
    -------
    dict of str to float
        Of an .onnx file: by how much each output differs from the model's at most, as a share of the output's spread. Of a .keras file
        nothing.

    Raises
    ------
    NotFittedError, ValueError, TypeError
        If it is not fitted, has no such part, or is no plain network: a `LatentMap` or a detector of outliers has an autoencoder to
        export. For .onnx, if it holds Keras layers or functions of your own.
    ExportError
        If ONNX Runtime makes something else of rows than the model does.
    MissingExtra
        If ``narrows[onnx]`` is not installed, for .onnx.
    OSError
        If the file cannot be written; what stood at `path` is untouched.

    Notes
    -----
    Each .onnx file (opset 18) is run in ONNX Runtime before it is kept, 1 row and 7 rows at a time. A model keeps no training rows: it is
    run on rows drawn with their mean and range or deviation, and on rows that the network decodes. No output may differ by more than 1e-5
    of its spread over them, or two steps of float32 where these are wider. An estimator is held against its own network, as it predicts in
    float32; the path of a bundle against the same plan computed by NumPy in float64, so that no Keras is needed. This library's tests
    hold the two against one another.

    The file's metadata have "narrows" (the version), "estimator", "part", "description" and, as JSON, "feature_names", "classes" (the
    columns of ``probabilities``) and "image_shape" where there are any.

    Of a `TableAutoencoder` the network alone is written: from rows as `scale_rows` spreads them out, and to such rows, the numbers scaled,
    categories as probabilities. "feature_names" says what each of their numbers is, and "columns" what was learned of each column, by
    which a caller scales numbers and finds categories.

    Examples
    --------
    >>> import narrows, numpy as np, tempfile, os
    >>> rows = np.random.default_rng(0).random((64, 8))
    >>> fitted = narrows.Autoencoder(layers=(8,), epochs=1, random_state=0).fit(rows)
    >>> path = os.path.join(tempfile.mkdtemp(), "small.onnx")
    >>> found = narrows.export.write(path, fitted, part="encoder")
    >>> found["codes"] <= 1e-5
    True
    >>> import onnxruntime
    >>> codes = onnxruntime.InferenceSession(path).run(["codes"], {"rows": rows.astype("float32")})[0]
    >>> codes.shape
    (64, 2)
    """
    from narrows import bundle

    check_writable(path, FORMATS)
    is_bundle = isinstance(model, str | os.PathLike)
    if Path(path).suffix.lower() == ".keras":
        found, content = {}, keras_file(_fitted(bundle.load(model) if is_bundle else model), part)
    else:
        package(), runtime()
        network, about, twin = _of_bundle(model) if is_bundle else _of_estimator(_fitted(model))
        content = built(network, part, about)
        found = differences(content, network, twin, ends(network, part)[1])
    with replacing(path) as file:
        file.write(content)
    return found


def _fitted(estimator: Any) -> Any:
    """Refuse what is no fitted autoencoder."""
    from narrows.estimators._base import BaseAutoencoder
    from narrows.estimators._checks import check_fitted

    kind = type(estimator).__name__
    if not isinstance(estimator, BaseAutoencoder):
        inner = getattr(estimator, "autoencoder_", None)
        if isinstance(inner, BaseAutoencoder):
            raise ValueError(_only_its_autoencoder(kind, "its .autoencoder_"))
        raise TypeError(f"model must be a fitted autoencoder of narrows, or the path of a bundle, got a {kind}")
    check_fitted(estimator)
    return estimator


def _only_its_autoencoder(kind: str, where: str) -> str:
    return f"what a {kind} does with its autoencoder is no network, and no file of this kind can hold it: export {where} alone"


def _of_estimator(estimator: Any) -> tuple[Network, dict[str, Any], Model]:
    network = estimator._network
    _check_planned(network)
    names, classes = (getattr(estimator, name, None) for name in ("feature_names_in_", "classes_"))
    about = _about(
        type(estimator).__name__,
        None if names is None else list(map(str, names)),
        None if classes is None else classes.tolist(),
        getattr(estimator, "image_shape_", None),
        getattr(estimator, "columns_", None),
    )
    return network, about, network


def _of_bundle(path: Any) -> tuple[Network, dict[str, Any], Model]:
    from narrows import bundle
    from narrows.export._plain import PlainNetwork

    manifest, network = bundle.read_network(path)
    state = manifest.state
    for kind, found in (("LatentMap", state.map), ("AutoencoderOutlierDetector", getattr(state, "outliers", None))):
        if found is not None:
            raise ValueError(_only_its_autoencoder(kind, f"narrows.load('{os.fspath(path)}').autoencoder_ in Python"))
    _check_planned(network)
    assert network is not None
    labels = state.learned.labels
    learned, classes = state.learned, labels.classes if labels is not None else None
    columns = None if learned.table is None else learned.table.columns
    about = _about(state.estimator, learned.feature_names, classes, learned.image_shape, columns)
    return network, about, PlainNetwork(network)


def _check_planned(network: Network | None) -> None:
    if network is None or network.plan is None:
        raise ValueError("layers of your own have no plan, from which an .onnx file is made: write a .keras file, which Keras makes")


def _about(estimator: str, feature_names: Any, classes: Any, image_shape: Any, columns: Any = None) -> dict[str, Any]:
    listed = {"feature_names": feature_names, "classes": classes, "image_shape": image_shape}
    if columns is not None:  # of a table: the graph takes rows as they are spread out
        listed |= {"feature_names": Columns(tuple(columns)).names_of_spread(), "columns": [asdict(column) for column in columns]}
    return {"estimator": estimator, **{name: list(value) for name, value in listed.items() if value}}
