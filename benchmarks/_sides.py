"""One network in each library, trained for an epoch at a time.

Each side is written as that library's own guide writes it, warms up, and then measures steady epochs in its turns:

* Keras holds one `fit` open and pauses between its epochs;
* PyTorch runs the loop that its tutorials write;
* `MLPRegressor` continues by `warm_start`, with `max_iter` epochs a turn;
* narrows is asked for whole fits of `1 + k` epochs, whose ends it tells to an own `Progress`: the last `k` are steady epochs, and what
  the fit took beside `1 + k` such epochs (checks, a first step alone, copies, diagnostics) is told apart.

A turn takes several epochs where one is short, so that no turn is shorter than a given time.
"""

from __future__ import annotations

import itertools
import math
import re
import time
import warnings
from typing import Any

from _pairs import Turns
from _works import Work


def epochs_for(seconds: float, epoch: float, most: int = 500) -> int:
    """Give how many epochs make a turn of some length."""
    return min(max(math.ceil(seconds / max(epoch, 1e-4)), 1), most)


def keras_model(work: Work, n_features: int) -> Any:
    """Build the network as Keras's guide does, encoder and decoder apart, and compile the whole."""
    import keras

    def mirror(inputs: int, widths: list[int], last: int, activation: str, name: str) -> Any:
        layers: list[Any] = [keras.Input((inputs,))]
        for width in widths:
            layers.append(keras.layers.Dense(width, activation=None if work.batch_normalization else work.activation))
            if work.batch_normalization:
                layers += [keras.layers.BatchNormalization(), keras.layers.Activation(work.activation)]
            if work.dropout:
                layers.append(keras.layers.Dropout(work.dropout))
        return keras.Sequential([*layers, keras.layers.Dense(last, activation=activation)], name=name)

    if work.conv is not None:
        encoder, decoder = _keras_convolutions(work)
    else:
        encoder = mirror(n_features, list(work.hidden), work.code, work.activation, "encoder")
        decoder = mirror(work.code, list(reversed(work.hidden)), n_features, work.output_activation, "decoder")
    model = keras.Sequential([keras.Input(encoder.input_shape[1:]), encoder, decoder])
    model.compile(optimizer=keras_optimizer(work), loss={"bce": "binary_crossentropy", "mse": "mean_squared_error"}[work.loss])
    return model


def _keras_convolutions(work: Work) -> tuple[Any, Any]:
    import keras

    assert work.conv is not None
    conv, layers = work.conv, keras.layers
    options: dict[str, Any] = {"activation": work.activation, "padding": "same"}
    encoder: list[Any] = [keras.Input(conv.image)]
    for filters in conv.filters:
        encoder.append(layers.Conv2D(filters, conv.kernel_size, strides=2 if conv.strided else 1, **options))
        encoder += [] if conv.strided else [layers.MaxPooling2D(2, padding="same")]
    decoder: list[Any] = []
    for filters in reversed(conv.filters):
        if conv.strided:
            decoder.append(layers.Conv2DTranspose(filters, conv.kernel_size, strides=2, **options))
        else:
            decoder += [layers.Conv2D(filters, conv.kernel_size, **options), layers.UpSampling2D(2)]
    decoder.append(layers.Conv2D(conv.image[-1], conv.kernel_size, activation=work.output_activation, padding="same"))
    first = keras.Sequential(encoder, name="encoder")
    return first, keras.Sequential([keras.Input(first.output_shape[1:]), *decoder], name="decoder")


def keras_optimizer(work: Work) -> Any:
    """Give the optimizer of a work as a Keras instance."""
    import keras

    if work.optimizer == "rmsprop":
        return keras.optimizers.RMSprop(work.learning_rate, rho=0.9, momentum=0.01)
    return keras.optimizers.Adam(work.learning_rate)


