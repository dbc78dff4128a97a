"""A rule that puts pairs of offers in conflict, read for all customers: the pairs, and what customers have had."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...data.where.days import Days, days_of_offers
from ...model.conflicts import pairs_of
from ...model.rules import CustomerRule
from ..block import Block
from ..inputs import Inputs
from ..rounding import Integers, Mask
from .bounded_rule import matches


@dataclass(frozen=True)
class ConflictPairs:
    """A rule about pairs of offers.

    Attributes
    ----------
    rule : CustomerRule
    one, other : ndarray of int64, shape (n_pairs,)
        Rows of offers that are in conflict, both ways, by the first.
    forth : ndarray of bool, shape (n_pairs,)
        Whether the first is the rule's `offer_a`.
    days : Days or None
        Of the offers, where the rule asks for them.
    n_offers : int
    inside : ndarray of bool, shape (n_units,)
        Units that the rule is about; customers where it holds for each.
    had : ndarray of int64, shape (n_had,)
        Ascending keys (customer * n_offers + offer) of coupons of the history that count.
    had_day : ndarray of int64, shape (n_had,)
        Their days, where the rule asks for them.
    """

    rule: CustomerRule
    one: Integers
    other: Integers
    forth: Mask
    days: Days | None
    n_offers: int
    inside: Mask
    had: Integers
    had_day: Integers

    def of_block(self, block: Block) -> ConflictPairs:
        """Return the rule for the customers of a block.

        Parameters
        ----------
        block : Block

        Returns
        -------
        ConflictPairs
            Customers count from the block's first.
        """
        theirs = block.holders(self.rule)
        own = slice(
            *np.searchsorted(self.had, np.array([theirs.start, theirs.stop]) * self.n_offers)
        )
        had = self.had[own] - theirs.start * self.n_offers
        inside = self.inside[theirs]
        return replace(self, inside=inside, had=had, had_day=self.had_day[own])

    def against(self, customer: Integers, offer: Integers) -> tuple[Integers, Integers]:
        """Find the offers that some coupons are in conflict with.

        Parameters
        ----------
        customer, offer : ndarray of int64, shape (n,)
            Of each coupon.

        Returns
        -------
        which, other : ndarray of int64, shape (n_pairs,)
            A coupon, and an offer that its customer must not have beside it.
        """
        which, place = matches(self.one, offer)
        other = self.other[place]
        apart = self.inside[customer[which]]
        if self.days is not None:
            day, known = self.days.day, self.days.known
            mine = offer[which]
            near = self._near(day[mine], day[other], self.forth[place])
            apart = apart & known[mine] & known[other] & near
        return which[apart], other[apart]

    def barred(self, customer: Integers, offer: Integers) -> Mask:
        """Tell which coupons are in conflict with what their customers have had.

        Parameters
        ----------
        customer, offer : ndarray of int64, shape (n,)
            Of each coupon.

        Returns
        -------
        ndarray of bool, shape (n,)
        """
        found = np.zeros(len(offer), bool)
        which, place = matches(self.one, offer)
        inside = self.inside[customer[which]]
        which, place = which[inside], place[inside]
        other = self.other[place]
        coupon, row = matches(self.had, customer[which] * self.n_offers + other)
        which = which[coupon]
        if self.days is not None:
            mine = offer[which]
            near = self._near(self.days.day[mine], self.had_day[row], self.forth[place[coupon]])
            which = which[near & self.days.known[mine]]
        found[which] = True
        return found

    def _near(self, day: Integers, other_day: Integers, forth: Mask) -> Mask:
        """Whether offers of these days are in conflict; forth: those of `day` are `offer_a`."""
        near = np.ones(len(day), bool)
        if self.rule.within is not None:
            near = np.maximum(day, other_day) - np.minimum(day, other_day) <= self.rule.within
        if self.rule.ordered:
            near &= np.where(forth, day <= other_day, other_day <= day)
        return near


def conflict_pairs(rule: CustomerRule, inputs: Inputs) -> ConflictPairs:
    """Read a rule about pairs of offers.

    Parameters
    ----------
    rule : CustomerRule
    inputs : Inputs
        The tables of the campaign.

    Returns
    -------
    ConflictPairs
        For all customers.
    """
    a, b = pairs_of(rule, inputs.offers)
    both = [np.concatenate([a, b]), np.concatenate([b, a]), np.arange(2 * len(a)) < len(a)]
    one, other, forth = np.unique(np.stack(both), axis=1)
    inside = np.ones(inputs.data.n_units if rule.each is None else len(inputs.customer_ids), bool)
    if rule.customers:
        inside = inputs.customers.scope_of(rule)
    history, width = inputs.history, len(inputs.offers)
    row = np.flatnonzero(history.where(rule) & (history.offer >= 0))
    days, had_day = None, np.zeros(len(row), np.int64)
    if rule.measures_days:
        days = days_of_offers(inputs.offers, rule.label)
        when = history.days(days, rule.label).take(row)
        row, had_day = row[when.known], when.day[when.known]
    had = history.whose(rule)[row] * width + history.offer[row]
    order = np.argsort(had, kind="stable")
    return ConflictPairs(
        rule, one, other, forth.astype(bool), days, width, inside, had[order], had_day[order]
    )
