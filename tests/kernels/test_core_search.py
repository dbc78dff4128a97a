"""Choices of the candidates that multipliers leave open, and what they bound, against enumeration."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from tests.support.constraint_cases import enumerated, random_constraints
from tests.support.row_cases import NO_ROWS, keeps_rows, random_rows

from couponry.kernels.reference.constraint_search import fix
from couponry.kernels.reference.rows.core_search import can_be_priced, search_core
from couponry.kernels.reference.rows.customer_rows import SearchRows
from couponry.kernels.reference.rows.multipliers import bound_at, find_multipliers, relax
from couponry.kernels.reference.search_bounds import (
    Node,
    SearchInput,
    SearchState,
    close_full,
    whole_values,
)


def begun(
    value: Any, fixing: Any, upper: int, bound: Any, member: Any
) -> tuple[SearchInput, SearchState, Node, Any] | None:
    """Where the search of a customer begins; None where what is forced in breaks a cap."""
    search = SearchInput(value, bound, member, 0, upper)
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
        found, worth = search_core(search, state, rows, node, fixed, 100_000, best)
        if not found:  # what is forced in breaks a row until something else comes
            assert fixing.any()
            continue
        decided += 1
        assert expected is not None and (tuple(best.tolist()), 0, worth) == expected
        assert not search_core(search, state, rows, node, fixed, 0, best)[0]
    assert decided > 30


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


def test_minimums_and_counts_of_groups_are_left_to_other_searches() -> None:
    value, member = np.array([4, 2]) << 2, np.ones((1, 2), np.int64)
    caps, asks = np.array([[1, 0, 1, 0]]), np.array([[2, 1, 1, 0]])
    groups = SearchRows(np.array([[1, 0, 1]]), np.array([0, 1]), np.array([0]), np.array([0]))
    assert can_be_priced(SearchInput(value, caps, member, 0, 2), NO_ROWS, 0)
    assert not can_be_priced(SearchInput(value, asks, member, 0, 2), NO_ROWS, 0)
    assert not can_be_priced(SearchInput(value, caps, member, 1, 2), NO_ROWS, 0)
    assert not can_be_priced(SearchInput(value, caps, member, 0, 2), groups, 0)
