"""A solve whose gap no longer narrows ends by itself, after counted work that was in vain."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from tests.solver.test_stages import ALWAYS_LARGE, NO_MASTER, TIGHT, campaign, request
from tests.support.compiled import compiled

from couponry.engines.protocol import Engine
from couponry.result import Result
from couponry.solver.options import DEFAULT_OPTIONS, CoreOptions, EndingOptions, SolverOptions
from couponry.solver.solve import solve
from couponry.solver.work_counts import VainWork
from couponry.utils.clock import Clock

LONG = SolverOptions(master=NO_MASTER, sizes=ALWAYS_LARGE, core=CoreOptions(candidates=0))


def ending(**changes: Any) -> SolverOptions:
    """Options under which a campaign goes through many stages, and these about its end."""
    return replace(LONG, ending=EndingOptions(**changes))


def vain_work(**changes: Any) -> tuple[VainWork, Clock]:
    """Of a campaign, before anything was done, and the clock that counts."""
    problem, engine, _ = compiled(campaign(TIGHT))
    still = SimpleNamespace(passes=0.0, candidates=engine.candidates)
    clock = Clock()
    return VainWork(problem, cast(Engine, still), clock, ending(**changes)), clock


def test_work_is_in_vain_from_the_last_gain_on() -> None:
    work, clock = vain_work(vain_work=2.0, least_vain_work=0.0)
    begun = work.done
    assert begun > 0  # it was read and packed
    clock.counted.candidates += 10 * begun
    assert not work.is_enough  # there is no allocation
    work.note(0.5)
    clock.counted.candidates += 21.9 * begun
    assert not work.is_enough
    work.note(0.46)  # hardly narrower
    clock.counted.candidates += 0.2 * begun
    assert work.is_enough
    work.note(0.44)
    assert not work.is_enough
    clock.counted.candidates += 2.1 * 33.1 * begun
    assert work.is_enough


def test_some_work_may_be_in_vain_however_little_was_done_before() -> None:
    work, clock = vain_work(vain_work=0.0, least_vain_work=1e6)
    work.note(0.5)
    clock.counted.candidates += 0.9e6
    assert not work.is_enough
    work.count_repair(0.2e6)
    assert work.is_enough


def test_a_solve_ends_where_its_gap_no_longer_narrows() -> None:
    patient = solve(request(TIGHT, options=ending(vain_work=math.inf)))
    ended = solve(request(TIGHT, options=ending(vain_work=0.0, least_vain_work=0.0)))
    assert patient.status == ended.status == "feasible"
    assert ended.nit < patient.nit / 2
    assert ended.plan is not None and patient.plan is not None
    assert ended.plan.feasible and ended.plan.objective <= patient.plan.objective
    assert patient.bound <= ended.bound
    assert ended.message.endswith("asked 1.00e-07: nothing narrows it any more")


def test_a_time_limit_that_is_up_is_no_work_in_vain() -> None:
    late = replace(request(TIGHT, options=LONG), clock=Clock(0.0))
    assert solve(late).message.count(":") == 0


@pytest.mark.parametrize("time_limit", [None, 1e6])
def test_a_solve_ends_in_the_same_place_whatever_time_and_threads_there_are(
    time_limit: float | None,
) -> None:
    options = ending(vain_work=1.0, least_vain_work=0.0)

    def solved(threads: int) -> Result:
        return campaign(TIGHT).solve(
            gap=1e-7, threads=threads, time_limit=time_limit, solver_options=options
        )

    one, three = solved(1), solved(3)
    whole = campaign(TIGHT).solve(gap=1e-7, solver_options=ending(vain_work=math.inf))
    assert one.full_passes == three.full_passes < whole.full_passes
    assert (one.objective, one.bound) == (three.objective, three.bound)
    assert one.status == "feasible"


def test_small_campaigns_have_all_the_work_that_they_have_use_for() -> None:
    assert DEFAULT_OPTIONS.ending.least_vain_work >= 1e9  # a second, about
