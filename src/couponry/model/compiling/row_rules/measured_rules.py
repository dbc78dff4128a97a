"""Customer rules that bound what coupons come to, sums of amounts or numbers of groups, put together for the kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ....data.arrow_columns import holds_lists
from ....data.candidates import Candidates
from ....kernels import MeasureSpec
from ....kernels.row_layout import NO_BOUND
from ....solver.rule_names import UNLIMITED
from ....utils.errors import InvalidInput
from ...contact_history import ContactHistory
from ...customers import Customers
from ...items import Items
from ...rule_bounds import refuse_min_above_max, sums_of
from ...rules import CustomerRule
from ..rule_groups import GroupPairs, Members, rows_of
from ..rule_pairs import RulePairs, pairs_of_rule
from .rule_amounts import RuleAmount


class SummedAmount(NamedTuple):
    """A row of `MeasureSpec.of_candidate`: what it counts, and whether it was rounded up.

    Attributes
    ----------
    amount : RuleAmount
    up : bool
    """

    amount: RuleAmount
    up: bool


@dataclass(frozen=True)
class MeasuredRules:
    """The rules about sums and numbers of groups.

    Attributes
    ----------
    spec : MeasureSpec
    summed : list of SummedAmount
        What the rows of `spec.of_candidate` are.
    """

    spec: MeasureSpec
    summed: list[SummedAmount]


@dataclass(frozen=True)
class _Measure:
    """One measure, as `MeasureSpec` has it, and what units have had of its sets."""

    rule: int
    counts_groups: bool
    layers: list[NDArray[np.int64]]
    sets: int
    low: NDArray[np.int64]
    high: NDArray[np.int64]
    of_item: NDArray[np.int64]
    summed: SummedAmount | None
    held_unit: NDArray[np.int64]
    held_set: NDArray[np.int64]
    held: NDArray[np.int64]

    def of_members(self, members: Members) -> list[_Measure]:
        """The measure, or one for each member of units where they differ in bounds; the first has what was had."""
        if members.units is None or len(self.low) == len(self.high) == 1:
            return [self]
        lows, highs = members.bounds(self.low, -NO_BOUND), members.bounds(self.high, NO_BOUND)
        nothing = np.zeros(0, np.int64)
        parts = []
        for member, (low, high) in enumerate(zip(lows, highs, strict=True)):
            layers = [np.where(members.of_item == member, layer, -1) for layer in self.layers]
            part = replace(self, layers=layers, low=low, high=high)
            if member > 0:
                part = replace(part, sets=0, held_unit=nothing, held_set=nothing, held=nothing)
            parts.append(part)
        return parts


def measured_rules(
    rules: Sequence[tuple[int, CustomerRule]],
    items: Items,
    candidates: Candidates,
    customers: Customers,
    history: ContactHistory,
) -> MeasuredRules:
    """Put rules about sums and numbers of groups together.

    Parameters
    ----------
    rules : sequence of (int, CustomerRule)
        Those that have a `sum` or `distinct`, and their numbers.
    items : Items
    candidates : Candidates
    customers : Customers
    history : ContactHistory

    Returns
    -------
    MeasuredRules

    Raises
    ------
    InvalidInput
        Where rules ask for columns that do not exist, or bounds contradict each other.
    """
    measures: list[_Measure] = []
    values: list[NDArray[np.int64]] = []
    summed: list[SummedAmount] = []
    row: list[int] = []  # of `values`, for each measure; -1: none
    first = 0
    for number, rule in rules:
        make = _sums if rule.sum is not None else _groups
        members = Members.of(rule, items, history, customers.units)
        for measure, amounts in make(number, rule, first, items, candidates, customers, history):
            if amounts is not None and measure.summed is not None:
                values.append(amounts)
                summed.append(measure.summed)
            parts = measure.of_members(members)
            measures += parts
            row += [-1 if amounts is None else len(values) - 1] * len(parts)
            first += measure.sets
    n_units = len(candidates.customers) if customers.units is None else len(customers.units)
    table = np.array(values, np.int64).reshape(len(values), len(candidates))
    return MeasuredRules(_spec(measures, table, row, first, len(items), n_units), summed)


Made = list[tuple[_Measure, NDArray[np.int64] | None]]
"""Measures, and amounts of candidates where those of items do not tell."""


def _sums(
    number: int,
    rule: CustomerRule,
    first: int,
    items: Items,
    candidates: Candidates,
    customers: Customers,
    history: ContactHistory,
) -> Made:
    """A rule's `max`, and its `min`: together where amounts and bounds are whole, so that neither is rounded."""
    least, most = sums_of(customers, rule)
    refuse_min_above_max(rule, least, most, customers)
    amount = RuleAmount.of(rule, items, candidates, customers)
    by_candidate = amount.is_of_candidates(candidates)
    values = amount.of_items(items)
    if by_candidate:
        values = amount.of_candidates(candidates, items, customers)
    had = history.amounts(rule, customers)
    unknown = by_candidate and len(values) == 0  # of customers who are to come
    rises = not unknown and min(values.min(initial=0.0), had.min(initial=0.0)) >= 0
    amount.refuse_coarse(values, what := f"column {rule.sum!r}")

    def made(up: bool, low: NDArray[np.int64], high: NDArray[np.int64], first: int) -> _Measure:
        pairs = _pairs(rule, items, customers, history, rises=rises)
        whole = amount.whole(values, up, what)
        held = amount.whole(had, up, "table history")
        parts.append(whole)
        return _Measure(
            number,
            False,
            _layers(pairs.items, first, len(items)),
            pairs.n_groups,
            low,
            high,
            np.zeros(len(items), np.int64) if by_candidate else whole,
            SummedAmount(amount, up) if by_candidate else None,
            history.unit[pairs.past.one],
            pairs.past.group + first,
            held[pairs.past.one],
        )

    parts: list[NDArray[np.int64]] = []
    none = np.array([NO_BOUND])
    low, high = amount.bounds(least, True), amount.bounds(most, False)
    if rule.min is None:
        measures = [made(True, -none, high, first)]
    elif rule.max is None:
        measures = [made(False, low, none, first)]
    else:
        measures = [made(True, -none, high, first)]
        measures.append(made(False, low, none, first + measures[0].sets))
        if (parts[0] == parts[1]).all() and (measures[0].held == measures[1].held).all():
            measures = [made(True, low, high, first)]
    return [
        (measure, part if by_candidate else None)
        for measure, part in zip(measures, parts[-len(measures) :], strict=True)
    ]


