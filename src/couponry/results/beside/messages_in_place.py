"""What a backup's message costs in the place of a coupon's, where messages cost something."""

from __future__ import annotations

import numpy as np

from ...model.compiling.messages.message_costs import MessageCosts
from .ranked_backups import PricedBlock, Ranked


class MessagesInPlace:
    """Messages of a block of units, of whom each is given coupons and what refunds are left.

    A coupon that falls out gives back its unit's last message under each rule that it counts in, and a backup that
    counts there, too, costs as much. Where the coupon does not count, the backup fits only if one message more costs
    nothing: refunds take the room that is left.

    Parameters
    ----------
    costs : MessageCosts
    first : int
        First unit of the block.
    block : PricedBlock
        Candidates and refunds.
    """

    def __init__(self, costs: MessageCosts, first: int, block: PricedBlock):
        self._costs, self._block = costs, block
        indptr = block.shard.indptr
        place = np.arange(len(block.chosen)) - np.repeat(indptr[:-1], np.diff(indptr))
        own = np.diff(indptr) - costs.n_refunds
        self._unit = np.repeat(np.arange(len(own)), np.diff(indptr))
        self._is_refund = place >= own[self._unit]
        self._first = first

    def priced(self) -> PricedBlock:
        """The block with what each candidate is worth less what its message costs, and the refunds that coupons leave.

        A refund is worth less than all others, and not taken where it is worth nothing: a message more then is free.

        Returns
        -------
        PricedBlock
        """
        block, costs = self._block, self._costs
        value, chosen = block.value.copy(), block.chosen.copy()
        chosen[self._is_refund] = 0
        units = slice(self._first, self._first + len(block.shard.indptr) - 1)
        given = chosen != 0
        for rule in costs.rules:
            counts = (costs.group(rule)[block.shard.item] >= 0) & ~self._is_refund
            messages = np.bincount(self._unit[counts & given], minlength=units.stop - units.start)
            value[counts] -= rule.last(units, messages)[self._unit[counts]]
            left = rule.left(units, messages) & (rule.costs_of(units) > 0.0)
            refund = (
                block.shard.indptr[1:, None]
                - costs.n_refunds
                + rule.first
                + np.arange(rule.messages)
            )
            chosen[refund[left]] = 1
        value[self._is_refund] = -np.finfo(np.float64).max
        return block._replace(value=value, chosen=chosen)

    def without_refunds(self, ranked: Ranked, most: int) -> Ranked:
        """Leave refunds out, and backups that would take the place of refunds alone.

        Parameters
        ----------
        ranked : Ranked
            Candidates and refunds of the block.
        most : int
            Backups of a unit, at most.

        Returns
        -------
        Ranked
            Candidates and refunds of the block, likewise.
        """
        row = np.repeat(np.arange(len(ranked.at)), np.diff(ranked.ptr))
        real = ~self._is_refund[ranked.at][row] & ~self._is_refund[ranked.coupon]
        places = np.bincount(row[real], minlength=len(ranked.at))
        kept = np.flatnonzero(places)
        unit = self._unit[ranked.at[kept]]
        rank = 1 + np.arange(len(kept)) - np.searchsorted(unit, unit)
        within = rank <= most
        kept = kept[within]
        coupon = ranked.coupon[real & np.isin(row, kept)]
        ptr = np.append(0, np.cumsum(places[kept]))
        return Ranked(ranked.at[kept], rank[within].astype(np.uint8), ptr, coupon)

    def among_candidates(self, ranked: Ranked) -> Ranked:
        """Say where backups are among the candidates of the block, refunds not counted.

        Parameters
        ----------
        ranked : Ranked
            Candidates and refunds of the block.

        Returns
        -------
        Ranked
            Candidates of the block.
        """
        before = self._costs.n_refunds * self._unit
        return ranked._replace(
            at=ranked.at - before[ranked.at], coupon=ranked.coupon - before[ranked.coupon]
        )
