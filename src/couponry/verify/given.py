"""The campaign's tables, joined by ids, and their columns as the user gave them."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .. import tables
from ..amounts import MONEY
from ..campaign import Campaign
from ..errors import InvalidInput
from ..folder import Spec
from ..rules import assert_column
from ..where import Where, rows_where
from .rounding import Floats, Integers, Mask


class Given:
    """The tables of a campaign, its n customers and m offers numbered, columns by name.

    A *cell* is a role and an offer, role * m + offer: what rules and limits can tell apart within a customer.
    customer, offer: int64 (e) numbers of each candidate's customer (ascending ids) and offer (row of `offers`).
    roles: the distinct roles after None for none. has_roles: whether candidates have the column.
    """

    def __init__(self, folder: Path, spec: Spec):
        names = spec.tables
        self.offers = tables.read(folder, names["offers"], "offers")
        tables.require(self.offers, "offers", "offer")
        self.offer_ids = _distinct_ids(self.offers, "offers", "offer")
        wanted = Campaign.candidate_columns(spec.limits, spec.value)
        self._candidates = tables.read(folder, names["candidates"], "candidates", sorted(wanted))
        tables.require(self._candidates, "candidates", "customer", "offer")
        ids = tables.ids(self._candidates, "candidates", "customer")
        self.customer, self.customer_ids = tables.ranks(ids)
        ids = tables.ids(self._candidates, "candidates", "offer")
        self.offer = tables.positions(ids, self.offer_ids)
        if (self.offer < 0).any():
            row = int((self.offer < 0).argmax())
            raise InvalidInput(
                f"table candidates, column 'offer', row {row}: offer {ids[row].as_py()!r} "
                "is not in table offers"
            )
        self.has_roles = "role" in self._candidates.column_names
        self.roles: list[Any] = [None]
        self._role = np.zeros(len(self.offer), np.int64)
        if self.has_roles:
            code, distinct = tables.labels(self._candidates["role"])
            self._role, self.roles = code + 1, [None, *distinct]
        self._customers: pa.Table | None = None
        if "customers" in names:
            self._customers = tables.read(folder, names["customers"], "customers")
            tables.require(self._customers, "customers", "customer")

    def __len__(self) -> int:
        return len(self.offer)

    @property
    def cells(self) -> int:
        return len(self.roles) * len(self.offer_ids)

    def cell(self, rows: Integers) -> Integers:
        """Cell of the candidates in these rows."""
        return self._role[rows] * len(self.offer_ids) + self.offer[rows]

    @cached_property
    def seen(self) -> Mask:
        """Which cells have candidates (cells)."""
        seen = np.zeros(self.cells, bool)
        seen[self.cell(np.arange(len(self)))] = True
        return seen

    def rows(self, customer: Integers, offer: Integers) -> Integers:
        """Row of the candidates of each pair, -1 where the pair is not among them."""
        width = len(self.offer_ids)
        key, order = self.customer * width + self.offer, None
        if not (key[1:] > key[:-1]).all():  # sorting is the slow part: spare it where it is done
            order = np.argsort(key)
            key = key[order]
            if (key[1:] == key[:-1]).any():
                raise InvalidInput("table candidates: a pair of customer and offer is there twice")
        wanted = np.where((customer >= 0) & (offer >= 0), customer * width + offer, -1)
        position = np.minimum(np.searchsorted(key, wanted), len(key) - 1)
        row = position if order is None else order[position]
        return np.where(key[position] == wanted, row, -1)

    # ---- columns of candidates and offers

    def has(self, name: str) -> bool:
        return name in self._candidates.column_names or name in self.offers.column_names

    def column(self, name: str, rows: Integers, by_whom: str) -> Floats:
        """A named column of the candidates in these rows, by the format's rules for columns that are missing."""
        if name == "count":
            return np.ones(len(rows))
        if name in self._candidates.column_names:
            return tables.numbers(self._candidates, "candidates", name)[rows]
        if name in self.offers.column_names:
            return tables.numbers(self.offers, "offers", name)[self.offer[rows]]

        def part(name: str) -> Floats:
            return self.column(name, rows, by_whom) if self.has(name) else np.zeros(len(rows))

        if name == "cost":
            return part("issue_cost") + part("response") * part("face_value")
        if name == "value" and self.has("response"):
            return part("response") * (part("margin") - part("face_value")) - part("issue_cost")
        raise InvalidInput(f"{by_whom}: neither candidates nor offers have a column {name!r}")

    def size(self, name: str, rows: Integers, by_whom: str) -> Floats:
        """Size of a column's values, for rounding: a default is a difference, and as large as its parts."""
        parts = [] if self.has(name) else [part for part in MONEY if self.has(part)]
        return np.sum([np.abs(self.column(part, rows, by_whom)) for part in (name, *parts)], axis=0)

    # ---- the customers table

    def customers_where(self, where: Where, by_whom: str) -> Mask:
        """Which customers a `customers` clause is about (n)."""
        row = self._row_of_customer(by_whom)
        return rows_where(self._customers, "customers", where, by_whom)[row]

    def bound(self, bound: int | str | None, default: float, by_whom: str) -> Floats:
        """A customer rule's bound for each customer (n)."""
        if not isinstance(bound, str):
            return np.full(len(self.customer_ids), default if bound is None else float(bound))
        row = self._row_of_customer(by_whom)
        assert_column(self._customers, bound, by_whom)
        return tables.numbers(self._customers, "customers", bound)[row]

    def _row_of_customer(self, by_whom: str) -> Integers:
        """Row of the customers table of each customer (n)."""
        if self._customers is None:
            raise InvalidInput(f"{by_whom}: it needs the table customers, which is not there")
        row = self._found_customer
        if (row < 0).any():
            missing = self.customer_ids[int((row < 0).argmax())].as_py()
            raise InvalidInput(
                f"table customers: customer {missing!r} of table candidates is not in it, and {by_whom} needs it"
            )
        return row

    @cached_property
    def _found_customer(self) -> Integers:
        known = _distinct_ids(self._customers, "customers", "customer")
        return tables.positions(self.customer_ids, known)


def _distinct_ids(table: pa.Table, what: str, name: str) -> pa.Array:
    ids = tables.ids(table, what, name)
    rank, distinct = tables.ranks(ids)
    if len(distinct) < len(ids):
        twice = distinct[int((np.bincount(rank) > 1).argmax())].as_py()
        raise InvalidInput(f"table {what}, column {name!r}: {twice!r} is there twice")
    return ids
