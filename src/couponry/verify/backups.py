"""Checks backups: each may take the place of the coupons that it names, and customers' lists are in order."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ..data import tables
from ..data.ids import count_before
from ..utils.errors import InvalidInput, first_line
from .block import Block
from .claims import COUNT, Claims, Tally
from .customer_rules.bounded_rule import counts_in, is_in
from .customer_rules.minimums import RulesOfBlock
from .customer_rules.rule_checks import RuleChecks
from .dual_bound import DualBound
from .inputs import Inputs
from .rounding import PACKED_ROUNDING, ROUNDING, Integers, Mask

FILE = "backups.parquet"
READ_ROWS = 1 << 17
"""Rows that are read at a time."""


class _Rows(NamedTuple):
    """Backups of the customers of a block: whose they are, which rows of its candidates, and of which rank."""

    table: pa.Table
    customer: Integers
    row: Integers
    rank: Integers


class _Places(NamedTuple):
    """Pairs of a backup and a coupon in whose place it may come, as rows of the block's candidates."""

    customer: Integers
    backup: Integers
    coupon: Integers


class BackupChecks:
    """Reads backups beside the blocks of customers that are examined, and checks them.

    Parameters
    ----------
    inputs : Inputs
    claims : Claims
        Receives problems with the file as a whole.
    rules : RuleChecks
    bound : DualBound or None
        Knows the prices of the limits.
    """

    def __init__(self, inputs: Inputs, claims: Claims, rules: RuleChecks, bound: DualBound | None):
        self._inputs, self._most, self._rules = inputs, inputs.data.backups, rules
        soft_ratios = any(one.ratio and one.mode == "soft" for one in inputs.data.limits)
        self._bound = None if soft_ratios else bound  # which does not charge these
        self._batches: Iterator[pa.Table] = iter(())
        self._waiting: pa.Table | None = None
        self._counts = {"rows": 0, "customers": 0}
        there = claims.is_result and claims.has(FILE)
        if claims.is_result and there != bool(self._most):
            claims.note(f"{FILE}: {'did not expect one' if there else 'missing'}")
        self.is_there = there and bool(self._most)
        if self.is_there:
            self._batches = self._read(claims.path(FILE))

    def _read(self, path: Path) -> Iterator[pa.Table]:
        """The table, some rows at a time."""
        wanted = ["customer", "rank", "offer", "instead_of", "reduced", *self._inputs.claimed]
        files = sorted(path.glob("part-*.parquet")) if path.is_dir() else [path]
        try:
            for name in files:
                with pq.ParquetFile(name) as file:
                    columns = [column for column in wanted if column in file.schema_arrow.names]
                    for batch in file.iter_batches(READ_ROWS, columns=columns):
                        yield tables.as_table(pa.table(batch), "backups")
        except (OSError, pa.ArrowException) as error:
            raise InvalidInput(f"{path}: {first_line(error)}") from error

    def beside(self, blocks: Iterator[Block]) -> Iterator[tuple[Block, pa.Table | None]]:
        """Put the rows of its customers beside each block.

        Parameters
        ----------
        blocks : iterator of Block
            All of them, in order.

        Yields
        ------
        Block, pyarrow.Table or None
            None where there are none.
        """
        for block in blocks:
            rows = self._before(block.stop) if self.is_there else None
            if rows is not None:
                ranks = rows["rank"].to_numpy() if "rank" in rows.column_names else np.zeros(0)
                self._counts["rows"] += len(rows)
                self._counts["customers"] += int((ranks == 1).sum())
            yield block, rows

    def finish(self, claims: Claims) -> None:
        """Compare how many there are with what is claimed.

        Parameters
        ----------
        claims : Claims
        """
        if self.is_there and claims.get("backups") != self._counts:
            claims.differs("result.json: backups", self._counts, repr(claims.get("backups")))

    def _before(self, stop: int) -> pa.Table | None:
        """The rows of customers below a number that have not been taken yet."""
        ids = self._inputs.customer_ids
        bound = ids[stop].as_py() if stop < len(ids) else None
        parts = []
        while True:
            table = self._waiting if self._waiting is not None else next(self._batches, None)
            self._waiting = None
            if table is None:
                break
            end = len(table)
            if bound is not None:
                theirs = tables.ids(table, "backups", "customer")
                end = int(count_before(theirs, [bound])[0]) if theirs.type == ids.type else end
            parts.append(table.slice(0, end))
            if end < len(table):
                self._waiting = table.slice(end)
                break
        return pa.concat_tables(parts) if parts else None

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
        same = rows.customer[1:] == rows.customer[:-1]
        follows[1:][same] = rows.rank[:-1][same] + 1
        _note(tally, "have another rank than the one that follows", rows.rank != follows)
        below = np.flatnonzero(np.diff(rows.customer) < 0)
        tally.add(f"backups: {COUNT} rows are not in the order of customers", len(below), "")
        _note(tally, f"are of a rank above {self._most}", rows.rank > self._most)
        self._check_columns(block, rows, tally)
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
        return _Rows(table.take(pa.array(kept)), customer[kept], row[kept], rank[kept])

    def _check_columns(self, block: Block, rows: _Rows, tally: Tally) -> None:
        """Compare columns with what candidates say."""
        for name in self._inputs.claimed:
            if name in rows.table.column_names:
                claimed = tables.numbers(rows.table, "backups", name, nullable=True)
                true, size = block.amounts(name, rows.row, "backups")
                _note(tally, f"have a wrong {name}", ~(np.abs(claimed - true) <= ROUNDING * size))
        reduced = tables.numbers(rows.table, "backups", "reduced")
        same = rows.customer[1:] == rows.customer[:-1]
        rises = np.zeros(len(reduced), bool)
        rises[1:] = same & (reduced[1:] > reduced[:-1])
        _note(tally, "come after one that is worth less", rises)
        if self._bound is not None:
            true = self._bound.reduced_worth(block)[rows.row]
            value = block.whole(self._inputs.data.value, "objective")[rows.row]
            size = np.abs(value) + np.abs(value - true)  # what is paid is as large
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
        """Make sure that each backup keeps every `max` and conflict in the place of each coupon that it names."""
        lists = rows.table["instead_of"].combine_chunks()
        which = np.repeat(np.arange(len(lists)), lists.value_lengths().fill_null(0).to_numpy())
        _note(tally, "take no coupon's place", ~np.isin(np.arange(len(lists)), which))
        named = pa.table({"instead_of": lists.flatten()})
        offer = np.zeros(0, np.int64)
        if len(which):
            offer = tables.positions(
                tables.ids(named, "backups", "instead_of"), self._inputs.offer_ids
            )
        coupon = np.full(len(which), -1)
        known = np.flatnonzero(offer >= 0)
        coupon[known] = block.rows(rows.customer[which[known]], offer[known])
        is_coupon = (coupon >= 0) & is_given[coupon]
        _note(tally, "take the place of what is not given", ~is_coupon)
        which, coupon = which[is_coupon], coupon[is_coupon]
        places = _Places(rows.customer[which], rows.row[which], coupon)
        rules = self._rules.of_block(block)
        broken = _too_many(block, given, rules, places) | _in_conflict(block, given, rules, places)
        _note(tally, "break a customer rule in the place of a coupon that they name", broken)


