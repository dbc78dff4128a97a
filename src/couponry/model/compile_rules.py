"""Customer rules as the kernels take them: groups that nest, and sets for the customers for whom that is not all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from ..data.candidates import Candidates
from ..kernels import Backend, Rules, RuleSpec
from ..solver.rule_names import RuleNames, largest_lower_bound, smallest_upper_bound
from ..utils.blocks import row_blocks
from ..utils.errors import InvalidInput, Unsupported
from ..utils.parallel import parallel_map, worker_count
from .conflicts import NO_CONFLICTS, conflicts_of
from .contact_history import ContactHistory, had_items
from .customers import Customers
from .items import Items
from .rules import MANDATORY, CustomerRule

LARGEST = 65_535  # candidates of a customer that has sets, and rules


@dataclass(frozen=True)
class CompiledRules:
    """Customer rules as the kernels take them, which rule is behind what, and what was agreed in full.

    counted: coupons that each customer has had, int64 (n or 1): 0 for nobody. asked: int32 (n or 1), coupons that the
    rules about all of them ask for, history included.
    """

    rules: Rules
    names: RuleNames
    agreed: RuleSpec
    counted: NDArray[np.int64]
    asked: NDArray[np.int32]


@dataclass(frozen=True)
class _Row:
    """A rule about part of the offers, or the t-th values of one by a column of lists: a row of groups."""

    rule: int
    group: NDArray[np.int64]  # (K), numbers of their own
    plain: bool
    cap: NDArray[np.int32]
    least: NDArray[np.int32]


def compile_rules(
    rules: Sequence[CustomerRule],
    items: Items,
    item: NDArray[np.uint16] | NDArray[np.uint32],
    candidates: Candidates,
    customers: Customers,
    history: ContactHistory,
    backend: Backend,
) -> CompiledRules:
    """The kernels' form of the rules. Raises InvalidInput where they make no sense for these tables."""
    lowers: list[tuple[str, NDArray[np.int32]]] = []
    uppers: list[tuple[str, NDArray[np.int32]]] = []
    rows: list[_Row] = []
    conflicting: list[tuple[int, CustomerRule]] = []
    held: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
    groups = 0
    n = len(candidates.customers)
    for number, rule in enumerate(rules):
        rule.check()
        if rule.conflicts is not None:
            conflicting.append((number, rule))
            continue
        least = customers.bound(rule.min, 0, rule.label)
        most = customers.bound(rule.max, np.iinfo(np.int32).max, rule.label)
        if not rule.by and not rule.where:
            lowers += [(rule.name, least)] if rule.min is not None else []
            uppers += [(rule.name, most)] if rule.max is not None else []
            continue
        _check_order(rule, least, most, candidates)
        made, width, who, group = _rows_of(rule, number, items, groups, most, least, history)
        rows += made
        groups += width
        held.append((who, group))
    lower, upper = (
        largest_lower_bound([b for _, b in lowers]),
        smallest_upper_bound([b for _, b in uppers]),
    )
    _check_bounds(lower, upper, lowers, uppers, candidates)
    counted = np.zeros(1, np.int64)
    if len(history):
        counted = np.bincount(history.customer, minlength=n)
        lowers = [(name, _less(bound, counted)) for name, bound in lowers]
        uppers = [(name, _less(bound, counted)) for name, bound in uppers]
    agreed = _agreed(
        rows, groups, len(rules), items, smallest_upper_bound([b for _, b in uppers]), candidates
    )
    if len(history):
        agreed = _with_history(agreed, held, history, items, n)
    if conflicting:
        found = conflicts_of(conflicting, items)
        agreed = agreed._replace(
            conflict_ptr=found.ptr, conflict=found.item, conflict_rule=found.rule
        )
    plain = [row for row in rows if row.plain and _can_bind(row)]
    length = max((len(row.cap) for row in plain), default=1)
    compiled = Rules(
        lower=np.ascontiguousarray(largest_lower_bound([b for _, b in lowers])),
        upper=np.ascontiguousarray(smallest_upper_bound([b for _, b in uppers])),
        group=np.array([row.group for row in plain], np.int32).reshape(len(plain), len(items)),
        groups=groups,
        cap=np.array([np.broadcast_to(row.cap, length) for row in plain], np.int32).reshape(
            len(plain), length
        ),
    )
    if _may_tangle(agreed):
        compiled = with_sets(compiled, agreed, item, candidates.indptr, backend)
    names = RuleNames(
        lowers,
        uppers,
        [rules[row.rule].name for row in plain],
        [*(rule.name for rule in rules), MANDATORY],
    )
    return CompiledRules(compiled, names, agreed, counted, lower)


