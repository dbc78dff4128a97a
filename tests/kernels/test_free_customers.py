"""Free customers where few items have a threshold: every backend leaves those free whom the reference does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tests.support.kernel_cases import (
    Case,
    assert_same,
    backend,
    backend_names,
    evaluated,
    make_case,
    reference,
)


def fixed_where_few_are_open(module: Any, case: Case) -> dict[str, Any]:
    """Everybody fixed but those whom few thresholds leave free, some of them below zero or beyond any loss."""
    random = np.random.default_rng(case.seed)
    shape = (10, 2, *case.price.shape[1:])
    threshold = np.round(random.normal(size=shape) * 0.3, 1)
    threshold[random.random(shape) < 0.01] = 3e38
    threshold[random.random(shape) < 0.96] = -1.0
    candidates, customers = int(case.shard.indptr[-1]), case.customers
    is_free, fine = np.full(customers, 7, np.uint8), np.zeros((1, *shape[2:]), np.int64)
    usage, chosen = evaluated(module, case)
    of_free = np.full(candidates, 7, np.uint8)
    module.fix_choices(
        case.shard, case.rules, case.price, 0, customers, np.packbits(chosen, bitorder="little"),
        threshold.astype(np.float32), random.integers(0, 256, (1, candidates)).astype(np.uint8),
        usage, fine, is_free, of_free,
    )  # fmt: skip
    of_everybody = np.repeat(is_free, np.diff(case.shard.indptr)) == 1
    assert np.array_equal(of_free, np.where(of_everybody, chosen, 7))
    return {"is free": is_free, "usage": usage, "fine": fine, "chosen": of_free}


@pytest.mark.parametrize("name", backend_names())
@pytest.mark.parametrize("rules", [0, 2])
@pytest.mark.parametrize("wide", [False, True])
@pytest.mark.parametrize("segments", [1, 3])
def test_backends_agree(name: str, rules: int, wide: bool, segments: int) -> None:
    case = make_case(
        17 + rules,
        customers=300,
        longest=70,
        items=5_000,
        rules=rules,
        wide=wide,
        segments=segments,
    )
    expected = fixed_where_few_are_open(reference(), case)
    free = expected["is free"].mean()
    assert 0.0 < free < 1.0
    with backend(name) as module:
        assert_same(fixed_where_few_are_open(module, case), expected)
