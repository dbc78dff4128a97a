"""Sums by cell whose bits do not depend on how customers are cut into blocks."""

from __future__ import annotations

import numpy as np

from ..rounding import Floats, Integers

PIECE_CUSTOMERS = 1 << 16
"""Customers whose amounts are added one after the other; few enough that rounding stays far below `ROUNDING`."""


class CellSums:
    """Sums amounts by cell, customer by customer.

    Amounts of a piece of customers are added in their order, and then the pieces. Pieces begin at the same customers
    whatever comes at a time.

    Parameters
    ----------
    cells : int
        Number of cells.
    """

    def __init__(self, cells: int):
        self._total, self._of_piece = np.zeros(cells), np.zeros(cells)
        self._piece = 0

    def add(self, customer: Integers, cell: Integers, amount: Floats) -> None:
        """Add amounts of the next customers.

        Parameters
        ----------
        customer : ndarray of int64, shape (n,)
            Number of each amount's customer in the campaign; ascending, and not below those of the calls before.
        cell : ndarray of int, shape (n,)
        amount : ndarray of float64, shape (n,)
        """
        if len(customer) == 0:
            return
        first, last = int(customer[0]) // PIECE_CUSTOMERS, int(customer[-1]) // PIECE_CUSTOMERS
        pieces = range(first, last + 1)
        ends = np.searchsorted(customer, np.array([*pieces[1:], last + 1]) * PIECE_CUSTOMERS)
        start = 0
        for piece, stop in zip(pieces, ends.tolist(), strict=True):
            if piece != self._piece:
                self._end_piece()
                self._piece = piece
            np.add.at(self._of_piece, cell[start:stop], amount[start:stop])
            start = stop

    def _end_piece(self) -> None:
        self._total += self._of_piece
        self._of_piece[:] = 0.0

    def finish(self) -> Floats:
        """Return the sums.

        Returns
        -------
        ndarray of float64, shape (cells,)
        """
        self._end_piece()
        return self._total
