"""Benchmark of the native `evaluate`: one pass as a multiple of reading the same packed bytes once.

    python benchmarks/cases/kernels.py [-k "avx2 and Poisson"]

Runs `test_kernels.py` with pytest-benchmark, which also checks the answers, and prints JSON: hardware, versions, and
for each case, instruction set and number of threads the least and the median times of rounds in which bare reads and
passes take turns, their ratios, the gain over one thread, and what others had of the
machine meanwhile. -k chooses among the cases, as it does for pytest.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
import pytest
from benchmarks.support.hardware import describe
from benchmarks.support.timing import compared


def measured(chosen: str) -> list[dict[str, Any]]:
    """Each benchmark as pytest-benchmark writes it."""
    with tempfile.TemporaryDirectory() as folder:
        times = Path(folder, "times.json")
        tests = str(Path(__file__).with_name("test_kernels.py"))
        with contextlib.redirect_stdout(sys.stderr):  # standard output is for the JSON alone
            status = pytest.main(
                [tests, "-q", "-p", "no:cacheprovider", f"--benchmark-json={times}", "-k", chosen]
            )
        if status != 0:
            raise SystemExit("test_kernels.py failed: see above")
        found: list[dict[str, Any]] = json.loads(times.read_text())["benchmarks"]
    return found


def said(benchmark: dict[str, Any]) -> dict[str, Any]:
    """A benchmark's case, its times and their ratios."""
    info = benchmark["extra_info"]
    return {
        "case": info["case"],
        "instruction_set": info["instruction_set"],
        "threads": info["threads"],
        "packed_bytes": info["bytes"],
        "others_had": info["others_had"],
        **compared(
            info["read_seconds"],
            benchmark["stats"]["data"],
            info["candidates"],
            info["alone_seconds"],
        ),
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("-k", metavar="EXPRESSION", default="", help="default: all cases")
    cases = [said(benchmark) for benchmark in measured(parser.parse_args().k)]
    print(json.dumps({**describe(2), "benchmark": "kernels", "cases": cases}, indent=1))


if __name__ == "__main__":
    main()
