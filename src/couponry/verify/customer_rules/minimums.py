"""Which units, customers or several, have fewer coupons than minimums ask for, and fewer than the other rules force."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..block import Block
from ..rounding import Integers, Mask
from .achievable import CellGroups, most_coupons
from .bounded_rule import BoundedRule, counts_in, distinct, matches
from .conflict_pairs import ConflictPairs
from .linear_bounds import LinearDraft
from .measured_rule import MeasuredRule
from .min_shortfall import SetBounds, joined, least_shortfall_score, shortfall_score
from .required_pairs import Requirements

Counts = list[tuple[Integers, Integers]]
"""Of each rule: keys (customer * groups + group), ascending, and the coupons of each."""


class RulesOfBlock(NamedTuple):
    """The customer rules of the units of a block.

    Attributes
    ----------
    bounded : list of BoundedRule
    conflicts : list of ConflictPairs
    measured : list of MeasuredRule
    required : list of Requirements
    """

    bounded: list[BoundedRule]
    conflicts: list[ConflictPairs]
    measured: list[MeasuredRule]
    required: list[Requirements]

    def counts(self, block: Block, rows: Integers) -> Counts:
        """Count the coupons of each customer and group.

        Parameters
        ----------
        block : Block
        rows : ndarray of int64, shape (n_allocated,)
            Rows of the allocated candidates.

        Returns
        -------
        list of (ndarray of int64, ndarray of int64)
            Of each rule with bounds.
        """
        cell = block.cell(rows)
        keys = [part.keys(block.holder(part.rule)[rows], cell)[0] for part in self.bounded]
        return [distinct(np.sort(key, kind="stable")) for key in keys]  # by unit already


def below_min(rules: RulesOfBlock, counts: Counts, block: Block) -> Mask:
    """Find the units that have fewer than a rule's `min`, in any group that there is, history included.

    Parameters
    ----------
    rules : RulesOfBlock
    counts : list of (ndarray of int64, ndarray of int64)
        As `RulesOfBlock.counts` returns them.
    block : Block

    Returns
    -------
    ndarray of bool, shape (n_units,)
    """
    short = np.zeros(block.n_units, bool)
    for part, (key, count) in zip(rules.bounded, counts, strict=True):
        if part.rule.min is None:
            continue
        if len(part.had):
            key, place = np.unique(np.concatenate([key, part.had]), return_inverse=True)
            weight = np.concatenate([count, np.ones(len(part.had), np.int64)])
            count = np.bincount(place, weight, len(key)).astype(np.int64)
        who, group = key // part.groups, key % part.groups
        enough = (count >= part.least[who]) & part.asked[group]
        enough_of = np.bincount(who[enough], minlength=len(part.least))
        lacking = np.flatnonzero((part.least > 0) & (enough_of < part.asked.sum()))
        short[block.unit_of_holder(part.rule, lacking)] = True
    return short


def fewer_than_possible(rules: RulesOfBlock, block: Block, rows: Integers, short: Mask) -> Integers:
    """Find customers below a `min` about all coupons who could have more, if only maximums are in the way.

    Parameters
    ----------
    rules : RulesOfBlock
    block : Block
    rows : ndarray of int64, shape (n_allocated,)
        Rows of the allocated candidates.
    short : ndarray of bool, shape (n_units,)
        Who is below a minimum; no rule holds for each customer.

    Returns
    -------
    ndarray of int64
        Units of the block, ascending.
    """
    if not short.any():
        return np.zeros(0, np.int64)
    groups = [
        CellGroups(part.code_of_cell(), part.most)
        for part in rules.bounded
        if not part.is_about_all
    ]
    most = np.full(len(short), np.inf)
    for part in rules.bounded:
        if part.is_about_all:
            most = np.minimum(most, part.most)
    count = np.bincount(block.unit[rows], minlength=len(short))
    possible = np.minimum(most_coupons(block, groups, short), most)
    return np.flatnonzero(short & (count < possible))


def shorter_than_forced(
    rules: RulesOfBlock, block: Block, rows: Integers, suspect: Mask
) -> Integers:
    """Find customers who are shorter of minimums and mandatory offers than they must be, whatever the rules.

    Parameters
    ----------
    rules : RulesOfBlock
    block : Block
    rows : ndarray of int64, shape (n_allocated,)
        Rows of the allocated candidates, each once.
    suspect : ndarray of bool, shape (n_units,)
        Who is short of anything at all.

    Returns
    -------
    ndarray of int64
        Units of the block, ascending.
    """
    if not suspect.any():
        return np.zeros(0, np.int64)
    n, mandatory = block.n_units, block.mandatory
    theirs = np.flatnonzero(suspect[block.unit])
    sets = _set_bounds(rules, block, theirs)
    score = shortfall_score(sets, rows, mandatory, block.unit, n)
    draft = LinearDraft()
    for measured in rules.measured:
        measured.add_to(draft, block, theirs)
    for needs in rules.required:
        needs.add_to(draft, block, theirs)
    sums, short = draft.bounds(), np.flatnonzero(score > 0)
    least = least_shortfall_score(sets, sums, mandatory, short, block.unit, n)
    return np.flatnonzero((score > least + 0.5) & (score > 0))


def _set_bounds(rules: RulesOfBlock, block: Block, rows: Integers) -> SetBounds:
    """All bounds on sets of some units' candidates; minimums about all coupons of a unit count once."""
    cell = block.cell(rows)
    least_of_all = np.zeros(block.n_units)
    parts = []
    for part in rules.bounded:
        keys, which = part.keys(block.holder(part.rule)[rows], cell)
        key, place = np.unique(keys, return_inverse=True)
        who = key // part.groups
        held = counts_in(part.had, key)
        least = np.maximum(0, part.least[who] - held)
        if part.is_about_all:
            least_of_all[who] = np.maximum(least_of_all[who], least)
            least = np.zeros(len(key))
        most = np.maximum(0, part.most[who] - held)
        owner = block.unit_of_holder(part.rule, who)
        parts.append(SetBounds(rows[which], place, owner, most, least))
    who, place = np.unique(block.unit[rows], return_inverse=True)
    parts.append(SetBounds(rows, place, who, np.full(len(who), np.inf), least_of_all[who]))
    parts += [_conflict_sets(pairs, block, rows) for pairs in rules.conflicts]
    return joined(parts)


def _conflict_sets(pairs: ConflictPairs, block: Block, rows: Integers) -> SetBounds:
    """Pairs of a unit's candidates in conflict (at most 1), and candidates in conflict with its history (0)."""
    holder, offer = block.holder(pairs.rule)[rows], block.offer[rows].astype(np.int64)
    again = rows[pairs.barred(holder, offer)]
    which, other = pairs.against(holder, offer)
    key = holder * pairs.n_offers + offer
    order = np.argsort(key, kind="stable")
    pair, place = matches(key[order], holder[which] * pairs.n_offers + other)
    one, two = rows[which[pair]], rows[order[place]]
    once = np.unique(np.stack([one, two])[:, one < two], axis=1)
    a, b = once[0], once[1]
    sets = np.arange(len(a))
    barred = len(a) + np.arange(len(again))
    return SetBounds(
        np.concatenate([a, b, again]),
        np.concatenate([sets, sets, barred]),
        np.concatenate([block.unit[a], block.unit[again]]),
        np.concatenate([np.ones(len(a)), np.zeros(len(again))]),
        np.zeros(len(a) + len(again)),
    )
