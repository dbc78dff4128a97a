"""Choices under constraints that are intervals, and the order that is found for them, against enumeration."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.support.constraint_cases import enumerated, random_constraints
from tests.support.row_cases import NO_ROWS, keeps_rows, random_rows

from couponry import Campaign, CustomerRule
from couponry.engines.local import LocalEngine
from couponry.kernels import load
from couponry.kernels.reference.constraint_search import fix
from couponry.kernels.reference.intervals.choose_intervals import search_intervals
from couponry.kernels.reference.intervals.find_intervals import find_intervals
from couponry.kernels.reference.rows.customer_rows import SearchRows
from couponry.kernels.reference.search_bounds import (
    Node,
    SearchInput,
    SearchState,
    close_full,
    whole_values,
)
from couponry.solver.dual.lagrangian import Lagrangian


def windows(random: np.random.Generator, n: int, most: int) -> tuple[Any, Any]:
    """At most so many on any few days in a row, and now and then a cap on some of them, in any order."""
    day = random.integers(0, int(random.integers(6, 20)), n)
    width = int(random.integers(2, 7))
    member = [(day >= d) & (day < d + width) for d in range(int(day.max()) + 1)]
    caps = [most] * len(member)
    if random.random() < 0.3:
        member.append(random.random(n) < 0.5)
        caps.append(most + 1)
    order = random.permutation(len(member))
    bound = np.array([[caps[s], 0, 1, 1] for s in order], np.int64)
    return bound, np.array([member[s] for s in order], np.int64)


def searched(
    value: Any, fixing: Any, upper: int, bound: Any, member: Any, rows: SearchRows
) -> tuple[bool, int, Any] | None:
    """What the search for intervals finds; None where what is forced in breaks a cap."""
    search = SearchInput(value, bound, member, 0, upper)
    state = SearchState(bound[:, 0].copy(), bound[:, 1].copy(), np.zeros(len(bound), np.int64))
    free, fixed = np.zeros(len(value), np.int64), np.zeros(len(value), np.int64)
    possible, given, total = fix(search, state, fixing, free, fixed)
    if not possible:
        return None
    close_full(search, state, free, given)
    best = np.zeros(len(value), np.int64)
    found, worth = search_intervals(search, state, rows, Node(free, given, total), fixed, best)
    return found, worth, best


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_what_is_found_is_the_first_of_the_best_subsets(first: int) -> None:
    decided = 0
    for seed in range(first, first + 50):
        random = np.random.default_rng([seed, 40])
        n = int(random.integers(3, 12))
        bound, member = windows(random, n, int(random.integers(1, 4)))
        rows = random_rows(random, n, 1) if seed % 4 == 0 else NO_ROWS
        values = random.integers(-2, 6, n) if seed % 3 == 0 else random.normal(0.5, 1.0, n)
        value, _ = whole_values(-np.sort(-values.astype(float)))
        fixing = np.zeros(n, np.int64)
        if seed % 5 == 0:
            fixing[random.integers(0, n)] = random.integers(1, 3)
        upper = int(random.integers(n // 2, n + 1))
        result = searched(value, fixing, upper, bound, member, rows)
        if result is None or not result[0]:
            continue
        decided += 1
        expected = enumerated(value, fixing, 0, upper, bound, member, partial(keeps_rows, rows))
        assert expected is not None
        assert (tuple(result[2].tolist()), 0, result[1]) == expected
    assert decided > 12


def test_windows_alone_are_always_decided() -> None:
    for seed in range(60):
        random = np.random.default_rng([seed, 41])
        day = random.integers(0, 28, 30)
        member = np.array([(day >= d) & (day < d + 7) for d in range(22)], np.int64)
        order = random.permutation(22)
        bound = np.tile(np.array([2, 0, 1, 1], np.int64), (22, 1))
        value, _ = whole_values(-np.sort(-random.random(30)))
        result = searched(value, np.zeros(30, np.int64), 30, bound, member[order], NO_ROWS)
        assert result is not None and result[0]


def test_constraints_that_are_no_intervals_are_left_to_other_searches() -> None:
    left = 0
    for seed in range(100):
        random = np.random.default_rng([seed, 42])
        bound, member = random_constraints(random, 10, 5, 0.0)
        bound[:, 0], bound[:, 3] = 2, 1
        search = SearchInput(np.arange(10, 0, -1), bound, member, 0, 10)
        state = SearchState(bound[:, 0].copy(), bound[:, 1].copy(), np.zeros(len(bound), np.int64))
        found = find_intervals(search, state, np.ones(10, np.int64))
        left += found.number == 0
        for t in range(
            10
        ):  # those that are: each candidate is in as many as lie between its first and its last one
            if found.number and found.first[t] >= 0:
                inside = (member[:, t] != 0) & (member.sum(axis=1) > 2)
                assert found.last[t] - found.first[t] + 1 <= inside.sum()
    assert left > 20


def test_households_under_windows_and_costs_choose_the_same_on_every_backend() -> None:
    random = np.random.default_rng(43)
    customers, width = 60, 24
    offers = {"offer": np.arange(48), "day": random.integers(1, 29, 48)}
    offer = np.concatenate([np.sort(random.permutation(48)[:width]) for _ in range(customers)])
    values = random.integers(1, 9, offer.size) / 8 if customers % 2 else random.random(offer.size)
    candidates = {
        "customer": np.repeat(np.arange(customers), width),
        "offer": offer,
        "value": np.where(random.random(offer.size) < 0.5, np.round(values, 1), values),
    }
    home = pa.table({"customer": np.arange(customers), "household": np.arange(customers) // 3})
    rules = [
        CustomerRule("any week", max=2, window=7, each="customer"),
        CustomerRule("messages", cost=[0.01 * k for k in range(30)]),
    ]
    campaign = Campaign(offers, candidates, home, rules=rules, unit="household")
    chosen = []
    for name in ("native", "reference"):
        backend = load(name)
        problem = campaign.compile(backend).problem
        engine = LocalEngine(problem.shard, problem.rules, backend, 1, 0)
        prices = np.zeros(len(problem.lower))
        chosen.append(engine.choose(Lagrangian(problem, engine).choice_table(prices))[0])
    assert np.array_equal(chosen[0], chosen[1])
