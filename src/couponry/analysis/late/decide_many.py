"""Decides many late customers at once: by one pass, or, where that comes to more than there is, at higher prices."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...engines.subset import customers_of, positions_of
from ...utils.process.cached_property import cached_property
from ...utils.progress.watch import check_cancelled
from .batch import LateBatch
from .charges import Use, subtracted
from .demand import LateMarket, Priced
from .late_input import late_input
from .scarcity import raised_prices

DECIDED_TOGETHER = 1 << 12
"""Customers who are decided one after another before others may use the room: some milliseconds."""

FEW_COUPONS = 1 << 14
"""Coupons that it takes no longer than some passes to decide on one after another."""

MISSED_COUPONS = 1 << 18
"""Coupons that were wanted and not given, at most, where those who miss them choose of what is left over."""

FILLED = 1 << 13
"""Customers, at most, who do."""

RAISES = 6
"""Times, at most, that prices are raised once more for those to be few who are decided one after another."""

RAISE = 0.01
"""Share of their prices by which those of rows are raised then that are asked for more than they have; it doubles."""

EASINGS = 8
"""Halvings by which the least rise is found that is enough, among few customers: any of a wide range may be."""


@dataclass(frozen=True, eq=False)
class Choice:
    """What late customers are given.

    Attributes
    ----------
    flags : ndarray of bool, shape (n_candidates,)
        Which candidates that is.
    use : Use
        What they use.
    wanted : ndarray of bool, shape (n_candidates,)
        What would have been given, had there been room.
    refused_by : ndarray of int32, shape (n_candidates,) or (0,)
        The row that had none, where it is known of a candidate; -1: it is not.
    raised : ndarray of float64, shape (n_rows,)
        By how much prices were raised.
    dearest : ndarray of int64, shape (n_kinds, n_items) or (0, 0)
        The row whose price was raised most for a coupon; -1: none was.
    """

    flags: NDArray[np.bool_]
    use: Use
    wanted: NDArray[np.bool_]
    refused_by: NDArray[np.int32]
    raised: NDArray[np.float64]
    dearest: NDArray[np.int64]

    @cached_property
    def chosen(self) -> NDArray[np.int64]:
        """Positions of the candidates, ascending, shape (n_chosen,)."""
        return np.flatnonzero(self.flags)

    def refused(self, batch: LateBatch) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """List what would have been given, had there been room, by position, and the row that had none.

        Parameters
        ----------
        batch : LateBatch
            Whose candidates they are.

        Returns
        -------
        positions, rows : ndarray of int64, shape (n_refused,)
        """
        at = np.flatnonzero(self.wanted & ~self.flags)
        if len(at) == 0:
            return at, at
        by, item = self.refused_by[at].astype(np.int64), batch.item[batch.place][at]
        kind = np.zeros(len(at), np.int64) if len(batch.kinds) == 1 else batch.kinds_at(at)
        by = np.where(by >= 0, by, self.dearest[kind, item])
        return at[by >= 0], by[by >= 0]


class BulkDecision:
    """Decides a batch, at its room's expense.

    Parameters
    ----------
    market : LateMarket
    """

    def __init__(self, market: LateMarket):
        self._market = market
        self._batch, self._charges, self._room = market.batch, market.charges, market.room
        self._flags = np.zeros(0, bool)  # what is given so far, where not all at once are decided
        self._refused_by = np.zeros(0, np.int32)
        self._use = market.charges.nothing()
        self._undecided = np.zeros(0, np.int64)

    def run(self) -> Choice:
        """Decide, and use the room.

        Returns
        -------
        Choice
        """
        priced = self._market.priced()
        demand = self._market.demand(priced)
        wanted, self._undecided = demand.flags, demand.undecided
        raised, dearest = np.zeros(len(self._charges.unit)), np.zeros((0, 0), np.int64)
        has_room = self._room.take(demand.use)
        if has_room and len(self._undecided) == 0:
            return self._choice(wanted, demand.use, wanted, raised, dearest)
        self._flags = wanted & has_room
        self._refused_by = np.full(len(wanted), -1, np.int32)
        if has_room:
            self._add(demand.use)
        else:
            if len(self._batch.number) > 1:
                raised = self._decide_at_higher_prices()
            self._fill(wanted, raised)
            dearest = self._dearest(raised)
        self._one_after_another(self._undecided, priced)
        return self._choice(self._flags, self._use, wanted, raised, dearest)

    def _choice(
        self,
        flags: NDArray[np.bool_],
        use: Use,
        wanted: NDArray[np.bool_],
        raised: NDArray[np.float64],
        dearest: NDArray[np.int64],
    ) -> Choice:
        """What is given, of the candidates alone."""
        flags, wanted = self._batch.decided(flags), self._batch.decided(wanted)
        by = self._refused_by
        by = self._batch.decided(by) if len(by) else by
        return Choice(flags, use, wanted, by, raised, dearest)

    # ---- higher prices

    def _decide_at_higher_prices(self) -> NDArray[np.float64]:
        """Decide at prices at which about as much is asked for as there is; by how much they are raised.

        Whoever asks for nothing of a row that is asked for too much gets its choice at once, the others one after
        another, those first whose choice is worth most.
        """
        batch, market = self._batch, self._market
        raised = raised_prices(market)
        if len(batch.number) <= DECIDED_TOGETHER:
            raised = self._eased(raised)
        for attempt in range(RAISES):
            priced = market.priced(raised)
            demand = market.demand(priced)
            over = self._room.overdrawn(demand.use)
            cells = market.cells_of(over[self._charges.row])
            if demand.coupons[cells].sum() <= FEW_COUPONS:
                break
            raised[over] *= 1.0 + RAISE * 2.0**attempt
        self._undecided = np.union1d(self._undecided, demand.undecided)
        asks = np.flatnonzero(demand.flags & np.asarray(cells.any(axis=0))[batch.item])
        asks = asks[cells[batch.kinds_at(asks), batch.item[asks]]]
        theirs = positions_of(batch.indptr, np.unique(batch.customer_of(asks)))
        chosen = theirs[demand.flags[theirs]]
        rest = subtracted(demand.use, market.use_of(chosen))
        if self._room.take(rest):
            self._flags[:] = demand.flags
            self._flags[theirs] = False
            self._add(rest)
        else:  # some of them make up for what others use
            chosen = np.flatnonzero(demand.flags)
        worth = market.values(priced, chosen)
        self._one_after_another(_by_worth(batch.customer_of(chosen), worth, np.add), priced)
        return raised

    def _eased(self, raised: NDArray[np.float64]) -> NDArray[np.float64]:
        """The least share of a rise, about, at which there is enough; all of it where that is too little."""
        low, high = 0.0, 1.0
        if not self._is_enough(raised):
            return raised
        for _ in range(EASINGS):
            middle = 0.5 * (low + high)
            low, high = (low, middle) if self._is_enough(middle * raised) else (middle, high)
        return high * raised

    def _is_enough(self, raised: NDArray[np.float64]) -> bool:
        """Whether no row is asked for more than it has at raised prices."""
        demand = self._market.demand(self._market.priced(raised))
        return not self._room.overdrawn(demand.use).any()

    def _dearest(self, raised: NDArray[np.float64]) -> NDArray[np.int64]:
        """The row whose price was raised most for a coupon, by kind of customer and item; -1: none was."""
        charges, covers = self._charges, self._batch.covers
        rise = raised[charges.row] * charges.of_coupon / charges.unit[charges.row]
        pairs = np.argsort(rise, kind="stable")
        pairs = pairs[rise[pairs] > 0]
        dearest = np.full((len(covers), self._batch.terms.n_items), -1)
        for kind, of_kind in enumerate(covers):
            mine = pairs[of_kind[charges.row[pairs]]]
            dearest[kind, charges.item[mine]] = charges.row[mine]  # the last of several counts
        return dearest

    # ---- one customer after another

    def _fill(self, wanted: NDArray[np.bool_], raised: NDArray[np.float64]) -> None:
        """Let whoever misses coupons choose of what is left over; first whose are nearest to being worth it."""
        batch, market = self._batch, self._market
        missed = np.flatnonzero(wanted & ~self._flags)
        if len(missed) > MISSED_COUPONS:
            return
        worth = market.values(market.priced(raised), missed)
        customers = _by_worth(batch.customer_of(missed), worth, np.maximum)
        self._one_after_another(customers[:FILLED], market.priced())

    def _one_after_another(self, customers: NDArray[np.int64], priced: Priced) -> None:
        """Give each of some customers its best choice of what is left then."""
        batch, room, backend = self._batch, self._room, self._batch.terms.backend
        charges = self._charges.kernel_charges(batch.covers)
        before = self._charges.nothing()
        for start in range(0, len(customers), DECIDED_TOGETHER):
            check_cancelled()
            some = customers[start : start + DECIDED_TOGETHER]
            shard, rules = customers_of(self._market.shard, batch.rules, some, backend)
            at = positions_of(batch.indptr, some)
            tables, exact = (priced.price, priced.reduced), batch.exact(at)
            late = late_input(batch.terms, shard, rules, exact, tables, charges, room)
            own = batch.is_own
            keeps = self._flags[at] if own is None else self._flags[at] & own[at]
            late.choice.given[keeps] = 2  # they keep what they have
            with room.lock:
                before.used[:], before.error[:] = room.account.used, room.account.error
                backend.unchecked.decide(late, 0, len(some))
                used = subtracted(Use(room.account.used, room.account.error), before)
            self._add(used)
            self._flags[at] = late.choice.given > 0
            self._refused_by[at] = late.choice.refused_by

    def _add(self, use: Use) -> None:
        for sums, more in zip(self._use, use, strict=True):
            sums += more


def _by_worth(
    whose: NDArray[np.int64], worth: NDArray[np.float32], of_several: np.ufunc
) -> NDArray[np.int64]:
    """Customers by what their candidates are worth, the largest first; then by number."""
    customers, first = np.unique(whose, return_index=True)
    if len(customers) == 0:
        return customers
    total = of_several.reduceat(worth.astype(np.float64), first)
    return customers[np.argsort(-total, kind="stable")]
