"""Everybody's best choice at some prices, kept a bit for each candidate.

The pass that certifies prices, or lists a choice there, is often followed by one that fixes most customers at the same
prices. What everybody chooses is known then.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...utils.arrays.working_memory import WorkingMemory


class _Piece(NamedTuple):
    """The choice of customers up to one, a bit for each of their candidates; the lowest ones of a byte come first."""

    stop: int
    bits: NDArray[np.uint8]


class KnownChoice:
    """Everybody's best choice at a price table; workers fill it in piece by piece.

    Parameters
    ----------
    price : ndarray of float32, shape (1 + n_quantities, n_segments, n_items)
    indptr : ndarray of int64, shape (n_customers + 1,)
        Where each customer's candidates begin.

    Attributes
    ----------
    usage : ndarray of int64, same shape as `price`
        What is chosen; nothing before all is filled in.
    is_complete : bool
    """

    def __init__(self, price: NDArray[np.float32], indptr: NDArray[np.int64]):
        self._price, self._indptr = price.copy(), indptr
        self._pieces: dict[int, _Piece] = {}  # by their first customers
        self._begins: list[int] = []  # these in order, once all are there
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

    def keep(self, start: int, stop: int, chosen: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Keep the choice of customers start <= i < stop, 0 or 1 for each of their candidates; return it as bits."""
        bits = as_bits(chosen)
        self._pieces[start] = _Piece(stop, bits)
        return bits

    def bits(self, start: int, stop: int) -> NDArray[np.uint8]:
        """Return the choice of customers start <= i < stop as bits, quickly where it was kept together."""
        piece = self._pieces.get(start)
        if piece is not None and piece.stop == stop:
            return piece.bits
        chosen = self.room(start, stop)
        self.fill(start, stop, chosen)
        return as_bits(chosen)

    def fill(self, start: int, stop: int, out: NDArray[np.uint8]) -> None:
        """Write down the choice of customers start <= i < stop, wherever pieces begin and end.

        Parameters
        ----------
        start, stop : int
        out : ndarray of uint8, shape (candidates of these customers,)
            OUT: 1 for each candidate that is chosen, else 0.
        """
        ptr, at = self._indptr, int(np.searchsorted(self._begins, start, side="right")) - 1
        done = start
        while done < stop:
            begin = self._begins[at]
            end, bits = self._pieces[begin]
            first, last = (int(ptr[i] - ptr[begin]) for i in (done, min(end, stop)))
            some = bits[first // 8 : (last + 7) // 8]
            chosen = np.unpackbits(some, bitorder="little")[first % 8 :][: last - first]
            to = int(ptr[done] - ptr[start])
            out[to : to + len(chosen)] = chosen
            done, at = min(end, stop), at + 1

    def complete(self, usage: NDArray[np.int64]) -> KnownChoice:
        """Say what is chosen, once all pieces are kept."""
        self._begins = sorted(self._pieces)
        self.usage, self.is_complete = usage.copy(), True
        return self


def as_bits(chosen: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return flags as bits; the lowest ones of a byte come first.

    Parameters
    ----------
    chosen : ndarray of uint8, shape (n,)

    Returns
    -------
    ndarray of uint8, shape (n / 8, rounded up,)
    """
    return np.packbits(chosen, bitorder="little")
