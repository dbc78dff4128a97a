"""The kernels in plain Python: the specification that the compiled backends must match bit for bit.

Every function is also valid Numba, and the Numba backend compiles this very text. Arithmetic is written one
operation at a time: float32 in `evaluate`, float64 elsewhere, never contracted.
"""

from __future__ import annotations

import heapq
import math

import numpy as np

from .contract import FILL
from .customer_sets import tangle
from .set_search import (
    FREE,
    IN,
    OUT,
    best_choice,
    has_sets,
    may_change,
    sets_in_order,
    slack_in_units,
    whole_values,
)

__all__ = [
    "alternatives", "choose_exactly", "evaluate", "fine_usage", "improve", "mark", "noise", "propose", "quantise",
    "regret", "span", "tangle",
]  # fmt: skip

MASK = 0xFFFFFFFF


def scramble(x):
    """Mix the bits of a 32-bit number (the lowbias32 finaliser of C. Wellons' hash prospector)."""
    x ^= x >> 16
    x = (x * 0x7FEB352D) & MASK
    x ^= x >> 15
    x = (x * 0x846CA68B) & MASK
    return x ^ (x >> 16)


def tie_hash(seed, customer, item):
    """32-bit hash that orders equally good candidates of a customer: the smallest goes first."""
    low = scramble((seed ^ customer) & MASK)
    high = scramble((low ^ (customer >> 32)) & MASK)
    return scramble((high ^ (int(np.int64(item)) * 0x9E3779B9)) & MASK)


def of_customer(bound, i):
    """Entry of an array of length n or 1."""
    return bound[i] if len(bound) > 1 else bound[0]


def cap_of(rules, rule, i):
    """How many coupons a customer may have in one group of a rule."""
    return rules.cap[rule, i] if rules.cap.shape[1] > 1 else rules.cap[rule, 0]


def span(item, values, low, high):
    """Widen low[k] and high[k] (IN/OUT, float64) to the least and largest value of each item."""
    for e in range(len(item)):
        k = np.int64(item[e])
        v = np.float64(values[e])
        if v < low[k]:
            low[k] = v
        if v > high[k]:
            high[k] = v


def quantise(item, values, low, step, quantity, fine, error, fine_error):
    """Round values to low[k] + step[k] * quantity, and say where in the quantity's step they lie.

    quantity (OUT, uint16) and fine (OUT, uint8): a value is about low[k] + step[k] * quantity, and, closer, about
    low[k] + step[k] * (quantity - 1/2 + fine / 256). error, fine_error (IN/OUT, float64, (K)): widened to the largest
    miss of either.
    """
    for e in range(len(item)):
        k = np.int64(item[e])
        v = np.float64(values[e])
        q = np.float64(0.0)
        f = np.float64(0.0)
        steps = np.float64(0.0)
        if step[k] > 0.0:
            parts = np.floor(((v - low[k]) / step[k] + 0.5) * 256.0 + 0.5)
            if parts > 16777215.0:
                parts = np.float64(16777215.0)
            q = np.floor(parts / 256.0)
            f = parts - 256.0 * q
            steps = parts / 256.0 - 0.5
        quantity[e] = np.uint16(q)
        fine[e] = np.uint8(f)
        scaled = step[k] * q
        miss = abs(v - (low[k] + scaled))
        if miss > error[k]:
            error[k] = miss
        scaled = step[k] * steps
        miss = abs(v - (low[k] + scaled))
        if miss > fine_error[k]:
            fine_error[k] = miss


def noise(shard, seed, start, stop, out):
    """A number for each candidate of the customers start <= i < stop, drawn by seed, customer and item alone.

    out (OUT, uint16, (candidates of these customers)): uniform.
    """
    first = shard.indptr[start]
    for i in range(start, stop):
        for e in range(shard.indptr[i], shard.indptr[i + 1]):
            # another seed than ties are broken by
            out[e - first] = tie_hash(seed ^ MASK, shard.first + i, shard.item[e]) >> 16


def goes_before(value, i, j, seed, customer, item_i, item_j):
    """Whether candidate i is chosen ahead of candidate j: larger value, then smaller hash, then position."""
    if value[i] != value[j]:
        return value[i] > value[j]
    hash_i = tie_hash(seed, customer, item_i)
    hash_j = tie_hash(seed, customer, item_j)
    if hash_i != hash_j:
        return hash_i < hash_j
    return i < j


