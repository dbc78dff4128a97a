"""What an allocation comes to by a column of offers or customers, by role, and for each customer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data.arrow_columns import labels
from ..data.roles import ROLES
from ..model.customers import Customers, check_column
from ..model.items import Items, column_names
from ..results.coupon_rows import as_they_came
from ..results.solution import CampaignSolution
from ..solver.plan import Plan
from ..utils.arrays.mapped_arrays import release_pages
from ..utils.arrays.ragged import ranges
from ..utils.checks import shown
from ..utils.errors import InvalidInput
from ..utils.parallel import parallel_map
from ..utils.suggestions import known_names

SUMMED = {"response": "redemptions", "cost": "cost", "value": "value"}
"""Columns of coupons that are added up, and what their sums are called."""


class CouponGroups(NamedTuple):
    """Groups of coupons.

    Attributes
    ----------
    values : list
        What each group has in common, in ascending order; None comes last: nothing.
    kind : pyarrow.DataType
        Of the values.
    of_coupons : callable
        Called as ``of_coupons(positions, customers)`` for coupons by their candidates' positions and customers'
        numbers; gives pairs of a coupon and a group that it is in, by coupon.
    """

    values: list[Any]
    kind: pa.DataType
    of_coupons: Callable[
        [NDArray[np.int64], NDArray[np.int64]], tuple[NDArray[np.int64], NDArray[np.int64]]
    ]


class GroupTotals(NamedTuple):
    """What the coupons of a block of customers come to in each group."""

    coupons: NDArray[np.int64]
    customers: NDArray[np.int64]
    sums: list[NDArray[np.float64]]

    @classmethod
    def zeros(cls, groups: int, sums: int) -> GroupTotals:
        """Nothing yet in any of some groups."""
        nothing = np.zeros(groups, np.int64), np.zeros(groups, np.int64)
        return cls(*nothing, [np.zeros(groups) for _ in range(sums)])

    def add(self, other: GroupTotals) -> None:
        """Add the totals of another block, in place."""
        self.coupons[:] += other.coupons
        self.customers[:] += other.customers
        for total, part in zip(self.sums, other.sums, strict=True):
            total += part


def breakdown(result: CampaignSolution, column: str, table: str | None = None) -> pa.Table:
    """Add up what an allocation comes to by a column; see `Result.by`.

    Parameters
    ----------
    result : CampaignSolution
    column : str
        Of offers or customers, or `role`.
    table : {"offers", "customers"}, optional
        Whose column it is. Default: that of offers, or else that of customers.

    Returns
    -------
    pyarrow.Table
        One row for each group.

    Raises
    ------
    InvalidInput
        If there is no such column, or the result has no allocation.
    """
    return breakdowns(result, [(column, table)])[0]


def breakdowns(
    result: CampaignSolution, columns: Sequence[tuple[str, str | None]]
) -> list[pa.Table]:
    """Add up what an allocation comes to by several columns, in one pass over it.

    Parameters
    ----------
    result : CampaignSolution
    columns : sequence of (str, str or None)
        Columns and their tables, as `breakdown` takes them.

    Returns
    -------
    list of pyarrow.Table
        For each column, one row for each group.

    Raises
    ------
    InvalidInput
        If there is no such column, or the result has no allocation.
    """
    plan = _plan_of(result, "by")
    groupings = [_grouping(result, column, table) for column, table in columns]
    totals = [GroupTotals.zeros(len(g.values), len(_summed(result))) for g in groupings]

    def of_block(block: tuple[NDArray[np.int64], NDArray[np.int64]]) -> list[GroupTotals]:
        positions, customers = block
        amounts = _amounts(result, positions)
        return [_totals(grouping, positions, customers, amounts) for grouping in groupings]

    for found in parallel_map(of_block, _given(result, plan), result.threads):
        for total, part in zip(totals, found, strict=True):
            total.add(part)
    names = [name for name, _ in columns]
    return [
        _table_of(result, name, grouping, total)
        for name, grouping, total in zip(names, groupings, totals, strict=True)
    ]


def _totals(
    grouping: CouponGroups,
    positions: NDArray[np.int64],
    customers: NDArray[np.int64],
    amounts: list[NDArray[np.float64]],
) -> GroupTotals:
    """What the coupons of a block, with what each adds to each sum, come to in each group."""
    size = len(grouping.values)
    coupon, group = grouping.of_coupons(positions, customers)
    return GroupTotals(
        np.bincount(group, minlength=size),
        _customers_of_groups(customers[coupon], group, size),
        [
            np.bincount(group, each[coupon], minlength=size).astype(np.float64, copy=False)
            for each in amounts
        ],
    )


def _table_of(
    result: CampaignSolution, column: str, grouping: CouponGroups, totals: GroupTotals
) -> pa.Table:
    """The totals of all groups as a table."""
    columns: dict[str, Any] = {
        column: pa.array(grouping.values, grouping.kind),
        "coupons": totals.coupons,
        "customers": totals.customers,
    }
    names = [SUMMED[name] for name in _summed(result)]
    made = pa.table(columns | dict(zip(names, totals.sums, strict=True)))
    # whoever has nothing in the column is a group of its own only where there is such a coupon
    return made if totals.coupons[-1] else made.slice(0, len(grouping.values) - 1)


def per_customer(result: CampaignSolution) -> pa.Table:
    """Add up what each customer got; see `Result.per_customer`.

    Parameters
    ----------
    result : CampaignSolution

    Returns
    -------
    pyarrow.Table
        One row for each customer who has candidates, in order.

    Raises
    ------
    InvalidInput
        If the result has no allocation.
    """
    coupons, sums = customer_totals(result)
    ids = as_they_came(result.campaign.candidates.customers, result.campaign.customer_type)
    return pa.table({"customer": ids, "coupons": coupons, **sums})


def customer_totals(
    result: CampaignSolution,
) -> tuple[NDArray[np.int32], dict[str, NDArray[np.float64]]]:
    """Add up what each customer got, by the customers' numbers.

    Parameters
    ----------
    result : CampaignSolution

    Returns
    -------
    coupons : ndarray of int32, shape (n_customers,)
    sums : dict of str to ndarray of float64, shape (n_customers,) each
        Of what coupons have: `redemptions`, `cost` and `value`.

    Raises
    ------
    InvalidInput
        If the result has no allocation.
    """
    plan = _plan_of(result, "per_customer")
    names = _summed(result)
    coupons = np.zeros(result.customers, np.int32)
    sums = [np.zeros(result.customers) for _ in names]

    def add(block: tuple[NDArray[np.int64], NDArray[np.int64]]) -> None:
        positions, customers = block
        if not len(customers):
            return
        first, last = int(customers[0]), int(customers[-1]) + 1
        coupons[first:last] = np.bincount(customers - first, minlength=last - first)
        for amounts, total in zip(_amounts(result, positions), sums, strict=True):
            total[first:last] = np.bincount(customers - first, amounts, last - first)

    for _ in parallel_map(add, _given(result, plan), result.threads):  # blocks share no customer
        pass
    return coupons, {SUMMED[name]: total for name, total in zip(names, sums, strict=True)}


def _plan_of(result: CampaignSolution, asked: str) -> Plan:
    if result.plan is None:
        raise InvalidInput(f"{asked}: expected an allocation, got a result that is {result.status}")
    return result.plan


def _summed(result: CampaignSolution) -> list[str]:
    """The columns that are added up, of those that coupons have."""
    have = result.campaign.coupon_columns()
    return [name for name in SUMMED if name in have]


def _given(
    result: CampaignSolution, plan: Plan
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The coupons of one block of customers after the other: positions of candidates, and numbers of customers."""
    problem = result.compiled.problem
    for start, _, chosen in plan.blocks():
        positions = problem.shard.indptr[start] + np.flatnonzero(chosen.view(bool))
        yield positions, problem.customer_of(positions)


