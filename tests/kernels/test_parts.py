"""Choices of parts, each by itself at a price on coupons, against enumeration."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from tests.support.constraint_cases import enumerated, random_constraints
from tests.support.kernel_cases import assert_same, backend, native_names, reference
from tests.support.row_cases import NO_ROWS, keeps_rows, random_rows

from couponry import Campaign, CustomerRule
from couponry.engines.local import LocalEngine
from couponry.kernels import Rules, Shard, load
from couponry.kernels.reference.parts.choose_by_parts import (
    best_choice,
    choose_by_parts,
    greedy_rank,
)
from couponry.kernels.reference.parts.choose_by_sizes import choose_by_sizes
from couponry.kernels.reference.parts.find_parts import find_parts
from couponry.kernels.reference.rows.customer_rows import SearchRows
from couponry.kernels.reference.search_bounds import whole_values
from couponry.model.compiled_campaign import compile_campaign
from couponry.solver.dual.lagrangian import Lagrangian


def parted(random: np.random.Generator, n: int, *, with_rows: bool, ties: bool) -> tuple[Any, ...]:
    """A customer's value, bound, member and rows, where nothing joins two or three parts and some single candidates."""
    part = random.integers(0, random.integers(3, 5), n)  # the last one is of single candidates
    bounds, members = [np.zeros((0, 4), np.int64)], [np.zeros((0, n), np.int64)]
    head, ptr, place, weight = [], [0], [], []
    for p in range(part.max()):
        own = np.flatnonzero(part == p)
        if len(own) == 0:
            continue
        bound, inside = random_constraints(random, len(own), int(random.integers(1, 4)), 0.0)
        member = np.zeros((len(bound), n), np.int64)
        member[:, own] = inside
        bounds.append(bound)
        members.append(member)
        if with_rows and random.random() < 0.6:
            rows = random_rows(random, len(own), 1)
            head.append(rows.head[0])
            place += own[rows.place].tolist()
            weight += rows.weight.tolist()
            ptr.append(len(place))
    rows = NO_ROWS
    if head:
        arrays = (np.array(head), np.array(ptr), np.array(place), np.array(weight))
        rows = SearchRows(*(array.astype(np.int64) for array in arrays))
    values = random.integers(-2, 5, n) if ties else random.normal(0.5, 1.0, n)
    value, _ = whole_values(-np.sort(-values.astype(float)))
    return value, np.concatenate(bounds), np.concatenate(members), rows


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_parts_together_are_the_first_of_the_best_subsets(first: int) -> None:
    for seed in range(first, first + 50):
        random = np.random.default_rng([seed, 20])
        n = int(random.integers(4, 11))
        value, bound, member, rows = parted(random, n, with_rows=seed % 2 == 0, ties=seed % 3 == 0)
        fixing = np.zeros(n, np.int64)
        if seed % 4 == 0:
            fixing[random.integers(0, n)] = random.integers(1, 3)
        upper = int(random.integers(1, n + 1))
        lower = int(random.integers(0, 2)) if seed % 5 == 0 else 0
        given = value, fixing, lower, upper, bound, member
        expected = enumerated(*given, partial(keeps_rows, rows))
        picks, short, worth, most = best_choice(*given, rows, 100_000)
        if expected is None:
            assert short == -1
            continue
        assert (tuple(picks.tolist()), short, worth) == expected
        assert most == worth


def test_most_cases_with_too_many_coupons_are_decided_part_by_part() -> None:
    tried = found = at_a_price = 0
    for seed in range(200):
        random = np.random.default_rng([seed, 21])
        n = int(random.integers(8, 16))
        value, bound, member, rows = parted(random, n, with_rows=False, ties=False)
        fixing, picks = np.zeros(n, np.int64), np.zeros(n, np.int64)
        parts = find_parts(fixing, bound, member, rows)
        if parts.number[0] == 0:
            continue
        tried += 1
        upper = int(random.integers(2, 5))
        given = value, fixing, 0, upper, bound, member, rows, 10_000
        found += choose_by_parts(*given, parts, picks)
        at_a_price += bool(picks.sum() == upper)
    assert found > 0.9 * tried
    assert at_a_price > 0.5 * tried


