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

    Candidates that some row has no room for, whatever else the customer is given, are refused from the start. Where the
    best choice of the others comes to more than a row has, a coupon is refused, and the customer chooses again: one
    that is too much beside nothing but those of the choice that make up for it, else any; of these the one worth least
    for what it uses of that row, the later one of those worth the same. What is refused is given to nobody, not even
    where rules ask for a minimum.

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
        refused += leave_out(late, segment, begin, end, held, floor)
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


def leave_out(
    late: Late, segment: Integer, begin: Integer, end: Integer, held: Flags, floor: np.float32
) -> int:
    """Refuse what some row has no room for, whatever else the customer is given; how many candidates that is."""
    choice = late.choice
    some = False
    for e in range(begin, end):
        choice.refused_by[e] = -1
        if held[e - begin]:
            choice.value[e] = -floor
        else:
            choice.refused_by[e] = full_row(late, segment, e)
            some = some or choice.refused_by[e] >= 0
    if not some:
        return 0
    change_relief(late, segment, begin, end, held, True)
    refused = 0
    for e in range(begin, end):
        if choice.refused_by[e] >= 0:
            choice.refused_by[e] = full_row(late, segment, e)
            if choice.refused_by[e] >= 0:
                choice.value[e] = floor
                refused += 1
    change_relief(late, segment, begin, end, held, False)
    return refused


def change_relief(
    late: Late, segment: Integer, begin: Integer, end: Integer, held: Flags, is_there: bool
) -> None:
    """Add up what a customer's candidates take off each row, as pending, and add to it, as its error; or clear that."""
    charges, account = late.charges, late.account
    for e in range(begin, end):
        if not held[e - begin]:
            k = np.int64(late.shard.item[e])
            for pair in range(charges.ptr[k], charges.ptr[k + 1]):
                row = charges.row[pair]
                if charges.covers[segment, row]:
                    used = use_of(late, e, pair)[0]
                    keeps = 1 if is_there else 0
                    account.pending[row] = keeps * added(account.pending[row], min(used, 0))
                    account.pending_error[row] = keeps * added(
                        account.pending_error[row], max(used, 0)
                    )


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
    """The first row without room for candidate e beside what helps, as far as that is added up; -1: none."""
    charges, account, k = late.charges, late.account, np.int64(late.shard.item[e])
    for pair in range(charges.ptr[k], charges.ptr[k + 1]):
        row = charges.row[pair]
        if charges.covers[segment, row]:
            used, error = use_of(late, e, pair)
            if breaks(late, row, used, error) == 0:
                continue
            falls, rises = account.pending[row], account.pending_error[row]
            least = max(added(used, falls), 0) if used > 0 else min(added(used, rises), 0)
            if breaks(late, row, least, error) != 0:
                return int(row)
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
    """The coupon of a choice to be left out for a row that would break.

    One that would break it even beside nothing but those that make up for it; of these, or else of all, the one worth
    least for what it uses; of several the last.
    """
    account = late.account
    sign = breaks(late, row, account.pending[row], account.pending_error[row])
    relief = 0
    for e in range(begin, end):
        relief = added(relief, min(sign * used_of_row(late, row, e)[0], 0))
    least, too_much = np.inf, False
    found = -1
    for e in range(begin, end):
        used, error = used_of_row(late, row, e)
        if sign * used > 0:
            alone = breaks(late, row, sign * max(added(sign * used, relief), 0), error) != 0
            rate = np.float64(late.choice.value[e]) / np.float64(sign * used)
            if (alone and not too_much) or (alone == too_much and rate <= least):
                least, too_much = rate, alone
                found = e
    return int(found)


def used_of_row(late: Late, row: Integer, e: Integer) -> tuple[Integer, Integer]:
    """Units that a coupon of a choice uses of a row, and how far that may be off; none of any other candidate."""
    charges = late.charges
    if late.choice.given[e] == 1:
        k = np.int64(late.shard.item[e])
        for pair in range(charges.ptr[k], charges.ptr[k + 1]):
            if charges.row[pair] == row:
                return use_of(late, e, pair)
    return 0, 0


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
