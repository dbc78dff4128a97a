"""How a customer's cardinality constraints are laid out in 64-bit words: the only place that knows the bits.

A *cardinality constraint* bounds how many of a set of the customer's own candidates may be given: at least `least`, at
most `cap`. Customers of at most SHORT candidates have one word a constraint, others a head and words of 64 candidates:

    short   bits  0-31  a bit for each candidate, the first one lowest
            bits 32-61  the head, whose bounds take 6 bits each
    long    word 0      the head, whose bounds take 16 bits each
            words 1-    a bit for each candidate, the first one lowest in the first word

A head holds, from its lowest bit on: cap, least, the number of the rule (16 bits), whether the candidates are mandatory
(1 bit), and whether the constraint crosses one of the laminar family (1 bit). A long one also holds its turn (13 bits):
its place among constraints that are intervals, from 1 on, 0 where it has none; see `reference/parts/turns.py`. A short
one has a turn where the next bit says so: in the upper 5 bits of the rule's number, which has no more than 11 then.

A customer may have rows before its constraints: see `row_layout`. Their first word says so, by its highest bit.

Functions about single constraints are valid Numba as well, and part of the reference; their twin in C++ is
ext/couponry/common/set_layout.hpp. `heads` and `candidate_words` read many constraints at once, with NumPy.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .contract import Rules
from .row_layout import row_words

SHORT = 32
"""Candidates that fit one word, head included."""

MANDATORY_WEIGHT = 1 << 20
"""What a mandatory candidate that is not given weighs, in coupons missing from a minimum: more than all others."""

LARGEST_NUMBER = (1 << 16) - 1
"""The largest bound, and the largest number of a rule, that a head has room for."""

MOST_TURNS, MOST_SHORT_TURNS = (1 << 13) - 1, (1 << 5) - 1
"""The largest turn that a head has room for, of a long constraint and of a short one."""

SHORT_RULES = 1 << 11
"""Of short constraints only rules with smaller numbers have turns."""

_RULE_BITS = 16
_SHORT_BOUND_BITS, _SHORT_BOUND = 6, (1 << 6) - 1
_LONG_BOUND_BITS, _LONG_BOUND = 16, (1 << 16) - 1
_SHORT_HEAD = 32  # the bit from which on a short constraint's head begins
_CANDIDATES_OF_SHORT = (1 << 32) - 1


def words_each(n: int) -> int:
    """How many words each constraint of a customer with n candidates takes."""
    return 1 if n <= SHORT else 1 + (n + 63) // 64


def has_constraints(rules: Rules, i: int) -> bool:
    """Whether a customer's choice is told by rows and cardinality constraints, rather than by laminar groups."""
    return len(rules.constraint_ptr) > 1 and rules.constraint_ptr[i + 1] > rules.constraint_ptr[i]


def count_constraints(rules: Rules, i: int, n: int) -> int:
    """How many constraints customer i, with n candidates, has."""
    words = rules.constraint_ptr[i + 1] - rules.constraint_ptr[i] - row_words(rules, i)
    return words // words_each(n)


def first_constraint(rules: Rules, i: int) -> int:
    """Where the first constraint of customer i begins: behind its rows."""
    return rules.constraint_ptr[i] + row_words(rules, i)


