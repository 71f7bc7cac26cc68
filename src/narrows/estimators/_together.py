"""Fits side by side: from estimators that differ in numbers only to one run of training."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from narrows import _backend
from narrows.data import Blocks
from narrows.estimators import _fitting
from narrows.estimators._base import BaseAutoencoder
from narrows.estimators.table import TableAutoencoder
from narrows.training.together import train_together

FREE = ("random_state", "learning_rate", "schedule", "code_l1", "code_l2", "label_weight", "reconstruction_weight", "patience", "verbose")


def fit_together(
    estimators: Iterable[Any], X: Any, y: Any = None, *, sample_weight: Any = None, validation_data: Any = None, verbose: Any = False
) -> list[Any]:
    """Fit several estimators to the same rows side by side, as one program.

    Small networks leave most of a GPU idle; several of equal shape fill it. On a CPU one fit after the other is about as fast.

    Parameters
    ----------
    estimators : iterable of Autoencoder, SupervisedAutoencoder or SupervisedAutoencoderRegressor
        Of one class, and alike but for `random_state`, `learning_rate`, `schedule`, the strengths of penalties, of the head and of noise,
        and `patience`: what is searched over, or the seeds of a study. Each is fitted in place.
    X : {array-like, dataframe} of shape (n_samples, n_features)
        Rows, all of which are learned from: none are held out.
    y : array-like of shape (n_samples,), default=None
        Labels, where the estimators learn them.
    sample_weight : array-like of shape (n_samples,), default=None
    validation_data : array-like of shape (n_validation, n_features), or a tuple with labels, default=None
        As `fit` takes it. With it, ``early_stopping`` keeps each network's own best epoch.
    verbose : bool or Progress, default=False
        Whether to show the progress of all.

    Returns
    -------
    list of estimator
        Those that were given, fitted: as one by one, but for the rounding of products.

    Raises
    ------
    ValueError, TypeError
        If the estimators differ in more than that, cannot be fitted so, or the rows cannot be learned from.
    TrainingDiverged
        If the loss of one is no longer finite, after all have ended; that one then holds its last good epoch.
    KeyboardInterrupt
        At Ctrl-C. Each then holds its best epoch so far.

    Examples
    --------
    >>> import numpy as np
    >>> from narrows import Autoencoder, fit_together
    >>> rows = np.random.default_rng(0).random((200, 6))
    >>> tried = [Autoencoder(2, layers=(8,), epochs=3, learning_rate=rate, random_state=0) for rate in (0.001, 0.01, 0.1)]
    >>> [made.history_["loss"][-1] < made.history_["loss"][0] for made in fit_together(tried, rows)]
    [True, True, True]
    """
    _backend.keras()
    made = list(estimators)
    if isinstance(X, Blocks):
        raise TypeError("fit_together takes rows in memory and not Blocks: give blocks.sample()[0], or fit one by one")
    _check_alike(made)
    given = [_fitting.given_of(one, X, y, sample_weight, None, reset=True) for one in made]
    early = _fitting.stops_early(made[0], None if validation_data is not None else len(given[0]))
    if early and validation_data is None:
        raise ValueError("side by side no rows are held out: give validation_data to stop early by, or set epochs and early_stopping=False")
    seeds = [_fitting.Seeds.draw(one.random_state) for one in made]
    jobs = [one._job(one, part, seed, None) for one, part, seed in zip(made, given, seeds, strict=True)]
    validations = [
        None if validation_data is None else _fitting.validation_of(one, validation_data, part.outputs)
        for one, part in zip(made, given, strict=True)
    ]
    epochs = _fitting.n_epochs(made[0], len(given[0]))
    settings = [job.settings(epochs, _fitting.patience_of(job.estimator, epochs) if early else None) for job in jobs]
    for job in jobs[1:]:
        _check_same_program(jobs[0], job)
    outcomes = train_together(
        jobs[0].network.computation,
        [job.network.weights for job in jobs],
        jobs[0].row_set(given[0]),
        jobs[0].objective,
        settings,
        validation=None if validations[0] is None else jobs[0].row_set(validations[0]),
        progress=_fitting.progress_of(verbose),
    )
    for job, outcome, validation in zip(jobs, outcomes, validations, strict=True):
        job.keep(outcome)
        job.conclude(outcome, validation, epochs)
    for outcome in outcomes:
        _fitting.raise_for(outcome)
    return made


def _check_alike(estimators: list[Any]) -> None:
    """Refuse estimators that one program cannot train."""
    if not estimators:
        raise ValueError("there is no estimator to fit: give one or more")
    first = estimators[0]
    if not isinstance(first, BaseAutoencoder) or isinstance(first, TableAutoencoder):
        raise TypeError(f"fit_together fits autoencoders, with a head or without, to rows of numbers, got a {type(first).__name__}")
    for place, one in enumerate(estimators):
        if any(one is other for other in estimators[:place]):
            raise ValueError(f"estimator {place} is there twice: give a clone of it")
        if type(one) is not type(first):
            kinds = f"{type(first).__name__} and {type(one).__name__}"
            raise TypeError(f"estimators 0 and {place} are of two classes, {kinds}: give estimators of one")
        _fitting.check_params(one)
        for name, why in (("callbacks", "callbacks"), ("warm_start", "warm_start"), ("neighbor_weight", "neighbors")):
            if getattr(one, name, None):
                raise ValueError(f"estimator {place} is to be fitted with {why}, which goes one by one only: use its fit")
        ours, theirs = (estimator.get_params(deep=False) for estimator in (first, one))
        differing = next((name for name in ours if name not in FREE and name != "noise" and not _equal(ours[name], theirs[name])), None)
        if differing is not None:
            raise ValueError(
                f"estimators 0 and {place} differ in {differing} ({ours[differing]!r} and {theirs[differing]!r}), and side by side they "
                f"may differ in {', '.join(FREE[:-1])} and the strength of noise only: fit them one by one"
            )


def _equal(one: Any, other: Any) -> bool:
    return type(one) is type(other) and bool(np.all(one == other))


def _check_same_program(first: Any, other: Any) -> None:
    same = (
        first.network.computation is other.network.computation
        and first.objective.key == other.objective.key
        and first.optimizer == other.optimizer
        and (first.noise is None) == (other.noise is None)
        and (first.noise is None or first.noise._key == other.noise._key)
    )
    if not same:
        raise ValueError("these estimators do not make one and the same network, noise and optimizer: fit them one by one")
