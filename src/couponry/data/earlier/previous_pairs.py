"""What an earlier plan gave, as a column of candidates: 1 where it gave the pair, else 0."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...utils.arrays.array_store import Arrays, ArrayStore
from ...utils.arrays.blocks import blocks
from ...utils.arrays.derived_arrays import DerivedArrays
from ...utils.arrays.mapped_arrays import release_pages
from ...utils.errors import InvalidInput
from ...utils.parallel import parallel_map
from .. import tables
from ..candidates import Candidates
from ..ids import positions_among
from ..streams import Stream

PREVIOUS = "previous"
"""What the column is called, and the table that it is made of."""

SOURCE = f"column {PREVIOUS}"
"""How what is made of the column names what it is made of."""

BATCH_PAIRS = 1 << 18
"""Pairs that a thread looks up at a time."""


class PairCounts(NamedTuple):
    """How many pairs an earlier plan gave.

    Attributes
    ----------
    pairs : int
        All of them.
    candidates : int
        Those that still can be given.
    """

    pairs: int
    candidates: int


def with_previous(
    candidates: Candidates, offers: pa.Array, given: Stream, threads: int
) -> tuple[Candidates, PairCounts]:
    """Add the column to candidates.

    Parameters
    ----------
    candidates : Candidates
    offers : pyarrow.Array
        Ids of the offers, ascending.
    given : Stream
        Columns `customer` and `offer` of the earlier plan, read once, a block at a time.
    threads : int

    Returns
    -------
    candidates : Candidates
        With a column of float32 more, where their other derived arrays are.
    counts : PairCounts

    Raises
    ------
    InvalidInput
        If ids are of another type than those of the candidates, or a pair is there twice.
    """
    found: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
    pairs = 0

    def look_up(table: pa.Table) -> tuple[int, NDArray[np.int64]]:
        return len(table), _positions(candidates, offers, table)

    for rows, at in parallel_map(look_up, given.blocks(lambda: BATCH_PAIRS), threads):
        pairs += rows
        found.append(at)
    position = np.concatenate(found)
    if not (position[1:] > position[:-1]).all():
        position.sort()
        twice = np.flatnonzero(position[1:] == position[:-1])
        if len(twice):
            raise InvalidInput(_twice(candidates, offers, int(position[twice[0]])))
    digest = hashlib.sha256(position.tobytes()).hexdigest()
    derived = _WithPrevious(candidates.derived, digest)
    columns = {**candidates.columns, PREVIOUS: derived.column(len(candidates), position)}
    return replace(candidates, columns=columns, derived=derived), PairCounts(pairs, len(position))


def _positions(candidates: Candidates, offers: pa.Array, table: pa.Table) -> NDArray[np.int64]:
    """Where the pairs of a table are among the candidates; those that are none are left out."""
    theirs, coupon = (tables.ids(table, PREVIOUS, name) for name in ("customer", "offer"))
    for ids, known, name in (
        (theirs, candidates.customers, "candidates"),
        (coupon, offers, "offers"),
    ):
        tables.check_kind_of_ids(ids, known, f"table {PREVIOUS}", name)
    customer, offer = (
        positions_among(theirs, candidates.customers),
        tables.positions(coupon, offers),
    )
    known = (customer >= 0) & (offer >= 0)
    customer, offer = customer[known], offer[known]
    low, end = candidates.indptr[customer], candidates.indptr[customer + 1]
    high = end.copy()
    while (open_ := np.flatnonzero(low < high)).size:  # each customer's offers ascend
        middle = (low[open_] + high[open_]) // 2
        below = candidates.offer[middle] < offer[open_]
        low[open_[below]] = middle[below] + 1
        high[open_[~below]] = middle[~below]
    inside = np.flatnonzero(low < end)
    at = low[inside]
    found: NDArray[np.int64] = at[candidates.offer[at] == offer[inside]]
    return found


def _twice(candidates: Candidates, offers: pa.Array, at: int) -> str:
    """That a pair is there twice."""
    who = int(np.searchsorted(candidates.indptr, at, side="right")) - 1
    customer, offer = candidates.customers[who].as_py(), offers[int(candidates.offer[at])].as_py()
    return f"table {PREVIOUS}: the pair of customer {customer!r} and offer {offer!r} is there twice"


@dataclass(frozen=True)
class _WithPrevious:
    """Arrays derived of candidates that have the column: what is made of it depends on the earlier plan.

    inner: those of the candidates without it. digest: of the earlier plan.
    """

    inner: DerivedArrays
    digest: str

    def get_or_make(
        self, kind: str, key: Sequence[str], make: Callable[[ArrayStore], Arrays]
    ) -> Arrays:
        """See `DerivedArrays`."""
        own = [*key, self.digest] if SOURCE in key else key
        return self.inner.get_or_make(kind, own, make)

    def column(self, candidates: int, position: NDArray[np.int64] | None) -> NDArray[np.float32]:
        """The column, 1 at these positions; None: it was made before."""

        def make(store: ArrayStore) -> Arrays:
            if position is None:
                raise InvalidInput(
                    f"table {PREVIOUS}: the store of its candidates has another earlier plan by now; "
                    "read the campaign again"
                )
            writer = store.writer(PREVIOUS, np.float32)
            for part in blocks(candidates):
                flags = np.zeros(part.stop - part.start, np.float32)
                first, last = np.searchsorted(position, [part.start, part.stop])
                flags[position[first:last] - part.start] = 1.0
                writer.append(flags)
            return {PREVIOUS: writer.finish()}

        found: NDArray[np.float32] = self.inner.get_or_make(PREVIOUS, [self.digest], make)[PREVIOUS]
        release_pages(found)
        return found

    @property
    def reopen(self) -> Any:
        """What is pickled in place of candidates in a store; candidates in memory have nothing of the kind."""
        return _Reopened(self, self.inner.reopen)  # type: ignore[attr-defined]


@dataclass(frozen=True)
class _Reopened:
    """Opens the store of candidates again, and adds the column that it keeps."""

    derived: _WithPrevious
    open: Callable[[], Candidates]

    def __call__(self) -> Candidates:
        candidates = self.open()
        column = self.derived.column(len(candidates), None)
        derived = _WithPrevious(candidates.derived, self.derived.digest)
        columns = {**candidates.columns, PREVIOUS: column}
        return replace(candidates, columns=columns, derived=derived)
