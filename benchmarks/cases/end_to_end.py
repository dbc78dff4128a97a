"""From Parquet files of transactions to Parquet files of an allocation, by the one command `couponry solve`.

    python benchmarks/cases/end_to_end.py --customers 100000
    python benchmarks/cases/end_to_end.py --customers 10000000 --memory-limit 20GiB --folder DIR

The campaign folder is made of synthetic shoppers first, if it is not there yet, and the package's modules are compiled,
as pip does when it installs them; that is not timed. Stages are those of
the command's result.json; memory is the most that the command had. `--beside-others` says what each stage would take
with the cores to itself (Linux).
"""

from __future__ import annotations

import argparse
import compileall
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
import pyarrow.parquet as pq
from benchmarks.instances.synthetic_purchases import Shoppers
from benchmarks.support.free_cores import looked_at, with_cores_to_itself
from benchmarks.support.hardware import describe

import couponry
from couponry.utils.threads import thread_count
from couponry.utils.toml_writer import dumps


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument("--memory-limit", default="20GiB")
    parser.add_argument(
        "--folder", type=Path, help="of the campaign, kept; default: a temporary one"
    )
    parser.add_argument(
        "--beside-others", action="store_true", help="others work on the machine: see above"
    )
    arguments = parser.parse_args()
    size = Shoppers(arguments.customers)
    compileall.compile_dir(Path(couponry.__file__).parent, quiet=2)
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary) / "campaign"
        if not (folder / "campaign.toml").exists():
            write(size, folder)
        out, store = folder / "out", folder / "store"
        shutil.rmtree(store, ignore_errors=True)
        command = [
            sys.executable,
            "-m",
            "couponry",
            "solve",
            str(folder),
            "--out",
            str(out),
            "--overwrite",
        ]
        command += ["--store", str(store), "--memory-limit", arguments.memory_limit]
        started = time.perf_counter()
        looks = looked_at(command) if arguments.beside_others else []
        if not looks:
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        report = {
            **describe(thread_count()),
            "transactions": sum(
                pq.read_metadata(f).num_rows for f in parquet(folder / "transactions")
            ),
            "transactions_bytes": held(folder / "transactions"),
            "store_bytes": held(store),
            "allocation_bytes": sum(f.stat().st_size for f in parquet(out)),
            **json.loads((out / "result.json").read_text()),
            "memory_limit": arguments.memory_limit,
            "seconds_of_the_command": seconds,
            "microseconds_per_customer": 1e6 * seconds / size.customers,
            "processor_seconds": used.ru_utime + used.ru_stime,
            "peak_memory_gib": round(used.ru_maxrss / 2**20, 2),
            "with_cores_to_itself": with_cores_to_itself(looks, thread_count()),
        }
    print(json.dumps(report, indent=1))


def write(size: Shoppers, folder: Path) -> None:
    """The campaign folder; campaign.toml last, which says that all is there."""
    size.write(folder / "transactions", thread_count())
    pq.write_table(size.offers_table(), folder / "offers.parquet")
    pq.write_table(size.covers_table(), folder / "covers.parquet")
    pq.write_table(size.products_table(), folder / "products.parquet")
    (folder / "campaign.toml").write_text(dumps(campaign(size)), encoding="utf-8")


def campaign(size: Shoppers) -> dict[str, Any]:
    """At most 8 coupons each, 4 of them rewards; a cap on every offer, and a budget."""
    each = size.customers / size.offers
    return {
        "schema": 1,
        "name": f"end to end, {size.customers:,} customers",
        "tables": {
            "offers": "offers.parquet",
            "transactions": "transactions/*.parquet",
            "covers": "covers.parquet",
            "products": "products.parquet",
        },
        "candidates": {"kind": "type", "reward": 8, "activation": 12, "innovation": 12},
        "customer_rule": [
            {"name": "slots", "max": 8},
            {"name": "rewards", "where": {"role": ["reward"]}, "max": 4},
        ],
        "limit": [
            {"name": "print run", "by": "offer", "max": float(int(12 * each))},
            {"name": "budget", "sum": "cost", "max": 0.15 * size.customers},
        ],
    }


def parquet(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*.parquet") if path.is_file()]


def held(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


if __name__ == "__main__":
    main()
