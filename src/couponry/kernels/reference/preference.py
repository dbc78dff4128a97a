"""The order in which a customer's candidates are chosen, the hashes that break its ties, and what is said of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..contract import Amounts, Integer, Items, Prices, Shard, Sums

MASK = 0xFFFFFFFF


def scramble(x: int) -> int:
    """Mix the bits of a 32-bit number (the lowbias32 finaliser of C. Wellons' hash prospector)."""
    x ^= x >> 16
    x = (x * 0x7FEB352D) & MASK
    x ^= x >> 15
    x = (x * 0x846CA68B) & MASK
    return x ^ (x >> 16)


def tie_hash(seed: int, customer: int, item: Integer) -> int:
    """32-bit hash that orders equally good candidates of a customer: the smallest goes first."""
    low = scramble((seed ^ customer) & MASK)
    high = scramble((low ^ (customer >> 32)) & MASK)
    return scramble((high ^ (int(np.int64(item)) * 0x9E3779B9)) & MASK)


def number_of(shard: Shard, i: int) -> int:
    """What stands for customer i of a shard where something is drawn by hashing."""
    return int(shard.number[i]) if len(shard.number) > 0 else shard.first + i


def level_of(customer: int, levels: int) -> int:
    """A number below `levels` drawn by customer, each at least 1 with probability 1/2, at least 2 with 1/4, ..."""
    bits = scramble((customer ^ scramble((customer >> 32) & MASK)) & MASK)
    level = 0
    while level < levels - 1 and bits & 1 == 0:
        level += 1
        bits >>= 1
    return level


def goes_before(
    value: Prices | Amounts,
    i: int,
    j: int,
    seed: int,
    customer: int,
    item_i: Integer,
    item_j: Integer,
) -> bool:
    """Whether candidate i is chosen before candidate j: larger value, then smaller hash, then position."""
    if value[i] != value[j]:
        return value[i] > value[j]
    hash_i = tie_hash(seed, customer, item_i)
    hash_j = tie_hash(seed, customer, item_j)
    if hash_i != hash_j:
        return hash_i < hash_j
    return i < j


def order_of_choice(
    value: Prices | Amounts, seed: int, customer: int, item: Items, begin: int
) -> Sums:
    """Positions of a customer's candidates, the best first, int64 (n); item[begin + j] is the j-th one's item."""
    order = np.empty(len(value), np.int64)
    for j in range(len(value)):
        k = np.int64(item[begin + j])
        # insertion sort: customers have few candidates, and the order is the specification
        at = j
        while at > 0 and goes_before(
            value, j, order[at - 1], seed, customer, k, item[begin + order[at - 1]]
        ):
            order[at] = order[at - 1]
            at -= 1
        order[at] = j
    return order


def of_customer(bound: NDArray[Any], i: int) -> Any:
    """Entry of an array of length n or 1."""
    return bound[i] if len(bound) > 1 else bound[0]


def of_row(bound: NDArray[Any], row: int, i: int) -> Any:
    """Entry of an array of shape (R, n or 1)."""
    return bound[row, i] if bound.shape[1] > 1 else bound[row, 0]
