"""Infeasibility: an irreducible infeasible set (IIS) of limits and customer rules, by a deletion filter.

The filter (Chinneck and Dravnieks 1991) drops every row, and then every customer rule, that a proof does not need; many
rows at a time at first where proofs do not tell which they need. Two provers do the proving: prices, for campaigns of
any size, and HiGHS, for small campaigns whose conflict is one of whole coupons.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...kernels import Rules
from ...utils.errors import OutOfTime
from ..problem import Problem
from ..rule_names import only_restrict
from .work import OutOfWork, Work


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
    is_irreducible : bool
        False where the search for members that no proof needs was ended, by a time limit or for all its work.
    message : str
    prices : ndarray of float64, shape (n_rows,), or None
        Prices that prove it, where some were found, of all rows that were looked at.
    work : Work or None
        What may still be done for a way out; no limit to it by default.
    """

    bounds: list[ConflictingBound]
    rules: list[str]
    is_irreducible: bool = True
    message: str = "no allocation keeps all hard limits"
    prices: NDArray[np.float64] | None = None
    work: Work | None = None


@dataclass
class ProvedSet:
    """Rows and customer rules that are proved not to hold together; the deletion filter makes fewer of them.

    Attributes
    ----------
    rows : ndarray of int64
        Ascending.
    rules : list of str
        Names of customer rules.
    """

    rows: NDArray[np.int64]
    rules: list[str]


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
    problem: Problem, prover: Prover, others: Sequence[Prover] = ()
) -> InfeasibleSet | None:
    """Find rows and customer rules that cannot hold together, none of which a proof can do without.

    Parameters
    ----------
    problem : Problem
    prover : Prover
        Finds the first proof, and the achievable ranges.
    others : sequence of Prover, optional
        Are asked again whether each member of the set is needed, one after the other.

    Returns
    -------
    InfeasibleSet or None
        None where the prover finds no proof. Once there is one, a time limit ends no more than the search for fewer
        members, and for what is achievable.
    """
    rows = prover.proof(np.flatnonzero(problem.hard), problem.rules)
    if rows is None:
        return None
    found = ProvedSet(rows, list(dict.fromkeys(problem.rule_names.all_names())))
    is_irreducible = False
    with contextlib.suppress(OutOfTime):
        for one in (prover, *others):
            deletion_filter(problem, one, found)
        is_irreducible = True
    bounds = [_conflicting_bound(problem, prover, row, found.rows) for row in found.rows.tolist()]
    return InfeasibleSet(bounds, found.rules, is_irreducible)


def deletion_filter(problem: Problem, prover: Prover, found: ProvedSet) -> None:
    """Drop the rows and customer rules that a proof does not need.

    Without a rule other members may be needed less, where rules ask for minimums: all are then looked at again.

    Parameters
    ----------
    problem : Problem
    prover : Prover
    found : ProvedSet
        What cannot hold together. IN/OUT: every proof that needs less makes it smaller at once.

    Raises
    ------
    OutOfTime
    OutOfWork
        Where a prover would have done too much work for a row or a rule; the rules were asked for all the same.
    """
    are_all = len(found.rules) == len(dict.fromkeys(problem.rule_names.all_names()))
    rules = problem.rules if are_all else problem.kept_rules(found.rules)
    while True:
        ended: OutOfWork | None = None
        try:
            _drop_rows(prover, found, rules)
        except OutOfWork as error:
            ended = error
        fewer = rules
        for name in tuple(found.rules):
            without = [other for other in found.rules if other != name]
            these = problem.kept_rules(without)
            try:
                if prover.proof(found.rows, these) is not None:
                    found.rules, fewer = without, these
            except OutOfWork as error:
                ended = error
        if ended is not None:
            raise ended
        if fewer is rules or only_restrict(rules):
            return
        rules = fewer


def _drop_rows(prover: Prover, found: ProvedSet, rules: Rules) -> None:
    """Leave out runs of rows that a proof does not need, each run half as long as the ones before."""
    run = 1 if prover.narrows else max(1, len(found.rows) // 2)
    while True:
        place = 0
        while place < len(found.rows) and len(found.rows) > 1:
            without = np.delete(found.rows, slice(place, place + run))
            fewer = prover.proof(without, rules)
            if fewer is None:
                place += run
            else:
                place = int(np.searchsorted(fewer, found.rows[place]))
                found.rows = fewer
        if run == 1:
            return
        run //= 2


def _conflicting_bound(
    problem: Problem, prover: Prover, row: int, rows: NDArray[np.int64]
) -> ConflictingBound:
    """Which of the row's bounds is outside the range that is achievable while the other members hold."""
    lower, upper = float(problem.lower[row]), float(problem.upper[row])
    with contextlib.suppress(OutOfTime):
        largest = prover.range_end(row, True, rows) if np.isfinite(lower) else None
        if largest is not None and largest < lower:
            return ConflictingBound(row, True, lower, largest)
        smallest = prover.range_end(row, False, rows) if np.isfinite(upper) else None
        if smallest is not None and smallest > upper:
            return ConflictingBound(row, False, upper, smallest)
    is_min = bool(np.isfinite(lower))  # a range too loose to show the conflict is not described
    return ConflictingBound(row, is_min, lower if is_min else upper, None)
