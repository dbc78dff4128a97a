"""Puts aggregated purchases into the order of customers and products, out of core where they do not come so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .....data import tables
from .....data.ids import is_before
from .....kernels.affinity_contract import Pairs
from .....utils.errors import InvalidInput
from ..duckdb_session import DuckDBSession, Resources
from .aggregates import STATES, TABLE, AggregateBatch, AggregateReader


class OrderedAggregates:
    """Aggregates by customer and product: as they come if they come in order, else ordered by DuckDB.

    Parameters
    ----------
    reader : AggregateReader
        Read here once if it can be read again, to see whether it is in order.
    resources : Resources

    Attributes
    ----------
    items : pyarrow.Array
        Ids of the items, ascending; empty for trips. Known once the batches begin.
    half_lives : tuple of float
        In weeks.
    """

    def __init__(self, reader: AggregateReader, resources: Resources):
        self._reader, self._resources = reader, resources
        self.half_lives = reader.half_lives
        self.items = pa.array([], reader.key_types[-1])
        self._in_order = reader.repeatable and self._look()

    def _look(self) -> bool:
        """Return whether rows come in order; find the items if they do."""
        items, order = [self.items], _OrderCheck()
        for ids, _ in self._reader.batches():
            if len(ids[0]) == 0:
                continue
            if not order.continues(ids):
                return False
            if len(ids) > 1:
                items = [pc.unique(pa.concat_arrays([*items, ids[1]]))]
        self.items = tables.ranks(items[0])[1]
        return True

    def batches(self) -> Iterator[AggregateBatch]:
        """Read ids and states in order; each customer and product once.

        Yields
        ------
        list of pyarrow.Array, Pairs
            Ids by key, customer first, and states.

        Raises
        ------
        InvalidInput
            If a customer and product are there twice, or memory runs out.
        """
        yield from self._reader.batches() if self._in_order else self._sorted()

    def _sorted(self) -> Iterator[AggregateBatch]:
        """Read the rows in order from DuckDB; refuse those that are there twice."""
        keys, order = self._reader.keys, _OrderCheck()
        with DuckDBSession(self._resources, "ordering the aggregates") as session:
            with session.stream("rows", self._schema(), self._record_batches()):
                session.execute("CREATE TEMP TABLE kept AS SELECT * FROM rows")
            if len(keys) > 1:
                distinct = session.table("SELECT DISTINCT product FROM kept ORDER BY 1")
                self.items = tables.ids(distinct, TABLE, "product")
            for table in session.tables(f"SELECT * FROM kept ORDER BY {', '.join(keys)}"):
                ids = [tables.ids(table, TABLE, key) for key in keys]
                if not order.continues(ids):
                    raise InvalidInput(f"table {TABLE}: expected each {' and '.join(keys)} once")
                yield ids, self._states(table)

    def _schema(self) -> pa.Schema:
        """Return the schema of what DuckDB is given: keys, states, decayed counts."""
        n_half_lives = len(self.half_lives)
        states = Pairs.new(0, n_half_lives)
        fields = [*zip(self._reader.keys, self._reader.key_types, strict=True)]
        fields += [(name, pa.from_numpy_dtype(getattr(states, name).dtype)) for name in STATES]
        fields += [(f"decay_{h}", pa.float32()) for h in range(n_half_lives)]
        return pa.schema(fields)

    def _record_batches(self) -> Iterator[pa.RecordBatch]:
        schema = self._schema()
        for ids, states in self._reader.batches():
            columns = [*ids, *states[:-1], *states.decay.T]
            yield pa.record_batch([pa.array(column) for column in columns], schema=schema)

    def _states(self, table: pa.Table) -> Pairs:
        """Return the states of the rows that come back from DuckDB."""
        n_half_lives = len(self.half_lives)
        columns: list[Any] = [table[name].combine_chunks().to_numpy() for name in STATES]
        decay = [table[f"decay_{h}"].to_numpy() for h in range(n_half_lives)]
        shape = len(table), n_half_lives
        columns.append(np.stack(decay, axis=1) if decay else np.zeros(shape, np.float32))
        return Pairs(*columns)


class _OrderCheck:
    """Whether rows that come in batches ascend by their ids, each row's ids once."""

    def __init__(self) -> None:
        self._last: tuple[Any, ...] | None = None

    def continues(self, ids: list[pa.Array]) -> bool:
        """Return whether a batch ascends and comes after those before; it must have a row."""
        if not _ascends(ids) or (self._last is not None and not _is_before(self._last, ids)):
            return False
        self._last = tuple(one[len(one) - 1].as_py() for one in ids)
        return True


def _ascends(ids: list[pa.Array]) -> bool:
    """Return whether each row's ids come after those of the row before."""
    earlier, later = [one[:-1] for one in ids], [one[1:] for one in ids]
    after = pc.less(earlier[-1], later[-1])
    for a, b in zip(earlier[-2::-1], later[-2::-1], strict=True):
        after = pc.or_(pc.less(a, b), pc.and_(pc.equal(a, b), after))
    return pc.all(after).as_py() is not False


def _is_before(last: tuple[Any, ...], ids: list[pa.Array]) -> bool:
    """Return whether a row's ids come before those of the first row of others."""
    for a, one in zip(last, ids, strict=True):
        b = one[0].as_py()
        if a != b:
            return is_before(a, b)
    return False
