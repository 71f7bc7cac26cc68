"""Comparing ways to a map: each in a process of its own, kept as soon as it ends, so that a stopped comparison goes on where it was."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from narrows import _json, data, plot
from narrows.progress import Progress, Silent
from narrows.study import map_figures, map_picture
from narrows.study.apart import Ended, run_apart
from narrows.study.compared_rows import ComparedRows, split
from narrows.study.comparison import Compared, Comparison
from narrows.study.folders import claim, write_text
from narrows.study.mapping import write_job
from narrows.study.ways import WAYS

LIMIT = 600.0
ABOUT, MAPS = "settings.json", "maps"
TABLE, VALUES, PICTURE = "comparison.csv", "comparison.json", "comparison.png"
WORK = "narrows.study.mapping:map_rows"
PACKAGES = {"umap": "umap-learn"}  # modules that need not be installed, and what brings them


def comparable() -> dict[str, str]:
    """Give the names of all ways to a map that can be compared, each with what tables call it.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> from narrows import study
    >>> study.comparable()["latent_map"]
    'autoencoder + t-SNE'
    """
    return {method: way.name for method, way in WAYS.items()}


def compare(
    rows: data.Rows | str,
    folder: str | os.PathLike[str],
    *,
    methods: Iterable[str] | None = None,
    time_limit: float = LIMIT,
    test: data.Rows | float | None = None,
    n_rows: int | None = None,
    epochs: int | str = "auto",
    random_state: int = 0,
    progress: Progress | None = None,
) -> Comparison:
    """Make maps of the same rows in several ways, measure them on rows held out, and write a table and a picture.

    Parameters
    ----------
    rows : Rows or str
        10 rows or more, such as `narrows.data.load` gives; or the name of a data set, such as "mnist". Labels measure and color maps;
        they need not be there.
    folder : path-like
        Where to; made if it is not there. A comparison that was stopped goes on where it was: what ended is kept there.
    methods : iterable of str, default=None
        Which of `comparable`; all if None.
    time_limit : float, default=600.0
        Seconds that each way has, from the start of its process to the last place. One that ran into its limit runs again only with a
        greater one.
    test : Rows or float, default=None
        What maps are measured on: other rows, or a share of `rows`, between 0 and 1, that is held out. None is the data set's own test
        rows, or a fifth of the rows.
    n_rows : int, default=None
        The most rows that maps are made of, drawn at random, the same each time; all if None.
    epochs : int or "auto", default="auto"
        Passes over the rows of each network.
    random_state : int, default=0
        Of every way, from 0 to 2³² - 1.
    progress : Progress, default=None
        Told of each map.

    Returns
    -------
    Comparison
        A way that failed, or ended at its limit, is in it with the reason.

    Raises
    ------
    ValueError
        If an argument is out of range, there are too few rows, or the folder holds something else.
    MissingExtra
        If matplotlib is not installed.
    OSError
        If the folder cannot be written.

    Notes
    -----
    Ways run one after the other, each in a process of its own, so that seconds are fair, memory is its own (`RssAnon` and `RssShmem` in
    ``/proc``, looked at every 20 ms; the greatest resident memory where there is no ``/proc``), and no failure ends the others. Seconds
    are those of a fit and of placing rows, libraries being loaded before. All see rows in the same units, those of ``scale="auto"``.
    Trustworthiness and continuity are of up to 2,000 rows, of 15 neighbors.
    """
    plot.new_axes()  # what could not be drawn at the end is refused at the start
    chosen = _chosen(methods)
    _check(time_limit, n_rows, epochs, random_state)
    loaded = rows if isinstance(rows, data.Rows) else data.load(rows, progress=progress)
    compared_on = split(loaded, test, n_rows)
    place = Path(folder)
    settings = {"seed": int(random_state), "epochs": epochs}
    claim(place / ABOUT, compared_on.about(settings), "comparison")
    (place / MAPS).mkdir(exist_ok=True)
    with TemporaryDirectory(prefix="narrows-", ignore_cleanup_errors=True) as job:
        work = _Work(compared_on, place / MAPS, Path(job), settings, float(time_limit), progress or Silent())
        compared = tuple(work.result(method, f"{number} of {len(chosen)}: ") for number, method in enumerate(chosen, 1))
    return _write(compared_on, compared, place, float(time_limit))


def check_methods(methods: Iterable[str]) -> list[str]:
    """See that ways to a map are known, and give them in the order of tables.

    Parameters
    ----------
    methods : iterable of str

    Returns
    -------
    list of str

    Raises
    ------
    ValueError
        If one is unknown, or there is none.
    """
    asked = list(methods)
    unknown = next((one for one in asked if one not in WAYS), None)
    if unknown is not None or not asked:
        came = "no method came" if unknown is None else f"unknown method {unknown!r}"
        raise ValueError(f"{came}: methods may be {', '.join(WAYS)}")
    return [method for method in WAYS if method in asked]


def _chosen(methods: Iterable[str] | None) -> list[str]:
    if isinstance(methods, str):
        raise TypeError(f"methods={methods!r} came; give a list of them, such as [{methods!r}]")
    return list(WAYS) if methods is None else check_methods(methods)


def _check(time_limit: Any, n_rows: Any, epochs: Any, random_state: Any) -> None:
    if isinstance(time_limit, bool) or not isinstance(time_limit, int | float) or not 0 < time_limit < float("inf"):
        raise ValueError(f"time_limit={time_limit!r} came; give the seconds that each way has, a number above 0")
    for name, value, least in (("n_rows", n_rows, 1), ("epochs", epochs, 1), ("random_state", random_state, 0)):
        if (name, value) in (("n_rows", None), ("epochs", "auto")):
            continue
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or not least <= value < 2**32:
            raise ValueError(f"{name}={value!r} came; give a whole number of at least {least}")


@dataclass(frozen=True, eq=False)
class _Work:
    """Maps of some rows, in a folder."""

    rows: ComparedRows
    folder: Path
    job: Path
    settings: dict[str, Any]
    limit: float
    progress: Progress

    def result(self, method: str, number: str) -> Compared:
        """Give what is known of a way, or find it out."""
        way = WAYS[method]
        if way.labeled and not self.rows.tells_apart:
            none = self.rows.fitted.labels is None
            return Compared.of(method, "left out", "the rows have no labels to learn from" if none else "the labels are all the same")
        missing = next((name for name in way.loads if name in PACKAGES and find_spec(name) is None), None)
        if missing is not None:
            return Compared.of(method, "left out", f"{PACKAGES[missing]} is not installed (pip install {PACKAGES[missing]})")
        return self._kept(method) or self._run(method, number)

    def _kept(self, method: str) -> Compared | None:
        """Give what has been found before: a map, or that there was none within as much time."""
        path = self.folder / f"{method}.json"
        if not path.exists():
            return None
        try:
            plain = json.loads(path.read_text("utf-8"))
            if plain["state"] == "stopped":
                return Compared.of(method, "stopped", _too_long(plain["limit"])) if self.limit <= plain["limit"] else None
            for name in map_picture.files_of(method):
                np.load(self.folder / name, mmap_mode="r", allow_pickle=False)
            return Compared.of(method, "done", "", {name: value for name, value in plain["figures"].items()})
        except (ValueError, KeyError, TypeError, AttributeError, OSError):
            raise ValueError(f"'{path}' is of no map that this version can read: remove it, and it is made again") from None

    def _run(self, method: str, number: str) -> Compared:
        if not any(self.job.iterdir()):
            write_job(self.job, self.rows.fitted.X, self.rows.held_out.X, self.rows.fitted.labels, self.settings)
        names = map_picture.files_of(method)
        paths = {kind: str((self.folder / name).resolve()) for kind, name in zip(("fitted", "held_out"), names, strict=False)}
        self.progress.begin(f"{number}{WAYS[method].name}", 1.0)
        outcome = "stopped"
        try:
            ended = run_apart(
                WORK,
                json.dumps({"job": str(self.job), "way": method, **paths}),
                limit=self.limit,
                hear=lambda message: self.progress.advance(message["done"], message["text"]),
            )
            found = self._found(method, ended)
            outcome = found.reason or _in_short(found)
            return found
        finally:
            self.progress.end(outcome)

    def _found(self, method: str, ended: Ended) -> Compared:
        path = self.folder / f"{method}.json"
        if ended.timed_out:
            write_text(path, _json.dumps({"state": "stopped", "limit": self.limit}))
            return Compared.of(method, "stopped", _too_long(self.limit))
        if ended.result is None:
            return Compared.of(method, "failed", ended.problem.rstrip("."))
        places = [np.load(self.folder / name, allow_pickle=False) for name in map_picture.files_of(method)]
        figures = {**ended.result, "peak_megabytes": ended.megabytes}
        figures |= map_figures.measure(self.rows, *places)
        write_text(path, _json.dumps({"state": "done", "figures": figures}))
        return Compared.of(method, "done", "", figures)


def _too_long(limit: float) -> str:
    return f"ended at its time limit of {limit:g} s"


def _in_short(found: Compared) -> str:
    told = found.figures["accuracy_5nn"]
    return "" if told is None else f"5-NN {told:.3f}"


def _write(rows: ComparedRows, compared: tuple[Compared, ...], folder: Path, limit: float) -> Comparison:
    fitted, held = rows.fitted, rows.held_out
    files = {"table": folder / TABLE, "figures": folder / VALUES, "picture": folder / PICTURE}
    found = Comparison(fitted.name, len(fitted.X), len(held.X), fitted.X.shape[1], limit, compared, files)
    write_text(files["table"], found.csv())
    write_text(files["figures"], _json.dumps(found.to_dict(), indent=2))
    labels = [rows.names_of(part.labels) for part in (fitted, held)]
    plot.write(files["picture"], map_picture.draw(found, folder / MAPS, *labels))
    return found
