"""The studies by name: what the textbook says of autoencoders, put to the test."""

from __future__ import annotations

import os
from pathlib import Path

from narrows import data
from narrows.progress import Progress
from narrows.study import activation, bottleneck, convolution, denoising, direct, discriminative, loss, overfitting, plateau
from narrows.study.experiment import Experiment
from narrows.study.running import Outcome, run_experiment

SEEDS = 3
QUICK_SEEDS = 2  # one tells nothing of chance
_MODULES = (discriminative, plateau, overfitting, activation, loss, bottleneck, denoising, convolution, direct)
STUDIES: dict[str, Experiment] = {module.EXPERIMENT.name: module.EXPERIMENT for module in _MODULES}


def studies() -> dict[str, str]:
    """Give the names of all studies, each with what it shows.

    Returns
    -------
    dict of str to str

    Examples
    --------
    >>> from narrows import study
    >>> "plateau" in study.studies()
    True
    """
    return {name: experiment.shows for name, experiment in STUDIES.items()}


def run(
    name: str,
    rows: data.Rows | str,
    folder: str | os.PathLike[str],
    *,
    seeds: int | None = None,
    quick: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Run a study, and write a table, a picture and a verdict.

    Parameters
    ----------
    name : str
        One of `studies`.
    rows : Rows or str
        With labels, such as `narrows.data.load` gives; or the name of a data set, such as "mnist".
    folder : path-like
        Where to; made if it is not there. A study that was stopped goes on where it was: what ended is kept there.
    seeds : int, default=None
        How many fits of each setting, from seed 0 on, at least 1; 3 if None, 2 if `quick`.
    quick : bool, default=False
        Few rows and epochs: shows that it works, and nothing else.
    progress : Progress, default=None
        Told of each fit.

    Returns
    -------
    Outcome
        Its `findings` say what was confirmed, refuted, or neither.

    Raises
    ------
    ValueError
        If there is no such study, the rows are not what it needs, or the folder holds something else.
    MissingExtra
        If matplotlib is not installed.
    OSError
        If the folder cannot be written.
    """
    experiment = find(name)
    several = (QUICK_SEEDS if quick else SEEDS) if seeds is None else seeds
    if not isinstance(several, int) or isinstance(several, bool) or several < 1:
        raise ValueError(f"seeds={seeds!r} came; give how many fits each setting has, a whole number of at least 1")
    loaded = rows if isinstance(rows, data.Rows) else data.load(rows, progress=progress)
    return run_experiment(experiment, loaded, Path(folder), seeds=range(several), quick=quick, progress=progress)


def find(name: str) -> Experiment:
    """Find a study by its name.

    Raises
    ------
    ValueError
        If there is none.
    """
    if name not in STUDIES:
        raise ValueError(f"unknown study {name!r}: it must be one of {', '.join(STUDIES)}")
    return STUDIES[name]
