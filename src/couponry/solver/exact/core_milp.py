"""The exact core: HiGHS decides what good prices leave undecided.

Forcing one candidate the other way costs at least its regret. Where that takes the bound below an allocation already
known, the candidate's decision is settled (reduced-cost fixing; Nemhauser and Wolsey 1988, II.5.2), and only the rest
goes into a mixed-integer programme. Solved to the end, it gives the campaign's true optimum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...utils.lazy_imports import sparse as sp
from ..highs import milp, within_reason
from ..linear_terms import amounts_of
from ..problem import Problem
from ..set_table import SetTable

NODES = (
    25_000  # of HiGHS's search, at most: a limit on work, not on time, so that every run ends alike
)
# Of a candidate's worth on average: what it costs to miss a customer's minimum by one. It costs nothing in truth, and
# what customers miss is the same in every choice; but where such variables cost nothing, HiGHS 1.12 has been seen to
# end with less than the best as the best, unless presolve was off.
SPARE = 1e-2


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
    best: NDArray[np.uint8],
    tolerance: float,
    expected: float,
    time_limit: float,
    nodes: int = NODES,
) -> CoreSolution:
    """Best choice that differs from `chosen` (uint8 (e)) only where `free` (bool (e)).

    best: uint8 (e), a choice that misses as little as can be of each customer's minimums and mandatory candidates,
    which tells how much that is. tolerance: how far from the
    best objective HiGHS may stop, given that the whole campaign's is about `expected`. nodes: of its search, at most.
    """
    variables = np.flatnonzero(free)
    settled = np.flatnonzero(chosen.astype(bool) & ~free)
    usage = problem.usage(settled)
    activity = problem.rows @ usage.ravel()
    amounts = amounts_of(problem, variables)
    objective = problem.objective.reshape(1, -1) @ amounts

    soft = np.flatnonzero(~problem.hard)
    miss = sp.csr_array(
        (np.ones(len(soft)), (soft, np.arange(len(soft)))), shape=(len(problem.lower), len(soft))
    )
    rules = _rule_rows(problem, chosen, free, best, variables)
    limits = sp.hstack([problem.rows @ amounts, sp.csr_array((len(problem.lower), rules.spares))])
    # a soft row may be missed on either side: one variable each
    more = 2 * len(soft)
    misses = sp.vstack([sp.hstack([miss, -miss]), sp.csr_array((rules.matrix.shape[0], more))])
    matrix = sp.hstack([sp.vstack([limits, rules.matrix]), misses], format="csr")
    width = len(variables) + more
    worth = float(np.abs(objective).mean()) if objective.any() else 1.0
    missed = SPARE * worth * rules.spared
    penalty = problem.penalty[soft]
    cost = np.concatenate(
        [-objective.ravel(), np.full(rules.spares, SPARE * worth), penalty, penalty]
    )
    ceiling = np.concatenate([np.ones(len(variables)), np.full(rules.spares + more, np.inf)])
    integrality = np.concatenate([np.ones(len(variables)), np.zeros(rules.spares + more)])
    settled_worth = float((problem.objective * usage).sum())
    if width == 0:
        broken = bool(problem.missed(activity)[problem.hard].any())
        return CoreSolution(None if broken else chosen.copy(), settled_worth, broken)
    closeness = min(0.5, tolerance / max(abs(expected - settled_worth - missed), 1e-300))
    solution = milp(
        cost,
        matrix,
        np.concatenate([problem.lower - activity, rules.lower]),
        np.concatenate([problem.upper - activity, rules.upper]),
        ceiling,
        integrality,
        {
            "mip_rel_gap": closeness,
            "time_limit": within_reason(time_limit),
            "node_limit": nodes,
        },
    )
    if solution.status == 2:
        return CoreSolution(None, -np.inf, True)
    bound = np.inf
    if solution.mip_dual_bound is not None and np.isfinite(solution.mip_dual_bound):
        size = abs(settled_worth) + float(np.abs(cost[: len(variables)]).sum())
        bound = settled_worth - (solution.mip_dual_bound - missed) + 1e-9 * (size + missed)
    if solution.x is None:
        return CoreSolution(None, bound, False)
    found = chosen.copy()
    found[variables] = solution.x[: len(variables)] > 0.5
    return CoreSolution(found, bound, False)


def _rule_rows(
    problem: Problem,
    chosen: NDArray[np.uint8],
    free: NDArray[np.bool_],
    best: NDArray[np.uint8],
    variables: NDArray[np.int64],
) -> _Rows:
    """The customer rules over the variables, less what is settled."""
    shard, rules = problem.shard, problem.rules
    customer = problem.customer_of()
    settled = chosen.astype(bool) & ~free
    sets = SetTable.of(shard, rules)
    asked = _asked(problem, sets, best)
    count = np.bincount(customer[settled], minlength=problem.customers)
    who, position = np.unique(customer[variables], return_inverse=True)
    upper = np.broadcast_to(rules.upper, problem.customers)
    made = [
        _Rows(
            _indicator(position, len(who)),
            (asked.coupons - count)[who].astype(float),
            (upper.astype(np.int64) - count)[who].astype(float),
        )
    ]
    grouped = np.ones(problem.customers, bool)
    grouped[sets.customer] = False
    for rule, group in enumerate(rules.group):
        of_candidate = group[shard.item].astype(np.int64)
        of_candidate[~grouped[customer]] = -1
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
        high = cap[cell // rules.groups] - full.astype(float)
        made.append(_Rows(_indicator(row, len(cell)), np.full(len(cell), -np.inf), high))
    number = np.full(problem.candidates, -1)
    number[variables] = np.arange(len(variables))
    inside = number[sets.candidate] >= 0
    there, row = np.unique(sets.set[inside], return_inverse=True)
    held = sets.held(settled)[there].astype(float)
    members = sp.csr_array(
        (np.ones(len(row)), (row, number[sets.candidate[inside]])),
        shape=(len(there), len(variables)),
    )
    made.append(_Rows(members, asked.of_set[there] - held, sets.cap[there] - held))
    matrix = sp.csr_array(sp.vstack([part.matrix for part in made], format="csr"))
    low = np.concatenate([part.lower for part in made])
    rows = _Rows(matrix, low, np.concatenate([part.upper for part in made]))
    first_set = matrix.shape[0] - len(there)
    settled_sets = np.ones(len(sets.customer), bool)
    settled_sets[there] = False
    gone = np.where(
        settled_sets & ~sets.must, np.maximum(0, sets.least - sets.held(settled)), 0
    )  # missed by what is settled
    missed = asked.missed - np.bincount(sets.customer, gone, problem.customers).astype(np.int64)
    return _with_spares(rows, asked, missed, who, first_set, there, sets)


def _with_spares(
    rows: _Rows,
    asked: _Asked,
    missed: NDArray[np.int64],
    who: NDArray[np.int64],
    first_set: int,
    there: NDArray[np.int64],
    sets: SetTable,
) -> _Rows:
    """The rows with a variable for what each minimum of some customers misses, and a row for all of a customer's."""
    total = np.flatnonzero(asked.shared[who])
    of_set = np.flatnonzero(
        asked.shared[sets.customer[there]] & (sets.least[there] > 0) & ~sets.must[there]
    )
    row = np.concatenate([total, first_set + of_set])
    customer = np.concatenate([who[total], sets.customer[there[of_set]]])
    if len(row) == 0:
        return rows
    column = np.arange(len(row))
    spare = sp.csr_array((np.ones(len(row)), (row, column)), shape=(rows.matrix.shape[0], len(row)))
    whom, position = np.unique(customer, return_inverse=True)
    together = sp.csr_array((np.ones(len(row)), (position, column)), shape=(len(whom), len(row)))
    nothing = sp.csr_array((len(whom), rows.matrix.shape[1]))
    matrix = sp.vstack(
        [sp.hstack([rows.matrix, spare]), sp.hstack([nothing, together])], format="csr"
    )
    return _Rows(
        sp.csr_array(matrix),
        np.concatenate([rows.lower, np.full(len(whom), -np.inf)]),
        np.concatenate([rows.upper, missed[whom].astype(float)]),
        len(row),
        int(missed[whom].sum()),
    )


