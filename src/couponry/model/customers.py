"""The table customers, looked up for the customers who have candidates."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data import tables
from ..data.where.filters import Where, rows_where
from ..solver.rule_names import UNLIMITED
from ..utils.errors import InvalidInput
from ..utils.suggestions import known_names
from .rules import CustomerRule

if TYPE_CHECKING:
    from .units.units import Units


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
    """

    def __init__(self, table: pa.Table | None, customers: pa.Array, units: Units | None = None):
        self.table = table
        self.units = units
        self._ids = customers
        self._rows: NDArray[np.int64] | None = None

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
        if self.table is None:
            raise InvalidInput(
                f"{by_whom}: it needs the table customers, which the campaign does not have"
            )
        if self._rows is None:
            known = tables.ids(self.table, "customers", "customer")
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

    def bound(self, bound: int | str | None, default: int, by_whom: str) -> NDArray[np.int32]:
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
        found = rows_where(self.table, "customers", where, by_whom, "customers")
        return np.asarray(found[rows])

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
