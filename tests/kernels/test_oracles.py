"""The kernels against enumeration: the greedy choice, regret and single moves are what they claim to be."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.kernel_cases import (
    Case,
    activity_of,
    evaluated,
    improved,
    local_search,
    make_case,
    native,
    nobody_waits,
    reference,
)

from couponry.kernels import FILL, REPAIR, available
from couponry.kernels.reference.preference import tie_hash

MODULES = [reference] + ([native] if available()["native"] == "yes" else [])
every_module = pytest.mark.parametrize("get_module", MODULES, ids=lambda get: get.__name__)

# Values are small whole numbers, so that sums are exact and ties many.
tiny = st.builds(
    make_case,
    st.integers(0, 2**32 - 1),
    customers=st.just(4),
    longest=st.just(8),
    items=st.just(8),
    attributes=st.integers(0, 1),
    rules=st.integers(0, 2),
    ties=st.just(True),
    lower=st.sampled_from([0, 5]),
    upper=st.sampled_from([3, 8]),
)


def values_of(case: Case, i: int) -> np.ndarray:
    """Reduced value of each of a customer's candidates, in float64: exact for whole numbers."""
    begin, end = case.shard.indptr[i : i + 2]
    segment = int(case.shard.segment[i])
    price = case.price[:, segment, case.shard.item[begin:end]].astype(np.float64)
    return price[0] + (price[1:] * case.shard.quantity[:, begin:end]).sum(0)


def allowed_subsets(case: Case, i: int) -> list[tuple[int, ...]]:
    """Every subset of a customer's candidates that keeps the most slots and the caps of the groups."""
    begin, end = case.shard.indptr[i : i + 2]
    group = case.rules.group[:, case.shard.item[begin:end]]

    def allowed(subset: tuple[int, ...]) -> bool:
        for rule, of_rule in enumerate(group[:, list(subset)]):
            count = np.bincount(of_rule[of_rule >= 0])
            if (count > case.rules.cap[rule, i]).any():
                return False
        return True

    most = min(end - begin, case.rules.upper[i])
    sizes = range(int(most) + 1)
    return [
        subset
        for size in sizes
        for subset in itertools.combinations(range(int(end - begin)), size)
        if allowed(subset)
    ]


def enough(case: Case, i: int, subsets: list[tuple[int, ...]]) -> list[tuple[int, ...]]:
    """Those that give as many coupons as the customer must have, or as many as it can."""
    needed = min(int(case.rules.lower[i]), max(map(len, subsets)))
    return [subset for subset in subsets if len(subset) >= needed]


@every_module
@settings(max_examples=40, deadline=None, derandomize=True)
@given(case=tiny)
def test_the_greedy_choice_is_the_best_subset(get_module, case: Case) -> None:
    _, chosen = evaluated(get_module(), case)
    for i in range(case.customers):
        begin, end = case.shard.indptr[i : i + 2]
        value = values_of(case, i)
        subsets = enough(case, i, allowed_subsets(case, i))
        picked = tuple(np.flatnonzero(chosen[begin:end]).tolist())
        assert picked in subsets
        assert value[list(picked)].sum() == max(value[list(subset)].sum() for subset in subsets)


@every_module
@settings(max_examples=40, deadline=None, derandomize=True)
@given(case=tiny)
def test_regret_is_what_forcing_the_other_decision_costs(get_module, case: Case) -> None:
    module = get_module()
    _, chosen = evaluated(module, case)
    exact = case.shard.quantity.astype(np.float64)
    regret = np.full(len(chosen), np.nan)
    reduced = case.price.astype(np.float64)
    module.regret(case.shard, case.rules, exact, reduced, chosen, 0, 0, case.customers, regret)
    for i in range(case.customers):
        begin, end = case.shard.indptr[i : i + 2]
        value = values_of(case, i)
        subsets = enough(case, i, allowed_subsets(case, i))
        best = max(value[list(subset)].sum() for subset in subsets)
        for j in range(int(end - begin)):
            was = bool(chosen[begin + j])
            forced = [value[list(s)].sum() for s in subsets if (j in s) != was]
            expected = best - max(forced) if forced else np.inf
            assert regret[begin + j] == expected


def weighted_violation(case: Case, activity: np.ndarray) -> float:
    rows = case.rows
    missed = np.maximum(0, activity - rows.upper) + np.maximum(0, rows.lower - activity)
    return float(missed @ rows.weight)


def soft_objective(case: Case, chosen: np.ndarray, activity: np.ndarray) -> float:
    """Objective of what is chosen less the penalties of soft limits."""
    rows = case.rows
    missed = np.maximum(0, activity - rows.upper) + np.maximum(0, rows.lower - activity)
    at = np.flatnonzero(chosen)
    customer = np.repeat(np.arange(case.customers), np.diff(case.shard.indptr))[at]
    worth = case.objective[:, case.shard.segment[customer], case.shard.item[at]]
    return float((worth[0] + (worth[1:] * case.exact[:, at]).sum(0)).sum() - missed @ rows.penalty)


@every_module
@pytest.mark.parametrize("rules", [0, 1, 2])
@pytest.mark.parametrize("seed", range(4))
def test_moves_keep_the_rules_and_do_what_they_are_for(get_module, seed: int, rules: int) -> None:
    module = get_module()
    case = make_case(seed, customers=12, longest=8, items=12, rules=rules, rows=4, upper=5)
    case.item_helps[:] = 3
    _, chosen = evaluated(module, case)
    activity = activity_of(case, chosen)

    def improve(mode: int, everybody: bool) -> int:
        search = local_search(case, mode, activity, chosen)
        moves = nobody_waits(np.arange(case.customers), case.customers)
        module.propose(case.shard, case.rules, search, moves, 0, case.customers)
        if not everybody:  # the moves of the first customer alone
            moves.priority[np.arange(case.customers) != np.argmin(moves.priority)] = np.inf
        return improved(module, case, search, moves, 10**6, bool(seed % 2))

    for mode in REPAIR, FILL:
        moves = 0
        while True:
            violation = weighted_violation(case, activity)
            objective = soft_objective(case, chosen, activity)
            before = chosen.copy()
            if not improve(mode, False):
                break
            moves += 1
            np.testing.assert_allclose(activity, activity_of(case, chosen), atol=1e-9)
            changed = np.flatnonzero(chosen != before)
            customer = np.searchsorted(case.shard.indptr, changed, side="right") - 1
            assert len(set(customer)) == 1
            i = int(customer[0])
            begin, end = case.shard.indptr[i : i + 2]
            assert tuple(np.flatnonzero(chosen[begin:end]).tolist()) in allowed_subsets(case, i)
            if mode == REPAIR:
                assert weighted_violation(case, activity) < violation
            else:
                assert soft_objective(case, chosen, activity) > objective
                assert weighted_violation(case, activity) <= violation + 1e-9
        assert moves < 500
        assert improve(mode, True) == 0


def test_the_hash_orders_ties_and_nothing_else() -> None:
    hashes = {tie_hash(7, 2**40 + 1, k) for k in range(1000)}
    assert len(hashes) == 1000 and min(hashes) >= 0 and max(hashes) < 2**32
    assert tie_hash(7, 1, 0) != tie_hash(7, 2**32 + 1, 0)
