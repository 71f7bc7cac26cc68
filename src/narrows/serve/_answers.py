"""What was found, in the form that was asked for: JSON, CSV, .npy or Arrow."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson

from narrows.serve._bodies import ARROW, ARROW_FILE, CSV, JSON, NPY
from narrows.serve._prepared import About

_ACCEPTED = {JSON: JSON, CSV: CSV, NPY: NPY, ARROW: ARROW, ARROW_FILE: ARROW}


@dataclass(frozen=True)
class Answer:
    """What one route gives.

    Parameters
    ----------
    plain : dict
        Arrays, and plain values, by their names in JSON.
    array : ndarray
        What a .npy file holds.
    columns : dict of str to ndarray or list
        Of a table.
    """

    plain: dict[str, Any]
    array: np.ndarray
    columns: dict[str, Any]


def type_for(accept: str | None, sent: str) -> str:
    """Give the form to answer in: the first of the four that is accepted, else that of the request."""
    for one in (accept or "").split(","):
        kind = _ACCEPTED.get(one.partition(";")[0].strip().lower())
        if kind is not None:
            return kind
    return sent


def write(kind: str, answer: Answer) -> bytes:
    """Give the body of an answer."""
    if kind == JSON:
        return orjson.dumps(answer.plain, default=np.ndarray.tolist, option=orjson.OPT_SERIALIZE_NUMPY)  # null where a number is not finite
    stream = io.BytesIO()
    if kind == NPY:
        np.lib.format.write_array(stream, np.ascontiguousarray(answer.array), allow_pickle=False)
        return stream.getvalue()
    import pyarrow as pa
    from pyarrow import csv, ipc

    table = pa.table({name: pa.array(np.ascontiguousarray(values) if isinstance(values, np.ndarray) else values)
                      for name, values in answer.columns.items()})  # fmt: skip
    if kind == CSV:
        csv.write_csv(table, stream)
    else:
        with ipc.new_stream(stream, table.schema) as writer:
            writer.write_table(table)
    return stream.getvalue()


def of_codes(about: About, found: dict[str, np.ndarray]) -> Answer:
    """Give codes, in columns z0, z1 and so on."""
    codes = found["codes"]
    return Answer({"codes": codes}, codes, {f"z{place}": codes[:, place] for place in range(codes.shape[1])})


def of_rows(about: About, found: dict[str, np.ndarray]) -> Answer:
    """Give the rows that codes stand for."""
    rows = found["reconstruction"]
    return Answer({"rows": rows}, rows, _columns(about, rows))


def of_reconstruction(about: About, found: dict[str, np.ndarray]) -> Answer:
    """Give reconstructions, in JSON with the errors of the rows."""
    rows = found["reconstruction"]
    return Answer({"reconstruction": rows, "errors": found["error"][:, 0]}, rows, _columns(about, rows))


def of_errors(about: About, found: dict[str, np.ndarray]) -> Answer:
    """Give the errors of rows; of a detector also which rows are outliers."""
    errors = found["error"][:, 0]
    told: dict[str, Any] = {"errors": errors}
    columns: dict[str, Any] = {"error": errors}
    if about.threshold is not None:
        outliers = errors > about.threshold
        told |= {"outliers": outliers.tolist(), "threshold": about.threshold}
        columns["outlier"] = outliers
    elif about.training_error is not None:
        told["training_error"] = about.training_error
    return Answer(told, errors, columns)


def of_prediction(about: About, found: dict[str, np.ndarray]) -> Answer:
    """Give what a head predicts: classes with their probabilities, or numbers."""
    if about.classes is None:
        numbers = found["prediction"]
        return Answer({"prediction": numbers}, numbers, {f"prediction_{place}": column for place, column in enumerate(numbers.T)})
    shares = found["probabilities"]
    labels = [about.classes[place] for place in shares.argmax(1).tolist()]
    told = {"predicted": labels, "probabilities": shares, "classes": list(about.classes)}
    columns = {"predicted": labels, **{f"probability_{name}": column for name, column in zip(about.classes, shares.T, strict=True)}}
    return Answer(told, shares, columns)


def _columns(about: About, rows: np.ndarray) -> dict[str, Any]:
    names = about.feature_names
    if names is None and about.image_shape is not None:
        shape = about.image_shape if about.image_shape[2] > 1 else about.image_shape[:2]
        names = tuple("_".join(["pixel", *map(str, place)]) for place in np.ndindex(*shape))
    return {names[place] if names else f"x{place}": rows[:, place] for place in range(rows.shape[1])}
