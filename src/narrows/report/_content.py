"""What a page says: rows, codes, figures and pictures of one fitted estimator, gathered as plain values."""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from narrows import quality as qualities
from narrows.data.image_files import png
from narrows.data.names import shortened
from narrows.estimators import LatentMap, TableAutoencoder
from narrows.estimators._checks import check_rows, dense
from narrows.estimators.latent_map import AROUND, codes_around
from narrows.plot.colors import PALETTES
from narrows.progress import Progress
from narrows.quality import Quality
from narrows.report import _charts, _decoder, _table
from narrows.report._given import Given, autoencoder_of
from narrows.report._plane import Plane, plane
from narrows.report._rows import LONGEST, NARROW, column, most_rows

BLOCK = 8192  # rows that are rebuilt at a time
MEASURED = 20_000  # rows that figures are of where none were given
SHOWN = 8  # rows of each kind: best, middle, worst
FEATURES = 12  # of a row, or with the largest errors
HISTORY = {
    "loss": ("loss", "val_loss"),
    "reconstruction loss": ("reconstruction_loss", "val_reconstruction_loss"),
    "label loss": ("label_loss", "val_label_loss"),
    "neighbor loss": ("neighbor_loss", "val_neighbor_loss"),
    "accuracy of the head": ("accuracy", "val_accuracy"),
}


def given(estimator: Any, X: Any, y: Any, names: Any, columns: Mapping[str, Any] | None, image_shape: Sequence[int] | None) -> Given:
    """Check what a report is asked for, and run the network once.

    Raises
    ------
    NotFittedError, ValueError, TypeError
        If something does not fit.
    """
    made = autoencoder_of(estimator)
    is_table = isinstance(made, TableAutoencoder)
    rows = None if is_table else dense(check_rows(made, X, reset=False))
    n = X.shape[0] if rows is None else len(rows)
    labels = None if y is None else np.asarray(y)
    for what, values in (("y", labels), ("names", names), *((f"the column {name!r}", values) for name, values in (columns or {}).items())):
        if values is not None and np.shape(values)[:1] != (n,):
            raise ValueError(f"{what} has the shape {np.shape(values)} beside {n:,} rows: give one value for each row")
        if values is not None and np.ndim(values) != 1:
            raise ValueError(f"{what} has the shape {np.shape(values)}: give one value for each row, of shape ({n},)")
    if rows is None:
        return _table.given(made, X, labels=labels, names=names, columns=columns or {})
    shape = getattr(made, "image_shape_", None)
    if image_shape is not None:
        shape = tuple(int(side) for side in image_shape)
        if math.prod(shape) != rows.shape[1]:
            raise ValueError(
                f"image_shape={shape} has {math.prod(shape):,} values, and rows have {rows.shape[1]:,}: give the shape of a row"
            )
    elif shape is None and getattr(X, "ndim", 2) in (3, 4):
        shape = tuple(X.shape[1:])
    return Given(estimator, rows, labels, names, columns or {}, shape, *_misses(made._network, rows))


