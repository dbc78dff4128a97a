"""Quantisation of attributes: 16 bits beside the item numbers, 8 bits more apart from them, and the errors of both."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...kernels import MAX_QUANTITY, Backend
from ...solver.problem import ALIKE_STEPS, SAME_FINE
from ...utils.arrays.array_store import ArrayStore, ArrayWriter, save
from ...utils.arrays.blocks import blocks
from ...utils.arrays.mapped_arrays import copy_to_memory, exceeds_page_cache
from ...utils.parallel import parallel_map, reader_count, work_in_turns

FIRST_LOOK_CANDIDATES = 1 << 14
"""Candidates after which two attributes are mostly told apart."""

PACKING = "16 bits for alike channels together, 8 more for each"
"""What `Packed` means, as keys of stores name it: with another text, what stores hold is made again."""


class Span(NamedTuple):
    """Range of an attribute within each item.

    Attributes
    ----------
    low, high : ndarray of float64, shape (n_items,)
        Least and largest value; inf and -inf for items without candidates.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def empty(cls, n_items: int) -> Span:
        """Return the span of nothing.

        Parameters
        ----------
        n_items : int
            Number of items.

        Returns
        -------
        Span
            inf and -inf.
        """
        return cls(np.full(n_items, np.inf), np.full(n_items, -np.inf))


class Attribute(NamedTuple):
    """A numeric column that is packed.

    Attributes
    ----------
    source : str
        Says what the values are, so that nothing that is made of others is taken for it.
    values : ndarray of float32 or float64, shape (n_candidates,)
    span : Span
    """

    source: str
    values: NDArray[np.floating]
    span: Span


class Packed(NamedTuple):
    """Attributes in few bits.

    Within an item an attribute is ``low + step * quantity``, scaled to the item's own range. Closer, it is
    ``low + step * (quantity - 1/2 + parts / 256)``; `parts` is `fine` for the first attribute of a quantity, and for
    another one the first one's `fine` + its own - SAME_FINE. Attributes that are proportional within every item, as a
    weight that is so many times the value, share a quantity.

    Attributes
    ----------
    quantity : ndarray of uint16, shape (n_quantities, n_candidates)
    fine : ndarray of uint8, shape (n_attributes, n_candidates)
    low, step : ndarray of float64, shape (n_attributes, n_items)
    error : ndarray of float64, shape (n_attributes, n_items)
        Largest distance of ``low + step * quantity`` to the value as given that was seen while rounding.
    fine_error : ndarray of float64, shape (n_attributes, n_items)
        The same of the closer value: a 512th of a step at most, and next to nothing for an item whose values are two,
        or some other few that lie evenly.
    quantity_of : ndarray of int64, shape (n_attributes,)
        The quantity that each attribute is packed in.
    """

    quantity: NDArray[np.uint16]
    fine: NDArray[np.uint8]
    low: NDArray[np.float64]
    step: NDArray[np.float64]
    error: NDArray[np.float64]
    fine_error: NDArray[np.float64]
    quantity_of: NDArray[np.int64]


def find_span(
    item: NDArray[np.integer], n_items: int, values: NDArray[np.floating], backend: Backend
) -> Span:
    """Find the span of an attribute.

    Parameters
    ----------
    item : ndarray of int, shape (n_candidates,)
        Item of each candidate.
    n_items : int
    values : ndarray of float, shape (n_candidates,)
    backend : Backend

    Returns
    -------
    Span
        By item.
    """
    once = exceeds_page_cache(item, values)

    def of_block(block: slice) -> Span:
        found = Span(
            whole.low.copy(), whole.high.copy()
        )  # of blocks before: most others are within
        read = copy_to_memory(item[block], once=once), copy_to_memory(values[block], once=once)
        backend.unchecked.span(*read, *found)
        return found

    whole = Span.empty(n_items)
    for found in parallel_map(of_block, blocks(len(item)), reader_count()):
        np.minimum(whole.low, found.low, out=whole.low)
        np.maximum(whole.high, found.high, out=whole.high)
    return whole


