"""How many purchases are to be expected of a longer history, and log odds that are shifted to them."""

from __future__ import annotations

import numpy as np
import pytest
from tests.affinity.test_scores import GROUPS, shop, split

from couponry.affinity import PersonalModel
from couponry.affinity.scores.guards import level as guards
from couponry.affinity.scores.guards.level import (
    GROWTH,
    LARGEST_SHIFT,
    TRUSTED_GROWTH,
    Level,
    expected_rate,
    moved,
    shift_to,
)
from couponry.affinity.scores.logistic import LogisticRegression, sigmoid
from couponry.affinity.scores.training_windows import bought_again


@pytest.mark.parametrize("role", list(GROWTH))
def test_past_windows_are_trusted_the_more_the_longer_a_history_has_grown(role: str) -> None:
    levels = [Level(2.0, 70), Level(2.0 * (100 / 70) ** GROWTH[role], 100)]
    far, near = 1000, 101
    assert expected_rate(levels, 100, 9.0, role) == 9.0
    by_law = 2.0 * (far / 70) ** GROWTH[role]
    assert expected_rate(levels, far, 9.0, role) == pytest.approx(by_law, rel=0.02)
    assert expected_rate(levels, near, 9.0, role) == pytest.approx(9.0, rel=0.03)
    half = round(100 * np.exp(TRUSTED_GROWTH))
    then = 2.0 * (half / 70) ** GROWTH[role]
    between = expected_rate(levels, half, 9.0, role)
    assert between == pytest.approx(np.sqrt(9.0 * then), rel=0.1)


def test_windows_of_shorter_histories_count_less() -> None:
    assert expected_rate([Level(9.0, 50), Level(1.0, 100)], 1000, 1.0, "reward") < 1.2 * 10**0.2
    alike = expected_rate([Level(3.0, 100), Level(1.0, 100)], 10**9, 1.0, "reward")
    assert alike == pytest.approx(2.0 * 10 ** (7 * 0.2), rel=0.05)


def test_nothing_bought_before_says_nothing() -> None:
    assert expected_rate([Level(0.0, 50)], 100, 0.7, "innovation") == 0.7


@pytest.mark.parametrize("times", [0.5, 0.9, 1.0, 1.1, 2.0])
def test_log_odds_are_shifted_to_a_sum(times: float) -> None:
    log_odds = np.random.default_rng(0).normal(-3.0, 1.5, 1000)
    expected = times * float(sigmoid(log_odds).sum())
    assert sigmoid(log_odds + shift_to(log_odds, expected)).sum() == pytest.approx(expected)


def test_shifts_are_bounded() -> None:
    log_odds = np.zeros(10)
    assert shift_to(log_odds, 1e9) == LARGEST_SHIFT and shift_to(log_odds, 1e-9) == -LARGEST_SHIFT


def test_a_moved_model_is_another_one() -> None:
    model = LogisticRegression()
    model.coef_, model.intercept_ = np.ones(1), 1.0
    assert moved(model, -0.5).intercept_ == 0.5 and model.intercept_ == 1.0


def test_a_model_of_short_histories_foretells_what_windows_let_expect(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = shop(3)
    windows = [split(rows, last) for last in (4, 8)]
    history, later = split(rows, 12)
    bought = int(bought_again(history, later).sum())

    def off() -> float:
        model = PersonalModel(GROUPS).fit(windows)
        return abs(float(np.log(model.score(history).sum() / bought)))

    shifted = off()
    monkeypatch.setattr(guards, "TRUSTED_GROWTH", 1e9)  # the model alone
    assert shifted < off()
