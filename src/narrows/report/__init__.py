"""A fitted model as one HTML page that needs no network: its verdicts, its map to walk on, its figures.

The page holds its data, its decoder and its script; nothing is fetched from anywhere. What it says is gathered by `_content`, its places by
`_plane`, its rows by `_rows`, its decoder by `_decoder`; the template and the script are in ``page/``, the scatter plot that it draws
with is in ``vendor/``.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from narrows import _json
from narrows._files import replacing
from narrows.bundle import versions
from narrows.estimators._checks import check_fitted
from narrows.progress import Progress, Silent
from narrows.quality import Quality
from narrows.report import _charts, _content, _words
from narrows.report._given import Given, autoencoder_of
from narrows.report._head import head
from narrows.report._packing import packed

__all__ = ["write"]

ROWS = 10_000  # on a page, unless another number is asked for
_HERE = Path(__file__).parent
_SCRIPTS = ("vendor/regl-scatterplot.js", "page/decoder.js", "page/rows.js", "page/scatter.js", "page/explorer.js")


def write(
    path: str | os.PathLike[str],
    estimator: Any,
    X: Any,
    y: Any = None,
    *,
    title: str = "",
    names: Sequence[str] | None = None,
    columns: Mapping[str, Any] | None = None,
    image_shape: Sequence[int] | None = None,
    quality: Quality | None = None,
    facts: Mapping[str, str] | None = None,
    command: Sequence[str] | None = None,
    max_rows: int = ROWS,
    random_state: int = 0,
    progress: Progress | None = None,
) -> None:
    """Write a page about a fitted model and rows, best such as it has not seen.

    Parameters
    ----------
    path : path-like
        An .html file; written whole or not at all.
    estimator : Autoencoder, another of narrows, or LatentMap
        Fitted.
    X : array-like of shape (n, d), images, or a table
        Rows as the estimator takes them.
    y : array-like of shape (n,), default=None
        Labels: points are colored by them, and a head is measured by them. None and NaN are labels that nobody knows.
    title : str, default=""
        What the rows are called; the estimator's class if empty.
    names : sequence of str of length n, default=None
        What each row is called; its number if None.
    columns : dict of str to array-like of shape (n,), default=None
        What points can be colored by, besides labels, errors and, in tables of up to 64 columns, these.
    image_shape : sequence of int, default=None
        (height, width) or (height, width, channels) of the image that each row is, where neither the estimator nor `X` say so.
    quality : Quality, default=None
        Figures to show; measured on these rows if None, with PCA fitted to these rows.
    facts : dict of str to str, default=None
        More to say about where model and rows are from.
    command : sequence of str, default=None
        The command that makes this page again.
    max_rows : int, default=10000
        Rows that the page shows as points; more are drawn at random. Figures are of all rows. Of rows with many features fewer fit.
    random_state : int, default=0
        Of that draw, and of the map of longer codes.
    progress : Progress, default=None
        Told how far the work is.

    Raises
    ------
    NotFittedError, ValueError, TypeError
        If the estimator is not fitted, or something does not fit.
    OSError
        If the file cannot be written; what stood at `path` is untouched.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn.datasets import load_digits
    >>> from narrows import Autoencoder, report
    >>> rows, labels = load_digits(return_X_y=True)
    >>> fitted = Autoencoder(layers=(32,), epochs=2, random_state=0).fit(rows[:1500])
    >>> path = os.path.join(tempfile.mkdtemp(), "digits.html")
    >>> report.write(path, fitted, rows[1500:].reshape(-1, 8, 8), labels[1500:]) # doctest: +SKIP
    """
    check_fitted(estimator)
    if max_rows < 1:
        raise ValueError(f"max_rows must be at least 1, got {max_rows}")
    progress = progress or Silent()
    about = _content.given(estimator, X, y, names, columns, image_shape)
    found, origin = quality, ""
    if found is None:
        found = _content.measured(about, random_state, progress)
        origin = f"Measured on {found.n_test:,} of these rows; PCA was fitted to them, which flatters it."
    spec, arrays, said = _content.explorer(about, max_rows, random_state, progress)
    where, blob = packed(arrays)
    autoencoder = autoencoder_of(estimator)
    page = _template().render(
        title=title or type(estimator).__name__,
        headline=_words.headline(found, autoencoder.diagnostics_),
        verdicts=autoencoder.diagnostics_,
        facts=_facts(estimator, about, facts),
        plane=said,
        spec=_for_script({**spec, "arrays": where}),
        blob=blob,
        colors=[column["name"] for column in spec["columns"]],
        n_codes=int(arrays["codes"].shape[1]),
        n_points=len(arrays["places"]),
        image=about.image,
        table=about.words is not None,
        reconstructions=_content.reconstructions(about),
        charts=_content.history(about),
        quality=_content.quality_table(found),
        quality_note=origin or f"Measured on {found.n_test:,} test rows when the model was made; errors above are of these rows.",
        sampled=found.sampled,
        histogram=_charts.histogram(
            "errors of rows", about.errors, "mean squared error of a row" if about.words is None else "mean loss of a row"
        ),
        features=_content.feature_errors(about),
        head=head(autoencoder, about.rows, about.labels),
        layers=autoencoder.layer_table(),
        settings=_content.settings(estimator),
        versions=list(versions().items()),
        command=None if command is None else shlex.join(command),
        style=(_HERE / "page/report.css").read_text("utf-8"),
        script="\n".join((_HERE / name).read_text("utf-8") for name in _SCRIPTS),
    )
    with replacing(path) as file:
        file.write(page.encode("utf-8"))


def _facts(estimator: Any, about: Given, more: Mapping[str, str] | None) -> list[tuple[str, str]]:
    n, d = about.rows.shape
    codes = autoencoder_of(estimator)._n_features_out
    own = [
        ("model", type(estimator).__name__),
        ("rows", f"{n:,} of {d:,} {'numbers' if about.words is None else 'columns'}"),
        ("code", f"{codes:,} number{'s' * (codes != 1)}"),
    ]
    return own + list((more or {}).items())


def _for_script(value: Any) -> str:
    """Give JSON that no text in it can break out of."""
    text = _json.dumps(value, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _template() -> Any:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE / "page"), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("report.html")
