"""The table customers, looked up for the customers who have candidates."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data import tables
from ..data.arrow_columns import labels
from ..data.where.filters import Where, rows_where
from ..solver.rule_names import UNLIMITED
from ..utils.errors import InvalidInput
from ..utils.suggestions import known_names
from .rules import CustomerRule

if TYPE_CHECKING:
    from .units.units import Units


HEADS = "heads"
"""Column that says how many customers a row stands for."""


class Customers:
    """Looks customers up in the table customers.

    Parameters
    ----------
    table : pyarrow.Table or None
        The table; None where the campaign has none.
    customers : pyarrow.Array, shape (n_customers,)
        Ids of the customers who have candidates.
    units : Units, optional
        What rules hold for. Default: single customers.
    columns : sequence of str, optional
        Columns that customers are known to have, where their table is not at hand.
    heads : pyarrow.Table, optional
        How many customers there are, where the table has some of them alone; see `CampaignData`.
    """

    def __init__(
        self,
        table: pa.Table | None,
        customers: pa.Array,
        units: Units | None = None,
        columns: Sequence[str] | None = None,
        heads: pa.Table | None = None,
    ):
        self.table = table
        self.heads = heads
        self.units = units
        self._ids = customers
        self._rows: NDArray[np.int64] | None = None
        self._labels: dict[str, tuple[NDArray[np.int64], list[Any]]] = {}
        self.columns = table.column_names if table is not None else list(columns or ())

    def __len__(self) -> int:
        return len(self._ids)

    def rows(self, by_whom: str) -> NDArray[np.int64]:
        """Find the row of the table for each customer who has candidates.

        Parameters
        ----------
        by_whom : str
            The rule or limit that asks, for messages.

        Returns
        -------
        ndarray of int64, shape (n_customers,)

        Raises
        ------
        InvalidInput
            Where there is no table, or a customer is not in it.
        """
        table = self._there(by_whom)
        if self._rows is None:
            known = tables.ids(table, "customers", "customer")
            tables.check_kind_of_ids(
                known, self._ids, "table customers, column 'customer'", "candidates"
            )
            rows = tables.positions(self._ids, known)
            if (rows < 0).any():
                missing = self._ids[int((rows < 0).argmax())].as_py()
                raise InvalidInput(
                    f"table customers: customer {missing!r} of table candidates is not in it, and {by_whom} needs it"
                )
            self._rows = rows
        return self._rows

    def _there(self, by_whom: str) -> pa.Table:
        """The table, which something needs."""
        if self.table is None:
            raise InvalidInput(
                f"{by_whom}: it needs the table customers, which the campaign does not have"
            )
        return self.table

    def labels(self, name: str, by_whom: str) -> tuple[NDArray[np.int64], list[Any]]:
        """Number the distinct values of a column of the table.

        Parameters
        ----------
        name : str
        by_whom : str
            The limit that asks, for messages.

        Returns
        -------
        code : ndarray of int64, shape (n_rows,)
            Number of the value of each row of the table; -1: null.
        values : list
            The distinct values, ascending.

        Raises
        ------
        InvalidInput
            Where there is no such column, or its values cannot tell groups apart.
        """
        if name not in self._labels:
            check_column(self.table, name, by_whom)
            label = f"{by_whom}: by: column {name!r} of customers"
            self._labels[name] = labels(self._there(by_whom)[name], label)
        return self._labels[name]

    def codes(self, name: str, values: Sequence[Any], by_whom: str) -> NDArray[np.int64]:
        """Look up which of some values each row of the table has.

        Parameters
        ----------
        name : str
            Name of the column.
        values : sequence
            The values.
        by_whom : str
            The limit that asks, for messages.

        Returns
        -------
        ndarray of int64, shape (n_rows,)
            Place among the values; -1: it has none of them.
        """
        code, known = self.labels(name, by_whom)
        place = {value: at for at, value in enumerate(values)}
        renumber = np.array([*(place.get(value, -1) for value in known), -1], np.int64)
        return renumber[code]

    def numbers(self, name: str, by_whom: str) -> NDArray[np.float64]:
        """Look up a numeric column for each customer.

        Parameters
        ----------
        name : str
        by_whom : str
            The limit that sums it, or the objective, for messages.

        Returns
        -------
        ndarray of float64, shape (n_customers,)

        Raises
        ------
        InvalidInput
            Where it holds no numbers, or a customer with candidates has none.
        """
        if not len(self):
            return np.zeros(0)
        rows = self.rows(by_whom)
        found = tables.numbers(self.table, "customers", name, nullable=True)
        wrong = np.isnan(found[rows])
        if wrong.any():
            row = int(rows[int(wrong.argmax())])
            raise InvalidInput(
                f"table customers, column {name!r}, row {row}: expected a number for {by_whom}, got null"
            )
        return found[rows]

    def fulfil(self, where: Where, by_whom: str) -> NDArray[np.bool_]:
        """Find the rows of the table for which every condition holds.

        Parameters
        ----------
        where : mapping
            Conditions on columns of the table.
        by_whom : str
            The limit that asks, for messages.

        Returns
        -------
        ndarray of bool, shape (n_rows,)

        Raises
        ------
        InvalidInput
            Where there is no table, or a condition makes no sense.
        """
        return rows_where(self._there(by_whom), "customers", where, by_whom, "customers")

    def bound(self, bound: float | str | None, default: int, by_whom: str) -> NDArray[np.int32]:
        """Look up a bound for each customer.

        Parameters
        ----------
        bound : int, str or None
            The bound, or the column of the table that holds it.
        default : int
            Instead of None.
        by_whom : str
            The rule that asks, for messages.

        Returns
        -------
        ndarray of int32, shape (n_customers,), or (1,) where it is the same for all

        Raises
        ------
        InvalidInput
        """
        if bound is None:
            return np.array([default], np.int32)
        if not isinstance(bound, str):
            return np.array([int(bound)], np.int32)
        rows = self.rows(by_whom)
        check_column(self.table, bound, by_whom)
        values = tables.numbers(self.table, "customers", bound)
        if (values < 0).any() or (values != np.floor(values)).any() or (values > UNLIMITED).any():
            row = int(((values < 0) | (values != np.floor(values)) | (values > UNLIMITED)).argmax())
            raise InvalidInput(
                f"table customers, column {bound!r}, row {row}: expected a whole number from 0 up for {by_whom}, "
                f"got {values[row]}"
            )
        return values[rows].astype(np.int32)

    def inside(self, where: Where, by_whom: str) -> NDArray[np.bool_]:
        """Find the customers for whom every condition holds.

        Parameters
        ----------
        where : mapping
            Conditions on columns of the table.
        by_whom : str
            The rule or limit that asks, for messages.

        Returns
        -------
        ndarray of bool, shape (n_customers,), or (1,) without conditions

        Raises
        ------
        InvalidInput
        """
        if not where:
            return np.ones(1, bool)
        rows = self.rows(by_whom)
        return np.asarray(self.fulfil(where, by_whom)[rows])

    def bounds_of(self, rule: CustomerRule) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Look up a rule's bounds for each unit: none for those that it is not about.

        Parameters
        ----------
        rule : CustomerRule
            With bounds.

        Returns
        -------
        least, most : ndarray of int32, shape (n_units,), or (1,) where they are the same for all
            For each customer where the rule holds for each.

        Raises
        ------
        InvalidInput
            Where the customers of a unit differ in what the rule asks of all of them together.
        """
        least = self.for_rule(self.bound(rule.min, 0, rule.label), rule, f"min {rule.min!r}")
        most = self.for_rule(self.bound(rule.max, UNLIMITED, rule.label), rule, f"max {rule.max!r}")
        if rule.customers:
            inside = self.scope_of(rule)
            least, most = np.where(inside, least, 0), np.where(inside, most, UNLIMITED)
        return least.astype(np.int32), most.astype(np.int32)

    def scope_of(self, rule: CustomerRule) -> NDArray[np.bool_]:
        """Find the units that a rule is about.

        Parameters
        ----------
        rule : CustomerRule

        Returns
        -------
        ndarray of bool, shape (n_units,), or (1,) where it is about all
            For each customer where the rule holds for each.

        Raises
        ------
        InvalidInput
            Where it is about some customers of a unit and not about others.
        """
        return self.for_rule(
            self.inside(rule.customers, rule.label), rule, "answer to its customers"
        )

    def for_rule(self, values: NDArray[Any], rule: CustomerRule, what: str) -> NDArray[Any]:
        """Take what is said of customers for what a rule holds for: its units, unless it holds for each customer.

        Parameters
        ----------
        values : ndarray, shape (n_customers or 1,)
        rule : CustomerRule
        what : str
            What they are, for messages.

        Returns
        -------
        ndarray, shape (n_units or 1,), or that of `values`

        Raises
        ------
        InvalidInput
            Where the customers of a unit differ.
        """
        units = self.units
        if units is None or rule.each is not None:
            return values
        other = units.differs_at(values)
        if other is None:
            return units.first_of_each(values)
        unit = int(units.of_customer[other])
        one = int(units.ptr[unit])
        raise InvalidInput(
            f"{rule.label}: expected one {what} for all customers of {units.name(unit, self._ids)}, "
            f"got {values[one].item()} for {self._ids[one].as_py()!r} and {values[other].item()} for "
            f"{self._ids[other].as_py()!r}; with each = 'customer' the rule holds each to its own"
        )

    def unit_numbers(self, ids: pa.Array, number: NDArray[np.int64]) -> NDArray[np.int64]:
        """Find the units of customers of whom some have no candidates.

        Parameters
        ----------
        ids : pyarrow.Array
        number : ndarray of int64, shape (len(ids),)
            Of each among those who have candidates, -1: none.

        Returns
        -------
        ndarray of int64, shape (len(ids),)
            -1 for whoever is in no unit that has candidates.
        """
        if self.units is None or self.table is None:
            return number
        beside = self.units.units_of(self.table, ids)
        return np.where(number >= 0, self.units.of_customer[number], beside)

    def naming(self, rule: CustomerRule | None = None) -> Callable[[int], str]:
        """Return what names whoever a rule holds for, in messages.

        Parameters
        ----------
        rule : CustomerRule, optional
            Default: one about all coupons of a unit.

        Returns
        -------
        callable
            Called with a number.
        """
        units, ids = self.units, self._ids
        if units is None or (rule is not None and rule.each is not None):
            return lambda number: f"customer {ids[number].as_py()!r}"
        return lambda number: units.name(number, ids)


def check_column(table: pa.Table | None, name: str, by_whom: str) -> None:
    """Refuse a column that the table customers does not have.

    Parameters
    ----------
    table : pyarrow.Table or None
        The table customers.
    name : str
        Name of the column.
    by_whom : str
        The rule or limit that asks, for messages.
    """
    names = [] if table is None else table.column_names
    if name not in names:
        raise InvalidInput(
            f"{by_whom}: table customers has no column {name!r}{known_names(name, names, 'columns')}"
        )
