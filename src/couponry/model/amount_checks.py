"""Checks of the columns of offers that are summed, or that the allocation states, before anything is solved."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import pyarrow as pa

from ..data import tables
from .compiling.coupon_columns import COUPON_COLUMNS, MONEY
from .limits import Limit

PARTS = {
    "value": ("response", "margin", "face_value", "issue_cost"),
    "cost": ("response", "face_value", "issue_cost"),
}
"""What columns that are missing follow from."""


def check_amounts(
    offers: pa.Table, of_candidates: Collection[str], value: str, limits: Iterable[Limit]
) -> None:
    """Refuse columns of offers that are needed as numbers and are none.

    They are needed where the objective or a limit sums them, and where the allocation states value, response or cost:
    a price that is no number would else be found after the solve.

    Parameters
    ----------
    offers : pyarrow.Table
    of_candidates : collection of str
        Columns of the candidates table: these come first, and are checked where they are read.
    value : str
        The column whose sum is maximised.
    limits : iterable of Limit

    Raises
    ------
    InvalidInput
    """
    have = {*of_candidates, *offers.column_names}
    stated = have & set(COUPON_COLUMNS)
    needed = {value, *stated, *(column for limit in limits for column in limit.columns())}
    if "response" in have:
        needed.add("value")
    if have & set(MONEY):
        needed.add("cost")
    for name in needed - have:
        needed = needed | set(PARTS.get(name, ()))
    for name in offers.column_names:
        if name in needed and name not in of_candidates:
            numbers = tables.numbers(offers, "offers", name)
            if name == "response":
                tables.check_probabilities(numbers, "offers", name)
