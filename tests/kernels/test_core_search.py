"""Choices of the candidates that multipliers leave open, and what they bound, against enumeration."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from tests.support.constraint_cases import enumerated, random_constraints
from tests.support.row_cases import NO_ROWS, keeps_rows, random_rows

from couponry import Campaign, CustomerRule, Limit
from couponry.engines.local import LocalEngine
from couponry.kernels import load
from couponry.kernels.reference.constraint_search import fix
from couponry.kernels.reference.rows.core_search import search_core
from couponry.kernels.reference.rows.customer_rows import SearchRows
from couponry.kernels.reference.rows.multipliers import bound_at, find_multipliers
from couponry.kernels.reference.rows.relaxed import relax
from couponry.kernels.reference.rows.row_search import missed_by
from couponry.kernels.reference.search_bounds import (
    NOTHING,
    Node,
    SearchInput,
    SearchState,
    close_full,
    whole_values,
)
from couponry.solver.dual.lagrangian import Lagrangian


def begun(
    value: Any, fixing: Any, upper: int, bound: Any, member: Any, lower: int = 0
) -> tuple[SearchInput, SearchState, Node, Any] | None:
    """Where the search of a customer begins; None where what is forced in breaks a cap."""
    search = SearchInput(value, bound, member, lower, upper)
    state = SearchState(bound[:, 0].copy(), bound[:, 1].copy(), np.zeros(len(bound), np.int64))
    free, fixed = np.zeros(len(value), np.int64), np.zeros(len(value), np.int64)
    possible, given, total = fix(search, state, fixing, free, fixed)
    close_full(search, state, free, given)
    return (search, state, Node(free, given, total), fixed) if possible else None


def linear_rows(random: np.random.Generator, n: int) -> SearchRows:
    """One to three rows, none of which counts groups."""
    while True:
        rows = random_rows(random, n, int(random.integers(1, 4)))
        if not rows.head[:, 0].any():
            return rows


def windows(random: np.random.Generator, n: int) -> tuple[Any, Any]:
    """At most two on any few days in a row, as `best_choice` takes them."""
    day = random.integers(0, 14, n)
    member = np.array([(day >= d) & (day < d + 5) for d in range(10)], np.int64)
    bound = np.tile(np.array([2, 0, 1, 1], np.int64), (10, 1))
    return bound, member


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_the_core_has_the_first_of_the_best_subsets(first: int) -> None:
    decided = 0
    for seed in range(first, first + 50):
        random = np.random.default_rng([seed, 30])
        n = int(random.integers(2, 11))
        bound, member = random_constraints(random, n, int(random.integers(1, 5)), 0.0)
        rows = linear_rows(random, n) if seed % 4 else NO_ROWS
        values = random.integers(-2, 6, n) if seed % 3 == 0 else random.normal(0.5, 1.0, n)
        value, _ = whole_values(-np.sort(-values.astype(float)))
        fixing = np.zeros(n, np.int64)
        if seed % 5 == 0:
            fixing[random.integers(0, n)] = random.integers(1, 3)
        upper = int(random.integers(1, n + 1))
        start = begun(value, fixing, upper, bound, member)
        expected = enumerated(value, fixing, 0, upper, bound, member, partial(keeps_rows, rows))
        if start is None:
            continue
        search, state, node, fixed = start
        relaxed = relax(search, state, rows, node, fixed)
        at = find_multipliers(search, rows, relaxed)
        assert (at.constraint >= 0).all() and (at.row >= 0).all()
        if expected is not None:
            assert node.worth + bound_at(rows, relaxed, at) >= expected[2]
        best = np.zeros(n, np.int64)
        found, worth, most = search_core(search, state, rows, node, fixed, 100_000, best)
        if not found:  # what is forced in breaks a row until something else comes
            assert fixing.any()
            continue
        decided += 1
        assert expected is not None and (tuple(best.tolist()), 0, worth) == expected
        assert most == worth
        cut_off, so_far, most = search_core(search, state, rows, node, fixed, 0, best)
        assert not cut_off and (so_far == NOTHING or so_far <= worth <= most)
    assert decided > 30


@pytest.mark.parametrize("first", range(0, 400, 50))
def test_minimums_and_counts_of_groups_are_kept_by_the_first_of_the_best_subsets(
    first: int,
) -> None:
    """Where each minimum by itself can be met as far as the bound says, the core is the best choice of all."""
    decided, short = 0, 0
    for seed in range(first, first + 50):
        random = np.random.default_rng([seed, 32])
        n = int(random.integers(2, 11))
        bound, member = random_constraints(random, n, int(random.integers(1, 5)), 0.6)
        rows = random_rows(random, n, int(random.integers(1, 4))) if seed % 3 else NO_ROWS
        values = random.integers(-2, 6, n) if seed % 2 == 0 else random.normal(0.2, 1.0, n)
        value, _ = whole_values(-np.sort(-values.astype(float)))
        upper = int(random.integers(1, n + 1))
        lower = int(random.integers(0, upper + 1)) if seed % 4 == 0 else 0
        start = begun(value, np.zeros(n, np.int64), upper, bound, member, lower)
        expected = enumerated(
            value, np.zeros(n, np.int64), lower, upper, bound, member, partial(keeps_rows, rows)
        )
        assert start is not None and expected is not None
        search, state, node, fixed = start
        best = np.zeros(n, np.int64)
        ended, worth, most = search_core(search, state, rows, node, fixed, 100_000, best)
        if ended:
            decided += 1
            short += expected[1] > 0
            assert (tuple(best.tolist()), missed_by(search, best), worth) == expected
            assert most == worth
        for nodes in (1, 5, 20):
            cut_off, worth, most = search_core(search, state, rows, node, fixed, nodes, best)
            if worth != NOTHING:
                assert missed_by(search, best) == expected[1] and keeps_rows(rows, best)
                assert value @ best == worth <= expected[2] <= most
                assert most > worth or cut_off
    assert decided > 25 and short > 0


def test_multipliers_of_windows_leave_next_to_nothing_open() -> None:
    """Windows are intervals, whose relaxation has no gap: few bounds stay above the best choice."""
    close = 0
    for seed in range(40):
        random = np.random.default_rng([seed, 31])
        n = 10
        bound, member = windows(random, n)
        value, _ = whole_values(-np.sort(-random.random(n)))
        start = begun(value, np.zeros(n, np.int64), n, bound, member)
        assert start is not None
        search, state, node, fixed = start
        relaxed = relax(search, state, NO_ROWS, node, fixed)
        most = bound_at(NO_ROWS, relaxed, find_multipliers(search, NO_ROWS, relaxed))
        expected = enumerated(value, np.zeros(n, np.int64), 0, n, bound, member)
        assert expected is not None and most >= expected[2]
        close += bool(most <= 1.01 * expected[2])
    assert close >= 36


def wide_campaign(customers: int, minimums: bool) -> Campaign:
    """Households of 72 candidates, under rules that are not two nested families, and a budget of each household."""
    random = np.random.default_rng(33)
    offer = np.concatenate([np.sort(random.permutation(60)[:24]) for _ in range(customers)])
    candidates = {
        "customer": np.repeat(np.arange(customers), 24),
        "offer": offer,
        "value": random.lognormal(0.0, 1.0, offer.size),
    }
    offers = {
        "offer": np.arange(60),
        "brand": random.integers(0, 9, 60),
        "day": np.arange(60) % 7,
        "cost": random.integers(5, 60, 60) / 100,
    }
    home = {"customer": np.arange(customers), "household": np.arange(customers) // 3}
    rules = [
        CustomerRule("slots", max=5, each="customer"),
        CustomerRule("once", max=1, by="offer"),
        CustomerRule("days", max=2, by="day", each="customer"),
        CustomerRule("brands", max=3, min=1 if minimums else None, by="brand"),
        CustomerRule("money", sum="cost", max=2.5),
        CustomerRule(
            "different", distinct="brand", min=4 if minimums else None, max=None if minimums else 6
        ),
    ]
    budget = Limit("budget", sum="cost", max=0.6 * customers)
    return Campaign(offers, candidates, home, rules=rules, limits=[budget], unit="household")


@pytest.mark.parametrize("minimums", [False, True])
def test_wide_households_are_decided_alike_by_every_backend_and_none_is_cut_off(
    minimums: bool,
) -> None:
    campaign = wide_campaign(6, minimums)
    chosen = []
    for name in ("native", "numba"):
        backend = load(name)
        problem = campaign.compile(backend).problem
        engine = LocalEngine(problem.shard, problem.rules, backend, 1, 0)
        prices = np.full(len(problem.lower), 0.5)
        chosen.append(engine.choose(Lagrangian(problem, engine).choice_table(prices))[0])
    assert np.array_equal(chosen[0], chosen[1])
    result = wide_campaign(150, minimums).solve(threads=1)
    assert result.customers_cut_off == 0
    assert result.status == "optimal"
