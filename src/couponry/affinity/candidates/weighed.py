"""What some customers bought, weighed for scores: a part of a history as a sparse matrix."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...data import tables
from ...utils.blocks import row_blocks
from ...utils.lazy_imports import sparse as sp
from ...utils.mapped_arrays import release_pages
from ..history.purchase_history import PurchaseHistory, factors

PAIRS, CUSTOMERS = 1 << 18, 1 << 15  # worked on at a time, at most

Histories = PurchaseHistory | Callable[[], Iterator[PurchaseHistory]]


class Weighed(NamedTuple):
    """matrix: sparse float32 (customers, P), log(1 + decayed purchases), for neighbours. own_weight: float32, of its
    entries, decayed purchases times a weight of the item, for rewards. trips: float32 (customers), decayed."""

    matrix: sp.csr_array
    own_weight: NDArray[np.float32]
    trips: NDArray[np.float32]


@dataclass(frozen=True)
class Part:
    """The customers start <= i < stop of a history."""

    history: PurchaseHistory
    start: int
    stop: int

    @classmethod
    def whole(cls, history: PurchaseHistory) -> Part:
        return cls(history, 0, len(history.customers))

    def read(self, items: pa.Array, weight: NDArray[np.float32], half_life: float) -> Weighed:
        """What they bought of these items (ids, ascending, P), each with a weight (P)."""
        history = self.history
        h = history.half_lives.index(half_life)
        factor = factors(history.half_lives, history.unit, history.until - history.start + 1)[:, h]
        ends = history.indptr[self.start : self.stop + 1]
        part = slice(int(ends[0]), int(ends[-1]))
        age = history.until - history.pairs.last[part]
        decay = history.pairs.decay[part, h] * factor[age]
        item, indptr = history.item[part].astype(np.int64), ends - ends[0]
        if not history.items.equals(items):
            item = tables.positions(history.items, items)[item]
            kept = item >= 0
            if not kept.all():
                indptr = np.append(0, np.cumsum(kept))[indptr]
                item, decay = item[kept], decay[kept]
        shape = (self.stop - self.start, len(items))
        matrix = sp.csr_array((np.log1p(decay), item, indptr), shape=shape)
        matrix.has_canonical_format = True  # ascending for a customer, and once each
        trips = history.trips.decay[self.start : self.stop, h]
        trips = trips * factor[history.until - history.trips.last[self.start : self.stop]]
        release_pages(history.item[part], history.pairs.last[part], history.pairs.decay[part])
        return Weighed(matrix, decay * weight[item], trips)


def parts(histories: Histories) -> Iterator[Part]:
    """Parts to work on of a history, or of several, one after the other."""
    for history in listed(histories):
        for start, stop in row_blocks(history.indptr, PAIRS):
            for first in range(start, stop, CUSTOMERS):
                yield Part(history, first, min(first + CUSTOMERS, stop))


def listed(histories: Histories) -> Iterator[PurchaseHistory]:
    return iter([histories]) if isinstance(histories, PurchaseHistory) else histories()
