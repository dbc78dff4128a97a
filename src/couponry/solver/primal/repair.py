"""From everybody's best choice at given prices to an allocation that breaks no hard limit: repair, then fill.

Repair moves single coupons (drop, add, swap), least reduced value lost per unit of violation removed first. Where
no single move helps, the rows still broken are made to weigh more and the search goes on ("breakout" local search;
Morris 1993). Fill then spends what slack is left on moves that gain objective and break nothing. Both read the
problem's channels, never their quantised form.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...engines.protocol import Engine
from ...kernels import FILL, REPAIR, Rows
from ...utils.errors import OutOfTime
from ..dual.scaling import Scales
from ..problem import Problem

ROUNDS = 40  # of breakout, before a start is given up
FILLS = 6  # rounds of filling, at most
TRY_EVERYTHING = 2_000_000  # candidates up to which filling tries every move
GROWTH = 2.0  # of the weight of rows that stay broken
LEAVES, COMES = 1, 2  # bits of item_helps


@dataclass(frozen=True)
class Rounded:
    """An allocation: the candidates given, uint8 (e), what they come to, and its worth.

    usage: float64 (1 + C, S, K), from the problem's channels. activity: (L).
    feasible: no hard row is missed. Customers' rules hold: moves break none of them.
    objective: the value column's sum less the penalties of missed soft rows.
    """

    chosen: NDArray[np.uint8]
    usage: NDArray[np.float64]
    activity: NDArray[np.float64]
    objective: float
    feasible: bool
    moves: int


class Rounding:
    """Repairs and fills allocations of one problem, in memory.

    settled: (L), activities of customers outside the problem, whose rows are taken off its bounds already.
    """

    def __init__(
        self,
        problem: Problem,
        engine: Engine,
        scales: Scales,
        settled: NDArray[np.float64] | float = 0.0,
    ):
        self.problem = problem
        self.engine = engine
        self._scales = scales
        self._exact = problem.exact
        self._lower, self._upper = _inset(problem, scales, settled)
        self._weight = np.where(problem.hard, scales.per_coupon, 0.0)

    def rows(self, weight: NDArray[np.float64]) -> Rows:
        penalty = np.where(self.problem.hard, 0.0, self.problem.penalty)
        scales = self._scales
        return Rows(
            scales.ptr, scales.row, scales.coefficient, self._lower, self._upper, weight, penalty
        )

    def round(
        self,
        chosen: NDArray[np.uint8],
        reduced: NDArray[np.float64],
        interrupt: Callable[[], None],
        enough: float = np.inf,
    ) -> Rounded:
        """Repair a choice (uint8 (e), not changed), then fill. interrupt: called every so often, may raise.

        enough: objective that needs no filling.
        """
        chosen = chosen.copy()
        activity = self.activity(chosen)
        moves = self._repair(chosen, activity, reduced, interrupt)
        repaired = self.measure(chosen, moves)
        if repaired.objective >= enough or (self._missed(activity) * self._weight > 0).any():
            return repaired
        with contextlib.suppress(OutOfTime):  # what is repaired is kept
            moves += self._fill(chosen, activity, reduced, interrupt)
        return self.measure(chosen, moves)

    def _repair(
        self,
        chosen: NDArray[np.uint8],
        activity: NDArray[np.float64],
        reduced: NDArray[np.float64],
        interrupt: Callable[[], None],
    ) -> int:
        """Moves until no hard row is broken, or until that is given up; `chosen` and `activity` follow."""
        weight = self._weight.copy()
        moves = 0

        def kept() -> bool:
            interrupt()
            return not (self._missed(activity) * self._weight > 0).any()

        for _ in range(ROUNDS):
            broken = self._missed(activity) * self._weight > 0
            if not broken.any():
                break
            made = self._improve(REPAIR, reduced, weight, activity, chosen, kept)
            moves += made
            if made == 0:
                weight[broken] *= GROWTH
        return moves

    def _fill(
        self,
        chosen: NDArray[np.uint8],
        activity: NDArray[np.float64],
        reduced: NDArray[np.float64],
        interrupt: Callable[[], None],
    ) -> int:
        """Moves that gain and break nothing; `chosen` and `activity` follow."""
        moves = 0

        def never() -> bool:
            interrupt()
            return False

        for _ in range(FILLS):
            made = self._improve(FILL, reduced, self._weight, activity, chosen, never)
            moves += made
            if made == 0:
                break
        return moves

    def exact_choice(
        self, chosen: NDArray[np.uint8], reduced: NDArray[np.float64]
    ) -> tuple[NDArray[np.uint8], float]:
        """Everybody's best choice in float64 from the channels as given, and the reduced value of all of them.

        Starts from the choice of the quantised pass. Under nested rules a choice that no single move improves is
        the best one, so moving until a fresh look finds none corrects what quantisation got wrong; where rules do not
        nest the choice is searched anew. The value is rounded up, and no less than the best choice's where a search
        was cut off.
        """
        cells = len(self._scales.ptr) - 1
        nothing = np.zeros(0)
        rows = Rows(
            np.zeros(cells + 1, np.int64), np.zeros(0, np.int32), np.zeros((0, len(reduced))),
            nothing, nothing, nothing, nothing,
        )  # fmt: skip
        chosen = chosen.copy()
        anything = np.full(reduced.shape[1:], LEAVES | COMES, np.uint8)
        while self.engine.improve(
            FILL, self._exact, reduced, reduced, rows, anything, nothing, chosen, lambda: False,
        ):  # fmt: skip
            pass
        cut = self.engine.choose_exactly(self._exact, reduced, chosen)
        usage = self.problem.usage(positions_of(chosen))
        worth = float((reduced * usage).sum() + 1e-12 * np.abs(reduced * usage).sum())
        return chosen, worth + cut.slack

    def measure(self, chosen: NDArray[np.uint8], moves: int = 0) -> Rounded:
        """What a choice comes to, from the values as given."""
        problem = self.problem
        positions = positions_of(chosen)
        usage = problem.usage(positions)
        activity = problem.rows @ usage.ravel()
        objective = float((problem.objective * usage).sum()) - problem.penalties(activity)
        feasible = not problem.missed(activity)[problem.hard].any()
        return Rounded(chosen, usage, activity, objective, feasible, moves)

    def _improve(
        self,
        mode: int,
        reduced: NDArray[np.float64],
        weight: NDArray[np.float64],
        activity: NDArray[np.float64],
        chosen: NDArray[np.uint8],
        stop: Callable[[], bool],
    ) -> int:
        helps = self._eases(activity) if mode == REPAIR else self._gains(activity, reduced)
        if not helps.any():
            return 0
        problem = self.problem
        return self.engine.improve(
            mode, self._exact, reduced, problem.objective, self.rows(weight), helps, activity, chosen,
            stop,
        )  # fmt: skip

    def _eases(self, activity: NDArray[np.float64]) -> NDArray[np.uint8]:
        """For each (segment, item): may one coupon less, or one more of it, ease a broken row? uint8 (S, K) of bits."""
        over = ((activity > self._upper) & self.problem.hard)[self._scales.row]
        under = ((activity < self._lower) & self.problem.hard)[self._scales.row]
        leaves = (over & (self._scales.most > 0)) | (under & (self._scales.least < 0))
        comes = (under & (self._scales.most > 0)) | (over & (self._scales.least < 0))
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
        paid = ((self.problem.objective - reduced).reshape(shape[0], -1) * self._scales.means).sum(
            0
        )
        full = (activity + self._scales.least_in_row > self._upper) & self.problem.hard
        empty = (activity - self._scales.least_in_row < self._lower) & self.problem.hard
        soft = (self.problem.missed(activity) > 0)[self._scales.row] & ~self.problem.hard[
            self._scales.row
        ]
        comes = (
            np.bincount(self._scales.cell, weights=full[self._scales.row], minlength=len(paid)) == 0
        )
        leaves = (
            np.bincount(self._scales.cell, weights=empty[self._scales.row], minlength=len(paid))
            == 0
        )
        bits = self._bits(soft, soft).ravel()
        bits[comes & (paid > 0)] |= COMES
        bits[leaves & (paid < 0)] |= LEAVES
        return bits.reshape(shape[1:])

    def _bits(self, leaves: NDArray[np.bool_], comes: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Bits by cell, from flags of the listed (cell, row) pairs."""
        shape = self.problem.objective.shape[1:]
        bits = np.zeros(shape[0] * shape[1], np.uint8)
        bits[self._scales.cell[leaves]] |= LEAVES
        bits[self._scales.cell[comes]] |= COMES
        return bits.reshape(shape)

    def activity(self, chosen: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Activities of a choice from the channels as given (L)."""
        return self.problem.rows @ self.problem.usage(positions_of(chosen)).ravel()

    def _missed(self, activity: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.maximum(0.0, np.maximum(self._lower - activity, activity - self._upper))


def positions_of(chosen: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Where a choice of zeros and ones is one, ascending."""
    return np.flatnonzero(chosen.view(np.bool_))  # many times faster than on numbers


def _inset(
    problem: Problem, scales: Scales, settled: NDArray[np.float64] | float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bounds drawn in by what sums of floating-point weights may be off; whole-numbered rows need none."""
    lower, upper = problem.lower.copy(), problem.upper.copy()
    size = np.maximum(
        np.abs(np.where(np.isfinite(lower), lower + settled, 0.0)),
        np.abs(np.where(np.isfinite(upper), upper + settled, 0.0)),
    )
    margin = scales.margins(size)
    roomy = upper - lower > 4 * margin
    lower[roomy] += margin[roomy]
    upper[roomy] -= margin[roomy]
    return lower, upper
