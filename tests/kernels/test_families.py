"""Choices under constraints that are two nested families, minimums included, against enumeration."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp
from tests.support.constraint_cases import enumerated, random_constraints
from tests.support.row_cases import NO_ROWS, keeps_rows, random_rows

from couponry import Campaign, CustomerRule, Limit
from couponry.engines.local import LocalEngine
from couponry.kernels import load
from couponry.kernels.reference.constraint_search import fix, search_choice
from couponry.kernels.reference.families.choose_families import search_families
from couponry.kernels.reference.families.find_families import find_families
from couponry.kernels.reference.rows.customer_rows import SearchRows
from couponry.kernels.reference.search_bounds import (
    Node,
    SearchInput,
    SearchState,
    close_full,
    whole_values,
)
from couponry.kernels.set_layout import MANDATORY_WEIGHT
from couponry.solver.dual.lagrangian import Lagrangian


def families(random: np.random.Generator, n: int) -> tuple[Any, Any]:
    """Members with their slots and products that are given once, some of both asked for, within larger groups."""
    member, bound = [], []
    for groups in (int(random.integers(2, 5)), int(random.integers(2, 7))):
        mine = random.integers(0, groups, n)
        around = random.integers(0, 2, groups)
        sets = [mine == g for g in range(groups)] + [around[mine] == g for g in range(2)]
        for inside in sets:
            size = int(inside.sum())
            cap = int(random.integers(0, size + 1)) if random.random() < 0.7 else size
            least = int(random.integers(0, cap + 1)) if random.random() < 0.4 else 0
            weight = MANDATORY_WEIGHT if random.random() < 0.1 else 1
            bound.append([cap, least, weight, int(random.random() < 0.5)])
            member.append(inside)
    order = random.permutation(len(member))
    return np.array(bound, np.int64)[order], np.array(member, np.int64)[order]


def searched(
    value: Any, fixing: Any, lower: int, upper: int, bound: Any, member: Any, rows: SearchRows
) -> tuple[bool, int, Any] | None:
    """What the search by families finds; None where what is forced in breaks a cap."""
    search = SearchInput(value, bound, member, lower, upper)
    state = SearchState(bound[:, 0].copy(), bound[:, 1].copy(), np.zeros(len(bound), np.int64))
    free, fixed = np.zeros(len(value), np.int64), np.zeros(len(value), np.int64)
    possible, given, total = fix(search, state, fixing, free, fixed)
    if not possible:
        return None
    close_full(search, state, free, given)
    best = np.zeros(len(value), np.int64)
    found, worth = search_families(search, state, rows, Node(free, given, total), fixed, best)
    return found, worth, best


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_what_is_found_is_the_first_of_the_best_subsets(first: int) -> None:
    decided = asked = 0
    for seed in range(first, first + 50):
        random = np.random.default_rng([seed, 50])
        n = int(random.integers(3, 12))
        bound, member = families(random, n) if seed % 4 else random_constraints(random, n, 4, 0.5)
        rows = random_rows(random, n, 1) if seed % 4 == 1 else NO_ROWS
        values = random.integers(-2, 6, n) if seed % 3 == 0 else random.normal(0.5, 1.0, n)
        value, _ = whole_values(-np.sort(-values.astype(float)))
        fixing = np.zeros(n, np.int64)
        if seed % 5 == 0:
            fixing[random.integers(0, n)] = random.integers(1, 3)
        upper = int(random.integers(n // 2, n + 1))
        lower = int(random.integers(0, upper + 1)) if seed % 2 else 0
        result = searched(value, fixing, lower, upper, bound, member, rows)
        if result is None or not result[0]:
            continue
        decided += 1
        expected = enumerated(value, fixing, lower, upper, bound, member, partial(keeps_rows, rows))
        assert expected is not None
        asked += expected[1] > 0
        assert (tuple(result[2].tolist()), result[1]) == (expected[0], expected[2]), seed
    assert decided > 30
    assert asked > 10


def household(random: np.random.Generator, n: int) -> tuple[Any, Any]:
    """Members who are to get three coupons each, and products that the household gets once."""
    of_member, product = random.integers(0, n // 6, n), random.integers(0, n // 3, n)
    sets = [of_member == m for m in range(n // 6)] + [product == p for p in range(n // 3)]
    bound = [[4, 3, 1, 0]] * (n // 6) + [[1, 0, 1, 1]] * (n // 3)
    return np.array(bound, np.int64), np.array(sets, np.int64)


@pytest.mark.parametrize("n", [60, 63, 130])
def test_households_whose_minimums_cannot_be_kept_are_as_highs_says(n: int) -> None:
    for seed in range(4):
        random = np.random.default_rng([seed, 51])
        bound, member = household(random, n)
        values = (
            random.normal(-1.0, 1.0, n) if seed % 2 else random.integers(-2, 2, n).astype(float)
        )
        value, shift = whole_values(-np.sort(-values))
        nothing = np.zeros(n, np.int64)
        picks, short, worth, most = search_choice(value, nothing, 0, n, bound, member, NO_ROWS, 100)
        assert most == worth
        missing = np.vstack([np.eye(n // 6), np.zeros((n // 3, n // 6))])
        rows = LinearConstraint(
            np.hstack([member, missing]), bound[:, 1].astype(float), bound[:, 0].astype(float)
        )
        cost = np.concatenate([-value / 2.0**shift, np.full(n // 6, 1000.0)])
        upper = np.concatenate([np.ones(n), np.full(n // 6, 4.0)])
        found = milp(
            cost, constraints=rows, bounds=Bounds(0, upper), integrality=np.ones(len(cost))
        )
        assert short == round(found.x[n:].sum()) == 3 * (n // 6) - picks.sum() > 0
        assert worth / 2.0**shift == pytest.approx(-cost[:n] @ np.round(found.x[:n]), abs=1e-5)


def campaign_of_households(households: int, members: int, values: Any) -> Campaign:
    """Members who are to get two coupons each out of seven, of twelve products that a household gets once."""
    random = np.random.default_rng(52)
    customers = households * members
    offer = np.concatenate([np.sort(random.permutation(12)[:7]) for _ in range(customers)])
    candidates = {
        "customer": np.repeat(np.arange(customers), 7),
        "offer": offer,
        "value": values(random, offer.size),
    }
    offers = {"offer": np.arange(12), "cost": random.uniform(0.1, 0.5, 12)}
    home = {"customer": np.arange(customers), "household": np.arange(customers) // members}
    rules = [
        CustomerRule("slots", min=2, max=4, each="customer"),
        CustomerRule("once", max=1, by="offer"),
    ]
    budget = Limit("budget", sum="cost", max=0.28 * 12 * households)
    return Campaign(offers, candidates, home, rules=rules, limits=[budget], unit="household")


@pytest.mark.parametrize("members", [8, 16])  # one number tells ties of their candidates, or two
def test_ties_are_told_alike_by_every_backend(members: int) -> None:
    campaign = campaign_of_households(
        6, members, lambda random, n: random.integers(-3, 3, n).astype(float)
    )
    chosen = []
    for name in ("native", "reference"):
        backend = load(name)
        problem = campaign.compile(backend).problem
        engine = LocalEngine(problem.shard, problem.rules, backend, 1, 0)
        prices = np.zeros(len(problem.lower))
        chosen.append(engine.choose(Lagrangian(problem, engine).choice_table(prices))[0])
    assert np.array_equal(chosen[0], chosen[1])


def test_no_household_is_cut_off_whose_minimums_cannot_be_kept() -> None:
    campaign = campaign_of_households(60, 7, lambda random, n: random.normal(-0.2, 1.0, n))
    result = campaign.solve(threads=1)
    assert result.customers_cut_off == 0
    assert result.customers_below_min > 50  # twelve products are too few for seven members
    assert result.status == "optimal"


def test_constraints_that_are_more_than_two_families_are_left_to_other_searches() -> None:
    member = np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]], np.int64)
    bound = np.tile(np.array([1, 0, 1, 1], np.int64), (3, 1))
    search = SearchInput(np.array([3, 2, 1]), bound, member, 0, 3)
    state = SearchState(bound[:, 0].copy(), bound[:, 1].copy(), np.zeros(3, np.int64))
    assert not find_families(search, state, np.ones(3, np.int64)).found
    assert find_families(search, state, np.array([1, 1, 0])).found  # two of them bind nothing then
