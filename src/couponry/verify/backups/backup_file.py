"""Rows of backups, read some at a time beside the blocks of customers that are examined."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ...data import tables
from ...data.ids import count_before
from ...utils.errors import InvalidInput, first_line
from ..block import Block
from ..claims import Claims
from ..inputs import Inputs

FILE = "backups.parquet"
READ_ROWS = 1 << 17
"""Rows that are read at a time."""


class BackupFile:
    """Reads the backups of a result, and counts them.

    Parameters
    ----------
    inputs : Inputs
    claims : Claims
        Receives problems with the file as a whole.

    Attributes
    ----------
    is_there : bool
        Whether there are any to check.
    """

    def __init__(self, inputs: Inputs, claims: Claims):
        self._inputs = inputs
        self._batches: Iterator[pa.Table] = iter(())
        self._waiting: pa.Table | None = None
        self._counts = {"rows": 0, "customers": 0}
        asked = bool(inputs.data.backups)
        there = claims.is_result and claims.has(FILE)
        if claims.is_result and there != asked:
            claims.note(f"{FILE}: {'did not expect one' if there else 'missing'}")
        self.is_there = there and asked
        if self.is_there:
            self._batches = self._read(claims.path(FILE))

    def _read(self, path: Path) -> Iterator[pa.Table]:
        """The table, some rows at a time."""
        wanted = ["customer", "rank", "offer", "instead_of", "instead_of_customer", "reduced"]
        wanted += [*self._inputs.unit_columns, *self._inputs.claimed]
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
                self._counts["rows"] += len(rows)
                self._counts["customers"] += pc.count_distinct(rows["customer"]).as_py()
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
        parts = []
        while True:
            table = self._waiting if self._waiting is not None else next(self._batches, None)
            self._waiting = None
            if table is None:
                break
            end = self._end(table, stop)
            parts.append(table.slice(0, end))
            if end < len(table):
                self._waiting = table.slice(end)
                break
        return pa.concat_tables(parts) if parts else None

    def _end(self, table: pa.Table, stop: int) -> int:
        """How many rows of a table come before the first one of the customers from a number on."""
        ids = self._inputs.customer_ids
        theirs = tables.ids(table, "backups", "customer")
        if stop >= len(ids) or theirs.type != ids.type:
            return len(table)
        if self._inputs.data.units is None:
            return int(count_before(theirs, [ids[stop].as_py()])[0])
        later = np.flatnonzero(
            tables.positions(theirs, ids) >= stop
        )  # ids of units are in no order
        return int(later[0]) if len(later) else len(table)
