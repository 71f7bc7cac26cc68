"""Autoencoder: rows to codes and back, without labels."""

from __future__ import annotations

from typing import Any

from narrows.estimators._base import BaseAutoencoder
from narrows.networks import Conv, Dense, Plan

# Measured by benchmarks/defaults.py.
WIDTHS = (500, 300, 100)
FEW_ROWS, FEW_WIDTHS = 1000, (100,)  # with fewer rows, wide layers learn the rows by heart before they learn what they share
LONG_CODE = 6  # components: dense layers find a shorter code of images better without the turns that PCA would give it


class Autoencoder(BaseAutoencoder):
    r"""An autoencoder as a scikit-learn transformer.

    A network squeezes each row through a bottleneck of `n_components` numbers, its code, and learns to rebuild
    the row from them [1]_. Rows are scaled inside the model; all inputs and outputs are in the rows' own units.

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
    history_ : dict of str to list of float
        Per epoch: "loss" and "reconstruction_loss", "val_loss" and "val_reconstruction_loss" where there are validation
        rows, "neighbor_loss" and "val_neighbor_loss" with `neighbor_weight`, "learning_rate" of the last step.
    n_epochs_, best_epoch_ : int
        Epochs done, and the one, counted from 1, that the weights come from.
    loss_, output_activation_, scale_, precision_ : str
        What was chosen; `scale_` is "none", "bytes" (division by 255), "minmax" or "standard".
    encoder_, decoder_, autoencoder_ : keras.Model
        The network in the rows' own units. Weights set there are the estimator's.
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
    sklearn.decomposition.PCA : The best linear code; enough where diagnostics say so.

    Notes
    -----
    Training minimizes the mean over rows, by weight, of

    .. math:: \ell(x, \hat x) + \lambda_1 \lVert z \rVert_1 + \lambda_2 \lVert z \rVert_2^2

    plus the layers' own penalties, and `neighbor_weight` times what neighbors cost, where :math:`z` is the code, :math:`\hat x` the
    reconstruction of the scaled row :math:`x`, and :math:`\ell` the loss, a mean over features. With rows i and j neighbors and
    :math:`q_{ij} = 1 / (1 + \lVert z_i - z_j \rVert^2)`, neighbors cost :math:`-\log (q_{ij} / \sum_{k \neq i} q_{ik})`, the sum over
    the other rows of the batch [3]_.

    Codes of two numbers have no neighbors by default: on MNIST they lift the 1-NN accuracy of test rows from 0.82 to 0.94 and leave their
    squared error about as it is (0.033), but passes take twice as long, the search for neighbors grows with the square of the rows,
    and all rows must be at hand.

    References
    ----------
    .. [1] Hinton, G. E., & Salakhutdinov, R. R. (2006). Reducing the dimensionality of data with neural networks.
       Science, 313(5786), 504-507. https://doi.org/10.1126/science.1127647
    .. [2] Vincent, P., Larochelle, H., Bengio, Y., & Manzagol, P.-A. (2008). Extracting and composing robust features with denoising
       autoencoders. ICML. https://doi.org/10.1145/1390156.1390294
    .. [3] Damrich, S., Böhm, J. N., Hamprecht, F. A., & Kobak, D. (2023). From t-SNE to UMAP with contrastive learning. ICLR.
       https://doi.org/10.48550/arXiv.2206.01816

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from narrows import Autoencoder
    >>> rows = load_digits().data / 16
    >>> codes = Autoencoder(n_components=2, layers=(64,), epochs=2, random_state=0).fit_transform(rows)
    >>> codes.shape
    (1797, 2)
    """

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
        self.n_components = n_components
        self.layers = layers
        self.code_activation = code_activation
        self.code_l1 = code_l1
        self.code_l2 = code_l2
        self.linear_path = linear_path
        self.noise = noise
        self.neighbor_weight = neighbor_weight
        self.n_neighbors = n_neighbors
        self.output_activation = output_activation
        self.loss = loss
        self.scale = scale
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

    def _make_plan(self, n_features: int, n_rows: int | None, output_activation: Any) -> Plan | None:
        layers = default_widths(n_rows) if isinstance(self.layers, str) and self.layers == "auto" else self.layers
        if isinstance(layers, Conv):
            return layers.plan(
                n_features,
                None if self.n_components is None else int(self.n_components),
                code_activation=self.code_activation,
                output_activation=output_activation,
                linear_path=self._has_linear_path(output_activation),
                image_shape=getattr(self, "image_shape_", None),
            )
        if self.n_components is None:
            raise ValueError(
                "n_components=None makes the feature map of convolutional layers the code, and these layers have none: "
                "set a number of components, or layers=Conv(...)"
            )
        if isinstance(layers, tuple | list):
            layers = Dense(*layers)
        if isinstance(layers, Dense):
            return layers.plan(
                n_features,
                int(self.n_components),
                code_activation=self.code_activation,
                output_activation=output_activation,
                linear_path=self._has_linear_path(output_activation),
            )
        if not callable(getattr(layers, "build", None)):
            raise TypeError(
                f"layers must be 'auto', a tuple of widths, a Dense(...), a Conv(...), or an object with build(n_features, n_components) "
                f"that returns a Keras encoder and decoder, got {layers!r}"
            )
        return None

    def _has_linear_path(self, output_activation: Any) -> bool:
        if self.n_components is None:
            return False
        if self.linear_path != "auto":
            return bool(self.linear_path)
        long_enough = self.n_components >= LONG_CODE or isinstance(self.layers, Conv)
        return output_activation == "linear" or (output_activation == "sigmoid" and long_enough)


def default_widths(n_rows: int | None) -> tuple[int, ...]:
    """Give the widths that ``layers="auto"`` stands for.

    Parameters
    ----------
    n_rows : int or None
        Rows to learn from; None if nobody knows how many will come.

    Returns
    -------
    tuple of int
    """
    return WIDTHS if n_rows is None or n_rows >= FEW_ROWS else FEW_WIDTHS
