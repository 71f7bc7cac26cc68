"""Dense layers: the widths and choices of a mirrored pair of fully connected networks."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, Literal

from narrows.networks.choices import Choices
from narrows.networks.plan import (
    Activation,
    ActivationLayer,
    BatchNormalizationLayer,
    DenseLayer,
    DropoutLayer,
    Head,
    Initializer,
    Layer,
    LinearPath,
    Plan,
)


class Dense(Choices):
    """Fully connected layers: an encoder of the given widths, and its mirror image as decoder.

    Parameters
    ----------
    *widths : int
        Units of the hidden layers from the rows to the bottleneck, each at least 1. None at all gives a network
        without hidden layers.
    activation : str or callable, default="gelu"
        Activation of every hidden layer: a Keras name, or a function of your own (which trains, but cannot be saved).
    dropout : float, default=0.0
        Share of every hidden layer's values that is dropped in training, in [0, 1).
    batch_normalization : bool, default=False
        Whether every hidden layer is normalized over the batch, before its activation.
    l1, l2 : float, default=0.0
        Strength of the penalty on the absolute and on the squared weights of every kernel, at least 0; added to the loss.
    tied : bool, default=False
        Whether each decoder kernel is the transpose of its encoder twin.
    kernel_initializer : str or callable, default="he_normal"
        How kernels start: a Keras name, or an initializer instance.
    bias_initializer : str or callable, default="spread"
        How the biases of the hidden layers start: "spread" draws them evenly from ±1 / √(values that come in), a Keras name, or an
        initializer instance. Without any spread, all units of the first decoder layer bend at the origin of the code.
    code_gain : float, default=3.0
        How many times larger than drawn the kernel of a linear code starts, at least 0: codes that start far apart find their places
        sooner. Without effect on codes with an activation, on tied kernels, without hidden layers, and where a linear path runs beside.
    mean_bias : bool, default=True
        Whether the output starts at the mean row (its last bias) instead of at zero.

    Raises
    ------
    TypeError, ValueError
        If a width or a strength is not a number in its range.

    Notes
    -----
    Objects of this class are frozen: equal when their choices are, and safe to share. A search reaches inside by
    ``layers__activation``, ``layers__widths`` and so on.

    Examples
    --------
    >>> from narrows import Dense
    >>> Dense(500, 300, 100, activation="tanh")
    Dense(500, 300, 100, activation='tanh')
    """

    def __init__(
        self,
        *widths: int,
        activation: Activation = "gelu",
        dropout: float = 0.0,
        batch_normalization: bool = False,
        l1: float = 0.0,
        l2: float = 0.0,
        tied: bool = False,
        kernel_initializer: Initializer = "he_normal",
        bias_initializer: Initializer = "spread",
        code_gain: float = 3.0,
        mean_bias: bool = True,
    ) -> None:
        for width in widths:
            if not isinstance(width, Integral) or isinstance(width, bool) or width < 1:
                raise ValueError(f"widths of Dense must be whole numbers of at least 1, got {width!r} in {widths!r}")
        numbers = (
            ("dropout", dropout, 1.0),
            *((name, value, float("inf")) for name, value in (("l1", l1), ("l2", l2), ("code_gain", code_gain))),
        )
        for name, value, end in numbers:
            if not isinstance(value, Real) or not 0 <= value < end:
                raise ValueError(f"{name} of Dense must be a number in [0, {end}), got {value!r}")
        self._choose(
            widths=tuple(int(width) for width in widths),
            activation=activation,
            dropout=dropout,
            batch_normalization=batch_normalization,
            l1=l1,
            l2=l2,
            tied=tied,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            code_gain=code_gain,
            mean_bias=mean_bias,
        )

    @classmethod
    def _from_choices(cls, choices: dict[str, Any]) -> Dense:
        choices = dict(choices)
        return cls(*choices.pop("widths"), **choices)

    def plan(
        self, n_features: int, n_components: int, *, code_activation: Activation, output_activation: Activation, linear_path: bool = False
    ) -> Plan:
        """Give the plan of these layers.

        Parameters
        ----------
        n_features : int
            Values in a row.
        n_components : int
            Values in a code.
        code_activation, output_activation : str or callable
            Of the bottleneck and of the reconstruction.
        linear_path : bool, default=False
            Whether a linear path runs beside the layers of each side; the last of them then start at zero.

        Returns
        -------
        Plan
        """
        choices = self.get_params()
        widths: Sequence[int] = choices["widths"]
        dense = self._kernels
        # Tied kernels that do not end in zeros: the decoder of a network with a linear path is silent at first only without biases.
        bias = "zeros" if linear_path and choices["tied"] else choices["bias_initializer"]
        encoder, width = self._block("encoder", n_features, widths, bias)
        gain = choices["code_gain"] if widths and code_activation == "linear" and not choices["tied"] else 1.0
        encoder += _end("code", width, n_features, n_components, code_activation, linear_path, {**dense, "kernel_gain": gain})
        twins = ["code", *(f"encoder_{number}" for number in range(len(widths), 1, -1))]
        decoder, width = self._block("decoder", n_components, widths[::-1], bias, twins if choices["tied"] else ())
        last = ("encoder_1" if widths else "code") if choices["tied"] else None
        decoder += _end("output", width, n_components, n_features, "linear", linear_path, {**dense, "tied_to": last})
        return Plan(
            n_features=n_features,
            n_components=n_components,
            encoder=tuple(encoder),
            decoder=tuple(decoder),
            output_activation=output_activation,
            mean_bias=choices["mean_bias"],
        )

    def head(self, n_components: int, n_outputs: int, activation: Literal["softmax", "linear"]) -> Head:
        """Give these layers as a head, which predicts labels from codes.

        `tied`, `code_gain` and `mean_bias` have no meaning there.

        Parameters
        ----------
        n_components : int
            Values in a code.
        n_outputs : int
            Classes, or numbers to predict.
        activation : {"softmax", "linear"}
            Of what it predicts.

        Returns
        -------
        Head
        """
        layers, width = self._block("head", n_components, self.widths, self.bias_initializer)
        layers.append(DenseLayer(name="head_output", inputs=width, units=n_outputs, **self._kernels))
        return Head(n_components=n_components, n_outputs=n_outputs, layers=tuple(layers), activation=activation)

    @property
    def _kernels(self) -> dict[str, Any]:
        return {key: getattr(self, key) for key in ("kernel_initializer", "l1", "l2")}

    def _block(
        self, side: str, inputs: int, widths: Sequence[int], bias_initializer: Initializer, twins: Sequence[str] = ()
    ) -> tuple[list[Layer], int]:
        """Give the hidden layers of a side, and how many values the last of them gives."""
        out: list[Layer] = []
        for number, units in enumerate(widths, 1):
            name, twin = f"{side}_{number}", twins[number - 1] if twins else None
            activation = "linear" if self.batch_normalization else self.activation
            started = {**self._kernels, "bias_initializer": bias_initializer}
            out.append(DenseLayer(name=name, inputs=inputs, units=units, activation=activation, tied_to=twin, **started))
            if self.batch_normalization:
                out.append(BatchNormalizationLayer(name=f"{name}_normalization", units=units))
                out.append(ActivationLayer(name=f"{name}_activation", units=units, activation=self.activation))
            if self.dropout:
                out.append(DropoutLayer(name=f"{name}_dropout", units=units, rate=self.dropout))
            inputs = units
        return out, inputs


def _end(name: str, width: int, inputs: int, units: int, activation: Activation, linear_path: bool, choices: dict[str, Any]) -> list[Layer]:
    """Give the last layers of a side, from `width` values to `units`; `inputs` is what the side takes in."""
    if not linear_path:
        return [DenseLayer(name=name, inputs=width, units=units, activation=activation, **choices)]
    started = {**choices, "kernel_initializer": "zeros"}
    end: list[Layer] = [DenseLayer(name=name, inputs=width, units=units, **started)]
    end.append(LinearPath(name=f"{name}_path", inputs=inputs, units=units))
    return end if activation == "linear" else [*end, ActivationLayer(name=f"{name}_activation", units=units, activation=activation)]
