"""Response to coupons: what coefficients say, fitting that finds them, calibration, worth and variants."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from couponry import InvalidInput
from couponry.affinity import ResponseModel, calibration_shift, variants
from couponry.affinity.scores.logistic import sigmoid
from couponry.data.roles import ROLES

GIVEN = {
    "intercept": -1.0,
    "p0": 0.8,
    "role=reward": 0.9,
    "role=innovation": -0.7,
    "depth": 1.5,
    "category=tea": 2.0,
    "proneness": 0.6,
}


def pairs(seed: int, rows: int) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    return {
        "p0": random.beta(1.0, 6.0, rows).clip(1e-6, 1 - 1e-6),
        "role": random.choice(ROLES, rows),
        "category": random.choice(["tea", "jam"], rows),
        "depth": random.choice([0.1, 0.3, 0.5], rows),
        "proneness": random.normal(size=rows),
    }


def test_given_coefficients_are_added_up() -> None:
    columns = {
        "p0": [0.5, 0.2],
        "role": ["reward", None],
        "category": ["tea", "oats"],
        "depth": [0.5, 0.5],
        "proneness": [2.0, 0.0],
        "unheard of": [9.0, 9.0],
    }
    found = ResponseModel(GIVEN).log_odds(columns)
    first = -1.0 + 0.9 + 1.5 * 0.5 + 2.0 * 0.5 + 0.6 * 2.0
    second = -1.0 + 0.8 * np.log(0.2 / 0.8) + 1.5 * 0.5
    np.testing.assert_allclose(found, [first, second], rtol=1e-6)


def test_fitting_finds_the_coefficients() -> None:
    truth, campaigns = ResponseModel(GIVEN), []
    for seed in (1, 2):
        columns = pairs(seed, 40_000)
        redeemed = np.random.default_rng(seed + 9).random(40_000) < truth.score(columns)
        campaigns.append((columns, redeemed))
    fitted = ResponseModel().fit(campaigns)
    found = fitted.coefficients_
    assert found["p0"] == pytest.approx(0.8, abs=0.06)
    assert found["proneness"] == pytest.approx(0.6, abs=0.05)
    assert found["role=reward"] - found["role=activation"] == pytest.approx(0.9, abs=0.12)
    assert found["category=tea"] - found["category=jam"] == pytest.approx(2.0, abs=0.25)
    later = pairs(3, 40_000)
    assert fitted.score(later).mean() == pytest.approx(float(truth.score(later).mean()), rel=0.03)


def test_scores_are_shifted_to_the_rate_of_a_campaign() -> None:
    columns = pairs(4, 5000)
    model = ResponseModel(GIVEN)
    plain, shifted = model.score(columns), model.score(columns, rate=0.02)
    assert shifted.mean() == pytest.approx(0.02, rel=1e-4)
    assert (
        np.argsort(plain, kind="stable") == np.argsort(model.log_odds(columns), kind="stable")
    ).mean() > 0.9
    assert (np.diff(shifted[np.argsort(plain)]) >= 0).all()  # the order stays
    odds = np.array([-900.0, 3.0, 900.0])
    assert sigmoid(odds + calibration_shift(odds, 0.5)).mean() == pytest.approx(0.5)
    for rate in (0.0, 1.0, float("nan")):
        with pytest.raises(InvalidInput, match="rate: expected a share"):
            model.score(columns, rate=rate)


def test_variants_of_an_offer_are_one_family() -> None:
    offers = pa.table({"offer": ["tea", "jam"], "price": [2.0, 4.0], "brand": ["a", "b"]})
    found = variants(offers, [0.25, 0.5])
    assert found["offer"].to_pylist() == ["tea-0.25", "jam-0.25", "tea-0.5", "jam-0.5"]
    assert found["family"].to_pylist() == ["tea", "jam", "tea", "jam"]
    assert found["face_value"].to_pylist() == [0.5, 1.0, 1.0, 2.0]
    assert found["brand"].to_pylist() == ["a", "b", "a", "b"]
    for depths in ([], [0.1, 0.1], [1.5]):
        with pytest.raises(InvalidInput, match="depths: expected distinct shares"):
            variants(offers, depths)


BAD = [
    ({}, "expected 'p0'"),
    ({"p0": [0.5, 1.0]}, "column 'p0', row 1: expected a probability strictly between"),
    ({"p0": [0.5, float("nan")]}, "column 'p0', row 1"),
    ({"p0": [0.5, 0.5], "category": ["a", "b"]}, "expected 'depth' beside 'category'"),
    ({"p0": [0.5, 0.5], "proneness": [1.0]}, "column 'proneness': expected a number for each of 2"),
    (
        {"p0": [0.5, 0.5], "proneness": [1.0, np.inf]},
        "column 'proneness', row 1: expected a finite",
    ),
]


@pytest.mark.parametrize(("columns", "message"), BAD)
def test_bad_columns(columns: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidInput, match=message):
        ResponseModel(GIVEN).score(columns)


def test_bad_campaigns() -> None:
    columns = {"p0": [0.5, 0.4]}
    with pytest.raises(InvalidInput, match="redeemed: expected one for each of 2"):
        ResponseModel().fit([(columns, np.ones(3, bool))])
    with pytest.raises(InvalidInput, match="only one kind"):
        ResponseModel().fit([(columns, np.zeros(2, bool))])
    with pytest.raises(InvalidInput, match="at least one"):
        ResponseModel().fit([])
