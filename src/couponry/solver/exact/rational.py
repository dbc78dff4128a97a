"""What an allocation comes to in exact arithmetic: fractions, in which nothing is rounded."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..problem import Problem


class ExactWorth(NamedTuple):
    """What an allocation comes to.

    Attributes
    ----------
    objective : Fraction
        Sum of values less the penalties of violated soft rows.
    feasible : bool
        True if no hard row is violated.
    """

    objective: Fraction
    feasible: bool


def exact_worth(problem: Problem, chosen: NDArray[np.int64]) -> ExactWorth:
    """Evaluate an allocation of a few coupons.

    Parameters
    ----------
    problem : Problem
    chosen : ndarray of int64, shape (n_chosen,)
        Positions of its candidates.

    Returns
    -------
    ExactWorth
    """
    usage = _exact_usage(problem, chosen)
    flat = problem.objective.ravel()
    objective = sum((Fraction(flat[cell]) * used for cell, used in usage.items()), Fraction(0))
    feasible, rows = True, problem.rows
    for row in range(len(problem.lower)):
        entries = range(int(rows.indptr[row]), int(rows.indptr[row + 1]))
        activity = sum(
            (
                Fraction(rows.data[e]) * usage.get(int(rows.indices[e]), Fraction(0))
                for e in entries
            ),
            Fraction(0),
        )
        violation = max(
            Fraction(0),
            _above(-activity, -problem.lower[row]),
            _above(activity, problem.upper[row]),
        )
        if np.isinf(problem.penalty[row]):
            feasible = feasible and violation == 0
        else:
            objective -= Fraction(problem.penalty[row]) * violation
    return ExactWorth(objective, feasible)


def _exact_usage(problem: Problem, chosen: NDArray[np.int64]) -> dict[int, Fraction]:
    """The usage table's cells that are not 0."""
    cells = problem.objective[0].size
    usage: dict[int, Fraction] = {}
    for position, cell in zip(chosen.tolist(), problem.cells(chosen).tolist(), strict=True):
        amounts = [1, *(float(attribute[position]) for attribute in problem.attributes)]
        for a, amount in enumerate(amounts):
            at = a * cells + cell
            usage[at] = usage.get(at, Fraction(0)) + Fraction(amount)
    return usage


def _above(activity: Fraction, bound: float) -> Fraction:
    """How far an activity is above a bound; less than 0 where it is not."""
    return Fraction(-1) if np.isinf(bound) else activity - Fraction(float(bound))


def rounded_up(number: Fraction) -> float:
    """The least float64 that is no less.

    Parameters
    ----------
    number : Fraction

    Returns
    -------
    float
    """
    nearest = float(number)
    return nearest if Fraction(nearest) >= number else float(np.nextafter(nearest, np.inf))
