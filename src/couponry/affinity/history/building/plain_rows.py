"""Columns of transactions in which nothing is odd: numbers as they are in memory, for the kernel that checks them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ....data.arrow_columns import one_array
from ....kernels.purchases_contract import GivenPurchases, PurchaseBounds
from ....utils.checks import LARGEST_NUMBER

WHOLE = frozenset(
    [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32()]
)
AMOUNTS = WHOLE | {pa.float32(), pa.float64()}

LAST_PERIOD = np.iinfo(np.int64).max
"""Until when rows are read where nothing is said."""

EXACT = 2.0**53 - 1
"""Whole numbers up to this size are the same as floating-point numbers."""


def plain_rows(
    table: pa.Table, whole: list[str | None], amounts: list[str | None]
) -> GivenPurchases | None:
    """Return the columns of transactions as arrays, if all of them are plain numbers without nulls.

    Parameters
    ----------
    table : pyarrow.Table
    whole : list of str or None
        Names of the columns of customers, products and periods. None: not asked for.
    amounts : list of str or None
        Of quantity, spend and discount. None: there is none.

    Returns
    -------
    GivenPurchases or None
        Without a copy.
    """
    found = []
    for names, kinds in ((whole, WHOLE), (amounts, AMOUNTS)):
        for name in names:
            column = None if name is None else table[name]
            if column is None:
                found.append(np.zeros(0))
                continue
            if pa.types.is_date32(column.type) and name == whole[2]:
                column = column.cast(pa.int32())
            if column.type not in kinds or column.null_count:
                return None
            found.append(np.require(one_array(column).to_numpy(), requirements="A"))
    return GivenPurchases(*found)


def bounds_of(
    given: GivenPurchases, products: int, until: int | None, most_spend: float
) -> PurchaseBounds:
    """Return what transactions have to lie between.

    Parameters
    ----------
    given : GivenPurchases
    products : int
        Products are below it.
    until : int or None
        Last period that is read.
    most_spend : float

    Returns
    -------
    PurchaseBounds
    """

    def most(values: NDArray[Any], size: float) -> float:
        return min(size, EXACT) if values.dtype.kind == "i" else size

    return PurchaseBounds(
        products,
        LAST_PERIOD if until is None else until,
        most(given.quantity, LARGEST_NUMBER),
        most(given.spend, most_spend),
        most(given.discount, LARGEST_NUMBER),
    )
