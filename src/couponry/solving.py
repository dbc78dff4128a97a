"""From a campaign to its result: compile, solve on this machine, and say everything in the user's terms."""

from __future__ import annotations

import hashlib
import math
import numbers
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from . import kernels
from .allocate import solver
from .allocate.clock import Clock
from .allocate.plan import Plan
from .allocate.problem import Problem
from .allocation import Allocation
from .earlier import start_from
from .engines.journal import Journal, Journaled
from .engines.local import LocalEngine
from .engines.protocol import Engine
from .engines.threads import thread_count
from .errors import InvalidInput
from .infeasibility import told
from .progress import reporter
from .result import Result
from .shortfalls import Shortfalls, shortfalls
from .soft_ratio import solve_with_soft_ratios
from .solved import Solved

if TYPE_CHECKING:
    from .campaign import Campaign, Compiled

DIGESTED = 1 << 15  # numbers in each of 64 pieces of an array that are digested


def solve(
    campaign: Campaign,
    *,
    gap: float,
    time_limit: float | None,
    threads: int | None,
    seed: int,
    backend: str | None,
    progress: bool,
    checkpoint: str | Path | None,
    start: Any,
) -> Result:
    """See Campaign.solve."""
    _check(gap, time_limit, seed)
    count = thread_count(threads)
    try:
        chosen_backend = kernels.load(backend)
    except ValueError as error:
        raise InvalidInput(str(error)) from None
    with reporter(progress) as report:
        clock = Clock(time_limit, report)
        with clock.stage("pack"):
            compiled = campaign.compile(chosen_backend)
        problem = compiled.problem
        engine: Engine = LocalEngine(problem.shard, problem.rules, chosen_backend, count, seed)
        journal = None
        if checkpoint is not None:
            journal = Journal(checkpoint, _subject(problem, int(seed)))
            engine = Journaled.over(engine, journal)
        known = None if start is None else start_from(start, campaign, compiled)
        if compiled.limits.per_ratio.any():
            solution = solve_with_soft_ratios(
                problem, compiled.limits, engine, gap, int(seed), clock, known
            )
        else:
            solution = solver.solve(problem, engine, gap, int(seed), clock, known)
        if journal is not None:
            journal.close()
        conflict = None
        if solution.certificate is not None:
            conflict = told(
                compiled, solution.certificate, solution.prices, engine, int(seed), clock
            )
        with clock.stage("result"):
            return _result(
                campaign, compiled, solution, conflict, engine, chosen_backend.name, clock, seed
            )


def _check(gap: float, time_limit: float | None, seed: int) -> None:
    if not _is_number(gap) or not gap >= 0 or math.isinf(gap):
        raise InvalidInput(f"gap: expected a number from 0 up, got {gap!r}")
    if time_limit is not None and (not _is_number(time_limit) or not time_limit > 0):
        raise InvalidInput(f"time_limit: expected seconds above 0, got {time_limit!r}")
    if not isinstance(seed, numbers.Integral) or isinstance(seed, bool) or not 0 <= seed < 2**32:
        raise InvalidInput(f"seed: expected a whole number from 0 to 4294967295, got {seed!r}")


def _subject(problem: Problem, seed: int) -> bytes:
    """A digest of what every pass depends on: seed, rules, sizes, and a good part of the packed candidates."""
    shard, rules = problem.shard, problem.rules
    digest = hashlib.sha256(
        repr((seed, len(shard.indptr), shard.item.shape, shard.quantity.shape)).encode()
    )
    for array in (rules.lower, rules.upper, rules.group, rules.cap, rules.ptr, shard.segment):
        digest.update(np.ascontiguousarray(array).tobytes())
    for array in (shard.indptr, shard.item, *shard.quantity, rules.sets):
        for start in np.linspace(0, max(0, len(array) - DIGESTED), 64).astype(int).tolist():
            digest.update(array[start : start + DIGESTED].tobytes())
    return digest.digest()


