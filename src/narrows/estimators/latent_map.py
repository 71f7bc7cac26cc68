"""LatentMap: rows to codes, and codes to a map by t-SNE, where new rows have a place too."""

from __future__ import annotations

import os
import time
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.base import clone
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, check_is_fitted

from narrows import data
from narrows.estimators import _fitting
from narrows.estimators._base import BaseAutoencoder
from narrows.estimators._checks import check_whole
from narrows.estimators._saving import SavedTransformer
from narrows.estimators.autoencoder import Autoencoder
from narrows.neighbors import BLOCK, nearest_neighbors
from narrows.progress import Progress

OWN = {"n_components", "random_state", "n_jobs", "verbose", "callbacks", "callbacks_every_iters"}  # what the estimator sets itself
SEARCH = {"neighbors", "metric", "metric_params", "knn_kwargs"}  # parameters that ask for a search of openTSNE's own
EVERY = 10  # iterations between two looks of progress
FEW = 1000  # rows, from which on threads are worth their while
FEWEST = 8  # rows: of fewer there is no map to draw
SPREAD = 1e-4  # of the first places, as t-SNE wants them
SAME = 1e-5  # of the codes' spread: a row so near to a fitted one is that row
PLACED_BY, PERPLEXITY = 25, 5.0  # fitted rows by which a new one is placed, and how many of them count: as openTSNE has it
ITERATIONS = 250  # after the early ones, half of openTSNE's own
STEPS, RATE = 30, 0.5  # of each new row's descent: twice as many, each half as long, place no better
ANGLE = 0.8  # under which far points are taken together there
EPOCHS, MANY = 8, 48_000  # of the autoencoder, for so many rows
EXACTLY = 2**17  # rows up to which neighbors are found exactly, which is faster than openTSNE's search by trees
AROUND = 10  # places by which a place on the map is decoded


