"""Fitting: from an estimator's parameters and rows to a trained network and what is said of it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from sklearn.utils import check_random_state

from narrows import _backend
from narrows.data import Blocks
from narrows.diagnostics import Verdict
from narrows.diagnostics.course import REMEDY
from narrows.errors import TrainingDiverged
from narrows.estimators import _blocks, _callbacks
from narrows.estimators._checks import check_number, check_target, check_weights, check_whole, check_word, dense
from narrows.estimators._judging import judge
from narrows.estimators._labels import NONE, held_out, scale_of
from narrows.neighbors import nearest_neighbors
from narrows.networks import computation as computations
from narrows.networks import linear_path
from narrows.networks import scale as scales
from narrows.networks.lowering import resolve_precision
from narrows.networks.network import Network
from narrows.networks.plan import Plan, penalties
from narrows.progress import Bar, Progress, Silent
from narrows.quality import LinearCode
from narrows.training import noise as noises
from narrows.training import objective as objectives
from narrows.training import optimizers
from narrows.training.callbacks import KerasCallbacks, check_callbacks
from narrows.training.checkpoints import Checkpoint
from narrows.training.rows import BlockSet, RowSet
from narrows.training.trainer import Outcome, Settings, train

STEPS = 3000  # what epochs="auto" gives at least, where the rows are few
EPOCHS = 20  # and what it gives where they are many
MOST_EPOCHS = 500
FEWEST_VALIDATION = 10  # rows that "auto" holds out at least, or a quarter of fewer than 40: without, few rows are learned by heart
FEWEST = 8  # rows of which "auto" holds some out
START_ROWS = 2**15  # that PCA sees where the network starts from it
NEIGHBORS_BY = 50  # components of PCA by which neighbors are found: of images they keep nearly all neighborhoods
TRIED = 256  # rows that a user's own noise is tried on
LOSSES = {"mean_squared_error": "mse", "binary_crossentropy": "bce"}


@dataclass
class Seeds:
    """Independent generators for the parts of a fit, all from `random_state`."""

    weights: np.random.Generator
    order: int
    split: np.random.Generator
    noise: int
    pair: int

    @classmethod
    def draw(cls, random_state: Any) -> Seeds:
        """Draw them; a RandomState instance moves on, as ever in scikit-learn."""
        entropy = check_random_state(random_state).randint(0, 2**31 - 1, size=4)
        weights, order, split, noise, pair = np.random.SeedSequence([int(word) for word in entropy]).spawn(5)
        words = [int(seed.generate_state(1)[0]) for seed in (order, noise, pair)]
        return cls(np.random.default_rng(weights), words[0], np.random.default_rng(split), *words[1:])


@dataclass(frozen=True, eq=False)
class Given:
    """What there is to learn from.

    Attributes
    ----------
    rows : ndarray of shape (n, n_features)
        In their own units.
    weight : ndarray of shape (n,), float32, or None
    target : ndarray of shape (n, n_features) or None
        What the reconstructions are to be; None is the rows themselves.
    y : ndarray or None
        Labels: places of classes (n,), -1 for none; or numbers in their own units (n, n_outputs), NaN for none.
    outputs : ndarray of shape (n_outputs,) or None
        What each output of the head stands for: classes, or the places of numbers.
    neighbors : ndarray of shape (n, n_neighbors), int32, or None
        The nearest of these rows to each.
    whole : Whole or None
        All rows, where these are a sample of them.
    """

    rows: np.ndarray
    weight: np.ndarray | None = None
    target: np.ndarray | None = None
    y: np.ndarray | None = None
    outputs: np.ndarray | None = None
    neighbors: np.ndarray | None = None
    whole: _blocks.Whole | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def n_rows(self) -> int:
        """How many there are to learn from."""
        return len(self.rows) if self.whole is None else len(self.whole.blocks)

    @property
    def all_clean(self) -> Any:
        """What all reconstructions are to be: an array, or blocks."""
        return self.clean if self.whole is None else self.whole.blocks

    @property
    def all_weight(self) -> np.ndarray | None:
        """The weights of all rows."""
        return self.weight if self.whole is None else self.whole.weight

    @property
    def all_y(self) -> np.ndarray | None:
        """The labels of all rows."""
        return self.y if self.whole is None else self.whole.y

    @property
    def clean(self) -> np.ndarray:
        """What the reconstructions are to be."""
        return self.rows if self.target is None else self.target

    @property
    def labels(self) -> np.ndarray | None:
        """Labels as a user has them, None for none."""
        if self.y is None or self.outputs is None:
            return None
        if self.y.ndim == 2:
            return self.y if self.y.shape[1] > 1 else self.y[:, 0]
        labels = self.outputs[self.y]
        if (self.y == NONE).any():
            labels = labels.astype(object)
            labels[self.y == NONE] = None
        return labels

    def take(self, chosen: np.ndarray) -> Given:
        """Give some of the rows with what belongs to them, but for their neighbors."""
        every = {name: getattr(self, name) for name in ("rows", "weight", "target", "y")}
        taken: dict[str, Any] = {name: None if part is None else part[chosen] for name, part in every.items()}
        return replace(self, neighbors=None, whole=None, **taken)


def fit(estimator: Any, X: Any, y: Any, sample_weight: Any, validation_data: Any, target: Any, checkpoint: Any = None) -> None:
    """Fit from the beginning, or go on with ``warm_start``; see `BaseAutoencoder.fit`."""
    _backend.keras()
    context = _callbacks.begin(estimator)
    check_params(estimator)
    checkpoint = _checkpoint_of(estimator, checkpoint)
    if estimator.neighbor_weight:
        _blocks.refuse(X, "neighbor_weight, which looks for neighbors among all rows,")
    network = estimator._network if estimator.warm_start and hasattr(estimator, "_network") else None
    given = given_of(estimator, X, y, sample_weight, target, reset=True, outputs=None if network is None else estimator._outputs)
    n_features = None if network is None else estimator._job.width(estimator, network)
    if n_features is not None and n_features != given.rows.shape[1]:
        raise ValueError(f"warm_start goes on with {n_features} features, but X has {given.rows.shape[1]}; set warm_start=False")
    seeds = Seeds.draw(estimator.random_state)
    epochs = n_epochs(estimator, given.n_rows)
    early = stops_early(estimator, given.n_rows if validation_data is None else None)
    if validation_data is not None:
        validation: Given | None = validation_of(estimator, validation_data, given.outputs)
    elif early:
        given, validation = _split(given, _n_held_out(estimator, given.n_rows), seeds.split)
    else:
        validation = None
    job = estimator._job(estimator, given, seeds, network)
    if estimator.neighbor_weight:
        job.given = given = _with_neighbors(estimator, job.network.scale, given)
        if validation is not None and len(validation) > 1:
            alike = max(1, round(estimator.n_neighbors * len(validation) / len(given)))  # so many reach as far among fewer rows
            validation = _with_neighbors(estimator, job.network.scale, validation, most=min(alike, len(validation) - 1))
    settings = job.settings(epochs, patience_of(estimator, epochs) if early else None)
    outcome = job.run(settings, validation, context=context, checkpoint=checkpoint)
    job.conclude(outcome, validation, epochs)
    if context is not None:
        context.call_on_fit_task_end(estimator=estimator, X=given.rows, y=given.labels)
    raise_for(outcome)


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


def preview(estimator: Any, rows: np.ndarray, y: Any = None) -> Preview:
    """Tell what `fit` will choose for rows of shape (n, n_features) and their labels, without training.

    Raises
    ------
    ValueError, TypeError
        As `fit` does for parameters out of range.
    """
    _backend.keras()
    check_params(estimator)
    job = estimator._job(estimator, given_of(estimator, rows, y, None, None, reset=True), Seeds.draw(0), None, start=False)
    return Preview(job.network.plan, job.objective.reconstruction.name, job.network.scale.kind, job.precision)


def first_network(estimator: Any, rows: np.ndarray, y: Any = None) -> Network:
    """Give the network that `fit` starts from, where no validation rows are held out of these.

    Parameters
    ----------
    estimator : BaseAutoencoder
        Its `random_state` is a number; it is left as it is, but for what is known of the rows.
    rows : ndarray of shape (n, n_features)
    y : array-like of shape (n,), default=None

    Returns
    -------
    Network

    Raises
    ------
    ValueError, TypeError
        As `fit` does.
    """
    _backend.keras()
    check_params(estimator)
    given = given_of(estimator, rows, y, None, None, reset=True)
    network: Network = estimator._job(estimator, given, Seeds.draw(estimator.random_state), None).network
    return network


def partial_fit(estimator: Any, X: Any, y: Any, sample_weight: Any, target: Any, outputs: np.ndarray | None = None) -> None:
    """Pass over some rows once; see `BaseAutoencoder.partial_fit`. `outputs` may say what the head's outputs will stand for."""
    _backend.keras()
    check_params(estimator)
    if estimator.neighbor_weight:
        raise ValueError("neighbor_weight looks for neighbors among all rows at once: use fit with all of them, or neighbor_weight=0")
    _blocks.refuse(X, "partial_fit")
    network = getattr(estimator, "_network", None)
    first = network is None
    outputs = outputs if first else estimator._outputs
    given = given_of(estimator, X, y, sample_weight, target, reset=first, outputs=outputs, least=2 if first else 1)
    state = getattr(estimator, "_partial", None)
    unused = np.random.default_rng(0)
    seeds = Seeds.draw(estimator.random_state) if state is None else Seeds(unused, state["seed"], unused, state["noise"], 0)
    job = estimator._job(estimator, given, seeds, network, constant_rate=True)
    settings = job.settings(1, None, steps_before=state["steps"] if state else 0)
    outcome = job.run(settings, None, optimizer_state=state["optimizer_state"] if state else None)
    estimator._partial = {"seed": seeds.order, "noise": seeds.noise, "steps": outcome.steps, "optimizer_state": outcome.optimizer_state}
    before = getattr(estimator, "history_", {})
    estimator.history_ = {name: [*before.get(name, []), *values] for name, values in outcome.history.items()}
    estimator.n_epochs_ = getattr(estimator, "n_epochs_", 0) + 1
    estimator.best_epoch_ = estimator.n_epochs_
    estimator.diagnostics_ = []
    raise_for(outcome)


