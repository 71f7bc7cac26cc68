"""Seconds of a grid search on the digits: 2 networks x 4 learning rates x 3 folds and the refit, against the same over Keras `fit`.

Every search has a fresh process whose clock starts after the imports, and no programs on disk: what is compiled counts, on both sides.
"""

from __future__ import annotations

import collections
import tempfile
import time
import warnings
from collections.abc import Callable
from typing import Any

import _report
from _pairs import QUIET, Side, SideFailed, Turns, noise, quietest, ratio, say

TARGET, COMPILATIONS = 0.35, 2
NETWORKS = ((64, 32), (128,))
RATES = (0.0005, 0.001, 0.002, 0.004)
FOLDS, BATCH, CODE = 3, 32, 2
FITS = len(NETWORKS) * len(RATES) * FOLDS + 1
COMPILED = "/jax/core/compile/backend_compile_duration"


def narrows_side(turns: Turns, epochs: int) -> None:
    """`GridSearchCV` over `Autoencoder`."""
    import narrows

    estimator = narrows.Autoencoder(
        CODE,
        layers=narrows.Dense(*NETWORKS[0], activation="relu"),
        loss="mse",
        output_activation="linear",
        scale=None,
        schedule="constant",
        batch_size=BATCH,
        epochs=epochs,
        early_stopping=False,
        random_state=0,
    )
    grid = {"layers": [narrows.Dense(*widths, activation="relu") for widths in NETWORKS], "learning_rate": list(RATES)}
    _search(turns, estimator, grid, _training_programs)


def _training_programs() -> int | None:
    """How often this process compiled the training program, by the trainer's own count."""
    try:
        from narrows.training.program import compilations
    except ImportError:
        return None
    return int(compilations["train"])


def keras_side(turns: Turns, epochs: int) -> None:
    """`GridSearchCV` over the wrapper that a person writes around Keras in ten minutes."""
    import keras
    from sklearn.base import BaseEstimator, TransformerMixin
    from sklearn.metrics import r2_score

    class KerasAutoencoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
        def __init__(self, widths: Any = NETWORKS[0], learning_rate: float = 0.001) -> None:
            self.widths = widths
            self.learning_rate = learning_rate

        def fit(self, X: Any, y: Any = None) -> Any:
            layers = [keras.Input((X.shape[1],))]
            layers += [keras.layers.Dense(width, activation="relu") for width in self.widths]
            layers += [keras.layers.Dense(CODE)]
            layers += [keras.layers.Dense(width, activation="relu") for width in reversed(self.widths)]
            layers += [keras.layers.Dense(X.shape[1])]
            self.model_ = keras.Sequential(layers)
            self.model_.compile(optimizer=keras.optimizers.Adam(self.learning_rate), loss="mse")
            self.model_.fit(X, X, batch_size=BATCH, epochs=epochs, verbose=0)
            return self

        def score(self, X: Any, y: Any = None) -> float:
            return float(r2_score(X, self.model_.predict(X, verbose=0), multioutput="variance_weighted"))

    grid = {"widths": list(NETWORKS), "learning_rate": list(RATES)}
    _search(turns, KerasAutoencoder(), grid, lambda: sum(len(given) for name, given in _events.items() if "train_step" in name))


def _search(turns: Turns, estimator: Any, grid: dict[str, Any], trained: Callable[[], int | None]) -> None:
    import jax
    import keras  # noqa: F401  Before the clock starts, on both sides.
    import numpy as np
    from sklearn.datasets import load_digits
    from sklearn.model_selection import GridSearchCV

    rows = (load_digits().data / 16).astype(np.float32)
    jax.monitoring.register_event_duration_secs_listener(_note)
    search = GridSearchCV(estimator, grid, cv=FOLDS, n_jobs=None, error_score="raise")
    turns.ready(settings=" ".join(f"GridSearchCV({estimator!r}, {grid}, cv={FOLDS}, n_jobs=None)".split()))
    while turns.wait() is not None:
        _events.clear()
        began = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            search.fit(rows)
        seconds = time.perf_counter() - began
        programs = [[name, len(given), sum(given)] for name, given in _events.items()]
        turns.report({"seconds": seconds, "score": search.best_score_, "training": trained(), "programs": programs})


