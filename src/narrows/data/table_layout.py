"""Where the columns of a table lie in the rows that the trainer gathers, and in those that a network sees: slices, each with its loss."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

Loss = Literal["squared", "binary", "categorical"]


@dataclass(frozen=True)
class Part:
    """Columns that lie side by side and have one loss.

    Attributes
    ----------
    loss : {"squared", "binary", "categorical"}
        The squared error; the cross-entropy of two values; that of several.
    columns : slice
        Where they lie in compact rows.
    outputs : slice
        Where they lie in spread rows, which is also where the network gives what it makes of them.
    units : int
        Outputs of each: 1, or as many as a column has categories.
    """

    loss: Loss
    columns: slice
    outputs: slice
    units: int


@dataclass(frozen=True)
class Layout:
    """The geometry of a table.

    A *compact* row has one number for each column: scaled numbers, 0 or 1, and the places of categories, NaN where the value is
    missing. A *spread* row is what the network sees: numbers and binary values, 0 where they are missing, then for each of these 1
    where it is missing, and for each category of each column whether it is that one.

    Attributes
    ----------
    numbers, binaries : int
        Columns of numbers, and of two values.
    groups : tuple of (int, int)
        Columns of categories: how many categories, and how many columns have as many.
    """

    numbers: int
    binaries: int
    groups: tuple[tuple[int, int], ...]

    @property
    def plain(self) -> int:
        """Columns that are one number when spread."""
        return self.numbers + self.binaries

    @property
    def columns(self) -> int:
        """Columns in all, the width of compact rows."""
        return self.plain + sum(times for _, times in self.groups)

    @property
    def width(self) -> int:
        """The width of spread rows."""
        return 2 * self.plain + sum(units * times for units, times in self.groups)

    @property
    def parts(self) -> tuple[Part, ...]:
        """The columns by their loss, without parts that are empty."""
        numbers, binaries = slice(0, self.numbers), slice(self.numbers, self.plain)
        found = [Part("squared", numbers, numbers, 1), Part("binary", binaries, binaries, 1)]
        column, output = self.plain, 2 * self.plain
        for units, times in self.groups:
            columns, outputs = slice(column, column + times), slice(output, output + units * times)
            found.append(Part("categorical", columns, outputs, units))
            column, output = columns.stop, outputs.stop
        return tuple(part for part in found if part.columns.stop > part.columns.start)

    @property
    def quiet(self) -> np.ndarray:
        """Which numbers of a spread row may be 0 in all training rows: what says that a value is missing, or a category another one."""
        quiet = np.zeros(self.width, bool)
        quiet[self.plain : 2 * self.plain] = True
        for part in self.parts:
            if part.loss == "categorical":
                quiet[part.outputs][part.units - 1 :: part.units] = True
        return quiet

    def spread(self, rows: Any, xp: Any = np) -> Any:
        """Spread compact rows.

        Parameters
        ----------
        rows : array of shape (n, columns), float32
            NaN where a value is missing.
        xp : module, default=numpy
            Whose arrays these are: NumPy, or its twin in JAX.

        Returns
        -------
        array of shape (n, width), float32
        """
        plain = rows[:, : self.plain]
        missing = xp.isnan(plain)
        found = [xp.where(missing, xp.float32(0), plain), missing.astype(xp.float32)]
        for part in self.parts:
            if part.loss == "categorical":
                chosen = rows[:, part.columns, None] == xp.arange(part.units, dtype=xp.float32)  # NaN is none of them
                found.append(chosen.astype(xp.float32).reshape(len(rows), -1))
        return xp.concatenate(found, axis=1)

    def collapse(self, spread: np.ndarray) -> np.ndarray:
        """Give compact rows (n, columns), float32, of spread ones that a network made: the likeliest category that has a name."""
        out = np.empty((len(spread), self.columns), np.float32)
        for part in self.parts:
            values = spread[:, part.outputs]
            if part.loss == "categorical":
                values = values.reshape(len(spread), -1, part.units)[:, :, : part.units - 1].argmax(2)
            out[:, part.columns] = values
        return out

    def of_truth(self, rows: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """Give what a network makes of what is in each cell.

        Parameters
        ----------
        rows : ndarray of shape (n, columns), float32
            Compact.
        spread : ndarray of shape (n, width), float32
            What the network makes of them.

        Returns
        -------
        ndarray of shape (n, columns), float32
            Numbers as the network has them, and how probable it finds the value or category that is there; NaN where none is.
        """
        out = np.empty(rows.shape, np.float32)
        for part in self.parts:
            given, made = rows[:, part.columns], spread[:, part.outputs]
            missing = np.isnan(given)
            if part.loss == "categorical":
                places = np.where(missing, 0, given).astype(np.int64)[:, :, None]
                made = np.take_along_axis(made.reshape(len(rows), -1, part.units), places, 2)[:, :, 0]
            elif part.loss == "binary":
                made = np.where(given > 0.5, made, 1 - made)
            out[:, part.columns] = np.where(missing, np.float32(np.nan), made)
        return out

    def losses(self, rows: np.ndarray, spread: np.ndarray) -> np.ndarray:
        """Give the loss of each cell (n, columns), float32: squared errors in scaled units, cross-entropies in nats; NaN where none is."""
        made = self.of_truth(rows, spread)
        out: np.ndarray = -np.log(np.maximum(made, np.float32(1e-12)))
        out[:, : self.numbers] = np.square(made[:, : self.numbers] - rows[:, : self.numbers])
        return out
