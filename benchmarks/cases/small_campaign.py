"""Benchmark of a small mixed campaign against HiGHS: the same tables, the same asked gap, in the same run.

    python benchmarks/cases/small_campaign.py [--customers 20000] [--gap 0.0001] [--highs-seconds 600]

The limits are those of `mixed_campaign.py`. HiGHS runs on one thread, and so does couponry unless --threads says
otherwise. Both allocations are held against the programme that HiGHS was given, which is made of the user's tables
alone. Prints JSON as `mixed_campaign.py` does, and the ratio of HiGHS's time to couponry's (packing and solving).
Where HiGHS ran out of its time that is a lower bound: `highs.gap` is above `asked_gap`, or null where it found
nothing. HiGHS looks at the clock between its steps only, and can overrun.
"""

from __future__ import annotations

import argparse
import json

import _paths  # noqa: F401
from benchmarks.cases.mixed_campaign import MIXED
from benchmarks.instances.synthetic import Synthetic
from benchmarks.peers.programme import programme
from benchmarks.peers.solvers import highs
from benchmarks.support.report import report, solved


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--customers", type=int, default=20_000)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--gap", type=float, default=1e-4)
    parser.add_argument("--threads", type=int, default=1, help="of couponry")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--highs-seconds", type=float, default=600.0, help="HiGHS's time limit")
    arguments = parser.parse_args()
    threads, gap = arguments.threads, arguments.gap
    size = Synthetic(arguments.customers, arguments.width, seed=arguments.seed)
    campaign = MIXED.campaign(size, threads)
    result = solved(campaign, gap=gap, threads=threads, seed=arguments.seed)
    said = report(campaign, result, threads)

    offers = size.offers_table()
    same = programme(offers, size.candidates(), MIXED.slots, campaign.limits)
    assert result.allocation is not None
    given = same.given(result.allocation.to_arrow(), offers.num_rows)
    ours = {
        "seconds": sum(result.seconds.values()),
        "objective": float(same.value @ given),
        "max_violation": same.violation(given),
    }
    peer = highs(same, gap, arguments.highs_seconds).figures
    said |= {
        "asked_gap": gap,
        "by_the_tables": ours,
        "highs": peer,
        "highs_seconds_per_second": peer["seconds"] / ours["seconds"],
    }
    print(json.dumps(said, indent=1))


if __name__ == "__main__":
    main()