def test_the_first_price_is_of_a_greedy_choice_under_all_caps() -> None:
    value, _ = whole_values(np.array([9.0, 8.0, 7.0, 6.0, 5.0, 4.0, -1.0]))
    bound = np.array([[1, 0, 1, 0], [0, 0, 1, 0]])
    member = np.array([[1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0, 0]])
    parts = find_parts(np.zeros(7, np.int64), bound, member, NO_ROWS)
    # 9 and 5 are taken, 8 and 7 have no room, 6 is never given and not counted; 4 is too many
    assert [greedy_rank(value, parts, upper, bound, member) for upper in (1, 2, 3)] == [3, 4, 5]


def test_sizes_of_parts_decide_where_no_price_does() -> None:
    """Two budgets that two small coupons keep, or a large one: prices go from four coupons to two."""
    value, _ = whole_values(np.array([10.0, 10.0, 6.0, 6.0, 5.9, 5.9, 1.0]))
    fixing, member = np.zeros(7, np.int64), np.zeros((0, 7), np.int64)
    rows = SearchRows(
        np.array([[0, 0, 2], [0, 0, 2]]),
        np.array([0, 3, 6]),
        np.array([0, 2, 4, 1, 3, 5]),
        np.array([2, 1, 1, 2, 1, 1]),
    )
    parts = find_parts(fixing, np.zeros((0, 4), np.int64), member, rows)
    assert parts.of_candidate.tolist() == [0, 1, 0, 1, 0, 1, -2]
    picks, most = np.zeros(7, np.int64), np.array([0, 0, 1, 1, 1, 1, 1])
    bound = np.zeros((0, 4), np.int64)
    given = value, fixing, 3, bound, member, rows, 10_000, parts, most
    assert not choose_by_sizes(*given, picks)  # either of the two may have the large one
    value[1] -= 1 << 3
    assert choose_by_sizes(*given, picks)
    assert picks.tolist() == [1, 0, 0, 1, 0, 1, 0]
    expected = enumerated(value, fixing, 0, 3, bound, member, partial(keeps_rows, rows))
    assert expected is not None and tuple(picks.tolist()) == expected[0]
    found, short, worth, most_worth = best_choice(value, fixing, 0, 3, bound, member, rows, 10_000)
    assert (tuple(found.tolist()), short, worth) == expected
    assert most_worth == worth


def households(seed: int) -> tuple[Shard, Rules, Any]:
    """Shard, rules and price table of a few households under every kind of rule for each of them, and costs."""
    random = np.random.default_rng([seed, 22])
    people, width, offers = 24, int(random.integers(4, 20)), 30
    pairs = [random.permutation(offers)[:width] for _ in range(people)]
    values, cost = random.normal(0.3, 1.0, people * width), random.random(people * width)
    if seed % 2:
        values = np.round(values)  # ties
    candidates = {
        "customer": np.repeat(np.arange(people), width),
        "offer": np.concatenate(pairs),
        "value": values,
        "cost": cost,
    }
    table = {"offer": np.arange(10, 20), "requires": random.integers(0, 10, 10)}
    rules = [
        CustomerRule("each", max=6, each="customer"),
        CustomerRule("windows", max=2, window=7, each="customer"),
        CustomerRule("messages", cost=np.sort(random.random(int(random.integers(3, 12)))).tolist()),
        CustomerRule("purse", sum="cost", max=2.0, each="customer"),
        CustomerRule("after", requires=table, each="customer"),
    ]
    kept = [rule for rule in rules if random.random() < 0.7] or rules
    stated = Campaign(
        {"offer": np.arange(offers), "day": random.integers(0, 28, offers)},
        candidates,
        {"customer": np.arange(people), "home": random.integers(0, 9, people)},
        rules=kept,
        unit="home",
    )
    problem = compile_campaign(stated.data, load("native"), refuse=False).problem
    engine = LocalEngine(problem.shard, problem.rules, load("native"), 1, 0)
    table_of = Lagrangian(problem, engine).choice_table(np.zeros(0))
    return problem.shard, problem.rules, table_of


@pytest.mark.parametrize("seed", range(6))
def test_households_on_native_kernels_as_by_the_reference(seed: int) -> None:
    shard, rules, price = households(seed)
    n = len(shard.indptr) - 1

    def chosen_by(kernels: Any) -> list[Any]:
        usage, cut = np.zeros(price.shape, np.int64), np.zeros(2, np.int64)
        chosen = np.zeros(len(shard.item), np.uint8)
        kernels.evaluate(shard, rules, price, 7, 0, n, usage, chosen, 0, cut)
        return [usage, chosen, cut]

    expected = chosen_by(reference())
    for name in native_names():
        with backend(name) as module:
            for found, wanted in zip(chosen_by(module), expected, strict=True):
                assert_same(found, wanted)
