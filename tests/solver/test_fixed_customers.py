"""Fixed customers: what they use, in fine and in coarse sums, and who is left free."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from couponry import Campaign, CustomerRule, Limit, kernels
from couponry.engines.local import LocalEngine
from couponry.kernels import PARTS
from couponry.solver.dual.lagrangian import Lagrangian, as_float32
from couponry.solver.dual.scaling import Scales
from couponry.solver.options import DEFAULT_OPTIONS
from couponry.solver.primal.fixed_customers import (
    activity_error,
    fix_customers,
    fixed_usage,
    free_problem,
    likely_activity_error,
    no_free_customers,
    usage_error,
)
from couponry.solver.primal.free_customers import RegretCounts
from couponry.solver.problem import Problem

FREE = DEFAULT_OPTIONS.free_customers


@pytest.fixture
def two_attributes(request: pytest.FixtureRequest) -> Problem:
    """Two attributes of a numeric type, three segments; of one item all whole numbers, of one all but the same."""
    rng = np.random.default_rng(3)
    table = {
        "customer": np.repeat(np.arange(90), 7),
        "offer": np.tile(np.arange(7), 90),
        "value": rng.gamma(2.0, 1.0, 630).astype(request.param),
        "weight": rng.normal(5.0, 2.0, 630).astype(request.param),
    }
    table["weight"][1::7] = rng.integers(0, 3, 90)
    table["weight"][2::7] = 1e6 + rng.integers(0, 2, 90)
    customers = {"customer": np.arange(90), "kind": np.arange(90) % 3}
    limits = [Limit(f"{k}", sum="weight", customers={"kind": k}, max=1.0) for k in range(2)]
    slots = [CustomerRule("slots", max=3)]
    offers = {"offer": np.arange(7)}
    return Campaign(offers, table, customers, rules=slots, limits=limits).compile().problem


either_type = pytest.mark.parametrize("two_attributes", [np.float32, np.float64], indirect=True)


def prices_of(problem: Problem, engine: LocalEngine) -> Any:
    lagrangian = Lagrangian(problem, engine)
    prices = np.full(len(problem.lower), 0.05)
    return as_float32(lagrangian.price_table(lagrangian.reduced(prices)))


@either_type
def test_values_as_given_are_within_the_fine_error(two_attributes: Problem) -> None:
    problem = two_attributes
    item = problem.shard.item
    for c, attribute in enumerate(problem.attributes):
        steps = problem.shard.quantity[c] - 0.5 + problem.fine[c] / 256
        off = np.abs(attribute - (problem.low[c][item] + problem.step[c][item] * steps))
        assert (off <= problem.fine_error[c][item]).all()
        # float64 itself is coarser than a 512th of a step where a value is large beside its item's range
        rounding = 1e-15 * np.abs(attribute)
        assert (off <= problem.step[c][item] / 512 * (1 + 1e-9) + rounding).all()
        largest = np.zeros(len(problem.low[c]))
        np.maximum.at(largest, item, off)
        assert np.allclose(largest, problem.fine_error[c], rtol=1e-6)


@either_type
def test_fixed_usage_sums_are_within_their_error(two_attributes: Problem) -> None:
    problem = two_attributes
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), 2, 0)
    price = prices_of(problem, engine)
    chosen, _ = engine.choose(price)
    usage = fixed_usage(problem, fix_customers(problem, engine, price, no_free_customers(problem)))
    error = usage_error(problem, usage[0])
    off = np.abs(usage - exactly(problem, chosen))
    assert (off <= error + 1e-15 * np.abs(usage)).all() and off[1:].any() and not off[0].any()
    assert (error[1:].sum(axis=(1, 2)) < 1e-7 * usage[1:].sum(axis=(1, 2))).all()

    near = no_free_customers(problem)
    near[:, :, :, ::2] = 0.3
    fixed = fix_customers(problem, engine, price, near)
    assert 0 < len(fixed.free) < 90
    theirs = np.isin(problem.customer_of(), fixed.free)
    assert np.array_equal(fixed.free_choice, chosen[theirs])
    assert np.array_equal(fixed.free_fine, problem.fine[:, theirs])
    usage = fixed_usage(problem, fixed)
    off = np.abs(usage - exactly(problem, chosen.astype(bool) & ~theirs))
    assert (off <= usage_error(problem, usage[0]) + 1e-15 * np.abs(usage)).all()
    scales = Scales.measure(problem, engine)
    part = free_problem(problem, scales, fixed, problem.rows @ usage.ravel(), FREE)
    for c, attribute in enumerate(part.attributes):
        given = np.asarray(problem.attributes[c], float)[theirs]
        off = np.abs(attribute - given)
        assert (off <= problem.fine_error[c][part.shard.item] + 1e-15 * np.abs(given)).all()
    assert np.shares_memory(part.exact, part.attributes[1])  # free customers' values are held once
    assert part.exact.shape == (2, part.candidates) and part.fine.size == 0

    changed = 1 - fixed.free_choice
    whole = np.concatenate([c for *_, c in engine.blocks(price, fixed.free, changed)])
    assert np.array_equal(whole[theirs], changed)
    assert np.array_equal(whole[~theirs], chosen[~theirs])


@either_type
def test_sums_of_quantities_alone_are_likely_within_what_they_are_unsure_of(
    two_attributes: Problem,
) -> None:
    problem = two_attributes
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), 2, 0)
    price = prices_of(problem, engine)
    chosen, counted = engine.choose(price)
    usage = Lagrangian(problem, engine).usage(counted)
    off = np.abs(problem.rows @ (usage - exactly(problem, chosen)).ravel())
    unsure = likely_activity_error(problem, usage[0], FREE)
    assert (off <= unsure).all() and (off > unsure / 100).any()


@either_type
def test_numbers_of_coupons_are_not_off(two_attributes: Problem) -> None:
    problem = two_attributes
    coupons = np.full(problem.objective.shape[1:], 7.0)
    error = abs(problem.rows) @ usage_error(problem, coupons).ravel()
    assert error.any() and not problem.counts_alone
    np.testing.assert_array_equal(activity_error(problem, coupons), error)
    of_coupons = problem.rows.indices < coupons.size
    counted = problem.rows.copy()
    counted.data[~of_coupons] = 0.0
    counted.eliminate_zeros()
    alone = replace(problem, rows=counted)
    assert alone.counts_alone and not activity_error(alone, coupons).any()
    assert not (abs(counted) @ usage_error(alone, coupons).ravel()).any()


def test_a_candidate_that_weighs_little_counts_for_little() -> None:
    random = np.random.default_rng(3)
    weight = random.choice([0.25, 1.0], 4_000)
    table = {
        "customer": np.repeat(np.arange(1000), 4),
        "offer": np.tile(np.arange(4), 1000),
        "value": random.uniform(1.0, 2.0, 4_000),
        "weight": weight,
    }
    heavy = Campaign(
        {"offer": np.arange(4)},
        table,
        rules=[CustomerRule("slots", max=2)],
        limits=[Limit("load", sum="weight", by="offer", max=100.0)],
    )
    problem = heavy.compile().problem
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), 2, 0)
    dual = Lagrangian(problem, engine)
    counted = RegretCounts(dual, np.zeros(4), Scales.measure(problem, engine), FREE).count[:, -1]
    mean = np.array([weight[k::4].mean() for k in range(4)])
    relative = np.minimum(1.0, weight / np.tile(mean, 1000))
    held, _ = engine.choose(as_float32(dual.price_table(dual.reduced(np.zeros(4)))))
    leaves = np.bincount(problem.shard.item[held == 1], relative[held == 1], 4)
    comes = np.bincount(problem.shard.item[held == 0], relative[held == 0], 4)
    # in whole 256ths of a candidate
    assert np.allclose(counted / PARTS, np.concatenate([leaves, comes]), rtol=3e-3)


def exactly(problem: Problem, chosen: Any) -> Any:
    """Usage of a choice from the attributes as given, each cell's sum rounded once."""
    usage = np.zeros((1 + len(problem.attributes), problem.objective[0].size))
    positions = np.flatnonzero(chosen)
    cells = problem.cells(positions)
    for cell in np.unique(cells):
        there = positions[cells == cell]
        usage[:, cell] = len(there), *(math.fsum(c[there].tolist()) for c in problem.attributes)
    return usage.reshape(problem.objective.shape)


@pytest.mark.compiles
@either_type
def test_fixed_usage_sums_depend_on_neither_blocks_nor_threads(
    two_attributes: Problem, monkeypatch: pytest.MonkeyPatch
) -> None:
    problem, found = two_attributes, []
    for block, threads, backend in itertools.product((50, 300, 1 << 19), (1, 3), kernels.BACKENDS):
        monkeypatch.setattr("couponry.engines.local.BLOCK_CANDIDATES", block)
        engine = LocalEngine(problem.shard, problem.rules, kernels.load(backend), threads, 0)
        near = no_free_customers(problem)
        near[:, :, :, ::2] = 0.3
        fixed = fix_customers(problem, engine, prices_of(problem, engine), near)
        found.append([fixed_usage(problem, fixed), fixed.free, fixed.free_fine])
    for other in found[1:]:
        for mine, theirs in zip(other, found[0], strict=True):
            assert mine.tobytes() == theirs.tobytes()