def _customers_of_groups(
    customers: NDArray[np.int64], group: NDArray[np.int64], size: int
) -> NDArray[np.int64]:
    """Count the distinct customers in each group; coupons come by customer."""
    short = group.astype(np.min_scalar_type(size))  # which are sorted by counting
    order = np.argsort(short, kind="stable")
    group, customers = group[order], customers[order]
    is_first = np.ones(len(order), bool)
    is_first[1:] = (group[1:] != group[:-1]) | (customers[1:] != customers[:-1])
    return np.bincount(group[is_first], minlength=size)


def _amounts(result: CampaignSolution, positions: NDArray[np.int64]) -> list[NDArray[np.float64]]:
    """What each coupon adds to each sum."""
    found = [result.compiled.coupon_values(name, positions) for name in _summed(result)]
    if len(positions):
        part = slice(int(positions[0]), int(positions[-1]) + 1)
        release_pages(*(attribute[part] for attribute in result.compiled.problem.attributes))
    return [amounts for amounts in found if amounts is not None]


def _grouping(result: CampaignSolution, column: str, table: str | None) -> CouponGroups:
    """The groups that a column makes."""
    campaign = result.campaign
    has_roles = campaign.candidates.role is not None
    of_offers = column_names(campaign.offers, has_roles)
    of_customers = [] if campaign.customers is None else campaign.customers.column_names
    if table not in (None, "offers", "customers"):
        raise InvalidInput(f"by: table: expected 'offers' or 'customers', got {shown(table)}")
    if table == "customers" or (table is None and column not in of_offers):
        if column in of_customers:
            return _of_customers(result, column)
        if table == "customers":
            check_column(campaign.customers, column, "by")
    if column == "role" and has_roles and "role" not in campaign.offers.column_names:
        return _of_roles(result)
    if column not in of_offers:
        names = list(dict.fromkeys([*of_offers, *of_customers]))
        raise InvalidInput(
            f"by: neither offers nor customers have a column {shown(column)}"
            f"{known_names(column, names, 'columns')}"
        )
    return _of_offers(result, column)


