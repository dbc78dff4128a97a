"""Neighbourhoods: parts of an allocation decided again, against HiGHS on the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray
from tests.support.corridors import Situation, situation
from tests.support.programme import Stop

from couponry.solver.exact import neighbourhood_search
from couponry.solver.exact.core_milp import Core, CoreLimits, CoreSolution
from couponry.solver.exact.neighbourhood_search import NeighbourhoodSearch, PricedChoice
from couponry.solver.options import DEFAULT_OPTIONS, CoreOptions, NeighbourhoodOptions
from couponry.solver.primal.repair import MeasuredChoice
from couponry.utils.clock import Clock

OPTIONS = replace(
    DEFAULT_OPTIONS,
    neighbourhoods=NeighbourhoodOptions(
        first_candidates=60, least_candidates=30, nodes=10, patience=4
    ),
)
"""Neighbourhoods that HiGHS is through with in no time."""


def neighbourhoods(given: Situation, clock: Clock) -> NeighbourhoodSearch:
    regret = given.engine.regret(given.problem.exact, given.reduced, given.ideal)
    ideal = PricedChoice(given.ideal, given.reduced, regret)
    return NeighbourhoodSearch(given.repair, ideal, 0.5, 0, clock, OPTIONS)


def search(given: Situation, best: NDArray[np.uint8] | None) -> list[MeasuredChoice]:
    """All that is found, one after the other, from an allocation on, or from none."""
    near, found = neighbourhoods(given, Clock()), []
    objective = 0.0 if best is None else given.repair.measure(best).objective
    while not near.is_over:
        better = near.improve(best, objective)
        if better is not None:
            best, objective = better.chosen, better.objective
            found.append(better)
    return found


@pytest.mark.parametrize("seed", range(1))
def test_every_step_is_better_and_keeps_what_was_asked(seed: int) -> None:
    """From an allocation that keeps limits and rules to ones that do, too, close to HiGHS's best in the end."""
    given = situation(seed)
    reach = given.oracle.reach()
    worth = given.repair.measure(given.planted).objective
    assert given.oracle.broken(given.planted.astype(bool), reach) == []
    found = search(given, given.planted)
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
    found = search(given, None)
    assert found and given.oracle.broken(found[-1].chosen.astype(bool), given.oracle.reach()) == []


def test_the_same_for_any_number_of_threads() -> None:
    one, two = (situation(4, threads) for threads in (1, 2))
    steps = [
        [step.chosen.tobytes() for step in search(given, given.planted)] for given in (one, two)
    ]
    assert steps[0] == steps[1] and steps[0]


def test_where_nothing_is_better_it_gives_up() -> None:
    given = situation(0)
    best = given.oracle.solve(given.oracle.reach(), Stop(1e-4))
    assert best.chosen is not None and best.value is not None
    near = neighbourhoods(given, Clock())
    searches = 0
    while not near.is_over:
        assert near.improve(best.chosen.astype(np.uint8), best.value) is None
        searches += 1
    assert searches == 4
    assert neighbourhoods(given, Clock(0.0)).is_over


def test_of_thousands_of_tied_candidates_some_are_decided_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where most candidates are tied, an allocation decides most of them otherwise than the prices do."""
    given, sizes = situation(0), list[int]()
    different = int((given.planted != given.ideal).sum())
    solve = neighbourhood_search.solve_core

    def measured(core: Core, limits: CoreLimits, options: CoreOptions) -> CoreSolution:
        sizes.append(int(core.free.sum()))
        return solve(core, limits, options)

    monkeypatch.setattr(neighbourhood_search, "solve_core", measured)
    worth = given.repair.measure(given.planted).objective
    for most in (different, different - 1):
        few = replace(OPTIONS.neighbourhoods, first_candidates=20, most_different=most)
        regret = given.engine.regret(given.problem.exact, given.reduced, given.ideal)
        near = NeighbourhoodSearch(
            given.repair,
            PricedChoice(given.ideal, given.reduced, regret),
            0.5,
            0,
            Clock(),
            replace(OPTIONS, neighbourhoods=few),
        )
        better = near.improve(given.planted, worth)
        assert better is None or better.objective > worth
    assert different > 50 and sizes[0] >= different and sizes[1] <= 2 * 21
