"""What every limit asks of each of its groups, and what the coupons given come to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data import tables
from ..data.filters import rows_where
from ..model.compile_limits import Measure
from ..model.limits import Limit
from .inputs import Given
from .rounding import ROUNDING, Floats, Integers, sum_by

Totals = dict[tuple[str, str], tuple[Floats, Floats]]


@dataclass(frozen=True)
class Measured(Measure):
    """One limit for one group: what is asked, what it comes to (NaN: a ratio to nothing), and how exact that is.

    packed: what a claim of it may admit to be off, beyond that.
    """

    achieved: float
    error: float
    packed: float

    @property
    def label(self) -> str:
        return f"limit {self.name!r}" + ("" if self.group is None else f" [{self.group}]")

    @property
    def missed(self) -> float:
        """How far it is outside its bounds, in its own unit."""
        below = 0.0 if self.min is None else self.min - self.achieved
        above = 0.0 if self.max is None else self.achieved - self.max
        return 0.0 if math.isnan(self.achieved) else max(0.0, below, above)

    @property
    def tolerance(self) -> float:
        """How far it may seem to be outside its bounds by rounding alone."""
        return self.error + ROUNDING * max(abs(self.min or 0.0), abs(self.max or 0.0))


def measure(limits: list[Limit], given: Given, rows: Integers) -> list[Measured]:
    """Every limit, for each of its groups, over the candidates in these rows."""
    totals: Totals = {}  # kept: many limits ask for the same
    return [one for limit in limits for one in _measure(limit, given, rows, totals)]


def _measure(limit: Limit, given: Given, rows: Integers, totals: Totals) -> Iterator[Measured]:
    cell, group, values = given.groups(limit.by, limit.where, limit.label)
    number = {value: g for g, value in enumerate(values)}

    def by_group(total: Floats) -> list[float]:
        """In each group, and 0 at the end for one without offers."""
        return sum_by(group, total[cell], len(values) + 1).tolist()

    def traces(column: str) -> list[float]:
        """What the groups' sums as packed may be off."""
        count = by_group(_totals("count", limit, given, rows, totals)[0])
        return [number * given.packed_error(column, limit.label) for number in count]

    columns, penalty = limit.columns(), float(limit.penalty or 0.0)
    name = " / ".join(columns)
    above, size = map(by_group, _totals(columns[0], limit, given, rows, totals))
    trace = traces(columns[0])
    below, trace_below = [1.0] * len(above), [0.0] * len(above)
    if limit.ratio is not None:
        below = by_group(_totals(columns[1], limit, given, rows, totals)[0])
        trace_below = traces(columns[1])
    if limit.table is not None:
        asked = _bounds(limit)
    elif limit.by is None:
        asked = [(None, limit.min, limit.max)]
    else:  # any offer makes a group exist, but a role only where candidates have it
        asks = limit.by == "role" or "role" in limit.where
        there = np.unique(group[given.seen[cell]] if asks else group)
        asked = [(values[g], limit.min, limit.max) for g in there]
    for value, low, high in asked:
        g, label = number.get(value, len(values)), None if limit.by is None else str(value)
        achieved, error, packed = math.nan, 0.0, 0.0
        if below[g]:
            achieved, error = above[g] / below[g], ROUNDING * size[g] / abs(below[g])
            packed = (trace[g] + abs(achieved) * trace_below[g]) / abs(below[g])
        yield Measured(
            limit.name, label, name, low, high, limit.mode, penalty, achieved, error, packed
        )


def _totals(
    column: str, limit: Limit, given: Given, rows: Integers, known: Totals
) -> tuple[Floats, Floats]:
    """Sums of a column and of its absolute values in each cell, over the customers that the limit is about."""
    key = (column, repr(sorted(limit.customers.items())))
    if key not in known:
        if limit.customers:
            row, table = given.customers.rows(limit.label), given.customers.table
            chosen = rows_where(table, "customers", limit.customers, limit.label)[row]
            rows = rows[chosen[given.customer[rows]]]
        cell, amount = given.cell(rows), given.column(column, rows, limit.label)
        total, size = (sum_by(cell, part, len(given.cells)) for part in (amount, np.abs(amount)))
        known[key] = total, size
    return known[key]


def _bounds(limit: Limit) -> list[tuple[Any, float | None, float | None]]:
    """The bounds that a limit's table gives: (value, min, max)."""
    table, what = limit.table, f"of {limit.label}"
    tables.require(table, what, str(limit.by))

    def bounds(name: str) -> list[float | None]:
        if name not in table.column_names:
            return [None] * len(table)
        numbers = tables.numbers(table, what, name, nullable=True).tolist()
        return [None if math.isnan(number) else number for number in numbers]

    return list(zip(table[limit.by].to_pylist(), bounds("min"), bounds("max"), strict=True))
