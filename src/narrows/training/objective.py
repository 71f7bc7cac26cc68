"""What training minimizes: a sum of terms, each a pure function that gives a value per row."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from narrows._backend import keras
from narrows.networks.computation import Outputs
from narrows.training.table_terms import ColumnLosses

Numbers = Mapping[str, Any]
FACTORS = 8  # logarithms taken at once
FEW = 4  # numbers in a code
FAR = -1e30  # the logarithm of a similarity that is none, finite so that its derivative is


@dataclass(frozen=True)
class Reconstruction:
    """The reconstruction term: how far a row's reconstruction is from its target.

    Attributes
    ----------
    name : str
        "bce", "mse", or the class or function name of a Keras loss.
    key : hashable
        Equal keys compute the same: a function of the user's is its own key.
    per_row : callable
        From what comes before the output activation, and the target, both (n, n_features), to (n,).
    """

    name: str
    key: Any
    per_row: Callable[[Any, Any], Any]

    def prepared(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Give a batch as the network and this term take it: as it is."""
        return batch

    def sums(self, raw: Any, batch: Mapping[str, Any], numbers: Numbers) -> tuple[Any, Any]:
        """Give the sum over the rows of a batch by weight, and the sum of the weights."""
        import jax.numpy as jnp

        del numbers
        return jnp.sum(batch["weight"] * self.per_row(raw, batch["target"])), jnp.sum(batch["weight"])


@dataclass(frozen=True)
class Objective:
    """The sum of all terms, each a mean over rows by weight.

    Attributes
    ----------
    reconstruction : Reconstruction or ColumnLosses
        The latter where rows are those of a table.
    code_penalty : bool
        Whether codes are penalized, by ``numbers["code_l1"]`` and ``numbers["code_l2"]``.
    penalized : tuple of str
        Names of penalized kernels, by ``numbers["l1"]`` and ``numbers["l2"]``, one strength each.
    labels : {"classes", "numbers"} or None
        What the head predicts: classes, by categorical cross-entropy, or numbers, by squared error. The term counts by
        ``numbers["label_weight"]``.
    neighbors : bool
        Whether the codes of neighboring rows are drawn together, by ``numbers["neighbor_weight"]``.

    With labels or neighbors, the reconstruction counts by ``numbers["reconstruction_weight"]``.
    """

    reconstruction: Reconstruction | ColumnLosses
    code_penalty: bool = False
    penalized: tuple[str, ...] = ()
    labels: Literal["classes", "numbers"] | None = None
    neighbors: bool = False

    @property
    def key(self) -> Any:
        """Equal keys compute the same."""
        return self.reconstruction.key, self.code_penalty, self.penalized, self.labels, self.neighbors

    @property
    def terms(self) -> tuple[str, ...]:
        """Names of what `sums` gives."""
        label = {"classes": ("label", "accuracy"), "numbers": ("label",), None: ()}[self.labels]
        return ("reconstruction", "penalty", *label, *(("neighbor",) if self.neighbors else ()))

    def sums(self, outputs: Outputs, weights: Mapping[str, Any], batch: Mapping[str, Any], numbers: Numbers) -> Any:
        """Give the terms, each summed over the rows by weight, with the sum of these weights.

        Parameters
        ----------
        outputs : Outputs
            Of the batch's rows.
        weights : dict of str to array
        batch : dict of str to array
            `target` (n, n_features), `weight` (n,), and `y` where there are labels: classes (n,), -1 where there is none,
            or numbers (n, n_outputs), NaN where there are none; `pair` (n,), the place in the batch of a neighbor of each row, where
            neighbors are known; `mask` (n, columns), 0 where a cell of a table is missing, whose `target` has this shape too.
        numbers : dict of str to array
            The strengths of the terms.

        Returns
        -------
        array of shape (len(terms), 2)
            Reconstruction; penalties (on the codes, on kernels, of the user's own layers), 0 where there are none; what the labels
            cost, over the rows that have one; the rows whose class is predicted; what neighbors cost, over the rows that have one.
        """
        import jax.numpy as jnp

        weight, codes = batch["weight"], outputs.codes
        total = jnp.sum(weight)
        reconstruction, known = self.reconstruction.sums(outputs.raw, batch, numbers)
        penalty: Any = jnp.float32(0)
        if self.code_penalty:
            strength = numbers["code_l1"] * jnp.abs(codes) + numbers["code_l2"] * jnp.square(codes)
            penalty += jnp.sum(weight * strength.reshape(len(codes), -1).sum(-1))
        for number, name in enumerate(self.penalized):
            kernel = weights[name]
            strength = numbers["l1"][number] * jnp.abs(kernel).sum() + numbers["l2"][number] * jnp.square(kernel).sum()
            penalty += strength * total
        for own in outputs.penalties:
            penalty += own * total
        further: list[tuple[Any, Any]] = []
        if self.labels == "classes":
            further = _classification(outputs.predicted, batch["y"], weight, numbers["class_weight"])
        elif self.labels == "numbers":
            further = _regression(outputs.predicted, batch["y"], weight)
        if self.neighbors and "pair" in batch:
            both = weight * (weight[batch["pair"]] > 0)
            further.append((jnp.sum(both * contrast(codes, batch["pair"], weight)), jnp.sum(both)))
        elif self.neighbors:
            further.append((jnp.float32(0), jnp.float32(0)))
        return jnp.stack([jnp.stack(pair) for pair in [(reconstruction, known), (penalty, total), *further]])

    def loss(self, sums: Any, numbers: Numbers) -> Any:
        """Give the loss of a batch by its sums; a batch whose rows all weigh nothing has none."""
        import jax.numpy as jnp

        means = sums[:, 0] / jnp.where(sums[:, 1] > 0, sums[:, 1], 1.0)
        return self._combined(means, numbers)

    def logs(self, sums: np.ndarray, numbers: Numbers, prefix: str = "") -> dict[str, float]:
        """Give the loss, its terms and what else was measured, by name, of sums of shape (batches, len(terms), 2).

        What no row has a label for is NaN, and counts for nothing in the loss.
        """
        totals = sums.sum(0, dtype=np.float64)
        means = totals[:, 0] / np.maximum(totals[:, 1], 1e-30)
        logs = {"loss": float(self._combined(means, numbers)), "reconstruction_loss": float(means[0])}
        for place, name in enumerate(self.terms[2:], 2):
            logs[name if name == "accuracy" else f"{name}_loss"] = float(means[place]) if totals[place, 1] > 0 else math.nan
        return {f"{prefix}{name}": value for name, value in logs.items()}

    def _combined(self, means: Any, numbers: Numbers) -> Any:
        mean = dict(zip(self.terms, means, strict=True))
        if not self.labels and not self.neighbors:
            return mean["reconstruction"] + mean["penalty"]
        total = numbers["reconstruction_weight"] * mean["reconstruction"] + mean["penalty"]
        for name in ("label", "neighbor"):
            if name in mean:
                total = total + numbers[f"{name}_weight"] * mean[name]
        return total


