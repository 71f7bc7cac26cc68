"""The whole public behavior of an autoencoder as a scikit-learn transformer; a final class gives its parameters and its network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, Literal, Self

import numpy as np
from sklearn.utils.validation import check_is_fitted

from narrows.data.writing import check_writable
from narrows.estimators import _fitting
from narrows.estimators._callbacks import CallbackSupportMixin, with_callbacks
from narrows.estimators._checks import check_codes, check_rows, check_weights, dense
from narrows.estimators._saving import SavedTransformer
from narrows.networks import Choices, Dense
from narrows.networks.network import Network
from narrows.networks.plan import Head, Plan
from narrows.networks.table import Table, own_table, plan_table
from narrows.training import noise as noises

BLOCK = 8192  # rows whose reconstruction is held at a time


class BaseAutoencoder(CallbackSupportMixin, SavedTransformer, ABC):
    """What all autoencoders share. Not public; see `Autoencoder` for the parameters."""

    _network: Network
    _loss: Any
    _labels: Literal["classes", "numbers"] | None = None  # what the head learns, if there is one
    _own_size: str | None = None  # what n_components may be besides a number
    _job: type[_fitting.Job] = _fitting.Job  # what its parameters mean to the trainer

    @property
    def _outputs(self) -> np.ndarray | None:
        """What each output of the fitted head stands for: classes, or the places of numbers; None without a head."""
        return None

    def _read_labels(self, y: Any, n: int, outputs: np.ndarray | None) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Read the labels of n rows; give them, and what each output of the head stands for, which `outputs` says if it is settled."""
        del y, n, outputs
        return None, None

    def _make_head(self, n_components: int, n_outputs: int) -> Head:
        """Give the head."""
        raise NotImplementedError(f"{type(self).__name__} has no head")

    def _label_numbers(self, y: np.ndarray | None, outputs: np.ndarray | None, weight: np.ndarray | None) -> dict[str, Any]:
        """Give what the label term takes as numbers, besides its weight."""
        del y, outputs, weight
        return {}

    def _read(self, X: Any, *, reset: bool, least: int = 1, sample_weight: Any = None) -> Any:
        """Check rows, and give them as they are learned from; with `reset`, what they are like is learned too."""
        del sample_weight
        return check_rows(self, X, reset=reset, least=least)

    def _rows(self, X: Any) -> Any:
        """Check rows, and give them as the fitted network takes them."""
        return self._read(X, reset=False)

    def _measured(self, rows: Any) -> Any:
        """Give checked rows as `_measured_by` takes them, which tells how far each feature is from its reconstruction."""
        return rows

    @property
    def _measured_by(self) -> Any:
        return self._network

    def _features_judged(self) -> tuple[Any, Any]:
        """Give the names of the network's features, None where they have none, and which of them verdicts are about."""
        return getattr(self, "feature_names_in_", None), slice(None)

    @abstractmethod
    def _make_plan(self, n_features: int, n_rows: int | None, output_activation: Any) -> Plan | None:
        """Give the plan of a network for so many rows, None if more may come; None if the layers are the user's own Keras models."""

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any = None,
        *,
        sample_weight: Any = None,
        validation_data: Any = None,
        target: Any = None,
        checkpoint: Any = None,
    ) -> Self:
        """Learn to encode and rebuild rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows; uint8 is understood as [0, 255]. Or `narrows.data.Blocks`, of which only some rows are in memory at a time: batches then
            come from shuffled blocks, a sample of 32,768 rows stands for all in diagnostics and in the PCA that the network starts
            from, and at most 16,384 are held out for validation.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            What each row counts in the loss, at least 0.
        validation_data : array-like of shape (n_validation, n_features), or a pair of them, default=None
            Rows to measure the loss on after each epoch, instead of a part of `X`; or (rows, target).
        target : array-like of shape (n_samples, n_features), default=None
            What the reconstructions are to be, where that is not `X`: clean rows for noisy ones. Scaling is learned from it.
        checkpoint : path-like or Checkpoint, default=None
            A file where training leaves its state every five minutes and at the ends of epochs. If it is there, of the same rows and
            settings, training goes on from it and ends with the weights of a run that never stopped; it stays when training ends.
            Needs a number as `random_state`, and no `callbacks`.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter is out of range or the rows cannot be learned from.
        CheckpointError
            If the checkpoint is damaged, or of a run with other rows or settings.
        TrainingDiverged
            If the loss is no longer finite. The estimator then holds the last good epoch.
        KeyboardInterrupt
            At Ctrl-C. The estimator then holds the best epoch so far.
        """
        _fitting.fit(self, X, y, sample_weight, validation_data, target, checkpoint)
        return self

    def partial_fit(self, X: Any, y: Any = None, *, sample_weight: Any = None, target: Any = None) -> Self:
        """Learn from one batch of rows more: one pass over them, in minibatches, at a constant learning rate.

        The first call fixes scaling and loss by its rows, unless `fit` came before; the optimizer's state is kept
        from call to call, also through pickling.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            What each row counts in the loss, at least 0.
        target : array-like of shape (n_samples, n_features), default=None
            What the reconstructions are to be, where that is not `X`.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError, TrainingDiverged, KeyboardInterrupt
            As `fit` does.
        """
        _fitting.partial_fit(self, X, y, sample_weight, target)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Encode rows.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows in their own units.

        Returns
        -------
        ndarray of shape (n_samples, n_components), float32
            The codes. A row's code does not depend on the other rows.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the rows do not fit.
        """
        check_is_fitted(self)
        return self._network.encode(self._rows(X))

    def inverse_transform(self, X: Any) -> np.ndarray:
        """Decode codes.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_components)
            Codes.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32
            Rows in their own units.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the codes have another width.
        """
        check_is_fitted(self)
        return self._network.decode(check_codes(self, X, self._n_features_out))

    def reconstruct(self, X: Any, *, scaled: bool = False) -> np.ndarray:
        """Encode rows and decode their codes.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows in their own units.
        scaled : bool, default=False
            Whether to leave the result in the network's scaled units, to be compared with `scale_rows`.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32
            What the network makes of them, in the same units unless `scaled`.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the rows do not fit.
        """
        check_is_fitted(self)
        return self._network.reconstruct(self._rows(X), scaled=scaled)

    def scale_rows(self, X: Any) -> np.ndarray:
        """Give rows in the network's scaled units, in which losses and errors are measured and no feature's unit decides.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows in their own units.

        Returns
        -------
        ndarray of shape (n_samples, n_features), float32
            May be `X` itself where `scale_` is "none".

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the rows do not fit.
        """
        check_is_fitted(self)
        return self._network.scale.apply(dense(self._rows(X)))

    def reconstruction_error(self, X: Any, *, per_feature: bool = False) -> np.ndarray:
        """Measure how far rows are from their reconstruction.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows in their own units.
        per_feature : bool, default=False
            Whether to give the squared error of each cell instead of the row's mean.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_features), float32
            Squared errors in the network's scaled units, so that no feature's unit decides.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the rows do not fit.
        """
        check_is_fitted(self)
        rows = self._rows(X)
        parts = []
        for start in range(0, rows.shape[0], BLOCK):
            block = dense(rows[start : start + BLOCK])
            square = np.square(self._network.reconstruct(block, scaled=True) - self._network.scale.apply(block))
            parts.append(square if per_feature else square.mean(1))
        return np.concatenate(parts)

    def score_samples(self, X: Any) -> np.ndarray:
        """Score rows by how well they are rebuilt.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows in their own units.

        Returns
        -------
        ndarray of shape (n_samples,), float32
            Minus the `reconstruction_error`: the lower, the odder the row.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the rows do not fit.
        """
        return -self.reconstruction_error(X)

    def score(self, X: Any, y: Any = None, sample_weight: Any = None) -> float:
        """Give the share of the rows' variance that the reconstruction explains.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows in their own units.
        y : None
            Ignored.
        sample_weight : array-like of shape (n_samples,), default=None
            What each row counts.

        Returns
        -------
        float
            Variance-weighted R² in the rows' own units, so that scores compare across settings; at most 1,
            0 for the mean row, and below for less.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the rows do not fit.
        """
        del y
        check_is_fitted(self)
        rows = self._rows(X)
        weight = check_weights(sample_weight, rows.shape[0])
        weight = np.ones(rows.shape[0]) if weight is None else weight.astype(np.float64)
        parts = [slice(start, start + BLOCK) for start in range(0, rows.shape[0], BLOCK)]

        def block_of(part: slice) -> np.ndarray:
            return dense(rows[part]).astype(np.float64, copy=False)

        mean = sum(weight[part] @ block_of(part) for part in parts) / weight.sum()
        missed = total = 0.0
        for part in parts:
            block = block_of(part)
            missed += float(weight[part] @ np.square(block - self._network.reconstruct(rows[part])).sum(1))
            total += float(weight[part] @ np.square(block - mean).sum(1))
        return 1.0 - missed / total if total > 0 else float(missed == 0)

    def summary(self) -> str:
        """Describe the layers: shapes, activations, weights, biases, totals and the compression factor.

        Returns
        -------
        str
            A table of plain text.

        Raises
        ------
        NotFittedError
            If not fitted.
        """
        return str(self.layer_table())

    def layer_table(self) -> Table:
        """Give what `summary` prints, as data.

        Returns
        -------
        Table
            Its `layers` have name, kind, units, activation, weights and biases.

        Raises
        ------
        NotFittedError
            If not fitted.
        """
        check_is_fitted(self)
        network = self._network
        return plan_table(network.plan) if network.plan is not None else own_table(network.computation)

    def export_onnx(self, path: Any, *, part: Literal["autoencoder", "encoder", "decoder", "head"] = "autoencoder") -> dict[str, float]:
        """Write the network as an .onnx file, which runs without Python, narrows and Keras; see `narrows.export.write`.

        Parameters
        ----------
        path : path-like
            A file that ends in .onnx; written whole or not at all.
        part : {"autoencoder", "encoder", "decoder", "head"}, default="autoencoder"
            What to write. All but the decoder take rows in their own units; "head" leads from there to predictions.

        Returns
        -------
        dict of str to float
            By how much each output differs from the model's at most, in ONNX Runtime, as a share of the output's spread.

        Raises
        ------
        NotFittedError, ValueError, ExportError, MissingExtra, OSError
            If not fitted, if it has no such part or layers or functions of your own, if the file would compute something else, if
            ``narrows[onnx]`` is not installed, or if the file cannot be written.
        """
        from narrows import export

        check_writable(path, (".onnx",))
        return export.write(path, self, part=part)

    @property
    def encoder_(self) -> Any:
        """`keras.Model` from rows in their own units to codes."""
        check_is_fitted(self)
        return self._network.models.encoder

    @property
    def decoder_(self) -> Any:
        """`keras.Model` from codes to rows in their own units."""
        check_is_fitted(self)
        return self._network.models.decoder

    @property
    def autoencoder_(self) -> Any:
        """`keras.Model` from rows to their reconstruction, in their own units."""
        check_is_fitted(self)
        return self._network.models.autoencoder

    @property
    def _n_features_out(self) -> int:
        return int(self._network.computation.encoder.output_shape[-1] if self._network.plan is None else self._network.plan.n_components)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_network")

    def set_params(self, **params: Any) -> Self:
        """Set parameters; ``layers__activation`` and the like make a new frozen object with that choice changed.

        Parameters
        ----------
        **params : any
            Values by name. Widths are short for ``Dense``, a number of noise for ``Gaussian``, so that ``layers__dropout`` and
            ``noise__strength`` reach inside these as well.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If a name is unknown.
        """
        plain = {name: value for name, value in params.items() if "__" not in name}
        super().set_params(**plain)
        own = self.get_params(deep=False)
        inside: dict[str, dict[str, Any]] = {}
        for name, value in params.items():
            owner, _, choice = name.partition("__")
            if choice and owner in own and not hasattr(own[owner], "set_params"):
                inside.setdefault(owner, {})[choice] = value
            elif choice:
                super().set_params(**{name: value})
        for owner, changes in inside.items():
            setattr(self, owner, _choices(owner, own[owner], changes).replace(**changes))
        return self


def autoencoder_of(estimator: Any) -> Any:
    """Give the autoencoder that an estimator was fitted around, or else the estimator itself."""
    if isinstance(estimator, BaseAutoencoder):  # whose `autoencoder_` is a Keras model
        return estimator
    return getattr(estimator, "autoencoder_", estimator)


def _choices(owner: str, value: Any, changes: dict[str, Any]) -> Choices:
    """Give the frozen object that a parameter's value is, or is short for."""
    if owner in ("layers", "head") and isinstance(value, tuple | list):
        return Dense(*value)
    if owner == "noise" and value is not None:
        value = noises.resolve(value)
    if not isinstance(value, Choices):
        such = {"layers": "Dense(500, 300)", "head": "Dense(64, 128)", "noise": "Gaussian(0.4)"}.get(owner, "one of its class")
        raise ValueError(f"{owner}={value!r} has no parameter {next(iter(changes))!r}: set {owner} to an object that has it, {such} say")
    return value
