"""Packing: 16-bit quantised channels beside the item numbers, and how far off they are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .ahead import in_order, workers
from .allocate.problem import LEVELS
from .kernels import Backend
from .space import Space, blocks, forget, save


class Span(NamedTuple):
    """Least and largest value of a channel by item, float64 (K); inf and -inf for items without candidates."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def nothing(cls, items: int) -> Span:
        return cls(np.full(items, np.inf), np.full(items, -np.inf))


class Channel(NamedTuple):
    """A numeric column that is packed.

    source: says what the values are, so that nothing that is made of others is taken for it. values: float32 or
    float64 (e).
    """

    source: str
    values: NDArray[np.floating]
    span: Span


class Packed(NamedTuple):
    """quantity: uint16 (C, e). low, step, error: float64 (C, K).

    Within an item a channel is low + step * quantity, scaled to the item's own range, and `error` is the largest
    distance to the value as given that was seen while rounding.
    """

    quantity: NDArray[np.uint16]
    low: NDArray[np.float64]
    step: NDArray[np.float64]
    error: NDArray[np.float64]


def span(
    item: NDArray[np.integer], items: int, values: NDArray[np.floating], backend: Backend
) -> Span:
    """The span of a channel, (e) as `item`."""

    def one(part: slice) -> Span:
        found = Span.nothing(items)
        backend.kernels.span(item[part], values[part], *found)
        forget(item[part], values[part])
        return found

    whole = Span.nothing(items)
    for found in in_order(one, blocks(len(item)), workers()):
        np.minimum(whole.low, found.low, out=whole.low)
        np.maximum(whole.high, found.high, out=whole.high)
    return whole


def quantise(
    item: NDArray[np.integer],
    items: int,
    channels: Sequence[Channel],
    space: Space,
    backend: Backend,
) -> Packed:
    """The channels packed, into a space."""
    writer = space.writer("quantity", np.uint16)
    low, step, error = np.zeros((3, len(channels), items))
    for c, (_, values, (least, most)) in enumerate(channels):
        seen = np.isfinite(least)
        low[c, seen] = least[seen]
        step[c, seen] = (most[seen] - least[seen]) / LEVELS
        rounding = _Rounding(item, values, low[c], step[c], backend)
        for quantity, miss in in_order(rounding.part, blocks(len(item)), workers()):
            writer.append(quantity)
            np.maximum(error[c], miss, out=error[c])
    quantities = writer.finish((len(channels), len(item)))
    tables = (save(space, n, t) for n, t in (("low", low), ("step", step), ("error", error)))
    return Packed(quantities, *tables)


class _Rounding(NamedTuple):
    """Quantities of a part of a channel, and the largest miss of each item."""

    item: NDArray[np.integer]
    values: NDArray[np.floating]
    low: NDArray[np.float64]
    step: NDArray[np.float64]
    backend: Backend

    def part(self, part: slice) -> tuple[NDArray[Any], NDArray[np.float64]]:
        item, values = self.item[part], self.values[part]
        quantity, miss = np.empty(len(item), np.uint16), np.zeros(len(self.low))
        self.backend.kernels.quantise(item, values, self.low, self.step, quantity, miss)
        forget(item, values)
        return quantity, miss
