"""``--cluster``: who does a command's work, where it is more than this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from narrows.cli.asking import Asked
from narrows.cli.screen import Screen
from narrows.cluster._addresses import ENVIRONMENT

if TYPE_CHECKING:
    from narrows import data
    from narrows.progress import Progress
    from narrows.training.checkpoints import Checkpoint
    from narrows.training.ranks import Ranks


@dataclass(frozen=True)
class Machines:
    """Which machines, as the flags say.

    Attributes
    ----------
    address : str
        As `narrows.cluster.fit` takes it.
    workers : int or None
    """

    address: str
    workers: int | None = None


def machines(address: str | None, workers: int | None) -> Machines | None:
    """Give what the flags stand for.

    Raises
    ------
    ValueError
        If workers are asked for, and no cluster.
    """
    if address is None and workers is not None:
        raise ValueError("--workers are those of a cluster: say which by --cluster, such as local:4")
    return None if address is None else Machines(address, workers)


def check(machines: Machines | None, asked: Asked, in_blocks: bool | None) -> None:
    """Refuse what a fit by several machines cannot do.

    Raises
    ------
    ValueError
        If so.
    """
    if machines is None:
        return
    if asked.target is not None:
        raise ValueError("--target goes with a fit by one process: leave it out, or leave out --cluster")
    if in_blocks is False:
        raise ValueError("a cluster reads rows in blocks: leave out --no-blocks, or leave out --cluster")
    if machines.address == ENVIRONMENT and machines.workers is not None:
        raise ValueError("with --cluster env the environment says how many workers there are: leave out --workers")


@contextmanager
def met(screen: Screen, machines: Machines | None) -> Iterator[Ranks]:
    """Join the other processes, where the environment has started several; those that do not lead are silent.

    Raises
    ------
    PeerError
        If the others do not come.
    """
    from narrows.training import ranks

    if machines is None or machines.address != ENVIRONMENT:
        yield ranks.ALONE
        return
    from narrows import cluster

    with cluster.joined() as here:
        if not here.leads:
            screen.mute()
        yield here


def fit(
    machines: Machines, estimator: Any, asked: Asked, train: data.Rows, validation: Any, checkpoint: Checkpoint, progress: Progress
) -> None:
    """Fit an estimator to the rows of a source but those that are held out, and stop by `validation` where there are such rows.

    Raises
    ------
    ValueError, TypeError, OSError, PeerError, TrainingDiverged, KeyboardInterrupt
        As `narrows.cluster.fit` does.
    """
    from narrows import cluster
    from narrows.training import ranks

    rows: Any = train.X
    try:
        cluster.fit(
            estimator,
            asked.source,
            label=asked.label,
            cluster=machines.address,
            workers=machines.workers,
            checkpoint=checkpoint,
            without=rows.without,
            validation_data=validation,
            progress=progress,
        )
    finally:
        if machines.address == ENVIRONMENT:
            ranks.left()  # what is measured and written now is the work of the first; the others need not wait for it
