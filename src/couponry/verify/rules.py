"""Checks customer rules: no `max` or conflict is violated, and nobody is shorter of a `min` than the rules force.

Rules are read once for all customers; `RuleChecks.check` holds the customers of a block to them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..model.conflicts import pairs_of
from ..model.rules import CustomerRule
from ..utils.arrays.ragged import ranges
from ..utils.errors import Unsupported
from .achievable import CellGroups, most_coupons
from .block import Block
from .claims import COUNT, Claims, Tally
from .inputs import Inputs
from .min_shortfall import SetBounds, joined, least_shortfall_score, shortfall_score
from .rounding import Floats, Integers, Mask


@dataclass(frozen=True)
class BoundedRule:
    """A rule with bounds: its groups of cells, and what customers have had of them.

    Attributes
    ----------
    rule : CustomerRule
    cell, group : ndarray of int64, shape (n_pairs,)
        Pairs of a cell and a group that it is in, cells ascending.
    groups : int
        Number of groups.
    asked : int
        Number of groups that there are for a minimum.
    most, least : ndarray of float64, shape (n_customers,)
        Bounds of each group, by customer.
    had : ndarray of int64
        Ascending keys (customer * groups + group) of coupons of the history.
    """

    rule: CustomerRule
    cell: Integers
    group: Integers
    groups: int
    asked: int
    most: Floats
    least: Floats
    had: Integers

    @property
    def is_about_all(self) -> bool:
        """Whether it is about all coupons of a customer."""
        return self.rule.is_about_all

    @property
    def has_lists(self) -> bool:
        """Whether a cell is in several groups."""
        return self.rule.by is not None and len(np.unique(self.cell)) < len(self.cell)

    def of_block(self, block: Block) -> BoundedRule:
        """Return the rule for the customers of a block.

        Parameters
        ----------
        block : Block

        Returns
        -------
        BoundedRule
            Customers count from the block's first.
        """
        own = slice(block.start, block.stop)
        low, high = np.searchsorted(self.had, np.array([block.start, block.stop]) * self.groups)
        had = self.had[low:high] - block.start * self.groups
        return replace(self, most=self.most[own], least=self.least[own], had=had)

    def code_of_cell(self, cells: int) -> Integers:
        """Return the group of each cell.

        Parameters
        ----------
        cells : int
            Number of cells.

        Returns
        -------
        ndarray of int64, shape (cells,)
            -1 if the rule is not about a cell.

        Raises
        ------
        Unsupported
            If a cell is in several groups.
        """
        if len(np.unique(self.cell)) < len(self.cell):
            raise Unsupported(
                f"{self.rule.label}: expected groups that each offer is in one of at most"
            )
        code = np.full(cells, -1)
        code[self.cell] = self.group
        return code

    def keys(self, customer: Integers, cell: Integers) -> tuple[Integers, Integers]:
        """Return the groups that candidates are in.

        Parameters
        ----------
        customer, cell : ndarray of int64, shape (n,)
            Of each candidate.

        Returns
        -------
        key : ndarray of int64, shape (n_pairs,)
            Numbers (customer * groups + group).
        which : ndarray of int64, shape (n_pairs,)
            The candidate.
        """
        which, place = _matches(self.cell, cell)
        return customer[which] * self.groups + self.group[place], which


class RuleChecks:
    """Holds customers to the customer rules, a block at a time.

    Parameters
    ----------
    inputs : Inputs
        The tables of the campaign.
    claims : Claims
        Receives what is true.
    tally : Tally
        Receives the customers for whom a rule does not hold.

    Attributes
    ----------
    bounded : list of BoundedRule
        Rules with bounds.
    has_conflicts, has_mandatory : bool
        Whether offers are in conflict, or some must be given.
    """

    def __init__(self, inputs: Inputs, claims: Claims, tally: Tally):
        self._inputs, self._claims, self._tally = inputs, claims, tally
        rules = inputs.data.rules
        self.bounded = [bounded_rule(rule, inputs) for rule in rules if rule.conflicts is None]
        self._conflicts = [(r, _pairs(r, inputs)) for r in rules if r.conflicts is not None]
        self._had = _had_offers(inputs) if self._conflicts else np.zeros(0, np.int64)
        self.has_conflicts = bool(self._conflicts)
        self.has_mandatory = inputs.data.candidates.mandatory is not None
        with_min = ", ".join(repr(rule.name) for rule in rules if rule.min is not None)
        self._with_min = f"customer_rule {with_min}: " if with_min else ""
        plain = all(part.rule.min is None or part.is_about_all for part in self.bounded)
        plain = plain and not any(part.has_lists for part in self.bounded)
        self.is_plain = plain and not self._conflicts and not len(inputs.history)
        self._without = self._short = self._with_coupons = 0

    def check(self, block: Block, rows: Integers) -> None:
        """Check the allocated candidates of a block.

        Parameters
        ----------
        block : Block
        rows : ndarray of int64, shape (n_allocated,)
            Rows of the allocated candidates.
        """
        bounded = [part.of_block(block) for part in self.bounded]
        for part in bounded:
            self._note(*_over_most(part, block, rows), block)
        had = self._had_in(block)
        for rule, pairs in self._conflicts:
            for problem, who in _in_conflict(
                rule, pairs, had, block, rows, len(self._inputs.offers)
            ):
                self._note(problem, who, block)
        without = block.customer[np.setdiff1d(block.mandatory, rows)]
        self._without += len(np.unique(without))
        self._with_coupons += len(np.unique(block.customer[rows]))
        short = self._below_min(bounded, block, rows)
        self._short += int(short.sum())
        if self.is_plain and not len(block.mandatory):
            too_few = _too_few(bounded, len(self._inputs.cells), block, rows, short)
            fewer = f"{COUNT} customers have fewer coupons than min and than they can have"
        else:
            sets = self._set_bounds(bounded, had, block)
            too_few = _too_short(sets, block, rows)
            fewer = (
                f"{COUNT} customers miss more of their minimums or mandatory offers than they must"
            )
        self._note(f"{self._with_min}{fewer}", too_few, block)

    def finish(self) -> None:
        """Compare the numbers of customers who got coupons, or lack something, with what is claimed."""
        self._claims.check("customers_with_coupons", self._with_coupons)
        self._claims.check("customers_without_mandatory", self._without)
        self._claims.check("customers_below_min", self._short)

    def _note(self, problem: str, who: Integers, block: Block) -> None:
        first = self._inputs.customer_ids[block.start + int(who[0])].as_py() if len(who) else None
        self._tally.add(problem, len(who), f", first {first!r}" if len(who) else "")

    def _had_in(self, block: Block) -> Integers:
        """Keys of offers in the history of the customers of a block, who count from 0."""
        width = len(self._inputs.offers)
        low, high = np.searchsorted(self._had, np.array([block.start, block.stop]) * width)
        return self._had[low:high] - block.start * width

    def _below_min(self, bounded: list[BoundedRule], block: Block, rows: Integers) -> Mask:
        """Customers who have fewer than a rule's `min`, in any of its groups, history included."""
        n = block.n_customers
        short = np.zeros(n, bool)
        for part in bounded:
            if part.rule.min is None:
                continue
            keys, _ = part.keys(block.customer[rows], block.cell(rows))
            key, count = np.unique(np.concatenate([keys, part.had]), return_counts=True)
            who = key // part.groups
            enough = np.bincount(who[count >= part.least[who]], minlength=n)
            short |= (part.least > 0) & (enough < part.asked)
        return short

    def _set_bounds(self, bounded: list[BoundedRule], had: Integers, block: Block) -> SetBounds:
        """All bounds on sets of each customer's candidates; minimums about all coupons count once."""
        every = np.arange(len(block))
        customer, cell = block.customer, block.all_cells
        least_of_all = np.zeros(block.n_customers)
        parts = []
        for part in bounded:
            keys, which = part.keys(customer, cell)
            key, place = np.unique(keys, return_inverse=True)
            who = key // part.groups
            held = _count(part.had, key)
            least = np.maximum(0, part.least[who] - held)
            if part.is_about_all:
                least_of_all[who] = np.maximum(least_of_all[who], least)
                least = np.zeros(len(key))
            most = np.maximum(0, part.most[who] - held)
            parts.append(SetBounds(every[which], place, who, most, least))
        who, place = np.unique(customer, return_inverse=True)
        parts.append(SetBounds(every, place, who, np.full(len(who), np.inf), least_of_all[who]))
        width = len(self._inputs.offers)
        parts += [_conflict_sets(pairs, had, block, width) for _, pairs in self._conflicts]
        return joined(parts)