def order_of_choice(value, seed, customer, item, begin):
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


def reduced_value(shard, price, segment, k, e):
    """Reduced value of candidate e, of item k, at a price table, float32."""
    total = price[0, segment, k]
    for c in range(shard.quantity.shape[0]):
        total = total + price[1 + c, segment, k] * np.float32(shard.quantity[c, e])
    return total + np.float32(0.0)  # no negative zero


def evaluate(shard, rules, price, seed, start, stop, usage, chosen, unit, cut):
    """Each customer's best choice at the given prices, for the customers start <= i < stop.

    price (IN, float32, (1 + C, S, K)): reduced value of a candidate is price[0] + sum_c price[1 + c] * quantity[c].
    usage (IN/OUT, int64, (1 + C, S, K)): adds the count and the summed quantities of what was chosen.
    chosen (OUT, uint8, (candidates of these customers) or empty): 1 where one was chosen; empty when nobody asks.
    cut (IN/OUT, int64, (2)): adds how many searches were cut off, and the most that these customers' choices may be
    worth less than the best ones, in units of 2^unit.
    """
    channels = shard.quantity.shape[0]
    counts = np.zeros(rules.groups, np.int32)
    first = shard.indptr[start]
    for i in range(start, stop):
        begin, end = shard.indptr[i], shard.indptr[i + 1]
        n = end - begin
        segment = of_customer(shard.segment, i)
        lower = of_customer(rules.lower, i)
        upper = of_customer(rules.upper, i)
        customer = shard.first + i
        if len(chosen) > 0:
            chosen[begin - first : end - first] = 0

        value = np.empty(n, np.float32)
        for j in range(n):
            k = np.int64(shard.item[begin + j])
            value[j] = reduced_value(shard, price, segment, k, begin + j)
        order = order_of_choice(value, seed, customer, shard.item, begin)
        if has_sets(rules, i):
            whole, shift = whole_values(value)
            bound, member = sets_in_order(rules, i, order)
            picks, _, worth, most = best_choice(
                whole[order], np.zeros(n, np.int64), lower, upper, bound, member, rules.nodes
            )
            if most > worth:
                cut[0] += 1
                cut[1] += slack_in_units(most - worth, shift, unit)
            for t in range(n):
                if picks[t]:
                    k = np.int64(shard.item[begin + order[t]])
                    usage[0, segment, k] += 1
                    for c in range(channels):
                        usage[1 + c, segment, k] += shard.quantity[c, begin + order[t]]
                    if len(chosen) > 0:
                        chosen[begin - first + order[t]] = 1
            continue

        given = 0
        for j in order:
            if given >= upper or (given >= lower and value[j] <= 0.0):
                break
            k = np.int64(shard.item[begin + j])
            fits = True
            for rule in range(len(rules.group)):
                g = rules.group[rule, k]
                if g >= 0:
                    fits = fits and counts[g] < cap_of(rules, rule, i)
            if not fits:
                continue
            given += 1
            for rule in range(len(rules.group)):
                if rules.group[rule, k] >= 0:
                    counts[rules.group[rule, k]] += 1
            usage[0, segment, k] += 1
            for c in range(channels):
                usage[1 + c, segment, k] += shard.quantity[c, begin + j]
            if len(chosen) > 0:
                chosen[begin - first + j] = 1
        for j in range(n):
            for rule in range(len(rules.group)):
                g = rules.group[rule, shard.item[begin + j]]
                if g >= 0:
                    counts[g] = 0


def level_of(customer, levels):
    """A number below `levels` drawn by customer, each at least 1 with probability 1/2, at least 2 with 1/4, ..."""
    bits = scramble((customer ^ scramble((customer >> 32) & MASK)) & MASK)
    level = 0
    while level < levels - 1 and bits & 1 == 0:
        level += 1
        bits >>= 1
    return level


