"""The least shortfall of each customer from minimums and mandatory offers, by small integer programs.

An allocation may leave a customer below a `min`, or without a mandatory offer, only as far as the rules force it to.
Here that least shortfall is computed anew, a few customers at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy

from ...utils.lazy_imports import sparse as sp
from ..rounding import Floats, Integers, sum_by
from .linear_bounds import LinearBounds
from .small_programs import solve_program

CUSTOMERS_OF_A_PROGRAM = 200
"""Customers whose least shortfall one integer program finds: few enough that it stays small."""


@dataclass(frozen=True)
class SetBounds:
    """How many candidates of each of some sets a customer may and should have.

    Attributes
    ----------
    row : ndarray of int64, shape (n_members,)
        Row of a candidate that is in a set.
    set : ndarray of int64, shape (n_members,)
        The set that it is in.
    customer : ndarray of int64, shape (n_sets,)
        Whose set it is.
    most, least : ndarray of float64, shape (n_sets,)
        Bounds of the number of coupons in the set.
    """

    row: Integers
    set: Integers
    customer: Integers
    most: Floats
    least: Floats

    def of_customers(self, customers: Integers) -> SetBounds:
        """Return the sets of some customers.

        Parameters
        ----------
        customers : ndarray of int64
            Numbers of customers, ascending.

        Returns
        -------
        SetBounds
            Sets are numbered anew.
        """
        kept = np.isin(self.customer, customers)
        number = np.cumsum(kept) - 1
        inside = kept[self.set]
        return SetBounds(
            self.row[inside],
            number[self.set[inside]],
            self.customer[kept],
            self.most[kept],
            self.least[kept],
        )


def joined(parts: list[SetBounds]) -> SetBounds:
    """Return several collections of sets as one.

    Parameters
    ----------
    parts : list of SetBounds
        Sets of the same customers.

    Returns
    -------
    SetBounds
        Sets are numbered one after the other.
    """
    first = np.cumsum([0, *(len(part.customer) for part in parts)])
    return SetBounds(
        np.concatenate([part.row for part in parts]),
        np.concatenate([part.set + at for part, at in zip(parts, first[:-1], strict=True)]),
        np.concatenate([part.customer for part in parts]),
        np.concatenate([part.most for part in parts]),
        np.concatenate([part.least for part in parts]),
    )


def shortfall_score(
    sets: SetBounds, allocated: Integers, mandatory: Integers, customer: Integers, n: int
) -> Floats:
    """Score the shortfall of each customer.

    Coupons that are missing from a set count 1 each. A mandatory offer that is missing counts more than all minimums
    of its customer together.

    Parameters
    ----------
    sets : SetBounds
    allocated, mandatory : ndarray of int64
        Rows of candidates.
    customer : ndarray of int64, shape (n_candidates,)
        Customer of each candidate.
    n : int
        Number of customers.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    weight = _mandatory_weight(sets, n)
    held = np.bincount(sets.set[np.isin(sets.row, allocated)], minlength=len(sets.customer))
    short = sum_by(sets.customer, np.maximum(0.0, sets.least - held), n)
    lacking = np.bincount(customer[np.setdiff1d(mandatory, allocated)], minlength=n)
    return short + weight * lacking


def _mandatory_weight(sets: SetBounds, n: int) -> Floats:
    return 1.0 + sum_by(sets.customer, sets.least, n)


def least_shortfall_score(
    sets: SetBounds,
    sums: LinearBounds,
    mandatory: Integers,
    customers: Integers,
    customer: Integers,
    n: int,
) -> Floats:
    """Return the least score that some customers can have; see `shortfall_score`.

    Parameters
    ----------
    sets : SetBounds
    sums : LinearBounds
        What else must hold.
    mandatory : ndarray of int64
        Rows of the mandatory candidates.
    customers : ndarray of int64
        The customers to look at, ascending.
    customer : ndarray of int64, shape (n_candidates,)
        Customer of each candidate.
    n : int
        Number of customers.

    Returns
    -------
    ndarray of float64, shape (n,)
        0 for the customers who are not looked at.
    """
    least = np.zeros(n)
    weight = _mandatory_weight(sets, n)
    for at in range(0, len(customers), CUSTOMERS_OF_A_PROGRAM):
        some = customers[at : at + CUSTOMERS_OF_A_PROGRAM]
        part, more = sets.of_customers(some), sums.of_customers(some)
        musts = mandatory[np.isin(customer[mandatory], some)]
        rows = np.unique(np.concatenate([part.row, musts, more.candidates()]))
        if len(rows) == 0:
            continue
        must = np.isin(rows, musts).astype(float)
        best = _best_rows(part, more, rows, weight[customer[rows]] * must)
        least[some] = shortfall_score(part, best, musts, customer, n)[some]
    return least


def _best_rows(sets: SetBounds, sums: LinearBounds, rows: Integers, reward: Floats) -> Integers:
    """Solve the integer program of some customers: the rows to allocate for the least shortfall.

    rows: ascending, all candidates of sets and sums. reward: of each mandatory row, else 0.
    """
    n_sets, n_rows = len(sets.customer), len(rows)
    member = np.searchsorted(rows, sets.row)
    inside = sp.csr_array((np.ones(len(member)), (sets.set, member)), shape=(n_sets, n_rows))
    linear, least = sums.programme(rows)
    n_helpers = linear.shape[1] - n_rows
    # of each set: at most, and at least but for what is missing; then the sums, with variables that help them
    matrix = sp.vstack(
        [
            sp.hstack([inside, sp.csr_array((n_sets, n_sets + n_helpers))]),
            sp.hstack([inside, sp.eye_array(n_sets), sp.csr_array((n_sets, n_helpers))]),
            sp.hstack([linear[:, :n_rows], sp.csr_array((len(least), n_sets)), linear[:, n_rows:]]),
        ]
    )
    low = np.concatenate([np.full(n_sets, -np.inf), sets.least, least])
    high = np.concatenate([sets.most, np.full(n_sets + len(least), np.inf)])
    most = np.concatenate([np.ones(n_rows), np.full(n_sets, np.inf), np.ones(n_helpers)])
    found = solve_program(
        np.concatenate([-reward, np.ones(n_sets), np.zeros(n_helpers)]),
        constraints=scipy.optimize.LinearConstraint(matrix, low, high),
        bounds=scipy.optimize.Bounds(0, most),
        integrality=np.concatenate([np.ones(n_rows), np.zeros(n_sets + n_helpers)]),
        options={"mip_rel_gap": 0.0},
    )
    return np.asarray(rows[found.x[:n_rows] > 0.5])
