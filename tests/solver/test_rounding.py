"""Rounding in memory: few customers are free at first, sums are of values as given; all are free where few won't do."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from tests.support.large_campaign import GAP, campaign

from couponry import Result
from couponry.engines.cells import chosen_positions
from couponry.solver.options import DEFAULT_OPTIONS, SizeOptions
from couponry.solver.plan import Plan
from couponry.solver.primal.repair import MeasuredChoice, Repair

TIGHT = 2e-5
WHOLE = replace(DEFAULT_OPTIONS, sizes=SizeOptions(repaired_whole_candidates=1 << 40))


@pytest.fixture(scope="module")
def result() -> Result:
    return campaign().solve(gap=GAP, threads=1)


@pytest.fixture
def repaired(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Customers that were free, of every repair."""
    customers: list[int] = []
    repair_and_fill = Repair.repair_and_fill

    def noted(self: Repair, *arguments: Any, **named: Any) -> MeasuredChoice:
        customers.append(self.problem.customers)
        return repair_and_fill(self, *arguments, **named)

    monkeypatch.setattr(Repair, "repair_and_fill", noted)
    return customers


def plan_of(result: Result) -> Plan:
    assert result.plan is not None
    return result.plan


def test_few_customers_are_free_and_sums_are_of_the_values_as_given(result: Result) -> None:
    plan, problem = plan_of(result), result.compiled.problem
    assert 0 < len(plan.free) < 0.5 * problem.customers
    usage = problem.usage(chosen_positions(plan.whole_choice()))
    assert np.array_equal(plan.usage, usage) and not plan.usage_error.any()
    assert np.array_equal(plan.activity, problem.rows @ usage.ravel())
    assert result.objective_error == 0.0 and result.max_violation == 0.0


def test_what_the_user_gets_is_what_was_measured(result: Result) -> None:
    assert result.allocation is not None
    given = result.allocation.to_arrow()
    assert len(given) == result.allocated == int(plan_of(result).usage[0].sum())
    assert result.objective == pytest.approx(float(np.sum(given["value"].to_numpy())), rel=1e-9)


def test_no_more_than_few_are_repaired_where_they_are_enough(repaired: list[int]) -> None:
    found = campaign().solve(gap=GAP, threads=1)
    assert found.status == "optimal" and found.gap is not None and found.gap <= GAP
    assert repaired and max(repaired) < 0.5 * found.customers


def test_all_are_free_where_few_leave_the_gap_open(repaired: list[int]) -> None:
    found = campaign().solve(gap=TIGHT, threads=1)
    whole = campaign().solve(gap=TIGHT, threads=1, solver_options=WHOLE)
    assert found.status == whole.status == "optimal"
    assert repaired[0] < found.customers == max(repaired)
    assert found.objective == whole.objective


def test_the_same_choice_on_any_number_of_threads(result: Result) -> None:
    again = plan_of(campaign().solve(gap=GAP, threads=3))
    assert np.array_equal(again.whole_choice(), plan_of(result).whole_choice())
    assert np.array_equal(again.usage, plan_of(result).usage)


def test_small_campaigns_are_repaired_whole(repaired: list[int]) -> None:
    small = replace(DEFAULT_OPTIONS, sizes=SizeOptions(repaired_whole_candidates=1_280_000))
    found = campaign().solve(gap=GAP, threads=1, solver_options=small)
    assert set(repaired) == {found.customers}