class Job:
    """One call of the trainer: what an estimator's parameters mean for these rows.

    With `start`, weights that are new begin from the rows; without, where nothing is to be trained, anywhere.
    """

    in_blocks = True  # whether rows may come so

    def __init__(
        self,
        estimator: Any,
        given: Given,
        seeds: Seeds,
        network: Network | None,
        *,
        start: bool = True,
        constant_rate: bool = False,
    ) -> None:
        self.estimator, self.given, self.seeds = estimator, given, seeds
        schedule = "constant" if constant_rate else estimator.schedule
        self.optimizer, _, self.rates = optimizers.resolve(estimator.optimizer, estimator.learning_rate, schedule)
        self.precision = resolve_precision(estimator.precision)
        if network is None:
            self.network, self.loss, self.output = self._begin(start, None if constant_rate else given.n_rows)
        else:
            self.network, self.loss, self.output = network, estimator._loss, estimator.output_activation_
        plan, head = self.network.plan, self.network.head
        self.penalties = plan.penalties if plan is not None else penalties(() if head is None else head.layers)
        code_penalty = bool(estimator.code_l1 or estimator.code_l2)
        self.objective = objectives.Objective(
            self._reconstruction(), code_penalty, tuple(self.penalties), estimator._labels, bool(estimator.neighbor_weight)
        )
        self.noise, self.bounds = self._noise()

    @staticmethod
    def noise_of(noise: Any) -> noises.Noise | None:
        """Give what the parameter `noise` stands for; refuse what it cannot be."""
        return noises.resolve(noise)

    @staticmethod
    def width(estimator: Any, network: Network) -> int:
        """Give how many numbers a row has that a network goes on with."""
        del estimator
        return int(network.scale.shift.size)

    def judge(self, validation: Given | None, epochs: int, outcome: Outcome) -> list[Verdict]:
        """Give the verdicts on a run that was to have so many epochs."""
        return judge(self.estimator, self.given, validation, epochs, outcome)

    def _begin(self, start: bool, n_rows: int | None) -> tuple[Network, Any, Any]:
        """Give a new network for so many rows (None if more may come), its loss, and the activation of its output."""
        estimator, given = self.estimator, self.given
        # Rows in memory take a moment; those in blocks are read for it from end to end.
        progress = progress_of(estimator.verbose) if isinstance(given.all_clean, Blocks) else None
        scale = scales.learn(estimator.scale, given.all_clean, given.all_weight, progress)
        output = _choose_output(estimator, scale)
        network = _new_network(estimator, scale, output, self.seeds.weights, given, start, n_rows)
        probabilities = output == "sigmoid" if network.plan is not None else network.computation.gives_probabilities()
        loss = _choose_loss(estimator, scale, probabilities)
        return network, loss, output if network.plan is not None else "linear"  # a user's own decoder ends as it ends

    def _reconstruction(self) -> Any:
        """Give the reconstruction's term."""
        output = self.output if self.network.plan is not None else None
        return objectives.reconstruction(self.loss, output, self.network.computation.output_activation)

    def _noise(self) -> tuple[noises.Noise | None, noises.Bounds | None]:
        """Give the noise, and the bounds of the rows where there is any."""
        noise, given = self.noise_of(self.estimator.noise), self.given
        if noise is None:
            return None, None
        noises.check(noise, self.network.scale.apply(given.rows[:TRIED]))
        return noise, noises.bounds(self.network.scale, given.clean, given.weight)

    def settings(self, epochs: int, patience: int | None, *, steps_before: int = 0) -> Settings:
        l1, l2 = (np.array([pair[i] for pair in self.penalties.values()], np.float32) for i in (0, 1))
        strengths = {"code_l1": 0.0, "code_l2": 0.0, "neighbor_weight": 0.0, "reconstruction_weight": 1.0, "label_weight": 0.0}
        numbers: dict[str, Any] = {name: np.float32(getattr(self.estimator, name, own)) for name, own in strengths.items()}
        given = self.given
        numbers |= {"l1": l1, "l2": l2, **self.estimator._label_numbers(given.all_y, given.outputs, given.all_weight)}
        if self.noise is not None and self.bounds is not None:
            low, high = self.bounds
            numbers["noise"] = {"strength": np.float32(self.noise.get_params().get("strength", 0.0)), "low": low, "high": high}
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
            noise=self.noise,
            noise_seed=self.seeds.noise,
            pair_seed=self.seeds.pair if self.objective.neighbors else None,
        )

    def row_set(self, given: Given) -> RowSet | BlockSet:
        y, scale = given.all_y, self.network.label_scale
        y = y if y is None or scale is None else scale.apply(y)
        if given.whole is not None:
            return BlockSet(given.whole.blocks, self.network.scale, given.whole.weight, y)
        return RowSet(given.rows, self.network.scale, given.weight, given.target, y, given.neighbors)

    def run(
        self,
        settings: Settings,
        validation: Given | None,
        *,
        context: Any = None,
        optimizer_state: Any = None,
        checkpoint: Checkpoint | None = None,
    ) -> Outcome:
        """Train, and keep what was learned."""
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
            listeners.append(_callbacks.listener(estimator, context, network, self.given))
        outcome = train(
            network.computation,
            network.weights,
            self.row_set(self.given),
            self.objective,
            settings,
            validation=None if validation is None else self.row_set(validation),  # type: ignore[arg-type]  # these are in memory
            optimizer_state=optimizer_state,
            listeners=listeners,
            progress=progress_of(estimator.verbose),
            checkpoint=checkpoint,
        )
        self.keep(outcome)
        if played is not None:
            network.weights = played.end()
        return outcome

    def keep(self, outcome: Outcome) -> None:
        """Set what every fitted estimator has."""
        estimator, network = self.estimator, self.network
        network.weights = outcome.weights
        estimator._network, estimator._loss = network, self.loss
        if estimator._labels == "classes":
            estimator.classes_ = self.given.outputs
        estimator.loss_, estimator.output_activation_ = self.objective.reconstruction.name, self.output
        estimator.scale_, estimator.precision_ = network.scale.kind, self.precision
        estimator.n_parameters_ = estimator.layer_table().n_parameters
        estimator.fit_seconds_ = outcome.seconds

    def conclude(self, outcome: Outcome, validation: Given | None, epochs: int) -> None:
        """Set what a whole fit leaves beside: its course, and the verdicts on it."""
        estimator = self.estimator
        estimator.__dict__.pop("_partial", None)
        estimator.history_ = outcome.history
        estimator.n_epochs_ = len(outcome.history.get("loss", ()))
        estimator.best_epoch_ = outcome.epoch
        # At Ctrl-C nobody wants to wait for a verdict.
        estimator.diagnostics_ = [] if outcome.interrupted else self.judge(validation, epochs, outcome)


