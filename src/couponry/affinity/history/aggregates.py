"""Purchases that were aggregated elsewhere, checked and put into order: one row per customer and product."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ...data import tables
from ...data.ids import is_before
from ...data.streams import Stream, stream
from ...kernels.affinity_contract import Pairs
from ...utils.errors import InvalidInput
from ...utils.memory import size_text
from .grouping import MISSING, ROWS
from .purchases import MOST_SPEND, periods

TABLE = "aggregates"
STATES = ("times", "first", "last", "discounted", "spend")
MOST_TIMES = 1 << 30


@dataclass(frozen=True)
class Aggregates:
    """Aggregated purchases as they will be read: of customers and products, or of customers alone (trips).

    keys: `customer` and `product`, or `customer`. kinds: the types of those ids, int64 or large_string. half_lives: in
    weeks (H). as_of: whether decayed counts are as of each row's `last`, or as of the period `until`.
    """

    keys: tuple[str, ...]
    kinds: tuple[pa.DataType, ...]
    half_lives: tuple[float, ...]
    periods_a_week: int
    as_of: str
    until: int
    _stream: Stream
    _names: dict[str, str]

    @classmethod
    def of(
        cls,
        rows: Any,
        keys: Sequence[str],
        columns: Mapping[str, str] | None,
        half_lives: tuple[float, ...],
        periods_a_week: int,
        as_of: str,
        until: int,
    ) -> Aggregates:
        """Reads nothing yet but the schema; rows: as `stream.stream` takes them."""
        known = (*keys, *STATES, *(f"decay_{life:g}" for life in half_lives))
        renamed = dict(columns or {})
        names = {name: renamed.get(name, name) for name in known}
        found = stream(rows, TABLE, list(dict.fromkeys(names.values())))
        empty = found.schema.empty_table()
        tables.require(empty, TABLE, *(names[key] for key in (*keys, "times", "last")))
        kinds = tuple(tables.ids(empty, TABLE, names[key]).type for key in keys)
        return cls(tuple(keys), kinds, half_lives, periods_a_week, as_of, until, found, names)

    @property
    def repeatable(self) -> bool:
        return self._stream.repeatable

    def batches(self) -> Iterator[tuple[list[pa.Array], Pairs]]:
        """Ids by key, and states, as the rows come."""
        first_row = 0
        for table in self._stream.batches():
            yield self._checked(table, first_row)
            first_row += len(table)

    def _checked(self, table: pa.Table, first: int) -> tuple[list[pa.Array], Pairs]:
        names = self._names
        ids = [
            tables.ids(table, TABLE, names[key], first).cast(kind)
            for key, kind in zip(self.keys, self.kinds, strict=True)
        ]
        last = periods(table, names["last"], first, TABLE)
        there = {name for name in STATES if names[name] in table.column_names}
        begun = periods(table, names["first"], first, TABLE) if "first" in there else last
        _refuse(begun > last, names["first"], first, begun, "a period up to that of 'last'")
        times = self._whole(table, "times", first, np.ones(len(table)))
        span = last.astype(np.int64) - begun
        _refuse(times > span + 1, names["times"], first, times, "at most one for each period")
        _refuse(
            (times == 1) & (span > 0),
            names["times"],
            first,
            times,
            "more than 1 from 'first' to 'last'",
        )
        discounted = np.zeros(len(table), np.int32)
        if "discounted" in there:
            discounted = self._whole(table, "discounted", first, np.zeros(len(table)))
            _refuse(
                discounted > times, names["discounted"], first, discounted, "no more than 'times'"
            )
        spend = np.zeros(len(table), np.int64)
        if "spend" in there:
            money = tables.numbers(table, TABLE, names["spend"])
            _refuse(np.abs(money) > MOST_SPEND, names["spend"], first, money, "an amount of money")
            spend = np.floor(money * 100.0 + 0.5).astype(np.int64)
        decay = np.empty((len(table), len(self.half_lives)), np.float32)
        for h, life in enumerate(self.half_lives):
            name = names[f"decay_{life:g}"]
            if name in table.column_names:
                given = tables.exact_numbers(table, TABLE, name, first)
                decay[:, h] = self._as_of_last(given, times, last, life)
            else:
                decay[:, h] = evenly(times, span, life * self.periods_a_week)
        return ids, Pairs(times, begun, last, discounted, spend, decay)

    def _whole(
        self, table: pa.Table, key: str, first: int, least: NDArray[np.float64]
    ) -> NDArray[np.int32]:
        values = tables.numbers(table, TABLE, self._names[key])
        wrong = (values != np.floor(values)) | (values < least) | (values >= MOST_TIMES)
        _refuse(wrong, self._names[key], first, values, "a whole number of periods")
        return values.astype(np.int32)

    def _as_of_last(
        self, given: NDArray[Any], times: NDArray[np.int32], last: NDArray[np.int32], life: float
    ) -> NDArray[Any]:
        """Decayed counts as of each row's own last period, which counts 1."""
        if self.as_of == "last":
            return np.clip(given, 1.0, times)
        age = (self.until - last.astype(np.float64)) / self.periods_a_week
        with np.errstate(over="ignore", invalid="ignore"):
            grown = given.astype(np.float64) * np.exp2(age / life)
        return np.clip(np.nan_to_num(grown, nan=1.0, posinf=np.inf), 1.0, times)


