"""The 8x8 digits that scikit-learn bundles."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from narrows.data.rows import Rows
from narrows.data.splits import hold_out

TEST_FRACTION = 0.2
TEST_SEED = 0


def digits() -> Rows:
    """Give 1,797 digits of 8x8 grey levels, divided by 16 to float32 in [0, 1].

    Returns
    -------
    Rows
        1,438 rows with labels; its `test` is the same fifth at any time, 359 rows, every digit in proportion:
        ``hold_out(all_rows, 0.2, seed=0)``.
    """
    from sklearn.datasets import load_digits

    bunch = load_digits()
    rows = Rows(
        (bunch.data / 16).astype(np.float32),
        feature_names=list(bunch.feature_names),
        labels=bunch.target,
        name="digits",
        image_shape=(8, 8),
    )
    kept, held = hold_out(rows, TEST_FRACTION, seed=TEST_SEED)
    return replace(kept, test=replace(held, name="digits, test rows"))
