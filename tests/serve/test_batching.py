"""Small requests that come together are computed together; nobody waits without end."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from narrows.serve._batching import Batcher
from narrows.serve._refusals import Refusal

CODES = frozenset({"codes"})


class Noted:
    """Who is told of batches."""

    def __init__(self):
        self.rows, self.batches = 0, []

    def waiting(self, rows):
        self.rows += rows

    def batch(self, rows, requests):
        self.batches.append((rows, requests))


def doubled(start, wanted, parts):
    rows = np.concatenate(parts)
    return {name: rows * (2 if name == "codes" else 3) for name in wanted}


def run(work, compute=doubled, **options):
    """Give what comes of work on a batcher, and what was noted."""

    async def main():
        noted = Noted()
        with ThreadPoolExecutor(options.get("lanes", 1)) as threads:
            batcher = Batcher(compute, threads, noted, **{"window": 0.01, "most_rows": 8, "queue_rows": 64, "seconds": 20, **options})
            return await work(batcher), noted

    return asyncio.run(main())


@given(st.lists(st.tuples(st.integers(1, 30), st.booleans()), min_size=1, max_size=12), st.sampled_from([0, 0.001]))
def test_everybody_gets_their_own(requests, window):
    wanted = [CODES if codes else frozenset({"error", "codes"}) for _, codes in requests]
    given_ = [np.full((n, 2), place, np.float32) for place, (n, _) in enumerate(requests)]

    async def work(batcher):
        asked = zip(wanted, given_, strict=True)
        return await asyncio.gather(*(batcher.submit("rows", names, rows) for names, rows in asked))

    found, noted = run(work, queue_rows=10**6, window=window)
    for answer, names, rows in zip(found, wanted, given_, strict=True):
        assert answer.keys() == names
        np.testing.assert_array_equal(answer["codes"], 2 * rows)
    assert noted.rows == 0
    assert max(rows for rows, _ in noted.batches) <= 8
    assert sum(rows for rows, _ in noted.batches) == sum(n for n, _ in requests)


def test_requests_of_one_moment_are_one_batch():
    async def work(batcher):
        await asyncio.gather(*(batcher.submit("rows", CODES, np.ones((1, 2))) for _ in range(5)))

    assert run(work)[1].batches == [(5, 5)]


def test_batches_are_computed_side_by_side():
    together = threading.Barrier(2, timeout=10)  # which one thread alone would not get past

    def compute(start, wanted, parts):
        together.wait()
        return doubled(start, wanted, parts)

    async def work(batcher):
        return await batcher.submit("rows", CODES, np.arange(32.0).reshape(16, 2))

    found, noted = run(work, compute, lanes=2)
    np.testing.assert_array_equal(found["codes"], 2 * np.arange(32.0).reshape(16, 2))
    assert noted.batches == [(8, 1), (8, 1)]


def held():
    """Give a function that computes when it is let go."""
    go = threading.Event()

    def compute(start, wanted, parts):
        go.wait(20)
        return doubled(start, wanted, parts)

    return go, compute


def test_too_many_are_refused_for_now_and_the_others_answered():
    go, compute = held()

    async def work(batcher):
        asked = []
        while not (asked and asked[-1].done()):
            asked.append(asyncio.ensure_future(batcher.submit("rows", CODES, np.ones((4, 2)))))
            await asyncio.sleep(0)
        go.set()
        return asked[-1].exception(), await asyncio.gather(*asked[:-1])

    (problem, answers), noted = run(work, compute)
    assert isinstance(problem, Refusal)
    assert (problem.status, problem.headers) == (429, {"retry-after": "1"})
    assert "rows are waiting already: try again in a moment" in problem.text
    assert len(answers) >= 64 // 4
    assert noted.rows == 0


def test_one_large_request_is_taken_where_nothing_waits():
    async def work(batcher):
        return await batcher.submit("rows", CODES, np.arange(400.0).reshape(200, 2))

    found, noted = run(work)
    np.testing.assert_array_equal(found["codes"], 2 * np.arange(400.0).reshape(200, 2))
    assert len(noted.batches) == 25


def test_who_waits_too_long_is_told_so():
    go, compute = held()

    async def work(batcher):
        asked = [asyncio.ensure_future(batcher.submit("rows", CODES, np.ones((4, 2)))) for _ in range(10)]
        while not all(one.done() for one in asked):
            await asyncio.sleep(0.01)
            batcher.give_up_old()
        go.set()
        return [one.exception() for one in asked]

    problems, noted = run(work, compute, seconds=0.05)
    assert {problem.status for problem in problems} == {503}
    assert problems[0].text == "this took more than 0.05 seconds: send fewer rows, or try again later"
    assert noted.rows == 0


def test_a_computation_that_fails_fails_its_own_requests_only():
    def compute(start, wanted, parts):
        if len(parts) > 1:
            raise RuntimeError("broken")
        return doubled(start, wanted, parts)

    async def work(batcher):
        both = await asyncio.gather(*(batcher.submit("rows", CODES, np.ones((1, 2))) for _ in range(2)), return_exceptions=True)
        return both, await batcher.submit("rows", CODES, np.ones((1, 2)))

    (both, after), noted = run(work, compute)
    assert [str(problem) for problem in both] == ["broken", "broken"]
    np.testing.assert_array_equal(after["codes"], [[2, 2]])
    assert noted.rows == 0
