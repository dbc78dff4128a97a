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


def best(bought, similar, own, kinds, offers, prior, eligible, quota, above, start, stop, chosen):
    """The best offers of each role of the customers start <= i < stop.

    An offer is a reward where `own` links a bought item to it; an activation where it is of the kind of a bought item;
    else an innovation. A reward scores the sum of own_weight * value over its links in `own`, another offer the sum of
    weight * value over its links in `similar`, in the order of the customer's items, after its prior. Without a prior
    (length 0) only offers that `similar` links to something bought are candidates, besides rewards.

    quota (IN, int32, (3)): at most so many rewards, activations, innovations. above (IN, float32): scores have to be
    larger. Larger scores go first, then smaller offers; what is chosen is listed customer by customer, in ascending
    order of the offers. offers: K.
    Sums are float32, one product and one addition at a time; scores that are not numbers are never chosen.
    """
    end = 0
    for i in range(start, stop):
        score = np.zeros(offers, np.float32)
        mine = np.zeros(offers, np.float32)
        role = np.full(offers, 2, np.uint8)
        linked = np.zeros(offers, np.bool_)
        if len(prior):
            score[:] = prior
            linked[:] = True
        for e in range(bought.indptr[i], bought.indptr[i + 1]):
            item = np.int64(bought.item[e])
            for link in range(similar.ptr[item], similar.ptr[item + 1]):
                part = bought.weight[e] * similar.value[link]
                score[similar.offer[link]] = score[similar.offer[link]] + part
                linked[similar.offer[link]] = True
            kind = kinds.item[item]
            if kind >= 0:
                for place in range(kinds.ptr[kind], kinds.ptr[kind + 1]):
                    if role[kinds.offer[place]] == 2:
                        role[kinds.offer[place]] = 1
            for link in range(own.ptr[item], own.ptr[item + 1]):
                part = bought.own_weight[e] * own.value[link]
                mine[own.offer[link]] = mine[own.offer[link]] + part
                role[own.offer[link]] = 0
        for j in range(offers):
            if role[j] == 0:
                score[j] = mine[j]
                linked[j] = True
        if len(eligible.ptr):
            may = np.zeros(offers, np.bool_)
            for link in range(eligible.ptr[i], eligible.ptr[i + 1]):
                may[eligible.offer[link]] = True
            linked &= may
        taken = np.zeros(offers, np.bool_)
        for r in range(3):
            for _ in range(quota[r]):
                first = -1
                for j in range(offers):
                    free = linked[j] and role[j] == r and not taken[j] and score[j] > above
                    if free and (first < 0 or score[j] > score[first]):
                        first = j
                if first < 0:
                    break
                taken[first] = True
        for j in range(offers):
            if taken[j]:
                chosen.offer[end] = j
                chosen.role[end] = role[j]
                chosen.score[end] = score[j]
                chosen.number[i - start] += 1
                end += 1
