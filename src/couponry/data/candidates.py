"""The candidates of a campaign in canonical order: by customer, then by offer, whatever the order of the input."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ..utils.array_store import ArrayStore
from ..utils.derived_arrays import DerivedArrays, SharedArrays
from ..utils.errors import InvalidInput
from ..utils.parallel import parallel_map
from . import tables
from .candidate_checks import TABLE, Block, Intake
from .candidate_rows import Twice
from .external_sort import Runs
from .streams import Stream


@dataclass(frozen=True)
class Candidates:
    """Eligible (customer, offer) pairs; e pairs of n customers. The arrays are in memory or memory-mapped, read only.

    customers: the distinct customer ids in ascending order (n).
    indptr: int64 (n + 1). offer: uint16 (e), uint32 where there are more than 65,536 offers: row of the sorted offers.
    role: uint8 (e) role codes, or None. mandatory: uint8 (e), 1 for those that must be given, or None.
    columns: (e) each, the numeric columns that the campaign uses, as the user gave them: float32 where they were that,
    else float64.
    derived: where arrays go that are made of these.
    """

    customers: pa.Array
    indptr: NDArray[np.int64]
    offer: NDArray[np.uint16] | NDArray[np.uint32]
    role: NDArray[np.uint8] | None
    mandatory: NDArray[np.uint8] | None
    columns: dict[str, NDArray[Any]]
    derived: DerivedArrays = field(default_factory=SharedArrays)

    def __len__(self) -> int:
        return len(self.offer)


def build(stream: Stream, offers: pa.Array, space: ArrayStore, threads: int) -> Candidates:
    """Check the candidates table and put it into canonical order, a block at a time.

    stream: the columns customer and offer, role and mandatory or not, and the numeric columns to keep.
    offers: the offer ids in ascending order.

    Where the rows come by customer they are read and written once. Where they do not, sorted runs of them are written
    first and then merged.
    """
    intake = Intake(stream.schema, offers)
    runs = Runs(space, intake.dtypes, intake.kind, len(offers))
    try:
        for rows in parallel_map(intake.rows, _numbered(stream.blocks(runs.block_rows)), threads):
            runs.add(rows)
        whole = runs.finish(threads)
    except Twice as twice:
        raise InvalidInput(_said(twice, stream, offers)) from None
    if whole is None:
        raise InvalidInput("table candidates: expected at least one row, got none")
    columns = dict(whole.columns)
    offer, role = columns.pop("offer"), columns.pop("role", None)
    mandatory = columns.pop("mandatory", None)
    return Candidates(whole.customers, whole.ends, offer, role, mandatory, columns)


def _numbered(tables: Iterator[pa.Table]) -> Iterator[Block]:
    first_row = 0
    for table in tables:
        yield Block(table, first_row)
        first_row += len(table)


def _said(twice: Twice, stream: Stream, offers: pa.Array) -> str:
    """What is wrong with a pair that is there twice, with the row of its second time where rows can be read again."""
    offer = offers[twice.offer].as_py()
    pair = f"the pair of customer {twice.customer!r} and offer {offer!r} is there twice"
    times, first_row = 0, 0
    for table in stream.batches() if stream.repeatable else ():
        same = pc.and_(
            pc.equal(tables.ids(table, TABLE, "customer"), twice.customer),
            pc.equal(tables.ids(table, TABLE, "offer"), offer),
        )
        found = np.flatnonzero(same.to_numpy(zero_copy_only=False))
        if times + len(found) >= 2:
            return f"table candidates, row {first_row + int(found[1 - times])}: {pair}"
        times, first_row = times + len(found), first_row + len(table)
    return f"table candidates: {pair}"
