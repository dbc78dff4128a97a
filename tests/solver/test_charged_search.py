"""Prices next to their caps, where value goes with weight: told apart by a charge on each coupon."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from benchmarks.cases.matching import campaign_of
from benchmarks.instances import bipartite

from couponry import Campaign, CustomerRule, Limit, kernels
from couponry.engines.local import LocalEngine
from couponry.solver.dual.cap_steps import descend_near_caps
from couponry.solver.dual.lagrangian import Lagrangian
from couponry.solver.dual.price_caps import find_price_caps, goes_with_weight
from couponry.solver.dual.scaling import Scales
from couponry.solver.dual.search.charged_search import ChargedSearch
from couponry.solver.dual.search.price_search import PriceSearch
from couponry.solver.options import DEFAULT_OPTIONS
from couponry.utils.clock import Clock

GAP = 1e-3
OPTIONS = replace(
    DEFAULT_OPTIONS,
    price_search=replace(
        DEFAULT_OPTIONS.price_search, newton_candidates=1 << 10, newton_customers=100
    ),
)


def matching(sources: int = 20_000, capacity: float = 1.0) -> Campaign:
    """DuaLip's matching problem, small, with a share of its capacities."""
    drawn = bipartite.draw(sources, 40, 0.2)
    drawn = replace(drawn, capacity=drawn.capacity * capacity)
    return campaign_of(drawn.offers, pa.Table.from_batches(drawn.batches()), None)


def search_of(campaign: Campaign, threads: int = 2) -> PriceSearch:
    problem = campaign.compile().problem
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), threads, 0)
    return PriceSearch(problem, engine, GAP, 0, Clock(None, None), OPTIONS)


def value_goes_with_weight(campaign: Campaign) -> bool:
    problem = campaign.compile().problem
    engine = LocalEngine(problem.shard, problem.rules, kernels.load(), 1, 0)
    scales = Scales.measure(problem, engine)
    caps = find_price_caps(problem, scales, DEFAULT_OPTIONS.price_caps)
    return goes_with_weight(problem, scales, caps, 1e-6)


def changed(*, weight: float = 1.0, others: tuple[Limit, ...] = ()) -> Campaign:
    """The matching problem with the weight of one edge changed, or with other limits beside."""
    drawn = bipartite.draw(2_000, 40, 0.2)
    table = pa.Table.from_batches(drawn.batches())
    weights = table["weight"].to_numpy().copy()
    weights[weights.argmin()] *= weight
    at = table.column_names.index("weight")
    table = table.set_column(at, "weight", pa.array(weights))
    capacities = pa.table({"offer": drawn.offers["offer"], "max": drawn.offers["capacity"]})
    return Campaign(
        drawn.offers,
        table,
        rules=[CustomerRule("one", max=1)],
        limits=[Limit("capacities", sum="weight", by="offer", table=capacities), *others],
    )


def test_value_goes_with_weight_where_each_coupon_is_worth_as_much_by_weight() -> None:
    assert value_goes_with_weight(changed())
    assert not value_goes_with_weight(changed(weight=1.1))


@pytest.mark.parametrize(
    "other",
    [
        Limit("coupons", max=500),
        Limit("some", where={"offer": [0, 1, 2]}, min=1),
        Limit("soft", max=500, mode="soft", penalty=1.0),
    ],
    ids=["another maximum", "a minimum", "a soft limit"],
)
def test_value_does_not_go_with_weight_in_several_limits(other: Limit) -> None:
    assert not value_goes_with_weight(changed(others=(other,)))


def test_steps_bring_choices_near_the_bounds() -> None:
    search = search_of(matching())
    problem, charge = search.problem, 1e-4 * search.typical_worth
    objective = problem.objective.copy()
    objective[0] -= charge
    dual = Lagrangian(replace(problem, objective=objective), search.engine)
    caps = search.price_caps / search.options.price_caps.share
    start = np.full(len(caps), 1e-4)
    residual, watched = [], []

    def off(found: object) -> float:
        residual.append(search.violations.residual(found.prices, found.activity))  # type: ignore[attr-defined]
        return residual[-1]

    def watch(found: object) -> bool:
        watched.append(found)
        return False

    coupon, options = 1.0 / search.scales.per_coupon, OPTIONS.charge
    found = descend_near_caps(dual, caps, start, coupon, off, 0.0, watch, options)
    assert found.residual == min(residual) < 0.2 * residual[0]
    assert len(watched) == len(residual) <= 1 + options.steps
    assert (found.distance > 0).all()
    assert (found.distance <= 1).all()
    near = descend_near_caps(dual, caps, start, coupon, off, 2 * found.residual, watch, options)
    assert found.residual <= near.residual <= 2 * found.residual


def test_a_limit_that_is_not_scarce_ends_without_a_price() -> None:
    search = search_of(matching(2_000, capacity=100.0))
    caps = search.price_caps / search.options.price_caps.share
    start, coupon = np.full(len(caps), 1e-3), 1.0 / search.scales.per_coupon
    found = descend_near_caps(
        search.lagrangian,
        caps,
        start,
        coupon,
        lambda at: search.violations.residual(at.prices, at.activity),
        0.0,
        lambda _: False,
        replace(OPTIONS.charge, steps=60, stalls=60),
    )
    has_room = search.problem.upper > 1e-3  # some destinations nobody goes to hold next to nothing
    assert has_room.sum() > 30
    assert (found.evaluation.prices[has_room] == 0).all()


@pytest.mark.parametrize("threads", [1, 3])
def test_prices_are_near_and_prove_a_bound(threads: int) -> None:
    search = search_of(matching(), threads)
    point = ChargedSearch(search).point()
    assert point is not None
    assert not search.is_far(point.evaluation)
    assert np.array_equal(search.prices, point.evaluation.prices)
    assert np.array_equal(search.prices, search_prices_of_one_thread())
    bound = search.lagrangian.bound(search.prices)
    scarce = float((search.price_caps / search.options.price_caps.share) @ search.problem.upper)
    assert point.plain_dual <= bound
    assert bound <= scarce * (
        1 + GAP
    )  # all limits are scarce: at its least the dual is what they hold


def search_prices_of_one_thread() -> np.ndarray:
    search = search_of(matching(), 1)
    assert ChargedSearch(search).point() is not None
    return search.prices


def test_no_prices_where_value_does_not_go_with_weight_or_customers_are_few() -> None:
    search = search_of(changed(weight=1.1))
    assert ChargedSearch(search).point() is None
    assert (search.prices == 0).all()
    few = search_of(matching(90))
    assert ChargedSearch(few).point() is None


def test_no_prices_where_limits_are_not_scarce() -> None:
    search = search_of(matching(capacity=100.0))
    assert ChargedSearch(search).point() is None
    result = matching(capacity=100.0).solve(gap=GAP, threads=1, solver_options=OPTIONS)
    assert result.status == "optimal"


@pytest.mark.parametrize("in_memory", [1_000, 4_000_000])
def test_a_solve_keeps_limits_and_closes_the_gap(in_memory: int) -> None:
    campaign = matching()
    options = replace(
        OPTIONS, sizes=replace(OPTIONS.sizes, in_memory_candidates=in_memory, tiny_candidates=0)
    )
    results = [campaign.solve(gap=GAP, threads=t, solver_options=options) for t in (1, 2)]
    for result in results:
        assert result.status == "optimal"
        assert result.max_violation == 0.0
        assert result.gap <= GAP
    first, second = (result.allocation.to_arrow() for result in results)  # type: ignore[union-attr]
    assert first.equals(second)