def check_params(estimator: Any) -> None:
    """Refuse parameters that are out of range, as far as that can be told without rows and without Keras."""
    check_whole("n_components", estimator.n_components, words=(estimator._own_size,))
    check_whole("batch_size", estimator.batch_size)
    check_whole("epochs", estimator.epochs, words=("auto",))
    check_whole("patience", estimator.patience, words=("auto",))
    check_word("linear_path", estimator.linear_path, ("auto", True, False))
    check_word("early_stopping", estimator.early_stopping, ("auto", True, False))
    check_word("warm_start", estimator.warm_start, (True, False))
    check_number("validation_fraction", estimator.validation_fraction, 0, 1, open_ends=True)
    check_number("code_l1", estimator.code_l1, 0, 1e30)
    check_number("code_l2", estimator.code_l2, 0, 1e30)
    check_number("neighbor_weight", estimator.neighbor_weight, 0, 1e30)
    check_whole("n_neighbors", estimator.n_neighbors)
    estimator._job.noise_of(estimator.noise)
    if estimator._labels:
        check_number("reconstruction_weight", estimator.reconstruction_weight, 0, 1e30)
        check_number("label_weight", estimator.label_weight, 0, 1e30)
        if not estimator.reconstruction_weight and not estimator.label_weight and not estimator.neighbor_weight:
            raise ValueError("reconstruction_weight and label_weight are both 0, which leaves nothing to learn: set one of them above 0")
    check_callbacks(estimator.callbacks or ())
    progress_of(estimator.verbose)


