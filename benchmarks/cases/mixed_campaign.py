"""Benchmark of the mixed campaign: 2,000 offers of 640 brands, with caps, minimums and a budget.

    python benchmarks/cases/mixed_campaign.py [--customers 1000000] [--threads N] [--gap 0.0005]
    python benchmarks/cases/mixed_campaign.py --customers 100000000 --folder DIR [--write]
    python benchmarks/cases/mixed_campaign.py --customers 160000000 --store DIR --no-hash [--page-cache BYTES]

Half of the offers are capped at 0.3 to 0.9 of their use without limits, a fifth of the brands are promised 1.0 to
1.15 of theirs (less where the caps leave less), and the budget is 0.8 of the cost without limits; 10 slots a
customer. With --folder the campaign is a folder of Parquet files there (made if it is not there yet), packed into a
store beside them that is memory-mapped; --write also writes the result there. With --store the candidates go straight
into a store as they are made, and no file of them is written.

Prints JSON: hardware, versions, the time of one pass over the packed candidates as a multiple of reading the same bytes
once with the same threads, the solve by stage, its certificate, peak memory and a hash of the allocation. Where the
packed candidates of a store are larger than memory (or than --page-cache), the bare read is of their files, and nothing
of them is in memory before it or the pass.
"""

from __future__ import annotations

import _paths  # noqa: F401
import numpy as np
import pyarrow as pa
from benchmarks.instances.synthetic_campaign import FreeUse, Kind, benchmark

import couponry


def mixed_limits(free: FreeUse, random: np.random.Generator) -> list[couponry.Limit]:
    """Caps, brand minimums and a budget, set from what everybody's best choice uses."""
    used, brands = free.coupons, free.brands
    capped = random.permutation(len(used)) < len(used) // 2
    cap = np.where(capped, np.floor(used * random.uniform(0.3, 0.9, len(used))), np.inf)
    # caps leave a brand its capped offers' caps and its other offers' candidates; nobody has more than
    # a third of the slots' worth of candidates, so a good part of the latter can really be given
    within_caps = np.minimum(cap, np.maximum(used, 0.5 * free.candidates))
    reachable = np.floor(free.by_brand(within_caps))
    promised = random.permutation(brands) < brands // 5
    asked = np.floor(free.by_brand(used) * random.uniform(1.0, 1.15, brands))
    least = np.minimum(asked, reachable)
    caps = pa.table({"offer": np.flatnonzero(capped), "max": cap[capped]})
    minimums = pa.table({"brand": np.flatnonzero(promised), "min": least[promised]})
    return [
        couponry.Limit("caps", by="offer", table=caps),
        couponry.Limit("brand minimums", by="brand", table=minimums),
        couponry.Limit("budget", sum="cost", max=0.8 * free.cost),
    ]


MIXED = Kind("mixed", slots=10, limits=mixed_limits)


def main() -> None:
    benchmark(MIXED, __doc__, customers=1_000_000, width=32, gap=5e-4)


if __name__ == "__main__":
    main()
