"""Moves by rounds: no rule is broken, the violation never grows, and threads, stops and errors leave all in order."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.kernel_cases import (
    Case,
    activity_of,
    evaluated,
    local_search,
    make_case,
    reference,
)

from couponry import kernels
from couponry.engines import rounds
from couponry.engines.local import LocalEngine
from couponry.kernels import FILL, REPAIR, LocalSearch

MODES = [REPAIR, FILL]


def case_of(seed: int) -> Case:
    case = make_case(seed, customers=60, longest=8, items=12, rules=1, rows=5, upper=4)
    case.item_helps[:] = 3
    return case


@pytest.fixture(autouse=True)
def small_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "FEW", 10)
    monkeypatch.setattr(rounds, "ROUND_SHARE", 8)
    monkeypatch.setattr(rounds, "PIECE_CANDIDATES", 10)


def moved(
    case: Case, mode: int, threads: int = 1, stop: Callable[[], bool] = lambda: False
) -> tuple[int, NDArray[np.float64], NDArray[np.uint8]]:
    """Moves made from the best choice, and the activity and the choice that they lead to."""
    _, chosen = evaluated(reference(), case)
    activity = activity_of(case, chosen)
    engine = LocalEngine(case.shard, case.rules, kernels.load(), threads, case.seed)
    search = local_search(case, mode, activity, chosen)
    try:
        return engine.improve(search, stop)[0], activity, chosen
    except InterruptedError:
        return -1, activity, chosen


def violation(case: Case, activity: NDArray[np.float64]) -> float:
    rows = case.rows
    missed = np.maximum(0, activity - rows.upper) + np.maximum(0, rows.lower - activity)
    return float(missed @ rows.weight)


def keeps_all_rules(case: Case, chosen: NDArray[np.uint8]) -> bool:
    """No more coupons than slots, and no group beyond its cap."""
    for i in range(case.customers):
        item = case.shard.item[slice(*case.shard.indptr[i : i + 2])]
        given = item[chosen[slice(*case.shard.indptr[i : i + 2])] > 0]
        groups = [case.rules.group[r, given] for r in range(len(case.rules.group))]
        most = [np.bincount(group[group >= 0]).max(initial=0) for group in groups]
        if len(given) > case.rules.upper[i] or (most > case.rules.cap[:, i]).any():
            return False
    return True


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(4))
def test_moves_are_the_same_in_whichever_order_they_are_looked_for(
    mode: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = case_of(seed)
    found = moved(case, mode)
    for order in np.arange(case.customers), np.arange(case.customers)[::-1]:
        monkeypatch.setattr(rounds, "_by_segment", lambda _, order=order: order)
        other = moved(case, mode)
        assert other[0] == found[0]
        assert all(np.array_equal(a, b) for a, b in zip(other[1:], found[1:], strict=True))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", range(4))
def test_nothing_gets_worse_and_no_rule_is_broken(mode: int, seed: int) -> None:
    case = case_of(seed)
    before = violation(case, activity_of(case, evaluated(reference(), case)[1]))
    made, activity, chosen = moved(case, mode)
    assert made > 0
    np.testing.assert_allclose(activity, activity_of(case, chosen), atol=1e-9)
    after = violation(case, activity)
    assert after < before if mode == REPAIR else after <= before + 1e-9
    assert keeps_all_rules(case, chosen)


@pytest.mark.parametrize("mode", MODES)
def test_as_good_as_one_by_one(mode: int, monkeypatch: pytest.MonkeyPatch) -> None:
    left = {True: 0.0, False: 0.0}
    for by_rounds in left:
        monkeypatch.setattr(rounds, "FEW", 10 if by_rounds else 1000)
        for seed in range(8):
            case = case_of(seed)
            _, activity, chosen = moved(case, mode)
            worth = case.objective[0, 0, case.shard.item][chosen > 0].sum()
            left[by_rounds] += violation(case, activity) if mode == REPAIR else -worth
    assert left[True] <= left[False] + 0.05 * abs(left[False])


@pytest.mark.parametrize("mode", MODES)
def test_threads_do_not_matter(mode: int) -> None:
    case = case_of(5)
    one = moved(case, mode)
    for threads in 2, 3, 4:
        made, activity, chosen = moved(case, mode, threads)
        assert (made, activity.tobytes(), chosen.tobytes()) == (
            one[0], one[1].tobytes(), one[2].tobytes(),
        )  # fmt: skip


@pytest.mark.parametrize("raises", [False, True])
def test_stopped_between_rounds(raises: bool) -> None:
    case = case_of(1)
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        if asked > 2 and raises:
            raise InterruptedError
        return asked > 2

    made, activity, chosen = moved(case, REPAIR, 2, stop)
    assert asked == 3 and (made < 0 if raises else 0 < made < moved(case, REPAIR)[0])
    np.testing.assert_allclose(activity, activity_of(case, chosen), atol=1e-9)
    assert keeps_all_rules(case, chosen)


@pytest.mark.parametrize("few", [10, 1000])
def test_filling_ends_once_it_gained_enough(few: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "FEW", few)
    monkeypatch.setattr(rounds, "LOOKS", 5)
    case = case_of(2)
    engine = LocalEngine(case.shard, case.rules, kernels.load(), 1, case.seed)

    def filled(enough: float) -> tuple[int, float]:
        _, chosen = evaluated(reference(), case)
        search = local_search(case, FILL, activity_of(case, chosen), chosen)
        before = worth(case, search)
        moves, gain = engine.improve(search, lambda: False, enough)
        assert gain == pytest.approx(worth(case, search) - before)
        return moves, gain

    all_moves, most = filled(np.inf)
    some, gain = filled(most / 2)
    assert 0 < some < all_moves and most / 2 <= gain < most
    assert filled(0.0) == (0, 0.0)


def worth(case: Case, search: LocalSearch) -> float:
    """Objective of what is chosen, less the penalties of soft limits."""
    rows, at = case.rows, np.flatnonzero(search.chosen)
    missed = np.maximum(0, search.activity - rows.upper) + np.maximum(
        0, rows.lower - search.activity
    )
    customer = np.searchsorted(case.shard.indptr, at, side="right") - 1
    value = case.objective[:, case.shard.segment[customer], case.shard.item[at]]
    return float((value[0] + (value[1:] * case.exact[:, at]).sum(0)).sum() - missed @ rows.penalty)
