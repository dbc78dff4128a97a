"""Exchanges of two and three customers' moves, from an allocation in which no single move gains any more.

At good prices the gap is what customers lose against their best choice, and what residual capacity is worth at its
price. Where many limits share few customers the latter is most of it: each limit holds a few coupons, and none that is
left fits into its last bit of room. Two or three moves together fit far better, as one that gives a coupon back makes
room for another one, or for two.

Exchanges are looked for by row, among moves that lose less than the row's residual capacity is worth. All rows look at
once; of their exchanges those that gain most are made, each row and each customer in one of them at most, and the next
round looks at what is left.

References
----------
Ahuja, Ergun, Orlin, Punnen, "A survey of very large-scale neighborhood search techniques", 2002.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...engines.exchanges import Exchanges
from ...engines.protocol import Engine
from ...kernels import FILL, LimitRows, LocalSearch, OpenRows, Rooms
from ...utils.arrays.ragged import ranges
from ..options import ExchangeOptions
from ..problem import Problem
from .repair import MeasuredChoice, Repair


def cells_of_rows(
    rows: LimitRows, is_open: NDArray[np.bool_], shape: tuple[int, ...]
) -> NDArray[np.uint8]:
    """Find the cells whose candidates weigh in some rows.

    Parameters
    ----------
    rows : LimitRows
    is_open : ndarray of bool, shape (n_rows,)
    shape : tuple of int
        Segments and items.

    Returns
    -------
    ndarray of uint8, shape (n_segments, n_items)
    """
    before = np.concatenate([[0], np.cumsum(is_open[rows.row])])
    of_cell = before[rows.ptr[1:]] - before[rows.ptr[:-1]]
    return np.asarray((of_cell > 0).reshape(shape), np.uint8)


class _Changes(NamedTuple):
    """What exchanges move rows by: a pair of an exchange and a row each, by exchange, then by row."""

    exchange: NDArray[np.int64]
    row: NDArray[np.int64]
    moved: NDArray[np.float64]


class ExchangeSearch:
    """Exchanges in one problem, in memory, at some prices.

    Parameters
    ----------
    problem : Problem
    engine : Engine
        Over the problem's candidates.
    repair : Repair
        Of the problem: measures choices, and knows its tightened bounds.
    prices : ndarray of float64, shape (n_rows,)
    options : ExchangeOptions
    """

    def __init__(
        self,
        problem: Problem,
        engine: Engine,
        repair: Repair,
        prices: NDArray[np.float64],
        options: ExchangeOptions,
    ):
        self._problem = problem
        self._engine = engine
        self._repair = repair
        self._options = options
        self._rows = repair.limit_rows
        bound = np.where(prices > 0, self._rows.upper, self._rows.lower)
        self._price = np.where(problem.hard & np.isfinite(bound), prices, 0.0)

    def improve(
        self, choice: MeasuredChoice, missing: float, interrupt: Callable[[], None]
    ) -> MeasuredChoice:
        """Make exchanges while they gain.

        Parameters
        ----------
        choice : MeasuredChoice
            One that is feasible. Not changed.
        missing : float
            Objective that more is wanted of; it ends as soon as that is gained.
        interrupt : callable
            Called before each round; may raise.

        Returns
        -------
        MeasuredChoice
            The choice itself where exchanges cannot gain a fair share of what is missing.
        """
        options = self._options
        chosen, activity = choice.chosen.copy(), choice.activity.copy()
        if missing <= 0.0 or self._idle(activity).sum() < options.idle_share * missing:
            return choice
        gained, moves = 0.0, 0
        for _ in range(options.rounds):
            interrupt()
            found, made = self._round(chosen, activity, missing - gained)
            gained, moves = gained + found, moves + made
            if gained >= missing or found <= options.progress * gained:
                break
        return self._repair.measure(chosen, choice.moves + moves) if moves else choice

    def _room(self, activity: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
        """How much more of each priced row may be used, and how much less."""
        above, below = self._rows.upper - activity, activity - self._rows.lower
        is_used_by_activity = self._price > 0
        room = np.where(is_used_by_activity, above, below)
        back = np.where(is_used_by_activity, below, above)
        return np.maximum(np.where(self._price == 0, 0.0, room), 0.0), np.maximum(back, 0.0)

    def _idle(self, activity: NDArray[np.float64]) -> NDArray[np.float64]:
        """What each row's residual capacity is worth at its price."""
        return np.abs(self._price) * self._room(activity)[0]

    def _round(
        self, chosen: NDArray[np.uint8], activity: NDArray[np.float64], missing: float
    ) -> tuple[float, int]:
        """One round; returns what it gains and the moves that it makes. `chosen` and `activity` are IN/OUT."""
        problem, options = self._problem, self._options
        self._repair.fills += 1  # about as long as a round of filling
        idle = self._idle(activity)
        negligible = options.negligible_share * missing / max(1, int((idle > 0).sum()))
        idle[idle <= negligible] = 0.0
        room, back = self._room(activity)
        rooms = Rooms(room, back, options.least_share * idle, options.enough_share * idle)
        search = LocalSearch(
            FILL,
            problem.exact,
            problem.objective,
            problem.objective,
            self._rows,
            cells_of_rows(self._rows, idle > 0, problem.objective.shape[1:]),
            activity,
            chosen,
        )
        found = self._engine.exchanges(search, OpenRows(self._price, idle), rooms, options.width)
        exchange = np.flatnonzero(found.gained > 0)
        exchange = exchange[np.argsort(-found.gained[exchange], kind="stable")]
        changes = self._changes(found, exchange)
        exchange, changes = _kept(exchange, changes, self._are_kept(activity, changes, exchange))
        is_made = _apart(found, exchange, changes)
        exchange, changes = _kept(exchange, changes, is_made)
        made = found.picked[exchange]
        made = made[made >= 0]
        leaving, into = found.moves.leaving[made], found.moves.into[made]
        chosen[leaving[leaving >= 0]] = 0
        chosen[into[into >= 0]] = 1
        activity[changes.row] += changes.moved  # each row is in one exchange
        return float(found.gained[exchange].sum()), len(made)

    def _changes(self, found: Exchanges, exchange: NDArray[np.int64]) -> _Changes:
        """What exchanges move rows by."""
        which, slot = np.nonzero(found.picked[exchange] >= 0)
        move = found.picked[exchange][which, slot]
        row, moved, of_exchange = [], [], []
        for candidate, sign in ((found.moves.leaving[move], -1.0), (found.moves.into[move], 1.0)):
            is_one = candidate >= 0
            at = candidate[is_one]
            cell = self._problem.cells(at)
            first, count = self._rows.ptr[cell], np.diff(self._rows.ptr)[cell]
            entry, at = ranges(first, count), np.repeat(at, count)
            weight = self._rows.coefficient[entry, 0].copy()
            for c, attribute in enumerate(self._problem.exact):
                weight += self._rows.coefficient[entry, 1 + c] * attribute[at]
            row.append(self._rows.row[entry].astype(np.int64))
            moved.append(sign * weight)
            of_exchange.append(np.repeat(which[is_one], count))
        key = np.concatenate(of_exchange) * len(self._price) + np.concatenate(row)
        key, place = np.unique(key, return_inverse=True)
        weights = np.concatenate(moved, dtype=np.float64)
        total = np.asarray(np.bincount(place, weights=weights, minlength=len(key)), np.float64)
        return _Changes(key // len(self._price), key % len(self._price), total)

    def _are_kept(
        self, activity: NDArray[np.float64], changes: _Changes, exchange: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Which exchanges violate no row more than it is: each of their moves keeps the other rows by itself only."""
        lower, upper = self._rows.lower[changes.row], self._rows.upper[changes.row]
        before = activity[changes.row]
        after = before + changes.moved
        beyond = np.maximum(after - upper, lower - after)
        is_worse = beyond > np.maximum(0.0, np.maximum(before - upper, lower - before))
        return np.asarray(np.bincount(changes.exchange[is_worse], minlength=len(exchange)) == 0)


def _kept(
    exchange: NDArray[np.int64], changes: _Changes, is_kept: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], _Changes]:
    """Some of the exchanges, and their changes by their new places."""
    place = np.cumsum(is_kept) - 1
    part = is_kept[changes.exchange]
    left = _Changes(place[changes.exchange[part]], changes.row[part], changes.moved[part])
    return exchange[is_kept], left


def _apart(found: Exchanges, exchange: NDArray[np.int64], changes: _Changes) -> NDArray[np.bool_]:
    """Which exchanges to make, the first ones first, so that no two of them have a row or a customer in common.

    In a few sweeps: each takes the exchanges that come first at all their rows and customers, and puts those aside that
    have anything in common with one of them. What the last one leaves over waits for the next round.
    """
    picked = found.picked[exchange]
    which, slot = np.nonzero(picked >= 0)
    customer = found.moves.customer[picked[which, slot]]
    owner = np.concatenate([changes.exchange, which])
    rows = int(changes.row.max(initial=-1)) + 1
    _, claim = np.unique(np.concatenate([changes.row, rows + customer]), return_inverse=True)
    order = np.argsort(owner, kind="stable")
    owner, claim = owner[order], claim[order]
    is_made = np.zeros(len(exchange), np.bool_)
    claims = int(claim.max(initial=-1)) + 1
    for _ in range(SWEEPS):
        first = np.full(claims, len(exchange))
        first[claim[::-1]] = owner[::-1]  # the last one written is the first one that claims it
        is_first = np.bincount(owner[first[claim] == owner], minlength=len(exchange))
        is_next = (is_first == np.bincount(owner, minlength=len(exchange))) & (is_first > 0)
        is_made |= is_next
        is_taken = np.zeros(claims, np.bool_)
        is_taken[claim[is_next[owner]]] = True
        is_left = np.bincount(owner[is_taken[claim]], minlength=len(exchange)) == 0
        owner, claim = owner[is_left[owner]], claim[is_left[owner]]
    return is_made


SWEEPS = 4
"""Sweeps over a round's exchanges: the fourth hardly finds any that the first three left."""
