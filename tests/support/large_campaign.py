"""A campaign large enough for samples, Newton's method and fixed customers, that is solved in a second."""

from __future__ import annotations

import functools

from benchmarks.cases.mixed_campaign import MIXED
from benchmarks.instances.synthetic import Synthetic

from couponry import Campaign
from couponry.result import Result
from couponry.solver.options import SampleSize, SamplingOptions, SizeOptions, SolverOptions

GAP = 5e-4


@functools.cache
def campaign() -> Campaign:
    """40,000 customers, 32 candidates each."""
    return MIXED.campaign(Synthetic(40_000, 32, offers=200, brands=60), 2)


def coupons(result: Result) -> list[tuple[int, int]]:
    """Customer and offer of every coupon that is given."""
    assert result.allocation is not None
    return list(
        zip(
            *(result.allocation.to_arrow()[n].to_pylist() for n in ("customer", "offer")),
            strict=True,
        )
    )


FEW_FREE = SolverOptions(
    sizes=SizeOptions(in_memory_candidates=0),
    sampling=SamplingOptions(
        first_candidates=1 << 14,
        curvature=SampleSize(1 << 17, 0.0, 1 << 17),
        regret=SampleSize(1 << 17, 0.0, 1 << 17),
    ),
)
"""Solves this campaign as the largest are solved: small samples, and most customers fixed."""
