"""Purchase histories from Parquet files of transactions, beside DuckDB's own GROUP BY and PyArrow's bare decode.

    python benchmarks/cases/affinity/history_speed.py
    python benchmarks/cases/affinity/history_speed.py --customers 10000000 --transactions DIR

Each part runs in a process of its own, one after the other, with the same files, threads and memory. `decode` reads all
columns and drops them; `duckdb` makes a table of its own by `GROUP BY customer, product ORDER BY customer, product`;
`ranges` adds up every range of customers once, as one command does it twice: for items' statistics, and for candidates.
`recorded` and `memory` build what users keep. `counted` is the same without what was paid, as one
command has it. With `--text`, ids of customers are text. Seconds are of the clock and of processors; memory is the most
that the process had.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from benchmarks.instances.synthetic_purchases import Shoppers
from benchmarks.support.hardware import describe

from couponry.affinity import PurchaseHistory
from couponry.affinity.history.building.from_transactions import GroupingOptions
from couponry.affinity.history.building.transactions import ReadOptions, Transactions
from couponry.affinity.history.ranged_history import ranged_history
from couponry.utils.memory import parse_size, peak_memory
from couponry.utils.parallel import parallel_map
from couponry.utils.threads import thread_count

HALF_LIVES = (1.0, 4.0, 16.0, 64.0)  # those of one command
COLUMNS = ["customer", "product", "week", "quantity", "spend", "discount"]
GROUPED = """
    CREATE TABLE grouped AS
    SELECT customer, product, count(*) AS times, min(week) AS first, max(week) AS last,
           count(*) FILTER (discount <> 0) AS discounted, sum(spend) AS spend
    FROM '{files}' WHERE quantity > 0
    GROUP BY customer, product ORDER BY customer, product
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--memory-limit", default="8GiB")
    parser.add_argument(
        "--transactions", type=Path, help="folder of the files, kept; default: a temporary one"
    )
    parser.add_argument(
        "--text", action="store_true", help="ids of customers are text, such as C00001234567"
    )
    parser.add_argument("--part", choices=list(PARTS), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.part:
        print(json.dumps(measured(arguments.part, arguments.transactions, arguments.memory_limit)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.transactions or Path(temporary) / "transactions"
        if not folder.exists():
            Shoppers(arguments.customers).write(folder, thread_count())
        if arguments.text:
            folder = with_text_ids(folder, Path(temporary) / "text")
        rows = sum(pq.read_metadata(path).num_rows for path in folder.glob("*.parquet"))
        parts = {part: run(part, folder, arguments.memory_limit) for part in PARTS}
    for found in parts.values():
        found["million_rows_per_second"] = rows / found["seconds"] / 1e6
        for clock in ("seconds", "processor_seconds"):
            found[f"{clock}_of_duckdb_by_these"] = parts["duckdb"][clock] / found[clock]
            found[f"{clock}_by_those_of_decode"] = found[clock] / parts["decode"][clock]
    report = {
        **describe(thread_count()),
        "customers": arguments.customers,
        "transactions": rows,
        "memory_limit": arguments.memory_limit,
        "text_ids": arguments.text,
        **parts,
    }
    print(json.dumps(report, indent=1))


def with_text_ids(folder: Path, written: Path) -> Path:
    """The same transactions with ids of customers that are text, in files of another folder."""
    written.mkdir()
    for path in folder.glob("*.parquet"):
        table = pq.read_table(path)
        digits = pc.utf8_lpad(table["customer"].cast(pa.string()), 11, "0")
        ids = pc.binary_join_element_wise("C", digits, "")
        place = table.column_names.index("customer")
        pq.write_table(table.set_column(place, "customer", ids), written / path.name)
    return written


def run(part: str, folder: Path, memory_limit: str) -> dict[str, Any]:
    """What a process says that does one part of the work."""
    command = [sys.executable, __file__, "--part", part]
    command += ["--transactions", str(folder), "--memory-limit", memory_limit]
    found: dict[str, Any] = json.loads(
        subprocess.run(command, check=True, capture_output=True).stdout
    )
    return found


def measured(part: str, folder: Path, memory_limit: str) -> dict[str, Any]:
    """Seconds, memory and pairs of a part; what is imported, started once and removed is not counted."""
    with tempfile.TemporaryDirectory() as kept:
        work = PARTS[part](folder, memory_limit, Path(kept))
        started, processed = time.perf_counter(), time.process_time()
        pairs = work()
        seconds, processor_seconds = time.perf_counter() - started, time.process_time() - processed
    return {
        "seconds": seconds,
        "processor_seconds": processor_seconds,
        "peak_memory_gib": round(peak_memory() / 2**30, 2),
        "pairs": pairs,
    }


def decode(folder: Path, memory_limit: str, kept: Path) -> Callable[[], int]:
    pa.set_cpu_count(thread_count())

    def work() -> int:
        for path in sorted(folder.glob("*.parquet")):
            with pq.ParquetFile(path, buffer_size=1 << 20) as file:
                for _ in file.iter_batches(1 << 17, columns=COLUMNS):
                    pass
        return 0

    return work


def duckdb(folder: Path, memory_limit: str, kept: Path) -> Callable[[], int]:
    import duckdb as engine

    settings = {
        "threads": thread_count(),
        "memory_limit": f"{parse_size(memory_limit, '--memory-limit')}B",
        "temp_directory": str(kept),
        "preserve_insertion_order": True,
    }
    connection = engine.connect(":memory:", config=settings)
    connection.execute("SELECT 1")

    def work() -> int:
        connection.execute(GROUPED.format(files=folder / "*.parquet"))
        return int(connection.execute("SELECT count(*) FROM grouped").fetchall()[0][0])

    return work


def ranges(folder: Path, memory_limit: str, kept: Path) -> Callable[[], int]:
    _start()
    return lambda: _ranges(folder, memory_limit, kept, with_spend=True)


def counted(folder: Path, memory_limit: str, kept: Path) -> Callable[[], int]:
    _start()
    return lambda: _ranges(folder, memory_limit, kept, with_spend=False)


def statistics(folder: Path, memory_limit: str, kept: Path) -> Callable[[], int]:
    _start()

    def work() -> int:
        options = GroupingOptions(
            memory=parse_size(memory_limit, "--memory-limit"), threads=thread_count()
        )
        read = Transactions.open(str(folder), None, ReadOptions(with_spend=False))
        with ranged_history(read, options, HALF_LIVES, kept) as history:
            return int(history.statistics().buyers.sum())

    return work


def _ranges(folder: Path, memory_limit: str, kept: Path, *, with_spend: bool) -> int:
    memory = parse_size(memory_limit, "--memory-limit")
    options = GroupingOptions(memory=memory, threads=thread_count())
    read = Transactions.open(str(folder), None, ReadOptions(with_spend=with_spend))
    with ranged_history(read, options, HALF_LIVES, kept) as history:
        return sum(parallel_map(lambda make: len(make()), history.parts(), history.threads))


def recorded(folder: Path, memory_limit: str, kept: Path) -> Callable[[], int]:
    _start()
    return lambda: _history(folder, folder=kept / "history", memory_limit=memory_limit)


def memory(folder: Path, memory_limit: str, kept: Path) -> Callable[[], int]:
    _start()
    return lambda: _history(folder)


def _start() -> None:
    """What is loaded at first use."""
    PurchaseHistory.from_transactions(pa.table({"customer": [1], "product": [1], "week": [1]}))


def _history(transactions: Path, **options: Any) -> int:
    return len(
        PurchaseHistory.from_transactions(str(transactions), half_lives=HALF_LIVES, **options)
    )


PARTS = {
    part.__name__: part for part in (decode, duckdb, ranges, counted, statistics, recorded, memory)
}

if __name__ == "__main__":
    main()
