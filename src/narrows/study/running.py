"""Running an experiment: trial after trial, each kept as soon as it ends, so that a stopped study goes on where it was."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from narrows import _json, data, plot
from narrows.errors import VerdictWarning
from narrows.progress import Progress, Silent
from narrows.study.experiment import Experiment, Material, Measured, Results, Setting, Trial
from narrows.study.findings import Finding, spread
from narrows.study.folders import claim, write_text

QUICK_ROWS, QUICK_TEST_ROWS = 1000, 300
HELD_OUT = 0.2  # of rows that bring no test rows
ABOUT, TRIALS = "study.json", "trials"
TABLE, TEXT_TABLE, PICTURE, VERDICT = "table.csv", "table.md", "figure.png", "verdict.md"


@dataclass(frozen=True)
class Outcome:
    """What a study found.

    Parameters
    ----------
    name, claim, method : str
    head : tuple of str
    lines : list of tuple of str
        A table of means and standard deviations over seeds: a line for each setting.
    findings : list of Finding
    files : dict of str to Path
        "table", "text", "picture" and "verdict".
    """

    name: str
    claim: str
    method: str
    head: tuple[str, ...]
    lines: list[tuple[str, ...]]
    findings: list[Finding]
    files: dict[str, Path]

    def to_dict(self) -> dict[str, Any]:
        """Give plain values, as JSON has them.

        Returns
        -------
        dict
        """
        return {**asdict(self), "files": {name: str(path) for name, path in self.files.items()}}


def run_experiment(
    experiment: Experiment,
    rows: data.Rows,
    folder: Path,
    *,
    seeds: Sequence[int],
    quick: bool = False,
    progress: Progress | None = None,
) -> Outcome:
    """Run what is left of an experiment, and write its table, its picture and its verdict.

    Parameters
    ----------
    experiment : Experiment
    rows : Rows
    folder : Path
        Made if it is not there. What it holds of the same study on the same rows is not run again.
    seeds : sequence of int
    quick : bool, default=False
    progress : Progress, default=None

    Returns
    -------
    Outcome

    Raises
    ------
    ValueError
        If the folder holds a study of something else, or the rows are not what the study needs.
    MissingExtra
        If matplotlib is not installed.
    """
    plot.new_axes()  # what could not be drawn at the end is refused at the start
    material = _material(experiment, rows, quick)
    trials_folder = folder / TRIALS
    claim(folder / ABOUT, _about(experiment, material), "study")
    trials_folder.mkdir(exist_ok=True)
    wanted = [(setting, seed) for seed in seeds for setting in experiment.settings if setting.seeded or seed == seeds[0]]
    progress = progress or Silent()
    progress.begin(f"study {experiment.name}", len(wanted), "trials")
    trials = []
    try:
        for done, (setting, seed) in enumerate(wanted):
            progress.advance(done, f"{done + 1} of {len(wanted)}: {setting.name}, seed {seed}")
            trials.append(_kept(trials_folder, setting, seed) or _run(trials_folder, setting, seed, material))
    finally:
        progress.end()
    return _write(experiment, Results(tuple(trials)), folder, quick)


def _material(experiment: Experiment, rows: data.Rows, quick: bool) -> Material:
    if rows.labels is None:
        raise ValueError(f"{rows.name} has no labels, by which studies measure codes: give the column of the labels")
    train, test = (rows, rows.test) if rows.test is not None else data.hold_out(rows, HELD_OUT)
    most = min(experiment.n_rows or len(train.X), QUICK_ROWS if quick else len(train.X))
    return Material(some_rows(train, most), some_rows(test, QUICK_TEST_ROWS if quick else len(test.X)), quick)


def some_rows(rows: data.Rows, most: int) -> data.Rows:
    """Give some of the rows, in their order; the same ones each time."""
    if len(rows.X) <= most:
        return rows
    chosen = np.sort(np.random.RandomState(0).permutation(len(rows.X))[:most])
    labels = None if rows.labels is None else rows.labels[chosen]
    return data.Rows(rows.X[chosen], rows.feature_names, labels, rows.name, image_shape=rows.image_shape)


def _about(experiment: Experiment, material: Material) -> dict[str, Any]:
    """Give what trials in one folder must have in common."""
    from narrows import __version__

    sizes = {"rows": len(material.train.X), "features": material.train.X.shape[1], "test_rows": len(material.test.X)}
    return {"study": experiment.name, "data": material.train.name, **sizes, "quick": material.quick, "narrows": __version__}


def _path(folder: Path, setting: Setting, seed: int) -> Path:
    return folder / f"{re.sub('[^a-z0-9]+', '-', setting.name.lower()).strip('-')}-seed-{seed}.json"


def _kept(folder: Path, setting: Setting, seed: int) -> Trial | None:
    """Give a trial that has been run before."""
    path = _path(folder, setting, seed)
    if not path.exists():
        return None
    try:
        plain = json.loads(path.read_text("utf-8"))
        figures = {name: math.nan if value is None else float(value) for name, value in plain["figures"].items()}
        return Trial(setting.name, seed, Measured(figures, plain["series"]), float(plain["seconds"]))
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ValueError(f"'{path}' is no trial that this version can read: remove it, and it is run again") from None


def _run(folder: Path, setting: Setting, seed: int, material: Material) -> Trial:
    started = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", VerdictWarning)  # some settings are here because they fail
        measured = setting.measure(material, seed)
    seconds = time.perf_counter() - started
    plain = {"figures": measured.figures, "series": measured.series, "seconds": seconds}
    write_text(_path(folder, setting, seed), _json.dumps(plain))
    return Trial(setting.name, seed, measured, seconds)


def _write(experiment: Experiment, results: Results, folder: Path, quick: bool) -> Outcome:
    names = [*experiment.figures]
    head = ("setting", *experiment.figures.values(), "seconds")
    lines = [_line(results, setting, names) for setting in results.settings]
    findings = list(experiment.judge(results))
    files = {"table": folder / TABLE, "text": folder / TEXT_TABLE, "picture": folder / PICTURE, "verdict": folder / VERDICT}
    for kind, text in (
        ("table", _csv(results, names)),
        ("text", _markdown(head, lines)),
        ("verdict", _verdict(experiment, findings, quick)),
    ):
        write_text(files[kind], text)
    plot.write(files["picture"], experiment.draw(results))
    return Outcome(experiment.name, experiment.claim, experiment.method, head, lines, findings, files)


def _line(results: Results, setting: str, names: list[str]) -> tuple[str, ...]:
    """Give the means and deviations of a setting; a dash for what nobody measured of it."""
    cells = []
    for name in names:
        values = results.values(setting, name)
        finite = values[np.isfinite(values)]
        of_all = f" ({len(finite)} of {len(values)} seeds)" if len(finite) < len(values) else ""
        cells.append(spread(finite) + of_all if len(finite) else "—")
    seconds = np.mean([trial.seconds for trial in results.of(setting)])
    return (setting, *cells, f"{seconds:.1f}")


def _csv(results: Results, names: list[str]) -> str:
    """Give every trial as a line: who wants means can have them, who wants seeds too."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["setting", "seed", *names, "seconds"])
    for trial in results.trials:
        writer.writerow([trial.setting, trial.seed, *(trial.measured.figures.get(name, "") for name in names), round(trial.seconds, 3)])
    return out.getvalue()


def _markdown(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rule = ["---"] * len(head)
    return "".join(f"| {' | '.join(cells)} |\n" for cells in (head, rule, *lines))


def _verdict(experiment: Experiment, findings: Sequence[Finding], quick: bool) -> str:
    said = "".join(f"- **{finding.verdict}**: {finding.claim} ({finding.figures})\n" for finding in findings)
    warning = "" if not quick else "A quick run, of few rows and epochs: it shows that the study works, and its verdicts mean nothing.\n\n"
    return f"{warning}The claim: {experiment.claim}\n\n{experiment.method}\n\n{said}"
