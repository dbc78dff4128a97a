"""Measures of limits, made when they are asked for."""

from __future__ import annotations

import numpy as np
import pytest

from couponry.model.compiling.customer_parts import places
from couponry.model.compiling.limit_measures import Measures
from couponry.model.limit_bounds import GroupBounds
from couponry.model.limits import Limit, group_text


def measures() -> Measures:
    """One of a limit on everything, six of one by two columns, two of one by one."""
    code = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [2, 0], [2, 1]])
    names = (["north", "south, old", "5"], [7, 9])
    nan = np.nan
    low, high = np.array([1.0, nan, nan, 2.0, nan, 0.0]), np.array([nan, 3.0, nan, 4.0, 5.0, 6.0])
    stock, by_day = Limit("stock", by=("store", "offer"), max=1), Limit("day", by="day", max=1)
    total = Limit("total", sum="cost", max=5.0, mode="soft", penalty=2.0)
    days = GroupBounds.alike(by_day, np.array([[1], [0]]), [[3.5, "x"]])
    return Measures(
        [total, stock, by_day],
        [
            GroupBounds.alike(total, np.zeros((1, 0), np.int64), ()),
            GroupBounds(code, names, low, high),
            days,
        ],
    )


def test_each_one_is_the_one_that_all_have() -> None:
    found = measures()
    every = list(found)
    assert len(found) == len(every) == 9
    assert [found[n] for n in range(9)] == every == found[:]
    assert found[-1] == every[-1] and found[2:8:3] == every[2:8:3]
    with pytest.raises(IndexError):
        found[9]
    assert every[3].group == group_text(("south, old", 7)) == '"south, old", 7'
    assert every[0].group is None and (every[0].penalty, every[0].mode) == (2.0, "soft")
    assert [m.group for m in every[7:]] == ["x", "3.5"]
    assert (every[2].min, every[2].max) == (None, 3.0)


def test_columns_say_the_same() -> None:
    found = measures()
    columns = found.columns()
    for name, column in columns.items():
        assert column.to_pylist() == [getattr(m, name) for m in found], name
    assert found.of_mode("soft").tolist() == [m.mode == "soft" for m in found]
    assert found.penalty.tolist() == [m.penalty for m in found]


def test_none_of_no_limits() -> None:
    found = Measures([], [])
    assert len(found) == 0 and list(found) == [] and found.columns()["group"].to_pylist() == []


@pytest.mark.parametrize("largest", [10, 1 << 20])
def test_places_of_numbers_few_or_many(largest: int) -> None:
    random = np.random.default_rng(3)
    among = np.unique(random.integers(0, largest, 7))
    wanted = np.concatenate([random.integers(-1, 2 * largest, 400), among])
    expected = [{int(a): n for n, a in enumerate(among)}.get(int(w), -1) for w in wanted]
    assert places(wanted, among).tolist() == expected
    assert places(wanted, np.empty(0, np.int64)).tolist() == [-1] * len(wanted)
