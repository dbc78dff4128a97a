"""The groups of a limit, as the tables have them: what it asks of each, and over which cells and customers it sums."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from ...data.where.filters import Where, rows_where
from ...model.items import column_names
from ...model.limit_bounds import is_of_customers, read_bounds, refuse_other_keys
from ...model.limits import Limit, group_text
from ..inputs import Inputs
from ..rounding import Floats, Integers

Values = tuple[Any, ...]
"""Of some columns of `by`."""


@dataclass(frozen=True)
class PartedCustomers:
    """Customers whom a sum is over, parted by the values of columns of theirs.

    Attributes
    ----------
    key : str
        The same for the same customers.
    part : ndarray of int64, shape (n_customers,), or None
        Number of each customer's part, -1 for none; None: all are of the one part that there is.
    number : mapping of tuple to int
        Of the part of each combination of values.
    heads : ndarray of float64, shape (n_parts,)
        Customers of the table customers in each part; of one part without conditions or table, 0.
    """

    key: str
    part: Integers | None
    number: Mapping[Values, int]
    heads: Floats

    @classmethod
    def of(
        cls, where: Where, columns: Sequence[str], inputs: Inputs, label: str
    ) -> PartedCustomers:
        """Part the customers of a campaign.

        Parameters
        ----------
        where : mapping
            Conditions on columns of customers.
        columns : sequence of str
        inputs : Inputs
        label : str
            The limit that asks, for messages.

        Returns
        -------
        PartedCustomers
        """
        key = repr((sorted(where.items()), list(columns)))
        table = inputs.customers.table
        if not where and not columns:
            return cls(key, None, {(): 0}, np.array([0.0 if table is None else float(len(table))]))
        row = inputs.customers.rows(label)
        inside = rows_where(table, "customers", where, label, "customers")
        of_row = np.where(inside, 0, -1)
        number: dict[Values, int] = {} if columns else {(): 0}
        if table is not None and columns:
            for name in columns:
                inputs.customers.labels(name, label)
            lists = [table[name].to_pylist() for name in columns]
            for at in np.flatnonzero(inside).tolist():
                values = tuple(column[at] for column in lists)
                missing = any(value is None for value in values)
                of_row[at] = -1 if missing else number.setdefault(values, len(number))
        heads = np.bincount(of_row[of_row >= 0], minlength=len(number)).astype(float)
        return cls(key, of_row[row], number, heads)

    def cells(self, customer: Integers, cell: Integers, n_cells: int) -> Integers:
        """Number cells by part.

        Parameters
        ----------
        customer, cell : ndarray of int64, shape (n,)
            Customers of some part, and cells.
        n_cells : int

        Returns
        -------
        ndarray of int64, shape (n,)
        """
        return cell if self.part is None else self.part[customer] * n_cells + cell


@dataclass(frozen=True)
class SummedCells:
    """What groups sum: cells of offers, by parts of the customers.

    Attributes
    ----------
    customers : PartedCustomers
    cell, group : ndarray of int64, shape (n_pairs,)
        A cell, and a combination of values of columns of offers that it has.
    number : mapping of tuple to int
        Of each such combination.
    """

    customers: PartedCustomers
    cell: Integers
    group: Integers
    number: Mapping[Values, int]

    @property
    def shape(self) -> tuple[int, int]:
        """Parts of customers and combinations of offers; one more of each stands for those without any."""
        return len(self.customers.heads) + 1, len(self.number) + 1

    def place(self, of_customers: Values, of_offers: Values) -> int:
        """Return where the sum of a group stands, among `sums` as one row."""
        parts, groups = self.shape
        part = self.customers.number.get(of_customers, parts - 1)
        return part * groups + self.number.get(of_offers, groups - 1)

    def sums(self, total: Floats) -> Floats:
        """Sum amounts of cells by group.

        Parameters
        ----------
        total : ndarray of float64, shape (n_parts * n_cells,)

        Returns
        -------
        ndarray of float64, shape (n_places,)
        """
        parts, groups = self.shape
        found = np.zeros((parts, groups))
        if parts > 1:  # else no customer has any of the values
            of_cells = total.reshape(parts - 1, -1)
            np.add.at(found[:-1].T, self.group, of_cells[:, self.cell].T)
        return found.ravel()

    def of_cells(self, of_places: Floats, n_cells: int) -> Floats:
        """Add up what the groups of each cell have, for each part of the customers.

        Parameters
        ----------
        of_places : ndarray of float64, shape (n_places,)
        n_cells : int

        Returns
        -------
        ndarray of float64, shape (n_parts * n_cells,)
        """
        found = np.zeros((n_cells, self.shape[0] - 1))
        np.add.at(found, self.cell, of_places.reshape(self.shape)[:-1, self.group].T)
        return np.ascontiguousarray(found.T).ravel()


@dataclass(frozen=True)
class AskedGroups:
    """The groups of a limit, and what it asks of each.

    Attributes
    ----------
    limit : Limit
    own, whole : SummedCells
        What groups sum, and what that is divided by; the same where it is a ratio, or not divided.
    place, whole_place : ndarray of int64, shape (n_groups,)
        Where the sums of each group stand.
    factor : ndarray of float64, shape (n_groups,)
        What the second one is multiplied by: 1, but per head.
    bounds : list of (str or None, float or None, float or None)
        Label, min and max of each group.
    """

    limit: Limit
    own: SummedCells
    whole: SummedCells
    place: Integers
    whole_place: Integers
    factor: Floats
    bounds: list[tuple[str | None, float | None, float | None]]

    @classmethod
    def of(cls, limit: Limit, inputs: Inputs) -> AskedGroups:
        """Read the groups of a limit.

        Parameters
        ----------
        limit : Limit
        inputs : Inputs
            The tables of the campaign.

        Returns
        -------
        AskedGroups
        """
        known = column_names(inputs.offers, inputs.data.candidates.role is not None)
        label, columns = limit.label, limit.by_columns
        parted = {n for n in columns if is_of_customers(n, known, inputs.customers, label)}
        own = _summed(limit.where, limit.customers, columns, parted, inputs, label)
        groups = _groups(limit, columns, parted, own, inputs)

        def places(cells: SummedCells, by: Sequence[str]) -> Integers:
            """Where the sums stand of the values that each group has of some columns."""
            at = [(columns.index(name), name in parted) for name in by]
            return np.array(
                [
                    cells.place(
                        tuple(values[n] for n, is_theirs in at if is_theirs),
                        tuple(values[n] for n, is_theirs in at if not is_theirs),
                    )
                    for values, _, _ in groups
                ],
                np.int64,
            )

        place = places(own, columns)
        whole, whole_place, factor = own, place, np.ones(len(groups))
        if limit.whole is not None:
            by, said = limit.whole_by, limit.whole
            where, customers = said.get("where", {}), said.get("customers", {})
            whole = _summed(where, customers, by, parted, inputs, label)
            whole_place = places(whole, by)
            if limit.per_head:
                factor = _per_head(own, place, whole, whole_place)
        bounds = [(_label(values), low, high) for values, low, high in groups]
        return cls(limit, own, whole, place, whole_place, factor, bounds)


def _label(values: Values) -> str | None:
    """What a group is called."""
    return None if not values else group_text(values[0] if len(values) == 1 else values)


def _per_head(own: SummedCells, place: Integers, whole: SummedCells, other: Integers) -> Floats:
    """Customers of each group, for each customer of those it is compared with."""
    one, another = (
        np.append(cells.customers.heads, 0.0)[at // cells.shape[1]]
        for cells, at in ((own, place), (whole, other))
    )
    return np.asarray(np.divide(one, another, out=np.zeros(len(one)), where=another > 0))


def _summed(
    where: Where,
    customers: Where,
    columns: Sequence[str],
    parted: set[str],
    inputs: Inputs,
    label: str,
) -> SummedCells:
    """Cells and customers that fulfil conditions, by columns of which some are the customers'."""
    theirs = [name for name in columns if name in parted]
    of_customers = PartedCustomers.of(customers, theirs, inputs, label)
    cell, group, _ = inputs.groups(None, where, label)
    found: list[Values] = [()] * len(cell)
    for name in columns:
        if name not in parted:
            of_cell: dict[int, list[Any]] = {}
            some, own, values = inputs.groups(name, where, label)
            for one, number in zip(some.tolist(), own.tolist(), strict=True):
                of_cell.setdefault(one, []).append(values[number])
            pairs = [
                (one, (*before, value))
                for one, before in zip(cell.tolist(), found, strict=True)
                for value in of_cell.get(one, [])
            ]
            cell = np.array([one for one, _ in pairs], np.int64)
            found = [values for _, values in pairs]
    numbers: dict[Values, int] = {}
    group = np.array([numbers.setdefault(values, len(numbers)) for values in found], np.int64)
    return SummedCells(of_customers, cell, group, numbers)


