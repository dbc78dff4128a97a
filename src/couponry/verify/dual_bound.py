"""A bound that no allocation can exceed, recomputed from the prices in limits.parquet.

Any prices bound the objective from above (weak duality): each limit is charged at its price, and then every customer
on its own takes what is worth most. What a customer can take at most is exact where its rules with a maximum nest (a
laminar family: from inner groups to outer ones, each keeps its best candidates, and takes off what the first message
costs from the best of them, the second from the next one, and so on). Rules that cross others, conflicts,
mandatory offers and minimums of part of the offers are left out, which can only make the bound higher. A minimum about
all coupons counts as far as the verified allocation keeps it, which shows that the customer can. Soft ratios are not
charged. Hard bounds of numbers of coupons are rounded to whole ones.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ..model.limits import Limit
from .block import Addition, Block
from .customer_rules.bounded_rule import BoundedRule, counts_in
from .customer_rules.messages import CostOfMessages
from .customer_rules.rule_checks import RuleChecks
from .inputs import Inputs
from .limit_sums.cell_sums import CellSums
from .limit_sums.limit_groups import AskedGroups, PartedCustomers, SummedCells
from .recomputed_limits import LimitSums
from .rounding import Floats, Integers, Mask, finite, sum_by

SORTED_TOGETHER = 1 << 16
"""Candidates, about, that are sorted at a time: they stay in a processor's cache."""


class _Charge(NamedTuple):
    """What each coupon is charged for a column.

    limit: the first that asks for it. column: what is multiplied. customers: whom it concerns. price: of each cell, for
    each part of these.
    """

    limit: Limit
    column: str
    customers: PartedCustomers
    price: Floats


