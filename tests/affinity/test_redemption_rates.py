"""What past campaigns say: rates that do not grow with the year, and a shift to how many redemptions came lately."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from couponry import InvalidInput
from couponry.affinity import ResponseModel, recent_shift, redemption_rates
from couponry.affinity.scores.logistic import sigmoid


def test_who_was_sent_nothing_is_taken_for_average() -> None:
    rates = redemption_rates([6, 0, 0, 0], [3, 3, 0, 0])
    assert rates.tolist() == [7 / 4, 1 / 4, 1.0, 1.0]
    assert redemption_rates([0, 0], [0, 0]).tolist() == [0.0, 0.0]
    assert redemption_rates([], []).shape == (0,)


def test_rates_do_not_grow_with_the_campaigns() -> None:
    """A year of campaigns at the same readiness says the same of customers on average, whatever its length."""
    random = np.random.default_rng(3)
    ready = random.gamma(0.5, 1.0, 20_000)
    means = [
        float(redemption_rates(random.poisson(ready * sent), np.full(20_000, sent)).mean())
        for sent in (1, 4, 16)
    ]
    assert means == pytest.approx([0.5] * 3, rel=0.05)


def test_the_shift_goes_to_what_came_with_more_of_it() -> None:
    few, many = (recent_shift([n], [n / 2], [0.0]) for n in (2.0, 2e6))
    assert np.log(0.5) < few < 0.0
    assert many == pytest.approx(np.log(0.5), rel=1e-4)
    assert recent_shift([], [], []) == 0.0


def test_what_is_long_ago_hardly_counts() -> None:
    expected, redeemed = [1e4, 1e4], [5000, 20_000]
    assert recent_shift(expected, redeemed, [0, 1800]) == pytest.approx(np.log(0.5), abs=0.02)
    assert recent_shift(expected, redeemed, [1800, 0]) == pytest.approx(np.log(2.0), abs=0.02)
    assert recent_shift(expected, redeemed, [90, 90]) == recent_shift(
        expected[::-1], redeemed[::-1], [90, 90]
    )


def test_scores_are_shifted() -> None:
    model, columns = ResponseModel({"intercept": -1.0, "p0": 1.0}), {"p0": [0.5, 0.1]}
    shifted = model.score(columns, shift=0.7)
    np.testing.assert_array_equal(
        shifted, sigmoid(model.log_odds(columns) + 0.7).astype(np.float32)
    )
    with pytest.raises(InvalidInput, match="rate and shift: expected one of them"):
        model.score(columns, rate=0.1, shift=0.7)
    with pytest.raises(InvalidInput, match="shift: expected a finite number"):
        model.score(columns, shift=float("nan"))


BAD: list[tuple[dict[str, Any], str]] = [
    ({"redeemed": [1, -1]}, "redeemed, place 1: expected a number from 0, got -1"),
    (
        {"redeemed": [[1, 1]]},
        r"redeemed: expected an array of shape \(2,\), got one of shape \(1, 2\)",
    ),
    ({"redeemed": ["a", "b"]}, "redeemed: expected numbers, got"),
    ({"expected": [1.0]}, r"redeemed: expected an array of shape \(1,\)"),
    ({"days_ago": [1.0, np.nan]}, "days_ago, place 1"),
    ({"half_life": 0.0}, "half_life: expected a number above 0, got 0"),
    ({"prior": None}, "prior: expected a number above 0, got None"),
]


@pytest.mark.parametrize(("wrong", "message"), BAD)
def test_bad_numbers(wrong: dict[str, Any], message: str) -> None:
    given: dict[str, Any] = {"expected": [1, 1], "redeemed": [1, 1], "days_ago": [3, 3]}
    with pytest.raises(InvalidInput, match=message):
        recent_shift(**{**given, **wrong})
