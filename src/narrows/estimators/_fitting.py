"""Fitting: from an estimator's parameters and rows to a trained network and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from narrows import _backend
from narrows.diagnostics.course import REMEDY
from narrows.errors import TrainingDiverged
from narrows.estimators import _callbacks
from narrows.estimators._checks import check_number, check_rows, check_weights, check_whole, check_word, dense
from narrows.estimators._judging import judge
from narrows.networks import computation as computations
from narrows.networks import linear_path
from narrows.networks import scale as scales
from narrows.networks.lowering import resolve_precision
from narrows.networks.network import Network
from narrows.networks.plan import Plan
from narrows.progress import Bar, Progress, Silent
from narrows.quality import LinearCode
from narrows.training import objective as objectives
from narrows.training import optimizers
from narrows.training.callbacks import KerasCallbacks, check_callbacks
from narrows.training.trainer import Outcome, RowSet, Settings, train

STEPS = 3000  # what epochs="auto" gives at least, where the rows are few
EPOCHS = 20  # and what it gives where they are many
MOST_EPOCHS = 500
FEWEST_VALIDATION = 10  # rows: fewer tell nothing, and "auto" does without
START_ROWS = 2**15  # that PCA sees where the network starts from it
LOSSES = {"mean_squared_error": "mse", "binary_crossentropy": "bce"}


@dataclass
class Seeds:
    """Independent generators for the parts of a fit, all from `random_state`."""

    weights: np.random.Generator
    order: int
    split: np.random.Generator

    @classmethod
    def draw(cls, random_state: Any) -> Seeds:
        """Draw them; a RandomState instance moves on, as ever in scikit-learn."""
        entropy = check_random_state(random_state).randint(0, 2**31 - 1, size=4)
        weights, order, split = np.random.SeedSequence([int(word) for word in entropy]).spawn(3)
        return cls(np.random.default_rng(weights), int(order.generate_state(1)[0]), np.random.default_rng(split))


def fit(estimator: Any, X: Any, sample_weight: Any, validation_data: Any) -> None:
    """Fit from the beginning, or go on with ``warm_start``; see `BaseAutoencoder.fit`."""
    _backend.keras()
    context = _callbacks.begin(estimator)
    check_params(estimator)
    rows, weight = _rows_to_learn(estimator, X, sample_weight, reset=True)
    seeds = Seeds.draw(estimator.random_state)
    epochs = _n_epochs(estimator, len(rows))
    early = _stops_early(estimator, len(rows))
    if validation_data is not None:
        validation: np.ndarray | None = dense(check_rows(estimator, validation_data, reset=False))
    elif early:
        rows, weight, validation = _split(rows, weight, estimator.validation_fraction, seeds.split)
    else:
        validation = None
    network = estimator._network if estimator.warm_start and hasattr(estimator, "_network") else None
    if network is not None and network.scale.shift.size != rows.shape[1]:
        raise ValueError(f"warm_start goes on with {network.scale.shift.size} features, but X has {rows.shape[1]}; set warm_start=False")
    job = _Job(estimator, rows, weight, seeds, network)
    patience = max(10, epochs // 10) if estimator.patience == "auto" else int(estimator.patience)
    settings = job.settings(epochs, patience if early else None)
    outcome = job.run(settings, validation, context=context)
    estimator.__dict__.pop("_partial", None)
    estimator.history_ = outcome.history
    estimator.n_epochs_ = len(outcome.history.get("loss", ()))
    estimator.best_epoch_ = outcome.epoch
    # At Ctrl-C nobody wants to wait for a verdict.
    estimator.diagnostics_ = [] if outcome.interrupted else judge(estimator, rows, weight, validation, epochs, outcome)
    if context is not None:
        context.call_on_fit_task_end(estimator=estimator, X=rows)
    _raise(outcome)


@dataclass(frozen=True)
class Preview:
    """What `fit` will do with some rows.

    Attributes
    ----------
    plan : Plan or None
        None for a user's own models.
    loss, scale, precision : str
        As the fitted attributes will have them.
    """

    plan: Plan | None
    loss: str
    scale: str
    precision: str


def preview(estimator: Any, rows: np.ndarray) -> Preview:
    """Tell what `fit` will choose for rows of shape (n, n_features), without training.

    Raises
    ------
    ValueError, TypeError
        As `fit` does for parameters out of range.
    """
    _backend.keras()
    check_params(estimator)
    job = _Job(estimator, rows, None, Seeds.draw(0), None, start=False)
    return Preview(job.network.plan, job.objective.reconstruction.name, job.network.scale.kind, job.precision)


def partial_fit(estimator: Any, X: Any, sample_weight: Any) -> None:
    """Pass over some rows once; see `BaseAutoencoder.partial_fit`."""
    _backend.keras()
    check_params(estimator)
    network = getattr(estimator, "_network", None)
    rows, weight = _rows_to_learn(estimator, X, sample_weight, reset=network is None, least=2 if network is None else 1)
    state = getattr(estimator, "_partial", None)
    seeds = (
        Seeds.draw(estimator.random_state) if state is None else Seeds(np.random.default_rng(0), state["seed"], np.random.default_rng(0))
    )
    job = _Job(estimator, rows, weight, seeds, network, constant_rate=True)
    settings = job.settings(1, None, steps_before=state["steps"] if state else 0)
    outcome = job.run(settings, None, optimizer_state=state["optimizer_state"] if state else None)
    estimator._partial = {"seed": seeds.order, "steps": outcome.steps, "optimizer_state": outcome.optimizer_state}
    before = getattr(estimator, "history_", {})
    estimator.history_ = {name: [*before.get(name, []), *values] for name, values in outcome.history.items()}
    estimator.n_epochs_ = getattr(estimator, "n_epochs_", 0) + 1
    estimator.best_epoch_ = estimator.n_epochs_
    estimator.diagnostics_ = []
    _raise(outcome)


class _Job:
    """One call of the trainer: what an estimator's parameters mean for these rows.

    With `start`, weights that are new begin from the rows; without, where nothing is to be trained, anywhere.
    """

    def __init__(
        self,
        estimator: Any,
        rows: np.ndarray,
        weight: np.ndarray | None,
        seeds: Seeds,
        network: Network | None,
        *,
        start: bool = True,
        constant_rate: bool = False,
    ) -> None:
        self.estimator, self.rows, self.weight, self.seeds = estimator, rows, weight, seeds
        schedule = "constant" if constant_rate else estimator.schedule
        self.optimizer, _, self.rates = optimizers.resolve(estimator.optimizer, estimator.learning_rate, schedule)
        self.precision = resolve_precision(estimator.precision)
        if network is None:
            scale = scales.learn(estimator.scale, rows, weight)
            output = _choose_output(estimator, scale)
            network = _new_network(estimator, scale, output, seeds.weights, rows, weight, start, None if constant_rate else len(rows))
            probabilities = output == "sigmoid" if network.plan is not None else network.computation.gives_probabilities()
            self.output = output if network.plan is not None else "linear"  # a user's own decoder ends as it ends
            self.loss = _choose_loss(estimator, scale, probabilities)
        else:
            self.loss, self.output = estimator._loss, estimator.output_activation_
        self.network = network
        plan = network.plan
        apply_output = network.computation.output_activation
        reconstruction = objectives.reconstruction(self.loss, self.output if plan is not None else None, apply_output)
        self.penalties = plan.penalties if plan is not None else {}
        code_penalty = bool(estimator.code_l1 or estimator.code_l2)
        self.objective = objectives.Objective(reconstruction, code_penalty, tuple(self.penalties))

    def settings(self, epochs: int, patience: int | None, *, steps_before: int = 0) -> Settings:
        l1, l2 = (np.array([pair[i] for pair in self.penalties.values()], np.float32) for i in (0, 1))
        numbers = {"code_l1": np.float32(self.estimator.code_l1), "code_l2": np.float32(self.estimator.code_l2), "l1": l1, "l2": l2}
        return Settings(
            optimizer=self.optimizer,
            rates=self.rates,
            epochs=epochs,
            batch_size=int(self.estimator.batch_size),
            seed=self.seeds.order,
            precision=self.precision,
            patience=patience,
            numbers=numbers,
            shared=self.network.plan is not None,
            first_step=steps_before,
        )

    def run(self, settings: Settings, validation: np.ndarray | None, *, context: Any = None, optimizer_state: Any = None) -> Outcome:
        """Train, and set what every fitted estimator has."""
        estimator, network = self.estimator, self.network
        listeners: list[Any] = []
        played = None
        if estimator.callbacks and not settings.first_step:
            models = network.models
            first_rate = float(self.rates(1, 0, settings.epochs)[0])
            expand = network.computation.expand
            played = KerasCallbacks(
                estimator.callbacks,
                models.autoencoder,
                lambda weights: models.assign(expand(weights)),
                models.changed,
                settings.epochs,
                first_rate,
            )
            listeners.append(played)
            share = played.first_share
            settings = replace(settings, rates=lambda steps, first, total: self.rates(steps, first, total) * share)
        if context is not None:
            listeners.append(_callbacks.listener(estimator, context, network, self.rows))
        outcome = train(
            network.computation,
            network.weights,
            RowSet(self.rows, network.scale, self.weight),
            self.objective,
            settings,
            validation=None if validation is None else RowSet(validation, network.scale),
            optimizer_state=optimizer_state,
            listeners=listeners,
            progress=_progress(estimator.verbose),
        )
        network.weights = outcome.weights
        if played is not None:
            network.weights = played.end()
        estimator._network, estimator._loss = network, self.loss
        estimator.loss_, estimator.output_activation_ = self.objective.reconstruction.name, self.output
        estimator.scale_, estimator.precision_ = network.scale.kind, self.precision
        estimator.n_parameters_ = estimator.layer_table().n_parameters
        estimator.fit_seconds_ = outcome.seconds
        return outcome


def check_params(estimator: Any) -> None:
    """Refuse parameters that are out of range, as far as that can be told without rows and without Keras."""
    check_whole("n_components", estimator.n_components)
    check_whole("batch_size", estimator.batch_size)
    check_whole("epochs", estimator.epochs, words=("auto",))
    check_whole("patience", estimator.patience, words=("auto",))
    check_word("linear_path", estimator.linear_path, ("auto", True, False))
    check_word("early_stopping", estimator.early_stopping, ("auto", True, False))
    check_word("warm_start", estimator.warm_start, (True, False))
    check_number("validation_fraction", estimator.validation_fraction, 0, 1, open_ends=True)
    check_number("code_l1", estimator.code_l1, 0, 1e30)
    check_number("code_l2", estimator.code_l2, 0, 1e30)
    check_callbacks(estimator.callbacks or ())
    _progress(estimator.verbose)


def _rows_to_learn(estimator: Any, X: Any, sample_weight: Any, *, reset: bool, least: int = 2) -> tuple[np.ndarray, np.ndarray | None]:
    rows = dense(check_rows(estimator, X, reset=reset, least=least))
    return rows, check_weights(sample_weight, len(rows))


def _stops_early(estimator: Any, n: int) -> bool:
    if estimator.early_stopping == "auto":
        return bool(estimator.epochs == "auto" and n * estimator.validation_fraction >= FEWEST_VALIDATION)
    return bool(estimator.early_stopping)


def _n_epochs(estimator: Any, n: int) -> int:
    if estimator.epochs != "auto":
        return int(estimator.epochs)
    steps_an_epoch = -(-n // estimator.batch_size)
    return int(min(MOST_EPOCHS, max(EPOCHS, -(-STEPS // steps_an_epoch))))


def _split(
    rows: np.ndarray, weight: np.ndarray | None, fraction: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray | None, np.ndarray]:
    """Part the rows: to learn from, their weights, and to validate on."""
    n = len(rows)
    held = min(n - 1, max(1, round(n * fraction)))
    order = rng.permutation(n)
    learn, keep = np.sort(order[held:]), np.sort(order[:held])
    return rows[learn], None if weight is None else weight[learn], rows[keep]


def _new_network(
    estimator: Any,
    scale: scales.Scale,
    output: Any,
    rng: np.random.Generator,
    rows: np.ndarray,
    weight: np.ndarray | None,
    start: bool,
    n_rows: int | None,
) -> Network:
    n_features = scale.shift.size
    plan = estimator._make_plan(n_features, n_rows, output)
    if plan is None:
        computation = computations.of_models(estimator.layers.build, n_features, int(estimator.n_components), rng)
        return Network(scale, computation.weights(), None, computation)
    weights = computations.first_weights(plan, rng, scale.mean)
    if plan.linear_path and start:
        pca = _pca(scale, rows, weight, plan.n_components)
        weights.update(linear_path.first_weights(plan, pca.mean, pca.components))
    return Network(scale, weights, plan)


def _pca(scale: scales.Scale, rows: np.ndarray, weight: np.ndarray | None, n_components: int) -> LinearCode:
    """Fit PCA to scaled rows, or to some of them, evenly spread, where they are many."""
    step = -(-len(rows) // START_ROWS)
    return LinearCode.fit(scale.apply(rows[::step]), n_components, weight=None if weight is None else weight[::step])


def _choose_output(estimator: Any, scale: scales.Scale) -> Any:
    output = estimator.output_activation
    if isinstance(output, str) and output == "auto":
        return "sigmoid" if scale.bounded else "linear"
    return output


def _choose_loss(estimator: Any, scale: scales.Scale, probabilities: bool) -> Any:
    loss = estimator.loss
    if not isinstance(loss, str):
        return loss
    if loss == "auto":
        loss = "bce" if scale.bounded and probabilities else "mse"
    loss = LOSSES.get(loss, loss)
    if loss == "bce" and not scale.bounded:
        raise ValueError("loss='bce' needs rows in [0, 1] after scaling, and these are not: use scale='minmax', or loss='auto' or 'mse'")
    return loss


def _progress(verbose: Any) -> Progress:
    if isinstance(verbose, bool | int | np.integer):
        return Bar() if verbose else Silent()
    if not all(callable(getattr(verbose, name, None)) for name in ("begin", "advance", "end")):
        raise TypeError(f"verbose must be a number, or a Progress with begin, advance and end, got {verbose!r}")
    return verbose  # a Progress of the caller's


def _raise(outcome: Outcome) -> None:
    if outcome.diverged is not None:
        epoch, step = outcome.diverged
        raise TrainingDiverged(epoch, step, REMEDY)
    if outcome.interrupted:
        raise KeyboardInterrupt(f"training was interrupted; the estimator holds the weights of epoch {outcome.epoch}")
