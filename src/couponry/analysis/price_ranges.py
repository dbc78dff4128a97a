"""How far the prices of limits hold: each bound is moved, and the campaign is decided again."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from .. import kernels
from ..data.table_view import StreamedTable
from ..engines.cluster.cluster import Cluster
from ..engines.protocol import Engine
from ..engines.streamed import local_engine
from ..model.campaign_data import CampaignData
from ..model.changes import changed
from ..model.limits import group_text
from ..results.cluster.packing import StatedShards
from ..results.cluster.parts import engine_of
from ..results.options import SolveOptions
from ..results.solution import CampaignSolution
from ..results.solve import solve
from ..solver.dual.bound_sensitivity import Minimum, MovedBound, Sensitivity
from ..utils.checks import is_number, shown
from ..utils.clock import Clock
from ..utils.errors import InvalidInput, OutOfTime
from ..utils.html import rows_table
from ..utils.suggestions import known_names
from ..utils.threads import thread_count

MOVE_FACTORS = (1.0, 0.25)
"""Factors of the asked move that are tried, one after the other, until the price holds."""

ERROR_SHARE = 0.02
"""Error of a measured change, as a share of what its price predicts, that is small enough."""

LEAST_ERROR_SHARE = 1e-9
"""Error of a minimum, as a share of the objective, below which none is looked for."""

ERROR_FACTOR = 2.0
"""Factor for errors: the quadratic model of the dual promises less than is left, since it misses kinks."""

LEAST_EXACT_GAP, MOST_EXACT_GAP = 1e-6, 1e-4
"""Gaps asked of the solves that stand in for minima of the dual in small campaigns; tiny ones get the first."""

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
class PriceRanges(StreamedTable):
    """What moves of bounds are worth, beside what prices predict; returned by `Result.price_ranges`.

    Attributes
    ----------
    tolerance : float
        Share of its price by which the worth of a unit may differ for the price to hold.
    table : pyarrow.Table
        One row for each limit and direction; see `to_arrow`.
    """

    tolerance: float
    table: pa.Table = field(repr=False)

    def to_arrow(self) -> pa.Table:
        """Return the ranges as a table.

        Returns
        -------
        pyarrow.Table
            One row for each limit and direction, with these columns.

            =============  ==================================================================================
            `limit`        name of the limit
            `group`        its group, null for a limit without groups
            `side`         which bound: min or max
            `bound`        the bound as it is
            `price`        what one more unit of the bound is worth, by the result
            `moved_to`     the bound after the move
            `predicted`    price times the move
            `change`       of the best objective of the relaxed campaign, which is decided again
            `error`        what `change` may be off, as far as is known
            `per_unit`     `change` divided by the move
            `lowest`       the least that a unit is worth on the way: the lower price of both ends, less the error
            `highest`      the most that a unit is worth on the way
            `agrees`       true if `per_unit` is the price, within the tolerance and with the error
            `holds_to`     the furthest bound tried at which the price held; null if none
            =============  ==================================================================================
        """
        return self.table

    def summary(self) -> str:
        """Describe the ranges in text.

        Returns
        -------
        str
            One line for each limit and direction.
        """
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

    def __str__(self) -> str:
        return self.summary()

    def _repr_html_(self) -> str:
        rows = [list(row.values()) for row in self.table.to_pylist()]
        return rows_table(self.table.column_names, rows)


@dataclass(frozen=True)
class RangeOptions:
    """What is asked of price ranges.

    Attributes
    ----------
    most : int
        Limits that are looked at if none are named.
    move : float
        Share of each bound that it is moved by.
    tolerance : float
        Share of the price by which the worth of a unit may differ from it.
    threads : int or None
        None: as many as the result was solved with.
    time_limit : float or None
        Seconds for all limits together.
    """

    most: int
    move: float
    tolerance: float
    threads: int | None
    time_limit: float | None


@dataclass(frozen=True)
class _PricedBound:
    """A bound whose price is looked at: number of its measure, its row, which side, value and price."""

    measure: int
    row: int
    side: str
    value: float
    price: float

    @property
    def worth(self) -> float:
        """Size of its price times its value."""
        return abs(self.price * self.value)


Elsewhere = tuple[StatedShards, Cluster]
"""Customers as they were stated, and whose workers they are with."""


def price_ranges(
    result: CampaignSolution,
    limits: Any,
    options: RangeOptions,
    elsewhere: Elsewhere | None = None,
) -> PriceRanges:
    """Move bounds up and down, and decide the campaign again.

    Parameters
    ----------
    result : CampaignSolution
    limits : str, list of str or of (str, str), or None
        Names, or (name, group) pairs. None: the binding ones with the largest price times bound.
    options : RangeOptions
    elsewhere : tuple of StatedShards and Cluster, optional
        Where the customers are, if not in this process.

    Returns
    -------
    PriceRanges

    Raises
    ------
    InvalidInput
        If the result has no allocation, or a number or name is wrong.
    """
    if result.plan is None:
        raise InvalidInput(
            f"price_ranges: expected a result with an allocation, got one that is {result.status}"
        )
    for name, value in (("move", options.move), ("tolerance", options.tolerance)):
        if not is_number(value) or not 0 < value < 1:
            raise InvalidInput(
                f"price_ranges: {name}: expected a share above 0, got {shown(value)}"
            )
    priced = _priced_bounds(result, limits, options.most)
    clock = Clock(options.time_limit)
    count = result.threads if options.threads is None else thread_count(options.threads)
    problem = result.compiled.problem
    engine = _engine(result, count, elsewhere)
    optima = _Optima(result, Sensitivity(problem, engine, result.seed, clock), elsewhere, clock)
    rows: list[dict[str, Any]] = []
    with contextlib.suppress(OutOfTime):
        within = min((one.worth * options.move for one in priced), default=0.0) * ERROR_SHARE
        optima.measure_present(within)
        for one, move in ((one, sign * options.move) for one in priced for sign in (1.0, -1.0)):
            clock.check()
            rows.append(_row(one, optima, move, options.tolerance))
    return PriceRanges(
        options.tolerance,
        pa.table({n: pa.array([row[n] for row in rows], kind) for n, kind in COLUMNS.items()}),
    )


def _engine(result: CampaignSolution, threads: int, elsewhere: Elsewhere | None) -> Engine:
    """What passes over everybody."""
    if elsewhere is not None:
        store = engine_of(result.plan).store  # type: ignore[arg-type]  # there is one
        return elsewhere[1].engine(store, result.backend, result.seed, threads)
    problem, backend = result.compiled.problem, kernels.load(result.backend)
    memory = result.solver_options.sizes.page_cache_bytes
    return local_engine(problem.shard, problem.rules, backend, threads, result.seed, memory)


def _with_group_text(name: Any) -> Any:
    """What names a limit or, with a group, one of its groups: the group by its text, as results have it."""
    if not isinstance(name, tuple) or len(name) != 2 or name[1] is None:
        return name
    return name[0], group_text(name[1])


def _priced_bounds(solution: CampaignSolution, limits: Any, most: int) -> list[_PricedBound]:
    """The bounds to look at: those named, or those whose price times bound is largest."""
    compiled = solution.compiled.limits
    names = None
    if limits is not None:
        is_one = isinstance(limits, (str, tuple)) or not isinstance(limits, Iterable)
        names = [_with_group_text(name) for name in ([limits] if is_one else limits)]
        known = [m.name for m in compiled.measures] + [(m.name, m.group) for m in compiled.measures]
        for name in names:
            if not isinstance(name, (str, tuple)) or name not in known:
                near = known_names(name, list(dict.fromkeys(m.name for m in compiled.measures)))
                raise InvalidInput(f"price_ranges: there is no limit {shown(name)}{near}")
    found = []
    for row, price in enumerate(solution.prices.tolist()):
        if price == 0:
            continue
        number = int(compiled.measure_of_row[row])
        measure = compiled.measures[number]
        side = "max" if price > 0 else "min"
        bound = getattr(measure, side)
        if compiled.is_ratio[number] or not bound:
            continue
        if names is None or measure.name in names or (measure.name, measure.group) in names:
            found.append(_PricedBound(number, row, side, float(bound), price))
    found.sort(key=lambda one: (-one.worth, one.row))
    return found if names is not None else found[:most]


class _Optima:
    """The best objective of the relaxed campaign as a bound moves.

    In campaigns of many customers it is a minimum of the dual, in others an exact solve.
    """

    def __init__(
        self,
        result: CampaignSolution,
        sensitivity: Sensitivity,
        elsewhere: Elsewhere | None,
        clock: Clock,
    ):
        self.result, self._elsewhere, self._clock = result, elsewhere, clock
        self._sensitivity = sensitivity
        self._least_error = LEAST_ERROR_SHARE * abs(result.objective or 0.0)
        self.present = Minimum(0.0, result.prices, np.inf)

    @property
    def _campaign(self) -> CampaignData:
        """What was stated."""
        return self.result.campaign if self._elsewhere is None else self._elsewhere[0].campaign

    def measure_present(self, within: float) -> None:
        """Find the optimum of the campaign as it is; `within` is the error that is small enough."""
        within_reach = max(within, self._least_error)
        self.present = self._sensitivity.minimum(self.result.prices, within_reach)
        if np.isinf(self.present.error):
            self.present = self._exactly(self._campaign, within)

    def with_bound(self, one: _PricedBound, bound: float, within: float) -> Minimum:
        """Find the optimum with one bound moved; `within` is the error that is small enough."""
        if self._sensitivity.is_smooth:
            within_reach = max(within, self._least_error)
            moved = MovedBound(one.row, one.side == "min", bound)
            return self._sensitivity.minimum(self.present.prices, within_reach, moved)
        campaign = self._campaign
        measure = self.result.compiled.limits.measures[one.measure]
        limit = next(x for x in campaign.limits if x.name == measure.name)
        key: Any = measure.name if limit.table is None else (measure.name, measure.group)
        return self._exactly(changed(campaign, limits={key: {one.side: bound}}), within)

    def _exactly(self, campaign: CampaignData, within: float) -> Minimum:
        """The middle between objective and bound of a solve."""
        result = self.result
        gap = LEAST_EXACT_GAP
        if result.candidates > result.solver_options.sizes.tiny_candidates:
            share = within / max(abs(result.objective or 0.0), 1e-300)
            gap = float(np.clip(share, LEAST_EXACT_GAP, MOST_EXACT_GAP))
        self._clock.check()
        left = None if np.isinf(self._clock.left) else self._clock.left
        same = result.threads, result.seed, result.backend
        options = SolveOptions(gap, left, *same, solver=result.solver_options)
        if self._elsewhere is not None:
            shards, cluster = self._elsewhere
            found = solve(
                campaign,
                replace(options, engine=cluster),
                elsewhere=replace(shards, campaign=campaign),
            )
        else:
            known = result.compiled if campaign is result.campaign else None
            found = solve(campaign, options, known)
        if found.status == "unsolved":
            raise OutOfTime
        if found.objective is None or found.bound is None:
            return Minimum(-np.inf, self.present.prices, 0.0)
        middle = (found.objective + found.bound) / 2
        return Minimum(middle, found.prices, (found.bound - found.objective) / 2)


def _row(one: _PricedBound, optima: _Optima, move: float, tolerance: float) -> dict[str, Any]:
    """One limit in one direction, with shorter moves where the price does not hold as far."""
    is_whole = bool(optima.result.compiled.problem.integer[one.row])
    first: dict[str, Any] = {}
    for factor in MOVE_FACTORS:
        step = abs(one.value) * move * factor
        if is_whole:
            step = float(np.copysign(max(1.0, round(abs(step))), step))
        found = _one_move(one, optima, step, tolerance)
        if not first:
            first = found
        elif found["agrees"]:
            first["holds_to"] = found["moved_to"]
        if found["agrees"] or (abs(step) == 1.0 and is_whole):
            break
    return first


def _one_move(one: _PricedBound, optima: _Optima, step: float, tolerance: float) -> dict[str, Any]:
    """What a bound that moves by a step is worth: a row of the table."""
    measure = optima.result.compiled.limits.measures[one.measure]
    bound = one.value + step
    there = optima.with_bound(one, bound, abs(one.price * step) * ERROR_SHARE)
    present = optima.present
    change = there.value - present.value
    error = ERROR_FACTOR * (there.error + present.error)
    per_unit, off = change / step, error / abs(step)
    ends = (present.prices[one.row], there.prices[one.row])
    agrees = abs(per_unit - one.price) + off <= tolerance * abs(one.price)
    return {
        "limit": measure.name,
        "group": measure.group,
        "side": one.side,
        "bound": one.value,
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