def _groups(
    number: int,
    rule: CustomerRule,
    first: int,
    items: Items,
    candidates: Candidates,
    customers: Customers,
    history: ContactHistory,
) -> Made:
    """A rule about how many different values of a column there are."""
    least, most = customers.bounds_of(rule)
    refuse_min_above_max(rule, least, most, customers)
    name = str(rule.distinct)
    if name in items.offers.column_names and holds_lists(items.offers[name].type):
        raise InvalidInput(
            f"{rule.label}: distinct: expected a column of offers with one value each, got lists in {name!r}"
        )
    item, code, values = items.groups(name, rule.label, "distinct")
    label = np.full(len(items), -1)
    label[item] = code
    pairs = _pairs(rule, items, customers, history)
    row, held = history.groups(name, values)
    of_row = np.full(len(history), -1)
    of_row[row] = held
    past, past_set = pairs.past
    known = of_row[past] >= 0
    high = np.where(most == UNLIMITED, NO_BOUND, most.astype(np.int64))
    measure = _Measure(
        number,
        True,
        _layers(pairs.items, first, len(items)),
        pairs.n_groups,
        least.astype(np.int64),
        high,
        label,
        None,
        history.unit[past[known]],
        past_set[known] + first,
        of_row[past[known]],
    )
    return [(measure, None)]


def _pairs(
    rule: CustomerRule,
    items: Items,
    customers: Customers,
    history: ContactHistory,
    *,
    rises: bool = True,
) -> RulePairs:
    """The groups that a rule's bounds hold for, each split by member where it holds for each customer of a unit."""
    pairs = pairs_of_rule(rule, items, history, rises=rises)
    members = Members.of(rule, items, history, customers.units)
    return RulePairs(
        members.split(pairs.items, members.of_item),
        members.split(pairs.past, members.of_past),
        pairs.n_groups * members.number,
    )


def _layers(pairs: GroupPairs, first: int, n_items: int) -> list[NDArray[np.int64]]:
    """The set of each item in each layer, -1: none; sets are numbered from `first` on."""
    no_bounds = np.zeros(1, np.int32), np.zeros(1, np.int32)
    return [row.group for row in rows_of(pairs, 0, first, no_bounds, n_items)]


def _spec(
    measures: Sequence[_Measure],
    values: NDArray[np.int64],
    row: list[int],
    sets: int,
    n_items: int,
    n_units: int,
) -> MeasureSpec:
    """The measures as the kernel takes them."""
    if not measures:
        return MeasureSpec(
            set=np.zeros((0, n_items), np.int32), of_item=np.zeros((0, n_items), np.int64)
        )
    length = max(max(len(m.low), len(m.high)) for m in measures)
    held_ptr, held = _held(measures, n_units)
    return MeasureSpec(
        set=np.array([layer for m in measures for layer in m.layers], np.int32).reshape(
            -1, n_items
        ),
        sets=sets,
        measure=np.repeat(np.arange(len(measures)), [len(m.layers) for m in measures]).astype(
            np.int32
        ),
        rule=np.array([m.rule for m in measures], np.int32),
        counts_groups=np.array([m.counts_groups for m in measures], np.uint8),
        low=np.array([np.broadcast_to(m.low, length) for m in measures], np.int64),
        high=np.array([np.broadcast_to(m.high, length) for m in measures], np.int64),
        of_item=np.array([m.of_item for m in measures], np.int64),
        of_candidate=values,
        candidate_row=np.array(row, np.int32),
        held_ptr=held_ptr,
        held=held,
    )


def _held(
    measures: Sequence[_Measure], n_units: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What each unit has had of sets, as `MeasureSpec` has it."""
    unit = np.concatenate([m.held_unit for m in measures])
    if len(unit) == 0:
        return np.zeros(1, np.int64), np.zeros((2, 0), np.int64)
    held = np.stack(
        [np.concatenate([m.held_set for m in measures]), np.concatenate([m.held for m in measures])]
    )
    order = np.argsort(unit, kind="stable")
    ptr = np.searchsorted(unit[order], np.arange(n_units + 1))
    return ptr.astype(np.int64), np.ascontiguousarray(held[:, order], np.int64)
