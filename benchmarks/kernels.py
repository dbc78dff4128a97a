"""Benchmark of the native `evaluate`: one pass as a multiple of reading the same packed bytes once.

    python benchmarks/kernels.py

Runs `test_kernels.py` with pytest-benchmark, which also checks the answers, and prints JSON: hardware, versions, and
for each case, instruction set and number of threads the median times, their ratio and the gain of two threads.
"""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hardware import describe


def measured() -> list[dict[str, Any]]:
    """What was timed, with the median seconds of each."""
    with tempfile.TemporaryDirectory() as folder:
        times = Path(folder, "times.json")
        tests = str(Path(__file__).with_name("test_kernels.py"))
        with contextlib.redirect_stdout(sys.stderr):  # standard output is for the JSON alone
            status = pytest.main(
                [tests, "-q", "-p", "no:cacheprovider", f"--benchmark-json={times}"]
            )
        if status != 0:
            raise SystemExit("test_kernels.py failed: see above")
        benchmarks = json.loads(times.read_text())["benchmarks"]
    return [{**each["extra_info"], "seconds": each["stats"]["median"]} for each in benchmarks]


def main() -> None:
    runs = measured()
    reads = {
        (run["case"], run["threads"]): run["seconds"]
        for run in runs
        if "instruction_set" not in run
    }
    passes = [run for run in runs if "instruction_set" in run]
    alone = {
        (run["case"], run["instruction_set"]): run["seconds"]
        for run in passes
        if run["threads"] == 1
    }
    cases = [
        {
            "case": run["case"],
            "instruction_set": run["instruction_set"],
            "threads": run["threads"],
            "packed_bytes": run["bytes"],
            "bare_read_seconds": reads[run["case"], run["threads"]],
            "pass_seconds": run["seconds"],
            "pass_per_bare_read": run["seconds"] / reads[run["case"], run["threads"]],
            "pass_ns_per_candidate": 1e9 * run["seconds"] / run["candidates"],
            "speed_up": alone[run["case"], run["instruction_set"]] / run["seconds"],
        }
        for run in passes
    ]
    print(json.dumps({**describe(2), "benchmark": "kernels", "cases": cases}, indent=1))


if __name__ == "__main__":
    main()
