"""What every limit asks of each of its groups, and what the coupons given come to."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import tables
from ..limits import Limit, Measure
from .cells import about, groups
from .given import Given
from .rounding import ROUNDING, Floats, Integers, sum_by

Asked = tuple[Any, float | None, float | None]  # a group's value, min, max


@dataclass(frozen=True)
class Measured(Measure):
    """One limit for one group: what is asked, what it comes to (NaN: a ratio to nothing), and how exact that is."""

    achieved: float
    error: float

    @property
    def key(self) -> tuple[str, str | None, str]:
        return self.name, self.group, self.sum

    @property
    def label(self) -> str:
        return f"limit {self.name!r}" + ("" if self.group is None else f" [{self.group}]")

    @property
    def missed(self) -> float:
        """How far it is outside its bounds, in its own unit."""
        if math.isnan(self.achieved):
            return 0.0
        below = 0.0 if self.min is None else self.min - self.achieved
        above = 0.0 if self.max is None else self.achieved - self.max
        return max(0.0, below, above)

    @property
    def tolerance(self) -> float:
        """How far it may seem to be outside its bounds by rounding alone."""
        sizes = [abs(bound) for bound in (self.min, self.max) if bound is not None]
        return self.error + ROUNDING * max(sizes, default=0.0)


def measure(limits: Sequence[Limit], given: Given, rows: Integers) -> list[Measured]:
    """Every limit, for each of its groups, over the candidates in these rows."""
    totals = _Totals(given, rows)
    return [measured for limit in limits for measured in _measure(limit, given, totals)]


class _Totals:
    """Sums of columns and of their absolute values in each cell, kept for the limits that share them."""

    def __init__(self, given: Given, rows: Integers):
        self._given = given
        self._rows = rows
        self._known: dict[tuple[str, str], tuple[Floats, Floats]] = {}

    def of(self, column: str, limit: Limit) -> tuple[Floats, Floats]:
        """Both sums of a column (cells), over the customers that the limit is about."""
        key = (column, repr(sorted(limit.customers.items())))
        if key not in self._known:
            given, rows = self._given, self._rows
            if limit.customers:
                chosen = given.customers_where(limit.customers, limit.label)
                rows = rows[chosen[given.customer[rows]]]
            amount, cell = given.column(column, rows, limit.label), given.cell(rows)
            size = sum_by(cell, np.abs(amount), given.cells)
            self._known[key] = sum_by(cell, amount, given.cells), size
        return self._known[key]


def _measure(limit: Limit, given: Given, totals: _Totals) -> Iterator[Measured]:
    chosen = about(given, limit.where, limit.label)
    cell, group, values = groups(given, limit.by, limit.label)
    cell, group = cell[chosen[cell]], group[chosen[cell]]

    def by_group(total: Floats) -> list[float]:
        """In each group, and 0 at the end for one without offers."""
        return sum_by(group, total[cell], len(values) + 1).tolist()

    above, size = map(by_group, totals.of(limit.columns()[0], limit))
    below = [1.0] * len(above)
    if limit.ratio is not None:
        below = by_group(totals.of(limit.ratio[1], limit)[0])
    if limit.table is not None:
        asked = _bounds(limit)
    elif limit.by is None:
        asked = [(None, limit.min, limit.max)]
    else:
        # any offer makes a group exist, but a role only where candidates have it
        if given.has_roles and (limit.by == "role" or "role" in limit.where):
            group = group[given.seen[cell]]
        asked = [(values[g], limit.min, limit.max) for g in np.unique(group)]
    number = {value: g for g, value in enumerate(values)}
    for value, low, high in asked:
        g = number.get(value, len(values))
        yield Measured(
            limit.name,
            None if limit.by is None else str(value),
            " / ".join(limit.columns()),
            low,
            high,
            limit.mode,
            float(limit.penalty or 0.0),
            above[g] / below[g] if below[g] else math.nan,
            ROUNDING * size[g] / abs(below[g]) if below[g] else 0.0,
        )


def _bounds(limit: Limit) -> list[Asked]:
    """The bounds that a limit's table gives."""
    table, what = limit.table, f"of {limit.label}"
    tables.require(table, what, str(limit.by))
    bounds: dict[str, list[float | None]] = {}
    for name in ("min", "max"):
        bounds[name] = [None] * table.num_rows
        if name in table.column_names:
            numbers = tables.numbers(table, what, name, nullable=True).tolist()
            bounds[name] = [None if math.isnan(number) else number for number in numbers]
    return list(zip(table[limit.by].to_pylist(), bounds["min"], bounds["max"], strict=True))
