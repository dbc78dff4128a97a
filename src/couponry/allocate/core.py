"""The exact core: HiGHS decides what good prices leave undecided.

Forcing one candidate the other way costs at least its regret. Where that takes the bound below an allocation already
known, the candidate's decision is settled (reduced-cost fixing; Nemhauser and Wolsey 1988, II.5.2), and only the rest
goes into a mixed-integer programme. Solved to the end, it gives the campaign's true optimum.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from ..engines.protocol import Engine
from .highs import milp
from .problem import Problem

NODES = (
    25_000  # of HiGHS's search, at most: a limit on work, not on time, so that every run ends alike
)


@dataclass(frozen=True)
class CoreSolution:
    """chosen: uint8 (e), or None where HiGHS found nothing in time. bound: no better choice exists within the core."""

    chosen: NDArray[np.uint8] | None
    bound: float
    infeasible: bool


def solve_core(
    problem: Problem,
    chosen: NDArray[np.uint8],
    free: NDArray[np.bool_],
    most: NDArray[np.int64],
    tolerance: float,
    expected: float,
    time_limit: float,
    nodes: int = NODES,
) -> CoreSolution:
    """Best choice that differs from `chosen` (uint8 (e)) only where `free` (bool (e)).

    most: int64 (n), the most coupons each customer can have; it caps the rules' minimum. tolerance: how far from the
    best objective HiGHS may stop, given that the whole campaign's is about `expected`. nodes: of its search, at most.
    """
    variables = np.flatnonzero(free)
    settled = np.flatnonzero(chosen.astype(bool) & ~free)
    usage = problem.usage(settled)
    activity = problem.rows @ usage.ravel()
    amounts = _amounts(problem, variables)
    objective = problem.objective.reshape(1, -1) @ amounts

    soft = np.flatnonzero(~problem.hard)
    miss = sp.csr_array(
        (np.ones(len(soft)), (soft, np.arange(len(soft)))), shape=(len(problem.lower), len(soft))
    )
    rules, rule_low, rule_high = _rule_rows(problem, chosen, free, most, variables)
    # a soft row may be missed on either side: one variable each
    misses = sp.vstack([sp.hstack([miss, -miss]), sp.csr_array((rules.shape[0], 2 * len(soft)))])
    matrix = sp.hstack([sp.vstack([problem.rows @ amounts, rules]), misses], format="csr")
    width = len(variables) + 2 * len(soft)
    cost = np.concatenate([-objective.ravel(), problem.penalty[soft], problem.penalty[soft]])
    ceiling = np.concatenate([np.ones(len(variables)), np.full(2 * len(soft), np.inf)])
    integrality = np.concatenate([np.ones(len(variables)), np.zeros(2 * len(soft))])
    settled_worth = float((problem.objective * usage).sum())
    if width == 0:
        missed = problem.missed(activity)[problem.hard].any()
        return CoreSolution(None if missed else chosen.copy(), settled_worth, bool(missed))
    closeness = min(0.5, tolerance / max(abs(expected - settled_worth), 1e-300))
    solution = milp(
        cost,
        matrix,
        np.concatenate([problem.lower - activity, rule_low]),
        np.concatenate([problem.upper - activity, rule_high]),
        ceiling,
        integrality,
        {
            "mip_rel_gap": closeness,
            "time_limit": min(max(0.1, time_limit), 1e6),
            "node_limit": nodes,
        },
    )
    if solution.status == 2:
        return CoreSolution(None, -np.inf, True)
    bound = np.inf
    if solution.mip_dual_bound is not None and np.isfinite(solution.mip_dual_bound):
        size = abs(settled_worth) + float(np.abs(cost[: len(variables)]).sum())
        bound = settled_worth - solution.mip_dual_bound + 1e-9 * size
    if solution.x is None:
        return CoreSolution(None, bound, False)
    found = chosen.copy()
    found[variables] = solution.x[: len(variables)] > 0.5
    return CoreSolution(found, bound, False)


def most_coupons(problem: Problem, engine: Engine) -> NDArray[np.int64]:
    """The most coupons that each customer can have under its rules, int64 (n)."""
    everything = np.zeros(problem.objective.shape, np.float32)
    everything[0] = 1.0
    chosen, _ = engine.choose(everything)
    customer = problem.customer_of()
    most = np.bincount(customer[chosen == 1], minlength=problem.customers)
    short = most < np.minimum(problem.rules.lower, np.diff(problem.shard.indptr))
    if problem.nested or not short.any():
        return most
    # a greedy choice under rules that do not nest may have missed some: count exactly
    nothing = np.zeros(0)
    counting = replace(
        problem,
        rules=problem.rules._replace(lower=np.zeros(1, np.int32)),
        objective=everything.astype(float),
        rows=problem.rows[:0],
        lower=nothing,
        upper=nothing,
        penalty=nothing,
        integer=nothing.astype(bool),
    )
    none = np.zeros(problem.candidates, np.uint8)
    counted = solve_core(counting, none, short[customer], most, 0.0, 0.0, np.inf)
    if counted.chosen is not None:
        exact = np.bincount(customer[counted.chosen == 1], minlength=problem.customers)
        most = np.where(short, exact, most)
    return most


def _amounts(problem: Problem, variables: NDArray[np.int64]) -> sp.csr_array:
    """Usage of each variable's candidate: CSR ((1 + C) * S * K, variables)."""
    channels = np.concatenate([np.ones((1, len(variables))), problem.exact[:, variables]])
    cells = problem.objective[0].size
    cell = problem.cells(variables)
    row = (np.arange(len(channels))[:, None] * cells + cell).ravel()
    column = np.tile(np.arange(len(variables)), len(channels))
    return sp.csr_array(
        (channels.ravel(), (row, column)), shape=(len(channels) * cells, len(variables))
    )


