"""Samples of customers: nested, spread evenly over the customers' order, the same for every run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .smoothing import scatter


def nested_samples(customers: int, sizes: list[int], growth: int) -> list[NDArray[np.int64]]:
    """Customer numbers of a sample of each size, ascending; a smaller sample's customers are among a larger one's.

    One customer is drawn from each of as many equal stretches of the customers' order (systematic sampling; Madow
    1944), so that whatever the order goes with is represented evenly. sizes: rising by the factor `growth`.
    """
    if not sizes:
        return []
    largest = sizes[-1]
    edge = np.arange(largest + 1) * customers // largest
    samples = [edge[:-1] + _drawn(largest, np.diff(edge))]
    for size in reversed(sizes[:-1]):
        last = samples[0]
        which = np.arange(size) * growth
        samples.insert(0, last[which + _drawn(size, np.full(size, growth))])
    return samples


def _drawn(size: int, among: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number below `among` for each of `size` stretches."""
    high = scatter(np.arange(size, dtype=np.uint64)) >> np.uint64(33)
    return ((high * among.astype(np.uint64)) >> np.uint64(31)).astype(np.int64)
