"""How a customer's rows, linear constraints and counts of groups, are laid out in 64-bit words.

A *row* bounds what some of the customer's own candidates come to. A linear row bounds the sum of their coefficients, a
row of groups how many different groups they are of. Its bounds hold wherever one of its candidates is given: nothing of
it is always allowed.

Rows stand before a customer's cardinality constraints (see `set_layout`), and only where there are any:

    word 0      bits 0-31 words of all rows, this one included; bits 32-47 how many rows; bit 63 set, as no head has it
    each row    a word: bits 0-15 its candidates, bits 16-31 the number of the rule, bit 32 whether it counts groups
                two words: the least and the most that they may come to
                a word a candidate: bits 0-15 which of the customer's, bits 16-63 its coefficient or group, signed

Groups are numbered within a row, below the number of the customer's candidates.

Functions about single rows are valid Numba as well, and part of the reference; their twin in C++ is
ext/couponry/common/row_layout.hpp. `read_first` and `read_heads` read many at once, with NumPy.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .contract import Integer, Offsets, Rules

MOST_COEFFICIENT = 1 << 44
"""Size of a coefficient, at most: sums over 65,535 candidates stay below 2^60."""

NO_BOUND = 1 << 61
"""Size of a bound that never binds."""

NO_GROUP = -1
"""Group of a candidate of a row that counts groups, where that one has been counted before."""

HEAD_WORDS = 3
"""Words of a row before those of its candidates."""

_FIRST = -(1 << 63)
_WORDS = (1 << 32) - 1
_SMALL = (1 << 16) - 1


def row_words(rules: Rules, i: int) -> int:
    """How many words the rows of a customer with constraints take; 0 where it has none."""
    if rules.constraint_ptr[i + 1] == rules.constraint_ptr[i]:
        return 0
    first = rules.constraints[rules.constraint_ptr[i]]
    return first & _WORDS if first < 0 else 0


def count_rows(rules: Rules, i: int) -> int:
    """How many rows a customer with constraints has."""
    if rules.constraint_ptr[i + 1] == rules.constraint_ptr[i]:
        return 0
    first = rules.constraints[rules.constraint_ptr[i]]
    return (first >> 32) & _SMALL if first < 0 else 0


def first_row(rules: Rules, i: int) -> Any:
    """Where the first row of a customer that has any begins."""
    return rules.constraint_ptr[i] + 1


def entries_of(constraints: Offsets, at: Integer) -> Any:
    """How many candidates the row that begins at a word is about; the next one begins behind theirs."""
    return constraints[at] & _SMALL


def counts_groups(constraints: Offsets, at: Integer) -> Any:
    """Whether the row that begins at a word counts groups: 0 or 1."""
    return (constraints[at] >> 32) & 1


def candidate_of(word: int) -> int:
    """Which of the customer's candidates a word of a row is about."""
    return word & _SMALL


def coefficient_of(word: int) -> int:
    """Coefficient of the candidate, or its group."""
    return word >> 16


def write_first(constraints: Offsets, at: Integer, rows: int, words: int) -> None:
    """Write the word before the rows."""
    constraints[at] = np.int64(_FIRST) | np.int64(rows) << np.int64(32) | np.int64(words)


def write_head(
    constraints: Offsets,
    at: Integer,
    entries: Integer,
    rule: Integer,
    groups: Integer,
    low: Integer,
    high: Integer,
) -> None:
    """Write what a row says before its candidates."""
    wide = np.int64(rule) << np.int64(16) | np.int64(groups) << np.int64(32)
    constraints[at] = np.int64(entries) | wide
    constraints[at + 1] = low
    constraints[at + 2] = high


def entry(j: Integer, coefficient: Integer) -> np.int64:
    """The word of the customer's j-th candidate in a row."""
    return np.int64(j) | np.int64(coefficient) << np.int64(16)


class FirstWords(NamedTuple):
    """What the first words of many customers say; int64 each.

    Attributes
    ----------
    rows, words : ndarray of int64
        How many rows, and how many words of them; 0 for customers without.
    """

    rows: NDArray[np.int64]
    words: NDArray[np.int64]


def read_first(word: NDArray[np.int64]) -> FirstWords:
    """Read the first words of many customers, whether they have rows or constraints alone.

    Parameters
    ----------
    word : ndarray of int64

    Returns
    -------
    FirstWords
    """
    has_rows = word < 0
    return FirstWords(
        np.where(has_rows, (word >> 32) & _SMALL, 0), np.where(has_rows, word & _WORDS, 0)
    )


def first_words(rows: NDArray[np.int64], words: NDArray[np.int64]) -> NDArray[np.int64]:
    """Make the words before the rows of many customers.

    Parameters
    ----------
    rows, words : ndarray of int64
        How many rows, and how many words of them, this one included.

    Returns
    -------
    ndarray of int64
    """
    return np.int64(_FIRST) | (rows << 32) | words


class RowHeads(NamedTuple):
    """What many rows say before their candidates, one entry a row.

    Attributes
    ----------
    entries : ndarray of int64
        How many candidates.
    rule : ndarray of int64
        Number of the customer rule.
    counts_groups : ndarray of bool
    low, high : ndarray of int64
    """

    entries: NDArray[np.int64]
    rule: NDArray[np.int64]
    counts_groups: NDArray[np.bool_]
    low: NDArray[np.int64]
    high: NDArray[np.int64]


def read_heads(constraints: NDArray[np.int64], begin: NDArray[np.int64]) -> RowHeads:
    """Read the heads of many rows.

    Parameters
    ----------
    constraints : ndarray of int64
        As `Rules` has them.
    begin : ndarray of int64
        Where each row begins.

    Returns
    -------
    RowHeads
    """
    head = constraints[begin]
    return RowHeads(
        head & _SMALL,
        (head >> 16) & _SMALL,
        ((head >> 32) & 1).astype(bool),
        constraints[begin + 1],
        constraints[begin + 2],
    )
