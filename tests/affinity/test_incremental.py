"""What a coupon brings: three events with a probability each, what two of them allow, and what old calls did."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from couponry import InvalidInput, Targeting
from couponry.affinity import incremental_bounds, incremental_value

MONEY = {"margin": 2.0, "discount": 0.5}


def test_what_would_have_been_bought_anyway_is_worth_nothing() -> None:
    with_, without = np.array([0.5, 0.5, 0.5]), np.array([0.5, 0.0, 0.3])
    value = incremental_value(
        buys_with=with_, buys_without=without, redeems=np.array([0.5, 0.5, 0.1]), **MONEY
    )
    np.testing.assert_allclose(value, [-0.25, 0.75, 0.35])


def test_shoppers_with_a_coupon_and_without_one() -> None:
    """Drawn customer by customer, the value is what all of them together bring more."""
    random, n = np.random.default_rng(0), 200_000
    anyway = random.random(n) < 0.3
    persuaded = ~anyway & (random.random(n) < 0.1)  # buy because of the coupon, and redeem it
    redeemed = persuaded | (anyway & (random.random(n) < 0.4))
    earned = 2.0 * (anyway | persuaded).sum() - 0.5 * redeemed.sum() - 2.0 * anyway.sum()
    rates = {"buys_without": anyway.mean(), "redeems": redeemed.mean()}
    value = incremental_value(buys_with=(anyway | persuaded).mean(), **rates, **MONEY)
    assert value * n == pytest.approx(earned)
    least, most = incremental_bounds(**rates, **MONEY)
    assert least < value < most


def test_bounds_hold_for_whatever_the_two_allow_and_are_reached() -> None:
    random = np.random.default_rng(1)
    without, redeems = random.random((2, 500))
    margin, discount = random.uniform(0, 3, (2, 500))
    least, most = incremental_bounds(
        buys_without=without, redeems=redeems, margin=margin, discount=discount
    )
    lowest, highest = np.maximum(without, redeems), np.minimum(without + redeems, 1.0)
    for share in (0.0, 0.3, 1.0):
        value = incremental_value(
            buys_with=lowest + share * (highest - lowest),
            buys_without=without, redeems=redeems, margin=margin, discount=discount,
        )  # fmt: skip
        assert (value >= least - 1e-12).all() and (value <= most + 1e-12).all()
        reached = {0.0: least, 1.0: most}.get(share)
        assert reached is None or np.allclose(value, reached)


def test_old_calls_warn_that_one_number_stood_for_two_events() -> None:
    for call in (
        lambda: incremental_value(0.1, 0.3, 2.0, 0.5),
        lambda: incremental_value(0.1, 0.3, margin=2.0, discount=0.5),
        lambda: incremental_value(p0=0.1, p1=0.3, margin=2.0, discount=0.5),
    ):
        with pytest.warns(DeprecationWarning, match="two events; name buys_with, buys_without"):
            assert call() == pytest.approx(0.25)
    with (
        pytest.warns(DeprecationWarning),
        pytest.raises(InvalidInput, match="expected p0, p1, margin, discount"),
    ):
        incremental_value(0.1, margin=2.0, discount=0.5)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"buys_without": 0.1, "redeems": 0.2}, "got no buys_with; what two .* incremental_bounds"),
        ({"buys_with": 0.2, "buys_without": 0.1}, "got no redeems"),
        ({"buys_with": 0.2, "buys_without": 0.1, "redeems": 0.3}, "redeems: expected at most buys_with"),
        ({"buys_with": 1.2, "buys_without": 0.1, "redeems": 0.3}, "buys_with: expected probabilities"),
        ({"buys_with": 0.2, "buys_without": np.array([np.nan]), "redeems": 0.1}, "buys_without: expected"),
    ],
)  # fmt: skip
def test_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        incremental_value(**given, **MONEY)


@pytest.mark.parametrize("share", [0, 1, 1.5, -0.1, "yes"])
def test_shares_that_are_none(share: Any) -> None:
    with pytest.raises(InvalidInput, match="incremental: expected true, false or a share"):
        Targeting(response={"p0": 1.0}, incremental=share).check()
