"""A customer rule with bounds, read for all customers: its groups of cells, and what customers have had of them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from ...data.where.days import Days, days_of_offers
from ...model.rules import CustomerRule
from ...utils.arrays.ragged import ranges
from ...utils.errors import Unsupported
from ..block import Block
from ..inputs import Inputs
from ..rounding import Floats, Integers, Mask


@dataclass(frozen=True)
class BoundedRule:
    """A rule with bounds: its groups of cells, and what customers have had of them.

    Attributes
    ----------
    rule : CustomerRule
    cell, group : ndarray of int64, shape (n_pairs,)
        Pairs of a cell and a group that it is in, cells ascending.
    groups : int
        Number of groups.
    code : ndarray of int64, shape (n_cells,), or None
        Group of each cell, -1 if it is in none; None if a cell is in several.
    asked : ndarray of bool, shape (groups,)
        Groups that there are for a minimum.
    most, least : ndarray of float64, shape (n_units,)
        Bounds of each group, by unit; by customer where the rule holds for each.
    had : ndarray of int64
        Ascending keys (unit or customer * groups + group) of coupons of the history.
    """

    rule: CustomerRule
    cell: Integers
    group: Integers
    groups: int
    code: Integers | None
    asked: Mask
    most: Floats
    least: Floats
    had: Integers

    @property
    def is_about_all(self) -> bool:
        """Whether it is about all coupons of a customer."""
        return self.rule.is_about_all

    def of_block(self, block: Block) -> BoundedRule:
        """Return the rule for the customers of a block.

        Parameters
        ----------
        block : Block

        Returns
        -------
        BoundedRule
            Customers and units count from the block's first.
        """
        own = block.holders(self.rule)
        low, high = np.searchsorted(self.had, np.array([own.start, own.stop]) * self.groups)
        had = self.had[low:high] - own.start * self.groups
        return replace(self, most=self.most[own], least=self.least[own], had=had)

    def code_of_cell(self) -> Integers:
        """Return the group of each cell.

        Returns
        -------
        ndarray of int64, shape (n_cells,)
            -1 if the rule is not about a cell.

        Raises
        ------
        Unsupported
            If a cell is in several groups.
        """
        if self.code is None:
            raise Unsupported(
                f"{self.rule.label}: expected groups that each offer is in one of at most"
            )
        return self.code

    def keys(self, customer: Integers, cell: Integers) -> tuple[Integers, Integers]:
        """Return the groups that candidates are in.

        Parameters
        ----------
        customer, cell : ndarray of int64, shape (n,)
            Of each candidate.

        Returns
        -------
        key : ndarray of int64, shape (n_pairs,)
            Numbers (customer * groups + group).
        which : ndarray of int64, shape (n_pairs,)
            The candidate.
        """
        if self.code is not None:
            code = self.code[cell]
            which = np.flatnonzero(code >= 0)
            return customer[which] * self.groups + code[which], which
        which, place = matches(self.cell, cell)
        return customer[which] * self.groups + self.group[place], which


def bounded_rule(rule: CustomerRule, inputs: Inputs) -> BoundedRule:
    """Read a rule's groups and bounds, and what the history has of them.

    Parameters
    ----------
    rule : CustomerRule
        One with bounds.
    inputs : Inputs
        The tables of the campaign.

    Returns
    -------
    BoundedRule
        For all customers.
    """
    cell, group, row, theirs, groups = grouped(rule, inputs)
    order = np.lexsort((group, cell))
    cell, group = cell[order], group[order]
    by_role = rule.by == "role" or "role" in rule.where
    there = group[inputs.seen[cell]] if by_role else group
    known = inputs.customers  # in the order of a solve, which refuses columns in it
    least = known.for_rule(inputs.bound(rule.min, 0.0, rule.label), rule, f"min {rule.min!r}")
    most = known.for_rule(inputs.bound(rule.max, np.inf, rule.label), rule, f"max {rule.max!r}")
    if rule.customers:
        inside = known.scope_of(rule)
        least, most = np.where(inside, least, 0.0), np.where(inside, most, np.inf)
    asked = np.zeros(groups, bool)
    asked[there if rule.by is not None else 0] = True
    return BoundedRule(
        rule,
        cell,
        group,
        groups,
        _code_of_cell(cell, group, len(inputs.cells)),
        asked,
        most,
        least,
        np.sort(inputs.history.whose(rule)[row] * groups + theirs),
    )


class Grouped(NamedTuple):
    """A rule's groups: pairs of a cell, or of a row of the history, and a group, and how many groups there are."""

    cell: Integers
    group: Integers
    row: Integers
    group_of_row: Integers
    groups: int


