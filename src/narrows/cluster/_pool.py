"""Workers of a cluster that take jobs one at a time: what becomes of a job is heard once, whatever dies meanwhile."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from narrows.cluster._worker import Made, Worker

TRIES = 4  # of a job whose worker dies each time
START = 120.0  # seconds until the first worker is there
LOOK = 0.5  # seconds between looks at what is asked for


class Pool:
    """Workers, each an actor that is replaced when it dies.

    Ray would restart an actor and send it its job again, but on a cluster that has lost a node the new one may wait for ever for a place
    that the others hold; a job that comes back here is taken by whoever is free.

    Parameters
    ----------
    content : bytes
        The bundle.
    method : str
        As `Worker` takes it.
    count : int
        Of workers.
    gpus : float
        Of each.
    """

    def __init__(self, content: bytes, method: Any, count: int, gpus: float) -> None:
        import ray

        self._ray = ray
        self._content, self._method = ray.put(content), method
        options: dict[str, Any] = {"num_cpus": 1, "max_restarts": 0, "max_task_retries": 0, "scheduling_strategy": "SPREAD"}
        self._actor = ray.remote(**options, **({"num_gpus": gpus} if gpus else {}))(_actor())
        self._asked: dict[Any, tuple[Any, Any]] = {}  # by reference: the worker, and its job; None while it is being made
        self._idle: list[Any] = []
        self._lost = 0  # workers since the last that answered
        self._began: float | None = None
        self.pids: set[int] = set()
        for _ in range(count):
            self._hire()

    def run(self, jobs: Iterable[Any], done: Callable[[Any, Made], Iterable[Any]], wanted: Callable[[Any], bool]) -> None:
        """Do jobs.

        Parameters
        ----------
        jobs : iterable of Job
        done : callable
            Given each job once, with what became of it; gives jobs that are to be done next.
        wanted : callable
            Says of a job that is about to begin whether it is still to be done.

        Raises
        ------
        ConnectionError
            If no worker can be started, or all die.
        """
        waiting, tries = deque(jobs), Counter[str]()
        asked = time.monotonic()
        while waiting or any(job is not None for _, job in self._asked.values()):
            while waiting and self._idle:
                job = waiting.popleft()
                if wanted(job):
                    worker = self._idle.pop()
                    self._asked[worker.make.remote(job)] = worker, job
            ready, _ = self._ray.wait(list(self._asked), num_returns=1, timeout=LOOK)
            for reference in ready:
                worker, job = self._asked.pop(reference)
                try:
                    answer = self._ray.get(reference)
                except self._ray.exceptions.RayTaskError as problem:
                    if isinstance(problem.cause, ValueError | OSError | ImportError):
                        raise problem.cause from problem
                    raise
                except self._ray.exceptions.RayError as problem:
                    self._replace(worker, problem)
                    if job is None:
                        continue
                    tries[job.path] += 1
                    if tries[job.path] < TRIES:
                        waiting.appendleft(job)
                        continue
                    answer = Made(problem=f"'{job.file.path}': {TRIES} workers died over it, of too little memory perhaps: see Ray's logs")
                else:
                    self._idle.append(worker)
                    self._began, self._lost = self._began or time.monotonic(), 0
                if job is None:
                    self.pids.add(answer)
                else:
                    waiting.extendleft(done(job, answer))
            if self._began is None and time.monotonic() - asked > START:
                raise ConnectionError(
                    f"no worker could be started within {START:.0f} s: each takes one CPU, and others may hold them all (see 'ray status')"
                )

    @property
    def seconds(self) -> float:
        """How long there has been a worker that works."""
        return 0.0 if self._began is None else time.monotonic() - self._began

    def close(self) -> None:
        """Stop all workers."""
        for worker in [*self._idle, *(worker for worker, _ in self._asked.values())]:
            with suppress(Exception):  # a cluster that is gone has none
                self._ray.kill(worker)

    def _hire(self) -> None:
        worker = self._actor.remote(self._content, self._method)
        self._asked[worker.ready.remote()] = worker, None

    def _replace(self, worker: Any, problem: BaseException) -> None:
        self._lost += 1
        if self._lost > 3 + 2 * (len(self._asked) + len(self._idle)):
            reason = str(problem).strip().partition("\n")[0]
            raise ConnectionError(f"the workers of the cluster die as soon as they are started: {reason}") from problem
        with suppress(Exception):
            self._ray.kill(worker)
        self._hire()


def _actor() -> type:
    """Make the class of the actors, for Ray alone: it changes the signatures of what it is given."""

    class Actor:
        def __init__(self, content: bytes, method: Any) -> None:
            self._worker = Worker(content, method)

        def ready(self) -> int:
            return self._worker.ready()

        def make(self, job: Any) -> Made:
            return self._worker.make(job)

    return Actor