def mark(shard, rules, price, chosen, near, start, stop, mover):
    """Customers to whom a change matters little: 1 in mover (OUT, uint8, (customers)), else 0.

    chosen (IN, uint8, (candidates of the customers start <= i < stop)): the best choice at these prices.
    near (IN, float32, (H, 2, S, K)): a customer at level h is marked when giving up a chosen candidate of item k loses
    at most near[h, 0, s, k] of reduced value, or taking one that is not chosen loses at most near[h, 1, s, k]. What
    comes instead of what goes, or goes for what comes, is the best of the customer's candidates, groups of rules left
    aside. Levels are drawn by customer: half of those at a level or higher are higher; see `level_of`.
    """
    first = shard.indptr[start]
    for i in range(start, stop):
        begin, end = shard.indptr[i], shard.indptr[i + 1]
        segment = of_customer(shard.segment, i)
        level = level_of(shard.first + i, len(near))
        given = 0
        least = np.float32(np.inf)  # of what is chosen
        most = np.float32(-np.inf)  # of what is not
        value = np.empty(end - begin, np.float32)
        for e in range(begin, end):
            v = reduced_value(shard, price, segment, np.int64(shard.item[e]), e)
            value[e - begin] = v
            if chosen[e - first]:
                given += 1
                least = min(least, v)
            else:
                most = max(most, v)
        if given > of_customer(rules.lower, i):
            most = max(most, np.float32(0.0))
        if given < of_customer(rules.upper, i):
            least = min(least, np.float32(0.0))
        marked = 0
        for e in range(begin, end):
            k = np.int64(shard.item[e])
            if chosen[e - first]:
                loss = value[e - begin] - most
                bar = near[level, 0, segment, k]
            else:
                loss = least - value[e - begin]
                bar = near[level, 1, segment, k]
            if loss <= bar:
                marked = 1
        mover[i - start] = marked


def alternatives(shard, rules, price, chosen, start, stop, partner, loss):
    """What changing each candidate's decision costs: for one that is chosen to go, or for one that is not to come.

    What comes in place of what goes is what is worth most of all that has room then, and what goes in place of what
    comes is what is worth least; nothing is worth 0 and goes before its equals, then the first by position.

    chosen (IN, uint8): the best choice at these prices. partner (OUT, int64): position of what comes or goes instead,
    -1 for nothing. loss (OUT, float32): of reduced value, infinite where the decision cannot be changed. All of the
    candidates of the customers start <= i < stop.
    """
    first = shard.indptr[start]
    for i in range(start, stop):
        begin, end = shard.indptr[i], shard.indptr[i + 1]
        s = of_customer(shard.segment, i)
        held = np.zeros(end, np.uint8)
        held[begin:end] = chosen[begin - first : end - first]
        given = 0
        value = np.empty(end - begin, np.float32)
        for e in range(begin, end):
            given += 1 if held[e] else 0
            value[e - begin] = reduced_value(shard, price, s, np.int64(shard.item[e]), e)
        may_add = given < of_customer(rules.upper, i)
        may_drop = given > of_customer(rules.lower, i)
        for e in range(begin, end):
            who, worth = np.int64(-1), np.float32(0.0)
            if held[e]:
                found = may_drop and fits(shard, rules, i, held, -1, e)
            else:
                found = may_add and fits(shard, rules, i, held, e, -1)
            for other in range(begin, end):
                if held[other] == held[e]:
                    continue
                theirs = value[other - begin]
                if found and (theirs <= worth if held[e] else theirs >= worth):
                    continue
                into, gone = (other, e) if held[e] else (e, other)
                if fits(shard, rules, i, held, into, gone):
                    who, worth, found = np.int64(other), theirs, True
            partner[e - first] = who
            if not found:
                loss[e - first] = np.float32(np.inf)
            elif held[e]:
                loss[e - first] = value[e - begin] - worth
            else:
                loss[e - first] = worth - value[e - begin]


def fine_usage(shard, fine, chosen, start, stop, total):
    """Adds up where in their quantities' steps the chosen candidates lie.

    fine and chosen (IN, uint8): of the candidates of the customers start <= i < stop. total (IN/OUT, int64, (S, K)).
    """
    first = shard.indptr[start]
    for i in range(start, stop):
        segment = of_customer(shard.segment, i)
        for e in range(shard.indptr[i], shard.indptr[i + 1]):
            if chosen[e - first]:
                total[segment, np.int64(shard.item[e])] += np.int64(fine[e - first])


def amount(table, exact, s, k, e):
    """Linear function of a candidate, table (1 + C, S, K) float64, at its exact channel values."""
    total = table[0, s, k]
    for c in range(len(exact)):
        total = total + table[1 + c, s, k] * exact[c, e]
    return total


