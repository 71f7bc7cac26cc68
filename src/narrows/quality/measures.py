"""All figures of a fitted network at once, PCA's beside them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from narrows.progress import Progress, Silent
from narrows.quality._checks import Array, Floats, as_count, as_rows, sample
from narrows.quality.neighborhoods import as_points, by_brute_force, nearest, overlap, rank_sum, survey, trust
from narrows.quality.pca import LinearCode
from narrows.quality.probes import is_continuous, is_missing, knn_accuracy, logistic_accuracy
from narrows.quality.reconstruction import Reconstruction, Sums, column_means, sums_over

SPECTRUM = 256  # shares of variance that are kept
MANY_CLASSES = 200  # above, a logistic regression would take minutes


@dataclass(frozen=True)
class Limits:
    """How many rows the costly figures look at; more are sampled at random.

    Parameters
    ----------
    pca : int, default=100000
        Training rows that PCA is fitted to.
    neighborhood : int, default=10000
        Test rows among which trustworthiness, continuity and recall are measured.
    knn : int, default=60000
        Training rows that vote.
    logistic : int, default=20000
        Training rows of the logistic regression.
    probe : int, default=10000
        Test rows whose labels are told by either.
    """

    pca: int = 100_000
    neighborhood: int = 10_000
    knn: int = 60_000
    logistic: int = 20_000
    probe: int = 10_000

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            as_count(name, value, 2**62, "")


@dataclass(frozen=True)
class Figures:
    """Figures of one map from rows to codes and back, on test rows.

    Parameters
    ----------
    mean_squared_error : float
        In squared scaled units.
    explained_variance : float
        Variance-weighted R², about the test rows' own mean.
    binary_cross_entropy : float or None, default=None
        In nats; None if a row leaves [0, 1].
    trustworthiness, continuity, knn_recall : float or None, default=None
        In [0, 1].
    knn_accuracy : dict of int to float or None, default=None
        For each k, in [0, 1].
    logistic_accuracy : float or None, default=None
        In [0, 1].
    """

    mean_squared_error: float
    explained_variance: float
    binary_cross_entropy: float | None = None
    trustworthiness: float | None = None
    continuity: float | None = None
    knn_recall: float | None = None
    knn_accuracy: dict[int, float] | None = None
    logistic_accuracy: float | None = None


class TableRow(NamedTuple):
    """One figure of the network and of PCA.

    Parameters
    ----------
    figure : str
    autoencoder, pca : float
    better : {"lower", "higher"}
        Which values are the better ones.
    """

    figure: str
    autoencoder: float
    pca: float
    better: Literal["lower", "higher"]

    @property
    def winner(self) -> Literal["autoencoder", "PCA", "neither"]:
        """Who does better."""
        if self.autoencoder == self.pca:
            return "neither"
        return "autoencoder" if (self.autoencoder < self.pca) == (self.better == "lower") else "PCA"


@dataclass(frozen=True)
class Quality:
    """What a fitted network's codes and reconstructions are worth, and PCA's.

    Parameters
    ----------
    n_train, n_test, n_features, n_components : int
    autoencoder, pca : Figures
    mean_row_squared_error : float
        Of the mean training row as everybody's reconstruction: a network no better than this has collapsed.
    n_neighbors : int
        Size of the neighborhoods of trustworthiness, continuity and recall.
    spectrum : tuple of float
        Shares of the training rows' variance along PCA's directions, the first 256.
    pca_components_to_match : int or None
        How many components PCA needs to explain as much variance of the training rows as the network does of the test rows; None if the
        known part of the spectrum does not reach that.
    sampled : dict of str to str
        Figure: which share of the rows it was measured on. Figures that are not here were measured on all.
    skipped : dict of str to str
        Figure: why it is missing.
    """

    n_train: int
    n_test: int
    n_features: int
    n_components: int
    autoencoder: Figures
    pca: Figures
    mean_row_squared_error: float
    n_neighbors: int
    spectrum: tuple[float, ...] = field(repr=False)
    pca_components_to_match: int | None
    sampled: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, as JSON has them.

        Returns
        -------
        dict
        """
        values = asdict(self) | {"spectrum": list(self.spectrum)}
        for side in ("autoencoder", "pca"):
            votes = values[side]["knn_accuracy"]
            values[side]["knn_accuracy"] = None if votes is None else {str(k): accuracy for k, accuracy in votes.items()}
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Quality:
        """Read what `to_dict` gave.

        Parameters
        ----------
        values : dict

        Returns
        -------
        Quality

        Raises
        ------
        ValueError
            If a name is missing or unknown.
        """
        try:
            sides = {}
            for side in ("autoencoder", "pca"):
                votes = values[side]["knn_accuracy"]
                sides[side] = Figures(**values[side] | {"knn_accuracy": votes and {k: votes[str(k)] for k in sorted(map(int, votes))}})
            return cls(**values | sides | {"spectrum": tuple(values["spectrum"])})
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"these are not the figures of a Quality ({error}); give what to_dict() gave") from None

    def table(self) -> list[TableRow]:
        """Give the figures that both sides have.

        Returns
        -------
        list of TableRow
        """
        k = self.n_neighbors
        lines: list[tuple[str, float | None, float | None, Literal["lower", "higher"]]] = [
            (f"{title}, k = {k}" if title in NEIGHBORHOOD else title, getattr(self.autoencoder, name), getattr(self.pca, name), better)
            for title, name, better in TITLES
        ]
        pca_votes = self.pca.knn_accuracy or {}
        for size, accuracy in (self.autoencoder.knn_accuracy or {}).items():
            lines.insert(-1, (f"k-NN accuracy, k = {size}", accuracy, pca_votes.get(size), "higher"))
        return [TableRow(title, ours, theirs, better) for title, ours, theirs, better in lines if ours is not None and theirs is not None]


