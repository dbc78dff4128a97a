"""The Lagrangian dual of a problem: from prices to price tables, from usage tables to dual value and activities.

    D(prices) = sum over customers of max over their choices of (objective - prices @ rows)
                + sum over rows of (price+ * upper - price- * lower)

A price is signed: above 0 it charges for nearing the upper bound, below 0 it pays for reaching the lower one. D is
convex. It is an upper bound at every price vector with finite terms that lies within the penalties of soft rows, as
`PriceSpace` keeps it: a row may be violated at its penalty, so a higher price would charge more than that costs.

References
----------
Geoffrion, "Lagrangean relaxation for integer programming", 1974.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import Engine
from ...kernels import MAX_QUANTITY
from ...utils.arrays.fixed_order import dot_in_order
from ...utils.process.cached_property import cached_property
from ..problem import ALIKE_STEPS, Problem

UNIT_ROUNDOFF = 2.0**-24
"""Relative error of rounding to float32, at most."""

LEAST_ROUNDOFF = 1e-37
"""Absolute error of rounding to float32 near 0, at most, with room to spare."""

FLOAT64_ROUNDOFF = 2.0**-53
"""Relative error of rounding to float64, at most."""

WHOLE_VALUE_BITS = 61
"""A search that is exact has whole numbers of so many bits for values, less twice those of how many there are."""

SUMMATION_ERROR = 1e-12
"""Relative error of sums in float64 of as many terms as a price table has, with room to spare."""

LARGEST_PRICE = 1e37
"""What a price table may hold at most, so that sums of its entries stay within float32."""


@dataclass(frozen=True)
class Evaluation:
    """What a pass at some prices says.

    Attributes
    ----------
    prices : ndarray of float64, shape (n_rows,)
        Signed prices.
    dual : float
        Dual value.
    activity : ndarray of float64, shape (n_rows,)
        Sums of weights in each row.
    usage : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        Coupons, and sums of each attribute.
    bound : float
        No feasible allocation is worth more; infinite where the pass does not tell.
    cut_off : int
        Customers whose search for the best choice was cut off.
    """

    prices: NDArray[np.float64]
    dual: float
    activity: NDArray[np.float64]
    usage: NDArray[np.float64]
    bound: float = np.inf
    cut_off: int = 0


class Lagrangian:
    """The dual function of a problem, over everybody or over a sample of customers.

    Parameters
    ----------
    problem : Problem
    engine : Engine
        Over all customers or over a sample.
    scale : float, default 1
        Customers in all for each that the engine has.
    missing_usage : ndarray of float64, shape (1 + n_attributes, n_segments, n_items), optional
        What a sample is known to miss of everybody's usage; it is added to what a pass counts.
    """

    def __init__(
        self,
        problem: Problem,
        engine: Engine,
        scale: float = 1.0,
        missing_usage: NDArray[np.float64] | None = None,
    ):
        self.problem = problem
        self.engine = engine
        self.scale = scale
        self.known: Evaluation | None = None  # evaluated before, where a pass would say the same
        self._missing_usage = missing_usage
        self._columns = problem.columns

    # ---- prices and tables

    def reduced(self, prices: NDArray[np.float64], objective: float = 1.0) -> NDArray[np.float64]:
        """Take what prices charge from the objective.

        Parameters
        ----------
        prices : ndarray of float64, shape (n_rows,)
        objective : float, default 1
            Factor on the objective; with 0 only the prices count.

        Returns
        -------
        ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
            Reduced value per coupon, and per unit of each attribute.
        """
        problem = self.problem
        charged = (self._columns @ prices).reshape(problem.objective.shape)
        worth = problem.objective if objective == 1.0 else problem.objective * objective
        return np.asarray(worth - charged)

    def price_table(self, reduced: NDArray[np.float64]) -> NDArray[np.float64]:
        """Turn reduced values by attribute into reduced values by packed quantity.

        Parameters
        ----------
        reduced : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)

        Returns
        -------
        ndarray of float64, shape (1 + n_quantities, n_segments, n_items)
        """
        problem = self.problem
        table = np.zeros((1 + problem.quantities, *reduced.shape[1:]))
        table[0] = reduced[0]
        for c, quantity in enumerate(problem.quantity_of):
            table[0] += reduced[1 + c] * problem.low[c]
            table[1 + quantity] += reduced[1 + c] * problem.step[c]
        return table

    def usage(self, counted: NDArray[np.int64]) -> NDArray[np.float64]:
        """Turn sums of quantities into sums of attributes, scaled up to all customers.

        Parameters
        ----------
        counted : ndarray of int64, shape (1 + n_quantities, n_segments, n_items)

        Returns
        -------
        ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        """
        problem = self.problem
        usage = np.empty((1 + len(problem.low), *counted.shape[1:]))
        usage[0] = counted[0]
        for c, quantity in enumerate(problem.quantity_of):
            usage[1 + c] = problem.low[c] * counted[0] + problem.step[c] * counted[1 + quantity]
        if self.scale != 1.0:
            usage *= self.scale
        return usage

    def support(self, prices: NDArray[np.float64]) -> float:
        """Sum price+ * upper - price- * lower; infinite where a bound that is none is priced."""
        priced = np.where(prices > 0, self.problem.upper, self.problem.lower)
        return float((prices * np.where(prices != 0, priced, 0.0)).sum())

    def choice_table(self, prices: NDArray[np.float64]) -> NDArray[np.float32]:
        """The price table at which an evaluation at some prices (n_rows,) lets everybody choose."""
        return as_float32(self.price_table(self.reduced(prices)))

    # ---- passes

    def evaluate(self, prices: NDArray[np.float64], objective: float = 1.0) -> Evaluation:
        """Evaluate the dual by one pass.

        Parameters
        ----------
        prices : ndarray of float64, shape (n_rows,)
        objective : float, default 1
            Factor on the objective.

        Returns
        -------
        Evaluation
            Without a bound.

        Raises
        ------
        OverflowError
            Where prices are beyond float32.
        """
        known = self.known
        if known is not None and objective == 1.0 and np.array_equal(prices, known.prices):
            return known
        reduced = self.reduced(prices, objective)
        table = as_float32(self.price_table(reduced))
        return self.evaluation_of(prices, reduced, self.engine.evaluate(table))

    def choose(self, prices: NDArray[np.float64]) -> tuple[NDArray[np.uint8], Evaluation]:
        """Evaluate the dual, and keep everybody's best choice.

        Parameters
        ----------
        prices : ndarray of float64, shape (n_rows,)

        Returns
        -------
        chosen : ndarray of uint8, shape (n_candidates,)
        evaluation : Evaluation
        """
        chosen, counted = self.engine.choose(self.choice_table(prices))
        return chosen, self.evaluation_of(prices, self.reduced(prices), counted)

    def largest_sum(self, table: NDArray[np.float64]) -> float:
        """Find about the largest sum of a table over all customers' choices, limits aside, by one pass.

        Parameters
        ----------
        table : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
            What a coupon counts, and a unit of each attribute.
        """
        counted = self.engine.evaluate(as_float32(self.price_table(table)))
        return float((table * self.usage(counted)).sum())

    def bound(self, prices: NDArray[np.float64], objective: float = 1.0) -> float:
        """An upper bound on every feasible allocation's worth for the values as given; see `certify`."""
        return self.certify(prices, objective).bound

    def certify(self, prices: NDArray[np.float64], objective: float = 1.0) -> Evaluation:
        """Bound every feasible allocation's worth for the values as given, by one pass.

        The pass sees every reduced value raised by the most that quantising the attributes and rounding to float32 can
        have taken from it, so that its optimum cannot lie below the true one. The bound makes up for customers whose
        search was cut off.

        Parameters
        ----------
        prices : ndarray of float64, shape (n_rows,)
        objective : float, default 1
            Factor on the objective.

        Returns
        -------
        Evaluation
            With a bound; its other figures are about those of `evaluate`.
        """
        problem = self.problem
        reduced = self.reduced(prices, objective)
        table, rounding = self.raised_table(prices, reduced, objective)
        counted, cut_off = self.engine.evaluate_with_cut_off(as_float32(table))
        hidden = max(0.0, self.search_rounding(table) - float((rounding * counted[0]).sum()))
        worth = (table * counted).sum() + (2 * rounding * counted[0]).sum() + cut_off.slack + hidden
        total = float(worth) + self.support(prices)
        priced = prices != 0
        bounds = np.where(prices > 0, problem.upper, problem.lower)[priced]
        terms = float(
            (np.abs(table) * counted).sum() + dot_in_order(np.abs(prices[priced]), np.abs(bounds))
        )
        evaluation = self.evaluation_of(prices, reduced, counted)
        bound = total + SUMMATION_ERROR * terms
        return replace(evaluation, bound=bound, cut_off=cut_off.customers)

    def raised_table(
        self, prices: NDArray[np.float64], reduced: NDArray[np.float64], objective: float = 1.0
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Raise every reduced value by the most that quantising and rounding can have taken from it.

        Parameters
        ----------
        prices : ndarray of float64, shape (n_rows,)
        reduced : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
            At these prices.
        objective : float, default 1
            Factor on the objective.

        Returns
        -------
        table : ndarray of float64, shape (1 + n_quantities, n_segments, n_items)
            A price table, raised.
        rounding : ndarray of float64, shape (n_segments, n_items)
            The part of it that is for rounding.
        """
        table = self.price_table(reduced)
        slack = self._quantisation_slack(reduced)
        # float32: rounding the table, each product and each sum, with quantities up to 2^16
        size = np.abs(table[0]) + (MAX_QUANTITY + 1.0) * np.abs(table[1:]).sum(axis=0)
        rounding = (2 * len(table) + 2) * UNIT_ROUNDOFF * (size + slack) + LEAST_ROUNDOFF
        # that is twice what float32 takes: the other half is for float64, and hardly ever too little
        rounding = np.maximum(rounding, rounding / 2 + self.table_rounding(prices, objective))
        table[0] += slack + rounding
        return table, rounding

    def table_rounding(
        self, prices: NDArray[np.float64], objective: float = 1.0
    ) -> NDArray[np.float64]:
        """Bound what float64 may make of one coupon's reduced value, where prices and objective cancel.

        Parameters
        ----------
        prices : ndarray of float64, shape (n_rows,)
        objective : float, default 1
            Factor on the objective.

        Returns
        -------
        ndarray of float64, shape (n_segments, n_items)
        """
        problem = self.problem
        charged = (problem.column_sizes @ np.abs(prices)).reshape(problem.objective.shape)
        size = np.abs(problem.objective * objective) + charged
        largest = np.maximum(np.abs(problem.low), np.abs(problem.low + MAX_QUANTITY * problem.step))
        total = size[0] + (size[1:] * largest[:, None, :]).sum(axis=0)
        terms = int(np.diff(self._columns.indptr).max(initial=0)) + 2 * len(size) + 4
        return np.asarray(terms * FLOAT64_ROUNDOFF * total)

    def search_rounding(self, table: NDArray[np.float64]) -> float:
        """Bound what searches of customers' constraints lose, whose values are whole numbers of one scale a customer.

        Parameters
        ----------
        table : ndarray of float64, shape (1 + n_quantities, n_segments, n_items)
            Reduced values by packed quantity.
        """
        if not self.problem.rule_facts.has_constraints:
            return 0.0
        largest = np.abs(table[0]) + MAX_QUANTITY * np.abs(table[1:]).sum(axis=0)
        bits = WHOLE_VALUE_BITS - 2 * self._most_candidates.bit_length()
        return float(self.engine.candidates * largest.max(initial=0.0) * 2.0**-bits)

    @cached_property
    def _most_candidates(self) -> int:
        """The most candidates of one customer."""
        return self.engine.most_candidates

    def evaluation_of(
        self,
        prices: NDArray[np.float64],
        reduced: NDArray[np.float64],
        counted: NDArray[np.int64],
    ) -> Evaluation:
        """What a pass that counted so much says of prices and the reduced values there."""
        usage = self.usage(counted)
        if self._missing_usage is not None:
            usage += self._missing_usage
        activity = self.problem.rows @ usage.ravel()
        dual = float((reduced * usage).sum()) + self.support(prices)
        return Evaluation(prices, dual, activity, usage)

    def _quantisation_slack(self, reduced: NDArray[np.float64]) -> NDArray[np.float64]:
        """The most that quantising can have taken from the reduced value of one coupon, (n_segments, n_items).

        Attributes that share a quantity are off together, but for the little that they are apart.
        """
        problem = self.problem
        slack = np.zeros(reduced.shape[1:])
        for q in range(problem.quantities):
            first, *others = np.flatnonzero(problem.quantity_of == q)
            steps, error = problem.step[first], problem.error[first]
            steps_off = np.divide(error, steps, out=np.zeros(len(steps)), where=steps > 0)
            together = reduced[1 + first] * steps
            for c in others:
                together = together + reduced[1 + c] * problem.step[c]
                slack += np.abs(reduced[1 + c]) * (ALIKE_STEPS * problem.step[c])
            slack += np.abs(together) * steps_off
            slack += np.abs(reduced[1 + first]) * np.where(steps > 0, 0.0, error)
        return slack


class CertifiedLagrangian(Lagrangian):
    """The dual whose every evaluation is certified, so that no pass is needed for that in the end.

    Everybody chooses at the raised values of the certificate, which are off by less than prices are.
    """

    def evaluate(self, prices: NDArray[np.float64], objective: float = 1.0) -> Evaluation:
        """See `Lagrangian.certify`."""
        return self.certify(prices, objective)

    def choice_table(self, prices: NDArray[np.float64]) -> NDArray[np.float32]:
        """The raised table of the certified choice; see `Lagrangian.choice_table`."""
        return as_float32(self.raised_table(prices, self.reduced(prices))[0])


def as_float32(table: NDArray[np.float64]) -> NDArray[np.float32]:
    """Round a price table to what the kernels take.

    Raises
    ------
    OverflowError
        Where prices are beyond float32.
    """
    if table.size and not (table.max() < LARGEST_PRICE and table.min() > -LARGEST_PRICE):
        raise OverflowError("prices grew beyond float32")
    return table.astype(np.float32)