def contains(rules: Rules, i: int, n: int, s: int, j: int) -> int:
    """Whether the s-th constraint of customer i, with n candidates, is about its j-th candidate: 0 or 1."""
    at = first_constraint(rules, i) + s * words_each(n)
    if n <= SHORT:
        return (rules.constraints[at] >> j) & 1
    return (rules.constraints[at + 1 + j // 64] >> (j % 64)) & 1


def bounds_of(rules: Rules, i: int, n: int, s: int) -> tuple[int, int, int, int]:
    """cap, least, weight, and whether it crosses the laminar family (0 or 1), of a customer's s-th constraint."""
    head = rules.constraints[first_constraint(rules, i) + s * words_each(n)]
    bits, largest = _LONG_BOUND_BITS, _LONG_BOUND
    if n <= SHORT:
        head = head >> _SHORT_HEAD
        bits, largest = _SHORT_BOUND_BITS, _SHORT_BOUND
    flags = head >> (2 * bits + _RULE_BITS)
    weight = MANDATORY_WEIGHT if flags & 1 else 1
    return head & largest, (head >> bits) & largest, weight, (flags >> 1) & 1


def head_of(
    n: int, cap: int, least: int, rule: int, mandatory: int, crosses: int, turn: int
) -> int:
    """The head of a constraint of a customer with n candidates, at the bits where its word has it."""
    if n <= SHORT:
        flags = mandatory | crosses << 1
        if turn > 0:
            rule, flags = rule | turn * SHORT_RULES, flags | 4
        head = cap | least << _SHORT_BOUND_BITS | rule << (2 * _SHORT_BOUND_BITS)
        return (head | flags << (2 * _SHORT_BOUND_BITS + _RULE_BITS)) << _SHORT_HEAD
    flags = mandatory | crosses << 1 | turn << 2
    head = cap | least << _LONG_BOUND_BITS | rule << (2 * _LONG_BOUND_BITS)
    return head | flags << (2 * _LONG_BOUND_BITS + _RULE_BITS)


class Heads(NamedTuple):
    """What the heads of many constraints say, one entry a constraint.

    Attributes
    ----------
    cap, least : ndarray of int64
        Bounds on how many of the constraint's candidates may be given.
    rule : ndarray of int64
        Number of the customer rule.
    mandatory : ndarray of bool
        Whether the constraint's candidates are mandatory.
    """

    cap: NDArray[np.int64]
    least: NDArray[np.int64]
    rule: NDArray[np.int64]
    mandatory: NDArray[np.bool_]


def heads(words: NDArray[np.int64], is_short: NDArray[np.bool_]) -> Heads:
    """Read the heads of many constraints.

    Parameters
    ----------
    words : ndarray of int64
        The first word of each constraint.
    is_short : ndarray of bool
        Whether its customer has at most SHORT candidates.

    Returns
    -------
    Heads
    """
    head: NDArray[np.int64] = np.where(is_short, words >> _SHORT_HEAD, words)
    bits = np.where(is_short, _SHORT_BOUND_BITS, _LONG_BOUND_BITS)
    largest = np.where(is_short, _SHORT_BOUND, _LONG_BOUND)
    has_turn = is_short & ((head >> (2 * _SHORT_BOUND_BITS + _RULE_BITS + 2)) & 1 > 0)
    return Heads(
        cap=head & largest,
        least=(head >> bits) & largest,
        rule=(head >> (2 * bits)) & np.where(has_turn, SHORT_RULES - 1, LARGEST_NUMBER),
        mandatory=((head >> (2 * bits + _RULE_BITS)) & 1).astype(bool),
    )


def candidate_words(
    rules: Rules, at: NDArray[np.int64], number: NDArray[np.int64], is_short: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """Words of 64 candidates of many constraints, a bit for each candidate, the first one lowest.

    Parameters
    ----------
    rules : Rules
    at : ndarray of int64
        Where in `rules.constraints` each word's constraint begins.
    number : ndarray of int64
        Which of the constraint's words of candidates it is, counted from 0.
    is_short : ndarray of bool
        Whether the constraint's customer has at most SHORT candidates.

    Returns
    -------
    ndarray of int64
    """
    words = rules.constraints[at + np.where(is_short, 0, 1 + number)]
    words[is_short] &= _CANDIDATES_OF_SHORT
    return words


def words_of_each(candidates: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many words each constraint takes, of customers with so many candidates; see `words_each`."""
    return np.where(candidates <= SHORT, 1, 1 + -(-candidates // 64))
