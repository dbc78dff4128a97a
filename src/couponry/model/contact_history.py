"""Contact history: the coupons that customers have already got, as far as customer rules ask for them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..data import tables
from ..data.arrow_columns import flat_lists, holds_lists, one_array
from ..data.where.days import DAY, Days, days_of, refuse_other_days
from ..data.where.filters import rows_where
from ..utils.errors import InvalidInput
from .customers import Customers
from .items import Items
from .rules import CustomerRule

TABLE = "history"


class ContactHistory:
    """The rows of a history table that are about customers with candidates.

    A row has the values of the history table; where that has no such column, or null in it, those of its offer.

    Parameters
    ----------
    table : pyarrow.Table or None
        The history; None where the campaign has none.
    customers : pyarrow.Array
        Ids of the customers who have candidates, ascending.
    offers : pyarrow.Table
        In ascending order of its ids.
    rules : sequence of CustomerRule
        What columns are needed for.
    known : Customers, optional
        Says what customers are units with. Default: each is its own.

    Attributes
    ----------
    customer : ndarray of int64, shape (n_rows,)
        Number of each row's customer; -1 where it has no candidates, but others of its unit have.
    unit : ndarray of int64, shape (n_rows,)
        Number of each row's unit: the same without units.
    offer : ndarray of int64, shape (n_rows,)
        Row of the offers; -1 where the row names none of them.
    says_day : ndarray of bool, shape (n_rows,)
        Where some rule says what is required: whether the row has a day of its own, not that of its offer.

    Raises
    ------
    InvalidInput
        For a row without a known offer, unless the table itself has every column that rules ask for.
    """

    def __init__(
        self,
        table: pa.Table | None,
        customers: pa.Array,
        offers: pa.Table,
        rules: Sequence[CustomerRule],
        known: Customers | None = None,
    ):
        self.customer = self.unit = self.offer = np.zeros(0, np.int64)
        self.says_day = np.zeros(0, bool)
        self._columns: dict[str, Any] = {}
        self._own, self._names = pa.table({}), [] if table is None else table.column_names
        if table is None:
            return
        check_history(table)
        ids = tables.ids(table, TABLE, "customer")
        if len(ids):
            tables.check_kind_of_ids(
                ids, customers, "table history, column 'customer'", "candidates"
            )
        counting = [rule for rule in rules if rule.counts_history]
        asked = sorted({name for rule in counting for name in rule.asked_of_history})
        offer = _offers_of(table, offers)
        of_customers = {rule.sum for rule in counting} - set(offers.column_names)
        lacking = [c for c in asked if c not in table.column_names and c not in of_customers]
        if (offer < 0).any() and (lacking or "offer" not in table.column_names):
            _refuse(table, int((offer < 0).argmax()), lacking)
        number = tables.positions(ids, customers)
        unit = number if known is None else known.unit_numbers(ids, number)
        kept = np.flatnonzero(unit >= 0)  # whoever has no candidates is given nothing anyway
        self.customer, self.unit, self.offer = number[kept], unit[kept], offer[kept]
        row = pa.array(self.offer, mask=self.offer < 0)
        self.says_day = np.zeros(len(kept), bool)
        if DAY in offers.column_names and any(rule.requires is not None for rule in counting):
            asked = sorted({*asked, DAY})  # what is required must come first
            if DAY in table.column_names:
                there = pc.is_valid(table[DAY].take(pa.array(kept)))
                self.says_day = np.asarray(there.to_numpy(), bool)
        for name in asked:
            known = offers[name].take(row) if name in offers.column_names else None
            if name not in table.column_names:
                if known is not None:
                    self._columns[name] = known
                continue
            own = table[name].take(pa.array(kept))
            self._columns[name] = own if known is None else _either(own, known, name)
        alone = sorted({name for rule in counting for name in rule.asked_of_history_alone})
        found = [name for name in alone if name in table.column_names]
        self._own = table.select(found).take(pa.array(kept))

    def __len__(self) -> int:
        return len(self.customer)

    def where(self, rule: CustomerRule) -> NDArray[np.bool_]:
        """Find the rows that count for a rule.

        Parameters
        ----------
        rule : CustomerRule

        Returns
        -------
        ndarray of bool, shape (n_rows,)
        """
        if len(self) == 0 or not rule.counts_history:
            return np.zeros(len(self), bool)
        rest = {**rule.where}
        if "role" not in self._columns and rest.pop("role", None) is not None:
            return np.zeros(len(self), bool)  # nobody knows in what role it was given
        mask = np.ones(len(self), bool)
        if rest:
            mask = rows_where(pa.table(self._columns), TABLE, rest, rule.label)
        if rule.asked_of_history_alone:
            alone = rule.asked_of_history_alone
            mask &= rows_where(self._own, TABLE, alone, rule.label, TABLE, self._names)
        return mask & (self.whose(rule) >= 0)

    def whose(self, rule: CustomerRule) -> NDArray[np.int64]:
        """Say who each row counts for under a rule.

        Parameters
        ----------
        rule : CustomerRule

        Returns
        -------
        ndarray of int64, shape (n_rows,)
            Number of the unit; of the customer where the rule holds for each, -1 where it has no candidates.
        """
        return self.unit if rule.each is None else self.customer

    def days(self, of_offers: Days, by_whom: str) -> Days:
        """Return the day of each row; whichever rule measures days may ask.

        Parameters
        ----------
        of_offers : Days
            Those of the offers, which have to be of the same kind.
        by_whom : str
            The rule that asks, for messages.

        Returns
        -------
        Days

        Raises
        ------
        InvalidInput
            Where the column does not hold days, or others than the offers'.
        """
        if len(self) == 0 or DAY not in self._columns:
            return Days(np.zeros(len(self), np.int64), np.zeros(len(self), bool), True)
        column = self._columns[DAY]
        if not isinstance(column, pa.ChunkedArray):
            column = pa.chunked_array([column])
        found = days_of(column, f"{by_whom}: table history, column {DAY!r}")
        refuse_other_days(of_offers, found, by_whom)
        return found

    def amounts(self, rule: CustomerRule, customers: Customers) -> NDArray[np.float64]:
        """Return what a rule with a `sum` adds up, of each row.

        Parameters
        ----------
        rule : CustomerRule
        customers : Customers
            Those with candidates.

        Returns
        -------
        ndarray of float64, shape (n_rows,)
            0 for rows that do not count.

        Raises
        ------
        InvalidInput
            Where neither the history nor offers have the column, or a row that counts has no number in it.
        """
        name, counts = str(rule.sum), np.flatnonzero(self.where(rule))
        found = np.zeros(len(self))
        if len(counts) == 0 or name == "count":
            found[counts] = 1.0
            return found
        if name not in self._columns and name in customers.columns:
            whose = self.customer[counts]
            if (whose < 0).any():
                raise InvalidInput(
                    f"{rule.label}: sum: table history has coupons of a customer without candidates, whose {name!r} is "
                    "not looked up; say history = false where they do not count"
                )
            found[counts] = customers.numbers(name, f"{rule.label}: sum")[whose]
            return found
        if name not in self._columns:
            raise InvalidInput(
                f"{rule.label}: sum: neither table history nor offers have a column {name!r}, by which coupons of the "
                "history could count; say history = false where they do not"
            )
        column = pa.table({name: self._columns[name]}).take(pa.array(counts))
        found[counts] = tables.numbers(column, TABLE, name)
        return found

    def groups(self, by: str, values: list[Any]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Group rows by the values of a column.

        Parameters
        ----------
        by : str
            Name of the column.
        values : list
            The value of each group; other values are in none.

        Returns
        -------
        row, group : ndarray of int64, shape (n_pairs,)
            Pairs of a row and the number of a group that it is in.

        Raises
        ------
        InvalidInput
            Where the column has values of another type.
        """
        column = self._columns.get(by)
        if column is None or len(self) == 0:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        column = one_array(column)
        row = np.arange(len(column))
        if holds_lists(column.type):
            row, column = flat_lists(column)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        try:
            known = pa.array(values).cast(column.type)
        except pa.ArrowException as error:
            raise InvalidInput(
                f"table history, column {by!r}: expected values like {values[0]!r}, got {column.type}"
            ) from error
        found = pc.is_valid(column)
        code = pc.fill_null(pc.index_in(column, value_set=known), -1).to_numpy().astype(np.int64)
        inside = np.asarray(found.to_numpy(zero_copy_only=False), bool) & (code >= 0)
        pairs = np.unique(np.stack([row[inside], code[inside]]), axis=1)
        return pairs[0], pairs[1]