def row_weight(rows, exact, j, e):
    """Weight of candidate e in the j-th listed row of its item."""
    total = rows.coefficient[j, 0]
    for c in range(len(exact)):
        total = total + rows.coefficient[j, 1 + c] * exact[c, e]
    return total


def missed(rows, row, activity):
    """How far a row's activity is outside its bounds."""
    if activity > rows.upper[row]:
        return activity - rows.upper[row]
    if activity < rows.lower[row]:
        return rows.lower[row] - activity
    return 0.0


def fits(shard, rules, i, chosen, into, leaving):
    """Whether a customer's choice still keeps the rules once `leaving` is gone and `into` has come (-1: none)."""
    if has_sets(rules, i):
        return may_change(rules, i, chosen, shard.indptr[i], shard.indptr[i + 1], into, leaving)
    if into < 0:
        return True
    k = np.int64(shard.item[into])
    for rule in range(len(rules.group)):
        g = rules.group[rule, k]
        if g < 0 or (leaving >= 0 and rules.group[rule, shard.item[leaving]] == g):
            continue
        count = 0
        for e in range(shard.indptr[i], shard.indptr[i + 1]):
            if chosen[e] and rules.group[rule, shard.item[e]] == g:
                count += 1
        if count >= cap_of(rules, rule, i):
            return False
    return True


def regret(shard, rules, exact, reduced, chosen, seed, start, stop, out):
    """What each candidate's decision is worth: reduced value lost when it alone is forced the other way.

    By the exchange property of nested rules one swap, addition or removal is the best answer to such a force. Where
    sets tell what a customer may have, its choice is searched anew under each force; where a search was cut off, no
    more is lost than this.
    reduced (IN, float64, (1 + C, S, K)): reduced value per coupon and per unit of each channel.
    out (OUT, float64, (e)): infinite where the decision cannot be changed at all.
    """
    for i in range(start, stop):
        begin, end = shard.indptr[i], shard.indptr[i + 1]
        s = np.int64(of_customer(shard.segment, i))
        lower = of_customer(rules.lower, i)
        upper = of_customer(rules.upper, i)
        given = 0
        value = np.empty(end - begin, np.float64)
        for e in range(begin, end):
            given += 1 if chosen[e] else 0
            value[e - begin] = amount(reduced, exact, s, shard.item[e], e)
            out[e] = np.inf
            if chosen[e]:
                out[e] = value[e - begin]
        if has_sets(rules, i):
            regret_of_sets(shard, rules, i, value, chosen, seed, out)
            continue
        if given <= lower:
            for e in range(begin, end):
                if chosen[e]:
                    out[e] = np.inf
        for into in range(begin, end):
            if chosen[into]:
                continue
            if given < upper and fits(shard, rules, i, chosen, into, -1):
                out[into] = -value[into - begin]
            for leaving in range(begin, end):
                if not chosen[leaving]:
                    continue
                loss = value[leaving - begin] - value[into - begin]
                if (loss < out[into] or loss < out[leaving]) and fits(
                    shard, rules, i, chosen, into, leaving
                ):
                    out[into] = min(out[into], loss)
                    out[leaving] = min(out[leaving], loss)


def regret_of_sets(shard, rules, i, value, chosen, seed, out):
    """`regret` for a customer with sets; value (IN, float64, (candidates of this customer))."""
    begin, n = shard.indptr[i], len(value)
    lower, upper = of_customer(rules.lower, i), of_customer(rules.upper, i)
    order = order_of_choice(value, seed, shard.first + i, shard.item, begin)
    whole, shift = whole_values(value)
    bound, member = sets_in_order(rules, i, order)
    fate = np.zeros(n, np.int64)
    in_order = whole[order]
    _, missed, worth, _ = best_choice(in_order, fate, lower, upper, bound, member, rules.nodes)
    for t in range(n):
        e = begin + order[t]
        fate[t] = OUT if chosen[e] else IN
        _, theirs, _, most = best_choice(in_order, fate, lower, upper, bound, member, rules.nodes)
        fate[t] = FREE
        out[e] = np.inf
        if theirs >= 0 and theirs <= missed:
            out[e] = math.ldexp(np.float64(worth - most), -shift)