def _groups(
    limit: Limit, columns: Sequence[str], parted: set[str], own: SummedCells, inputs: Inputs
) -> list[tuple[Values, float | None, float | None]]:
    """Values, min and max of each group that a limit is about."""
    if limit.table is not None:
        bounds = read_bounds(limit)
        for name, keys in zip(columns, bounds.distinct, strict=True):
            source = "customers" if name in parted else "offers"
            if name in parted:
                known = inputs.customers.labels(name, limit.label)[1]
            else:
                known = inputs.groups(name, {}, limit.label)[2]
                known = known if name == "role" else sorted(known)
            refuse_other_keys(keys, known, limit, name, source)
        ends = zip(bounds.low.tolist(), bounds.high.tolist(), strict=True)
        values = [
            tuple(distinct[one] for distinct, one in zip(bounds.distinct, row, strict=True))
            for row in bounds.code.tolist()
        ]
        return [
            (one, None if low != low else low, None if high != high else high)
            for one, (low, high) in zip(values, ends, strict=True)
        ]
    if not columns:
        return [((), limit.min, limit.max)]
    offers = [n for n, name in enumerate(columns) if name not in parted]
    theirs = [n for n, name in enumerate(columns) if name in parted]
    there = _there(limit, [columns[n] for n in offers], own, inputs)
    groups = []
    for of_customers, of_offers in product(own.customers.number, there):
        value = dict(zip([*theirs, *offers], [*of_customers, *of_offers], strict=True))
        groups.append((tuple(value[n] for n in range(len(columns))), limit.min, limit.max))
    return groups


def _there(limit: Limit, names: list[str], own: SummedCells, inputs: Inputs) -> list[Values]:
    """Combinations of values that offers of a limit have.

    Any offer makes a group exist, whatever its candidates' roles; but a role is there only where candidates have it.
    """
    if not names:
        return [()]
    if "role" in names:
        seen = set(own.group[inputs.seen[own.cell]].tolist())
        return [values for values, number in own.number.items() if number in seen]
    others = {name: test for name, test in limit.where.items() if name != "role"}
    return list(_summed(others, {}, names, set(), inputs, limit.label).number)
