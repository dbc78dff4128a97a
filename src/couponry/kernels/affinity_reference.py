"""The kernels of affinity in plain Python: the specification that the compiled backends must match bit for bit.

As in `reference.py` every function is also valid Numba, and arithmetic is written one operation at a time. Letters:
e (customer, item) pairs, r purchases of them by period, H half-lives, G one more than the longest gap in periods.
"""

from __future__ import annotations

import numpy as np


def fold(ptr, period, discounted, spend, factor, pairs):
    """Take purchases up into the states of pairs, one period after the other.

    ptr (IN, int64, (e + 1)): the purchases of pair p are ptr[p] : ptr[p + 1], in ascending periods that are all later
    than the pair's last. period (IN, int32, (r)). discounted (IN, uint8, (r)). spend (IN, int64, (r)), hundredths.
    factor (IN, float32, (G, H)): what is left of a purchase after so many periods.
    pairs (IN/OUT): times, first, last, discounted (int32, (e)), spend (int64, (e)), decay (float32, (e, H)); a pair
    whose `times` is 0 has no state yet.

    decay[p] is the sum, over the pair's periods up to its last, of factor by the time from each to the last: the
    recursion decay = decay * factor[gap] + 1, rounded to float32 after each operation.
    """
    for p in range(len(ptr) - 1):
        for r in range(ptr[p], ptr[p + 1]):
            now = period[r]
            if pairs.times[p] == 0:
                pairs.first[p] = now
                for h in range(factor.shape[1]):
                    pairs.decay[p, h] = np.float32(1.0)
            else:
                gap = now - pairs.last[p]
                for h in range(factor.shape[1]):
                    kept = pairs.decay[p, h] * factor[gap, h]
                    pairs.decay[p, h] = kept + np.float32(1.0)
            pairs.last[p] = now
            pairs.times[p] += 1
            pairs.discounted[p] += np.int32(discounted[r])
            pairs.spend[p] += spend[r]
