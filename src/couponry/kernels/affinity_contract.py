"""What the kernels of affinity are given, and which backend runs them: native, numba or reference, as everywhere.

affinity_reference.py    plain Python, the specification
affinity_numba.py        the same text, compiled at first use
_affinity                C++ (sources in ext/), compiled when the package is built
"""

from __future__ import annotations

import importlib
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from . import Backend, load

_MODULES = {
    "native": "._affinity",
    "numba": ".affinity_numba",
    "reference": ".affinity_reference",
}


class Pairs(NamedTuple):
    """The states of (customer, item) pairs, e of them; H half-lives."""

    times: NDArray[np.int32]  # (e), periods in which the customer bought the item
    first: NDArray[np.int32]  # (e), the first of them
    last: NDArray[np.int32]  # (e)
    discounted: NDArray[np.int32]  # (e), how many of them at a discount
    spend: NDArray[np.int64]  # (e), hundredths of the currency
    decay: NDArray[np.float32]  # (e, H), decayed count of the periods, as of the last one

    @classmethod
    def new(cls, pairs: int, half_lives: int) -> Pairs:
        """Pairs that nothing was bought of yet."""
        times, first, last, discounted = np.zeros((4, pairs), np.int32)
        return cls(
            times,
            first,
            last,
            discounted,
            np.zeros(pairs, np.int64),
            np.zeros((pairs, half_lives), np.float32),
        )


class Bought(NamedTuple):
    """What customers bought, by customer, and what it weighs."""

    indptr: NDArray[np.int64]  # (n + 1)
    item: NDArray[np.uint32]  # (e)
    weight: NDArray[np.float32]  # (e), in scores of other offers
    own_weight: NDArray[np.float32]  # (e), in scores of the customer's own


class Links(NamedTuple):
    """From each of P items to some of K offers, ascending for an item."""

    ptr: NDArray[np.int64]  # (P + 1)
    offer: NDArray[np.int32]  # (l), a column of `pair`
    value: NDArray[np.float32]  # (l), the other one
    pair: NDArray[np.int32]  # (l, 2), offers and the bits of values, since they are read together

    @classmethod
    def new(
        cls, ptr: NDArray[np.int64], offer: NDArray[np.int32], value: NDArray[np.float32]
    ) -> Links:
        """Links as a matrix by rows has them."""
        pair = np.empty((len(offer), 2), np.int32)
        pair[:, 0], pair[:, 1] = offer, value.view(np.int32)
        return cls(ptr, pair[:, 0], pair.view(np.float32)[:, 1], pair)


class Kinds(NamedTuple):
    """The kind (product type, category) of each of P items, -1 for none, and the offers of each kind."""

    item: NDArray[np.int32]  # (P)
    ptr: NDArray[np.int64]  # (kinds + 1)
    offer: NDArray[np.int32]


class Eligible(NamedTuple):
    """The offers that each customer may get; without entries in `ptr`, all of them."""

    ptr: NDArray[np.int64]  # (n + 1) or (0)
    offer: NDArray[np.int32]


class Chosen(NamedTuple):
    """The offers chosen for m customers, `number` for each, one customer after the other.

    There is room for r of them, m times the most that one may be given.
    """

    number: NDArray[np.int32]  # (m)
    offer: NDArray[np.int32]  # (r), ascending for a customer
    role: NDArray[np.uint8]  # (r), 0 reward, 1 activation, 2 innovation
    score: NDArray[np.float32]  # (r)

    @classmethod
    def new(cls, customers: int, width: int) -> Chosen:
        """Room for `width` offers a customer; nothing is in it yet."""
        room = customers * width
        offer, role = np.empty(room, np.int32), np.empty(room, np.uint8)
        return cls(np.zeros(customers, np.int32), offer, role, np.empty(room, np.float32))

    def part(self, start: int, stop: int, width: int) -> Chosen:
        """The room of the customers start <= i < stop."""
        room = slice(start * width, stop * width)
        return Chosen(self.number[start:stop], self.offer[room], self.role[room], self.score[room])


def kernels(name: str | None = None) -> Backend:
    """The backend to run, chosen as `kernels.load` chooses; its module holds the kernels of affinity."""
    chosen = load(name).name
    return Backend(chosen, importlib.import_module(_MODULES[chosen], __package__))
