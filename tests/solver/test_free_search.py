"""Prices go on for free customers alone, from known ones or where passes are dear: certified, and with a way back."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from benchmarks.instances.changed_week import changed_week
from benchmarks.instances.synthetic import Synthetic
from tests.support.large_campaign import FEW_FREE, GAP, campaign, coupons

from couponry import Campaign, Result
from couponry.solver.dual.lagrangian import Evaluation, Lagrangian
from couponry.solver.dual.newton.curvature import Curvature
from couponry.solver.dual.newton.row_curvature import RowCurvature
from couponry.solver.dual.search.free_search import FreeSearch, _MostLeft, _Nearest, take_curvature
from couponry.solver.dual.search.price_search import PriceSearch
from couponry.solver.dual.search.violation import ViolationMeasure
from couponry.solver.options import FreeSearchOptions, SolverOptions
from couponry.solver.primal.repair import MeasuredChoice, Repair
from couponry.solver.stages import free_customer_repair as repair_stage
from couponry.solver.stages.free_customer_repair import FreeCustomerRepair

SIZE = Synthetic(40_000, 32, offers=200, brands=60)


def solved(campaign: Campaign, start: Any = None, **options: Any) -> Result:
    options = {"threads": 1, "solver_options": FEW_FREE} | options
    found = campaign.solve(gap=GAP, start=start, **options)
    assert found.status == "optimal" and found.max_violation == 0.0
    return found


def with_free_search(**changes: Any) -> SolverOptions:
    return replace(FEW_FREE, free_search=replace(FreeSearchOptions(), **changes))


@pytest.fixture(scope="module")
def result() -> Result:
    return solved(campaign())


@pytest.fixture(scope="module")
def later() -> Campaign:
    return changed_week(campaign(), SIZE, 0.025, seed=0)


@pytest.fixture
def searches(monkeypatch: pytest.MonkeyPatch) -> list[tuple[FreeSearch, Evaluation, Evaluation]]:
    """Every search among free customers: where it began and where it ended."""
    found: list[tuple[FreeSearch, Evaluation, Evaluation]] = []
    descend = FreeSearch.descend

    def noted(self: FreeSearch, prices: np.ndarray) -> Evaluation:
        end = descend(self, prices)
        found.append((self, self.dual.evaluate(prices), end))
        return end

    monkeypatch.setattr(FreeSearch, "descend", noted)
    return found


def test_free_customers_are_brought_nearer_to_what_fixed_ones_leave(
    result: Result, later: Campaign, searches: list[tuple[FreeSearch, Evaluation, Evaluation]]
) -> None:
    warm = solved(later, result)
    ((search, begin, end),) = searches
    part = search.dual.problem
    assert 0 < part.customers < 0.3 * SIZE.customers
    assert end.dual <= begin.dual
    assert part.violation(end.activity).sum() < 0.5 * part.violation(begin.activity).sum()
    # bounds that are left are those of everybody less what fixed customers use
    problem = later.compile().problem
    assert np.allclose(part.upper + search.activity, problem.upper, equal_nan=True)
    assert warm.plan is not None and len(warm.plan.free) == part.customers


def test_what_free_customers_use_at_first_is_what_fixed_ones_leave_of_everybody(
    result: Result, later: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a pass over them says at the price table at which all others were fixed."""
    told: list[tuple[Evaluation, Evaluation]] = []
    go_on = FreeCustomerRepair._after_prices_went_on

    def noted(self: FreeCustomerRepair, fixed: Any) -> FreeCustomerRepair:
        found = go_on(self, fixed)
        dual, known = found._dual, found._dual.known
        assert known is not None
        counted = dual.engine.evaluate(self._price)
        passed = dual.evaluation_of(known.prices, dual.reduced(known.prices), counted)
        told.append((known, passed))
        return found

    monkeypatch.setattr(FreeCustomerRepair, "_after_prices_went_on", noted)
    solved(later, result)
    ((known, passed),) = told
    assert np.array_equal(known.usage[0], passed.usage[0])
    assert np.allclose(known.usage, passed.usage, rtol=1e-9, atol=1e-6)
    assert known.dual == pytest.approx(passed.dual, rel=1e-9)
    assert np.allclose(known.activity, passed.activity, rtol=1e-9, atol=1e-6)


def test_later_solves_are_told_what_everybody_uses_at_the_price_table(
    result: Result, later: Campaign
) -> None:
    """It is the table at which free customers were found, wherever prices went on to from there."""
    for found in (result, solved(later, result)):
        plan = found.plan
        assert plan is not None and plan.usage_at_price is not None
        dual = Lagrangian(found.compiled.problem, plan.engine)
        usage = dual.usage(plan.engine.evaluate(plan.price))
        off = np.abs(plan.usage_at_price[0] - usage[0]).sum()  # but for what certificates round up
        assert off <= 0.05 * np.abs(plan.usage[0] - usage[0]).sum()