@dataclass(frozen=True)
class _Rows:
    """lower <= matrix @ (variables, then `spares` more from 0 up, `spared` in sum) <= upper."""

    matrix: sp.csr_array
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    spares: int = 0
    spared: int = 0


@dataclass(frozen=True)
class _Asked:
    """What rules ask of each customer at least: coupons, int64 (n), and of each set, float64 (s).

    shared: bool (n), customers several of whose minimums may miss `missed`, int64 (n), among them.
    """

    coupons: NDArray[np.int64]
    of_set: NDArray[np.float64]
    shared: NDArray[np.bool_]
    missed: NDArray[np.int64]


def _asked(problem: Problem, sets: SetTable, best: NDArray[np.uint8]) -> _Asked:
    """Minimums as far as customers can have them, which a choice that misses least tells."""
    n = problem.customers
    given = best.astype(bool)
    count = np.bincount(problem.customer_of()[given], minlength=n)
    lower = np.broadcast_to(problem.rules.lower, n).astype(np.int64)
    held = sets.held(given)
    asking = (sets.least > 0) & ~sets.must
    missing = np.where(asking, np.maximum(0, sets.least - held), 0)
    missed = np.maximum(0, lower - count) + np.bincount(sets.customer, missing, n).astype(np.int64)
    asks = (lower > 0).astype(np.int64) + np.bincount(sets.customer[asking], minlength=n)
    shared = (missed > 0) & (asks > 1)
    of_set = np.where(sets.must | ~shared[sets.customer], np.minimum(sets.least, held), sets.least)
    return _Asked(
        np.where(shared, lower, np.minimum(lower, count)),
        np.where(sets.least > 0, of_set, -np.inf),
        shared,
        missed,
    )


def _indicator(row: NDArray[np.int64], rows: int) -> sp.csr_array:
    """1 where a variable (column) is in a row; -1: in none."""
    inside = np.flatnonzero(row >= 0)
    return sp.csr_array((np.ones(len(inside)), (row[inside], inside)), shape=(rows, len(row)))
