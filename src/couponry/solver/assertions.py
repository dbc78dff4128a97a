"""Assertions: the parts of a certificate derived once more in another way. A difference is an internal error.

They are for whoever works on couponry: with COUPONRY_ASSERTIONS=1 in the environment, as the tests have it, allocations
and dual bounds are checked as they come up. Sums are taken candidate by candidate in extended precision, from nothing
that the solver has summed; best choices come from a plain greedy walk and the reference kernels.
"""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray

from .. import kernels
from ..engines.cells import chosen_positions
from ..kernels.set_layout import has_constraints
from ..utils.errors import CertificateError
from .cardinality_constraints import CardinalityConstraints
from .primal.repair import MeasuredChoice
from .problem import Problem
from .row_tables.customer_rows import CustomerRowTable

VARIABLE = "COUPONRY_ASSERTIONS"
"""Environment variable that turns assertions on."""

MOST_CANDIDATES = 2_000
"""Candidates of a campaign up to which dual bounds are derived once more, customer by customer in Python."""

UNIT = 2.0**-60
"""Relative error of sums in extended precision, with room to spare."""


def are_on() -> bool:
    """Tell whether assertions are checked."""
    return os.environ.get(VARIABLE, "") not in ("", "0")


def assert_allocation(problem: Problem, measured: MeasuredChoice) -> None:
    """Derive once more what an allocation comes to.

    Parameters
    ----------
    problem : Problem
    measured : MeasuredChoice

    Raises
    ------
    CertificateError
        Where activities, objective, feasibility or customer rules differ.
    """
    chosen = chosen_positions(measured.chosen)
    usage, size = summed_usage(problem, chosen), problem.usage_size(chosen)
    flat = usage.ravel()
    activity = np.zeros(len(problem.lower), np.longdouble)
    row = np.repeat(np.arange(len(activity)), np.diff(problem.rows.indptr))
    np.add.at(activity, row, problem.rows.data * flat[problem.rows.indices])
    rounding = problem.activity_rounding(size)
    _same("activity", measured.activity, activity, rounding)
    below, above = problem.lower - activity, activity - problem.upper
    violation = np.maximum(0.0, np.maximum(below, above))
    soft = ~problem.hard
    lost = (violation[soft] * problem.penalty[soft]).sum()
    objective = (problem.objective * usage).sum() - lost
    numbers = (measured.objective, objective, problem.objective_rounding(size))
    _same("objective", *(np.array([number]) for number in numbers))
    if measured.feasible and (violation > rounding)[problem.hard].any():
        raise CertificateError("an allocation counts as feasible and violates a hard limit")
    _assert_rules(problem, measured.chosen.astype(bool))


def assert_dual(problem: Problem, prices: NDArray[np.float64], bound: float) -> None:
    """Derive once more the dual value at some prices, below which no bound from these prices may be.

    Parameters
    ----------
    problem : Problem
    prices : ndarray of float64, shape (n_rows,)
    bound : float

    Raises
    ------
    CertificateError
        Where the bound is below the dual value.
    """
    if problem.candidates > MOST_CANDIDATES or not np.isfinite(bound):
        return
    charged = np.zeros(problem.objective.size, np.longdouble)
    row = np.repeat(np.arange(len(prices)), np.diff(problem.rows.indptr))
    np.add.at(charged, problem.rows.indices, problem.rows.data * prices[row].astype(np.longdouble))
    reduced = (problem.objective.ravel() - charged).reshape(len(problem.objective), -1)
    cell = problem.cells()
    value = reduced[0, cell]
    for c, attribute in enumerate(problem.attributes):
        value = value + reduced[1 + c, cell] * attribute.astype(np.longdouble)
    chosen = _best_choices(problem, value, reduced.reshape(problem.objective.shape))
    priced = prices != 0
    bounds = np.where(prices > 0, problem.upper, problem.lower)[priced].astype(np.longdouble)
    dual = value[chosen].sum() + (bounds * prices[priced]).sum()
    size = np.abs(value[chosen]).sum() + np.abs(bounds * prices[priced]).sum()
    if dual - bound > UNIT * size:
        raise CertificateError(
            f"a bound of {bound!r} at prices whose dual value is {float(dual)!r}"
        )


