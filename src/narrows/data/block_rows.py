"""More rows than memory: a matrix that lies in files, of which some rows are read at a time."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from narrows import _files
from narrows.data.numbers import check_finite, check_range
from narrows.data.numpy_files import read_header

SAMPLE = 2**15  # rows
SAMPLE_BYTES = 2**28


class NotAsItLies(ValueError):
    """A sound file whose rows cannot be read one after another as numbers of rows."""


class Part(Protocol):
    """Some rows in a row."""

    @property
    def name(self) -> str:
        """What a person calls them."""

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the numbers."""

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Fill `out` of shape (m, d) with the rows from `start` on."""


@dataclass(frozen=True)
class ArrayPart:
    """Rows of an array, which may be memory-mapped.

    Attributes
    ----------
    array : ndarray of shape (n, d)
    name : str
    sound : bool
        Whether its numbers have been looked at, are finite, and stay in memory: then slices of it are views.
    """

    array: NDArray[Any]
    name: str
    sound: bool = False

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.array.shape[0], self.array.shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """As the array has it."""
        return self.array.dtype

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Copy rows."""
        out[...] = self.array[start : start + len(out)]


@dataclass(frozen=True)
class FilePart:
    """Rows of a .npy file, which are read and not mapped: a file that is cut short meanwhile would end the process.

    Attributes
    ----------
    path : Path
    name : str
    shape : tuple of int
        Rows and columns.
    dtype : dtype
    offset : int
        Bytes before the first row.
    seen : tuple of int
        Size, and time of the last change, in ns, when the header was read.
    """

    path: Path
    name: str
    shape: tuple[int, int]
    dtype: np.dtype[Any]
    offset: int
    seen: tuple[int, int]

    @classmethod
    def of(cls, path: Path) -> tuple[FilePart, tuple[int, ...] | None]:
        """Read the header of a file; give its rows, and the shape of the images that they are, if they are.

        Raises
        ------
        ValueError, OSError
            If it is no .npy file of rows, or cannot be read.
        NotAsItLies
            If it holds columns one after another, or other numbers than uint8, float32 and float64.
        """
        where = f"'{path}'"
        with _files.opened(path) as file:
            about = os.fstat(file.fileno())
            shape, dtype, columns_first = read_header(file, about.st_size, where)
            offset = file.tell()
        if len(shape) not in (2, 3, 4) or not all(shape):
            raise ValueError(f"{where} has the shape {shape}; rows have the shape (n, d), images (n, height, width) or with channels last")
        if columns_first:
            raise NotAsItLies(f"{where} holds its columns one after another, so that rows lie apart: write it again in C order")
        if dtype not in (np.uint8, np.float32, np.float64) or not dtype.isnative:
            raise NotAsItLies(f"{where} holds {dtype}; in blocks rows are of uint8, float32 or float64: convert it ('narrows convert')")
        rows = shape[0], int(np.prod(shape[1:]))
        return cls(path, path.name, rows, dtype, offset, _seen(about)), shape[1:] if len(shape) > 2 else None

    def read(self, start: int, out: NDArray[Any]) -> None:
        """Read rows.

        Raises
        ------
        ValueError
            If the file is gone, or no longer the one whose header was read.
        """
        try:
            with open(self.path, "rb", buffering=0) as file:
                if _seen(os.fstat(file.fileno())) != self.seen:
                    raise ValueError(f"'{self.path}' has changed while it was read: leave it alone, and begin again")
                file.seek(self.offset + start * self.shape[1] * self.dtype.itemsize)
                left = out.reshape(-1).view(np.uint8).data
                while len(left):
                    count = file.readinto(left)
                    if not count:
                        raise ValueError(f"'{self.path}' ends before its rows do: copy or write it again")
                    left = left[count:]
        except FileNotFoundError as problem:
            raise ValueError(f"'{self.path}' has disappeared while it was read: put it back, and begin again") from problem