def _classification(predicted: Any, y: Any, weight: Any, class_weight: Any) -> list[tuple[Any, Any]]:
    """Give cross-entropy and accuracy as sums and weights; rows without a class, -1, count for nothing."""
    import jax
    import jax.numpy as jnp

    known = y >= 0
    weight = jnp.where(known, weight, 0.0)
    y = jnp.where(known, y, 0)
    weighted = weight * class_weight[y]
    chosen = (y[:, None] == jnp.arange(predicted.shape[1])).astype(predicted.dtype)
    entropy = -jnp.sum(chosen * jax.nn.log_softmax(predicted), -1)
    right = (jnp.argmax(predicted, -1) == y).astype(predicted.dtype)
    # By the rows' own weights below the line: a class that weighs twice counts twice.
    return [(jnp.sum(weighted * entropy), jnp.sum(weight)), (jnp.sum(weight * jax.lax.stop_gradient(right)), jnp.sum(weight))]


def _regression(predicted: Any, y: Any, weight: Any) -> list[tuple[Any, Any]]:
    """Give the squared error as a sum and a weight; numbers that are not known, NaN, count for nothing."""
    import jax.numpy as jnp

    known = jnp.isfinite(y)
    cells = jnp.where(known, weight[:, None], 0.0) / y.shape[1]
    return [(jnp.sum(cells * jnp.square(predicted - jnp.where(known, y, 0.0))), jnp.sum(cells))]


def contrast(codes: Any, pair: Any, weight: Any) -> Any:
    r"""Give what the codes of neighbors cost that lie apart, in a crowd of other rows.

    Parameters
    ----------
    codes : array of shape (n, ...)
    pair : array of shape (n,), int
        The place of a neighbor of each row.
    weight : array of shape (n,)
        Rows count by it among the others; those of weight 0 not at all.

    Returns
    -------
    array of shape (n,)
        In nats.

    Notes
    -----
    The contrastive form of t-SNE [1]_: with the kernel :math:`q_{ij} = 1 / (1 + \lVert z_i - z_j \rVert^2)`, a row i whose neighbor is j
    costs :math:`-\log (q_{ij} / \sum_{k \neq i} q_{ik})`, the sum over the other rows of the batch.

    References
    ----------
    .. [1] Damrich, S., Böhm, J. N., Hamprecht, F. A., & Kobak, D. (2023). From t-SNE to UMAP with contrastive learning. ICLR.
       https://doi.org/10.48550/arXiv.2206.01816
    """
    import jax
    import jax.numpy as jnp

    n = len(codes)
    codes = codes.reshape(n, -1)
    similarity = -jnp.log1p(_squared_distances(codes))
    real = weight > 0
    relative = jnp.where(real, weight, 1.0) * jnp.sum(real) / jnp.maximum(jnp.sum(weight), 1e-30)
    others = jnp.where(jnp.eye(n, dtype=bool) | ~real, FAR, similarity + jnp.log(relative))
    near = -jnp.log1p(jnp.sum(jnp.square(codes - codes[pair]), 1))
    return jax.nn.logsumexp(others, 1) - near


