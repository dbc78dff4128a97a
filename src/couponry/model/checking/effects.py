"""What rules, limits and tables come to once they are looked up: what can never bind, and what has no effect."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...utils.checks import shown
from ..compiling.limit_groups import LimitGroups
from ..compiling.measures import Amount, Amounts
from ..items import Items
from ..limits import Limit
from ..rules import CustomerRule
from .finding import Finding
from .reach import Counts

ROUNDING = 1e-9
"""Share of a bound that rounding may come to."""


class Compiled(NamedTuple):
    """A campaign as it was looked up.

    Attributes
    ----------
    items : Items
    amounts : Amounts
    value : Amount
        The objective.
    limits : list of LimitGroups
    parts : list of ndarray of int64, shape (n_segments,) each, or None
        The part of the customers that each segment is in for each limit; None: that is not told.
    rules : sequence of CustomerRule
    counts : Counts
    has_minimum : bool
        Whether anything asks for coupons, whatever they are worth.
    history_coupons : int
        Coupons of the history that count for customers with candidates.
    history : pyarrow.Table or None
    """

    items: Items
    amounts: Amounts
    value: Amount
    limits: list[LimitGroups]
    parts: list[NDArray[np.int64] | None]
    rules: Sequence[CustomerRule]
    counts: Counts
    has_minimum: bool
    history_coupons: int
    history: pa.Table | None


def effect_findings(compiled: Compiled) -> Iterator[Finding]:
    """Find what can never bind, what cannot be reached, and what has no effect.

    Parameters
    ----------
    compiled : Compiled

    Yields
    ------
    Finding
    """
    yield from _of_objective(compiled)
    for rule in compiled.rules:
        yield from _of_rule(rule, compiled)
    for groups, part in zip(compiled.limits, compiled.parts, strict=True):
        yield from _of_limit(groups, part, compiled)
    if compiled.history is not None and compiled.history.num_rows and not compiled.history_coupons:
        yield Finding(
            "warning", "table history", "it has no effect: none of its customers has candidates"
        )
    if compiled.counts.of_item is not None:
        yield from _offers_of_nobody(compiled.items, compiled.counts.of_item)


def customers_without_candidates(customers: pa.Table, of_candidates: pa.Array) -> Iterator[Finding]:
    """Compare the table customers with the customers who have candidates.

    Parameters
    ----------
    customers : pyarrow.Table
    of_candidates : pyarrow.Array
        Ids.

    Yields
    ------
    Finding
    """
    known = tables.ids(customers, "customers", "customer")
    inside = int((tables.positions(of_candidates, known) >= 0).sum())
    without = len(known) - inside
    if inside == 0:
        message = "it has none of the customers of table candidates"
        if known.type != of_candidates.type:
            message += (
                f": {tables.kind_of_ids(known)} here, {tables.kind_of_ids(of_candidates)} there"
            )
        yield Finding("warning", "table customers", message)
    elif without:
        message = f"{without:,} of {len(known):,} customers have no candidates"
        yield Finding("note", "table customers", message)


def _of_objective(compiled: Compiled) -> Iterator[Finding]:
    """Values that are worth nothing, and responses that say nothing."""
    seen = _seen(compiled)
    low, high = compiled.amounts.span_of(compiled.value)
    if seen.any() and not (high[seen] > 0).any():
        zero = not (low[seen] < 0).any()
        message = (
            "the value of every candidate is 0" if zero else "no candidate has a value above 0"
        )
        gives = "" if compiled.has_minimum else ": nothing will be given"
        severity = "note" if compiled.has_minimum and not zero else "warning"
        yield Finding(severity, "objective", message + gives)
    response = compiled.amounts.known("response")
    if response is not None and seen.sum() > 1:
        low, high = compiled.amounts.span_of(response)
        if (low[seen] == high[seen]).all() and len(np.unique(low[seen])) == 1:
            severity = "note" if low[seen][0] else "warning"
            message = f"it is {low[seen][0]:g} for every candidate"
            yield Finding(severity, "column 'response'", message)


def _seen(compiled: Compiled) -> NDArray[np.bool_]:
    """Items that have candidates, as far as that is known."""
    counts = compiled.counts.of_item
    return np.ones(len(compiled.items), bool) if counts is None else counts > 0


def _offers_of_nobody(items: Items, counts: NDArray[np.int64]) -> Iterator[Finding]:
    """Offers that nobody is a candidate for."""
    of_offer = np.bincount(items.offer, counts, items.offers.num_rows)
    without = np.flatnonzero(of_offer == 0)
    if len(without):
        ids = [items.offers["offer"][int(row)].as_py() for row in without[:3]]
        few = ", ".join(map(shown, ids)) + (", …" if len(without) > 3 else "")
        message = f"{len(without):,} of {len(of_offer):,} offers have no candidates: {few}"
        yield Finding("note", "table offers", message)


def _of_rule(rule: CustomerRule, compiled: Compiled) -> Iterator[Finding]:
    """A rule that concerns nobody, or whose max nobody can exceed."""
    if not rule.has_bounds:
        return
    items, seen = compiled.items, _seen(compiled)
    about = items.where(rule.where, rule.label)
    history = compiled.history_coupons and rule.counts_history
    if not (about & seen).any():
        if not rule.may_be_empty:
            message = "no candidate fulfils its conditions: it concerns nobody"
            yield Finding("warning", rule.label, message)
        return
    if (
        not isinstance(rule.max, (int, float))
        or rule.min is not None
        or history
        or rule.is_measured
    ):
        return
    size = int((about & seen).sum())
    if rule.by is not None:
        item, group, _ = items.groups(rule.by, rule.label)
        inside = (about & seen)[item]
        size = int(np.bincount(group[inside]).max()) if inside.any() else 0
    size = min(size, compiled.counts.most_candidates)
    if size <= rule.max:
        message = f"it can never bind: nobody has more than {size:,} candidates that it is about"
        yield Finding("note", f"{rule.label}: max", message)


def _of_limit(
    groups: LimitGroups, part: NDArray[np.int64] | None, compiled: Compiled
) -> Iterator[Finding]:
    """A limit that concerns nothing, that can never bind, or that cannot be kept; `part`: of each segment for it."""
    limit = groups.limit
    if limit.mode == "report" or groups.below is not None or not len(groups.bounds):
        return
    reach = compiled.counts.reach(groups, part, compiled.amounts)
    low, high = groups.bounds.low, groups.bounds.high
    slack_low, slack_high = ROUNDING * np.abs(low), ROUNDING * np.abs(high)
    short, over = low > reach.most + slack_low, high < reach.least - slack_high
    yield from _unreachable(groups, short, low, reach.most, "min", "at most")
    yield from _unreachable(groups, over, high, reach.least, "max", "at least")
    if not (reach.least != 0).any() and not (reach.most != 0).any():
        if not limit.may_be_empty and not short.any() and not over.any():
            yield Finding("warning", limit.label, _why_nothing(groups, part, compiled))
        return
    idle_max = high >= reach.most - slack_high
    idle_min = low <= reach.least + slack_low
    if bool((idle_max | np.isnan(high)).all() and (idle_min | np.isnan(low)).all()):
        if np.isfinite(high).any() and not np.isfinite(low).any():
            yield _idle(groups, idle_max, reach.most, "max", "at most")
        elif np.isfinite(low).any() and not np.isfinite(high).any():
            yield _idle(groups, idle_min, reach.least, "min", "at least")
        else:
            yield Finding("note", limit.label, "it can never bind")


def _unreachable(
    groups: LimitGroups,
    wrong: NDArray[np.bool_],
    bound: NDArray[np.float64],
    reach: NDArray[np.float64],
    side: str,
    most: str,
) -> Iterator[Finding]:
    """A bound that cannot be kept, whatever is given."""
    if wrong.any():
        g = int(wrong.argmax())
        asked, found = _number(bound[g]), _number(reach[g])
        message = f"{asked}{_of_group(groups, wrong)} cannot be reached: {most} {found} can"
        yield Finding("warning", f"{groups.limit.label}: {side}", message)


def _idle(
    groups: LimitGroups, idle: NDArray[np.bool_], reach: NDArray[np.float64], side: str, most: str
) -> Finding:
    """A bound that nothing can violate."""
    g = int(idle.argmax())
    message = (
        f"it can never bind: {most} {_number(reach[g])}{_of_group(groups, idle)} can be reached"
    )
    return Finding("note", f"{groups.limit.label}: {side}", message)


def _of_group(groups: LimitGroups, which: NDArray[np.bool_]) -> str:
    """The first of some groups, and how many there are."""
    limit: Limit = groups.limit
    if limit.by is None:
        return ""
    value: Any = groups.bounds.value(int(which.argmax()))
    more = int(which.sum()) - 1
    group = f" of {', '.join(limit.by_columns)} {shown(value)}"
    return group + (f" (and so in {more:,} more groups)" if more else "")


def _why_nothing(groups: LimitGroups, part: NDArray[np.int64] | None, compiled: Compiled) -> str:
    """Why a limit comes to nothing whatever is given."""
    if part is not None and not compiled.counts.customers[part >= 0].any():
        return "no customer who has candidates fulfils its conditions: it concerns nothing"
    if not _seen(compiled)[groups.selection.item].any():
        return "no candidate fulfils its conditions: it concerns nothing"
    return f"{groups.limit.columns()[0]!r} is 0 for everything that it sums: it can never bind"


def _number(value: float) -> str:
    """A number for people."""
    return f"{value:,.0f}" if value == int(value) else f"{value:,.6g}"
