"""How far the prices of limits hold: each bound moved, and the campaign decided again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa

from .. import kernels
from ..engines.local import LocalEngine
from ..model.campaign_data import CampaignData
from ..model.changes import changed
from ..results.options import SolveOptions
from ..results.solution import CampaignSolution
from ..results.solve import solve
from ..solver.dual.bound_sensitivity import Minimum, Sensitivity
from ..utils.checks import did_you_mean
from ..utils.clock import Clock
from ..utils.errors import InvalidInput
from ..utils.html import rows_table
from ..utils.threads import thread_count

SHORTER = (1.0, 0.25)  # of the move, one after the other, until the price holds
SHARE = 0.02  # of what a move is worth, that its measurement may be off, where that can be had
LEAST = 1e-9  # of the objective: no minimum is looked for more closely
DOUBTED = 2.0  # what the minimum's model says is left, times so much
EXACT_GAP = 1e-6, 1e-4  # asked of solves of small campaigns, at least and at most
FEW_CANDIDATES = 20_000  # up to here always at least
COLUMNS = {
    "limit": pa.string(),
    "group": pa.string(),
    "side": pa.string(),
    "bound": pa.float64(),
    "price": pa.float64(),
    "moved_to": pa.float64(),
    "predicted": pa.float64(),
    "change": pa.float64(),
    "error": pa.float64(),
    "per_unit": pa.float64(),
    "lowest": pa.float64(),
    "highest": pa.float64(),
    "agrees": pa.bool_(),
    "holds_to": pa.float64(),
}


@dataclass(frozen=True)
class PriceRanges:
    """What moves of bounds are worth, beside what prices predict.

    tolerance: share of its price by which a unit's worth may differ from it for the price to hold.
    table: a row for each limit and direction: limit, group, side (min or max), bound; price (what the result says one
    more unit of the bound is worth); moved_to; predicted (price times the move); change (of the best objective of the
    relaxed campaign, found by deciding it again); error (what `change` may be off, as far as is known); per_unit (the
    change by unit of the bound); lowest and highest (what a unit is worth on the way, error included: the prices at
    both ends); agrees (per_unit is the price within the tolerance); holds_to (the furthest bound that was tried at
    which it did; null: none).
    """

    tolerance: float
    table: pa.Table = field(repr=False)

    def to_arrow(self) -> pa.Table:
        """The table."""
        return self.table

    def summary(self) -> str:
        """A line for each limit and direction."""
        lines = []
        for row in self.table.to_pylist():
            group = "" if row["group"] is None else f" [{row['group']}]"
            holds = "does not hold that near"
            if row["holds_to"] is not None:
                holds = f"holds to {row['holds_to']:,.8g}"
            lines.append(
                f"limit {row['limit']!r}{group} {row['side']} {row['bound']:,.8g}: one more unit is worth "
                f"{row['price']:,.4g}; to {row['moved_to']:,.8g}, {row['per_unit']:,.4g} a unit "
                f"(+- {row['error'] / abs(row['moved_to'] - row['bound']):,.1g}): {holds}"
            )
        return "\n".join(lines) or "no limit has a price"

    def _repr_html_(self) -> str:
        rows = [list(row.values()) for row in self.table.to_pylist()]
        return rows_table(self.table.column_names, rows)


@dataclass(frozen=True)
class _Asked:
    """A bound whose price is looked at: number of its measure and row, what it is, and its price."""

    measure: int
    row: int
    side: str
    bound: float
    price: float


def price_ranges(
    result: CampaignSolution,
    limits: Any,
    most: int,
    move: float,
    tolerance: float,
    threads: int | None,
    time_limit: float | None,
) -> PriceRanges:
    """See `couponry.Result.price_ranges`."""
    if result.plan is None:
        raise InvalidInput(
            f"price_ranges: expected a result with an allocation, got one that is {result.status}"
        )
    for name, value in (("move", move), ("tolerance", tolerance)):
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < 1:
            raise InvalidInput(f"price_ranges: {name}: expected a share above 0, got {value!r}")
    asked = _asked(result, limits, most)
    clock = Clock(time_limit, None)
    count = result.threads if threads is None else thread_count(threads)
    problem = result.compiled.problem
    engine = LocalEngine(
        problem.shard, problem.rules, kernels.load(result.backend), count, result.seed
    )
    measured = _Measured(result, Sensitivity(problem, engine, result.seed, clock))
    worth = [abs(one.price * one.bound) * move for one in asked]
    measured.base(min(worth, default=0.0) * SHARE)
    rows = []
    for one in asked:
        for direction in (1.0, -1.0):
            if clock.left > 0:
                rows.append(_row(one, measured, result, direction * move, tolerance))
    return PriceRanges(
        tolerance,
        pa.table({n: pa.array([row[n] for row in rows], kind) for n, kind in COLUMNS.items()}),
    )


def _asked(solved: CampaignSolution, limits: Any, most: int) -> list[_Asked]:
    """The bounds to look at: those named, or those whose price times bound is largest."""
    compiled = solved.compiled.limits
    names = None
    if limits is not None:
        names = [limits] if isinstance(limits, (str, tuple)) else list(limits)
        known = {m.name for m in compiled.measures} | {(m.name, m.group) for m in compiled.measures}
        for name in names:
            if name not in known:
                near = did_you_mean(name, [m.name for m in compiled.measures])
                raise InvalidInput(f"price_ranges: there is no limit {name!r}{near}")
    found = []
    for row, price in enumerate(solved.prices.tolist()):
        number = int(compiled.measure_of_row[row])
        measure = compiled.measures[number]
        side = "max" if price > 0 else "min"
        bound = getattr(measure, side)
        if price == 0 or compiled.is_ratio[number] or not bound:
            continue
        if names is None or measure.name in names or (measure.name, measure.group) in names:
            found.append(_Asked(number, row, side, float(bound), price))
    found.sort(key=lambda one: (-abs(one.price * one.bound), one.row))
    return found if names is not None else found[:most]


class _Measured:
    """The campaign's worth as a bound moves: by the dual's minima where customers are many, else by exact solves."""

    def __init__(self, result: CampaignSolution, sensitivity: Sensitivity):
        self._result = result
        self._sensitivity = sensitivity
        self.present = Minimum(0.0, result.prices, np.inf)

    def base(self, within: float) -> None:
        """The campaign as it is."""
        least = LEAST * abs(self._result.objective or 0.0)
        self.present = self._sensitivity.minimum(self._result.prices, max(within, least))
        if np.isinf(self.present.error):
            self.present = self._exactly(self._result.campaign, within)

    def at(self, one: _Asked, bound: float, within: float) -> Minimum:
        """With one bound moved."""
        least = LEAST * abs(self._result.objective or 0.0)
        is_min = one.side == "min"
        if self._sensitivity.many:
            return self._sensitivity.minimum(
                self.present.prices, max(within, least), one.row, is_min, bound
            )
        measure = self._result.compiled.limits.measures[one.measure]
        limit = next(x for x in self._result.campaign.limits if x.name == measure.name)
        key: Any = measure.name if limit.table is None else (measure.name, measure.group)
        campaign = self._result.campaign
        return self._exactly(changed(campaign, limits={key: {one.side: bound}}), within)

    def _exactly(self, campaign: CampaignData, within: float) -> Minimum:
        share = within / max(abs(self._result.objective or 0.0), 1e-300)
        few = self._result.candidates <= FEW_CANDIDATES
        gap = EXACT_GAP[0] if few else float(np.clip(share, *EXACT_GAP))
        options = SolveOptions(
            gap=gap,
            threads=self._result.threads,
            seed=self._result.seed,
            backend=self._result.backend,
        )
        known = self._result.compiled if campaign is self._result.campaign else None
        found = solve(campaign, options, known)
        if found.objective is None or found.bound is None:
            return Minimum(-np.inf, self.present.prices, 0.0)
        middle = (found.objective + found.bound) / 2
        return Minimum(middle, found.prices, (found.bound - found.objective) / 2)


def _row(
    one: _Asked, measured: _Measured, solved: CampaignSolution, move: float, tolerance: float
) -> dict[str, Any]:
    """One limit in one direction, with shorter moves where the price does not hold as far."""
    measure = solved.compiled.limits.measures[one.measure]
    first: dict[str, Any] | None = None
    for share in SHORTER:
        step = abs(one.bound) * move * share
        if solved.compiled.problem.integer[one.row]:
            step = float(np.copysign(max(1.0, round(abs(step))), step))
        bound = one.bound + step
        there = measured.at(one, bound, abs(one.price * step) * SHARE)
        present = measured.present
        change = there.value - present.value
        error = DOUBTED * (there.error + present.error)
        per_unit, off = change / step, error / abs(step)
        ends = (present.prices[one.row], there.prices[one.row])
        agrees = abs(per_unit - one.price) + off <= tolerance * abs(one.price)
        found = {
            "limit": measure.name,
            "group": measure.group,
            "side": one.side,
            "bound": one.bound,
            "price": one.price,
            "moved_to": bound,
            "predicted": one.price * step,
            "change": change,
            "error": error,
            "per_unit": per_unit,
            "lowest": min(*ends) - off,
            "highest": max(*ends) + off,
            "agrees": agrees,
            "holds_to": bound if agrees else None,
        }
        if first is None:
            first = found
        elif agrees:
            first["holds_to"] = bound
        if agrees or (abs(step) == 1.0 and solved.compiled.problem.integer[one.row]):
            break
    assert first is not None
    return first
