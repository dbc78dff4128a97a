"""Customers joined to units: those who belong together, one after the other."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...data.arrow_columns import KINDS_OF_LABELS, one_array
from ...data.candidates import Candidates
from ...utils.errors import InvalidInput
from .customer_order import in_order_of
from .units import Units

MOST_MEMBERS = 16
"""Customers with candidates in a unit: each of them has items of its own."""


def join_customers(
    candidates: Candidates, column: str, said: pa.ChunkedArray, row: NDArray[np.int64]
) -> tuple[Candidates, Units]:
    """Put the candidates of customers who belong together one after the other.

    Parameters
    ----------
    candidates : Candidates
        By customer.
    column : str
        Of the table customers: those with the same value belong together.
    said : pyarrow.ChunkedArray
        That column.
    row : ndarray of int64, shape (n_customers,)
        Row of the table for each customer who has candidates.

    Returns
    -------
    Candidates
        By unit, then by customer, then by offer; the same where they were so before.
    Units

    Raises
    ------
    InvalidInput
        Where the column holds no labels, or makes units of too many customers.
    """
    value = _labels(said, column).take(pa.array(row))
    first = _first_of_unit(value)
    order = np.argsort(first, kind="stable")
    begins = np.flatnonzero(np.diff(first[order], prepend=-1))
    ptr = np.append(begins, len(order)).astype(np.int64)
    size = np.diff(ptr)
    if size.max(initial=0) > MOST_MEMBERS:
        largest = int(size.argmax())
        name = value[int(order[ptr[largest]])].as_py()
        raise InvalidInput(
            f"unit {column!r}: expected at most {MOST_MEMBERS} customers with candidates in one, "
            f"got {int(size.max()):,} in {column} {name!r}; customers who belong to nobody have null"
        )
    units = Units(column, ptr, value.take(pa.array(order[begins])))
    return in_order_of(candidates, order), units


def _labels(column: pa.ChunkedArray, name: str) -> pa.Array:
    """A column whose values say who belongs together; empty text, as an empty cell of CSV is, says nothing."""
    label = f"table customers, column {name!r}"
    values = one_array(column)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if not any(is_kind(values.type) for is_kind in KINDS_OF_LABELS):
        raise InvalidInput(f"{label}: expected text or numbers for a unit, got {column.type}")
    if pa.types.is_floating(values.type) and pc.any(pc.is_nan(values)).as_py():
        raise InvalidInput(f"{label}: expected a value or null for a unit, got nan")
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        values = pc.if_else(pc.equal(values, ""), pa.scalar(None, values.type), values)
    return values


def _first_of_unit(value: pa.Array) -> NDArray[np.int64]:
    """Number of the first customer with the same value; a customer without one is its own."""
    encoded = value.dictionary_encode()
    code = pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    number = np.arange(len(code))
    first = np.zeros(len(encoded.dictionary), np.int64)
    first[code[code >= 0][::-1]] = number[code >= 0][::-1]  # the last one written is the first one
    return np.where(code >= 0, np.append(first, 0)[code], number)