def given_of(
    estimator: Any, X: Any, y: Any, sample_weight: Any, target: Any, *, reset: bool, outputs: np.ndarray | None = None, least: int = 2
) -> Given:
    if not estimator._job.in_blocks:
        _blocks.refuse(X, type(estimator).__name__)
    if isinstance(X, Blocks):
        return _given_in_blocks(estimator, X, y, sample_weight, target, reset=reset, outputs=outputs)
    rows = dense(estimator._read(X, reset=reset, least=least, sample_weight=sample_weight))
    labels, outputs = estimator._read_labels(y, len(rows), outputs)
    return Given(rows, check_weights(sample_weight, len(rows)), check_target(target, rows.shape, estimator.image_shape_), labels, outputs)


def _given_in_blocks(
    estimator: Any, X: Blocks, y: Any, sample_weight: Any, target: Any, *, reset: bool, outputs: np.ndarray | None
) -> Given:
    """Read a sample of rows in blocks, and what belongs to all of them."""
    if target is not None:
        raise TypeError("target takes rows in memory, as X then does; of Blocks the targets are the rows themselves")
    y = X.labels if y is None and estimator._labels else y
    rows, numbers = X.sample()
    estimator._read(_blocks.as_known(X, rows), reset=reset, least=2)
    labels, outputs = estimator._read_labels(y, len(X), outputs)
    whole = _blocks.Whole(X, check_weights(sample_weight, len(X)), labels)
    weight, labels = (None if part is None else part[numbers] for part in (whole.weight, labels))
    return Given(rows, weight, None, labels, outputs, whole=whole)


