"""The master programme of a small campaign: which bundle each customer gets.

With whole choices of customers (bundles) for columns, the linear relaxation is as good as the Lagrangian dual, and an
optimal corner of it splits the choice of no more customers than there are limits that bind (Dantzig and Wolfe 1960). So
few columns beside the best ones, those that prices make nearly as attractive, hold allocations that are all but
optimal, which HiGHS finds at once where thousands of candidates that tie would keep it busy.

Two steps: prices at which the dual is least, from the master's dual within a box about the prices that are known
(boxstep; Marsten, Hogan and Blankenship 1975), and then whole allocations. Who takes a bundle that is not listed loses
at least its regret, which bounds all allocations beside those that HiGHS has looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...utils.clock import Clock
from ...utils.lazy_imports import sparse as sp
from ..dual.lagrangian import Lagrangian
from ..dual.quasi_newton import PriceSpace
from ..highs import milp, within_reason
from ..primal.repair import Repair
from ..problem import Problem
from .columns import Bundles, list_bundles

CANDIDATES, CUSTOMERS = 100_000, 30_000  # that a master is made for, at most
FEW_PRICES, FEW_SLOTS = 12, 3  # that one is made for where all rules nest, at most
ROUNDS = 30  # of prices, at most
PLANES, MOST_PLANES = 4_000, 24_000  # bundles for prices beside the best ones, about and at most
ITERATIONS = 100_000  # of the simplex method for new prices, at most
COLUMNS = (
    500,
    1_000,
    2_000,
    3_000,
    4_500,
    8_000,
)  # bundles beside the best ones, in one try after the other
NODES = 50  # of HiGHS's search in each, at most
OF_ONE = 64  # bundles of one customer, at most
FIRST_REGRET, GROWTH = 0.01, 4.0  # listed at first, in typical worths, and more until enough are
FIRST_BOX, GROWS, SHRINKS = 0.2, 4.0, 0.3  # of a typical worth, price per typical coupon
GOOD = 0.1  # share of what the model promised: a step that gains less makes the box smaller
LEFT = 0.05  # of the asked gap, that prices may leave of the dual
NEAR = 0.6  # of the asked gap, at which HiGHS may stop


def fits(problem: Problem) -> bool:
    """Whether a campaign is small enough for a master, and has use for one.

    Where everybody's rules nest, a programme over candidates is as tight as one over bundles, and makes do with fewer
    columns where there are many prices or slots.
    """
    if problem.candidates > CANDIDATES or problem.customers > CUSTOMERS:
        return False
    prices = np.isfinite(problem.lower).sum() + np.isfinite(problem.upper).sum()
    few = prices <= FEW_PRICES and problem.rules.upper.max(initial=0) <= FEW_SLOTS
    return bool(few or len(problem.rules.ptr) > 1)


@dataclass(frozen=True)
class Tried:
    """chosen: uint8 (e), or None where HiGHS found nothing. bound: on every allocation, infinite where unknown."""

    chosen: NDArray[np.uint8] | None
    bound: float


@dataclass(frozen=True)
class _Point:
    """A point of the price space, everybody's best choice there, uint8 (e), and the dual value."""

    at: NDArray[np.float64]
    reduced: NDArray[np.float64]
    chosen: NDArray[np.uint8]
    dual: float


