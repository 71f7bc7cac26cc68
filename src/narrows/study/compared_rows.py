"""The rows that ways to a map are compared on: those that maps are made of, those held out, and their labels in plain numbers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from narrows import data
from narrows.data.rows import has_label
from narrows.quality.probes import is_continuous
from narrows.study.running import HELD_OUT, some_rows
from narrows.study.ways import NONE

FEWEST = 10  # rows, held out ones among them


@dataclass(frozen=True, eq=False)
class ComparedRows:
    """What is compared on.

    Attributes
    ----------
    fitted, held_out : Rows
        What maps are made of, and what they are measured on. Labels are classes as whole numbers, -1 for none; or real numbers, NaN for
        none.
    classes : ndarray of shape (n_classes,) or None
        What the numbers stand for; None where there are no classes.
    """

    fitted: data.Rows
    held_out: data.Rows
    classes: np.ndarray | None

    @property
    def tells_apart(self) -> bool:
        """Whether the rows that maps are made of have two labels or more to learn from."""
        labels = self.fitted.labels
        return labels is not None and len(np.unique(labels[labels != NONE if self.classes is not None else np.isfinite(labels)])) > 1

    def names_of(self, labels: np.ndarray | None) -> np.ndarray | None:
        """Give labels as a person knows them.

        Parameters
        ----------
        labels : ndarray of shape (n,) or None
            Of rows here.

        Returns
        -------
        ndarray of shape (n,) or None
            None in the place of a class stands for none.
        """
        if labels is None or self.classes is None:
            return labels
        names: np.ndarray = self.classes.astype(object)[labels]
        names[labels == NONE] = None
        return names

    def about(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Give what maps in one folder must have in common: settings, and what these rows are.

        Parameters
        ----------
        settings : dict

        Returns
        -------
        dict
        """
        from narrows import __version__

        digest = hashlib.blake2b(digest_size=16)
        for part in (self.fitted.X, self.held_out.X, self.fitted.labels, self.held_out.labels, self.classes):
            if part is not None:
                content = "\n".join(part.tolist()).encode() if part.dtype.kind == "U" else np.ascontiguousarray(part).tobytes()
                digest.update(f"{part.dtype}{part.shape}".encode() + content)
        n, d = self.fitted.X.shape
        sizes = {"rows": n, "rows held out": len(self.held_out.X), "numbers in a row": d}
        return {"data": self.fitted.name, **sizes, **settings, "digest of the rows": digest.hexdigest(), "narrows": __version__}


def split(rows: data.Rows, test: data.Rows | float | None = None, n_rows: int | None = None) -> ComparedRows:
    """Part rows into those that maps are made of and those that they are measured on.

    Parameters
    ----------
    rows : Rows
    test : Rows or float, default=None
        Rows to measure on, or the share of the others that is held out; the data set's own, or a fifth of the rows, if None.
    n_rows : int, default=None
        The most rows to make maps of.

    Returns
    -------
    ComparedRows

    Raises
    ------
    ValueError
        If there are too few, they are not finite, or the two are not of one kind.
    """
    own = test if isinstance(test, data.Rows) else rows.test if test is None else None
    if own is not None and own.X.shape[1] != rows.X.shape[1]:
        came = f"{own.name} has rows of {own.X.shape[1]} numbers and {rows.name} of {rows.X.shape[1]}"
        raise ValueError(f"{came}: give test rows of the same kind")
    parts = [replace(part, names=None, test=None) for part in (rows, own) if part is not None]
    if sum(len(part.X) for part in parts) < FEWEST:
        raise ValueError(f"a comparison of maps needs at least {FEWEST} rows, and {rows.name} has {len(rows.X)}: give more")
    for part in parts:
        if not np.isfinite(part.X).all():
            raise ValueError(f"{part.name} holds nan or infinite values: fill them in, or leave such rows out")
    parts, classes = _with_plain_labels(parts)
    share = HELD_OUT if test is None or isinstance(test, data.Rows) else float(test)
    fitted, held = data.hold_out(parts[0], share) if own is None else parts
    return ComparedRows(some_rows(fitted, n_rows or len(fitted.X)), held, classes)


def _with_plain_labels(parts: list[data.Rows]) -> tuple[list[data.Rows], np.ndarray | None]:
    """Give rows with their labels as `ComparedRows` has them, and the classes; without labels where some have none at all."""
    every = [np.asarray(part.labels, object) for part in parts if part.labels is not None]
    labels = np.concatenate(every) if len(every) == len(parts) else np.array([], object)
    known = has_label(labels)
    if not known.any():
        return [replace(part, labels=None) for part in parts], None
    classes: np.ndarray | None = None
    if is_continuous(labels[known]):
        numbers = np.full(len(labels), np.nan)
        numbers[known] = labels[known].astype(float)
    else:
        plain = np.array(labels[known].tolist())  # words and numbers together become words
        classes, found = np.unique(plain.astype(int) if plain.dtype.kind == "f" else plain, return_inverse=True)
        numbers = np.full(len(labels), NONE)
        numbers[known] = found
    ends = np.cumsum([len(part.X) for part in parts])[:-1]
    return [replace(part, labels=own) for part, own in zip(parts, np.split(numbers, ends), strict=True)], classes