def check_history(table: pa.Table) -> None:
    """Refuse a history without customers.

    Parameters
    ----------
    table : pyarrow.Table
        As the user gave it.

    Raises
    ------
    InvalidInput
    """
    tables.require(table, TABLE, "customer")
    tables.ids(table, TABLE, "customer")


def _offers_of(table: pa.Table, offers: pa.Table) -> NDArray[np.int64]:
    """Row of the offers of each row of the history, -1: none."""
    if "offer" not in table.column_names:
        return np.full(table.num_rows, -1)
    there = pc.is_valid(table["offer"])
    named = np.flatnonzero(np.asarray(there.to_numpy(), bool))
    ids = tables.ids(table.filter(there), TABLE, "offer")
    known = tables.ids(offers, "offers", "offer")
    if len(ids):
        tables.check_kind_of_ids(ids, known, "table history, column 'offer'", "offers")
    offer = np.full(table.num_rows, -1)
    offer[named] = tables.positions(ids, known)
    return offer


def _refuse(table: pa.Table, row: int, lacking: list[str]) -> None:
    """Refuse a row that names no known offer, where the table lacks columns that rules ask for."""
    if "offer" not in table.column_names:
        if lacking:
            raise InvalidInput(
                f"table history: expected a column 'offer' or {lacking[0]!r}, which customer rules ask for"
            )
        return
    offer = table["offer"][row].as_py()
    raise InvalidInput(
        f"table history, column 'offer', row {row}: "
        f"{'null' if offer is None else f'offer {offer!r}'} is not in table offers, and the history has no column "
        f"{lacking[0]!r}, which customer rules ask for"
    )