def summed_usage(problem: Problem, chosen: NDArray[np.int64]) -> NDArray[np.longdouble]:
    """Sum up the usage of some candidates in extended precision.

    Parameters
    ----------
    problem : Problem
    chosen : ndarray of int64, shape (n_chosen,)

    Returns
    -------
    ndarray of longdouble, shape (1 + n_attributes, n_segments, n_items)
    """
    usage = np.zeros((len(problem.objective), problem.objective[0].size), np.longdouble)
    cell = problem.cells(chosen)
    np.add.at(usage[0], cell, 1.0)
    for c, attribute in enumerate(problem.attributes):
        np.add.at(usage[1 + c], cell, attribute[chosen].astype(np.longdouble))
    return usage.reshape(problem.objective.shape)


def _same(
    what: str,
    told: NDArray[np.float64],
    derived: NDArray[np.longdouble],
    rounding: NDArray[np.float64],
) -> None:
    """Refuse numbers that differ by more than rounding."""
    off = ~(np.abs(told - derived) <= rounding)
    if off.any():
        at = int(off.argmax())
        raise CertificateError(f"{what}: {told[at]!r} differs from {derived[at]!r}")


def _assert_rules(problem: Problem, chosen: NDArray[np.bool_]) -> None:
    """Refuse a choice that gives a customer more than its rules allow."""
    rules, customer, n = problem.rules, problem.customer_of(), problem.customers
    kept = bool((np.bincount(customer[chosen], minlength=n) <= rules.upper).all())
    constraints = CardinalityConstraints.of(problem.shard, rules)
    kept &= bool((constraints.held(chosen) <= constraints.cap).all())
    rows = CustomerRowTable.of(rules, problem.shard.indptr)
    kept &= bool(rows.kept_by(chosen).all())
    is_grouped = np.ones(n, bool)
    is_grouped[constraints.customer] = is_grouped[rows.customer] = False
    for rule, group in enumerate(rules.group):
        mine = chosen & is_grouped[customer] & (group[problem.shard.item] >= 0)
        key = customer[mine] * rules.groups + group[problem.shard.item[mine]]
        cell, held = np.unique(key, return_counts=True)
        caps = np.broadcast_to(rules.cap[rule], n)[cell // max(1, rules.groups)]
        kept &= bool((held <= caps).all())
    if not kept:
        raise CertificateError("an allocation gives a customer more than its rules allow")


def _best_choices(
    problem: Problem, value: NDArray[np.longdouble], reduced: NDArray[np.longdouble]
) -> NDArray[np.bool_]:
    """Everybody's best choice: by a greedy walk under laminar groups, else by the reference kernel."""
    shard, rules = problem.shard, problem.rules
    chosen = np.zeros(problem.candidates, np.uint8)
    reference = kernels.load("reference").kernels
    exact, plain = problem.exact, reduced.astype(np.float64)
    for i in range(problem.customers):
        if has_constraints(rules, i):
            cut = np.zeros(2, np.int64)
            reference.choose_exactly(shard, rules, exact, plain, 0, i, i + 1, chosen, 0, cut)
        else:
            _walk(problem, value, i, chosen)
    return chosen.astype(bool)


def _walk(
    problem: Problem, value: NDArray[np.longdouble], i: int, chosen: NDArray[np.uint8]
) -> None:
    """One customer's best choice under laminar groups (`chosen` is OUT): the most valuable first, while it fits."""
    shard, rules = problem.shard, problem.rules
    begin, end = int(shard.indptr[i]), int(shard.indptr[i + 1])
    lower, upper = (int(side[i % len(side)]) for side in (rules.lower, rules.upper))
    held: dict[tuple[int, int], int] = {}
    given = 0
    for e in (begin + np.argsort(-value[begin:end], kind="stable")).tolist():
        if given >= upper or (given >= lower and value[e] <= 0):
            break
        groups = [(r, int(group[shard.item[e]])) for r, group in enumerate(rules.group)]
        groups = [(r, g) for r, g in groups if g >= 0]
        if all(held.get(at, 0) < rules.cap[at[0]][i % rules.cap.shape[1]] for at in groups):
            held.update((at, held.get(at, 0) + 1) for at in groups)
            chosen[e], given = 1, given + 1
