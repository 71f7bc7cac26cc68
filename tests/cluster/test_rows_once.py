"""The sum that finds rows which are lost, doubled, changed or in another place."""

from __future__ import annotations

import numpy as np
import pytest

from narrows.cluster._rows_once import added, summed


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_sums_of_parts_add_up_in_any_order(rng, kind):
    rows = rng.normal(size=(100, 3)).astype(kind)

    parts = [summed(start, rows[start : start + 20]) for start in (40, 0, 80, 20, 60)]

    assert added(*parts) == summed(0, rows)
    assert summed(0, rows[:0]) == 0


def test_other_rows_have_other_sums(rng):
    rows = rng.normal(size=(50, 2)).astype(np.float32)
    changed = rows.copy()
    changed[7, 1] = np.nextafter(changed[7, 1], np.float32(9))
    swapped = rows[np.r_[1, 0, 2:50]]
    doubled = rows[np.r_[0:49, 48]]
    turned = rows[:, ::-1]

    sums = {summed(0, other) for other in (rows, changed, swapped, doubled, turned, rows[:-1], np.zeros_like(rows))} | {summed(1, rows)}

    assert len(sums) == 8


def test_equal_rows_do_not_cancel():
    same = np.ones((2, 2), np.float32)

    assert summed(0, same) != added(summed(0, same[:1]), summed(0, same[:1]))
