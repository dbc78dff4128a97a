"""Digests of arrays, to which every byte counts, at the speed of memory; the same for all threads and backends.

An array is cut into blocks of 8 KiB. A block's hash is four numbers of 64 bits, by the kernel `hash_blocks`; the digest
is the SHA-256 of these hashes in their order, and of type and shape. Two arrays that differ have the same digest with a
probability of 2^-128 at most, unless somebody who knows the key is at pains to make them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..parallel import parallel_map
from .blocks import blocks
from .mapped_arrays import copy_to_memory

WORDS = 1024
"""Words of 64 bits in a block: block and key stay in the nearest cache."""

BLOCK_BYTES = 8 * WORDS

PART_BYTES = 512 * BLOCK_BYTES
"""Bytes that a thread takes at a time: some hundred microseconds of work."""

SCRATCH_BYTES = 32 * BLOCK_BYTES
"""Bytes that are copied at a time where they must be: they stay in a cache that is near."""

HashBlocks = Callable[[NDArray[np.uint64], NDArray[np.uint64], NDArray[np.uint64]], None]
"""The kernel; see `couponry.kernels.reference.memory.hash_blocks`."""


class ArrayDigest:
    """The digest of an array that comes part by part.

    Parameters
    ----------
    hash_blocks : callable
        The kernel of any backend.
    """

    def __init__(self, hash_blocks: HashBlocks):
        self._hash_blocks = hash_blocks
        self._sum = hashlib.sha256()
        self._waiting = np.zeros(0, np.uint8)  # less than a block

    def update(self, values: NDArray[Any]) -> None:
        """Take the next part of the array.

        Parameters
        ----------
        values : ndarray
            Contiguous.
        """
        raw = as_bytes(values)
        if len(self._waiting):
            missing = min(BLOCK_BYTES - len(self._waiting), len(raw))
            self._waiting = np.concatenate([self._waiting, raw[:missing]])
            raw = raw[missing:]
            if len(self._waiting) < BLOCK_BYTES:
                return
            self._sum.update(block_hashes(self._waiting, self._hash_blocks))
        whole = len(raw) // BLOCK_BYTES * BLOCK_BYTES
        if whole and raw.ctypes.data % 8:  # words are read from where they are aligned
            scratch = np.empty(min(whole, SCRATCH_BYTES), np.uint8)
            for part in blocks(whole, SCRATCH_BYTES):
                aligned = scratch[: part.stop - part.start]
                aligned[:] = raw[part]
                self._sum.update(block_hashes(aligned, self._hash_blocks))
        else:
            for part in blocks(whole, PART_BYTES):
                self._sum.update(block_hashes(raw[part], self._hash_blocks))
        self._waiting = raw[whole:].copy()

    def finish(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
        """Return the digest.

        Parameters
        ----------
        dtype : numpy.dtype
            Of the whole array.
        shape : tuple of int
            Of the whole array.

        Returns
        -------
        bytes
            32 of them.
        """
        return _finished(self._sum, block_hashes(self._waiting, self._hash_blocks), dtype, shape)


def digest_of_array(array: NDArray[Any], hash_blocks: HashBlocks, threads: int) -> bytes:
    """Compute the digest of an array.

    Parameters
    ----------
    array : ndarray
        In memory, or mapped: then it is read from its file, a part at a time.
    hash_blocks : callable
        The kernel of any backend.
    threads : int
        How many to work with.

    Returns
    -------
    bytes
        32 of them.
    """
    raw = as_bytes(array)

    def of_part(part: slice) -> bytes:
        return block_hashes(copy_to_memory(raw[part], once=False), hash_blocks)

    whole = hashlib.sha256()
    parts = blocks(len(raw), PART_BYTES)
    hashes = parallel_map(of_part, parts, threads) if len(raw) > PART_BYTES else map(of_part, parts)
    for found in hashes:
        whole.update(found)
    return _finished(whole, b"", array.dtype, array.shape)


def digest_of_arrays(
    arrays: Iterable[NDArray[Any]], hash_blocks: HashBlocks, threads: int
) -> bytes:
    """Compute one digest of several arrays, in this order.

    Parameters
    ----------
    arrays : iterable of ndarray
    hash_blocks : callable
        The kernel of any backend.
    threads : int
        How many to work with.

    Returns
    -------
    bytes
        32 of them.
    """
    digests = (digest_of_array(array, hash_blocks, threads) for array in arrays)
    return hashlib.sha256(b"".join(digests)).digest()


def block_hashes(raw: NDArray[np.uint8], hash_blocks: HashBlocks) -> bytes:
    """Hash the blocks of some bytes; the last one is filled up with zeros.

    Parameters
    ----------
    raw : ndarray of uint8
    hash_blocks : callable
        The kernel of any backend.

    Returns
    -------
    bytes
        32 of them for each block, little-endian.
    """
    short = -len(raw) % BLOCK_BYTES
    if short or raw.ctypes.data % 8:
        filled = np.zeros(len(raw) + short, np.uint8)
        filled[: len(raw)] = raw
        raw = filled
    hashes = np.empty((len(raw) // BLOCK_BYTES, 4), np.uint64)
    hash_blocks(raw.view(np.uint64), _key(), hashes)
    return hashes.astype("<u8", copy=False).tobytes()


def as_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Return the bytes of an array.

    Parameters
    ----------
    array : ndarray
        Copied where it is not contiguous.

    Returns
    -------
    ndarray of uint8, one-dimensional
    """
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


def _finished(whole: Any, last: bytes, dtype: np.dtype[Any], shape: tuple[int, ...]) -> bytes:
    """The digest of hashes, type and shape."""
    whole.update(last + repr((dtype.str, tuple(map(int, shape)))).encode())
    found: bytes = whole.digest()
    return found


@cache
def _key() -> NDArray[np.uint64]:
    """The key of the hashes: SHA-256 of the numbers from 0 up."""
    count = WORDS + 3
    text = b"".join(hashlib.sha256(b"couponry %d" % i).digest() for i in range(-(-count // 4)))
    key = np.frombuffer(text, "<u8").astype(np.uint64)[:count]
    key.flags.writeable = False
    return key
