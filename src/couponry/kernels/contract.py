"""What every kernel is given: packed candidates, customer rules and limit rows as plain arrays.

All three backends (reference, Numba, native) take these tuples and nothing else. Arrays are C-contiguous and have
exactly the dtypes named here; whoever builds a tuple checks, and nothing behind it checks again.

Letters used throughout: n customers, e candidates, K items, S segments, C attributes, R rules, L rows. An *item* is an
offer (or an offer in one role, where a rule or limit tells roles apart). An *attribute* is one numeric column of the
candidates, such as `response`. Where an array is said to have length ``n or 1``, length 1 means the same for every
customer.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Offsets = NDArray[np.int64]
"""Positions in arrays of candidates: there are more than 2^31 of these."""

Sums = NDArray[np.int64]
"""Sums over customers, which exceed 2^31; also numbers of a single customer, where they may add up to that."""

Ids = NDArray[np.int32] | NDArray[np.int64]
"""Customers and offers as a table has them, or numbers in their order: what a column came in is not copied."""

Items = NDArray[np.uint16] | NDArray[np.uint32]
"""Items of candidates: 16 bits where that is enough, since candidates are most of the memory."""

Counts = NDArray[np.uint32]
"""Counts that each thread keeps of its own: half of the memory of sums."""

Quantities = NDArray[np.uint16]
"""Quantised attributes, and segments: 65,535 steps resolve an attribute closely enough to bound a gap."""

Bounds = NDArray[np.int32]
"""Bounds, groups, rules and rows: small numbers, of which a vector instruction takes 8 or 16 at a time."""

Flags = NDArray[np.uint8]
"""Choices and other flags, a byte each: threads may write side by side. Also fine steps, 256 to a quantity."""

Prices = NDArray[np.float32]
"""Prices and reduced values in packed passes: fast; the solver bounds what rounding does to them."""

Words = NDArray[np.uint64]
"""Memory as words, whatever it holds."""

Amounts = NDArray[np.float64]
"""Everything that is exact: attributes as given, activities, bounds of rows."""

Integer = int | np.integer[Any]
"""A single number: Python's in plain Python, NumPy's where it came out of an array."""

NOBODY = np.zeros(1, np.int64)
"""Offsets that say that no customer has anything of a kind."""

NONE = np.zeros(0, np.int64)

NO_VALUES = np.zeros(0, np.float32)

MAX_QUANTITY = 65_535
"""Largest quantity of an attribute."""

NODES = 10_000
"""Nodes of the search for one customer's best choice, at most: some milliseconds."""

LOSS_BITS_DROPPED = 21
"""Bits of a float32 that a bin of losses does not tell apart: four bins for each factor of two."""

PARTS = 256
"""What a candidate of full weight counts as where losses are counted: counts are whole numbers."""

REPAIR, FILL = 0, 1
"""What a local search is after: less violation, or more objective."""


class Shard(NamedTuple):
    """Packed candidates of consecutive customers, sorted by customer, then by offer.

    Attributes
    ----------
    first : int
        Number of the first customer in the whole campaign.
    indptr : ndarray of int64, shape (n + 1,)
        Candidates of customer i are ``indptr[i]:indptr[i + 1]``.
    item : ndarray of uint16 or uint32, shape (e,)
        Item of each candidate.
    quantity : ndarray of uint16, shape (C, e)
        Quantised attributes.
    segment : ndarray of uint16, shape (n or 1,)
        Segment of each customer.
    number : ndarray of int64, shape (n or 0,)
        What stands for each customer where something is drawn by hashing, as ties are broken; length 0: its number in
        the whole campaign.
    given_at : ndarray of int64, shape (g,)
        Candidates whose reduced value is given, ascending; `evaluate` and `fix_choices` alone look at them.
    given_value : ndarray of float32, shape (g,)
        Their reduced values, whatever prices say.
    """

    first: int
    indptr: Offsets
    item: Items
    quantity: Quantities
    segment: Quantities
    number: Offsets = NONE
    given_at: Offsets = NONE
    given_value: Prices = NO_VALUES


class Packing(NamedTuple):
    """How attributes were packed in Q quantities: within an item, an attribute is ``low + step * quantity``.

    Attributes
    ----------
    low, high : ndarray of float64, shape (A, K)
        What was packed lies between them; inf and -inf: nothing was.
    step : ndarray of float64, shape (A, K)
        0 where they are the same.
    quantity_of : ndarray of int64, shape (A,)
        Which quantity that is; -1: none, as the attribute is the same throughout each item.
    """

    low: Amounts
    high: Amounts
    step: Amounts
    quantity_of: Offsets


class Rules(NamedTuple):
    """Customer rules as the kernels take them: laminar groups, or cardinality constraints where these do not tell all.

    Customers without constraints may have at most `cap` of each group of each rule. These groups form a laminar family
    within every such customer, so that the greedy choice is the best one.

    Customers with constraints are told by these alone: at most so many of a set of the customer's own candidates, and
    at least so many; see `set_layout`. They may have rows as well, which bound sums and numbers of groups; see
    `row_layout`. Constraints that bind and form a laminar family are listed first, inner ones
    before outer ones. The others say that they cross it: that they have candidates in common with one of it, and each
    some of its own. Constraints of which nothing or everything may be given cross none.

    Attributes
    ----------
    lower : ndarray of int32, shape (n or 1,)
        Least number of coupons. A customer who cannot have as many gets what it can.
    upper : ndarray of int32, shape (n or 1,)
        Largest number of coupons.
    group : ndarray of int32, shape (R, K)
        Group of an item under a rule; -1: the rule is not about it.
    groups : int
        One more than the largest group number.
    cap : ndarray of int32, shape (R, n or 1)
        At most so many coupons in one group.
    constraint_ptr : ndarray of int64, shape (n + 1,) or (1,)
        Words of customer i are ``constraints[constraint_ptr[i]:constraint_ptr[i + 1]]``; length 1: nobody has any.
    constraints : ndarray of int64
        Rows and cardinality constraints, laid out as `row_layout` and `set_layout` say.
    nodes : int
        Nodes of the search for one customer's best choice, at most.
    """

    lower: Bounds
    upper: Bounds
    group: Bounds
    groups: int
    cap: Bounds
    constraint_ptr: Offsets = NOBODY
    constraints: Offsets = NONE
    nodes: int = NODES


