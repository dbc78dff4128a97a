"""Rows of single customers: rules about sums and numbers of groups, and what may be given only with something else.

What can be broken by no choice of a customer's candidates makes no row.
"""

from __future__ import annotations

import numpy as np

from ...contract import Integer, Items, Offsets, Sums
from ...row_layout import HEAD_WORDS, NO_BOUND, NO_GROUP, entry, write_first, write_head
from ...rules_contract import RuleSpec
from ..preference import of_row


def write_rows(
    item: Items,
    spec: RuleSpec,
    i: int,
    begin: Integer,
    end: Integer,
    place: Sums,
    at: Integer,
    constraints: Offsets,
) -> int:
    """Write a customer's rows from `at` on, as `row_layout` says; how many words they take, 0 where there are none.

    Where constraints are empty, nothing is written. place (K, -1 throughout) is scratch, left as found.
    """
    first = at + 1
    rows, words = 0, 1
    for layer in range(len(spec.measures.set)):
        for e in range(begin, end):
            if is_first(item, spec, layer, e, begin, end):
                added = write_measure(item, spec, i, layer, e, begin, end, at + words, constraints)
                rows += 1 if added > 0 else 0
                words += added
    if len(spec.requirements.ptr) > 1:
        for e in range(begin, end):
            place[item[e]] = e - begin
        for e in range(begin, end):
            k = item[e]
            for r in range(spec.requirements.ptr[k], spec.requirements.ptr[k + 1]):
                added = write_requirement(spec, i, e - begin, r, place, at + words, constraints)
                rows += 1 if added > 0 else 0
                words += added
        for e in range(begin, end):
            place[item[e]] = -1
    if rows == 0:
        return 0
    if len(constraints) > 0:
        write_first(constraints, first - 1, rows, words)
    return words


def is_first(
    item: Items, spec: RuleSpec, layer: int, e: Integer, begin: Integer, end: Integer
) -> bool:
    """Whether candidate e is the first of its set that is met, layer by layer."""
    g = spec.measures.set[layer, item[e]]
    if g < 0:
        return False
    for other_layer in range(layer + 1):
        for other in range(begin, end if other_layer < layer else e):
            if spec.measures.set[other_layer, item[other]] == g:
                return False
    return True


def is_in(item: Items, spec: RuleSpec, e: Integer, g: Integer) -> bool:
    """Whether candidate e is in a set."""
    found = False
    for layer in range(len(spec.measures.set)):
        found = found or spec.measures.set[layer, item[e]] == g
    return found


def write_measure(
    item: Items,
    spec: RuleSpec,
    i: int,
    layer: int,
    first: Integer,
    begin: Integer,
    end: Integer,
    at: Integer,
    constraints: Offsets,
) -> int:
    """Write the row of a customer's set, of whose candidates e = first is the first; how many words it takes."""
    measures = spec.measures
    m, g = measures.measure[layer], measures.set[layer, item[first]]
    low, high = of_row(measures.low, m, i), of_row(measures.high, m, i)
    n = end - begin
    inside = np.zeros(n, np.int64)
    weight = np.zeros(n, np.int64)
    for e in range(begin, end):
        if is_in(item, spec, e, g):
            inside[e - begin] = 1
            weight[e - begin] = measures.of_item[m, item[e]]
            if measures.candidate_row[m] >= 0:
                weight[e - begin] = measures.of_candidate[measures.candidate_row[m], e]
    if measures.counts_groups[m]:
        low, high = number_groups(spec, i, g, inside, weight, low, high)
    else:
        low, high = less_held(spec, i, g, inside, weight, low, high)
    entries = 0
    for j in range(n):
        entries += inside[j]
    if low > high and entries > 0:  # nothing of the set is possible
        low, high = NO_BOUND, NO_BOUND
    if entries == 0:
        return 0
    if len(constraints) > 0:
        write_head(constraints, at, entries, measures.rule[m], measures.counts_groups[m], low, high)
        x = at + HEAD_WORDS
        for j in range(n):
            if inside[j]:
                constraints[x] = entry(np.int64(j), weight[j])
                x += 1
    return HEAD_WORDS + entries


def number_groups(
    spec: RuleSpec, i: int, g: Integer, inside: Sums, label: Sums, low: Integer, high: Integer
) -> tuple[Integer, Integer]:
    """Number the groups of a set (label, IN/OUT) from 0, less those that the customer has had; its bounds then.

    inside (IN/OUT): all flags are unset where the row can never be broken.
    """
    n = len(inside)
    held = 0
    for h in range(held_from(spec, i), held_to(spec, i)):
        if spec.measures.held[0, h] != g:
            continue
        new = True
        for before in range(held_from(spec, i), h):
            same = spec.measures.held[1, before] == spec.measures.held[1, h]
            new = new and not (spec.measures.held[0, before] == g and same)
        held += 1 if new else 0
    number = np.full(n, NO_GROUP)
    groups = 0
    for j in range(n):
        if not inside[j] or label[j] < 0 or is_held(spec, i, g, label[j]):
            continue
        number[j] = groups
        for before in range(j):
            if inside[before] and label[before] == label[j]:
                number[j] = number[before]
        groups += 1 if number[j] == groups else 0
    label[:] = number
    low = max(np.int64(0), min(low - held, groups))
    high = max(np.int64(0), high - held)
    if (low == 0 or (low == 1 and counts_all(inside, number))) and high >= groups:
        inside[:] = 0
    return low, high


