"""When a run whose workers die is given up."""

from __future__ import annotations

from narrows.cluster._desk import PATIENCE, Desk, Word


def attempted(desk: Desk, reached: float) -> str:
    """Let an attempt go through all rows once, for their scale, and train up to some of them; give why there is no use in it, if so."""
    hopeless = desk.arrive(0)
    for task, done in (("scale: means", 1000.0), ("training", reached)):
        desk.tell(Word("begin", (task, 5000.0, "rows")))
        desk.tell(Word("advance", (done, "")))
    return hopeless


def test_attempts_that_come_further_in_training_are_never_given_up():
    desk = Desk()
    assert not any(attempted(desk, 10.0 * number) for number in range(1, 5 * PATIENCE))


def test_attempts_that_end_at_one_place_are():
    desk = Desk()
    said = [attempted(desk, 10.0) for _ in range(PATIENCE + 2)]

    assert not any(said[: PATIENCE + 1])
    assert said[-1] == "its workers died"
