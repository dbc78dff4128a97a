"""The kernels of affinity: purchases folded into states of pairs, best offers, trees.

Letters: e (customer, item) pairs, r purchases of them by period, H half-lives, G one more than the longest gap in
periods.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..affinity_contract import Chosen, OfferScoring, Pairs, Trees
from ..contract import Amounts, Bounds, Flags, Offsets, Prices, Sums

EVERY_LEAF = np.uint32(0xFFFFFFFF)
"""A bit for each of 32 leaves."""


def fold_purchases(
    ptr: Offsets, period: Bounds, discounted: Flags, spend: Sums, factor: Prices, pairs: Pairs
) -> None:
    """Take purchases up into the states of pairs, one period after the other.

    ``decay[p]`` is the sum, over the pair's periods up to its last, of factor by the time from each to the last: the
    recursion decay = decay * factor[gap] + 1, rounded to float32 after each operation. ``recent[p]`` moves up by the
    gap; what leaves its 64 bits is forgotten.

    Parameters
    ----------
    ptr : ndarray of int64, shape (e + 1,)
        The purchases of pair p are ``ptr[p]:ptr[p + 1]``, in ascending periods that are all later than the pair's last.
    period : ndarray of int32, shape (r,)
    discounted : ndarray of uint8, shape (r,)
        1 for periods in which the customer bought at a discount.
    spend : ndarray of int64, shape (r,)
        Hundredths of the currency.
    factor : ndarray of float32, shape (G, H)
        What is left of a purchase after so many periods.
    pairs : Pairs
        IN/OUT; a pair whose `times` is 0 has no state yet.
    """
    for p in range(len(ptr) - 1):
        for r in range(ptr[p], ptr[p + 1]):
            now = period[r]
            if pairs.times[p] == 0:
                pairs.first[p] = now
                pairs.recent[p] = np.uint64(1)
                for h in range(factor.shape[1]):
                    pairs.decay[p, h] = np.float32(1.0)
            else:
                gap = np.int64(now) - np.int64(pairs.last[p])
                pairs.squared_gaps[p] += gap * gap
                earlier = pairs.recent[p] << np.uint64(gap) if gap < 64 else np.uint64(0)
                pairs.recent[p] = earlier | np.uint64(1)
                for h in range(factor.shape[1]):
                    kept = pairs.decay[p, h] * factor[gap, h]
                    pairs.decay[p, h] = kept + np.float32(1.0)
            pairs.last[p] = now
            pairs.times[p] += 1
            pairs.discounted[p] += np.int32(discounted[r])
            pairs.spend[p] += spend[r]


def best_offers(scoring: OfferScoring, start: int, stop: int, chosen: Chosen) -> None:
    """Choose the best offers of each role for each customer.

    An offer is a reward where `own` links a bought item to it; an activation where it is of the kind of a bought item;
    else an innovation. A reward scores the sum of own_weight * value over its links in `own`. Another offer scores its
    prior, plus the products of its factors and the customer's in their order, plus weight * value over its links in
    `similar` in the order of the customer's items. Without a prior and without factors only offers that `similar` links
    to something bought are candidates, besides rewards.

    Larger scores go first, then smaller offers. Sums are float32, one product and one addition at a time; scores that
    are not numbers are never chosen.

    Parameters
    ----------
    scoring : OfferScoring
    start, stop : int
        Customers ``start <= i < stop``.
    chosen : Chosen
        OUT: what is chosen, customer by customer, in ascending order of the offers.
    """
    end = 0
    for i in range(start, stop):
        score, role, linked = score_offers(scoring, i)
        taken = best_of_each_role(scoring, score, role, linked)
        for j in range(scoring.offers):
            if taken[j]:
                chosen.offer[end] = j
                chosen.role[end] = role[j]
                chosen.score[end] = score[j]
                chosen.number[i - start] += 1
                end += 1


def score_offers(scoring: OfferScoring, i: int) -> tuple[Prices, Flags, NDArray[np.bool_]]:
    """Score and role of each offer for a customer, and whether it may be chosen."""
    bought, similar, own, kinds = scoring.bought, scoring.similar, scoring.own, scoring.kinds
    score = np.zeros(scoring.offers, np.float32)
    mine = np.zeros(scoring.offers, np.float32)
    role = np.full(scoring.offers, 2, np.uint8)
    linked = np.zeros(scoring.offers, np.bool_)
    if len(scoring.prior):
        score[:] = scoring.prior
        linked[:] = True
    for f in range(len(scoring.factors.offer)):
        linked[:] = True
        for j in range(scoring.offers):
            part = scoring.factors.customer[i, f] * scoring.factors.offer[f, j]
            score[j] = score[j] + part
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
    for j in range(scoring.offers):
        if role[j] == 0:
            score[j] = mine[j]
            linked[j] = True
    if len(scoring.eligible.ptr):
        may = np.zeros(scoring.offers, np.bool_)
        for link in range(scoring.eligible.ptr[i], scoring.eligible.ptr[i + 1]):
            may[scoring.eligible.offer[link]] = True
        linked &= may
    return score, role, linked


def best_of_each_role(
    scoring: OfferScoring, score: Prices, role: Flags, linked: NDArray[np.bool_]
) -> NDArray[np.bool_]:
    """Flags of the offers that are chosen: those of the largest scores, as many as each role's quota."""
    taken = np.zeros(scoring.offers, np.bool_)
    for r in range(3):
        for _ in range(scoring.quota[r]):
            first = -1
            for j in range(scoring.offers):
                free = linked[j] and role[j] == r and not taken[j] and score[j] > scoring.above
                if free and (first < 0 or score[j] > score[first]):
                    first = j
            if first < 0:
                break
            taken[first] = True
    return taken


