"""Everybody's best choice at some prices, kept a bit for each candidate.

The pass that certifies prices, or lists a choice there, is often followed by one that fixes most customers at the same
prices. What everybody chooses is known then.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...utils.arrays.working_memory import WorkingMemory


class KnownChoice:
    """Everybody's best choice at a price table; workers fill it in block by block.

    Parameters
    ----------
    price : ndarray of float32, shape (1 + n_quantities, n_segments, n_items)
    indptr : ndarray of int64, shape (n_customers + 1,)
        Where each customer's candidates begin.
    cuts : ndarray of int64, shape (n_blocks + 1,)
        Blocks of customers: what workers take begins and ends at some of them.

    Attributes
    ----------
    usage : ndarray of int64, same shape as `price`
        What is chosen; nothing before all is filled in.
    is_complete : bool
    """

    def __init__(
        self, price: NDArray[np.float32], indptr: NDArray[np.int64], cuts: NDArray[np.int64]
    ):
        self._price, self._indptr, self._cuts = price.copy(), indptr, cuts
        self._bits: dict[int, NDArray[np.uint8]] = {}  # of each block, by its first customer
        self._memory = WorkingMemory()
        self.usage = np.zeros(0, np.int64)
        self.is_complete = False

    def is_of(self, price: NDArray[np.float32], indptr: NDArray[np.int64]) -> bool:
        """Tell whether it is complete, at these prices, and of customers in the same order: of the same array."""
        same = self._indptr is indptr and np.array_equal(self._price, price)
        return self.is_complete and same

    def room(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Give room for the choice of customers start <= i < stop, until this thread asks for more."""
        size = int(self._indptr[stop] - self._indptr[start])
        return self._memory.array("chosen", (size,), np.uint8)

    def keep(self, start: int, stop: int, chosen: NDArray[np.uint8]) -> None:
        """Keep the choice of customers start <= i < stop, 0 or 1 for each of their candidates."""
        for block, part in self._blocks(start, stop):
            self._bits[block] = np.packbits(chosen[part])

    def chosen(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return the choice of customers start <= i < stop, in `room`."""
        out = self.room(start, stop)
        for block, part in self._blocks(start, stop):
            out[part] = np.unpackbits(self._bits[block], count=part.stop - part.start)
        return out

    def fill(self, start: int, stop: int, out: NDArray[np.uint8]) -> None:
        """Write down the choice of customers start <= i < stop, wherever blocks begin and end.

        Parameters
        ----------
        start, stop : int
        out : ndarray of uint8, shape (candidates of these customers,)
            OUT: 1 for each candidate that is chosen, else 0.
        """
        first = int(np.searchsorted(self._cuts, start, side="right")) - 1
        last = int(np.searchsorted(self._cuts, stop, side="left"))
        begin, end = int(self._cuts[first]), int(self._cuts[last])
        of_blocks, ptr = self.chosen(begin, end), self._indptr
        out[:] = of_blocks[ptr[start] - ptr[begin] : ptr[stop] - ptr[begin]]

    def complete(self, usage: NDArray[np.int64]) -> KnownChoice:
        """Say what is chosen, once all blocks are kept."""
        self.usage, self.is_complete = usage.copy(), True
        return self

    def _blocks(self, start: int, stop: int) -> list[tuple[int, slice]]:
        """Each block from `start` to `stop`: its first customer, and candidates counted from the first of them all."""
        first, last = np.searchsorted(self._cuts, [start, stop]).tolist()
        begin = int(self._indptr[start])
        ends = (self._indptr[self._cuts[first : last + 1]] - begin).tolist()
        parts = [slice(*both) for both in pairwise(ends)]
        return list(zip(self._cuts[first:last].tolist(), parts, strict=True))
