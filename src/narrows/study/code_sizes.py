"""The error of rows that were held out, over the size of a code: a network's, and PCA's."""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from narrows import data
from narrows.diagnostics.dimensions import SHARES, Dimensions
from narrows.errors import VerdictWarning
from narrows.estimators import Autoencoder
from narrows.progress import Progress, Silent
from narrows.quality import LinearCode, intrinsic_dimension
from narrows.study.elbow import Elbow, find_elbow

MOST = 64  # numbers in the longest code that is tried by default
HELD_OUT = 0.2
ROWS = 2048  # that the intrinsic dimension is estimated from
PCA_ROWS = 100_000


@dataclass(frozen=True)
class CodeSizes:
    """Errors over the size of a code, and what is known of the rows' dimensions besides.

    Parameters
    ----------
    sizes : tuple of int
        Numbers in a code, rising.
    autoencoder, pca : tuple of float
        For each size the mean squared error of the rows that were held out, in the network's scaled units.
    seconds : tuple of float
        What each fit took.
    mean_row : float
        The error of the mean training row as everybody's reconstruction.
    elbow, pca_elbow : Elbow or None
        Where the network's errors, and PCA's, bend.
    rows : Dimensions
        PCA's spectrum, and the intrinsic dimension by TwoNN, of the training rows.
    n_train, n_test, n_features : int
        Of the rows.
    """

    sizes: tuple[int, ...]
    autoencoder: tuple[float, ...]
    pca: tuple[float, ...]
    seconds: tuple[float, ...]
    mean_row: float
    elbow: Elbow | None
    pca_elbow: Elbow | None
    rows: Dimensions
    n_train: int
    n_test: int
    n_features: int

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, as JSON has them.

        Returns
        -------
        dict
        """
        return {**asdict(self), "rows": {"n_rows": self.rows.n_rows, **self.rows.figures}}

    def table(self) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
        """Give the errors as text.

        Returns
        -------
        head : tuple of str
        lines : list of tuple of str
            One for each size.
        """
        explained = [1 - error / self.mean_row if self.mean_row > 0 else 1.0 for error in self.autoencoder]
        figures = zip(self.sizes, self.autoencoder, self.pca, explained, strict=True)
        lines: list[tuple[str, ...]] = [
            (f"{size}", f"{ours:.4g}", f"{theirs:.4g}", f"{100 * share:.1f} %") for size, ours, theirs, share in figures
        ]
        return ("code size", "autoencoder", "PCA", "explained"), lines

    def sentences(self) -> list[str]:
        """Say what follows, in sentences.

        Returns
        -------
        list of str
        """
        if self.mean_row <= 0:
            return ["All rows are equal: there is nothing to encode."]
        ours = f"The autoencoder's elbow is {self.elbow}." if self.elbow else "The autoencoder's error has no elbow."
        theirs = f"PCA's is {self.pca_elbow}." if self.pca_elbow else "PCA's has none."
        return [f"{ours} {theirs}", f"{self.rows}."]

    def __str__(self) -> str:
        head, lines = self.table()
        widths = [max(map(len, column)) for column in zip(head, *lines, strict=True)]
        text = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in (head, *lines)]
        return "\n".join([*text, *self.sentences()])


def dimensions(
    X: Any,
    sizes: Iterable[int] | None = None,
    *,
    estimator: Autoencoder | None = None,
    held_out: float = HELD_OUT,
    random_state: int = 0,
    progress: Progress | None = None,
) -> CodeSizes:
    """Tell how many numbers a code needs: fit a network for each size, and measure it beside PCA on rows that were held out.

    Parameters
    ----------
    X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
        Rows, 10 or more, of 2 features or more.
    sizes : iterable of int, default=None
        Numbers in a code, each at least 1. None tries 1, 2, 4, 8 and so on up to 64, as long as they are fewer than features and rows.
    estimator : Autoencoder, default=None
        The settings of every fit but `n_components`; the defaults if None. It is not changed.
    held_out : float, default=0.2
        Share of the rows to measure on, in (0, 1); nothing is trained on these.
    random_state : int, default=0
        Of the rows held out and of every fit.
    progress : Progress, default=None
        Told of each fit.

    Returns
    -------
    CodeSizes
        Its errors, elbows and so on; as text by `str`.

    Raises
    ------
    ValueError, TypeError
        If the rows, the sizes or the settings cannot be used.
    TrainingDiverged, KeyboardInterrupt
        As `fit` does.

    See Also
    --------
    narrows.quality.intrinsic_dimension : An estimate without any training.

    Examples
    --------
    >>> import numpy as np
    >>> from narrows import Autoencoder, study
    >>> rows = np.random.default_rng(0).normal(size=(60, 3)) @ np.random.default_rng(1).normal(size=(3, 8))
    >>> found = study.dimensions(rows, [1, 2, 3, 4], estimator=Autoencoder(layers=(8,), epochs=2))
    >>> found.rows.pca[99]
    3
    """
    matrix, _ = data.as_matrix(X)
    matrix = np.asarray(matrix.toarray() if hasattr(matrix, "toarray") else matrix)
    train, test = _parted(matrix, held_out, random_state)
    tried = _sizes(sizes, *train.shape)
    estimator = estimator if estimator is not None else Autoencoder()
    progress = progress or Silent()
    progress.begin("code sizes", len(tried), "fits")
    errors: list[float] = []
    seconds: list[float] = []
    try:
        for done, size in enumerate(tried):
            progress.advance(done, f"{size} number{'s' * (size != 1)}")
            started = time.perf_counter()
            fitted = _fit(estimator, size, random_state, train)
            seconds.append(time.perf_counter() - started)
            errors.append(float(fitted.reconstruction_error(test).mean(dtype=np.float64)))
        progress.advance(len(tried), "PCA")
    finally:
        progress.end()
    scaled = [fitted._network.scale.apply(rows) for rows in (train, test)]
    pca = LinearCode.fit(_some(scaled[0], PCA_ROWS), max(tried))
    mean_row, linear = _linear_errors(pca, scaled[1], tried)
    return CodeSizes(
        sizes=tried,
        autoencoder=tuple(errors),
        pca=linear,
        seconds=tuple(seconds),
        mean_row=mean_row,
        elbow=find_elbow(tried, errors),
        pca_elbow=find_elbow(tried, linear),
        rows=_dimensions(pca, scaled[0]),
        n_train=len(train),
        n_test=len(test),
        n_features=train.shape[1],
    )


def _parted(rows: np.ndarray, held_out: float, random_state: int) -> tuple[np.ndarray, np.ndarray]:
    if rows.ndim != 2 or len(rows) < 10 or rows.shape[1] < 2:
        raise ValueError(f"X has the shape {rows.shape}; give at least 10 rows of at least 2 features")
    if not 0 < held_out < 1:
        raise ValueError(f"held_out={held_out!r} came; it is a share of the rows: give a number between 0 and 1, such as {HELD_OUT}")
    order = np.random.default_rng(random_state).permutation(len(rows))
    n = min(max(1, round(held_out * len(rows))), len(rows) - 2)
    return rows[np.sort(order[n:])], rows[np.sort(order[:n])]


def _sizes(sizes: Iterable[int] | None, n_rows: int, n_features: int) -> tuple[int, ...]:
    if sizes is None:
        most = min(MOST, n_features - 1, n_rows - 1)
        return tuple(2**power for power in range(most.bit_length()))
    if not isinstance(sizes, Iterable):
        raise ValueError(f"sizes={sizes!r} came; give several whole numbers of at least 1, such as [1, 2, 4, 8]")
    tried = list(sizes)
    if not tried or not all(isinstance(size, int | np.integer) and not isinstance(size, bool) and size >= 1 for size in tried):
        raise ValueError(f"sizes={tried!r} came; give whole numbers of at least 1, such as [1, 2, 4, 8]")
    return tuple(sorted({int(size) for size in tried}))


def _fit(estimator: Autoencoder, size: int, random_state: int, rows: np.ndarray) -> Autoencoder:
    made = type(estimator)(**estimator.get_params(deep=False)).set_params(n_components=size, random_state=random_state, warm_start=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VerdictWarning)  # a code of one number is expected to be poor
        made.fit(rows)
    return made


def _linear_errors(pca: LinearCode, rows: np.ndarray, sizes: tuple[int, ...]) -> tuple[float, tuple[float, ...]]:
    """Give the mean row's error, and PCA's for each size: what the components up to there leave of it."""
    whole = float(np.square(rows - pca.mean).mean())
    explained = np.square(pca.encode(rows)).sum(0) / rows.size
    return whole, tuple(max(0.0, float(whole - explained[:size].sum())) for size in sizes)


def _dimensions(pca: LinearCode, rows: np.ndarray) -> Dimensions:
    try:
        intrinsic = intrinsic_dimension(rows, max_rows=ROWS)
    except ValueError:  # too few rows, or rows on a grid
        intrinsic = None
    return Dimensions(len(rows), {share: pca.components_for(share / 100) for share in SHARES}, intrinsic)


def _some(rows: np.ndarray, most: int) -> np.ndarray:
    if len(rows) <= most:
        return rows
    return rows[np.sort(np.random.default_rng(0).choice(len(rows), most, replace=False))]