def keep_likeliest(quota: Bounds, chosen: Chosen) -> None:
    """Keep the offers of the largest scores, at most as many of each customer and role as its quota; others move up.

    Of equal scores the first are kept.

    Parameters
    ----------
    quota : ndarray of int32, shape (3,)
        At most so many of each role.
    chosen : Chosen
        IN/OUT: the first of its offers are those that are kept, one customer after the other.
    """
    begin, kept = 0, 0
    for i in range(len(chosen.number)):
        end, first = begin + chosen.number[i], kept
        taken = np.zeros(end - begin, np.bool_)
        for d in range(begin, end):
            role, score, before = chosen.role[d], chosen.score[d], 0
            for e in range(begin, end):
                larger = chosen.score[e] > score or (chosen.score[e] == score and e < d)
                before += chosen.role[e] == role and larger
            taken[d - begin] = before < quota[role]
        for d in range(begin, end):
            chosen.offer[kept] = chosen.offer[d]  # of the next one, where this one is not kept
            chosen.role[kept] = chosen.role[d]
            chosen.score[kept] = chosen.score[d]
            kept += taken[d - begin]
        chosen.number[i] = kept - first
        begin = end


def score_trees(trees: Trees, columns: Prices, out: Amounts) -> None:
    """Add the values of the leaves that rows reach, one tree after the other.

    A row reaches the first of the leaves that are left when each node whose threshold its feature is above has dropped
    the leaves to its left. What is not a number is above nothing. Sums are float64, one addition at a time.

    Parameters
    ----------
    trees : Trees
    columns : ndarray of float32, shape (features, rows)
    out : ndarray of float64, shape (rows,)
        IN/OUT: added to.
    """
    reachable = np.empty(len(out), np.uint32)
    for t in range(len(trees.ptr) - 1):
        reachable[:] = EVERY_LEAF
        for node in range(trees.ptr[t], trees.ptr[t + 1]):
            value, threshold = columns[trees.feature[node]], trees.threshold[node]
            mask = trees.mask[node]
            for i in range(len(out)):  # without a branch: Numba makes vectors of it
                reachable[i] &= mask if value[i] > threshold else EVERY_LEAF
        for i in range(len(out)):
            out[i] += trees.value[t, first_leaf(reachable[i])]


def add_columns(columns: Prices, weight: Amounts, out: Amounts) -> None:
    """Add the columns of features times their weights, one column after the other.

    Parameters
    ----------
    columns : ndarray of float32, shape (features, rows)
    weight : ndarray of float64, shape (features,)
    out : ndarray of float64, shape (rows,)
        IN/OUT: added to. Sums are float64, one addition at a time.
    """
    for f in range(len(weight)):
        for i in range(len(out)):
            part = np.float64(columns[f, i]) * weight[f]
            out[i] += part


def first_leaf(reachable: np.uint32) -> int:
    """Place of the lowest bit; the last leaf where there is none."""
    leaves, first = int(reachable), 0
    for half in (16, 8, 4, 2, 1):
        if leaves & ((1 << half) - 1) == 0:
            leaves >>= half
            first += half
    return first
