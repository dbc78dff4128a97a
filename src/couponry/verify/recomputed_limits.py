"""What every limit asks of each of its groups, and what the coupons given come to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data import tables
from ..data.where.filters import rows_where
from ..model.limits import Limit
from .inputs import Inputs
from .rounding import ROUNDING, Floats, Integers, sum_by

Totals = dict[tuple[str, str], tuple[Floats, Floats]]


@dataclass(frozen=True)
class RecomputedLimit:
    """One limit for one group: what it asks, what was achieved, and how exact that is.

    Attributes
    ----------
    name : str
    group : str or None
        Value of the limit's `by` column, None for a limit without groups.
    sum : str
        Column that is summed; two with a slash for a ratio.
    min, max : float or None
    mode : {"hard", "soft", "report"}
    penalty : float
        Of a soft limit, per unit of violation.
    achieved : float
        NaN for a ratio to nothing.
    error : float
        Rounding bound of `achieved`.
    packed : float
        What a claim of `achieved` may admit to be off beyond that.
    """

    name: str
    group: str | None
    sum: str
    min: float | None
    max: float | None
    mode: str
    penalty: float
    achieved: float
    error: float
    packed: float

    @property
    def label(self) -> str:
        """Name and group, for messages."""
        return f"limit {self.name!r}" + ("" if self.group is None else f" [{self.group}]")

    @property
    def violation(self) -> float:
        """How far it is outside its bounds, in its own unit."""
        below = 0.0 if self.min is None else self.min - self.achieved
        above = 0.0 if self.max is None else self.achieved - self.max
        return 0.0 if math.isnan(self.achieved) else max(0.0, below, above)

    @property
    def tolerance(self) -> float:
        """How far it may seem to be outside its bounds by rounding alone."""
        return self.error + ROUNDING * max(abs(self.min or 0.0), abs(self.max or 0.0))


def recompute_limits(limits: list[Limit], inputs: Inputs, rows: Integers) -> list[RecomputedLimit]:
    """Recompute every limit, for each of its groups.

    Parameters
    ----------
    limits : list of Limit
    inputs : Inputs
    rows : ndarray of int64, shape (n_allocated,)
        Rows of the allocated candidates.

    Returns
    -------
    list of RecomputedLimit
    """
    totals: Totals = {}  # kept: many limits ask for the same
    return [one for limit in limits for one in _recompute(limit, inputs, rows, totals)]


def _recompute(
    limit: Limit, inputs: Inputs, rows: Integers, totals: Totals
) -> Iterator[RecomputedLimit]:
    """Yield a limit for each of its groups."""
    cell, group, values = inputs.groups(limit.by, limit.where, limit.label)
    number = {value: g for g, value in enumerate(values)}

    def by_group(total: Floats) -> list[float]:
        """In each group, and 0 at the end for one without offers."""
        sums: list[float] = sum_by(group, total[cell], len(values) + 1).tolist()
        return sums

    def packed_errors(column: str) -> list[float]:
        """What the groups' sums as packed may be off."""
        count = by_group(_totals("count", limit, inputs, rows, totals)[0])
        return [number * inputs.packed_error(column, limit.label) for number in count]

    columns, penalty = limit.columns(), float(limit.penalty or 0.0)
    name = " / ".join(columns)
    above, size = map(by_group, _totals(columns[0], limit, inputs, rows, totals))
    above_packed = packed_errors(columns[0])
    below, below_packed = [1.0] * len(above), [0.0] * len(above)
    if limit.ratio is not None:
        below = by_group(_totals(columns[1], limit, inputs, rows, totals)[0])
        below_packed = packed_errors(columns[1])
    for value, low, high in _bounds(limit, inputs, cell, group, values):
        g, label = number.get(value, len(values)), None if limit.by is None else str(value)
        achieved, error, packed = math.nan, 0.0, 0.0
        if below[g]:
            achieved, error = above[g] / below[g], ROUNDING * size[g] / abs(below[g])
            packed = (above_packed[g] + abs(achieved) * below_packed[g]) / abs(below[g])
        yield RecomputedLimit(
            limit.name, label, name, low, high, limit.mode, penalty, achieved, error, packed
        )


def _bounds(
    limit: Limit, inputs: Inputs, cell: Integers, group: Integers, values: list[Any]
) -> list[tuple[Any, float | None, float | None]]:
    """(value, min, max) of each group that a limit is about."""
    if limit.table is not None:
        return _bounds_of_table(limit)
    if limit.by is None:
        return [(None, limit.min, limit.max)]
    # any offer makes a group exist, whatever its candidates' roles; but a role is there only where candidates have it
    if limit.by == "role":
        there = group[inputs.seen[cell]]
    else:
        others = {name: test for name, test in limit.where.items() if name != "role"}
        _, there, _ = inputs.groups(limit.by, others, limit.label)
    return [(values[g], limit.min, limit.max) for g in np.unique(there)]


def _totals(
    column: str, limit: Limit, inputs: Inputs, rows: Integers, known: Totals
) -> tuple[Floats, Floats]:
    """Sums of a column and of its absolute values in each cell, over the customers that the limit is about."""
    key = (column, repr(sorted(limit.customers.items())))
    if key not in known:
        if limit.customers:
            row, table = inputs.customers.rows(limit.label), inputs.customers.table
            chosen = rows_where(table, "customers", limit.customers, limit.label, "customers")[row]
            rows = rows[chosen[inputs.customer[rows]]]
        cell, amount = inputs.cell(rows), inputs.column(column, rows, limit.label)
        total, size = (sum_by(cell, part, len(inputs.cells)) for part in (amount, np.abs(amount)))
        known[key] = total, size
    return known[key]


def _bounds_of_table(limit: Limit) -> list[tuple[Any, float | None, float | None]]:
    """(value, min, max) of each row of a limit's table."""
    table, what = limit.table, f"of {limit.label}"
    tables.require(table, what, str(limit.by))

    def bounds(name: str) -> list[float | None]:
        if name not in table.column_names:
            return [None] * len(table)
        numbers = tables.numbers(table, what, name, nullable=True).tolist()
        return [None if math.isnan(number) else number for number in numbers]

    return list(zip(table[limit.by].to_pylist(), bounds("min"), bounds("max"), strict=True))
