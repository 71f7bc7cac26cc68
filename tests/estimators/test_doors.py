"""Every kind of rows through every method: frames, memory maps and sparse matrices give what the array gives."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.sparse

from narrows import Autoencoder
from narrows.estimators._checks import check_rows


def mapped(table, folder):
    """Give rows that stay on the disk."""
    np.save(folder / "rows.npy", table)
    return np.load(folder / "rows.npy", mmap_mode="r")


DOORS = {
    "pandas": lambda table, folder: pd.DataFrame(table, columns=list("abcde")),
    "polars": lambda table, folder: pl.DataFrame(table, schema=list("abcde")),
    "Arrow": lambda table, folder: pa.table(dict(zip("abcde", table.T, strict=True))),
    "Arrow in pieces": lambda table, folder: pa.concat_tables(
        [pa.table(dict(zip("abcde", half.T, strict=True))) for half in (table[:20], table[20:])]
    ),
    "memory map": mapped,
    "sparse": lambda table, folder: scipy.sparse.csr_array(table),
}


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_every_door_leads_to_the_same_rows(door, quick, fitted, table, tmp_path):
    rows = door(table, tmp_path)

    made = quick().fit(rows)

    named = not isinstance(rows, np.ndarray) and not scipy.sparse.issparse(rows)
    assert list(getattr(made, "feature_names_in_", [])) == (list("abcde") if named else [])
    for method in ("transform", "reconstruct", "reconstruction_error", "score_samples"):
        np.testing.assert_array_equal(getattr(made, method)(rows), getattr(fitted, method)(table), err_msg=method)
    assert made.score(rows) == fitted.score(table)


@pytest.mark.parametrize("door", DOORS.values(), ids=DOORS)
def test_every_door_leads_to_partial_fit(door, quick, table, tmp_path):
    rows = door(table, tmp_path)

    np.testing.assert_array_equal(
        quick().partial_fit(rows).partial_fit(rows).transform(rows), quick().partial_fit(table).partial_fit(table).transform(table)
    )


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_a_memory_map_is_not_copied_by_the_checks(dtype, tmp_path, rng):
    rows = mapped(rng.integers(0, 256, (50, 5)).astype(dtype), tmp_path)

    assert np.shares_memory(check_rows(Autoencoder(), rows, reset=True), rows)


def test_bytes_in_a_memory_map_are_pixels(quick, tmp_path, rng):
    pixels = rng.integers(0, 256, (40, 5), np.uint8)
    rows = mapped(pixels, tmp_path)

    made = quick().fit(rows)

    assert made.scale_ == "bytes"
    np.testing.assert_array_equal(made.transform(rows), quick().fit(pixels).transform(pixels))
