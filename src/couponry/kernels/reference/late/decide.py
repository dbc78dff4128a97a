"""Decisions on customers one after another, each at the expense of what the limits have left."""

from __future__ import annotations

import numpy as np

from ...contract import Flags, Integer, Prices, Rules, Shard
from ...late_contract import LARGEST_UNITS, Late
from ...set_layout import has_constraints
from ..evaluate import LARGEST_VALUE, evaluate, price_candidates
from ..preference import of_customer
from ..rows.customer_rows import come_to, rows_in_order

UNIT = 100
"""Exponent of the units of slack, which nobody asks for."""


def prepare(late: Late) -> Late:
    """Prepare what `decide` is given, for many calls with the same arrays.

    What the arrays hold may change from call to call, as long as they stay where they are.

    Parameters
    ----------
    late : Late

    Returns
    -------
    object
        What `decide` takes in place of it, sooner.
    """
    return late


def decide(late: Late, start: int, stop: int) -> int:
    """Give each customer its best choice that there is room for, and charge the account, one customer after another.

    Candidates that some row has no room for, even if nothing else is given, are refused from the start. Where the best
    choice of the others comes to more than a row has, the coupon is refused that is worth least for what it uses of
    that row, the later one of those worth the same, and the customer chooses again. What is refused is given to nobody,
    not even where rules ask for a minimum.

    Parameters
    ----------
    late : Late
        Its `account`, `charged` and `choice` are written.
    start, stop : int
        Customers ``start <= i < stop``.

    Returns
    -------
    int
        How many candidates were refused; -1 where some attribute is no finite number, and nothing was decided.
    """
    shard, choice = late.shard, late.choice
    price_candidates(
        shard, late.exact, late.packing, late.price, late.reduced, start, stop, choice.quantity,
        choice.value, choice.beyond,
    )  # fmt: skip
    for e in range(shard.indptr[start], shard.indptr[stop]):
        for a in range(late.exact.shape[0]):
            if choice.beyond[e] and not np.isfinite(late.exact[a, e]):
                return -1
    refused = 0
    for i in range(start, stop):
        begin, end = shard.indptr[i], shard.indptr[i + 1]
        segment = np.int64(of_customer(shard.segment, i))
        floor = worth_nothing(choice.value, begin, end)
        held = choice.given[begin:end] == 2
        for e in range(begin, end):
            choice.refused_by[e] = -1
            if held[e - begin]:
                choice.value[e] = -floor
                continue
            choice.refused_by[e] = full_row(late, segment, e)
            if choice.refused_by[e] >= 0:
                choice.value[e] = floor
                refused += 1
        choose(late, i, begin, end, held)
        row = reserve(late, segment, begin, end)
        while row >= 0:
            e = least_worth(late, row, begin, end)
            clear(late, begin, end)
            choice.refused_by[e] = row
            choice.value[e] = floor
            refused += 1
            choose(late, i, begin, end, held)
            row = reserve(late, segment, begin, end)
        settle(late, begin, end)
    return refused


def worth_nothing(value: Prices, begin: Integer, end: Integer) -> np.float32:
    """A value below what all of a customer's candidates may be worth together, as far as float32 goes."""
    largest = 0.0
    for e in range(begin, end):
        largest = max(largest, abs(np.float64(value[e])))
    return np.float32(max(-(largest + 1.0) * (end - begin + 1.0), -LARGEST_VALUE))


def choose(late: Late, i: int, begin: Integer, end: Integer, held: Flags) -> None:
    """Mark customer i's best choice at the present values, less what was refused, and what it has already."""
    shard, given = late.shard, late.choice.given
    nothing = np.zeros((0, len(shard.item)), np.uint16)
    whose = Shard(
        shard.first, shard.indptr, shard.item, nothing, shard.segment, shard.number,
        np.arange(begin, end), late.choice.value[begin:end],
    )  # fmt: skip
    price = np.zeros((1, late.price.shape[1], late.price.shape[2]), np.float32)
    usage = np.zeros(price.shape, np.int64)
    cut = np.zeros(2, np.int64)
    evaluate(whose, late.rules, price, late.seed, i, i + 1, usage, given[begin:end], UNIT, cut)
    lacks = False
    for e in range(begin, end):
        if held[e - begin]:
            given[e] = 2
        elif late.choice.refused_by[e] >= 0:
            lacks = lacks or given[e] > 0
            given[e] = 0
    if lacks and has_constraints(late.rules, i):
        keep_rows(late.rules, i, begin, end, given)


def keep_rows(rules: Rules, i: int, begin: Integer, end: Integer, given: Flags) -> None:
    """Take customer i's coupons of broken rows back: rows asked for what was refused beside them."""
    n = end - begin
    theirs = rows_in_order(rules, i, np.arange(n))
    label = np.zeros(n, np.int64)
    picks = np.zeros(n, np.int64)
    taken_back = True
    while taken_back:
        taken_back = False
        for r in range(len(theirs.head)):
            for j in range(n):
                picks[j] = 1 if given[begin + j] else 0
            some, total = come_to(theirs, r, picks, label)
            if some == 0 or (theirs.head[r, 1] <= total and total <= theirs.head[r, 2]):
                continue
            for x in range(theirs.ptr[r], theirs.ptr[r + 1]):
                e = begin + theirs.place[x]
                if given[e] == 1:
                    given[e] = 0
                    taken_back = True