def _checkpoint_of(estimator: Any, checkpoint: Any) -> Checkpoint | None:
    if checkpoint is None:
        return None
    if not isinstance(estimator.random_state, int | np.integer):
        raise ValueError(f"a checkpoint needs a run that can be repeated: set random_state to a number, got {estimator.random_state!r}")
    if estimator.callbacks:
        raise ValueError("callbacks have a state of their own that no checkpoint holds: leave out either callbacks or the checkpoint")
    return checkpoint if isinstance(checkpoint, Checkpoint) else Checkpoint(checkpoint)


def validation_of(estimator: Any, data: Any, outputs: np.ndarray | None) -> Given:
    """Read rows to validate on, with labels where the estimator has them, and with targets where they are given."""
    parts = list(data) if isinstance(data, tuple) else [data]
    wanted = "(X, y) or (X, y, target)" if estimator._labels else "X or (X, target)"
    if not (2 <= len(parts) <= 3 if estimator._labels else 1 <= len(parts) <= 2):
        raise ValueError(f"validation_data must be {wanted}, got {len(parts)} {'part' if len(parts) == 1 else 'parts'}")
    rows = dense(estimator._read(parts[0], reset=False))
    y, _ = estimator._read_labels(parts[1] if estimator._labels else None, len(rows), outputs)
    target = parts[-1] if len(parts) == (3 if estimator._labels else 2) else None
    return Given(rows, None, check_target(target, rows.shape, estimator.image_shape_), y, outputs)


