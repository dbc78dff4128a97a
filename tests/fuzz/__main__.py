"""All fuzzers and the fault harness, one after the other: what `make fuzz` runs.

Every module here takes hold of couponry from another side, and trusts it with nothing:

- ``exact``: small campaigns with every rule and limit, against an exhaustive search in fractions;
- ``properties``: what must not change the result of a whole campaign, or in one direction only;
- ``faults``: a solve in which the n-th call of the system fails, or kills it, for every n;
- ``folders``: campaign folders with faults of every kind, through the command line;
- ``arguments``: each argument of Python's interface with each odd value;
- ``tables``: campaigns of tables in memory, in every container, against the same tables in Arrow;
- ``infeasible_rules``: campaigns that one rule makes infeasible, against what HiGHS can reach under it;
- ``kernels``: native kernels on every instruction set, Numba and the reference, bit for bit, up to where memory ends.

Each has numbered cases, and is a command of its own (``python -m tests.fuzz.exact --help``); a failure is printed as
the command that repeats it. `cases.py` is what they share. The suite runs a few cases of each (`test_*.py`).
"""

from __future__ import annotations

import argparse
import subprocess
import sys

FUZZERS: dict[str, int] = {
    "exact": 20_000,
    "properties": 5_000,
    "faults": 8_244,
    "folders": 100_000,
    "arguments": 5_796,
    "tables": 10_000,
    "kernels": 3_000,
    "infeasible_rules": 1_000,
}
"""Modules of this folder, and for how many cases of each one round goes."""


def main() -> int:
    """Run every fuzzer; the exit status is 1 if one of them found something."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--rounds", type=float, default=1.0, help="of all cases (default: 1)")
    parser.add_argument("--processes", type=int, default=2, help="default: 2")
    given = parser.parse_args()
    found = []
    for name, cases in FUZZERS.items():
        command = [sys.executable, "-m", f"tests.fuzz.{name}"]
        command += ["--cases", str(max(1, round(cases * given.rounds)))]
        command += ["--processes", str(given.processes)]
        if subprocess.run(command).returncode != 0:
            found.append(name)
    print(f"found something: {', '.join(found)}" if found else "nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
