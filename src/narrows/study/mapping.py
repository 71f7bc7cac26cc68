"""What is done in a process of its own: rows are read, one map is made of them, and it is written where its rows are."""

from __future__ import annotations

import json
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from narrows import quality
from narrows._files import replacing
from narrows.networks import scale
from narrows.study.apart import Tell
from narrows.study.ways import WAYS, Given

JOB, FITTED, HELD_OUT, LABELS = "job.json", "fitted.npy", "held-out.npy", "labels.npy"
EVERY = 0.1  # seconds between two words on progress


class Relay:
    """Progress that is told to another process, as the share of all tasks that is done.

    Parameters
    ----------
    tell : callable
    tasks : int
        How many tasks there are.
    """

    def __init__(self, tell: Tell, tasks: int) -> None:
        self._tell, self._tasks = tell, tasks
        self._begun, self._total, self._name, self._told = 0, 1.0, "", 0.0

    def begin(self, name: str, total: float, unit: str = "") -> None:
        """Begin a task of `total` units."""
        del unit
        self._begun, self._total, self._name = self._begun + 1, total, name

    def advance(self, done: float, text: str = "") -> None:
        """Say how much of the task is done by now."""
        now = time.monotonic()
        if now - self._told >= EVERY:
            self._told = now
            share = (self._begun - 1 + min(1.0, done / max(self._total, 1e-9))) / max(self._tasks, self._begun)
            self._tell({"done": share, "text": f"{self._name}, {text}" if text else self._name})

    def end(self, text: str = "") -> None:
        """Do nothing: the next task, or the end of all, says it."""


def write_job(folder: Path, rows: np.ndarray, held_out: np.ndarray, labels: np.ndarray | None, settings: dict[str, Any]) -> None:
    """Write what all maps are made of.

    Parameters
    ----------
    folder : Path
    rows : ndarray of shape (n, d)
    held_out : ndarray of shape (m, d)
    labels : ndarray of shape (n,) or None
        As `Given` has them.
    settings : dict
        "seed" and "epochs".
    """
    arrays = {FITTED: rows, HELD_OUT: held_out} | ({} if labels is None else {LABELS: labels})
    for name, array in arrays.items():
        np.save(folder / name, array, allow_pickle=False)
    (folder / JOB).write_text(json.dumps(settings), "utf-8")


def map_rows(argument: str, tell: Tell) -> dict[str, Any]:
    """Make one map, and measure what only its maker can.

    Parameters
    ----------
    argument : str
        JSON of "job", the folder that `write_job` filled, "way", one of `WAYS`, and "fitted" and "held_out", .npy files to write.
    tell : callable
        Is told of progress.

    Returns
    -------
    dict of str to float or None
        "fit_seconds", "place_seconds" of all rows held out, and "squared_error" of their decoded places in scaled units; None where
        there is none.
    """
    asked = json.loads(argument)
    folder, way = Path(asked["job"]), WAYS[asked["way"]]
    warnings.simplefilter("ignore")  # what is wrong with a map is seen on it
    rows, held_out = (np.load(folder / name, allow_pickle=False) for name in (FITTED, HELD_OUT))
    labels = np.load(folder / LABELS, allow_pickle=False) if (folder / LABELS).exists() else None
    settings = json.loads((folder / JOB).read_text("utf-8"))
    way.prepare()
    began = time.perf_counter()
    scaling = scale.learn("auto", rows)
    made = way.make(Given(rows, scaling, labels, settings["seed"], settings["epochs"], Relay(tell, way.tasks)))
    found: dict[str, Any] = {"fit_seconds": time.perf_counter() - began, "place_seconds": None, "squared_error": None}
    _write(Path(asked["fitted"]), made.places)
    if made.place is not None:
        began = time.perf_counter()
        places = made.place(held_out)
        found["place_seconds"] = time.perf_counter() - began
        _write(Path(asked["held_out"]), places)
        if made.decode is not None:
            found["squared_error"] = quality.mean_squared_error(scaling.apply(held_out), made.decode(places))
    return found


def _write(path: Path, places: np.ndarray) -> None:
    if not np.isfinite(places).all():
        raise ValueError("its places are not finite")
    with replacing(path) as file:
        np.save(file, places.astype(np.float32), allow_pickle=False)