def _rule_rows(
    problem: Problem,
    chosen: NDArray[np.uint8],
    free: NDArray[np.bool_],
    most: NDArray[np.int64],
    variables: NDArray[np.int64],
) -> tuple[sp.csr_array, NDArray[np.float64], NDArray[np.float64]]:
    """The customer rules over the variables, less what is settled: matrix, lower and upper bounds."""
    shard, rules = problem.shard, problem.rules
    customer = problem.customer_of()
    settled = chosen.astype(bool) & ~free
    count = np.bincount(customer[settled], minlength=problem.customers)
    who, position = np.unique(customer[variables], return_inverse=True)
    lower = np.minimum(np.broadcast_to(rules.lower, problem.customers), most)
    upper = np.broadcast_to(rules.upper, problem.customers)
    blocks = [_indicator(position, len(who))]
    lows = [(lower - count)[who].astype(float)]
    highs = [(upper.astype(np.int64) - count)[who].astype(float)]
    for rule, group in enumerate(rules.group):
        of_candidate = group[shard.item].astype(np.int64)
        cap = np.broadcast_to(rules.cap[rule], problem.customers)
        key = np.where(of_candidate >= 0, customer * rules.groups + of_candidate, -1)
        inside = key[variables] >= 0
        cell, position = np.unique(key[variables][inside], return_inverse=True)
        full = np.zeros(len(cell), np.int64)
        taken = key[settled]
        taken = taken[np.isin(taken, cell)]
        np.add.at(full, np.searchsorted(cell, taken), 1)
        row = np.full(len(variables), -1)
        row[inside] = position
        blocks.append(_indicator(row, len(cell)))
        lows.append(np.full(len(cell), -np.inf))
        highs.append(cap[cell // rules.groups] - full.astype(float))
    matrix = sp.csr_array(sp.vstack(blocks, format="csr"))
    return matrix, np.concatenate(lows), np.concatenate(highs)


def _indicator(row: NDArray[np.int64], rows: int) -> sp.csr_array:
    """1 where a variable (column) is in a row; -1: in none."""
    inside = np.flatnonzero(row >= 0)
    return sp.csr_array((np.ones(len(inside)), (row[inside], inside)), shape=(rows, len(row)))
