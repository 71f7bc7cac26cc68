"""TableAutoencoder: tables as people have them, with categories, dates and holes, to codes and back."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from narrows.data import table_frames
from narrows.data.column_kinds import MOST_CATEGORIES, Column
from narrows.data.tables import Columns
from narrows.estimators import _table_rows
from narrows.estimators._base import BaseAutoencoder
from narrows.estimators._checks import check_codes, check_weights, check_whole
from narrows.estimators._table_fitting import TableJob
from narrows.estimators._table_rows import SpreadRows
from narrows.estimators._table_view import ColumnView
from narrows.estimators.autoencoder import default_widths
from narrows.networks import Dense, Plan

LONGEST = 32  # numbers in a code that "auto" chooses


class TableAutoencoder(BaseAutoencoder):
    r"""An autoencoder of tables: numbers, categories, truth values, dates and missing values go in as they are, and come back.

    Each column is found to be of a kind, is scaled or spread out accordingly, and has an output and a loss of its own: the squared error
    of numbers and dates, the cross-entropy of two or more categories. A missing value counts for nothing in the loss, and the network is
    told that it is missing; in training some of the others are hidden from it as well, so that it learns to tell a cell from the rest of
    its row [1]_. `impute` fills holes with what it tells.

    Parameters
    ----------
    n_components : int or "auto", default="auto"
        Numbers in a code, at least 1. "auto" is half the number of columns, at least 2 and at most 32; 2 makes a map.
    kinds : dict of str to str, default=None
        The kinds of some columns, by name, where they are not to be found out: "numeric", "binary", "categorical", "date" or "left_out".
    max_categories : int, default=64
        Places for the categories of a column, at least 2: all that are not among its most frequent ones share the last place, and so do
        those that only come later. Reconstructions have categories with a place of their own.
    layers : "auto", tuple of int or Dense, default="auto"
        The hidden layers of the encoder; the decoder mirrors them. "auto" is (500, 300, 100), or (100,) where `fit` learns
        from fewer than 1,000 rows.
    code_activation : str or callable, default="linear"
        Activation of the bottleneck.
    code_l1, code_l2 : float, default=0.0
        Strength of the penalty on the sums of absolute and of squared numbers of a row's code, at least 0.
    linear_path : bool or "auto", default="auto"
        Whether a linear map runs beside the layers of the encoder, and one beside those of the decoder, which start as PCA; "auto" is
        yes.
    noise : Masking, None or "auto", default="auto"
        Which share of the cells is hidden from the network in training and validation, drawn anew each epoch; it has to tell them all
        the same. "auto" is ``Masking(0.2)``. None hides none: codes then follow each row more closely, and holes are filled worse.
    optimizer : str or keras.optimizers.Optimizer, default="adam"
        Rebuilt from its configuration at each fit.
    learning_rate : float, keras.optimizers.schedules.LearningRateSchedule or None, default=0.002
        The peak of the schedule, above 0; None takes the optimizer's own.
    schedule : {"cosine", "constant"} or keras.optimizers.schedules.LearningRateSchedule, default="cosine"
        "cosine" warms up linearly over 200 steps (at most a tenth of all) and falls along half a cosine to 1 %.
    batch_size : int, default=128
        Rows a step, at least 1; fewer where there are fewer rows.
    epochs : int or "auto", default="auto"
        Passes over the rows. "auto" gives 20, or as many more as make 3,000 steps, at most 500; and stops
        by validation, from 8 rows on.
    early_stopping : bool or "auto", default="auto"
        Whether to measure the loss on validation rows after each epoch, to stop when it has not fallen for `patience`
        epochs, and to go back to the epoch where it was lowest. "auto" does so with ``epochs="auto"``.
    validation_fraction : float, default=0.1
        Share of the rows to hold out for that, in (0, 1), if `fit` is not given `validation_data`.
    patience : int or "auto", default="auto"
        In epochs, at least 1. "auto" is a tenth of the epochs, at least 10.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        What matrices are multiplied in during training; see `Autoencoder`. Predictions are always float32.
    callbacks : list of keras.callbacks.Callback, default=None
        Called at the ends of epochs.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the previous one, and with what it learned of the columns.
    verbose : bool, int or Progress, default=0
        Whether to show progress on standard error.
    random_state : int, RandomState instance or None, default=None
        An int makes fits bit-identical on one machine, whatever the order of named columns.

    Attributes
    ----------
    columns_ : tuple of Column
        What was learned of each column, in the table's order: `name`, `kind`, `why` it is left out, `mean` and `deviation` (of dates in
        seconds), `categories`, how many `others` share a place, the share of `holes`.
    kinds_ : dict of str to str
        Their kinds by name.
    history_ : dict of str to list of float
        Per epoch: "loss" and "reconstruction_loss", "val_loss" and "val_reconstruction_loss" where there are validation rows,
        "learning_rate" of the last step.
    n_epochs_, best_epoch_ : int
        Epochs done, and the one, counted from 1, that the weights come from.
    encoder_, decoder_, autoencoder_ : keras.Model
        The network, from and to rows as `scale_rows` gives them.
    diagnostics_ : list of Verdict
        What there is to say of the fit, as `Autoencoder` has it, about spread-out rows.
    n_parameters_ : int
        Trained weights and biases.
    fit_seconds_ : float
        What the last fit took, compilation included.
    n_features_in_ : int
        Number of columns.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if the rows came in a dataframe.

    See Also
    --------
    Autoencoder : For rows of nothing but numbers.
    sklearn.impute.IterativeImputer : Fills holes of numbers, one column after the other.

    Notes
    -----
    Training minimizes, besides penalties, the mean over all known cells (i, j) of :math:`\ell_j(x_{ij}, \hat x_{ij}) / g_j`, where
    :math:`\ell_j` is the loss of column j and :math:`g_j` what the best constant guess costs there: 1 for scaled numbers, whose variance
    is 1, else the entropy of the column's values in nats (at least 0.1). So each column counts as much as any other, however many
    categories it has; `score` is 1 minus that mean.

    A column is *numeric* if it holds numbers; *binary* if these are 0 and 1 only, or truth values; *categorical* if it holds text or
    categories; a *date* if it holds dates, times or durations. It is *left out* if nothing is known of it, if it is always the same, or
    if each row has its own: more distinct texts than half its rows, or whole numbers that count the rows or are called an id. What is
    left out comes back as it came.

    References
    ----------
    .. [1] Gondara, L., & Wang, K. (2018). MIDA: Multiple imputation using denoising autoencoders. PAKDD.
       https://doi.org/10.1007/978-3-319-93040-4_21

    Examples
    --------
    >>> import pandas as pd
    >>> from narrows import TableAutoencoder
    >>> table = pd.DataFrame({"size": [1.0, 2.0, None, 4.0] * 20, "color": ["red", "red", "blue", "blue"] * 20})
    >>> fitted = TableAutoencoder(2, layers=(16,), epochs=30, random_state=0).fit(table)
    >>> fitted.kinds_
    {'size': 'numeric', 'color': 'categorical'}
    >>> int(fitted.impute(table).isna().sum().sum())
    0
    """

    _job, _own_size = TableJob, "auto"
    _columns: Columns
    _library: str
    # What other autoencoders may choose, and the columns of a table decide.
    neighbor_weight, n_neighbors, scale, loss, output_activation = 0.0, 1, None, "auto", "auto"
    image_shape_ = None

    def __init__(
        self,
        n_components: Any = "auto",
        *,
        kinds: Any = None,
        max_categories: int = 64,
        layers: Any = "auto",
        code_activation: Any = "linear",
        code_l1: float = 0.0,
        code_l2: float = 0.0,
        linear_path: Any = "auto",
        noise: Any = "auto",
        optimizer: Any = "adam",
        learning_rate: Any = 0.002,
        schedule: Any = "cosine",
        batch_size: int = 128,
        epochs: Any = "auto",
        early_stopping: Any = "auto",
        validation_fraction: float = 0.1,
        patience: Any = "auto",
        precision: str = "auto",
        callbacks: Any = None,
        warm_start: bool = False,
        verbose: Any = 0,
        random_state: Any = None,
    ) -> None:
        self.n_components = n_components
        self.kinds = kinds
        self.max_categories = max_categories
        self.layers = layers
        self.code_activation = code_activation
        self.code_l1 = code_l1
        self.code_l2 = code_l2
        self.linear_path = linear_path
        self.noise = noise
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.schedule = schedule
        self.batch_size = batch_size
        self.epochs = epochs
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.patience = patience
        self.precision = precision
        self.callbacks = callbacks
        self.warm_start = warm_start
        self.verbose = verbose
        self.random_state = random_state

    def inverse_transform(self, X: Any) -> Any:
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        frame or ndarray of shape (n_samples, n_features)
            A table of the library, with the columns and the types, of the training rows. Columns that are left out hold the one value
            that they always had, or nothing.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the codes have another width.
        """
        check_is_fitted(self)
        made = self._network.decode(check_codes(self, X, self._n_features_out))
        return table_frames.from_table(_table_rows.rebuilt_table(self._columns, self._columns.layout.collapse(made)), self._library)

    def reconstruct(self, X: Any, *, scaled: bool = False) -> Any:
        """Encode rows and decode their codes.

        Parameters
        ----------
        X : dataframe or array-like of shape (n_samples, n_features)
            Rows as they are.
        scaled : bool, default=False
            Whether to leave the result in the network's own form, to be compared with `scale_rows`.

        Returns
        -------
        frame or ndarray of shape (n_samples, n_features)
            A table like `X`: of the same library, with the same columns, types and categories, in the same units. Columns that are left
            out come back as they are. With `scaled` an ndarray of shape (n_samples, width).

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the rows do not fit.
        """
        check_is_fitted(self)
        X = _table_rows.checked(self, X, reset=False)
        compact = self._compact(X)
        if scaled:
            return self._network.reconstruct(SpreadRows(self._columns.layout, compact), scaled=True)
        made = _table_rows.collapsed(self._network, self._columns, compact)
        return table_frames.given_back(X, _table_rows.restored(self._columns, made, X))

    def impute(self, X: Any) -> Any:
        """Fill holes with what the reconstruction has there; all else stays as it is.

        Parameters
        ----------
        X : dataframe or array-like of shape (n_samples, n_features)
            Rows, some of whose values are missing: None, NaN, NaT, null.

        Returns
        -------
        frame or ndarray of shape (n_samples, n_features)
            A table like `X`. Holes of a column that is always the same get its value; other columns that are left out keep theirs.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the rows do not fit.
        """
        check_is_fitted(self)
        X = _table_rows.checked(self, X, reset=False)
        return table_frames.given_back(X, _table_rows.filled(self._network, self._columns, X))

    def reconstruction_error(self, X: Any, *, per_feature: bool = False) -> np.ndarray:
        """Measure how far rows are from their reconstruction.

        Parameters
        ----------
        X : dataframe or array-like of shape (n_samples, n_features)
            Rows as they are.
        per_feature : bool, default=False
            Whether to give the error of each cell, in its own units, instead of the row's.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_features)
            Of a row, float32: the mean loss of its known cells, each divided by what the best constant guess costs, as in training; NaN
            where nothing is known of a row. Of a cell, float64: how far the reconstruction of a number is from it, in the column's
            units, of a date in seconds; of a category or truth value how improbable the network finds it, in [0, 1]. NaN where a value
            is missing, or its column left out. ``numpy.nanmean(errors, axis=0)`` is the error of each column.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the rows do not fit.
        """
        check_is_fitted(self)
        compact = self._compact(_table_rows.checked(self, X, reset=False))
        parts = []
        for block, made in _table_rows.blocks(self._network, self._columns, compact):
            if per_feature:
                parts.append(_table_rows.in_table_order(self._columns, _table_rows.cell_errors(self._columns, block, made)))
            else:
                losses, known = _table_rows.row_losses(self._columns, block, made)
                parts.append(np.divide(losses, known, out=np.full(len(block), np.nan), where=known > 0).astype(np.float32))
        return np.concatenate(parts)

    def score_samples(self, X: Any) -> np.ndarray:
        """Score rows by how well they are rebuilt.

        Parameters
        ----------
        X : dataframe or array-like of shape (n_samples, n_features)
            Rows as they are.

        Returns
        -------
        ndarray of shape (n_samples,), float32
            Minus the `reconstruction_error`: the lower, the odder the row; 0 where nothing is known of a row.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the rows do not fit.
        """
        return -np.nan_to_num(self.reconstruction_error(X), nan=0.0)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Give the share of what the best constant guesses cost that the reconstruction saves.

        Parameters
        ----------
        X : dataframe or array-like of shape (n_samples, n_features)
            Rows as they are.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            What each row counts.

        Returns
        -------
        float
            1 minus the mean loss of all known cells; at most 1, about 0 for the best constant guesses, and below for less.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the rows do not fit.
        """
        del y
        check_is_fitted(self)
        compact = self._compact(_table_rows.checked(self, X, reset=False))
        weight = check_weights(sample_weight, len(compact))
        weight = np.ones(len(compact)) if weight is None else weight.astype(np.float64)
        lost = cells = 0.0
        for start, (block, made) in enumerate(_table_rows.blocks(self._network, self._columns, compact)):
            part = weight[start * _table_rows.BLOCK :][: len(block)]
            losses, known = _table_rows.row_losses(self._columns, block, made)
            lost, cells = lost + float(part @ losses), cells + float(part @ known)
        return 1.0 - lost / cells if cells > 0 else float("nan")

    @property
    def columns_(self) -> tuple[Column, ...]:
        """What was learned of each column, in the table's order."""
        check_is_fitted(self)
        return self._columns.all

    @property
    def kinds_(self) -> dict[str, str]:
        """The kinds of the columns, by name."""
        return {column.name: column.kind for column in self.columns_}

    def _compact(self, X: Any) -> np.ndarray:
        return self._columns.matrix(table_frames.as_table(X))

    def _read(self, X: Any, *, reset: bool, least: int = 1, sample_weight: Any = None) -> np.ndarray:
        fitted = hasattr(self, "_network")
        X = _table_rows.checked(self, X, reset=reset, least=least)
        if not reset or (self.warm_start and fitted):
            return self._compact(X)
        check_whole("max_categories", self.max_categories, 2)
        if self.max_categories > MOST_CATEGORIES:
            raise ValueError(f"max_categories must be at most {MOST_CATEGORIES:,}, got {self.max_categories}")
        if self.kinds is not None and not isinstance(self.kinds, dict):
            raise TypeError(f"kinds must be a dict from names of columns to kinds, or None, got {self.kinds!r}")
        weight = check_weights(sample_weight, X.shape[0])
        self._columns, compact = _table_rows.learned(X, self.kinds, int(self.max_categories), weight)
        self._library = table_frames.library_of(X)
        return compact

    def _measured(self, rows: Any) -> np.ndarray:
        return self._compact(rows)

    @property
    def _measured_by(self) -> ColumnView:
        return ColumnView(self._network, self._columns)

    def _rows(self, X: Any) -> SpreadRows:
        return SpreadRows(self._columns.layout, self._read(X, reset=False))

    def _label_numbers(self, y: Any, outputs: Any, weight: Any) -> dict[str, Any]:
        del y, outputs, weight
        return {"column_weight": self._columns.weights}

    def _features_judged(self) -> tuple[list[str], np.ndarray]:
        shown = np.flatnonzero(~self._columns.layout.quiet)
        names = self._columns.names_of_spread()
        return [names[place] for place in shown], shown

    def _make_plan(self, n_features: int, n_rows: int | None, output_activation: Any) -> Plan:
        layers = default_widths(n_rows) if isinstance(self.layers, str) and self.layers == "auto" else self.layers
        if isinstance(layers, tuple | list):
            layers = Dense(*layers)
        if not isinstance(layers, Dense):
            raise TypeError(
                f"layers of a table must be 'auto', a tuple of widths or a Dense(...), got {layers!r}: convolutions are for images, and "
                f"Keras models of your own for rows of numbers (Autoencoder)"
            )
        n_components = self.n_components
        if isinstance(n_components, str):
            n_components = min(LONGEST, max(2, len(self._columns.used) // 2))
        return layers.plan(
            n_features,
            int(n_components),
            code_activation=self.code_activation,
            output_activation=output_activation,
            linear_path=self.linear_path == "auto" or bool(self.linear_path),
        )

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.allow_nan = tags.input_tags.string = tags.input_tags.categorical = True
        return tags
