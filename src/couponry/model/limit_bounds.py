"""What compiling and verifying a campaign refuse alike of a limit: its table of bounds, and negative denominators."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from ..data import tables
from ..data.arrow_columns import labels
from ..utils.checks import shown
from ..utils.errors import InvalidInput
from .limits import Limit

GroupBounds = list[tuple[Any, float | None, float | None]]
"""Value, min and max of each group."""


def read_bounds(limit: Limit, values: list[Any]) -> GroupBounds:
    """Read the bounds of a limit's table.

    Parameters
    ----------
    limit : Limit
        One with a table.
    values : list
        Values of its column `by` in the offers, ascending.

    Returns
    -------
    list of (value, float or None, float or None)
        In the order of the table.

    Raises
    ------
    InvalidInput
        Where a value is missing or there twice, is of another type than the offers', or min is above max.
    """
    what = f"of {limit.label}"
    table = tables.as_table(limit.table, what)
    tables.require(table, what, str(limit.by))
    if not {"min", "max"} & set(table.column_names):
        raise InvalidInput(f"table {what}: expected a column 'min' or 'max', got neither")
    label = f"table {what}, column {limit.by!r}"
    code, distinct = labels(table[limit.by], label)
    if (code < 0).any():
        raise InvalidInput(f"{label}, row {int(code.argmin())}: expected a value, got null")
    keys = [distinct[number] for number in code.tolist()]
    if len(distinct) < len(keys):
        _, first = np.unique(code, return_index=True)
        row = int(np.setdiff1d(np.arange(len(code)), first)[0])
        raise InvalidInput(f"{label}, row {row}: {shown(keys[row])} is there twice")
    columns = {
        name: tables.numbers(table, what, name, nullable=True).tolist()
        if name in table.column_names
        else [math.nan] * len(keys)
        for name in ("min", "max")
    }
    bounds: GroupBounds = []
    for row, (key, low, high) in enumerate(zip(keys, columns["min"], columns["max"], strict=True)):
        if low > high:
            raise InvalidInput(f"table {what}, row {row}: min {low} is above max {high}")
        bounds.append((key, None if math.isnan(low) else low, None if math.isnan(high) else high))
    _refuse_other_keys(keys, values, limit)
    return bounds


def negative_denominator(limit: Limit, offer: Any) -> InvalidInput:
    """Return what a ratio to something negative is refused with: it has no meaning as a linear row.

    Parameters
    ----------
    limit : Limit
    offer : int or str
        Id of an offer that has a candidate with a negative second column.

    Returns
    -------
    InvalidInput
    """
    return InvalidInput(
        f"{limit.label}: ratio: expected {limit.columns()[1]!r} from 0 up, "
        f"got a negative one for offer {offer!r}"
    )


def _refuse_other_keys(keys: list[Any], values: list[Any], limit: Limit) -> None:
    """Refuse a table whose keys are of another type than the column of offers: they would meet no offer."""

    def kinds(of: list[Any]) -> set[type]:
        return {float if type(value) in (int, float) else type(value) for value in of}

    if keys and values and not kinds(keys) <= kinds(values):
        raise InvalidInput(
            f"table of {limit.label}, column {limit.by!r}: expected values like {values[0]!r} "
            f"as in table offers, got {keys[0]!r}"
        )
