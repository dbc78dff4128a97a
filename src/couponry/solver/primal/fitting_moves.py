"""Two to four customers' moves that come together to what a corridor lacks.

Where a limit's bounds are nearer to each other than what one coupon weighs, a sum of money that is to be met to the
cent, say, no single move ends within them, and repair stops a little off. There are as many pairs of moves as the
square of the moves, and as many pairs of pairs as that squared: what they change the sum by lies so close together that
some end within almost any corridor. Moves are put into the order of what they change the sum by. Those that go with one
of them are a range of that order, and the same holds for pairs of moves (Horowitz and Sahni 1974). Of all that end
within the corridor and keep the other limits those are made that gain most.

The same moves make an allocation better that is within the corridor already.

References
----------
Horowitz, Sahni, "Computing partitions with applications to the knapsack problem", 1974.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...engines.exchanges import single_moves
from ...engines.protocol import Engine
from ...kernels import FILL, LocalSearch, OpenRows
from ...utils.arrays.ragged import ranges
from ...utils.lazy_imports import sparse as sp
from ..linear_terms import terms_by_candidate
from ..options import FittingOptions
from ..problem import Problem
from .exchange import cells_of_rows
from .repair import MeasuredChoice, Repair

ROUNDING = 2.0**-48
"""Share of a row's activity, or of the largest change, by which changes stay away from bounds: sums are rounded."""


def narrow_rows(
    problem: Problem, per_coupon: NDArray[np.float64], options: FittingOptions
) -> NDArray[np.int64]:
    """Find the hard rows whose bounds are nearer to each other than what a typical coupon weighs.

    But for sums of whole numbers: of these there are few, which single moves and HiGHS meet.

    Parameters
    ----------
    problem : Problem
    per_coupon : ndarray of float64, shape (n_rows,)
        Weights under which a typical coupon's weight in a row counts as 1; 0: the row is left aside.
    options : FittingOptions

    Returns
    -------
    ndarray of int64
        Their numbers.
    """
    asked = np.flatnonzero((per_coupon > 0) & problem.hard & ~problem.integer)
    width = (problem.upper[asked] - problem.lower[asked]) * per_coupon[asked]
    return np.asarray(asked[width < options.narrow])


class _Window(NamedTuple):
    """What changes may come to in a row."""

    low: float
    high: float


class _CustomerMoves(NamedTuple):
    """Changes of one customer's choice each, in the order of what they change a row by.

    customer : int64 (n). signs : CSR (n, n_candidates), 1 for what comes, -1 for what leaves. moved : CSR (n, n_rows),
    what rows change by. use, gain : float64 (n), what the row and the objective change by. worth : float64 (n), gain
    less what is used of the row at its price.
    """

    customer: NDArray[np.int64]
    signs: sp.csr_array
    moved: sp.csr_array
    use: NDArray[np.float64]
    gain: NDArray[np.float64]
    worth: NDArray[np.float64]


class _Sets(NamedTuple):
    """Sets of one or two changes of different customers, in the order of what they change a row by.

    member : int64 (n, 1 or 2), -1 for none. use, worth : float64 (n), of each set.
    """

    member: NDArray[np.int64]
    use: NDArray[np.float64]
    worth: NDArray[np.float64]

    @classmethod
    def of(cls, changes: _CustomerMoves, member: NDArray[np.int64]) -> _Sets:
        use = np.where(member >= 0, changes.use[member], 0.0).sum(axis=1)
        worth = np.where(member >= 0, changes.worth[member], 0.0).sum(axis=1)
        order = np.argsort(use, kind="stable")
        return cls(member[order], use[order], worth[order])


