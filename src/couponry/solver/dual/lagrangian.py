"""The Lagrangian dual of a problem: from prices to price tables, from usage tables to dual value and activities.

    D(prices) = sum over customers of max over their choices of (objective - prices @ rows)
                + sum over rows of (price+ * upper - price- * lower)

A price is signed: above 0 it charges for nearing the upper bound, below 0 it pays for reaching the lower one. D is
convex, and for every price vector with finite terms it is an upper bound (Geoffrion, "Lagrangean relaxation for
integer programming", 1974).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import Engine
from ..problem import ALIKE, Problem

UNIT_ROUNDOFF = 2.0**-24  # of float32


@dataclass(frozen=True)
class Evaluation:
    """One pass at some prices: dual value, activities (L), usage (1 + C, S, K) in units of the channels.

    bound: on every feasible allocation's worth; infinite where the pass does not tell one. cut_off: customers whose
    search for the best choice was cut off.
    """

    prices: NDArray[np.float64]
    dual: float
    activity: NDArray[np.float64]
    usage: NDArray[np.float64]
    bound: float = np.inf
    cut_off: int = 0


class Lagrangian:
    """The dual function of a problem over an engine; over a sample of customers, scaled up by `scale`.

    beside: (1 + C, S, K), usage that is added to what a pass counts: what a sample is known to miss of everybody's.
    """

    def __init__(
        self,
        problem: Problem,
        engine: Engine,
        scale: float = 1.0,
        beside: NDArray[np.float64] | float = 0.0,
    ):
        self.problem = problem
        self.engine = engine
        self.scale = scale
        self._beside = beside
        self._columns = problem.rows.T.tocsr()

    def reduced(self, prices: NDArray[np.float64], objective: float = 1.0) -> NDArray[np.float64]:
        """Reduced value per coupon and per unit of each channel, float64 (1 + C, S, K).

        With `objective` 0 the value counts for nothing and only the prices do.
        """
        problem = self.problem
        paid = (self._columns @ prices).reshape(problem.objective.shape)
        return np.asarray(problem.objective * objective - paid)

    def price_table(self, reduced: NDArray[np.float64]) -> NDArray[np.float64]:
        """The same per coupon and per unit of each *quantity*, float64."""
        problem = self.problem
        table = np.zeros((1 + problem.quantities, *reduced.shape[1:]))
        table[0] = reduced[0]
        for c, quantity in enumerate(problem.quantity_of):
            table[0] += reduced[1 + c] * problem.low[c]
            table[1 + quantity] += reduced[1 + c] * problem.step[c]
        return table

    def usage(self, counted: NDArray[np.int64]) -> NDArray[np.float64]:
        """From summed quantities to summed channels, scaled up to all customers."""
        problem = self.problem
        usage = np.empty((1 + len(problem.low), *counted.shape[1:]))
        usage[0] = counted[0]
        for c, quantity in enumerate(problem.quantity_of):
            usage[1 + c] = problem.low[c] * counted[0] + problem.step[c] * counted[1 + quantity]
        return usage * self.scale

    def support(self, prices: NDArray[np.float64]) -> float:
        """sum of price+ * upper - price- * lower; infinite where a bound that is none is priced."""
        up, down = prices > 0, prices < 0
        total = (prices[up] * self.problem.upper[up]).sum()
        return float(total + (prices[down] * self.problem.lower[down]).sum())

    def evaluate(self, prices: NDArray[np.float64], objective: float = 1.0) -> Evaluation:
        """Dual value and activities at these prices, by one pass."""
        reduced = self.reduced(prices, objective)
        table = as_float32(self.price_table(reduced))
        return self._read(prices, reduced, self.engine.evaluate(table))

    def most(self, table: NDArray[np.float64]) -> float:
        """About the largest sum of a table (1 + C, S, K) over all customers' choices, limits aside, by one pass."""
        counted = self.engine.evaluate(as_float32(self.price_table(table)))
        return float((table * self.usage(counted)).sum())

    def choose(self, prices: NDArray[np.float64]) -> tuple[NDArray[np.uint8], Evaluation]:
        """The same, with everybody's best choice, uint8 (e)."""
        reduced = self.reduced(prices)
        chosen, counted = self.engine.choose(as_float32(self.price_table(reduced)))
        return chosen, self._read(prices, reduced, counted)

    def _read(
        self,
        prices: NDArray[np.float64],
        reduced: NDArray[np.float64],
        counted: NDArray[np.int64],
    ) -> Evaluation:
        usage = self.usage(counted) + self._beside
        activity = self.problem.rows @ usage.ravel()
        dual = float((reduced * usage).sum()) + self.support(prices)
        return Evaluation(prices, dual, activity, usage)

    def bound(self, prices: NDArray[np.float64], objective: float = 1.0) -> float:
        """An upper bound on every feasible allocation's worth for the values as given, by one pass."""
        return self.certify(prices, objective).bound

    def certify(self, prices: NDArray[np.float64], objective: float = 1.0) -> Evaluation:
        """The same, with about what `evaluate` says. The bound makes up for customers whose search was cut off.

        The pass sees every reduced value raised by the most that quantising the channels and rounding to float32
        can have taken from it, so that its optimum cannot lie below the true one.
        """
        problem = self.problem
        reduced = self.reduced(prices, objective)
        table = self.price_table(reduced)
        slack = self._quantised_away(reduced)
        # float32: rounding the table, each product and each sum, with quantities up to 2^16
        size = np.abs(table[0]) + 65_536.0 * np.abs(table[1:]).sum(axis=0)
        rounding = (2 * len(table) + 2) * UNIT_ROUNDOFF * (size + slack) + 1e-37
        table[0] += slack + rounding
        counted, cut = self.engine.evaluate_with_cut_off(as_float32(table))
        worth = (table * counted).sum() + (2 * rounding * counted[0]).sum() + cut.slack
        total = float(worth) + self.support(prices)
        priced = prices != 0
        bounds = np.where(prices > 0, problem.upper, problem.lower)[priced]
        terms = float((np.abs(table) * counted).sum() + np.abs(prices[priced]) @ np.abs(bounds))
        now = self._read(prices, reduced, counted)
        return replace(now, bound=total + 1e-12 * terms, cut_off=cut.customers)

    def _quantised_away(self, reduced: NDArray[np.float64]) -> NDArray[np.float64]:
        """The most that quantising can have taken from the reduced value of one coupon, (S, K).

        Channels that share a quantity are off together, but for the little that they are apart.
        """
        problem = self.problem
        away = np.zeros(reduced.shape[1:])
        for q in range(problem.quantities):
            first, *others = np.flatnonzero(problem.quantity_of == q)
            steps, error = problem.step[first], problem.error[first]
            off = np.divide(error, steps, out=np.zeros(len(steps)), where=steps > 0)
            together = reduced[1 + first] * steps
            for c in others:
                together = together + reduced[1 + c] * problem.step[c]
                away += np.abs(reduced[1 + c]) * (ALIKE * problem.step[c])
            away += np.abs(together) * off
            away += np.abs(reduced[1 + first]) * np.where(steps > 0, 0.0, error)
        return away


class Certified(Lagrangian):
    """The dual whose every evaluation is certified, so that no pass is needed for that in the end."""

    def evaluate(self, prices: NDArray[np.float64], objective: float = 1.0) -> Evaluation:
        return self.certify(prices, objective)


def as_float32(table: NDArray[np.float64]) -> NDArray[np.float32]:
    """Prices as the kernels take them; raises OverflowError where they are beyond float32."""
    if not (np.abs(table) < 1e37).all():
        raise OverflowError("prices grew beyond float32")
    return table.astype(np.float32)
