"""Checks backups: each may take the place of the coupons that it names, and customers' lists are in order."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pyarrow as pa

from ...data import tables
from ...utils.errors import InvalidInput
from ..block import Block
from ..claims import COUNT, Tally
from ..customer_rules.bounded_rule import counts_in, is_in
from ..customer_rules.messages import CostOfMessages
from ..customer_rules.minimums import RulesOfBlock
from ..customer_rules.rule_checks import RuleChecks
from ..customer_rules.unit_column import differing
from ..dual_bound import DualBound
from ..inputs import Inputs
from ..rounding import PACKED_ROUNDING, ROUNDING, Floats, Integers, Mask
from .places import Places, outside_in_place


class _Rows(NamedTuple):
    """Backups of the customers of a block: which units' they are, which rows of its candidates, and of which rank."""

    table: pa.Table
    unit: Integers
    row: Integers
    rank: Integers


class BackupChecks:
    """Checks backups, a block of customers at a time.

    Parameters
    ----------
    inputs : Inputs
    rules : RuleChecks
    bound : DualBound or None
        Knows the prices of the limits.
    """

    def __init__(self, inputs: Inputs, rules: RuleChecks, bound: DualBound | None):
        self._inputs, self._most, self._rules = inputs, inputs.data.backups, rules
        self._costs = [CostOfMessages(rule, inputs) for rule in inputs.data.rules if rule.cost]
        soft_ratios = any(one.ratio and one.mode == "soft" for one in inputs.data.limits)
        self._bound = None if soft_ratios else bound  # which does not charge these

    def check(self, block: Block, given: Integers, table: pa.Table, tally: Tally) -> None:
        """Check the backups of a block.

        Parameters
        ----------
        block : Block
        given : ndarray of int64
            Rows of the candidates that are given, ascending.
        table : pyarrow.Table
            The rows of its customers.
        tally : Tally
            Receives what is wrong.
        """
        rows = self._numbered(block, table, tally)
        is_given = np.zeros(len(block), bool)
        is_given[given] = True
        _note(tally, "are given as well", is_given[rows.row])
        once = np.ones(len(rows.row), bool)
        once[np.unique(rows.row, return_index=True)[1]] = False
        _note(tally, "are there twice", once)
        follows = np.ones(len(rows.rank), np.int64)
        same = rows.unit[1:] == rows.unit[:-1]
        follows[1:][same] = rows.rank[:-1][same] + 1
        _note(tally, "have another rank than the one that follows", rows.rank != follows)
        below = np.flatnonzero(np.diff(rows.unit) < 0)
        tally.add(f"backups: {COUNT} rows are not in the order of customers", len(below), "")
        _note(tally, f"are of a rank above {self._most}", rows.rank > self._most)
        self._check_columns(block, given, rows, tally)
        self._check_places(block, given, is_given, rows, tally)

    def _numbered(self, block: Block, table: pa.Table, tally: Tally) -> _Rows:
        """Look backups up among the candidates; those that are none are counted and left out."""
        tables.require(table, "backups", "customer", "rank", "offer", "instead_of", "reduced")
        own = self._inputs.customer_ids[block.start : block.stop]
        customer = tables.positions(tables.ids(table, "backups", "customer"), own)
        offer = tables.positions(tables.ids(table, "backups", "offer"), self._inputs.offer_ids)
        row = np.full(len(table), -1)
        known = np.flatnonzero((customer >= 0) & (offer >= 0))
        row[known] = block.rows(customer[known], offer[known])
        _note(tally, "are no candidates, or stand with other customers", row < 0)
        kept = np.flatnonzero(row >= 0)
        rank = np.asarray(table["rank"].to_numpy(), np.int64)
        unit = block.unit_of_customer[customer[kept]]
        return _Rows(table.take(pa.array(kept)), unit, row[kept], rank[kept])

    def _check_columns(self, block: Block, given: Integers, rows: _Rows, tally: Tally) -> None:
        """Compare columns with what candidates say."""
        units = self._inputs.data.units
        if units is not None and units.column in rows.table.column_names:
            names = units.names_of(block.start + block.customer[rows.row])
            wrong = differing(rows.table[units.column], np.arange(len(names)), names)
            _note(tally, f"have a wrong {units.column}", wrong)
        for name in self._inputs.claimed:
            if name in rows.table.column_names:
                claimed = tables.numbers(rows.table, "backups", name, nullable=True)
                true, size = block.amounts(name, rows.row, "backups")
                _note(tally, f"have a wrong {name}", ~(np.abs(claimed - true) <= ROUNDING * size))
        reduced = tables.numbers(rows.table, "backups", "reduced")
        same = rows.unit[1:] == rows.unit[:-1]
        rises = np.zeros(len(reduced), bool)
        rises[1:] = same & (reduced[1:] > reduced[:-1])
        _note(tally, "come after one that is worth less", rises)
        if self._bound is not None:
            true = self._bound.reduced_worth(block)[rows.row]
            value = block.whole(self._inputs.data.value, "objective")[rows.row]
            costs = self._of_messages(block, given, rows.row)
            size = np.abs(value) + np.abs(value - true) + costs  # what is paid is as large
            true = true - costs
            off = ~(np.abs(reduced - true) <= PACKED_ROUNDING * size)
            _note(tally, "have a reduced value that does not follow from prices", off)

    def _check_places(
        self,
        block: Block,
        given: Integers,
        is_given: Mask,
        rows: _Rows,
        tally: Tally,
    ) -> None:
        """Make sure that each backup keeps what a customer must in the place of each coupon that it names."""
        lists = rows.table["instead_of"].combine_chunks()
        which = np.repeat(np.arange(len(lists)), lists.value_lengths().fill_null(0).to_numpy())
        _note(tally, "take no coupon's place", ~np.isin(np.arange(len(lists)), which))
        coupon = self._coupons(block, rows, lists.flatten(), which)
        is_coupon = (coupon >= 0) & is_given[coupon]
        is_coupon &= block.unit[coupon] == rows.unit[which]
        _note(tally, "take the place of what is not given", ~is_coupon)
        places = Places(rows.row[which[is_coupon]], coupon[is_coupon])
        rules = self._rules.of_block(block)
        broken = _too_many(block, given, rules, places) | _in_conflict(block, given, rules, places)
        broken |= outside_in_place(block, given, rules, places)
        _note(tally, "break a customer rule in the place of a coupon that they name", broken)

    def _coupons(self, block: Block, rows: _Rows, instead: pa.Array, which: Integers) -> Integers:
        """Rows of the coupons whose place backups may take, -1 for those that are no candidates."""
        if not len(which):
            return np.zeros(0, np.int64)
        named = pa.table({"instead_of": instead})
        offer = tables.positions(tables.ids(named, "backups", "instead_of"), self._inputs.offer_ids)
        customer = block.customer[rows.row[which]]
        if self._inputs.data.units is not None:
            tables.require(rows.table, "backups", "instead_of_customer")
            whose = rows.table["instead_of_customer"].combine_chunks().flatten()
            if len(whose) != len(which):
                raise InvalidInput(
                    f"backups: instead_of_customer: expected a customer for each of {len(which):,} coupons, "
                    f"got {len(whose):,}"
                )
            named = pa.table({"instead_of_customer": whose})
            own = self._inputs.customer_ids[block.start : block.stop]
            customer = tables.positions(tables.ids(named, "backups", "instead_of_customer"), own)
        found = np.full(len(which), -1)
        known = np.flatnonzero((offer >= 0) & (customer >= 0))
        found[known] = block.rows(customer[known], offer[known])
        return found

    def _of_messages(self, block: Block, given: Integers, rows: Integers) -> Floats:
        """What some candidates' messages cost in the place of the last one of their unit."""
        found = np.zeros(len(rows))
        for rule in self._costs:
            found += rule.last(block, given, rows)
        return found


