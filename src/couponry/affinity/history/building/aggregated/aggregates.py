"""Purchases that were aggregated elsewhere, checked while they are read: one row per customer and product."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from .....data import tables
from .....data.arrow_columns import one_array
from .....data.streams import Stream, stream
from .....data.table_files import empty_table
from .....kernels.affinity_contract import Pairs
from .....utils.arrays.bits import LOWEST, WORD, count_bits
from .....utils.checks import refuse_unknown_keys
from .....utils.errors import InvalidInput
from ...history_arrays import HistoryArrays
from ...periods import PERIODS_PER_WEEK, read_periods
from ..even_spacing import even_decay, even_recent, even_squared_gaps
from ..money import MAX_SPEND, in_hundredths

TABLE = "aggregates"
STATES = ("times", "first", "last", "discounted", "spend", "squared_gaps", "recent")
MAX_TIMES = 1 << 30
"""Periods that a row may count stay below this, so that int32 holds their sums."""

AggregateBatch = tuple[list[pa.Array], Pairs]
"""Ids by key, customer first, and states: one row of each for a customer and product, or for a customer."""


@dataclass(frozen=True)
class AggregateOptions:
    """How aggregated purchases are read; arguments of `PurchaseHistory.from_aggregates`.

    Attributes
    ----------
    unit : {"day", "week"}
        What a period is.
    columns : mapping of str to str, optional
        Names of the columns where they are others.
    half_lives : tuple of float
        In weeks.
    as_of : {"last", "until"}
        Whether decayed counts are as of each row's `last`, or as of the period `until`.
    start, until : int, optional
        First and last period that are covered; None: those that are there.
    """

    unit: str
    columns: Mapping[str, str] | None
    half_lives: tuple[float, ...]
    as_of: str
    start: int | None
    until: int | None

    def __post_init__(self) -> None:
        """Refuse what makes no sense in itself."""
        if self.unit not in PERIODS_PER_WEEK:
            raise InvalidInput(f"unit: expected day or week, got {self.unit!r}")
        if self.as_of not in ("last", "until"):
            raise InvalidInput(f"as_of: expected last or until, got {self.as_of!r}")
        if self.until is None and self.as_of == "until":
            raise InvalidInput("until: expected the period that decayed counts are as of")

    @property
    def periods_per_week(self) -> int:
        """Periods in a week: 7 or 1."""
        return PERIODS_PER_WEEK[self.unit]


class AggregateReader:
    """Reads aggregated purchases a batch at a time, and checks them.

    Parameters
    ----------
    rows : what `couponry.data.streams.stream` takes
        Nothing is read yet but the schema.
    keys : sequence of str
        "customer" and "product", or "customer" alone: trips.
    options : AggregateOptions

    Attributes
    ----------
    keys : tuple of str
    key_types : tuple of pyarrow.DataType
        Types of the ids by key: int64 or large_string.
    """

    def __init__(self, rows: Any, keys: Sequence[str], options: AggregateOptions):
        decays = tuple(f"decay_{half_life:g}" for half_life in options.half_lives)
        renamed = dict(options.columns or {})
        refuse_unknown_keys(renamed, {*keys, *STATES, *decays, "product"}, "columns")
        self._names = {name: renamed.get(name, name) for name in (*keys, *STATES, *decays)}
        self._options = options
        self._stream: Stream = stream(rows, TABLE, list(dict.fromkeys(self._names.values())))
        empty = empty_table(self._stream.schema)
        tables.require(empty, TABLE, *(self._names[key] for key in (*keys, "times", "last")))
        self.keys = tuple(keys)
        self.key_types = tuple(tables.ids(empty, TABLE, self._names[key]).type for key in keys)

    @property
    def half_lives(self) -> tuple[float, ...]:
        """Half-lives of the decayed counts, in weeks."""
        return self._options.half_lives

    @property
    def repeatable(self) -> bool:
        """Whether the rows can be read more than once."""
        return self._stream.repeatable

    def batches(self) -> Iterator[AggregateBatch]:
        """Read the rows as they come.

        Yields
        ------
        list of pyarrow.Array, Pairs
            Ids by key, customer first, and states.

        Raises
        ------
        InvalidInput
            With the first row that makes no sense.
        """
        first_row = 0
        for table in self._stream.batches():
            yield _BatchReader(table, first_row, self._names, self._options).read(self)
            first_row += len(table)


class _BatchReader:
    """Checks the rows of one batch."""

    def __init__(
        self, table: pa.Table, first_row: int, names: dict[str, str], options: AggregateOptions
    ):
        self._table, self._first_row = table, first_row
        self._names, self._options = names, options

    def read(self, reader: AggregateReader) -> AggregateBatch:
        """Return ids by key, and states."""
        ids = [
            tables.ids(self._table, TABLE, self._names[key], self._first_row).cast(kind)
            for key, kind in zip(reader.keys, reader.key_types, strict=True)
        ]
        first, last = self._first_and_last()
        span = last.astype(np.int64) - first
        times = self._times(span)
        return ids, Pairs(
            times,
            first,
            last,
            self._discounted(times),
            self._spend(),
            self._squared_gaps(times, span),
            self._recent(times, span),
            self._decay(times, span, last),
        )

    def _first_and_last(self) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the first and the last period of each row; the last alone if there is no column of the first."""
        last = read_periods(self._table, self._names["last"], self._first_row, TABLE)
        first = last
        if self._has("first"):
            first = read_periods(self._table, self._names["first"], self._first_row, TABLE)
        self._refuse(first > last, "first", first, "a period up to that of 'last'")
        return first, last

    def _times(self, span: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return in how many periods each was bought; there are span + 1 from the first to the last."""
        times = self._whole_numbers("times", np.ones(len(self._table)))
        self._refuse(times > span + 1, "times", times, "at most one for each period")
        self._refuse(
            (times == 1) & (span > 0), "times", times, "more than 1 from 'first' to 'last'"
        )
        return times

    def _discounted(self, times: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return in how many periods each was bought at a discount."""
        if not self._has("discounted"):
            return np.zeros(len(self._table), np.int32)
        discounted = self._whole_numbers("discounted", np.zeros(len(self._table)))
        self._refuse(discounted > times, "discounted", discounted, "no more than 'times'")
        return discounted

    def _spend(self) -> NDArray[np.int64]:
        """Return spend in hundredths."""
        if not self._has("spend"):
            return np.zeros(len(self._table), np.int64)
        money = tables.numbers(self._table, TABLE, self._names["spend"])
        self._refuse(np.abs(money) > MAX_SPEND, "spend", money, "an amount of money")
        return in_hundredths(money)

    def _squared_gaps(self, times: NDArray[np.int32], span: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the sum of squared gaps, which is least where they are even, and most where all but one are 1."""
        least = even_squared_gaps(times, span)
        if not self._has("squared_gaps"):
            return least
        values = tables.numbers(self._table, TABLE, self._names["squared_gaps"])
        short = np.maximum(times.astype(np.int64) - 2, 0)
        most = (span - short) ** 2 + short
        wrong = (values != np.floor(values)) | (values < least) | (values > most)
        self._refuse(wrong, "squared_gaps", values, "what 'times', 'first' and 'last' allow")
        return values.astype(np.int64)

    def _recent(self, times: NDArray[np.int32], span: NDArray[np.int64]) -> NDArray[np.uint64]:
        """Return which of the last 64 periods up to the last purchase are among the times."""
        if not self._has("recent"):
            return even_recent(times, span)
        recent = self._words("recent")
        self._refuse(recent % 2 == 0, "recent", recent, "bit 0 set, that of 'last'")
        beyond = recent > LOWEST[np.minimum(span + 1, WORD)]
        self._refuse(beyond, "recent", recent, "no bits set of periods before 'first'")
        older = times - count_bits(recent)  # which have to lie before the 64 periods
        room = np.maximum(span + 1 - WORD, 0)  # for them, from the first period on
        wrong = (older < np.minimum(room, 1)) | (older > room)
        wrong |= (room == 0) & (recent >> np.minimum(span, WORD - 1).astype(np.uint64) == 0)
        self._refuse(wrong, "recent", recent, "the bits that 'times' and 'first' ask for")
        return recent

    def _decay(
        self, times: NDArray[np.int32], span: NDArray[np.int64], last: NDArray[np.int32]
    ) -> NDArray[np.float32]:
        """Return decayed counts as of each row's last period, shape (n_rows, n_half_lives)."""
        half_lives = self._options.half_lives
        decay = np.empty((len(self._table), len(half_lives)), np.float32)
        for h, half_life in enumerate(half_lives):
            name = self._names[f"decay_{half_life:g}"]
            if name in self._table.column_names:
                given = tables.exact_numbers(self._table, TABLE, name, self._first_row)
                decay[:, h] = self._as_of_last(given, times, last, half_life)
            else:
                periods = half_life * self._options.periods_per_week
                decay[:, h] = even_decay(times, span, periods)
        return decay

    def _as_of_last(
        self,
        given: NDArray[Any],
        times: NDArray[np.int32],
        last: NDArray[np.int32],
        half_life: float,
    ) -> NDArray[Any]:
        """Return decayed counts as of each row's own last period, which counts 1."""
        clipped: NDArray[Any]
        if self._options.as_of == "last":
            clipped = np.clip(given, 1.0, times)
            return clipped
        until = self._options.until or 0
        age = (until - last.astype(np.float64)) / self._options.periods_per_week
        with np.errstate(over="ignore", invalid="ignore"):
            grown = given.astype(np.float64) * np.exp2(age / half_life)
        clipped = np.clip(np.nan_to_num(grown, nan=1.0, posinf=np.inf), 1.0, times)
        return clipped

    def _has(self, state: str) -> bool:
        return self._names[state] in self._table.column_names

    def _whole_numbers(self, state: str, least: NDArray[np.float64]) -> NDArray[np.int32]:
        """Return a column of whole numbers from `least` up."""
        values = tables.numbers(self._table, TABLE, self._names[state])
        wrong = (values != np.floor(values)) | (values < least) | (values >= MAX_TIMES)
        self._refuse(wrong, state, values, "a whole number of periods")
        return values.astype(np.int32)

    def _words(self, state: str) -> NDArray[np.uint64]:
        """Return a column of 64 bits each."""
        name = self._names[state]
        column = self._table[name]
        if not pa.types.is_integer(column.type):
            raise InvalidInput(
                f"table {TABLE}, column {name!r}: expected whole numbers of 64 bits, got {column.type}"
            )
        if column.null_count:
            row = self._first_row + pc.index(pc.is_null(column), True).as_py()
            raise InvalidInput(
                f"table {TABLE}, column {name!r}, row {row}: expected a number, got null"
            )
        wide = pa.int64() if pa.types.is_signed_integer(column.type) else pa.uint64()
        words: NDArray[np.uint64] = one_array(column.cast(wide)).to_numpy().view(np.uint64)
        return words

    def _refuse(
        self, wrong: NDArray[np.bool_], state: str, values: NDArray[Any], expected: str
    ) -> None:
        """Refuse the first of the rows that are wrong."""
        if wrong.any():
            row = int(wrong.argmax())
            raise InvalidInput(
                f"table {TABLE}, column {self._names[state]!r}, row {self._first_row + row}: "
                f"expected {expected}, got {_number_text(values[row])}"
            )


def _number_text(value: Any) -> str:
    """Return a number for a message: whole numbers as they are."""
    return str(value) if isinstance(value, np.integer) else f"{value:g}"


def aggregate_tables(
    history: HistoryArrays, half_lives: tuple[float, ...]
) -> tuple[pa.Table, pa.Table]:
    """Return a history's pairs and trips as aggregated purchases.

    Parameters
    ----------
    history : HistoryArrays
    half_lives : tuple of float
        In weeks.

    Returns
    -------
    pairs : pyarrow.Table
        Columns customer, product, and the states.
    trips : pyarrow.Table
        Columns customer, and the states.
    """
    customer = np.repeat(np.arange(len(history.customers)), np.diff(history.indptr))
    ids = {
        "customer": history.customers.take(pa.array(customer)),
        "product": history.items.take(pa.array(history.item.astype(np.int64))),
    }
    return (
        pa.table({**ids, **_state_columns(history.pairs, half_lives)}),
        pa.table({"customer": history.customers, **_state_columns(history.trips, half_lives)}),
    )


def _state_columns(states: Pairs, half_lives: tuple[float, ...]) -> dict[str, Any]:
    columns: dict[str, Any] = {name: getattr(states, name) for name in STATES}
    columns["spend"] = states.spend / 100.0
    for h, half_life in enumerate(half_lives):
        columns[f"decay_{half_life:g}"] = np.ascontiguousarray(states.decay[:, h])
    return columns
