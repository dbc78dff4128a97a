"""Solve a campaign on this machine: compile it, search, and say the outcome in its user's terms."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..data.table_view import TableView
from ..engines.checkpoint import CheckpointedEngine
from ..engines.checkpoint_file import CheckpointFile
from ..engines.cluster.store import ShardStore
from ..engines.protocol import Engine
from ..engines.streamed import local_engine
from ..kernels import Backend
from ..model.campaign_data import CampaignData
from ..model.checking.finding import Finding
from ..model.compiled_campaign import CompiledCampaign, compile_campaign
from ..solver.plan import Plan
from ..solver.problem import Problem
from ..solver.solve import Solution
from ..solver.solve import solve as solve_problem
from ..solver.solve_state import SolveRequest
from ..utils.arrays.digests import digest_of_arrays
from ..utils.clock import Clock, Step
from ..utils.errors import InvalidInput
from ..utils.memory import peak_memory
from ..utils.process.freed_memory import freed_memory_is_kept
from ..utils.progress.cancel import Cancelled
from ..utils.progress.watch import shielded, watch
from ..utils.version import __version__
from .allocation import Allocation
from .beside.since_previous import since_previous
from .certificate import certificate_of
from .cluster.elsewhere import Elsewhere, packed_elsewhere
from .cluster.packing import StatedShards
from .cluster.planned.rows_elsewhere import RowsElsewhere
from .cluster.shards import shards_of, without_arrays
from .coupon_rows import PlannedRows
from .exact_plan import KeptParts, SolvedBy
from .infeasible.infeasibility import describe_infeasibility
from .limits_table import limits_table, max_violation
from .options import SolveOptions
from .shortfalls import Shortfalls, shortfalls
from .soft_ratios import solve_with_soft_ratios
from .solution import CampaignSolution
from .warm_start import warm_start

MANY_LIMITS = 1 << 17
"""Limits from which on an array of a number for each is a megabyte: hundreds of them come and go in a solve."""


@dataclass(frozen=True)
class _Run:
    """What one solve works with."""

    compiled: CompiledCampaign
    engine: Engine
    options: SolveOptions
    clock: Clock
    elsewhere: Elsewhere | None = None

    @property
    def seed(self) -> int:
        """What ties are broken by."""
        return int(self.options.seed)


def solve(
    campaign: CampaignData,
    options: SolveOptions,
    compiled: CompiledCampaign | None = None,
    on_findings: Callable[[Sequence[Finding]], None] | None = None,
    elsewhere: StatedShards | None = None,
) -> CampaignSolution:
    """Find the best allocation of a campaign, with its certificate.

    Parameters
    ----------
    campaign : CampaignData
    options : SolveOptions
    compiled : CompiledCampaign, optional
        The same campaign, where it has been compiled before; default: it is compiled now, within the time limit.
    on_findings : callable, optional
        Is told, before the search, what the campaign says and was probably not meant.
    elsewhere : StatedShards, optional
        Where the campaign's customers are, if it was stated without them; `options.engine` reaches them.

    Returns
    -------
    CampaignSolution

    Raises
    ------
    InvalidInput
        If an option, a rule or a limit is wrong.
    """
    options.check()
    with watch(options.progress, options.cancel):
        clock = Clock(options.time_limit)
        try:
            if elsewhere is not None:
                return _solved_elsewhere(elsewhere, options, on_findings, clock)
            with freed_memory_is_kept(_has_many_limits(campaign, compiled)):
                return _solved(campaign, options, compiled, on_findings, clock)
        except Cancelled:  # before the search began
            return _unsolved(campaign, options, clock)


def _has_many_limits(campaign: CampaignData, compiled: CompiledCampaign | None) -> bool:
    """Whether limits are so many that arrays of a number for each are large; known of tables that are in memory."""
    if compiled is not None:
        return len(compiled.problem.lower) >= MANY_LIMITS
    tables = (limit.table for limit in campaign.limits if limit.table is not None)
    return sum(int(getattr(table, "shape", (0,))[0]) for table in tables) >= MANY_LIMITS


def _solved(
    campaign: CampaignData,
    options: SolveOptions,
    compiled: CompiledCampaign | None,
    on_findings: Callable[[Sequence[Finding]], None] | None,
    clock: Clock,
) -> CampaignSolution:
    """Compile, search, and say the outcome."""
    threads, backend, seed = options.thread_count, options.load_backend(), int(options.seed)
    with clock.stage("pack"):
        if compiled is None:
            compiled = compile_campaign(campaign, backend)
    if on_findings is not None:
        on_findings(compiled.findings)
    problem, cluster = compiled.problem, options.engine
    if cluster is None:
        with _journal(options, clock, lambda: _subject(problem, seed, backend, threads)) as journal:
            memory = options.solver.sizes.page_cache_bytes
            engine: Engine = local_engine(
                problem.shard, problem.rules, backend, threads, seed, memory
            )
            if journal is not None:
                engine = CheckpointedEngine.over(engine, journal)
            return _outcome(_Run(compiled, engine, options, clock), compiled)
    with clock.stage("shards"):
        shards = shards_of(compiled, cluster, backend, threads)
    with _journal(options, clock, lambda: _subject_of_shards(shards, seed)) as journal:
        engine = cluster.engine(shards, backend.name, seed, threads, journal)
        elsewhere = replace(problem, packed=without_arrays(problem, engine))
        searched = replace(compiled, problem=elsewhere)
        return _outcome(_Run(searched, engine, options, clock), compiled)


def _solved_elsewhere(
    shards: StatedShards,
    options: SolveOptions,
    on_findings: Callable[[Sequence[Finding]], None] | None,
    clock: Clock,
) -> CampaignSolution:
    """The same for customers whom this process never sees."""
    cluster, seed = options.engine, int(options.seed)
    assert cluster is not None
    with clock.stage("shards"):
        elsewhere = packed_elsewhere(shards, cluster)
    if on_findings is not None:
        on_findings(elsewhere.compiled.findings)
    with _journal(options, clock, lambda: _subject_of_shards(elsewhere.store, seed)) as journal:
        engine = elsewhere.engine(cluster, seed, options.thread_count, journal)
        compiled = elsewhere.compiled_with(engine)
        return _outcome(_Run(compiled, engine, options, clock, elsewhere), compiled)


@contextmanager
def _journal(
    options: SolveOptions, clock: Clock, subject: Callable[[], bytes]
) -> Iterator[CheckpointFile | None]:
    """Open the file that answers are kept in, if there is to be one; subject: digest of what passes read."""
    if options.checkpoint is None:
        yield None
        return
    with clock.stage("digest"):
        digest = subject()
    with CheckpointFile(options.checkpoint, digest) as file:
        yield file


def _outcome(run: _Run, whole: CompiledCampaign) -> CampaignSolution:
    """Search, and say what came of it."""
    clock, engine = run.clock, run.engine
    clock.passes = lambda: engine.passes
    solution = _search(run)
    conflict = _conflict(run, solution)
    if clock.is_cancelled and solution.status in ("feasible", "unsolved"):
        solution = replace(solution, message="cancelled")
    with shielded(), clock.stage("result"):
        return _campaign_solution(replace(run, compiled=whole), solution, conflict)


def _unsolved(campaign: CampaignData, options: SolveOptions, clock: Clock) -> CampaignSolution:
    """The outcome of a solve that was cancelled before there was anything to search."""
    facts = _facts(campaign, options, clock)
    fields = facts | {
        "status": "unsolved",
        "message": "cancelled",
        **dict.fromkeys(("objective", "objective_error", "bound", "gap", "max_violation")),
        **dict.fromkeys(("allocated", "nit", "customers_cut_off"), 0),
        **dict.fromkeys(("customers_below_min", "customers_without_mandatory"), 0),
        "full_passes": clock.passes(),
        "method": "dual",
        "engine": "local",
        "limits": None,
        "infeasible": None,
        "previous": None,
        "prices": np.zeros(0),
        "curvature": None,
        "findings": [],
    }
    solved = SolvedBy(facts["backend"], facts["seed"], options.solver)
    return CampaignSolution.with_parts_later(fields, KeptParts(campaign, {}, solved))


def _facts(campaign: CampaignData, options: SolveOptions, clock: Clock) -> dict[str, Any]:
    """What a solution says of the campaign and of how it was solved."""
    return {
        "name": campaign.name,
        "customers": len(campaign.candidates.customers),
        "candidates": len(campaign.candidates),
        "seconds": {**campaign.seconds, **clock.seconds},
        "peak_memory_bytes": peak_memory(),
        "threads": options.thread_count,
        "backend": options.load_backend().name,
        "seed": int(options.seed),
        "asked_gap": float(options.gap),
        "solver_options": options.solver,
        "version": __version__,
        "convergence": {
            name: [getattr(step, name) for step in clock.steps] for name in Step._fields
        },
    }


def _search(run: _Run) -> Solution:
    """Let the solver search."""
    compiled, options = run.compiled, run.options
    start = None if options.start is None else warm_start(options.start, compiled)

    def solve_one(problem: Problem, clock: Clock) -> Solution:
        request = SolveRequest(
            problem, run.engine, options.gap, run.seed, clock, start, options=options.solver
        )
        return solve_problem(request)

    if compiled.limits.per_ratio.any():
        if compiled.costs is not None:
            raise InvalidInput(
                "limits: expected no soft ratio beside what messages cost: a ratio's penalty is none of a sum"
            )
        part = run.clock.of_part()  # what bounds one of these problems does not bound the campaign
        return solve_with_soft_ratios(
            compiled.limits,
            compiled.problem,
            run.engine,
            options.gap,
            lambda problem: solve_one(problem, part),
        )
    return solve_one(compiled.problem, run.clock)


def _conflict(run: _Run, solution: Solution) -> dict[str, Any] | None:
    """The content of infeasible.json; None unless nothing is feasible."""
    if solution.certificate is None:
        return None
    return describe_infeasibility(
        run.compiled,
        solution.certificate,
        solution.prices,
        run.engine,
        run.options.load_backend(),
        run.seed,
        run.clock,
        run.options.solver,
    )


def _subject(problem: Problem, seed: int, backend: Backend, threads: int) -> bytes:
    """A digest of everything that a pass depends on: seed, rules and packed candidates."""
    (first, *shard), rules = problem.shard, problem.rules
    numbers = repr((seed, first, rules.groups, rules.nodes)).encode()
    arrays = [*shard, *(part for part in rules if isinstance(part, np.ndarray))]
    digest = digest_of_arrays(arrays, backend.kernels.hash_blocks, threads)
    return hashlib.sha256(numbers + digest).digest()


def _subject_of_shards(store: ShardStore, seed: int) -> bytes:
    """The same of shards."""
    return hashlib.sha256(f"{seed} {store.digest}".encode()).digest()


def _campaign_solution(
    run: _Run, solution: Solution, conflict: dict[str, Any] | None
) -> CampaignSolution:
    """The outcome in the terms of the campaign's user."""
    compiled, plan = run.compiled, solution.plan
    elsewhere = run.elsewhere
    worth = certificate_of(compiled, solution, None if elsewhere is None else elsewhere.spent)
    allocation = limits = violation = None
    if plan is not None:
        achieved = compiled.limits.achieved(plan.usage)
        rows = PlannedRows if elsewhere is None else RowsElsewhere
        allocation = Allocation(rows(compiled, plan))
        limits = TableView(limits_table(compiled, solution.prices, plan, achieved))
        violation = max_violation(compiled, achieved)
    fields = _facts(compiled.campaign, run.options, run.clock) | {
        "customers": _customers(compiled) if elsewhere is None else elsewhere.customers,
        "candidates": _candidates(compiled),
        "status": solution.status,
        "message": solution.message if conflict is None else conflict["message"],
        "objective": worth.objective,
        "objective_error": worth.objective_error,
        "message_costs": worth.message_costs,
        "bound": worth.bound if conflict is None else None,
        "gap": worth.gap,
        "max_violation": violation,
        "allocated": _allocated(compiled, plan),
        "customers_cut_off": solution.cut_off,
        "full_passes": run.engine.passes,
        "nit": solution.nit,
        "method": solution.method,
        "engine": run.engine.name,
        "findings": list(compiled.findings),
        "allocation": allocation,
        "limits": limits,
        "infeasible": conflict,
        "previous": None if plan is None else since_previous(compiled, plan),
        "campaign": compiled.campaign,
        "compiled": compiled,
        "plan": plan,
        "prices": solution.prices,
        "curvature": solution.curvature,
    }

    def counted() -> dict[str, Any]:
        short = Shortfalls()
        if plan is not None and elsewhere is not None:
            short = elsewhere.shortfalls(plan)
        elif plan is not None:
            short = shortfalls(compiled.rules, compiled.problem.shard, plan)
        return {
            "customers_below_min": short.below_min,
            "customers_without_mandatory": short.without_mandatory,
        }

    if run.clock.is_cancelled:  # nobody waits for a pass over the allocation
        return CampaignSolution.with_parts_later(fields, counted)
    return CampaignSolution(**fields, **counted())


def _customers(compiled: CompiledCampaign) -> int:
    """How many customers there are, wherever their candidates are."""
    campaign = compiled.campaign
    return (
        compiled.problem.customers if campaign.units is None else len(campaign.candidates.customers)
    )


def _candidates(compiled: CompiledCampaign) -> int:
    """How many candidates there are, wherever they are."""
    problem, costs = compiled.problem, compiled.costs
    refunds = 0 if costs is None else costs.n_refunds
    return problem.candidates - refunds * problem.customers


def _allocated(compiled: CompiledCampaign, plan: Plan | None) -> int:
    """Coupons of a plan."""
    return 0 if plan is None else int(plan.usage[0][:, : len(compiled.items)].sum())
