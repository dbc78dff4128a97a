"""A customer's best choice under rules that overlap, conflict or ask for minimums: an exact search, in plain Python.

Like the reference, of which it is a part, this is the specification that the native kernels match bit for bit, and the
text that Numba compiles.

What a customer may be given is told by *sets* of its candidates: at most `cap` of a set, and at least `least`, each one
missing costing `weight`. Among the choices that keep every cap the best one misses least; among those it is worth most;
among those it is the first in the order of choice, taking before leaving. Values are whole numbers here, so that
sums are exact.

Under the caps of sets that nest the greedy choice is the best (they are a matroid). It bounds what any choice is worth,
and ends the search where it keeps the other sets as well. Where it does not, candidates of sets that are too full are
taken or left out (`branch`). Where sets ask for minimums the search goes depth first in the order of choice
(`explore`); what it misses is bounded by what each set has left, and by slots that disjoint sets compete for.
"""

from __future__ import annotations

import math

import numpy as np

from .contract import MUST, SHORT

FREE, IN, OUT = 0, 1, 2  # fates of candidates
NOTHING = -(1 << 62)  # less than any choice is worth


def has_sets(rules, i):
    """Whether a customer's choice is told by sets, rather than by groups that nest."""
    return len(rules.ptr) > 1 and rules.ptr[i + 1] > rules.ptr[i]


def numbers_to_a_set(n):
    """How many numbers tell a set of a customer with n candidates."""
    return 1 if n <= SHORT else 1 + (n + 63) // 64


def count_sets(rules, i, n):
    """How many sets a customer with n candidates has."""
    return (rules.ptr[i + 1] - rules.ptr[i]) // numbers_to_a_set(n)


