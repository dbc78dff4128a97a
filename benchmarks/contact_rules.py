"""Contact rules as marketers have them: windows that overlap, a bound on calls, and offers that conflict.

Each offer goes out by one of four channels on one of 28 days and is for one of 45 products. A customer gets at most
three e-mails in any of three windows of 14 days that overlap, at most two calls, and never two offers for one product
within a week: about one pair of offers in a hundred.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from couponry import kernels
from couponry.compile_rules import with_sets
from couponry.kernels import Agreed, Rules

CHANNELS, DAYS, PRODUCTS = 4, 28, 45
EMAIL, CALL = 0, 1
WINDOWS = (1, 8, 15)  # first days
EMAILS, CALLS, WEEK = 3, 2, 7


def contact_rules(
    items: int,
    slots: int,
    item: NDArray[np.uint16],
    indptr: NDArray[np.int64],
    random: np.random.Generator,
) -> Rules:
    """The rules of customers who are given at most so many coupons, for these candidates."""
    channel, product = random.integers(0, CHANNELS, items), random.integers(0, PRODUCTS, items)
    day = random.integers(1, DAYS + 1, items)
    within = [(channel == EMAIL) & (day >= first) & (day < first + 14) for first in WINDOWS]
    rows = [*within, channel == CALL]
    group = np.array([np.where(row, g, -1) for g, row in enumerate(rows)], np.int32)
    cap = np.array([[EMAILS]] * len(WINDOWS) + [[CALLS]], np.int32)
    apart = (product[:, None] == product) & (np.abs(day[:, None] - day) <= WEEK)
    np.fill_diagonal(apart, False)
    upper = np.full(1, slots, np.int32)
    nobody = np.zeros(1, np.int64)
    agreed = Agreed(
        group=group,
        groups=len(rows),
        rule=np.arange(len(rows), dtype=np.int32),
        plain=np.ones(len(rows), np.uint8),
        cap=cap,
        least=np.zeros_like(cap),
        upper=upper,
        held_ptr=nobody,
        held=np.zeros((2, 0), np.int32),
        had_ptr=nobody,
        had=np.zeros(0, np.int32),
        conflict_ptr=np.concatenate([[0], np.cumsum(apart.sum(axis=1))]).astype(np.int64),
        conflict=np.nonzero(apart)[1].astype(np.int32),
        conflict_rule=np.full(int(apart.sum()), len(rows), np.int32),
        mandatory=np.zeros(0, np.uint8),
        mandatory_rule=len(rows) + 1,
    )
    rules = Rules(np.zeros(1, np.int32), upper, group, len(rows), cap)
    return with_sets(rules, agreed, item, indptr, kernels.load("native"))
