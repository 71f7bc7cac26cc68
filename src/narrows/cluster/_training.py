"""One fit by many machines: the call that waits for it."""

from __future__ import annotations

import logging
import os
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from narrows.cluster import _training_worker
from narrows.cluster._addresses import ENVIRONMENT
from narrows.cluster._connecting import Cluster, connected
from narrows.cluster._desk import Desk, End
from narrows.cluster._nodes import check_nodes
from narrows.data.label_files import is_label_file
from narrows.data.sources import expanded
from narrows.errors import PeerError, TrainingDiverged
from narrows.estimators._copying import repeatable
from narrows.estimators._fitting import progress_of
from narrows.progress import Progress
from narrows.training import ranks
from narrows.training.checkpoints import Checkpoint, discard, folder_of
from narrows.training.ranks import Ranks

LOOK = 0.2  # seconds between two looks at the desk
DEATHS = 50  # of workers, after which a run is given up

Source = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]


def fit(
    estimator: Any,
    source: Source,
    *,
    label: str | None = None,
    cluster: str = "auto",
    workers: int | None = None,
    checkpoint: Checkpoint | str | os.PathLike[str] | None = None,
    without: NDArray[np.int64] | None = None,
    validation_data: Any = None,
    progress: Progress | None = None,
) -> Any:
    """Fit an estimator to rows in files, on a cluster, as one process would.

    Each worker opens the files and computes its places of every batch; gradients are summed over all of them at each step. The weights
    are those that one process finds, but for the rounding of sums, whatever the number of workers.

    Parameters
    ----------
    estimator : Autoencoder, SupervisedAutoencoder or SupervisedAutoencoderRegressor
        Fitted in place.
    source : str, path-like, or sequence of these
        As `narrows.data.blocks` takes it; every machine must see it under the same path. What is no .npy file is written once into the
        temporary folder of each worker.
    label : str, default=None
        A column, or a file of labels.
    cluster : str, default="auto"
        As `connected` takes it; or ``"env"``: this process is one of several that SLURM, MPI or a script has started, which all call this
        (see `joined`).
    workers : int, default=None
        By default one on each machine that has processors to give, or N with ``"local:N"``; with ``"env"`` it is known.
    checkpoint : Checkpoint or path-like, default=None
        Where the run leaves its state, on a path that all machines see, or an fsspec address such as ``s3://bucket/run.checkpoint``. By
        default a temporary file, which is enough where all workers are on this machine.
    without : ndarray of shape (m,), int64, default=None
        Numbers of rows that are left out, ascending.
    validation_data : array-like of shape (n, n_features), or tuple of this and more, default=None
        As `fit` takes it: rows in memory to stop by, with their labels where the estimator learns labels. Each worker measures all of them.
    progress : Progress, default=None
        Told of the progress of all workers together; by default what the estimator's `verbose` says.

    Returns
    -------
    estimator
        The one that was given.

    Raises
    ------
    ConnectionError
        If there is no such cluster, or its machines have other versions.
    FileNotFoundError
        If a machine does not see a path.
    ValueError, TypeError, OSError
        As `fit` does, also where rows cannot be read on a worker.
    PeerError
        If workers die again and again.
    TrainingDiverged, KeyboardInterrupt
        As `fit` does; the estimator then holds the weights that are good to keep.
    """
    made, drawn = repeatable(estimator)
    files = [_whole(one) for one in expanded(source)]  # workers are at home in other folders
    label = label if label is None or not is_label_file(label) else _whole(label)
    paths = [path for path in (*files, *([label] if label is not None and is_label_file(label) else [])) if os.path.exists(path)]
    progress = progress or progress_of(estimator.verbose)
    with _checkpoint(checkpoint) as kept:
        work = _training_worker.Work(made, files if len(files) > 1 else files[0], label, without, validation_data, kept, 0)
        if cluster == ENVIRONMENT:
            end = _here(work, progress, drawn)
        else:
            with connected(cluster) as there:
                if there.nodes > 1:
                    _check_nodes(paths, kept, checkpoint is not None)
                end = _there(work, there, cluster, workers, progress)
    return _taken_over(estimator, end)


def _check_nodes(paths: list[str], kept: Checkpoint, asked: bool) -> None:
    """Refuse machines that are not fit for the run."""
    try:
        check_nodes(paths, written=folder_of(kept))
    except FileNotFoundError as problem:
        if asked or str(Path(kept.path).parent) not in str(problem):
            raise
        raise ValueError(
            "workers on several machines need a checkpoint in a place that all see: give one, such as checkpoint='/shared/run.checkpoint' "
            "(--checkpoint on the command line) or 's3://bucket/run.checkpoint'"
        ) from problem


def _whole(path: str | os.PathLike[str]) -> str:
    """Give the whole path of what is one; a data set's name is its name."""
    return os.path.abspath(path) if Path(path).exists() else os.fspath(path)


@contextmanager
def _checkpoint(given: Any) -> Iterator[Checkpoint]:
    """Give the checkpoint by its whole path; one that vanishes at the end, where none is given."""
    if given is None:
        with tempfile.TemporaryDirectory(prefix="narrows-") as temporary:
            yield Checkpoint(Path(temporary) / "run.checkpoint")
        return
    said = given if isinstance(given, Checkpoint) else Checkpoint(given)
    folder = folder_of(said)
    yield said if folder is None else replace(said, path=folder / Path(said.path).name)