def keras_side(turns: Turns, work: Work, quick: bool, turn: float) -> None:
    """Train by one Keras `fit` that pauses between its epochs; needs ``KERAS_BACKEND=jax`` in the environment."""
    import keras

    rows = work.rows(quick)
    model = keras_model(work, rows.shape[1])
    rows = rows.reshape(len(rows), *model.input_shape[1:])

    class Clock(keras.callbacks.Callback):  # type: ignore[misc]
        """Two epochs to warm up, then turns of `n` epochs, waiting before each."""

        def __init__(self) -> None:
            super().__init__()
            self.n, self.warm, self.left = 1, list[float](), 0

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            if len(self.warm) >= 2 and not self.left:
                if turns.wait() is None:
                    self.model.stop_training = True
                self.left, self.began = self.n, time.perf_counter()
            elif len(self.warm) < 2:
                self.began = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            seconds = time.perf_counter() - self.began
            if self.left:
                self.left -= 1
                if not self.left and not self.model.stop_training:
                    turns.report({"epoch": seconds / self.n, "fit": None})
                return
            self.warm.append(seconds)
            if len(self.warm) == 1:
                self.loss = float(logs["loss"])
            else:
                self.n = epochs_for(turn, seconds)
                turns.ready(
                    settings=f"keras.Sequential on {keras.backend.backend()}, compile({_words(model.optimizer)}, {model.loss!r}), "
                    f"fit(x, x, batch_size={work.batch}, verbose=0), x float32 {rows.shape}",
                    parameters=sum(math.prod(variable.shape) for variable in model.trainable_variables),
                    first=max(self.warm[0] - seconds, 0.0),
                    loss=self.loss,
                    epochs=self.n,
                )

    model.fit(rows, rows, batch_size=work.batch, epochs=10**6, verbose=0, callbacks=[Clock()])


def _words(optimizer: Any) -> str:
    momentum = getattr(optimizer, "momentum", 0.0)
    return f"{type(optimizer).__name__}({float(optimizer.learning_rate):g}{f', momentum={momentum:g}' if momentum else ''})"


def _torch_dense(work: Work, n_features: int) -> list[Any]:
    from torch import nn

    activations = {"tanh": nn.Tanh, "relu": nn.ReLU, "gelu": nn.GELU, "sigmoid": nn.Sigmoid}
    widths = work.widths(n_features)
    layers: list[Any] = []
    for number, (inputs, outputs) in enumerate(itertools.pairwise(widths), 1):
        layers.append(nn.Linear(inputs, outputs))
        hidden = number not in (len(work.hidden) + 1, len(widths) - 1)
        if hidden and work.batch_normalization:
            layers.append(nn.BatchNorm1d(outputs))
        name = work.output_activation if number == len(widths) - 1 else work.activation
        if name in activations:
            layers.append(activations[name]())
        if hidden and work.dropout:
            layers.append(nn.Dropout(work.dropout))
    return layers


def _torch_convolutions(work: Work) -> list[Any]:
    from torch import nn

    assert work.conv is not None
    conv, layers = work.conv, list[Any]()
    size, padding, inputs = conv.kernel_size, conv.kernel_size // 2, conv.image[-1]
    for filters in conv.filters:
        layers += [nn.Conv2d(inputs, filters, size, stride=2 if conv.strided else 1, padding=padding), nn.ReLU()]
        layers += [] if conv.strided else [nn.MaxPool2d(2)]
        inputs = filters
    for filters in reversed(conv.filters):
        if conv.strided:
            layers += [nn.ConvTranspose2d(inputs, filters, size, stride=2, padding=padding, output_padding=1), nn.ReLU()]
        else:
            layers += [nn.Conv2d(inputs, filters, size, padding=padding), nn.ReLU(), nn.Upsample(scale_factor=2)]
        inputs = filters
    return [*layers, nn.Conv2d(inputs, conv.image[-1], size, padding=padding), nn.Sigmoid()]


