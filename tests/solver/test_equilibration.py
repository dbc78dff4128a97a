"""Programmes scaled by powers of two: the same programme, or a looser one, whatever the scale."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from couponry.solver.equilibration import (
    COST_BITS,
    LEAST_WEIGHT,
    MOST_COST_BITS,
    ROW_SLACK,
    equilibrate,
)
from couponry.solver.highs import INFEASIBLE, OPTIMAL, solve_programme
from couponry.solver.programme import Programme


def knapsack(
    worth: list[float], weight: list[float], room: float, penalty: float | None = None
) -> Programme:
    """Things of which the weight is at most so much, or more at a penalty."""
    n, soft = len(worth), penalty is not None
    matrix = np.array([[*weight, -1.0] if soft else weight])
    return Programme(
        np.array([-w for w in worth] + ([penalty] if soft else []), float),
        sp.csr_array(matrix),
        np.array([-np.inf]),
        np.array([room]),
        np.array([1.0] * n + ([np.inf] if soft else [])),
        integrality=np.array([1.0] * n + ([0.0] if soft else [])),
    )


@pytest.mark.parametrize("worth_bits", [-60, -37, 0, 37])
@pytest.mark.parametrize("weight_bits", [-60, -30, 0, 45])
def test_scales_change_no_answer(worth_bits: int, weight_bits: int) -> None:
    """By powers of two, so that every digit is the same."""
    by_worth, by_weight = 2.0**worth_bits, 2.0**weight_bits
    worth, weight = [5.0, 4.0, 3.1, 0.3], [2.0, 3.0, 1.1, 0.7]
    plain = solve_programme(knapsack(worth, weight, 3.85), mip_rel_gap=0.0)
    scaled = solve_programme(
        knapsack([w * by_worth for w in worth], [w * by_weight for w in weight], 3.85 * by_weight),
        mip_rel_gap=0.0,
    )
    assert plain.x is not None and scaled.x is not None
    assert scaled.x.tolist() == plain.x.tolist() == [1.0, 0.0, 1.0, 1.0]
    assert scaled.value == plain.value * by_worth
    assert scaled.bound == plain.bound * by_worth
    assert plain.value - 1e-5 < plain.bound < plain.value


def test_numbers_are_scaled_to_a_few_bits() -> None:
    found = equilibrate(knapsack([3e-9, 1e-9], [7e11, 2e11], 8e11, penalty=1e-3))
    programme = found.programme
    assert np.log2(np.abs(programme.cost[:2]).max()) // 1 == COST_BITS
    weights = np.abs(programme.matrix.toarray()[0])
    assert 1.0 <= weights[:2].max() < 2.0 and weights[2] == 1.0
    assert programme.cost[2] == 2.0**MOST_COST_BITS  # 1e-3 for one of 7e11 is more than anything
    assert found.column[2] == 2.0 ** np.floor(np.log2(7e11))
    assert programme.row_upper[0] == 8e11 / found.column[2] + ROW_SLACK


def test_what_has_no_room_sets_no_scale() -> None:
    programme = equilibrate(knapsack([1e12, 3.0, 2.0], [1e11, 1.0, 1e-1], 1.05)).programme
    assert programme.upper.tolist() == [0.0, 1.0, 1.0]
    assert programme.cost[0] == 0.0 and abs(programme.cost[1]) == 3 * 2.0 ** (COST_BITS - 1)
    assert programme.matrix.toarray()[0].tolist() == [0.0, 1.0, 1e-1]


def test_traces_widen_their_row() -> None:
    trace = LEAST_WEIGHT / 4
    programme = knapsack([1.0, 1.0, 1.0], [1.0, trace, -trace], 1.0)
    scaled = equilibrate(programme).programme
    assert scaled.matrix.toarray()[0].tolist() == [1.0, 0.0, 0.0]
    assert scaled.row_upper[0] == 1.0 + trace + ROW_SLACK


def test_rows_of_whole_numbers_stay_as_they_are() -> None:
    scaled = equilibrate(knapsack([1.0, 1.0], [3.0, 2.0], 4.0)).programme
    assert scaled.row_upper[0] == 2.0 and scaled.matrix.toarray()[0].tolist() == [1.5, 1.0]


def test_a_bound_far_out_of_reach_costs_what_it_costs() -> None:
    """At least 1e9 of what there are 2 of: HiGHS sees the coupons, and not what is missing in any case."""
    programme = Programme(
        np.array([-1.0, 0.5, 1e-3]),
        sp.csr_array(np.array([[1.0, 1.0, 1.0]])),
        np.array([1e9]),
        np.array([np.inf]),
        np.array([1.0, 1.0, np.inf]),
        integrality=np.array([1.0, 1.0, 0.0]),
    )
    scaled = equilibrate(programme)
    assert scaled.shift.tolist() == [0.0, 0.0, 1e9 - 2]
    assert scaled.programme.row_lower[0] == 2.0
    found = solve_programme(programme, mip_rel_gap=0.0)
    assert found.x is not None and found.x[:2].tolist() == [1.0, 0.0]
    assert found.value == pytest.approx(999998.999, rel=1e-15)
    assert found.bound is not None and found.bound <= found.value
    assert found.bound == pytest.approx(found.value, abs=1e-5)


def test_a_bound_out_of_reach_keeps_its_distance_to_the_other_one() -> None:
    """1e15 and a third: the row is as wide as it was, though what is left of 1e15 is rounded."""
    programme = Programme(
        np.array([-1.0, 1e-3, 1e-3]),
        sp.csr_array(np.array([[0.7, 1.0, -1.0]])),
        np.array([1e15]),
        np.array([1e15 + 1 / 3]),
        np.array([1.0, np.inf, np.inf]),
        integrality=np.array([1.0, 0.0, 0.0]),
    )
    found = solve_programme(programme, mip_rel_gap=0.0)
    assert found.status == OPTIMAL and found.bound is not None
    assert 1e12 - 1.01 < found.bound <= 1e12 - 1.0


def test_a_capped_penalty_bounds_the_real_one() -> None:
    found = solve_programme(knapsack([2.0, 1.0], [1.0, 0.6], 1.2, penalty=1e15), mip_rel_gap=0.0)
    assert found.x is not None and found.x.round().tolist() == [1.0, 0.0, 0.0]
    assert found.bound is not None and found.bound <= -2.0
    assert found.bound == pytest.approx(-2.0, abs=0.1)


# ---- what HiGHS says, and what it is worth


def test_what_presolve_has_been_seen_to_lose() -> None:
    """HiGHS 1.12 told 227.84 for the best of these, which is 1024, as long as it saw traces of 1e-8 beside 1."""
    worth = [204.8, 2.56e-05, 1024.0, 1.024e-05, 20.48, 2.56]
    weight = [0.19999999999999998, 2.5e-08, 1.0, 1e-08, 0.02, 0.0025]
    found = solve_programme(knapsack(worth, weight, 1.00000001), mip_rel_gap=0.0)
    assert found.bound is not None and found.bound <= -1024.0


def test_a_violation_that_is_nearly_whole() -> None:
    """Two coupons beyond 1.0000001 cost a hair less than the second is worth; HiGHS took 1 for 0.9999999."""
    penalty = 1.1825079999999998e-11
    programme = knapsack([1.1825079999999998e-11, 1.062985e-11], [1.0, 1.0], 1.0000001, penalty)
    found = solve_programme(programme, mip_rel_gap=0.0)
    best = -(1.1825079999999998e-11 + 1.062985e-11 - penalty * (2 - 1.0000001))
    assert found.bound is not None and found.bound <= best


def test_what_highs_cannot_read_is_not_infeasible() -> None:
    """SciPy has the same status for both; 1e22 is a bound that HiGHS refuses."""
    programme = Programme(
        np.array([1.0, 1.0]),
        sp.csr_array(np.array([[1.0, 1.0]])),
        np.array([1e22]),
        np.array([np.inf]),
        np.array([1.0, np.inf]),
        integrality=np.array([1.0, 0.0]),
    )
    found = solve_programme(programme)
    assert found.status == OPTIMAL and found.value == pytest.approx(1e22)


def test_infeasible_by_less_than_a_tolerance_is_not_proved() -> None:
    """0.3 and 0.6 make 0.9; 0.9000000001 is missed by less than HiGHS can tell."""
    for least, is_proved in ((0.9000000001, False), (0.91, True)):
        programme = Programme(
            np.zeros(2),
            sp.csr_array(np.array([[0.3, 0.6]])),
            np.array([least]),
            np.array([np.inf]),
            np.ones(2),
            integrality=np.ones(2),
        )
        assert (solve_programme(programme).status == INFEASIBLE) is is_proved