class LatentMap(SavedTransformer):
    """A map of rows in two steps: an autoencoder makes codes of them, t-SNE places the codes in the plane.

    t-SNE [1]_ draws neighborhoods better than a code of two numbers, and knows nothing of new rows and of the way back. Here both
    go through the codes: new rows are encoded and placed beside the fitted rows whose codes are near, which never move; places on the map
    are decoded by the codes around them.

    Parameters
    ----------
    n_components : int, default=20
        Numbers in a code, at least 1.
    autoencoder : Autoencoder or another of this library, default=None
        Whose settings to take, but for `n_components` and `random_state`; it stays as it is. None is ``Autoencoder()``, of 8 epochs for
        48,000 rows and more, where further ones change the map no more. A supervised one needs labels in `fit`.
    tsne : dict, default=None
        Parameters of ``openTSNE.TSNE`` [2]_ such as ``{"perplexity": 50, "n_iter": 750}``. By default the perplexity is 30, or a third of
        the other rows where that is less, and `n_iter` is 250: more took longer and placed MNIST's test rows no better.
    verbose : bool, int or Progress, default=0
        Whether to show the progress of both steps on standard error.
    random_state : int, RandomState instance or None, default=None
        An int makes maps bit-identical on one machine.

    Attributes
    ----------
    autoencoder_ : Autoencoder
        Fitted.
    embedding_ : ndarray of shape (n_samples, 2), float32
        Where the fitted rows are.
    codes_ : ndarray of shape (n_samples, n_components), float32
        Their codes, by which new rows are placed.
    kl_divergence_ : float
        What t-SNE reached, in nats.
    fit_seconds_ : float
        Of both steps.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if the rows came in a dataframe.

    See Also
    --------
    Autoencoder : With ``n_components=2`` and `neighbor_weight` one network is such a map, places rows at once, and decodes every
        place.

    Notes
    -----
    A new row is placed by the 25 fitted rows whose codes are nearest: at the median of their places, and from there by some steps down
    the gradient of t-SNE with all fitted rows held fast [2]_. Its place does not depend on other new rows. A fitted row keeps its place.

    References
    ----------
    .. [1] van der Maaten, L., & Hinton, G. (2008). Visualizing data using t-SNE. Journal of Machine Learning Research, 9, 2579-2605.
       https://www.jmlr.org/papers/v9/vandermaaten08a.html
    .. [2] Poličar, P. G., Stražar, M., & Zupan, B. (2024). openTSNE: a modular Python library for t-SNE dimensionality reduction and
       embedding. Journal of Statistical Software, 109(3). https://doi.org/10.18637/jss.v109.i03

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from narrows import Autoencoder, LatentMap
    >>> rows = load_digits().data[:300] / 16
    >>> small = Autoencoder(layers=(32,), epochs=2)
    >>> made = LatentMap(8, autoencoder=small, tsne={"n_iter": 50}, random_state=0).fit(rows[:200])
    >>> made.embedding_.shape, made.transform(rows[200:]).shape, made.inverse_transform([[0.0, 0.0]]).shape
    ((200, 2), (100, 2), (1, 64))
    """

    autoencoder_: BaseAutoencoder
    codes_: np.ndarray
    embedding_: np.ndarray

    def __init__(
        self,
        n_components: int = 20,
        *,
        autoencoder: Any = None,
        tsne: dict[str, Any] | None = None,
        verbose: Any = 0,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.autoencoder = autoencoder
        self.tsne = tsne
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn codes of rows, and place them on a map.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows, at least 8; or images, as `Autoencoder` takes them.
        y : array-like of shape (n_samples,), default=None
            Labels, where the autoencoder is a supervised one.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter is out of range, or the rows cannot be learned from, or are too few for the perplexity.
        TrainingDiverged, KeyboardInterrupt
            As `Autoencoder.fit` does.
        """
        started = time.monotonic()
        options = self._options()
        if self.autoencoder is not None and not isinstance(self.autoencoder, BaseAutoencoder):
            raise TypeError(f"autoencoder must be an Autoencoder or another of narrows, or None, got {self.autoencoder!r}")
        n = len(X) if isinstance(X, list) else next(iter(getattr(X, "shape", ())), None)
        if n is not None:
            _perplexity(options, n)  # before minutes of training
        own = Autoencoder(epochs=EPOCHS) if n is not None and n >= MANY else Autoencoder()
        made = own if self.autoencoder is None else clone(self.autoencoder)
        seeds = check_random_state(self.random_state).randint(0, 2**31 - 1, size=2)
        made.set_params(n_components=self.n_components, random_state=int(seeds[0]), verbose=self.verbose).fit(X, y)
        codes = made.transform(X)
        if not np.isfinite(codes).all():  # a code that grew without bound: t-SNE would not say so
            raise ValueError("codes are not finite: use code_activation='tanh', code_l2=0.001 or scaled rows")
        self.embedding_, self.kl_divergence_ = embed(codes, options, int(seeds[1]), _fitting.progress_of(self.verbose))
        self.autoencoder_, self.codes_ = made, codes
        self._take_over()
        self.fit_seconds_ = time.monotonic() - started
        return self

    def fit_transform(self, X: Any, y: Any = None) -> np.ndarray:
        """Fit, and give where the rows are: `embedding_`.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,), default=None
            Labels, where the autoencoder is a supervised one.

        Returns
        -------
        ndarray of shape (n_samples, 2), float32

        Raises
        ------
        ValueError, TypeError, TrainingDiverged, KeyboardInterrupt
            As `fit` does.
        """
        return self.fit(X, y).embedding_.copy()

    def transform(self, X: Any) -> np.ndarray:
        """Place rows on the map, which stays as it is.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows in their own units.

        Returns
        -------
        ndarray of shape (n_samples, 2), float32
            A row's place does not depend on the other rows. Fitted rows are where they were.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the rows do not fit.
        """
        check_is_fitted(self)
        return place(self.autoencoder_.transform(X), self.codes_, self.embedding_)

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Decode places on the map.

        A place has no code of its own: the codes of the ten fitted rows nearest on the map are averaged, each by one over its squared
        distance, and the average is decoded. Between two clusters that is a row between theirs, which nobody may ever have seen.

        Parameters
        ----------
        X : array-like of shape (n_places, 2)
            Places on the map.

        Returns
        -------
        ndarray of shape (n_places, n_features), float32
            Rows in their own units.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if places are not pairs of finite numbers.
        """
        check_is_fitted(self)
        places = check_array(data.as_frame(X), dtype=np.float64, input_name="places")
        if places.shape[1] != 2:
            raise ValueError(f"places have {places.shape[1]} columns, but a map has 2")
        return self.autoencoder_.inverse_transform(codes_around(places, self.embedding_, self.codes_))

    @property
    def _n_features_out(self) -> int:
        return 2

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "autoencoder_")

    def _take_over(self) -> None:
        """Have what every fitted estimator has."""
        self.n_features_in_ = self.autoencoder_.n_features_in_
        self.__dict__.pop("feature_names_in_", None)
        if hasattr(self.autoencoder_, "feature_names_in_"):
            self.feature_names_in_ = self.autoencoder_.feature_names_in_

    def _options(self) -> dict[str, Any]:
        """Give the parameters of t-SNE, checked as far as they can be without rows."""
        from inspect import signature

        from openTSNE import TSNE

        check_whole("n_components", self.n_components)
        if self.tsne is not None and not isinstance(self.tsne, dict):
            raise TypeError(f"tsne must be a dict of parameters of openTSNE.TSNE, or None, got {self.tsne!r}")
        options = dict(self.tsne or {})
        known = set(signature(TSNE.__init__).parameters) - OWN - {"self", "initialization"}
        for name in options:
            if name not in known:
                raise ValueError(f"tsne has the unknown parameter {name!r}: it may have {', '.join(sorted(known))}")
        for name in ("n_iter", "early_exaggeration_iter"):
            if name in options and (not isinstance(options[name], Integral) or options[name] < 0):
                raise ValueError(f"{name} of tsne must be a whole number of at least 0, got {options[name]!r}")
        perplexity = options.get("perplexity", 30)
        if not isinstance(perplexity, Real) or not float(perplexity) > 0:
            raise ValueError(f"perplexity of tsne must be a number above 0, got {perplexity!r}")
        return options


