"""Customers to be decided one after another: random packing, charges, and rows with little left of them."""

from __future__ import annotations

from typing import Any

import numpy as np

from couponry.kernels import Packing
from couponry.kernels.late_contract import (
    UNBOUNDED,
    Account,
    Charged,
    Charges,
    Late,
    LateChoice,
)


def late_case(seed: int, case: Any, *, rows: int = 5, listed: int = 40) -> Late:
    """What decides on the customers of a kernel case; some candidates are beyond what was packed."""
    random = np.random.default_rng([seed, 3])
    quantities, items = len(case.price) - 1, case.price.shape[2]
    n, segments = len(case.shard.item), case.price.shape[1]
    exact = np.round(random.random((quantities, n)), 2)
    low = np.where(random.random((quantities, items)) < 0.1, np.inf, 0.0)
    high = np.where(np.isfinite(low), 0.9, -np.inf)
    packing = Packing(low, high, np.full(low.shape, 0.9 / 65535), np.arange(quantities))
    account = _account(random, rows)
    charges = _charges(random, items, segments, rows, quantities)
    return Late(
        case.shard, case.rules, exact, packing, case.price, case.reduced, case.seed, charges,
        account, _charged(listed), _choice(n, quantities),
    )  # fmt: skip


def _charges(
    random: np.random.Generator, items: int, segments: int, rows: int, quantities: int
) -> Charges:
    """Every item weighs something in some of the rows, in a few of them less than nothing."""
    member = random.random((items, rows)) < 0.5
    ptr = np.concatenate([[0], np.cumsum(member.sum(axis=1))])
    pairs = int(ptr[-1])
    sign = np.where(random.random(pairs) < 0.1, -1, 1)
    return Charges(
        ptr,
        np.nonzero(member)[1].astype(np.int32),
        sign * random.integers(0, 400_000, pairs),
        sign[:, None] * random.integers(0, 9, (pairs, quantities)),
        random.integers(0, 3, pairs) * random.integers(0, 99, pairs),
        np.round(sign[:, None] * random.random((pairs, 1 + quantities)), 2),
        np.ldexp(1.0, random.integers(17, 20, rows)),
        (random.random((segments, rows)) < 0.8).astype(np.uint8),
    )


def _account(random: np.random.Generator, rows: int) -> Account:
    """Room for some coupons of the case, or for any number."""
    above, below = random.integers(0, 4_000_000, (2, rows))
    above[random.random(rows) < 0.2] = UNBOUNDED
    below[random.random(rows) < 0.5] = UNBOUNDED
    used, error = random.integers(0, 1_000, (2, rows))
    return Account(above, below, used, error, *np.zeros((2, rows), np.int64))


def _charged(listed: int) -> Charged:
    return Charged(
        np.zeros(listed, np.int32), *np.zeros((2, listed), np.int64), np.zeros(1, np.int64)
    )


def _choice(n: int, quantities: int) -> LateChoice:
    return LateChoice(
        np.full((quantities, n), 7, np.uint16),
        np.full(n, 7, np.float32),
        np.full(n, 7, np.uint8),
        np.full(n, 7, np.uint8),
        np.full(n, 7, np.int32),
    )


def written(late: Late) -> dict[str, Any]:
    """All that deciding writes, by name."""
    parts = {"account": late.account, "charged": late.charged, "choice": late.choice}
    return {
        f"{part} {name}": array
        for part, arrays in parts.items()
        for name, array in arrays._asdict().items()
    }
