"""Customer rules compiled for single customers: who needs more than a greedy choice, and under which constraints.

A greedy choice is the best one where the groups that can bind form a laminar family. All else is told by cardinality
constraints on the customer's own candidates: groups that cross each other, minimums, conflicts, mandatory candidates,
and whatever history leaves less of; and by rows, of which `compile_rows` tells. See `Rules` in contract.py for how they
are listed.
"""

from __future__ import annotations

import numpy as np

from ..contract import Items, Offsets, Sums
from ..rules_contract import BEFORE_MANDATORY, MANDATORY, RuleSpec
from ..set_layout import LARGEST_NUMBER, SHORT, head_of, words_each
from .parts.turns import find_turns
from .preference import of_customer, of_row
from .rows.compile_rows import add_unmet, write_rows


def crosses(a: Sums, b: Sums) -> bool:
    """Whether two sets, given as flags of candidates, have some in common and each some of its own."""
    both = 0
    only_a = 0
    only_b = 0
    for j in range(len(a)):
        both += a[j] & b[j]
        only_a += a[j] & (1 - b[j])
        only_b += b[j] & (1 - a[j])
    return both > 0 and only_a > 0 and only_b > 0


def pressure(size: int, cap: int, share: float) -> float:
    """About how often a constraint would be broken if each candidate were wanted so often."""
    score = 1.0
    for t in range(cap + 1):
        score = score * ((share * (size - t)) / (t + 1))
    return score


def size_of_group(item: Items, spec: RuleSpec, row: int, e: int, begin: int, end: int) -> int:
    """How many of a customer's candidates are in candidate e's group of a row; 0 if e is not the first of them.

    A group is met at its first candidate, in the first row of its rule that has it there.
    """
    g = spec.group[row, item[e]]
    size = 0
    for other_row in range(len(spec.group)):
        if spec.rule[other_row] != spec.rule[row]:
            continue
        for other in range(begin, end):
            if spec.group[other_row, item[other]] == g:
                size += 1
                if other_row < row or (other_row == row and other < e):
                    return 0
    return size


def held_of_group(spec: RuleSpec, i: int, g: int) -> int:
    """How many coupons of a group the customer has had."""
    held = 0
    if len(spec.held_ptr) > 1:
        for h in range(spec.held_ptr[i], spec.held_ptr[i + 1]):
            if spec.held[0, h] == g:
                held += spec.held[1, h]
    return held


def add_groups(
    item: Items, spec: RuleSpec, i: int, begin: int, end: int, bound: Sums, member: Sums
) -> tuple[int, bool]:
    """Add a customer's groups that can bind or ask for a minimum; how many, and whether they overlap.

    bound (OUT, int64, (room, 4)): cap, least, rule, mandatory. member (OUT, int64, (room, n)).
    """
    count = 0
    overlaps = False
    for row in range(len(spec.group)):
        for e in range(begin, end):
            g = spec.group[row, item[e]]
            size = size_of_group(item, spec, row, e, begin, end) if g >= 0 else 0
            if size == 0:
                continue
            held = held_of_group(spec, i, g)
            cap = min(size, max(0, of_row(spec.cap, row, i) - held))
            least = min(size, max(0, of_row(spec.least, row, i) - held))
            if cap == size and least == 0:
                continue
            bound[count, 0] = cap
            bound[count, 1] = least
            bound[count, 2] = spec.rule[row]
            bound[count, 3] = 0
            for other_row in range(len(spec.group)):
                if spec.rule[other_row] == spec.rule[row]:
                    for other in range(begin, end):
                        if spec.group[other_row, item[other]] == g:
                            member[count, other - begin] = 1
            overlaps = overlaps or not (spec.plain[row] and least == 0 and held == 0)
            for s in range(count):
                if not overlaps and bound[s, 2] != bound[count, 2]:
                    overlaps = crosses(member[s], member[count])
            count += 1
    if overlaps:
        count = drop_implied(bound, member, count)
    return count, overlaps


def drop_implied(bound: Sums, member: Sums, count: int) -> int:
    """Drop groups that bind never before another one of their rule does; how many are left.

    Such a group asks for nothing, has all of its candidates in the other group as well, and room for no fewer of them.
    Of groups that are the same the first one stays. bound, member (IN/OUT): see `add_groups`.
    """
    implied = np.zeros(count, np.int64)
    for s in range(count):
        for t in range(count):
            if t == s or bound[t, 2] != bound[s, 2] or bound[s, 1] > 0 or bound[t, 0] > bound[s, 0]:
                continue
            only_s = 0
            only_t = 0
            for j in range(member.shape[1]):
                only_s += member[s, j] & (1 - member[t, j])
                only_t += member[t, j] & (1 - member[s, j])
            if only_s == 0 and (t < s or only_t > 0 or bound[t, 0] < bound[s, 0]):
                implied[s] = 1
    kept = 0
    for s in range(count):
        if not implied[s]:
            bound[kept] = bound[s]
            member[kept] = member[s]
            kept += 1
    bound[kept:count] = 0
    member[kept:count] = 0
    return kept


