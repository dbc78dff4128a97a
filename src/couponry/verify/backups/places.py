"""Pairs of a backup and a coupon in whose place it may come, and whether sums, values and requirements hold then."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from ..block import Block
from ..customer_rules.minimums import RulesOfBlock
from ..rounding import Integers, Mask


class Places(NamedTuple):
    """Pairs of a backup and a coupon in whose place it may come, as rows of the block's candidates."""

    backup: Integers
    coupon: Integers

    def of(self, which: Integers) -> Places:
        """Return some of them.

        Parameters
        ----------
        which : ndarray of int64

        Returns
        -------
        Places
        """
        return Places(self.backup[which], self.coupon[which])


def outside_in_place(block: Block, given: Integers, rules: RulesOfBlock, places: Places) -> Mask:
    """Find backups in whose place a sum, different values or a requirement does not hold.

    Parameters
    ----------
    block : Block
    given : ndarray of int64
        Rows of the candidates that are given.
    rules : RulesOfBlock
    places : Places

    Returns
    -------
    ndarray of bool, shape (n_places,)
    """
    found = np.zeros(len(places.backup), bool)
    if not (rules.measured or rules.required) or not len(found):
        return found
    unit = block.unit[places.backup]
    order = np.argsort(unit, kind="stable")
    _, first, count = np.unique(unit[order], return_index=True, return_counts=True)
    once = np.unique(given)
    for turn in range(int(count.max())):  # one pair of each unit at a time
        some = order[first[count > turn] + turn]
        found[some] = _outside(block, once, rules, places.of(some))
    return found


def _outside(block: Block, given: Integers, rules: RulesOfBlock, places: Places) -> Mask:
    """`outside_in_place` for pairs of different units."""
    is_given = np.zeros(len(block), bool)
    is_given[given] = True
    is_given[places.coupon], is_given[places.backup] = False, True
    rows = np.flatnonzero(is_given)
    rows = rows[np.isin(block.unit[rows], block.unit[places.backup])]
    found = np.zeros(len(places.backup), bool)
    for part in rules.measured:
        holder = block.holder(part.rule)
        found |= _are_of(holder, part.outside(block, rows), places)
    for needs in rules.required:
        found |= _are_of(block.holder(needs.rule), needs.broken(block, rows), places)
    return found


def _are_of(holder: Integers, who: Integers, places: Places) -> Mask:
    """Which pairs are about some of those whom a rule holds for."""
    return np.isin(holder[places.backup], who) | np.isin(holder[places.coupon], who)
