"""Packing: 16-bit quantised channels beside the item numbers, and how far off they are."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .ahead import in_order, workers
from .allocate.problem import LEVELS
from .kernels import Backend
from .space import Space, blocks, forget


class Span(NamedTuple):
    """Least and largest value of a channel by item, float64 (K); inf and -inf for items without candidates."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def nothing(cls, items: int) -> Span:
        return cls(np.full(items, np.inf), np.full(items, -np.inf))


def span(
    item: NDArray[np.integer], items: int, values: NDArray[np.floating], backend: Backend
) -> Span:
    """The span of a channel, (e) as `item`."""

    def one(part: slice) -> Span:
        found = Span.nothing(items)
        backend.kernels.span(item[part], values[part], *found)
        return found

    whole = Span.nothing(items)
    for found in in_order(one, blocks(len(item)), workers()):
        np.minimum(whole.low, found.low, out=whole.low)
        np.maximum(whole.high, found.high, out=whole.high)
        forget(item, values)
    return whole


def quantise(
    item: NDArray[np.integer],
    channels: list[tuple[NDArray[np.floating], Span]],
    items: int,
    space: Space,
    backend: Backend,
) -> tuple[NDArray[np.uint16], NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Quantities uint16 (C, e), which go to `space`, and low, step, error float64 (C, K).

    channels: each with its span. Within an item a channel is low + step * quantity, scaled to the item's own range,
    and `error` is the largest distance to the value as given that was seen while rounding.
    """
    writer = space.writer("quantity", np.uint16)
    low, step, error = np.zeros((3, len(channels), items))
    for c, (values, (least, most)) in enumerate(channels):
        seen = np.isfinite(least)
        low[c, seen] = least[seen]
        step[c, seen] = (most[seen] - least[seen]) / LEVELS
        rounding = _Rounding(item, values, low[c], step[c], backend)
        for quantity, miss in in_order(rounding.part, blocks(len(item)), workers()):
            writer.append(quantity)
            np.maximum(error[c], miss, out=error[c])
            forget(item, values)
    return writer.finish((len(channels), len(item))), low, step, error


class _Rounding(NamedTuple):
    """Quantities of a part of a channel, and the largest miss of each item."""

    item: NDArray[np.integer]
    values: NDArray[np.floating]
    low: NDArray[np.float64]
    step: NDArray[np.float64]
    backend: Backend

    def part(self, part: slice) -> tuple[NDArray[Any], NDArray[np.float64]]:
        item = self.item[part]
        quantity, miss = np.empty(len(item), np.uint16), np.zeros(len(self.low))
        self.backend.kernels.quantise(item, self.values[part], self.low, self.step, quantity, miss)
        return quantity, miss
