"""An experiment: a claim, the settings that put it to the test, and what is measured of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from narrows.data import Rows
from narrows.study.findings import Finding

QUICK_EPOCHS = 2


@dataclass(frozen=True, eq=False)
class Material:
    """What is experimented on.

    Attributes
    ----------
    train, test : Rows
        To learn from, and to measure on.
    quick : bool
        Whether this is to show only that it works.
    """

    train: Rows
    test: Rows
    quick: bool = False

    def epochs(self, full: int) -> int:
        """Give the epochs of a fit that has `full` of them in a study of full length."""
        return min(full, QUICK_EPOCHS) if self.quick else full

    @property
    def labels(self) -> np.ndarray:
        """The labels of the training rows."""
        return np.asarray(self.train.labels)

    @property
    def test_labels(self) -> np.ndarray:
        """The labels of the test rows."""
        return np.asarray(self.test.labels)

    @property
    def image_shape(self) -> tuple[int, ...]:
        """The shape of the image that each row is.

        Raises
        ------
        ValueError
            If rows are no images.
        """
        if self.train.image_shape is None:
            raise ValueError(f"{self.train.name} holds no images, which this study is about: give images, such as 'mnist' or 'digits'")
        return self.train.image_shape


@dataclass(frozen=True)
class Measured:
    """What one fit, or one other way to a figure, gave.

    Attributes
    ----------
    figures : dict of str to float
        Numbers of the table, by the names that the experiment gives them; NaN where there is none.
    series : dict of str to list
        What only the picture needs: curves, codes, images; nested lists of plain numbers.
    """

    figures: dict[str, float]
    series: dict[str, list[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Setting:
    """One way that is compared with others.

    Attributes
    ----------
    name : str
        In the table, and in the name of a file.
    measure : callable
        ``measure(material, seed)`` gives what was measured; the same seed gives the same figures.
    seeded : bool
        Whether another seed gives other figures; else one is enough.
    """

    name: str
    measure: Callable[[Material, int], Measured]
    seeded: bool = True


@dataclass(frozen=True)
class Trial:
    """One setting, measured with one seed.

    Attributes
    ----------
    setting : str
    seed : int
    measured : Measured
    seconds : float
    """

    setting: str
    seed: int
    measured: Measured
    seconds: float


@dataclass(frozen=True)
class Results:
    """All trials of an experiment.

    Attributes
    ----------
    trials : tuple of Trial
    """

    trials: tuple[Trial, ...]

    @property
    def settings(self) -> list[str]:
        """Their names, in order."""
        return list(dict.fromkeys(trial.setting for trial in self.trials))

    def of(self, setting: str) -> list[Trial]:
        """Give the trials of a setting, by seed."""
        return sorted((trial for trial in self.trials if trial.setting == setting), key=lambda trial: trial.seed)

    def values(self, setting: str, figure: str) -> np.ndarray:
        """Give a figure of a setting, shape (n_seeds,)."""
        return np.array([trial.measured.figures.get(figure, np.nan) for trial in self.of(setting)])

    def mean(self, setting: str, figure: str) -> float:
        """Give the mean of a figure over seeds."""
        return float(self.values(setting, figure).mean())

    def series(self, setting: str, name: str) -> np.ndarray:
        """Give a series of a setting's first seed."""
        return np.array(self.of(setting)[0].measured.series[name])


@dataclass(frozen=True)
class Experiment:
    """A claim put to the test.

    Attributes
    ----------
    name : str
    shows : str
        What it is about, in a line.
    claim : str
        What the textbook says.
    method : str
        What is done, in some sentences.
    figures : dict of str to str
        The columns of the table: names of figures, each with its heading.
    settings : tuple of Setting
    judge : callable
        From results to findings.
    draw : callable
        ``draw(results)`` gives the Axes of one picture.
    n_rows : int or None
        The most training rows that are used; all if None.
    """

    name: str
    shows: str
    claim: str
    method: str
    figures: dict[str, str]
    settings: tuple[Setting, ...]
    judge: Callable[[Results], Sequence[Finding]]
    draw: Callable[[Results], Any]
    n_rows: int | None = None