def _is_number(value: object) -> bool:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _result(
    campaign: Campaign,
    compiled: Compiled,
    solution: solver.Solution,
    conflict: dict[str, Any] | None,
    engine: Engine,
    backend: str,
    clock: Clock,
    seed: int,
) -> Result:
    from . import __version__

    problem, plan = compiled.problem, solution.plan
    objective = error = reached = violation = None
    allocation = limits = None
    short = Shortfalls()
    bound = solution.bound if math.isfinite(solution.bound) else None
    if plan is not None:
        achieved = compiled.limits.achieved(plan.usage)
        worth, off = compiled.limits.worth(plan.usage, plan.error)
        objective, error = worth - off, 2 * off
        if bound is not None:
            bound = max(bound, objective)  # not below it by a rounding error
            reached = solver.relative_gap(bound, objective)
        allocation = Allocation(campaign, compiled, plan)
        limits = _limits(compiled, solution.prices, plan, achieved)
        violation = _max_violation(compiled, achieved)
        short = shortfalls(compiled.rules, problem.shard, plan)
    if conflict is not None:
        bound = None
    return Result(
        status=solution.status,
        message=solution.message if conflict is None else conflict["message"],
        objective=objective,
        objective_error=error,
        bound=bound,
        gap=reached,
        max_violation=violation,
        allocated=0 if plan is None else plan.coupons,
        customers=problem.customers,
        candidates=problem.candidates,
        customers_below_min=short.below_min,
        customers_without_mandatory=short.without_mandatory,
        customers_cut_off=solution.cut_off,
        full_passes=engine.passes,
        nit=solution.nit,
        method=solution.method,
        seconds={**campaign.seconds, **clock.seconds},
        peak_memory_bytes=peak_memory(),
        threads=engine.threads,
        backend=backend,
        engine=engine.name,
        seed=int(seed),
        version=__version__,
        name=campaign.name,
        coupons=allocation,
        limits=limits,
        infeasible=conflict,
        solved=Solved(campaign, compiled, plan, solution.prices),
    )


def peak_memory() -> int:
    """The most memory this process has held, in bytes."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _limits(
    compiled: Compiled,
    prices: NDArray[np.float64],
    plan: Plan,
    achieved: NDArray[np.float64],
) -> pa.Table:
    """One row per limit and group: what was asked, what came of it, and what one more unit is worth."""
    limits, usage = compiled.limits, plan.usage
    price = np.zeros(len(limits.measures))
    np.add.at(price, limits.measure_of_row, prices)
    # a ratio's row is priced per unit of numerator; one more unit of ratio moves it by the denominator
    below = limits.denominator @ usage.ravel()
    price[limits.is_ratio] *= below[limits.is_ratio]
    measures = limits.measures
    return pa.table(
        {
            "name": pa.array([m.name for m in measures], pa.string()),
            "group": pa.array([m.group for m in measures], pa.string()),
            "sum": pa.array([m.sum for m in measures], pa.string()),
            "min": pa.array([m.min for m in measures], pa.float64()),
            "max": pa.array([m.max for m in measures], pa.float64()),
            "achieved": pa.array(achieved, pa.float64(), from_pandas=True),
            "error": pa.array(limits.achieved_error(usage, plan.error), pa.float64()),
            "price": pa.array(price, pa.float64()),
            "second_sum": pa.array(np.where(limits.is_ratio, below, np.nan), from_pandas=True),
            "binding": pa.array(price != 0, pa.bool_()),
            "mode": pa.array([m.mode for m in measures], pa.string()),
        }
    )


def _max_violation(compiled: Compiled, achieved: NDArray[np.float64]) -> float:
    """How far the worst hard limit is outside its bounds, in the limit's own unit."""
    worst = 0.0
    for measure, value in zip(compiled.limits.measures, achieved.tolist(), strict=True):
        if measure.mode == "hard" and not math.isnan(value):
            below = -math.inf if measure.min is None else measure.min - value
            above = -math.inf if measure.max is None else value - measure.max
            worst = max(worst, below, above)
    return worst
