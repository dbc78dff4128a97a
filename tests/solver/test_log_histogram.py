"""Logarithmic histograms: bins, their edges, and cumulative counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from couponry import kernels
from couponry.engines.local import LocalEngine
from couponry.engines.protocol import Alternatives
from couponry.kernels import PARTS, LossWeights, Rules, Shard
from couponry.solver.log_histogram import LogHistogram

NO_RULES = Rules(
    np.zeros(1, np.int32), np.ones(1, np.int32), np.zeros((0, 3), np.int32), 0, np.zeros((0, 1), np.int32)
)  # fmt: skip


def counted(
    values: Any, item: Any, chosen: Any, quantity: Any = None, threads: int = 1, **how: Any
) -> tuple[LogHistogram, Any]:
    """A histogram up to 5, and cumulative counts of losses by item, of three."""
    n = len(values)
    quantity = np.zeros((1, n), np.uint16) if quantity is None else quantity
    shard = Shard(0, np.arange(n + 1), item.astype(np.uint16), quantity, np.zeros(1, np.uint16))
    engine = LocalEngine(shard, NO_RULES, kernels.load(), threads, 0)
    found = Alternatives(chosen, np.full(n, -1), values.astype(np.float32))
    histogram = LogHistogram(5.0)
    return histogram, histogram.cumulative(engine, found, (1, 3), **how)


def test_bins_are_four_per_octave_and_hold_what_their_edges_say() -> None:
    edges = LogHistogram(10.0).edges
    assert edges[-2] >= 10.0 and (np.diff(edges) > 0).all()
    assert np.allclose(edges[4:] / edges[:-4], 2.0)


def test_what_is_beyond_counts_in_the_first_and_last_bin() -> None:
    values = np.array([-1.0, 0.0, 1e-30, 1e30, np.inf])
    _, count = counted(values, np.zeros(5), np.zeros(5, np.uint8))
    assert (count[0] == 3 * PARTS).all() and (count[1:] == 0).all()


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("by_decision", [False, True])
@pytest.mark.parametrize("weighted", [False, True])
def test_cumulative_counts(weighted: bool, by_decision: bool, threads: int) -> None:
    rng = np.random.default_rng(1)
    n = 500
    values, item = rng.gamma(0.5, 1.0, n), rng.integers(0, 3, n)
    chosen, quantity = rng.integers(0, 2, n).astype(np.uint8), rng.integers(0, 9, (1, n))
    weight, how = np.ones(n), {}
    if weighted:
        line = np.stack([np.full((1, 3), 0.1), np.array([[0.1, 0.2, 0.01]])])
        weight = np.clip(0.1 + line[1, 0, item] * quantity[0], 0.125, 1.0)
        how = {"weights": LossWeights(line, np.zeros(1, np.int64), 0.125)}
    histogram, count = counted(
        values, item, chosen, quantity.astype(np.uint16), threads, by_decision=by_decision, **how
    )
    assert count.shape == (6 if by_decision else 3, len(histogram.edges) - 1)
    as_float32 = values.astype(np.float32)
    for group in range(len(count)):
        mine = item == group % 3
        if by_decision:
            mine &= chosen == (group < 3)
        for b in (0, 40, 80, 100):
            below = mine & (as_float32 < histogram.edges[b])
            assert count[group, b] / PARTS == pytest.approx(weight[below].sum(), abs=0.5)


def test_losses_of_what_candidates_are_worth_by_quantity_lie_below_the_last_edge() -> None:
    """Where values differ by customer, a price table has them as slopes, and next to nothing by coupon."""
    table = np.array([[[1e-6, 0.0, 2e-6]], [[1e-4, 3e-4, -2e-4]]])
    largest = np.abs(table[0]) + 65535 * np.abs(table[1])
    assert LogHistogram.of_losses(table).edges[-2] >= 4 * largest.max()
    assert LogHistogram.of_losses(np.zeros((1, 1, 3))).edges[-2] > 0
    beyond = LogHistogram.of_losses(np.full((1, 1, 3), 3e38))
    assert np.isfinite(beyond.edges[-2]) and (np.diff(beyond.edges[:-1]) > 0).all()
