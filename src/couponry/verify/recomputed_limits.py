"""What every limit asks of each of its groups, and what the coupons given come to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..data.where.filters import rows_where
from ..model.limit_bounds import GroupBounds, negative_denominator, read_bounds
from ..model.limits import Limit
from .block import Addition, Block
from .cell_sums import CellSums
from .inputs import Inputs
from .rounding import PACKED_ROUNDING, ROUNDING, Floats, Integers, Mask, sum_by

Sums = dict[tuple[str, str], tuple[CellSums, CellSums]]
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
    second_sum : float
        Of a ratio: what its second column comes to; else NaN.
    second_error : float
        What a claim of `second_sum` may be off if `achieved` admits an error.
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
    second_sum: float
    second_error: float

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


class LimitSums:
    """Sums what the coupons given come to in every limit, a block of customers at a time.

    Parameters
    ----------
    inputs : Inputs
        The tables of the campaign.

    Attributes
    ----------
    groups : list of AskedGroups
        Of each limit.
    """

    def __init__(self, inputs: Inputs):
        self._inputs = inputs
        n_cells = len(inputs.cells)
        self._sums: Sums = {}  # shared: many limits ask for the same
        self._totals: Totals = {}
        self._chosen: dict[str, Mask | None] = {}
        self._span: dict[str, tuple[float, float]] = {}
        self._denominators = {x.columns()[1] for x in inputs.data.limits if x.ratio is not None}
        self._negative: dict[str, int] = {}  # the first offer where one is
        for limit in inputs.data.limits:
            who = _who(limit)
            if who not in self._chosen:
                self._chosen[who] = chosen_customers(limit, inputs)
        self.groups = []
        for limit in inputs.data.limits:
            who = _who(limit)
            self.groups.append(AskedGroups.of(limit, inputs))
            for column in limit.columns():
                inputs.refuse_missing(column, limit.label)
            for column in ("count", *limit.columns()):
                if (column, who) not in self._sums:
                    self._sums[column, who] = CellSums(n_cells), CellSums(n_cells)
                self._span.setdefault(column, (math.inf, -math.inf))

    def chosen(self, limit: Limit) -> Mask | None:
        """Return the customers whom a limit is about.

        Parameters
        ----------
        limit : Limit

        Returns
        -------
        ndarray of bool, shape (n_customers,), or None
            None: all.
        """
        return self._chosen[_who(limit)]

    def examine(self, block: Block, rows: Integers) -> Addition:
        """Look up what the coupons of a block come to.

        Parameters
        ----------
        block : Block
        rows : ndarray of int64, shape (n_allocated,)
            Rows of the allocated candidates.

        Returns
        -------
        Addition
        """
        spans = {
            name: (float(every.min()), float(every.max()))
            for name, every in self._every(block).items()
        }
        negative = {
            name: int(block.offer[every < 0].min())
            for name, every in self._every(block).items()
            if name in self._denominators and spans[name][0] < 0
        }
        amounts = {name: block.amounts(name, rows, "limits") for name in self._span}
        customer, cell = block.start + block.customer[rows], block.cell(rows)
        chosen = {
            who: None if mask is None else np.flatnonzero(mask[customer])
            for who, mask in self._chosen.items()
        }

        def add() -> None:
            for name, (low, high) in spans.items():
                least, most = self._span[name]
                self._span[name] = min(least, low), max(most, high)
            for name, offer in negative.items():
                self._negative[name] = min(offer, self._negative.get(name, offer))
            for (name, who), sums in self._sums.items():
                some = chosen[who]
                for total, amount in zip(sums, amounts[name], strict=True):
                    if some is None:
                        total.add(customer, cell, amount)
                    else:
                        total.add(customer[some], cell[some], amount[some])

        return add

    def _every(self, block: Block) -> dict[str, Floats]:
        """Columns of all candidates of a block; they may differ from one to another."""
        return {name: block.whole(name, "limits") for name in self._span if name != "count"}

    def finish(self) -> list[RecomputedLimit]:
        """Return every limit, for each of its groups.

        Returns
        -------
        list of RecomputedLimit

        Raises
        ------
        InvalidInput
            If a ratio is to something negative.
        """
        for limit in self._inputs.data.limits:
            offer = self._negative.get(limit.columns()[-1]) if limit.ratio is not None else None
            if offer is not None:
                raise negative_denominator(limit, self._inputs.offer_ids[offer].as_py())
        for key, (total, size) in self._sums.items():
            self._totals[key] = total.finish(), size.finish()
        return [one for groups in self.groups for one in self._recomputed(groups)]

    def _recomputed(self, groups: AskedGroups) -> Iterator[RecomputedLimit]:
        """Yield a limit for each of its groups."""
        limit, who = groups.limit, _who(groups.limit)

        def by_group(total: Floats) -> list[float]:
            """In each group, and 0 at the end for one without offers."""
            sums: list[float] = groups.sums(total).tolist()
            return sums

        def packed_errors(column: str) -> list[float]:
            """What the groups' sums as packed may be off."""
            low, high = self._span[column]
            each = PACKED_ROUNDING * (high - low) if high > low else 0.0
            return [number * each for number in by_group(self._totals["count", who][0])]

        columns, penalty = limit.columns(), float(limit.penalty or 0.0)
        name = " / ".join(columns)
        above, size = map(by_group, self._totals[columns[0], who])
        above_packed = packed_errors(columns[0])
        below, below_packed = [1.0] * len(above), [0.0] * len(above)
        if limit.ratio is not None:
            below = by_group(self._totals[columns[1], who][0])
            below_packed = packed_errors(columns[1])
        for g, label, low, high in groups.bounds:
            achieved, error, packed = math.nan, 0.0, 0.0
            if below[g]:
                achieved, error = above[g] / below[g], ROUNDING * size[g] / abs(below[g])
                packed = (above_packed[g] + abs(achieved) * below_packed[g]) / abs(below[g])
            second = below[g] if limit.ratio is not None else math.nan
            yield RecomputedLimit(
                limit.name,
                label,
                name,
                low,
                high,
                limit.mode,
                penalty,
                achieved,
                error,
                packed,
                second,
                2 * below_packed[g],
            )