def choose_exactly(shard, rules, exact, reduced, seed, start, stop, chosen, unit, cut):
    """The best choice in float64 of the customers start <= i < stop who have sets; see `evaluate` for unit and cut.

    reduced (IN, float64, (1 + C, S, K)): reduced value per coupon and per unit of each channel.
    chosen (OUT, uint8, (e)): other customers' is left alone.
    """
    for i in range(start, stop):
        if not has_sets(rules, i):
            continue
        begin, end = shard.indptr[i], shard.indptr[i + 1]
        s = np.int64(of_customer(shard.segment, i))
        value = np.empty(end - begin, np.float64)
        for e in range(begin, end):
            value[e - begin] = amount(reduced, exact, s, shard.item[e], e)
        order = order_of_choice(value, seed, shard.first + i, shard.item, begin)
        whole, shift = whole_values(value)
        bound, member = sets_in_order(rules, i, order)
        lower, upper = of_customer(rules.lower, i), of_customer(rules.upper, i)
        picks, _, worth, most = best_choice(
            whole[order], np.zeros(len(value), np.int64), lower, upper, bound, member, rules.nodes
        )
        if most > worth:
            cut[0] += 1
            cut[1] += slack_in_units(most - worth, shift, unit)
        for t in range(len(value)):
            chosen[begin + order[t]] = picks[t]


def best_move(
    mode, i, shard, rules, exact, reduced, objective, rows, activity, chosen, item_helps, shift,
):  # fmt: skip
    """The customer's best single move (priority, leaving, into), -1 where nothing leaves or comes.

    REPAIR: least reduced value lost per unit of weighted violation removed; priority is that ratio.
    FILL: largest gain in objective that violates nothing; priority is minus the gain.
    Priority is infinite where there is no such move. `shift` (L, zeros) is scratch and is left as found.
    """
    begin, end = shard.indptr[i], shard.indptr[i + 1]
    s = np.int64(of_customer(shard.segment, i))
    lower = of_customer(rules.lower, i)
    upper = of_customer(rules.upper, i)
    items = rules.group.shape[1]
    best, best_leaving, best_into = np.inf, -1, -1

    given = 0
    any_helps = False
    for e in range(begin, end):
        given += 1 if chosen[e] else 0
        helps = item_helps[s, shard.item[e]]
        any_helps = any_helps or (helps & (1 if chosen[e] else 2)) != 0
    if not any_helps:
        return best, best_leaving, best_into

    for leaving in range(begin - 1, end):  # begin - 1 stands for: nothing leaves
        nothing_leaves = leaving == begin - 1
        leaving_helps = False
        out_violation = 0.0
        out_moved = 0.0
        out_penalty = 0.0
        out_size = 0.0
        out_reduced = 0.0
        out_objective = 0.0
        if nothing_leaves:
            if given >= upper:
                continue
        else:
            if not chosen[leaving]:
                continue
            k = np.int64(shard.item[leaving])
            leaving_helps = (item_helps[s, k] & 1) != 0
            out_reduced = amount(reduced, exact, s, k, leaving)
            out_objective = amount(objective, exact, s, k, leaving)
            for j in range(rows.ptr[s * items + k], rows.ptr[s * items + k + 1]):
                row = rows.row[j]
                w = row_weight(rows, exact, j, leaving)
                before = missed(rows, row, activity[row])
                shift[row] = -w
                after = missed(rows, row, activity[row] - w)
                out_violation = out_violation + (after - before) * rows.weight[row]
                out_moved = out_moved + abs((after - before) * rows.weight[row])
                out_penalty = out_penalty + (after - before) * rows.penalty[row]
                out_size = out_size + abs((after - before) * rows.penalty[row])

        for into in range(begin - 1, end):
            nothing_comes = into == begin - 1
            violation = out_violation
            moved = out_moved
            penalty = out_penalty
            size = out_size
            gain_reduced = -out_reduced
            gain_objective = -out_objective
            if nothing_comes:
                if nothing_leaves or given <= lower or not leaving_helps:
                    continue
            else:
                if chosen[into]:
                    continue
                k = np.int64(shard.item[into])
                if not leaving_helps and (item_helps[s, k] & 2) == 0:
                    continue
                gain_reduced = gain_reduced + amount(reduced, exact, s, k, into)
                gain_objective = gain_objective + amount(objective, exact, s, k, into)
                for j in range(rows.ptr[s * items + k], rows.ptr[s * items + k + 1]):
                    row = rows.row[j]
                    w = row_weight(rows, exact, j, into)
                    at = activity[row] + shift[row]
                    change = missed(rows, row, at + w) - missed(rows, row, at)
                    violation = violation + change * rows.weight[row]
                    moved = moved + abs(change * rows.weight[row])
                    penalty = penalty + change * rows.penalty[row]
                    size = size + abs(change * rows.penalty[row])
            # what rounding makes of changes that cancel is no gain: moves would go round in circles
            if mode == FILL:
                gain = gain_objective - penalty
                least = 1e-12 * abs(gain_objective) + 1e-9 * size
                if violation > 0.0 or gain <= least or -gain >= best:
                    continue
                priority = -gain
            else:
                if violation >= -1e-12 or violation >= -1e-11 * moved:
                    continue
                priority = max(0.0, -gain_reduced) / -violation
                if priority >= best:
                    continue
            comes = -1 if nothing_comes else into
            goes = -1 if nothing_leaves else leaving
            if fits(shard, rules, i, chosen, comes, goes):
                best, best_leaving, best_into = priority, goes, comes

        if not nothing_leaves:
            k = np.int64(shard.item[leaving])
            for j in range(rows.ptr[s * items + k], rows.ptr[s * items + k + 1]):
                shift[rows.row[j]] = 0.0
    return best, best_leaving, best_into


