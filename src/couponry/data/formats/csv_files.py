"""CSV files as tables: what looks like a code is text, so that it stays as it was written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

IDS = ("customer", "offer", "offer_a", "offer_b", "product")
"""Columns that hold integers or text, whatever they look like."""

BLOCK_BYTES = 1 << 24
"""Bytes of a file that are looked at together."""

SEPARATORS = np.frombuffer(b',\n\r" -+', np.uint8)
"""What may stand before a number."""


def read_csv(path: Path, codes: Sequence[str] = ()) -> pa.Table:
    """Read a CSV file.

    Types are found out from the values. A column of whole numbers of which any is written with a leading zero, such as
    007, is text; so are ids that are neither whole numbers nor text.

    Parameters
    ----------
    path : Path
    codes : sequence of str
        Columns that are text, whatever they look like.

    Returns
    -------
    pyarrow.Table

    Raises
    ------
    pyarrow.ArrowInvalid
    """
    try:
        table = pa.csv.read_csv(path)
    except pa.ArrowInvalid:  # again, on one thread: only then does the error say in which line
        table = pa.csv.read_csv(path, read_options=pa.csv.ReadOptions(use_threads=False))
    if len(set(table.column_names)) < table.num_columns:
        return table  # refused by whoever wants a column
    whole = [f.name for f in table.schema if pa.types.is_integer(f.type)]
    doubtful = whole if whole and _has_leading_zero(path) else []
    others = [
        f.name
        for f in table.schema
        if f.name in codes or (f.name in IDS and not _holds_ids(f.type))
    ]
    doubtful = [name for name in doubtful if name not in codes]
    if not doubtful and not others:
        return table
    texts = _as_text(path, [*doubtful, *others])
    for name in [*doubtful, *others]:
        if name in others or _is_code(texts[name]):
            table = table.set_column(table.column_names.index(name), name, texts[name])
    return table


def is_csv(path: Path) -> bool:
    """Tell whether a file is a CSV file, by its name.

    Parameters
    ----------
    path : Path

    Returns
    -------
    bool
    """
    return path.suffix.lower() == ".csv"


def text_in_some(schemas: Sequence[pa.Schema]) -> list[str]:
    """List the columns that are text in some files of a table, and whole numbers in others.

    Parameters
    ----------
    schemas : sequence of pyarrow.Schema
        Of the files.

    Returns
    -------
    list of str
    """
    kinds: dict[str, set[bool]] = {}
    for field in (field for schema in schemas for field in schema):
        is_text = pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        if is_text or pa.types.is_integer(field.type):
            kinds.setdefault(field.name, set()).add(is_text)
    return [name for name, kind in kinds.items() if len(kind) > 1]


def _holds_ids(kind: pa.DataType) -> bool:
    """Whether a column of this type holds integers or text, or nothing."""
    return bool(pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_null(kind))


def _is_code(texts: pa.ChunkedArray) -> bool:
    """Whether any of these whole numbers is written with a leading zero."""
    return bool(pc.any(pc.match_substring_regex(texts, r"^\s*[+-]?0[0-9]")).as_py())


def _as_text(path: Path, names: list[str]) -> pa.Table:
    """Columns of a file as text; nothing at all is null."""
    options = pa.csv.ConvertOptions(
        include_columns=names,
        column_types=dict.fromkeys(names, pa.string()),
        strings_can_be_null=True,
        null_values=[""],
    )
    return pa.csv.read_csv(path, convert_options=options)


def _has_leading_zero(path: Path) -> bool:
    """Whether something in a file may be a whole number with a leading zero."""
    if path.stat().st_size == 0:
        return False
    data = np.memmap(path, np.uint8, "r")
    for start in range(0, len(data), BLOCK_BYTES):
        block = data[start : start + BLOCK_BYTES + 2]
        zero = block[1:-1] == ord("0")
        digit = (block[2:] >= ord("0")) & (block[2:] <= ord("9"))
        if (zero & digit & np.isin(block[:-2], SEPARATORS)).any():
            return True
    return False
