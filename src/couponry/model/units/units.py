"""Units: what customer rules hold for, single customers or households of several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...data import tables
from ...data.arrow_columns import one_array
from ...data.candidates import Candidates
from ...utils.errors import InvalidInput
from ...utils.process.cached_property import cached_property

KINDS: tuple[tuple[Callable[[pa.DataType], bool], pa.DataType], ...] = (
    (lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind), pa.large_string()),
    (pa.types.is_integer, pa.decimal128(20)),
    (pa.types.is_floating, pa.float64()),
)
"""Types of what may be the same in two tables, and one that holds all values of each."""


@dataclass(frozen=True, eq=False)
class Units:
    """Units of consecutive customers, in order of their first customers' ids.

    Attributes
    ----------
    column : str
        Of customers, that says who belongs together.
    ptr : ndarray of int64, shape (n_units + 1,)
        Customers of unit u, numbered as the candidates have them, are ``ptr[u] <= i < ptr[u + 1]``.
    value : pyarrow.Array, shape (n_units,)
        What each has in the column; null for a customer who belongs to nobody, and is a unit of its own.
    """

    column: str
    ptr: NDArray[np.int64]
    value: pa.Array

    def __len__(self) -> int:
        return len(self.ptr) - 1

    @cached_property
    def of_customer(self) -> NDArray[np.int32]:
        """Number of each customer's unit, shape (n_customers,)."""
        return np.repeat(np.arange(len(self), dtype=np.int32), np.diff(self.ptr))

    @cached_property
    def member(self) -> NDArray[np.uint8]:
        """Place of each customer among those of its unit, from 0, shape (n_customers,)."""
        number = np.arange(int(self.ptr[-1]))
        return (number - self.ptr[:-1][self.of_customer]).astype(np.uint8)

    @property
    def most_members(self) -> int:
        """Customers of the largest unit."""
        return int(np.diff(self.ptr).max())

    def names_of(self, customer: NDArray[np.int64]) -> pa.Array:
        """What customers have in the column.

        Parameters
        ----------
        customer : ndarray of int64, shape (n,)
            Their numbers.

        Returns
        -------
        pyarrow.Array, shape (n,)
            Text with 32-bit offsets, which most readers expect.
        """
        found = self.value.take(pa.array(self.of_customer[customer]))
        return found.cast(pa.string()) if found.type == pa.large_string() else found

    def units_of(self, customers: pa.Table, ids: pa.Array) -> NDArray[np.int64]:
        """Find the units of customers of whom some have no candidates.

        Parameters
        ----------
        customers : pyarrow.Table
            The table customers.
        ids : pyarrow.Array

        Returns
        -------
        ndarray of int64, shape (len(ids),)
            -1 for whoever is in none.

        Raises
        ------
        InvalidInput
            Where one table says by text who belongs together, and the other by numbers.
        """
        known = tables.ids(customers, "customers", "customer")
        row = tables.positions(ids, known)
        there = np.flatnonzero(row >= 0)
        value = _plain(customers[self.column]).take(pa.array(row[there]))
        if pa.types.is_null(value.type) or pa.types.is_null(self.value.type):
            return np.full(len(ids), -1)
        known_as, value = _in_one_type(self.value, value, self.column)
        named = pc.is_valid(known_as)
        numbers = np.flatnonzero(np.asarray(named.to_numpy(zero_copy_only=False), bool))
        found = pc.index_in(value, value_set=known_as.filter(named), skip_nulls=True)
        place = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        unit = np.full(len(ids), -1)
        unit[there] = np.append(numbers, -1)[place]
        return unit

    def members_beside(self, customers: pa.Table, others: pa.Table) -> NDArray[np.bool_]:
        """Tell which customers are of one unit with some of another table, whether or not they have candidates.

        Parameters
        ----------
        customers : pyarrow.Table
            The table customers.
        others : pyarrow.Table
            With the same column.

        Returns
        -------
        ndarray of bool, shape (len(customers),)

        Raises
        ------
        InvalidInput
            Where one table says by text who belongs together, and the other by numbers.
        """
        known, said = _plain(customers[self.column]), _plain(others[self.column])
        if pa.types.is_null(known.type) or pa.types.is_null(said.type):
            return np.zeros(len(customers), bool)
        known, said = _in_one_type(known, said, self.column)
        found = pc.is_in(known, value_set=said, skip_nulls=True)
        return np.asarray(found.to_numpy(zero_copy_only=False), bool)

    def first_of_each(self, values: NDArray[Any]) -> NDArray[Any]:
        """Take the entry of each unit's first customer.

        Parameters
        ----------
        values : ndarray, shape (n_customers or 1,)

        Returns
        -------
        ndarray, shape (n_units or 1,)
        """
        return values if len(values) == 1 else values[self.ptr[:-1]]

    def differs_at(self, values: NDArray[Any]) -> int | None:
        """Find a customer with another entry than the first customer of its unit.

        Parameters
        ----------
        values : ndarray, shape (n_customers or 1,)

        Returns
        -------
        int or None
            Number of the customer; None where every unit has one value.
        """
        if len(values) == 1:
            return None
        differs = values != np.repeat(self.first_of_each(values), np.diff(self.ptr))
        return int(differs.argmax()) if differs.any() else None

    def of_each_member(self, values: NDArray[Any], member: int, default: Any) -> NDArray[Any]:
        """Take the entry of the n-th customer of each unit.

        Parameters
        ----------
        values : ndarray, shape (n_customers or 1,)
        member : int
            Counted from 0.
        default : object
            For units without one.

        Returns
        -------
        ndarray, shape (n_units or 1,)
        """
        if len(values) == 1:
            return values
        there = self.ptr[:-1] + member < self.ptr[1:]
        place = np.where(there, self.ptr[:-1] + member, 0)
        return np.where(there, values[place], default)

    def indptr(self, candidates: Candidates) -> NDArray[np.int64]:
        """Say where each unit's candidates begin.

        Parameters
        ----------
        candidates : Candidates
            In the order of the units.

        Returns
        -------
        ndarray of int64, shape (n_units + 1,)
        """
        return candidates.indptr[self.ptr]

    def name(self, unit: int, customers: pa.Array) -> str:
        """Name a unit in a message.

        Parameters
        ----------
        unit : int
        customers : pyarrow.Array
            Ids of the customers who have candidates.
        """
        value = self.value[unit].as_py()
        if value is None:
            return f"customer {customers[int(self.ptr[unit])].as_py()!r}"
        return f"{self.column} {value!r}"

    def describe(self) -> str:
        """Say how large units are, for summaries."""
        size = np.diff(self.ptr)
        lone = self.value.null_count
        said = f"{len(self):,} units by {self.column!r}, of {size.mean():.2f} customers on average and "
        said += f"{self.most_members} at most"
        return said + (f"; {lone:,} customers have none and are their own" if lone else "")


def _in_one_type(known: pa.Array, said: pa.Array, column: str) -> tuple[pa.Array, pa.Array]:
    """Who belongs together as the campaign knows it, and as a table says it."""
    if said.type == known.type:
        return known, said
    for is_kind, kind in KINDS:
        if is_kind(known.type) and is_kind(said.type):
            return known.cast(kind), said.cast(kind)
    raise InvalidInput(
        f"table customers, column {column!r}: expected {known.type} as the campaign has it, got {said.type}"
    )


def _plain(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array, text as text."""
    values = one_array(column)
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values
