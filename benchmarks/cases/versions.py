"""Benchmark of one version of couponry against another, in turns, so that a change is seen not to cost time.

    python benchmarks/cases/versions.py --before DIR --after DIR [--customers 200000] [--rounds 5]

DIR is what PYTHONPATH has to be for Python to find a version: its `src`, native modules built in place, or the
site-packages that it is installed in. In each round each version has a fresh process, which makes a campaign of the
mixed kind and one with contact rules, and takes the time of passes over all candidates and of the whole solve; who is
first changes from round to round. Prints JSON: the medians over the rounds in seconds, after / before, and whether both
came to the same answers. Exit status 1 where they did not.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import _paths  # noqa: F401
import numpy as np
from benchmarks.support.hardware import describe

WORKER = Path(__file__).resolve().parents[1] / "support" / "version_times.py"


def times_of(version: Path, arguments: argparse.Namespace) -> dict[str, Any]:
    """Seconds and digests that a fresh process with this version has."""
    command = [sys.executable, str(WORKER)]
    command += map(str, (arguments.customers, arguments.threads, arguments.passes))
    command.append(arguments.backend)
    environment = {**os.environ, "PYTHONPATH": str(version.resolve())}
    done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the figures; exit status 0 where both versions came to the same answers."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--before", type=Path, required=True, metavar="DIR")
    parser.add_argument("--after", type=Path, required=True, metavar="DIR")
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--backend", choices=["native", "numba"], default="native")
    parser.add_argument("--passes", type=int, default=15, help="timed in each process")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(arguments)
    found: dict[str, list[dict[str, Any]]] = {"before": [], "after": []}
    for turn in range(options.rounds):
        names = ["before", "after"] if turn % 2 == 0 else ["after", "before"]
        for name in names:
            found[name].append(times_of(getattr(options, name), options))
    works = {}
    for work in found["before"][0]["seconds"]:
        before, after = (
            float(np.median([one["seconds"][work] for one in found[name]])) for name in found
        )
        answers = {one["digest"][work] for runs in found.values() for one in runs}
        works[work] = {
            "before": before,
            "after": after,
            "ratio": round(after / before, 4),
            "same": len(answers) == 1,
        }
    versions = {name: runs[0]["found"] for name, runs in found.items()}
    settings = {name: str(value) for name, value in vars(options).items()}
    said = {"benchmark": "versions", "settings": settings, "compared": versions, "works": works}
    print(json.dumps({**said, **describe(options.threads)}, indent=1))
    return 0 if all(work["same"] for work in works.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
