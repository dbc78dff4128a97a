"""Digests of arrays: every bit counts, and nothing else does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from couponry.kernels import load
from couponry.utils.arrays.array_store import FolderStore, save
from couponry.utils.arrays.digests import (
    BLOCK_BYTES,
    PART_BYTES,
    ArrayDigest,
    digest_of_array,
    digest_of_arrays,
)

HASH = load().kernels.hash_blocks
LONG = 2 * PART_BYTES + 3 * BLOCK_BYTES + 5


def numbers(size: int, dtype: Any = np.uint8) -> NDArray[Any]:
    return np.random.default_rng(size).integers(0, 200, size).astype(dtype)


@pytest.mark.parametrize("size", [0, 1, 7, 8, BLOCK_BYTES, BLOCK_BYTES + 1, PART_BYTES, LONG])
def test_threads_parts_and_alignment_change_nothing(size: int, tmp_path: Path) -> None:
    array = numbers(size)
    expected = digest_of_array(array, HASH, 1)
    assert digest_of_array(array, HASH, 3) == expected
    shifted = np.empty(size + 3, np.uint8)
    shifted[3:] = array
    assert digest_of_array(shifted[3:], HASH, 2) == expected
    assert digest_of_array(save(FolderStore(tmp_path), "a", array), HASH, 2) == expected
    parts = ArrayDigest(HASH)
    for part in np.array_split(array, 11):
        parts.update(part)
    assert parts.finish(array.dtype, array.shape) == expected


def test_every_bit_counts() -> None:
    array = numbers(3 * BLOCK_BYTES + 11)
    seen = {digest_of_array(array, HASH, 1)}
    places = [*range(0, len(array), 97), *range(len(array) - 16, len(array))]
    for place in places:
        for bit in (0, 3, 7):
            array[place] ^= 1 << bit
            seen.add(digest_of_array(array, HASH, 1))
            array[place] ^= 1 << bit
    assert len(seen) == 1 + 3 * len(places)


def test_order_shape_and_type_count() -> None:
    array = numbers(4 * BLOCK_BYTES, np.uint16)
    swapped = array.copy()
    swapped[[3, 4097]] = array[[4097, 3]]
    blocks_swapped = array.reshape(8, -1)[[1, 0, *range(2, 8)]].ravel()
    others = [
        swapped, blocks_swapped, array[::-1], array.reshape(2, -1), array.view(np.int16),
        array[:-1], np.append(array, np.uint16(0)),
    ]  # fmt: skip
    assert len({digest_of_array(other, HASH, 1) for other in [array, *others]}) == 8
    pairs = [(array, swapped), (swapped, array), (array,), (array, swapped, array[:0])]
    assert len({digest_of_arrays(pair, HASH, 1) for pair in pairs}) == 4


def test_the_digest_is_the_same_for_ever() -> None:
    """Checkpoints and stores keep it."""
    array = np.arange(5000, dtype=np.uint32)
    assert (
        digest_of_array(array, HASH, 1).hex()
        == "144b6f3482d307ac2ca4522d9bc4b5ee2e900b887344a59a642b4817fd860fb2"
    )
