"""Convolutional layers: the filters and choices of a mirrored pair of convolutional networks for images that come as flat rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from narrows.networks.choices import Choices, check_flags, check_numbers, check_sizes
from narrows.networks.plan import (
    Activation,
    ActivationLayer,
    AffinePath,
    BatchNormalizationLayer,
    ConvLayer,
    CroppingLayer,
    DenseLayer,
    DropoutLayer,
    FlattenLayer,
    Initializer,
    Layer,
    LinearPath,
    MaxPoolingLayer,
    Plan,
    ReshapeLayer,
    TransposedConvLayer,
    UpsamplingLayer,
    by,
)

Image = tuple[int, int, int]  # height, width, channels


class Conv(Choices):
    """Convolutional layers for images: an encoder that halves them at each layer, and its mirror image as decoder.

    Each layer of the encoder is a convolution and a max pooling by 2, each of the decoder a convolution and an upsampling by 2, which is
    cropped where the encoder had an odd size to halve; a last convolution gives the channels of the image. Between the two stands a dense
    bottleneck, with the layers of `dense` on either side. With ``n_components=None`` there is nothing between them: the last feature map of
    the encoder is the code.

    Parameters
    ----------
    *filters : int
        Channels of the layers from the image to the bottleneck, each at least 1, one number or more.
    kernel_size : int, default=3
        Pixels on a side of every kernel, at least 1 and at most those of the image.
    activation : str or callable, default="gelu"
        Activation of every hidden layer: a Keras name, or a function of your own (which trains, but cannot be saved).
    image_shape : tuple of int or None, default=None
        (height, width, channels), or (height, width) for one channel, of the image that each row is, channels last. Not needed where
        images come as they are, as arrays of shape (n, height, width) or (n, height, width, channels).
    dense : tuple of int, default=()
        Units of dense layers between the last feature map and the bottleneck, each at least 1; the decoder mirrors them. A short code is
        found far better through one: ``dense=(128,)``.
    strided : bool, default=False
        Whether images are halved by convolutions with strides of 2, and doubled by transposed ones, instead of by pooling and upsampling.
    batch_normalization : bool, default=False
        Whether every hidden layer is normalized over the batch and the pixels, channel by channel, before its activation.
    dropout : float, default=0.0
        Share of every hidden layer's values that is dropped in training, in [0, 1).
    l1, l2 : float, default=0.0
        Strength of the penalty on the absolute and on the squared weights of every kernel, at least 0; added to the loss.
    kernel_initializer : str or callable, default="he_normal"
        How kernels start: a Keras name, or an initializer instance.
    bias_initializer : str or callable, default="spread"
        How the biases of the hidden layers start: "spread" draws them evenly from ±1 / √(values that come in), a Keras name, or an
        initializer instance.
    code_gain : float, default=3.0
        How many times larger than drawn the kernel of a linear code starts, at least 0. Without effect on codes with an activation, where
        a linear path runs beside, and with ``n_components=None``.
    mean_bias : bool, default=True
        Whether the output starts at the mean of each channel (its last bias) instead of at zero.

    Raises
    ------
    TypeError, ValueError
        If a number is not in its range, or the shape is none.

    See Also
    --------
    Dense : Fully connected layers.

    Notes
    -----
    Objects of this class are frozen: equal when their choices are, and safe to share. A search reaches inside by
    ``layers__kernel_size``, ``layers__filters`` and so on.

    Examples
    --------
    >>> from narrows import Conv
    >>> Conv(32, 16, activation="relu", image_shape=(28, 28))
    Conv(32, 16, activation='relu', image_shape=(28, 28, 1))
    """

    def __init__(
        self,
        *filters: int,
        kernel_size: int = 3,
        activation: Activation = "gelu",
        image_shape: Sequence[int] | None = None,
        dense: Sequence[int] = (),
        strided: bool = False,
        batch_normalization: bool = False,
        dropout: float = 0.0,
        l1: float = 0.0,
        l2: float = 0.0,
        kernel_initializer: Initializer = "he_normal",
        bias_initializer: Initializer = "spread",
        code_gain: float = 3.0,
        mean_bias: bool = True,
    ) -> None:
        if not filters:
            raise ValueError("Conv needs the filters of one layer at least, such as Conv(32, 16), and got none")
        check_sizes("filters of Conv", *filters)
        check_sizes("kernel_size of Conv", kernel_size)
        dense = _widths(dense)
        check_flags("Conv", strided=strided, batch_normalization=batch_normalization, mean_bias=mean_bias)
        check_numbers("Conv", dropout=(dropout, 1.0), l1=(l1, math.inf), l2=(l2, math.inf), code_gain=(code_gain, math.inf))
        self._choose(
            filters=tuple(int(number) for number in filters),
            kernel_size=int(kernel_size),
            activation=activation,
            image_shape=None if image_shape is None else _image_shape(image_shape),
            dense=dense,
            strided=bool(strided),
            batch_normalization=bool(batch_normalization),
            dropout=dropout,
            l1=l1,
            l2=l2,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            code_gain=code_gain,
            mean_bias=bool(mean_bias),
        )

    @classmethod
    def _from_choices(cls, choices: dict[str, Any]) -> Conv:
        choices = dict(choices)
        filters = choices.pop("filters")
        return cls(*(filters if isinstance(filters, tuple | list) else (filters,)), **choices)

    def plan(
        self,
        n_features: int,
        n_components: int | None,
        *,
        code_activation: Activation,
        output_activation: Activation,
        linear_path: bool = False,
        image_shape: Image | None = None,
    ) -> Plan:
        """Give the plan of these layers.

        Parameters
        ----------
        n_features : int
            Values in a row.
        n_components : int or None
            Values in a code; None for the last feature map of the encoder as the code.
        code_activation, output_activation : str or callable
            Of the bottleneck and of the reconstruction.
        linear_path : bool, default=False
            Whether a linear path runs beside the layers of each side; the last of them then start at zero. Off without a bottleneck.
        image_shape : tuple of int or None, default=None
            (height, width, channels) of the images, where these layers do not say it themselves.

        Returns
        -------
        Plan

        Raises
        ------
        ValueError
            If nobody says the shape of the images, or it does not fit the rows, the kernels or the number of layers; or if there are
            dense layers, and no bottleneck for them to lead to.
        """
        if self.dense and n_components is None:
            raise ValueError(
                f"dense={self.dense} of Conv leads to a bottleneck, and n_components=None has none, its code is the last feature map: "
                "set a number of components, or dense=()"
            )
        image = self._checked(self.image_shape or image_shape, n_features)
        linear_path = linear_path and n_components is not None
        encoder, sizes = self._encoder(image)
        shape = sizes[-1][0], sizes[-1][1], self.filters[-1]
        encoder += self._code(math.prod(shape), n_features, n_components, code_activation, linear_path)
        decoder = self._start(n_components, shape) + self._decoder(shape[-1], sizes)
        started = {**self._weights, "kernel_initializer": "zeros"} if linear_path else self._weights
        output = ConvLayer(name="output", inputs=self.filters[0], units=image[-1], kernel_size=self.kernel_size, **started)
        decoder += [output, FlattenLayer(name="output_flat")]
        if linear_path:
            assert n_components is not None
            decoder.append(AffinePath(name="output_path", inputs=n_components, units=n_features))
        return Plan(
            n_features=n_features,
            n_components=math.prod(shape) if n_components is None else n_components,
            encoder=tuple(encoder),
            decoder=tuple(decoder),
            output_activation=output_activation,
            mean_bias=self.mean_bias,
        )

    @property
    def _weights(self) -> dict[str, Any]:
        return {name: self._values[name] for name in ("kernel_initializer", "l1", "l2")}

    def _checked(self, image: Image | None, n_features: int) -> Image:
        """Refuse a shape of images that these layers or the rows do not fit."""
        if image is None:
            raise ValueError(
                f"Conv does not know which images these rows of {n_features} features are: give the images as an array of shape "
                f"(n, height, width) or (n, height, width, channels), or say Conv(..., image_shape=(height, width, channels))"
            )
        if math.prod(image) != n_features:
            raise ValueError(
                f"image_shape={image} is {math.prod(image):,} numbers, but the rows have {n_features:,} features: "
                f"say the (height, width, channels) of the image that each row is"
            )
        least = min(image[:2])
        if self.kernel_size > least:
            raise ValueError(f"kernel_size={self.kernel_size} is larger than the images of {by(image[:2])}: make it {least} or less")
        times, most = len(self.filters), (least - 1).bit_length()
        if times > most:
            raise ValueError(
                f"Conv{self.filters} halves images {times} times, and those of {by(image[:2])} can be halved {most} times: "
                f"use fewer filters"
            )
        return image

    def _encoder(self, image: Image) -> tuple[list[Layer], list[tuple[int, int]]]:
        """Give the layers up to the last feature map, and the height and width of the image and of what each layer gives."""
        layers: list[Layer] = [ReshapeLayer(name="encoder_image", shape=image)]
        sizes, inputs = [(image[0], image[1])], image[-1]
        for number, units in enumerate(self.filters, 1):
            name, strides = f"encoder_{number}", 2 if self.strided else 1
            layers += self._hidden(ConvLayer, name, inputs, units, kernel_size=self.kernel_size, strides=strides)
            if not self.strided:
                layers.append(MaxPoolingLayer(name=f"{name}_pooling"))
            sizes.append((-(-sizes[-1][0] // 2), -(-sizes[-1][1] // 2)))
            inputs = units
        return layers, sizes

    def _code(self, width: int, n_features: int, n_components: int | None, activation: Activation, linear_path: bool) -> list[Layer]:
        """Give the layers from the last feature map to the code."""
        if n_components is None:
            if activation == "linear":
                return [FlattenLayer(name="code")]
            return [FlattenLayer(name="encoder_flat"), ActivationLayer(name="code", units=width, activation=activation)]
        end: list[Layer] = [FlattenLayer(name="encoder_flat")]
        for number, units in enumerate(self.dense, 1):
            end += self._hidden(DenseLayer, f"encoder_dense_{number}", width, units)
            width = units
        dense = {"inputs": width, "units": n_components, **self._weights}
        if not linear_path:
            gain = self.code_gain if activation == "linear" else 1.0
            return [*end, DenseLayer(name="code", activation=activation, kernel_gain=gain, **dense)]
        end += [
            DenseLayer(name="code", **{**dense, "kernel_initializer": "zeros"}),
            LinearPath(name="code_path", inputs=n_features, units=n_components),
        ]
        return end if activation == "linear" else [*end, ActivationLayer(name="code_activation", units=n_components, activation=activation)]

    def _start(self, n_components: int | None, shape: Image) -> list[Layer]:
        """Give the layers from the code to the decoder's first feature map."""
        image = ReshapeLayer(name="decoder_image", shape=shape)
        if n_components is None:
            return [image]
        layers: list[Layer] = []
        inputs = n_components
        for number, units in enumerate(self.dense[::-1], 1):
            layers += self._hidden(DenseLayer, f"decoder_dense_{number}", inputs, units)
            inputs = units
        dense, *rest = self._hidden(DenseLayer, "decoder_dense", inputs, math.prod(shape), channels=shape[-1])
        return [*layers, dense, image, *rest]

    def _decoder(self, inputs: int, sizes: list[tuple[int, int]]) -> list[Layer]:
        """Give the layers from the first feature map to one of the image's own size."""
        layers: list[Layer] = []
        for number, units in enumerate(self.filters[::-1], 1):
            name, (small, large) = f"decoder_{number}", (sizes[-number], sizes[-number - 1])
            if self.strided:
                layers += self._hidden(TransposedConvLayer, name, inputs, units, kernel_size=self.kernel_size, strides=2)
            else:
                layers += self._hidden(ConvLayer, name, inputs, units, kernel_size=self.kernel_size)
                layers.append(UpsamplingLayer(name=f"{name}_upsampling"))
            rows, columns = (2 * small[axis] - large[axis] for axis in (0, 1))
            if rows or columns:
                layers.append(CroppingLayer(name=f"{name}_cropping", rows=rows, columns=columns))
            inputs = units
        return layers

    def _hidden(self, make: Any, name: str, inputs: int, units: int, *, channels: int | None = None, **options: Any) -> list[Layer]:
        """Give a layer with what follows it: what is normalized and dropped are channels, `units` unless they are others."""
        channels = channels or units
        own = {"name": name, "inputs": inputs, "units": units, "bias_initializer": self.bias_initializer, **self._weights, **options}
        out: list[Layer] = [make(activation="linear" if self.batch_normalization else self.activation, **own)]
        if self.batch_normalization:
            out.append(BatchNormalizationLayer(name=f"{name}_normalization", units=channels))
            out.append(ActivationLayer(name=f"{name}_activation", units=channels, activation=self.activation))
        if self.dropout:
            out.append(DropoutLayer(name=f"{name}_dropout", units=channels, rate=self.dropout))
        return out


def _widths(given: Any) -> tuple[int, ...]:
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ValueError(f"dense of Conv must be a tuple of whole numbers of at least 1, such as (128,), or () for none, got {given!r}")
    if given:
        check_sizes("dense of Conv", *given)
    return tuple(int(width) for width in given)


def _image_shape(given: Any) -> Image:
    sizes = tuple(given) if isinstance(given, Sequence) and not isinstance(given, str) else ()
    if len(sizes) not in (2, 3):
        raise ValueError(f"image_shape of Conv must be (height, width, channels), whole numbers of at least 1, or None, got {given!r}")
    check_sizes("image_shape of Conv", *sizes)
    height, width, channels = (int(size) for size in (*sizes, 1)[:3])
    return height, width, channels