class FittingMoves:
    """Changes of a few customers that end within corridors, in one problem, in memory, at some prices.

    Parameters
    ----------
    problem : Problem
    engine : Engine
        Over the problem's candidates.
    repair : Repair
        Of the problem: measures choices, and knows its tightened bounds.
    prices : ndarray of float64, shape (n_rows,)
    options : FittingOptions
    """

    def __init__(
        self,
        problem: Problem,
        engine: Engine,
        repair: Repair,
        prices: NDArray[np.float64],
        options: FittingOptions,
    ):
        self._problem = problem
        self._engine = engine
        self._repair = repair
        self._prices = prices
        self._options = options
        self._rows = repair.limit_rows
        self._narrow = narrow_rows(problem, self._rows.weight, options)
        self._objective, self._weights = terms_by_candidate(problem)

    def fit(self, choice: MeasuredChoice, interrupt: Callable[[], None]) -> MeasuredChoice:
        """Make changes that end within the corridors that a choice misses.

        Parameters
        ----------
        choice : MeasuredChoice
            Not changed.
        interrupt : callable
            Called before each search; may raise.

        Returns
        -------
        MeasuredChoice
            One that misses fewer rows, or the same one.
        """
        missed = self._beyond(choice.activity) > 0
        for row in self._narrow[missed[self._narrow]]:
            found = self._best(choice, int(row), -np.inf, 0, interrupt)
            if found is not None:
                choice = self._repair.measure(found, choice.moves + 1)
        return choice

    def improve(
        self, choice: MeasuredChoice, enough: float, firsts: int, interrupt: Callable[[], None]
    ) -> MeasuredChoice:
        """Make changes that gain and end within the corridors again, while there are any.

        Parameters
        ----------
        choice : MeasuredChoice
            One that keeps all hard rows. Not changed.
        enough : float
            Objective that ends it.
        firsts : int
            Changes, one after the other, that others are looked for together with, where none gain without.
        interrupt : callable
            Called before each search; may raise.

        Returns
        -------
        MeasuredChoice
        """
        rows, idle = self._narrow, 0
        for k in range(self._options.rounds * len(rows)):
            if choice.objective >= enough or idle == len(rows):
                break
            found = self._best(choice, int(rows[k % len(rows)]), 0.0, firsts, interrupt)
            better = None if found is None else self._repair.measure(found, choice.moves + 1)
            idle += 1
            if better is not None and better.feasible and better.objective > choice.objective:
                choice, idle = better, 0
        return choice

    def _best(
        self,
        choice: MeasuredChoice,
        row: int,
        least: float,
        firsts: int,
        interrupt: Callable[[], None],
    ) -> NDArray[np.uint8] | None:
        """The choice after changes that gain more than `least`, as much as can be; None where there are none."""
        changes, before = self._changes(choice, row), float(choice.activity[row])
        rounding = ROUNDING * max(abs(before), float(np.abs(changes.use).max(initial=0.0)))
        window = _Window(
            self._rows.lower[row] - before + rounding, self._rows.upper[row] - before - rounding
        )
        if len(changes.use) == 0 or window.low > window.high:
            return None
        # together they gain what they are worth, and what they use of the row at its price, which is at most this
        of_use = float(max(self._prices[row] * window.low, self._prices[row] * window.high))
        best = np.argsort(-changes.worth, kind="stable")
        alone = _Sets.of(changes, np.arange(len(best))[:, None])
        pairs = _Sets.of(changes, _alone_and_in_pairs(changes, best[: self._options.paired]))
        tries = [
            (alone, best[:0]),
            (pairs, best[:0]),
            *((pairs, first) for first in best[:firsts, None]),
        ]
        found, gained = None, least
        for k, (sets, first) in enumerate(tries):
            if found is not None and k >= 2:
                break
            interrupt()
            together = _together(changes, sets, first, window, gained - of_use, self._options)
            better = self._best_that_fits(choice, row, changes, together, gained)
            if better is not None:
                found, gained = better
        if found is None:
            return None
        changed = np.asarray(changes.signs[found[found >= 0]].sum(axis=0)).ravel()
        return np.asarray(choice.chosen + changed.astype(np.int8), np.uint8)

    def _changes(self, choice: MeasuredChoice, row: int) -> _CustomerMoves:
        """Changes of single customers that change a row, and violate no other hard one more than it is."""
        customer, signs = self._single_moves(choice, row)
        moved = sp.csr_array(signs @ self._weights)
        use = moved[:, [row]].toarray().ravel()
        gain = signs @ self._objective - self._penalties(choice.activity, moved)
        worth = gain - self._prices[row] * use
        best = np.argsort(-worth, kind="stable")[: self._options.moves]
        best = best[np.argsort(use[best], kind="stable")]
        return _CustomerMoves(
            customer[best], signs[best], moved[best], use[best], gain[best], worth[best]
        )

    def _single_moves(
        self, choice: MeasuredChoice, row: int
    ) -> tuple[NDArray[np.int64], sp.csr_array]:
        """Single moves, by customer: whose they are, and what comes and leaves."""
        problem, rows = self._problem, self._rows
        is_row = np.arange(len(self._prices)) == row
        search = LocalSearch(
            FILL,
            problem.exact,
            problem.objective,
            problem.objective,
            rows._replace(penalty=np.zeros(len(rows.penalty))),
            cells_of_rows(rows, is_row, problem.objective.shape[1:]),
            choice.activity,
            choice.chosen,
        )
        anything = OpenRows(is_row.astype(np.float64), np.where(is_row, np.inf, 0.0))
        engine = self._engine
        listed = single_moves(
            engine.kernels, problem.shard, problem.rules, engine.threads, search, anything
        )
        at = np.column_stack([listed.leaving, listed.into])
        move, place = np.nonzero(at >= 0)
        signs = sp.csr_array(
            (np.where(place == 0, -1.0, 1.0), (move, at[move, place])),
            shape=(len(at), problem.candidates),
        )
        return listed.customer, signs

    def _penalties(self, activity: NDArray[np.float64], moved: sp.csr_array) -> NDArray[np.float64]:
        """What changes add to the penalties of soft rows, (n)."""
        entries = moved.tocoo()
        which, row = entries.coords
        of_row, before = self._rows.penalty[row], activity[row]
        more = self._beyond(before + entries.data, row) - self._beyond(before, row)
        return np.bincount(which, of_row * more, minlength=moved.shape[0]).astype(np.float64)

    def _beyond(
        self, activity: NDArray[np.float64], row: NDArray[np.integer] | slice = slice(None)
    ) -> NDArray[np.float64]:
        """What rows are beyond their bounds by."""
        lower, upper = self._rows.lower[row], self._rows.upper[row]
        return np.asarray(np.maximum(0.0, np.maximum(lower - activity, activity - upper)))

    def _best_that_fits(
        self,
        choice: MeasuredChoice,
        row: int,
        changes: _CustomerMoves,
        together: NDArray[np.int64],
        least: float,
    ) -> tuple[NDArray[np.int64], float] | None:
        """Of some sets of changes, (n, m), the one that gains most, and more than `least`, and keeps the other rows.

        It violates no hard row more than it is, and not the row at all.
        """
        gain = np.where(together >= 0, changes.gain[together], 0.0).sum(axis=1)
        together = together[np.argsort(-gain, kind="stable")[: self._options.tried]]
        if len(together) == 0:
            return None
        which, place = np.nonzero(together >= 0)
        shape = len(together), len(changes.use)
        made = sp.csr_array((np.ones(len(which)), (which, together[which, place])), shape=shape)
        before = self._beyond(choice.activity)
        after = self._beyond(choice.activity + (made @ changes.moved).toarray())
        allowed = np.where(self._rows.weight > 0, before, np.inf)
        allowed[row] = 0.0
        gain = made @ (changes.signs @ self._objective) - (after - before) @ self._rows.penalty
        gain[(after > allowed).any(axis=1)] = -np.inf
        best = int(np.argmax(gain))
        return (together[best], float(gain[best])) if gain[best] > least else None


