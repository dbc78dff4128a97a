"""HiGHS through SciPy: what it says of small programmes."""

from __future__ import annotations

import threading
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from couponry.solver import highs
from couponry.solver.highs import INFEASIBLE, OPTIMAL, solve_programme
from couponry.solver.programme import Programme


def knapsack(integrality: float, at_least: float = 0.0) -> Programme:
    """Worth 5, 4, 3 and weight 2, 3, 1 of three things, of which the weight is at most 4."""
    return Programme(
        np.array([-5.0, -4.0, -3.0]),
        sp.csr_array(np.array([[2.0, 3.0, 1.0]])),
        np.array([at_least]),
        np.array([4.0]),
        np.ones(3),
        integrality=np.full(3, integrality),
    )


def test_a_mixed_integer_programme() -> None:
    found = solve_programme(knapsack(1.0), 10.0, mip_rel_gap=0.0, node_limit=10)
    assert found.status == OPTIMAL and found.x is not None
    assert found.x.round().tolist() == [1, 0, 1]
    assert found.value == pytest.approx(-8.0) and found.bound == pytest.approx(-8.0)


def test_a_linear_programme() -> None:
    found = solve_programme(knapsack(0.0))
    assert found.status == OPTIMAL and found.x is not None
    assert found.x.tolist() == pytest.approx([1, 1 / 3, 1])
    assert found.value == pytest.approx(-5 - 4 / 3 - 3)


def test_an_infeasible_programme() -> None:
    found = solve_programme(knapsack(1.0, at_least=7.0))
    assert found.status == INFEASIBLE
    assert found.x is None and found.bound is None


def test_it_leaves_no_thread_and_says_nothing() -> None:
    before = threading.active_count()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        solve_programme(knapsack(1.0), 0.0, node_limit=1)
    assert threading.active_count() == before


def with_penalties(sums: list[list[float]]) -> Programme:
    """Sums of three things that may be missed at a price each."""
    rows = np.hstack([np.array(sums), np.eye(len(sums))])
    return Programme(
        np.append(np.array([-5.0, -4.0, -3.0]), np.full(len(sums), 10.0)),
        sp.csr_array(rows),
        np.full(len(sums), 2.0),
        np.full(len(sums), np.inf),
        np.append(np.ones(3), np.full(len(sums), np.inf)),
        integrality=np.append(np.ones(3), np.zeros(len(sums))),
    )


@pytest.mark.parametrize(
    ("sums", "has_twins"),
    [
        ([[2.0, 3.0, 1.0], [1.0, 1.5, 0.5]], True),
        ([[2.0, 3.0, 1.0], [-2.0, -3.0, -1.0]], True),
        ([[2.0, 3.0, 1.0], [2.0, 3.0, 0.0]], False),
        ([[2.0, 3.0, 1.0]], False),
    ],
)
def test_rows_that_are_alike_but_for_their_penalties_are_not_presolved(
    sums: list[list[float]], has_twins: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = []

    def noted(programme: Programme, options: dict[str, Any]) -> Any:
        given.append(options.get("presolve"))
        return on_a_thread(programme, options)

    on_a_thread = highs._on_a_thread
    monkeypatch.setattr(highs, "_on_a_thread", noted)
    programme = with_penalties(sums)
    assert programme.has_twin_rows == has_twins
    assert solve_programme(programme, 10.0).status == OPTIMAL
    assert given == [False if has_twins else None]
