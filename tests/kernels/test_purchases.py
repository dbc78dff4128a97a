"""Purchases put into order and added up: the same bits by native kernels as by the reference, by whichever way."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from tests.support.kernel_calls import Call, calls_of_purchases
from tests.support.kernel_cases import native, reference

from couponry.kernels import available
from couponry.kernels.purchases_contract import (
    ZERO_PERIOD,
    GivenPurchases,
    PurchaseBounds,
    PurchaseColumns,
)

pytestmark = pytest.mark.skipif(available()["native"] != "yes", reason="needs the native kernels")

ADDED_UP = {"gather_purchases", "group_purchases", "group_states", "count_purchases"}


@pytest.mark.parametrize("seed", range(30))
def test_what_purchases_add_up_to(seed: int) -> None:
    for call in calls_of_purchases(np.random.default_rng(seed)):
        if call.kernel in ADDED_UP:
            assert run(call, native()) == run(call, reference()), call.kernel


BOUND = 1e3
EDGES: list[tuple[str, list[Any], type]] = [
    ("product", [-(2**63), -1, 0, 126, 127, 2**63 - 1], np.int64),
    (
        "period",
        [-(2**63), -ZERO_PERIOD, 1 - ZERO_PERIOD, 0, ZERO_PERIOD - 1, ZERO_PERIOD],
        np.int64,
    ),
    ("period", [2**63 - 1, -1, 1], np.int64),
    *(
        (
            name,
            [0.0, -0.0, 5e-324, -5e-324, sign * BOUND, sign * np.nextafter(BOUND, 2e3)],
            np.float64,
        )
        for name in ("quantity", "spend", "discount")
        for sign in (-1, 1)
    ),
    *((name, [np.nan, np.inf, -np.inf], np.float32) for name in ("quantity", "spend", "discount")),
]


@pytest.mark.parametrize(("name", "numbers", "kind"), EDGES)
@pytest.mark.parametrize("until", [-(2**63), -ZERO_PERIOD, -1, 0, ZERO_PERIOD - 1, 2**63 - 1])
def test_numbers_at_their_bounds(name: str, numbers: list[Any], kind: type, until: int) -> None:
    for number in numbers:
        plain = GivenPurchases(
            np.arange(9), np.arange(9), np.arange(9) - 4, np.ones(9), np.ones(9), np.zeros(9)
        )
        column = getattr(plain, name).astype(kind)
        column[[2, 7]] = number
        call = Call(
            "take_purchases",
            {
                "given": plain._replace(**{name: column}),
                "bounds": PurchaseBounds(127, until, BOUND, BOUND, BOUND),
                "columns": PurchaseColumns(*(np.zeros_like(a) for a in PurchaseColumns.new(9))),
                "seen": np.zeros(127, np.uint8),
                "found": np.zeros(9, np.int64),
            },
        )
        assert run(call, native()) == run(call, reference()), number


def run(call: Call, kernels: Any) -> dict[str, bytes]:
    """What a call leaves in its arrays."""
    own = deepcopy(call)
    own.run(kernels)
    return {path: array.tobytes() for path, array in own.arrays().items()}