@contextmanager
def joined() -> Iterator[Ranks]:
    """Join the processes that SLURM, MPI or a script has started for one run, for as long as the block lasts.

    In the block ``fit(..., cluster="env")`` is the work of all of them; each must come to the same calls in the same order. It is to begin
    before anything is computed in a process.

    Yields
    ------
    Ranks
        Which of them this one is: `rank`, `size`, and `leads`, which is true of the one that is to write and speak for all.

    Raises
    ------
    PeerError
        If the others do not come, the environment does not say who they are, or something was computed before.
    """
    here = ranks.joined()
    try:
        yield here
    finally:
        ranks.left()


def _here(work: _training_worker.Work, progress: Progress, drawn: bool) -> End:
    """Do this process's part of a run that something else has started."""
    if ranks.current() is ranks.ALONE:
        with joined():
            return _here(work, progress, drawn)
    if ranks.current().leads and not work.checkpoint.resume:
        discard(work.checkpoint)
    if drawn:  # each process has drawn its own
        work.estimator.random_state = int(ranks.current().from_first(str(work.estimator.random_state).encode()))
    try:
        return End(work.fit(progress))
    except (KeyboardInterrupt, TrainingDiverged) as problem:
        return End(work.estimator if hasattr(work.estimator, "history_") else None, problem)


def _there(work: _training_worker.Work, there: Cluster, address: str, workers: int | None, progress: Progress) -> End:
    """Let a cluster do it; see to it that nothing of the run goes on when this returns."""
    import ray

    scaling, work.threads = _placement(there, address, workers)
    if not work.checkpoint.resume:
        discard(work.checkpoint)  # or else attempts after the first could not tell it from their own
    desk = ray.remote(num_cpus=0)(Desk).remote()
    run = ray.remote(num_cpus=0, max_retries=0)(_run).remote(work, desk, scaling)
    told = _Told(progress)
    interrupted = False
    while True:
        try:
            ended, _ = ray.wait([run], timeout=LOOK)
            told.hear(*ray.get(desk.heard.remote()))
            if ended:
                break
        except KeyboardInterrupt:
            if interrupted:  # the second one: nothing is waited for
                ray.cancel(run, force=True)
                ray.kill(desk)
                raise
            interrupted = True
            desk.stop.remote()
    end: End | None = ray.get(desk.ended.remote())
    told.close()
    if end is None:
        try:
            ray.get(run)
            reason = "its workers ended without a word"
        except Exception as problem:  # Ray raises what it likes
            reason = " ".join(str(problem).strip().splitlines()[-1:]) or type(problem).__name__
        raise PeerError(f"the run on the cluster failed: {reason}")
    return end


def _placement(there: Cluster, address: str, workers: int | None) -> tuple[dict[str, Any], int]:
    """Choose how many workers there are and what each may use; give that, and the threads of each."""
    import ray

    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers}: must be at least 1")
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= 1]
    if not nodes:
        raise ConnectionError(f"no machine of the cluster at {there.address} has a processor to give: see 'ray status'")
    local = address.startswith("local:")
    wanted = workers or (int(there.cpus) if local else len(nodes))
    each = -(-wanted // len(nodes))  # workers of a machine
    cpus, gpus = (int(min(node.get(kind, 0) for node in nodes)) // each for kind in ("CPU", "GPU"))
    if wanted > there.cpus:
        raise ValueError(f"workers={wanted}: the cluster has {there.cpus:.0f} processors, and each worker needs one")
    cpus = max(1, cpus)
    threads = max(1, (os.cpu_count() or 1) // wanted) if local else cpus
    resources = {"CPU": cpus, **({"GPU": gpus} if gpus else {})}
    return {
        "num_workers": wanted,
        "resources_per_worker": resources,
        "use_gpu": bool(gpus),
        "placement_strategy": "SPREAD",
    }, threads


def _run(work: _training_worker.Work, desk: Any, scaling: dict[str, Any]) -> None:
    """Start, place and restart the workers; within the cluster, for what reaches it through Ray's client could not."""
    os.environ.setdefault("RAY_TRAIN_V2_ENABLED", "1")
    logging.disable(logging.WARNING)
    from ray.train import FailureConfig, RunConfig, ScalingConfig
    from ray.train.v2.jax import JaxTrainer

    with tempfile.TemporaryDirectory(prefix="narrows-") as folder:
        JaxTrainer(
            _training_worker.train,
            train_loop_config={"work": work, "desk": desk},
            scaling_config=ScalingConfig(**scaling),
            run_config=RunConfig(name="narrows", storage_path=folder, failure_config=FailureConfig(max_failures=DEATHS)),
        ).fit()


class _Told:
    """What workers say about progress, passed on; attempts that begin anew go on with the bar of the first."""

    def __init__(self, progress: Progress) -> None:
        self._progress: Progress = progress
        self._task: tuple[Any, ...] | None = None

    def hear(self, words: list[Any], attempts: int) -> None:
        for word in words:
            if word.method == "begin":
                if word.arguments != self._task:
                    self.close()
                    self._progress.begin(*word.arguments)
                self._task = word.arguments
            elif self._task is not None:
                if word.method == "advance" and attempts > 1:
                    done, text = word.arguments
                    self._progress.advance(done, f"{text}  begun {attempts} times")
                else:
                    getattr(self._progress, word.method)(*word.arguments)
                if word.method == "end":
                    self._task = None

    def close(self) -> None:
        if self._task is not None:
            self._progress.end("stopped")
            self._task = None


def _taken_over(estimator: Any, end: End) -> Any:
    """Give the estimator what was learned, and say what is to be said."""
    if end.estimator is not None:
        parameters = estimator.get_params(deep=False)
        estimator.__dict__.update(end.estimator.__dict__)
        estimator.set_params(**parameters)
    for message, category in end.warnings:
        warnings.warn(message, category, stacklevel=3)
    if end.problem is not None:
        raise end.problem
    return estimator