class DualBound:
    """Adds up a bound, a block of customers at a time.

    Parameters
    ----------
    inputs : Inputs
        The tables of the campaign.
    sums : LimitSums
        The groups of its limits.
    rules : RuleChecks
        Its customer rules.
    prices : pyarrow.Table
        As limits.parquet has them.
    """

    def __init__(self, inputs: Inputs, sums: LimitSums, rules: RuleChecks, prices: pa.Table):
        self._inputs, self._sums = inputs, sums
        self._charged = 0.0
        self._worth = CellSums(len(inputs.cells))
        self._charges: dict[tuple[str, str], _Charge] = {}
        prices_of = {
            (row["name"], row["group"]): (
                finite(row["price"]),
                finite(row.get("second_sum")),
                finite(row.get("dual")),
            )
            for row in prices.to_pylist()
        }
        for groups in sums.groups:
            self._charge(groups, prices_of)
        self._nested = nested_rules(rules.bounded)
        self._costs = {
            rule.name: CostOfMessages(rule, inputs) for rule in inputs.data.rules if rule.cost
        }
        self._forced = rules.is_plain and not rules.has_mandatory

    def _charge(
        self,
        groups: AskedGroups,
        prices_of: dict[tuple[str, str | None], tuple[float | None, float | None, float | None]],
    ) -> None:
        """Charge a limit: what the price comes to at its bounds, and per coupon."""
        limit = groups.limit
        price, moved = np.zeros((2, len(groups.bounds)))
        for g, (label, low, high) in enumerate(groups.bounds):
            one, second, dual = prices_of.get((limit.name, label), (None, None, None))
            if limit.is_divided:
                one = _of_sum(one, second, dual) if limit.mode == "hard" else None
            asked = high if (one or 0.0) > 0 else low
            if not one or asked is None or limit.mode == "report":
                continue
            if limit.is_divided:
                price[g], moved[g] = one, one * asked * groups.factor[g]
                continue
            if limit.mode == "hard" and limit.sum == "count":  # coupons are whole
                asked = math.floor(asked) if one > 0 else math.ceil(asked)
            if limit.mode == "soft":
                one = math.copysign(min(abs(one), limit.penalty or 0.0), one)
            price[g] = one
            self._charged += one * asked
        columns, own, whole = limit.columns(), groups.own, groups.whole
        self._add(limit, columns[0], own, sum_by(groups.place, price, math.prod(own.shape)))
        if limit.is_divided:
            moved = sum_by(groups.whole_place, moved, math.prod(whole.shape))
            self._add(limit, columns[-1], whole, -moved)

    def _add(self, limit: Limit, column: str, cells: SummedCells, price: Floats) -> None:
        """Add prices of places to those of cells."""
        if not price.any():
            return
        of_cells = cells.of_cells(price, len(self._inputs.cells))
        key = column, cells.customers.key
        zeros = np.zeros(len(of_cells))
        charge = self._charges.setdefault(key, _Charge(limit, column, cells.customers, zeros))
        charge.price[:] += of_cells

    def examine(self, block: Block, rows: Integers) -> Addition:
        """Find the most that the customers of a block can be worth.

        Parameters
        ----------
        block : Block
        rows : ndarray of int64, shape (n_allocated,)
            Rows of the verified allocation.

        Returns
        -------
        Addition
        """
        worth = self.reduced_worth(block)
        rules = [rule.of_block(block) for rule in self._nested]
        taken = best_rows(worth, block, rules, np.flatnonzero(worth > 0), self._costs).worth_it()
        if self._forced:
            taken = self._with_forced(worth, block, rules, taken, self._certain(block, rows, rules))
        unit, cell = block.first_unit + block.unit[taken.rows], block.cell(taken.rows)
        return partial(self._worth.add, unit, cell, taken.worth)

    def reduced_worth(self, block: Block) -> Floats:
        """Say what each candidate is worth less what limits charge for it; soft ratios charge nothing here.

        Parameters
        ----------
        block : Block

        Returns
        -------
        ndarray of float64, shape (n_candidates,)
        """
        worth = block.whole(self._inputs.data.value, "objective").copy()
        for charge in self._charges.values():
            price = self._price_of_each(charge, block)
            if charge.column != "count":
                price *= block.whole(charge.column, charge.limit.label)
            worth -= price
        return worth

    def _price_of_each(self, charge: _Charge, block: Block) -> Floats:
        """What each candidate is charged for each unit of the column."""
        customers = charge.customers
        if customers.part is None:
            return np.asarray(charge.price[block.all_cells])
        inside = np.flatnonzero(customers.part[block.start : block.stop][block.customer] >= 0)
        customer, cell = block.start + block.customer[inside], block.cell(inside)
        price = np.zeros(len(block.all_cells))
        price[inside] = charge.price[customers.cells(customer, cell, len(self._inputs.cells))]
        return price

    def _with_forced(
        self,
        worth: Floats,
        block: Block,
        rules: list[BoundedRule],
        taken: BestRows,
        certain: Floats,
    ) -> BestRows:
        """Take as many as is certain, where fewer are worth anything: then all candidates are looked at."""
        fewer = np.bincount(block.unit[taken.rows], minlength=block.n_units) < certain
        if not fewer.any():
            return taken
        best = best_rows(worth, block, rules, np.flatnonzero(fewer[block.unit]), self._costs)
        unit = block.unit[best.rows]
        best = best.some(_ranks(unit) < certain[unit])
        taken = taken.some(~fewer[block.unit[taken.rows]])
        both = BestRows(*(np.concatenate(parts) for parts in zip(taken, best, strict=True)))
        return both.some(np.argsort(block.unit[both.rows], kind="stable"))

    def _certain(self, block: Block, rows: Integers, rules: list[BoundedRule]) -> Floats:
        """How many coupons each unit must have: a `min` about all, as far as the allocation keeps it."""
        once = rows[np.diff(rows, prepend=-1) != 0]
        given = np.bincount(block.unit[once], minlength=block.n_units)
        least = np.zeros(block.n_units)
        for rule in rules:
            if rule.is_about_all:
                least = np.maximum(least, rule.least)
        return np.minimum(least, given)

    def finish(self) -> float:
        """Return the bound.

        Returns
        -------
        float
        """
        return self._charged + math.fsum(self._worth.finish())


def nested_rules(rules: list[BoundedRule]) -> list[BoundedRule]:
    """Choose rules whose groups nest, inner ones first.

    Parameters
    ----------
    rules : list of BoundedRule

    Returns
    -------
    list of BoundedRule
        Each group of a rule lies within a group of each later rule, or apart from all of them: groups of each customer
        may lie within those of all customers of a unit.
    """
    plain = [rule for rule in rules if rule.code is not None and len(rule.cell)]
    plain.sort(key=lambda rule: (rule.rule.each is None, len(rule.cell) / rule.groups))
    codes: list[Integers] = []
    chosen: list[BoundedRule] = []
    for rule in plain:
        code = rule.code_of_cell()
        if all(_lies_within(inner, code) for inner in codes):
            chosen.append(rule)
            codes.append(code)
    return chosen


def _lies_within(inner: Integers, outer: Integers) -> bool:
    """Whether each group of the one lies within a group of the other, or apart from all."""
    about = inner >= 0
    order = np.argsort(inner[about], kind="stable")
    code, other = inner[about][order], outer[about][order]
    same = np.diff(code) == 0
    return bool((np.diff(other)[same] == 0).all())


