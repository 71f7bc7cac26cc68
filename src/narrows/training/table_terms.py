"""What training knows of tables: rows spread out for the network, cells hidden as noise, and a loss for each column."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from narrows.data.table_layout import Layout
from narrows.training.noise import Masking, Noise


class Hidden(Noise):
    """Some cells of each row are hidden: to the network they are missing. Of compact rows of a table; see `narrows.data.table_layout`.

    Parameters
    ----------
    strength : float
        Share of the cells, in [0, 1].
    """

    def __init__(self, strength: float) -> None:
        self._choose(strength=Masking(strength).strength)

    def _apply(self, key: Any, rows: Any, strength: Any, low: Any, high: Any) -> Any:
        """Give rows (n, columns) in JAX, NaN where a cell is hidden."""
        import jax
        import jax.numpy as jnp

        del low, high
        return jnp.where(jax.random.uniform(key, rows.shape) < strength, jnp.float32(jnp.nan), rows)


@dataclass(frozen=True)
class ColumnLosses:
    """The reconstruction term of a table: the mean over all cells that are known, each by the loss of its column.

    Attributes
    ----------
    layout : Layout
    """

    layout: Layout
    name: ClassVar[str] = "columns"

    @property
    def key(self) -> Any:
        """Equal keys compute the same."""
        return self.layout

    def prepared(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Make a batch of compact rows one that the network can take.

        Parameters
        ----------
        batch : dict of str to array
            `x` and `target` (n, columns), NaN where a value is missing, or hidden from the network.

        Returns
        -------
        dict of str to array
            `x` (n, width), spread; `target` (n, columns), 0 where the value is missing; `mask` (n, columns), 0 there and 1 elsewhere.
        """
        import jax.numpy as jnp

        known = ~jnp.isnan(batch["target"])
        target = jnp.where(known, batch["target"], 0.0)
        return {**batch, "x": self.layout.spread(batch["x"], jnp), "target": target, "mask": known.astype(jnp.float32)}

    def sums(self, raw: Any, batch: Mapping[str, Any], numbers: Mapping[str, Any]) -> tuple[Any, Any]:
        """Give the losses of all known cells of a batch, and of how many rows these are.

        Parameters
        ----------
        raw : array of shape (n, width)
        batch : dict of str to array
            `target` and `mask` (n, columns), `weight` (n,).
        numbers : dict of str to array
            `column_weight` (columns,): what the loss of each column counts.

        Returns
        -------
        loss, weight : scalar array
            A row counts by the share of its cells that is known.
        """
        import jax.numpy as jnp

        cells = batch["weight"][:, None] * batch["mask"]
        losses = jnp.where(batch["mask"] > 0, cell_losses(self.layout, raw, batch["target"]), 0.0) * numbers["column_weight"]
        return jnp.sum(cells * losses) / self.layout.columns, jnp.sum(cells) / self.layout.columns


def cell_losses(layout: Layout, raw: Any, target: Any) -> Any:
    """Give the loss of each cell.

    Parameters
    ----------
    layout : Layout
    raw : array of shape (n, width)
        What the network gives, before the activations of its groups.
    target : array of shape (n, columns)
        Scaled numbers, 0 or 1, and places of categories; any of them where the value is missing.

    Returns
    -------
    array of shape (n, columns)
        Squared errors of numbers, cross-entropies of all else, in nats.
    """
    import jax.numpy as jnp

    found = []
    for part in layout.parts:
        made, wanted = raw[:, part.outputs], target[:, part.columns]
        if part.loss == "squared":
            found.append(jnp.square(made - wanted))
        elif part.loss == "binary":
            found.append(jnp.maximum(made, 0) - made * wanted + jnp.log1p(jnp.exp(-jnp.abs(made))))
        else:
            found.append(entropies()(made.reshape(len(raw), -1, part.units), wanted))
    return jnp.concatenate(found, axis=1)


@functools.cache
def entropies() -> Callable[[Any, Any], Any]:
    """Give the cross-entropy of categories, with its derivative as the textbook has it: softmax minus target; a third faster so.

    Returns
    -------
    callable
        From what comes before the softmax, (n, columns, units), and the places of categories, (n, columns), to (n, columns), in nats.
    """
    import jax
    import jax.numpy as jnp

    @jax.custom_vjp
    def entropy(raw: Any, places: Any) -> Any:
        return forward(raw, places)[0]

    def forward(raw: Any, places: Any) -> Any:
        largest = jnp.max(raw, axis=-1, keepdims=True)
        powers = jnp.exp(raw - largest)
        total = jnp.sum(powers, axis=-1, keepdims=True)
        chosen = places[:, :, None] == jnp.arange(raw.shape[-1], dtype=places.dtype)
        value = (jnp.log(total) + largest)[:, :, 0] - jnp.sum(jnp.where(chosen, raw, 0.0), axis=-1)
        return value, powers / total - chosen

    def backward(difference: Any, gradient: Any) -> Any:
        return gradient[:, :, None] * difference, None

    entropy.defvjp(forward, backward)
    return entropy
