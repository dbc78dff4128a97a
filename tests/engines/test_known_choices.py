"""Fixing at prices of a pass before: nothing is chosen anew, and all is as if it were."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations, pairwise
from typing import Any

import numpy as np
import pytest
from benchmarks.instances.synthetic import Synthetic
from numpy.typing import NDArray

from couponry import Campaign, CustomerRule, Limit, kernels
from couponry.engines import arrangement, local
from couponry.engines.fixing.known_choice import KnownChoice
from couponry.engines.local import LocalEngine
from couponry.engines.protocol import FixedChoices
from couponry.solver.problem import Problem

CUSTOMERS, STORES = 500, 5


def problem_of() -> Problem:
    """Customers who have other numbers of candidates each."""
    table: Any = Synthetic(CUSTOMERS, width=12, offers=60, brands=9, seed=1).candidates()
    kept = np.random.default_rng(1).random(len(table)) < 0.7
    limits = [Limit("budget", sum="cost", max=1e6), Limit("each", by="offer", max=20)]
    offers = Synthetic(CUSTOMERS, width=12, offers=60, brands=9, seed=1).offers_table()
    slots = CustomerRule("slots", max=4)
    campaign = Campaign(offers, table.filter(kept), rules=[slots], limits=limits)
    return campaign.compile(kernels.load()).problem


def engine_of(problem: Problem, threads: int, stores: int) -> LocalEngine:
    shard = problem.shard
    if stores > 1:
        of = np.random.default_rng(3).integers(0, stores, len(shard.indptr) - 1)
        shard = shard._replace(segment=of.astype(np.uint16))
    return LocalEngine(shard, problem.rules, kernels.load(), threads, 3)


def drawn_prices(problem: Problem, stores: int, seed: int = 2) -> NDArray[np.float32]:
    quantities, _, items = problem.no_prices().shape
    price = np.random.default_rng(seed).integers(-1, 4, (quantities, stores, items))
    price[1:] = 0
    return price.astype(np.float32)


def thresholds(price: NDArray[np.float32], least: float) -> NDArray[np.float32]:
    bars = np.full((3, 2, *price.shape[1:]), -1.0, np.float32)
    bars[:, :, :, ::7] = least
    return bars


def assert_same(found: FixedChoices, expected: FixedChoices) -> None:
    assert 0 < len(expected.free) < CUSTOMERS
    for name in ("usage", "fine_usage", "free", "free_choice", "free_fine"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
    for mine, theirs in zip(found.engine.shard, expected.engine.shard, strict=True):
        assert np.array_equal(mine, theirs)


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrangement, "FEW_CANDIDATES", 0)
    monkeypatch.setattr(local, "BLOCK_CANDIDATES", 300)


BEFORE: dict[str, Callable[[LocalEngine, Any, Any], object]] = {
    "certified": lambda engine, price, fine: engine.evaluate_with_cut_off(price),
    "chosen": lambda engine, price, fine: engine.choose(price),
    "fixed": lambda engine, price, fine: engine.fix(price, thresholds(price, 2.0), fine),
}


@pytest.mark.parametrize("stores", [1, STORES])
@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("before", BEFORE)
def test_it_is_as_if_nothing_were_known(before: str, threads: int, stores: int) -> None:
    problem = problem_of()
    price, fine = drawn_prices(problem, stores), problem.fine
    bars = thresholds(price, 0.5)
    expected = engine_of(problem, 1, stores).fix(price, bars, fine)
    engine = engine_of(problem, threads, stores)
    BEFORE[before](engine, price, fine)
    for _ in range(2):
        assert_same(engine.fix(price, bars, fine), expected)
    other = drawn_prices(problem, stores, 4)
    assert_same(engine.fix(other, bars, fine), engine_of(problem, 1, stores).fix(other, bars, fine))


def test_finer_values_go_with_their_candidates_into_the_order_of_segments() -> None:
    """Also where customers have other numbers of candidates each."""
    problem = problem_of()
    price, bars = drawn_prices(problem, STORES), thresholds(drawn_prices(problem, STORES), 0.5)
    plain = engine_of(problem, 1, STORES)
    plain._may_arrange = False
    engine = engine_of(problem, 1, STORES)
    assert problem.fine.any()
    assert_same(engine.fix(price, bars, problem.fine), plain.fix(price, bars, problem.fine))
    assert engine._arranged is not None and plain._arranged is None


@pytest.mark.parametrize("stores", [1, STORES])
def test_nobody_chooses_again(stores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = problem_of()
    price, engine = drawn_prices(problem, stores), engine_of(problem, 1, stores)
    engine.evaluate_with_cut_off(price)
    asked: list[object] = []
    evaluate = engine.kernels.evaluate
    monkeypatch.setattr(
        engine.kernels, "evaluate", lambda *given: (asked.append(given), evaluate(*given))
    )
    engine.fix(price, thresholds(price, 0.5), problem.fine)
    assert not asked
    engine.fix(drawn_prices(problem, stores, 4), thresholds(price, 0.5), problem.fine)
    assert asked


@pytest.mark.parametrize("stores", [1, STORES])
@pytest.mark.parametrize("threads", [1, 8])
def test_blocks_list_what_is_known(
    threads: int, stores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wherever blocks of threads end; what is kept in the order of segments is chosen again."""
    problem = problem_of()
    price, engine = drawn_prices(problem, stores), engine_of(problem, threads, stores)
    assert np.isin(engine._blocks, engine._cuts).all() == (threads == 1)
    free = np.array([3, 4, 77, CUSTOMERS - 1])
    sizes = np.diff(problem.shard.indptr)[free]
    choice = np.random.default_rng(5).integers(0, 2, sizes.sum()).astype(np.uint8)
    expected = list(engine_of(problem, 1, stores).blocks(price, free, choice))
    engine.evaluate_with_cut_off(price)
    asked: list[object] = []
    evaluate = engine.kernels.evaluate
    monkeypatch.setattr(
        engine.kernels, "evaluate", lambda *given: (asked.append(given), evaluate(*given))
    )
    found = list(engine.blocks(price, free, choice))
    assert bool(asked) is (stores > 1)
    for mine, theirs in zip(found, expected, strict=True):
        assert mine[:2] == theirs[:2] and np.array_equal(mine[2], theirs[2])
    list(engine.blocks(drawn_prices(problem, stores, 4), free, choice))
    assert asked


