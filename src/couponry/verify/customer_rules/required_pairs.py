"""A rule that says which offers require others, read for all customers, and who has one without what it requires."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ...data.where.days import DAY, Days, days_of_offers
from ...model.compiling.row_rules.requirements import ANY_TIME, RequiredPairs, required_pairs
from ...model.rules import CustomerRule
from ..block import Block
from ..inputs import Inputs
from ..rounding import Integers, Mask
from .bounded_rule import is_in, matches
from .linear_bounds import LinearDraft


@dataclass(frozen=True)
class Requirements:
    """A rule about offers that require others.

    Attributes
    ----------
    rule : CustomerRule
    pairs : RequiredPairs
        By the offer that requires.
    days : Days or None
        Of the offers, where there are any.
    n_offers : int
    inside : ndarray of bool, shape (n_units,)
        Units that the rule is about; customers where it holds for each.
    had : ndarray of int64, shape (n_had,)
        Ascending keys (unit or customer * n_offers + offer) of coupons of the history that count.
    had_day : ndarray of int64, shape (n_had,)
        Their days.
    had_known : ndarray of bool, shape (n_had,)
        Whether these are known.
    had_own : ndarray of bool, shape (n_had,)
        Whether the history itself says them: where nobody asks within how many days, that of an offer does not count.
    """

    rule: CustomerRule
    pairs: RequiredPairs
    days: Days | None
    n_offers: int
    inside: Mask
    had: Integers
    had_day: Integers
    had_known: Mask
    had_own: Mask

    def of_block(self, block: Block) -> Requirements:
        """Return the rule for the customers of a block.

        Parameters
        ----------
        block : Block

        Returns
        -------
        Requirements
            Customers and units count from the block's first.
        """
        theirs = block.holders(self.rule)
        ends = np.array([theirs.start, theirs.stop]) * self.n_offers
        own = slice(*np.searchsorted(self.had, ends))
        return replace(
            self,
            inside=self.inside[theirs],
            had=self.had[own] - theirs.start * self.n_offers,
            had_day=self.had_day[own],
            had_known=self.had_known[own],
            had_own=self.had_own[own],
        )

    def open(self, holder: Integers, offer: Integers) -> tuple[Integers, Integers, Mask]:
        """Find what some coupons require that their customers have not had.

        Parameters
        ----------
        holder, offer : ndarray of int64, shape (n,)
            Of each coupon: its unit, or its customer where the rule holds for each, and its offer.

        Returns
        -------
        which, required : ndarray of int64, shape (n_open,)
            A coupon, and the offer that it requires.
        in_time : ndarray of bool, shape (n_open,)
            Whether that one is sent early enough where it is given in this plan.
        """
        which, place = matches(self.pairs.offer, offer)
        about = self.inside[holder[which]]
        which, place = which[about], place[about]
        required = self.pairs.required[place]
        asked, row = matches(self.had, holder[which] * self.n_offers + required)
        told = self.had_own[row] | (self.pairs.within[place[asked]] != ANY_TIME)
        known = self.had_known[row] & told
        met = self._in_time(offer[which[asked]], self.had_day[row], known, place[asked])
        is_open = np.ones(len(which), bool)
        is_open[asked[met]] = False
        which, place, required = which[is_open], place[is_open], required[is_open]
        day, known = np.zeros(len(required), np.int64), np.zeros(len(required), bool)
        if self.days is not None:
            day, known = self.days.day[required], self.days.known[required]
        return which, required, self._in_time(offer[which], day, known, place)

    def _in_time(self, offer: Integers, day: Integers, known: Mask, place: Integers) -> Mask:
        """Whether what is sent on a day is early enough for an offer, and not too early."""
        within = self.pairs.within[place]
        if self.days is None:
            return np.ones(len(offer), bool)
        told = known & self.days.known[offer]
        mine = self.days.day[offer]
        near = (within == ANY_TIME) | (mine <= day + within)
        return np.asarray(np.where(told, (day <= mine) & near, within == ANY_TIME))

    def broken(self, block: Block, rows: Integers) -> Integers:
        """Find units, or customers, that have an offer without one that it requires.

        Parameters
        ----------
        block : Block
        rows : ndarray of int64, shape (n_allocated,)
            Rows of the allocated candidates.

        Returns
        -------
        ndarray of int64
            Those of the block whom the rule holds for, ascending.
        """
        holder, offer = block.holder(self.rule)[rows], block.offer[rows].astype(np.int64)
        which, required, in_time = self.open(holder, offer)
        given = np.sort(holder * self.n_offers + offer)
        there = is_in(given, holder[which] * self.n_offers + required)
        return np.unique(holder[which[~(there & in_time)]])

    def add_to(self, draft: LinearDraft, block: Block, rows: Integers) -> None:
        """Add the rule as linear bounds on some candidates.

        Parameters
        ----------
        draft : LinearDraft
        block : Block
        rows : ndarray of int64
            Rows of all candidates of some units.
        """
        holder, offer = block.holder(self.rule)[rows], block.offer[rows].astype(np.int64)
        which, required, in_time = self.open(holder, offer)
        key = holder * self.n_offers + offer
        order = np.argsort(key, kind="stable")
        asked, place = matches(key[order], holder[which] * self.n_offers + required)
        met_by = np.split(rows[order[place]], np.searchsorted(asked, np.arange(1, len(which))))
        for one, theirs, fits in zip(which, met_by, in_time, strict=False):
            members = np.append(rows[one], theirs if fits else theirs[:0])
            weight = np.append(-1.0, np.ones(len(members) - 1))
            draft.add(int(block.unit[rows[one]]), members, weight)


def requirements(rule: CustomerRule, inputs: Inputs) -> Requirements:
    """Read a rule about offers that require others.

    Parameters
    ----------
    rule : CustomerRule
    inputs : Inputs
        The tables of the campaign.

    Returns
    -------
    Requirements
        For all units.
    """
    pairs = required_pairs(rule, inputs.offers)
    order = np.argsort(pairs.offer, kind="stable")
    inside = np.ones(inputs.data.n_units if rule.each is None else len(inputs.customer_ids), bool)
    if rule.customers:
        inside = inputs.customers.scope_of(rule)
    history, width = inputs.history, len(inputs.offers)
    days = None
    if rule.measures_days or DAY in inputs.offers.column_names:
        days = days_of_offers(inputs.offers, rule.label)
    row = np.flatnonzero(history.where(rule) & (history.offer >= 0))
    day, known = np.zeros(len(row), np.int64), np.zeros(len(row), bool)
    if days is not None and len(row):
        when = history.days(days, rule.label).take(row)
        day, known = when.day, when.known
    had = history.whose(rule)[row] * width + history.offer[row]
    by_key = np.argsort(had, kind="stable")
    return Requirements(
        rule,
        RequiredPairs(*(column[order] for column in pairs)),
        days,
        width,
        inside,
        had[by_key],
        day[by_key],
        known[by_key],
        history.says_day[row][by_key],
    )
