"""What the kernels of affinity are given: histories of purchases, links to offers, what is chosen, and trees.

Letters: n customers, e (customer, item) pairs, P items that are bought, K offers, F factors, H half-lives, T trees.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_LEAVES = 32
"""Leaves that a tree may have: those that a row may still reach are the bits of one word of 32, which a vector holds 16
of; with words of 64 the same number of nodes takes 1.3 times as long."""


class Pairs(NamedTuple):
    """The states of (customer, item) pairs.

    Attributes
    ----------
    times : ndarray of int32, shape (e,)
        Periods in which the customer bought the item.
    first, last : ndarray of int32, shape (e,)
        The first and the last of them.
    discounted : ndarray of int32, shape (e,)
        How many of them at a discount.
    spend : ndarray of int64, shape (e,)
        Hundredths of the currency.
    squared_gaps : ndarray of int64, shape (e,)
        Sum, over each two of the periods that follow one another, of the gap between them squared.
    recent : ndarray of uint64, shape (e,)
        Which periods up to the last one are among them: bit k is the one k periods before it.
    decay : ndarray of float32, shape (e, H)
        Decayed count of the periods, as of the last one.
    """

    times: NDArray[np.int32]
    first: NDArray[np.int32]
    last: NDArray[np.int32]
    discounted: NDArray[np.int32]
    spend: NDArray[np.int64]
    squared_gaps: NDArray[np.int64]
    recent: NDArray[np.uint64]
    decay: NDArray[np.float32]

    @classmethod
    def new(cls, pairs: int, half_lives: int) -> Pairs:
        """Pairs that nothing was bought of yet."""
        times, first, last, discounted = np.zeros((4, pairs), np.int32)
        spend, squared_gaps = np.zeros((2, pairs), np.int64)
        recent = np.zeros(pairs, np.uint64)
        decay = np.zeros((pairs, half_lives), np.float32)
        return cls(times, first, last, discounted, spend, squared_gaps, recent, decay)

    @classmethod
    def room(cls, pairs: int, half_lives: int) -> Pairs:
        """Room for the states of so many pairs; nothing is in it yet."""
        times, first, last, discounted = np.empty((4, pairs), np.int32)
        spend, squared_gaps = np.empty((2, pairs), np.int64)
        recent = np.empty(pairs, np.uint64)
        decay = np.empty((pairs, half_lives), np.float32)
        return cls(times, first, last, discounted, spend, squared_gaps, recent, decay)


class GroupedStates(NamedTuple):
    """Purchases taken up into states by customer and item, and by customer; there is room for one of each a row.

    Attributes
    ----------
    counts : ndarray of int64, shape (2,)
        Customers and pairs that there are.
    customer : ndarray of int64, shape (r,)
        Ascending.
    n_pairs : ndarray of int64, shape (r,)
        Pairs of each customer.
    item : ndarray of uint32, shape (r,)
        Rank of each pair's item, ascending for a customer.
    pairs : Pairs
        States of the pairs.
    trips : Pairs
        The same of each customer's purchases of anything, and of no item.
    """

    counts: NDArray[np.int64]
    customer: NDArray[np.int64]
    n_pairs: NDArray[np.int64]
    item: NDArray[np.uint32]
    pairs: Pairs
    trips: Pairs

    @classmethod
    def new(cls, rows: int, half_lives: int) -> GroupedStates:
        """Room for what so many rows come to; nothing is in it yet."""
        numbers = np.zeros(2, np.int64), np.empty(rows, np.int64), np.empty(rows, np.int64)
        pairs, trips = Pairs.room(rows, half_lives), Pairs.room(rows, half_lives)
        return cls(*numbers, np.empty(rows, np.uint32), pairs, trips)


class Bought(NamedTuple):
    """What customers bought, by customer, and what it weighs.

    Attributes
    ----------
    indptr : ndarray of int64, shape (n + 1,)
        Pairs of customer i are ``indptr[i]:indptr[i + 1]``.
    item : ndarray of uint32, shape (e,)
    weight, own_weight : ndarray of float32, shape (e,)
        Weight in scores of other offers, and in scores of the customer's own.
    """

    indptr: NDArray[np.int64]
    item: NDArray[np.uint32]
    weight: NDArray[np.float32]
    own_weight: NDArray[np.float32]


class Links(NamedTuple):
    """From each item to some of the offers, ascending for an item.

    Attributes
    ----------
    ptr : ndarray of int64, shape (P + 1,)
        Links of item p are ``ptr[p]:ptr[p + 1]``.
    offer : ndarray of int32, shape (links,)
        First column of `pair`.
    value : ndarray of float32, shape (links,)
        Second column of `pair`.
    pair : ndarray of int32, shape (links, 2)
        Offers and the bits of values: they are read together, from one cache line.
    """

    ptr: NDArray[np.int64]
    offer: NDArray[np.int32]
    value: NDArray[np.float32]
    pair: NDArray[np.int32]

    @classmethod
    def new(
        cls, ptr: NDArray[np.int64], offer: NDArray[np.int32], value: NDArray[np.float32]
    ) -> Links:
        """Links as a matrix by rows has them."""
        pair = np.empty((len(offer), 2), np.int32)
        pair[:, 0], pair[:, 1] = offer, value.view(np.int32)
        return cls(ptr, pair[:, 0], pair.view(np.float32)[:, 1], pair)


class Kinds(NamedTuple):
    """The kind (product type, category) of each item, and the offers of each kind.

    Attributes
    ----------
    item : ndarray of int32, shape (P,)
        Kind of each item; -1: none.
    ptr : ndarray of int64, shape (kinds + 1,)
        Offers of kind k are ``offer[ptr[k]:ptr[k + 1]]``.
    offer : ndarray of int32
    """

    item: NDArray[np.int32]
    ptr: NDArray[np.int64]
    offer: NDArray[np.int32]


class Eligible(NamedTuple):
    """The offers that each customer may get; without entries in `ptr`, all of them.

    Attributes
    ----------
    ptr : ndarray of int64, shape (n + 1,) or (0,)
        Offers of customer i are ``offer[ptr[i]:ptr[i + 1]]``.
    offer : ndarray of int32
    """

    ptr: NDArray[np.int64]
    offer: NDArray[np.int32]


class Factors(NamedTuple):
    """Vectors of customers and offers whose products scores start from; without factors, F = 0, there are none.

    Attributes
    ----------
    customer : ndarray of float32, shape (n, F) or (0, 0)
    offer : ndarray of float32, shape (F, K) or (0, 0)
    """

    customer: NDArray[np.float32]
    offer: NDArray[np.float32]

    @classmethod
    def none(cls) -> Factors:
        """Neither customers nor offers have any."""
        return cls(np.zeros((0, 0), np.float32), np.zeros((0, 0), np.float32))


class OfferScoring(NamedTuple):
    """What offers are scored by, and how many of each role are chosen.

    Attributes
    ----------
    bought : Bought
    similar, own : Links
        From items to other offers, and to the offers that are for these very items.
    kinds : Kinds
    offers : int
        Number of offers, K.
    prior : ndarray of float32, shape (K,) or (0,)
        What scores of offers other than rewards start from.
    factors : Factors
        What is added to it, one product after the other.
    eligible : Eligible
    quota : ndarray of int32, shape (3,)
        At most so many rewards, activations and innovations.
    above : float32
        Scores have to be larger.
    """

    bought: Bought
    similar: Links
    own: Links
    kinds: Kinds
    offers: int
    prior: NDArray[np.float32]
    factors: Factors
    eligible: Eligible
    quota: NDArray[np.int32]
    above: np.float32


class Chosen(NamedTuple):
    """The offers chosen for m customers, one customer after the other.

    Attributes
    ----------
    number : ndarray of int32, shape (m,)
        Offers of each customer.
    offer : ndarray of int32, shape (room,)
        Ascending for a customer; room for m times the most that one may be given.
    role : ndarray of uint8, shape (room,)
        0 reward, 1 activation, 2 innovation.
    score : ndarray of float32, shape (room,)
    """

    number: NDArray[np.int32]
    offer: NDArray[np.int32]
    role: NDArray[np.uint8]
    score: NDArray[np.float32]

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


class Trees(NamedTuple):
    """Trees of at most 32 leaves, which are numbered from left to right.

    An inner node sends a row to the right where the row's feature is above the threshold, else to the left.

    Attributes
    ----------
    ptr : ndarray of int64, shape (T + 1,)
        Inner nodes of tree t are ``ptr[t]:ptr[t + 1]``, in any order.
    feature : ndarray of int32, shape (nodes,)
    threshold : ndarray of float32, shape (nodes,)
    mask : ndarray of uint32, shape (nodes,)
        Leaves that may still be reached to the right: all but those to the left of the node. Bit 0 is the first leaf.
    value : ndarray of float64, shape (T, 32)
        Of each leaf; beyond the last leaf of a tree, anything.

    References
    ----------
    C. Lucchese and others: QuickScorer: a Fast Algorithm to Rank Documents with Additive Ensembles of Regression Trees.
    SIGIR 2015, section 3.
    """

    ptr: NDArray[np.int64]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float32]
    mask: NDArray[np.uint32]
    value: NDArray[np.float64]
