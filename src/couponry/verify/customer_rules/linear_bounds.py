"""Linear bounds on single customers' candidates, as small integer programs take them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...utils.lazy_imports import sparse as sp
from ..rounding import Floats, Integers


@dataclass(frozen=True)
class LinearBounds:
    """Weighted sums of a customer's candidates, and of helping variables from 0 to 1, that are at least 0.

    Attributes
    ----------
    row : ndarray of int64, shape (n_entries,)
        Row of a candidate; -1 - h: the h-th helping variable; ONE: the number one.
    bound : ndarray of int64, shape (n_entries,)
        The sum that it is in.
    weight : ndarray of float64, shape (n_entries,)
    customer : ndarray of int64, shape (n_bounds,)
        Whose sum it is.
    helpers : int
        Number of helping variables.
    """

    row: Integers
    bound: Integers
    weight: Floats
    customer: Integers
    helpers: int = 0

    def of_customers(self, customers: Integers) -> LinearBounds:
        """Return the sums of some customers.

        Parameters
        ----------
        customers : ndarray of int64
            Numbers of customers, ascending.

        Returns
        -------
        LinearBounds
            Sums are numbered anew, helping variables are not.
        """
        kept = np.isin(self.customer, customers)
        number = np.cumsum(kept) - 1
        inside = kept[self.bound]
        return LinearBounds(
            self.row[inside],
            number[self.bound[inside]],
            self.weight[inside],
            self.customer[kept],
            self.helpers,
        )

    def candidates(self) -> Integers:
        """Rows of candidates that are in any sum; one may be there several times.

        Returns
        -------
        ndarray of int64
        """
        return self.row[self.row >= 0]

    def programme(self, rows: Integers) -> tuple[sp.csr_array, Floats]:
        """Write the sums over candidates and the helping variables that they use.

        Parameters
        ----------
        rows : ndarray of int64, shape (n_rows,)
            Ascending rows of candidates, one for each column.

        Returns
        -------
        matrix : CSR array, shape (n_bounds, n_rows + n_helpers)
        low : ndarray of float64, shape (n_bounds,)
            What each row of it must be at least.
        """
        n, constant = len(self.customer), self.row == ONE
        low = np.zeros(n)
        np.subtract.at(low, self.bound[constant], self.weight[constant])
        helps = (self.row < 0) & ~constant
        used, helper = np.unique(self.row[helps], return_inverse=True)
        column = np.searchsorted(rows, self.row)
        column[helps] = len(rows) + helper
        there = ~constant
        matrix = sp.csr_array(
            (self.weight[there], (self.bound[there], column[there])),
            shape=(n, len(rows) + len(used)),
        )
        return matrix, low


ONE = -(2**62)
"""In place of a row: the number one."""


class LinearDraft:
    """Collects linear bounds one by one."""

    def __init__(self) -> None:
        self._parts: list[tuple[Integers, Floats]] = []
        self._customers: list[int] = []
        self._helpers = 0

    def helper(self) -> int:
        """Add a helping variable from 0 to 1.

        Returns
        -------
        int
            What stands for it in place of a row.
        """
        self._helpers += 1
        return -self._helpers

    def add(self, customer: int, row: Integers, weight: Floats, constant: float = 0.0) -> None:
        """Add a sum that is at least 0.

        Parameters
        ----------
        customer : int
        row : ndarray of int64
            Rows of candidates, and helping variables.
        weight : ndarray of float64
        constant : float
            Added to it.
        """
        if constant:
            row, weight = np.append(row, ONE), np.append(weight, constant)
        self._parts.append((row, weight))
        self._customers.append(customer)

    def bounds(self) -> LinearBounds:
        """Return all of them.

        Returns
        -------
        LinearBounds
        """
        size = [len(row) for row, _ in self._parts]
        return LinearBounds(
            np.concatenate([np.zeros(0, np.int64), *(row for row, _ in self._parts)]),
            np.repeat(np.arange(len(size)), size),
            np.concatenate([np.zeros(0), *(weight for _, weight in self._parts)]),
            np.array(self._customers, np.int64),
            self._helpers,
        )
