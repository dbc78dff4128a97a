"""Rows beside those that repair left something of ask for coupons as well; others do not."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from couponry.solver.primal.free_customers import CouponNeeds

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
