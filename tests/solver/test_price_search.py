"""The search for prices: what its curvature, price caps and shared quantities are, and what it makes of ties."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import scipy.optimize
import scipy.sparse as sp
from benchmarks.cases import matching
from benchmarks.instances import bipartite
from numpy.typing import NDArray
from tests.support.campaigns import proportional
from tests.support.comparison import verify
from tests.support.large_campaign import FEW_FREE
from tests.support.large_campaign import campaign as large_campaign
from tests.support.oracle import Oracle

from couponry import Campaign, CustomerRule, Limit, kernels
from couponry.engines.local import LocalEngine
from couponry.result import Result
from couponry.solver.dual import cutting_planes
from couponry.solver.dual.lagrangian import Evaluation, Lagrangian
from couponry.solver.dual.newton.curvature import Curvature
from couponry.solver.dual.price_caps import find_price_caps
from couponry.solver.dual.price_space import PriceSpace
from couponry.solver.dual.projected_quasi_newton import minimise_projected
from couponry.solver.dual.quasi_newton import Effort, minimise
from couponry.solver.dual.scaling import Scales
from couponry.solver.dual.search.violation import ViolationMeasure
from couponry.solver.linear_terms import terms_by_candidate
from couponry.solver.options import DEFAULT_OPTIONS, SizeOptions, SolverOptions
from couponry.solver.problem import ALIKE_STEPS, SAME_FINE, Problem

LARGE = SolverOptions(sizes=SizeOptions(in_memory_candidates=100_000))
CAPS = DEFAULT_OPTIONS.price_caps
SLOTS = CustomerRule("slots", max=4)
ONE_EACH = CustomerRule("one of each", max=1, by="product")


def half(customers: int, offers: int, rules: list[CustomerRule], limits: list[Limit]) -> Campaign:
    """Every customer has about half of the offers, at random values."""
    random = np.random.default_rng(1)
    given = random.random((customers, offers)) < 0.5
    customer, offer = np.nonzero(given)
    value = random.gamma(2.0, 1.0, offers)[offer] * random.lognormal(0.0, 0.5, len(offer))
    return Campaign(
        {"offer": np.arange(offers), "product": np.arange(offers) // 3},
        {
            "customer": customer,
            "offer": offer,
            "value": value.astype(np.float32),
            "cost": random.uniform(0.5, 1.5, len(offer)),
        },
        rules=rules,
        limits=limits,
    )


def engine_of(problem: Problem) -> LocalEngine:
    return LocalEngine(problem.shard, problem.rules, kernels.load(), 2, 0)


@pytest.mark.parametrize("rules", [[SLOTS], [SLOTS, ONE_EACH], []], ids=["slots", "groups", "none"])
def test_curvature_is_how_the_gradient_changes(rules: list[CustomerRule]) -> None:
    customers, offers = 60_000, 30
    limits = [
        Limit("cap", by="offer", max=2 * customers // offers),
        Limit("spend", sum="cost", max=1.6 * customers),
    ]
    problem = half(customers, offers, rules, limits).compile().problem
    dual = Lagrangian(problem, engine_of(problem))
    scales = Scales.measure(problem, dual.engine)
    space = PriceSpace.for_problem(problem, scales.price_scale(2.0))
    start, effort = np.zeros(len(problem.lower)), Effort(1e5, 12, 0.0)
    found = minimise(dual, space, start, effort, lambda _: False, DEFAULT_OPTIONS.quasi_newton)
    curvature = Curvature(dual, space, scales, 1.0, DEFAULT_OPTIONS.curvature)
    matrix, _ = curvature.at(found.prices).in_space(space)

    def slope(point: NDArray[np.float64]) -> NDArray[np.float64]:
        activity = dual.evaluate(space.prices(point)).activity
        return space.gradient(problem, activity)

    random = np.random.default_rng(2)
    at = space.point(found.prices) + 1e-3  # away from the ends of the prices
    expected, changed = [], []
    for _ in range(8):
        # a thousandth of the spread of values
        step = random.normal(size=len(at)) * 0.002 * scales.per_coupon[space.row] / space.scale
        step = np.clip(step, -0.9 * at, None)
        expected.append(matrix @ (2 * step))
        changed.append(slope(at + step) - slope(at - step))
    x, y = np.concatenate(expected), np.concatenate(changed)
    assert np.corrcoef(x, y)[0, 1] > 0.98
    assert 0.92 < (x @ y) / (x @ x) < 1.08


def test_channels_that_go_with_each_other_share_a_quantity() -> None:
    offers, candidates = proportional()
    limits = [Limit("load", sum="weight", by="offer", max=5.0)]
    problem = Campaign(offers, candidates, rules=[SLOTS], limits=limits).compile().problem
    assert problem.quantity_of.tolist() == [0, 0]
    assert problem.shard.quantity.shape == (1, problem.candidates)
    item, quantity = problem.shard.item, problem.shard.quantity[0]
    for c, given in enumerate(problem.attributes):
        miss = np.abs(problem.low[c][item] + problem.step[c][item] * quantity - given)
        assert (miss <= problem.error[c][item] * (1 + 1e-12)).all()
        assert (problem.error[c] <= (0.51 + ALIKE_STEPS) * problem.step[c] + 1e-12).all()
        parts = problem.fine[0].astype(int) + (problem.fine[1].astype(int) - SAME_FINE if c else 0)
        closer = problem.low[c][item] + problem.step[c][item] * (quantity + (parts / 256 - 0.5))
        assert (np.abs(closer - given) <= problem.fine_error[c][item] * (1 + 1e-9)).all()
        assert (problem.fine_error[c] <= (1 + 1e-6) / 512 * problem.step[c] + 1e-12).all()


@pytest.mark.parametrize("row", [0, 20_000])
def test_one_candidate_is_enough_to_tell_channels_apart(row: int) -> None:
    offers, candidates = proportional(customers=6_000)
    weight = candidates["weight"].to_numpy().copy()
    weight[row] += 0.01 * weight.max()
    table = candidates.set_column(3, "weight", pa.array(weight))
    limits = [Limit("load", sum="weight", by="offer", max=5.0)]
    problem = Campaign(offers, table, rules=[SLOTS], limits=limits).compile().problem
    assert problem.quantity_of.tolist() == [0, 1]


def test_nobody_wants_a_coupon_at_its_price_cap() -> None:
    offers, candidates = proportional()
    limits = [Limit("load", sum="weight", by="offer", max=5.0)]
    problem = Campaign(offers, candidates, rules=[SLOTS], limits=limits).compile().problem
    dual = Lagrangian(problem, engine_of(problem))
    caps = find_price_caps(problem, Scales.measure(problem, dual.engine), CAPS)
    assert caps == pytest.approx(1.0 / offers["scale"].to_numpy(), rel=1e-3)
    below, above = (dual.evaluate(caps * factor).usage[0] for factor in (0.99, 1.01))
    assert (below > 0).all()
    assert (above == 0).all()


@pytest.mark.parametrize(
    ("rules", "limits"),
    [
        ([CustomerRule("slots", min=1, max=4)], []),
        ([SLOTS], [Limit("enough", min=10)]),
    ],
)
def test_where_a_minimum_pays_there_is_no_price_cap(
    rules: list[CustomerRule], limits: list[Limit]
) -> None:
    load = Limit("load", sum="weight", by="offer", max=5.0)
    problem = Campaign(*proportional(), rules=rules, limits=[load, *limits]).compile().problem
    scales = Scales.measure(problem, engine_of(problem))
    assert np.isinf(find_price_caps(problem, scales, CAPS)).all()


@pytest.mark.parametrize("scale", [1.0, 1e-6, 1e6])
def test_bound_of_proportional_channels_holds(scale: float) -> None:
    offers, candidates = proportional(customers=12, offers=3)
    weight = candidates["weight"].to_numpy() * np.float32(scale)
    table = candidates.set_column(3, "weight", pa.array(weight))
    parts: dict[str, Any] = {
        "rules": [CustomerRule("one", max=1)],
        "limits": [Limit("load", sum="weight", by="offer", max=0.8 * scale)],
    }
    result = Campaign(offers, table, **parts).solve(threads=1, gap=1e-6)
    oracle = Oracle(offers, table, None, **parts)
    reach = oracle.reach()
    optimum = oracle.solve(reach)
    assert optimum.status == "optimal"
    assert verify(oracle, reach, result)[1] == []
    assert result.bound is not None
    assert result.objective is not None
    assert optimum.value is not None
    assert result.objective - 1e-9 <= optimum.value <= result.bound + 1e-9


def held(result: Result, offers: int) -> tuple[NDArray[np.int64], int]:
    """How many coupons of each offer are given, and the most that one customer has."""
    assert result.allocation is not None
    offer, customer = (
        result.allocation.to_arrow()[name].to_numpy() for name in ("offer", "customer")
    )
    return np.bincount(offer, minlength=offers), int(np.bincount(customer).max())


def ties(kind: str, customers: int, offers: int) -> Campaign:
    """Scores that are the same for everybody, on a few levels, or of a few values."""
    random = np.random.default_rng(0)
    value = np.tile(random.gamma(2.0, 1.0, offers), customers)
    if kind == "levels":
        value = value * np.repeat(random.choice([0.5, 1.0, 1.5], customers), offers)
    if kind == "few values":
        value = np.ceil(value * random.integers(1, 5, len(value))) / 4
    mean = 3 * customers / offers
    return Campaign(
        {"offer": np.arange(offers)},
        {
            "customer": np.repeat(np.arange(customers), offers),
            "offer": np.tile(np.arange(offers), customers),
            "value": value,
        },
        rules=[CustomerRule("slots", max=3)],
        limits=[
            Limit("cap", by="offer", max=int(0.9 * mean)),
            Limit("least", by="offer", min=int(0.3 * mean)),
        ],
    )


@pytest.mark.parametrize("kind", ["same", "levels", "few values"])
def test_ties_do_not_break_capacity(kind: str) -> None:
    campaign = ties(kind, 12_000, 20)
    result = campaign.solve(threads=2, solver_options=LARGE)
    assert result.status == "optimal"
    assert result.gap is not None
    assert result.gap <= 5e-4
    given, most = held(result, 20)
    assert most <= 3
    assert (given <= int(0.9 * 1_800)).all()
    assert (given >= int(0.3 * 1_800)).all()


@pytest.mark.parametrize("options", [DEFAULT_OPTIONS, FEW_FREE], ids=["everybody", "a sample"])
def test_what_everybody_chooses_without_prices_is_asked_once(options: SolverOptions) -> None:
    passes: list[tuple[int, bytes]] = []
    campaign, evaluate = large_campaign(), LocalEngine.evaluate

    def counted(engine: LocalEngine, price: NDArray[np.float32]) -> NDArray[np.int64]:
        # what may be given at all is asked for without prices too, but under no rules
        if (
            engine.rules.group.shape[0]
            or len(engine.rules.upper) > 1
            or engine.rules.upper[0] < 100
        ):
            passes.append((engine.customers, price.tobytes()))
        return evaluate(engine, price)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(LocalEngine, "evaluate", counted)
        result = campaign.solve(gap=5e-4, threads=2, solver_options=options)
    assert result.status == "optimal"
    assert len(passes) > 5
    assert passes.count(passes[0]) == 1


def test_values_in_proportion_to_weights() -> None:
    drawn = bipartite.draw(100_000, 400, 0.02)
    edges = pa.Table.from_batches(drawn.batches())
    result = matching.campaign_of(drawn.offers, edges, None).solve(threads=2, solver_options=LARGE)
    assert result.status == "optimal"
    assert result.full_passes < 120
    assert held(result, 400)[1] == 1
    assert result.allocation is not None
    names = ["customer", "offer"]
    given = result.allocation.to_arrow().select(names)
    given = given.cast(edges.schema.remove(3).remove(2)).join(edges, names)
    load = np.bincount(given["offer"].to_numpy(), weights=given["weight"].to_numpy(), minlength=400)
    assert given.num_rows == result.allocation.to_arrow().num_rows
    assert (load <= drawn.capacity * (1 + 1e-9)).all()


@pytest.mark.parametrize("seed", range(4))
def test_cutting_planes_find_the_least_dual(seed: int) -> None:
    """Where the dual is a linear programme in itself: its value is that of the relaxation."""
    random = np.random.default_rng(seed)
    customers, offers = 60, 8
    tables: dict[str, Any] = {
        "offers": {"offer": np.arange(offers)},
        "candidates": {
            "customer": np.repeat(np.arange(customers), offers),
            "offer": np.tile(np.arange(offers), customers),
            "value": random.gamma(2.0, 1.0, customers * offers),
        },
    }
    limits = [
        *(Limit(f"offer {k}", where={"offer": k}, max=8 + k) for k in range(4)),
        Limit("enough", where={"offer": [5, 6]}, min=30),
    ]
    problem = (
        Campaign(**tables, rules=[CustomerRule("slots", max=2)], limits=limits).compile().problem
    )
    dual = Lagrangian(problem, engine_of(problem))
    scales = Scales.measure(problem, dual.engine)
    space = PriceSpace.for_problem(problem, scales.price_scale(2.0))
    coupon = 2.0 * scales.per_coupon[space.row] / space.scale
    start = np.zeros(len(problem.lower))
    options = DEFAULT_OPTIONS.cutting_planes
    prices = cutting_planes.descend(
        dual, space, start, coupon, cutting_planes.Tolerance(1e-4), lambda _: np.inf, options
    )

    # the relaxation: at most one of each candidate, at most two for each customer
    worth, weights = terms_by_candidate(problem)
    slots = sp.kron(sp.eye_array(customers), np.ones((1, offers)))
    solved = scipy.optimize.milp(
        -worth,
        constraints=[
            scipy.optimize.LinearConstraint(weights.T, problem.lower, problem.upper),
            scipy.optimize.LinearConstraint(slots, 0, 2),
        ],
        bounds=scipy.optimize.Bounds(0, 1),
    )
    assert dual.evaluate(prices).dual == pytest.approx(-solved.fun, abs=1e-3 + 1e-5 * -solved.fun)


def test_projected_steps_find_the_least_dual_within_the_bounds_of_prices() -> None:
    """As near as L-BFGS-B comes to it, with no more evaluations; the dual of so many customers is smooth."""
    problem = large_campaign().compile().problem
    dual = Lagrangian(problem, engine_of(problem))
    scales = Scales.measure(problem, dual.engine)
    start = np.zeros(len(problem.lower))
    unpriced = dual.evaluate(start)
    worth, coupons = unpriced.dual / unpriced.usage[0].sum(), float(unpriced.usage[0].sum())
    space = PriceSpace.for_problem(problem, scales.price_scale(worth))
    space.highest[::10] = 0.2
    effort, found = Effort(worth * coupons, 60, 1e-6), []
    for method in (minimise, minimise_projected):
        seen: list[Evaluation] = []

        def watch(evaluation: Evaluation, seen: list[Evaluation] = seen) -> bool:
            seen.append(evaluation)
            return False

        best = method(dual, space, start, effort, watch, DEFAULT_OPTIONS.quasi_newton)
        assert best.dual == min(evaluation.dual for evaluation in seen)
        assert len(seen) <= effort.passes
        for evaluation in seen:
            point = space.point(evaluation.prices)
            assert np.allclose(space.prices(point), evaluation.prices, rtol=1e-12, atol=0.0)
        found.append((best.dual, len(seen)))
    (expected, evaluations), (dual_found, made) = found
    assert dual_found <= expected + 1e-4 * (unpriced.dual - expected)
    assert made <= 2 * evaluations


def test_projected_steps_stop_when_they_are_told_to() -> None:
    problem = large_campaign().compile().problem
    dual = Lagrangian(problem, engine_of(problem))
    space = PriceSpace.for_problem(problem, np.ones(len(problem.lower)))
    seen: list[Evaluation] = []

    def watch(evaluation: Evaluation) -> bool:
        seen.append(evaluation)
        return len(seen) == 3

    effort, start = Effort(1.0, 60, 0.0), np.zeros(len(problem.lower))
    minimise_projected(dual, space, start, effort, watch, DEFAULT_OPTIONS.quasi_newton)
    assert len(seen) == 3


def test_what_a_sample_is_off_is_the_root_of_its_coupons() -> None:
    """A cap that is met has none to be off by, one of 100 coupons that has 110 is off by one error of everybody."""
    problem = large_campaign().compile().problem
    rows = len(problem.lower)
    measure = ViolationMeasure(problem, np.ones(rows))
    space = PriceSpace.for_problem(problem, np.ones(rows))
    capped = int(np.flatnonzero(np.isfinite(problem.upper))[0])
    bound = problem.upper[capped]
    activity = np.where(np.isfinite(problem.lower), problem.lower, 0.0)
    activity[capped] = bound
    there = Evaluation(np.zeros(rows), 0.0, activity, np.zeros(0))
    assert measure.in_sampling_errors(there, 4.0, space) == 0.0
    activity[capped] = bound + 2.0 * np.sqrt(bound)
    found = measure.in_sampling_errors(there, 4.0, space)
    assert found == pytest.approx(np.sqrt(bound / activity[capped]))
    assert measure.in_sampling_errors(there, 16.0, space) == pytest.approx(found / 2)
    prices = np.zeros(rows)
    prices[capped], activity[capped] = 1.0, bound - 2.0 * np.sqrt(bound)  # paid for, and not used
    short = replace(there, prices=prices)
    expected = np.sqrt(bound / activity[capped])
    assert measure.in_sampling_errors(short, 4.0, space) == pytest.approx(expected)