def _check_order(
    rule: CustomerRule,
    least: NDArray[np.int32],
    most: NDArray[np.int32],
    candidates: Candidates,
) -> None:
    """Refuse a rule that asks some customer for more than it allows."""
    above = np.broadcast_to(least > most, max(len(least), len(most)))
    if above.any():
        i = int(above.argmax())
        who = f" for customer {candidates.customers[i].as_py()!r}" if len(above) > 1 else ""
        raise InvalidInput(
            f"{rule.label}: min {least[i % len(least)]} is above max {most[i % len(most)]}{who}"
        )


def _check_bounds(
    lower: NDArray[np.int32],
    upper: NDArray[np.int32],
    lowers: list[tuple[str, NDArray[np.int32]]],
    uppers: list[tuple[str, NDArray[np.int32]]],
    candidates: Candidates,
) -> None:
    """Refuse rules about all coupons that together ask some customer for more than they allow."""
    above = np.broadcast_to(lower > upper, max(len(lower), len(upper)))
    if above.any():
        i = int(above.argmax())
        who = f" for customer {candidates.customers[i].as_py()!r}" if len(above) > 1 else ""
        raise InvalidInput(
            f"customer_rule {lowers[-1][0]!r}: min {lower[i % len(lower)]} is above max {upper[i % len(upper)]} "
            f"of customer_rule {uppers[-1][0]!r}{who}"
        )


def _less(bound: NDArray[np.int32], counted: NDArray[np.int64]) -> NDArray[np.int32]:
    """A bound on coupons once those that customers have had are taken off it."""
    return np.maximum(0, bound.astype(np.int64) - counted).astype(np.int32)


def _rows_of(
    rule: CustomerRule,
    number: int,
    items: Items,
    groups: int,
    most: NDArray[np.int32],
    least: NDArray[np.int32],
    history: ContactHistory,
) -> tuple[list[_Row], int, NDArray[np.int64], NDArray[np.int64]]:
    """A rule's rows, how many groups it has, and pairs (customer, group) of what customers have had of them."""
    about = items.where(rule.where, rule.label)
    had = np.flatnonzero(history.where(rule))
    if rule.by is None:
        group = np.where(about, groups, -1)
        who = history.customer[had]
        return [_Row(number, group, True, most, least)], 1, who, np.full(len(who), groups)
    item, code, values = items.groups(rule.by, rule.label)
    item, code = item[about[item]], code[about[item]]
    # an item that is in several groups is in one in each row
    nth = np.arange(len(item)) - np.searchsorted(item, item, side="left")
    plain = int(nth.max(initial=0)) == 0
    rows = []
    for t in range(int(nth.max(initial=-1)) + 1):
        group = np.full(len(items), -1)
        group[item[nth == t]] = code[nth == t] + groups
        rows.append(_Row(number, group, plain, most, least))
    row, theirs = history.groups(rule.by, values)
    kept = np.isin(row, had)
    return rows, len(values), history.customer[row[kept]], theirs[kept] + groups


def _can_bind(row: _Row) -> bool:
    """Whether any group has more items than its bound."""
    inside = row.group[row.group >= 0]
    return len(inside) > 0 and bool(np.bincount(inside).max() > row.cap.min())


