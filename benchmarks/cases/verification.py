"""Benchmark of `couponry verify`: time and memory, beside the solve whose result it checks, over one candidate store.

    python benchmarks/cases/verification.py [--customers 1000000] [--folder DIR]

Each customer has 32 candidates of 2,000 offers, 10 slots with a minimum of 2, and one discount a brand; half of the
offers have a cap, and there is a budget. `couponry solve` and `couponry verify` run in processes of their own. Prints
JSON: hardware, versions, seconds and peak memory of both, the size of the store, and what verify found; ends with an
error if anything does not hold. `--folder` keeps the files; default: a folder that is removed.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from benchmarks.support.hardware import describe

from couponry.utils.threads import thread_count

OFFERS, BRANDS, EACH = 2_000, 640, 32
BLOCK = 100_000
SPEC = """schema = 1
name = "verification"
[tables]
offers = "offers.parquet"
candidates = "candidates.parquet"
[[customer_rule]]
name = "slots"
max = 10
min = 2
[[customer_rule]]
name = "one a brand"
by = "brand"
max = 1
[[limit]]
name = "caps"
by = "offer"
table = "caps.parquet"
[[limit]]
name = "budget"
sum = "cost"
max = {budget}
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        place = arguments.folder or Path(scratch)
        place.mkdir(exist_ok=True)
        _write(place, arguments.customers)
        out = ("--out", str(place / "out"), "--overwrite")
        store = ("--store", str(place / "store"))
        solved = _run("solve", str(place), *out, *store, "--json")
        verified = _run("verify", str(place), str(place / "out"), *store, "--json")
        size = sum(file.stat().st_size for file in (place / "store").rglob("*") if file.is_file())
    report = verified["said"]
    print(
        json.dumps(
            {
                **describe(thread_count()),
                "benchmark": "verification",
                "customers": report["customers"],
                "candidates": report["candidates"],
                "coupons": report["allocated"],
                "store_bytes": size,
                **{
                    f"{name}_{key}": run[key]
                    for name, run in (("solve", solved), ("verify", verified))
                    for key in ("seconds", "peak_bytes")
                },
                **{key: report[key] for key in ("gap", "bound_is_proved", "ok")},
            },
            indent=1,
        )
    )
    if not report["ok"]:
        raise SystemExit("\n".join(report["problems"]))


def _write(place: Path, customers: int) -> None:
    """Write the campaign folder, a block of customers at a time."""
    rng = np.random.default_rng(0)
    offer = np.arange(OFFERS)
    brands = {"offer": offer, "brand": offer % BRANDS}
    pq.write_table(pa.table(brands), place / "offers.parquet")
    capped = offer[::2]
    share = rng.uniform(0.3, 0.9, len(capped)) * 10 / OFFERS
    pq.write_table(
        pa.table({"offer": capped, "max": np.ceil(share * customers)}), place / "caps.parquet"
    )
    (place / "campaign.toml").write_text(SPEC.format(budget=customers * 3.0))
    schema = pa.schema(
        [("customer", pa.int64()), ("offer", pa.int64()), ("value", pa.float32()), ("cost", pa.float32())]
    )  # fmt: skip
    step = OFFERS // EACH
    with pq.ParquetWriter(place / "candidates.parquet", schema) as writer:
        for start in range(0, customers, BLOCK):
            count = min(BLOCK, customers - start)
            columns = {
                "customer": np.repeat(np.arange(start, start + count), EACH),
                "offer": (np.arange(EACH) * step + rng.integers(0, step, (count, EACH))).ravel(),
                "value": rng.gamma(2.0, 0.5, count * EACH).astype(np.float32),
                "cost": rng.gamma(2.0, 0.25, count * EACH).astype(np.float32),
            }
            writer.write_table(pa.table(columns, schema=schema))


def _run(*arguments: str) -> dict[str, Any]:
    """Run a command, and return what it said, its seconds, and the peak of its memory."""
    code = (
        "import sys, resource\n"
        "from couponry.cli import cli\n"
        "try:\n"
        "    cli(sys.argv[1:], standalone_mode=False)\n"
        "finally:\n"
        "    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)\n"
    )
    start = time.perf_counter()
    ran = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=False
    )
    seconds = time.perf_counter() - start
    if not ran.stdout:
        raise SystemExit(ran.stderr)
    unit = 1 if sys.platform == "darwin" else 1024
    peak = unit * int(ran.stderr.split()[-1])
    return {"said": json.loads(ran.stdout), "seconds": round(seconds, 2), "peak_bytes": peak}


if __name__ == "__main__":
    main()
