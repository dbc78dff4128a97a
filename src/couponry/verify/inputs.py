"""The campaign's tables, joined by ids, with their columns as the user gave them."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..campaign_folder.read import read_candidates
from ..campaign_folder.spec import Spec, read_table
from ..data import tables
from ..data.arrow_columns import labels
from ..data.where.filters import Where, rows_where
from ..model.campaign_checks import candidate_columns, check_customers
from ..model.compiling.measures import MONEY
from ..model.contact_history import ContactHistory
from ..model.customers import Customers, check_column
from ..utils.errors import InvalidInput
from .rounding import PACKED_ROUNDING, Floats, Integers, Mask


class Inputs:
    """The tables of a campaign folder: customers and offers numbered, columns by name.

    A *cell* is what rules and limits can tell apart within a customer: an offer, or an offer in one role.

    Parameters
    ----------
    folder : Path
        Campaign folder.
    spec : Spec
        Its campaign.toml.

    Attributes
    ----------
    offers : pyarrow.Table
        As the user gave it, in any order.
    offer_ids : pyarrow.Array, shape (n_offers,)
    customer_ids : pyarrow.Array, shape (n_customers,)
        Ids of the customers who have candidates, ascending.
    customer : ndarray of int64, shape (n_candidates,)
        Number of each candidate's customer.
    offer : ndarray of int64, shape (n_candidates,)
        Row of `offers` for each candidate.
    mandatory : ndarray of bool, shape (n_candidates,)
        Candidates that must be allocated.
    cells : pyarrow.Table
        The offers. With roles, the offers once without role, then once for each role, and a column of it.
    seen : ndarray of bool, shape (n_cells,)
        Cells that have candidates; all of them if there are no roles.
    customers : Customers
        The customers table.

    Raises
    ------
    InvalidInput
        If a table is wrong.
    """

    def __init__(self, folder: Path, spec: Spec):
        self._folder, self._spec = folder, spec
        self.offers, self.offer_ids = _read_offers(folder, spec)
        wanted = candidate_columns(spec.limits, spec.value)
        self._candidates = read_candidates(folder, spec, sorted(wanted))
        tables.require(self._candidates, "candidates", "customer", "offer")
        ids = tables.ids(self._candidates, "candidates", "customer")
        self.customer, self.customer_ids = tables.ranks(ids)
        self.offer = _offers_of(self._candidates, self.offer_ids)
        self._packed_error: dict[str, float] = {}
        self.cells, self._cell = self.offers, self.offer
        self.seen = np.ones(len(self.offers), bool)
        if "role" in self._candidates.column_names:
            code, roles = labels(self._candidates["role"], "table candidates, column 'role'")
            self.cells = _once_for_each(roles, self.offers)
            self._cell = (code + 1) * len(self.offers) + self.offer
            self.seen = np.bincount(self._cell, minlength=len(self.cells)) > 0
        table = read_table(folder, spec, "customers")
        if table is not None:
            check_customers(table)
        self.customers = Customers(table, self.customer_ids)
        self.mandatory = _mandatory(self._candidates)

    def __len__(self) -> int:
        return len(self.offer)

    @cached_property
    def history(self) -> ContactHistory:
        """What customers have had, as far as customer rules ask for it."""
        table = read_table(self._folder, self._spec, "history")
        return ContactHistory(table, self.customer_ids, self.offers, self._spec.rules)

    def cell(self, rows: Integers) -> Integers:
        """Return the cells of some candidates.

        Parameters
        ----------
        rows : ndarray of int64, shape (n,)
            Rows of candidates.

        Returns
        -------
        ndarray of int64, shape (n,)
            Numbers of cells.
        """
        return self._cell[rows]

    def rows(self, customer: Integers, offer: Integers) -> Integers:
        """Look pairs of customer and offer up among the candidates.

        Parameters
        ----------
        customer : ndarray of int64, shape (n,)
            Number of a customer, -1 for an unknown one.
        offer : ndarray of int64, shape (n,)
            Row of an offer, -1 for an unknown one.

        Returns
        -------
        ndarray of int64, shape (n,)
            Row of each pair; -1 for a pair that is not there.

        Raises
        ------
        InvalidInput
            If a pair is among the candidates twice.
        """
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
        """Return whether candidates or offers have a column of this name.

        Parameters
        ----------
        name : str
            Name of a column.

        Returns
        -------
        bool
            True if one of the two has it.
        """
        return name in self._candidates.column_names or name in self.offers.column_names

    def column(self, name: str, rows: Integers, by_whom: str) -> Floats:
        """Return a column of some candidates, by the format's rules for columns that are missing.

        Parameters
        ----------
        name : str
        rows : ndarray of int64, shape (n,)
        by_whom : str
            What asks for the column, for messages.

        Returns
        -------
        ndarray of float64, shape (n,)

        Raises
        ------
        InvalidInput
            If there is no such column.
        """
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
        """Return the size of a column's values, for rounding.

        Parameters
        ----------
        name : str
            Name of a column.
        rows : ndarray of int64, shape (n,)
            Rows of candidates.
        by_whom : str
            What asks for the column, for messages.

        Returns
        -------
        ndarray of float64, shape (n,)
            A default is as large as all of its parts.
        """
        parts = [] if self.has(name) else [part for part in MONEY if self.has(part)]
        sizes = [np.abs(self.column(part, rows, by_whom)) for part in (name, *parts)]
        return np.asarray(np.sum(sizes, axis=0))

    def packed_error(self, name: str, by_whom: str) -> float:
        """Return what a column's sum may be off for each coupon if it is summed as packed.

        Parameters
        ----------
        name : str
            Name of a column.
        by_whom : str
            What asks for the column, for messages.

        Returns
        -------
        float
            A share of the column's range: it is packed in 24 bits.
        """
        if name not in self._packed_error:
            values = self.column(name, np.arange(len(self)), by_whom)
            span = float(values.max() - values.min()) if len(values) else 0.0
            self._packed_error[name] = span * PACKED_ROUNDING
        return self._packed_error[name]

    def bound(self, bound: int | str | None, default: float, by_whom: str) -> Floats:
        """Return a customer rule's bound for each customer.

        Parameters
        ----------
        bound : int, str or None
            A text names a column of customers.
        default : float
            Stands for None.
        by_whom : str
            What asks for the bound, for messages.

        Returns
        -------
        ndarray of float64, shape (n_customers,)
            The bound of each customer.
        """
        if not isinstance(bound, str):
            return np.full(len(self.customer_ids), default if bound is None else float(bound))
        row = self.customers.rows(by_whom)
        check_column(self.customers.table, bound, by_whom)
        return tables.numbers(self.customers.table, "customers", bound)[row]

    def groups(
        self, by: str | None, where: Where, by_whom: str
    ) -> tuple[Integers, Integers, list[Any]]:
        """Return the groups of a rule or limit.

        Parameters
        ----------
        by : str or None
            Column of cells whose values are the groups; None: one group of all.
        where : mapping
            Conditions on cells.
        by_whom : str
            What asks for them, for messages.

        Returns
        -------
        cell, group : ndarray of int64, shape (n_pairs,)
            A cell that fulfils the conditions, and a group that it is in.
        values : list
            The value of each group.
        """
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


def _read_offers(folder: Path, spec: Spec) -> tuple[pa.Table, pa.Array]:
    """The offers table, and its ids; refused if one is there twice."""
    offers = tables.read(folder, spec.tables["offers"], "offers")
    tables.require(offers, "offers", "offer")
    ids = tables.ids(offers, "offers", "offer")
    times = Counter(ids.to_pylist())
    for twice in sorted(offer for offer, count in times.items() if count > 1):
        raise InvalidInput(f"table offers, column 'offer': {twice!r} is there twice")
    return offers, ids


def _offers_of(candidates: pa.Table, known: pa.Array) -> Integers:
    """Row of the offers for each candidate; refused if there is none."""
    ids = tables.ids(candidates, "candidates", "offer")
    offer = tables.positions(ids, known)
    for row in np.flatnonzero(offer < 0):
        what = f"table candidates, column 'offer', row {row}: offer {ids[int(row)].as_py()!r}"
        raise InvalidInput(f"{what} is not in table offers")
    return offer


def _mandatory(candidates: pa.Table) -> Mask:
    """Which candidates must be allocated."""
    if "mandatory" not in candidates.column_names:
        return np.zeros(candidates.num_rows, bool)
    return np.array([flag is True for flag in candidates["mandatory"].to_pylist()], bool)


def _once_for_each(roles: list[Any], offers: pa.Table) -> pa.Table:
    """The offers without role, then in each role."""
    every = np.arange(1 + len(roles)).repeat(len(offers))
    kind = pa.string() if set(roles) <= {None} else None
    role = pa.array([None, *roles], kind).take(pa.array(every))
    plain = offers.select([name for name in offers.column_names if name != "role"])
    return pa.concat_tables([plain] * (1 + len(roles))).append_column("role", role)
