"""What every kernel is given: packed candidates, customer rules and limit rows as plain arrays.

All three backends (reference, Numba, native) take these tuples and nothing else. Arrays are C-contiguous and
have exactly the dtypes named here; whoever builds a tuple checks, and nothing behind it checks again.

Letters used throughout: n customers, e candidates, K items, S segments, C channels, R rules, L rows.
An *item* is an offer (or an offer in one role, where a rule or limit tells roles apart). A *channel* is one
numeric column of the candidates, such as `response`. Where an array is said to have length ``n or 1``, length 1
means the same for every customer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NOBODY = np.zeros(1, np.int64)
NONE = np.zeros(0, np.int64)


class Shard(NamedTuple):
    """Packed candidates of consecutive customers, sorted by customer, then by offer."""

    first: int  # number of the first customer in the whole campaign
    indptr: NDArray[np.int64]  # (n + 1), candidates of customer i are indptr[i] : indptr[i + 1]
    item: NDArray[np.uint16] | NDArray[np.uint32]  # (e)
    quantity: NDArray[np.uint16]  # (C, e), quantised channels
    segment: NDArray[np.uint16]  # (n or 1)


MUST = (
    1 << 20
)  # what a mandatory candidate that is not given weighs, in coupons missing from a minimum
NODES = 10_000  # of one customer's search, at most
SHORT = 32  # candidates that fit a set's one number, head included


class Rules(NamedTuple):
    """Customer rules: at least and at most so many coupons, and what else holds for each customer, told in two ways.

    Customers without sets may have at most so many in each group of each rule. The groups nest within every one of
    these customers, so that choosing greedily is exact.

    Customers with sets are told by these alone: at most so many of a set of the customer's own candidates, and at
    least so many. `sets` lists the customers' sets one after the other, each as a head and a bit for each of the
    customer's candidates, the first one lowest. From its lowest bits on the head holds: at most (16 bits), at least (16
    bits), the number of the rule (16 bits), whether the set's candidates are mandatory (1 bit), and whether it crosses
    a set that nests: has candidates in common with it, and each some of its own (1 bit). The candidates follow in as
    many words of 64 bits as they take. A customer of at most SHORT candidates has one number for each set: a bit for
    each candidate, and from bit 32 on the head, in which the two bounds take 6 bits each. Sets at most 0 of which may
    be given, and those of which all may, cross none. Sets that bind and do not cross nest; they are listed first, inner
    ones before outer ones.
    """

    lower: NDArray[np.int32]  # (n or 1), a customer who cannot have as many gets what it can
    upper: NDArray[np.int32]  # (n or 1)
    group: NDArray[np.int32]  # (R, K), group of an item under a rule, -1: the rule is not about it
    groups: int  # one more than the largest group number
    cap: NDArray[np.int32]  # (R, n or 1), at most so many in one group
    ptr: NDArray[np.int64] = (
        NOBODY  # (n + 1), customer i's sets are sets[ptr[i] : ptr[i + 1]]; (1): nobody has any
    )
    sets: NDArray[np.int64] = NONE
    nodes: int = NODES


class Agreed(NamedTuple):
    """Customer rules as they were agreed, of which `tangle` makes the sets of the customers who need them.

    R rows, each a rule, or a part of one that puts items into several groups. Group numbers are those of no other
    rule. A pair of items that conflict is listed at both.
    """

    group: NDArray[np.int32]  # (R, K), -1: the row is not about the item
    groups: int
    rule: NDArray[np.int32]  # (R), number of the rule
    plain: NDArray[
        np.uint8
    ]  # (R), 1: `Rules.group` has this row, 0: its groups may overlap among themselves
    cap: NDArray[np.int32]  # (R, n or 1), at most so many of a group
    least: NDArray[np.int32]  # (R, n or 1), at least
    upper: NDArray[np.int32]  # (n or 1), at most so many coupons
    held_ptr: NDArray[np.int64]  # (n + 1) or (1): nobody has a history
    held: NDArray[np.int32]  # (2, h), group and how many of it the customer has had
    had_ptr: NDArray[np.int64]  # (n + 1) or (1)
    had: NDArray[np.int32]  # items that the customer has had
    conflict_ptr: NDArray[np.int64]  # (K + 1) or (1): nothing conflicts
    conflict: NDArray[np.int32]  # items in conflict with an item, ascending for each rule
    conflict_rule: NDArray[np.int32]  # number of the rule
    mandatory: NDArray[np.uint8]  # (e) or (0): nothing is
    mandatory_rule: int


class Rows(NamedTuple):
    """The limits as linear rows lower <= sum of weights <= upper, listed by (segment, item).

    The weight of candidate e in its j-th row is coefficient[j, 0] + sum_c coefficient[j, 1 + c] * exact[c, e].
    """

    ptr: NDArray[np.int64]  # (S * K + 1)
    row: NDArray[np.int32]
    coefficient: NDArray[np.float64]  # (len(row), 1 + C)
    lower: NDArray[np.float64]  # (L), -inf: none
    upper: NDArray[np.float64]  # (L), inf: none
    weight: NDArray[
        np.float64
    ]  # (L), cost of violation per unit while repairing; 0 for soft limits
    penalty: NDArray[
        np.float64
    ]  # (L), objective lost per unit missed by a soft limit; 0 for hard limits


REPAIR, FILL = 0, 1  # what `improve` is after: less violation, or more objective
