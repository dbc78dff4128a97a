"""A benchmark's campaign as Parquet files in a folder, written once: candidates/part-*.parquet and offers.parquet."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def is_written(folder: Path) -> bool:
    """Whether the folder has all of its files."""
    return (folder / "offers.parquet").exists()


def write(
    folder: Path, offers: pa.Table, candidates: Iterator[pa.RecordBatch], batches_a_file: int
) -> None:
    """Write both tables; the offers last, which says that all is there."""
    (folder / "candidates").mkdir(parents=True, exist_ok=True)
    for part, batch in enumerate(candidates):
        file = folder / "candidates" / f"part-{part:05}.parquet"
        with pq.ParquetWriter(file, batch.schema, use_dictionary=["offer"]) as writer:
            for one in (batch, *itertools.islice(candidates, batches_a_file - 1)):
                writer.write_batch(one)
    pq.write_table(offers, folder / "offers.parquet")
