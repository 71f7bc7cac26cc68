"""Files to files: codes, reconstructions and errors of any number of rows, each once, made by all workers of a cluster."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from narrows.cluster import _rows_once, _writing
from narrows.cluster._connecting import Cluster, connected
from narrows.cluster._layout import Method, layout_of
from narrows.cluster._nodes import check_nodes
from narrows.cluster._pool import Pool
from narrows.cluster._sources import File, Source, Span, folders_of, found, opened, spans
from narrows.cluster._worker import Job, Made
from narrows.progress import Progress, Silent

if TYPE_CHECKING:
    from narrows.bundle import Manifest

NOTE = 1  # the form of what an output says of itself
READERS = 8  # threads that look at files
LOOKED_AT = 100  # files that each node is asked about


@dataclass(frozen=True)
class Done:
    """What a run wrote.

    Parameters
    ----------
    files : int
        Written by this run.
    skipped : int
        Found done, of an earlier run.
    rows : int
        In both.
    written : int
        Of these, by this run.
    seconds : float
        Of this run's work, from when its first worker was there.
    """

    files: int
    skipped: int
    rows: int
    written: int
    seconds: float


def encode(
    bundle: str | os.PathLike[str],
    source: Source,
    output: str | os.PathLike[str],
    *,
    cluster: str = "auto",
    workers: int | None = None,
    resume: bool = False,
    ids: Sequence[str] = (),
    progress: Progress | None = None,
) -> Done:
    """Write the codes of the rows of files, on a Ray cluster.

    Each file becomes one Parquet file of the same name below the output folder, its rows in the same order: the columns that the bundle
    does not take as they came, and the code in ``z0``, ``z1`` and so on. A file appears when each of its rows was counted and compared
    with what was computed, and never in part.

    Parameters
    ----------
    bundle : path-like
        A fitted model.
    source : path-like, or sequence of these
        Files (.parquet, .npy), folders, which stand for all such files below them, and patterns. All nodes must see them.
    output : path-like
        A folder that all nodes see; made if it is not there.
    cluster : str, default="auto"
        As `connected` takes it.
    workers : int, default=None
        Processes that compute, of one CPU each. By default as many as the cluster has GPUs, or CPUs if it has none, and no more than
        there is work for.
    resume : bool, default=False
        Whether to go on with a folder that an earlier run left: files that are done stay, those that have changed since are done again.
    ids : sequence of str, default=()
        Columns of numbers that are none of the row; needed only where the bundle knows no names of features.
    progress : Progress, default=None
        Told of rows that are done; nothing is told if None.

    Returns
    -------
    Done

    Raises
    ------
    ValueError
        If a file cannot be read or has not the columns that the bundle takes, or the folder holds something else. Files that were finished
        stay.
    OSError
        If the cluster cannot be reached or worked on, a node does not see a file, or the output cannot be written.
    BundleError
        If the bundle cannot be used.
    MissingExtra
        If ``narrows[ray]`` is not installed.
    """
    return _run("transform", bundle, source, output, cluster, workers, resume, ids, progress)


def reconstruct(
    bundle: str | os.PathLike[str],
    source: Source,
    output: str | os.PathLike[str],
    *,
    cluster: str = "auto",
    workers: int | None = None,
    resume: bool = False,
    ids: Sequence[str] = (),
    progress: Progress | None = None,
) -> Done:
    """Write what the network makes of the rows of files, on a Ray cluster, under the names of the features.

    Parameters
    ----------
    bundle : path-like
        A fitted model, of rows and not of a table.
    source : path-like, or sequence of these
        Files (.parquet, .npy), folders and patterns, as `encode` takes them.
    output : path-like
        A folder that all nodes see.
    cluster : str, default="auto"
        As `connected` takes it.
    workers : int, default=None
        Processes that compute; by default one for each GPU, or CPU.
    resume : bool, default=False
        Whether to go on with a folder that an earlier run left.
    ids : sequence of str, default=()
        Columns of numbers that are none of the row, where the bundle knows no names.
    progress : Progress, default=None

    Returns
    -------
    Done

    Raises
    ------
    ValueError, OSError, BundleError, MissingExtra
        As `encode` does.
    """
    return _run("reconstruct", bundle, source, output, cluster, workers, resume, ids, progress)


def score(
    bundle: str | os.PathLike[str],
    source: Source,
    output: str | os.PathLike[str],
    *,
    cluster: str = "auto",
    workers: int | None = None,
    resume: bool = False,
    ids: Sequence[str] = (),
    progress: Progress | None = None,
) -> Done:
    """Write how far each row of files is from its reconstruction, on a Ray cluster, in the column ``error``.

    A bundle of a detector of outliers also writes ``outlier``: whether the error is above its threshold.

    Parameters
    ----------
    bundle : path-like
        A fitted model.
    source : path-like, or sequence of these
        Files (.parquet, .npy), folders and patterns, as `encode` takes them.
    output : path-like
        A folder that all nodes see.
    cluster : str, default="auto"
        As `connected` takes it.
    workers : int, default=None
        Processes that compute; by default one for each GPU, or CPU.
    resume : bool, default=False
        Whether to go on with a folder that an earlier run left.
    ids : sequence of str, default=()
        Columns of numbers that are none of the row, where the bundle knows no names.
    progress : Progress, default=None

    Returns
    -------
    Done

    Raises
    ------
    ValueError, OSError, BundleError, MissingExtra
        As `encode` does.
    """
    return _run("score_samples", bundle, source, output, cluster, workers, resume, ids, progress)


def _run(
    method: Method,
    bundle: str | os.PathLike[str],
    source: Source,
    output: str | os.PathLike[str],
    cluster: str,
    workers: int | None,
    resume: bool,
    ids: Sequence[str],
    progress: Progress | None,
) -> Done:
    from narrows.bundle import read_manifest

    progress, folder = progress or Silent(), Path(output)
    if workers is not None and workers < 1:
        raise ValueError(f"workers={workers}: must be at least 1")
    if isinstance(ids, str):
        raise ValueError(f"ids={ids!r}: give a list of names, such as [{ids!r}]")
    manifest = read_manifest(bundle)
    _check_able(manifest, method, bundle)
    content = Path(bundle).read_bytes()
    _check_folder(folder, resume)
    files = _looked_at(found(source, folder), progress)
    plan = _Plan(manifest, method, hashlib.sha256(content).hexdigest(), tuple(ids), files)
    plan.leave_out_what_is_done(resume)
    if not plan.open:
        return plan.outcome(0.0)
    with connected(cluster) as there:
        for path in folders_of(files):
            path.mkdir(parents=True, exist_ok=True)
        check_nodes([file.path for file in files[:LOOKED_AT]], written=folder)
        return plan.run(there, content, workers, progress)


def _check_able(manifest: Manifest, method: Method, bundle: str | os.PathLike[str]) -> None:
    """Refuse what a bundle cannot do, before a cluster is asked."""
    state = manifest.state
    if state.map is not None and method != "transform":
        raise ValueError(f"'{os.fspath(bundle)}' holds a map, which places rows and does no more: encode, or fit an autoencoder")
    if state.learned.table is not None and method == "reconstruct":
        raise ValueError(
            f"'{os.fspath(bundle)}' takes a table, whose reconstructions hold more than numbers and are not written on a cluster: "
            "encode or score there, and reconstruct here"
        )


def _check_folder(folder: Path, resume: bool) -> None:
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(
            f"the output '{folder}' is a file; on a cluster it is a folder, of one .parquet file for each that is read"
        )
    if folder.is_dir() and not resume and any(folder.iterdir()):
        raise ValueError(
            f"the folder '{folder}' is not empty: write elsewhere, or resume (--resume) to go on with what an earlier run left there"
        )


def _looked_at(pairs: list[tuple[str, str]], progress: Progress) -> list[File]:
    progress.begin("files", len(pairs), "files")
    files: list[File] = []
    with ThreadPoolExecutor(READERS) as readers:
        for file in readers.map(lambda pair: opened(*pair), pairs):
            files.append(file)
            progress.advance(len(files), f"{len(files):,} files")
    progress.end(f"{len(files):,} with {sum(file.rows for file in files):,} rows")
    return files


class _Plan:
    """What is to be done, and what has been."""

    def __init__(self, manifest: Manifest, method: Method, checksum: str, ids: tuple[str, ...], files: list[File]) -> None:
        self._method = method
        self._told = {
            "format": NOTE,
            "what": method,
            "bundle": checksum,
            "ids": sorted(ids),
            "table": manifest.state.learned.table is not None,
        }
        self._files = files
        self._layouts = {file.output: layout_of(manifest, method, file, ids) for file in files}
        self.open = list(files)
        self._parts: dict[str, dict[int, tuple[str, int]]] = {}  # by output, by first row: path and sum
        self._failed: dict[str, str] = {}
        self._written = self._seen = 0

    def leave_out_what_is_done(self, resume: bool) -> None:
        """Take files that an earlier run finished off the list, and note the parts that it has left of others.

        Raises
        ------
        ValueError
            If something else is where an output belongs.
        """
        if not resume:
            return
        with ThreadPoolExecutor(READERS) as readers:
            self.open = [file for file, done in zip(self._files, readers.map(self._is_done, self._files), strict=True) if not done]
        self._sweep({path for file in self.open for path, _ in self._found_parts(file).values()})

    def _sweep(self, usable: Set[str] = frozenset()) -> None:
        """Delete what workers left that were killed."""
        outputs = {file.output for file in self._files}
        for folder in folders_of(self._files):
            for path in _writing.leftovers(folder):
                if str(path) not in usable and _writing.is_of(path, outputs):
                    with suppress(OSError):
                        path.unlink()

    def _is_done(self, file: File) -> bool:
        if not os.path.lexists(file.output):
            return False
        said = _writing.note_of(file.output)
        if said is None or any(said[0].get(name) != value for name, value in self._told.items()):
            raise ValueError(
                f"'{file.output}' was not written by this bundle, command and ids, and is not replaced: write elsewhere, or delete it"
            )
        return said[0].get("source") == self._note(file)["source"] and said[1] == file.rows

    def _note(self, file: File) -> dict[str, Any]:
        return {**self._told, "source": [os.path.basename(file.path), file.size, file.changed, file.rows]}

    def _found_parts(self, file: File) -> dict[int, tuple[str, int]]:
        """Find the parts of a file that are whole."""
        cut = spans(file)
        kept = self._parts.setdefault(file.output, {})
        for span in cut if len(cut) > 1 else ():
            path = _writing.part_of(file.output, span.start, span.stop)
            said = _writing.note_of(path)
            if said is not None and {**said[0], "sum": None} == {**self._note(file), "sum": None} and said[1] == span.stop - span.start:
                kept[span.start] = path, int(said[0]["sum"], 16)
        return kept

    def run(self, there: Cluster, content: bytes, workers: int | None, progress: Progress) -> Done:
        """Do what is to be done.

        Raises
        ------
        ValueError, OSError
            If some of it could not be done.
        """
        jobs = [job for file in self.open for job in self._jobs(file)]
        left = sum(job.span.stop - job.span.start for job in jobs if not job.parts)
        count = min(workers or int(there.gpus) or max(1, int(there.cpus)), max(1, len(jobs)))
        progress.begin("rows", left, "rows")
        pool = Pool(content, self._method, count, float(there.gpus >= 1))
        try:
            pool.run(jobs, lambda job, made: self._done(job, made, pool, progress), lambda job: job.file.path not in self._failed)
        finally:
            pool.close()
        seconds = pool.seconds
        progress.end(f"{self._seen:,} rows")
        self._tell()
        self._sweep()
        return self.outcome(seconds)

    def outcome(self, seconds: float) -> Done:
        """Give what a run that went well says of itself."""
        rows, written = (sum(file.rows for file in files) for files in (self._files, self.open))
        return Done(len(self.open), len(self._files) - len(self.open), rows, written, seconds)

    def _tell(self) -> None:
        if self._failed:
            first, more = next(iter(self._failed.values())), len(self._failed) - 1
            others = f", and {more} more of {len(self._files):,} files failed" if more else ""
            raise ValueError(f"{first}{others}; {self._what_stays()}")

    def _what_stays(self) -> str:
        done = len(self._files) - len(self.open) + self._written
        return f"{done:,} of {len(self._files):,} files are finished and stay, and resume (--resume) goes on with the rest"

    def _jobs(self, file: File) -> list[Job]:
        note, layout = self._note(file), self._layouts[file.output]
        cut = spans(file)
        if len(cut) == 1:
            return [Job(file, layout, note, cut[0], file.output)]
        kept = self._parts.setdefault(file.output, {})
        jobs = [
            Job(file, layout, note, span, _writing.part_of(file.output, span.start, span.stop)) for span in cut if span.start not in kept
        ]
        return jobs or [self._join(file)]

    def _join(self, file: File) -> Job:
        parts = sorted(self._parts[file.output].items())
        total = _rows_once.added(*(of_part for _, (_, of_part) in parts))
        whole = Span(0, file.rows, (0, len(file.groups)))
        return Job(file, self._layouts[file.output], self._note(file), whole, file.output, tuple(path for _, (path, _) in parts), total)

    def _done(self, job: Job, made: Made, pool: Pool, progress: Progress) -> Iterable[Job]:
        """Note what became of a job, and say what is next."""
        if made.problem:
            self._failed.setdefault(job.file.path, made.problem)
            if made.lasting:
                raise OSError(f"{made.problem}; {self._what_stays()}")
            return ()
        if job.parts:
            self._written += 1
            return ()
        self._seen += made.rows
        pace = f", {self._seen / pool.seconds:,.0f} rows/s" if pool.seconds > 1 else ""
        progress.advance(self._seen, f"{self._seen:,} rows{pace}")
        if job.path == job.file.output:
            self._written += 1
            return ()
        kept = self._parts[job.file.output]
        kept[job.span.start] = job.path, made.total
        return [self._join(job.file)] if len(kept) == len(spans(job.file)) else ()
