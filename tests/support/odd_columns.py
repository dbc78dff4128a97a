"""Columns of every type that Arrow has, with nulls, NaN, infinities, huge and tiny numbers, and no text."""

from __future__ import annotations

import datetime
import decimal
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

Random = np.random.Generator

FLOATS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-300, 5e-324, 1e-38, 1e7, 1e15, 1e29, 1e30, 1e31, 1e38, 1e39, 1.7e308, -1e38,
          -1e308, float("nan"), float("inf"), float("-inf"))  # fmt: skip
INTEGERS = (
    0,
    1,
    -1,
    3,
    127,
    255,
    2**31 - 1,
    2**31,
    2**32,
    2**53,
    2**53 + 1,
    2**62,
    2**63 - 1,
    -(2**63),
)
TEXTS = (
    "",
    "A",
    "B",
    "a\nb",
    "\x00",
    "\x1b[31m",
    "\u202e",
    "é" * 300,
    "x" * 70_000,
    "1",
    "nan",
    "reward",
    "gold",
    "007",
)
NO_TEXT = (b"\xff", b"abc\xfe", b"\xed\xa0\x80", b"\xc0\xaf", b"A")


def _picked(random: Random, pool: tuple[Any, ...], length: int, few: int = 3) -> list[Any]:
    """A few of these, here and there, mostly the first of them."""
    chosen = [pool[i] for i in random.integers(0, len(pool), few)]
    return [chosen[i] for i in np.minimum(random.geometric(0.6, length) - 1, few - 1)]


def _with_nulls(random: Random, values: list[Any]) -> list[Any]:
    if random.random() < 0.5:
        return values
    share = random.choice([0.1, 0.5, 1.0])
    return [
        None if null else value
        for value, null in zip(values, random.random(len(values)) < share, strict=True)
    ]


def _integers(random: Random, n: int, kind: pa.DataType) -> pa.Array:
    info = np.iinfo(kind.to_pandas_dtype())
    pool = tuple(i for i in (*INTEGERS, info.min, info.max) if info.min <= i <= info.max)
    return pa.array(_with_nulls(random, _picked(random, pool, n)), kind)


def _floats(random: Random, n: int, kind: pa.DataType) -> pa.Array:
    with np.errstate(over="ignore"):
        values = np.array(_picked(random, FLOATS, n)).astype(kind.to_pandas_dtype())
    return pa.array(_with_nulls(random, list(values)), kind)


def _texts(random: Random, n: int, kind: pa.DataType) -> pa.Array:
    return pa.array(_with_nulls(random, _picked(random, TEXTS, n)), pa.string()).cast(kind)


def _no_texts(random: Random, n: int, kind: pa.DataType) -> pa.Array:
    values = pa.array(
        _with_nulls(random, _picked(random, NO_TEXT, n)),
        pa.large_binary() if "large" in str(kind) else pa.binary(),
    )
    return pa.Array.from_buffers(kind, n, values.buffers())


def _decimals(random: Random, n: int, kind: pa.DataType) -> pa.Array:
    pool = tuple(map(decimal.Decimal, ("0.01", "1", "1000", "1.25", "-3")))
    if kind.precision > 60:
        pool += (decimal.Decimal(10) ** 50,)
    return pa.array(_with_nulls(random, _picked(random, pool, n)), kind)


def _instants(random: Random, n: int, kind: pa.DataType) -> pa.Array:
    """Dates, times and durations, some of which Python does not have."""
    wide = kind.bit_width == 64
    pool = (
        0,
        1,
        19_000,
        86_399,
        -1,
        3_000_000,
        2**31 - 1,
        *((2**40, 2**62, -(2**62)) if wide else ()),
    )
    if pa.types.is_time(kind):
        pool = (0, 1, 86_399)
    values = np.array(_picked(random, pool, n), np.int64 if wide else np.int32)
    return (
        pa.array(values).view(kind)
        if random.random() < 0.5
        else _nulled(random, pa.array(values).view(kind))
    )


def _nulled(random: Random, column: pa.Array) -> pa.Array:
    return pc.if_else(
        pa.array(random.random(len(column)) < 0.2), pa.scalar(None, column.type), column
    )


def _lists(random: Random, n: int, kind: Callable[[pa.DataType], pa.DataType]) -> pa.Array:
    inner: Any = [pa.string(), pa.int64(), pa.float64(), pa.list_(pa.int8())][random.integers(4)]
    values = {pa.string(): "A", pa.int64(): 2, pa.float64(): float("nan")}.get(inner, [1])
    rows = [
        [None, [], [values], [values, None], [values, values]][i] for i in random.integers(0, 5, n)
    ]
    return pa.array(rows, kind(inner))


