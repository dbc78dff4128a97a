"""Random cardinality constraints, the best choice under them by enumeration, and cases of the kernels with them."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from tests.support.kernel_cases import Case, make_case, reference

from couponry.kernels import RuleSpec
from couponry.kernels.rules_contract import BEFORE_MANDATORY, MANDATORY
from couponry.kernels.set_layout import MANDATORY_WEIGHT


def random_constraints(
    random: np.random.Generator, n: int, count: int, asks: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bounds (count, 4) and members (count, n) as `best_choice` takes them; a share `asks` for a minimum."""
    member = (random.random((count, n)) < random.uniform(0.1, 0.7)).astype(np.int64)
    for s in range(count):
        if random.random() < 0.4:  # a conflict
            member[s] = 0
            member[s, random.choice(n, min(n, 2), replace=False)] = 1
    size = member.sum(axis=1)
    bound = np.zeros((count, 4), np.int64)
    bound[:, 0] = np.minimum(random.integers(0, 4, count), size)
    bound[:, 2] = 1
    for s in np.flatnonzero(random.random(count) < asks):
        if random.random() < 0.5:
            bound[s, 0] = size[s]
        bound[s, 1] = random.integers(0, bound[s, 0] + 1)
        if random.random() < 0.2:
            bound[s] = size[s], size[s], MANDATORY_WEIGHT, 0
    kept: list[int] = []
    for s in range(count):
        if not 0 < bound[s, 0] < size[s]:
            continue
        crossing = any(_crosses(member[s], member[other]) for other in kept)
        bound[s, 3] = crossing
        kept += [] if crossing else [s]
    return bound, member


def _crosses(a: NDArray[np.int64], b: NDArray[np.int64]) -> bool:
    return bool((a & b).any() and (a & ~b).any() and (b & ~a).any())


def enumerated(
    value: NDArray[np.int64],
    fixing: NDArray[np.int64],
    lower: int,
    upper: int,
    bound: NDArray[np.int64],
    member: NDArray[np.int64],
    allows: Callable[[NDArray[np.int64]], bool] = lambda x: True,
) -> tuple[tuple[int, ...], int, int] | None:
    """The best choice of all subsets that are allowed, what it misses and what it is worth."""
    best: tuple[Any, ...] | None = None
    for picks in itertools.product(
        [1, 0], repeat=len(value)
    ):  # in the order of choice, taking first
        x = np.array(picks, np.int64)
        if ((fixing == 1) & (x == 0)).any() or ((fixing == 2) & (x == 1)).any():
            continue
        held = member @ x
        if x.sum() > upper or (held > bound[:, 0]).any() or not allows(x):
            continue
        missed = max(0, lower - int(x.sum()))
        missed += int((np.maximum(0, bound[:, 1] - held) * bound[:, 2]).sum())
        key = (-missed, int(value @ x))
        if best is None or key > best[0]:
            best = key, picks
    return None if best is None else (best[1], -best[0][0], best[0][1])


def constrained_case(seed: int, module: ModuleType | None = None, **sizes: Any) -> Case:
    """A random case in which most customers have constraints: from groups that cross, minimums, conflicts, history.

    module: the kernels that compile them; default: the reference, which takes seconds where there are many conflicts.
    """
    random = np.random.default_rng([seed, 5])
    case = make_case(seed, **sizes)
    items = case.price.shape[2]
    spec = random_spec(random, case)
    ptr, constraints = compiled_constraints(module or reference(), case, spec)
    plain = np.flatnonzero(spec.plain)
    rules = case.rules._replace(
        group=np.ascontiguousarray(spec.group[plain].reshape(len(plain), items)),
        groups=spec.groups,
        cap=np.ascontiguousarray(spec.cap[plain].reshape(len(plain), spec.cap.shape[1])),
        constraint_ptr=ptr,
        constraints=constraints,
    )
    return Case(**vars(case) | {"rules": rules})