class LimitRows(NamedTuple):
    """The limits as linear rows lower <= sum of weights <= upper, listed by (segment, item).

    The weight of candidate e in its j-th row is ``coefficient[j, 0] + sum_c coefficient[j, 1 + c] * exact[c, e]``.

    Attributes
    ----------
    ptr : ndarray of int64, shape (S * K + 1,)
        Entries of each (segment, item).
    row : ndarray of int32
        Row of each entry.
    coefficient : ndarray of float64, shape (entries, 1 + C)
        Weight per coupon, and per unit of each attribute.
    lower, upper : ndarray of float64, shape (L,)
        Bounds; infinite: there is none.
    weight : ndarray of float64, shape (L,)
        Cost of violation per unit while repairing; 0 for soft limits.
    penalty : ndarray of float64, shape (L,)
        Objective lost per unit that a soft limit is violated by; 0 for hard limits.
    """

    ptr: Offsets
    row: Bounds
    coefficient: Amounts
    lower: Amounts
    upper: Amounts
    weight: Amounts
    penalty: Amounts


class LossWeights(NamedTuple):
    """What candidates count as where losses are counted: the least that they weigh in any of A attributes, at most 1.

    Attributes
    ----------
    line : ndarray of float64, shape (2 * A, S, K)
        A pair of rows for each attribute: its weight at quantity 0, and what a step of the quantity adds.
    quantity : ndarray of int64, shape (A,)
        Which quantity of the shard that is.
    least : float
        What a candidate counts as at least.
    """

    line: Amounts
    quantity: Sums
    least: float


class NearChanges(NamedTuple):
    """Which changes of single decisions are near, and by how much they move the limits' rows.

    Candidate e moves its j-th row by ``coefficient[j, 0] + sum_c coefficient[j, 1 + c] * quantity[c, e]``.

    Attributes
    ----------
    width : ndarray of float32, shape (S, K)
        Loss below which the change of a decision is near.
    factor : ndarray of float64, shape (S, K)
        Factor on what it moves, where a coupon comes or goes.
    swap : float
        Factor on that where two candidates change places.
    ptr : ndarray of int64, shape (S * K + 1,)
        Entries of each (segment, item).
    row : ndarray of int32
        Row of each entry.
    coefficient : ndarray of float64, shape (entries, 1 + C)
        Weight per coupon, and per unit of each quantity.
    """

    width: Prices
    factor: Amounts
    swap: float
    ptr: Offsets
    row: Bounds
    coefficient: Amounts


class Changes(NamedTuple):
    """What changes move each row by, one change after the other.

    Attributes
    ----------
    ptr : ndarray of int64, shape (changes + 1,)
        Entries of each change; its rows are distinct.
    row : ndarray of int32
    moved : ndarray of float64
        By how much.
    """

    ptr: Offsets
    row: Bounds
    moved: Amounts


class ChangesByRow(NamedTuple):
    """The same entries by row: in parts of consecutive changes, each of which has its own entries in their order.

    Attributes
    ----------
    begins : ndarray of int64, shape (parts, L + 1)
        Where a part's entries of each row begin, and where the last ones end.
    entry : ndarray of int64, shape (entries,)
        Which of the changes' entries each is.
    end : ndarray of int64, shape (entries,)
        Where those of its change end.
    """

    begins: Sums
    entry: Offsets
    end: Offsets


class LocalSearch(NamedTuple):
    """What a local search over single moves is given, besides the candidates and their rules.

    Attributes
    ----------
    mode : int
        REPAIR or FILL.
    exact : ndarray of float64, shape (C, e)
        Attributes as given.
    reduced, objective : ndarray of float64, shape (1 + C, S, K)
        Reduced value, and objective, per coupon and per unit of each attribute.
    rows : LimitRows
    item_helps : ndarray of uint8, shape (S, K)
        Bit 1: giving one less of the item may help; bit 2: one more may help. Customers without such an item are passed
        over.
    activity : ndarray of float64, shape (L,)
        IN/OUT: activity of each row; it follows the moves.
    chosen : ndarray of uint8, shape (e,)
        IN/OUT: the choice, which follows the moves.
    """

    mode: int
    exact: Amounts
    reduced: Amounts
    objective: Amounts
    rows: LimitRows
    item_helps: Flags
    activity: Amounts
    chosen: Flags


class Moves(NamedTuple):
    """The customers' best single moves, and who waits to make one.

    Attributes
    ----------
    priority : ndarray of float64, shape (n,)
        Smaller is better; infinite where a customer has no move.
    leaving, into : ndarray of int64, shape (n,)
        The candidate that leaves and the one that comes, -1 where nothing does.
    waiting : ndarray of int64, shape (n,)
        Customers in a binary heap, by priority and number; the first ``counts[0]`` are meant.
    aside : ndarray of int64, shape (n,)
        Customers to be looked at; the first ``counts[1]`` are meant.
    counts : ndarray of int64, shape (2,)
    """

    priority: Amounts
    leaving: Offsets
    into: Offsets
    waiting: Offsets
    aside: Offsets
    counts: Offsets