def bounded_rule(rule: CustomerRule, inputs: Inputs) -> BoundedRule:
    """Read a rule's groups and bounds, and what the history has of them.

    Parameters
    ----------
    rule : CustomerRule
        One with bounds.
    inputs : Inputs
        The tables of the campaign.

    Returns
    -------
    BoundedRule
        For all customers.
    """
    history = inputs.history
    cell, group, values = inputs.groups(rule.by, rule.where, rule.label)
    about = np.flatnonzero(history.where(rule))
    row, theirs = about, np.zeros(len(about), np.int64)
    if rule.by is not None:
        row, theirs = history.groups(rule.by, values)
        kept = np.isin(row, about)
        row, theirs = row[kept], theirs[kept]
    order = np.lexsort((group, cell))
    by_role = rule.by == "role" or "role" in rule.where
    there = group[inputs.seen[cell]] if by_role else group
    return BoundedRule(
        rule,
        cell[order],
        group[order],
        max(1, len(values)),
        1 if rule.by is None else len(np.unique(there)),
        inputs.bound(rule.max, np.inf, rule.label),
        inputs.bound(rule.min, 0.0, rule.label),
        np.sort(history.customer[row] * max(1, len(values)) + theirs),
    )


def _count(ascending: Integers, key: Integers) -> Integers:
    """How often each key is in an ascending array."""
    right = np.searchsorted(ascending, key, side="right")
    return np.asarray(right - np.searchsorted(ascending, key, side="left"))