def _of_offers(result: CampaignSolution, column: str) -> CouponGroups:
    """Groups of offers; an offer is in each group of its list, or in the last where it has no value."""
    offers = result.campaign.offers
    by_offer = Items(offers, np.arange(offers.num_rows), None, False)
    offer, group, values = by_offer.groups(column, "by")
    none = np.setdiff1d(np.arange(offers.num_rows), offer)
    offer = np.concatenate([offer, none])
    group = np.concatenate([group, np.full(len(none), len(values))])[
        np.argsort(offer, kind="stable")
    ]
    ptr = np.zeros(offers.num_rows + 1, np.int64)
    np.cumsum(np.bincount(offer, minlength=offers.num_rows), out=ptr[1:])

    def of_coupons(positions: NDArray[np.int64], customers: NDArray[np.int64]) -> Any:
        given = result.campaign.candidates.offer[positions].astype(np.int64)
        count = ptr[given + 1] - ptr[given]
        coupon = np.repeat(np.arange(len(positions)), count)
        return coupon, group[ranges(ptr[given], count)]

    kind = offers[column].type
    kind = kind.value_type if pa.types.is_nested(kind) or pa.types.is_dictionary(kind) else kind
    return CouponGroups([*values, None], kind, of_coupons)


def _of_roles(result: CampaignSolution) -> CouponGroups:
    role = result.campaign.candidates.role
    assert role is not None

    def of_coupons(positions: NDArray[np.int64], customers: NDArray[np.int64]) -> Any:
        code = role[positions].astype(np.int64) - 1
        return np.arange(len(positions)), np.where(code < 0, len(ROLES), code)

    return CouponGroups([*ROLES, None], pa.string(), of_coupons)


def _of_customers(result: CampaignSolution, column: str) -> CouponGroups:
    table = result.campaign.customers
    assert table is not None
    rows = Customers(table, result.campaign.candidates.customers).rows("by")
    code, values = labels(table[column], f"by: column {column!r} of customers")
    group = np.where(code < 0, len(values), code)[rows]

    def of_coupons(positions: NDArray[np.int64], customers: NDArray[np.int64]) -> Any:
        return np.arange(len(positions)), group[customers]

    kind = table[column].type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return CouponGroups([*values, None], kind, of_coupons)