def _too_many(block: Block, given: Integers, rules: RulesOfBlock, places: Places) -> Mask:
    """Which backups are beyond a rule's `max` in the place of a coupon."""
    found = np.zeros(len(places.backup), bool)
    every = np.arange(len(places.backup))
    for part, (key, count) in zip(rules.bounded, rules.counts(block, given), strict=True):
        holder = block.holder(part.rule)
        comes, which = part.keys(holder[places.backup], block.cell(places.backup))
        # number by number of a pair of backup and coupon: what its coupon takes along
        leaves, _ = part.keys(every, block.cell(places.coupon))
        group = comes % part.groups
        gone = is_in(np.sort(leaves), which * part.groups + group)
        gone &= (holder[places.backup] == holder[places.coupon])[which]
        held = np.zeros(len(comes), np.int64)
        if len(key):
            at = np.minimum(np.searchsorted(key, comes), len(key) - 1)
            held = np.where(key[at] == comes, count[at], 0)
        most = part.most[holder[places.backup[which]]] - counts_in(part.had, comes)
        found[which[held + 1 - gone > np.maximum(0, most)]] = True
    return found


def _in_conflict(block: Block, given: Integers, rules: RulesOfBlock, places: Places) -> Mask:
    """Which backups are in conflict with the history, or with a coupon other than the one whose place they take."""
    found = np.zeros(len(places.backup), bool)
    offer = block.offer.astype(np.int64)
    for pairs in rules.conflicts:
        holder = block.holder(pairs.rule)
        found |= pairs.barred(holder[places.backup], offer[places.backup])
        which, other = pairs.against(holder[places.backup], offer[places.backup])
        theirs = holder[places.backup[which]]
        coupon = places.coupon[which]
        beside = counts_in(
            np.sort(holder[given] * pairs.n_offers + offer[given]), theirs * pairs.n_offers + other
        )
        beside -= (offer[coupon] == other) & (holder[coupon] == theirs)
        found[which[beside > 0]] = True
    return found


def _note(tally: Tally, problem: str, wrong: Mask) -> None:
    """Count backups that are wrong."""
    tally.add(f"backups: {COUNT} rows {problem}", int(wrong.sum()), "")