def torch_side(turns: Turns, work: Work, quick: bool, turn: float, channels_last: bool = False) -> None:
    """Train as PyTorch's tutorials do: a `DataLoader`, an `nn.Sequential`, and the loop by hand; images with channels last on request."""
    import torch
    from torch import nn
    from torch.utils.data import DataLoader, TensorDataset

    torch.set_num_threads(2)
    torch.manual_seed(0)
    rows = work.rows(quick)
    if work.conv is None:
        model, order = nn.Sequential(*_torch_dense(work, rows.shape[1])), None
    else:
        rows = rows.reshape(len(rows), *work.conv.image).transpose(0, 3, 1, 2).copy()
        model, order = nn.Sequential(*_torch_convolutions(work)), torch.channels_last if channels_last else None
    if order is not None:
        model = model.to(memory_format=order)
    criterion = nn.BCELoss() if work.loss == "bce" else nn.MSELoss()
    if work.optimizer == "rmsprop":
        optimizer: Any = torch.optim.RMSprop(model.parameters(), lr=work.learning_rate, alpha=0.9, momentum=0.01)
    else:
        optimizer = torch.optim.Adam(model.parameters(), lr=work.learning_rate)
    loader = DataLoader(TensorDataset(torch.from_numpy(rows)), batch_size=work.batch, shuffle=True)

    def epoch() -> float:
        model.train()
        running = 0.0
        for (inputs,) in loader:
            inputs = inputs if order is None else inputs.to(memory_format=order)
            optimizer.zero_grad()
            outputs = model(inputs)
            loss = criterion(outputs, inputs)
            loss.backward()
            optimizer.step()
            running += loss.item()
        return running / len(loader)

    first, loss = _timed(epoch)
    second, _ = _timed(epoch)
    count = epochs_for(turn, second)
    turns.ready(
        settings=f"nn.Sequential, {type(criterion).__name__}, torch.optim.{type(optimizer).__name__}(lr={work.learning_rate:g}"
        f"{', momentum=0.01' if work.optimizer == 'rmsprop' else ''}), "
        f"DataLoader(TensorDataset(x), batch_size={work.batch}, shuffle=True), zero_grad, backward, step; "
        f"torch.set_num_threads({torch.get_num_threads()}){', model and batches channels_last' if channels_last else ''}",
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        first=max(first - second, 0.0),
        loss=loss,
        epochs=count,
    )
    while turns.wait() is not None:
        seconds, _ = _timed(lambda: [epoch() for _ in range(count)])
        turns.report({"epoch": seconds / count, "fit": None})