def count_conflicts(item: Items, spec: RuleSpec, begin: int, end: int, place: Sums) -> int:
    """How many pairs of a customer's candidates conflict; place is scratch, as below."""
    pairs = 0
    if len(spec.conflict_ptr) == 1:
        return pairs
    for e in range(begin, end):
        place[item[e]] = e - begin
    for e in range(begin, end):
        for at in range(spec.conflict_ptr[item[e]], spec.conflict_ptr[item[e] + 1]):
            if place[spec.conflict[at]] > e - begin:
                pairs += 1
    for e in range(begin, end):
        place[item[e]] = -1
    return pairs


def conflict_rules(item: Items, spec: RuleSpec, begin: int, end: int, place: Sums) -> Sums:
    """The first rule under which each pair of a customer's candidates conflicts, int64 (n, n), -1: none."""
    n = end - begin
    rule = np.full((n, n), -1, np.int64)
    for e in range(begin, end):
        place[item[e]] = e - begin
    for e in range(begin, end):
        for at in range(spec.conflict_ptr[item[e]], spec.conflict_ptr[item[e] + 1]):
            other = place[spec.conflict[at]]
            if other > e - begin and rule[e - begin, other] < 0:
                rule[e - begin, other] = spec.conflict_rule[at]
                rule[other, e - begin] = spec.conflict_rule[at]
    for e in range(begin, end):
        place[item[e]] = -1
    return rule


def add_conflicts(rule: Sums, bound: Sums, member: Sums) -> int:
    """Add a customer's candidates that conflict: cliques, each conflict in one of them; how many.

    rule: from `conflict_rules`. bound, member: see `add_groups`.
    """
    n = len(rule)
    count = 0
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


def add_barred(
    item: Items, spec: RuleSpec, i: int, begin: int, end: int, bound: Sums, member: Sums
) -> int:
    """Add a customer's candidates in conflict with what it has had, a constraint for each rule; how many."""
    count = 0
    if len(spec.conflict_ptr) == 1 or len(spec.had_ptr) == 1:
        return count
    for h in range(spec.had_ptr[i], spec.had_ptr[i + 1]):
        for at in range(spec.conflict_ptr[spec.had[h]], spec.conflict_ptr[spec.had[h] + 1]):
            for e in range(begin, end):
                if item[e] != spec.conflict[at]:
                    continue
                s = 0
                while s < count and bound[s, 2] != spec.conflict_rule[at]:
                    s += 1
                if s == count:
                    bound[s, 0] = 0
                    bound[s, 1] = 0
                    bound[s, 2] = spec.conflict_rule[at]
                    bound[s, 3] = 0
                    count += 1
                member[s, e - begin] = 1
    return count


def count_mandatory(spec: RuleSpec, begin: int, end: int) -> tuple[int, int]:
    """How many of a customer's candidates are mandatory, and how many constraints these and those before them are."""
    size, before = 0, 0
    if len(spec.mandatory) > 0:
        for e in range(begin, end):
            if spec.mandatory[e] == MANDATORY:
                size += 1
            elif spec.mandatory[e] == BEFORE_MANDATORY:
                before += 1
    return size, before * (size + 1) + min(1, size)


def add_mandatory(spec: RuleSpec, begin: int, end: int, bound: Sums, member: Sums) -> int:
    """Add a constraint that asks for all of a customer's mandatory candidates; how many constraints.

    What comes before these has constraints of its own, so many that one of it weighs more than all that are mandatory.
    """
    size, constraints = count_mandatory(spec, begin, end)
    if constraints == 0:
        return 0
    count = 0
    for e in range(begin, end):
        times = size + 1 if spec.mandatory[e] == BEFORE_MANDATORY else 0
        for s in range(count, count + times):
            member[s, e - begin] = 1
            bound[s, 0] = 1
            bound[s, 1] = 1
            bound[s, 2] = spec.mandatory_rule
            bound[s, 3] = 1
        count += times
    if size == 0:
        return count
    for e in range(begin, end):
        if spec.mandatory[e] == MANDATORY:
            member[count, e - begin] = 1
    bound[count, 0] = size
    bound[count, 1] = size
    bound[count, 2] = spec.mandatory_rule
    bound[count, 3] = 1
    return count + 1