def test_whoever_changes_a_choice_changes_nothing_that_is_known() -> None:
    problem = problem_of()
    price, engine = drawn_prices(problem, 1), engine_of(problem, 1, 1)
    bars = thresholds(price, 0.5)
    expected = engine_of(problem, 1, 1).fix(price, bars, problem.fine)
    chosen, usage = engine.choose(price)
    chosen[:], usage[:] = 0, 0
    found = engine.fix(price, bars, problem.fine)
    assert_same(found, expected)
    found.usage[:], found.free_choice[:] = 0, 0
    assert_same(engine.fix(price, bars, problem.fine), expected)


def test_pieces_are_read_wherever_others_begin_and_end() -> None:
    random = np.random.default_rng(6)
    ptr = np.concatenate([[0], np.cumsum(random.integers(0, 7, 40))])
    chosen = random.integers(0, 2, ptr[-1]).astype(np.uint8)
    known = KnownChoice(np.zeros((1, 1, 1), np.float32), ptr)
    cuts = [0, 1, 9, 10, 30, 40]
    for start, stop in reversed(list(pairwise(cuts))):
        known.keep(start, stop, chosen[ptr[start] : ptr[stop]])
    known.complete(np.zeros((1, 1, 1), np.int64))
    for start, stop in combinations(range(41), 2):
        expected = chosen[ptr[start] : ptr[stop]]
        out = np.full(len(expected), 7, np.uint8)
        known.fill(start, stop, out)
        assert np.array_equal(out, expected)
        bits = known.bits(start, stop)
        assert np.array_equal(bits, np.packbits(expected, bitorder="little"))
