"""SupervisedAutoencoder: a head off the bottleneck makes the code tell classes apart."""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from narrows.estimators import _fitting
from narrows.estimators._callbacks import with_callbacks
from narrows.estimators._checks import check_rows, check_weights
from narrows.estimators._labels import class_weights, known_classes, plain_labels, read_classes
from narrows.estimators.autoencoder import Autoencoder
from narrows.networks import Dense
from narrows.networks.plan import Head


class BaseSupervised(Autoencoder):
    """What autoencoders with a head share. Not public."""

    head: Any
    _activation: Literal["softmax", "linear"]

    @property
    def _n_outputs(self) -> int:
        head = self._network.head
        assert head is not None
        return head.n_outputs

    @property
    def head_(self) -> Any:
        """`keras.Model` from codes to what is predicted."""
        check_is_fitted(self)
        return self._network.models.head

    def _make_head(self, n_components: int, n_outputs: int) -> Head:
        head = Dense(*self.head) if isinstance(self.head, tuple | list) else self.head
        if not isinstance(head, Dense):
            raise TypeError(f"head must be a tuple of widths or a Dense(...), got {self.head!r}")
        return head.head(n_components, n_outputs, self._activation)

    def _predicted(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        return self._network.predict(check_rows(self, X, reset=False))


class SupervisedAutoencoder(ClassifierMixin, BaseSupervised):
    r"""An autoencoder whose code also tells classes apart: a classifier and a transformer at once.

    A classifier's head hangs off the bottleneck, and the loss is a weighted sum of reconstruction and classification [1]_. So the code
    keeps what rebuilds the row, and places rows of a class together.

    Parameters
    ----------
    n_components : int or None, default=2
        Numbers in a code, at least 1. It may exceed the number of features, where penalties or dropout keep the code honest.
        None, with `Conv`, makes the last feature map of the encoder the code, flattened.
    layers : "auto", tuple of int, Dense, Conv or object, default="auto"
        The hidden layers of the encoder; the decoder mirrors them. "auto" is (500, 300, 100), or (100,) where `fit` learns
        from fewer than 1,000 rows. A tuple of widths stands for ``Dense(*widths)``, which has all choices of dense layers;
        ``Conv(*filters)`` is for images. An object of your own with ``build(n_features, n_components)`` that returns a Keras encoder
        and a Keras decoder, for rows in scaled units, is as good.
    code_activation : str or callable, default="linear"
        Activation of the bottleneck.
    code_l1, code_l2 : float, default=0.0
        Strength of the penalty on the sums of absolute and of squared numbers of a row's code, at least 0
        (the sparse autoencoder).
    linear_path : bool or "auto", default="auto"
        Whether a linear map runs beside the layers of the encoder, and one beside those of the decoder. They start as PCA, and the
        last layers at zero: the network begins as PCA and learns what PCA leaves. "auto" is yes where the output is linear,
        and where it is a sigmoid and the code has 6 components or more, or the layers are convolutional.
        Ignored for models of your own, and with ``n_components=None``.
    noise : float, Gaussian, Masking, SaltAndPepper, callable or None, default=None
        What rows suffer in training and validation, drawn anew each epoch, while their targets stay clean (the denoising
        autoencoder [2]_). Strengths are in the network's scaled units. A float is short for ``Gaussian``; a function of your own is
        ``f(rows, key)`` in JAX, from scaled rows and a `jax.random` key to rows of the same shape. `transform`, `reconstruct` and
        all other methods take rows as they come.
    neighbor_weight : float, default=0.0
        What neighbors count in the loss, at least 0. Above 0, the codes of neighboring rows are drawn together and others pushed
        apart, as in t-SNE [3]_: a code of two numbers becomes a map, which places new rows and decodes as well. 0.1 is a good
        start. Each row of a batch then brings one of its neighbors along, so that steps are of twice the rows. `partial_fit`, which
        never sees all rows, refuses it.
    n_neighbors : int, default=15
        Nearest rows of each row, at least 1, among which that neighbor is drawn. They are found once, exactly, by the scaled rows, or
        by 50 components of PCA where rows have more numbers.
    head : tuple of int or Dense, default=(64, 128)
        The hidden layers of the head, which predicts a row's class from a code. A tuple of widths stands for ``Dense(*widths)``;
        ``Dense(64, 128, dropout=0.5)`` keeps a head from learning its rows by heart. A search reaches inside by ``head__dropout``.
    reconstruction_weight : float, default=1.0
        What the reconstruction counts in the loss, at least 0.
    label_weight : float, default=0.1
        What the classification (categorical cross-entropy, a mean over labelled rows) counts in the loss, at least 0.
    class_weight : dict, "balanced" or None, default=None
        What each class counts in the label term, at least 0; "balanced" weighs them so that all count alike, by
        `sample_weight`.
    unlabeled : label or None, default=None
        A label that stands for none, such as -1, besides None and NaN, which scikit-learn's cross-validation cannot split. Rows
        without a label count for the reconstruction only.
    output_activation : str or callable, default="auto"
        "auto" is "sigmoid" where the scaled rows lie in [0, 1], else "linear". Ignored for models of your own.
    loss : str, keras.losses.Loss or callable, default="auto"
        "auto" is binary cross-entropy ("bce") where the scaled rows lie in [0, 1] and the output is a sigmoid, else
        squared error ("mse"). Or the name or an instance of a Keras loss, or ``f(target, reconstruction)`` that
        gives a value per row. What was chosen is `loss_`.
    scale : {"auto", "minmax", "standard"} or None, default="auto"
        "auto" divides uint8 by 255, leaves rows in [0, 1] as they are, and standardizes others, feature by feature.
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
        Share of the rows to hold out for that, in (0, 1), if `fit` is not given `validation_data`. ``early_stopping="auto"`` holds
        out 10 rows at least, or a quarter of fewer than 40.
    patience : int or "auto", default="auto"
        In epochs, at least 1. "auto" is a tenth of the epochs, at least 10.
    precision : {"auto", "float32", "bfloat16"}, default="auto"
        What matrices are multiplied in during training. "auto" is bfloat16 (with float32 sums, weights and updates)
        where the processor has instructions for it. Predictions are always float32.
    callbacks : list of keras.callbacks.Callback, default=None
        Called at the ends of epochs.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights, scaling and loss of the previous one.
    verbose : bool, int or Progress, default=0
        Whether to show progress on standard error.
    random_state : int, RandomState instance or None, default=None
        An int makes fits bit-identical on one machine.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, in order; the columns of `predict_proba`.
    history_ : dict of str to list of float
        Per epoch: "loss", "reconstruction_loss", "label_loss" and "accuracy" (of training rows, as they are trained on), each with
        ``"val_"`` before it where there are validation rows, and "learning_rate" of the last step.
    n_epochs_, best_epoch_ : int
        Epochs done, and the one, counted from 1, that the weights come from.
    loss_, output_activation_, scale_, precision_ : str
        What was chosen; `scale_` is "none", "bytes" (division by 255), "minmax" or "standard".
    encoder_, decoder_, head_, autoencoder_ : keras.Model
        The network in the rows' own units; `autoencoder_` has the named outputs "reconstruction" and "probabilities". Weights set
        there are the estimator's.
    diagnostics_ : list of Verdict
        What there is to say of the fit, with figures and remedies: whether the code collapsed, whether PCA would do as well, how many
        dimensions the rows have, and what is wrong with units, codes, rows or the run. Those that warn are issued as warnings as well,
        each kind of a class of its own in `narrows.errors`.
    n_parameters_ : int
        Trained weights and biases.
    fit_seconds_ : float
        What the last fit took, compilation included.
    n_features_in_ : int
        Number of features.
    feature_names_in_ : ndarray of shape (n_features,)
        Their names, if the rows came in a dataframe.
    image_shape_ : tuple of int or None
        (height, width, channels) of the image that each row is, if the rows came as images or `layers` say it.

    See Also
    --------
    Autoencoder : Without labels.
    SupervisedAutoencoderRegressor : With numbers to predict in place of classes.
    sklearn.discriminant_analysis.LinearDiscriminantAnalysis : The linear map that tells classes apart best.

    Notes
    -----
    Training minimizes

    .. math:: w_r \, \overline{\ell(x, \hat x)} + w_l \, \overline{c_y \, (-\log p_y)} + \text{penalties}

    where :math:`p_y` is the probability that the head gives to a row's class, :math:`c_y` that class's weight, and the means are over all
    rows of a batch and over those with a label.

    References
    ----------
    .. [1] Le, L., Patterson, A., & White, M. (2018). Supervised autoencoders: improving generalization performance with unsupervised
       regularizers. NeurIPS. https://papers.nips.cc/paper/2018/hash/2a38a4a9316c49e5a833517c45d31070-Abstract.html
    .. [2] Vincent, P., Larochelle, H., Bengio, Y., & Manzagol, P.-A. (2008). Extracting and composing robust features with denoising
       autoencoders. ICML. https://doi.org/10.1145/1390156.1390294
    .. [3] Damrich, S., Böhm, J. N., Hamprecht, F. A., & Kobak, D. (2023). From t-SNE to UMAP with contrastive learning. ICLR.
       https://doi.org/10.48550/arXiv.2206.01816

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from narrows import SupervisedAutoencoder
    >>> rows, labels = load_digits(return_X_y=True)
    >>> made = SupervisedAutoencoder(2, layers=(64,), epochs=2, random_state=0).fit(rows / 16, labels)
    >>> made.transform(rows / 16).shape, made.predict_proba(rows / 16).shape
    ((1797, 2), (1797, 10))
    """

    classes_: np.ndarray
    _labels = "classes"
    _activation = "softmax"

    def __init__(
        self,
        n_components: int | None = 2,
        *,
        layers: Any = "auto",
        code_activation: Any = "linear",
        code_l1: float = 0.0,
        code_l2: float = 0.0,
        linear_path: Any = "auto",
        noise: Any = None,
        neighbor_weight: float = 0.0,
        n_neighbors: int = 15,
        head: Any = (64, 128),
        reconstruction_weight: float = 1.0,
        label_weight: float = 0.1,
        class_weight: Any = None,
        unlabeled: Any = None,
        output_activation: Any = "auto",
        loss: Any = "auto",
        scale: str | None = "auto",
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
        super().__init__(
            n_components,
            layers=layers,
            code_activation=code_activation,
            code_l1=code_l1,
            code_l2=code_l2,
            linear_path=linear_path,
            noise=noise,
            neighbor_weight=neighbor_weight,
            n_neighbors=n_neighbors,
            output_activation=output_activation,
            loss=loss,
            scale=scale,
            optimizer=optimizer,
            learning_rate=learning_rate,
            schedule=schedule,
            batch_size=batch_size,
            epochs=epochs,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            patience=patience,
            precision=precision,
            callbacks=callbacks,
            warm_start=warm_start,
            verbose=verbose,
            random_state=random_state,
        )
        self.head = head
        self.reconstruction_weight = reconstruction_weight
        self.label_weight = label_weight
        self.class_weight = class_weight
        self.unlabeled = unlabeled

    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: Any = None,
        validation_data: Any = None,
        target: Any = None,
        checkpoint: Any = None,
    ) -> Self:
        """Learn to encode and rebuild rows, and to tell their classes from their codes.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows; uint8 is understood as [0, 255]. Or `narrows.data.Blocks`, of which only some rows are in memory at a time: batches then
            come from shuffled blocks, a sample of 32,768 rows stands for all in diagnostics and in the PCA that the network starts
            from, and at most 16,384 are held out for validation.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels of any one kind (whole numbers, strings, booleans), or one-hot rows. None, NaN and a one-hot row of zeros stand for
            no label.
        sample_weight : array-like of shape (n_samples,), default=None
            What each row counts in the loss, at least 0.
        validation_data : tuple of array-like, default=None
            (rows, labels) to measure the loss on after each epoch, instead of a part of `X`; or (rows, labels, target). Their shapes are
            those of `X`, `y` and `target`, of other rows.
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
            If a parameter is out of range, or rows or labels cannot be learned from.
        CheckpointError
            If the checkpoint is damaged, or of a run with other rows or settings.
        TrainingDiverged
            If the loss is no longer finite. The estimator then holds the last good epoch.
        KeyboardInterrupt
            At Ctrl-C. The estimator then holds the best epoch so far.
        """
        _fitting.fit(self, X, y, sample_weight, validation_data, target, checkpoint)
        return self

    def partial_fit(  # type: ignore[override]
        self, X: Any, y: Any, classes: Any = None, *, sample_weight: Any = None, target: Any = None
    ) -> Self:
        """Learn from one batch of rows more: one pass over them, in minibatches, at a constant learning rate.

        The first call fixes scaling, loss and classes, unless `fit` came before.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels of any one kind (whole numbers, strings, booleans), or one-hot rows. None, NaN and a one-hot row of zeros stand for
            no label.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed at the first call, unless its rows have them all.
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
        known = None if classes is None else known_classes(classes, self.unlabeled)
        if known is not None and hasattr(self, "_network") and not np.array_equal(known, self.classes_):
            raise ValueError(f"classes must be those of the first call, {self.classes_.tolist()}, got {known.tolist()}")
        _fitting.partial_fit(self, X, y, sample_weight, target, known)
        return self

    def predict_proba(self, X: Any) -> np.ndarray:
        """Give the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows in their own units.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float32
            In the order of ``classes_``; each row sums to 1.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the rows do not fit.
        """
        return self._predicted(X)

    def predict(self, X: Any) -> np.ndarray:
        """Give the class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows in their own units.

        Returns
        -------
        ndarray of shape (n_samples,)
            The most probable of ``classes_``.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the rows do not fit.
        """
        probabilities = self._predicted(X)
        return np.asarray(self.classes_[probabilities.argmax(1)])

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:  # type: ignore[override]
        """Give the share of the rows whose class is predicted.

        Parameters
        ----------
        X : {array-like, sparse matrix, dataframe} of shape (n_samples, n_features)
            Rows in their own units.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels as `fit` takes them; rows without one do not count.
        sample_weight : array-like of shape (n_samples,), default=None
            What each row counts.

        Returns
        -------
        float
            Accuracy, in [0, 1]. A class that `fit` did not know is never predicted.

        Raises
        ------
        NotFittedError, ValueError
            If not fitted, or if the rows do not fit, or none of them has a label.
        """
        predicted = self.predict(X)
        labels, present, _ = plain_labels(y, len(predicted), unlabeled=self.unlabeled, known=self.classes_)
        weight = check_weights(sample_weight, len(predicted))
        weight = present if weight is None else weight * present
        if not weight.any():
            raise ValueError("y holds no label to compare with: score needs rows that have one")
        return float(np.average(predicted[present] == labels, weights=weight[present]))

    @property
    def _outputs(self) -> np.ndarray:
        return self.classes_

    def _read_labels(self, y: Any, n: int, outputs: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        return read_classes(y, n, unlabeled=self.unlabeled, known=outputs)

    def _label_numbers(self, y: np.ndarray | None, outputs: np.ndarray | None, weight: np.ndarray | None) -> dict[str, Any]:
        assert y is not None
        assert outputs is not None
        return {"class_weight": class_weights(self.class_weight, outputs, y, weight)}
