"""Solve a campaign on this machine: compile, search, and say the outcome in its user's terms."""

from __future__ import annotations

import hashlib
import math
from typing import Any

import numpy as np

from ..engines.checkpoint import CheckpointedEngine, CheckpointFile
from ..engines.local import LocalEngine
from ..engines.protocol import Engine
from ..model.campaign_data import CampaignData
from ..model.compiled_campaign import CompiledCampaign, compile_campaign
from ..solver.problem import Problem
from ..solver.solve import Solution, relative_gap
from ..solver.solve import solve as solve_problem
from ..utils.clock import Clock
from ..utils.memory import peak_memory
from ..utils.progress import reporter
from ..utils.version import __version__
from .allocation import Allocation
from .infeasibility import told
from .limits_table import limits_table, max_violation
from .options import SolveOptions
from .shortfalls import Shortfalls, shortfalls
from .soft_ratios import solve_with_soft_ratios
from .solution import CampaignSolution
from .warm_start import start_from

DIGESTED = 1 << 15  # numbers in each of 64 pieces of an array that are digested


def solve(
    campaign: CampaignData, options: SolveOptions, compiled: CompiledCampaign | None = None
) -> CampaignSolution:
    """The best allocation of a campaign, with its certificate.

    Parameters
    ----------
    campaign : CampaignData
    options : SolveOptions
    compiled : CompiledCampaign, optional
        The same campaign, where it has been compiled before; default: it is compiled now, within the time limit.

    Raises
    ------
    InvalidInput
        Where options, a rule or a limit are wrong.
    """
    options.check()
    threads, backend, seed = options.thread_count, options.load_backend(), int(options.seed)
    with reporter(options.progress) as report:
        clock = Clock(options.time_limit, report)
        with clock.stage("pack"):
            if compiled is None:
                compiled = compile_campaign(campaign, backend)
        problem = compiled.problem
        engine: Engine = LocalEngine(problem.shard, problem.rules, backend, threads, seed)
        journal = None
        if options.checkpoint is not None:
            journal = CheckpointFile(options.checkpoint, _subject(problem, seed))
            engine = CheckpointedEngine.over(engine, journal)
        known = None if options.start is None else start_from(options.start, compiled)
        search = (problem, engine, options.gap, seed, clock, known)
        if compiled.limits.per_ratio.any():
            solution = solve_with_soft_ratios(compiled.limits, *search, options=options.solver)
        else:
            solution = solve_problem(*search, options=options.solver)
        if journal is not None:
            journal.close()
        conflict = None
        if solution.certificate is not None:
            conflict = told(
                compiled,
                solution.certificate,
                solution.prices,
                engine,
                seed,
                clock,
                options.solver,
            )
        with clock.stage("result"):
            return _solution(compiled, solution, conflict, engine, backend.name, clock, seed)


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


def _solution(
    compiled: CompiledCampaign,
    solution: Solution,
    conflict: dict[str, Any] | None,
    engine: Engine,
    backend: str,
    clock: Clock,
    seed: int,
) -> CampaignSolution:
    campaign, problem, plan = compiled.campaign, compiled.problem, solution.plan
    objective = error = gap = violation = None
    allocation = limits = None
    short = Shortfalls()
    bound = solution.bound if math.isfinite(solution.bound) else None
    if plan is not None:
        achieved = compiled.limits.achieved(plan.usage)
        worth, off = compiled.limits.worth(plan.usage, plan.error)
        objective, error = worth - off, 2 * off
        if bound is not None:
            bound = max(bound, objective)  # not below it by a rounding error
            gap = relative_gap(bound, objective)
        allocation = Allocation(compiled, plan)
        limits = limits_table(compiled, solution.prices, plan, achieved)
        violation = max_violation(compiled, achieved)
        short = shortfalls(compiled.rules, problem.shard, plan)
    if conflict is not None:
        bound = None
    return CampaignSolution(
        status=solution.status,
        message=solution.message if conflict is None else conflict["message"],
        objective=objective,
        objective_error=error,
        bound=bound,
        gap=gap,
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
        seed=seed,
        version=__version__,
        name=campaign.name,
        allocation=allocation,
        limits=limits,
        infeasible=conflict,
        campaign=campaign,
        compiled=compiled,
        plan=plan,
        prices=solution.prices,
    )
