"""From everybody's best choice at given prices to an allocation that violates no hard limit: repair, then fill.

Repair moves single coupons (drop, add, swap), least reduced value lost per unit of violation removed first. Where no
single move helps, the rows that are still violated are made to weigh more and the search goes on ("breakout" local
search; Morris 1993). Fill then spends the residual capacity on moves that gain objective and violate nothing. Both read
the problem's attributes as numbers, never their quantised form.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...engines.cells import chosen_positions, chosen_usage
from ...engines.protocol import Engine
from ...kernels import FILL, REPAIR, LimitRows, LocalSearch
from ...utils.errors import OutOfTime
from ..dual.scaling import Scales
from ..options import RepairOptions, WorkOptions
from ..problem import Problem
from .new_choices import choose_anew

LEAVES, COMES = 1, 2
"""Bits that say whether one coupon less of an item may help, and whether one more may."""


@dataclass(frozen=True)
class MeasuredChoice:
    """A choice of every candidate, and what it comes to. Customer rules hold: moves break none of them.

    Attributes
    ----------
    chosen : ndarray of uint8, shape (n_candidates,)
        1 for each candidate that is allocated, else 0.
    usage : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
        Coupons, and sums of the problem's attributes.
    activity : ndarray of float64, shape (n_rows,)
    objective : float
        Sum of values less the penalties of violated soft rows.
    feasible : bool
        True if no hard row is violated, but for how sums are rounded.
    moves : int
        Single moves that were made to get there.
    """

    chosen: NDArray[np.uint8]
    usage: NDArray[np.float64]
    activity: NDArray[np.float64]
    objective: float
    feasible: bool
    moves: int


class Repair:
    """Repairs and fills choices of one problem, in memory.

    Parameters
    ----------
    problem : Problem
    engine : Engine
        Over the problem's candidates.
    scales : Scales
    options : RepairOptions
    fixed_activity : ndarray of float64, shape (n_rows,), optional
        Activity of customers outside the problem, which is taken off its bounds already.

    Attributes
    ----------
    rounds, fills, moves : int
        Rounds so far that repaired, and that filled, and the moves that repaired.
    helpful : float
        Shares of all items that might help, summed over the rounds that repaired.
    """

    def __init__(
        self,
        problem: Problem,
        engine: Engine,
        scales: Scales,
        options: RepairOptions,
        fixed_activity: NDArray[np.float64] | float = 0.0,
    ):
        self.problem = problem
        self.engine = engine
        self._scales = scales
        self._options = options
        self._exact = problem.exact
        self._lower, self._upper = _tightened_bounds(problem, scales, fixed_activity)
        self._weight = np.where(problem.hard, scales.per_coupon, 0.0)
        self.rounds = self.fills = self.moves = 0
        self.helpful = self._counted = 0.0

    def repair_and_fill(
        self,
        chosen: NDArray[np.uint8],
        reduced: NDArray[np.float64],
        interrupt: Callable[[], None],
        enough: float = np.inf,
    ) -> MeasuredChoice:
        """Repair a choice, then fill it.

        Parameters
        ----------
        chosen : ndarray of uint8, shape (n_candidates,)
            Not changed.
        reduced : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)
            What usage is worth at the prices.
        interrupt : callable
            Called every so often; may raise. OutOfTime while filling ends it, and what is repaired is kept.
        enough : float
            Objective from which on a repaired choice is not filled, or not any further.

        Returns
        -------
        MeasuredChoice
        """
        chosen = chosen.copy()
        activity = self.activity(chosen)
        moves = self._repair(chosen, activity, reduced, interrupt)
        repaired = self.measure(chosen, moves)
        if repaired.objective >= enough or self._is_violated(activity).any():
            return repaired
        with contextlib.suppress(OutOfTime):
            lacking = enough - repaired.objective + 1e-9 * abs(enough)  # gains are summed otherwise
            moves += self._fill(chosen, activity, reduced, interrupt, lacking)
        return self.measure(chosen, moves)

    @property
    def limit_rows(self) -> LimitRows:
        """The limits' rows, with bounds that allow for how sums are rounded."""
        return self._rows(self._weight)

    def work(self, options: WorkOptions) -> float:
        """Count the rounds so far, in candidates that a plain pass sees in their time."""
        by_candidate = options.repair * self.rounds + options.helpful * self.helpful
        further = max(0, len(self.problem.attributes) - 1)
        by_candidate *= 1.0 + options.further_attribute * further
        by_candidate += options.filling * self.fills
        return by_candidate * self.problem.candidates + options.a_move * self.moves

    def more_work(self, options: WorkOptions) -> float:
        """Count the rounds since they were last counted; see `work`."""
        before, self._counted = self._counted, self.work(options)
        return self._counted - before

    def exact_choice(
        self, chosen: NDArray[np.uint8], reduced: NDArray[np.float64]
    ) -> tuple[NDArray[np.uint8], float]:
        """Find everybody's best choice in float64, from the attributes as given.

        Under laminar rules a choice that no single move improves is the best one, so moving until a fresh look finds no
        move corrects what quantisation got wrong. Where rules are not laminar the choice is searched anew.

        Parameters
        ----------
        chosen : ndarray of uint8, shape (n_candidates,)
            The best choice of a quantised pass. Not changed.
        reduced : ndarray of float64, shape (1 + n_attributes, n_segments, n_items)

        Returns
        -------
        chosen : ndarray of uint8, shape (n_candidates,)
        worth : float
            Reduced value of the choice: rounded up, and no less than the best choice's where a search was cut off.
        """
        nothing = np.zeros(0)
        no_rows = LimitRows(
            np.zeros_like(self._scales.ptr), np.zeros(0, np.int32), np.zeros((0, len(reduced))),
            nothing, nothing, nothing, nothing,
        )  # fmt: skip
        chosen = chosen.copy()
        anything = np.full(reduced.shape[1:], LEAVES | COMES, np.uint8)
        search = LocalSearch(
            FILL, self._exact, reduced, reduced, no_rows, anything, nothing, chosen
        )
        while self.engine.improve(search, lambda: False)[0]:
            pass
        cut_off = self.engine.choose_exactly(self._exact, reduced, chosen)
        usage = self._usage(chosen)
        worth = float((reduced * usage).sum() + 1e-12 * np.abs(reduced * usage).sum())
        return chosen, worth + cut_off.slack

    def measure(self, chosen: NDArray[np.uint8], moves: int = 0) -> MeasuredChoice:
        """Compute what a choice comes to, from the problem's attributes.

        Parameters
        ----------
        chosen : ndarray of uint8, shape (n_candidates,)
        moves : int
            Moves that were made to get there.

        Returns
        -------
        MeasuredChoice
        """
        problem = self.problem
        usage = self._usage(chosen)
        activity = problem.rows @ usage.ravel()
        objective = float((problem.objective * usage).sum()) - problem.penalties(activity)
        feasible = problem.keeps_hard_rows(activity, lambda: chosen_positions(chosen))
        return MeasuredChoice(chosen, usage, activity, objective, feasible, moves)

    def activity(self, chosen: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Compute the rows' activities of a choice.

        Parameters
        ----------
        chosen : ndarray of uint8, shape (n_candidates,)

        Returns
        -------
        ndarray of float64, shape (n_rows,)
        """
        return np.asarray(self.problem.rows @ self._usage(chosen).ravel())

    def _usage(self, chosen: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Sum the attributes as given of a choice, (1 + n_attributes, n_segments, n_items)."""
        engine, cells = self.engine, self.problem.objective.shape[1:]
        shard = self.problem.shard
        return chosen_usage(engine.kernels, shard, self._exact, chosen, cells, engine.threads)

    # ---- moves

    def _repair(
        self,
        chosen: NDArray[np.uint8],
        activity: NDArray[np.float64],
        reduced: NDArray[np.float64],
        interrupt: Callable[[], None],
    ) -> int:
        """Move until no hard row is violated, or until that is given up; `chosen` and `activity` are IN/OUT."""
        weight = self._weight.copy()
        moves = 0
        anew = self._options.new_choice_rounds if self.problem.rule_facts.has_constraints else 0

        def is_done() -> bool:
            interrupt()
            return not self._is_violated(activity).any()

        for _ in range(self._options.rounds):
            violated = self._is_violated(activity)
            if not violated.any():
                break
            made, _ = self._improve(REPAIR, reduced, weight, activity, chosen, is_done)
            moves += made
            self.moves += made
            if made == 0 and anew > 0:
                rows = self._rows(weight)
                made = choose_anew(
                    self.problem, self.engine, rows, reduced, chosen, activity, self._options
                )
                moves += made
                anew = anew - 1 if made else 0
            if made == 0:
                weight[violated] *= self._options.weight_growth
        return moves

    def _fill(
        self,
        chosen: NDArray[np.uint8],
        activity: NDArray[np.float64],
        reduced: NDArray[np.float64],
        interrupt: Callable[[], None],
        lacking: float,
    ) -> int:
        """Make moves that gain and violate nothing; `chosen` and `activity` are IN/OUT.

        Ends once they gain what is lacking, and with a round that makes no move, or few of all so far.
        """
        moves = 0
        options, candidates = self._options, self.problem.candidates
        progress = options.fill_progress
        if not np.isfinite(lacking):
            is_large = candidates > options.fill_everything_candidates
            progress = options.large_fill_progress if is_large else 0.0

        def never() -> bool:
            interrupt()
            return False

        for _ in range(self._options.fills):
            made, gain = self._improve(
                FILL, reduced, self._weight, activity, chosen, never, lacking
            )
            lacking -= gain
            if made <= progress * moves or lacking <= 0.0:
                return moves + made
            moves += made
        return moves

    def _improve(
        self,
        mode: int,
        reduced: NDArray[np.float64],
        weight: NDArray[np.float64],
        activity: NDArray[np.float64],
        chosen: NDArray[np.uint8],
        stop: Callable[[], bool],
        enough: float = np.inf,
    ) -> tuple[int, float]:
        """One round of moves; returns how many, and what filling gains by them."""
        helps = self._may_repair(activity) if mode == REPAIR else self._may_gain(activity, reduced)
        if not helps.any():
            return 0, 0.0
        if mode == REPAIR:
            self.rounds, self.helpful = self.rounds + 1, self.helpful + float((helps > 0).mean())
        else:
            self.fills += 1
        objective, rows = self.problem.objective, self._rows(weight)
        search = LocalSearch(mode, self._exact, reduced, objective, rows, helps, activity, chosen)
        return self.engine.improve(search, stop, enough)

    def _rows(self, weight: NDArray[np.float64]) -> LimitRows:
        penalty = np.where(self.problem.hard, 0.0, self.problem.penalty)
        scales = self._scales
        return LimitRows(
            scales.ptr, scales.row, scales.coefficient, self._lower, self._upper, weight, penalty
        )

    def _is_violated(self, activity: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Which hard rows miss their tightened bounds, (n_rows,)."""
        violation = np.maximum(0.0, np.maximum(self._lower - activity, activity - self._upper))
        return violation * self._weight > 0

    # ---- which moves are worth trying

    def _may_repair(self, activity: NDArray[np.float64]) -> NDArray[np.uint8]:
        """For each (segment, item): whether one coupon less or more of it may ease a violated row."""
        scales = self._scales
        over = ((activity > self._upper) & self.problem.hard)[scales.row]
        under = ((activity < self._lower) & self.problem.hard)[scales.row]
        leaves = (over & (scales.most > 0)) | (under & (scales.least < 0))
        comes = (under & (scales.most > 0)) | (over & (scales.least < 0))
        return self._bits(leaves, comes)

    def _may_gain(
        self, activity: NDArray[np.float64], reduced: NDArray[np.float64]
    ) -> NDArray[np.uint8]:
        """For each (segment, item): whether one coupon less or more of it may gain.

        At good prices a gain comes from residual capacity that is paid for: one more of an item with a price, or one
        less of an item with a subsidy, in rows that have room for it, or in which whatever leaves makes room. In small
        campaigns everything is tried.
        """
        problem, scales = self.problem, self._scales
        shape = problem.objective.shape
        if problem.candidates <= self._options.fill_everything_candidates:
            return np.full(shape[1:], LEAVES | COMES, np.uint8)
        paid = ((problem.objective - reduced).reshape(shape[0], -1) * scales.means).sum(0)
        full = (activity + scales.least_in_row > self._upper) & problem.hard
        empty = (activity - scales.least_in_row < self._lower) & problem.hard
        soft = ((problem.violation(activity) > 0) & ~problem.hard)[scales.row]
        narrow = ~scales.is_wide(self._options.wide_row)[scales.row]
        comes, leaves = (
            np.bincount(scales.cell, weights=closed[scales.row] & narrow, minlength=len(paid)) == 0
            for closed in (full, empty)
        )
        bits = self._bits(soft, soft).ravel()
        bits[comes & (paid > 0)] |= COMES
        bits[leaves & (paid < 0)] |= LEAVES
        return bits.reshape(shape[1:])

    def _bits(self, leaves: NDArray[np.bool_], comes: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Bits by (segment, item), from flags of the listed (cell, row) pairs."""
        shape = self.problem.objective.shape[1:]
        bits = np.zeros(shape[0] * shape[1], np.uint8)
        bits[self._scales.cell[leaves]] |= LEAVES
        bits[self._scales.cell[comes]] |= COMES
        return bits.reshape(shape)


def _tightened_bounds(
    problem: Problem, scales: Scales, fixed_activity: NDArray[np.float64] | float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Bounds tightened by what sums of floating-point weights may be off; rows of whole numbers need none."""
    lower, upper = problem.lower.copy(), problem.upper.copy()
    size = np.maximum(
        np.abs(np.where(np.isfinite(lower), lower + fixed_activity, 0.0)),
        np.abs(np.where(np.isfinite(upper), upper + fixed_activity, 0.0)),
    )
    margin = scales.margins(size)
    # what none of whose terms is negative is nothing exactly, or it is not
    margin = np.where(scales.never_negative & (upper == 0) & (lower <= 0), 0.0, margin)
    is_wide = upper - lower > 4 * margin
    lower[is_wide] += margin[is_wide]
    upper[is_wide] -= margin[is_wide]
    return lower, upper
