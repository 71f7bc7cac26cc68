"""What each worker of a training run does: meet the others, open its rows, fit, and say how it ended."""

from __future__ import annotations

import os
import socket
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from narrows.cluster._desk import DeskProgress, End
from narrows.errors import PeerError, TrainingDiverged
from narrows.training.checkpoints import Checkpoint

MEETING = 120  # seconds for all workers to come
SILENCE = 30  # seconds without a heartbeat after which a worker counts as dead


@dataclass
class Work:
    """What there is to do.

    Attributes
    ----------
    estimator : estimator
        Not fitted; its `random_state` is a number.
    source : str or list of str
        As `narrows.data.blocks` takes it.
    label : str or None
    without : ndarray of int64 or None
        Numbers of rows that are left out.
    validation_data : array-like, tuple of these, or None
        As `fit` takes it.
    checkpoint : Checkpoint
    threads : int
        That a worker may use.
    """

    estimator: Any
    source: Any
    label: str | None
    without: np.ndarray | None
    validation_data: Any
    checkpoint: Checkpoint
    threads: int

    def fit(self, progress: Any) -> Any:
        """Fit the estimator to the rows.

        Raises
        ------
        ValueError, TypeError, OSError
            As `fit` and `narrows.data.blocks` do.
        """
        from narrows import data
        from narrows.training import ranks

        here = ranks.current()
        with here.together("to open its rows"):
            rows = data.blocks(self.source, label=self.label, progress=progress if here.leads else None)
            if self.without is not None:
                rows = rows.leave_out(self.without)
        made = self.estimator
        # Attempts after the first go on from what the one before them left; what was there before all of them is gone.
        checkpoint = replace(self.checkpoint, resume=True)
        shown, made.verbose = made.verbose, progress if here.leads else False
        try:
            made.fit(rows, None, validation_data=self.validation_data, checkpoint=checkpoint)  # labels are those that the rows came with
        finally:
            made.verbose = shown
        return made


def train(given: dict[str, Any]) -> None:
    """Do a worker's part; called by Ray Train in a process of its own."""
    from ray import get, train

    work, desk = given["work"], given["desk"]
    context = train.get_context()
    rank, size = context.get_world_rank(), context.get_world_size()
    hopeless = get(desk.arrive.remote(rank))
    try:
        address = _meeting_place(hopeless, rank)
        if address is None:
            if rank == 0:
                problem = PeerError(f"the run was begun again and again and never came further, at last because of this: {hopeless}")
                get(desk.end.remote(End(problem=problem)))
            return
        with _met(address, rank, size, work.threads) as ranks:
            end = _ended(work, DeskProgress(desk, ranks.stopping.set), rank)
            if end.problem is not None or rank == 0:
                get(desk.end.remote(end))
    except Exception as problem:
        get(desk.complain.remote(rank, socket.gethostname(), f"{type(problem).__name__}: {str(problem).partition(chr(10))[0]}"))
        raise


def _ended(work: Work, progress: DeskProgress, rank: int) -> End:
    """Fit, and give how that ended; what another attempt may mend is raised."""
    problem: BaseException | None = None
    with warnings.catch_warnings(record=True) as noted:
        warnings.simplefilter("always")
        try:
            work.fit(progress)
        except (KeyboardInterrupt, TrainingDiverged) as stopped:
            problem = stopped
        except PeerError:  # who failed says why
            return End()
        except (ValueError, TypeError, OSError) as refused:
            return End(problem=refused)
    fitted = work.estimator if rank == 0 and hasattr(work.estimator, "history_") else None
    return End(fitted, problem if rank == 0 else None, [(str(one.message), one.category) for one in noted] if rank == 0 else [])


def _meeting_place(hopeless: str, rank: int) -> str | None:
    """Agree where to meet; nowhere, if there is no use in it."""
    from ray.train.collective import broadcast_from_rank_zero
    from ray.util import get_node_ip_address

    address = None
    if rank == 0 and not hopeless:
        with socket.socket() as free:
            free.bind(("", 0))
            address = f"{get_node_ip_address()}:{free.getsockname()[1]}"
    said: str | None = broadcast_from_rank_zero(address)
    return said


@contextmanager
def _met(address: str, rank: int, size: int, threads: int) -> Iterator[Any]:
    """Join the workers of this attempt."""
    if "jax" in sys.modules:
        raise PeerError("this process has begun to compute before it met the others")
    os.environ["NPROC"] = str(threads)
    from narrows.training import ranks

    if size > 1:
        ranks.joined(address, size, rank, initialization_timeout=MEETING, heartbeat_timeout_seconds=SILENCE)
    try:
        yield ranks
    finally:
        if size > 1:
            ranks.left()
