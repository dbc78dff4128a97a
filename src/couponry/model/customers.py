"""The table customers, looked up for the customers who have candidates."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data import tables
from ..data.where.filters import Where, rows_where
from ..solver.rule_names import UNLIMITED
from ..utils.errors import InvalidInput
from ..utils.suggestions import known_names
from .rules import CustomerRule


class Customers:
    """Looks customers up in the table customers.

    Parameters
    ----------
    table : pyarrow.Table or None
        The table; None where the campaign has none.
    customers : pyarrow.Array, shape (n_customers,)
        Ids of the customers who have candidates.
    """

    def __init__(self, table: pa.Table | None, customers: pa.Array):
        self.table = table
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
        """Look up a rule's bounds for each customer: none for those whom it is not about.

        Parameters
        ----------
        rule : CustomerRule
            With bounds.

        Returns
        -------
        least, most : ndarray of int32, shape (n_customers,), or (1,) where they are the same for all

        Raises
        ------
        InvalidInput
        """
        least = self.bound(rule.min, 0, rule.label)
        most = self.bound(rule.max, UNLIMITED, rule.label)
        if rule.customers:
            inside = self.inside(rule.customers, rule.label)
            least, most = np.where(inside, least, 0), np.where(inside, most, UNLIMITED)
        return least.astype(np.int32), most.astype(np.int32)


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