def _squared_distances(codes: Any) -> Any:
    """Give all squared distances, (n, n): exactly in few dimensions, where codes are maps; through products in many."""
    import jax.numpy as jnp
    from jax import lax

    if codes.shape[1] <= FEW:
        return sum(jnp.square(column[:, None] - column) for column in codes.T)
    codes = codes - lax.stop_gradient(codes.mean(0))  # products of small numbers lose less
    square = jnp.sum(jnp.square(codes), 1)
    products = lax.dot_general(codes, codes, (((1,), (1,)), ((), ())))
    return jnp.maximum(square[:, None] + square - 2 * products, 0)


def reconstruction(loss: Any, output_activation: Any, apply_output: Callable[[Any], Any]) -> Reconstruction:
    """Find the reconstruction term.

    Parameters
    ----------
    loss : {"mse", "bce"}, str, keras.losses.Loss or callable
        A Keras name or loss, or ``f(target, reconstruction)`` that gives a value per row.
    output_activation : str or callable
        As in the plan; with "sigmoid", the binary cross-entropy is computed from what comes before it.
    apply_output : callable
        That activation as a function.

    Raises
    ------
    ValueError, TypeError
        If the loss is unknown.
    """
    import jax.numpy as jnp

    if loss == "bce" and output_activation == "sigmoid":
        return Reconstruction("bce", "bce_from_logits", cross_entropy())
    if loss == "mse":
        return Reconstruction("mse", "mse", lambda raw, target: row_means(jnp.square(apply_output(raw) - target)))
    losses = keras().losses
    key, made = loss, loss
    name = loss if isinstance(loss, str) else getattr(loss, "__name__", type(loss).__name__)
    if isinstance(loss, str):
        try:
            made = losses.get({"bce": "binary_crossentropy"}.get(loss, loss))
        except ValueError:
            raise ValueError(f"unknown loss {loss!r}: it must be 'auto', 'mse', 'bce', or a Keras loss by name or instance") from None
    if isinstance(made, losses.Loss):
        if type(made).__module__.startswith("keras."):
            # Keras leaves out of the configuration what the loss passes to its function, the delta of Huber for one.
            config = {**made.get_config(), **getattr(made, "_fn_kwargs", {})}
            key = (type(made).__name__, json.dumps(config, sort_keys=True, default=repr))
        call = made.call
    elif callable(made):
        call = made
    else:
        raise TypeError(f"loss must be a name, a Keras loss or a function of (target, reconstruction), got {loss!r}")

    def per_row(raw: Any, target: Any) -> Any:
        value = call(target, apply_output(raw))
        if value.ndim == 0 or value.shape[0] != target.shape[0]:
            raise ValueError(f"loss {name} must give a value per row, shape ({target.shape[0]},), got shape {value.shape}")
        return value.reshape(value.shape[0], -1).mean(-1)

    return Reconstruction(name, key, per_row)


def row_means(values: Any) -> Any:
    """Give the means of the rows of an (n, d) array: as a product with ones, which XLA sums several times faster than by `mean`."""
    import jax.numpy as jnp

    return values @ jnp.ones(values.shape[1], values.dtype) / values.shape[1]


def cross_entropy() -> Callable[[Any, Any], Any]:
    """Give the binary cross-entropy of a sigmoid's input, a mean per row, with its derivative as the textbook has it: sigmoid minus target.

    Returns
    -------
    callable
        From what comes before the sigmoid, and the target, both (n, d), to (n,), in nats.

    Notes
    -----
    With z before the sigmoid and s = exp(-|z|), a cell's value is max(z, 0) - z t + log(1 + s). The logarithm is most of
    the cost of the whole loss: it is taken of products of eight factors, each in [1, 2], instead of each alone.
    """
    import jax
    import jax.numpy as jnp

    def value(raw: Any, target: Any, factors: Any) -> Any:
        width = -(-factors.shape[1] // FACTORS)
        factors = jnp.pad(factors, ((0, 0), (0, width * FACTORS - factors.shape[1])), constant_values=1.0)
        product = math.prod(factors[:, i * width : (i + 1) * width] for i in range(FACTORS))
        linear = jnp.maximum(raw, 0) - raw * target
        return row_means(linear) + row_means(jnp.log(product)) * (width / raw.shape[1])

    @jax.custom_vjp
    def per_row(raw: Any, target: Any) -> Any:
        return value(raw, target, 1 + jnp.exp(-jnp.abs(raw)))

    def forward(raw: Any, target: Any) -> Any:
        small = jnp.exp(-jnp.abs(raw))
        sigmoid = jnp.where(raw >= 0, 1.0, small) / (1 + small)
        return value(raw, target, 1 + small), (sigmoid - target, raw)

    def backward(kept: Any, gradient: Any) -> Any:
        difference, raw = kept
        each = gradient[:, None] / raw.shape[1]
        return each * difference, -each * raw

    per_row.defvjp(forward, backward)
    return per_row