def compiled_constraints(
    module: Any, case: Case, spec: RuleSpec
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where each customer's constraints begin, and the constraints, made in two blocks, customer by customer."""
    n = case.customers
    ptr = np.zeros(n + 1, np.int64)
    parts: list[NDArray[np.int64]] = []
    for start, stop in (n // 2, n), (0, n // 2):
        made = []
        while start < stop:
            at, constraints = start, np.full(ptr[start + 1], 7)
            start = module.compile_constraints(
                case.shard.indptr, case.shard.item, spec, at, stop, ptr, constraints
            )
            made.append(constraints[: ptr[at + 1 : start + 1].sum()])
        parts = [*made, *parts]
    np.cumsum(ptr, out=ptr)
    return ptr, np.concatenate([np.zeros(0, np.int64), *parts])


def random_spec(random: np.random.Generator, case: Case) -> RuleSpec:
    """Rules of every kind for a case's customers."""
    n, items, e = case.customers, case.price.shape[2], len(case.shard.item)
    rows, groups, rule, plain = [], 0, [], []
    for r in range(int(random.integers(0, 4))):
        listed = random.random() < 0.3
        width = int(random.integers(1, 5))
        for _ in range(2 if listed else 1):
            group = random.integers(0, width, items) + groups
            group[random.random(items) < 0.4] = -1
            if listed and len(rule) and rule[-1] == r:
                group[group == rows[-1]] = -1
            rows.append(group)
            rule.append(r)
            plain.append(not listed)
        groups += width
    per = n if random.random() < 0.5 and n > 1 else 1
    cap, least = np.empty((len(rows), per), np.int32), np.zeros((len(rows), per), np.int32)
    for row in range(len(rows)):
        if row and rule[row] == rule[row - 1]:
            cap[row], least[row] = cap[row - 1], least[row - 1]
            continue
        cap[row] = random.integers(0, 4, per)
        if random.random() < 0.4:
            least[row] = np.minimum(cap[row], random.integers(0, 3, per))
    pairs = np.argwhere(np.triu(random.random((items, items)) < random.choice([0.0, 0.05, 0.2]), 1))
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    conflict_ptr = np.searchsorted(both[:, 0], np.arange(items + 1)) if len(pairs) else np.zeros(1)
    held = had = np.zeros(0)
    held_ptr = had_ptr = np.zeros(1, np.int64)
    if groups and random.random() < 0.5:
        held_ptr = np.arange(n + 1)
        held = np.stack([random.integers(0, groups, n), random.integers(1, 3, n)])
    if random.random() < 0.5:
        had_ptr = np.arange(n + 1)
        had = random.integers(0, items, n)
    mandatory = np.zeros(0)
    if random.random() < 0.4:
        mandatory = np.where(random.random(e) < 0.08, MANDATORY, 0)
        if random.random() < 0.5:
            mandatory[(mandatory > 0) & (random.random(e) < 0.4)] = BEFORE_MANDATORY
    return RuleSpec(
        group=np.array(rows, np.int32).reshape(len(rows), items),
        groups=groups,
        rule=np.array(rule, np.int32),
        plain=np.array(plain, np.uint8),
        cap=cap,
        least=least,
        upper=case.rules.upper,
        held_ptr=held_ptr,
        held=held.astype(np.int32).reshape(2, -1),
        had_ptr=had_ptr,
        had=had.astype(np.int32),
        conflict_ptr=conflict_ptr.astype(np.int64),
        conflict=both[:, 1].astype(np.int32),
        conflict_rule=np.full(len(both), len(rows), np.int32),
        mandatory=mandatory.astype(np.uint8),
        mandatory_rule=len(rows) + 1,
    )


def cases(make: Callable[..., Case], *, wide: st.SearchStrategy[bool]) -> st.SearchStrategy[Case]:
    """Small cases of all shapes, each made by `make` of a seed and sizes."""
    return st.builds(
        make,
        st.integers(0, 2**32 - 1),
        customers=st.integers(0, 9),
        longest=st.sampled_from([3, 9, 14]),
        attributes=st.integers(0, 2),
        segments=st.sampled_from([1, 3]),
        items=st.sampled_from([4, 30]),
        wide=wide,
        ties=st.booleans(),
        same_bounds=st.booleans(),
        lower=st.sampled_from([0, 0, 3]),
        upper=st.sampled_from([4, 8]),
    )
