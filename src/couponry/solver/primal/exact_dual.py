"""The dual bound in float64, from attributes as given: as tight as prices allow, and rounded up."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...engines.cells import chosen_positions
from ...utils.arrays.fixed_order import dot_in_order
from ..dual.lagrangian import (
    FLOAT64_ROUNDOFF,
    SUMMATION_ERROR,
    WHOLE_VALUE_BITS,
    Lagrangian,
)
from ..problem import Problem
from .repair import Repair


class ExactDual(NamedTuple):
    """Everybody's best choice at some prices, and what it proves.

    Attributes
    ----------
    chosen : ndarray of uint8, shape (n_candidates,)
    reduced : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        What usage is worth at the prices.
    bound : float
        No allocation is worth more.
    regret_rounding : float
        What rounding may make of the regret of one candidate.
    """

    chosen: NDArray[np.uint8]
    reduced: NDArray[np.float64]
    bound: float
    regret_rounding: float


def exact_dual(
    repair: Repair, lagrangian: Lagrangian, chosen: NDArray[np.uint8], prices: NDArray[np.float64]
) -> ExactDual:
    """Bound every allocation's worth by the dual value in float64.

    Parameters
    ----------
    repair : Repair
        Of the problem.
    lagrangian : Lagrangian
        Over all customers.
    chosen : ndarray of uint8, shape (n_candidates,)
        The best choice of a quantised pass at these prices. Not changed.
    prices : ndarray of float64, shape (n_rows,)

    Returns
    -------
    ExactDual
    """
    problem, reduced = lagrangian.problem, lagrangian.reduced(prices)
    chosen, worth = repair.exact_choice(chosen, reduced)
    support = lagrangian.support(prices)
    # a choice that seems best may be worse than another by what rounding makes of either's candidates
    of_coupon = lagrangian.table_rounding(prices)
    counted = np.bincount(problem.cells(), minlength=of_coupon.size).astype(np.float64)
    searched = lagrangian.search_rounding(lagrangian.price_table(reduced))
    rounding = 2.0 * dot_in_order(of_coupon.ravel(), counted) + searched
    size = problem.usage_size(chosen_positions(chosen))
    terms = float((np.abs(reduced) * size).sum())
    rounding += problem.summation_rounding(size) * terms
    priced = prices != 0
    bounds = np.where(prices > 0, problem.upper, problem.lower)[priced]
    charged = dot_in_order(np.abs(prices[priced]), np.abs(bounds))
    rounding += SUMMATION_ERROR * charged + 4 * FLOAT64_ROUNDOFF * (abs(worth) + abs(support))
    return ExactDual(
        chosen,
        reduced,
        worth + support + rounding,
        4.0 * float(of_coupon.max(initial=0.0)) + searched,
    )


def searched_regret_rounding(
    problem: Problem, reduced: NDArray[np.float64]
) -> NDArray[np.float64] | float:
    """Bound what searches of customers' constraints make of regrets: they count in whole numbers.

    Parameters
    ----------
    problem : Problem
    reduced : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)

    Returns
    -------
    ndarray of float64, shape (n_candidates,), or float
        Of each candidate's regret; 0 where no customer is searched.
    """
    if not problem.rule_facts.has_constraints:
        return 0.0
    value = np.abs(problem.values_at(reduced))
    customer = problem.customer_of()
    largest = np.zeros(problem.customers)
    np.maximum.at(largest, customer, value)
    count = np.diff(problem.shard.indptr)
    # the unit of `whole_values`; where all values are 0 it is one of numbers of about 1
    bits = WHOLE_VALUE_BITS - 2 * np.frexp(count.astype(float))[1] - np.frexp(largest)[1]
    unit = np.ldexp(1.0, -np.minimum(bits, 900))
    return np.asarray(((count + 2.0) * unit)[customer])
