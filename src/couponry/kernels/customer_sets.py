"""For which customers rules need more than a greedy choice, and what they come to for each of these: the reference.

A greedy choice is the best one where the groups that can bind nest. All else is told by sets of the customer's own
candidates: groups that cross each other, minimums, conflicts, mandatory candidates, and whatever history takes room
from. See `Rules` in contract.py for how sets are listed.
"""

from __future__ import annotations

import numpy as np

from .contract import SHORT
from .set_search import numbers_to_a_set


def of_one(bound, row, i):
    """Entry of an array of shape (R, n or 1)."""
    return bound[row, i] if bound.shape[1] > 1 else bound[row, 0]


def crosses(a, b):
    """Whether two sets, flags of candidates, have some in common and each some of its own."""
    both = 0
    only_a = 0
    only_b = 0
    for j in range(len(a)):
        both += a[j] & b[j]
        only_a += a[j] & (1 - b[j])
        only_b += b[j] & (1 - a[j])
    return both > 0 and only_a > 0 and only_b > 0


def pressure(size, cap, share):
    """About how often a set is too full when each candidate is wanted so often."""
    score = 1.0
    for t in range(cap + 1):
        score = score * ((share * (size - t)) / (t + 1))
    return score


def groups_of(item, agreed, i, begin, end, bound, member):
    """A customer's groups that can bind or ask for a minimum, added as sets; how many, and whether they do not nest.

    bound (OUT, int64, (room, 4)): cap, least, rule, mandatory. member (OUT, int64, (room, n)).
    """
    count = 0
    tangled = False
    plain = np.zeros(len(bound), np.int64)
    for row in range(len(agreed.group)):
        for e in range(begin, end):
            g = agreed.group[row, item[e]]
            if g < 0:
                continue
            # once for each group: at its first candidate, in the first row that has it there
            first = True
            size = 0
            for other_row in range(len(agreed.group)):
                if agreed.rule[other_row] != agreed.rule[row]:
                    continue
                for other in range(begin, end):
                    if agreed.group[other_row, item[other]] == g:
                        size += 1
                        if other_row < row or (other_row == row and other < e):
                            first = False
            if not first:
                continue
            held = 0
            if len(agreed.held_ptr) > 1:
                for h in range(agreed.held_ptr[i], agreed.held_ptr[i + 1]):
                    if agreed.held[0, h] == g:
                        held += agreed.held[1, h]
            cap = min(size, max(0, of_one(agreed.cap, row, i) - held))
            least = min(size, max(0, of_one(agreed.least, row, i) - held))
            if cap == size and least == 0:
                continue
            bound[count, 0] = cap
            bound[count, 1] = least
            bound[count, 2] = agreed.rule[row]
            bound[count, 3] = 0
            for other_row in range(len(agreed.group)):
                if agreed.rule[other_row] == agreed.rule[row]:
                    for other in range(begin, end):
                        if agreed.group[other_row, item[other]] == g:
                            member[count, other - begin] = 1
            plain[count] = agreed.plain[row] and least == 0 and held == 0
            tangled = tangled or not plain[count]
            for s in range(count):
                if not tangled and bound[s, 2] != bound[count, 2]:
                    tangled = crosses(member[s], member[count])
            count += 1
    return count, tangled


def count_conflicts(item, agreed, begin, end, place):
    """How many pairs of a customer's candidates conflict; place is scratch, as below."""
    pairs = 0
    if len(agreed.conflict_ptr) == 1:
        return pairs
    for e in range(begin, end):
        place[item[e]] = e - begin
    for e in range(begin, end):
        for at in range(agreed.conflict_ptr[item[e]], agreed.conflict_ptr[item[e] + 1]):
            if place[agreed.conflict[at]] > e - begin:
                pairs += 1
    for e in range(begin, end):
        place[item[e]] = -1
    return pairs


def conflicts_of(item, agreed, begin, end, place, bound, member):
    """A customer's candidates that conflict, added as sets: cliques, each conflict in one of them; how many.

    place (int64, (K), -1 throughout) is scratch and is left as found.
    """
    n = end - begin
    count = 0
    for e in range(begin, end):
        place[item[e]] = e - begin
    # rule of each pair of candidates that conflict, the first of several, -1: none
    rule = np.full((n, n), -1, np.int64)
    for e in range(begin, end):
        for at in range(agreed.conflict_ptr[item[e]], agreed.conflict_ptr[item[e] + 1]):
            other = place[agreed.conflict[at]]
            if other > e - begin and rule[e - begin, other] < 0:
                rule[e - begin, other] = agreed.conflict_rule[at]
                rule[other, e - begin] = agreed.conflict_rule[at]
    for e in range(begin, end):
        place[item[e]] = -1
    covered = np.zeros((n, n), np.int64)
    for a in range(n):
        for b in range(a + 1, n):
            if rule[a, b] < 0 or covered[a, b]:
                continue
            bound[count, 0] = 1
            bound[count, 1] = 0
            bound[count, 2] = rule[a, b]
            bound[count, 3] = 0
            member[count, a] = 1
            member[count, b] = 1
            for c in range(n):
                joins = not member[count, c]
                for d in range(n):
                    if member[count, d] and rule[c, d] != rule[a, b]:
                        joins = False
                if joins:
                    member[count, c] = 1
            for c in range(n):
                for d in range(n):
                    if member[count, c] and member[count, d]:
                        covered[c, d] = 1
            count += 1
    return count


