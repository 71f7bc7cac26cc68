"""How weights are found: epochs of compiled steps, judged on validation rows, stopped well whatever happens."""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from narrows.networks.computation import Computation, Weights
from narrows.networks.scale import CHUNK, Scale
from narrows.progress import Progress, Silent
from narrows.training.noise import Noise
from narrows.training.objective import Objective
from narrows.training.optimizers import Optimizer
from narrows.training.program import EVALUATION_BATCH, Program, program, waiting
from narrows.training.samplers import Shuffle, size_class

ALIGNMENT = 64  # bytes; memory that begins so is a CPU's device memory without a copy
VALIDATION = 2**32 - 1  # the drawing of noise that validation rows suffer: the same at each epoch, so that losses compare
CHUNK_SECONDS = 0.2  # an interrupt waits for one chunk of steps, and progress is shown between two


def _aligned(shape: tuple[int, int], dtype: type[np.generic]) -> np.ndarray:
    """Make zeros that JAX may take over as they are; nobody may write to them once they are on the device."""
    size = math.prod(shape) * np.dtype(dtype).itemsize
    memory = np.zeros(size + ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % ALIGNMENT
    return memory[start : start + size].view(dtype).reshape(shape)


@dataclass(frozen=True)
class RowSet:
    """Rows on their way to the device.

    Attributes
    ----------
    x : ndarray of shape (n, n_features)
        In their own units; uint8 stays uint8 on the device, and is scaled batch by batch.
    scale : Scale
    weight : ndarray of shape (n,), float32, or None
    target : ndarray of shape (n, n_features) or None
        What their reconstruction is compared with, in its own units; None is the rows themselves.
    y : ndarray of shape (n,), int32, or (n, n_outputs), float32, or None
        Labels: classes, -1 where there is none, or scaled numbers, NaN where there are none.
    neighbors : ndarray of shape (n, n_neighbors), int32, or None
        The nearest rows of each. With them, every row of a batch brings one of its neighbors along.
    """

    x: np.ndarray
    scale: Scale
    weight: np.ndarray | None = None
    target: np.ndarray | None = None
    y: np.ndarray | None = None
    neighbors: np.ndarray | None = None

    def __len__(self) -> int:
        """Give the number of rows."""
        return len(self.x)

    def on_device(self) -> tuple[dict[str, Any], Any]:
        """Put the rows on the device, filled up to their size class with zeros that no step reads; and what scales them there.

        Raises
        ------
        ValueError
            If a scaled value is beyond the range of float32.
        """
        import jax

        size = size_class(len(self.x))
        both = [self.x] if self.target is None else [self.x, self.target]
        as_bytes = all(rows.dtype == np.uint8 for rows in both)
        arrays = {name: jax.device_put(self._filled(rows, as_bytes)) for name, rows in zip(("x", "target"), both, strict=False)}
        for name, values in (("weight", self.weight), ("y", self.y), ("neighbors", self.neighbors)):
            if values is not None:
                filled = np.zeros((size, *values.shape[1:]), values.dtype)
                filled[: len(values)] = values
                arrays[name] = jax.device_put(filled)
        scale = (self.scale.shift.astype(np.float32), self.scale.factor.astype(np.float32)) if as_bytes else None
        return arrays, scale

    def _filled(self, rows: np.ndarray, as_bytes: bool) -> np.ndarray:
        out = _aligned((size_class(len(rows)), rows.shape[1]), np.uint8 if as_bytes else np.float32)
        for start in range(0, len(rows), CHUNK):
            block = rows[start : start + CHUNK]
            with np.errstate(over="ignore"):
                out[start : start + len(block)] = block if as_bytes else self.scale.apply(block)
            if not as_bytes and not np.isfinite(out[start : start + len(block)]).all():
                raise ValueError("rows hold values beyond the range of float32 (3.4e38 after scaling): divide them by a large number first")
        return out


@dataclass(frozen=True)
class Settings:
    """How long, how fast and how exactly to train.

    Attributes
    ----------
    optimizer : Optimizer
    rates : callable
        ``rates(steps, first_step, total)`` gives learning rates.
    epochs, batch_size, seed : int
    precision : {"float32", "bfloat16"}
    patience : int or None
        Epochs without a better validation loss after which to stop; None trains to the end and keeps the last weights.
    numbers : dict of str to array
        The strengths of the objective's terms.
    shared : bool
        Whether compiled programs may be kept for later fits.
    first_step : int
        Steps done before, by earlier calls that this one continues.
    noise : Noise or None
        ``numbers["noise"]`` holds its strength and bounds.
    noise_seed : int
        In [0, 2^32).
    pair_seed : int or None
        In [0, 2^32), where neighbors are drawn.
    """

    optimizer: Optimizer
    rates: Callable[[int, int, int], np.ndarray]
    epochs: int
    batch_size: int
    seed: int
    precision: str
    patience: int | None
    numbers: dict[str, Any]
    shared: bool
    first_step: int = 0
    noise: Noise | None = None
    noise_seed: int = 0
    pair_seed: int | None = None


@dataclass
class Epoch:
    """What a listener sees, and may change, after an epoch.

    Attributes
    ----------
    number : int
        Counted from 0.
    logs : dict of str to float
    learning_rate : float
        Of the epoch's last step; setting it scales all later ones.
    weights : dict of str to array
        Setting an entry changes what training goes on with.
    stop : bool
        Set to end the run after this epoch.
    """

    number: int
    logs: dict[str, float]
    learning_rate: float
    weights: dict[str, Any]
    stop: bool = False


Listener = Callable[[Epoch], None]


@dataclass
class Outcome:
    """What a run of training leaves.

    Attributes
    ----------
    weights : dict of str to ndarray
        The best by validation loss where there is patience, else the last.
    optimizer_state : list of ndarray
    history : dict of str to list of float
    epoch : int
        The epoch, counted from 1, that `weights` come from; 0 if none ended.
    steps : int
        Steps done, earlier calls included.
    seconds : float
        Of the whole run, compilation included.
    diverged : tuple of two int or None
        Epoch and step, counted from 1, of the first value that was not finite.
    interrupted : bool
    """

    weights: Weights
    optimizer_state: list[np.ndarray]
    history: dict[str, list[float]]
    epoch: int
    steps: int
    seconds: float
    diverged: tuple[int, int] | None = None
    interrupted: bool = False


@dataclass
class _Run:
    """The state of training between two chunks; replaced as a whole, so that it is sound whenever an interrupt comes."""

    trainable: dict[str, Any]
    other: dict[str, Any]
    moments: list[Any]
    seconds_per_step: float | None = None
    history: dict[str, list[float]] = field(default_factory=dict)


def train(
    computation: Computation,
    weights: Weights,
    rows: RowSet,
    objective: Objective,
    settings: Settings,
    *,
    validation: RowSet | None = None,
    optimizer_state: list[np.ndarray] | None = None,
    listeners: Sequence[Listener] = (),
    progress: Progress | None = None,
) -> Outcome:
    """Train a network.

    Parameters
    ----------
    computation : Computation
    weights : dict of str to ndarray
        Where to start.
    rows : RowSet
    objective : Objective
    settings : Settings
    validation : RowSet, default=None
        Rows that are only measured.
    optimizer_state : list of ndarray, default=None
        Where an earlier call ended.
    listeners : sequence of callable, default=()
        Called after each epoch, in order.
    progress : Progress, default=None

    Returns
    -------
    Outcome
        Also after an interrupt and after divergence, with the weights that are good to keep.
    """
    started = time.monotonic()
    # A batch is never larger than the size class of the rows, so that few rows do not pay for a large batch.
    batch_size = min(settings.batch_size, size_class(len(rows)))
    options: dict[str, Any] = {"precision": settings.precision, "shared": settings.shared, "noise": settings.noise}
    made = program(computation, objective, settings.optimizer, batch_size=batch_size, **options)
    run = _Run(
        {name: weights[name] for name in computation.trainable},
        {name: weights[name] for name in computation.state},
        list(made.first_optimizer_state if optimizer_state is None else optimizer_state),
    )
    loop = _Loop(made, rows, validation, objective, settings, batch_size, progress or Silent())
    outcome = loop.run(run, listeners)
    outcome.seconds = time.monotonic() - started
    return outcome


class _Loop:
    """Epochs over one set of rows."""

    def __init__(
        self,
        made: Program,
        rows: RowSet,
        validation: RowSet | None,
        objective: Objective,
        settings: Settings,
        batch_size: int,
        progress: Progress,
    ) -> None:
        self.program, self.objective, self.settings, self.batch_size, self.progress = made, objective, settings, batch_size, progress
        self.n_rows = len(rows)
        self.data, self.scale = rows.on_device()
        self.slots = -(-len(self.data["x"]) // batch_size)
        self.steps = -(-self.n_rows // batch_size)
        self.sampler = Shuffle(self.n_rows, settings.seed)
        self.validation = None if validation is None else (*validation.on_device(), len(validation))
        self.total = settings.epochs * self.steps
        self.factor = 1.0  # of the learning rate, as listeners set it

    def run(self, run: _Run, listeners: Sequence[Listener]) -> Outcome:
        settings = self.settings
        good = best = (0, run.trainable, run.other, run.moments)
        lowest = np.inf
        diverged, epoch = None, 0
        self.progress.begin("training", settings.epochs * self.n_rows, "rows")
        with _interrupts() as interrupted:
            try:
                order = self._order(0)
                if settings.patience is not None:  # a network may start well: as PCA, or where an earlier fit ended
                    lowest = self._validate(run, interrupted).get("val_loss", np.inf)
                for epoch in range(settings.epochs):
                    self.started = time.monotonic()
                    logs, order, bad = self._epoch(run, epoch, order, interrupted)
                    if bad is not None:
                        diverged = (epoch + 1, bad)
                        break
                    self._record(run, logs)
                    seen = Epoch(epoch, logs, logs["learning_rate"], {**run.trainable, **run.other})
                    if listeners:
                        self._tell(seen, run, listeners)
                    good = (epoch + 1, run.trainable, run.other, run.moments)
                    monitored = logs.get("val_loss", np.inf)
                    if settings.patience is None or monitored < lowest:
                        best, lowest = good, monitored
                    if seen.stop or (settings.patience is not None and epoch + 1 - best[0] >= settings.patience):
                        break
            except KeyboardInterrupt:
                interrupted.set()
                if not good[0]:  # not one whole epoch: what there is, if it is sound
                    best = (0, run.trainable, run.other, run.moments) if self._sound(run) else best
        self.progress.end(self._figures(run.history))
        kept = good if diverged else best
        final = self.program.final(kept[1], kept[3])
        return Outcome(
            weights={name: np.array(value) for name, value in {**final, **kept[2]}.items()},
            optimizer_state=[np.array(value) for value in kept[3]],
            history=run.history,
            epoch=kept[0],
            steps=settings.first_step + len(run.history.get("loss", ())) * self.steps,
            seconds=0.0,
            diverged=diverged,
            interrupted=interrupted.is_set(),
        )

    def _epoch(
        self, run: _Run, epoch: int, order: np.ndarray, interrupted: threading.Event
    ) -> tuple[dict[str, float], np.ndarray, int | None]:
        """Run one epoch; give its logs, the next epoch's order, and the first step that was not finite."""
        settings = self.settings
        first = settings.first_step + epoch * self.steps
        rates = np.zeros(self.slots, np.float32)
        rates[: self.steps] = settings.rates(self.steps, first, settings.first_step + self.total) * self.factor
        sums: Any = np.zeros((self.slots, len(self.objective.terms), 2), np.float32)
        drawn = self._numbers(first)
        following, start = None, 0
        while start < self.steps:
            stop = min(self.steps, start + self._chunk(run))
            begun = time.monotonic()
            state = (run.trainable, run.other, run.moments, sums)
            span = (np.int32(self.n_rows), np.int32(start), np.int32(stop))
            state, finite = self.program.train(state, self.data, self.scale, order, rates, drawn, *span)
            if stop == self.steps and epoch + 1 < settings.epochs:
                following = self._order(epoch + 1)  # while the device is busy
            if not bool(finite):
                losses = np.asarray(state[3])[start:stop].sum((1, 2))
                bad = np.flatnonzero(~np.isfinite(losses))
                return {}, order, start + int(bad[0]) + 1 if len(bad) else stop
            run.trainable, run.other, run.moments, sums = state
            run.seconds_per_step = (time.monotonic() - begun) / (stop - start)
            if interrupted.is_set():
                raise KeyboardInterrupt
            start = stop
            self.progress.advance((epoch + start / self.steps) * self.n_rows, self._figures(run.history, epoch, start))
        logs = self.objective.logs(np.asarray(sums)[: self.steps], settings.numbers)
        if not np.isfinite(logs["loss"]):
            return {}, order, self.steps
        if self.validation is not None:
            logs.update(self._validate(run, interrupted))
        logs["learning_rate"] = float(rates[self.steps - 1])
        return logs, following if following is not None else order, None

    def _chunk(self, run: _Run) -> int:
        if run.seconds_per_step is None:
            return 1
        return max(1, int(CHUNK_SECONDS / max(run.seconds_per_step, 1e-7)))

    def _order(self, epoch: int) -> np.ndarray:
        return self.sampler.order(epoch + self.settings.first_step // self.steps, self.slots * self.batch_size)

    def _numbers(self, drawing: int) -> dict[str, Any]:
        """Give the strengths of the terms, and the keys of one drawing of noise and of neighbors."""
        settings, numbers = self.settings, dict(self.settings.numbers)

        def key(seed: int) -> np.ndarray:
            return np.array([seed, drawing % 2**32], np.uint32)

        if settings.noise is not None:
            numbers["noise"] = {**numbers["noise"], "key": key(settings.noise_seed)}
        if settings.pair_seed is not None:
            numbers["pair"] = key(settings.pair_seed)
        return numbers

    def _validate(self, run: _Run, interrupted: threading.Event) -> dict[str, float]:
        assert self.validation is not None
        data, scale, n = self.validation
        batches = -(-n // min(EVALUATION_BATCH, len(data["x"])))
        trainable = self.program.final(run.trainable, run.moments)
        sums: list[np.ndarray] = []
        numbers = self._numbers(VALIDATION)
        chunk, start = 64, 0
        while start < batches:
            stop = min(batches, start + chunk)
            span = (np.int32(n), np.int32(start), np.int32(stop))
            sums.append(np.asarray(self.program.evaluate(trainable, run.other, data, scale, numbers, *span)))
            if interrupted.is_set():
                raise KeyboardInterrupt
            start = stop
        return self.objective.logs(np.stack(sums), self.settings.numbers, "val_")

    @staticmethod
    def _sound(run: _Run) -> bool:
        return all(np.isfinite(np.asarray(value)).all() for value in run.trainable.values())

    @staticmethod
    def _record(run: _Run, logs: dict[str, float]) -> None:
        for name, value in logs.items():
            run.history.setdefault(name, []).append(value)

    def _tell(self, seen: Epoch, run: _Run, listeners: Sequence[Listener]) -> None:
        rate = seen.learning_rate
        for listener in listeners:
            listener(seen)
        run.trainable = {name: seen.weights[name] for name in run.trainable}
        run.other = {name: seen.weights[name] for name in run.other}
        if seen.learning_rate != rate:
            self.factor *= seen.learning_rate / rate

    def _figures(self, history: dict[str, list[float]], epoch: int | None = None, step: int = 0) -> str:
        text = []
        if epoch is not None:
            text.append(f"epoch {epoch + 1}/{self.settings.epochs}")
            seconds = time.monotonic() - self.started
            text.append(f"{step * self.batch_size / max(seconds, 1e-9):,.0f} rows/s")
        for name, label in (("loss", "loss"), ("val_loss", "validation"), ("accuracy", "accuracy")):
            if history.get(name):
                text.append(f"{label} {history[name][-1]:.4g}")
        return "  ".join(text)


@contextmanager
def _interrupts() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C into an event that is looked at between chunks; a second one goes through as ever."""
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield event
        return

    def note(number: int, frame: Any) -> None:
        if event.is_set() or waiting.is_set():
            signal.default_int_handler(number, frame)
        event.set()

    signal.signal(signal.SIGINT, note)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