def _alone_and_in_pairs(changes: _CustomerMoves, paired: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each change by itself, and pairs of some, (n, 2): -1 for none."""
    one, other = (paired[k] for k in np.triu_indices(len(paired), 1))
    apart = changes.customer[one] != changes.customer[other]
    alone = np.arange(len(changes.use))
    return np.concatenate(
        [
            np.column_stack([alone, np.full(len(alone), -1)]),
            np.column_stack([one[apart], other[apart]]),
        ]
    )


def _together(
    changes: _CustomerMoves,
    sets: _Sets,
    first: NDArray[np.int64],
    window: _Window,
    least: float,
    options: FittingOptions,
) -> NDArray[np.int64]:
    """Two sets of changes each, and the first one, that end in the window and may be worth more than `least`, (n, m).

    first : of one change, or none. Of the sets that are worth most, where too many end in the window.
    """
    low, high = (side - changes.use[first].sum() for side in window)
    lacking = least - changes.worth[first].sum()
    fit = np.flatnonzero(sets.worth > lacking - sets.worth.max())
    while True:
        use = sets.use[fit]
        begin = np.searchsorted(use, low - use, side="left")
        begin = np.maximum(begin, np.arange(1, len(fit) + 1))
        count = np.maximum(0, np.searchsorted(use, high - use, side="right") - begin)
        if count.sum() <= options.pairs:
            break
        fit = fit[np.sort(np.argsort(-sets.worth[fit], kind="stable")[: len(fit) // 2])]
    one, other = fit[np.repeat(np.arange(len(fit)), count)], fit[ranges(begin, count)]
    kept = sets.worth[one] + sets.worth[other] > lacking
    one, other = one[kept], other[kept]
    firsts = (np.full(len(one), each) for each in first)
    together = np.column_stack([sets.member[one], sets.member[other], *firsts])
    nobody = -1 - np.arange(together.shape[1])
    customer = np.sort(np.where(together >= 0, changes.customer[together], nobody), axis=1)
    return np.asarray(together[(np.diff(customer, axis=1) > 0).all(axis=1)])
