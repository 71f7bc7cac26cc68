"""Peak memory of fitting MNIST as uint8, beyond what `import keras` takes, by what the process really holds.

Counted are the pages of the process's own (`RssAnon + RssShmem` in ``/proc``, looked at every five milliseconds): resident memory also
counts pages of mapped library files, which the system takes back when it likes. `ru_maxrss` stands beside it.
"""

from __future__ import annotations

import resource
import time
import warnings
from functools import partial
from typing import Any

import _report
import _rows
import _sides
import _watch
import _works
from _pairs import Side, SideFailed, Turns, say

TARGET = 700.0
STEPS = ("import", "rows", "fit")


def narrows_side(turns: Turns, quick: bool, epochs: int, precision: str) -> None:
    """`Autoencoder` with its defaults (500, 300, 100, code of 2) on the uint8 rows."""

    def load() -> Any:
        import keras  # noqa: F401  What the figure starts from.

    def fit(rows: Any) -> str:
        import narrows

        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # Of a network after few epochs.
            estimator = narrows.Autoencoder(epochs=epochs, precision=precision, random_state=0).fit(rows)
        return " ".join(repr(estimator).split()) + f", rows {rows.dtype} {rows.shape}"

    _steps(turns, load, partial(_rows.mnist, quick), fit)


def keras_side(turns: Turns, quick: bool, epochs: int, precision: str) -> None:
    """Keras `fit` of the same widths on the rows as float32 in [0, 1], which it needs."""
    del precision

    def load() -> Any:
        import keras  # noqa: F401  What the figure starts from.

    def fit(rows: Any) -> str:
        rows = _rows.unit(rows)
        _sides.keras_model(_works.ALL["textbook"], rows.shape[1]).fit(rows, rows, batch_size=128, epochs=epochs, verbose=0)
        return f"Keras fit(x, x, batch_size=128, epochs={epochs}), rows turned to float32 {rows.shape}"

    _steps(turns, load, partial(_rows.mnist, quick), fit)


def _steps(turns: Turns, load: Any, read: Any, fit: Any) -> None:
    rows, settings = None, ""
    turns.ready()
    while (step := turns.wait()) is not None:
        if step == "import":
            load()
        elif step == "rows":
            rows = read()
        else:
            settings = fit(rows)
        turns.report({"maxrss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, "settings": settings})


SIDES = {"narrows": narrows_side, "keras": keras_side}


def measure(name: str, quick: bool, epochs: int, precision: str) -> dict[str, Any]:
    """Run one side step by step in a fresh process.

    Returns
    -------
    dict
        Megabytes by step: "held" at its end, "peak" within it, "maxrss" of the process so far; and the settings.
    """
    side = Side(name, SIDES[name], quick, epochs, precision, environment={"KERAS_BACKEND": "jax"})
    try:
        side.wait_ready()
        steps: dict[str, Any] = {}
        for step in STEPS:
            watch = _watch.Watch(side.pid)
            began = time.perf_counter()
            said = side.ask(step, meanwhile=watch.look)
            watch.look()
            seconds = time.perf_counter() - began
            steps[step] = {"held": watch.now, "peak": watch.peak, "maxrss": said["maxrss"] * 1024**2 / 1e6, "seconds": seconds}
        return {"side": name, "steps": steps, "settings": said["settings"]}
    finally:
        side.close()


def main() -> None:
    """Measure each side in fresh processes, in turn."""
    parser = _report.options(__doc__ or "", rounds=3)
    parser.add_argument("--only", type=_report.names, metavar="SIDES", help=f"of {','.join(SIDES)}")
    parser.add_argument("--epochs", type=int, default=2, help="epochs of each fit (default 2)")
    parser.add_argument("--precision", default="auto", help="of narrows: auto, float32 or bfloat16 (default auto)")
    arguments = _report.start(parser)
    found = []
    for number in range(arguments.rounds):
        for name in SIDES:
            if arguments.only and name not in arguments.only:
                continue
            try:
                found.append(measure(name, arguments.quick, arguments.epochs, arguments.precision))
            except SideFailed as failure:
                say(f"  {name} is left out:\n{failure}")
        say(f"  round {number + 1} of {arguments.rounds}")
    _print(found)
    _report.finish(arguments, found)


def _print(found: list[dict[str, Any]]) -> None:
    print("\n## Memory in MB (10⁶ bytes): the most of all rounds")
    rows, notes = [], {}
    for name in SIDES:
        runs = [run for run in found if run["side"] == name]
        if not runs:
            continue
        beyond = max(run["steps"]["fit"]["peak"] - run["steps"]["import"]["held"] for run in runs)
        maxrss = max(run["steps"]["fit"]["maxrss"] - run["steps"]["import"]["maxrss"] for run in runs)
        held = [max(run["steps"][step]["held"] for run in runs) for step in STEPS]
        peak = max(run["steps"]["fit"]["peak"] for run in runs)
        target = TARGET if name == "narrows" else None
        figures = [float(round(value)) for value in (*held[:2], peak, held[2], beyond, maxrss)]
        rows.append([name, *figures, target, _report.reached(beyond, target)])
        notes[name] = runs[-1]["settings"]
    header = ("side", "held after `import keras`", "and after reading the rows", "peak of fit", "held after fit")
    _report.table((*header, "**peak beyond import**", "the same by ru_maxrss", "target", "reached"), rows)
    print()
    for name, settings in notes.items():
        print(f"- {name}: {settings}")


if __name__ == "__main__":
    main()
