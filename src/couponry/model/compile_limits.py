"""Compile limits to linear rows over usage tables, and to what is measured of each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..data import tables
from ..data.filters import rows_where
from ..utils.errors import InvalidInput, Unsupported
from ..utils.lazy_imports import sparse as sp
from .customers import Customers
from .items import Items
from .limits import Limit
from .measures import Amount, Amounts


@dataclass(frozen=True)
class Measure:
    """One limit for one group: what it is called and asked to be."""

    name: str
    group: str | None
    sum: str
    min: float | None
    max: float | None
    mode: str
    penalty: float


@dataclass(frozen=True)
class CompiledLimits:
    """The limits over a usage table of (1 + C, S, K), flattened.

    segment: uint16 (n or 1), segment of each customer. attributes: names of the C attributes.
    measures: one for each limit and group (M). numerator, denominator: CSR (M, (1 + C) * S * K); a denominator row
    is empty unless the limit is a ratio. is_ratio: bool (M).
    rows, lower, upper, penalty, integer: the linear rows to be kept; see allocate.problem.
    measure_of_row: int64 (L). per_ratio: bool (L), whether the penalty is per unit of ratio, not of the row.
    """

    segment: NDArray[np.uint16]
    segments: int
    attributes: list[str]
    objective: NDArray[np.float64]
    measures: list[Measure]
    numerator: sp.csr_array
    denominator: sp.csr_array
    is_ratio: NDArray[np.bool_]
    rows: sp.csr_array
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    penalty: NDArray[np.float64]
    integer: NDArray[np.bool_]
    measure_of_row: NDArray[np.int64]

    @property
    def per_ratio(self) -> NDArray[np.bool_]:
        return self.is_ratio[self.measure_of_row] & np.isfinite(self.penalty)

    def penalties(self, achieved: NDArray[np.float64]) -> float:
        """Objective lost to soft limits that are missed; a ratio to nothing (NaN) misses none."""
        lost = 0.0
        for measure, value in zip(self.measures, achieved.tolist(), strict=True):
            if measure.mode == "soft":
                low = -math.inf if measure.min is None else measure.min
                high = math.inf if measure.max is None else measure.max
                lost += measure.penalty * max(0.0, low - value, value - high)
        return lost

    def achieved(self, usage: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each measure comes to for a usage table (M); NaN for a ratio to nothing."""
        flat = usage.ravel()
        total = self.numerator @ flat
        below = np.where(self.is_ratio, self.denominator @ flat, 1.0)
        return np.divide(total, below, out=np.full(len(total), np.nan), where=below != 0)

    def achieved_error(
        self, usage: NDArray[np.float64], error: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        """What `achieved` may be off (M) where the usage table may be off by so much."""
        off = abs(self.numerator) @ error.ravel()
        below = np.where(self.is_ratio, self.denominator @ usage.ravel(), 1.0)
        below_off = abs(self.denominator) @ error.ravel()
        ratio = np.abs(np.nan_to_num(self.achieved(usage)))
        # of a sum that may be nothing a trace is taken to be there
        least = np.maximum(below - below_off, 1e-9 * below)
        return np.divide(off + ratio * below_off, least, out=np.zeros(len(off)), where=least > 0)

    def worth(self, usage: NDArray[np.float64], error: NDArray[np.float64]) -> tuple[float, float]:
        """The value column's sum less the penalties of missed soft limits, and how far that may be off."""
        achieved, off = self.achieved(usage), self.achieved_error(usage, error)
        penalty = np.array([m.penalty if m.mode == "soft" else 0.0 for m in self.measures])
        worth = float((self.objective * usage).sum()) - self.penalties(achieved)
        return worth, float((np.abs(self.objective) * error).sum() + (penalty * off).sum())


@dataclass(frozen=True)
class _Block:
    """One limit, looked up: its groups, and which items and segments it is about."""

    limit: Limit
    item: NDArray[np.int64]
    group: NDArray[np.int64]
    bounds: list[tuple[Any, float | None, float | None]]  # (group's name, min, max)
    segments: NDArray[np.bool_]
    above: Amount
    below: Amount | None


def compile_limits(
    limits: list[Limit],
    objective: Amount,
    items: Items,
    amounts: Amounts,
    customers: Customers,
) -> CompiledLimits:
    """Rows of all limits, over the segments of customers that they tell apart."""
    segment, masks = _segments(limits, customers)
    blocks = [
        _look_up(limit, items, amounts, mask) for limit, mask in zip(limits, masks, strict=True)
    ]
    attributes = list(amounts.attributes)
    shape = (1 + len(attributes), masks.shape[1], len(items))
    everything = np.arange(len(items))
    every_segment = np.ones(masks.shape[1], bool)
    table = _matrix(objective, everything, everything * 0, 1, every_segment, attributes, shape)

    measures: list[Measure] = []
    numerators: list[sp.csr_array] = []
    denominators: list[sp.csr_array] = []
    rows: list[_Row] = []
    for block in blocks:
        above = _block_matrix(block, block.above, attributes, shape)
        below = sp.csr_array(above.shape)
        if block.below is not None:
            below = _block_matrix(block, block.below, attributes, shape)
        rows += _block_rows(block, above, below, len(measures))
        measures += _block_measures(block)
        numerators.append(above)
        denominators.append(below)

    def stack(parts: list[sp.csr_array]) -> sp.csr_array:
        if not parts:
            return sp.csr_array((0, math.prod(shape)))
        return sp.csr_array(sp.vstack(parts, format="csr"))

    return CompiledLimits(
        segment=segment,
        segments=masks.shape[1],
        attributes=attributes,
        objective=table.toarray().reshape(shape),
        measures=measures,
        numerator=stack(numerators),
        denominator=stack(denominators),
        is_ratio=np.array([b.below is not None for b in blocks for _ in b.bounds], bool),
        rows=stack([row.weights for row in rows]),
        lower=np.array([row.lower for row in rows], float),
        upper=np.array([row.upper for row in rows], float),
        penalty=np.array([row.penalty for row in rows], float),
        integer=np.array([row.integer for row in rows], bool),
        measure_of_row=np.array([row.measure for row in rows], np.int64),
    )


@dataclass(frozen=True)
class _Row:
    """A linear row: CSR (1, (1 + C) * S * K) of weights, its bounds, and the measure that it stands for."""

    weights: sp.csr_array
    lower: float
    upper: float
    penalty: float
    integer: bool
    measure: int


def _block_matrix(
    block: _Block, amount: Amount, attributes: list[str], shape: tuple[int, int, int]
) -> sp.csr_array:
    """An amount summed over each group of a limit, CSR (groups, (1 + C) * S * K)."""
    groups = len(block.bounds)
    return _matrix(amount, block.item, block.group, groups, block.segments, attributes, shape)


def _block_measures(block: _Block) -> list[Measure]:
    limit = block.limit
    name = " / ".join(limit.columns())
    return [
        Measure(
            limit.name,
            None if limit.by is None else str(group),
            name,
            low,
            high,
            limit.mode,
            float(limit.penalty or 0.0),
        )
        for group, low, high in block.bounds
    ]


def _block_rows(block: _Block, above: sp.csr_array, below: sp.csr_array, first: int) -> list[_Row]:
    """The rows that a limit asks to be kept; `first` is the number of its first measure.

    A ratio is two rows, above - min * below >= 0 and above - max * below <= 0. Where every weight is a whole number
    a hard row's bounds are rounded to whole numbers too.
    """
    limit, rows = block.limit, []
    if limit.mode == "report":
        return []
    penalty = float(limit.penalty or 0.0) if limit.mode == "soft" else math.inf
    whole = not block.above.slopes and bool((block.above.constant[block.item] % 1 == 0).all())
    for g, (_, low, high) in enumerate(block.bounds):
        if block.below is not None:
            if low is not None:
                weights = above[[g]] - low * below[[g]]
                rows.append(_Row(weights, 0.0, math.inf, penalty, False, first + g))
            if high is not None:
                weights = above[[g]] - high * below[[g]]
                rows.append(_Row(weights, -math.inf, 0.0, penalty, False, first + g))
        elif low is not None or high is not None:
            lower = -math.inf if low is None else low
            upper = math.inf if high is None else high
            if whole and limit.mode == "hard":
                lower, upper = np.ceil(lower - 1e-9), np.floor(upper + 1e-9)
            rows.append(_Row(above[[g]], lower, upper, penalty, whole, first + g))
    return rows


def _segments(
    limits: list[Limit], customers: Customers
) -> tuple[NDArray[np.uint16], NDArray[np.bool_]]:
    """Segment of each customer (n or 1), and for each limit which segments it is about (limits, segments)."""
    filters = []
    for limit in limits:
        limit.check()
        if limit.customers:
            rows = customers.rows(limit.label)
            filters.append(
                rows_where(customers.table, "customers", limit.customers, limit.label)[rows]
            )
    if not filters:
        return np.zeros(1, np.uint16), np.ones((len(limits), 1), bool)
    segment, kinds = np.zeros(len(filters[0]), np.int32), np.zeros((1, 0), bool)
    for mask in filters:  # segments that it splits are told apart, in the order of what they are in
        split = 2 * segment + mask
        present = np.bincount(split, minlength=2 * len(kinds)) > 0
        segment = (np.cumsum(present, dtype=np.int32) - 1)[split]
        number = np.flatnonzero(present)
        kinds = np.column_stack([kinds[number // 2], number % 2 == 1])
        if len(kinds) > 65_536:
            raise Unsupported("limits: they tell more than 65,536 segments of customers apart")
    masks, column = [], 0
    for limit in limits:
        masks.append(kinds[:, column] if limit.customers else np.ones(len(kinds), bool))
        column += bool(limit.customers)
    return segment.astype(np.uint16), np.stack(masks)


def _look_up(limit: Limit, items: Items, amounts: Amounts, segments: NDArray[np.bool_]) -> _Block:
    about = items.where(limit.where, limit.label)
    if limit.by is None:
        item = np.flatnonzero(about)
        group = item * 0
        bounds: list[tuple[Any, float | None, float | None]] = [(None, limit.min, limit.max)]
    else:
        item, group, values = items.groups(limit.by, limit.label)
        item, group = item[about[item]], group[about[item]]
        if limit.table is None:
            # a role that some group has no candidates in takes nothing from what is promised for the group
            others = {name: test for name, test in limit.where.items() if name != "role"}
            whichever_role = items.where(others, limit.label) if limit.by != "role" else about
            every_item, every_group, _ = items.groups(limit.by, limit.label)
            present = np.unique(every_group[whichever_role[every_item]])
            group = np.searchsorted(present, group)
            bounds = [(values[g], limit.min, limit.max) for g in present]
        else:
            bounds = _bounds_table(limit)
            _refuse_other_keys([key for key, _, _ in bounds], values, limit)
            row_of = {key: row for row, (key, _, _) in enumerate(bounds)}
            renumber = np.array([row_of.get(value, -1) for value in values], np.int64)
            known = renumber[group] >= 0 if len(values) else group >= 0
            item, group = item[known], renumber[group[known]] if len(values) else group
    names = limit.columns()
    above = amounts.of(names[0], limit.label)
    below = amounts.of(names[1], limit.label) if limit.ratio is not None else None
    if below is not None:
        _refuse_negative(below, items, amounts, limit)
    return _Block(limit, item, group, bounds, segments, above, below)


def _bounds_table(limit: Limit) -> list[tuple[Any, float | None, float | None]]:
    what = f"of {limit.label}"
    table = tables.as_table(limit.table, what)
    tables.require(table, what, str(limit.by))
    if not {"min", "max"} & set(table.column_names):
        raise InvalidInput(f"table {what}: expected a column 'min' or 'max', got neither")
    keys = table[limit.by].to_pylist()
    for row, key in enumerate(keys):
        if key is None:
            raise InvalidInput(
                f"table {what}, column {limit.by!r}, row {row}: expected a value, got null"
            )
    if len(set(keys)) < len(keys):
        row = next(row for row, key in enumerate(keys) if key in keys[:row])
        raise InvalidInput(
            f"table {what}, column {limit.by!r}, row {row}: {keys[row]!r} is there twice"
        )
    columns = {
        name: tables.numbers(table, what, name, nullable=True).tolist()
        if name in table.column_names
        else [math.nan] * len(keys)
        for name in ("min", "max")
    }
    bounds = []
    for row, (key, low, high) in enumerate(zip(keys, columns["min"], columns["max"], strict=True)):
        if low > high:
            raise InvalidInput(f"table {what}, row {row}: min {low} is above max {high}")
        bounds.append((key, None if math.isnan(low) else low, None if math.isnan(high) else high))
    return bounds


def _refuse_other_keys(keys: list[Any], values: list[Any], limit: Limit) -> None:
    """Refuse a table whose keys are of another type than the column of offers: they would meet no offer."""

    def kinds(of: list[Any]) -> set[type]:
        return {float if type(value) in (int, float) else type(value) for value in of}

    if keys and values and not kinds(keys) <= kinds(values):
        raise InvalidInput(
            f"table of {limit.label}, column {limit.by!r}: expected values like {values[0]!r} "
            f"as in table offers, got {keys[0]!r}"
        )


def _refuse_negative(below: Amount, items: Items, amounts: Amounts, limit: Limit) -> None:
    """A ratio to something negative has no meaning as a linear row."""
    least = amounts.least(below)
    if (least < 0).any():
        offer = items.offers["offer"][int(items.offer[int((least < 0).argmax())])].as_py()
        raise InvalidInput(
            f"{limit.label}: ratio: expected {limit.columns()[1]!r} from 0 up, "
            f"got a negative one for offer {offer!r}"
        )


def _matrix(
    amount: Amount,
    item: NDArray[np.int64],
    group: NDArray[np.int64],
    groups: int,
    segments: NDArray[np.bool_],
    attributes: list[str],
    shape: tuple[int, int, int],
) -> sp.csr_array:
    """CSR (groups, (1 + C) * S * K): the amount of each item, in the row of its group, for these segments."""
    tables_of = [(0, amount.constant)]
    tables_of += [(1 + attributes.index(name), slope) for name, slope in amount.slopes.items()]
    segment = np.flatnonzero(segments)
    row, column, value = [], [], []
    for c, coefficient in tables_of:
        weight = coefficient[item]
        used = weight != 0
        cells = (c * shape[1] + segment[:, None]) * shape[2] + item[used][None, :]
        column.append(cells.ravel())
        row.append(np.broadcast_to(group[used], cells.shape).ravel())
        value.append(np.broadcast_to(weight[used], cells.shape).ravel())
    coo = (np.concatenate(value), (np.concatenate(row), np.concatenate(column)))
    return sp.csr_array(coo, shape=(groups, math.prod(shape)))
