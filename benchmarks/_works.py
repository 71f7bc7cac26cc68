"""The networks that are compared, in words that every library's side understands, and the ratios to reach."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import _rows

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Target:
    """The ratio to reach, ours over theirs, at the default precision and in float32.

    Attributes
    ----------
    default : float
        Where the processor multiplies bfloat16; 1 means: be ahead.
    float32 : float or None
        Of the float32 side, and of the default where the processor has no bfloat16. None: the same as `default`.
    """

    default: float
    float32: float | None = None

    def of(self, side: str, bfloat16: bool) -> float:
        """Give the ratio that a side of narrows is to reach on this processor."""
        float32 = self.default if self.float32 is None else self.float32
        return self.default if side == "narrows" and bfloat16 else float32


@dataclass(frozen=True)
class Convolutions:
    """Layers of convolutions instead of dense ones: the textbook's, whose code is the last feature map.

    Attributes
    ----------
    image : tuple of int
        (height, width, channels), that can be halved twice.
    n_rows : int
        How many there are: so many that Keras's epoch takes some ten seconds.
    kernel_size : int
    strided : bool
        Halved and doubled by strides instead of by pooling and upsampling.
    filters : tuple of int
        From the image to the code, mirrored in the decoder.
    """

    image: tuple[int, int, int]
    n_rows: int
    kernel_size: int = 3
    strided: bool = False
    filters: tuple[int, ...] = (32, 16)


@dataclass(frozen=True)
class Work:
    """One autoencoder on one set of rows.

    Attributes
    ----------
    title : str
    source : {"mnist", "table", "images"}
        MNIST in [0, 1] (60,000 x 784, or as many rows as `conv` says), a standardized table (20,000 x 30), or drawn images; all float32.
    hidden : tuple of int
        Widths between the rows and the bottleneck, mirrored in the decoder.
    code : int
        Width of the bottleneck.
    activation : str
        Of every layer but the output, the bottleneck included, so that `MLPRegressor` can have the same network.
    batch : int
    dropout : float
        After every hidden layer.
    batch_normalization : bool
        In every hidden layer, before its activation.
    optimizer : {"adam", "rmsprop"}
        "rmsprop" has momentum 0.01 and decays by 0.9, as in the recipe `dense`.
    learning_rate : float
    conv : Convolutions, default=None
        Instead of `hidden` and `code`.
    targets : dict of str to Target
        By the name of the side to compare with; those are the sides that run by default.
    """

    title: str
    source: Literal["mnist", "table", "images"]
    hidden: tuple[int, ...]
    code: int
    activation: str
    batch: int
    dropout: float = 0.0
    batch_normalization: bool = False
    optimizer: Literal["adam", "rmsprop"] = "adam"
    learning_rate: float = 0.001
    conv: Convolutions | None = None
    targets: dict[str, Target] = field(default_factory=dict)

    @property
    def loss(self) -> str:
        """The loss, "bce" behind a sigmoid for rows in [0, 1], "mse" behind a linear output for the table."""
        return "mse" if self.source == "table" else "bce"

    @property
    def output_activation(self) -> str:
        """The activation that goes with the loss."""
        return "linear" if self.source == "table" else "sigmoid"

    def rows(self, quick: bool = False) -> np.ndarray:
        """Give the rows, float32."""
        if self.source == "table":
            return _rows.table(quick)
        if self.conv is None:
            return _rows.unit(_rows.mnist(quick))
        n = self.conv.n_rows // 10 if quick else self.conv.n_rows
        return _rows.unit(_rows.mnist()[:n]) if self.source == "mnist" else _rows.images(n, self.conv.image)

    def widths(self, n_features: int) -> list[int]:
        """Give the width of every layer, rows and reconstruction included."""
        return [n_features, *self.hidden, self.code, *reversed(self.hidden), n_features]


ALL = {
    "textbook": Work(
        "MNIST, 784-500-300-100-2 (tanh, RMSprop), batch 128",
        "mnist", (500, 300, 100), 2, "tanh", 128, optimizer="rmsprop", learning_rate=0.002,
        targets={"keras": Target(0.62, 0.92), "torch": Target(0.60, 1.0)},
    ),
    "one-layer-32": Work(
        "MNIST, 784-32-784 (ReLU, Adam), batch 32",
        "mnist", (), 32, "relu", 32,
        targets={"keras": Target(0.80), "torch": Target(0.35), "sklearn": Target(0.50)},
    ),
    "one-layer-128": Work(
        "MNIST, 784-32-784 (ReLU, Adam), batch 128",
        "mnist", (), 32, "relu", 128,
        targets={"keras": Target(0.70), "torch": Target(0.60), "sklearn": Target(0.60)},
    ),
    "table-32": Work(
        "table 20,000 x 30, 30-16-4-16-30 (ReLU, Adam), batch 32",
        "table", (16,), 4, "relu", 32,
        targets={"keras": Target(0.20), "torch": Target(0.12), "sklearn": Target(0.25)},
    ),
    "table-128": Work(
        "table 20,000 x 30, 30-16-4-16-30 (ReLU, Adam), batch 128",
        "table", (16,), 4, "relu", 128,
        targets={"keras": Target(0.20), "torch": Target(0.12), "sklearn": Target(0.25)},
    ),
    "deep-narrow": Work(
        "deep and narrow: table 20,000 x 30, 30-28-24-20-16-12-8-3 (tanh, Adam), batch 64",
        "table", (28, 24, 20, 16, 12, 8), 3, "tanh", 64,
        targets={"keras": Target(1.0)},
    ),
    "wide-shallow": Work(
        "wide and shallow: MNIST, 784-1024-16 (GELU, Adam), batch 256",
        "mnist", (1024,), 16, "gelu", 256,
        targets={"keras": Target(1.0)},
    ),
    "regularized": Work(
        "dropout 0.2 and batch normalization: MNIST, 784-256-64-8 (ReLU, Adam), batch 100",
        "mnist", (256, 64), 8, "relu", 100, dropout=0.2, batch_normalization=True,
        targets={"keras": Target(1.0)},
    ),
    "conv-textbook": Work(
        "convolutions: 12,800 rows of MNIST, 28x28x1-14x14x32-7x7x16 (ReLU, Adam), batch 128",
        "mnist", (), 0, "relu", 128, conv=Convolutions((28, 28, 1), 12_800),
        targets={"keras": Target(0.45), "torch": Target(0.60), "torch-channels-last": Target(0.80)},
    ),
    "conv-color-32": Work(
        "convolutions: 6,400 images of 32x32x3 (ReLU, Adam), batch 128",
        "images", (), 0, "relu", 128, conv=Convolutions((32, 32, 3), 6_400),
        targets={"keras": Target(0.60), "torch": Target(1.0), "torch-channels-last": Target(1.0)},
    ),
    "conv-color-64": Work(
        "convolutions: 1,920 images of 64x64x3 (ReLU, Adam), batch 128",
        "images", (), 0, "relu", 128, conv=Convolutions((64, 64, 3), 1_920),
        targets={"keras": Target(0.60), "torch": Target(1.0), "torch-channels-last": Target(1.0)},
    ),
    "conv-kernel-5": Work(
        "convolutions, kernels of 5x5: 6,400 rows of MNIST (ReLU, Adam), batch 128",
        "mnist", (), 0, "relu", 128, conv=Convolutions((28, 28, 1), 6_400, kernel_size=5),
        targets={"keras": Target(0.60), "torch": Target(1.0), "torch-channels-last": Target(1.0)},
    ),
    "conv-strided": Work(
        "convolutions with strides, transposed ones back: 6,400 rows of MNIST (ReLU, Adam), batch 128",
        "mnist", (), 0, "relu", 128, conv=Convolutions((28, 28, 1), 6_400, strided=True),
        targets={"keras": Target(1.0), "torch": Target(1.0), "torch-channels-last": Target(1.0)},
    ),
}  # fmt: skip
"""Every work by its short name."""
