"""AutoencoderOutlierDetector: rows that an autoencoder rebuilds badly, where the line is drawn, and which features are to blame."""

from __future__ import annotations

import time
from numbers import Real
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, OutlierMixin, clone
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from narrows.data import table_frames
from narrows.estimators import _blocks, _reasons, _table_rows
from narrows.estimators._base import BaseAutoencoder
from narrows.estimators._checks import check_number, check_rows, check_whole, check_word
from narrows.estimators._labels import NONE, held_out
from narrows.estimators._reasons import Reason, Usual
from narrows.estimators._saving import Saved
from narrows.estimators.autoencoder import Autoencoder
from narrows.estimators.table import TableAutoencoder
from narrows.training.noise import Gaussian

FEWEST = 8  # rows: of fewer none can be held out
FEW = 500  # rows: of fewer, too few are held out to tell where their rarest begin, and all are looked at
MEASURES = ("usual", "error")
NOISE, LONGEST = (
    0.2,
    32,
)  # of the detector's own autoencoder: its noise, and the most numbers in a code; measured as benchmarks/README.md says
ALARMS = 0.01  # share of the rows that "auto" takes for odd at least
FENCE = 1.5  # ranges between the quartiles, beyond which a row is odd


class AutoencoderOutlierDetector(OutlierMixin, Saved, BaseEstimator):
    r"""Tells odd rows from ordinary ones by how badly an autoencoder rebuilds them, and says which features are to blame.

    An autoencoder that was trained on rows most of which are ordinary rebuilds ordinary rows. A row that breaks the rules of the others
    is rebuilt as if it kept them, and one that keeps the rules where no other row is has a code far from the others': either makes its
    error large [1]_. Fitting needs no labels, and bears some outliers among the rows.

    Parameters
    ----------
    autoencoder : Autoencoder or another of this library, default=None
        Whose settings to take, but for `random_state` and `verbose`; it stays as it is. A supervised one needs labels in `fit`. None is
        ``Autoencoder(n_components=k, noise=Gaussian(0.2))``, where k is half the number of features, at least 1 and at most 32.
    contamination : "auto" or float, default="auto"
        Which share of the rows is odd, in (0, 0.5]: the threshold is such that this share lies beyond it. "auto" knows of no share, and
        goes by the errors themselves: beyond the upper fence of their logarithms (the third quartile, and one and a half times the range
        between the quartiles more [2]_) a row is odd, be there many such rows or few; and the worst hundredth is taken for odd in any
        case, so that there is something to look at.
    measure : {"usual", "error"}, default="usual"
        What a row's error is. "usual" weighs how far it is from its reconstruction, and its code from the others, each by what is usual:
        half of the error is either's, and an ordinary row has one of about 1; see Notes. "error" is the autoencoder's
        `reconstruction_error` alone.
    validation_fraction : float, default=0.2
        Share of the rows, in (0, 1), that the network is not trained on: they stop the training where the autoencoder stops early, and
        from 500 rows on the threshold is learned from them alone. Rows that a network was trained on flatter it: by these, more new rows
        would be called odd than was asked for. Of fewer than 500 rows too few are held out to tell where the rarest of them begin, and
        the threshold is learned from all, as in the rest of scikit-learn: exactly the share `contamination` of the fitted rows lies
        beyond it, and of new rows more, which may be twice as many.
    verbose : bool, int or Progress, default=0
        Whether to show progress on standard error.
    random_state : int, RandomState instance or None, default=None
        An int makes detectors bit-identical on one machine.

    Attributes
    ----------
    autoencoder_ : Autoencoder
        Fitted to the rows that were not held out.
    offset_ : float
        The threshold: a row whose score is below it is an outlier.
    usual_ : Usual or None
        What is usual for the fitted rows, by which errors are measured; None with ``measure="error"``. In scaled units: `misfit`, `center`
        and `reach` of shape (n_features,), how far reconstructions are from rows, the middle one, and how far they are from there;
        `code` of shape (n_components,), the mean code; and `precision`, the inverse of the codes' covariance, each scaled as Notes say.
    n_held_out_ : int
        Rows that were held out.
    fit_seconds_ : float
        What the fit took.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if the rows came in a dataframe.
    image_shape_ : tuple of int or None
        (height, width, channels) of the image that each row is, if the rows came as images.

    See Also
    --------
    Autoencoder.reconstruction_error : The errors of an autoencoder that is there already, also cell by cell.
    sklearn.ensemble.IsolationForest : Quicker, where outliers merely lie far out.

    Notes
    -----
    With :math:`x` a scaled row of d numbers, :math:`\hat x` its reconstruction, and :math:`z` its code, the error is

    .. math:: \frac{1}{2d} \sum_j \frac{(x_j - \hat x_j)^2}{s_j^2} + \frac{1}{2} (z - \mu)^\top P (z - \mu).

    :math:`s_j^2 = a (q_j^2 + \frac{1}{2} \bar{q^2})`, where :math:`q_j` is the residual that 68.3 of 100 of the fitted rows keep within,
    which some outliers among them hardly move; half of the features' mean square is added, for else a feature that hardly ever moves
    would outweigh all others by its rounding. :math:`\mu` is the mean code and :math:`P` the inverse of the covariance by Ledoit and
    Wolf [3]_ (of codes of more than 128 numbers, the variances' alone), over b. The numbers a and b make the two sums 1 for the middle
    row. The score is minus the error.

    In an explanation, what the code adds is shared out among the features by how far each one's reconstruction is from the middle
    reconstruction, squared, by their spreads.

    References
    ----------
    .. [1] Hawkins, S., He, H., Williams, G., & Baxter, R. (2002). Outlier detection using replicator neural networks. DaWaK.
       https://doi.org/10.1007/3-540-46145-0_17
    .. [2] McGill, R., Tukey, J. W., & Larsen, W. A. (1978). Variations of box plots. The American Statistician, 32(1), 12-16.
       https://doi.org/10.1080/00031305.1978.10479236
    .. [3] Ledoit, O., & Wolf, M. (2004). A well-conditioned estimator for large-dimensional covariance matrices. Journal of Multivariate
       Analysis, 88(2), 365-411. https://doi.org/10.1016/S0047-259X(03)00096-4

    Examples
    --------
    >>> import numpy as np
    >>> from narrows import AutoencoderOutlierDetector
    >>> hidden = np.random.default_rng(0).normal(size=(300, 2))
    >>> rows = hidden @ [[1.0, 2.0, 0.0, 1.0], [0.0, 1.0, 3.0, -1.0]]
    >>> rows[7, 2] += 9
    >>> detector = AutoencoderOutlierDetector(contamination=0.01, random_state=0).fit(rows)
    >>> int(detector.score_samples(rows).argmin()), int(detector.predict(rows)[7])
    (7, -1)
    >>> detector.explain(rows[[7]])[0][0].feature
    2
    """

    autoencoder_: BaseAutoencoder
    offset_: float
    usual_: Usual | None

    def __init__(
        self,
        autoencoder: Any = None,
        *,
        contamination: Any = "auto",
        measure: str = "usual",
        validation_fraction: float = 0.2,
        verbose: Any = 0,
        random_state: Any = None,
    ) -> None:
        self.autoencoder = autoencoder
        self.contamination = contamination
        self.measure = measure
        self.validation_fraction = validation_fraction
        self.verbose = verbose
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn what ordinary rows are like, and from which error on a row is odd.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows, at least 8, most of them ordinary; or images, as `Autoencoder` takes them.
        y : array-like of shape (n_samples,), default=None
            Labels, where the autoencoder is a supervised one; ignored otherwise.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter is out of range, or the rows cannot be learned from.
        TrainingDiverged, KeyboardInterrupt
            As `Autoencoder.fit` does.
        """
        started = time.monotonic()
        _blocks.refuse(X, "fit of a detector")
        self._check_params()
        rows = self._checked(self.autoencoder, X, reset=True)
        seeds = check_random_state(self.random_state).randint(0, 2**31 - 1, size=2)
        made = own_autoencoder(rows.shape[1]) if self.autoencoder is None else clone(self.autoencoder)
        made.set_params(random_state=int(seeds[0]), verbose=self.verbose)
        y = y if made._labels else None
        held = self._held_out(made, y, rows.shape[0], int(seeds[1]))
        trained, others = (self._as_given(_taken(rows, part)) for part in (~held, held))
        validation = others if y is None else (others, _some(y, held))
        made.fit(trained, None if y is None else _some(y, ~held), validation_data=validation)
        self.autoencoder_, self.n_held_out_, self.image_shape_ = made, int(held.sum()), made.image_shape_
        if hasattr(self, "feature_names_in_"):
            made.feature_names_in_ = self.feature_names_in_  # which arrays left behind
        measured = made._measured(rows)
        self.usual_ = Usual.learn(made._measured_by, measured) if self.measure == "usual" else None
        seen = measured if len(held) < FEW else measured[held]
        self.offset_ = threshold(-_reasons.row_errors(made._measured_by, seen, self.usual_), self.contamination)
        self.fit_seconds_ = time.monotonic() - started
        return self

    def score_samples(self, X: Any) -> np.ndarray:
        """Score rows by how well they are rebuilt.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows in their own units.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            Minus the rows' errors, at most 0: the lower, the odder the row. A row's score does not depend on the other rows.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the rows do not fit.
        """
        check_is_fitted(self)
        return -_reasons.row_errors(self.autoencoder_._measured_by, self._measured(X), self.usual_)

    def decision_function(self, X: Any) -> np.ndarray:
        """Say how far rows are on the ordinary side of the threshold.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows in their own units.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            `score_samples` minus `offset_`: negative for outliers.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the rows do not fit.
        """
        return self.score_samples(X) - self.offset_

    def predict(self, X: Any) -> np.ndarray:
        """Tell outliers from ordinary rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows in their own units.

        Returns
        -------
        ndarray of shape (n_samples,), int64
            -1 for outliers, 1 for ordinary rows.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the rows do not fit.
        """
        return np.where(self.decision_function(X) >= 0, 1, -1)

    def explain(self, X: Any, *, top: int = 3) -> list[tuple[Reason, ...]]:
        """Name the features that carry the errors of rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows in their own units.
        top : int, default=3
            How many features to name for each row, at least 1; all of them where there are fewer.

        Returns
        -------
        list of tuple of Reason
            For each row its features of largest share, the largest first: name, value and reconstruction in the row's own units, and
            the share of the row's error. ``str`` of one is a phrase to print.

        Raises
        ------
        NotFittedError, ValueError, TypeError
            If not fitted, if the rows do not fit, or if `top` is no whole number of at least 1.
        """
        check_is_fitted(self)
        check_whole("top", top)
        made = self.autoencoder_
        names = _reasons.feature_names(made if isinstance(made, TableAutoencoder) else self)
        return _reasons.reasons(made._measured_by, self._measured(X), names, int(top), self.usual_)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "offset_")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        if isinstance(self.autoencoder, TableAutoencoder):
            tags.input_tags = self.autoencoder.__sklearn_tags__().input_tags
        return tags

    def _check_params(self) -> None:
        if self.autoencoder is not None and not isinstance(self.autoencoder, BaseAutoencoder):
            raise TypeError(f"autoencoder must be an Autoencoder or another of narrows, or None, got {self.autoencoder!r}")
        if not isinstance(self.contamination, str) or self.contamination != "auto":
            share = self.contamination
            if not isinstance(share, Real) or isinstance(share, bool) or not 0 < float(share) <= 0.5:
                raise (ValueError if isinstance(share, Real | str) else TypeError)(
                    f"contamination must be 'auto' or a share of the rows in (0, 0.5], got {share!r}"
                )
        check_word("measure", self.measure, MEASURES)
        check_number("validation_fraction", self.validation_fraction, 0, 1, open_ends=True)

    def _checked(self, made: Any, X: Any, *, reset: bool) -> Any:
        """Check rows: those of a table stay what they are, all others become a matrix."""
        least = FEWEST if reset else 1
        if isinstance(made, TableAutoencoder):
            self.image_shape_ = None
            return _table_rows.checked(self, X, reset=reset, least=least)
        return check_rows(self, X, reset=reset, least=least)

    def _measured(self, X: Any) -> Any:
        """Check rows, and give them as their errors are measured."""
        return self.autoencoder_._measured(self._checked(self.autoencoder_, X, reset=False))

    def _held_out(self, made: BaseAutoencoder, y: Any, n: int, seed: int) -> np.ndarray:
        """Draw rows that are not trained on: of each class its share."""
        groups, _ = made._read_labels(y, n, None) if y is not None else (None, None)
        if groups is not None and groups.ndim == 2:  # numbers to predict: only whether a row has them all
            groups = np.where(np.isnan(groups).any(1), NONE, 0)
        n_held_out = min(n - 2, max(1, round(n * self.validation_fraction)))
        return held_out(groups, n, n_held_out, np.random.default_rng(seed))

    def _take_over(self) -> None:
        """Have what every fitted estimator has."""
        made = self.autoencoder_
        self.n_features_in_, self.image_shape_ = made.n_features_in_, made.image_shape_
        if hasattr(made, "feature_names_in_"):
            self.feature_names_in_ = made.feature_names_in_

    def _as_given(self, rows: Any) -> Any:
        """Give rows as the autoencoder is to see them: images where they came as images."""
        return rows if self.image_shape_ is None else rows.reshape(-1, *self.image_shape_)


def _taken(rows: Any, chosen: np.ndarray) -> Any:
    """Give some of the rows of a matrix, or of a table as it came."""
    return table_frames.rows_of_frame(rows, chosen) if table_frames.is_frame(rows) else rows[chosen]


def own_autoencoder(n_features: int) -> Autoencoder:
    """Give the autoencoder that ``autoencoder=None`` stands for, for rows of so many features."""
    return Autoencoder(n_components=max(1, min(n_features // 2, LONGEST)), noise=Gaussian(NOISE))


def threshold(scores: np.ndarray, contamination: Any) -> float:
    """Give the score below which rows are odd."""
    if contamination != "auto":
        return float(np.quantile(scores, float(contamination)))
    logs = np.log(np.maximum(-scores, np.finfo(np.float64).tiny))
    low, high = np.quantile(logs, (0.25, 0.75))
    return float(max(-np.exp(high + FENCE * (high - low)), np.quantile(scores, ALARMS)))


def _some(y: Any, chosen: np.ndarray) -> Any:
    """Give some of the labels, whatever they came in."""
    if isinstance(y, list | tuple):
        return [label for label, there in zip(y, chosen, strict=True) if there]
    return y[chosen] if hasattr(y, "iloc") else np.asarray(y)[chosen]
