"""How weights are found: epochs of compiled steps, judged on validation rows, stopped well whatever happens."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from narrows import _backend
from narrows.networks.computation import Computation, Weights
from narrows.progress import Progress, Silent
from narrows.training.checkpoints import Checkpoint, Keeper, Position, digest
from narrows.training.feeds import Window, feed_of
from narrows.training.noise import Noise
from narrows.training.objective import Objective
from narrows.training.optimizers import Optimizer
from narrows.training.pace import Pace, lagging
from narrows.training.program import EVALUATION_BATCH, Program, program, waiting
from narrows.training.ranks import Ranks, current, stopping
from narrows.training.rows import BlockSet, RowSet
from narrows.training.samplers import size_class

VALIDATION = 2**32 - 1  # the drawing of noise that validation rows suffer: the same at each epoch, so that losses compare
LOOKED_AT, RATES = 256, 64  # rows and learning rates that a run is known by
CHUNK_SECONDS = 0.2  # an interrupt waits for one chunk of steps, and progress is shown between two


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

    def drawn(self, drawing: int) -> dict[str, Any]:
        """Give the strengths of the terms, and the keys of one drawing of noise and of neighbors."""
        numbers = dict(self.numbers)

        def key(seed: int) -> np.ndarray:
            return np.array([seed, drawing % 2**32], np.uint32)

        if self.noise is not None:
            numbers["noise"] = {**numbers["noise"], "key": key(self.noise_seed)}
        if self.pair_seed is not None:
            numbers["pair"] = key(self.pair_seed)
        return numbers


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


@dataclass(frozen=True)
class _Mark:
    """Weights that may be gone back to, and the epoch, counted from 1, that they come from."""

    epoch: int
    trainable: dict[str, Any]
    other: dict[str, Any]
    moments: list[Any]

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        values = [self.trainable[one] for one in sorted(self.trainable)] + [self.other[one] for one in sorted(self.other)] + [*self.moments]
        return {f"{name}/{place}": np.asarray(value) for place, value in enumerate(values)}

    @classmethod
    def of(cls, name: str, epoch: int, arrays: dict[str, np.ndarray], like: _Run) -> _Mark:
        n, m = len(like.trainable), len(like.other)
        values = [arrays[f"{name}/{place}"] for place in range(n + m + len(like.moments))]
        trainable, other = dict(zip(sorted(like.trainable), values, strict=False)), dict(zip(sorted(like.other), values[n:], strict=False))
        return cls(epoch, trainable, other, values[n + m :])


def train(
    computation: Computation,
    weights: Weights,
    rows: RowSet | BlockSet,
    objective: Objective,
    settings: Settings,
    *,
    validation: RowSet | None = None,
    optimizer_state: list[np.ndarray] | None = None,
    listeners: Sequence[Listener] = (),
    progress: Progress | None = None,
    checkpoint: Checkpoint | None = None,
) -> Outcome:
    """Train a network.

    Parameters
    ----------
    computation : Computation
    weights : dict of str to ndarray
        Where to start.
    rows : RowSet or BlockSet
    objective : Objective
    settings : Settings
    validation : RowSet, default=None
        Rows that are only measured.
    optimizer_state : list of ndarray, default=None
        Where an earlier call ended.
    listeners : sequence of callable, default=()
        Called after each epoch, in order.
    progress : Progress, default=None
    checkpoint : Checkpoint, default=None
        Where the run leaves its state, and from which it goes on if it is there.

    Returns
    -------
    Outcome
        Also after an interrupt and after divergence, with the weights that are good to keep.

    Raises
    ------
    CheckpointError, OSError
        If the checkpoint is damaged or of another run, or cannot be read.
    ValueError
        If rows in blocks cannot be read.
    """
    started = time.monotonic()
    # A batch is never larger than the size class of the rows, so that few rows do not pay for a large batch.
    batch_size = min(settings.batch_size, size_class(len(rows)))
    ranks = current()
    options: dict[str, Any] = {"precision": settings.precision, "shared": settings.shared, "noise": settings.noise, "ranks": ranks}
    made = program(computation, objective, settings.optimizer, batch_size=batch_size, **options)
    run = _Run(
        ranks.replicate({name: weights[name] for name in computation.trainable}),
        ranks.replicate({name: weights[name] for name in computation.state}),
        ranks.replicate(list(made.first_optimizer_state if optimizer_state is None else optimizer_state)),
    )
    at, keeper = None, None if checkpoint is None else Keeper(checkpoint, ranks)
    if keeper is not None:
        at = keeper.begin(_stands_for(run, rows, validation, objective, settings, batch_size))
    loop = _Loop(made, rows, validation, objective, settings, batch_size, progress or Silent(), keeper, ranks)
    try:
        outcome = loop.run(run, listeners, at)
    finally:
        loop.feed.close()
    outcome.seconds = time.monotonic() - started
    return outcome


def _stands_for(
    run: _Run, rows: RowSet | BlockSet, validation: RowSet | None, objective: Objective, settings: Settings, batch_size: int
) -> str:
    """Give a digest of all that the course of training depends on."""
    import jax

    from narrows import __version__

    some = np.unique(np.linspace(0, len(rows) - 1, LOOKED_AT).astype(np.int64))
    rates = settings.rates(RATES, settings.first_step, settings.first_step + settings.epochs * -(-len(rows) // batch_size))
    plain = {name: getattr(settings, name) for name in ("epochs", "seed", "precision", "patience", "first_step", "noise_seed", "pair_seed")}
    values: list[Any] = [__version__, _backend.keras().__version__, jax.__version__, plain, batch_size, len(rows), objective.key]
    values += [settings.optimizer, settings.noise, rows.scale.kind, rates, rows.some(some)]
    values += [*jax.tree.leaves(settings.numbers), rows.scale.shift, rows.scale.factor]
    values += _Mark(0, run.trainable, run.other, run.moments).arrays("").values()
    for part in (rows, validation):
        beside = () if part is None else (getattr(part, name, None) for name in ("weight", "y", "target", "neighbors"))
        values += [None if array is None else array[some % len(array)] for array in beside]
    values += [] if validation is None else [len(validation), validation.x[some % len(validation)]]
    return digest(np.asarray(value) if hasattr(value, "__array__") else value for value in values)


class _Loop:
    """Epochs over one set of rows."""

    def __init__(
        self,
        made: Program,
        rows: RowSet | BlockSet,
        validation: RowSet | None,
        objective: Objective,
        settings: Settings,
        batch_size: int,
        progress: Progress,
        keeper: Keeper | None,
        ranks: Ranks,
    ) -> None:
        self.program, self.objective, self.settings, self.batch_size = made, objective, settings, batch_size
        self.keeper, self.ranks = keeper, ranks
        self.progress = progress if ranks.leads else Silent()
        self.feed = feed_of(rows, batch_size, settings.seed, ranks)
        self.n_rows, self.steps = self.feed.n_rows, self.feed.steps
        self.before = settings.first_step // self.steps  # epochs of earlier calls, whose orders are used up
        self.validation = None if validation is None else (*validation.on_device(ranks), len(validation))
        self.total = settings.epochs * self.steps
        self.factor = 1.0  # of the learning rate, as listeners set it
        self.pace, self.lagging = Pace() if ranks.size > 1 else None, ""

    def run(self, run: _Run, listeners: Sequence[Listener], at: Position | None = None) -> Outcome:
        settings = self.settings
        marks = {"good": _Mark(0, run.trainable, run.other, run.moments)}
        marks["best"] = marks["good"]
        diverged, lowest, stopped = None, np.inf, False
        first_epoch = 0
        self.sums: list[np.ndarray] = []  # of the windows that an epoch has behind it
        self.progress.begin("training", settings.epochs * self.n_rows, "rows")
        with interrupts() as interrupted:
            try:
                if at is not None:
                    lowest, stopped = self._go_on(run, marks, at)
                    first_epoch = at.epoch
                elif settings.patience is not None:  # a network may start well: as PCA, or where an earlier fit ended
                    lowest = self._validate(run, interrupted).get("val_loss", np.inf)
                for epoch in range(first_epoch, settings.epochs if not stopped else first_epoch):
                    self.started = time.monotonic()
                    self.told = {"lowest": lowest, "stopped": False}
                    logs, bad = self._epoch(run, marks, epoch, interrupted, at)
                    at = None
                    if bad is not None:
                        diverged = (epoch + 1, bad)
                        break
                    self._record(run, logs)
                    seen = Epoch(epoch, logs, logs["learning_rate"], {**run.trainable, **run.other})
                    if listeners:
                        self._tell(seen, run, listeners)
                    marks["good"] = _Mark(epoch + 1, run.trainable, run.other, run.moments)
                    monitored = logs.get("val_loss", np.inf)
                    if settings.patience is None or monitored < lowest:
                        marks["best"], lowest = marks["good"], monitored
                    stopped = seen.stop or (settings.patience is not None and epoch + 1 - marks["best"].epoch >= settings.patience)
                    self.told = {"lowest": lowest, "stopped": stopped}
                    last = stopped or epoch + 1 == settings.epochs
                    if self.keeper is not None and (last or self.keeper.due(between_epochs=True)):
                        self._leave(run, marks, epoch + 1)
                    if stopped:
                        break
            except KeyboardInterrupt:
                interrupted.set()
                if not marks["good"].epoch and self._sound(run):  # not one whole epoch: what there is
                    marks["best"] = _Mark(0, run.trainable, run.other, run.moments)
        self.progress.end(self._figures(run.history))
        kept = marks["good" if diverged else "best"]
        final = self.program.final(kept.trainable, kept.moments)
        return Outcome(
            weights={name: np.array(value) for name, value in {**final, **kept.other}.items()},
            optimizer_state=[np.array(value) for value in kept.moments],
            history=run.history,
            epoch=kept.epoch,
            steps=settings.first_step + len(run.history.get("loss", ())) * self.steps,
            seconds=0.0,
            diverged=diverged,
            interrupted=interrupted.is_set(),
        )

    def _epoch(
        self, run: _Run, marks: dict[str, _Mark], epoch: int, interrupted: threading.Event, at: Position | None
    ) -> tuple[dict[str, float], int | None]:
        """Run one epoch, or what is left of it; give its logs, and the first step that was not finite."""
        settings = self.settings
        number, start = (0, 0) if at is None else (at.window, at.step)
        rate, last_epoch = 0.0, self.before + settings.epochs - 1
        for window in self.feed.windows(self.before + epoch, number, last_epoch):
            sums, bad, rate = self._window(run, marks, epoch, window, start, interrupted, at)
            if bad is not None:
                return {}, window.first + bad
            self.sums.append(sums)
            start, at = 0, None
        logs = self.objective.logs(np.concatenate(self.sums), settings.numbers)
        self.sums = []
        if not np.isfinite(logs["loss"]):
            return {}, self.steps
        if self.validation is not None:
            logs.update(self._validate(run, interrupted))
        logs["learning_rate"] = rate
        return logs, None

    def _window(
        self, run: _Run, marks: dict[str, _Mark], epoch: int, window: Window, start: int, interrupted: threading.Event, at: Position | None
    ) -> tuple[np.ndarray, int | None, float]:
        """Run the steps of a window from one on; give their sums, the first step that was not finite, and the last learning rate."""
        settings, slots = self.settings, self.feed.slots
        first = settings.first_step + epoch * self.steps + window.first
        rates = np.zeros(slots, np.float32)
        rates[: window.steps] = settings.rates(window.steps, first, settings.first_step + self.total) * self.factor
        sums: Any = np.zeros((slots, len(self.objective.terms), 2), np.float32)
        if at is not None:
            sums = at.arrays.get("sums", sums)
        drawn = self.settings.drawn(first)
        while start < window.steps:
            stop = min(window.steps, start + self._chunk(run))
            begun = time.monotonic()
            state = (run.trainable, run.other, run.moments, sums)
            span = (np.int32(window.n), np.int32(start), np.int32(stop))
            state, finite = self.program.train(state, window.data, window.scale, window.order, rates, drawn, *span)
            if not bool(finite):
                losses = np.asarray(state[3])[start:stop].sum((1, 2))
                bad = np.flatnonzero(~np.isfinite(losses))
                return np.asarray(sums), start + int(bad[0]) + 1 if len(bad) else stop, 0.0
            run.trainable, run.other, run.moments, sums = state
            run.seconds_per_step = self._agreed((time.monotonic() - begun) / (stop - start), interrupted)
            start = stop
            if self.keeper is not None and (interrupted.is_set() or self.keeper.due()):
                self._leave(run, marks, epoch, window.number, start, np.asarray(sums))
            if interrupted.is_set():
                raise KeyboardInterrupt
            done = (window.first + start) / self.steps
            self.progress.advance((epoch + done) * self.n_rows, self._figures(run.history, epoch, window.first + start))
        return np.asarray(sums)[: window.steps], None, float(rates[window.steps - 1])

    def _agreed(self, seconds_per_step: float, interrupted: threading.Event) -> float:
        """Tell all processes how fast a chunk was, and whether to stop after it, so that all go on alike; give the pace of the slowest."""
        if stopping.is_set():
            interrupted.set()
        if self.pace is None:
            return seconds_per_step
        told = self.ranks.agree(seconds_per_step, interrupted.is_set(), *self.pace.told(self.feed.waited))
        if told[:, 1].any():
            interrupted.set()
        self.lagging = lagging(told[:, 2], told[:, 3], self.ranks.hosts)
        return float(told[:, 0].max())

    def _leave(
        self, run: _Run, marks: dict[str, _Mark], epoch: int, window: int = 0, step: int = 0, sums: np.ndarray | None = None
    ) -> None:
        """Leave what a later process needs to go on."""
        assert self.keeper is not None
        arrays = _Mark(0, run.trainable, run.other, run.moments).arrays("now")
        if sums is not None:  # within an epoch; at its end, what is good is what is now
            arrays |= marks["good"].arrays("good")
        if marks["best"] is not marks["good"]:
            arrays |= marks["best"].arrays("best")
        if sums is not None:
            arrays["sums"] = sums
        if self.sums:
            arrays["windows"] = np.concatenate(self.sums)
        told = {**self.told, "good": marks["good"].epoch, "best": marks["best"].epoch, "history": run.history, "factor": self.factor}
        self.keeper.write(Position(epoch, window, step, arrays, told))

    def _go_on(self, run: _Run, marks: dict[str, _Mark], at: Position) -> tuple[float, bool]:
        """Take over what an earlier process left; give the lowest validation loss, and whether training had stopped."""
        now = _Mark.of("now", 0, at.arrays, run)
        run.trainable, run.other, run.moments = now.trainable, now.other, now.moments
        run.history, self.factor = at.told["history"], float(at.told["factor"])
        good, best = int(at.told["good"]), int(at.told["best"])
        marks["good"] = _Mark.of("good" if "good/0" in at.arrays else "now", good, at.arrays, run)
        marks["best"] = _Mark.of("best", best, at.arrays, run) if "best/0" in at.arrays else marks["good"]
        self.sums = [at.arrays["windows"]] if "windows" in at.arrays else []
        return float(at.told["lowest"]), bool(at.told["stopped"])

    def _chunk(self, run: _Run) -> int:
        if run.seconds_per_step is None:
            return 1
        return max(1, int(CHUNK_SECONDS / max(run.seconds_per_step, 1e-7)))

    def _validate(self, run: _Run, interrupted: threading.Event) -> dict[str, float]:
        assert self.validation is not None
        data, scale, n = self.validation
        batches = -(-n // min(EVALUATION_BATCH, size_class(n)))
        trainable = self.program.final(run.trainable, run.moments)
        sums: list[np.ndarray] = []
        numbers = self.settings.drawn(VALIDATION)
        chunk, start = 64, 0
        while start < batches:
            stop = min(batches, start + chunk)
            span = (np.int32(n), np.int32(start), np.int32(stop))
            sums.append(np.asarray(self.program.evaluate(trainable, run.other, data, scale, numbers, *span)))
            if interrupted.is_set() and self.ranks.size == 1:  # of several, all stop after the same chunk of training
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
        if self.lagging and epoch is not None:
            text.append(self.lagging)
        return "  ".join(text)


@contextmanager
def interrupts() -> Iterator[threading.Event]:
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