def test_what_they_are_left_at_is_nearest_of_all_that_was_seen(
    result: Result, later: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    evaluate, descend = Lagrangian.evaluate, FreeSearch.descend
    seen: list[float] = []
    ends: list[float] = []

    def noted(self: FreeSearch, prices: np.ndarray) -> Evaluation:
        def off(found: Evaluation) -> float:
            per_coupon = self._search.scales.per_coupon
            return float((self.dual.problem.violation(found.activity) * per_coupon).sum())

        def seeing(dual: Lagrangian, at: np.ndarray) -> Evaluation:
            found = evaluate(dual, at)
            seen.append(off(found))
            return found

        with monkeypatch.context() as patch:
            patch.setattr(Lagrangian, "evaluate", seeing)
            end = descend(self, prices)
        ends.append(off(end))
        return end

    monkeypatch.setattr(FreeSearch, "descend", noted)
    solved(later, result)
    assert len(seen) > 2
    assert ends == [min(seen)]


@pytest.mark.parametrize("factor", [0.0, 2.5])
def test_a_limit_that_all_coupons_count_in_is_kept_by_one_more_step(
    result: Result,
    later: Campaign,
    searches: list[tuple[FreeSearch, Evaluation, Evaluation]],
    factor: float,
) -> None:
    """With no other step made, prices move for the budget alone, which is the last row."""
    solved(later, result, solver_options=with_free_search(steps=0, wide_row_step=factor))
    ((search, begin, end),) = searches
    wide = search._search.scales.is_wide(0.5)
    assert wide.nonzero()[0].tolist() == [len(wide) - 1]
    before, after = (search.dual.problem.violation(at.activity)[-1] for at in (begin, end))
    assert before > 0.0
    assert after == before if factor == 0.0 else after < 0.5 * before


def test_curvature_is_known_where_prices_went_on_from(
    result: Result, later: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is that of the sample whose regrets are counted there, for which nobody chooses anew."""
    taken: list[tuple[Any, Any]] = []

    def noted(search: PriceSearch, sample: Lagrangian, prices: np.ndarray, found: Any) -> None:
        take_curvature(search, sample, prices, found)
        unit = search.typical_worth * search.coupons
        anew = Curvature(sample, search.space, search.scales, unit, search.options.curvature)
        taken.append((search.curvature, anew.at(prices).by_row()))

    monkeypatch.setattr(repair_stage, "take_curvature", noted)
    warm = solved(later, result)
    ((known, anew),) = taken
    assert abs(known.matrix - anew.matrix).max() == 0.0
    assert warm.curvature is known


def test_curvature_is_put_into_coordinates_once(
    result: Result, later: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a sample, over everybody, and among free customers, however far steps gain from what it promised."""
    put: list[RowCurvature] = []
    in_space = RowCurvature.in_space

    def noted(self: RowCurvature, space: Any) -> Any:
        put.append(self)
        return in_space(self, space)

    monkeypatch.setattr(RowCurvature, "in_space", noted)
    solved(later, result, solver_options=with_free_search(stretch=0.01))
    assert [each is put[0] for each in put] == [True, True, False]


def test_steps_go_on_where_single_moves_would_take_longer(
    result: Result, later: Campaign, searches: list[tuple[FreeSearch, Evaluation, Evaluation]]
) -> None:
    left = []
    for share in (1.0, 0.0):  # any step that hardly gains is the last one, or none is
        options = with_free_search(stalled_share=share, stalled_steps=1)
        solved(later, result, solver_options=options)
        search, _, end = searches.pop()
        left.append(search.dual.problem.violation(end.activity).sum())
    assert left[1] < left[0]


def test_what_is_claimed_holds_and_threads_do_not_matter(result: Result, later: Campaign) -> None:
    one, two = (solved(later, result, threads=threads) for threads in (1, 2))
    assert coupons(one) == coupons(two)
    assert (one.objective, one.bound) == (two.objective, two.bound)
    assert one.allocation is not None and one.gap is not None and one.gap <= GAP
    table = one.allocation.to_arrow()
    assert len(table) == one.allocated


@pytest.mark.parametrize(
    "options",
    [
        with_free_search(tries=0),  # nobody is asked among them
        with_free_search(steps=0),  # prices stay where they are
        with_free_search(candidates=0),  # the campaign is too large for it
    ],
    ids=("no tries", "no steps", "too large"),
)
def test_there_is_a_way_back(result: Result, later: Campaign, options: SolverOptions) -> None:
    found = solved(later, result, solver_options=options)
    cold = solved(later)
    assert found.objective == pytest.approx(cold.objective, rel=GAP)


def test_cold_solves_do_without(
    later: Campaign, searches: list[tuple[FreeSearch, Evaluation, Evaluation]]
) -> None:
    solved(later)
    assert not searches


def where_passes_are_dear(**changes: Any) -> SolverOptions:
    options = with_free_search(**changes)
    search = replace(options.price_search, dear_candidates=0, dear_pass=100.0)
    return replace(options, price_search=search)


def test_prices_go_on_where_passes_are_dear(
    later: Campaign, searches: list[tuple[FreeSearch, Evaluation, Evaluation]]
) -> None:
    one, two = (
        solved(later, threads=threads, solver_options=where_passes_are_dear()) for threads in (1, 2)
    )
    (search, begin, end), _ = searches
    part = search.dual.problem
    assert part.violation(end.activity).sum() < part.violation(begin.activity).sum()
    assert coupons(one) == coupons(two)
    assert (one.objective, one.bound) == (two.objective, two.bound)
    moved = solved(later, solver_options=where_passes_are_dear(tries=0)).plan
    assert one.plan is not None and moved is not None
    assert len(one.plan.free) == part.customers and one.plan.moves < moved.moves


def test_prices_go_on_from_known_ones_where_passes_are_dear(
    result: Result, later: Campaign, searches: list[tuple[FreeSearch, Evaluation, Evaluation]]
) -> None:
    """Of a campaign that is too large for a fifth of it to be free, as any is whose passes are dear."""
    one, two = (
        solved(later, result, threads=threads, solver_options=where_passes_are_dear(candidates=0))
        for threads in (1, 2)
    )
    (search, begin, end), _ = searches
    part = search.dual.problem
    assert part.violation(end.activity).sum() < part.violation(begin.activity).sum()
    assert coupons(one) == coupons(two)
    assert one.plan is not None and len(one.plan.free) == part.customers


@pytest.mark.parametrize("changes", [{"tries": 0}, {"steps": 0}], ids=str)
def test_where_passes_are_dear_moves_are_the_way_back(
    later: Campaign,
    searches: list[tuple[FreeSearch, Evaluation, Evaluation]],
    changes: dict[str, int],
) -> None:
    found = solved(later, solver_options=where_passes_are_dear(**changes))
    assert len(searches) == 1 and found.plan is not None
    assert len(found.plan.free) >= searches[0][0].dual.problem.customers


@pytest.mark.parametrize("options", [with_free_search(most_left_share=0.0), FEW_FREE])
def test_prices_stay_where_much_is_left_or_repair_is_quick(
    result: Result,
    options: SolverOptions,
    searches: list[tuple[FreeSearch, Evaluation, Evaluation]],
) -> None:
    """What limits have left counts as well as what they are over; and single moves do for little."""
    same = options is FEW_FREE
    other = campaign() if same else changed_week(campaign(), SIZE, 0.025, seed=0)
    quick = replace(options.price_search, warm_near_passes=1e9, warm_near_gaps=1e9)
    solved(other, result, solver_options=replace(options, price_search=quick) if same else options)
    assert not searches


@pytest.mark.parametrize(
    "quick_share, left_gaps, go_on",
    [(1e9, 1e9, False), (0.0, 1e9, True), (1e9, 0.0, True)],
    ids=("little is off", "limits are violated", "much is left"),
)
def test_prices_go_on_where_moves_or_what_is_left_would_cost_more(
    result: Result,
    later: Campaign,
    searches: list[tuple[FreeSearch, Evaluation, Evaluation]],
    quick_share: float,
    left_gaps: float,
    go_on: bool,
) -> None:
    solved(
        later,
        result,
        solver_options=with_free_search(quick_share=quick_share, left_gaps=left_gaps),
    )
    assert bool(searches) is go_on


def test_what_is_left_of_limits_counts_at_their_prices() -> None:
    """What an upper bound with a price above zero has left, and what a lower one with one below zero is beyond."""
    problem: Any = SimpleNamespace(
        hard=np.ones(5, bool),
        lower=np.array([-np.inf, 2.0, 1.0, -np.inf, 0.0]),
        upper=np.array([5.0, np.inf, 9.0, np.inf, 4.0]),
    )
    at = Evaluation(
        prices=np.array([2.0, -3.0, 0.0, 7.0, 1.0]),
        dual=0.0,
        activity=np.array([4.0, 2.5, 3.0, 1.0, 6.0]),
        usage=np.zeros(1),
    )
    measure = ViolationMeasure(problem, np.ones(5))
    assert measure.left_worth(at) == 2.0 * 1.0 + 3.0 * 0.5


def test_a_choice_that_leaves_much_is_no_nearer() -> None:
    """A coupon's worth of what is left, beyond what may be, counts as much as a coupon that limits are violated by."""
    measure: Any = SimpleNamespace(
        coupons=lambda found, space: found.activity[0], left_worth=lambda found: found.activity[1]
    )

    def found(violated: float, left: float, bound: float) -> Evaluation:
        return Evaluation(np.zeros(1), bound, np.array([violated, left]), np.zeros(1))

    space: Any = None
    first, much_left, nearer, worse = (
        found(50.0, 20.0, 9.0),
        found(10.0, 120.0, 8.0),
        found(30.0, 24.0, 7.0),
        found(1.0, 0.0, 9.5),
    )
    nearest = _Nearest(first, space, measure, _MostLeft(worth=20.0, coupon=0.5))
    assert [nearest.coupons_off(each) for each in (first, much_left, nearer)] == [50.0, 210.0, 38.0]
    for each in (much_left, nearer, worse):
        nearest.look_at(each)
    assert nearest.evaluation is nearer


def test_where_few_are_not_enough_no_more_are_repaired_than_without_a_start(
    result: Result, later: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All who were free would take several times as long: a fifth of everybody may be."""
    customers: list[int] = []
    repair_and_fill = Repair.repair_and_fill

    def noted(self: Repair, *arguments: Any, **named: Any) -> MeasuredChoice:
        customers.append(self.problem.customers)
        return repair_and_fill(self, *arguments, **named)

    monkeypatch.setattr(Repair, "repair_and_fill", noted)
    cold = solved(later)
    without, customers[:] = max(customers), []
    warm = solved(later, result, solver_options=with_free_search(tries=0))
    assert max(customers) <= without
    assert warm.full_passes < cold.full_passes + 4.0


def test_tries_with_the_same_customers_are_not_made_again(
    result: Result, later: Campaign, monkeypatch: pytest.MonkeyPatch
) -> None:
    """But for the last one, which goes on where the first one ended."""
    repair, thresholds = FreeCustomerRepair._repair_free, repair_stage.regret_thresholds
    tried: list[np.ndarray] = []
    known: dict[int, np.ndarray] = {}

    def that_leaves_something(self: Any, fixed: Any, options: Any) -> Any:
        if self._within is None:
            return repair(self, fixed, options)
        tried.append(fixed.free)
        left = repair(self, fixed, options)
        return replace(left, over=np.ones_like(left.over))

    def the_same(needs: Any, *others: Any) -> np.ndarray:
        return known.setdefault(id(needs), thresholds(needs, *others))

    monkeypatch.setattr(FreeCustomerRepair, "_repair_free", that_leaves_something)
    monkeypatch.setattr(repair_stage, "regret_thresholds", the_same)
    solved(later, result)
    assert len(tried) == 2 < FreeSearchOptions().tries
    assert np.array_equal(*tried)


@pytest.mark.parametrize("coupons_left, are_all_tried", [(1e9, True), (-1.0, False)])
def test_the_last_try_is_among_all_who_are_free_where_little_is_left(
    result: Result,
    later: Campaign,
    coupons_left: float,
    are_all_tried: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[tuple[int, int]] = []
    repair = FreeCustomerRepair._repair_free

    def noted(self: FreeCustomerRepair, fixed: Any, options: Any) -> Any:
        left = repair(self, fixed, options)
        if self._within is None:
            return left
        tried.append((len(fixed.free), len(self._within.fixed.free)))
        return left if len(tried) > 1 else replace(left, over=np.ones_like(left.over))

    monkeypatch.setattr(FreeCustomerRepair, "_repair_free", noted)
    solved(later, result, solver_options=with_free_search(tries=2, last_try_coupons=coupons_left))
    (first, everybody), (last, _) = tried
    assert first < everybody
    assert (last == everybody) is are_all_tried


def test_more_customers_are_tried_though_they_are_as_many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who they are counts, not how many."""
    looking = FreeCustomerRepair.__new__(FreeCustomerRepair)
    nothing = np.zeros(0, np.uint8)
    fixed: Any = SimpleNamespace(free=np.array([1, 5]))
    for within, earlier, are in [
        (None, [1, 5], False),
        (object(), None, False),
        (object(), [1, 4], False),
        (object(), [1, 4, 5], False),
        (object(), [1, 5], True),
    ]:
        monkeypatch.setattr(looking, "_within", within, raising=False)
        before = None if earlier is None else (np.array(earlier), nothing)
        monkeypatch.setattr(looking, "_earlier", before, raising=False)
        assert looking._are_tried(fixed) is are
