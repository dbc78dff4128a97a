"""Tables cut into pieces of which all that is made stays in a cache."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa

PIECE_ROWS = 1 << 17
"""Rows that are checked at a time, at most: what is made of them stays in a cache that is near."""


def pieces_of(table: pa.Table, first_row: int) -> Iterator[tuple[pa.Table, int]]:
    """Cut rows into pieces.

    Parameters
    ----------
    table : pyarrow.Table
    first_row : int
        Number of its first row.

    Yields
    ------
    pyarrow.Table, int
        At most PIECE_ROWS rows, and the number of the first of them.
    """
    for start in range(0, max(len(table), 1), PIECE_ROWS):
        yield table.slice(start, PIECE_ROWS), first_row + start