def counts_all(inside: Sums, number: Sums) -> bool:
    """Whether everything in a set is of some group."""
    all_are = True
    for j in range(len(inside)):
        all_are = all_are and not (inside[j] and number[j] == NO_GROUP)
    return all_are


def less_held(
    spec: RuleSpec, i: int, g: Integer, inside: Sums, weight: Sums, low: Integer, high: Integer
) -> tuple[Integer, Integer]:
    """Bounds of a sum, less what the customer has had.

    inside (IN/OUT): flags of what weighs nothing are unset where nothing given is within the bounds; all flags, where
    the row can never be broken.
    """
    held = np.int64(0)
    for h in range(held_from(spec, i), held_to(spec, i)):
        if spec.measures.held[0, h] == g:
            held += spec.measures.held[1, h]
    if low > -NO_BOUND:
        low = min(max(low - held, -NO_BOUND), NO_BOUND)
    if high < NO_BOUND:
        high = min(max(high - held, -NO_BOUND), NO_BOUND)
    least, most = np.int64(0), np.int64(0)  # of what can be given, if anything is
    smallest, largest = np.int64(NO_BOUND), np.int64(-NO_BOUND)
    for j in range(len(inside)):
        if inside[j]:
            least += min(weight[j], 0)
            most += max(weight[j], 0)
            smallest = min(smallest, weight[j])
            largest = max(largest, weight[j])
    if (least if least < 0 else smallest) >= low and (most if most > 0 else largest) <= high:
        inside[:] = 0
    if low <= 0 and high >= 0:
        for j in range(len(inside)):
            if weight[j] == 0:
                inside[j] = 0
    return low, high


def held_from(spec: RuleSpec, i: int) -> Integer:
    """Where what the customer has had of sets begins."""
    return spec.measures.held_ptr[i] if len(spec.measures.held_ptr) > 1 else np.int64(0)


def held_to(spec: RuleSpec, i: int) -> Integer:
    """Where it ends."""
    return spec.measures.held_ptr[i + 1] if len(spec.measures.held_ptr) > 1 else np.int64(0)


def is_held(spec: RuleSpec, i: int, g: Integer, label: Integer) -> bool:
    """Whether the customer has had something of a group of a set."""
    for h in range(held_from(spec, i), held_to(spec, i)):
        if spec.measures.held[0, h] == g and spec.measures.held[1, h] == label:
            return True
    return False


def is_met(spec: RuleSpec, i: int, r: Integer) -> bool:
    """Whether a requirement is not about the customer, or the customer's history meets it."""
    requirements = spec.requirements
    if not of_row(requirements.inside, requirements.scope[r], i):
        return True
    if len(requirements.met_ptr) > 1:
        for h in range(requirements.met_ptr[i], requirements.met_ptr[i + 1]):
            if requirements.met[h] == r:
                return True
    return False


def write_requirement(
    spec: RuleSpec, i: int, j: Integer, r: Integer, place: Sums, at: Integer, constraints: Offsets
) -> int:
    """Write the row that the customer's j-th candidate has a requirement met; how many words it takes.

    place: where each item is among the customer's candidates, -1: nowhere. There is no row where the history meets it,
    nor where no candidate can: `add_unmet` tells of those.
    """
    requirements = spec.requirements
    entries = 1
    for x in range(requirements.item_ptr[r], requirements.item_ptr[r + 1]):
        entries += 1 if place[requirements.item[x]] >= 0 else 0
    if entries == 1 or is_met(spec, i, r):
        return 0
    if len(constraints) > 0:
        write_head(constraints, at, entries, requirements.rule[r], 0, 0, NO_BOUND)
        constraints[at + HEAD_WORDS] = entry(j, np.int64(-1))
        y = at + HEAD_WORDS + 1
        for x in range(requirements.item_ptr[r], requirements.item_ptr[r + 1]):
            if place[requirements.item[x]] >= 0:
                constraints[y] = entry(place[requirements.item[x]], np.int64(1))
                y += 1
    return HEAD_WORDS + entries


def add_unmet(
    item: Items,
    spec: RuleSpec,
    i: int,
    begin: Integer,
    end: Integer,
    place: Sums,
    bound: Sums,
    member: Sums,
) -> int:
    """Add candidates that require what the customer neither has had nor can have, a constraint for each rule; how many.

    bound, member (OUT): see `add_groups`. place (K, -1 throughout) is scratch, left as found.
    """
    requirements = spec.requirements
    count = 0
    if len(requirements.ptr) == 1:
        return count
    for e in range(begin, end):
        place[item[e]] = e - begin
    for e in range(begin, end):
        k = item[e]
        for r in range(requirements.ptr[k], requirements.ptr[k + 1]):
            possible = is_met(spec, i, r)
            for x in range(requirements.item_ptr[r], requirements.item_ptr[r + 1]):
                possible = possible or place[requirements.item[x]] >= 0
            if possible:
                continue
            s = 0
            while s < count and bound[s, 2] != requirements.rule[r]:
                s += 1
            if s == count:
                bound[s, 2] = requirements.rule[r]
                count += 1
            member[s, e - begin] = 1
    for e in range(begin, end):
        place[item[e]] = -1
    return count
