"""The campaign's tables, joined by ids, and their columns as the user gave them."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..campaign_folder.read import read_candidates
from ..campaign_folder.spec import Spec
from ..data import tables
from ..data.filters import Where, rows_where
from ..model.campaign_data import candidate_columns, check_customers
from ..model.contact_history import History
from ..model.customers import Customers, assert_column
from ..model.measures import MONEY
from ..model.rules import CustomerRule
from ..utils.errors import InvalidInput
from .rounding import PACKED, Floats, Integers


class Given:
    """The tables of a campaign, its n customers and m offers numbered, columns by name.

    customer, offer: int64 (e) numbers of each candidate's customer (ascending ids) and offer (row of `offers`).
    cells: the offers, once for each role where candidates have roles (first: none), with a column of it; a
    candidate's *cell* is what rules and limits can tell apart within a customer.
    mandatory: bool (e), candidates that must be given.
    seen: which cells have candidates, and all of them where there are no roles (cells).
    """

    def __init__(self, folder: Path, spec: Spec):
        names = spec.tables
        self.offers = tables.read(folder, names["offers"], "offers")
        tables.require(self.offers, "offers", "offer")
        self.offer_ids = tables.ids(self.offers, "offers", "offer")
        times = Counter(self.offer_ids.to_pylist())
        for twice in sorted(offer for offer, count in times.items() if count > 1):
            raise InvalidInput(f"table offers, column 'offer': {twice!r} is there twice")
        wanted = candidate_columns(spec.limits, spec.value)
        self._candidates = read_candidates(folder, spec, sorted(wanted))
        tables.require(self._candidates, "candidates", "customer", "offer")
        ids = tables.ids(self._candidates, "candidates", "customer")
        self.customer, self.customer_ids = tables.ranks(ids)
        ids = tables.ids(self._candidates, "candidates", "offer")
        self.offer = tables.positions(ids, self.offer_ids)
        for row in np.flatnonzero(self.offer < 0):
            what = f"table candidates, column 'offer', row {row}: offer {ids[int(row)].as_py()!r}"
            raise InvalidInput(f"{what} is not in table offers")
        self.cells, self._cell = self.offers, self.offer
        self._packed_error: dict[str, float] = {}
        self.seen = np.ones(len(self.offers), bool)
        if "role" in self._candidates.column_names:
            code, roles = tables.labels(self._candidates["role"])
            self.cells = _once_for_each(roles, self.offers)
            self._cell = (code + 1) * len(self.offers) + self.offer
            self.seen = np.bincount(self._cell, minlength=len(self.cells)) > 0
        table = None
        if "customers" in names:
            table = tables.read(folder, names["customers"], "customers")
            check_customers(table)
        self.customers = Customers(table, self.customer_ids)
        self.mandatory = np.zeros(len(self.customer), bool)
        if "mandatory" in self._candidates.column_names:
            flags = self._candidates["mandatory"].to_pylist()
            self.mandatory = np.array([flag is True for flag in flags], bool)
        table = None
        if "history" in names:
            table = tables.read(folder, names["history"], "history")
        self._history_table, self._history = (
            table,
            History(None, self.customer_ids, self.offers, []),
        )

    def __len__(self) -> int:
        return len(self.offer)

    def cell(self, rows: Integers) -> Integers:
        """Cell of the candidates in these rows."""
        return self._cell[rows]

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

    def history(self, rules: list[CustomerRule]) -> History:
        """What customers have had, read for these rules where there are any, else as it was read before."""
        if rules:
            self._history = History(self._history_table, self.customer_ids, self.offers, rules)
        return self._history

    def size(self, name: str, rows: Integers, by_whom: str) -> Floats:
        """Size of a column's values, for rounding: a default is a difference, and as large as its parts."""
        parts = [] if self.has(name) else [part for part in MONEY if self.has(part)]
        return np.sum([np.abs(self.column(part, rows, by_whom)) for part in (name, *parts)], axis=0)

    def packed_error(self, name: str, by_whom: str) -> float:
        """What a column's sum may be off for each coupon where it is summed as packed, in 24 bits for its range."""
        if name not in self._packed_error:
            values = self.column(name, np.arange(len(self)), by_whom)
            span = float(values.max() - values.min()) if len(values) else 0.0
            self._packed_error[name] = span * PACKED
        return self._packed_error[name]

    def bound(self, bound: int | str | None, default: float, by_whom: str) -> Floats:
        """A customer rule's bound for each customer (n)."""
        if not isinstance(bound, str):
            return np.full(len(self.customer_ids), default if bound is None else float(bound))
        row = self.customers.rows(by_whom)
        assert_column(self.customers.table, bound, by_whom)
        return tables.numbers(self.customers.table, "customers", bound)[row]

    def groups(
        self, by: str | None, where: Where, by_whom: str
    ) -> tuple[Integers, Integers, list[Any]]:
        """Pairs (cell, group number) of the cells of `where` by the values of a column, and those values."""
        about = rows_where(self.cells, "offers", where, by_whom)
        if by is None:
            cell = np.flatnonzero(about)
            return cell, cell * 0, [None]
        if by not in self.cells.column_names:
            raise InvalidInput(f"{by_whom}: by: table offers has no column {by!r}")
        number: dict[Any, int] = {}
        pairs = {
            (cell, number.setdefault(one, len(number)))
            for cell, value in enumerate(self.cells[by].to_pylist())
            for one in (value if isinstance(value, list) else [value])
            if one is not None
        }
        cell, group = np.array(sorted(pairs), np.int64).reshape(-1, 2).T
        return cell[about[cell]], group[about[cell]], list(number)


def _once_for_each(roles: list[Any], offers: pa.Table) -> pa.Table:
    """The offers without role, then in each role."""
    every = np.arange(1 + len(roles)).repeat(len(offers))
    kind = pa.string() if set(roles) <= {None} else None
    role = pa.array([None, *roles], kind).take(pa.array(every))
    plain = offers.select([name for name in offers.column_names if name != "role"])
    return pa.concat_tables([plain] * (1 + len(roles))).append_column("role", role)