_events: dict[str, list[float]] = collections.defaultdict(list)


def _note(event: str, duration_secs: float, **about: Any) -> None:
    if event == COMPILED:
        _events[str(about.get("fun_name", "?"))].append(duration_secs)


SIDES = {"narrows": narrows_side, "keras": keras_side}


def one_round(wanted: list[str], epochs: int) -> tuple[float, dict[str, Any]]:
    """Run every side's search once, each in a new process with an empty home for programs."""
    others, results = 0.0, {}
    for name in wanted:
        with tempfile.TemporaryDirectory() as folder:
            environment = {"KERAS_BACKEND": "jax", "NARROWS_PROGRAM_CACHE": "off", "JAX_ENABLE_COMPILATION_CACHE": "false"}
            side = Side(name, SIDES[name], epochs, environment=environment | {"XDG_CACHE_HOME": folder})
            try:
                results[name] = side.wait_ready().facts | side.ask()
                others = max(others, side.others)
            finally:
                side.close()
    return others, results


def main() -> None:
    """Run both searches in turn."""
    parser = _report.options(__doc__ or "", rounds=3)
    parser.add_argument("--only", type=_report.names, metavar="SIDES", help=f"of {','.join(SIDES)}")
    parser.add_argument("--epochs", type=int, default=20, help="epochs of each fit (default 20, with --quick 2)")
    arguments = _report.start(parser)
    epochs = 2 if arguments.quick else arguments.epochs
    wanted = [name for name in SIDES if not arguments.only or name in arguments.only]
    done: list[tuple[float, dict[str, Any]]] = []
    quiet, most = 0, arguments.rounds * (1 if arguments.quick else 2)
    while quiet < arguments.rounds and len(done) < most:
        try:
            done.append(one_round(wanted, epochs))
        except SideFailed as failure:
            say(f"  a side failed:\n{failure}")
            raise SystemExit(1) from None
        quiet += done[-1][0] <= QUIET
        say(f"  round {len(done)}, {quiet} of {arguments.rounds} quiet; others used up to {done[-1][0]:.2f} cores")
    results = quietest(done, arguments.rounds)
    others = results.pop("others")
    _print(results, epochs)
    print(f"- {len(others)} rounds; {noise(others)}")
    _report.finish(arguments, {"results": results, "others": others})


def _print(results: dict[str, list[dict[str, Any]]], epochs: int) -> None:
    print(f"\n## Grid search on the digits (1,797 x 64): {FITS} fits of {epochs} epochs, batch {BATCH}, one process")
    seconds = {name: [run["seconds"] for run in runs] for name, runs in results.items()}
    rows = []
    for name, runs in results.items():
        counted, last = ratio(seconds[name], seconds[name]), runs[-1]
        spread = f"{min(seconds[name]):.3g} to {max(seconds[name]):.3g}"
        programs = sum(count for _, count, _ in last["programs"]), sum(spent for _, _, spent in last["programs"])
        rows.append([name, counted.ours, spread, last["training"], *programs, last["score"]])
    header = ("side", "s", "min to max", "training programs compiled", "programs in all", "s compiling", "best R²")
    _report.table(header, rows)
    if len(seconds) == 2:
        found, trained = ratio(seconds["narrows"], seconds["keras"]), results["narrows"][-1]["training"]
        rows = [["seconds, ours over theirs", found.medians, str(found), TARGET, _report.reached(found.medians, TARGET)]]
        if trained is not None:
            rows.append(["our training program compiled", trained, "", COMPILATIONS, _report.reached(trained, COMPILATIONS)])
        _report.table(("figure", "of medians", "round by round", "target", "reached"), rows)
    print()
    for name, runs in results.items():
        largest = sorted(runs[-1]["programs"], key=lambda program: -program[2])[:5]
        said = ", ".join(f"{program} {count} times ({spent:.2f} s)" for program, count, spent in largest)
        print(f"- {name}: {runs[-1]['settings']}\n  Compiled most: {said}")


if __name__ == "__main__":
    main()