NEIGHBORHOOD = ("trustworthiness", "continuity", "k-NN recall")
TITLES: list[tuple[str, str, Literal["lower", "higher"]]] = [
    ("mean squared error", "mean_squared_error", "lower"),
    ("binary cross-entropy", "binary_cross_entropy", "lower"),
    ("explained variance", "explained_variance", "higher"),
    ("trustworthiness", "trustworthiness", "higher"),
    ("continuity", "continuity", "higher"),
    ("k-NN recall", "knn_recall", "higher"),
    ("logistic accuracy", "logistic_accuracy", "higher"),
]


def measure(
    train_rows: ArrayLike,
    test_rows: ArrayLike,
    *,
    train_codes: ArrayLike,
    test_codes: ArrayLike,
    test_reconstruction: ArrayLike,
    train_labels: ArrayLike | None = None,
    test_labels: ArrayLike | None = None,
    k: int = 15,
    knn: Iterable[int] = (1, 5, 15),
    limits: Limits | None = None,
    random_state: int | None = 0,
    progress: Progress | None = None,
) -> Quality:
    """Measure a fitted network on test rows, and PCA with as many components, fitted to the same training rows.

    Parameters
    ----------
    train_rows : array-like of shape (n, d)
        In the network's scaled units, as all rows here.
    test_rows : array-like of shape (m, d)
    train_codes : array-like of shape (n, c)
        Looked at if there are labels.
    test_codes : array-like of shape (m, c)
    test_reconstruction : array-like of shape (m, d)
    train_labels : array-like of shape (n,), default=None
        Classes. Rows whose label is None or NaN are left out; without labels for both sets, or with measurements in the place of classes,
        no accuracy is measured.
    test_labels : array-like of shape (m,), default=None
    k : int, default=15
        Size of the neighborhoods; less than half of the test rows are taken where these are few.
    knn : iterable of int, default=(1, 5, 15)
        Sizes of the neighborhoods that vote; those above the number of training rows are left out.
    limits : Limits, default=None
        How many rows the costly figures look at; ``Limits()`` if None.
    random_state : int or None, default=0
        Of the samples.
    progress : Progress, default=None
        Told how far the work is.

    Returns
    -------
    Quality

    Raises
    ------
    ValueError
        If widths or lengths do not fit, or anything is empty or holds anything but finite real numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from narrows.quality import LinearCode, measure
    >>> rows = np.random.default_rng(0).normal(size=(60, 5)) * [5, 4, 1, 1, 1]
    >>> code = LinearCode.fit(rows[:40], 2)
    >>> codes = code.encode(rows)
    >>> quality = measure(
    ...     rows[:40], rows[40:], train_codes=codes[:40], test_codes=codes[40:], test_reconstruction=code.decode(codes[40:])
    ... )
    >>> quality.table()[1].figure, quality.table()[1].winner
    ('explained variance', 'neither')
    """
    train = as_rows("train_rows", train_rows)
    test = as_rows("test_rows", test_rows, width=train.shape[1])
    own_codes = as_rows("test_codes", test_codes, length=len(test))
    as_rows("train_codes", train_codes, length=len(train), width=own_codes.shape[1])
    work = _Measurement(train, test, np.asarray(train_codes), own_codes, limits or Limits(), random_state)
    k = as_count("k", k, 2**31, "")
    progress = progress or Silent()
    progress.begin("quality", 1.0)
    try:
        progress.advance(0.0, "reconstruction")
        work.reconstruct(test_reconstruction)
        progress.advance(0.1, "PCA")
        work.fit_pca()
        work.look_around(k, lambda done: progress.advance(0.25 + 0.5 * done, "neighborhoods"))
        progress.advance(0.75, "accuracy of labels")
        work.probe(train_labels, test_labels, knn)
    except BaseException:
        progress.end("stopped")
        raise
    progress.end()
    return work.quality()


