"""What an allocation comes to by a column of offers or customers, by role, and for each customer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..data.arrow_columns import labels
from ..data.roles import ROLES
from ..model.customers import Customers, check_column
from ..model.items import Items, column_names
from ..results.coupon_rows import as_they_came
from ..results.shortfalls import Choices
from ..utils.arrays.mapped_arrays import release_pages
from ..utils.arrays.ragged import ranges
from ..utils.checks import shown
from ..utils.errors import InvalidInput
from ..utils.parallel import parallel_map
from ..utils.suggestions import known_names
from .coupon_totals import (
    SUMMED,
    Allocated,
    CouponGroups,
    Coupons,
    CustomerTotals,
    GroupTotals,
    summed_columns,
)

GROUP = "group"
"""What a breakdown calls its groups where their column is called like one of its sums."""


def breakdown(result: Allocated, column: str, table: str | None = None) -> pa.Table:
    """Add up what an allocation comes to by a column; see `Result.by`.

    Parameters
    ----------
    result : Allocated
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
    return _added_up(result, [(column, table)], None)[0]


def breakdowns_and_customers(
    result: Allocated, columns: Sequence[tuple[str, str | None]]
) -> tuple[list[pa.Table], CustomerTotals]:
    """Add up what an allocation comes to by several columns, and for each customer, in one pass over it.

    Parameters
    ----------
    result : Allocated
    columns : sequence of (str, str or None)
        Columns and their tables, as `breakdown` takes them.

    Returns
    -------
    tables : list of pyarrow.Table
        For each column, one row for each group.
    customers : CustomerTotals

    Raises
    ------
    InvalidInput
        If there is no such column, or the result has no allocation.
    """
    customers = CustomerTotals.zeros(result)
    return _added_up(result, columns, customers), customers


def _added_up(
    result: Allocated,
    columns: Sequence[tuple[str, str | None]],
    of_customers: CustomerTotals | None,
) -> list[pa.Table]:
    """Tables by columns; what each customer got is added to `of_customers`."""
    plan = _plan_of(result, "by" if columns else "per_customer")
    groupings = [_grouping(result, column, table) for column, table in columns]
    totals = [GroupTotals.zeros(len(g.values), len(summed_columns(result))) for g in groupings]

    def of_block(block: tuple[NDArray[np.int64], NDArray[np.int64]]) -> list[GroupTotals]:
        coupons = Coupons(*block, _amounts(result, block[0]))
        if of_customers is not None:
            of_customers.set(coupons)
        return [coupons.totals(grouping) for grouping in groupings]

    for found in parallel_map(of_block, _given(result, plan), result.threads):
        for total, part in zip(totals, found, strict=True):
            total.add(part)
    names = [name for name, _ in columns]
    return [
        _table_of(result, name, grouping, total)
        for name, grouping, total in zip(names, groupings, totals, strict=True)
    ]


def _table_of(
    result: Allocated, column: str, grouping: CouponGroups, totals: GroupTotals
) -> pa.Table:
    """The totals of all groups as a table."""
    names = [SUMMED[name] for name in summed_columns(result)]
    sums = {
        "coupons": totals.coupons,
        "customers": totals.customers,
        **dict(zip(names, totals.sums, strict=True)),
    }
    group = GROUP if column in sums else column
    made = pa.table({group: pa.array(grouping.values, grouping.kind), **sums})
    # whoever has nothing in the column is a group of its own only where there is such a coupon
    return made if totals.coupons[-1] else made.slice(0, len(grouping.values) - 1)


def per_customer(result: Allocated) -> pa.Table:
    """Add up what each customer got; see `Result.per_customer`.

    Parameters
    ----------
    result : Allocated

    Returns
    -------
    pyarrow.Table
        One row for each customer who has candidates, in order.

    Raises
    ------
    InvalidInput
        If the result has no allocation.
    """
    totals = CustomerTotals.zeros(result)
    _added_up(result, (), totals)
    ids = as_they_came(result.campaign.candidates.customers, result.campaign.customer_type)
    columns: dict[str, Any] = {"customer": ids}
    units = result.campaign.units
    if units is not None:
        columns[units.column] = units.names_of(np.arange(len(ids)))
    return pa.table({**columns, "coupons": totals.coupons, **totals.sums})


def _plan_of(result: Allocated, asked: str) -> Choices:
    if result.plan is None:
        raise InvalidInput(f"{asked}: expected an allocation, got a result that is {result.status}")
    return result.plan


def _given(
    result: Allocated, plan: Choices
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The coupons of one block of customers after the other: positions of candidates, and numbers of customers."""
    for start, _, chosen in plan.blocks():
        positions = result.compiled.given(start, chosen)
        yield positions, result.campaign.candidates.customer_of(positions)


def _amounts(result: Allocated, positions: NDArray[np.int64]) -> list[NDArray[np.float64]]:
    """What each coupon adds to each sum."""
    found = result.compiled.coupon_values(summed_columns(result), positions)
    if len(positions):
        part = slice(int(positions[0]), int(positions[-1]) + 1)
        known = result.compiled.amounts.attributes.values()
        release_pages(*(attribute.values[part] for attribute in known))
    return list(found.values())


def _grouping(result: Allocated, column: str, table: str | None) -> CouponGroups:
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


def _of_offers(result: Allocated, column: str) -> CouponGroups:
    """Groups of offers; an offer is in each group of its list, or in the last where it has no value."""
    offers = result.campaign.offers
    by_offer = Items(offers, np.arange(offers.num_rows), None, False)
    offer, group, values = by_offer.groups(column, "by")
    none = np.setdiff1d(np.arange(offers.num_rows), offer)
    offer = np.concatenate([offer, none])
    group = np.concatenate([group, np.full(len(none), len(values))])[
        np.argsort(offer, kind="stable")
    ]
    count_of = np.bincount(offer, minlength=offers.num_rows)
    ptr = np.zeros(offers.num_rows + 1, np.int64)
    np.cumsum(count_of, out=ptr[1:])
    in_one = bool((count_of == 1).all())

    def of_coupons(positions: NDArray[np.int64], customers: NDArray[np.int64]) -> Any:
        given = result.campaign.candidates.offer[positions]
        if in_one:
            return None, group[given]
        count = count_of[given]
        return np.repeat(np.arange(len(positions)), count), group[ranges(ptr[given], count)]

    kind = offers[column].type
    kind = kind.value_type if pa.types.is_nested(kind) or pa.types.is_dictionary(kind) else kind
    return CouponGroups([*values, None], kind, of_coupons)


def _of_roles(result: Allocated) -> CouponGroups:
    role = result.campaign.candidates.role
    assert role is not None

    def of_coupons(positions: NDArray[np.int64], customers: NDArray[np.int64]) -> Any:
        code = role[positions].astype(np.int64) - 1
        return None, np.where(code < 0, len(ROLES), code)

    return CouponGroups([*ROLES, None], pa.string(), of_coupons)


def _of_customers(result: Allocated, column: str) -> CouponGroups:
    table = result.campaign.customers
    assert table is not None
    rows = Customers(table, result.campaign.candidates.customers).rows("by")
    code, values = labels(table[column], f"by: column {column!r} of customers")
    group = np.where(code < 0, len(values), code)[rows]

    def of_coupons(positions: NDArray[np.int64], customers: NDArray[np.int64]) -> Any:
        return None, group[customers]

    kind = table[column].type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return CouponGroups([*values, None], kind, of_coupons)