def sklearn_side(turns: Turns, work: Work, quick: bool, turn: float) -> None:
    """Train scikit-learn's `MLPRegressor` on its own rows: the same widths, squared loss, no activation of the output."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor

    warnings.simplefilter("ignore", ConvergenceWarning)
    rows = work.rows(quick)
    widths = work.widths(rows.shape[1])[1:-1]
    model = MLPRegressor(
        hidden_layer_sizes=widths, activation=work.activation, batch_size=work.batch, learning_rate_init=work.learning_rate, max_iter=1,
        alpha=0.0, tol=0.0, n_iter_no_change=10**9, warm_start=True, random_state=0,
    )  # fmt: skip
    first, _ = _timed(lambda: model.fit(rows, rows))
    loss = model.loss_curve_[0]
    second, _ = _timed(lambda: model.fit(rows, rows))
    count = epochs_for(turn, second)
    turns.ready(
        settings=f"MLPRegressor({widths}, activation={work.activation!r}, solver='adam', batch_size={work.batch}, max_iter={count}, "
        "warm_start=True, alpha=0), squared error, linear output",
        parameters=sum(part.size for part in [*model.coefs_, *model.intercepts_]),
        first=max(first - second, 0.0),
        loss=loss,
        epochs=count,
    )
    model.set_params(max_iter=count)
    while turns.wait() is not None:
        before = model.t_
        seconds, _ = _timed(lambda: model.fit(rows, rows))
        done = (model.t_ - before) / len(rows)
        if done != count:
            raise RuntimeError(f"MLPRegressor ran {done:g} epochs instead of {count}")
        turns.report({"epoch": seconds / count, "fit": None})


def narrows_autoencoder(work: Work, epochs: int, precision: str = "auto", verbose: Any = 0) -> Any:
    """Give the estimator of a work, unfitted: its own default in everything that the work does not name."""
    import narrows

    if work.conv is None:
        dense = {"dropout": work.dropout, "batch_normalization": work.batch_normalization}
        code, layers = (work.code, work.activation), narrows.Dense(*work.hidden, activation=work.activation, **dense)
    else:
        shape = {"kernel_size": work.conv.kernel_size, "image_shape": work.conv.image, "strided": work.conv.strided}
        code, layers = (None, "linear"), narrows.Conv(*work.conv.filters, activation=work.activation, **shape)
    return narrows.Autoencoder(
        code[0],
        layers=layers,
        code_activation=code[1],
        output_activation=work.output_activation,
        loss=work.loss,
        scale=None,
        optimizer=keras_optimizer(work) if work.optimizer == "rmsprop" else work.optimizer,
        learning_rate=work.learning_rate,
        schedule="constant",
        batch_size=work.batch,
        epochs=epochs,
        early_stopping=False,
        precision=precision,
        verbose=verbose,
        random_state=0,
    )  # fmt: skip


class EpochClock:
    """Progress that shows nothing and notes when each epoch ended."""

    def __init__(self, epochs: int) -> None:
        self._epochs, self.ends = epochs, list[float]()

    def begin(self, name: str, total: float, unit: str = "") -> None:
        """Begin to count."""
        self._total = total

    def advance(self, done: float, text: str = "") -> None:
        """Note the time if this is the end of an epoch, not of some steps of it."""
        epochs = done / self._total * self._epochs
        if abs(epochs - (len(self.ends) + 1)) < 1e-6:
            self.ends.append(time.perf_counter())

    def end(self, text: str = "") -> None:
        """Do nothing."""

    @property
    def steady(self) -> float:
        """Seconds an epoch from the end of the first to the end of the last."""
        if len(self.ends) != self._epochs:
            raise RuntimeError(f"{len(self.ends)} ends of epochs were seen, of {self._epochs}")
        return (self.ends[-1] - self.ends[0]) / (self._epochs - 1)


def narrows_side(turns: Turns, work: Work, quick: bool, turn: float, precision: str) -> None:
    """Train by whole fits of `1 + k` epochs, all programs compiled before, and time the last `k`."""
    import keras  # noqa: F401  Its import is not part of the first fit.

    rows = work.rows(quick)

    def fit(epochs: int) -> tuple[float, float, Any]:
        clock = EpochClock(epochs)
        estimator = narrows_autoencoder(work, epochs, precision, clock)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # A network after one epoch may well be judged as collapsed.
            seconds, _ = _timed(lambda: estimator.fit(rows))
        return clock.steady, seconds, estimator

    epoch, first, estimator = fit(2)
    epoch, second, _ = fit(2)
    count = epochs_for(turn, epoch)
    turns.ready(
        settings=f"{_plain(work, precision)}, rows float32 {rows.shape}; computed in {estimator.precision_}",
        parameters=estimator.n_parameters_,
        first=max(first - second, 0.0),
        loss=estimator.history_["loss"][0],
        validated="val_loss" in estimator.history_,
        epochs=count,
    )
    while turns.wait() is not None:
        epoch, seconds, _ = fit(1 + count)
        turns.report({"epoch": epoch, "fit": seconds - (1 + count) * epoch})


def _plain(work: Work, precision: str) -> str:
    """Describe the estimator in one line, its optimizer in words."""
    estimator = narrows_autoencoder(work, 1, precision)
    optimizer = "" if isinstance(estimator.optimizer, str) else _words(estimator.optimizer)
    return re.sub(r"<keras[^>]*>", optimizer, " ".join(repr(estimator).split())).replace("epochs=1, ", "")


def _timed(work: Any) -> tuple[float, Any]:
    began = time.perf_counter()
    result = work()
    return time.perf_counter() - began, result
