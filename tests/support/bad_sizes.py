"""Bad input: numbers, text and nesting of sizes that nothing can work with, and files that never end."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tests.support.campaign_draft import Case, Draft

INTEGER_BEYOND = {"400 digits": 10**400, "64 bits": 2**63, "128 bits": -(2**127)}
MANY_DIGITS = "9" * 5000


def no_text(kind: pa.DataType, values: list[bytes]) -> pa.Array:
    """Text that is no UTF-8, as a Parquet file can hold it."""
    ends = np.cumsum([0, *map(len, values)]).astype(np.int32)
    buffers = [None, pa.py_buffer(ends), pa.py_buffer(b"".join(values))]
    return pa.Array.from_buffers(pa.string(), len(values), buffers).cast(kind)


def broken(table: str, column: str, row: int) -> Callable[[Draft], Draft]:
    """A draft whose column is text, which is no UTF-8 in a row."""

    def spoil(draft: Draft) -> Draft:
        rows = range(draft.tables[table].num_rows)
        values = [b"reward" if column == "role" else f"v{n}".encode() for n in rows]
        values[row] = b"v\xff\x1b[31m"
        return draft.column(table, column, no_text(pa.string(), values))

    return spoil


def after(draft: Draft, change: Callable[[Path], None]) -> Draft:
    """A draft of which something is changed once it is written."""
    write = draft.write

    def write_and_change(folder: Path) -> None:
        write(folder)
        change(folder)

    draft.write = write_and_change  # type: ignore[method-assign]
    return draft


def toml(draft: Draft, text: str) -> Draft:
    """A draft with more text at the end of campaign.toml."""

    def append(folder: Path) -> None:
        with (folder / "campaign.toml").open("a", encoding="utf-8") as file:
            file.write(text)

    return after(draft, append)


def pipe(draft: Draft, name: str) -> Draft:
    """A draft with a pipe in place of a file."""

    def replace(folder: Path) -> None:
        (folder / name).unlink()
        os.mkfifo(folder / name)

    return after(draft, replace)


def device(draft: Draft, name: str) -> Draft:
    """A draft with an endless device in place of a file."""

    def replace(folder: Path) -> None:
        (folder / name).unlink()
        (folder / name).symlink_to("/dev/zero")

    return after(draft, replace)


BAD_SIZES: dict[str, Case] = {
    # ---- prices that only the allocation's cost is made of: found before the solve
    "null face value, though candidates have a value": (
        lambda d: d.put("offers", "face_value", 2, None),
        ("table offers", "'face_value'", "row 2", "number", "null"),
    ),
    "face value text, though candidates have a value": (
        lambda d: d.each("offers", "face_value", "1 EUR"),
        ("table offers", "'face_value'", "numbers", "string"),
    ),
    "issue cost infinite, though candidates have a value": (
        lambda d: d.put("offers", "issue_cost", 0, float("inf")),
        ("table offers", "'issue_cost'", "row 0", "finite", "inf"),
    ),
    # ---- numbers
    "value of 1e39": (
        lambda d: d.put("candidates", "value", 4, 1e39),
        ("table candidates", "'value'", "row 4", "1e+30", "1e+39"),
    ),
    "value of float32 near its end": (
        lambda d: d.put("candidates", "value", 4, 3e38).cast("candidates", "value", pa.float32()),
        ("table candidates", "'value'", "row 4", "1e+30", "e+38"),
    ),
    "cost of an offer of -1e300": (
        lambda d: d.put("offers", "margin", 1, -1e300).limit(sum="margin", max=3),
        ("table offers", "'margin'", "row 1", "1e+30", "-1e+300"),
    ),
    "min of -1e308 beside a soft ratio": (
        lambda d: d.says(limit=[
            {"name": "L", "ratio": ["value", "weight"], "min": 1.0, "mode": "soft", "penalty": 1.0},
            {"name": "M", "min": -1e308},
        ]),
        ("limit 'M'", "min", "1e+30", "-1e+308"),
    ),
    "penalty of 1e200": (
        lambda d: d.limit(max=3, mode="soft", penalty=1e200),
        ("limit 'L'", "penalty", "1e+30", "1e+200"),
    ),
    "bounds of a table of 1e31": (
        lambda d: d.bounds(supplier=[0, 1], max=[2.0, 1e31]),
        ("'L'", "'max'", "row 1", "1e+30", "1e+31"),
    ),
    **{
        f"limit: max of {name}": (
            lambda d, number=number: d.limit(max=number),
            ("limit 1 max", "64 bits", "digits" if number > 2**130 else str(number)),
        )
        for name, number in INTEGER_BEYOND.items()
    },
    "rule: max of 53 bits": (lambda d: d.rule(max=2**53), ("'R'", "max", "whole number", str(2**53))),
    "rule: where beyond 64 bits": (
        lambda d: d.rule(max=1, where={"day": {"min": 2**64}}),
        ("customer_rule 2 where day min", "64 bits", str(2**64)),
    ),
    "where: a list with 400 digits": (
        lambda d: d.limit(max=1, where={"day": [1, 10**400]}),
        ("limit 1 where day 2", "64 bits", "digits"),
    ),
    "5,000 digits": (
        lambda d: toml(d, f"\n[[limit]]\nmax = {MANY_DIGITS}\n"),
        ("campaign.toml", "64 bits", "thousands of digits"),
    ),
    "5,000 digits of base 16": (
        lambda d: toml(d, f"\n[[limit]]\nmax = 0x{'f' * 5000}\n"),
        ("campaign.toml: limit 1 max", "64 bits", "6,021 digits"),
    ),
    # ---- nesting and text
    "nested 3,000 deep": (
        lambda d: toml(d, "\n[[limit]]\nmax = " + "[" * 3000 + "]" * 3000 + "\n"),
        ("campaign.toml", "inside each other"),
    ),
    "nested 50 deep": (
        lambda d: toml(d, "\n[[limit]]\nmax = " + "[" * 50 + "]" * 50 + "\n"),
        ("campaign.toml: limit 1 max", "at most 16", "inside each other"),
    ),
    "a key of control characters": (
        lambda d: toml(d, '\n"\\u001b[2J" = 1\n'),
        ("unknown key", "\\x1b[2J"),
    ),
    "a name of 5,000 characters": (
        lambda d: d.limit(max="x").says(limit=[{"name": "n" * 5000, "max": "x"}]),
        ("limit 'nnn", "finite number"),
    ),
    "customers that are no text": (
        broken("candidates", "customer", 7),
        ("table candidates", "'customer'", "row 7", "UTF-8"),
    ),
    "offers that are no text": (broken("offers", "offer", 3), ("table offers", "'offer'", "row 3", "UTF-8")),
    "a column that by names is no text": (
        lambda d: broken("offers", "brand", 1)(d).limit(max=9, by="brand"),
        ("table offers", "'brand'", "row 1", "UTF-8"),
    ),
    "roles that are no text": (broken("candidates", "role", 5), ("table candidates", "'role'", "row 5", "UTF-8")),
    "a column of NaN that by names": (
        lambda d: d.each("offers", "shelf", float("nan")).limit(max=9, by="shelf"),
        ("limit 'L'", "'shelf'", "nan"),
    ),
    "a column of years beyond Python's that by names": (
        lambda d: d.column("offers", "until", pa.array([2**31 - 1] * 12, pa.int32()).view(pa.date32())).limit(
            max=9, by="until"
        ),
        ("limit 'L'", "'until'"),
    ),
    # ---- files that are waited for
    "a pipe as offers": (lambda d: pipe(d, "offers.parquet"), ("table offers", "pipe", "offers.parquet")),
    "a pipe as candidates": (lambda d: pipe(d, "candidates.parquet"), ("table candidates", "pipe")),
    "a device as candidates": (lambda d: device(d, "candidates.parquet"), ("table candidates", "device")),
    "a pipe as campaign.toml": (lambda d: pipe(d, "campaign.toml"), ("campaign.toml",)),
    "a name with a null byte": (lambda d: d.named(candidates="x\0y"), ("table candidates", "x\\x00y")),
    # ---- arguments
    "threads above the ceiling": (lambda d: d.asks("--threads", "1025"), ("threads", "1,024", "1025")),
    "threads of 400 digits": (lambda d: d.asks("--threads", "9" * 400), ("threads", "digits")),
    "seed of 5,000 digits": (lambda d: d.asks("--seed", MANY_DIGITS), ("--seed", "999")),
    "gap beyond floats": (lambda d: d.asks("--gap", "1e400"), ("gap", "inf")),
    "memory limit beyond floats": (lambda d: d.asks("--memory-limit", "9" * 400 + "GiB"), ("memory_limit", "8GiB")),
    "store that is no text": (lambda d: d.asks("--store", "\udcff"), ("--store", "UTF-8", "\\udcff")),
}  # fmt: skip

API_NUMBERS: tuple[Any, ...] = (10**400, 10**5000, -(10**5000), np.float64(1e31), float("nan"))
"""Numbers that no bound, penalty or gap can be."""