def _pair(network: Any, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return network.scale.apply(rows), network.reconstruct(rows, scaled=True)


def _misses(network: Any, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Give the errors of rows and of features, found block by block; refuse a row so far away that its error is no number."""
    n, d = rows.shape
    errors, sums = np.empty(n, np.float32), np.zeros(d)
    for start in range(0, n, BLOCK):
        with np.errstate(over="ignore", invalid="ignore"):  # refused below
            scaled, rebuilt = _pair(network, rows[start : start + BLOCK])
            square = np.square(rebuilt - scaled)
            errors[start : start + BLOCK] = square.mean(1)
        sums += square.sum(0, dtype=np.float64)
    if not np.isfinite(errors).all():
        raise ValueError(
            f"the squared error of row {int(np.isfinite(errors).argmin()) + 1:,} is beyond the range of float32: its values are too far "
            f"from those that the model was fitted to; leave such rows out"
        )
    return errors, sums / n


def measured(about: Given, seed: int, progress: Progress) -> Quality:
    """Measure the rows of the page, or many of them, with PCA fitted to them too."""
    n = len(about.rows)
    chosen = np.arange(n) if n <= MEASURED else np.sort(np.random.default_rng(seed).choice(n, MEASURED, replace=False))
    scaled, rebuilt = about.pair(chosen)
    codes = about.network.encode(about.rows[chosen])
    found: Quality = qualities.measure(scaled, scaled, train_codes=codes, test_codes=codes, test_reconstruction=rebuilt, progress=progress)
    return found


def explorer(about: Given, most: int, seed: int, progress: Progress) -> tuple[dict[str, Any], dict[str, np.ndarray], str]:
    """Give what the page's script needs: a description, arrays, and what to know about them."""
    n = len(about.rows)
    most = min(most, most_rows(about.rows.shape[1], image=about.image is not None))
    chosen = np.arange(n) if n <= most else np.sort(np.random.default_rng(seed).choice(n, most, replace=False))
    laid = plane(about.estimator, about.network, about.rows[chosen], seed, progress)
    columns, arrays = _colors(about, chosen, laid)
    values, more = about.values(chosen)
    decoder, weights, said = _decoding(about, laid)
    arrays |= more | weights | {"places": laid.places, "codes": laid.codes, "ids": (chosen + 1).astype(np.int32)}
    spec = {
        "kind": laid.kind,
        "around": AROUND,
        "columns": columns,
        "palettes": PALETTES,
        "rows": values,
        "image": about.image,
        "features": [shortened(name, LONGEST) for name in about.features] if about.image is None else None,
        "words": about.words,
        "names": None if about.names is None else [shortened(str(about.names[place]), LONGEST) for place in chosen],
        **decoder,
    }
    few = "" if len(chosen) == n else f" {len(chosen):,} of {n:,} rows are here, drawn at random."
    return spec, arrays, f"{laid.sentence}{few}{said}"


def _colors(about: Given, chosen: np.ndarray, laid: Plane) -> tuple[list[dict[str, Any]], dict[str, np.ndarray]]:
    """Give all that points may be colored by."""
    wanted: list[tuple[str, Any]] = [] if about.labels is None else [("label", about.labels[chosen])]
    wanted += [("error", about.errors[chosen])]
    wanted += [(name, np.asarray(values)[chosen]) for name, values in about.columns.items()]
    wanted += [(f"z{place}", laid.codes[:, place]) for place in range(min(laid.codes.shape[1], NARROW))] if laid.kind != "code" else []
    if about.image is None and about.rows.shape[1] <= NARROW:
        wanted += about.colors(chosen)
    specs: list[dict[str, Any]] = []
    arrays: dict[str, np.ndarray] = {}
    for place, (name, values) in enumerate(wanted):
        spec, more = column(name, values, f"color/{place}")
        specs.append(spec | {"given": name == "label" or name in about.columns})
        arrays |= more
    return specs, arrays


def _decoding(about: Given, laid: Plane) -> tuple[dict[str, Any], dict[str, np.ndarray], str]:
    """Give what decodes places in the page, and a sentence where that is not the decoder itself."""
    problem = about.untranslatable
    if not problem:
        spec, arrays = _decoder.translated(about.network)
        return {"decoder": spec}, arrays, ""
    image = about.image is not None
    spec, arrays = _decoder.gridded(lambda places: about.network.decode(_codes_at(places, laid)), laid.places, image=image)
    said = f" Between {_decoder.GRID} x {_decoder.GRID} decoded places the page interpolates, since {problem}."
    return {"grid": spec}, arrays, said


def _codes_at(places: np.ndarray, laid: Plane) -> np.ndarray:
    """Give the code that a place stands for, as the page's script finds it."""
    if laid.kind == "code":
        return places
    if laid.kind == "line":
        return places[:, :1]
    return codes_around(places, laid.places, laid.codes)


def reconstructions(about: Given) -> list[dict[str, Any]]:
    """Give the rows that are rebuilt best, as the middle one, and worst: as pictures, or as tables of their features."""
    order = np.argsort(about.errors, kind="stable")
    middle = max(0, len(order) // 2 - SHOWN // 2)
    groups = {"best": order[:SHOWN], "median": order[middle : middle + SHOWN], "worst": order[-SHOWN:][::-1]}
    found = []
    for name, rows in groups.items():
        if isinstance(about, _table.TableGiven):
            found.append({"name": name, "rows": [{**_called(about, int(row)), "cells": about.cells(int(row), FEATURES)} for row in rows]})
            continue
        scaled, made = about.pair(rows)
        rebuilt, cells = about.network.scale.undo(made), np.square(made - scaled)
        found.append({"name": name, "rows": [_shown(about, int(row), *of) for row, *of in zip(rows, rebuilt, cells, strict=True)]})
    return found


def _called(about: Given, row: int) -> dict[str, Any]:
    called = f"row {row + 1:,}" if about.names is None else shortened(str(about.names[row]), LONGEST)
    label = None if about.labels is None else shortened(str(about.labels[row]), LONGEST)
    return {"called": called, "label": label, "error": f"{about.errors[row]:.4g}"}


def _shown(about: Given, row: int, rebuilt: np.ndarray, cells: np.ndarray) -> dict[str, Any]:
    image, shown = about.image, _called(about, row)
    if image is not None:
        return shown | {"pictures": [picture(values, image) for values in (about.rows[row], rebuilt)]}
    first = np.argsort(-cells, kind="stable")[:FEATURES]
    names = [shortened(about.features[i], LONGEST) for i in first]
    numbers = [(f"{about.rows[row, i]:.4g}", f"{rebuilt[i]:.4g}", f"{cells[i]:.3g}") for i in first]
    return shown | {"cells": [(name, *three) for name, three in zip(names, numbers, strict=True)]}


def picture(values: np.ndarray, image: dict[str, Any]) -> str:
    """Give a row as a PNG file in a data URI."""
    share = (values.astype(np.float64) - image["black"]) / (image["white"] - image["black"])
    pixels = np.rint(255 * share.clip(0, 1)).astype(np.uint8).reshape(image["height"], image["width"], image["channels"])
    return "data:image/png;base64," + base64.b64encode(png(pixels)).decode("ascii")


def feature_errors(about: Given) -> dict[str, Any]:
    """Give how well each feature is rebuilt: as a picture, or as the worst features."""
    errors = about.misses
    image = about.image
    if image is not None:
        by_pixel = errors.reshape(-1, image["channels"]).mean(1)
        most = float(by_pixel.max())
        shade = {**image, "channels": 1, "black": 0.0, "white": most or 1.0}
        return {"picture": picture(by_pixel, shade), "most": f"{most:.3g}"}
    order = np.argsort(-errors, kind="stable")[: 2 * FEATURES]
    most = float(errors[order[0]]) or 1.0
    bars = [(shortened(about.features[i], LONGEST), f"{errors[i]:.4g}", round(100 * float(errors[i]) / most, 2)) for i in order]
    return {"bars": bars, "others": max(0, len(errors) - len(order))}


def history(about: Given) -> list[_charts.Chart]:
    """Give the curves of the fit."""
    found = getattr(autoencoder_of(about.estimator), "history_", {})
    charts = []
    for title, names in HISTORY.items():
        said = {("validation" if name.startswith("val_") else "training"): found[name] for name in names if found.get(name)}
        chart = _charts.curves(title, said) if said else None
        if chart is not None and not (title == "reconstruction loss" and "label_loss" not in found and "neighbor_loss" not in found):
            charts.append(chart)
    return charts


def quality_table(found: Quality) -> list[dict[str, str]]:
    """Give figures, PCA's beside them."""
    return [
        {"figure": row.figure, "mine": f"{row.autoencoder:.4g}", "pca": f"{row.pca:.4g}", "better": row.better, "winner": row.winner}
        for row in found.table()
    ]


def settings(estimator: Any) -> list[tuple[str, str]]:
    """Give the parameters of an estimator, and of the autoencoder in it."""
    from inspect import signature

    known = signature(type(estimator)).parameters
    found = [(name, shortened(repr(value), 4 * LONGEST), value) for name, value in estimator.get_params(deep=False).items()]
    said = [(name, text) for name, text, value in found if name not in ("verbose", "callbacks") and text != repr(known[name].default)]
    if isinstance(estimator, LatentMap):
        return said + settings(estimator.autoencoder_)
    return said