def _agreed(
    rows: list[_Row],
    groups: int,
    rules: int,
    items: Items,
    upper: NDArray[np.int32],
    candidates: Candidates,
) -> RuleSpec:
    if rules >= LARGEST:
        raise Unsupported(f"customer rules: expected fewer than {LARGEST:,}, got {rules:,}")
    length = max((max(len(row.cap), len(row.least)) for row in rows), default=1)

    def bounds(which: Callable[[_Row], NDArray[np.int32]]) -> NDArray[np.int32]:
        found = [np.broadcast_to(which(row), length) for row in rows]
        return np.array(found, np.int32).reshape(len(rows), length)

    mandatory = candidates.mandatory
    return RuleSpec(
        group=np.array([row.group for row in rows], np.int32).reshape(len(rows), len(items)),
        groups=groups,
        rule=np.array([row.rule for row in rows], np.int32),
        plain=np.array([row.plain for row in rows], np.uint8),
        cap=bounds(lambda row: row.cap),
        least=bounds(lambda row: row.least),
        upper=np.ascontiguousarray(upper),
        held_ptr=np.zeros(1, np.int64),
        held=np.zeros((2, 0), np.int32),
        had_ptr=np.zeros(1, np.int64),
        had=np.zeros(0, np.int32),
        conflict_ptr=NO_CONFLICTS.ptr,
        conflict=NO_CONFLICTS.item,
        conflict_rule=NO_CONFLICTS.rule,
        mandatory=np.zeros(0, np.uint8) if mandatory is None else mandatory,
        mandatory_rule=rules,
    )


def _with_history(
    agreed: RuleSpec,
    held: list[tuple[NDArray[np.int64], NDArray[np.int64]]],
    history: ContactHistory,
    items: Items,
    n: int,
) -> RuleSpec:
    who, group = (np.concatenate([np.zeros(0, np.int64), *part]) for part in zip(*held, strict=True)) if held else (
        np.zeros(0, np.int64), np.zeros(0, np.int64))  # fmt: skip
    had_ptr, had = had_items(history, items, n)
    agreed = agreed._replace(had_ptr=had_ptr, had=had)
    if len(who) == 0:
        return agreed
    key, count = np.unique(who * max(1, agreed.groups) + group, return_counts=True)
    ptr = np.searchsorted(key // agreed.groups, np.arange(n + 1))
    return agreed._replace(
        held_ptr=ptr.astype(np.int64),
        held=np.stack([key % agreed.groups, count]).astype(np.int32),
    )


def _may_tangle(agreed: RuleSpec) -> bool:
    """Whether some customer may need sets, as far as can be told without a look at the customers."""
    if len(agreed.conflict) or len(agreed.mandatory) or agreed.held.size or agreed.least.any():
        return True
    if not agreed.plain.all():
        return True
    pairs = combinations(agreed.group, 2)
    return any(_cross(a, b) for a, b in pairs)


def _cross(group_a: NDArray[np.int32], group_b: NDArray[np.int32]) -> bool:
    """Whether some group of one and some of the other have items in common, and each some of its own."""
    both = (group_a >= 0) & (group_b >= 0)
    size_a, size_b = np.bincount(group_a[group_a >= 0]), np.bincount(group_b[group_b >= 0])
    pair, count = np.unique(np.stack([group_a[both], group_b[both]]), axis=1, return_counts=True)
    return bool(((count < size_a[pair[0]]) & (count < size_b[pair[1]])).any())


def with_sets(
    rules: Rules,
    agreed: RuleSpec,
    item: NDArray[np.uint16] | NDArray[np.uint32],
    indptr: NDArray[np.int64],
    backend: Backend,
) -> Rules:
    """The rules with the sets of the customers who need them; see the kernel `compile_constraints`."""
    n = len(indptr) - 1
    ptr, nothing = np.zeros(n + 1, np.int64), np.zeros(0, np.int64)
    compile_constraints = backend.kernels.compile_constraints

    def made(sets: NDArray[np.int64]) -> None:
        def work(block: tuple[int, int]) -> None:
            compile_constraints(indptr, item, agreed, *block, ptr, sets)

        for _ in parallel_map(work, row_blocks(indptr), worker_count()):
            pass

    made(nothing)
    if not ptr.any():
        return rules
    count = np.diff(indptr)
    if count[ptr[1:] > 0].max() > LARGEST:
        raise Unsupported(
            f"customer rules that overlap, conflict or ask for minimums: expected at most {LARGEST:,} candidates "
            f"for one customer, got {count.max():,}"
        )
    np.cumsum(ptr, out=ptr)
    sets = np.empty(int(ptr[-1]), np.int64)
    made(sets)
    return rules._replace(constraint_ptr=ptr, constraints=sets)
