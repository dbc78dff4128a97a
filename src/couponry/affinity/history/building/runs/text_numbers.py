"""Numbers of texts, given to them while they go by, and at the end their order."""

from __future__ import annotations

from bisect import bisect_left
from threading import Lock

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .....data.ids import as_ids, text_buffers
from .....kernels import load
from .....kernels.purchases_contract import TextTable
from .....utils.arrays.text_order import text_order

LEAST_ROOM = 1 << 10
"""Texts that there is room for at first."""

BYTES_PER_ORDERED_TEXT = 40
"""What a text takes while texts are put into order, at most: key, place, rank."""


class TextNumbers:
    """Numbers of texts from 0 on, in the order in which they come; several threads may ask at a time.

    Those that are known are found while others are added: a table that gets too small is replaced by another.
    """

    def __init__(self) -> None:
        self._kernels, self._lock = load().unchecked, Lock()
        self._table = _empty_table(LEAST_ROOM, 16 * LEAST_ROOM)

    def __len__(self) -> int:
        return int(self._table.known[0])

    @property
    def nbytes(self) -> int:
        """Bytes that the texts and their table take, and putting them into order."""
        return sum(array.nbytes for array in self._table) + BYTES_PER_ORDERED_TEXT * len(self)

    def of(self, texts: pa.Array) -> NDArray[np.int64]:
        """Find the numbers of texts; those that are new get some.

        Parameters
        ----------
        texts : pyarrow.Array of large_string

        Returns
        -------
        ndarray of int64, shape (len(texts),)
        """
        (end, data), number = text_buffers(texts), np.full(len(texts), -1)
        hashed = np.empty(len(texts), np.uint64)
        self._kernels.hash_texts(end, data, hashed)
        self._kernels.number_texts(end, data, hashed, self._table, number, 0)
        is_new = number < 0
        if is_new.any():
            with self._lock:
                self._make_room(int(is_new.sum()), int(np.diff(end)[is_new].sum()))
                self._kernels.number_texts(end, data, hashed, self._table, number, 1)
        return number

    def _make_room(self, texts: int, size: int) -> None:
        """Make room for so many more texts of so many bytes together."""
        old, count = self._table, len(self)
        texts, size = count + texts, int(old.end[count]) + size
        if texts < len(old.end) and size <= len(old.data):
            return
        table = _empty_table(
            max(texts, 2 * (len(old.end) - 1)) if texts >= len(old.end) else len(old.end) - 1,
            max(size, 2 * len(old.data)) if size > len(old.data) else len(old.data),
        )
        end, hashed = old.end[: count + 1], np.empty(count, np.uint64)
        self._kernels.hash_texts(end, old.data, hashed)
        again = np.full(count, -1)
        self._kernels.number_texts(end, old.data, hashed, table, again, 1)  # the same numbers
        self._table = table

    def ids(self) -> pa.Array:
        """Return the texts by number, as they are in the table.

        Returns
        -------
        pyarrow.Array of large_string
        """
        count = len(self)
        return as_ids(self._table.data, self._table.end[: count + 1])


class OrderedTexts:
    """Different texts by their bytes.

    Parameters
    ----------
    texts : pyarrow.Array of large_string

    Attributes
    ----------
    rank : ndarray of int64
        Where each stands among them.
    """

    def __init__(self, texts: pa.Array):
        self._texts = texts
        self._order = text_order(*text_buffers(texts))
        self.rank = np.empty(len(texts), np.int64)
        self.rank[self._order] = np.arange(len(texts))

    def at(self, rank: NDArray[np.int64]) -> pa.Array:
        """Return the texts of some ranks.

        Parameters
        ----------
        rank : ndarray of int64

        Returns
        -------
        pyarrow.Array of large_string
        """
        return self._texts.take(pa.array(self._order[rank]))

    def count_before(self, text: str) -> int:
        """Count the texts that come before another.

        Parameters
        ----------
        text : str

        Returns
        -------
        int
        """
        return bisect_left(
            self._order, text.encode(), key=lambda place: self._texts[place].as_py().encode()
        )


def _empty_table(texts: int, size: int) -> TextTable:
    """Return a table with room for so many texts of so many bytes together, of which half of the slots stay free."""
    slots = 1 << (2 * texts).bit_length()
    return TextTable(
        np.zeros(1, np.int64),
        np.zeros(slots, np.uint64),
        np.zeros(texts + 1, np.int64),
        np.zeros(size, np.uint8),
    )