def barred_of(item, agreed, i, begin, end, bound, member):
    """A customer's candidates in conflict with what it has had, added as sets, one for each rule; how many."""
    count = 0
    if len(agreed.conflict_ptr) == 1 or len(agreed.had_ptr) == 1:
        return count
    for h in range(agreed.had_ptr[i], agreed.had_ptr[i + 1]):
        for at in range(agreed.conflict_ptr[agreed.had[h]], agreed.conflict_ptr[agreed.had[h] + 1]):
            for e in range(begin, end):
                if item[e] != agreed.conflict[at]:
                    continue
                s = 0
                while s < count and bound[s, 2] != agreed.conflict_rule[at]:
                    s += 1
                if s == count:
                    bound[s, 0] = 0
                    bound[s, 1] = 0
                    bound[s, 2] = agreed.conflict_rule[at]
                    bound[s, 3] = 0
                    count += 1
                member[s, e - begin] = 1
    return count


def mandatory_of(agreed, begin, end, bound, member):
    """A customer's mandatory candidates, added as a set; how many sets."""
    size = 0
    if len(agreed.mandatory) > 0:
        for e in range(begin, end):
            if agreed.mandatory[e]:
                member[0, e - begin] = 1
                size += 1
    if size == 0:
        return 0
    bound[0, 0] = size
    bound[0, 1] = size
    bound[0, 2] = agreed.mandatory_rule
    bound[0, 3] = 1
    return 1


def tangle(indptr, item, agreed, start, stop, ptr, sets):
    """The sets of the customers start <= i < stop, for those of whom groups that nest do not tell all.

    ptr (int64, (n + 1)): where `sets` is empty, OUT: ptr[i + 1] is how long customer i's sets are. Else IN: where each
    customer's sets begin in `sets` (OUT, int64).
    """
    place = np.full(agreed.group.shape[1], -1, np.int64)
    for i in range(start, stop):
        begin, end = indptr[i], indptr[i + 1]
        n = end - begin
        words = (n + 63) // 64
        pairs = count_conflicts(item, agreed, begin, end, place)
        room = len(agreed.group) * n + pairs + n + 1
        if len(sets) == 0:
            ptr[i + 1] = 0
        elif ptr[i + 1] == ptr[i]:
            continue
        bound = np.zeros((room, 4), np.int64)
        member = np.zeros((room, n), np.int64)
        count, tangled = groups_of(item, agreed, i, begin, end, bound, member)
        groups = count
        if pairs > 0:
            count += conflicts_of(item, agreed, begin, end, place, bound[count:], member[count:])
        count += barred_of(item, agreed, i, begin, end, bound[count:], member[count:])
        count += mandatory_of(agreed, begin, end, bound[count:], member[count:])
        if not tangled and count == groups:
            continue
        if len(sets) == 0:
            ptr[i + 1] = count * numbers_to_a_set(n)
            continue
        write_sets(agreed, i, n, words, bound[:count], member[:count], ptr[i], sets)


def write_sets(agreed, i, n, words, bound, member, at, sets):
    """A customer's sets: those that nest, inner ones before outer ones, then the others, each of which says so.

    Sets that are too full most often have the first choice of nesting.
    """
    upper = agreed.upper[i] if len(agreed.upper) > 1 else agreed.upper[0]
    share = min(1.0, upper / n)
    score = np.zeros(len(bound), np.float64)
    size = np.zeros(len(bound), np.int64)
    for s in range(len(bound)):
        for j in range(n):
            size[s] += member[s, j]
        if bound[s, 0] < size[s]:
            score[s] = pressure(size[s], bound[s, 0], share)
    order = np.argsort(-score, kind="mergesort")
    nests = np.zeros(len(bound), np.int64)
    place = np.full(
        len(bound), n + 1, np.int64
    )  # in which sets are listed: by size, then as they are
    for s in order:
        if 0 < bound[s, 0] < size[s]:
            nests[s] = 1
            for before in order:
                if before != s and nests[before] and crosses(member[before], member[s]):
                    nests[s] = 0
            if nests[s]:
                place[s] = size[s]
    listed = order[np.argsort(place[order], kind="mergesort")]
    for s in listed:
        crossing = 1 if 0 < bound[s, 0] < size[s] and not nests[s] else 0
        if n <= SHORT:
            head = (
                bound[s, 0]
                | bound[s, 1] << 6
                | bound[s, 2] << 12
                | bound[s, 3] << 28
                | crossing << 29
            )
            sets[at] = head << 32
            for j in range(n):
                sets[at] |= np.int64(member[s, j]) << np.int64(j)
            at += 1
            continue
        sets[at] = (
            bound[s, 0] | bound[s, 1] << 16 | bound[s, 2] << 32 | bound[s, 3] << 48 | crossing << 49
        )
        for w in range(words):
            word = np.int64(0)
            for j in range(64 * w, min(n, 64 * w + 64)):
                word |= np.int64(member[s, j]) << np.int64(j - 64 * w)
            sets[at + 1 + w] = word
        at += 1 + words
