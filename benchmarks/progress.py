"""What it costs to show progress and to diagnose: the same fit with and without, in one process, turn by turn."""

from __future__ import annotations

import importlib
import io
import os
import pty
import statistics
import sys
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import _report
import _sides
import _works
from _pairs import QUIET, noise, quietest, ratio, say, used_by_others

TARGET = 0.02
WORKS = ("textbook", "table-128")
WAYS = ("silent", "lines", "terminal")
DIAGNOSTICS = "narrows.estimators._fitting:judge"


@contextmanager
def terminal() -> Iterator[None]:
    """Make standard error a terminal of 100 columns that is read as fast as it is written."""
    ours, theirs = pty.openpty()
    stream, before = os.fdopen(theirs, "w"), sys.stderr

    def drain() -> None:
        try:
            while os.read(ours, 65536):
                pass
        except OSError:
            pass  # The other end was closed.

    reader = threading.Thread(target=drain, daemon=True)
    reader.start()
    sys.stderr = stream
    try:
        yield
    finally:
        sys.stderr = before
        stream.close()
        reader.join(5)
        os.close(ours)


@contextmanager
def lines() -> Iterator[None]:
    """Make standard error something that is no terminal, as in a log."""
    before, sys.stderr = sys.stderr, io.StringIO()
    try:
        yield
    finally:
        sys.stderr = before


@contextmanager
def timed(place: str) -> Iterator[list[float]]:
    """Collect the seconds of every call of a function, named as ``module:object.attribute``; it need not be public.

    Diagnosing cannot be switched off by a parameter, so its cost is read off the clock instead of off a difference.
    """
    module, _, path = place.partition(":")
    *parents, name = path.split(".")
    try:
        owner: Any = importlib.import_module(module)
        for parent in parents:
            owner = getattr(owner, parent)
        original, seconds = getattr(owner, name), list[float]()
    except (ImportError, AttributeError) as error:
        raise SystemExit(f"the function that diagnoses is no longer {place} ({error}): name it by --diagnostics") from None

    def clocked(*arguments: Any, **keywords: Any) -> Any:
        began = time.perf_counter()
        try:
            return original(*arguments, **keywords)
        finally:
            seconds.append(time.perf_counter() - began)

    setattr(owner, name, clocked)
    try:
        yield seconds
    finally:
        setattr(owner, name, original)


def measure(work: _works.Work, epochs: int, arguments: Any) -> dict[str, Any]:
    """Fit one network in all ways, round after round.

    Returns
    -------
    dict
        Seconds by way, and the seconds of diagnosing in each fit of the first way.
    """
    rows = work.rows(arguments.quick)

    def fit(way: str) -> float:
        estimator = _sides.narrows_autoencoder(work, epochs).set_params(verbose=0 if way == "silent" else 1)
        with terminal() if way == "terminal" else lines(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            began = time.perf_counter()
            estimator.fit(rows)
            return time.perf_counter() - began

    for way in WAYS:
        fit(way)
    done: list[tuple[float, dict[str, Any]]] = []
    quiet, most = 0, arguments.rounds * (1 if arguments.quick else 3)
    while quiet < arguments.rounds and len(done) < most:
        results: dict[str, float] = {}
        began, others = time.perf_counter(), used_by_others(os.getpid())
        for way in WAYS:
            with timed(arguments.diagnostics) as spent:
                results[way] = fit(way)
            if way == "silent":
                results["diagnosing"] = sum(spent)
        done.append(((used_by_others(os.getpid()) - others) / (time.perf_counter() - began), results))
        quiet += done[-1][0] <= QUIET
        say(f"  round {len(done)}, {quiet} of {arguments.rounds} quiet; others used {done[-1][0]:.2f} cores")
    kept = quietest(done, arguments.rounds)
    return {"seconds": {way: kept[way] for way in WAYS}, "diagnosing": kept["diagnosing"], "others": kept["others"], "epochs": epochs}


def _print(work: _works.Work, found: dict[str, Any]) -> None:
    seconds, silent = found["seconds"], found["seconds"]["silent"]
    print(f"\n## {work.title}, {found['epochs']} epochs")
    rows: list[list[Any]] = []
    for way in WAYS[1:]:
        cost = ratio(seconds[way], silent)
        spread = f"{min(cost.rounds) - 1:+.1%} to {max(cost.rounds) - 1:+.1%}"
        middle = statistics.median(cost.rounds) - 1
        said = _report.reached(middle, TARGET)
        rows.append([f"progress, {way}", cost.ours, cost.theirs, f"{middle:+.1%}", spread, f"{TARGET:.0%}", said])
    shares = [spent / whole for spent, whole in zip(found["diagnosing"], silent, strict=True)]
    middle, whole = statistics.median(found["diagnosing"]), statistics.median(silent)
    rows.append(["diagnostics", whole, whole - middle, f"{middle:.2g} s, {statistics.median(shares):.1%} of the fit", "", "", ""])
    _report.table(("what", "s with", "s without", "cost, median round", "round by round", "target", "reached"), rows)
    print(f"\n- {len(silent)} rounds; {noise(found['others'])}")


def main() -> None:
    """Measure a large and a small network."""
    parser = _report.options(__doc__ or "", rounds=9)
    parser.add_argument("--work", type=_report.names, default=list(WORKS), metavar="NAMES", help=f"of {','.join(_works.ALL)}")
    parser.add_argument("--seconds", type=float, default=6.0, help="about how long a fit shall train (default 6, with --quick 1)")
    parser.add_argument("--diagnostics", default=DIAGNOSTICS, help=f"the function that diagnoses (default {DIAGNOSTICS})")
    arguments = _report.start(parser)
    os.environ.update(KERAS_BACKEND="jax", COLUMNS="100")
    results = {}
    for name in arguments.work:
        work = _works.ALL[name]
        say(work.title)
        results[name] = measure(work, _epochs(work, arguments), arguments)
        _print(work, results[name])
    _report.finish(arguments, results)


def _epochs(work: _works.Work, arguments: Any) -> int:
    """Find how many epochs take about as long as wanted."""
    rows = work.rows(arguments.quick)

    def fit(epochs: int) -> float:
        with lines(), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            began = time.perf_counter()
            _sides.narrows_autoencoder(work, epochs).fit(rows)
            return time.perf_counter() - began

    fit(1)
    return _sides.epochs_for(1.0 if arguments.quick else arguments.seconds, (fit(5) - fit(1)) / 4, most=5000)


if __name__ == "__main__":
    main()