def _fixed_lists(random: Random, n: int) -> pa.Array:
    return pa.array(
        [[1, 2] if i else None for i in random.integers(0, 5, n)], pa.list_(pa.int64(), 2)
    )


def _maps(random: Random, n: int) -> pa.Array:
    return pa.array([[("a", 1)]] * n, pa.map_(pa.string(), pa.int64()))


def _unions(random: Random, n: int) -> pa.Array:
    kinds = pa.array(random.integers(0, 2, n), pa.int8())
    return pa.UnionArray.from_sparse(kinds, [pa.array(range(n)), pa.array(["x"] * n)])


def _run_ends(random: Random, n: int) -> pa.Array:
    return pc.run_end_encode(pa.array(_picked(random, (1, 2, None), n), pa.int64()))


def _uuids(random: Random, n: int) -> pa.Array:
    storage = pa.array([bytes([i % 250]) * 16 for i in range(n)], pa.binary(16))
    return pa.ExtensionArray.from_storage(pa.uuid(), storage)


def _tensors(random: Random, n: int) -> pa.Array:
    storage = pa.array([[1.0, 2.0]] * n, pa.list_(pa.float64(), 2))
    return pa.ExtensionArray.from_storage(pa.fixed_shape_tensor(pa.float64(), [2]), storage)


def _bool8(random: Random, n: int) -> pa.Array:
    return pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1] * n, pa.int8()))


def _months(random: Random, n: int) -> pa.Array:
    return pa.array([pa.MonthDayNano([1, 2, 3])] * n, pa.month_day_nano_interval())


def _of_type(
    make: Callable[[Random, int, Any], pa.Array], kind: Any
) -> Callable[[Random, int], pa.Array]:
    return lambda random, n: make(random, n, kind)


COLUMNS: dict[str, Callable[[Random, int], pa.Array]] = {
    "null": lambda random, n: pa.nulls(n),
    "bool": lambda random, n: pa.array(_with_nulls(random, _picked(random, (True, False), n))),
    **{str(kind): _of_type(_integers, kind) for kind in (pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(),
                                                         pa.uint16(), pa.uint32(), pa.uint64())},
    **{str(kind): _of_type(_floats, kind) for kind in (pa.float16(), pa.float32(), pa.float64())},
    **{str(kind): _of_type(_texts, kind) for kind in (pa.string(), pa.large_string(), pa.string_view(), pa.binary(),
                                                      pa.large_binary(), pa.binary_view())},
    "string that is no text": _of_type(_no_texts, pa.string()),
    "large_string that is no text": _of_type(_no_texts, pa.large_string()),
    "dictionary of no text": lambda random, n: _no_texts(random, n, pa.string()).dictionary_encode(),
    "fixed_size_binary": lambda random, n: pa.array([b"ab"] * n, pa.binary(2)),
    **{str(kind): _of_type(_decimals, kind) for kind in (pa.decimal32(9, 2), pa.decimal64(18, 2), pa.decimal128(38, 4),
                                                         pa.decimal256(76, 10))},
    **{str(kind): _of_type(_instants, kind) for kind in (
        pa.date32(), pa.date64(), pa.time32("s"), pa.time64("ns"), pa.timestamp("s"), pa.timestamp("ns"),
        pa.timestamp("us", "UTC"), pa.timestamp("us", "Mars/Olympus"), pa.duration("s"), pa.duration("ns"))},
    "dictionary of text": lambda random, n: _texts(random, n, pa.string()).dictionary_encode(),
    "dictionary of integers": lambda random, n: _integers(random, n, pa.int64()).dictionary_encode(),
    "dictionary of floats": lambda random, n: _floats(random, n, pa.float64()).dictionary_encode(),
    "list": _of_type(_lists, pa.list_),
    "large_list": _of_type(_lists, pa.large_list),
    "list_view": _of_type(_lists, pa.list_view),
    "fixed_size_list": _fixed_lists,
    "struct": lambda random, n: pa.array([{"a": 1, "b": "x"}] * n),
    "map": _maps,
    "union": _unions,
    "run_end_encoded": _run_ends,
    "uuid": _uuids,
    "tensor": _tensors,
    "bool8": _bool8,
    "interval": _months,
    "dates in Python": lambda random, n: pa.array([datetime.date(2024, 1, 1 + i % 28) for i in range(n)]),
}  # fmt: skip
"""A way to make a column of each type, by its name."""


def odd_column(random: Random, length: int) -> tuple[str, pa.Array]:
    """A column of any type, and what to call it."""
    kind = list(COLUMNS)[random.integers(len(COLUMNS))]
    return kind, COLUMNS[kind](random, length)
