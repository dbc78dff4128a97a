"""The campaign's tables, joined by ids, with their columns as the user gave them; candidates a block at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..campaign_folder.read import read_campaign_data
from ..data import tables
from ..data.arrow_columns import flat_lists, holds_lists, labels
from ..data.roles import ROLES
from ..data.where.filters import Where, rows_where
from ..model.amount_checks import PARTS
from ..model.checking.check import statement_findings
from ..model.checking.finding import refuse_errors
from ..model.compiled_campaign import statement_of
from ..model.compiling.coupon_columns import MONEY, summable
from ..model.compiling.measures import refuse_missing
from ..model.contact_history import ContactHistory
from ..model.customers import Customers
from ..model.items import column_names, wanted_roles
from ..utils.arrays.blocks import blocks as array_blocks
from ..utils.arrays.mapped_arrays import release_pages
from ..utils.errors import InvalidInput
from ..utils.parallel import parallel_map, worker_count
from ..utils.process.cached_property import cached_property
from ..utils.suggestions import known_names
from .rounding import Floats, Integers, Mask

CLAIMED = ("value", "response", "cost")
"""Columns that every allocation states of its coupons, where they exist."""


class Inputs:
    """The tables of a campaign folder: customers and offers numbered, columns by name.

    They are read and refused as `solve` reads and refuses them. `block.blocks` goes through the candidates.

    A *cell* is what rules and limits can tell apart within a customer: an offer, or an offer in one role.

    Parameters
    ----------
    folder : Path
        Campaign folder.
    store : str or Path, optional
        Candidate store, as `couponry.read_campaign` takes it. Default: candidates are in memory.

    Attributes
    ----------
    data : CampaignData
        The tables, rules and limits.
    offers : pyarrow.Table
        In ascending order of its ids.
    offer_ids : pyarrow.Array, shape (n_offers,)
    customer_ids : pyarrow.Array, shape (n_customers,)
        Ids of the customers who have candidates, ascending; those of a unit of several one after the other.
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

    def __init__(self, folder: Path, store: str | Path | None = None):
        self.data = read_campaign_data(folder, store=store)
        self.offers = self.data.offers
        self.offer_ids = tables.ids(self.offers, "offers", "offer")
        self.customer_ids = self.data.candidates.customers
        self.customers = Customers(self.data.customers, self.customer_ids, self.data.units)
        self.cells = self.offers
        self.seen = np.ones(len(self.offers), bool)
        role = self.data.candidates.role
        if role is not None:
            self.cells = _once_for_each([*ROLES], self.offers)
            self.seen = self._seen(role)
        self._offer_numbers: dict[str, Floats] = {}
        self._customer_numbers: dict[str, Floats] = {}
        refuse_errors(statement_findings(statement_of(self.data)))

    def __len__(self) -> int:
        return len(self.data.candidates)

    @cached_property
    def history(self) -> ContactHistory:
        """What customers have had, as far as customer rules ask for it."""
        return ContactHistory(
            self.data.history, self.customer_ids, self.offers, self.data.rules, self.customers
        )

    @property
    def claimed(self) -> list[str]:
        """Columns of the allocation that are compared with the candidates': the objective's among them."""
        return [*CLAIMED, *({self.data.value} - {*CLAIMED, "customer", "offer"})]

    @property
    def unit_columns(self) -> list[str]:
        """The column that says who is one unit, where there is one."""
        return [] if self.data.unit is None else [self.data.unit]

    def has(self, name: str) -> bool:
        """Return whether candidates or offers, or customers whose columns are summed, have a column of this name.

        Parameters
        ----------
        name : str
            Name of a column.

        Returns
        -------
        bool
            True if one of them has it.
        """
        of_two = name in self.data.candidates.columns or name in self.offers.column_names
        return of_two or name in self.of_customers

    @cached_property
    def of_customers(self) -> list[str]:
        """Columns of customers that can be summed."""
        return summable(self.customers.columns)

    def refuse_missing(self, name: str, by_whom: str) -> None:
        """Refuse a column to sum that is not there, and does not follow from others.

        Parameters
        ----------
        name : str
            Name of a column.
        by_whom : str
            What sums it, for messages.

        Raises
        ------
        InvalidInput
        """
        of_others = [*self.offers.column_names, *self.of_customers]
        names = [*dict.fromkeys([*self.data.candidate_names, *of_others])]
        refuse_missing(name, by_whom, {*self.data.candidates.columns, *of_others}, names)

    def parts(self, name: str) -> list[str]:
        """Return the columns that a column is worked out from where it is missing.

        Parameters
        ----------
        name : str
            Name of a column.

        Returns
        -------
        list of str
            Those that are there; none if the column itself is there.
        """
        if self.has(name):
            return []
        return [part for part in MONEY if part in PARTS.get(name, ()) and self.has(part)]

    def offer_numbers(self, name: str) -> Floats:
        """Return a numeric column of the offers.

        Parameters
        ----------
        name : str
            Name of a column.

        Returns
        -------
        ndarray of float64, shape (n_offers,)
        """
        if name not in self._offer_numbers:
            self._offer_numbers[name] = tables.numbers(self.offers, "offers", name)
        return self._offer_numbers[name]

    def customer_numbers(self, name: str, by_whom: str) -> Floats:
        """Return a numeric column of the customers.

        Parameters
        ----------
        name : str
            Name of a column.
        by_whom : str
            What sums it, for messages.

        Returns
        -------
        ndarray of float64, shape (n_customers,)
        """
        if name not in self._customer_numbers:
            self._customer_numbers[name] = self.customers.numbers(name, by_whom)
        return self._customer_numbers[name]

    def bound(self, bound: float | str | None, default: float, by_whom: str) -> Floats:
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
            The bound of each customer; read only, without memory of its own where it is the same for all.
        """
        if isinstance(bound, str):
            return self.customers.bound(bound, 0, by_whom).astype(float)
        one = default if bound is None else float(bound)
        return np.broadcast_to(np.float64(one), len(self.customer_ids))

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
        if self.data.candidates.role is not None and "role" in where:
            wanted_roles(where["role"], by_whom)
        known = column_names(self.offers, self.data.candidates.role is not None)
        about = rows_where(self.cells, "offers", where, by_whom, known=known)
        if by is None:
            cell = np.flatnonzero(about)
            return cell, cell * 0, [None]
        if by not in self.cells.column_names:
            near = known_names(by, known, "columns")
            raise InvalidInput(f"{by_whom}: by: table offers has no column {by!r}{near}")
        self._check_groups(by, by_whom)
        number: dict[Any, int] = {}
        pairs = {
            (cell, number.setdefault(one, len(number)))
            for cell, value in enumerate(self.cells[by].to_pylist())
            for one in (value if isinstance(value, list) else [value])
            if one is not None
        }
        cell, group = np.array(sorted(pairs), np.int64).reshape(-1, 2).T
        return cell[about[cell]], group[about[cell]], list(number)

    def _check_groups(self, by: str, by_whom: str) -> None:
        """Refuse a column whose values cannot be groups."""
        column = self.cells[by]
        if holds_lists(column.type):
            column = pa.chunked_array([flat_lists(column)[1]])
        labels(column, f"{by_whom}: by: column {by!r} of offers")

    def _seen(self, role: NDArray[np.uint8]) -> Mask:
        """Which cells have candidates."""
        offer, cells = self.data.candidates.offer, len(self.cells)

        def of_block(some: slice) -> Mask:
            cell = role[some] * np.int64(len(self.offers)) + offer[some]
            release_pages(role[some], offer[some])
            return np.bincount(cell, minlength=cells) > 0

        seen = np.zeros(cells, bool)
        for found in parallel_map(of_block, array_blocks(len(self)), worker_count()):
            seen |= found
        return seen


def _once_for_each(roles: list[Any], offers: pa.Table) -> pa.Table:
    """The offers without role, then in each role."""
    every = np.arange(1 + len(roles)).repeat(len(offers))
    kind = pa.string() if set(roles) <= {None} else None
    role = pa.array([None, *roles], kind).take(pa.array(every))
    plain = offers.select([name for name in offers.column_names if name != "role"])
    return pa.concat_tables([plain] * (1 + len(roles))).append_column("role", role)
