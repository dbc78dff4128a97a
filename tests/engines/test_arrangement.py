"""Passes over customers in the order of their segments: the same bits as in their own order."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from benchmarks.instances.contact_rules import Contacts
from benchmarks.instances.synthetic import Synthetic
from numpy.typing import NDArray

from couponry import Campaign, CustomerRule, Limit, kernels
from couponry.engines import arrangement, cells
from couponry.engines.local import LocalEngine
from couponry.solver.problem import Problem

CUSTOMERS, STORES, OFFERS = 400, 7, 60


def problem_of(*rules: CustomerRule) -> Problem:
    """Customers of seven stores in a jumble, who have bounds of their own."""
    random = np.random.default_rng(5)
    size = Synthetic(CUSTOMERS, width=12, offers=OFFERS, brands=9, seed=1)
    contacts = Contacts.drawn(OFFERS, random)
    offers: Any = size.offers_table()
    for name, column in contacts.columns().items():
        offers = offers.append_column(name, pa.array(column))
    customers = pa.table(
        {
            "customer": np.arange(CUSTOMERS),
            "store": random.integers(0, STORES, CUSTOMERS),
            "most": random.integers(1, 6, CUSTOMERS),
        }
    )
    limits = [Limit("stock", by=("store", "offer"), max=9), Limit("budget", sum="cost", max=1e6)]
    slots = CustomerRule("slots", max="most")
    campaign = Campaign(offers, size.candidates(), customers, rules=[slots, *rules], limits=limits)
    return campaign.compile(kernels.load()).problem


def engine_of(problem: Problem, backend: str = "native", threads: int = 2) -> LocalEngine:
    return LocalEngine(problem.shard, problem.rules, kernels.load(backend), threads, 3)


def in_own_order(problem: Problem, backend: str = "native") -> LocalEngine:
    engine = engine_of(problem, backend)
    engine._may_arrange = False
    return engine


def drawn_prices(problem: Problem) -> NDArray[np.float32]:
    """Few different ones, so that many candidates are tied."""
    shape = problem.no_prices().shape
    price = np.random.default_rng(2).integers(-1, 4, shape).astype(np.float32)
    price[1:] = 0.0
    return price


@pytest.fixture(autouse=True)
def arranged_however_few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arrangement, "FEW_CANDIDATES", 0)


@pytest.mark.compiles
@pytest.mark.parametrize("backend", kernels.BACKENDS)
@pytest.mark.parametrize("overlapping", [False, True])
def test_sums_are_the_same_bits(backend: str, overlapping: bool) -> None:
    rules = [CustomerRule("brand", by="brand", max=1)]
    if overlapping:
        rules += Contacts.drawn(OFFERS, np.random.default_rng(5)).rules()
    problem = problem_of(*rules)
    plain, engine = in_own_order(problem, backend), engine_of(problem, backend)
    price = drawn_prices(problem)
    usage, cut_off = engine.evaluate_with_cut_off(price)
    assert engine._arranged is not None and plain._arranged is None
    expected, expected_cut_off = plain.evaluate_with_cut_off(price)
    assert (usage == expected).all() and cut_off == expected_cut_off
    chosen, counted = engine.choose(price)
    assert (counted == usage).all()
    assert (chosen == plain.choose(price)[0]).all()


def test_fixing_is_the_same_bits() -> None:
    problem = problem_of()
    price = drawn_prices(problem)
    threshold = np.full((2, 2, *price.shape[1:]), 0.5, np.float32)
    threshold[1, :, :, ::3] = 1.5
    found = engine_of(problem).fix(price, threshold, problem.fine)
    other = in_own_order(problem).fix(price, threshold, problem.fine)
    assert 0 < len(found.free) < CUSTOMERS
    for name in ("usage", "fine_usage", "free", "free_choice", "free_fine"):
        assert (getattr(found, name) == getattr(other, name)).all(), name
    for mine, theirs in zip(found.engine.shard, other.engine.shard, strict=True):
        assert np.array_equal(mine, theirs)


def test_other_rules_keep_the_order() -> None:
    problem = problem_of()
    price, engine = drawn_prices(problem), engine_of(problem)
    rules = problem.rules._replace(lower=np.zeros(1, np.int32), upper=np.full(1, 3, np.int32))
    same = engine.with_rules(rules)
    assert same._arranged is not None and same._arranged.shard is engine._arranged.shard
    expected = in_own_order(problem.with_rules(rules)).evaluate(price)
    assert (same.evaluate(price) == expected).all()


def test_what_gains_nothing_is_not_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    shard, rules = problem_of().shard, problem_of().rules
    assert arrangement.is_worth_arranging(shard, rules)
    together = shard._replace(segment=np.sort(shard.segment))
    assert not arrangement.is_worth_arranging(together, rules)
    everybody = shard._replace(segment=np.zeros(1, np.uint16))
    assert not arrangement.is_worth_arranging(everybody, rules)
    given = shard._replace(given_at=np.zeros(1, np.int64), given_value=np.ones(1, np.float32))
    assert not arrangement.is_worth_arranging(given, rules)
    monkeypatch.setattr(arrangement, "MOST_BYTES", shard.item.nbytes)
    assert not arrangement.is_worth_arranging(shard, rules)


@pytest.mark.parametrize("threads", [1, 2, 5])
@pytest.mark.parametrize("piece", [1, 500, 1 << 20])
def test_cells_counted_on_threads(
    threads: int, piece: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = problem_of()
    shape = problem.objective.shape[1:]
    monkeypatch.setattr(cells, "PIECE_CANDIDATES", piece)
    counted = cells.counted_cells(problem.shard, shape, threads)
    assert counted.sum() == problem.candidates and counted.shape == shape
    expected = np.bincount(problem.cells(), minlength=shape[0] * shape[1])
    assert counted.ravel().tolist() == expected.tolist()
