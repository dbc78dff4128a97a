"""Purchases put into order and added up: the same bits by native kernels as by the reference, by whichever way."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
from tests.support.kernel_calls import Call, calls_of_purchases
from tests.support.kernel_cases import native, reference

from couponry.kernels import available

pytestmark = pytest.mark.skipif(available()["native"] != "yes", reason="needs the native kernels")

ADDED_UP = {"gather_purchases", "group_purchases", "group_states", "count_purchases"}


@pytest.mark.parametrize("seed", range(30))
def test_what_purchases_add_up_to(seed: int) -> None:
    for call in calls_of_purchases(np.random.default_rng(seed)):
        if call.kernel in ADDED_UP:
            assert run(call, native()) == run(call, reference()), call.kernel


def run(call: Call, kernels: Any) -> dict[str, bytes]:
    """What a call leaves in its arrays."""
    own = deepcopy(call)
    own.run(kernels)
    return {path: array.tobytes() for path, array in own.arrays().items()}
