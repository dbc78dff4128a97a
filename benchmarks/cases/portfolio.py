"""Benchmark of whole portfolios: 65 slots among 200 candidates a customer, and a corridor for every brand.

    python benchmarks/cases/portfolio.py [--customers 2000000] [--threads N] [--gap 0.0001]
    python benchmarks/cases/portfolio.py --folder DIR [--write]

2,000 offers of 640 brands. Half of the offers are capped at 0.5 to 0.95 of their use without limits; every brand has
a maximum of 1.05 of its use without limits and a minimum of 0.9 of the part of it that the caps leave; the budget is
0.9 of the cost without limits. Options and output as in `mixed_campaign.py`.
"""

from __future__ import annotations

import _paths  # noqa: F401
import numpy as np
import pyarrow as pa
from benchmarks.instances.synthetic_campaign import FreeUse, Kind, benchmark

import couponry


def portfolio_limits(free: FreeUse, random: np.random.Generator) -> list[couponry.Limit]:
    """Caps, a corridor for each brand and a budget.

    They hold together: of the coupons that everybody's best choice gives within the caps, the cheapest 0.9 of each
    brand keep them all.
    """
    used = free.coupons
    capped = random.permutation(len(used)) < len(used) // 2
    cap = np.where(capped, np.floor(used * random.uniform(0.5, 0.95, len(used))), np.inf)
    caps = pa.table({"offer": np.flatnonzero(capped), "max": cap[capped]})
    corridors = pa.table(
        {
            "brand": np.arange(free.brands),
            "min": np.floor(0.9 * free.by_brand(np.minimum(used, cap))),
            "max": np.ceil(1.05 * free.by_brand(used)),
        }
    )
    return [
        couponry.Limit("caps", by="offer", table=caps),
        couponry.Limit("brand corridors", by="brand", table=corridors),
        couponry.Limit("budget", sum="cost", max=0.9 * free.cost),
    ]


PORTFOLIO = Kind("portfolio", slots=65, limits=portfolio_limits)


def main() -> None:
    benchmark(PORTFOLIO, __doc__, customers=2_000_000, width=200, gap=1e-4)


if __name__ == "__main__":
    main()