def _matches(ascending: Integers, key: Integers) -> tuple[Integers, Integers]:
    """Every pair of a key and a place in an ascending array where it is: which key, and the place."""
    first = np.searchsorted(ascending, key, side="left")
    count = _count(ascending, key)
    which = np.repeat(np.arange(len(key)), count)
    return which, ranges(first, count)


def _over_most(part: BoundedRule, block: Block, rows: Integers) -> tuple[str, Integers]:
    """The customers who have more than a rule's `max`, and how that is said."""
    keys, _ = part.keys(block.customer[rows], block.cell(rows))
    key, count = np.unique(keys, return_counts=True)
    who = key // part.groups
    over = np.unique(who[count > np.maximum(0, part.most[who] - _count(part.had, key))])
    rule = part.rule
    bound = f"max {rule.max} for one {rule.by}" if rule.by else f"max {rule.max}"
    return f"{rule.label}: {COUNT} customers have more than {bound}", over


def _pairs(rule: CustomerRule, inputs: Inputs) -> Integers:
    """The pairs of offers in conflict, both ways, shape (2, n_pairs)."""
    a, b = pairs_of(rule, inputs.offers)
    return np.unique(np.stack([np.concatenate([a, b]), np.concatenate([b, a])]), axis=1)


def _in_conflict(
    rule: CustomerRule, pairs: Integers, had: Integers, block: Block, rows: Integers, width: int
) -> list[tuple[str, Integers]]:
    """Who has two offers in conflict, or one in conflict with the history, and how that is said."""
    offer, customer = block.offer[rows], block.customer[rows]
    which, place = _matches(pairs[0], offer)
    other = pairs[1][place]
    theirs = customer[which] * width + other
    both = np.isin(theirs, customer * width + offer) & (other != offer[which])
    again = np.isin(theirs, had)
    return [
        (
            f"{rule.label}: {COUNT} customers have two offers in conflict",
            np.unique(customer[which[both]]),
        ),
        (
            f"{rule.label}: {COUNT} customers have an offer in conflict with their history",
            np.unique(customer[which[again]]),
        ),
    ]


def _had_offers(inputs: Inputs) -> Integers:
    """Ascending keys (customer * n_offers + offer) of the offers in the history."""
    history = inputs.history
    known = history.offer >= 0
    return np.sort(history.customer[known] * len(inputs.offers) + history.offer[known])


def _too_few(
    bounded: list[BoundedRule], cells: int, block: Block, rows: Integers, short: Mask
) -> Integers:
    """Customers below a `min` about all coupons who could have more, if only maximums are in the way."""
    if not short.any():
        return np.zeros(0, np.int64)
    groups = [
        CellGroups(part.code_of_cell(cells), part.most) for part in bounded if not part.is_about_all
    ]
    most = np.full(len(short), np.inf)
    for part in bounded:
        if part.is_about_all:
            most = np.minimum(most, part.most)
    count = np.bincount(block.customer[rows], minlength=len(short))
    possible = np.minimum(most_coupons(block, groups, short), most)
    return np.flatnonzero(short & (count < possible))


def _too_short(sets: SetBounds, block: Block, rows: Integers) -> Integers:
    """Customers who are shorter of minimums and mandatory offers than they must be, whatever the rules."""
    n, mandatory = block.n_customers, block.mandatory
    score = shortfall_score(sets, rows, mandatory, block.customer, n)
    suspects = np.flatnonzero(score > 0)
    least = least_shortfall_score(sets, mandatory, suspects, block.customer, n)
    return np.flatnonzero((score > least + 0.5) & (score > 0))


def _conflict_sets(pairs: Integers, had: Integers, block: Block, width: int) -> SetBounds:
    """Pairs of a customer's candidates in conflict (at most 1), and candidates in conflict with its history (0)."""
    which, place = _matches(pairs[0], block.offer)
    other = pairs[1][place]
    again = np.unique(which[np.isin(block.customer[which] * width + other, had)])
    row = block.rows(block.customer[which], other)
    two = (row >= 0) & (which < row)
    a, b = which[two], row[two]
    sets = np.arange(len(a))
    barred = len(a) + np.arange(len(again))
    return SetBounds(
        np.concatenate([a, b, again]),
        np.concatenate([sets, sets, barred]),
        np.concatenate([block.customer[a], block.customer[again]]),
        np.concatenate([np.ones(len(a)), np.zeros(len(again))]),
        np.zeros(len(a) + len(again)),
    )