def use_of(late: Late, e: Integer, pair: Integer) -> tuple[Integer, Integer]:
    """Units that candidate e uses of the row of a pair, and how far that may be off."""
    charges, choice = late.charges, late.choice
    if not choice.beyond[e]:
        units = charges.of_coupon[pair]
        for q in range(choice.quantity.shape[0]):
            units += charges.of_quantity[pair, q] * np.int64(choice.quantity[q, e])
        return units, charges.error[pair]
    total = charges.weight[pair, 0]
    for a in range(late.exact.shape[0]):
        total = total + charges.weight[pair, 1 + a] * late.exact[a, e]
    total = total * charges.unit[charges.row[pair]]
    total = total if total < LARGEST_UNITS else float(LARGEST_UNITS)
    total = total if total > -LARGEST_UNITS else -float(LARGEST_UNITS)
    whole = np.rint(total)
    return np.int64(whole), np.int64(whole != total)


def breaks(late: Late, row: Integer, used: Integer, error: Integer) -> int:
    """1 where so much more of a row would be above its bound, -1 where below, 0 where it is within.

    What adds nothing against a bound does not break it.
    """
    account = late.account
    off = account.error[row] + error
    if used > 0 and account.used[row] + used + off > account.above[row]:
        return 1
    if used < 0 and off - account.used[row] - used > account.below[row]:
        return -1
    return 0


def full_row(late: Late, segment: Integer, e: Integer) -> int:
    """The first row without room for candidate e alone; -1: none."""
    charges, k = late.charges, np.int64(late.shard.item[e])
    for pair in range(charges.ptr[k], charges.ptr[k + 1]):
        if charges.covers[segment, charges.row[pair]]:
            used, error = use_of(late, e, pair)
            if breaks(late, charges.row[pair], used, error) != 0:
                return int(charges.row[pair])
    return -1


def added(a: Integer, b: Integer) -> int:
    """The sum of two numbers of units."""
    return int(min(max(a + b, -LARGEST_UNITS), LARGEST_UNITS))


def reserve(late: Late, segment: Integer, begin: Integer, end: Integer) -> int:
    """Add up what a choice uses; the first row, by candidate, that would break, -1: none."""
    charges, account = late.charges, late.account
    for e in range(begin, end):
        if late.choice.given[e] == 1:
            k = np.int64(late.shard.item[e])
            for pair in range(charges.ptr[k], charges.ptr[k + 1]):
                row = charges.row[pair]
                if charges.covers[segment, row]:
                    used, error = use_of(late, e, pair)
                    account.pending[row] = added(account.pending[row], used)
                    account.pending_error[row] = added(account.pending_error[row], error)
    for e in range(begin, end):
        if late.choice.given[e] == 1:
            k = np.int64(late.shard.item[e])
            for pair in range(charges.ptr[k], charges.ptr[k + 1]):
                row = charges.row[pair]
                if breaks(late, row, account.pending[row], account.pending_error[row]) != 0:
                    return int(row)
    return -1


def least_worth(late: Late, row: Integer, begin: Integer, end: Integer) -> int:
    """The coupon of a choice that is worth least for what it uses of a row that would break; of several the last."""
    charges, account = late.charges, late.account
    sign = breaks(late, row, account.pending[row], account.pending_error[row])
    least = np.inf
    found = -1
    for e in range(begin, end):
        if late.choice.given[e] == 1:
            k = np.int64(late.shard.item[e])
            for pair in range(charges.ptr[k], charges.ptr[k + 1]):
                used = sign * use_of(late, e, pair)[0] if charges.row[pair] == row else 0
                if used > 0 and np.float64(late.choice.value[e]) / np.float64(used) <= least:
                    least = np.float64(late.choice.value[e]) / np.float64(used)
                    found = e
    return int(found)


def clear(late: Late, begin: Integer, end: Integer) -> None:
    """Forget what a choice uses."""
    charges, account = late.charges, late.account
    for e in range(begin, end):
        if late.choice.given[e] == 1:
            k = np.int64(late.shard.item[e])
            for pair in range(charges.ptr[k], charges.ptr[k + 1]):
                account.pending[charges.row[pair]] = 0
                account.pending_error[charges.row[pair]] = 0


def settle(late: Late, begin: Integer, end: Integer) -> None:
    """Charge the account with what a choice uses, and list it."""
    charges, account, charged = late.charges, late.account, late.charged
    for e in range(begin, end):
        if late.choice.given[e] == 1:
            k = np.int64(late.shard.item[e])
            for pair in range(charges.ptr[k], charges.ptr[k + 1]):
                row = charges.row[pair]
                used, error = account.pending[row], account.pending_error[row]
                if used == 0 and error == 0:
                    continue
                account.used[row] = added(account.used[row], used)
                account.error[row] = added(account.error[row], error)
                account.pending[row] = account.pending_error[row] = 0
                at = charged.entries[0]
                if at < len(charged.row):
                    charged.row[at] = row
                    charged.used[at] = used
                    charged.error[at] = error
                    charged.entries[0] = at + 1
