"""Exchanges keep every limit and rule, never lose, and fill what single moves leave."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from benchmarks.cases.matching import campaign_of
from benchmarks.instances import bipartite

from couponry import Campaign, CustomerRule, Limit, kernels
from couponry.engines.local import LocalEngine
from couponry.solver.dual.lagrangian import Lagrangian
from couponry.solver.dual.scaling import Scales
from couponry.solver.options import DEFAULT_OPTIONS
from couponry.solver.primal.exchange import ExchangeSearch
from couponry.solver.primal.repair import MeasuredChoice, Repair
from couponry.solver.problem import Problem

ALWAYS = replace(DEFAULT_OPTIONS.exchanges, idle_share=0.0, negligible_share=0.0)


def campaign(seed: int, *, soft: bool = False) -> Campaign:
    """Some customers, many limits of several kinds on few coupons each, and rules of customers."""
    rng = np.random.default_rng(seed)
    customers, offers = 60, 12
    is_there = rng.random((customers, offers)) < 0.6
    customer, offer = np.nonzero(is_there)
    candidates = pa.table(
        {
            "customer": customer,
            "offer": offer,
            "value": rng.gamma(2.0, 1.0, len(offer)),
            "weight": rng.lognormal(0.0, 0.5, len(offer)),
        }
    )
    kinds = pa.table({"offer": np.arange(offers), "brand": np.arange(offers) // 4})
    limits = [
        Limit("weights", sum="weight", by="offer", max=5.0 + seed),
        Limit("brands", sum="weight", by="brand", min=6.0, max=14.0 + 2 * seed),
        Limit("coupons", max=90, mode="soft" if soft else "hard", penalty=1.0 if soft else None),
    ]
    rules = [
        CustomerRule("slots", min=seed % 2, max=1 + seed % 3),
        CustomerRule("brand", by="brand", max=1),
    ]
    return Campaign(kinds, candidates, rules=rules, limits=limits)


def prices_of(problem: Problem, lagrangian: Lagrangian) -> np.ndarray:
    """Prices of some subgradient steps: good enough for residual capacity to be worth something."""
    prices = np.zeros(len(problem.lower))
    for step in range(1, 60):
        activity = lagrangian.evaluate(prices).activity
        beyond = np.maximum(activity - problem.upper, 0) - np.maximum(problem.lower - activity, 0)
        inside = (activity < problem.upper) & (activity > problem.lower)
        prices = np.where(inside, 0.9, 1.0) * prices + 0.2 / step * beyond
    return prices


def exchanged(
    given: Campaign, backend: str | None = None, threads: int = 1
) -> tuple[Problem, MeasuredChoice, MeasuredChoice]:
    """The problem, a repaired and filled choice, and what exchanges make of it."""
    loaded = kernels.load(backend)
    problem = given.compile(loaded).problem
    engine = LocalEngine(problem.shard, problem.rules, loaded, threads, 0)
    lagrangian = Lagrangian(problem, engine)
    prices = prices_of(problem, lagrangian)
    repair = Repair(problem, engine, Scales.measure(problem, engine), DEFAULT_OPTIONS.repair)
    chosen, _ = lagrangian.choose(prices)
    choice = repair.repair_and_fill(chosen, lagrangian.reduced(prices), lambda: None)
    search = ExchangeSearch(problem, engine, repair, prices, ALWAYS)
    return problem, choice, search.improve(choice, 1e6, lambda: None)


@pytest.mark.parametrize("soft", [False, True])
@pytest.mark.parametrize("seed", range(8))
def test_exchanges_keep_limits_and_rules_and_never_lose(seed: int, soft: bool) -> None:
    problem, choice, better = exchanged(campaign(seed, soft=soft))
    assert choice.feasible and better.feasible
    assert better.objective >= choice.objective
    assert (better.moves > choice.moves) == (better.objective > choice.objective)
    customer = problem.customer_of(np.flatnonzero(better.chosen))
    held = np.bincount(customer, minlength=problem.customers)
    before = np.bincount(problem.customer_of(np.flatnonzero(choice.chosen)), minlength=len(held))
    assert (held <= 1 + seed % 3).all() and (held >= np.minimum(before, seed % 2)).all()
    brand = problem.shard.item[np.flatnonzero(better.chosen)] // 4
    assert len(set(zip(customer.tolist(), brand.tolist(), strict=True))) == len(customer)


def test_exchanges_gain_somewhere() -> None:
    gains = [
        better.objective - choice.objective
        for _, choice, better in map(exchanged, map(campaign, range(8)))
    ]
    assert sum(gain > 0 for gain in gains) >= 4


@pytest.mark.parametrize("backend", ["reference", "native"])
def test_exchanges_are_the_same_on_any_backend_and_any_number_of_threads(backend: str) -> None:
    if kernels.available()[backend] != "yes":
        pytest.skip(f"needs the backend {backend}")
    for seed in range(1 if backend == "reference" else 4):
        _, _, expected = exchanged(campaign(seed))
        _, _, found = exchanged(campaign(seed), backend, threads=3)
        assert found.chosen.tobytes() == expected.chosen.tobytes()
        assert found.activity.tobytes() == expected.activity.tobytes()


def test_choices_that_miss_nothing_are_left_alone() -> None:
    problem, choice, _ = exchanged(campaign(1))
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), 1, 0)
    repair = Repair(problem, engine, Scales.measure(problem, engine), DEFAULT_OPTIONS.repair)
    without_prices = ExchangeSearch(
        problem, engine, repair, np.zeros(len(problem.lower)), DEFAULT_OPTIONS.exchanges
    )
    for missing in 0.0, 1.0:  # nothing is wanted; residual capacity is worth nothing
        assert without_prices.improve(choice, missing, lambda: None) is choice


@pytest.mark.parametrize("most_are_fixed", [False, True])
def test_many_limits_of_few_coupons_are_filled(most_are_fixed: bool) -> None:
    matching = bipartite.draw(20_000, 600, 0.02)
    candidates = pa.Table.from_batches(matching.batches())
    solved = campaign_of(matching.offers, candidates, None)
    options = replace(DEFAULT_OPTIONS, core=replace(DEFAULT_OPTIONS.core, candidates=0))
    if most_are_fixed:
        options = replace(options, sizes=replace(options.sizes, in_memory_candidates=0))
    result = solved.solve(gap=3e-4, threads=2, solver_options=options)
    assert result.gap <= 3e-4 and result.max_violation == 0
    assert result.full_passes < 150  # repair and filling alone leave four times as much
