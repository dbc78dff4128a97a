"""Candidates from Parquet files to packed, beside PyArrow's bare decode of the same columns with the same threads.

    python benchmarks/cases/candidate_speed.py
    python benchmarks/cases/candidate_speed.py --customers 10000000 --folder DIR [--text] [--shuffled] [--touched]

Each part runs in a process of its own, several times in turn. `decode` reads row groups on all threads and drops them;
`floor` fills besides as much memory as packed candidates stay in, 9 bytes each, which no process can have sooner;
`memory` makes a campaign of the files and packs it; `store` does the same into a store. With --text, ids are text; with
--shuffled, customers come in any order; with --touched, each process has just filled memory and let go of it, so that
the machine need not find any. Seconds are of the clock and of processors; memory is the most that a process had, that
included. Of each figure the median of all rounds, the least and the largest.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from benchmarks.instances.synthetic import Synthetic
from benchmarks.support import files
from benchmarks.support.hardware import describe

from couponry import Campaign, CustomerRule, Limit
from couponry.utils.memory import peak_memory
from couponry.utils.parallel import parallel_map
from couponry.utils.threads import thread_count

BLOCKS_A_FILE = 32
COLUMNS = ["customer", "offer", "response"]

KEPT_BYTES = 9
"""Of a candidate: its offer, the response as given and in 16 bits, and 8 bits more."""

TOUCHED_KEEPS = 3
"""Times as much memory is filled and let go of beforehand, where that is asked for."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--text", action="store_true", help="ids are text")
    parser.add_argument("--shuffled", action="store_true", help="customers in another order")
    parser.add_argument("--touched", action="store_true", help="memory was in use just before")
    parser.add_argument("--folder", type=Path, help="of the files, kept; default: a temporary one")
    parser.add_argument("--part", choices=list(PARTS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        print(json.dumps(measured(arguments.part, arguments.folder, touched=arguments.touched)))
        return
    size = Synthetic(arguments.customers)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary) / "campaign"
        if not files.is_written(folder):
            write(folder, size, text=arguments.text, shuffled=arguments.shuffled)
        more = ["--touched"] if arguments.touched else []
        rounds = [
            {part: run(part, folder, more) for part in PARTS} for _ in range(arguments.rounds)
        ]
    report = {**describe(thread_count()), "candidates": size.customers * size.width}
    for part in PARTS:
        report[part] = {
            name: summary([found[part][name] for found in rounds]) for name in rounds[0][part]
        }
        for clock in ("seconds", "processor_seconds"):
            for base in ("decode", "floor"):
                ratios = [found[part][clock] / found[base][clock] for found in rounds]
                report[part][f"{clock}_by_those_of_{base}"] = summary(ratios)
    print(json.dumps(report, indent=1))


def write(folder: Path, size: Synthetic, *, text: bool, shuffled: bool) -> None:
    """Write the campaign's tables."""
    offers = size.offers_table()
    if text:
        offers = offers.set_column(0, "offer", as_text(offers["offer"], "offer-"))
    files.write(folder, offers, batches(size, text=text, shuffled=shuffled), BLOCKS_A_FILE)


def batches(size: Synthetic, *, text: bool, shuffled: bool) -> Iterator[pa.RecordBatch]:
    """The candidates; customers are scattered by a multiplication."""
    for batch in size.batches(thread_count()):
        if shuffled:
            customer = batch["customer"].to_numpy() * 1_000_003 % size.customers
            batch = batch.set_column(0, "customer", pa.array(customer))
        if text:
            batch = batch.set_column(0, "customer", as_text(batch["customer"], "customer-"))
            batch = batch.set_column(1, "offer", as_text(batch["offer"], "offer-"))
        yield batch


def as_text(ids: Any, prefix: str) -> Any:
    """Ids as text of one length, ordered as they are."""
    digits = pc.utf8_lpad(ids.cast(pa.string()), width=9, padding="0")
    return pc.binary_join_element_wise(prefix, digits, "")


def summary(values: list[float]) -> list[float]:
    """Median, least and largest."""
    return [round(f(values), 3) for f in (statistics.median, min, max)]


def run(part: str, folder: Path, more: list[str]) -> dict[str, float]:
    """What a process says that does one part of the work."""
    command = [sys.executable, __file__, "--part", part, "--folder", str(folder), *more]
    done = subprocess.run(command, check=True, capture_output=True)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measured(part: str, folder: Path, *, touched: bool) -> dict[str, float]:
    """Seconds and memory of a part; what is imported and started once is not counted."""
    with tempfile.TemporaryDirectory(dir=folder) as kept:
        tiny = Path(kept) / "tiny"
        write(tiny, Synthetic(100), text=False, shuffled=False)
        for some in PARTS.values():
            some(tiny, tiny)()
        made = PARTS[part](folder, Path(kept))
        if touched:
            np.ones(TOUCHED_KEEPS * KEPT_BYTES * rows_in(folder), np.uint8)
        started, processed = time.perf_counter(), time.process_time()
        made()
        seconds, processor_seconds = time.perf_counter() - started, time.process_time() - processed
    return {
        "seconds": seconds,
        "processor_seconds": processor_seconds,
        "peak_memory_gib": peak_memory() / 2**30,
    }


def rows_in(folder: Path) -> int:
    """How many candidates there are in files."""
    return sum(pq.read_metadata(path).num_rows for path in (folder / "candidates").iterdir())


def decode(folder: Path, kept: Path) -> Callable[[], None]:
    return partial(decode_groups, folder, 0)


def floor(folder: Path, kept: Path) -> Callable[[], None]:
    return partial(decode_groups, folder, KEPT_BYTES)


def decode_groups(folder: Path, kept_bytes: int) -> None:
    """Decode row groups on all threads, and fill so many bytes a row of memory that nobody has touched."""
    paths = sorted((folder / "candidates").glob("*.parquet"))
    footers = [pq.read_metadata(path) for path in paths]
    kept = np.empty(kept_bytes * sum(footer.num_rows for footer in footers), np.uint8)
    pa.set_cpu_count(thread_count())

    def read(place: tuple[Path, pq.FileMetaData, int, int]) -> None:
        path, metadata, group, start = place
        with pq.ParquetFile(path, metadata=metadata) as file:
            rows = len(file.read_row_group(group, COLUMNS, use_threads=False))
        kept[kept_bytes * start : kept_bytes * (start + rows)] = 1

    def places() -> Iterator[tuple[Path, pq.FileMetaData, int, int]]:
        start = 0
        for path, metadata in zip(paths, footers, strict=True):
            for group in range(metadata.num_row_groups):
                yield path, metadata, group, start
                start += metadata.row_group(group).num_rows

    for _ in parallel_map(read, places(), thread_count()):
        pass


def memory(folder: Path, kept: Path) -> Callable[[], None]:
    return lambda: pack(folder, None)


def store(folder: Path, kept: Path) -> Callable[[], None]:
    return lambda: pack(folder, kept / "store")


def pack(folder: Path, store: Path | None) -> None:
    """Read a campaign, and pack its candidates."""
    campaign = Campaign(
        folder / "offers.parquet",
        folder / "candidates",
        rules=[CustomerRule("slots", max=10)],
        limits=[Limit("budget", sum="cost", max=1e6)],
        store=store,
    )
    campaign.compile()


PARTS: dict[str, Callable[[Path, Path], Callable[[], None]]] = {
    "decode": decode,
    "floor": floor,
    "memory": memory,
    "store": store,
}


if __name__ == "__main__":
    main()
