"""Seconds an epoch: narrows against Keras `fit` on JAX, PyTorch and scikit-learn's `MLPRegressor`, on dense and convolutional networks."""

from __future__ import annotations

import argparse
import statistics
from collections.abc import Callable
from functools import partial
from typing import Any

import _report
import _sides
import _works
from _pairs import Side, interleave, noise, ratio, say, warm

OURS = ("narrows", "narrows-float32")
SIDES: dict[str, Callable[..., Side]] = {
    "narrows": lambda *arguments: Side("narrows", _sides.narrows_side, *arguments, "auto", environment={"KERAS_BACKEND": "jax"}),
    "narrows-float32": lambda *arguments: Side(
        "narrows-float32", _sides.narrows_side, *arguments, "float32", environment={"KERAS_BACKEND": "jax"}
    ),
    "keras": lambda *arguments: Side("keras", _sides.keras_side, *arguments, environment={"KERAS_BACKEND": "jax"}),
    "torch": lambda *arguments: Side("torch", _sides.torch_side, *arguments),
    "torch-channels-last": lambda *arguments: Side("torch-channels-last", _sides.torch_side, *arguments, True),
    "sklearn": lambda *arguments: Side("sklearn", _sides.sklearn_side, *arguments),
}


def compare(name: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Run one work's sides, print its rows, and give every measurement."""
    work = _works.ALL[name]
    wanted = [side for side in SIDES if side in OURS or side in work.targets]
    if arguments.only:
        wanted = [side for side in wanted if side in arguments.only]
    say(f"{work.title}: {', '.join(wanted)}")
    turn = min(arguments.turn, 0.2) if arguments.quick else arguments.turn
    with warm({side: partial(SIDES[side], work, arguments.quick, turn) for side in wanted}) as sides:
        results = interleave(sides, arguments.rounds, again=1 if arguments.quick else 3)
        facts = {side: alive.facts | {"idle": alive.idle} for side, alive in sides.items()}
    others = results.pop("others")
    seconds = {side: [result["epoch"] for result in given] for side, given in results.items()}
    print(f"\n## {work.title}")
    _ratios(work, seconds)
    _seconds(facts, results, seconds)
    _doubts(facts, [side for side in wanted if side not in facts])
    print(f"- {len(others)} rounds; {noise(others)}")
    return {"work": name, "title": work.title, "facts": facts, "rounds": results, "others": others}


def _ratios(work: _works.Work, seconds: dict[str, list[float]]) -> None:
    rows = []
    for ours in OURS:
        for theirs in [side for side in seconds if side not in OURS]:
            if ours not in seconds:
                continue
            found, target = ratio(seconds[ours], seconds[theirs]), work.targets.get(theirs)
            goal = target.of(ours, _report.has_bfloat16()) if target else None
            rows.append([ours, theirs, found.ours, found.theirs, found.medians, found, goal, _report.reached(found.medians, goal)])
    if rows:
        header = ("ours", "theirs", "ours, s an epoch", "theirs, s an epoch", "ratio", "round by round", "target", "reached")
        _report.table(header, rows)


def _seconds(facts: dict[str, Any], results: dict[Any, list[Any]], seconds: dict[str, list[float]]) -> None:
    rows = []
    for side, given in seconds.items():
        fact, fit = facts[side], [result["fit"] for result in results[side] if result["fit"] is not None]
        spread = f"{min(given):.3g} to {max(given):.3g}"
        beside = statistics.median(fit) if fit else None
        rows.append(
            [side, statistics.median(given), spread, fact["epochs"], beside, fact["first"], fact["loss"], fact["parameters"], fact["idle"]]
        )
    header = ("side", "s an epoch", "min to max", "epochs a turn", "s a fit beside its epochs", "s compiling at first")
    _report.table((*header, "loss of epoch 1", "trained numbers", "cores used while waiting"), rows)
    print()
    for side in seconds:
        print(f"- {side}: {facts[side]['settings']}")


def _doubts(facts: dict[str, Any], missing: list[str]) -> None:
    """Say what would make the comparison unfair."""
    for side in missing:
        print(f"- Note: {side} failed to start; its error is on standard error")
    counts = {side: fact["parameters"] for side, fact in facts.items()}
    if len(set(counts.values())) > 1:
        print(f"- Note: the networks differ in parameters: {counts}")
    for side, fact in facts.items():
        if fact.get("validated"):
            print(f"- Note: {side} held out rows and validated, so its epochs are not those of the other sides")
        if fact["idle"] > 0.05:
            print(f"- Note: {side} used {fact['idle']:.2f} cores while it waited: the other sides' figures suffer")


def main() -> None:
    """Compare all works, or those named."""
    parser = _report.options(__doc__ or "", rounds=7)
    parser.add_argument("--only", type=_report.names, metavar="SIDES", help=f"of {','.join(SIDES)}")
    parser.add_argument("--work", type=_report.names, metavar="NAMES", help=f"of {','.join(_works.ALL)}")
    parser.add_argument("--turn", type=float, default=2.0, help="least seconds of epochs in a turn (default 2)")
    arguments = _report.start(parser)
    for given, known in ((arguments.only, SIDES), (arguments.work, _works.ALL)):
        unknown = sorted(set(given or ()) - set(known))
        if unknown:
            parser.error(f"{unknown[0]!r} is not known; there are {', '.join(known)}")
    _report.finish(arguments, [compare(name, arguments) for name in arguments.work or _works.ALL])


if __name__ == "__main__":
    main()
