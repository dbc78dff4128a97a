"""Large Parquet files as streams: every row once and in order, in memory that does not grow with the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from couponry import InvalidInput
from couponry.data import streams
from couponry.data.formats import parquet_rows
from couponry.data.formats.parquet_metadata import read_parquet_metadata


@pytest.mark.parametrize("opened", [1, 1000, 2500, 1 << 20])
def test_rows_come_once_and_in_order(
    opened: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_rows, "OPENED_ROWS", opened)
    table = pa.table({"a": np.arange(7_321), "b": np.arange(7_321) % 7})
    for part, rows in enumerate((slice(0, 4_000), slice(4_000, 4_000), slice(4_000, None))):
        pq.write_table(table[rows], tmp_path / f"part-{part}.parquet", row_group_size=1_000)
    stream = streams.stream_files(tmp_path.parent, tmp_path.name, "t", ["a", "b"])
    assert pa.concat_tables(stream.batches()).equals(table)
    blocks = list(stream.blocks(lambda: 1_500))
    assert [len(block) for block in blocks] == [1_500] * 4 + [1_321]


def test_row_groups_that_were_read_are_let_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each row group of a file takes memory until the last one is read."""
    values = np.random.default_rng(0).random(400_000)
    pq.write_table(pa.table({"a": values}), tmp_path / "t.parquet", row_group_size=10_000)
    monkeypatch.setattr(parquet_rows, "BATCH_ROWS", 10_000)
    monkeypatch.setattr(parquet_rows, "OPENED_ROWS", 10_000)
    stream = streams.stream_files(tmp_path, "t.parquet", "t", ["a"])
    before = pa.total_allocated_bytes()
    held = [pa.total_allocated_bytes() - before for _ in stream.batches()]
    assert len(held) == 40
    assert max(held) < values.nbytes / 2, held


def test_damaged_footers_are_errors(tmp_path: Path) -> None:
    """PyArrow ends the process where it is asked for statistics of some of them."""
    path = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"customer": [1, 2, None, 4], "x": ["a", "b", None, "d"]}), path, row_group_size=2
    )
    whole = path.read_bytes()
    footer = int.from_bytes(whole[-8:-4], "little")
    refused = 0
    for bit in range(8 * (len(whole) - 8 - footer), 8 * (len(whole) - 4), 23):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        path.write_bytes(damaged)
        try:
            read_parquet_metadata(tmp_path, "a.parquet", "customers", "customer")
        except InvalidInput:
            refused += 1
    assert refused > 20