def compile_constraints(
    indptr: Offsets,
    item: Items,
    spec: RuleSpec,
    start: int,
    stop: int,
    ptr: Offsets,
    constraints: Offsets,
) -> int:
    """Compile the rules of customers for whom laminar groups do not tell all into rows and cardinality constraints.

    Parameters
    ----------
    indptr : ndarray of int64, shape (n + 1,)
        Where each customer's candidates begin.
    item : ndarray of uint16 or uint32, shape (e,)
        Item of each candidate.
    spec : RuleSpec
    start, stop : int
        Customers ``start <= i < stop``.
    ptr : ndarray of int64, shape (n + 1,)
        OUT: ``ptr[i + 1]`` is how many words customer i's constraints take, of the customer after the last one, too.
    constraints : ndarray of int64, shape (room,)
        OUT: rows and constraints, laid out as `row_layout` and `set_layout` say, from the first word on.

    Returns
    -------
    int
        The first customer who is not compiled, for want of room or with more than LARGEST_NUMBER candidates; or `stop`.
    """
    at, nothing = 0, np.zeros(0, np.int64)
    items = max(spec.group.shape[1], len(spec.requirements.ptr) - 1)
    place = np.full(items, -1, np.int64)
    for i in range(start, stop):
        begin, end = indptr[i], indptr[i + 1]
        n = end - begin
        pairs = count_conflicts(item, spec, begin, end, place)
        room = len(spec.group) * n + pairs + 2 * n + count_mandatory(spec, begin, end)[1]
        ptr[i + 1] = 0
        bound = np.zeros((room, 4), np.int64)
        member = np.zeros((room, n), np.int64)
        count, overlaps = add_groups(item, spec, i, begin, end, bound, member)
        groups = count
        if pairs > 0:
            rule = conflict_rules(item, spec, begin, end, place)
            count += add_conflicts(rule, bound[count:], member[count:])
        count += add_barred(item, spec, i, begin, end, bound[count:], member[count:])
        count += add_unmet(item, spec, i, begin, end, place, bound[count:], member[count:])
        count += add_mandatory(spec, begin, end, bound[count:], member[count:])
        words = write_rows(item, spec, i, begin, end, place, 0, nothing)
        if not overlaps and count == groups and words == 0:
            continue
        ptr[i + 1] = words + count * words_each(n)
        if n > LARGEST_NUMBER or at + ptr[i + 1] > len(constraints):
            return i
        write_rows(item, spec, i, begin, end, place, at, constraints)
        upper = of_customer(spec.upper, i)
        write_constraints(upper, bound[:count], member[:count], at, words, constraints)
        at += ptr[i + 1]
    return stop


def write_constraints(
    upper: int, bound: Sums, member: Sums, at: int, words: int, constraints: Offsets
) -> None:
    """Write a customer's constraints: the laminar family, inner ones first, then others, which say so.

    at, words: where the customer's words begin, and how many of them rows take, which are written before. Constraints
    that would be broken most often have the first choice of joining the family.
    """
    n = member.shape[1]
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
    place = np.full(len(bound), n + 1, np.int64)  # listed by size, then as they are
    for s in order:
        if 0 < bound[s, 0] < size[s]:
            nests[s] = 1
            for before in order:
                if before != s and nests[before] and crosses(member[before], member[s]):
                    nests[s] = 0
            if nests[s]:
                place[s] = size[s]
    listed = order[np.argsort(place[order], kind="mergesort")]
    said = bound[listed].copy()
    for k in range(len(listed)):
        s = listed[k]
        said[k, 3] = 1 if 0 < bound[s, 0] < size[s] and not nests[s] else 0
    rows = (constraints[at] >> 32) & 0xFFFF if words > 0 else 0
    turn = find_turns(said, member[listed].copy(), at, rows, constraints)
    at += words
    for k in range(len(listed)):
        s = listed[k]
        head = head_of(n, bound[s, 0], bound[s, 1], bound[s, 2], bound[s, 3], said[k, 3], turn[k])
        constraints[at] = head
        if n <= SHORT:
            write_candidates(member[s], at, constraints)
        else:
            write_candidates(member[s], at + 1, constraints)
        at += words_each(n)


def write_candidates(member: Sums, at: int, constraints: Offsets) -> None:
    """Write the bits of a constraint's candidates, from word `at` on; a head may share the first word."""
    for w in range((len(member) + 63) // 64):
        word = np.int64(0)
        for j in range(64 * w, min(len(member), 64 * w + 64)):
            word |= np.int64(member[j]) << np.int64(j - 64 * w)
        if w == 0 and len(member) <= SHORT:
            constraints[at] |= word
        else:
            constraints[at + w] = word
