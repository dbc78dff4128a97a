"""Who is left free: rows beside those that repair left something of ask for coupons, and thresholds by counts."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from couponry.kernels import PARTS
from couponry.solver.options import FreeCustomerOptions
from couponry.solver.primal.fixed_customers import NEVER_FREE
from couponry.solver.primal.free_customers import (
    LARGEST_THRESHOLD,
    CouponNeeds,
    RegretCounts,
    regret_thresholds,
)

CAP, BRAND, OTHER_CAP, ALONE, BUDGET = range(5)


def test_what_shares_items_with_a_row_that_misses_something_is_needed_too() -> None:
    """Items 0 and 1 are of a brand, each with a cap; item 2 has one of its own; the budget counts them all."""
    rows_of_items = [[CAP, BRAND, BUDGET], [BRAND, OTHER_CAP, BUDGET], [ALONE, BUDGET]]
    row = np.concatenate(rows_of_items).astype(np.int32)
    wide = np.arange(5) == BUDGET
    scales: Any = SimpleNamespace(
        ptr=np.cumsum([0, *map(len, rows_of_items)]),
        row=row,
        cell=np.repeat(np.arange(3), [len(rows) for rows in rows_of_items]),
        is_wide=lambda share: wide,
    )
    problem: Any = SimpleNamespace(lower=np.full(5, -np.inf), upper=np.full(5, 10.0))
    per_coupon, nothing = np.array([1.0, 0.5, 1.0, 1.0, 1.0]), np.zeros(5)
    needs = CouponNeeds(problem, nothing, np.full(5, 10.0), per_coupon, nothing, nothing)
    assert not needs.more.any() and not needs.fewer.any()
    assert not needs.raise_beside(np.array([0, 0, 0, 0, 7.0]), scales, 0.5).any()
    beside = needs.raise_beside(np.array([3.0, 0, 0, 0, 7.0]), scales, 0.5)
    assert np.flatnonzero(beside).tolist() == [CAP, BRAND]
    beside = needs.raise_beside(np.array([0, 2.0, 0, 0, 0]), scales, 0.5)
    assert np.flatnonzero(beside).tolist() == [CAP, BRAND, OTHER_CAP]
    for each in (needs.more, needs.fewer):
        assert each.tolist() == [3.0, 3.0, 1.0, 0.0, 0.0]


ITEMS, BINS = 60, 9
EDGES = np.linspace(0.1, 0.9, BINS)


@pytest.mark.parametrize("seed", range(4))
def test_thresholds_are_where_a_sample_has_what_is_wanted(seed: int) -> None:
    """A row for each item: what it wants is looked up in its own counts, by hand below."""
    rng = np.random.default_rng(seed)
    options = FreeCustomerOptions(spare_candidates=0.0, spare_candidates_per_million=0.0)
    fewer, more = (
        np.where(rng.random(ITEMS) < 0.4, 0.0, rng.exponential(scale, ITEMS)) for scale in (9, 300)
    )
    leaves = rng.random(ITEMS) < 0.1  # all of it
    needs: Any = SimpleNamespace(fewer=fewer, more=more, share_to_leave=leaves.astype(float))
    scale, own = 2.0, np.arange(ITEMS)
    scales: Any = SimpleNamespace(cell=own, row=own, mean=np.ones(ITEMS))
    count = np.cumsum(rng.integers(0, 20 * PARTS, (2 * ITEMS, BINS - 1)), axis=1)
    count[rng.random(2 * ITEMS) < 0.1] = 0
    sample = SimpleNamespace(
        problem=SimpleNamespace(objective=np.zeros((1, 1, ITEMS))),
        scale=scale,
        engine=SimpleNamespace(customers=0),
    )
    regrets: Any = SimpleNamespace(
        sample=sample, histogram=SimpleNamespace(edges=EDGES), count=count, are_together=False
    )
    regrets.by_cell = lambda scales: RegretCounts.by_cell(regrets, scales)
    found = regret_thresholds(needs, scales, regrets, np.ones(ITEMS), options)
    assert found.shape == (options.halvings, 2, 1, ITEMS) and found.dtype == np.float32
    targets = np.concatenate([np.where(leaves, np.inf, fewer), more]) / scale
    for cell, target in enumerate(targets.tolist()):
        expected = _threshold(target, count[cell] / PARTS, options)
        levels = found.reshape(options.halvings, -1)[:, cell].tolist()
        assert levels == [float(np.float32(each)) for each in expected]
    assert {NEVER_FREE, float(np.float32(LARGEST_THRESHOLD))} < set(found.ravel().tolist())


def _threshold(target: float, have: Any, options: FreeCustomerOptions) -> list[float]:
    """Thresholds of one cell, level by level, from how many candidates there are up to each regret."""
    if target == 0:
        return [NEVER_FREE] * options.halvings
    wanted = max(target, options.sampled_candidates)
    at = next((b for b, there_are in enumerate(have.tolist()) if there_are >= wanted), None)
    threshold = LARGEST_THRESHOLD if at is None else float(EDGES[at])
    there_are = float(have[-1 if at is None else at])
    surely = max(there_are - options.sampling_error * math.sqrt(there_are), 0.0)
    first = math.floor(math.log2(surely / target)) if surely > 0 and target < math.inf else 0
    first = min(max(first, 0), options.halvings - 1)
    return [threshold if level >= first else NEVER_FREE for level in range(options.halvings)]