def embed(codes: np.ndarray, options: dict[str, Any], seed: int, progress: Progress) -> tuple[np.ndarray, float]:
    """Place codes, or other points, by t-SNE.

    Parameters
    ----------
    codes : ndarray of shape (n, c)
        Finite numbers.
    options : dict
        Parameters of ``openTSNE.TSNE``.
    seed : int
    progress : Progress

    Returns
    -------
    places : ndarray of shape (n, 2), float32
    divergence : float
        What is left of it, in nats.

    Raises
    ------
    ValueError
        If there are too few for the perplexity.
    """
    from openTSNE import TSNE

    options = {"n_iter": ITERATIONS, **options}
    iterations = options.get("early_exaggeration_iter", 250), options["n_iter"]
    phase = {"before": 0, "last": 0}

    def look(iteration: int, error: float, embedding: np.ndarray) -> bool:
        if iteration <= phase["last"]:  # they are counted anew in the second phase
            phase["before"] = iterations[0]
        phase["last"] = iteration
        progress.advance(phase["before"] + iteration, f"divergence {error:.3f}")
        return False

    perplexity = _perplexity(options, len(codes))
    own_search = len(codes) <= EXACTLY and SEARCH.isdisjoint(options)
    affinities = _affinities(codes, perplexity, progress) if own_search else None
    progress.begin("t-SNE", sum(iterations), "iterations")
    made = TSNE(
        **{
            **options,
            "perplexity": perplexity,
            "random_state": seed,
            "n_jobs": _threads(len(codes)),
            "callbacks": [look],
            "callbacks_every_iters": EVERY,
        }
    ).fit(None if own_search else codes.astype(np.float64), affinities, initialization=_first_places(codes, seed))
    progress.end(f"divergence {float(made.kl_divergence):.3f}")
    return np.asarray(made, np.float32), float(made.kl_divergence)


def _affinities(codes: np.ndarray, perplexity: float, progress: Progress) -> Any:
    """Tell t-SNE who is near whom: three neighbors of each for every one that counts."""
    from openTSNE.affinity import PerplexityBasedNN
    from openTSNE.nearest_neighbors import PrecomputedNeighbors

    near = nearest_neighbors(codes, min(len(codes) - 1, int(3 * perplexity)), progress=progress)
    distances = np.empty(near.shape)
    for start in range(0, len(codes), BLOCK):
        block = slice(start, start + BLOCK)
        distances[block] = np.linalg.norm(codes[near[block]] - codes[block, None], axis=2)
    return PerplexityBasedNN(perplexity=perplexity, knn_index=PrecomputedNeighbors(near, distances), n_jobs=_threads(len(codes)))