def stops_early(estimator: Any, n: int | None) -> bool:
    """Tell whether validation decides, where it is to be held out of n rows, or was given (None)."""
    if estimator.early_stopping == "auto":
        return bool(estimator.epochs == "auto" and (n is None or n >= FEWEST))
    return bool(estimator.early_stopping)


def patience_of(estimator: Any, epochs: int) -> int:
    """Give the epochs without a better one after which a fit stops early."""
    return max(10, epochs // 10) if estimator.patience == "auto" else int(estimator.patience)


def _n_held_out(estimator: Any, n: int) -> int:
    share = max(1, round(n * estimator.validation_fraction))
    return max(share, min(FEWEST_VALIDATION, n // 4)) if estimator.early_stopping == "auto" else share


def n_epochs(estimator: Any, n: int) -> int:
    if estimator.epochs != "auto":
        return int(estimator.epochs)
    steps_an_epoch = -(-n // estimator.batch_size)
    return int(min(MOST_EPOCHS, max(EPOCHS, -(-STEPS // steps_an_epoch))))


def _split(given: Given, n_held_out: int, rng: np.random.Generator) -> tuple[Given, Given]:
    """Part the rows: to learn from, and so many to validate on."""
    if given.whole is not None:
        return _split_in_blocks(given, given.whole, n_held_out, rng)
    n, groups = len(given), given.y
    if groups is not None and groups.ndim == 2:  # numbers to predict: only whether a row has them all
        known = ~np.isnan(groups).any(1)
        groups = None if known.all() else np.where(known, 0, NONE)
    held = held_out(groups, n, min(n - 1, n_held_out), rng)
    return given.take(~held), replace(given.take(held), weight=None)


def _split_in_blocks(given: Given, whole: _blocks.Whole, n_held_out: int, rng: np.random.Generator) -> tuple[Given, Given]:
    rest, rows, numbers = whole.blocks.hold_out(_blocks.most_held(whole.blocks, n_held_out), rng)
    y = None if whole.y is None else whole.y[numbers]
    left = whole.without(numbers, rest)
    sample, chosen = rest.sample()
    weight, labels = (None if part is None else part[chosen] for part in (left.weight, left.y))
    return replace(given, rows=sample, weight=weight, y=labels, whole=left), Given(rows, None, None, y, given.outputs)


def _new_network(
    estimator: Any, scale: scales.Scale, output: Any, rng: np.random.Generator, given: Given, start: bool, n_rows: int | None
) -> Network:
    n_features = scale.shift.size
    plan = estimator._make_plan(n_features, n_rows, output)
    n_outputs = 0 if given.outputs is None else len(given.outputs)
    label_scale = scale_of(given.all_y, given.all_weight) if estimator._labels == "numbers" and given.all_y is not None else None
    if plan is None:
        n_components = int(estimator.n_components)
        head = estimator._make_head(n_components, n_outputs) if n_outputs else None
        computation = computations.of_models(estimator.layers.build, n_features, n_components, rng, head)
        weights = {**computation.weights(), **computations.draw_weights(() if head is None else head.layers, rng)}
        return Network(scale, weights, None, computation, head=head, label_scale=label_scale)
    if n_outputs:
        plan = plan.model_copy(update={"head": estimator._make_head(plan.n_components, n_outputs)})
    weights = computations.first_weights(plan, rng, scale.mean)
    if plan.linear_path and start:
        pca = _pca(scale, given.clean, given.weight, plan.n_components)
        weights.update(linear_path.first_weights(plan, pca.mean, pca.components))
    return Network(scale, weights, plan, label_scale=label_scale)


def _pca(scale: scales.Scale, rows: np.ndarray, weight: np.ndarray | None, n_components: int) -> LinearCode:
    """Fit PCA to scaled rows, or to some of them, evenly spread, where they are many."""
    step = -(-len(rows) // START_ROWS)
    return LinearCode.fit(scale.apply(rows[::step]), n_components, weight=None if weight is None else weight[::step])


def _with_neighbors(estimator: Any, scale: scales.Scale, given: Given, *, most: int | None = None) -> Given:
    """Find the neighbors of all rows: by their scaled numbers, or by what PCA keeps of them where these are many."""
    wanted = int(estimator.n_neighbors)
    n_neighbors = wanted if most is None else min(wanted, most)
    if n_neighbors >= len(given):
        raise ValueError(
            f"n_neighbors={wanted} needs more than {wanted} rows to learn from, and there are {len(given):,}: "
            "give more rows, ask for fewer neighbors, or set neighbor_weight=0"
        )
    rows = scale.apply(given.clean)
    if rows.shape[1] > NEIGHBORS_BY and len(rows) > NEIGHBORS_BY:
        rows = _pca(scale, given.clean, given.weight, NEIGHBORS_BY).encode(rows).astype(np.float32)
    return replace(given, neighbors=nearest_neighbors(rows, n_neighbors, progress=progress_of(estimator.verbose)))


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


def progress_of(verbose: Any) -> Progress:
    """Give where progress is shown: what the parameter `verbose` says."""
    if isinstance(verbose, bool | int | np.integer):
        return Bar() if verbose else Silent()
    if not all(callable(getattr(verbose, name, None)) for name in ("begin", "advance", "end")):
        raise TypeError(f"verbose must be a number, or a Progress with begin, advance and end, got {verbose!r}")
    return verbose  # a Progress of the caller's


def raise_for(outcome: Outcome) -> None:
    if outcome.diverged is not None:
        epoch, step = outcome.diverged
        raise TrainingDiverged(epoch, step, REMEDY)
    if outcome.interrupted:
        raise KeyboardInterrupt(f"training was interrupted; the estimator holds the weights of epoch {outcome.epoch}")
