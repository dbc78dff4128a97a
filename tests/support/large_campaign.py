"""A campaign large enough for samples, Newton's method and fixed customers, that is solved in a second."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from benchmarks.cases.mixed_campaign import MIXED
from benchmarks.instances.synthetic import Synthetic

from couponry import Campaign
from couponry.result import Result

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


def few_are_free(change: Callable[[str, Any], None]) -> None:
    """Solve this campaign as the largest are solved: small samples, and most customers fixed.

    change: sets a name of the package to a value, as `MonkeyPatch.setattr` does.
    """
    change("couponry.solver.solve.WHOLE", 0)
    change("couponry.solver.dual.sampling.FIRST_SAMPLE", 1 << 14)
    for look in "CURVATURE_LOOK", "REGRET_LOOK":
        change(f"couponry.solver.dual.sampling.{look}", (1 << 17, 0.0, 1 << 17))