def _threads(n: int) -> int:
    """Give the threads for n rows: for few, more of them wait for one another longer than they compute."""
    if n < FEW:
        return 1
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _perplexity(options: dict[str, Any], n: int) -> float:
    """Give the perplexity of a map of n rows, which must be three times as many, and one more."""
    if n < FEWEST:
        raise ValueError(f"a map needs at least {FEWEST} rows, got n_samples={n}: give more")
    most = (n - 1) / 3
    perplexity: float = options.get("perplexity", min(30, most))
    if perplexity > most:
        raise ValueError(
            f"perplexity={perplexity:g} of tsne needs {int(3 * perplexity) + 1:,} rows, and there are {n:,}: ask for {int(most)} or less"
        )
    return perplexity


def _first_places(codes: np.ndarray, seed: int) -> np.ndarray:
    """Start where PCA places codes, which keeps far things apart; with a little chance, so that equal codes part."""
    centered = codes.astype(np.float64) - codes.mean(0, dtype=np.float64)
    places = np.random.default_rng(seed).normal(0, 1e-2, (len(codes), 2))
    _, directions = np.linalg.eigh(centered.T @ centered)
    principal = centered @ directions[:, ::-1][:, :2]
    spread = principal[:, 0].std()
    if spread > 0:
        places[:, : principal.shape[1]] += principal / spread
    return np.ascontiguousarray(places * SPREAD)


def codes_around(places: np.ndarray, embedding: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Give the codes that places on a map stand for: those of the nearest points, averaged, each by one over its squared distance.

    Parameters
    ----------
    places : ndarray of shape (m, 2)
    embedding : ndarray of shape (n, 2)
        Where the points are.
    codes : ndarray of shape (n, c)
        Theirs.

    Returns
    -------
    ndarray of shape (m, c), float32
    """
    index = NearestNeighbors(n_neighbors=min(AROUND, len(codes))).fit(embedding.astype(np.float64))
    distances, near = index.kneighbors(places.astype(np.float64))
    smallest = 1e-9 * max(float(np.ptp(embedding)), 1e-30)
    weight = 1 / np.square(np.maximum(distances, smallest))
    averaged: np.ndarray = np.einsum("nk,nkc->nc", weight / weight.sum(1, keepdims=True), codes[near])
    return averaged.astype(np.float32)


def place(codes: np.ndarray, fitted: np.ndarray, embedding: np.ndarray) -> np.ndarray:
    """Place codes, or other points, among fitted ones, which stay where they are.

    Parameters
    ----------
    codes : ndarray of shape (m, c)
    fitted : ndarray of shape (n, c)
    embedding : ndarray of shape (n, 2)
        Where the fitted ones are.

    Returns
    -------
    ndarray of shape (m, 2), float32
    """
    from openTSNE import PartialTSNEEmbedding, TSNEEmbedding
    from openTSNE.affinity import PrecomputedAffinities, joint_probabilities_nn
    from scipy.sparse import csr_matrix

    k = min(PLACED_BY, len(fitted) - 1)
    distances, near = NearestNeighbors(n_neighbors=k).fit(fitted).kneighbors(codes)
    places = np.median(embedding[near].astype(np.float64), axis=1)
    same = distances[:, 0] <= SAME * float(np.linalg.norm(fitted.std(0)))
    places[same] = embedding[near[same, 0]]
    new = np.flatnonzero(~same)
    if len(new):
        count = min(k, int(3 * PERPLEXITY))
        affinities = joint_probabilities_nn(
            near[new, :count],
            distances[new, :count].astype(np.float64),
            [min(PERPLEXITY, count / 3)],
            symmetrize=False,
            normalization="point-wise",
            n_reference_samples=len(fitted),
            n_jobs=_threads(len(new)),
        )
        among_themselves = PrecomputedAffinities(csr_matrix((len(fitted), len(fitted))), normalize=False)  # which hold fast anyway
        moving = PartialTSNEEmbedding(
            places[new],
            TSNEEmbedding(embedding.astype(np.float64), among_themselves),
            affinities,
            negative_gradient_method="bh",  # exact enough, and row by row: the faster method's grid depends on all rows
            n_jobs=_threads(len(new)),
        )
        moving.optimize(
            STEPS,
            learning_rate=RATE,
            exaggeration=1.5,
            momentum=0.8,
            theta=ANGLE,
            max_grad_norm=0.25,
            max_step_norm=None,
            inplace=True,
        )
        places[new] = moving
    return places.astype(np.float32)
