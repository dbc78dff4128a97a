"""Kernels of scores: the same bits on every backend and instruction set; their logarithms and exponentials."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.support.kernel_calls import Call, pair_odds_call
from tests.support.kernel_cases import assert_same, backend, every_backend, reference
from tests.support.score_calls import begun_arguments, features_arguments, response_arguments

from couponry.kernels.reference.scores.logarithms import (
    take_exponentials,
    take_logarithms,
    take_logarithms_of_floats,
)

FEW: dict[str, Any] = {"half_lives": 1, "groupings": 0}
NONE: dict[str, Any] = {"half_lives": 0, "groupings": 1}


def calls_of(seed: int) -> list[Call]:
    random = np.random.default_rng([seed, 31])
    some = {"customers": int(random.integers(1, 6)), "items": int(random.choice([1, 9, 30]))}
    offers = int(random.choice([1, 8, 50]))
    return [
        Call("pair_features", features_arguments(random, **some)),
        Call("pair_features", features_arguments(random, **some, **FEW)),
        Call("pair_features", features_arguments(random, **some, **NONE)),
        Call("pair_features", features_arguments(random, customers=2, items=130, near=False)),
        Call("score_begun", begun_arguments(random, **some, offers=offers)),
        Call("score_begun", begun_arguments(random, **some, offers=offers, groupings=0)),
        Call("response_odds", response_arguments(random, customers=3, offers=offers)),
        pair_odds_call(random, **some),
        pair_odds_call(random, **some, **FEW),
        pair_odds_call(random, customers=2, items=130, near=False),
    ]


@every_backend
@pytest.mark.parametrize("seed", range(5))
def test_the_bits_of_the_reference(name: str, seed: int) -> None:
    for call in calls_of(seed):
        expected, found = call.copy(), call.copy()
        expected.run(reference())
        with backend(name) as module:
            found.run(module)
        for path, array in expected.arrays().items():
            assert_same(found.arrays()[path], array)


@pytest.mark.parametrize("seed", range(3))
def test_what_is_written_is_finite(seed: int) -> None:
    for call in calls_of(seed):
        call.run(reference())
        for path in ("out", "chosen.score", "p0"):
            assert np.isfinite(call.arrays().get(path, np.zeros(1))).all()


def test_logarithms_and_exponentials() -> None:
    random = np.random.default_rng(0)
    given = np.concatenate(
        [np.exp(random.normal(size=400) * 20), 1 + random.normal(size=400) * 1e-3, [1.0, 2.0, 0.5]]
    )
    found = given.copy()
    take_logarithms(found)
    np.testing.assert_allclose(found, np.log(given), rtol=4e-16, atol=1e-300)
    floats = given.astype(np.float32)
    few = floats.copy()
    take_logarithms_of_floats(few)
    exact = np.log(floats.astype(np.float64))
    np.testing.assert_allclose(few, exact, rtol=1.2e-7, atol=6e-8)
    assert few[-3] == 0.0
    given = np.concatenate([random.normal(size=400) * 90, random.normal(size=400), [0.0, -0.0]])
    found = given.copy()
    take_exponentials(found)
    np.testing.assert_allclose(found, np.exp(given), rtol=4e-16)
