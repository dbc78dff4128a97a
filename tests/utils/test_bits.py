"""Words of 64 bits: shifts and counts against Python's own whole numbers."""

from __future__ import annotations

import numpy as np
import pytest

from couponry.utils.arrays import bits

RANDOM = np.random.default_rng(0)
WORDS = RANDOM.integers(0, 2**64, 500, np.uint64)
WORDS[:4] = 0, 1, 2**63, 2**64 - 1


def test_shifts_forget_what_leaves_a_word() -> None:
    by = RANDOM.integers(0, 70, len(WORDS))
    found = bits.shifted_up(WORDS, by)
    expected = [(w << b) % 2**64 for w, b in zip(WORDS.tolist(), by.tolist(), strict=True)]
    assert found.dtype == np.uint64 and found.tolist() == expected


@pytest.mark.parametrize("numpy", [1, 2])
def test_counts(numpy: int, monkeypatch: pytest.MonkeyPatch) -> None:
    if numpy == 1:
        monkeypatch.delattr(np, "bitwise_count", raising=False)
    for words in (WORDS, WORDS[::3], WORDS[:0]):
        found = bits.count_bits(words)
        assert found.dtype == np.int32
        assert found.tolist() == [word.bit_count() for word in words.tolist()]


def test_lowest_bits() -> None:
    assert bits.LOWEST.tolist() == [2**k - 1 for k in range(65)]
