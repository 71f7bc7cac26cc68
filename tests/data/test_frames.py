"""Frames: types and names that are kept, and columns that are no numbers."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse

from narrows.data import as_frame, as_matrix

FRAMES = {"pandas": pd.DataFrame, "polars": pl.DataFrame, "arrow": pa.table}


@pytest.fixture(params=FRAMES)
def frame(request):
    return FRAMES[request.param]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64, np.int64])
def test_one_type_is_kept(frame, dtype):
    """float32 stays float32 and uint8 stays uint8 in every kind of frame."""
    matrix, names = as_matrix(frame({"a": np.array([1, 2], dtype), "b": np.array([3, 4], dtype)}))

    assert matrix.dtype == dtype
    assert matrix.tolist() == [[1, 3], [2, 4]]
    assert names == ["a", "b"]


def test_mixed_numbers_and_truth_values_are_numbers(frame):
    """No matrix of Python objects comes out."""
    matrix, _ = as_matrix(frame({"a": [1, 2], "b": [True, False], "c": [0.5, 1.5]}))

    assert matrix.dtype == np.float64
    assert matrix.tolist() == [[1, 1, 0.5], [2, 0, 1.5]]


@pytest.mark.parametrize(
    "column", [pd.array([1, None], dtype="Int64"), pd.array([1, None], dtype="float64[pyarrow]"), pl.Series([1, None])]
)
def test_missing_cells_become_nan(column):
    """Whatever a frame calls a missing cell."""
    matrix, _ = as_matrix((pl if isinstance(column, pl.Series) else pd).DataFrame({"a": column}))

    assert matrix.dtype == np.float64
    np.testing.assert_array_equal(matrix, [[1], [np.nan]])


@pytest.mark.parametrize(
    "X", [np.eye(2), [[1, 2]], sparse.eye(2, format="csr"), pd.Series([1, 2]), pl.Series([1, 2]), "text", None, memoryview(b"ab")]
)
def test_what_is_no_frame_comes_back_as_it_is(X):
    """Its validation is scikit-learn's."""
    matrix, names = as_matrix(X)

    assert matrix is X
    assert names is None
    assert as_frame(X) is X


def test_a_good_frame_passes_the_check(frame):
    """scikit-learn reads its names and types itself."""
    X = frame({"a": [1.0], "b": [2.0]})

    assert as_frame(X) is X


def test_columns_named_by_numbers_have_no_names():
    """As in scikit-learn."""
    assert as_matrix(pd.DataFrame(np.eye(2)))[1] is None


def test_objects_that_may_be_numbers_are_left_to_scikit_learn():
    """A pandas column of objects can hold numbers."""
    matrix, _ = as_matrix(pd.DataFrame({"a": np.array([1, 2.5], dtype=object)}))

    assert matrix.astype(float).tolist() == [[1], [2.5]]


def test_sparse_columns_are_numbers():
    """pandas has columns that scikit-learn makes sparse."""
    assert as_matrix(pd.DataFrame.sparse.from_spmatrix(sparse.eye(2, format="csr")))[0].tolist() == [[1, 0], [0, 1]]


@pytest.mark.parametrize("door", [as_frame, as_matrix])
def test_text_is_named_by_its_column(frame, door):
    """The column, a value, and what to do."""
    with pytest.raises(
        ValueError, match=r"X holds String \('Rome', say\) in column 'city', where numbers are needed: leave the column out"
    ):
        door(frame({"a": [1, 2], "city": ["Rome", "Oslo"]}))


@pytest.mark.parametrize(
    ("column", "kind"), [(pd.Categorical(["x", "y"]), "Categorical"), (pd.to_datetime(["2020-01-01", "2021-01-01"]), "Datetime")]
)
def test_categories_and_dates_are_no_numbers(column, kind):
    """Neither is silently counted."""
    with pytest.raises(ValueError, match=rf"X holds {kind}.* in column 'b', where numbers are needed"):
        as_matrix(pd.DataFrame({"b": column}))


def test_a_lazy_frame_must_be_collected():
    """Rows must be in memory."""
    with pytest.raises(TypeError, match=r"X came as a lazy frame \(polars.*LazyFrame\); rows must be in memory: pass X.collect\(\)"):
        as_matrix(pl.LazyFrame({"a": [1]}))


def test_names_are_all_text_or_none():
    """scikit-learn's rule, in one sentence."""
    with pytest.raises(TypeError, match=r"named by text and one named by 1; .*: X.columns = X.columns.astype\(str\)"):
        as_matrix(pd.DataFrame({1: [1.0], "a": [2.0]}))


def test_one_name_names_one_column():
    """pandas allows a name twice; a model does not."""
    with pytest.raises(ValueError, match=r"more than one column of the same name \('a'\): rename all but one"):
        as_matrix(pd.DataFrame([[1, 2]], columns=["a", "a"]))
