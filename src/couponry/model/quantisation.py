"""Packing: attributes as 16 bits beside the item numbers, 8 more bits apart from them, and how far off both are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..kernels import Backend
from ..solver.problem import ALIKE, LEVELS, SAME
from ..utils.array_store import ArrayStore, save
from ..utils.blocks import blocks
from ..utils.mapped_arrays import release_pages
from ..utils.parallel import parallel_map, worker_count

FIRST_LOOK = 1 << 14  # candidates, after which two attributes are mostly told apart

# what `Packed` means; another one here, and what stores hold of an earlier one is made again
PACKING = "16 bits for alike channels together, 8 more for each"  # as named in keys of stores


class Span(NamedTuple):
    """Least and largest value of an attribute by item, float64 (K); inf and -inf for items without candidates."""

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def nothing(cls, items: int) -> Span:
        return cls(np.full(items, np.inf), np.full(items, -np.inf))


class Attribute(NamedTuple):
    """A numeric column that is packed.

    source: says what the values are, so that nothing that is made of others is taken for it. values: float32 or
    float64 (e).
    """

    source: str
    values: NDArray[np.floating]
    span: Span


class Packed(NamedTuple):
    """quantity: uint16 (Q, e). fine: uint8 (C, e). low, step, error, fine_error: float64 (C, K).

    quantity_of: int64 (C), the quantity that each attribute is packed in. Attributes that go with each other within
    every item, as a weight that is so many times the value does, share one.

    Within an item an attribute is low + step * quantity, scaled to the item's own range, and `error` is the largest
    distance to the value as given that was seen while rounding. Closer, it is low + step * (quantity - 1/2 +
    parts / 256), and `fine_error` is the largest distance to that: a 512th of a step at most, and next to nothing for
    an item whose values are two, or some other few that lie evenly. `parts` is fine for the first attribute of a
    quantity; for another one it is the first one's fine + its own - SAME.
    """

    quantity: NDArray[np.uint16]
    fine: NDArray[np.uint8]
    low: NDArray[np.float64]
    step: NDArray[np.float64]
    error: NDArray[np.float64]
    fine_error: NDArray[np.float64]
    quantity_of: NDArray[np.int64]


def span(
    item: NDArray[np.integer], items: int, values: NDArray[np.floating], backend: Backend
) -> Span:
    """The span of an attribute, (e) as `item`."""

    def one(part: slice) -> Span:
        found = Span.nothing(items)
        backend.kernels.span(item[part], values[part], *found)
        release_pages(item[part], values[part])
        return found

    whole = Span.nothing(items)
    for found in parallel_map(one, blocks(len(item)), worker_count()):
        np.minimum(whole.low, found.low, out=whole.low)
        np.maximum(whole.high, found.high, out=whole.high)
    return whole


def quantise(
    item: NDArray[np.integer],
    items: int,
    attributes: Sequence[Attribute],
    space: ArrayStore,
    backend: Backend,
) -> Packed:
    """The attributes packed, into a space."""
    quantity, fine = space.writer("quantity", np.uint16), space.writer("fine", np.uint8)
    low, step, error, fine_error = np.zeros((4, len(attributes), items))
    quantity_of = np.zeros(len(attributes), np.int64)
    packed: list[_Rounding] = []  # the first attribute of each quantity
    for c, (_, values, (least, most)) in enumerate(attributes):
        seen = np.isfinite(least)
        low[c, seen] = least[seen]
        step[c, seen] = (most[seen] - least[seen]) / LEVELS
        rounding = _Rounding(item, values, low[c], step[c], backend)
        alike = (q for q, other in enumerate(packed) if rounding.is_alike(other))
        quantity_of[c] = next(alike, len(packed))
        if quantity_of[c] == len(packed):
            packed.append(rounding)
            for part in rounding.parts():
                quantity.append(part.quantity)
                fine.append(part.fine)
                part.widen(error[c], fine_error[c])
        else:
            first = packed[quantity_of[c]]
            for part, firsts in zip(rounding.parts(), first.parts(), strict=True):
                fine.append((part.position() - firsts.position() + SAME).astype(np.uint8))
                part.widen(error[c], fine_error[c])
            error[c] += ALIKE * step[c]
    return Packed(
        quantity.finish((len(packed), len(item))),
        fine.finish((len(attributes), len(item))),
        *(save(space, "low", low), save(space, "step", step)),
        *(save(space, "error", error), save(space, "fine_error", fine_error)),
        save(space, "quantity_of", quantity_of),
    )


class _Rounded(NamedTuple):
    """A part of an attribute, packed, and the largest misses of each item."""

    quantity: NDArray[np.uint16]
    fine: NDArray[np.uint8]
    error: NDArray[np.float64]
    fine_error: NDArray[np.float64]

    def position(self) -> NDArray[np.int32]:
        """Where values lie within their items' ranges, in 256ths of a step."""
        return 256 * self.quantity.astype(np.int32) + self.fine

    def widen(self, error: NDArray[np.float64], fine_error: NDArray[np.float64]) -> None:
        """Widen errors (IN/OUT, (K)) to this part's."""
        np.maximum(error, self.error, out=error)
        np.maximum(fine_error, self.fine_error, out=fine_error)


class _Rounding(NamedTuple):
    """Rounds parts of an attribute."""

    item: NDArray[np.integer]
    values: NDArray[np.floating]
    low: NDArray[np.float64]
    step: NDArray[np.float64]
    backend: Backend

    def parts(self) -> Iterator[_Rounded]:
        """The whole attribute, part by part."""
        return parallel_map(self.part, blocks(len(self.item)), worker_count())

    def is_alike(self, other: _Rounding) -> bool:
        """Whether another attribute lies where this one does within the range of every item, but for rounding."""

        def near(part: slice) -> bool:
            own, others = self.part(part), other.part(part)
            away = own.position() - others.position()
            # where this attribute has no range every position will do
            return bool((np.abs(away)[self.step[self.item[part]] > 0] <= 256 * ALIKE).all())

        first = next(blocks(len(self.item), FIRST_LOOK), slice(0))
        return near(first) and all(parallel_map(near, blocks(len(self.item)), worker_count()))

    def part(self, part: slice) -> _Rounded:
        item, values = self.item[part], self.values[part]
        found = _Rounded(
            np.empty(len(item), np.uint16),
            np.empty(len(item), np.uint8),
            *np.zeros((2, len(self.low))),
        )
        self.backend.kernels.quantise(item, values, self.low, self.step, *found)
        release_pages(item, values)
        return found
