"""A first allocation where single moves find none: violated less and less, beside HiGHS on the user's tables."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.support.compiled import compiled
from tests.support.corridors import RULES, Situation, situation, tables
from tests.support.oracle import Oracle

from couponry import Campaign, Limit
from couponry.solver.dual.scaling import Scales
from couponry.solver.exact.core_milp import Core
from couponry.solver.exact.elastic_core import ElasticCore
from couponry.solver.exact.feasibility_search import FeasibilitySearch
from couponry.solver.options import DEFAULT_OPTIONS, RepairOptions, SolverOptions
from couponry.solver.primal.repair import MeasuredChoice, Repair
from couponry.utils.clock import Clock

FEW_MOVES = RepairOptions(rounds=1, new_choice_rounds=0)
"""Repair that leaves corridors violated."""

NARROW = 3e-4
"""Share of a sum that corridors leave on either side: a hundredth of one coupon."""


def unrepaired(given: Situation) -> Repair:
    """Repair that gives up soon."""
    return Repair(
        given.problem, given.engine, Scales.measure(given.problem, given.engine), FEW_MOVES
    )


def search(given: Situation, options: SolverOptions = DEFAULT_OPTIONS) -> MeasuredChoice | None:
    repair = unrepaired(given)
    return FeasibilitySearch(repair, given.ideal, given.reduced, 0, Clock(), options).run()


@pytest.mark.parametrize("seed", range(3))
def test_corridors_that_moves_miss_are_kept(seed: int) -> None:
    given = situation(seed, share=NARROW)
    repaired = unrepaired(given).repair_and_fill(given.ideal, given.reduced, lambda: None)
    assert not repaired.feasible
    found = search(given)
    assert found is not None and found.feasible
    reach = given.oracle.reach()
    assert given.oracle.broken(found.chosen.astype(bool), reach) == []


def test_the_same_for_any_number_of_threads() -> None:
    one, two = (search(situation(2, threads, share=NARROW)) for threads in (1, 2))
    assert one is not None and two is not None
    assert one.chosen.tobytes() == two.chosen.tobytes()


def test_where_nothing_is_feasible_it_gives_up() -> None:
    given = situation(0)
    rows = given.problem.rows.toarray()
    impossible = replace(given.problem, lower=given.problem.upper + rows.max(axis=1) * 1e4)
    given = replace(given, problem=impossible)
    patience = replace(DEFAULT_OPTIONS.feasibility, patience=2)
    assert search(given, replace(DEFAULT_OPTIONS, feasibility=patience)) is None
    none = replace(DEFAULT_OPTIONS.feasibility, rounds=0)
    assert search(situation(0, share=NARROW), replace(DEFAULT_OPTIONS, feasibility=none)) is None


def test_the_least_violation_is_that_of_highs_on_the_tables() -> None:
    """All candidates free, and more asked than there is: as much is given as can be."""
    given = tables(5, customers=12, offers=9)
    limits = [Limit("spend", sum="cost", min=1e3)]
    campaign = Campaign(*given, rules=RULES, limits=limits)
    problem, _, repair = compiled(campaign)
    nothing = np.zeros(problem.candidates, np.uint8)
    core = Core(problem, nothing, np.ones(problem.candidates, bool), nothing)
    chosen, is_least = ElasticCore(core, repair.limit_rows).solve(60.0, 10_000)
    assert chosen is not None and is_least
    oracle = Oracle(*given, rules=RULES, value="cost")
    most = oracle.solve(oracle.reach()).value
    assert float(given[1]["cost"].to_numpy()[chosen.astype(bool)].sum()) == pytest.approx(most)
