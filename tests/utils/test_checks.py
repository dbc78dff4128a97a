"""What counts as a number, as text or as a key."""

import doctest
import math
from fractions import Fraction

import numpy as np
import pytest

from couponry.utils import checks
from couponry.utils.checks import (
    check_name,
    check_number,
    is_number,
    is_text,
    is_whole,
    refuse_unknown_keys,
)
from couponry.utils.errors import InvalidInput


@pytest.mark.parametrize("value", [0, -1.5, np.int8(3), np.float32(2.5), math.inf, math.nan])
def test_numbers(value):
    assert is_number(value)


@pytest.mark.parametrize("value", [True, np.True_, None, "1", 1j, Fraction(1, 2), np.zeros(1)])
def test_what_is_no_number(value):
    assert not is_number(value)


def test_whole_numbers_are_told_by_their_type():
    assert is_whole(3) and is_whole(np.uint8(3))
    assert not any(map(is_whole, (3.0, np.float64(3), True, np.True_, "3", None)))


def test_text_is_not_empty():
    assert is_text("x") and not is_text("") and not is_text(3) and not is_text(None)


def test_unknown_keys_are_refused_in_alphabetical_order():
    refuse_unknown_keys(["min"], ["min", "max"], "limit 'a'")
    with pytest.raises(InvalidInput) as caught:
        refuse_unknown_keys(["zzz", "mix"], ["min", "max"], "limit 'a'")
    assert str(caught.value).startswith("limit 'a': unknown key 'mix'; did you mean 'mi")
    with pytest.raises(InvalidInput, match=r"^limit 'a': unknown key 'zzz' \(known: max, min\)$"):
        refuse_unknown_keys(["zzz"], ["min", "max"], "limit 'a'")


def test_a_name_is_text():
    check_name("a", "limit 1")
    for wrong in ("", 3, None):
        with pytest.raises(InvalidInput, match="limit 1: name: expected text, got"):
            check_name(wrong, "limit 1")


def test_a_bound_is_finite_or_not_given():
    for right in (None, 0, np.float32(1.5)):
        check_number(right, "max")
    for wrong in (math.nan, -math.inf, "1", True):
        with pytest.raises(InvalidInput, match="max: expected a finite number, got"):
            check_number(wrong, "max")


def test_examples_run():
    assert doctest.testmod(checks).attempted > 0 and doctest.testmod(checks).failed == 0