def is_in(rules, i, n, s, j):
    """Whether a customer's s-th set has its j-th candidate, 0 or 1."""
    if n <= SHORT:
        return (rules.sets[rules.ptr[i] + s] >> j) & 1
    return (rules.sets[rules.ptr[i] + s * numbers_to_a_set(n) + 1 + j // 64] >> (j % 64)) & 1


def bounds_of(rules, i, n, s):
    """cap, least, weight, and whether it crosses the sets before, of a customer's s-th set."""
    head = rules.sets[rules.ptr[i] + s * numbers_to_a_set(n)]
    if n <= SHORT:
        weight = MUST if (head >> 60) & 1 else 1
        return (head >> 32) & 0x3F, (head >> 38) & 0x3F, weight, (head >> 61) & 1
    weight = MUST if (head >> 48) & 1 else 1
    return head & 0xFFFF, (head >> 16) & 0xFFFF, weight, (head >> 49) & 1


def whole_values(value):
    """Float values as whole numbers in the same order, none of them 0, and the power of two they were scaled by.

    Sums of all of them stay below 2^62. The lowest bits count candidates that are worth nothing or less: a choice is
    better with fewer of them.
    """
    n = len(value)
    bits = 0
    while n >> bits > 0:
        bits += 1
    largest = 0.0
    for j in range(n):
        largest = max(largest, abs(np.float64(value[j])))
    shift = min(900, 61 - 2 * bits - math.frexp(largest)[1])
    scale = math.ldexp(1.0, shift)
    whole = np.empty(n, np.int64)
    for j in range(n):
        w = np.int64(math.floor(np.float64(value[j]) * scale + 0.5))
        if value[j] > 0.0:
            w = max(w, 1)
            whole[j] = w << bits
        else:
            whole[j] = (w << bits) - 1
    return whole, shift + bits


def missed_by(given, lower, need, bound):
    """What a choice misses: of the minimums of sets by their weight, and of the least number of coupons."""
    missed = max(0, lower - given)
    for s in range(len(need)):
        if need[s] > 0:
            missed += need[s] * bound[s, 2]
    return missed


def disjoint_least(bound, member):
    """Flags of sets with a minimum that have no candidate in common, the first ones first."""
    flag = np.zeros(len(bound), np.int64)
    used = np.zeros(member.shape[1], np.int64)
    for s in range(len(bound)):
        if bound[s, 1] == 0:
            continue
        apart = True
        for t in range(member.shape[1]):
            apart = apart and not (used[t] and member[s, t])
        if apart:
            flag[s] = 1
            for t in range(member.shape[1]):
                used[t] |= member[s, t]
    return flag


def take(t, by, member, room, need):
    """Counts a candidate in its sets, or (by = -1) out of them."""
    for s in range(len(room)):
        if member[s, t]:
            room[s] -= by
            need[s] -= by


def close_full(free, given, upper, member, room):
    """Takes what does not fit any more off the free candidates (IN/OUT)."""
    for s in range(len(room)):
        if room[s] <= 0:
            for t in range(len(free)):
                if member[s, t]:
                    free[t] = 0
    if given >= upper:
        free[:] = 0


def walk(value, free, given, least, upper, room, bound, member, picks):
    """Worth of the greedy choice among free candidates under the caps of the sets that nest; the picks are added.

    It goes on to what is worth less than nothing while fewer than `least` are given.
    """
    left = room.copy()
    total = 0
    for t in range(len(value)):
        if given >= upper or (value[t] < 0 and given >= least):
            break
        fits = free[t] != 0
        for s in range(len(room)):
            if member[s, t] and left[s] <= 0 and not bound[s, 3]:
                fits = False
        if not fits:
            continue
        for s in range(len(room)):
            if member[s, t]:
                left[s] -= 1
        given += 1
        total += value[t]
        picks[t] = 1
    return total


def least_missed(free, given, lower, upper, need, bound, member, apart):
    """What a branch misses at least: in all, and what of it is sure for each set or the number of coupons alone."""
    there = 0
    for t in range(len(free)):
        there += free[t]
    slots = min(upper - given, there)
    sure = max(0, lower - given - slots)
    asked = 0
    lightest = MUST
    for s in range(len(need)):
        if need[s] <= 0:
            continue
        have = 0
        for t in range(len(free)):
            have += free[t] & member[s, t]
        sure += bound[s, 2] * max(0, need[s] - have)
        if apart[s]:
            asked += min(need[s], have)
            lightest = min(lightest, bound[s, 2])
    return sure + max(0, asked - slots) * lightest, sure


def most_worth(
    value, free, given, goal, sure, lower, upper, room, need, bound, member, apart, picks
):
    """No choice of a branch that misses just `goal` adds more worth than this; NOTHING where there is none."""
    spare = goal - sure
    there = 0
    for t in range(len(free)):
        there += free[t]
    slots = min(upper - given, there)
    least = lower - max(0, lower - given - slots) - spare
    most = walk(value, free, given, least, upper, room, bound, member, picks)
    forced = np.zeros(len(value), np.int64)
    count = 0
    total = 0
    for s in range(len(need)):
        if not apart[s] or need[s] <= 0:
            continue
        have = 0
        for t in range(len(free)):
            have += free[t] & member[s, t]
        asked = min(need[s], have) - spare // bound[s, 2]
        for t in range(len(value)):
            if asked > 0 and free[t] and member[s, t]:
                forced[t] = 1
                total += value[t]
                count += 1
                asked -= 1
    if count == 0:
        return most
    if count > slots:
        return NOTHING
    for t in range(len(value)):
        if count >= slots or (value[t] < 0 and given + count >= least):
            break
        if free[t] and not forced[t]:
            total += value[t]
            count += 1
    return min(most, total)


def explore(
    value,
    free,
    given,
    total,
    lower,
    upper,
    room,
    need,
    bound,
    member,
    goal,
    least_worth,
    nodes,
    best,
):
    """Depth first search from a state that is left as found, but for `free`; the best choice is added to `best` (OUT).

    goal: what the choice may miss, no less and no more; -1: the search is for what misses least, whatever it is worth.
    least_worth: what the choice must be worth. nodes: to look at, at most.
    Returns what the best choice misses (-1: none was found), its worth, and how many nodes are left (-1: cut off).
    """
    n = len(value)
    apart = disjoint_least(bound, member)
    taken = np.zeros(n, np.int64)
    before = np.zeros((n + 1, n), np.int64)
    picks = np.zeros(n, np.int64)
    depth = 0
    missed, worth = -1, least_worth - 1
    fresh = True  # something was taken since the last look
    while True:
        nodes -= 1
        if nodes < 0:
            break
        if fresh:
            now = missed_by(given, lower, need, bound)
            better = now == goal and total > worth
            if goal < 0:
                better = missed < 0 or now < missed
            if better:
                missed, worth = now, total
                best[:] = 0
                for d in range(depth):
                    best[taken[d]] = 1
        least, sure = least_missed(free, given, lower, upper, need, bound, member, apart)
        if goal < 0:
            hopeless = least >= missed
        else:
            hopeless = least > goal
            if not hopeless:
                more = most_worth(
                    value, free, given, goal, sure, lower, upper, room, need, bound, member, apart, picks
                )  # fmt: skip
                hopeless = total + more <= worth
        t = 0
        while t < n and not free[t]:
            t += 1
        if not hopeless and t < n:
            taken[depth] = t
            before[depth, :] = free
            depth += 1
            take(t, 1, member, room, need)
            given += 1
            total += value[t]
            free[t] = 0
            close_full(free, given, upper, member, room)
            fresh = True
            continue
        if depth == 0:
            break
        depth -= 1
        t = taken[depth]
        take(t, -1, member, room, need)
        given -= 1
        total -= value[t]
        free[:] = before[depth, :]
        free[t] = 0
        fresh = False
    while depth > 0:
        depth -= 1
        take(taken[depth], -1, member, room, need)
    return missed, worth, nodes


def comes_first(picks, best):
    """Whether a choice comes before another one in the order of choice, taking before leaving."""
    for t in range(len(picks)):
        if picks[t] != best[t]:
            return picks[t] > best[t]
    return False


def branch(value, free, given, total, lower, upper, room, need, bound, member, nodes, best):
    """The best choice where no set asks for a minimum; as `explore`, but for the order in which choices are tried.

    The greedy choice under the sets that nest bounds each branch. Where it keeps the sets that cross as well it is the
    best of the branch; where not, a candidate of a set that is too full is taken, and then left out.
    """
    n = len(value)
    taken = np.zeros(n, np.int64)
    before = np.zeros((n + 1, n), np.int64)
    mine = np.zeros(n, np.int64)
    depth = 0
    missed, worth = -1, total
    while True:
        nodes -= 1
        if nodes < 0:
            break
        picks = mine.copy()
        now = total + walk(value, free, given, lower, upper, room, bound, member, picks)
        count = given
        for t in range(n):
            count += picks[t] - mine[t]
        short = max(0, lower - count)
        better = missed < 0 or short < missed
        if not better and short == missed:
            better = now > worth or (now == worth and comes_first(picks, best))
        full = -1
        if better:
            for s in range(len(room)):
                if full >= 0 or not bound[s, 3]:
                    continue
                held = 0
                for t in range(n):
                    held += (picks[t] - mine[t]) * member[s, t]
                if held > room[s]:
                    full = s
            if full < 0:
                missed, worth = short, now
                best[:] = picks
        if full >= 0:
            t = 0
            while not (picks[t] and not mine[t] and member[full, t]):
                t += 1
            taken[depth] = t
            before[depth, :] = free
            depth += 1
            take(t, 1, member, room, need)
            given += 1
            total += value[t]
            mine[t] = 1
            free[t] = 0
            close_full(free, given, upper, member, room)
            continue
        if depth == 0:
            break
        depth -= 1
        t = taken[depth]
        take(t, -1, member, room, need)
        given -= 1
        total -= value[t]
        mine[t] = 0
        free[:] = before[depth, :]
        free[t] = 0
    while depth > 0:
        depth -= 1
        take(taken[depth], -1, member, room, need)
    return missed, worth, nodes


def best_choice(value, fate, lower, upper, bound, member, nodes):
    """The best choice of candidates in the order of choice, some of them forced in or out.

    value (IN, int64, (n)): from `whole_values`. fate (IN, int64, (n)): FREE, IN or OUT. bound (IN, int64, (sets, 4)):
    cap, least, weight, and whether the set crosses those before it. member (IN, int64, (sets, n)).
    Returns the choice, int64 (n), what it misses (-1: nothing keeps the rules and the fates), its worth, and what no
    choice is worth more than: the same, unless the search was cut off.
    """
    n = len(value)
    room = bound[:, 0].copy()
    need = bound[:, 1].copy()
    free = np.zeros(n, np.int64)
    given, total = 0, 0
    picks = np.zeros(n, np.int64)
    for t in range(n):
        if fate[t] == FREE:
            free[t] = 1
        elif fate[t] == IN:
            for s in range(len(room)):
                if member[s, t] and room[s] <= 0:
                    return picks, -1, 0, 0
            if given >= upper:
                return picks, -1, 0, 0
            take(t, 1, member, room, need)
            picks[t] = 1
            given += 1
            total += value[t]
    close_full(free, given, upper, member, room)
    fixed = picks.copy()

    # the best choice under the sets that nest, where it happens to keep all of them and to miss nothing
    worth = total + walk(value, free, given, lower, upper, room, bound, member, picks)
    kept = True
    count = 0
    for t in range(n):
        count += picks[t]
    for s in range(len(room)):
        held = 0
        for t in range(n):
            held += picks[t] & member[s, t]
        kept = kept and held <= bound[s, 0] and held >= bound[s, 1]
    if kept:
        return picks, max(0, lower - count), worth, worth

    asks = False
    for s in range(len(room)):
        asks = asks or bound[s, 1] > 0
    found = fixed.copy()
    if not asks:
        some = np.zeros(n, np.int64)
        missed, reached, nodes = branch(
            value, free.copy(), given, total, lower, upper, room, need, bound, member, nodes, some
        )
        if missed < 0:  # cut off at once
            worth, count = complete(value, free, fixed, found, given, total, upper, room, member)
            missed = max(0, lower - count)
        else:
            worth = reached
            for t in range(n):
                found[t] |= some[t]
    else:
        missed, worth, nodes = search(
            value, free, fixed, given, total, lower, upper, room, need, bound, member, nodes, found
        )
    if nodes < 0:
        picks[:] = 0
        most = total + walk(value, free, given, 0, upper, room, bound, member, picks)
        return found, missed, worth, max(most, worth)
    return found, missed, worth, worth


def search(value, free, fixed, given, total, lower, upper, room, need, bound, member, nodes, found):
    """The best choice where sets ask for minimums, by `explore`: the least that is missed first, then the worth.

    free and fixed (IN): candidates to choose from, and what is chosen in any case. found (IN/OUT): the choice.
    Returns what it misses, its worth, and how many nodes are left (-1: cut off).
    """
    n = len(value)
    gain = np.zeros(n, np.int64)
    for s in range(len(room)):
        if bound[s, 1] > 0:
            for t in range(n):
                gain[t] += bound[s, 2] * member[s, t]
    turn = np.argsort(-gain, kind="mergesort")  # what helps most first
    helps = free[turn].copy()
    if lower == 0:
        for t in range(n):
            if gain[turn[t]] == 0:
                helps[t] = 0
    some = np.zeros(n, np.int64)
    goal, worth, nodes = explore(
        value[turn].copy(), helps, given, total, lower, upper, room, need, bound,
        member[:, turn].copy(), -1, NOTHING, nodes, some,
    )  # fmt: skip
    for t in range(n):
        if some[t]:
            found[turn[t]] = 1
    worth, _ = complete(value, free, fixed, found, given, worth, upper, room, member)
    if nodes < 0:
        return goal, worth, nodes
    left_free = free.copy()
    for t in range(n):  # what nobody asks for and is worth nothing
        if value[t] < 0 and gain[t] == 0 and lower == 0:
            left_free[t] = 0
    some = np.zeros(n, np.int64)
    missed, reached, nodes = explore(
        value, left_free, given, total, lower, upper, room, need, bound, member, goal, worth, nodes, some
    )  # fmt: skip
    if missed >= 0:
        worth = reached
        for t in range(n):
            found[t] = fixed[t] | some[t]
    return goal, worth, nodes


def complete(value, free, fixed, found, given, worth, upper, room, member):
    """Adds to a choice, worth so much, what is worth something and fits; its worth then, and how many it has."""
    n = len(value)
    count = given
    left = room.copy()
    for t in range(n):
        if found[t] and not fixed[t]:
            count += 1
            for s in range(len(room)):
                left[s] -= member[s, t]
    for t in range(n):
        fits = free[t] != 0 and not found[t] and value[t] > 0 and count < upper
        for s in range(len(room)):
            if member[s, t] and left[s] <= 0:
                fits = False
        if fits:
            found[t] = 1
            count += 1
            worth += value[t]
            for s in range(len(room)):
                left[s] -= member[s, t]
    return worth, count


def sets_in_order(rules, i, order):
    """A customer's sets, (sets, 4) bounds and (sets, n) members, its candidates in the order of choice."""
    n = len(order)
    sets = count_sets(rules, i, n)
    bound = np.empty((sets, 4), np.int64)
    member = np.empty((sets, n), np.int64)
    for s in range(sets):
        cap, least, weight, crossing = bounds_of(rules, i, n, s)
        bound[s, 0] = cap
        bound[s, 1] = least
        bound[s, 2] = weight
        bound[s, 3] = crossing
        for t in range(n):
            member[s, t] = is_in(rules, i, n, s, order[t])
    return bound, member


def may_change(rules, i, chosen, begin, end, into, leaving):
    """Whether candidate `into` may come and `leaving` go (-1: none) without breaking a cap or missing more.

    chosen: by position in the shard, of which the customer's candidates are begin <= e < end.
    """
    n = end - begin
    change = 0
    for s in range(count_sets(rules, i, n)):
        comes = 0 if into < 0 else is_in(rules, i, n, s, into - begin)
        goes = 0 if leaving < 0 else is_in(rules, i, n, s, leaving - begin)
        if comes == goes:
            continue
        cap, least, weight, _ = bounds_of(rules, i, n, s)
        held = 0
        for e in range(begin, end):
            if chosen[e] and is_in(rules, i, n, s, e - begin):
                held += 1
        if comes and held >= cap:
            return False
        if comes and held < least:
            change -= weight
        if goes and held <= least:
            change += weight
    return change <= 0


def slack_in_units(slack, shift, unit):
    """What a search that was cut off may have missed, in whole units of 2^unit, rounded up.

    slack: in the whole numbers of a customer whose values were scaled by 2^shift.
    """
    return np.int64(math.ceil(math.ldexp(np.float64(slack), -shift - unit))) + 1
