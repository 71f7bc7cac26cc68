"""``narrows encode``, ``reconstruct`` and ``score`` with ``--cluster``: files to files, on many machines."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from narrows import cluster
from narrows.cli.locking import alone
from narrows.cli.reading import Source
from narrows.cli.screen import Screen, counted

INTERRUPTED = 130
_MADE = {"encode": "the codes", "reconstruct": "the reconstructions", "score": "the errors"}

What = Literal["encode", "reconstruct", "score"]


def run(
    screen: Screen,
    what: What,
    bundle: Path,
    source: Source,
    output: Path,
    *,
    address: str,
    workers: int | None,
    ids: list[str],
    resume: bool,
) -> int:
    """Write one file for each that is read; give the exit code.

    Raises
    ------
    ValueError, OSError, ImportError
        If what came cannot be used, or the cluster, or the output cannot be written.
    """
    output.absolute().parent.mkdir(parents=True, exist_ok=True)
    try:
        with alone(output.absolute()):
            work = getattr(cluster, what)
            done = work(bundle, source, output, cluster=address, workers=workers, resume=resume, ids=ids, progress=screen.progress())
    except KeyboardInterrupt:
        screen.error(f"interrupted; what is finished stays in '{output}', and --resume goes on with the rest")
        return INTERRUPTED
    found = f"; {counted(done.skipped, 'file')} of an earlier run stayed" if done.skipped else ""
    pace = f", {done.written / done.seconds:,.0f} rows a second" if done.files and done.seconds > 1 else ""
    screen.say(f"wrote {counted(done.files, 'file')} into '{output}': {_MADE[what]} of {counted(done.written, 'row')}{pace}{found}")
    screen.result({"files": done.files, "skipped": done.skipped, "rows": done.rows, "written": done.written, "seconds": done.seconds})
    return 0
