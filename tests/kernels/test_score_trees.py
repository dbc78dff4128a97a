"""Sums of trees: every backend gives the reference's bits, which are those of walking down each tree."""

from __future__ import annotations

import numpy as np
import pytest
from tests.support.kernel_calls import Call, columns_call, trees_call
from tests.support.kernel_cases import assert_same, backend, backend_names, every_backend, reference

from couponry.kernels.affinity_contract import MOST_LEAVES, Trees


def call_of(seed: int, *, trees: int = 4, rows: int = 150) -> Call:
    return trees_call(np.random.default_rng(seed), trees=trees, features=4, rows=rows)


def walked_down(trees: Trees, t: int, row: np.ndarray) -> float:
    """The value at the end of a row's way down; a tree's nodes come before those to their left, then to their right."""
    node, first = int(trees.ptr[t]), 0
    leaves = int(trees.ptr[t + 1]) - node + 1
    while leaves > 1:
        to_the_left = (0xFFFFFFFF ^ int(trees.mask[node])).bit_count()
        if row[trees.feature[node]] > trees.threshold[node]:
            node, first, leaves = node + to_the_left, first + to_the_left, leaves - to_the_left
        else:
            node, leaves = node + 1, to_the_left
    return float(trees.value[t, first])


@pytest.mark.parametrize("name", ["reference", *backend_names()])
def test_rows_walk_down_to_a_leaf(name: str) -> None:
    call = call_of(0, rows=70)
    trees, columns, out = call.arguments["trees"], call.arguments["columns"], call.arrays()["out"]
    expected = out.copy()
    for t in range(len(trees.value)):
        expected += [walked_down(trees, t, row) for row in columns.T]
    with backend(name) as module:
        call.run(module)
    assert_same(out, expected)
    assert len(set(out)) > 50


@every_backend
@pytest.mark.parametrize("rows", [0, 1, 15, 63, 64, 65, 200])
def test_the_bits_of_the_reference(name: str, rows: int) -> None:
    call = call_of(rows, rows=rows)
    expected = call.copy()
    expected.run(reference())
    with backend(name) as module:
        call.run(module)
    assert_same(call.arrays()["out"], expected.arrays()["out"])


@every_backend
def test_the_last_leaf_where_none_is_left(name: str) -> None:
    call = call_of(1)
    mask = call.arrays()["trees.mask"]
    call = call.with_array("trees.mask", mask & 0x7FFFFFFF)
    nothing = call.with_array("trees.mask", np.zeros_like(mask))
    for spoilt in call, nothing:
        expected = spoilt.copy()
        expected.run(reference())
        with backend(name) as module:
            spoilt.run(module)
        assert_same(spoilt.arrays()["out"], expected.arrays()["out"])


@every_backend
def test_a_row_has_the_same_sum_whatever_rows_are_beside_it(name: str) -> None:
    call = call_of(2)
    columns, out = call.arguments["columns"], call.arrays()["out"]
    parts = []
    for start, stop in (0, 1), (1, 70), (70, 150):
        some = Call(call.kernel, call.copy().arguments)
        some.arguments["columns"] = np.ascontiguousarray(columns[:, start:stop])
        some.arguments["out"] = out[start:stop].copy()
        with backend(name) as module:
            some.run(module)
        parts.append(some.arrays()["out"])
    with backend(name) as module:
        call.run(module)
    assert_same(np.concatenate(parts), out)


@every_backend
def test_trees_of_one_leaf_and_no_trees(name: str) -> None:
    nothing = np.zeros(0)
    value = np.random.default_rng(0).normal(size=(2, MOST_LEAVES))
    for n in 0, 2:
        trees = Trees(
            np.zeros(n + 1, np.int64),
            nothing.astype(np.int32),
            nothing.astype(np.float32),
            nothing.astype(np.uint32),
            value[:n],
        )
        out = np.ones(70)
        with backend(name) as module:
            module.score_trees(trees, np.zeros((0, 70), np.float32), out)
        assert_same(out, np.full(70, 1.0 + value[0, 0] + value[1, 0] if n else 1.0))


@every_backend
@pytest.mark.parametrize("rows", [0, 1, 17, 1024, 1500])
def test_columns_are_added_one_after_the_other(name: str, rows: int) -> None:
    call = columns_call(np.random.default_rng(rows), features=5, rows=rows)
    columns, weight, out = (call.arrays()[path] for path in ("columns", "weight", "out"))
    expected = out.copy()
    for column, by in zip(columns, weight, strict=True):
        expected += column * by
    with backend(name) as module:
        call.run(module)
    assert_same(out, expected)
