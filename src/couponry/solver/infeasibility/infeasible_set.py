"""Infeasibility: an irreducible infeasible set (IIS) of limits and customer rules, by a deletion filter.

The filter (Chinneck and Dravnieks 1991) drops every row, and then every customer rule, that a proof does not need; many
rows at a time at first where proofs do not tell which they need. Two provers do the proving: prices, for campaigns of
any size, and HiGHS, for small campaigns whose conflict is one of whole coupons.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...kernels import Rules
from ..problem import Problem


@dataclass(frozen=True)
class ConflictingBound:
    """A bound of an infeasible set.

    Attributes
    ----------
    row : int
    is_min : bool
        True for the row's lower bound, False for its upper one.
    bound : float
        What it asks for.
    achievable : float or None
        The largest activity (for an upper bound, the smallest) while all other rows of the set, the row's own other
        bound and all customer rules hold. None where that was not found.
    """

    row: int
    is_min: bool
    bound: float
    achievable: float | None


@dataclass(frozen=True)
class InfeasibleSet:
    """Limits and customer rules that cannot hold together; without any one of them no proof was found.

    Attributes
    ----------
    bounds : list of ConflictingBound
    rules : list of str
        Names of customer rules.
    message : str
    """

    bounds: list[ConflictingBound]
    rules: list[str]
    message: str = "no allocation keeps all hard limits"


class Prover(Protocol):
    """Proves that rows cannot hold together.

    Attributes
    ----------
    narrows : bool
        Whether proofs leave out by themselves most of what they do not need.
    """

    narrows: bool

    def proof(self, rows: NDArray[np.int64], rules: Rules) -> NDArray[np.int64] | None:
        """Prove that some rows cannot hold together.

        Parameters
        ----------
        rows : ndarray of int64
            Row numbers, ascending.
        rules : Rules
            Customer rules that hold.

        Returns
        -------
        ndarray of int64 or None
            Rows among them that the proof needs; None where no proof was found.
        """
        ...

    def range_end(self, row: int, is_min: bool, rows: NDArray[np.int64]) -> float | None:
        """Find an end of a row's achievable range.

        The other rows, the row's own other bound and all customer rules hold.

        Parameters
        ----------
        row : int
        is_min : bool
            Whether its lower bound is in question, and thus its largest activity; else its smallest one.
        rows : ndarray of int64
            Rows that hold; the row itself is among them.

        Returns
        -------
        float or None
            None where it was not found.
        """
        ...


def find_infeasible_set(
    problem: Problem, prover: Prover, second: Prover | None = None
) -> InfeasibleSet | None:
    """Find rows and customer rules that cannot hold together, none of which a proof can do without.

    Parameters
    ----------
    problem : Problem
    prover : Prover
        Finds the first proof, and the achievable ranges.
    second : Prover, optional
        Is asked again whether each member of the set is needed.

    Returns
    -------
    InfeasibleSet or None
        None where the prover finds no proof.
    """
    rows = prover.proof(np.flatnonzero(problem.hard), problem.rules)
    if rows is None:
        return None
    rules = list(dict.fromkeys(problem.rule_names.all_names()))
    for one in (prover,) if second is None else (prover, second):
        rows, rules = deletion_filter(problem, one, rows, rules)
    bounds = [_conflicting_bound(problem, prover, row, rows) for row in rows.tolist()]
    return InfeasibleSet(bounds, rules)


def deletion_filter(
    problem: Problem, prover: Prover, rows: NDArray[np.int64], rules: list[str]
) -> tuple[NDArray[np.int64], list[str]]:
    """Drop the rows and customer rules that a proof does not need.

    Parameters
    ----------
    problem : Problem
    prover : Prover
    rows : ndarray of int64
        Rows that cannot hold together under the rules, ascending.
    rules : list of str
        Names of customer rules.

    Returns
    -------
    rows : ndarray of int64
    rules : list of str
    """

    def only(names: list[str]) -> Rules:
        return problem.rule_names.kept(problem.rules, names, problem.shard.indptr)

    are_all = len(rules) == len(dict.fromkeys(problem.rule_names.all_names()))
    rows = _needed_rows(prover, rows, problem.rules if are_all else only(rules))
    for name in tuple(rules):
        without = [other for other in rules if other != name]
        if prover.proof(rows, only(without)) is not None:
            rules = without
    return rows, rules


def _needed_rows(prover: Prover, rows: NDArray[np.int64], rules: Rules) -> NDArray[np.int64]:
    """The rows that a proof needs: runs of rows are left out, each half as long as the ones before."""
    run = 1 if prover.narrows else max(1, len(rows) // 2)
    while True:
        place = 0
        while place < len(rows) and len(rows) > 1:
            without = np.delete(rows, slice(place, place + run))
            fewer = prover.proof(without, rules)
            if fewer is None:
                place += run
            else:
                place = int(np.searchsorted(fewer, rows[place]))
                rows = fewer
        if run == 1:
            return rows
        run //= 2


def _conflicting_bound(
    problem: Problem, prover: Prover, row: int, rows: NDArray[np.int64]
) -> ConflictingBound:
    """Which of the row's bounds is outside the range that is achievable while the other members hold."""
    lower, upper = float(problem.lower[row]), float(problem.upper[row])
    largest = prover.range_end(row, True, rows) if np.isfinite(lower) else None
    if largest is not None and largest < lower:
        return ConflictingBound(row, True, lower, largest)
    smallest = prover.range_end(row, False, rows) if np.isfinite(upper) else None
    if smallest is not None and smallest > upper:
        return ConflictingBound(row, False, upper, smallest)
    is_min = bool(np.isfinite(lower))  # a range too loose to show the conflict is not described
    return ConflictingBound(row, is_min, lower if is_min else upper, None)
