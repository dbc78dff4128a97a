"""Changes of single decisions: what near ones move the rows by, multiplied, whatever threads there are."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from tests.support.change_cases import near_changes
from tests.support.kernel_cases import make_case

from couponry import kernels
from couponry.engines import changes, local
from couponry.engines.local import LocalEngine
from couponry.engines.protocol import Alternatives
from couponry.kernels import PARTS, LossWeights


def moved(case: Any, near: Any, found: Alternatives) -> np.ndarray:
    """What each near change moves each row by, one at a time."""
    shard, listed = case.shard, []
    customer = np.repeat(np.arange(case.customers), np.diff(shard.indptr))

    def weights(e: int, segment: int) -> np.ndarray:
        weight = np.zeros(len(case.rows.lower))
        cell = segment * near.width.shape[1] + int(shard.item[e])
        for j in range(near.ptr[cell], near.ptr[cell + 1]):
            amount = near.coefficient[j, 1:] @ shard.quantity[:, e]
            weight[near.row[j]] += near.coefficient[j, 0] + amount
        return weight

    for e, i in enumerate(customer):
        segment = int(shard.segment[i if len(shard.segment) > 1 else 0])
        k, other = int(shard.item[e]), int(found.partner[e])
        if found.loss[e] < near.width[segment, k]:
            factor = near.factor[segment, k] * (1.0 if other < 0 else near.swap)
            came = weights(e, segment) - (weights(other, segment) if other >= 0 else 0.0)
            listed.append(factor * came)
    return np.array(listed).reshape(-1, len(case.rows.lower))


@pytest.mark.parametrize("segments", [1, 3])
def test_products_are_those_of_single_changes(
    segments: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local, "SLOW_BLOCK_CANDIDATES", 50)
    case = make_case(4, customers=60, longest=9, attributes=2, segments=segments, items=12, rows=5)
    random = np.random.default_rng(5)
    near = near_changes(random, case.rows, 2, case.price.shape[1:])
    results = []
    for threads in 1, 2, 5:
        engine = LocalEngine(case.shard, case.rules, kernels.load(), threads, 0)
        found = engine.alternatives(case.price)
        results.append(engine.products_of_changes(found, near, 5))
    for other in results[1:]:
        assert all(a.tobytes() == b.tobytes() for a, b in zip(other, results[0], strict=True))
    indptr, column, product = results[0]
    dense = np.zeros((5, 5))
    dense[np.repeat(np.arange(5), np.diff(indptr)), column] = product
    one_by_one = moved(case, near, found)
    assert len(one_by_one) > 20 and np.allclose(dense, one_by_one.T @ one_by_one)


def test_an_answer_that_is_asked_for_briefly_is_written_over() -> None:
    case = make_case(6, customers=60, longest=9, attributes=1, segments=1, items=12, rows=5)
    engine = LocalEngine(case.shard, case.rules, kernels.load(), 2, 0)
    expected, brief = engine.alternatives(case.price), engine.alternatives(case.price, briefly=True)
    for mine, other in zip(brief, expected, strict=True):
        assert mine.tobytes() == other.tobytes() and not np.shares_memory(mine, other)
    again = engine.alternatives(case.price / 2, briefly=True)
    assert all(np.shares_memory(mine, other) for mine, other in zip(brief, again, strict=True))
    assert any(
        mine.tobytes() != other.tobytes() for mine, other in zip(again, expected, strict=True)
    )


def test_losses_are_counted_the_same_by_all_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(local, "SLOW_BLOCK_CANDIDATES", 50)
    case = make_case(4, customers=99, longest=9, attributes=2, segments=3, items=12, rows=5)
    equal = LossWeights(np.zeros((0, 1, 12)), np.zeros(0, np.int64), 1.0)
    counts = []
    for threads in 1, 2, 5:
        engine = LocalEngine(case.shard, case.rules, kernels.load(), threads, 0)
        found = engine.alternatives(case.price)
        counts.append(engine.count_losses(found, equal, 500, (2, 1, 12, 3)))
    assert counts[0].shape == (2, 1, 12, 3) and counts[0].sum() == PARTS * engine.candidates
    assert all((other == counts[0]).all() for other in counts[1:])


def test_more_losses_are_counted_than_32_bits_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case(5, customers=300, longest=9, attributes=1, segments=1, items=9, rows=2)
    equal = LossWeights(np.zeros((0, 1, 9)), np.zeros(0, np.int64), 1.0)
    found = LocalEngine(case.shard, case.rules, kernels.load(), 1, 0).alternatives(case.price)
    asked = found, equal, 500, (1, 1, 9, 5)
    whole = LocalEngine(case.shard, case.rules, kernels.load(), 2, 0).count_losses(*asked)
    monkeypatch.setattr(local, "SLOW_BLOCK_CANDIDATES", 20)
    monkeypatch.setattr(changes, "MOST_COUNTED", 100)  # tables are put aside several times
    again = LocalEngine(case.shard, case.rules, kernels.load(), 2, 0).count_losses(*asked)
    assert (again == whole).all() and whole.sum() > 10 * 100 * PARTS


def test_nobody_is_counted() -> None:
    shard = SimpleNamespace(
        indptr=np.zeros(1, np.int64), item=np.zeros(0, np.uint16), segment=np.zeros(1, np.uint16)
    )
    nothing = Alternatives(*(np.zeros(0, t) for t in (np.uint8, np.int64, np.float32)))
    equal = LossWeights(np.zeros((0, 2, 4)), np.zeros(0, np.int64), 1.0)
    count = changes.count_losses(
        kernels.load().kernels,
        shard,  # type: ignore[arg-type]
        np.zeros(1, np.int64),
        2,
        nothing,
        equal,
        500,
        (1, 2, 4, 3),
    )
    assert count.shape == (1, 2, 4, 3) and not count.any()


def test_nobody_changes_anything() -> None:
    shard = SimpleNamespace(indptr=np.zeros(1, np.int64), item=np.zeros(0, np.uint16))
    near = SimpleNamespace(ptr=np.zeros(4, np.int64))
    nothing = Alternatives(*(np.zeros(0, t) for t in (np.uint8, np.int64, np.float32)))
    found = changes.products_of_changes(
        kernels.load().kernels, shard, np.zeros(1, np.int64), 2, nothing, near, 3
    )  # type: ignore[arg-type]
    assert found[0].tolist() == [0, 0, 0, 0] and len(found[1]) == len(found[2]) == 0