@dataclass(frozen=True, eq=False, repr=False)
class Blocks:
    """A matrix of rows of which a part is in memory at a time; made by `narrows.data.blocks`.

    It has the shape, type and length of an array; a slice of it is an array, read from the files. Rows that are not finite
    are refused when they are read.

    Parameters
    ----------
    parts : tuple of Part
        Where the rows are.
    feature_names : list of str, default=None
        Of the d columns, where they have names.
    image_shape : tuple of int, default=None
        Of the image that each row is, where it is one.
    labels : ndarray of shape (n,), default=None
        One for each row, where they are known.
    name : str, default="rows"
        What a person calls them.
    without : ndarray of shape (m,), int64, optional
        Numbers of rows that are left out, in ascending order, counted over all parts.
    """

    parts: tuple[Part, ...]
    feature_names: list[str] | None = None
    image_shape: tuple[int, ...] | None = None
    labels: NDArray[Any] | None = None
    name: str = "rows"
    without: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    ndim = 2

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return sum(part.shape[0] for part in self.parts) - len(self.without), self.parts[0].shape[1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the numbers: uint8, float32 or float64."""
        return self.parts[0].dtype

    @property
    def nbytes(self) -> int:
        """Bytes that the rows would take in memory."""
        return self.shape[0] * self.shape[1] * self.dtype.itemsize

    def __len__(self) -> int:
        """Give the number of rows."""
        return self.shape[0]

    def __repr__(self) -> str:
        return f"Blocks({self.name!r}: {len(self):,} x {self.shape[1]} {self.dtype})"

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Read all rows."""
        del copy
        rows = self[:]
        return rows if dtype is None else rows.astype(dtype, copy=False)

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        """Read rows that follow one another.

        Raises
        ------
        TypeError
            If they do not.
        ValueError
            If a file is gone or has changed, or a number is not finite.
        """
        if not isinstance(rows, slice) or rows.step not in (None, 1):
            raise TypeError(f"Blocks give rows that follow one another, such as blocks[0:1000], got {rows!r}: use take for others")
        start, stop, _ = rows.indices(len(self))
        if stop <= start:
            return np.empty((0, self.shape[1]), self.dtype)
        first, last = self._whole(np.array([start, stop - 1]))
        found = self._read(int(first), int(last) + 1)
        if len(found) > stop - start:
            inside = self.without[np.searchsorted(self.without, first) : np.searchsorted(self.without, last)]
            found = np.delete(found, inside - first, axis=0)
        return found

    def take(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Read rows by their numbers, in ascending order.

        Parameters
        ----------
        rows : ndarray of shape (m,), of whole numbers

        Returns
        -------
        ndarray of shape (m, d)
        """
        found = np.empty((len(rows), self.shape[1]), self.dtype)
        for place, row in enumerate(self._whole(np.asarray(rows)).tolist()):
            found[place] = self._read(row, row + 1)[0]
        return found

    def sample(self, seed: int = 0, most: int = SAMPLE) -> tuple[NDArray[Any], NDArray[np.int64]]:
        """Read some rows, drawn at random, all where there are few.

        Parameters
        ----------
        seed : int, default=0
        most : int, default=32768
            Rows; fewer where these would take more than 256 MB.

        Returns
        -------
        rows : ndarray of shape (m, d)
        numbers : ndarray of shape (m,)
            Of these rows, ascending.
        """
        most = max(1, min(most, SAMPLE_BYTES // (self.shape[1] * 8)))
        numbers = _drawn(len(self), min(len(self), most), np.random.default_rng(seed))
        return self.take(numbers) if len(numbers) < len(self) else self[:], numbers

    def hold_out(self, count: int, rng: np.random.Generator) -> tuple[Blocks, NDArray[Any], NDArray[np.int64]]:
        """Draw rows at random that are left out of the others.

        Parameters
        ----------
        count : int
            How many, fewer than there are.
        rng : numpy.random.Generator

        Returns
        -------
        rest : Blocks
            All but these.
        held : ndarray of shape (count, d)
            These, read.
        numbers : ndarray of shape (count,)
            Of these rows, ascending.
        """
        numbers = _drawn(len(self), count, rng)
        return self.leave_out(numbers), self.take(numbers), numbers

    def leave_out(self, numbers: NDArray[np.int64]) -> Blocks:
        """Give all rows but some.

        Parameters
        ----------
        numbers : ndarray of shape (m,)
            Of rows, ascending.

        Returns
        -------
        Blocks
        """
        labels = None if self.labels is None else np.delete(self.labels, numbers)
        without = np.union1d(self.without, self._whole(numbers))
        return Blocks(self.parts, self.feature_names, self.image_shape, labels, self.name, without=without)

    def _whole(self, rows: NDArray[Any]) -> NDArray[np.int64]:
        """Give the places, over all parts, of rows counted without those that are left out."""
        shifted = self.without - np.arange(len(self.without))
        return rows + np.searchsorted(shifted, rows, side="right")

    def _read(self, start: int, stop: int) -> NDArray[Any]:
        first = self.parts[0]
        if isinstance(first, ArrayPart) and first.sound and len(self.parts) == 1:
            return first.array[start:stop]
        out = np.empty((stop - start, self.shape[1]), self.dtype)
        before = 0
        for part in self.parts:
            low, high = max(start, before), min(stop, before + part.shape[0])
            if low < high:
                into = out[low - start : high - start]
                part.read(low - before, into)
                check_finite(into, self.feature_names, f"{part.name!r}, from row {low - before + 1:,} on,")
                check_range(into, repr(part.name))
            before += part.shape[0]
        return out


def _seen(about: os.stat_result) -> tuple[int, int]:
    return about.st_size, about.st_mtime_ns


def _drawn(n: int, count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    return np.sort(rng.choice(n, count, replace=False, shuffle=False)).astype(np.int64)


def joined(parts: Sequence[tuple[Part, tuple[int, ...] | None]]) -> Blocks:
    """Put parts together.

    Raises
    ------
    ValueError
        If they are of more than one width, type or kind.
    """
    (first, image_shape), *others = parts
    for part, its in others:
        if part.shape[1] != first.shape[1] or its != image_shape:
            came, wanted = (f"rows of {one.shape[1]:,} numbers" for one in (part, first))
            raise ValueError(f"'{part.name}' has {came} and '{first.name}' {wanted}: give files of one width")
        if part.dtype != first.dtype:
            raise ValueError(f"'{part.name}' holds {part.dtype} and '{first.name}' {first.dtype}: give files of one type")
    name = first.name if not others else f"{first.name} and {len(others)} more"
    return Blocks(tuple(part for part, _ in parts), image_shape=image_shape, name=name)


def in_turn(blocks: Blocks, size: int) -> Iterator[NDArray[Any]]:
    """Read all rows, so many at a time."""
    for start in range(0, len(blocks), size):
        yield blocks[start : start + size]