def _too_many(block: Block, given: Integers, rules: RulesOfBlock, places: _Places) -> Mask:
    """Which backups are beyond a rule's `max` in the place of a coupon."""
    found = np.zeros(len(places.backup), bool)
    every = np.arange(len(places.backup))
    for part, (key, count) in zip(rules.bounded, rules.counts(block, given), strict=True):
        comes, which = part.keys(places.customer, block.cell(places.backup))
        # number by number of a pair of backup and coupon: what its coupon takes along
        leaves, _ = part.keys(every, block.cell(places.coupon))
        group = comes % part.groups
        gone = is_in(np.sort(leaves), which * part.groups + group)
        held = np.zeros(len(comes), np.int64)
        if len(key):
            at = np.minimum(np.searchsorted(key, comes), len(key) - 1)
            held = np.where(key[at] == comes, count[at], 0)
        most = part.most[places.customer[which]] - counts_in(part.had, comes)
        found[which[held + 1 - gone > np.maximum(0, most)]] = True
    return found


def _in_conflict(block: Block, given: Integers, rules: RulesOfBlock, places: _Places) -> Mask:
    """Which backups are in conflict with the history, or with a coupon other than the one whose place they take."""
    found = np.zeros(len(places.backup), bool)
    offer = block.offer[places.backup].astype(np.int64)
    for pairs in rules.conflicts:
        found |= pairs.barred(places.customer, offer)
        which, other = pairs.against(places.customer, offer)
        theirs = places.customer[which] * pairs.n_offers + other
        beside = is_in(block.customer[given] * pairs.n_offers + block.offer[given], theirs)
        beside &= (other != block.offer[places.coupon[which]]) & (other != offer[which])
        found[which[beside]] = True
    return found


def _note(tally: Tally, problem: str, wrong: Mask) -> None:
    """Count backups that are wrong."""
    tally.add(f"backups: {COUNT} rows {problem}", int(wrong.sum()), "")
