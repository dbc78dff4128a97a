"""DuaLip's synthetic matching problems: the same edges, values and capacities as its published generator draws.

After `generate_synthetic_data.py` of https://github.com/linkedin/DuaLip (described in "DuaLip-GPU Technical Report",
arXiv:2603.04621), in its order of draws from one NumPy generator.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

BLOCK = 1 << 16  # sources; so that one within a block is a uint16, which NumPy sorts in linear time
MOST_VALUE = 0.5


@dataclass(frozen=True)
class Matching:
    """Sources of which each takes one destination at most, for a value and with a weight.

    ends: int64 (m + 1), where the edges of each destination begin, and where the last one's end.
    source: int32 (e), by destination, ascending within each. value: float64 (e).
    scale: float64 (m), weight per value. capacity: float64 (m), the largest sum of weights.
    """

    sources: int
    ends: NDArray[np.int64]
    source: NDArray[np.int32]
    value: NDArray[np.float64]
    scale: NDArray[np.float64]
    capacity: NDArray[np.float64]

    @property
    def offers(self) -> pa.Table:
        """offer, capacity: the destinations."""
        return pa.table({"offer": np.arange(len(self.capacity)), "capacity": self.capacity})

    def batches(self) -> Iterator[pa.RecordBatch]:
        """customer, offer, value, weight: the edges by source, float32 as DuaLip's solver gets them."""
        for source, destination, value in _by_source(
            self.sources, self.ends, self.source, self.value
        ):
            columns = {
                "customer": source,
                "offer": destination,
                "value": value.astype(np.float32),
                "weight": (self.scale[destination] * value).astype(np.float32),
            }
            yield pa.record_batch(columns)


def draw(sources: int, destinations: int, sparsity: float, seed: int = 42) -> Matching:
    """A matching problem with about sources x destinations x sparsity edges: 12 bytes for each at the peak."""
    random = np.random.default_rng(seed)
    breadth = random.lognormal(0.0, 1.0, destinations)
    scale = random.lognormal(0.0, 1.0, destinations)
    worth = random.lognormal(-4.0, 0.75, destinations)
    affinity = random.lognormal(0.0, 0.5, sources)
    expected = breadth / breadth.sum() * (sparsity * destinations) * sources
    degree = np.minimum(random.poisson(expected), sources)
    ends = np.concatenate([[0], np.cumsum(degree)])

    source = np.empty(ends[-1], np.int32)
    value = np.empty(ends[-1])
    for j in np.flatnonzero(degree):
        drawn = random.choice(sources, degree[j], replace=False)
        noise = random.lognormal(0.0, 0.5, degree[j])
        order = np.argsort(drawn)
        edges = slice(ends[j], ends[j + 1])
        source[edges] = drawn[order]
        value[edges] = np.minimum(worth[j] * affinity[drawn] * noise, MOST_VALUE)[order]

    load = _greedy_load(_by_source(sources, ends, source, value), scale)
    capacity = random.uniform(0.5, 1.0, destinations) * (load + 1e-8)
    return Matching(sources, ends, source, value, scale, capacity)


Edges = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]


def _by_source(
    sources: int,
    ends: NDArray[np.int64],
    source: NDArray[np.int32],
    value: NDArray[np.float64],
) -> Iterator[Edges]:
    """Source, destination and value of the edges in ascending order of both, a block of sources at a time."""
    firsts = np.arange(0, sources + BLOCK, BLOCK)
    destinations = len(ends) - 1
    cuts = np.empty((destinations, len(firsts)), np.int64)  # of each destination's edges, by block
    for j in range(destinations):
        cuts[j] = ends[j] + np.searchsorted(source[ends[j] : ends[j + 1]], firsts)
    for block, first in enumerate(firsts[:-1]):
        start, count = cuts[:, block], cuts[:, block + 1] - cuts[:, block]
        before = np.cumsum(count) - count
        edge = np.repeat(start - before, count) + np.arange(count.sum())
        order = np.argsort((source[edge] - first).astype(np.uint16), kind="stable")
        destination = np.repeat(np.arange(destinations, dtype=np.int32), count)
        yield source[edge[order]], destination[order], value[edge[order]]


def _greedy_load(edges: Iterator[Edges], scale: NDArray[np.float64]) -> NDArray[np.float64]:
    """What each destination has to bear (m) where every source takes its edge of the largest weight."""
    load = np.zeros(len(scale))
    for source, destination, value in edges:
        if len(source) == 0:
            continue
        weight = scale[destination] * value
        begins = np.flatnonzero(np.diff(source, prepend=-1))
        largest = np.maximum.reduceat(weight, begins)
        sizes = np.diff(begins, append=len(source))
        taken = np.flatnonzero(weight == np.repeat(largest, sizes))
        taken = taken[np.diff(source[taken], prepend=-1) != 0]  # the first one where two are equal
        np.add.at(load, destination[taken], weight[taken])
    return load