def propose(
    mode, shard, rules, exact, reduced, objective, rows, item_helps, activity, chosen, start, stop, priority,
):  # fmt: skip
    """Priority (IN/OUT, float64, (n)) of the best move of the customers start <= i < stop; see `best_move`.

    Customers whose priority comes in as infinite are left alone.
    """
    shift = np.zeros(len(activity), np.float64)
    for i in range(start, stop):
        if priority[i] < np.inf:
            priority[i] = best_move(
                mode, i, shard, rules, exact, reduced, objective, rows, activity, chosen, item_helps, shift,
            )[0]  # fmt: skip


def improve(
    mode, shard, rules, exact, reduced, objective, rows, item_helps, activity, chosen, priority, patience, looks,
):  # fmt: skip
    """Move single coupons, the best move of all customers first, until no customer has one.

    Returns the moves made and the looks at customers that it took. Also stops after `patience` looks in a row without
    a move, since what is left then is little; and after `looks`, to be called again with what it left behind, so that
    the caller can be interrupted.

    Each customer's best move waits in a heap ordered by (priority, customer). A move popped is looked at again,
    since earlier moves changed the activities: when it got worse than the next in the heap it goes back.
    item_helps (IN, uint8, (S, K)): bit 1: giving one less of the item may help, bit 2: one more may help; customers
    without such an item are passed over.
    priority (IN/OUT, float64, (n)): from `propose`; infinite for customers to be left alone.
    activity (IN/OUT, float64, (L)) and chosen (IN/OUT, uint8, (e)) follow the moves.
    """
    shift = np.zeros(len(activity), np.float64)
    heap = [(0.0, np.int64(0))]
    heap.pop()
    items = rules.group.shape[1]
    for i in range(len(priority)):
        if priority[i] < np.inf:
            heap.append((priority[i], np.int64(i)))
    heapq.heapify(heap)

    moves = 0
    looked = 0
    idle = 0
    while len(heap) > 0 and idle < patience and looked < looks:
        looked += 1
        idle += 1
        i = heapq.heappop(heap)[1]
        now, leaving, into = best_move(
            mode, i, shard, rules, exact, reduced, objective, rows, activity, chosen, item_helps, shift,
        )  # fmt: skip
        priority[i] = now
        if now == np.inf:
            continue
        if len(heap) > 0 and (now, i) > heap[0]:
            heapq.heappush(heap, (now, i))
            continue
        s = np.int64(of_customer(shard.segment, i))
        if leaving >= 0:
            chosen[leaving] = 0
            k = np.int64(shard.item[leaving])
            for j in range(rows.ptr[s * items + k], rows.ptr[s * items + k + 1]):
                activity[rows.row[j]] -= row_weight(rows, exact, j, leaving)
        if into >= 0:
            chosen[into] = 1
            k = np.int64(shard.item[into])
            for j in range(rows.ptr[s * items + k], rows.ptr[s * items + k + 1]):
                activity[rows.row[j]] += row_weight(rows, exact, j, into)
        moves += 1
        idle = 0
        heapq.heappush(heap, (now, i))
    return moves, looked
