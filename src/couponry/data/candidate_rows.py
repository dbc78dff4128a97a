"""Rows of candidates in canonical order: by customer, then by offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from . import ids, tables

Columns = dict[str, NDArray[Any]]
"""Columns of candidates by name, all of one length."""


class DuplicatePair(Exception):
    """A pair of customer and offer is there twice.

    Parameters
    ----------
    customer : int or str
        Id of the customer.
    offer : int
        Row of the sorted offers.
    """

    def __init__(self, customer: Any, offer: int):
        super().__init__(customer, offer)
        self.customer = customer
        self.offer = offer


@dataclass(frozen=True)
class CandidateRows:
    """Rows of some customers, each pair of customer and offer there once.

    Attributes
    ----------
    customers : pyarrow.Array, shape (n,)
        Distinct ids in ascending order.
    indptr : ndarray of int64, shape (n + 1,)
        Where each customer's rows begin, and where the last one's end.
    columns : dict of str to ndarray, shape (n_rows,) each
        Offer, role and the numeric columns.
    """

    customers: pa.Array
    indptr: NDArray[np.int64]
    columns: Columns

    def __len__(self) -> int:
        return int(self.indptr[-1])

    def customer_range(self, start: int, stop: int) -> CandidateRows:
        """Select the rows of the customers start <= i < stop.

        Parameters
        ----------
        start, stop : int
            The range.

        Returns
        -------
        CandidateRows
            Views of the columns.
        """
        indptr = self.indptr[start : stop + 1]
        columns = {name: column[indptr[0] : indptr[-1]] for name, column in self.columns.items()}
        return CandidateRows(self.customers[start:stop], indptr - indptr[0], columns)

    def of_customers(self, kept: NDArray[np.bool_]) -> CandidateRows:
        """Select the rows of some customers.

        Parameters
        ----------
        kept : ndarray of bool, shape (n,)
            The customers to keep.

        Returns
        -------
        CandidateRows
            Copies of the columns.
        """
        count = np.diff(self.indptr)
        rows = np.repeat(kept, count)
        columns = {name: column[rows] for name, column in self.columns.items()}
        indptr = np.append(0, np.cumsum(count[kept]))
        return CandidateRows(self.customers.filter(pa.array(kept)), indptr, columns)

    def copy(self) -> CandidateRows:
        """Copy the rows into arrays of their own, which keep no larger ones alive.

        Returns
        -------
        CandidateRows
            The same rows.
        """
        columns = {name: column.copy() for name, column in self.columns.items()}
        return CandidateRows(pa.concat_arrays([self.customers]), self.indptr.copy(), columns)


def sort_rows(customer: ids.CodedIds, columns: Columns, kernels: ModuleType) -> CandidateRows:
    """Put rows into canonical order; those that are in it stay where they are.

    Parameters
    ----------
    customer : CodedIds
        Id of each row's customer, with codes in the order of ids.
    columns : dict of str to ndarray, shape (n_rows,) each
        `offer` among them, as rows of the sorted offers.
    kernels : module
        Of any backend.

    Returns
    -------
    CandidateRows
        The same rows.

    Raises
    ------
    DuplicatePair
    """
    rows, offer = len(customer.code), columns["offer"]
    start = np.empty(rows, np.int64)
    found = kernels.find_customers(customer.code, offer, start)
    if found > 0:
        start = start[:found].copy()
        return CandidateRows(customer.ids(start), np.append(start, rows), columns)
    begin = np.empty(rows + 1, np.int64)
    begin = begin[: kernels.find_stretches(customer.code, offer, begin) + 1]
    code = customer.code[begin[:-1]].astype(np.int64, copy=False)
    return _ordered(code, begin, lambda some: customer.ids(begin[some]), columns, kernels)


def merge_rows(parts: list[CandidateRows], kernels: ModuleType) -> CandidateRows:
    """Put the rows of several parts into canonical order; customers may be in more than one.

    Parameters
    ----------
    parts : list of CandidateRows
        With the same columns.
    kernels : module
        Of any backend.

    Returns
    -------
    CandidateRows
        All rows of all parts.

    Raises
    ------
    DuplicatePair
    """
    customers = pa.concat_arrays([part.customers for part in parts])
    code = customers.to_numpy() if customers.type == ids.INTEGERS else tables.ranks(customers)[0]
    counts = np.concatenate([[0], *(np.diff(part.indptr) for part in parts)])
    columns = {
        name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns
    }
    begin = np.cumsum(counts)
    return _ordered(code, begin, lambda some: customers.take(pa.array(some)), columns, kernels)


def _ordered(
    code: NDArray[np.int64],
    begin: NDArray[np.int64],
    ids_of: Callable[[NDArray[np.int64]], pa.Array],
    columns: Columns,
    kernels: ModuleType,
) -> CandidateRows:
    """Rows in canonical order, from stretches, whose codes are ordered as their customers are, and ids of stretches."""
    rows, offer = int(begin[-1]), columns["offer"]
    order, start, stretch = np.empty(rows, np.int64), np.empty_like(code), np.empty_like(code)
    customers = kernels.order_stretches(code, begin, offer, order, start, stretch)
    if customers < 0:
        row = -customers
        of_row = np.searchsorted(begin, [row], side="right") - 1
        raise DuplicatePair(ids_of(of_row)[0].as_py(), int(offer[row]))
    indptr = np.append(start[:customers], rows)
    ordered = {name: column[order] for name, column in columns.items()}
    return CandidateRows(ids_of(stretch[:customers]), indptr, ordered)