def quantise(
    item: NDArray[np.integer],
    n_items: int,
    attributes: Sequence[Attribute],
    store: ArrayStore,
    backend: Backend,
) -> Packed:
    """Pack attributes into an array store.

    Parameters
    ----------
    item : ndarray of int, shape (n_candidates,)
        Item of each candidate.
    n_items : int
    attributes : sequence of Attribute
    store : ArrayStore
    backend : Backend

    Returns
    -------
    Packed
        In the store's arrays.
    """
    n = len(item)
    length = n if len(attributes) == 1 else None  # of several, some may share a quantity
    quantity = store.writer("quantity", np.uint16, length)
    fine = store.writer("fine", np.uint8, len(attributes) * n)
    low, step, error, fine_error = np.zeros((4, len(attributes), n_items))
    quantity_of = np.zeros(len(attributes), np.int64)
    packed: list[_Rounding] = []  # the first attribute of each quantity
    for a, (_, values, (least, most)) in enumerate(attributes):
        seen = np.isfinite(least)
        low[a, seen] = least[seen]
        step[a, seen] = (most[seen] - least[seen]) / MAX_QUANTITY
        rounding = _Rounding(item, values, low[a], step[a], error[a], fine_error[a], backend)
        alike = (q for q, other in enumerate(packed) if rounding.is_alike(other))
        quantity_of[a] = next(alike, len(packed))
        if quantity_of[a] == len(packed):
            place = _Place(quantity, fine, len(packed) * n, a * n)
            packed.append(rounding)
            rounding.write(place)
        else:
            first = packed[quantity_of[a]]
            for part, firsts in zip(rounding.parts(), first.parts(), strict=True):
                fine.append((part.position() - firsts.position() + SAME_FINE).astype(np.uint8))
                part.widen(error[a], fine_error[a])
            error[a] += ALIKE_STEPS * step[a]
    return Packed(
        quantity=quantity.finish((len(packed), n)),
        fine=fine.finish((len(attributes), n)),
        low=save(store, "low", low),
        step=save(store, "step", step),
        error=save(store, "error", error),
        fine_error=save(store, "fine_error", fine_error),
        quantity_of=save(store, "quantity_of", quantity_of),
    )


class _Rounded(NamedTuple):
    """A block of an attribute, packed, and the largest distance to it, or to one before it, within each item."""

    quantity: NDArray[np.uint16]
    fine: NDArray[np.uint8]
    error: NDArray[np.float64]
    fine_error: NDArray[np.float64]

    def position(self) -> NDArray[np.int32]:
        """Where values lie within their items' ranges, in 256ths of a step."""
        return 256 * self.quantity.astype(np.int32) + self.fine

    def widen(self, error: NDArray[np.float64], fine_error: NDArray[np.float64]) -> None:
        """Widen errors (IN/OUT, shape (n_items,)) to this block's."""
        np.maximum(error, self.error, out=error)
        np.maximum(fine_error, self.fine_error, out=fine_error)


class _Place(NamedTuple):
    """Where an attribute goes that has a quantity of its own: writers, and the places of its first candidate there."""

    quantity: ArrayWriter
    fine: ArrayWriter
    first_quantity: int
    first_fine: int

    def room(self, block: slice) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
        """Memory for a block of it."""
        return (
            self.quantity.room(self.first_quantity + block.start, self.first_quantity + block.stop),
            self.fine.room(self.first_fine + block.start, self.first_fine + block.stop),
        )


class _Rounding(NamedTuple):
    """Rounds an attribute, block by block.

    error, fine_error: of the blocks that are done. Most others are within, and leave them as they are.
    """

    item: NDArray[np.integer]
    values: NDArray[np.floating]
    low: NDArray[np.float64]
    step: NDArray[np.float64]
    error: NDArray[np.float64]
    fine_error: NDArray[np.float64]
    backend: Backend

    def parts(self) -> Iterator[_Rounded]:
        """The whole attribute, block by block."""
        return parallel_map(self.part, blocks(len(self.item)), reader_count())

    def write(self, place: _Place) -> None:
        """Write the attribute to where it goes, each block by the thread that rounds it, and widen the errors."""

        def take(part: _Rounded) -> Callable[[], None]:
            part.widen(self.error, self.fine_error)
            writes = place.quantity.claim(part.quantity), place.fine.claim(part.fine)

            def write_both() -> None:
                for write in writes:
                    write()

            return write_both

        part = partial(self.part, place=place)
        work_in_turns(part, take, blocks(len(self.item)), reader_count())

    def is_alike(self, other: _Rounding) -> bool:
        """Whether another attribute lies where this one does within the range of every item, but for rounding."""

        def is_near(block: slice) -> bool:
            own, others = self.part(block), other.part(block)
            distance = own.position() - others.position()
            # where this attribute has no range every position will do
            has_range = self.step[self.item[block]] > 0
            return bool((np.abs(distance)[has_range] <= 256 * ALIKE_STEPS).all())

        first = next(blocks(len(self.item), FIRST_LOOK_CANDIDATES), slice(0))
        return is_near(first) and all(parallel_map(is_near, blocks(len(self.item)), reader_count()))

    def part(self, block: slice, place: _Place | None = None) -> _Rounded:
        """One block of the attribute."""
        once = exceeds_page_cache(self.item, self.values)
        item, values = (copy_to_memory(a[block], once=once) for a in (self.item, self.values))
        room = (
            (np.empty(len(item), np.uint16), np.empty(len(item), np.uint8))
            if place is None
            else place.room(block)
        )
        found = _Rounded(*room, self.error.copy(), self.fine_error.copy())
        self.backend.unchecked.quantise(item, values, self.low, self.step, *found)
        return found
