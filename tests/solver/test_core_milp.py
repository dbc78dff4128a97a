"""The exact core on everything at once, beside HiGHS on the user's tables."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from tests.support.compiled import best_choice, compiled
from tests.support.programme import Stop
from tests.support.random_campaigns import draw

from couponry import Campaign, CustomerRule, Limit
from couponry.solver.exact.core_milp import Core, CoreLimits, solve_core
from couponry.solver.options import DEFAULT_OPTIONS


@pytest.mark.parametrize(("seed", "channel"), [(201, "mail"), (237, "email"), (232, "mail")])
def test_least_cost_where_customers_miss_minimums(seed: int, channel: str) -> None:
    """HiGHS gave 386.41 for the least of 237, which is 373.39, while variables for what is missed cost nothing."""
    drawn = draw(seed, 800)
    bare = drawn.oracle(limits=[])
    reach = bare.reach()
    assert reach.missing.sum() > 0
    about = bare.about({"channel": [channel]})
    most = int((about & bare.best_under_rules(about * 1.0, reach)).sum())
    promise = Limit("promise", where={"channel": [channel]}, min=most // 2)
    cost = bare.amount("effort")
    best = bare.best(-cost, bare.rules, bare.measures_of(promise), reach, Stop(1e-7))
    assert best.chosen is not None and best.status == "optimal"

    campaign = Campaign(
        drawn.offers,
        drawn.candidates.append_column("saved", pa.array(-cost)),
        drawn.customers,
        rules=drawn.rules,
        limits=[promise],
        value="saved",
        history=drawn.history,
    )
    problem, engine, repair = compiled(campaign)
    nobody, everybody = np.zeros(problem.candidates, np.uint8), np.ones(problem.candidates, bool)
    kept, _ = best_choice(problem, engine, repair, np.zeros(len(problem.lower)))
    limits = CoreLimits(1e-4, -float(cost.sum()), 60.0, DEFAULT_OPTIONS.core.nodes)
    found = solve_core(Core(problem, nobody, everybody, kept), limits, DEFAULT_OPTIONS.core)
    assert found.chosen is not None
    worth = repair.measure(found.chosen).objective
    least = float(cost[best.chosen].sum())
    assert -worth == pytest.approx(least, rel=1e-6)
    assert found.bound == pytest.approx(-least, rel=1e-6)
    assert best.bound == pytest.approx(-least, rel=1e-6)
    # and by prices, without HiGHS
    result = campaign.solve(threads=1, gap=1e-4)
    assert result.objective is not None and result.objective >= -least * (1 + 1e-4) - 1e-9
    assert result.bound is not None and result.bound >= -least * (1 + 1e-9)


def test_history_may_leave_less_than_a_minimum_asks_for() -> None:
    """A row that asks for three coupons and allows two made campaigns impossible that are not."""
    offers = {"offer": [0, 1, 2, 3], "channel": ["mail", "app", "app", "mail"]}
    candidates = {"customer": [7] * 4, "offer": [0, 1, 2, 3], "value": [4.0, 3.0, 2.0, 1.0]}
    rules = [
        CustomerRule("slots", min=3, max=4),
        CustomerRule("in all", max=3, history=True),
        CustomerRule("post", where={"channel": "mail"}, min=1),
    ]
    history = {"customer": [7], "offer": [0]}
    campaign = Campaign(offers, candidates, history=history, rules=rules)
    problem, engine, repair = compiled(campaign)
    nobody, everybody = np.zeros(problem.candidates, np.uint8), np.ones(problem.candidates, bool)
    kept, _ = best_choice(problem, engine, repair, np.zeros(0))
    limits = CoreLimits(1e-6, 7.0, 60.0, DEFAULT_OPTIONS.core.nodes)
    found = solve_core(Core(problem, nobody, everybody, kept), limits, DEFAULT_OPTIONS.core)
    assert not found.infeasible and found.chosen is not None
    assert found.chosen.tolist() == [1, 1, 0, 0]
    assert found.bound == pytest.approx(7.0, rel=1e-5)
