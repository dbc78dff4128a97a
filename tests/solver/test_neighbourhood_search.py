"""Neighbourhoods: parts of an allocation decided again, against HiGHS on the whole."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pytest
from numpy.typing import NDArray
from tests.support.compiled import best_choice, compiled
from tests.support.oracle import Oracle, Stop

from couponry import Campaign, CustomerRule, Limit
from couponry.engines.local import LocalEngine
from couponry.solver.exact.neighbourhood_search import NeighbourhoodSearch, PricedChoice
from couponry.solver.options import DEFAULT_OPTIONS, NeighbourhoodOptions
from couponry.solver.primal.repair import MeasuredChoice, Repair
from couponry.solver.problem import Problem
from couponry.solver.solve import solve
from couponry.solver.solve_state import SolveRequest
from couponry.utils.clock import Clock

RULES = [CustomerRule("slots", max=2), CustomerRule("one a kind", by="kind", max=1)]


def tables(seed: int, customers: int = 80, offers: int = 15) -> list[pa.Table]:
    rng = np.random.default_rng(seed)
    n = customers * offers
    return [
        pa.table({"offer": np.arange(offers), "kind": np.arange(offers) // 3}),
        pa.table(
            {
                "customer": np.repeat(np.arange(customers), offers),
                "offer": np.tile(np.arange(offers), customers),
                "value": rng.gamma(2.0, 1.0, n).round(3),
                "cost": rng.uniform(0.2, 2.0, n).round(3),
            }
        ),
    ]


def corridors(given: list[pa.Table], planted: NDArray[np.bool_]) -> list[Limit]:
    """What every kind of coupon may cost, within a thousandth of what a planted allocation costs."""
    kind = given[0]["kind"].to_numpy()[given[1]["offer"].to_numpy()]
    cost = np.bincount(kind, given[1]["cost"].to_numpy() * planted)
    narrow = pa.table({"kind": np.arange(len(cost)), "min": cost * 0.999, "max": cost * 1.001})
    return [Limit("cost", sum="cost", by="kind", table=narrow)]


OPTIONS = replace(
    DEFAULT_OPTIONS,
    neighbourhoods=NeighbourhoodOptions(
        first_candidates=60, least_candidates=30, nodes=10, patience=4
    ),
)
"""Neighbourhoods that HiGHS is through with in no time."""


@dataclass(frozen=True)
class Situation:
    """A problem, everybody's best choice at the best prices, and an allocation that keeps all limits."""

    problem: Problem
    engine: LocalEngine
    repair: Repair
    ideal: NDArray[np.uint8]
    reduced: NDArray[np.float64]
    planted: NDArray[np.uint8]
    oracle: Oracle

    def neighbourhoods(self, clock: Clock) -> NeighbourhoodSearch:
        regret = self.engine.regret(self.problem.exact, self.reduced, self.ideal)
        ideal = PricedChoice(self.ideal, self.reduced, regret)
        return NeighbourhoodSearch(self.repair, ideal, 0.5, 0, clock, OPTIONS)

    def search(self, best: NDArray[np.uint8] | None) -> list[MeasuredChoice]:
        """All that is found, one after the other, from an allocation on."""
        near, found = self.neighbourhoods(Clock()), []
        objective = 0.0 if best is None else self.repair.measure(best).objective
        while not near.is_over:
            better = near.improve(best, objective)
            if better is not None:
                best, objective = better.chosen, better.objective
                found.append(better)
        return found


def situation(seed: int, threads: int = 1) -> Situation:
    given = tables(seed)
    free = Campaign(*given, rules=RULES).solve(threads=1).allocation.to_arrow()
    planted = np.zeros(given[1].num_rows, bool)
    position = free.column("customer").to_numpy() * 15 + free.column("offer").to_numpy()
    planted[position[::2]] = True  # every other coupon of what is best without limits
    limits = corridors(given, planted)
    problem, engine, repair = compiled(Campaign(*given, rules=RULES, limits=limits), threads)
    request = SolveRequest(problem, engine, 3e-3, 0, Clock(), use_highs=False)
    prices = solve(request).prices
    ideal, reduced = best_choice(problem, engine, repair, prices)
    oracle = Oracle(*given, rules=RULES, limits=limits)
    return Situation(problem, engine, repair, ideal, reduced, planted.astype(np.uint8), oracle)


@pytest.mark.parametrize("seed", range(1))
def test_every_step_is_better_and_keeps_what_was_asked(seed: int) -> None:
    """From an allocation that keeps limits and rules to ones that do, too, close to HiGHS's best in the end."""
    given = situation(seed)
    reach = given.oracle.reach()
    worth = given.repair.measure(given.planted).objective
    assert given.oracle.broken(given.planted.astype(bool), reach) == []
    found = given.search(given.planted)
    assert found
    for step in found:
        assert step.objective > worth
        assert step.objective == pytest.approx(given.oracle.objective(step.chosen.astype(bool)))
        assert given.oracle.broken(step.chosen.astype(bool), reach) == []
        worth = step.objective
    best = given.oracle.solve(reach, Stop(1e-3)).value
    assert best is not None and best * 0.995 <= worth <= best * 1.002


def test_from_nothing() -> None:
    given = situation(3)
    found = given.search(None)
    assert found and given.oracle.broken(found[-1].chosen.astype(bool), given.oracle.reach()) == []


def test_the_same_for_any_number_of_threads() -> None:
    one, two = (situation(4, threads) for threads in (1, 2))
    steps = [
        [step.chosen.tobytes() for step in given.search(given.planted)] for given in (one, two)
    ]
    assert steps[0] == steps[1] and steps[0]


def test_where_nothing_is_better_it_gives_up() -> None:
    given = situation(0)
    best = given.oracle.solve(given.oracle.reach(), Stop(1e-4))
    assert best.chosen is not None and best.value is not None
    near = given.neighbourhoods(Clock())
    searches = 0
    while not near.is_over:
        assert near.improve(best.chosen.astype(np.uint8), best.value) is None
        searches += 1
    assert searches == 4
    assert given.neighbourhoods(Clock(0.0)).is_over