class Ordered:
    """Aggregates by customer and product: as they come where they come so, else ordered by DuckDB, out of core.

    items: the ids of the items, ascending; empty for trips.
    """

    def __init__(self, rows: Aggregates, *, memory: int | None, threads: int, spill: Path | None):
        self._rows, self._memory, self._threads, self._spill = rows, memory, threads, spill
        self._in_order = rows.repeatable
        self.items = pa.array([], rows.kinds[-1])
        if self._in_order:
            self._in_order = self._look()

    def _look(self) -> bool:
        """Whether rows come in order; finds the items where they do."""
        items = [self.items]
        before: tuple[Any, ...] | None = None
        for ids, _ in self._rows.batches():
            if len(ids[0]) == 0:
                continue
            if not _ascends(ids) or (before is not None and not _before(before, ids)):
                return False
            before = tuple(one[len(one) - 1].as_py() for one in ids)
            if len(ids) > 1:
                items = [pc.unique(pa.concat_arrays([*items, ids[1]]))]
        self.items = tables.ranks(items[0])[1]
        return True

    def batches(self) -> Iterator[tuple[list[pa.Array], Pairs]]:
        """Ids and states in order; each customer and product once."""
        yield from self._rows.batches() if self._in_order else self._sorted()

    def _sorted(self) -> Iterator[tuple[list[pa.Array], Pairs]]:
        try:
            import duckdb
        except ImportError as error:
            raise ImportError(MISSING) from error
        rows = self._rows
        fields = [*zip(rows.keys, rows.kinds, strict=True)]
        states = Pairs.new(0, len(rows.half_lives))
        fields += [(name, pa.from_numpy_dtype(getattr(states, name).dtype)) for name in STATES]
        fields += [(f"decay_{h}", pa.float32()) for h in range(len(rows.half_lives))]
        schema = pa.schema(fields)
        failed: list[BaseException] = []

        def batches() -> Iterator[pa.RecordBatch]:
            try:
                for ids, found in rows.batches():
                    columns = [*ids, *found[:-1], *found.decay.T]
                    yield pa.record_batch([pa.array(c) for c in columns], schema=schema)
            except BaseException as error:
                failed.append(error)  # DuckDB would wrap it
                raise

        with tempfile.TemporaryDirectory(prefix="couponry-", dir=self._spill) as spill:
            settings: dict[str, Any] = {"threads": self._threads, "temp_directory": spill}
            if self._memory is not None:
                settings["memory_limit"] = f"{self._memory}B"
            with duckdb.connect(":memory:", config=settings) as connection:
                connection.register("rows", pa.RecordBatchReader.from_batches(schema, batches()))
                try:
                    connection.execute("CREATE TEMP TABLE kept AS SELECT * FROM rows")
                    if len(rows.keys) > 1:
                        distinct = connection.sql("SELECT DISTINCT product FROM kept ORDER BY 1")
                        self.items = tables.ids(distinct.to_arrow_table(), TABLE, "product")
                    found = connection.sql(f"SELECT * FROM kept ORDER BY {', '.join(rows.keys)}")
                    before: tuple[Any, ...] | None = None
                    for batch in found.to_arrow_reader(ROWS):
                        table = pa.table(batch)
                        ids = [tables.ids(table, TABLE, key) for key in rows.keys]
                        if not _ascends(ids) or (before is not None and not _before(before, ids)):
                            raise InvalidInput(
                                f"table {TABLE}: expected each {' and '.join(rows.keys)} once"
                            )
                        before = tuple(one[len(one) - 1].as_py() for one in ids)
                        yield ids, _states(table, len(rows.half_lives))
                except duckdb.OutOfMemoryException as error:
                    allowed = (
                        "what is available" if self._memory is None else size_text(self._memory)
                    )
                    raise InvalidInput(
                        f"memory: ordering the aggregates needs more than {allowed}: {tables.first_line(error)}"
                    ) from None
                except Exception:
                    if failed:
                        raise failed[0] from None
                    raise


def evenly(times: NDArray[np.int32], span: NDArray[np.int64], life: float) -> NDArray[np.float64]:
    """Decayed counts as of the last of `times` purchases that lie evenly over `span` periods.

    A geometric series: (1 - q ** times) / (1 - q), q being what is left of a purchase at the next one.
    """
    gap = span / np.maximum(times - 1, 1)
    q = np.exp2(-gap / life)
    rest = -np.expm1(-gap / life * np.log(2.0))  # 1 - q, exact near 0
    with np.errstate(invalid="ignore", divide="ignore"):
        series = (1.0 - q ** times.astype(np.float64)) / rest
    return np.where(rest > 0, series, 1.0)


def _states(table: pa.Table, half_lives: int) -> Pairs:
    columns: list[Any] = [table[name].combine_chunks().to_numpy() for name in STATES]
    decay = [table[f"decay_{h}"].to_numpy() for h in range(half_lives)]
    shape = len(table), half_lives
    columns.append(np.stack(decay, axis=1) if decay else np.zeros(shape, np.float32))
    return Pairs(*columns)


def _ascends(ids: list[pa.Array]) -> bool:
    """Whether each row's ids come after those of the row before."""
    earlier, later = [one[:-1] for one in ids], [one[1:] for one in ids]
    after = pc.less(earlier[-1], later[-1])
    for a, b in zip(earlier[-2::-1], later[-2::-1], strict=True):
        after = pc.or_(pc.less(a, b), pc.and_(pc.equal(a, b), after))
    return pc.all(after).as_py() is not False


def _before(last: tuple[Any, ...], ids: list[pa.Array]) -> bool:
    """Whether a row's ids come before those of the first of others."""
    for a, one in zip(last, ids, strict=True):
        b = one[0].as_py()
        if a != b:
            return is_before(a, b)
    return False


def _refuse(
    wrong: NDArray[np.bool_], name: str, first: int, values: NDArray[Any], expected: str
) -> None:
    if wrong.any():
        row = int(wrong.argmax())
        raise InvalidInput(
            f"table {TABLE}, column {name!r}, row {first + row}: expected {expected}, got {values[row]:g}"
        )