class _Measurement:
    """The steps of `measure`, and what they have found so far."""

    def __init__(self, train: Array, test: Array, train_codes: Array, test_codes: Array, limits: Limits, random_state: int | None) -> None:
        self.train, self.test, self.train_codes, self.test_codes = train, test, train_codes, test_codes
        self.limits, self.random_state = limits, random_state
        self.sampled: dict[str, str] = {}
        self.skipped: dict[str, str] = {}
        self.n_neighbors = 0

    def reconstruct(self, reconstruction: ArrayLike) -> None:
        sums = sums_over(self.test, as_rows("test_reconstruction", reconstruction))
        self.own = _figures(sums.figures())
        self.mean_row_error = _mean_row_error(sums, column_means(self.train))
        if self.own.binary_cross_entropy is None:
            self.skipped["binary_cross_entropy"] = "rows leave [0, 1]"

    def fit_pca(self) -> None:
        chosen = self._sample(self.train, self.limits.pca, "training", "pca")
        rows = self.train if chosen is None else self.train[chosen]
        self.code = LinearCode.fit(rows, self.test_codes.shape[1], random_state=self.random_state)
        self.pca = _figures(self.code.reconstruction_figures(self.test))

    def look_around(self, k: int, report: Callable[[float], None]) -> None:
        names = ("trustworthiness", "continuity", "knn_recall")
        chosen = self._sample(self.test, self.limits.neighborhood, "test", *names)
        rows, codes = (self.test, self.test_codes) if chosen is None else (self.test[chosen], self.test_codes[chosen])
        n = len(rows)
        k = self.n_neighbors = min(k, (n - 1) // 2)
        if k < 1:
            self.skipped |= dict.fromkeys(names, "there are fewer than 3 test rows")
            return
        points, maps = as_points(rows), [as_points(codes), self.code.encode(rows)]
        near_codes = [nearest(map_, k) for map_ in maps]
        tree = not by_brute_force(points)
        near_rows, untrue = survey(points, np.hstack(near_codes), k, find=not tree, report=lambda done: report(0.1 + 0.6 * done))
        near_rows = nearest(points, k) if tree else near_rows
        torn = [rank_sum(map_, near_rows, k)[0] for map_ in maps]
        self.own, self.pca = (
            replace(
                side,
                trustworthiness=trust(int(untrue[place]), n, k, n),
                continuity=trust(int(torn[place]), n, k, n),
                knn_recall=overlap(near_rows, near_codes[place]),
            )
            for place, side in enumerate((self.own, self.pca))
        )

    def probe(self, train_labels: ArrayLike | None, test_labels: ArrayLike | None, knn: Iterable[int]) -> None:
        labels = _usable_labels(train_labels, test_labels, len(self.train), len(self.test))
        if isinstance(labels, str):
            self.skipped |= dict.fromkeys(("knn_accuracy", "logistic_accuracy"), labels)
            return
        train_names, test_names = labels
        n_classes = len(set(train_names[~is_missing(train_names)].tolist()))
        test = self._labeled(test_names, self.limits.probe, "test", "knn_accuracy", "logistic_accuracy")
        train = self._labeled(train_names, self.limits.knn, "training", "knn_accuracy")
        sizes = sorted(size for size in knn if size <= len(train))
        if sizes:
            votes = [knn_accuracy(a, train_names[train], b, test_names[test], sizes) for a, b in self._codes(train, test)]
            self.own, self.pca = (replace(side, knn_accuracy=vote) for side, vote in zip((self.own, self.pca), votes, strict=True))
        if n_classes > MANY_CLASSES:
            self.skipped["logistic_accuracy"] = f"there are {n_classes} classes, more than {MANY_CLASSES}"
            return
        train = self._labeled(train_names, self.limits.logistic, "training", "logistic_accuracy")
        if len(set(train_names[train].tolist())) < 2:
            self.skipped["logistic_accuracy"] = "the training rows are of one class"
            return
        cuts = [logistic_accuracy(a, train_names[train], b, test_names[test]) for a, b in self._codes(train, test)]
        self.own, self.pca = (replace(side, logistic_accuracy=cut) for side, cut in zip((self.own, self.pca), cuts, strict=True))

    def quality(self) -> Quality:
        return Quality(
            n_train=len(self.train),
            n_test=len(self.test),
            n_features=self.train.shape[1],
            n_components=self.test_codes.shape[1],
            autoencoder=self.own,
            pca=self.pca,
            mean_row_squared_error=self.mean_row_error,
            n_neighbors=self.n_neighbors,
            spectrum=tuple(self.code.spectrum[:SPECTRUM].tolist()),
            pca_components_to_match=self.code.components_for(self.own.explained_variance),
            sampled=self.sampled,
            skipped=self.skipped,
        )

    def _codes(self, train: Array, test: Array) -> list[tuple[Array, Floats | Array]]:
        def encode(rows: Array, chosen: Array) -> Floats:
            return self.code.encode(rows if len(chosen) == len(rows) else rows[chosen])  # all rows are not copied

        return [(self.train_codes[train], self.test_codes[test]), (encode(self.train, train), encode(self.test, test))]

    def _labeled(self, labels: Array, limit: int, which: str, *figures: str) -> Array:
        """Give the numbers of rows with a label, or of a sample of them."""
        there = np.flatnonzero(~is_missing(labels))
        chosen = self._sample(there, limit, which, *figures)
        return there if chosen is None else there[chosen]

    def _sample(self, rows: Array, limit: int, which: str, *figures: str) -> Array | None:
        chosen = sample(len(rows), limit, self.random_state)
        if chosen is not None:
            for figure in figures:
                before = f"{self.sampled[figure]}, " if figure in self.sampled else ""
                self.sampled[figure] = f"{before}{limit:,} of {len(rows):,} {which} rows"
        return chosen


def _figures(figures: Reconstruction) -> Figures:
    return Figures(figures.mean_squared_error, figures.explained_variance, figures.binary_cross_entropy)


def _mean_row_error(sums: Sums, mean: Floats) -> float:
    """Give the squared error of another mean than that about which deviations were summed."""
    return float((sums.deviations / sums.n_rows + (sums.reference - mean) ** 2).mean())


def _usable_labels(train_labels: ArrayLike | None, test_labels: ArrayLike | None, n_train: int, n_test: int) -> str | list[Array]:
    """Give both arrays of labels, or why there is nothing to measure."""
    if train_labels is None or test_labels is None:
        return "there are no labels"
    both = [np.asarray(train_labels), np.asarray(test_labels)]
    for name, labels, length in zip(("train_labels", "test_labels"), both, (n_train, n_test), strict=True):
        if labels.shape != (length,):
            raise ValueError(f"{name} has shape {labels.shape}; give ({length},), one label for each row")
    known = [labels[~is_missing(labels)] for labels in both]
    if not all(map(len, known)):
        return "all labels are missing"
    if any(map(is_continuous, known)):
        return "the labels are real numbers, not classes"
    return both
