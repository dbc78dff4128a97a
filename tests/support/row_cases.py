"""Random rows of a customer, and cases of the kernels in which customers have rows beside constraints."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tests.support.constraint_cases import compiled_constraints, constrained_case, random_spec
from tests.support.kernel_cases import Case, reference

from couponry.kernels import MeasureSpec, RequirementSpec, RuleSpec
from couponry.kernels.reference.rows.customer_rows import SearchRows
from couponry.kernels.row_layout import NO_BOUND, NO_GROUP


def random_rows(random: np.random.Generator, n: int, count: int) -> SearchRows:
    """Rows as `best_choice` takes them: budgets, floors, prerequisites, ranges, and counts of groups."""
    head, ptr, place, weight = [], [0], [], []
    for _ in range(count):
        size = int(random.integers(1, n + 1)) if random.random() < 0.7 else n
        groups = int(random.random() < 0.4)
        if groups:
            theirs = random.integers(NO_GROUP, min(4, n), size)
            low = int(random.integers(0, 4))
            high = int(random.choice([NO_BOUND, low, low + 1, 2]))
        else:
            theirs, low, high = _linear_row(random, size)
        head.append((groups, low, high))
        ptr.append(ptr[-1] + size)
        place += np.sort(random.choice(n, size, replace=False)).tolist()
        weight += theirs.tolist()
    return SearchRows(
        np.array(head, np.int64).reshape(-1, 3),
        np.array(ptr, np.int64),
        np.array(place, np.int64),
        np.array(weight, np.int64),
    )


def _linear_row(random: np.random.Generator, size: int) -> tuple[NDArray[np.int64], int, int]:
    """Coefficients and bounds of a row."""
    kind = random.random()
    if kind < 0.6:
        weight = random.integers(0, 6, size)
        bound = int(random.integers(0, 1 + weight.sum()))
        return weight, *((-NO_BOUND, bound) if kind < 0.4 else (bound, NO_BOUND))
    if kind < 0.8:
        return random.choice([-1, 1], size), 0, NO_BOUND
    low = int(random.integers(-6, 3))
    return random.integers(-5, 6, size), low, low + int(random.integers(0, 8))


NO_ROWS = SearchRows(
    np.zeros((0, 3), np.int64), np.zeros(1, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64)
)


def keeps_rows(rows: SearchRows, picks: NDArray[np.int64]) -> bool:
    """Whether a choice keeps all rows."""
    for r, (groups, low, high) in enumerate(rows.head.tolist()):
        theirs = slice(rows.ptr[r], rows.ptr[r + 1])
        given = rows.weight[theirs][picks[rows.place[theirs]] == 1]
        total = len({g for g in given.tolist() if g != NO_GROUP}) if groups else given.sum()
        if len(given) and not low <= total <= high:
            return False
    return True


def row_case(seed: int, module: ModuleType | None = None, **sizes: Any) -> Case:
    """A random case in which most customers have rows, beside constraints of every kind."""
    case = constrained_case(seed, module, **sizes)
    spec = with_rows(
        np.random.default_rng([seed, 9]), case, random_spec(np.random.default_rng([seed, 5]), case)
    )
    ptr, constraints = compiled_constraints(module or reference(), case, spec)
    rules = case.rules._replace(constraint_ptr=ptr, constraints=constraints)
    return Case(**vars(case) | {"rules": rules})


def with_rows(random: np.random.Generator, case: Case, spec: RuleSpec) -> RuleSpec:
    """The rules with some about sums and numbers of groups, and some items that require others."""
    return spec._replace(
        measures=_measures(random, case, spec.mandatory_rule + 1),
        requirements=_requirements(random, case, spec.mandatory_rule + 9),
    )


def _measures(random: np.random.Generator, case: Case, first_rule: int) -> MeasureSpec:
    n, items, e = case.customers, case.price.shape[2], len(case.shard.item)
    count = int(random.integers(0, 4))
    layers, measure, first = [], [], 0
    for m in range(count):
        width = int(random.choice([1, 1, 3]))
        once = random.integers(0, width, items)
        for layer in range(int(random.integers(1, min(width, 2) + 1))):
            theirs = (once + layer) % width + first
            theirs[random.random(items) < 0.25] = -1
            layers.append(theirs)
            measure.append(m)
        first += width
    counts = random.random(count) < 0.4
    per = n if random.random() < 0.5 and n > 1 else 1
    low = np.where(counts[:, None], random.integers(0, 3, (count, per)), -NO_BOUND)
    high = np.where(counts[:, None], NO_BOUND, random.integers(0, 30, (count, per)))
    floor = random.random(count) < 0.4
    low[floor & ~counts] = random.integers(-3, 20, (int((floor & ~counts).sum()), per))
    high[floor] = NO_BOUND
    high[floor & counts] = random.integers(1, 4, (int((floor & counts).sum()), per))
    of_item = random.integers(0, 12, (count, items)) - 2
    of_item[counts] = random.integers(-1, 5, (int(counts.sum()), items))
    held_ptr, held = np.zeros(1, np.int64), np.zeros((2, 0), np.int64)
    if first and random.random() < 0.5:
        held_ptr = 2 * np.arange(n + 1)
        held = np.stack([random.integers(0, first, 2 * n), random.integers(0, 5, 2 * n)])
    by_candidate = ~counts & (random.random(count) < 0.5)
    return MeasureSpec(
        set=np.array(layers, np.int32).reshape(len(layers), items),
        sets=first,
        measure=np.array(measure, np.int32),
        rule=first_rule + np.arange(count, dtype=np.int32),
        counts_groups=counts.astype(np.uint8),
        low=low,
        high=high,
        of_item=of_item,
        of_candidate=random.integers(-2, 12, (int(by_candidate.any()), e)),
        candidate_row=np.where(by_candidate, 0, -1).astype(np.int32),
        held_ptr=held_ptr,
        held=held,
    )


def _requirements(random: np.random.Generator, case: Case, first_rule: int) -> RequirementSpec:
    n, items = case.customers, case.price.shape[2]
    if random.random() < 0.4:
        return RequirementSpec()
    needs = (random.random(items) < random.choice([0.1, 0.5])) * random.integers(1, 3, items)
    total = int(needs.sum())
    width = random.integers(1, 4, total)
    of = np.repeat(np.arange(items), needs)
    rows = [
        np.sort(random.choice(np.delete(np.arange(items), k), size, replace=False))
        for k, size in zip(of, width, strict=True)
    ]
    met_ptr, met = np.zeros(1, np.int64), np.zeros(0, np.int32)
    if total and random.random() < 0.5:
        met_ptr, met = np.arange(n + 1), random.integers(0, total, n).astype(np.int32)
    return RequirementSpec(
        ptr=np.concatenate([[0], np.cumsum(needs)]),
        rule=(first_rule + random.integers(0, 2, total)).astype(np.int32),
        scope=random.integers(0, 2, total).astype(np.int32),
        inside=(random.random((2, n if random.random() < 0.5 else 1)) < 0.9).astype(np.uint8),
        item_ptr=np.concatenate([[0], np.cumsum(width)]),
        item=np.concatenate([np.zeros(0, np.int64), *rows]).astype(np.int32),
        met_ptr=met_ptr,
        met=met,
    )