class BestRows(NamedTuple):
    """Candidates by unit, then from most to least worth: the first k of a unit are the best k that its rules allow.

    Attributes
    ----------
    rows : ndarray of int64, shape (n_kept,)
    worth : ndarray of float64, shape (n_kept,)
        What each adds to those before it: less what its message costs.
    """

    rows: Integers
    worth: Floats

    def some(self, which: Mask | Integers) -> BestRows:
        """Take some of them.

        Parameters
        ----------
        which : ndarray of bool or int64

        Returns
        -------
        BestRows
        """
        return BestRows(self.rows[which], self.worth[which])

    def worth_it(self) -> BestRows:
        """Take those that add anything.

        Returns
        -------
        BestRows
        """
        return self.some(self.worth > 0)


def best_rows(
    worth: Floats,
    block: Block,
    rules: list[BoundedRule],
    rows: Integers,
    costs: Mapping[str, CostOfMessages] | None = None,
) -> BestRows:
    """Find, for each customer, the candidates among which the best choice of any size is.

    Parameters
    ----------
    worth : ndarray of float64, shape (n_candidates,)
    block : Block
        The candidates.
    rules : list of BoundedRule
        As `nested_rules` chooses them.
    rows : ndarray of int64, shape (n,)
        Rows to choose from, ascending.
    costs : mapping of str to CostOfMessages, optional
        By name of the rule: what messages cost.

    Returns
    -------
    BestRows
    """
    kept = _sorted(BestRows(rows, worth[rows]), block)
    for rule in rules:
        kept = kept.some(_within_most(kept.rows, block, rule))
        cost = (costs or {}).get(rule.rule.name)
        if cost is not None:
            kept = _sorted(_less_costs(kept, block, rule, cost), block)
    return kept


def _sorted(kept: BestRows, block: Block) -> BestRows:
    """Rows, in the order of their units, from most to least worth within each."""
    count = np.bincount(block.unit[kept.rows], minlength=block.n_units)
    return kept.some(_descending(kept.worth, count))


def _less_costs(kept: BestRows, block: Block, rule: BoundedRule, cost: CostOfMessages) -> BestRows:
    """Take what a unit's first message costs off the best one that counts, the second off the next, and so on."""
    about = np.flatnonzero(rule.code_of_cell()[block.all_cells[kept.rows]] >= 0)
    unit = block.unit[kept.rows[about]]
    worth = kept.worth.copy()
    worth[about] -= cost.of_messages(block, unit, _ranks(unit))
    return BestRows(kept.rows, worth)


def _descending(worth: Floats, count: Integers) -> Integers:
    """Order that puts the candidates of each customer from most to least worth; of equal ones the first comes first.

    count: candidates of each customer. Customers with about as many are sorted together, as rows of a matrix.
    """
    order = np.arange(len(worth))
    first = np.cumsum(count) - count
    width = np.exp2(np.ceil(np.log2(np.maximum(count, 1)))).astype(np.int64)
    for wide in np.unique(width[count > 1]).tolist():
        who = np.flatnonzero((width == wide) & (count > 1))
        step = max(1, SORTED_TOGETHER // wide)
        for some in (who[at : at + step] for at in range(0, len(who), step)):
            column = np.arange(wide)
            there = column < count[some][:, None]
            place = np.where(there, first[some][:, None] + column, 0)
            key = np.where(there, -worth[place], np.inf)
            ranked = np.take_along_axis(place, np.argsort(key, axis=1, kind="stable"), axis=1)
            order[place[there]] = ranked[there]
    return order


def _within_most(kept: Integers, block: Block, rule: BoundedRule) -> Mask:
    """Tell what is not beyond a rule's `max`; of each group the first ones stay."""
    holder = block.holder(rule.rule)[kept]
    code = rule.code_of_cell()[block.all_cells[kept]]
    about = np.flatnonzero(code >= 0)
    key = (holder * rule.groups + code)[about]
    if rule.groups > 1 or rule.rule.each is not None:
        order = np.argsort(key, kind="stable")
        about, key = about[order], key[order]
    most = rule.most[holder[about]]
    if len(rule.had):
        most = most - counts_in(rule.had, key)
    stays: Mask = np.ones(len(kept), bool)
    stays[about[_ranks(key) >= most]] = False
    return stays


def _ranks(ascending: Integers) -> Integers:
    """Place of each number among those that are equal."""
    first = np.flatnonzero(np.diff(ascending, prepend=-1))
    count = np.diff(first, append=len(ascending))
    return np.arange(len(ascending)) - np.repeat(first, count)


def _of_sum(price: float | None, second: float | None, dual: float | None) -> float | None:
    """The price of what is divided, which what it is divided by may be nothing for."""
    if dual is not None:
        return dual
    return price / second if price and second and second > 0 else None
