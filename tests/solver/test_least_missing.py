"""The fewest minimums missed where searches are cut off: beside searches that are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from tests.support.compiled import best_choice, compiled

from couponry import Campaign, CancelToken, CustomerRule, Limit, kernels, watch
from couponry.engines.local import LocalEngine
from couponry.solver.exact.least_missing import LeastMissing
from couponry.solver.plan import Plan
from couponry.solver.problem import Problem
from couponry.solver.solve import Solution, solve
from couponry.solver.solve_state import SolveRequest, SolveState
from couponry.solver.stages import missing_stage
from couponry.utils.clock import Clock

RULES = [
    CustomerRule("slots", min=3, max=4),
    CustomerRule("one a kind", by="kind", max=1),
    CustomerRule("reward", where={"role": "reward"}, min=2),
    CustomerRule("mail", where={"channel": "mail"}, max=1, min=1),
    CustomerRule("cost", sum="cost", max=3.5),
]
"""Overlapping rules whose minimums many cannot reach."""


def tables(seed: int, customers: int = 40, offers: int = 12) -> list[pa.Table]:
    rng = np.random.default_rng(seed)
    j, n = np.arange(offers), customers * 6
    offer = np.argsort(rng.random((customers, offers)), axis=1)[:, :6]
    return [
        pa.table(
            {
                "offer": j,
                "kind": j // 3,
                "role": np.where(j % 4 < 2, "reward", "other"),
                "channel": np.where(j % 3 == 0, "mail", "app"),
            }
        ),
        pa.table(
            {
                "customer": np.repeat(np.arange(customers), 6),
                "offer": np.sort(offer, axis=1).ravel(),
                "value": rng.normal(1.0, 1.0, n).round(3),
                "cost": rng.uniform(0.2, 2.0, n).round(2),
            }
        ),
    ]


def problem_of(seed: int, *, nodes: int | None = None) -> tuple[Problem, LocalEngine]:
    """A campaign whose searches look at so many nodes, at most."""
    limits = [Limit("spend", sum="cost", max=110.0)]
    problem, engine, _ = compiled(Campaign(*tables(seed), rules=RULES, limits=limits))
    if nodes is not None:
        cut = replace(problem.packed, rules=problem.rules._replace(nodes=nodes))
        problem = replace(problem, packed=cut)
        engine = LocalEngine(problem.shard, problem.rules, kernels.load(None), 1, 0)
    return problem, engine


@pytest.mark.parametrize("seed", range(3))
def test_a_customer_misses_no_more_than_a_search_to_the_end_says(seed: int) -> None:
    campaign = Campaign(*tables(seed), rules=RULES)
    problem, engine, repair = compiled(campaign)
    chosen, reduced = best_choice(problem, engine, repair, np.zeros(0))
    least, value = LeastMissing(problem), problem.values_at(reduced)
    missed = least.missed(chosen)
    assert (missed > 0).any()
    asked = np.zeros_like(chosen)
    for i in range(problem.customers):
        its = slice(*problem.shard.indptr[i : i + 2].tolist())
        found = least.choice(i, value[its], 1_000)
        assert found is not None
        asked[its] = found
        assert value[its] @ found == pytest.approx(value[its] @ chosen[its], abs=1e-4)
    assert (least.missed(asked) == missed).all()


def missed_by(found: Solution, problem: Problem) -> NDArray[np.int64]:
    assert isinstance(found.plan, Plan)
    return LeastMissing(problem).missed(found.plan.whole_choice())


@pytest.mark.parametrize("seed", range(3))
def test_searches_that_are_cut_off_leave_nobody_missing_more(seed: int) -> None:
    solved = []
    for nodes in (None, 1):
        problem, engine = problem_of(seed, nodes=nodes)
        found = solve(SolveRequest(problem, engine, 1e-3, 0, Clock()))
        assert found.plan is not None
        solved.append((found, missed_by(found, problem)))
    (whole, least), (cut, left) = solved
    assert whole.cut_off == 0 < cut.cut_off
    assert (left == least).all()
    assert cut.bound >= whole.plan.objective - 1e-9  # type: ignore[union-attr]
    assert cut.plan.feasible  # type: ignore[union-attr]


class SetClock:
    """A clock that stands still unless it is set."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("seconds", [0.5, 30.0], ids=["a moment after", "long after"])
@pytest.mark.parametrize("seed", range(3))
def test_after_a_time_limit_little_is_asked_and_the_allocation_stays(
    seed: int, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second more is what those have who would miss more than they must; then what is there is what is given."""
    time = SetClock()
    asked = []

    def late(state: SolveState) -> None:
        time.now = 10.0 + seconds
        missing_stage.miss_fewest(state)

    def choice(self: LeastMissing, customer: int, *given: Any) -> Any:
        asked.append(given[-1])
        return whole_choice(self, customer, *given)

    whole_choice = LeastMissing.choice
    monkeypatch.setattr(LeastMissing, "choice", choice)
    monkeypatch.setattr("couponry.solver.solve.miss_fewest", late)
    problem, engine = problem_of(seed, nodes=1)
    found = solve(SolveRequest(problem, engine, 1e-3, 0, Clock(10.0, now=time)))
    assert found.plan is not None and found.plan.feasible
    assert (len(asked) > 0) == (seconds < 1) and all(0 < left <= 1 for left in asked)


def test_cancelled_while_customers_are_asked_about_the_allocation_stays(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token, asked = CancelToken(), []
    whole_choice = LeastMissing.choice

    def choice(self: LeastMissing, customer: int, *given: Any) -> Any:
        asked.append(customer)
        token.cancel()
        return whole_choice(self, customer, *given)

    monkeypatch.setattr(LeastMissing, "choice", choice)
    problem, engine = problem_of(0, nodes=1)
    with watch(cancel=token):
        found = solve(SolveRequest(problem, engine, 1e-3, 0, Clock()))
    assert len(asked) == 1
    assert found.plan is not None and found.plan.feasible
