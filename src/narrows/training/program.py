"""The compiled loop over minibatches, kept for all fits of equal networks, objectives, optimizers and sizes."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from narrows.networks.computation import Computation
from narrows.networks.lowering import lower
from narrows.training.noise import GENERATOR, Noise
from narrows.training.objective import Objective
from narrows.training.optimizers import Optimizer
from narrows.training.ranks import ALONE, Ranks

Arrays = Mapping[str, Any]
EVALUATION_BATCH = 512
waiting = threading.Event()  # set while a compilation goes on, which nothing needs to wait for
compilations: dict[str, int] = {"train": 0, "evaluate": 0}  # by this process; what a search costs is read off here


@dataclass
class Program:
    """One network's training, compiled for one size of data.

    Attributes
    ----------
    first_optimizer_state : list of ndarray
        The optimizer's variables before the first step.
    train, evaluate : callable
        Steps of an epoch, and sums over rows in their own order; compiled at the first call.
    train_together, evaluate_together : callable
        The same for several networks at once: states, orders, rates and numbers have one more axis, the first.
    averages : dict of str to int
        Where the optimizer's state holds moving averages of weights, if it does.
    """

    first_optimizer_state: list[np.ndarray]
    train: Callable[..., Any]
    evaluate: Callable[..., Any]
    train_together: Callable[..., Any]
    evaluate_together: Callable[..., Any]
    averages: dict[str, int]

    def final(self, trainable: Arrays, optimizer_state: list[Any]) -> dict[str, Any]:
        """Give the weights to keep: the optimizer's moving averages where it keeps them (Keras's ``use_ema``)."""
        return {**trainable, **{name: optimizer_state[position] for name, position in self.averages.items()}}


@dataclass
class _Compiled:
    """A function that is compiled once, in a thread, so that an interrupt need not wait for the compiler."""

    name: str
    function: Callable[..., Any]
    ranks: Ranks = ALONE
    compiled: dict[Any, Any] = field(default_factory=dict)

    def __call__(self, *args: Any) -> Any:
        import jax

        leaves, structure = jax.tree.flatten(args)
        key = structure, tuple((np.shape(leaf), leaf.dtype) for leaf in leaves)
        if key not in self.compiled:
            lowered = jax.jit(self.function, out_shardings=self.ranks.replicated).lower(*args)
            compilations[self.name] += 1
            self.compiled[key] = _in_thread(lowered.compile)
        return self.compiled[key](*args)


def _in_thread(function: Callable[[], Any]) -> Any:
    outcome: list[Any] = []

    def work() -> None:
        try:
            outcome.append((function(), None))
        except BaseException as error:
            outcome.append((None, error))

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    waiting.set()
    try:
        thread.join()
    finally:
        waiting.clear()
    result, error = outcome[0]
    if error is not None:
        raise error
    return result


_programs: OrderedDict[Hashable, Program] = OrderedDict()
_PROGRAMS_KEPT = 32


def program(
    computation: Computation,
    objective: Objective,
    optimizer: Optimizer,
    *,
    batch_size: int,
    precision: str,
    shared: bool,
    noise: Noise | None = None,
    ranks: Ranks | None = None,
) -> Program:
    """Find or make the program of a network.

    Parameters
    ----------
    computation : Computation
    objective : Objective
    optimizer : Optimizer
    batch_size : int
    precision : {"float32", "bfloat16"}
    shared : bool
        Whether equal networks of other fits may use it: not for a user's own models. Their programs are kept with the
        computation, and go with it, for a program keeps its network alive.
    noise : Noise, default=None
        What the rows suffer; its strength, its bounds and its random key are in ``numbers["noise"]``.
    ranks : Ranks, default=None
        Among whom every batch is shared out; this process alone if None.

    Returns
    -------
    Program
    """
    ranks = ranks or ALONE
    kept = _programs if shared else computation.programs
    key = (computation, objective.key, optimizer, batch_size, precision, None if noise is None else noise._key, ranks)
    if key in kept:
        kept.move_to_end(key)
        return kept[key]
    kept[key] = made = _make(computation, objective, optimizer, batch_size, precision, noise, ranks)
    while len(kept) > _PROGRAMS_KEPT:
        kept.popitem(last=False)
    return made


def _make(
    computation: Computation, objective: Objective, optimizer: Optimizer, batch_size: int, precision: str, noise: Noise | None, ranks: Ranks
) -> Program:
    import jax
    import jax.numpy as jnp
    from jax import lax
    from jax.flatten_util import ravel_pytree

    # Whether rows meet nowhere but in sums: neither in statistics of a batch, nor in random numbers that are drawn for a whole one.
    by_rows = not computation.state and not objective.neighbors and computation.planned
    keras_optimizer = optimizer.build([computation.variables[name] for name in computation.trainable])
    first = [np.array(variable) for variable in keras_optimizer.variables]
    rate_at = next(i for i, v in enumerate(keras_optimizer.variables) if v is keras_optimizer._learning_rate)

    def batch_of(data: Arrays, scale: Any, index: Any, real: Any, numbers: Arrays, t: Any) -> dict[str, Any]:
        places = [index]
        paired = "neighbors" in data
        if paired:  # the rows, then one neighbor of each
            neighbors = ranks.take(data["neighbors"], index)
            key = jax.random.fold_in(jax.random.wrap_key_data(numbers["pair"], impl=GENERATOR), t)
            chosen = jax.random.randint(key, (len(neighbors), 1), 0, neighbors.shape[1])
            places.append(jnp.take_along_axis(neighbors, chosen, 1)[:, 0].reshape(index.shape))
            real = jnp.tile(real, 2)
        batch = {name: ranks.take(values, *places) for name, values in data.items() if name != "neighbors"}
        if paired:
            batch["pair"] = jnp.roll(jnp.arange(len(real)), len(real) // 2)
        for name in ("x", "target"):
            if name in batch and scale is not None:
                batch[name] = (batch[name].astype(jnp.float32) - scale[0]) * scale[1]
        batch.setdefault("target", batch["x"])
        if noise is not None:
            drawn = numbers["noise"]
            key = jax.random.fold_in(jax.random.wrap_key_data(drawn["key"], impl=GENERATOR), t)
            batch["x"] = noise._apply(key, batch["x"], drawn["strength"], drawn["low"], drawn["high"])
        batch["weight"] = batch["weight"] * real if "weight" in batch else real
        return objective.reconstruction.prepared(batch)

    def loss(trainable: Arrays, state: Arrays, batch: Arrays, numbers: Arrays, training: bool) -> Any:
        weights = {**trainable, **state}
        outputs = computation(weights, batch["x"], training=training)
        sums = objective.sums(outputs, weights, batch, numbers)
        return objective.loss(sums, numbers), (sums, dict(zip(computation.state, outputs.state, strict=True)))

    def at_step(order: Any, t: Any) -> Any:
        if ranks.mesh is None:
            return lax.dynamic_slice(order, (t * batch_size,), (batch_size,))
        each = ranks.share(batch_size)
        return lax.dynamic_slice(order, (0, t * each), (ranks.shards, each))

    def real_of(t: Any, size: int, n: Any) -> Any:
        """Give 1 for the places of a batch that hold a row, else 0."""
        place = jnp.arange(ranks.share(size) * ranks.shards)
        real = t * size + place < n
        return (real if len(place) == size else real & (place < size)).astype(jnp.float32)

    whole_gradient = jax.value_and_grad(lower(functools.partial(loss, training=True), precision), has_aux=True)

    def gradient_by_shards(trainable: Arrays, batch: Arrays, numbers: Arrays) -> Any:
        """Give the terms' sums and the gradient of a batch, of which each shard computes its own rows' part."""

        def own_sums(trainable: dict[str, Any], batch: Arrays, numbers: Arrays) -> Any:
            return objective.sums(computation(trainable, batch["x"], training=True), trainable, batch, numbers)

        def part(trainable: Arrays, batch: Arrays, numbers: Arrays) -> Any:
            lowered = lower(own_sums, precision)
            own, pull = jax.vjp(lambda trainable: lowered(trainable, batch, numbers), trainable)
            sums = ranks.total(own)
            (gradient,) = pull(jax.grad(objective.loss)(sums, numbers))
            # As one vector: each array that is summed by itself costs a round of messages.
            flat, restore = ravel_pytree(gradient)
            return sums, restore(ranks.total(flat))

        return ranks.by_shards(part, trainable, batch, numbers)

    def gradient_of(trainable: Arrays, other: Arrays, batch: Arrays, numbers: Arrays) -> Any:
        if by_rows and ranks.mesh is not None:
            sums, gradient = gradient_by_shards(trainable, batch, numbers)
            return sums, other, gradient
        (_, (sums, other)), gradient = whole_gradient(trainable, other, batch, numbers)
        return sums, other, gradient

    def train(state: Any, data: Arrays, scale: Any, order: Any, rates: Any, numbers: Arrays, n: Any, start: Any, stop: Any) -> Any:
        """Run steps `start` to `stop` of an epoch: the new state, and whether all weights are finite."""

        def step(t: Any, carry: Any) -> Any:
            trainable, other, moments, sums = carry
            index = at_step(order, t)
            real = real_of(t, batch_size, n)
            batch = batch_of(data, scale, index, real, numbers, t)
            sum_, other, gradient = gradient_of(trainable, other, batch, numbers)
            moments = [*moments[:rate_at], rates[t], *moments[rate_at + 1 :]]
            values, moments = keras_optimizer.stateless_apply(
                moments, [gradient[name] for name in computation.trainable], [trainable[name] for name in computation.trainable]
            )
            trainable = dict(zip(computation.trainable, values, strict=True))
            return trainable, other, list(moments), sums.at[t].set(sum_)

        state = lax.fori_loop(start, stop, step, state)
        # As one vector: each array that is looked at by itself would have programs of its own, and an eighth of the compiler's time.
        return state, jnp.isfinite(ravel_pytree(state[0])[0]).all()

    def evaluate(trainable: Arrays, other: Arrays, data: Arrays, scale: Any, numbers: Arrays, n: Any, start: Any, stop: Any) -> Any:
        """Sum the objective's terms over batches `start` to `stop` of rows in their own order."""
        rows = data["x"].shape[0] // ranks.shards
        size = min(EVALUATION_BATCH, rows)

        def step(t: Any, carry: Any) -> Any:
            index = jnp.minimum(t * size + jnp.arange(ranks.share(size) * ranks.shards), rows - 1)
            batch = batch_of(data, scale, index if ranks.mesh is None else index.reshape(ranks.shards, -1), real_of(t, size, n), numbers, t)
            return carry + loss(trainable, other, batch, numbers, training=False)[1][0]

        return lax.fori_loop(start, stop, step, jnp.zeros((len(objective.terms), 2)))

    averages = {}
    if keras_optimizer.use_ema:
        places = {id(variable): place for place, variable in enumerate(keras_optimizer.variables)}
        kept = keras_optimizer._model_variables_moving_average
        averages = {name: places[id(variable)] for name, variable in zip(computation.trainable, kept, strict=True)}
    together = {
        "train_together": _Compiled("train", jax.vmap(train, (0, None, None, 0, 0, 0, None, None, None))),
        "evaluate_together": _Compiled("evaluate", jax.vmap(evaluate, (0, 0, None, None, 0, None, None, None))),
    }
    return Program(first, _Compiled("train", train, ranks), _Compiled("evaluate", evaluate, ranks), averages=averages, **together)
