"""Judging a fit: what is measured of it, on how many rows, and how its verdicts reach the user."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import numpy as np

from narrows import diagnostics
from narrows.diagnostics import codes, course, dimensions, features
from narrows.networks.activity import activity, output_activation
from narrows.networks.network import Network
from narrows.quality import LinearCode, continuity, intrinsic_dimension, trustworthiness
from narrows.training.trainer import Outcome

ROWS = 2048  # that are looked at
WIDE = 1024  # features: above, the eigenvectors that PCA needs are found among as many rows
PCA_ROWS = 8192  # to which it is fitted else: few rows would make a long linear code worse than it is
NEIGHBORHOOD = 15  # rows
FEWEST_OF_A_MAP = 50  # rows: below, a map has no neighborhoods to speak of
FRAMES = {"narrows", "sklearn", "joblib"}  # that stand between a warning and the user's own line


def judge(estimator: Any, given: Any, validation: Any, epochs: int, outcome: Outcome) -> list[diagnostics.Verdict]:
    """Measure a fit, and give its verdicts; those of level "warning" are issued as warnings too, unless an exception will follow.

    Parameters
    ----------
    estimator : BaseAutoencoder
        Fitted.
    given, validation : Given, Given or None
        What it was trained and validated on; rows of weight 0 are not looked at.
    epochs : int
        How many were asked for.
    outcome : Outcome

    Returns
    -------
    list of Verdict
    """
    network, rows = estimator._network, given.clean
    chosen = np.arange(len(rows)) if given.weight is None else np.flatnonzero(given.weight)
    wide = rows.shape[1] > WIDE
    looked_at = _some(chosen, WIDE if wide else ROWS)
    names, shown = estimator._features_judged()
    sample = rows[looked_at]
    given_scaled = network.scale.apply(sample)
    scaled = given_scaled[:, shown]
    n_components = min(estimator._n_features_out, *scaled.shape)
    pca = LinearCode.fit(scaled if wide else network.scale.apply(rows[_some(chosen, PCA_ROWS)])[:, shown], n_components)
    found: dict[str, Any] = {
        "course": _course(estimator, outcome, epochs, scaled),
        "features": features.look_at(rows[:, shown], sample[:, shown], scaled, output_activation(network), names),
        "dimensions": _dimensions(pca, scaled),
    }
    if outcome.diverged is None:  # else the weights are hardly better than where they started
        seen = activity(network, given_scaled if given.target is None else network.scale.apply(given.rows[looked_at]))
        held = None if validation is None else validation.take(_some(np.arange(len(validation)), ROWS))
        complete = estimator._n_features_out >= rows.shape[1]
        if getattr(estimator, "reconstruction_weight", 1):  # else the decoder has learned nothing, as was asked for
            found["errors"] = _errors(network, pca, scaled, seen.reconstruction[:, shown], held, complete, shown)
        if network.head is not None and network.label_scale is None and held is not None:
            found["head"] = _head(estimator, given.take(looked_at), held)
        if estimator.neighbor_weight and len(scaled) >= FEWEST_OF_A_MAP:
            found["map"] = _map(scaled, seen.codes, pca)
        found["layers"] = seen.layers
        found["code"] = codes.spread_of(seen.codes, rows.shape[1], sparse=_may_be_still(estimator))
    verdicts = diagnostics.diagnose(diagnostics.Measurements(**found))
    if outcome.diverged is None:
        for verdict in verdicts:
            if verdict.level == "warning":
                warnings.warn(str(verdict), diagnostics.WARNINGS[verdict.name], stacklevel=_users_frame())
    return verdicts


def _may_be_still(estimator: Any) -> bool:
    """Whether some numbers of a code are expected to carry nothing: penalties silence them, a feature map has many more than it needs."""
    return bool(estimator.code_l1 or estimator.code_l2 or estimator.n_components is None)


def _some(rows: np.ndarray, most: int) -> np.ndarray:
    """Draw some of the row numbers, always the same ones, in their order."""
    if len(rows) <= most:
        return rows
    return np.sort(np.random.default_rng(0).choice(rows, most, replace=False))


def _course(estimator: Any, outcome: Outcome, epochs: int, scaled: np.ndarray) -> course.Course:
    history = outcome.history
    entropy = 0.0
    if estimator.loss_ == "bce":
        cells = scaled.astype(np.float64).clip(1e-7, 1 - 1e-7)
        entropy = float(-(cells * np.log(cells) + (1 - cells) * np.log1p(-cells)).mean())
    share = float(getattr(estimator, "reconstruction_weight", 1.0))

    def losses(prefix: str) -> tuple[float, ...]:
        """Give what an epoch is judged by: the reconstruction's loss, and the labels' with it."""
        values = share * np.array(history.get(f"{prefix}reconstruction_loss", ()))
        if estimator._labels:
            values = values + estimator.label_weight * np.nan_to_num(history.get(f"{prefix}label_loss", ()))
        if estimator.neighbor_weight:
            values = values + estimator.neighbor_weight * np.nan_to_num(history.get(f"{prefix}neighbor_loss", ()))
        return tuple(values.tolist())

    return course.Course(
        loss=losses(""),
        val_loss=losses("val_"),
        epochs=epochs,
        kept=outcome.epoch,
        floor=share * entropy,
        diverged=outcome.diverged,
    )


def _head(estimator: Any, trained: Any, held: Any) -> diagnostics.Head | None:
    """Measure the head on rows that have labels; None where too few do."""
    accuracies, sizes = [], []
    for part in (trained, held):
        known = part.y >= 0
        if not known.any():
            return None
        accuracies.append(float((estimator._network.predict(part.rows[known]).argmax(1) == part.y[known]).mean()))
        sizes.append(int(known.sum()))
    train_accuracy, accuracy = accuracies
    commonest = float(np.bincount(held.y[held.y >= 0]).max() / sizes[1])
    return diagnostics.Head(train_accuracy, accuracy, n_held_out=sizes[1], commonest=commonest)


def _map(scaled: np.ndarray, codes: np.ndarray, pca: LinearCode) -> diagnostics.Map:
    """Compare neighborhoods among rows with those among their codes, and among PCA's."""
    k = min(NEIGHBORHOOD, (len(codes) - 1) // 2)
    found: dict[str, float] = {}
    for start, points in (("", codes.reshape(len(codes), -1)), ("pca_", pca.encode(scaled))):
        found[f"{start}trustworthiness"] = trustworthiness(scaled, points, k)
        found[f"{start}continuity"] = continuity(scaled, points, k)
    return diagnostics.Map(**found, n_components=len(pca.components), n_rows=len(codes))


def _errors(
    network: Network, pca: LinearCode, scaled: np.ndarray, rebuilt: np.ndarray, held: Any, complete: bool, shown: Any
) -> diagnostics.Errors:
    """Compare on validation rows where there are any: on its training rows, a network that learned them by heart looks best."""
    others, reconstruction = scaled, rebuilt
    if held is not None:
        others = network.scale.apply(held.clean)[:, shown]
        reconstruction = activity(network, network.scale.apply(held.rows)).reconstruction[:, shown]
    return diagnostics.Errors(
        error=_mean_squared(others, reconstruction),
        mean_error=_mean_squared(others, scaled.mean(0, dtype=np.float64)),
        pca_error=pca.reconstruction_figures(others).mean_squared_error,
        n_components=len(pca.components),
        train_error=None if held is None else _mean_squared(scaled, rebuilt),
        n_held_out=0 if held is None else len(held),
        complete=complete,
    )


def _mean_squared(rows: np.ndarray, reconstruction: np.ndarray) -> float:
    """Give the error in float64; a reconstruction beyond all numbers has the largest that there is, so that JSON can hold it."""
    with np.errstate(over="ignore", invalid="ignore"):
        error = np.square(np.subtract(rows, reconstruction, dtype=np.float64)).mean()
    return float(error) if np.isfinite(error) else sys.float_info.max


def _dimensions(pca: LinearCode, scaled: np.ndarray) -> dimensions.Dimensions:
    try:
        intrinsic = intrinsic_dimension(scaled)
    except ValueError:  # too few rows, or rows on a grid
        intrinsic = None
    return dimensions.Dimensions(len(scaled), {share: pca.components_for(share / 100) for share in dimensions.SHARES}, intrinsic)


def _users_frame() -> int:
    """Count how far up from the caller the first line is that is neither ours nor scikit-learn's: there a warning is about."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").partition(".")[0] in FRAMES:
        level, frame = level + 1, frame.f_back
    return level
