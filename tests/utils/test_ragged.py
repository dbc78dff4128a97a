"""Ragged ranges against the loops they stand for."""

import doctest

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from couponry.utils.arrays import ragged
from couponry.utils.arrays.ragged import ranges, within

ROWS = st.lists(st.tuples(st.integers(-(2**40), 2**40), st.integers(0, 6)), max_size=30)


@given(ROWS)
def test_ranges_are_those_of_a_loop(rows):
    start = np.array([s for s, _ in rows], np.int64)
    count = np.array([c for _, c in rows], np.int64)
    expected = [number for s, c in rows for number in range(s, s + c)]
    found = ranges(start, count)
    assert found.dtype == np.int64 and found.tolist() == expected


@given(ROWS)
def test_entries_are_numbered_within_their_rows(rows):
    count = np.array([c for _, c in rows], np.int64)
    found = within(count)
    assert found.dtype == np.int64
    assert found.tolist() == [number for _, c in rows for number in range(c)]


@pytest.mark.parametrize("kind", [np.int32, np.uint16, np.int64])
def test_counts_of_any_type_give_64_bits(kind):
    count = np.array([1, 0, 2], kind)
    assert within(count.astype(np.int64)).tolist() == [0, 0, 1]
    assert ranges(np.array([7, 8, 2**40]), count.astype(np.int64))[-1] == 2**40 + 1


def test_examples_run():
    assert doctest.testmod(ragged).attempted > 0 and doctest.testmod(ragged).failed == 0
