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


class Shard(NamedTuple):
    """Packed candidates of consecutive customers, sorted by customer, then by offer."""

    first: int  # number of the first customer in the whole campaign
    indptr: NDArray[np.int64]  # (n + 1), candidates of customer i are indptr[i] : indptr[i + 1]
    item: NDArray[np.uint16] | NDArray[np.uint32]  # (e)
    quantity: NDArray[np.uint16]  # (C, e), quantised channels
    segment: NDArray[np.uint16]  # (n or 1)


class Rules(NamedTuple):
    """Customer rules: at least and at most so many coupons, and at most so many in each group of each rule.

    The groups of the rules nest within every customer, so that choosing greedily is exact.
    """

    lower: NDArray[np.int32]  # (n or 1), a customer who cannot have as many gets what it can
    upper: NDArray[np.int32]  # (n or 1)
    group: NDArray[np.int32]  # (R, K), group of an item under a rule, -1: the rule is not about it
    groups: int  # one more than the largest group number
    cap: NDArray[np.int32]  # (R, n or 1), at most so many in one group


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
