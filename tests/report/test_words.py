"""Numbers and sentences of reports: a certificate is never said to be better than it is."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from couponry.report.numbers import aligned, amount, percent_at_most, signed
from couponry.report.verdict import gap_in_words


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "\u2013"), (float("nan"), "\u2013"), (0.0, "0"), (-1234.0, "\u22121,234"), (0.123456, "0.1235"),
        (1234.567, "1,234.57"), (99.999, "100"), (1e-9, "< 0.0001"), (-1e-9, "> \u22120.0001"), (1e15 + 1, "1e+15"),
        (9e14, "900,000,000,000,000"),
    ],
)  # fmt: skip
def test_amount(value: float | None, text: str) -> None:
    assert amount(value) == text


def test_signs() -> None:
    assert [signed(value) for value in (1.5, -2.0, 0.0, None)] == [
        "+1.5",
        "\u22122",
        "\u2013",
        "\u2013",
    ]


def test_aligned() -> None:
    assert aligned([12.0, -3.14159]) == ["12.00", "\u22123.14"]
    assert aligned([123456.7]) == ["123,457"] and aligned([]) == []


@given(st.floats(1e-12, 1e6))
def test_a_percentage_is_not_below_its_share(share: float) -> None:
    said = float(percent_at_most(share).replace(",", "").removesuffix("\u00a0%"))
    assert 100 * share * (1 - 1e-9) <= said <= max(1e-4, 100 * share * 1.1 + 1e-12)


@pytest.mark.parametrize(
    ("objective", "bound", "says"),
    [
        (100.0, 100.003, "than 0.003 % more"),
        (100.0, 100.0031001, "than 0.0032 % more"),
        (100.0, 100.000005, "than 0.0001 % more"),
        (100.0, 100.0, "worth more"),
        (100.0, 99.9999999999, "worth more"),
        (0.0, 2.5, "than 2.5 more"),
        (-10.0, -9.0, "than 1 more"),
        (1.0, 1201.0, "than 120,000 % more"),
        (100.0, None, "was not found out"),
    ],
)
def test_the_gap_in_words(objective: float, bound: float | None, says: str) -> None:
    result: Any = SimpleNamespace(objective=objective, bound=bound)
    assert gap_in_words(result).replace("\u00a0", " ").endswith(says)
