"""What every limit asks of each of its groups, and what the coupons given come to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..model.limit_bounds import negative_denominator
from .block import Addition, Block
from .inputs import Inputs
from .limit_sums.cell_sums import CellSums
from .limit_sums.limit_groups import AskedGroups, PartedCustomers, SummedCells
from .rounding import PACKED_ROUNDING, ROUNDING, Floats, Integers

Sums = dict[tuple[str, str], tuple[CellSums, CellSums]]
Totals = dict[tuple[str, str], tuple[Floats, Floats]]


@dataclass(frozen=True)
class RecomputedLimit:
    """One limit for one group: what it asks, what was achieved, and how exact that is.

    Attributes
    ----------
    name : str
    group : str or None
        What the group is called, None for a limit without groups.
    sum : str
        What is summed, as `Limit.sum_text` has it.
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
        Of what is divided: what the second sum comes to; else NaN.
    second_error : float
        What a claim of `second_sum` may be off if `achieved` admits an error.
    resolution : float
        What a typical coupon of those given moves it by.
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
    resolution: float

    def binds(self, off: float) -> bool | None:
        """Whether it is at a bound, as near as a coupon comes to it; None where that is so up to rounding alone.

        Parameters
        ----------
        off : float
            What `achieved` may be off.
        """
        if self.mode == "report" or math.isnan(self.achieved):
            return False
        ends = [] if self.min is None else [self.achieved - self.min]
        ends += [] if self.max is None else [self.max - self.achieved]
        distance, near = min(ends, default=math.inf), off + 4 * self.tolerance
        if abs(distance - self.resolution) <= near or near / 16 < distance <= near:
            return None
        return distance <= near or distance < self.resolution

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
        self._n_cells = len(inputs.cells)
        self._sums: Sums = {}  # shared: many limits ask for the same
        self._totals: Totals = {}
        self._parted: dict[str, PartedCustomers] = {}
        self._span: dict[str, tuple[float, float]] = {}
        self._denominators = {x.below for x in inputs.data.limits if x.below is not None}
        self._negative: dict[str, int] = {}  # the first offer where one is
        self.groups = []
        for limit in inputs.data.limits:
            groups = AskedGroups.of(limit, inputs)
            self.groups.append(groups)
            for column in limit.columns():
                inputs.refuse_missing(column, limit.label)
            for cells in (groups.own, groups.whole):
                self._parted.setdefault(cells.customers.key, cells.customers)
                size = (cells.shape[0] - 1) * self._n_cells
                for column in ("count", *limit.columns()):
                    self._span.setdefault(column, (math.inf, -math.inf))
                    if (column, cells.customers.key) not in self._sums:
                        sums = CellSums(size), CellSums(size)
                        self._sums[column, cells.customers.key] = sums

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
            who: None if parted.part is None else np.flatnonzero(parted.part[customer] >= 0)
            for who, parted in self._parted.items()
        }
        cells = {
            who: cell
            if some is None
            else self._parted[who].cells(customer[some], cell[some], self._n_cells)
            for who, some in chosen.items()
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
                        total.add(customer[some], cells[who], amount[some])

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
            offer = None if limit.below is None else self._negative.get(limit.below)
            if offer is not None:
                raise negative_denominator(limit, self._inputs.offer_ids[offer].as_py())
        for key, (total, size) in self._sums.items():
            self._totals[key] = total.finish(), size.finish()
        return [one for groups in self.groups for one in self._recomputed(groups)]

    def _recomputed(self, groups: AskedGroups) -> Iterator[RecomputedLimit]:
        """Yield a limit for each of its groups."""
        limit, own, whole = groups.limit, groups.own, groups.whole
        columns, penalty = limit.columns(), float(limit.penalty or 0.0)

        def packed_errors(column: str, cells: SummedCells) -> Floats:
            """What the sums as packed may be off."""
            low, high = self._span[column]
            each = PACKED_ROUNDING * (high - low) if high > low else 0.0
            return cells.sums(self._totals["count", cells.customers.key][0]) * each

        above, size = (
            own.sums(total)[groups.place].tolist()
            for total in self._totals[columns[0], own.customers.key]
        )
        coupons, of_whole_coupons = (
            cells.sums(self._totals["count", cells.customers.key][0])[places].tolist()
            for cells, places in ((own, groups.place), (whole, groups.whole_place))
        )
        above_packed = packed_errors(columns[0], own)[groups.place].tolist()
        below, below_packed = [1.0] * len(above), [0.0] * len(above)
        if limit.is_divided:
            of_whole = whole.sums(self._totals[columns[-1], whole.customers.key][0])
            below = (groups.factor * of_whole[groups.whole_place]).tolist()
            off = packed_errors(columns[-1], whole)
            below_packed = (groups.factor * off[groups.whole_place]).tolist()
        for g, (label, low, high) in enumerate(groups.bounds):
            achieved, error, packed = math.nan, 0.0, 0.0
            if below[g]:
                achieved, error = above[g] / below[g], ROUNDING * size[g] / abs(below[g])
                packed = (above_packed[g] + abs(achieved) * below_packed[g]) / abs(below[g])
            second = below[g] if limit.is_divided else math.nan
            each = abs(above[g]) / coupons[g] if coupons[g] else 0.0
            if limit.is_divided:
                each = each / below[g] if below[g] else 0.0
                each += (
                    abs(achieved) / of_whole_coupons[g] if below[g] and of_whole_coupons[g] else 0.0
                )
            yield RecomputedLimit(
                limit.name,
                label,
                limit.sum_text(),
                low,
                high,
                limit.mode,
                penalty,
                achieved,
                error,
                packed,
                second,
                2 * below_packed[g],
                each,
            )
