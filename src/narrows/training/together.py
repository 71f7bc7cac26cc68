"""Several equal networks trained side by side: one program whose every operation is done for all of them at once."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from narrows.networks.computation import Computation, Weights
from narrows.progress import Progress, Silent
from narrows.training.objective import Objective
from narrows.training.program import EVALUATION_BATCH, Program, program
from narrows.training.ranks import ALONE
from narrows.training.rows import RowSet
from narrows.training.samplers import Shuffle, size_class
from narrows.training.trainer import CHUNK_SECONDS, VALIDATION, Outcome, Settings, interrupts


def train_together(
    computation: Computation,
    weights: Sequence[Weights],
    rows: RowSet,
    objective: Objective,
    settings: Sequence[Settings],
    *,
    validation: RowSet | None = None,
    progress: Progress | None = None,
) -> list[Outcome]:
    """Train equal networks on the same rows, each in its own order, with its own learning rates, strengths and noise.

    Parameters
    ----------
    computation : Computation
    weights : sequence of dict
        Where each starts.
    rows : RowSet
    objective : Objective
    settings : sequence of Settings
        One each; they differ in seeds, rates, strengths and patience only.
    validation : RowSet, default=None
        Rows that are only measured.
    progress : Progress, default=None

    Returns
    -------
    list of Outcome
        As `train` gives them one by one, but for the rounding of products.
    """
    started = time.monotonic()
    first = settings[0]
    batch_size = min(first.batch_size, size_class(len(rows)))
    options: dict[str, Any] = {"precision": first.precision, "shared": first.shared, "noise": first.noise}
    made = program(computation, objective, first.optimizer, batch_size=batch_size, **options)
    loop = _Loop(made, computation, weights, rows, objective, list(settings), batch_size, validation, progress or Silent())
    outcomes = loop.run()
    for outcome in outcomes:
        outcome.seconds = time.monotonic() - started
    return outcomes


class _Loop:
    """Epochs of all networks; what is kept of each is decided for each."""

    def __init__(
        self,
        made: Program,
        computation: Computation,
        weights: Sequence[Weights],
        rows: RowSet,
        objective: Objective,
        settings: list[Settings],
        batch_size: int,
        validation: RowSet | None,
        progress: Progress,
    ) -> None:
        self.program, self.objective, self.settings, self.progress, self.batch_size = made, objective, settings, progress, batch_size
        self.n_rows, self.count = len(rows), len(settings)
        self.data, self.scale = rows.on_device(ALONE)
        self.validation = None if validation is None else (*validation.on_device(ALONE), len(validation))
        self.steps, self.slots = -(-self.n_rows // batch_size), -(-size_class(self.n_rows) // batch_size)
        stacked = {name: np.stack([one[name] for one in weights]) for name in weights[0]}
        self.state: tuple[Any, Any, Any] = (
            {name: stacked[name] for name in computation.trainable},
            {name: stacked[name] for name in computation.state},
            [np.stack([moment] * self.count) for moment in made.first_optimizer_state],
        )
        self.outcomes = [Outcome({}, [], {}, 0, 0, 0.0) for _ in settings]
        self.lowest = np.full(self.count, np.inf)
        self.running = np.ones(self.count, bool)
        self.seconds_per_step: float | None = None

    def run(self) -> list[Outcome]:
        epochs = self.settings[0].epochs
        self.good = self.best = self.state
        self.progress.begin("training", epochs * self.n_rows, "rows")
        with interrupts() as interrupted:
            try:
                if self.validation is not None:
                    waits = np.array([one.patience is not None for one in self.settings])
                    found = np.array([logs["val_loss"] for logs in self._validate()])
                    self.lowest = np.where(waits & np.isfinite(found), found, np.inf)
                for epoch in range(epochs):
                    self._epoch(epoch, interrupted)
                    if not self.running.any():
                        break
            except KeyboardInterrupt:
                for outcome in self.outcomes:
                    outcome.interrupted = True
        self.progress.end()
        return [self._ended(place) for place in range(self.count)]

    def _epoch(self, epoch: int, interrupted: threading.Event) -> None:
        """Run one epoch of all, and judge each that still runs."""
        first = epoch * self.steps
        rates = np.zeros((self.count, self.slots), np.float32)
        total = self.settings[0].epochs * self.steps
        for place, one in enumerate(self.settings):
            rates[place, : self.steps] = one.rates(self.steps, first, total)
        order = np.stack([Shuffle(self.n_rows, one.seed).order(epoch, self.slots * self.batch_size) for one in self.settings])
        numbers = self._numbers(first)
        sums: Any = np.zeros((self.count, self.slots, len(self.objective.terms), 2), np.float32)
        finite, start = np.ones(self.count, bool), 0
        state = self.state
        while start < self.steps:
            chunk = 1 if self.seconds_per_step is None else max(1, int(CHUNK_SECONDS / self.seconds_per_step))
            stop, begun = min(self.steps, start + chunk), time.monotonic()
            (*state, sums), sound = self.program.train_together(
                (*state, sums), self.data, self.scale, order, rates, numbers, np.int32(self.n_rows), np.int32(start), np.int32(stop)
            )
            finite &= np.asarray(sound)
            self.seconds_per_step = max((time.monotonic() - begun) / (stop - start), 1e-7)
            start = stop
            if interrupted.is_set():
                raise KeyboardInterrupt
            text = f"epoch {epoch + 1}/{self.settings[0].epochs}  {self.running.sum()} networks"
            self.progress.advance(self.n_rows * (epoch + start / self.steps), text)
        self.state = tuple(state)
        all_sums = np.asarray(sums)[:, : self.steps]
        validated: list[dict[str, float]] = [{}] * self.count if self.validation is None else self._validate()
        better = np.zeros(self.count, bool)
        for place in np.flatnonzero(self.running).tolist():
            logs = self.objective.logs(all_sums[place], self.settings[place].numbers)
            outcome, patience = self.outcomes[place], self.settings[place].patience
            if not finite[place] or not np.isfinite(logs["loss"]):
                bad = np.flatnonzero(~np.isfinite(all_sums[place].sum((1, 2))))
                outcome.diverged = (epoch + 1, int(bad[0]) + 1 if len(bad) else self.steps)
                self.running[place] = False
                continue
            logs |= validated[place] | {"learning_rate": float(rates[place, self.steps - 1])}
            for name, value in logs.items():
                outcome.history.setdefault(name, []).append(value)
            monitored = logs.get("val_loss", np.inf)
            if patience is None or monitored < self.lowest[place]:
                better[place], self.lowest[place], outcome.epoch = True, monitored, epoch + 1
            elif epoch + 1 - outcome.epoch >= patience:
                self.running[place] = False
        self.good = _chosen(finite & self.running, self.state, self.good)
        self.best = _chosen(better, self.state, self.best)

    def _ended(self, place: int) -> Outcome:
        """Take one network's weights out of all."""
        outcome = self.outcomes[place]
        trainable, other, moments = self.good if outcome.diverged else self.best
        moments = [np.array(moment[place]) for moment in moments]
        final = self.program.final({name: value[place] for name, value in trainable.items()}, moments)
        final |= {name: value[place] for name, value in other.items()}
        outcome.weights = {name: np.array(value) for name, value in final.items()}
        outcome.optimizer_state = moments
        outcome.steps = len(outcome.history.get("loss", ())) * self.steps
        if outcome.diverged:
            outcome.epoch = outcome.diverged[0] - 1
        return outcome

    def _validate(self) -> list[dict[str, float]]:
        assert self.validation is not None
        data, scale, n = self.validation
        trainable, other, moments = self.state
        trainable = self.program.final(trainable, moments)
        batches = -(-n // min(EVALUATION_BATCH, size_class(n)))
        span = (np.int32(n), np.int32(0), np.int32(batches))
        sums = np.asarray(self.program.evaluate_together(trainable, other, data, scale, self._numbers(VALIDATION), *span))
        return [self.objective.logs(sums[place][None], self.settings[place].numbers, "val_") for place in range(self.count)]

    def _numbers(self, drawing: int) -> dict[str, Any]:
        """Give the strengths of all, with the keys of one drawing, one on top of another."""
        import jax

        return jax.tree.map(lambda *values: np.stack(values), *(one.drawn(drawing) for one in self.settings))


def _chosen(which: np.ndarray, new: Any, old: Any) -> Any:
    """Give the new state of some networks, and the old one of the others."""
    import jax
    import jax.numpy as jnp

    if which.all():
        return new
    return jax.tree.map(lambda a, b: jnp.where(which.reshape(-1, *[1] * (np.ndim(a) - 1)), a, b), new, old)