@dataclass(frozen=True)
class AskedGroups:
    """The groups of a limit, and what it asks of each.

    Attributes
    ----------
    limit : Limit
    cell, group : ndarray of int64, shape (n_pairs,)
        A cell that it is about, and the number of a group that it is in.
    size : int
        Number of groups; one more stands for groups without offers.
    bounds : list of (int, str or None, float or None, float or None)
        Number, label, min and max of each group that it is about.
    """

    limit: Limit
    cell: Integers
    group: Integers
    size: int
    bounds: list[tuple[int, str | None, float | None, float | None]]

    @classmethod
    def of(cls, limit: Limit, inputs: Inputs) -> AskedGroups:
        """Read the groups of a limit.

        Parameters
        ----------
        limit : Limit
        inputs : Inputs
            The tables of the campaign.

        Returns
        -------
        AskedGroups
        """
        cell, group, values = inputs.groups(limit.by, limit.where, limit.label)
        number = {value: g for g, value in enumerate(values)}
        bounds = [
            (number.get(value, len(values)), None if limit.by is None else str(value), low, high)
            for value, low, high in _bounds(limit, inputs, cell, group, values)
        ]
        return cls(limit, cell, group, len(values), bounds)

    def sums(self, total: Floats) -> Floats:
        """Sum amounts of cells by group.

        Parameters
        ----------
        total : ndarray of float64, shape (n_cells,)

        Returns
        -------
        ndarray of float64, shape (size + 1,)
        """
        return sum_by(self.group, total[self.cell], self.size + 1)


def chosen_customers(limit: Limit, inputs: Inputs) -> Mask | None:
    """Return the customers whom a limit is about.

    Parameters
    ----------
    limit : Limit
    inputs : Inputs
        The tables of the campaign.

    Returns
    -------
    ndarray of bool, shape (n_customers,), or None
        None: all.
    """
    if not limit.customers:
        return None
    row, table = inputs.customers.rows(limit.label), inputs.customers.table
    return rows_where(table, "customers", limit.customers, limit.label, "customers")[row]


def _who(limit: Limit) -> str:
    """The customers whom a limit is about, as a key."""
    return repr(sorted(limit.customers.items()))


def _bounds(
    limit: Limit, inputs: Inputs, cell: Integers, group: Integers, values: list[Any]
) -> GroupBounds:
    """(value, min, max) of each group that a limit is about."""
    if limit.table is not None:
        return read_bounds(limit, values if limit.by == "role" else sorted(values))
    if limit.by is None:
        return [(None, limit.min, limit.max)]
    # any offer makes a group exist, whatever its candidates' roles; but a role is there only where candidates have it
    if limit.by == "role":
        there = group[inputs.seen[cell]]
    else:
        others = {name: test for name, test in limit.where.items() if name != "role"}
        _, there, _ = inputs.groups(limit.by, others, limit.label)
    return [(values[g], limit.min, limit.max) for g in np.unique(there)]
