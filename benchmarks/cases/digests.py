"""Benchmark of digests: what a checkpoint's digest of candidates takes, beside a bare read of the same bytes.

    python benchmarks/cases/digests.py [--megabytes 600]

Prints JSON: hardware, versions, and for one thread and for all, least and median times of rounds in which bare reads
and digests take turns, and their ratio. Ends with an error unless all threads give the same digest.
"""

from __future__ import annotations

import argparse
import json

import _paths  # noqa: F401
import numpy as np
from benchmarks.support.hardware import describe, read_once
from benchmarks.support.timing import Disturbance, compared, interleaved

from couponry.kernels import load
from couponry.utils.arrays.digests import digest_of_array
from couponry.utils.threads import thread_count


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--megabytes", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=9)
    arguments = parser.parse_args()
    array = np.random.default_rng(0).integers(0, 2**16, arguments.megabytes << 19, np.uint16)
    kernel, disturbance = load("native").kernels.hash_blocks, Disturbance()
    digests, runs = set(), []
    for threads in sorted({1, thread_count()}):
        works = {
            "read": lambda threads=threads: read_once([array], threads),
            "digest": lambda threads=threads: digests.add(digest_of_array(array, kernel, threads)),
        }
        times = interleaved(works, arguments.rounds)
        ratios = compared(times["read"], times["digest"], len(array))
        runs.append({"threads": threads, **ratios})
    if len(digests) != 1:
        raise SystemExit("the digest depends on the threads")
    said = {"benchmark": "digests", "bytes": array.nbytes, "others_had": disturbance.shares()}
    print(json.dumps({**describe(thread_count()), **said, "runs": runs}, indent=1))


if __name__ == "__main__":
    main()
