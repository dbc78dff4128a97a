"""Rows of candidates in canonical order: by customer, then by offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from . import ids

Columns = dict[str, NDArray[Any]]
"""Columns of candidates by name, all of one length."""


FindCustomers = Callable[[NDArray[Any], NDArray[Any], NDArray[np.int64]], int]
"""The kernel; see `couponry.kernels.reference.candidates.find_customers`."""


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


def sort_rows(
    customer: ids.CodedIds, columns: Columns, n_offers: int, find_customers: FindCustomers
) -> CandidateRows:
    """Put rows into canonical order; those that are in it stay where they are.

    Parameters
    ----------
    customer : CodedIds
        Id of each row's customer, with codes in the order of ids.
    columns : dict of str to ndarray, shape (n_rows,) each
        `offer` among them, as rows of the sorted offers.
    n_offers : int
    find_customers : callable
        The kernel of any backend.

    Returns
    -------
    CandidateRows
        The same rows.

    Raises
    ------
    DuplicatePair
    """
    start = np.empty(len(customer.code), np.int64)
    found = find_customers(customer.code, columns["offer"], start)
    if found > 0:
        start = start[:found].copy()
        return CandidateRows(customer.ids(start), np.append(start, len(customer.code)), columns)
    if customer.dictionary is None:
        code, ids_of = ids.codes(customer.ids(), 2**62 // n_offers)
    else:
        dictionary = customer.dictionary
        code, ids_of = customer.code.astype(np.int64), lambda code: dictionary.take(pa.array(code))
    return _sorted(code, ids_of, columns, n_offers)


def merge_rows(parts: list[CandidateRows], n_offers: int) -> CandidateRows:
    """Put the rows of several parts into canonical order; customers may be in more than one.

    Parameters
    ----------
    parts : list of CandidateRows
        With the same columns.
    n_offers : int
        Number of offers.

    Returns
    -------
    CandidateRows
        All rows of all parts.

    Raises
    ------
    DuplicatePair
    """
    customers = pa.concat_arrays([part.customers for part in parts])
    code, ids_of = ids.codes(customers, 2**62 // n_offers)
    count = np.concatenate([np.diff(part.indptr) for part in parts])
    columns = {
        name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns
    }
    return _sorted(np.repeat(code, count), ids_of, columns, n_offers)


def _sorted(
    code: NDArray[np.int64],
    ids_of: Callable[[NDArray[np.int64]], pa.Array],
    columns: Columns,
    n_offers: int,
) -> CandidateRows:
    """Rows in canonical order, from codes that are ordered as the customers are."""
    key = code * n_offers + columns["offer"]
    if not (key[1:] > key[:-1]).all():
        key, order = _sort_keys(key)
        same = key[1:] == key[:-1]
        if same.any():
            row = int(np.maximum(order[1:][same], order[:-1][same]).min())
            raise DuplicatePair(ids_of(code[[row]])[0].as_py(), int(columns["offer"][row]))
        code = code[order]
        columns = {name: column[order] for name, column in columns.items()}
    first = np.flatnonzero(np.concatenate([[True], code[1:] != code[:-1]]))
    return CandidateRows(ids_of(code[first]), np.append(first, len(code)), columns)


def _sort_keys(key: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The keys, from 0 up, in ascending order, and which of them each one is; `key` is overwritten."""
    bits = len(key).bit_length()
    if int(key.max()) < 2 ** (63 - bits):  # key and place in one number: several times as fast
        key <<= bits
        key |= np.arange(len(key))
        key.sort()
        order = key & ((1 << bits) - 1)
        key >>= bits
        return key, order
    order = np.argsort(key)
    return key[order], order
