"""Work in threads gives what a loop gives, in its order, and stops when it fails."""

from __future__ import annotations

import pytest

from narrows.quality._blocks import blocks, in_threads


@pytest.mark.parametrize(("n_rows", "width", "cells"), [(10, 3, 9), (10, 3, 1), (10, 3, 1000), (1, 1, 1), (7, 0, 3)])
def test_blocks_cover_all_rows_once(n_rows, width, cells):
    pieces = blocks(n_rows, width, cells)

    assert [row for piece in pieces for row in range(piece.start, piece.stop)] == list(range(n_rows))
    assert all((piece.stop - piece.start - 1) * width < cells for piece in pieces)


def test_results_come_in_the_order_of_the_pieces():
    assert list(in_threads(lambda piece: piece.start, blocks(100, 1, 3))) == list(range(0, 100, 3))


def test_a_failure_ends_the_work():
    begun = []

    def work(piece):
        begun.append(piece)
        if piece.start == 3:
            raise ValueError("no")
        return piece

    with pytest.raises(ValueError, match="no"):
        list(in_threads(work, blocks(30_000, 1, 3)))
    assert len(begun) < 10_000