def _either(own: Any, known: Any, name: str) -> Any:
    """A column of the history, filled up from the offers'."""
    if own.null_count == 0:
        return own
    try:
        return pc.if_else(pc.is_valid(own), own, known.cast(own.type))
    except pa.ArrowException as error:
        raise InvalidInput(
            f"table history, column {name!r}: expected {known.type} as in table offers, got {own.type}"
        ) from error


def had_items(
    history: ContactHistory | None, items: Items, n_customers: int
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """List the items that each customer has had; an offer in several roles counts as one of them.

    Parameters
    ----------
    history : ContactHistory or None
        Of all customers; None: none of it counts.
    items : Items
        Those of the campaign.
    n_customers : int
        Number of customers.

    Returns
    -------
    ptr : ndarray of int64, shape (n_customers + 1,), or (1,) where nobody has had any
        Where each customer's items begin.
    item : ndarray of int32
    """
    if history is None:
        return np.zeros(1, np.int64), np.zeros(0, np.int32)
    known = history.offer >= 0
    who, offer = history.unit[known], history.offer[known]
    if len(who) == 0:
        return np.zeros(1, np.int64), np.zeros(0, np.int32)
    offers, first = np.unique(items.offer, return_index=True)
    item = first[np.searchsorted(offers, offer)]
    order = np.argsort(who, kind="stable")
    ptr = np.searchsorted(who[order], np.arange(n_customers + 1))
    return ptr.astype(np.int64), item[order].astype(np.int32)
