"""From everybody's best choice at given prices to an allocation that breaks no hard limit: repair, then fill.

Repair moves single coupons (drop, add, swap), least reduced value lost per unit of violation removed first. Where
no single move helps, the rows still broken are made to weigh more and the search goes on ("breakout" local search;
Morris 1993). Fill then spends what slack is left on moves that gain objective and break nothing. Both read the
channels as given, never their quantised form.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import OutOfTime
from ..kernels import FILL, REPAIR, Rows
from .core import most_coupons
from .engine import Engine
from .problem import LEVELS, Problem
from .smoothing import scatter

ROUNDS = 40  # of breakout, before a start is given up
FILLS = 6  # rounds of filling, at most
ALL_MOVE = 200_000  # customers who make moves at first, all of them in smaller campaigns ...
MOST_PARTS = 8  # ... but at least one in so many
SALT = 0x5DEECE66D  # the customers who move first are others than those in the samples
TRY_EVERYTHING = 2_000_000  # candidates up to which filling tries every move
GROWTH = 2.0  # of the weight of rows that stay broken
LEAVES, COMES = 1, 2  # bits of item_helps


@dataclass(frozen=True)
class Rounded:
    """An allocation: positions of the candidates given (ascending), its activities and its worth.

    feasible: no hard row is missed and nobody is short of coupons.
    objective: the value column's sum less the penalties of missed soft rows.
    """

    chosen: NDArray[np.int64]
    activity: NDArray[np.float64]
    objective: float
    feasible: bool
    moves: int


class Rounding:
    """Repairs and fills allocations of one problem."""

    def __init__(self, problem: Problem, engine: Engine):
        self.problem = problem
        self.engine = engine
        cells = problem.objective.shape[1] * problem.objective.shape[2]
        self._ptr, self._row, self._coefficient = _rows_by_cell(problem, cells)
        self._cell = np.repeat(np.arange(cells), np.diff(self._ptr))
        self._mean, self._least, self._most = self._weights()
        self._lower, self._upper = _inset(problem)
        self.per_coupon = self._one_coupon()
        self._weight = np.where(problem.hard, self.per_coupon, 0.0)
        # a greedy choice under rules that do not nest may be short of coupons that can be had
        self._asked = None
        if not problem.nested and problem.rules.lower.any():
            self._asked = np.minimum(problem.rules.lower, most_coupons(problem, engine))

    def _weights(self) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
        """Mean, least and largest weight of a cell's candidates in each listed (cell, row)."""
        problem = self.problem
        base, slopes = self._coefficient[:, 0], self._coefficient[:, 1:].T
        mean = base + (slopes * self.problem.means[1:, self._cell]).sum(axis=0)
        item = self._cell % problem.low.shape[1]
        ends = (
            slopes * problem.low[:, item],
            slopes * (problem.low + LEVELS * problem.step)[:, item],
        )
        least = base + np.minimum(*ends).sum(axis=0)
        return mean, least, base + np.maximum(*ends).sum(axis=0)

    def _one_coupon(self) -> NDArray[np.float64]:
        """Weights under which a typical coupon's weight in a row counts as 1 (L)."""
        size = np.bincount(self._row, weights=np.abs(self._mean), minlength=len(self._lower))
        count = np.maximum(np.bincount(self._row, minlength=len(self._lower)), 1)
        typical = size / count
        return 1.0 / np.where(typical > 0, typical, 1.0)

    def rows(self, weight: NDArray[np.float64]) -> Rows:
        penalty = np.where(self.problem.hard, 0.0, self.problem.penalty)
        return Rows(
            self._ptr, self._row, self._coefficient, self._lower, self._upper, weight, penalty
        )

    def round(
        self,
        chosen: NDArray[np.uint8],
        activity: NDArray[np.float64],
        reduced: NDArray[np.float64],
        interrupt: Callable[[], None],
        enough: Callable[[Rounded], bool],
    ) -> Rounded:
        """Repair a choice (uint8 (e)) with these activities, neither changed, then fill.

        In large campaigns a part of the customers makes the moves first: there are many more than moves to make.
        interrupt: called every so often, may raise. enough: whether an allocation needs no more filling.
        """
        chosen, activity = chosen.copy(), activity.copy()
        movers = self._movers()
        moves = self._repair(chosen, activity, reduced, movers, interrupt)
        if (self._missed(activity) * self._weight > 0).any():
            return self.measure(chosen, moves)
        while True:
            try:
                moves += self._fill(chosen, activity, reduced, movers, interrupt)
            except OutOfTime:  # what is repaired is kept
                return self.measure(chosen, moves)
            rounded = self.measure(chosen, moves)
            if movers.all() or enough(rounded):
                return rounded
            movers = np.ones_like(movers)

    def _movers(self) -> NDArray[np.bool_]:
        """A random part of the customers, all of them in small campaigns, bool (n)."""
        customers = np.arange(self.problem.customers, dtype=np.uint64)
        share = max(1.0 / MOST_PARTS, min(1.0, ALL_MOVE / max(1, len(customers))))
        return scatter(customers ^ np.uint64(SALT)) <= np.uint64(
            min(share * 2.0**64, 2.0**64 - 2048)
        )

    def _repair(
        self,
        chosen: NDArray[np.uint8],
        activity: NDArray[np.float64],
        reduced: NDArray[np.float64],
        movers: NDArray[np.bool_],
        interrupt: Callable[[], None],
    ) -> int:
        """Moves until no hard row is broken, or until that is given up; `chosen` and `activity` follow."""
        weight = self._weight.copy()
        moves = 0
        for _ in range(ROUNDS):
            broken = self._missed(activity) * self._weight > 0
            if not broken.any():
                break
            made = self._improve(REPAIR, reduced, weight, activity, chosen, movers, interrupt)
            moves += made
            if made == 0 and not movers.all():
                movers = np.ones_like(movers)
            elif made == 0:
                weight[broken] *= GROWTH
        return moves

    def _fill(
        self,
        chosen: NDArray[np.uint8],
        activity: NDArray[np.float64],
        reduced: NDArray[np.float64],
        movers: NDArray[np.bool_],
        interrupt: Callable[[], None],
    ) -> int:
        """Moves that gain and break nothing; `chosen` and `activity` follow."""
        moves = 0
        for _ in range(FILLS):
            made = self._improve(FILL, reduced, self._weight, activity, chosen, movers, interrupt)
            moves += made
            if made == 0:
                break
        return moves

    def coupons_off(self, activity: NDArray[np.float64]) -> float:
        """By how many typical coupons activities miss the hard rows, in all."""
        return float((self._missed(activity) * self._weight).sum())

    def exact_choice(
        self, chosen: NDArray[np.uint8], reduced: NDArray[np.float64]
    ) -> tuple[NDArray[np.uint8], float]:
        """Everybody's best choice in float64 from the channels as given, and the reduced value of all of them.

        Starts from the choice of the quantised pass. Under nested rules a choice that no single move improves is
        the best one, so moving until a fresh look finds none corrects what quantisation got wrong. The value is
        rounded up.
        """
        cells = len(self._ptr) - 1
        nothing = np.zeros(0)
        rows = Rows(
            np.zeros(cells + 1, np.int64), np.zeros(0, np.int32), np.zeros((0, len(reduced))),
            nothing, nothing, nothing, nothing,
        )  # fmt: skip
        chosen = chosen.copy()
        anything = np.full(reduced.shape[1:], LEAVES | COMES, np.uint8)
        everybody = np.ones(self.problem.customers, bool)
        while self.engine.improve(
            FILL, self.problem.exact, reduced, reduced, rows, anything, nothing, chosen, everybody,
            lambda: None,
        ):  # fmt: skip
            pass
        usage = self.problem.usage(positions_of(chosen))
        worth = float((reduced * usage).sum() + 1e-12 * np.abs(reduced * usage).sum())
        return chosen, worth

    def measure(self, chosen: NDArray[np.uint8], moves: int = 0) -> Rounded:
        """What a choice comes to, from the values as given."""
        problem = self.problem
        positions = positions_of(chosen)
        usage = problem.usage(positions)
        activity = problem.rows @ usage.ravel()
        objective = float((problem.objective * usage).sum()) - problem.penalties(activity)
        feasible = not problem.missed(activity)[problem.hard].any() and self._enough(positions)
        return Rounded(positions, activity, objective, feasible, moves)

    def _enough(self, positions: NDArray[np.int64]) -> bool:
        """Whether every customer has as many coupons as its rules ask, or as it can have."""
        if self._asked is None:
            return True
        customer = self.problem.customer_of(positions)
        return bool((np.bincount(customer, minlength=self.problem.customers) >= self._asked).all())

    def _improve(
        self,
        mode: int,
        reduced: NDArray[np.float64],
        weight: NDArray[np.float64],
        activity: NDArray[np.float64],
        chosen: NDArray[np.uint8],
        movers: NDArray[np.bool_],
        interrupt: Callable[[], None],
    ) -> int:
        helps = self._eases(activity) if mode == REPAIR else self._gains(activity, reduced)
        if not helps.any():
            return 0
        problem = self.problem
        return self.engine.improve(
            mode, problem.exact, reduced, problem.objective, self.rows(weight), helps, activity, chosen,
            movers, interrupt,
        )  # fmt: skip

    def _eases(self, activity: NDArray[np.float64]) -> NDArray[np.uint8]:
        """For each (segment, item): may one coupon less, or one more of it, ease a broken row? uint8 (S, K) of bits."""
        over = ((activity > self._upper) & self.problem.hard)[self._row]
        under = ((activity < self._lower) & self.problem.hard)[self._row]
        leaves = (over & (self._most > 0)) | (under & (self._least < 0))
        comes = (under & (self._most > 0)) | (over & (self._least < 0))
        return self._bits(leaves, comes)

    def _gains(
        self, activity: NDArray[np.float64], reduced: NDArray[np.float64]
    ) -> NDArray[np.uint8]:
        """For each (segment, item): may one coupon less, or one more of it, be a gain? uint8 (S, K) of bits.

        At good prices a gain comes from slack that is paid for: one more of an item with a price, or one less of an
        item with a subsidy. In small campaigns everything is tried.
        """
        shape = self.problem.objective.shape
        if self.problem.candidates <= TRY_EVERYTHING:
            return np.full(shape[1:], LEAVES | COMES, np.uint8)
        paid = ((self.problem.objective - reduced).reshape(shape[0], -1) * self.problem.means).sum(
            0
        )
        full = (activity + self._least_in_row() > self._upper) & self.problem.hard
        empty = (activity - self._least_in_row() < self._lower) & self.problem.hard
        soft = (self.problem.missed(activity) > 0)[self._row] & ~self.problem.hard[self._row]
        comes = np.bincount(self._cell, weights=full[self._row], minlength=len(paid)) == 0
        leaves = np.bincount(self._cell, weights=empty[self._row], minlength=len(paid)) == 0
        bits = self._bits(soft, soft).ravel()
        bits[comes & (paid > 0)] |= COMES
        bits[leaves & (paid < 0)] |= LEAVES
        return bits.reshape(shape[1:])

    def _least_in_row(self) -> NDArray[np.float64]:
        """The smallest weight of any candidate in each row, at least 0 (L)."""
        least = np.full(len(self._lower), np.inf)
        np.minimum.at(least, self._row, self._least)
        return np.where(np.isfinite(least), np.maximum(least, 0.0), 0.0)

    def _bits(self, leaves: NDArray[np.bool_], comes: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Bits by cell, from flags of the listed (cell, row) pairs."""
        shape = self.problem.objective.shape[1:]
        bits = np.zeros(shape[0] * shape[1], np.uint8)
        bits[self._cell[leaves]] |= LEAVES
        bits[self._cell[comes]] |= COMES
        return bits.reshape(shape)

    def activity(self, chosen: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Activities of a choice from the channels as given (L)."""
        return self.problem.rows @ self.problem.usage(positions_of(chosen)).ravel()

    def _missed(self, activity: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.maximum(0.0, np.maximum(self._lower - activity, activity - self._upper))


def positions_of(chosen: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Where a choice of zeros and ones is one, ascending."""
    return np.flatnonzero(chosen.view(np.bool_))  # many times faster than on numbers


def _rows_by_cell(
    problem: Problem, cells: int
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """The rows listed by (segment, item): offsets (cells + 1), row numbers, coefficients (listed, 1 + C)."""
    entries = problem.rows.tocoo()
    channel, cell = np.divmod(entries.coords[1].astype(np.int64), cells)
    row = entries.coords[0].astype(np.int64)
    key, listed = np.unique(cell * max(1, len(problem.lower)) + row, return_inverse=True)
    coefficient = np.zeros((len(key), problem.objective.shape[0]))
    coefficient[listed, channel] = entries.data
    ptr = np.searchsorted(key // max(1, len(problem.lower)), np.arange(cells + 1))
    return ptr.astype(np.int64), (key % max(1, len(problem.lower))).astype(np.int32), coefficient


def _inset(problem: Problem) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bounds drawn in by what sums of floating-point weights may be off; whole-numbered rows need none."""
    lower, upper = problem.lower.copy(), problem.upper.copy()
    size = np.maximum(
        np.abs(np.where(np.isfinite(lower), lower, 0.0)),
        np.abs(np.where(np.isfinite(upper), upper, 0.0)),
    )
    everything = problem.everything
    reach = abs(problem.rows) @ np.abs(everything).ravel()
    margin = np.where(problem.integer, 0.0, 1e-9 * size + 1e-13 * reach)
    roomy = upper - lower > 4 * margin
    lower[roomy] += margin[roomy]
    upper[roomy] -= margin[roomy]
    return lower, upper