class Master:
    """Prices and allocations of one problem by its customers' bundles. worth: objective of a typical coupon."""

    def __init__(
        self,
        lagrangian: Lagrangian,
        repair: Repair,
        space: PriceSpace,
        per_coupon: NDArray[np.float64],
        worth: float,
        prices: NDArray[np.float64],
    ):
        self._problem = lagrangian.problem
        self._lagrangian = lagrangian
        self._repair = repair
        self._space = space
        self._per_coupon = per_coupon
        self._worth = worth
        self._now = self._best = self._look(space.point(prices))
        self._within = FIRST_REGRET * worth
        self._found: Bundles | None = None  # at the present point

    @property
    def prices(self) -> NDArray[np.float64]:
        """The best prices so far."""
        return self._space.prices(self._best.at)

    @property
    def dual(self) -> float:
        """No allocation is worth more, as these prices tell."""
        return self._best.dual

    def improve(self, gap: float, clock: Clock) -> None:
        """Prices at which the dual is about as low as it can be. gap: asked, relative."""
        space = self._space
        coupon = self._worth * self._per_coupon[space.row] / space.scale
        box = FIRST_BOX
        planes = self._listed(PLANES)
        for _ in range(ROUNDS):
            now = self._best
            low = np.maximum(0.0, now.at - box * coupon)
            high = np.minimum(space.limit, now.at + box * coupon)
            found = None
            if clock.left > 0:
                found = self._lowest(planes, low, high, clock.left)
            if found is None:
                return
            point, model = found
            left = LEFT * gap * abs(now.dual)
            promised = now.dual - model
            if promised <= left:
                return
            then = self._look(point)
            free = ((point > low) | (low == 0.0)) & ((point < high) | (high == space.limit))
            inside = bool(free.all())
            if now.dual - then.dual < GOOD * promised:
                box *= SHRINKS
            elif not inside:
                box *= GROWS
            if then.dual < now.dual:
                self._best = then
            # the columns that the model makes use of cost nothing at its own lowest point
            if then.dual < now.dual or (inside and then.dual - now.dual <= gap * abs(now.dual)):
                self._now, self._found = then, None
            if inside and then.dual - model <= left:
                return
            more = list_bundles(self._problem, then.reduced, then.chosen, self._within, OF_ONE)
            if self._now is then:
                self._found = more
            planes = planes.joined(more, self.prices).nearest(MOST_PLANES)

    def allocations(self, gap: float, clock: Clock) -> Iterator[Tried]:
        """Allocations of more and more bundles."""
        last = -1
        for columns in COLUMNS:
            if clock.left <= 0:
                return
            bundles = self._listed(columns).nearest(columns)
            if len(bundles.customer) == last:
                return
            last = len(bundles.customer)
            yield self._whole(bundles, gap, clock.left)

    # ---- bundles

    def _look(self, point: NDArray[np.float64]) -> _Point:
        prices = self._space.prices(point)
        reduced = self._lagrangian.reduced(prices)
        chosen, _ = self._lagrangian.choose(prices)
        chosen, inner = self._repair.exact_choice(chosen, reduced)
        return _Point(point, reduced, chosen, inner + self._lagrangian.support(prices))

    def _listed(self, enough: int) -> Bundles:
        """Everybody's best choice, and at least so many of least regret beside them, where there are."""
        now, bundles, people = self._now, self._found, self._problem.customers
        while bundles is None or len(bundles.customer) - people < enough:
            if bundles is not None:
                if bundles.beyond < self._within or self._within > abs(now.dual):
                    break  # there are no more
                self._within *= GROWTH
            bundles = list_bundles(self._problem, now.reduced, now.chosen, self._within, OF_ONE)
        self._found = bundles
        return bundles

    # ---- programmes

    def _lowest(
        self,
        bundles: Bundles,
        low: NDArray[np.float64],
        high: NDArray[np.float64],
        time_limit: float,
    ) -> tuple[NDArray[np.float64], float] | None:
        """Where in a box the dual of the master is least, and its value there."""
        problem, space = self._problem, self._space
        count, people = len(bundles.customer), problem.customers
        side = space.sign * space.scale
        whose = sp.csr_array(
            (np.ones(count), (np.arange(count), bundles.customer)), shape=(count, people)
        )
        paid = sp.csr_array(bundles.weight[:, space.row] @ sp.diags_array(side))
        bound = np.where(space.sign > 0, problem.upper[space.row], problem.lower[space.row])
        cost = np.concatenate([np.ones(people), side * bound])
        free = np.full(people, np.inf)
        solved = milp(
            cost,
            sp.csr_array(sp.hstack([whose, paid], format="csr")),
            bundles.worth,
            np.full(count, np.inf),
            np.concatenate([free, high]),
            np.zeros(len(cost)),
            {"simplex_iteration_limit": ITERATIONS, "time_limit": within_reason(time_limit)},
            floor=np.concatenate([-free, low]),
        )
        if solved.status != 0:
            return None
        return np.clip(solved.x[people:], low, high), float(solved.fun)

    def _whole(self, bundles: Bundles, gap: float, time_limit: float) -> Tried:
        """The best allocation of these bundles, about, and what no allocation can exceed."""
        problem = self._problem
        count, people = len(bundles.customer), problem.customers
        whose = sp.csr_array(
            (np.ones(count), (bundles.customer, np.arange(count))), shape=(people, count)
        )
        unit = sp.diags_array(self._per_coupon)
        soft = np.flatnonzero(~problem.hard)
        miss = sp.csr_array(
            (self._per_coupon[soft], (soft, np.arange(len(soft)))),
            shape=(len(problem.lower), len(soft)),
        )
        limits = sp.hstack([unit @ bundles.weight.T, miss, -miss])
        matrix = sp.vstack(
            [limits, sp.hstack([whose, sp.csr_array((people, 2 * len(soft)))])], format="csr"
        )
        one = np.ones(people)
        penalty = problem.penalty[soft]
        misses = np.full(2 * len(soft), np.inf)
        solved = milp(
            np.concatenate([-bundles.worth, penalty, penalty]),
            sp.csr_array(matrix),
            np.concatenate([problem.lower * self._per_coupon, one]),
            np.concatenate([problem.upper * self._per_coupon, one]),
            np.concatenate([np.ones(count), misses]),
            np.concatenate([np.ones(count), np.zeros(2 * len(soft))]),
            {
                "mip_rel_gap": NEAR * gap,
                "node_limit": NODES,
                "time_limit": within_reason(time_limit),
            },
        )
        bound = np.inf
        if solved.status == 2:
            bound = -np.inf
        elif solved.mip_dual_bound is not None and np.isfinite(solved.mip_dual_bound):
            bound = -solved.mip_dual_bound + 1e-9 * float(np.abs(bundles.worth).sum())
        bound = max(bound, self._now.dual - bundles.beyond)
        if solved.x is None:
            return Tried(None, bound)
        taken = np.flatnonzero(solved.x[:count] > 0.5)
        chosen = np.zeros(problem.candidates, np.uint8)
        chosen[bundles.given[taken].indices] = 1
        return Tried(chosen, bound)
