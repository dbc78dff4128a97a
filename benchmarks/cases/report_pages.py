"""Benchmark of reports: how large the page about a solved campaign is, and how long it takes from its folders.

    python benchmarks/cases/report_pages.py [--customers 50000 1000000] [--folder DIR]

The mixed campaign is written as a folder and solved by `couponry solve`, its candidates in a store; then
`couponry report` runs in a fresh process twice, the first time with the files' pages dropped from memory. Prints JSON:
of each size the page's bytes, and the command's seconds, processor seconds and most resident memory (mapped files
included), each of both runs.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
from benchmarks.instances.synthetic import Synthetic
from benchmarks.support.hardware import describe
from mixed_campaign import MIXED

import couponry
from couponry.utils.threads import thread_count


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, nargs="+", default=[50_000, 1_000_000])
    parser.add_argument("--folder", type=Path, help="for what is written; default: a temporary one")
    given = parser.parse_args()
    pages = []
    for customers in given.customers:
        with tempfile.TemporaryDirectory(dir=given.folder) as folder:
            pages.append({"customers": customers, **reported(customers, Path(folder))})
    print(
        json.dumps({"benchmark": "reports", "pages": pages, **describe(thread_count())}, indent=1)
    )


def reported(customers: int, folder: Path) -> dict[str, Any]:
    """The figures of one campaign."""
    campaign, store = folder / "campaign", folder / "store"
    couponry.write_campaign(MIXED.campaign(Synthetic(customers), thread_count()), campaign)
    command("solve", campaign, "--out", folder / "result", "--store", store, "--quiet")
    drop_from_memory(folder)
    page = folder / "report.html"
    asked = ("report", campaign, folder / "result", "-o", page, "--store", store, "--quiet")
    runs = [command(*asked) for _ in range(2)]
    return {"bytes": page.stat().st_size} | {name: [run[name] for run in runs] for name in runs[0]}


def command(*arguments: object) -> dict[str, float]:
    """What a command takes."""
    line = [sys.executable, "-m", "couponry", *map(str, arguments)]
    began = time.perf_counter()
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(line)}: status {os.waitstatus_to_exitcode(status)}")
    return {
        "seconds": round(time.perf_counter() - began, 2),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 2),
        "gib": round(used.ru_maxrss * 1024 / 2**30, 2),
    }


def drop_from_memory(folder: Path) -> None:
    """Have the system forget what it keeps of the files."""
    for path in filter(Path.is_file, folder.rglob("*")):
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


if __name__ == "__main__":
    main()
