"""Columns that say what a coupon is worth and costs, and which columns of customers can be summed beside them."""

from __future__ import annotations

from collections.abc import Iterable

MONEY = ("issue_cost", "face_value", "margin")
"""Columns that the default cost and value are made of, beside the response."""

COUPON_COLUMNS = ("value", "response", "cost")
"""What the allocation says of each coupon, where it exists."""

NOT_OF_CUSTOMERS = {"count", *COUPON_COLUMNS, *MONEY, "customer", "offer", "role", "mandatory"}
"""What is never looked for among columns of customers: it means something of coupons, or is no number to sum."""


def summable(columns: Iterable[str]) -> list[str]:
    """List the columns of customers that limits and the objective may sum.

    Parameters
    ----------
    columns : iterable of str
        All columns of the table customers.

    Returns
    -------
    list of str
    """
    return [name for name in columns if name not in NOT_OF_CUSTOMERS]