def grouped(rule: CustomerRule, inputs: Inputs) -> Grouped:
    """Group cells, and rows of the history that count, as a rule with bounds says.

    Parameters
    ----------
    rule : CustomerRule
    inputs : Inputs

    Returns
    -------
    Grouped
    """
    history = inputs.history
    cell, group, values = inputs.groups(rule.by, rule.where, rule.label)
    about = np.flatnonzero(history.where(rule))
    row, theirs = about, np.zeros(len(about), np.int64)
    if rule.by is not None:
        row, theirs = history.groups(rule.by, values)
        kept = np.isin(row, about)
        row, theirs = row[kept], theirs[kept]
    groups = max(1, len(values))
    if rule.window is not None:
        (cell, group), (row, theirs), groups = _by_window(
            rule, rule.window, inputs, (cell, group), (row, theirs), groups
        )
    return Grouped(cell, group, row, theirs, groups)


Paired = tuple[Integers, Integers]
"""Cells, or rows of the history, and a group of each."""


def _by_window(
    rule: CustomerRule, length: int, inputs: Inputs, cells: Paired, past: Paired, groups: int
) -> tuple[Paired, Paired, int]:
    """Split groups by every window of days that begins on the day of an offer or of a coupon of the history."""
    label = f"{rule.label}: window"
    of_offers = days_of_offers(inputs.offers, label)
    of_cells = of_offers.take(cells[0] % len(inputs.offers))
    of_past = inputs.history.days(of_offers, label).take(past[0])
    planned = of_cells.day[of_cells.known]
    begins = planned
    if len(planned):
        near = of_past.day[of_past.known]
        near = near[(near > planned.min() - length) & (near <= planned.max())]
        begins = np.unique(np.concatenate([planned, near]))
        if (
            rule.is_measured
        ):  # one within another may come to more: each that has other days than the one before
            days = np.unique(np.concatenate([planned, of_past.day[of_past.known]]))
            begins = np.unique(np.concatenate([days - length + 1, days + 1]))
            begins = begins[(begins > planned.min() - length) & (begins <= planned.max())]

    def split(pairs: Paired, days: Days) -> Paired:
        windows = [days.known & (day <= days.day) & (days.day < day + length) for day in begins]
        which = [np.flatnonzero(inside) for inside in windows]
        window = np.repeat(np.arange(len(begins)), [len(rows) for rows in which])
        rows = np.concatenate([*which, np.zeros(0, np.int64)])
        return pairs[0][rows], pairs[1][rows] * len(begins) + window

    return split(cells, of_cells), split(past, of_past), groups * max(1, len(begins))


def _code_of_cell(cell: Integers, group: Integers, cells: int) -> Integers | None:
    """The group of each cell, -1 for none; None if a cell is in several."""
    if (np.diff(cell) == 0).any():
        return None
    code = np.full(cells, -1)
    code[cell] = group
    return code


def counts_in(ascending: Integers, key: Integers) -> Integers:
    """Count how often each key is in an ascending array.

    Parameters
    ----------
    ascending : ndarray of int64
        From 0 up.
    key : ndarray of int64, shape (n,)

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    value, count = distinct(ascending)
    if len(value) == 0:
        return np.zeros(len(key), np.int64)
    place = np.minimum(np.searchsorted(value, key), len(value) - 1)
    return np.where(value[place] == key, count[place], 0)


def is_in(ascending: Integers, key: Integers) -> Mask:
    """Tell which keys are in an ascending array.

    Parameters
    ----------
    ascending : ndarray of int64
    key : ndarray of int64, shape (n,)

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    if len(ascending) == 0:
        return np.zeros(len(key), bool)
    place = np.minimum(np.searchsorted(ascending, key), len(ascending) - 1)
    return np.asarray(ascending[place] == key)


def matches(ascending: Integers, key: Integers) -> tuple[Integers, Integers]:
    """Find every pair of a key and a place in an ascending array where it is.

    Parameters
    ----------
    ascending : ndarray of int64
    key : ndarray of int64

    Returns
    -------
    which, place : ndarray of int64, shape (n_pairs,)
        Which key, and where it is.
    """
    first = np.searchsorted(ascending, key, side="left")
    count = np.searchsorted(ascending, key, side="right") - first
    which = np.repeat(np.arange(len(key)), count)
    return which, ranges(first, count)


def distinct(ascending: Integers) -> tuple[Integers, Integers]:
    """Return the distinct values of an ascending array, and how often each is there.

    Parameters
    ----------
    ascending : ndarray of int64
        From 0 up.

    Returns
    -------
    value, count : ndarray of int64, shape (n_distinct,)
    """
    first = np.flatnonzero(np.diff(ascending, prepend=-1))
    return ascending[first], np.diff(first, append=len(ascending))
