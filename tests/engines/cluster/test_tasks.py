"""Tasks: what workers send."""

from __future__ import annotations

import numpy as np
import pytest

from couponry.engines.cluster.runners.in_process import InProcessRunner
from couponry.engines.cluster.tasks import narrow


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ([], "int8"),
        ([127, -128], "int8"),
        ([128], "int16"),
        ([-32_769], "int32"),
        ([1 << 31], "int64"),
        ([-(1 << 63), (1 << 63) - 1], "int64"),
    ],
)
def test_numbers_are_sent_in_few_bytes(numbers: list[int], expected: str) -> None:
    sent = narrow(np.array(numbers, np.int64))
    assert sent.dtype == expected and sent.tolist() == numbers


class Bytes:
    """As many as a byte holds, from each task."""

    def __call__(self, shards: tuple[int, ...], threads: int) -> tuple[np.ndarray, ...]:
        return np.full(2, 127, np.int8), np.full(1, 1 << 40, np.int64)


def test_sums_are_wider_than_what_was_sent() -> None:
    found = InProcessRunner(tasks=3).sum(Bytes(), range(3))
    assert [table.tolist() for table in found] == [[381, 381], [3 << 40]]
    assert {table.dtype for table in found} == {np.dtype(np.int64)}
